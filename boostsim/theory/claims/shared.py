"""The domains that several claims share."""

from __future__ import annotations

UNIT = (0.0, 1.0)
ITERATIONS = range(33)
ATTEMPTS = [1, 2, 3, 4, 8, 16]
# Beyond it rounding, multiplied by k in each iteration, leaves nothing to compare.
CONDITIONED = ("k^T at most a million", lambda attempts, iterations: attempts**iterations <= 1e6)
MOVES = (
    "(beta, gamma) other than (0, 0) and (1, 1)",
    lambda beta, gamma: (beta, gamma) not in ((0.0, 0.0), (1.0, 1.0)),
)
