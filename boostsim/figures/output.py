"""From a table to a picture, and to files: the drawing as PNG, SVG and PDF, the numbers as CSV."""

from __future__ import annotations

import io
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from boostsim.arguments import finite, refuse
from boostsim.figures import Look
from boostsim.figures.layout import faults, fit
from boostsim.figures.parameters import accepted
from boostsim.figures.style import caption, styled
from boostsim.files import write_whole

# No dates and no versions inside, so that a rerun changes nothing.
QUIET: dict[str, dict[str, None]] = {
    "png": {"Software": None},
    "svg": {"Date": None, "Creator": None},
    "pdf": {"CreationDate": None, "Creator": None, "Producer": None},
}
# Inches: what a picture's sides may be, and by how much it grows while a larger one is looked for.
SHORTEST, LONGEST, GROWTH = 1.0, 40.0, 1.15


class Picture(Figure):
    """A figure that is saved in the look of all figures: the same bytes each time, text as text."""

    def savefig(self, fname: Any, **options: Any) -> None:
        """Save as matplotlib does, in the look that it was drawn in, with no date inside."""
        kind = options.get("format") or Path(str(getattr(fname, "name", fname))).suffix[1:]
        options.setdefault("metadata", QUIET.get(kind))
        with styled():
            super().savefig(fname, **options)


def sides(size: Any) -> tuple[float, float] | None:
    """Return width and height in inches, or None where none is asked for.

    Raises:
        ValueError: for what is not two numbers in [1, 40].
    """
    if size is None:
        return None
    allowed = f"width and height in inches, each in [{SHORTEST:g}, {LONGEST:g}]"
    try:
        width, height = size
    except (TypeError, ValueError):
        raise refuse("size", allowed, size) from None
    return finite("size", width, SHORTEST, LONGEST), finite("size", height, SHORTEST, LONGEST)


def drawn(
    module: ModuleType,
    table: pd.DataFrame,
    look: Look = Look(),  # noqa: B008
    **parameters: Any,
) -> Picture:
    """Return the figure of a table, without touching pyplot's global state.

    Args:
        module: of the figure.
        table: of its ``data``.
        look: its size, title and caption.
        parameters: that the table was made with, where they are not the defaults.

    Raises:
        ValueError: where the text of the figure does not fit the size that is asked for.
    """
    size = sides(look.size)
    picture = _drawn_at(module, table, size, look, parameters)
    if size is None or not (wrong := faults(picture)):
        return picture

    width, height = size

    def times(steps: int) -> tuple[float, float]:
        # As it is told: to a tenth of an inch.
        more = 10.0 * GROWTH**steps
        return math.ceil(more * width) / 10.0, math.ceil(more * height) / 10.0

    def fits(steps: int) -> bool:
        return not faults(_drawn_at(module, table, times(steps), look, parameters))

    # By twice as many steps until it is large enough, and then halfway between.
    small, most = 0, int(math.log(LONGEST / max(size), GROWTH))
    large = min(1, most)
    while small < large and not fits(large):
        small, large = large, min(2 * large, most)
    while large - small > 1:
        middle = (small + large) // 2
        small, large = (small, middle) if fits(middle) else (middle, large)
    ways = ["{:g} x {:g}".format(*times(large))] if small < large else []
    bare = replace(look, title=False, caption=False)
    if bare != look and not faults(_drawn_at(module, table, size, bare, parameters)):
        ways.append("neither title nor caption" if ways else "Neither title nor caption")
    remedy = f"{', or '.join(ways)}{',' * (len(ways) > 1)} would do"
    raise ValueError(
        f"size must be larger for {module.__name__.rpartition('.')[2]}; got {width:g} x {height:g} "
        f"inches, where {wrong[0]}. "
        + (remedy if ways else f"None of this shape, up to {LONGEST:g} inches, would do")
    )


def _drawn_at(
    module: ModuleType,
    table: pd.DataFrame,
    size: tuple[float, float] | None,
    look: Look,
    parameters: Mapping[str, Any],
) -> Picture:
    with styled():
        picture = Picture(figsize=size or module.SIZE, layout="constrained")
        FigureCanvasAgg(picture)
        told = module.draw(table, picture, **accepted(module.draw, parameters))
        if size is not None:
            fit(picture, module.SIZE)
        title = module.TITLE if look.title is True else look.title or ""
        caption(picture, title, told if look.caption else "")
    return picture


def write(
    module: ModuleType,
    table: pd.DataFrame,
    folder: Path,
    name: str,
    look: Look = Look(),  # noqa: B008
    kinds: tuple[str, ...] = ("png", "svg"),
) -> list[Path]:
    """Write ``name``.png, .svg and .csv into the folder; the same table gives the same bytes."""
    return save(drawn(module, table, look), table, folder, name, kinds)


def save(
    picture: Picture, table: pd.DataFrame, folder: Path, name: str, kinds: tuple[str, ...]
) -> list[Path]:
    """Write a picture in each kind, and its table as CSV."""
    content = {}
    for kind in kinds:
        made = io.BytesIO()
        picture.savefig(made, format=kind)
        content[kind] = made.getvalue()
    text = table.to_csv(index=False, float_format="%.9g", lineterminator="\n")
    content["csv"] = text.encode()
    return [write_whole(folder / f"{name}.{kind}", made) for kind, made in content.items()]
