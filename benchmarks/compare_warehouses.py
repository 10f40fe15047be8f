"""`make compare-warehouses OLD=... NEW=...`: show whether two warehouses hold the same results, to the bit.

Run it after a change of the code that must not change any result: once the old code and once the new code
has made a warehouse from the same release with the same settings. It reads the Parquet and JSON files of
each stage's current version and imports nothing of the package, so either warehouse can be of any version
of the code.

LABELS, SPLITS, VECTORS and PREDICTIONS are compared row by row by their keys, in the columns that both
have. EXAMPLES are compared file by file in the order of their rows. METRICS are compared number by number.
A float equals another if its bits are the same; NaN equals NaN. Exit code 1: something differs in what both
have, or nothing could be compared.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset
import pyarrow.parquet as pq
from numpy.typing import NDArray

KEYED_TABLES = {
    "LABELS": ("label", ["patent_id"]),
    "SPLITS": ("split", ["patent_id", "task"]),
    "VECTORS": ("text", ["word"]),
    "PREDICTIONS": ("evaluate", ["patent_id", "task", "split"]),
}
"""Stage and key columns of each table that is compared by its keys."""
EXAMPLES_STAGE, METRICS_STAGE = "shard", "evaluate"
_SHOWN = 20
"""At most so many paths of METRICS are listed of each kind."""


@dataclass
class Comparison:
    """The outcome for one table or one file."""

    name: str
    size: str
    """What was compared: rows and columns, files, or numbers."""
    differences: list[str] = field(default_factory=list)
    only_in_one: list[str] = field(default_factory=list)
    """Columns or numbers that only one warehouse has; they are no difference."""

    def lines(self) -> Iterator[str]:
        """The outcome as lines of text."""
        yield f"{self.name}: {'DIFFERENT' if self.differences else 'equal'} ({self.size})"
        for kind in (self.differences, self.only_in_one):
            yield from (f"    {line}" for line in kind[:_SHOWN])
            if len(kind) > _SHOWN:
                yield f"    ... and {len(kind) - _SHOWN:,} more"


def main(arguments: list[str] | None = None) -> int:
    """Print a line for each table and each task's METRICS; return the exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("old", type=Path, metavar="OLD_ROOT", help="warehouse.root of the reference")
    parser.add_argument("new", type=Path, metavar="NEW_ROOT", help="warehouse.root of what is checked")
    options = parser.parse_args(arguments)
    comparisons: list[Comparison] = []
    for name, (stage, compare) in _comparers().items():
        roots = (options.old, options.new)
        directories = {root: current_output(root, stage, name) for root in roots}
        old, new = (directories[root] for root in roots)
        if old is None or new is None:
            missing = " and in ".join(str(root) for root in roots if directories[root] is None)
            print(f"{name}: not compared, missing in {missing}")
            continue
        for comparison in compare(old, new):
            print("\n".join(comparison.lines()))
            comparisons.append(comparison)
    different = [comparison.name for comparison in comparisons if comparison.differences]
    if not comparisons:
        print("nothing was compared")
    else:
        print(f"{len(comparisons)} compared, different: {', '.join(different) or 'none'}")
    return int(bool(different) or not comparisons)


def _comparers() -> dict[str, tuple[str, Callable[[Path, Path], Iterator[Comparison]]]]:
    def keyed(name: str, keys: list[str]) -> Callable[[Path, Path], Iterator[Comparison]]:
        return lambda old, new: iter([compare_tables(name, read(old), read(new), keys)])

    comparers = {name: (stage, keyed(name, keys)) for name, (stage, keys) in KEYED_TABLES.items()}
    comparers["EXAMPLES"] = (EXAMPLES_STAGE, compare_examples)
    comparers["METRICS"] = (METRICS_STAGE, compare_metrics)
    return comparers


def current_output(root: Path, stage: str, name: str) -> Path | None:
    """The directory of an output in the stage's current version; None if there is none."""
    pointer = root / stage / "CURRENT"
    if not pointer.exists():
        return None
    directory = root / stage / pointer.read_text().strip() / name
    return directory if directory.exists() else None


def read(directory: Path) -> pa.Table:
    """All Parquet files of a directory, subfolders included, as one table."""
    return pyarrow.dataset.dataset(directory, format="parquet").to_table()


def compare_tables(name: str, old: pa.Table, new: pa.Table, keys: list[str]) -> Comparison:
    """Compare two tables row by row; rows belong together if their keys are equal."""
    columns = [column for column in old.column_names if column in new.column_names]
    result = Comparison(name, f"{new.num_rows:,} rows, {len(columns)} columns in common")
    result.only_in_one += _only_in_one("column", old.column_names, new.column_names)
    names = [_key_texts(table, keys) for table in (old, new)]
    shared = [pc.is_in(mine, value_set=others) for mine, others in (names, names[::-1])]
    for place, mask in zip(("OLD", "NEW"), shared, strict=True):
        if alone := len(mask) - (pc.sum(mask).as_py() or 0):
            result.differences.append(f"{alone:,} rows only in {place}")
    order = [(key, "ascending") for key in keys]
    old, new = (
        table.select(columns).filter(mask).sort_by(order)
        for table, mask in zip((old, new), shared, strict=True)
    )
    if old.num_rows != new.num_rows:
        result.differences.append(f"keys ({', '.join(keys)}) are not unique")
        return result
    result.differences += _different_columns(old, new)
    return result


def compare_examples(old: Path, new: Path) -> Iterator[Comparison]:
    """Compare the shard files of each split of each task, row by row in the order in which they are
    stored.
    """
    files = [sorted(str(path.relative_to(root)) for path in root.rglob("*.parquet")) for root in (old, new)]
    for folder in sorted({str(Path(file).parent) for file in files[0] + files[1]}):
        of_split = [[file for file in side if str(Path(file).parent) == folder] for side in files]
        shared = [file for file in of_split[0] if file in of_split[1]]
        result = Comparison(f"EXAMPLES {folder}", f"{len(shared):,} files")
        for place, mine, others in (("OLD", *of_split), ("NEW", *of_split[::-1])):
            result.differences += [f"{file} only in {place}" for file in mine if file not in others]
        columns: set[str] = set()
        for file in shared:
            tables = [pq.read_table(root / file) for root in (old, new)]
            columns |= set(_only_in_one("column", *(table.column_names for table in tables)))
            if tables[0].num_rows != tables[1].num_rows:
                result.differences.append(f"{file}: {tables[0].num_rows:,} and {tables[1].num_rows:,} rows")
                continue
            result.differences += [f"{file}: {line}" for line in _different_columns(*tables)]
        result.only_in_one += sorted(columns)
        yield result


def compare_metrics(old: Path, new: Path) -> Iterator[Comparison]:
    """Compare the numbers of each task's METRICS by their path in the JSON file."""
    files = [{path.name for path in root.glob("*.json")} for root in (old, new)]
    for file in sorted(files[0] & files[1]):
        before, now = (dict(numbers(json.loads((root / file).read_text()))) for root in (old, new))
        shared = [path for path in before if path in now]
        result = Comparison(f"METRICS {Path(file).stem}", f"{len(shared):,} numbers in common")
        result.differences += [
            f"{path}: {before[path]!r}, now {now[path]!r}"
            for path in shared
            if not same_number(before[path], now[path])
        ]
        result.only_in_one += _only_in_one("number", before, now)
        yield result
    for file in sorted(files[0] ^ files[1]):
        yield Comparison(f"METRICS {Path(file).stem}", "0 numbers", [f"{file} is missing in one warehouse"])


def numbers(value: object, path: str = "") -> Iterator[tuple[str, float]]:
    """Each number of a JSON value with its path, such as `by_year.2013.top1.pr_auc`."""
    if isinstance(value, dict):
        for key, part in value.items():
            yield from numbers(part, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for key, part in zip(_keys(value), value, strict=True):
            yield from numbers(part, f"{path}.{key}" if path else key)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield path, value


def _keys(values: list[object]) -> list[str]:
    """What the elements of a list are known by: their code or name where each has its own, else their place.

    A record keeps its code when another one is put before it.
    """
    names = [str(each.get("code") or each.get("name")) if isinstance(each, dict) else "" for each in values]
    distinct = len(set(names)) == len(values) and not {"", "None"} & set(names)
    return names if distinct else [str(place) for place in range(len(values))]


def same_number(one: float, other: float) -> bool:
    """Whether two numbers are equal; NaN equals NaN, and 0.0 differs from -0.0."""
    return np.float64(one).tobytes() == np.float64(other).tobytes() or (one != one and other != other)


def rows_that_differ(one: pa.Array, other: pa.Array) -> NDArray[np.bool_]:
    """A mask of the rows in which two columns of equal length differ, floats and elements of lists by
    bits.
    """
    differ: NDArray[np.bool_] = np.asarray(one.is_null()) != np.asarray(other.is_null())
    if pa.types.is_list(one.type) or pa.types.is_large_list(one.type):
        lengths = [np.asarray(pc.fill_null(pc.list_value_length(side), 0)) for side in (one, other)]
        differ |= lengths[0] != lengths[1]
        alike = pa.array(~differ)
        values = [side.filter(alike).flatten() for side in (one, other)]
        owner = np.repeat(np.flatnonzero(~differ), lengths[0][~differ])
        differ[owner[rows_that_differ(*values)]] = True
        return differ
    if pa.types.is_floating(one.type):
        sides = [
            np.ascontiguousarray(pc.fill_null(side, 0).to_numpy(zero_copy_only=False))
            for side in (one, other)
        ]
        bits = [side.view(f"u{side.itemsize}") for side in sides]
        differ |= (bits[0] != bits[1]) & ~(np.isnan(sides[0]) & np.isnan(sides[1]))
        return differ
    differ |= np.asarray(pc.fill_null(pc.not_equal(one, other), False))
    return differ


def _different_columns(old: pa.Table, new: pa.Table) -> list[str]:
    """A line for each column in common that differs, with the first row in which it does."""
    lines = []
    for name in [name for name in old.column_names if name in new.column_names]:
        one, other = (_whole(table[name]) for table in (old, new))
        if _plain(one.type) != _plain(other.type):
            lines.append(f"{name}: type {one.type}, now {other.type}")
            continue
        if (differ := rows_that_differ(one, other)).any():
            first = int(differ.argmax())
            values = f"{_short(one[first].as_py())}, now {_short(other[first].as_py())}"
            lines.append(f"{name}: {differ.sum():,} rows differ, the first {_row_name(old, first)}: {values}")
    return lines


def _whole(column: pa.ChunkedArray) -> pa.Array:
    array = column.combine_chunks()
    return pa.concat_arrays(array.chunks) if isinstance(array, pa.ChunkedArray) else array


def _plain(kind: pa.DataType) -> str:
    """A type without the name of list elements and whether they may be null: engines write these
    differently.
    """
    is_list = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    return f"list<{_plain(kind.value_type)}>" if is_list else str(kind)


def _key_texts(table: pa.Table, keys: list[str]) -> pa.Array:
    return _whole(pc.binary_join_element_wise(*(pc.cast(table[key], pa.string()) for key in keys), "\t"))


def _row_name(table: pa.Table, row: int) -> str:
    return f"{table.column_names[0]} {table[0][row].as_py()}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _only_in_one(kind: str, old: Iterable[str], new: Iterable[str]) -> list[str]:
    names = [dict.fromkeys(each) for each in (old, new)]
    return [
        f"{kind} {name} only in {place}"
        for place, mine, others in (("OLD", *names), ("NEW", *names[::-1]))
        for name in mine
        if name not in others
    ]


if __name__ == "__main__":
    sys.exit(main())
