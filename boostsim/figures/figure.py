"""One figure for a paper: at its size, with or without title and caption, of other parameters."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.mathtext import MathTextParser

from boostsim.arguments import flag, refuse
from boostsim.figures import NEURAL, Look, figure_module, scale_named
from boostsim.figures.output import LONGEST, drawn, sides
from boostsim.figures.parameters import checked
from boostsim.progress import announced

# Characters of a title.
MOST = 300
# Inches of a side, below which the text of no figure fits, whatever its parameters.
LEAST = 1.1
# What runs in these tells itself how far it is: networks, the rules of a tournament, a sweep.
TELL = (*NEURAL, "leaderboard", "plane")


def figure(
    name: str,
    size: tuple[float, float] | None = None,
    *,
    title: bool | str = True,
    caption: bool = True,
    scale: str = "quick",
    **parameters: Any,
) -> Figure:
    """Simulate a figure and draw it for a paper.

    It is saved with ``savefig``: the same bytes each time, and in SVG and PDF text stays text.

    Args:
        name: of the figure, as ``boostsim reproduce --help`` lists them.
        size: width and height in inches; the size that it was made for where none is said. Text
            shrinks to three quarters at most.
        title: whether its finding stands above it, or other words that do. A finding is one about
            the parameters that are the defaults, at the quick scale or a larger one: where one is
            changed, and at the smoke scale, only your own words do.
        caption: whether its conditions stand below it.
        scale: smoke, quick or full: how much is simulated. Those that train networks take long.
        parameters: of what is simulated, where it is to be other than the default: see
            ``boostsim.figures.parameters_of``.

    Returns:
        A figure of matplotlib's, which pyplot does not know.

    Raises:
        ValueError: for an unknown figure, scale or parameter, for a value out of its range, and
            for a size in which text would lie on text; it says which would do.

    Example:
        >>> picture = figure("convergence", (5.5, 2.2), title=False, caption=False, scale="smoke",
        ...                  beta=(0.2, 0.5), attempts=2)
        >>> len(picture.axes)
        1
    """
    module, much = figure_module(name), scale_named(scale)
    changed = checked(module, parameters)
    look = Look(_size(size), _title(title), flag("caption", caption))
    if look.title is True and (changed or not much.finds):
        look = replace(look, title=False)
    with _shown(name):
        return drawn(module, module.data(much, **changed), look, **changed)


def _shown(name: str) -> AbstractContextManager[None]:
    """Show that a figure is being made, where what runs in it does not tell more."""
    return nullcontext() if name in TELL else announced(f"figure {name}")


def _size(got: Any) -> tuple[float, float] | None:
    """Return width and height, refused before anything is simulated where nothing would fit."""
    size = sides(got)
    if size is not None and min(size) < LEAST:
        allowed = f"width and height in inches, each in [{LEAST:g}, {LONGEST:g}]"
        raise refuse("size", allowed, got, "In less the text of no figure fits.")
    return size


def _title(got: bool | str) -> bool | str:
    """Return whether there is a title, or the words of one that can be drawn."""
    allowed = f"True, False or up to {MOST} characters that can be drawn"
    if isinstance(got, (bool, np.bool_)):
        return bool(got)
    if not isinstance(got, str):
        raise refuse("title", allowed, got)
    if len(got) > MOST or not got.replace("\n", "").isprintable():
        raise refuse("title", allowed, got)
    try:
        MathTextParser("path").parse(got)
    except ValueError:
        raise refuse("title", allowed, got, "See what stands between dollars.") from None
    font = get_font(findfont(FontProperties()))
    lacking = {each for each in got if not each.isspace() and not font.get_char_index(ord(each))}
    if lacking:
        hint = f"The font has no {', '.join(sorted(lacking))}."
        raise refuse("title", allowed, got, hint)
    return got
