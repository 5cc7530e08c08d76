"""Products of small matrices by one thread.

Several wait for one another, and where other work keeps the processors busy they wait for many
times as long as the products take.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def one_thread() -> Iterator[None]:
    """Have NumPy's and SciPy's linear algebra use one thread in a block, or in a function."""
    from threadpoolctl import threadpool_limits

    with threadpool_limits(limits=1, user_api="blas"):
        yield
