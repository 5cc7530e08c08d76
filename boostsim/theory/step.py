"""T4's map: one iteration of boosting, of whatever + - * and whole powers are defined for."""

from __future__ import annotations

from typing import Any


def boosting_step(beta: Any, gamma: Any, attempts: int, initial_error: Any) -> Any:
    """T4. Error after one iteration of boosting: (1 - u^k) gamma e/A + u^k (1 - beta).

    u = gamma + (1 - 2 gamma) e is the probability that one attempt is rejected and A = 1 - u; where
    A = 0 every visit is labelled. Without cancellation: (1 - u^k)/A = 1 + u + ... + u^(k-1).

    Example:
        >>> boosting_step(beta=0.5, gamma=0.0, attempts=2, initial_error=0.5)
        0.125
    """
    rejected = gamma + (1 - 2 * gamma) * initial_error
    terms = sum(rejected**power for power in range(attempts))
    return gamma * initial_error * terms + rejected**attempts * (1 - beta)
