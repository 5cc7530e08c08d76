"""Progress for whatever takes over two seconds, on the error stream, and silence otherwise."""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
from collections.abc import Iterable, Iterator
from typing import TypeVar

__all__ = ["announced", "track"]

PATIENCE_SECONDS = 2.0
# The bars that are open: one inside another leaves it to that one.
_open: list[str] = []
Item = TypeVar("Item")


def _in_a_notebook() -> bool:
    """Whether a notebook can draw a bar; without ipywidgets it would print a complaint instead."""
    return "ipykernel" in sys.modules and importlib.util.find_spec("ipywidgets") is not None


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield the items; once two seconds have passed, draw a progress bar where a person looks on.

    Example:
        >>> list(track(range(3), "counting", total=3))
        [0, 1, 2]
    """
    # Two bars cannot be drawn at once: threads of a run leave it to the main one.
    alone = threading.current_thread() is threading.main_thread()
    # One item has no progress, and is often one of many inside another bar.
    watched = sys.stderr.isatty() or _in_a_notebook()
    if total <= 1 or not alone or _open or not watched:
        yield from items
        return
    from rich.console import Console
    from rich.progress import Progress

    bar = Progress(console=Console(stderr=True), transient=True)
    task = bar.add_task(description, total=total)
    # The first item may be a long time coming: the bar does not wait for it.
    patience = threading.Timer(PATIENCE_SECONDS, bar.start)
    patience.daemon = True
    patience.start()
    _open.append(description)
    try:
        for done, item in enumerate(items):
            bar.update(task, completed=done)
            yield item
    finally:
        patience.cancel()
        patience.join()
        bar.stop()
        _open.clear()


@contextlib.contextmanager
def announced(description: str, quiet: bool = False) -> Iterator[None]:
    """Show a spinner with the description while the block runs, where a person looks on."""
    if quiet or not sys.stderr.isatty():
        yield
        return
    from rich.console import Console

    with Console(stderr=True).status(description):
        yield
