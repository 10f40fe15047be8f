"""What all charts have in common: colours that read in grey, plain axes, PNG files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

from matplotlib.figure import Figure

INK, GREY = "#1f2933", "#8794a0"

RAMP = ("#ffffff", "#c3e6f0", "#92cbdf", "#67aecd", "#4591b6", "#30749b", "#27577a", "#243c57", "#1e242f")
"""Lightness falls in equal steps of CIELAB's L*, from 100 to 14; hue turns from cyan to blue."""


def plain(axes: Any) -> None:
    """Two spines, light lines across, small numbers."""
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="#e4e7eb", linewidth=0.8)
    axes.set_axisbelow(True)
    axes.tick_params(labelsize=8.5)


def save(figure: Figure, path: Path) -> None:
    """Write the figure as PNG on white."""
    figure.savefig(path, dpi=130, facecolor="white")
