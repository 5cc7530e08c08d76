"""Progress for whatever takes over two seconds, on the error stream, and silence otherwise.

A person at a terminal or in a notebook sees a bar; a log gets a plain line after 2, 10, 20, 30, ...
seconds: done of how many, at what rate, and what time is left. A program (``--json``) gets a line
of JSON as each piece is done, and ``--quiet`` shows none of it. One thing is shown at a time: what
runs inside it, or on another thread, leaves it to that.
"""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import json
import math
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from typing import Any, Literal, Protocol, TextIO, TypeVar

PATIENCE_SECONDS = 2.0
# After the first line, one so often: a log of a night has some thousands.
EVERY_SECONDS = 10.0
Manner = Literal["shown", "json", "quiet"]
# How progress is told: as the innermost block says.
_manners: list[Manner] = ["shown"]
# What is shown: something inside it leaves it to that.
_open: list[str] = []
# The bar that a terminal shows now.
_bars: list[_Bar] = []
Item = TypeVar("Item")


class Update(Protocol):
    """What is told how far the work is."""

    def __call__(self, done: int, more: str = "", left: float | None = None) -> None:
        """Tell how many are done, what else there is to say, and the seconds that are left."""


@contextlib.contextmanager
def told(manner: Manner) -> Iterator[None]:
    """Tell progress in this manner while the block runs: shown, as lines of JSON, or not at all.

    Example:
        >>> with told("quiet"):
        ...     note("nobody reads this")
    """
    _manners.append(manner)
    try:
        yield
    finally:
        _manners.pop()


def note(line: str) -> None:
    """Print a line of progress, for a person: not where it is told to programs, or not at all."""
    if _manners[-1] == "shown":
        tell(line)


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
            # At once: a line of another thread does not come between it and its end.
            stream.write(f"{line}\n")
            stream.flush()


def silenced() -> None:
    """Show nothing from now on in this process: another one shows what it does."""
    _open.append("elsewhere")


def track(items: Iterable[Item], description: str, total: int, found: int = 0) -> Iterator[Item]:
    """Yield the items; once two seconds have passed, show how many of them are done.

    Args:
        items: what is to be done, one after the other.
        description: of them all.
        total: how many there are.
        found: how many of them are there already, and take no time.

    Example:
        >>> list(track(range(3), "counting", total=3))
        [0, 1, 2]
    """
    # One item has no progress, and is often one of many inside another bar.
    if total <= 1:
        yield from items
        return
    with counted(description, total, even=True, found=found) as update:
        for done, item in enumerate(items, 1):
            yield item
            update(done)


@contextlib.contextmanager
def counted(
    description: str, total: int | None, *, even: bool = False, found: int = 0
) -> Iterator[Update]:
    """Show how many are done of what may take uneven times, once two seconds have passed.

    The block is given what is to be told how many are done, what else there is to say, and how
    many seconds are left where these do not follow.

    Args:
        description: of it all.
        total: how many there are.
        even: whether all take about as long, so that the time left is told from how many are.
        found: how many of them are there already, and take no time.

    Example:
        >>> with counted("figures", total=2) as update:
        ...     update(1, left=60.0)
    """
    stream, silent = _error_stream(), _manners[-1] == "quiet" or bool(_open)
    if stream is None or silent or threading.current_thread() is not threading.main_thread():
        yield _nothing
        return
    as_json = _manners[-1] == "json"
    tally = _Tally(description, total if total != 1 or as_json else None, even, found)
    if as_json:
        shown: _Bar | _Lines = _Lines(tally, as_json)
    elif _in_a_notebook():
        # Without ipywidgets a notebook would print a complaint instead of a bar.
        if importlib.util.find_spec("ipywidgets") is None:
            yield _nothing
            return
        shown = _Bar(tally)
    else:
        shown = _Bar(tally) if stream.isatty() else _Lines(tally)
    _open.append(description)
    try:
        yield shown.update
    finally:
        shown.stop()
        _open.remove(description)


@contextlib.contextmanager
def announced(description: str) -> Iterator[None]:
    """Show the description while the block runs, once two seconds have passed."""
    with counted(description, None):
        yield


def in_words(seconds: float) -> str:
    """Return a time that is only about known.

    Example:
        >>> in_words(20.0), in_words(61.0), in_words(1500.0), in_words(7300.0)
        ('under a minute', 'about 2 minutes', 'about 25 minutes', 'about 2 hours')
    """
    if seconds < 60.0:
        return "under a minute"
    minutes = math.ceil(seconds / 60.0)
    if minutes < 120:
        return f"about {minutes} minutes"
    return f"about {round(seconds / 3600.0)} hours"


def _nothing(done: int, more: str = "", left: float | None = None) -> None:
    """Show nothing."""


def _in_a_notebook() -> bool:
    """Return whether this process is a notebook's kernel, not one that merely talks to kernels."""
    shell = getattr(sys.modules.get("IPython"), "get_ipython", lambda: None)()
    return getattr(shell, "kernel", None) is not None


def _error_stream() -> TextIO | None:
    """Return the error stream, unless there is none: under pythonw, or closed."""
    stream = sys.stderr
    return None if stream is None or getattr(stream, "closed", False) else stream


class _Tally:
    """How far the work is, and what can be told from that."""

    def __init__(self, description: str, total: int | None, even: bool, found: int = 0) -> None:
        self.description, self.total, self.even, self.found = description, total, even, found
        self.done, self.more = 0, ""
        self.given: float | None = None
        # When it began, when the last piece was done, and when there was news of any kind.
        self.began = self.at = self.told = time.monotonic()

    def update(self, done: int, more: str, left: float | None) -> None:
        self.told = time.monotonic()
        if done > self.done:
            self.at = self.told
        self.done, self.given, self.more = done, left, more

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    def rate(self) -> float | None:
        """Return how many are done in a second, of those that were to be made; None: not known."""
        made, took = self.done - self.found, self.at - self.began
        return made / took if made > 0 and took > 0.0 else None

    def left(self) -> float | None:
        """Return the seconds until all are done, None where nothing is known of them."""
        if self.total is not None and self.done >= self.total:
            return 0.0
        rate, until = self.rate(), None
        if self.given is not None:
            until = self.told + self.given
        elif self.even and rate is not None and self.total is not None:
            until = self.at + (self.total - self.done) / rate
        return None if until is None else max(until - time.monotonic(), 0.0)

    def far(self) -> str:
        """Say how far it is: done of how many, since when, the rate, what is left."""
        rate, left = self.rate(), self.left()
        parts = [] if self.total is None else [f"{self.done} of {self.total}"]
        parts.append(_spent(self.seconds))
        if self.even and rate is not None:
            parts.append(_pace(rate))
        if left is not None and self.done != self.total:
            parts.append(f"{in_words(left)} left")
        return ", ".join([*parts, *([self.more] if self.more else [])])

    def line(self) -> str:
        return f"{self.description}: {self.far()}"

    def document(self) -> str:
        """Return a line for programs: one whole JSON object."""
        rate, left = self.rate(), self.left()
        about = {
            "what": self.description,
            "done": self.done,
            "total": self.total,
            "seconds": round(self.seconds, 3),
            "rate": None if rate is None else float(f"{rate:.6g}"),
            "left": None if left is None else round(left, 1),
        }
        return json.dumps({**about, **({"more": self.more} if self.more else {})})


def _spent(seconds: float) -> str:
    if seconds < 120.0:
        return f"{seconds:.0f} s"
    return f"{seconds / 60.0:.0f} min" if seconds < 7200.0 else f"{seconds / 3600.0:.1f} h"


def _pace(rate: float) -> str:
    """Return a rate in the unit in which it is a number above one."""
    for each, unit in ((rate, "a second"), (rate * 60.0, "a minute")):
        if each >= 1.0:
            return f"{each:.3g} {unit}"
    return f"{rate * 3600.0:.3g} an hour"


class _Bar:
    """A bar that appears when patience ends: the first item may be a long time coming."""

    def __init__(self, tally: _Tally) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, ProgressColumn, Task
        from rich.text import Text

        class Far(ProgressColumn):
            """What a log is told, at the time at which it is drawn."""

            def render(self, task: Task) -> Text:
                return Text(tally.far())

        self.tally = tally
        columns = ("{task.description}", BarColumn(bar_width=24), Far())
        self.bar = Progress(*columns, console=Console(stderr=True), transient=True)
        self.task: Any = self.bar.add_task(tally.description, total=tally.total)
        _bars.append(self)
        self.patience = threading.Timer(PATIENCE_SECONDS, self.bar.start)
        self.patience.daemon = True
        self.patience.start()

    def update(self, done: int, more: str = "", left: float | None = None) -> None:
        self.tally.update(done, more, left)
        self.bar.update(self.task, completed=done)

    def tell(self, line: str) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.bar.console.print(line, markup=False, highlight=False, soft_wrap=True)

    def stop(self) -> None:
        self.patience.cancel()
        self.patience.join()
        self.bar.stop()
        _bars.remove(self)


class _Lines:
    """Plain lines, now and then; or one of JSON as each piece is done, and now and then."""

    def __init__(self, tally: _Tally, as_json: bool = False) -> None:
        self.tally, self.as_json = tally, as_json
        self.ended = threading.Event()
        self.teller = threading.Thread(target=self._tell, daemon=True)
        self.teller.start()

    def update(self, done: int, more: str = "", left: float | None = None) -> None:
        new = done > self.tally.done
        self.tally.update(done, more, left)
        if self.as_json and new:
            tell(self.tally.document())

    def stop(self) -> None:
        self.ended.set()
        self.teller.join()

    def _tell(self) -> None:
        for seconds in moments():
            if seconds + EVERY_SECONDS < self.tally.seconds:
                # The machine slept: what was to be said meanwhile is said by the next line.
                continue
            if self.ended.wait(max(seconds - self.tally.seconds, 0.0)):
                return
            tell(self.tally.document() if self.as_json else self.tally.line())


def moments() -> Iterator[float]:
    """Return the seconds at which a log gets a line.

    Example:
        >>> list(itertools.islice(moments(), 4))
        [2.0, 10.0, 20.0, 30.0]
    """
    return itertools.chain([PATIENCE_SECONDS], itertools.count(EVERY_SECONDS, EVERY_SECONDS))
