"""Prints what extras of setup.py need of a lock file: `lock_subset.py requirements.lock spark serve`.

The lock file says of each package what requires it, so no index is asked, and hashes are kept.
"""

from __future__ import annotations

import re
import runpy
import sys
import types
from collections.abc import Iterable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TO_BUILD = ("setuptools", "wheel")
"""What building the wheel of patent_spark itself takes."""


def main() -> None:
    """Print the entries, in the order of the lock file."""
    lock, *extras = sys.argv[1:]
    entries = read_lock(Path(lock))
    for name in needed(entries, {*required_by(extras), *TO_BUILD}):
        print(entries[name], end="")


def read_lock(path: Path) -> dict[str, str]:
    """The lines of each package, by name."""
    entries = re.split(r"^(?=[A-Za-z0-9])", path.read_text(), flags=re.MULTILINE)
    return {_normal(entry): entry for entry in entries if "==" in entry}


def needed(entries: dict[str, str], names: set[str]) -> list[str]:
    """These packages and what they require, each as often as it takes."""
    if missing := names - entries.keys():
        sys.exit(f"lock_subset: not in the lock file: {', '.join(sorted(missing))}; run `make lock`")
    requirers = {
        name: {_normal(line) for line in re.findall(r"^ +#(?: via)? +(?!via|-)(\S+)$", entry, re.MULTILINE)}
        for name, entry in entries.items()
    }
    found: set[str] = set()
    while found != names:
        found = set(names)
        names = found | {name for name, by in requirers.items() if by & found}
    return [name for name in entries if name in found]


def required_by(extras: Iterable[str]) -> set[str]:
    """Names of what the package and its extras require, as setup.py says."""
    said: dict[str, Any] = {}
    stand_in = types.ModuleType("setuptools")
    vars(stand_in).update(setup=said.update, find_packages=lambda folder: [])
    sys.modules["setuptools"] = stand_in
    runpy.run_path(str(ROOT / "setup.py"))
    if unknown := [extra for extra in extras if extra not in said["extras_require"]]:
        sys.exit(f"lock_subset: setup.py has no extra {', '.join(unknown)}")
    wanted = [
        *said["install_requires"],
        *(name for extra in extras for name in said["extras_require"][extra]),
    ]
    return {_normal(text) for text in wanted}


def _normal(text: str) -> str:
    """The normalized name that a requirement begins with."""
    name = re.match(r"[A-Za-z0-9._-]*[A-Za-z0-9]", text)
    return re.sub(r"[-_.]+", "-", name[0] if name else text).lower()


if __name__ == "__main__":
    main()
