"""Until when a run goes on: what must have come true for it to end."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from boostsim.arguments import digits, finite, flag, probability, refuse
from boostsim.theory.law import reached

# What an iteration spends, and what is said about it: nothing of the model.
SPENT = ("labels", "visited", "judged", "generations", "labels_by_prompt")
APART = {*SPENT, "invalid", "absorbed"}


@dataclass(frozen=True)
class Until:
    """When a run on a table ends: as soon as one of these has come true.

    Args:
        accuracy: the accuracy, averaged over prompts with mu, is at least so much.
        error: the error, averaged over prompts with mu, is at most so much.
        change: nothing that the trace has of the model (accuracy, error, coverage; at finite visits
            exactly also variance, solved, lost; what is recorded besides, but laws and their
            quantiles) differs by more than this from the iteration before.
        absorbed: every prompt has accuracy 0 or 1, and nothing that an iteration could do leads
            away from there: of sampled runs, for exact ones get there in the limit.

    Raises:
        ValueError: for a number out of its range, and where nothing is asked for.

    Example:
        >>> import boostsim as bs
        >>> rule = bs.boosting(labeler=bs.WeakLabeler(0.5))
        >>> task = bs.random_table(0, prompts=10, solvable=0.0)
        >>> trace = bs.simulate(rule, task, 100, until=Until(error=0.2))
        >>> trace.error.values, trace.ended.values
        (array([[1.   , 0.5  , 0.25 , 0.125]]), array([3.]))
    """

    accuracy: float | None = None
    error: float | None = None
    change: float | None = None
    absorbed: bool = False

    def __post_init__(self) -> None:
        """Refuse what cannot come true, or is not said."""
        for name in ("accuracy", "error"):
            if (got := getattr(self, name)) is not None:
                object.__setattr__(self, name, probability(name, got))
        if self.change is not None:
            object.__setattr__(self, "change", finite("change", self.change, 0.0))
        object.__setattr__(self, "absorbed", flag("absorbed", self.absorbed))
        if not self.describe():
            raise refuse("until", "accuracy, error, change or absorbed", self)

    def describe(self) -> str:
        """Return it in words, for provenance."""
        told = []
        if self.accuracy is not None:
            told.append(f"accuracy >= {digits(self.accuracy)}")
        if self.error is not None:
            told.append(f"error <= {digits(self.error)}")
        if self.change is not None:
            told.append(f"change <= {digits(self.change)}")
        if self.absorbed:
            told.append("absorbed")
        return " or ".join(told)

    def met(
        self,
        rows: Mapping[str, np.ndarray],
        before: Mapping[str, np.ndarray] | None,
        weights: np.ndarray,
    ) -> int | None:
        """Return the first of some iterations after which it has come true, or None.

        Args:
            rows: what was measured after each of them, ``[iterations, ...]``.
            before: the same after the iteration before, ``[1, ...]``; None before the first model.
            weights: mu.
        """
        true = np.zeros(len(rows["error"]), bool)
        if self.accuracy is not None:
            true |= _average(rows["accuracy"], weights) >= self.accuracy
        if self.error is not None:
            true |= np.asarray(reached(_average(rows["error"], weights), self.error))
        if self.absorbed:
            true |= rows["absorbed"] > 0.0
        if self.change is not None:
            still = np.ones(len(true), bool)
            still[0] = before is not None
            for name in rows.keys() - APART:
                values = rows[name] if before is None else np.append(before[name], rows[name], 0)
                for place, change in enumerate(np.abs(np.diff(values, axis=0)), 1 - len(values)):
                    still[place] &= change.max() <= self.change
            true |= still
        return int(true.argmax()) if true.any() else None


def checked_until(until: Until | None, *, sampled: bool) -> Until | None:
    """Return it, where it can come true.

    Raises:
        ValueError: for something else, and for what only a sampled run can be.
    """
    if until is None:
        return None
    if not isinstance(until, Until):
        raise refuse("until", "a bs.Until, such as bs.Until(accuracy=0.99)", until)
    if until.absorbed and not sampled:
        hint = "There bs.Until(change=1e-9) tells when nothing happens any more."
        raise refuse("absorbed", "False in an exact run, which gets there in the limit", True, hint)
    return until


def carried(
    variables: dict[str, np.ndarray], ended: list[int | None]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Return variables ``[seed, iteration, ...]`` that go on as each seed ended, and when it did.

    They go on until the last seed has ended; after its end a seed spends nothing.
    """
    last = variables["error"].shape[1] - 1
    stops = [last if end is None else end for end in ended]
    longest = max(stops)
    for name, values in variables.items():
        for seed, stop in enumerate(stops):
            after = values[seed, stop + 1 : longest + 1]
            after[...] = 0.0 if name in SPENT else -1 if name == "invalid" else values[seed, stop]
        variables[name] = values[:, : longest + 1]
    return variables, np.array([np.nan if end is None else end for end in ended])


def _average(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Return averages over prompts, where there are prompts."""
    return values @ weights if values.ndim > 1 else values
