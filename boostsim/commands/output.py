"""Where a command's answer goes: to the output, which nothing else may write to.

What a user's criterion prints goes to the error stream, so that ``--json`` is a document and
nothing else.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from rich.console import Console


class Unread(Exception):
    """Whoever read the output has seen enough, and closed the pipe."""


# Columns below which a table would lose some of its own.
NARROWEST = 40
# The output, while it is reserved; a list, for a command can be called inside another program.
_answers: list[TextIO | None] = []


@contextlib.contextmanager
def reserved() -> Iterator[None]:
    """Keep the output for the answer; what else is printed meanwhile is no part of it."""
    _answers.append(sys.stdout)
    try:
        with contextlib.redirect_stdout(sys.stderr):
            yield
    finally:
        _answers.pop()


def say(text: str) -> None:
    """Print a line of the answer."""
    stream = _output()
    # Without a stream, print would choose one itself.
    if stream is not None:
        try:
            print(text, file=stream)
        except BrokenPipeError:
            raise Unread from None


def say_all(found: Iterable[Any]) -> None:
    """Print results as one JSON list."""
    say(json.dumps([json.loads(each.to_json()) for each in found], indent=2))


def console(width: int = 110) -> Console:
    """Return what tables of the answer are printed on, at least 40 columns wide.

    Args:
        width: where neither a terminal nor the environment variable COLUMNS has one.
    """
    from rich.console import Console
    from rich.table import Table

    class Plain(Console):
        def print(self, *objects: Any, **given: Any) -> None:
            # A number that is cut off is another number: where room is short it takes more lines.
            for each in objects:
                if isinstance(each, Table):
                    for column in each.columns:
                        column.overflow = "fold"
            super().print(*objects, **given)

        def on_broken_pipe(self) -> None:
            # Rich would end the program with 1.
            raise Unread

    stream = _output()
    if told := _columns():
        width = told
    elif stream is not None and stream.isatty():
        width = shutil.get_terminal_size((width, 1)).columns
    return Plain(file=io.StringIO() if stream is None else stream, width=max(width, NARROWEST))


def _columns() -> int:
    """Return what COLUMNS says, or 0 where it says nothing that can be."""
    try:
        return max(int(os.environ["COLUMNS"]), 0)
    except (KeyError, ValueError):
        return 0


def flushed(*streams: Any) -> None:
    """Write out what these streams still hold.

    One that cannot take it is turned away from where it leads, so that nothing is left for the end
    of the program to fail at.

    Raises:
        Unread: where the pipe that one of them leads to is closed.
        OSError: where one of them cannot take it, for a disk is full, say.
    """
    failed: OSError | None = None
    for stream in streams:
        if stream is None or getattr(stream, "closed", False):
            continue
        try:
            stream.flush()
        except OSError as error:
            failed = error
            with contextlib.suppress(OSError, ValueError):
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
    if isinstance(failed, BrokenPipeError):
        raise Unread
    if failed is not None:
        raise failed


def _output() -> TextIO | None:
    stream = _answers[-1] if _answers else sys.stdout
    return None if stream is None or stream.closed else stream
