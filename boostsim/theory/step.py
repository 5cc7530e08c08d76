"""One iteration of boosting (T4, T16), of whatever + - * / and whole powers are defined for."""

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


def weighted_step(
    beta: Any, gamma: Any, attempts: int, label_weight: Any, initial_error: Any
) -> Any:
    """T16. ((1 - u^k) gamma e/A + w u^k (1 - beta)) / (1 - u^k + w u^k): the same with labels of w.

    Example:
        >>> weighted_step(beta=0.5, gamma=0.0, attempts=1, label_weight=2.0, initial_error=0.5)
        0.3333333333333333
    """
    rejected = gamma + (1 - 2 * gamma) * initial_error
    accepted = gamma * initial_error + (1 - gamma) * (1 - initial_error)
    terms = sum(rejected**power for power in range(attempts))
    labels = label_weight * rejected**attempts
    return (gamma * initial_error * terms + labels * (1 - beta)) / (accepted * terms + labels)
