"""Simulated releases of a chosen size, and whole commands of the platform on them."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

ONE_FIT = ("text.further_vectors=[]", "text.min_training_words=0", "text.subwords=false")
"""Settings on top of conf/default.yaml for benchmarks that a second set of word vectors, vectors of subwords,
and more passes over small releases would only prolong."""
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


def stage_command(
    stage: str, root: Path, sets: Sequence[str], config: Path | None = None, anew: bool = True
) -> list[str]:
    """The command line that does a stage on the warehouse at `root`; `anew`: even if nothing has changed."""
    configuration = ["--config", str(config)] if config else []
    force = ["--force"] if anew else []
    settings = (part for setting in [f"warehouse.root={root}", *sets] for part in ("--set", setting))
    return [sys.executable, "-m", "patent_spark.cli", stage, *configuration, *force, *settings]
