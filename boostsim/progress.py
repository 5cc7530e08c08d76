"""Progress for whatever takes over two seconds, on the error stream, and silence otherwise.

A person at a terminal or in a notebook sees a bar; a log gets a plain line after 2, 4, 8, ...
seconds. One thing is shown at a time: what runs inside it, or on another thread, leaves it to that.
"""

from __future__ import annotations

import contextlib
import importlib.util
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, TextIO, TypeVar

PATIENCE_SECONDS = 2.0
# What is shown: something inside it leaves it to that.
_open: list[str] = []
# The bar that a terminal shows now.
_bars: list[_Bar] = []
Item = TypeVar("Item")


def tell(line: str) -> None:
    """Print a line on the error stream; where there is none, or it takes no more, say nothing.

    Example:
        >>> tell("seen by a person, not by a program")
    """
    if _bars:
        # Above the bar, which is drawn again below it.
        _bars[-1].tell(line)
        return
    stream = _error_stream()
    if stream is not None:
        with contextlib.suppress(OSError, ValueError):
            print(line, file=stream, flush=True)


def silenced() -> None:
    """Show nothing from now on in this process: another one shows what it does."""
    _open.append("elsewhere")


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """Yield the items; once two seconds have passed, show how many of them are done.

    Example:
        >>> list(track(range(3), "counting", total=3))
        [0, 1, 2]
    """
    # One item has no progress, and is often one of many inside another bar.
    if total <= 1:
        yield from items
        return
    with _shown(description, total) as update:
        for done, item in enumerate(items):
            update(done, "")
            yield item


@contextlib.contextmanager
def counted(description: str, total: int) -> Iterator[Callable[[int, str], None]]:
    """Show how many are done of what takes uneven times, once two seconds have passed.

    The block is given what is to be told how many are done, and what else there is to say.

    Example:
        >>> with counted("figures", total=2) as update:
        ...     update(1, "about a minute left")
    """
    with _shown(description, total if total > 1 else None, even=False) as update:
        yield update


@contextlib.contextmanager
def announced(description: str) -> Iterator[None]:
    """Show the description while the block runs, once two seconds have passed."""
    with _shown(description, None):
        yield


@contextlib.contextmanager
def _shown(
    description: str, total: int | None, *, even: bool = True
) -> Iterator[Callable[[int, str], None]]:
    """Show progress while the block runs; the block is given what is to be told how far it is."""
    stream = _error_stream()
    if stream is None or _open or threading.current_thread() is not threading.main_thread():
        yield lambda done, more: None
        return
    kernel = _in_a_notebook()
    # Without ipywidgets a notebook would print a complaint instead of a bar.
    if kernel and importlib.util.find_spec("ipywidgets") is None:
        yield lambda done, more: None
        return
    _open.append(description)
    shown = (_Bar if kernel or stream.isatty() else _Lines)(description, total, even)
    try:
        yield shown.update
    finally:
        shown.stop()
        _open.remove(description)


def _in_a_notebook() -> bool:
    """Return whether this process is a notebook's kernel, not one that merely talks to kernels."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _error_stream() -> TextIO | None:
    """Return the error stream, unless there is none: under pythonw, or closed."""
    stream = sys.stderr
    return None if stream is None or getattr(stream, "closed", False) else stream


class _Bar:
    """A bar that appears when patience ends: the first item may be a long time coming."""

    def __init__(self, description: str, total: int | None, even: bool) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

        columns = Progress.get_default_columns()
        if not even and total is not None:
            # What time is left cannot be told from how many are left.
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.description = description
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task: Any = self.bar.add_task(description, total=total)
        _bars.append(self)
        self.patience = threading.Timer(PATIENCE_SECONDS, self.bar.start)
        self.patience.daemon = True
        self.patience.start()

    def update(self, done: int, more: str) -> None:
        told = ", ".join(part for part in (self.description, more) if part)
        self.bar.update(self.task, completed=done, description=told)

    def tell(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        self.patience.cancel()
        self.patience.join()
        self.bar.stop()
        _bars.remove(self)


class _Lines:
    """Plain lines, twice as far apart each time."""

    def __init__(self, description: str, total: int | None, even: bool) -> None:
        self.description, self.total = description, total
        self.done, self.more = 0, ""
        self.ended = threading.Event()
        self.teller = threading.Thread(target=self._tell, daemon=True)
        self.teller.start()

    def update(self, done: int, more: str) -> None:
        self.done, self.more = done, more

    def stop(self) -> None:
        self.ended.set()
        self.teller.join()

    def _tell(self) -> None:
        began, seconds = time.monotonic(), PATIENCE_SECONDS
        while not self.ended.wait(began + seconds - time.monotonic()):
            far = "" if self.total is None else f"{self.done} of {self.total}, "
            tell(f"{self.description}: {far}{seconds:.0f} s{', ' * bool(self.more)}{self.more}")
            seconds *= 2.0
