"""An interrupt waits for the programs that were begun.

A compiled program on a CPU runs on threads of its own and may call back into Python. Were the
interpreter to end meanwhile, on Ctrl-C say, such a thread would find none, and the process would
abort. So an interrupt is put off while a program is started, until what was started is known, and
then everything that was started is waited for.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import jax


@contextlib.contextmanager
def unbroken() -> Iterator[None]:
    """Put Ctrl-C off until the block has ended; on other threads than the main one nothing comes.

    Example:
        >>> with unbroken():
        ...     pass
    """
    ours = threading.current_thread() is threading.main_thread()
    if not ours or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda number, frame: came.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if came:
        raise KeyboardInterrupt


@contextlib.contextmanager
def waited_for(begun: Callable[[], Any]) -> Iterator[None]:
    """Wait for what was started where the block ends in an error or an interrupt.

    Args:
        begun: returns what was started so far, arrays in any structure.

    Example:
        >>> with waited_for(list):
        ...     pass
    """
    try:
        yield
    except BaseException:
        with contextlib.suppress(Exception):
            jax.block_until_ready(begun())
        raise
