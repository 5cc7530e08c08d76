"""Pictures that a command writes beside its answer."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING

from boostsim.arguments import refuse
from boostsim.figures.style import defaults
from boostsim.files import try_to_write, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable

    from matplotlib.figure import Figure

ENDINGS = (".png", ".svg", ".pdf")


def check_picture(path: Path | None) -> None:
    """Refuse, before anything is computed, what no picture could be written to.

    Raises:
        ValueError: for another ending, and a file that cannot be written.
    """
    if path is None:
        return
    if path.suffix not in ENDINGS:
        raise refuse("plot", f"a file that ends in {', '.join(ENDINGS)}", str(path))
    try_to_write(path, "plot")


def write_picture(plot: Callable[[], Figure], path: Path | None) -> None:
    """Draw a picture in the house's style and write it, where one is wanted."""
    if path is None:
        return
    picture = io.BytesIO()
    with defaults():
        plot().savefig(picture, format=path.suffix[1:])
    write_whole(path, picture.getvalue(), "plot")
