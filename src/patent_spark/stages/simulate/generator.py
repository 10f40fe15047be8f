"""A whole release: patents in grant order, part by part, then the citations they were found to receive."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from patent_spark.config import Simulate, digest
from patent_spark.core.progress import Progress
from patent_spark.core.schemas import LEVELS
from patent_spark.core.store import write_json
from patent_spark.stages.simulate import bayes_rates
from patent_spark.stages.simulate.calibration import CLASSES
from patent_spark.stages.simulate.citations import Citations, Spill
from patent_spark.stages.simulate.claims import claims
from patent_spark.stages.simulate.file_formats import CLAIMS, LAYOUTS, Layout
from patent_spark.stages.simulate.forward_counts import Forward
from patent_spark.stages.simulate.hashing import uniforms
from patent_spark.stages.simulate.lexicon import SIDES, Lexicon
from patent_spark.stages.simulate.population import DESIGN, Patents, Population
from patent_spark.stages.simulate.related_documents import Relatives
from patent_spark.stages.simulate.release_statistics import Measures
from patent_spark.stages.simulate.tables import Tables
from patent_spark.stages.simulate.texts import Texts
from patent_spark.stages.simulate.tsv import Columns, TsvZip, YearlyZips

CHUNK = 8192
"""Patents made at a time; the release does not depend on it."""
_ROWS_AT_ONCE = 250_000
_DESIGNS_WITH_EMPTY_ROW = 0.5
TRUTH = pa.schema(
    [
        ("patent_id", pa.string()),
        ("cpc_class", pa.string()),
        ("text_class", pa.string()),
        ("level_signal", pa.string()),
        ("five_year_citations", pa.int32()),
        ("family_parent", pa.string()),
    ]
)
"""One row per patent: its class (null without any), the class and the level its text speaks of, its citations within
five years under the default label rule, and the patent it continues (null for most)."""


class Maker:
    """Makes one release in a folder."""

    def __init__(self, folder: Path, settings: Simulate, chunk: int = CHUNK) -> None:
        self._folder, self._settings, self._chunk = folder, settings, chunk
        self._population = Population(settings.seed, settings.patents, settings.classes)
        self._end = self._population.calendar.until(settings.data_to_date)
        self._forward = Forward(self._population)
        self._lexicon = Lexicon(self._population, settings.order_share, settings.drift)
        self._citations = Citations(self._population, self._forward, settings.citation_scale, self._end)
        self._tables = Tables(self._population)
        self._relatives = Relatives(self._population, self._tables, settings.relatives)
        self._texts = Texts(self._lexicon, settings.seed, settings.abstract_words)
        self._levels = bayes_rates.Levels(self._population, settings.data_to_date)
        self._measures = Measures(self._population)
        self._codes = pa.array([CLASSES[k].code for k in self._population.classes])

    def make(self) -> dict[str, Any]:
        """Write all files; returns what release.json says."""
        with ExitStack() as stack:
            executor = stack.enter_context(ThreadPoolExecutor(1))

            def open_zip(layout: Layout) -> TsvZip:
                return TsvZip(
                    self._folder, layout, self._settings.seed, self._settings.broken_fraction, executor
                )

            files = {
                name: stack.enter_context(closing(open_zip(layout)))
                for name, layout in LAYOUTS[self._settings.columns].items()
            }
            yearly = {}
            if self._settings.claims:
                layout = CLAIMS[self._settings.columns]
                yearly["claims"] = stack.enter_context(
                    closing(YearlyZips(lambda year: open_zip(layout.of_year(year))))
                )
            spill = stack.enter_context(
                closing(Spill(self._folder / ".spill", self._population, self._citations.flows))
            )
            self._write_patents({**files, **yearly}, spill)
            self._write_citations(files["citation"], spill)
            if "cpc_title" in files:
                files["cpc_title"].write(self._tables.cpc_titles())
        shutil.rmtree(self._folder / ".spill")
        about = self._about(
            [*files.values(), *(file for zips in yearly.values() for file in zips.files.values())]
        )
        write_json(self._folder / "release.json", about)
        return about

    def _write_patents(self, files: Mapping[str, TsvZip | YearlyZips], spill: Spill) -> None:
        with (
            pq.ParquetWriter(self._folder / "truth.parquet", TRUTH) as rows,
            Progress("simulate patents", self._end, "patents") as bar,
        ):
            for start in range(0, self._end, self._chunk):
                patents = self._population.patents(np.arange(start, min(start + self._chunk, self._end)))
                pairs, counts = self._citations.of(patents)
                spill.add(pairs)
                text_class, signal = self._signals(patents)
                ids = self._tables.ids(patents.index)
                for name, columns in self._patent_tables(patents, ids, text_class, signal):
                    if name in files:
                        files[name].write(columns)
                rows.write_table(self._truth(patents, ids, text_class, signal, counts))
                labelled = patents.has_cpc & ~patents.withdrawn
                columns = np.stack([patents.year, patents.cpc, text_class, signal, counts], axis=1)
                self._levels.add(patents.week[labelled], columns[labelled])
                self._measures.add_patents(patents.year, counts)
                bar.update(len(ids))
        for pairs in self._citations.to_old():
            spill.add(pairs)

    def _write_citations(self, file: TsvZip, spill: Spill) -> None:
        with Progress("simulate citations", spill.rows, "citations") as bar:
            for keys in spill.sorted():
                self._measures.add_citations(keys)
                for part in _whole_patents(keys):
                    file.write(self._tables.citations(part))
                    bar.update(len(part))

    def _signals(self, patents: Patents) -> tuple[np.ndarray, np.ndarray]:
        """The class and the level that each text speaks of: the patent's own, or by chance another's."""
        seed, origin, settings = self._settings.seed, patents.origin, self._settings
        other = self._population.draw_class(uniforms(seed, "other class", origin))
        text_class = np.where(
            uniforms(seed, "class noise", origin) < settings.technology_noise, other, patents.cpc
        )
        noisy = uniforms(seed, "level noise", origin) < settings.level_noise
        rank = np.where(noisy, uniforms(seed, "other rank", origin), patents.rank)
        return text_class, self._forward.levels(rank, self._year_of(origin), patents.cpc)

    def _year_of(self, index: np.ndarray) -> np.ndarray:
        """Grant years, from 0 = 1976."""
        year: np.ndarray = self._population.calendar.year[self._population.calendar.week(index)]
        return year

    def _patent_tables(
        self, patents: Patents, ids: pa.Array, text_class: np.ndarray, signal: np.ndarray
    ) -> Iterator[tuple[str, Columns]]:
        spoken = self._lexicon.level_rows(self._year_of(patents.origin), signal)
        titles = self._texts.titles(patents.index, patents.origin, text_class, spoken)
        abstracts = self._texts.abstracts(patents.origin, text_class, spoken, patents.kind != DESIGN)
        columns = self._tables.patents(patents, ids, titles)
        yield "patent", columns | {"abstract": abstracts}
        empty = uniforms(self._settings.seed, "empty abstract", patents.index) < _DESIGNS_WITH_EMPTY_ROW
        kept = pa.array((patents.kind != DESIGN) | empty)
        yield "abstract", {"id": ids.filter(kept), "abstract": abstracts.filter(kept)}
        yield "cpc", self._tables.cpc(patents, ids)
        yield "application", self._tables.applications(patents, ids)
        yield "related", self._relatives.rows(patents, ids)
        if self._settings.claims:
            yield (
                "claims",
                claims(self._texts, patents, ids, columns["claims"].to_numpy(), text_class, spoken),
            )

    def _truth(
        self, patents: Patents, ids: pa.Array, text_class: np.ndarray, signal: np.ndarray, counts: np.ndarray
    ) -> pa.Table:
        alone = patents.origin == patents.index
        arrays = [
            ids,
            self._codes.take(pa.array(patents.cpc, mask=~patents.has_cpc)),
            self._codes.take(pa.array(text_class)),
            pa.array(LEVELS).take(pa.array(signal)),
            pa.array(counts.astype(np.int32)),
            pc.if_else(pa.array(alone), None, self._tables.ids(patents.origin)),
        ]
        return pa.Table.from_arrays(arrays, schema=TRUTH)

    def _about(self, files: Sequence[TsvZip]) -> dict[str, Any]:
        settings = {
            name: str(value) if name == "data_to_date" else value
            for name, value in dataclasses.asdict(self._settings).items()
        }
        for late in ("drift", "relatives"):
            if not settings[late]:
                del settings[
                    late
                ]  # the id of a release without stays what it was before there was such a setting
        return {
            "release_id": f"sim-{self._settings.patents}-s{self._settings.seed}-{digest(settings)[:8]}",
            "data_to_date": str(self._settings.data_to_date),
            "source": "simulated",
            "bayes_rates": {
                "technology": bayes_rates.technology(
                    self._population, self._lexicon, self._settings.technology_noise
                ),
                "citation_level": self._levels.attainable(),
            },
            "settings": settings,
            "rows": {f"{file.name}.tsv.zip": file.rows for file in files},
            "broken": {f"{file.name}.tsv.zip": dict(file.broken) for file in files},
            "planted": self._planted(),
            "synonyms": self._lexicon.synonyms,
            "measured": {**self._measures.totals(), "by_grant_year": self._measures.by_year()},
        }

    def _planted(self) -> dict[str, Any]:
        lexicon = self._lexicon
        codes = self._codes.to_pylist()
        keywords = [lexicon.keywords(int(group)) for group in lexicon.group]
        return {
            "pairs_told_apart_by_order": [[codes[one], codes[two]] for one, two in lexicon.pairs],
            "markers": [list(pair) for pair in zip(*SIDES, strict=True)],
            "keywords": dict(zip(codes, keywords, strict=True)),
            "level_words": dict(zip(LEVELS, lexicon.level_words, strict=True)),
        }


def _whole_patents(keys: np.ndarray) -> Iterator[np.ndarray]:
    """Sorted citations in parts of bounded size that hold whole citing patents."""
    start = 0
    while start < len(keys):
        stop = min(start + _ROWS_AT_ONCE, len(keys))
        if stop < len(keys):
            citing = keys[stop] >> np.uint64(32)
            stop = int(np.searchsorted(keys, citing << np.uint64(32)))
            if stop <= start:
                stop = int(np.searchsorted(keys, (citing + np.uint64(1)) << np.uint64(32)))
        yield keys[start:stop]
        start = stop
