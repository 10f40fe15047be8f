"""Simulated releases of a chosen size, and whole commands of the platform on them."""

from __future__ import annotations

import sys
from pathlib import Path

_PATENTS, _CITATIONS_EACH = 1_200_000, 15.83  # what the simulator makes of citation_scale = 1


def release_settings(millions: float) -> list[str]:
    """Settings of a simulated release with about so many million citations, and short texts, which the
    label job does not read.
    """
    patents = max(1000, min(9_400_000, int(_PATENTS * millions / 20)))
    scale = millions * 1e6 / patents / _CITATIONS_EACH
    return [
        "source.kind=simulate",
        f"simulate.patents={patents}",
        f"simulate.citation_scale={scale:.4f}",
        "simulate.abstract_words=20",
    ]


def stage_command(stage: str, root: Path, sets: list[str]) -> list[str]:
    """The command line that does a stage anew on the warehouse at `root`."""
    settings = [f"warehouse.root={root}", *sets]
    return [
        sys.executable,
        "-m",
        "patent_spark.cli",
        stage,
        "--force",
        *(part for setting in settings for part in ("--set", setting)),
    ]
