"""From a table to files: PNG and SVG of the drawing, CSV of the numbers."""

from __future__ import annotations

import io
from pathlib import Path
from types import ModuleType

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from boostsim.figures.style import styled
from boostsim.files import write_whole


def drawn(module: ModuleType, table: pd.DataFrame) -> Figure:
    """Return the figure of a table, without touching pyplot's global state."""
    with styled():
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        module.draw(table, figure)
    return figure


def write(module: ModuleType, table: pd.DataFrame, folder: Path, name: str) -> list[Path]:
    """Write ``name``.png, .svg and .csv into the folder; the same table gives the same bytes."""
    figure = drawn(module, table)
    # No dates and no versions inside, so that a rerun changes nothing.
    quiet = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}
    content = {}
    with styled():
        for kind, metadata in quiet.items():
            picture = io.BytesIO()
            figure.savefig(picture, format=kind, metadata=metadata)
            content[kind] = picture.getvalue()
    text = table.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    content["csv"] = text.encode()
    return [write_whole(folder / f"{name}.{kind}", made) for kind, made in content.items()]
