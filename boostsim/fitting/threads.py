"""Products of small matrices by one thread.

Several wait for one another, for long where other work keeps the processors busy.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

_lock = threading.Lock()
# The limit, while there is one, and how many want it: of fits beside one another the first to
# begin sets it, and the last to end takes it away.
_limit, _wanted = ExitStack(), 0


@contextmanager
def one_thread() -> Iterator[None]:
    """Have NumPy's and SciPy's linear algebra use one thread in a block, or in a function."""
    global _wanted
    from threadpoolctl import threadpool_limits

    with _lock:
        if not _wanted:
            _limit.enter_context(threadpool_limits(limits=1, user_api="blas"))
        _wanted += 1
    try:
        yield
    finally:
        with _lock:
            _wanted -= 1
            if not _wanted:
                _limit.close()
