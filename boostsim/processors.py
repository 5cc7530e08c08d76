"""How many processors this process may use: the one place that counts them."""

from __future__ import annotations

import os


def processors() -> int:
    """Return the number of processors that the system lets this process run on, at least one.

    ``taskset`` and what starts jobs on shared machines let it run on some alone.

    Example:
        >>> processors() >= 1
        True
    """
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
