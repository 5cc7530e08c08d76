"""What a plan is: the answer, what becomes of it at other visits and rates, and its price."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from boostsim.html import Shown
from boostsim.objects import ByValue, as_json


@dataclass(frozen=True, eq=False)
class Plan(Shown, ByValue):
    """What :func:`plan` found. Costs are per visit that an iteration makes to each prompt.

    Attributes:
        reachable: whether any plan within the limits reaches the target.
        why_not: why none does, or None.
        attempts, votes, iterations: k, m, T of the cheapest plan (0 where there is none).
        visits: v, to each prompt in each iteration; None in the limit of many.
        error: the error it reaches, by the exact dynamics; the lowest one seen where none does.
        least: where labels are given without a target, the least error that they allow.
        labels, generations, filter_calls, cost: what it costs (NaN where there is none).
        totals: where prompts are given, of all of them in all iterations: ``labels`` in
            expectation, their standard deviation ``labels_sd`` between runs (prompts as they are,
            independent), ``generations``, ``filter_calls``, ``cost``, and ``over``, the
            probability that a run takes more labels than were given, by the normal approximation,
            where any were; else None.
        alternatives: a row for the cheapest plan and for each of its neighbours, one attempt or two
            votes more or fewer, and for the plans with the fewest labels and with the fewest
            generations; where visits were free the best for each other number of them.
        at_visits: error and costs of the plan at 1, 4, 10 and 100 visits, its own, and in the limit
            (infinity), and whether the target is reached there.
        sensitivity: the same of the plan where beta and gamma are 20% lower or higher (at most 1),
            each alone and both.
        question: what was asked.
    """

    reachable: bool
    why_not: str | None
    attempts: int
    votes: int
    iterations: int
    visits: int | None
    error: float
    least: float | None
    labels: float
    generations: float
    filter_calls: float
    cost: float
    totals: dict[str, float | None] | None
    alternatives: pd.DataFrame
    at_visits: pd.DataFrame
    sensitivity: pd.DataFrame
    question: dict[str, Any]

    def summary(self) -> str:
        """Return a few plain sentences."""
        if not self.reachable:
            return f"An error of {self._target:g} is not reached: {self.why_not}."
        if self.iterations == 0:
            if self.question["target"] is None:
                return f"Nothing is to be done: {self._nothing()}."
            return f"Nothing is to be done: the first model's error is at most {self._target:g}."
        lines = [self._head(), self._few_visits(), self._priced(), *self._in_all()]
        lines += [self._worst(), self._verified()]
        return "\n".join(lines)

    def _nothing(self) -> str:
        """Why the least error is the first model's."""
        if self.question["error"] == 0.0:
            return "the first model makes no errors"
        if self.question["beta"] == 0.0:
            within = "nothing else within the limits lowers the first model's error"
            return f"no label is ever right (beta = 0), and {within}"
        return "so few labels do not lower the first model's error"

    @property
    def _target(self) -> float:
        """The error that was asked for, or the least that the labels allow."""
        return float(self.question["target"] if self.least is None else self.least)

    def _head(self) -> str:
        votes = "one look" if self.votes == 1 else f"the majority of {self.votes} looks"
        tried = f"{self.attempts} attempt{'s' * (self.attempts > 1)}"
        if self.question["until_accepted"]:
            tried = f"At most {tried}, until one is accepted"
        rounds = f"{self.iterations} iteration{'s' * (self.iterations > 1)}"
        where = ", in the limit of many visits,"
        if self.visits is not None:
            where = f" of {self.visits} visit{'s' * (self.visits > 1)} to each prompt"
        aim = f"target {self._target:g}"
        if self.question["target"] is None:
            aim = f"the least that so many labels allow: {self._target:.4g}"
        return (
            f"{tried}, {votes} at each, {rounds}{where} take the error from "
            f"{self.question['error']:g} to {self.error:.4g} ({aim})."
        )

    def _few_visits(self) -> str:
        """Say what the plan does elsewhere, and where it misses the target."""
        table = self.at_visits
        shown = table[~np.isinf(table.visits)] if self.visits is None else table
        told = ", ".join(f"{row.error:.4g} {_at(row.visits)}" for row in shown.itertuples())
        line = f"Its error by visits to a prompt: {told}."
        missed = [f"{each:g}" for each in shown[~shown.reached].visits]
        if missed:
            where = " or ".join([", ".join(missed[:-1]), missed[-1]] if missed[1:] else missed)
            visits = "visit" if missed == ["1"] else "visits"
            line = f"With {where} {visits} to a prompt it misses the target. {line}"
        if self.visits is None:
            line += " Plan for few with visits=."
        return line

    def _priced(self) -> str:
        return (
            "Per prompt, for each visit that an iteration makes to it: "
            f"{self.labels:.4g} labels, {self.generations:.4g} generations, "
            f"{self.filter_calls:.4g} filter calls; cost {self.cost:.4g}."
        )

    def _in_all(self) -> list[str]:
        if self.totals is None:
            return []
        told = {name: each for name, each in self.totals.items() if each is not None}
        line = (
            f"In all, for {self.question['prompts']:,} prompts: {_many(told['labels'])} labels in "
            f"expectation (standard deviation {told['labels_sd']:,.3g}), "
            f"{_many(told['generations'])} generations, {_many(told['filter_calls'])} filter "
            f"calls; cost {told['cost']:,.4g}."
        )
        if "over" in told:
            line += (
                f" The {self.question['labels']:,g} labels suffice in expectation; a run takes "
                f"more with probability {told['over']:.2g} (normal approximation)."
            )
        return [line]

    def _worst(self) -> str:
        table = self.sensitivity
        worst = table.loc[table.error.idxmax()]
        reaches = ", still on target" if worst.reached else ""
        return (
            f"With beta or gamma 20% off: error {table.error.min():.4g} to {worst.error:.4g}"
            f"{reaches} (worst: {worst.change})."
        )

    def _verified(self) -> str:
        if self.visits is None:
            return (
                "Verified by the exact dynamics: of a population of visits, with a learner that "
                "reproduces its data and fresh labels and verdicts. With a network it may be more."
            )
        return (
            f"Verified by the exact law at {self.visits} visit{'s' * (self.visits > 1)}, with a "
            "learner that reproduces its data and fresh labels and verdicts. With a network it may "
            "be more."
        )

    def __repr__(self) -> str:
        """Say what it plans."""
        if not self.reachable:
            return f"<Plan: an error of {self._target:g} is not reached>"
        told = f"attempts={self.attempts}, votes={self.votes}, iterations={self.iterations}"
        if self.visits is not None:
            told += f", visits={self.visits}"
        return f"<Plan: {told}, error {self.error:.4g}>"

    def _more(self) -> dict[str, Any]:
        return {"table": [self.alternatives, self.at_visits, self.sensitivity]}

    def to_json(self) -> str:
        """Return everything as JSON; infinitely many visits are null."""
        return as_json(vars(self))


def _at(visits: float) -> str:
    return "in the limit" if np.isinf(visits) else f"at {visits:g}"


def _many(count: float) -> str:
    """Return a number of things that is an expectation: of a few not only whole ones.

    Example:
        >>> _many(12345.6), _many(0.35)
        ('12,346', '0.35')
    """
    return f"{count:,.0f}" if count >= 100.0 else f"{count:.3g}"
