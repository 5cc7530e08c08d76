"""Whether there is time left."""

from __future__ import annotations

import time

from boostsim.arguments import finite


class Clock:
    """True until a time limit in seconds is reached; always where there is none."""

    def __init__(self, limit: float | None) -> None:
        """Start it.

        Raises:
            ValueError: for a limit that is negative or no number.
        """
        self.began = time.monotonic()
        self.limit = None if limit is None else finite("time_limit", limit, 0.0)

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self.began

    @property
    def left(self) -> float | None:
        """Seconds left, None where there is no limit."""
        return None if self.limit is None else max(self.limit - self.seconds, 0.0)

    def __bool__(self) -> bool:
        """Whether there is time left."""
        return self.limit is None or self.seconds < self.limit
