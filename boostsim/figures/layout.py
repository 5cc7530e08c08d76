"""A drawing made to fit the size that is asked for, and text that lies on other text found."""

from __future__ import annotations

import itertools
import textwrap
import warnings
from collections.abc import Iterator

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.text import Text
from matplotlib.transforms import Bbox

# Of the sizes of text, lines and markers, in a small figure: 9 points become 6.75.
SMALLEST = 0.75
# Inches of an axes' sides, below which nothing can be read off it.
NARROWEST = 0.6
# Of laying out: what is broken leaves more or less room to others.
ROUNDS = 3
# Points by which boxes of text may overlap: they have margins.
MARGIN = 1.0


def fit(figure: Figure, native: tuple[float, float]) -> None:
    """Make text, lines and markers smaller, and break titles and labels that are too long.

    Args:
        figure: drawn as for its native size, with the size that it is to have.
        native: width and height in inches that its text is made for.
    """
    by = min(got / made for got, made in zip(figure.get_size_inches(), native, strict=True))
    if by < 1.0:
        _shrunk(figure, max(np.sqrt(by), SMALLEST))
    for _ in range(ROUNDS):
        _lay_out(figure)
        if not any([_broken(ax) for ax in figure.axes]):
            break


def _lay_out(figure: Figure) -> None:
    with warnings.catch_warnings():
        # Where nothing fits it says so; what is wrong is found below, and said in a sentence.
        warnings.filterwarnings("ignore", "constrained_layout not applied")
        figure.draw_without_rendering()


def _shrunk(figure: Figure, by: float) -> None:
    ticks = set()
    for ax in figure.axes:
        for axis in (ax.xaxis, ax.yaxis):
            # Asking for labels makes those that are not there yet.
            if labels := axis.get_ticklabels():
                axis.set_tick_params(which="both", labelsize=by * _points(labels[0]))
            own = {id(text) for text in axis.findobj(Text)}
            ticks |= own - {id(axis.label), id(axis.offsetText)}
    for text in figure.findobj(Text):
        if isinstance(text, Text) and id(text) not in ticks:
            text.set_fontsize(by * _points(text))
    for line in figure.findobj(Line2D):
        if isinstance(line, Line2D):
            line.set_markersize(by * line.get_markersize())
            line.set_linewidth(by * line.get_linewidth())


def _points(text: Text) -> float:
    # A word for a size is a number once it is set.
    return float(text.get_fontsize())


def _broken(ax: Axes) -> bool:
    """Break the title and labels that are longer than their side; whether there were any."""
    box = ax.get_window_extent()
    told = [(title, box.width) for title in _titles(ax)]
    told += [(ax.xaxis.label, box.width), (ax.yaxis.label, box.height)]
    found = False
    for text, room in told:
        words, shape = text.get_text(), text.get_window_extent()
        length = shape.height if text is ax.yaxis.label else shape.width
        if not words or length <= room or room <= 0.0:
            continue
        letters = max(map(len, words.split("\n")))
        broken = textwrap.fill(words, max(8, int(0.97 * letters * room / length)))
        text.set_text(broken)
        found = found or broken != words
    return found


def _titles(ax: Axes) -> list[Text]:
    told = {ax.get_title(place) for place in ("left", "center", "right")} - {""}
    texts = [child for child in ax.get_children() if isinstance(child, Text)]
    return [text for text in texts if text.get_text() in told and text not in ax.texts]


def faults(figure: Figure) -> list[str]:
    """Return what of a drawing cannot be read, a sentence each: nothing, where all can.

    Text that lies on other text or reaches over the edge, axes without room, and legends that are
    wider than their axes. Text that is turned by less than a quarter is passed over.
    """
    _lay_out(figure)
    found = []
    for ax in figure.axes:
        box = ax.get_window_extent()
        width, height = box.width / figure.dpi, box.height / figure.dpi
        if (legend := ax.get_legend()) and _sticks_out(legend.get_window_extent(), box, figure):
            found.append("a legend is wider than its axes")
        if ax.get_label() != "<colorbar>" and min(width, height) < NARROWEST:
            found.append(f"axes of {width:.1f} x {height:.1f} inches are left")
    margin = MARGIN * figure.dpi / 72.0
    told = list(_told(figure))
    page = figure.bbox.padded(margin)
    for words, box in told:
        if not (page.contains(*box.min) and page.contains(*box.max)):
            found.append(f"{words!r} reaches over the edge")
    for (one, first), (other, second) in itertools.combinations(told, 2):
        across = min(first.x1, second.x1) - max(first.x0, second.x0)
        down = min(first.y1, second.y1) - max(first.y0, second.y0)
        if min(across, down) > margin:
            found.append(f"{one!r} lies on {other!r}")
    return found


def _sticks_out(legend: Bbox, box: Bbox, figure: Figure) -> bool:
    """Whether a legend within its axes is wider than these; one beside them may be."""
    margin = MARGIN * figure.dpi / 72.0
    within = legend.x0 < box.x1 - margin and legend.x1 > box.x0 + margin
    return within and (legend.x0 < box.x0 - margin or legend.x1 > box.x1 + margin)


def _told(figure: Figure) -> Iterator[tuple[str, Bbox]]:
    """Yield every text with its box; a legend counts as one."""
    for legend in figure.legends:
        yield "the legend", legend.get_window_extent()
    for text in figure.texts:
        if text.get_text():
            yield _brief(text), text.get_window_extent()
    for ax in figure.axes:
        if not ax.get_visible():
            continue
        if own := ax.get_legend():
            yield "a legend", own.get_window_extent()
        texts = [*ax.texts, *_titles(ax), ax.xaxis.label, ax.yaxis.label]
        for axis in (ax.xaxis, ax.yaxis):
            texts += _tick_labels(axis)
        for text in texts:
            if text.get_visible() and text.get_text() and text.get_rotation() % 90.0 == 0.0:
                yield _brief(text), text.get_window_extent()


def _tick_labels(axis: Axis) -> list[Text]:
    low, high = sorted(axis.get_view_interval())
    ticks = [*axis.get_major_ticks(), *axis.get_minor_ticks()]
    slack = 1e-9 * (high - low)
    return [
        label
        for tick in ticks
        if low - slack <= tick.get_loc() <= high + slack
        for label in (tick.label1, tick.label2)
    ]


def _brief(text: Text) -> str:
    words = " ".join(text.get_text().split())
    return words if len(words) <= 30 else f"{words[:27]}..."
