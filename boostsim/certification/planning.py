"""``bs.plan``: the cheapest way to an error, verified by the exact dynamics."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pandas as pd

from boostsim.arguments import choice, finite, flag, probability, refuse, whole
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting
from boostsim.html import Shown
from boostsim.objects import ByValue, as_json
from boostsim.prices import Prices, total
from boostsim.simulation.run import simulate
from boostsim.tasks.table import table_task
from boostsim.theory.law import reached
from boostsim.theory.planning import Grid, Groups, best_limit, search

SPREADS = ("prompts", "responses")
# Two implementations of one recursion agree so well.
AGREEMENT = 1e-9


@dataclass(frozen=True, eq=False)
class Plan(Shown, ByValue):
    """What :func:`plan` found. Costs are per visit that an iteration makes to each prompt.

    Attributes:
        reachable: whether any plan within the limits reaches the target.
        why_not: why none does, or None.
        attempts, votes, iterations: k, m, T of the cheapest plan (0 where there is none).
        error: the error it reaches, by the exact dynamics; the lowest one seen where none does.
        labels, generations, filter_calls, cost: what it costs (NaN where there is none).
        alternatives: a row for the cheapest plan and for each of its neighbours, one attempt or two
            votes more or fewer, and for the plans with the fewest labels and with the fewest
            generations.
        question: what was asked.
    """

    reachable: bool
    why_not: str | None
    attempts: int
    votes: int
    iterations: int
    error: float
    labels: float
    generations: float
    filter_calls: float
    cost: float
    alternatives: pd.DataFrame
    question: dict[str, Any]

    def summary(self) -> str:
        """Return a few plain sentences."""
        target = self.question["target"]
        if not self.reachable:
            return f"An error of {target:g} is not reached: {self.why_not}."
        if self.iterations == 0:
            return f"Nothing is to be done: the first model's error is at most {target:g}."
        votes = "one look" if self.votes == 1 else f"the majority of {self.votes} looks"
        tried = f"{self.attempts} attempt{'s' * (self.attempts > 1)}"
        if self.question.get("until_accepted"):
            tried = f"At most {tried}, until one is accepted"
        return (
            f"{tried}, {votes} at each, "
            f"{self.iterations} iteration{'s' * (self.iterations > 1)} take the error from "
            f"{self.question['error']:g} to {self.error:.4g} (target {target:g}).\n"
            "Per prompt, for each visit that an iteration makes to it: "
            f"{self.labels:.4g} labels, {self.generations:.4g} generations, "
            f"{self.filter_calls:.4g} filter calls; cost {self.cost:.4g}.\n"
            "Verified by the exact dynamics: of a population of visits, with a learner that "
            "reproduces its data and fresh labels and verdicts. With few visits to a prompt the "
            "error may stay far above it, the more so with many attempts (bs.simulate with visits= "
            "shows it), and so it may with a network."
        )

    def __repr__(self) -> str:
        """Say what it plans."""
        if not self.reachable:
            return f"<Plan: an error of {self.question['target']:g} is not reached>"
        told = f"attempts={self.attempts}, votes={self.votes}, iterations={self.iterations}"
        return f"<Plan: {told}, error {self.error:.4g}>"

    def _more(self) -> dict[str, Any]:
        return {"table": self.alternatives}

    def to_json(self) -> str:
        """Return everything as JSON."""
        return as_json(vars(self))


def plan(
    *,
    beta: float,
    gamma: float,
    error: float,
    target: float,
    price_label: float = 1.0,
    price_generation: float = 0.01,
    price_filter_call: float = 0.001,
    price_iteration: float = 0.0,
    spread: str = "prompts",
    most_attempts: int = 64,
    most_votes: int = 63,
    most_iterations: int = 1000,
    until_accepted: bool = False,
) -> Plan:
    """Find the attempts, votes and iterations of boosting that reach an error most cheaply.

    All numbers of attempts and odd numbers of votes up to the limits are tried with T4's map and
    T5's noise (docs/theory.md, section 3), each until its error is at most the target (1 + 1e-11),
    as in ``bs.laws.iterations_needed``. The cheapest is run once more by the exact dynamics; had it
    disagreed, this would raise. That is the limit of many visits: with few the error may stay far
    above the target.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of one look of the filter.
        error: e_0, the mean error of the first model.
        target: eps, the mean error to reach.
        price_label, price_generation, price_filter_call, price_iteration: what each costs, an
            iteration per prompt; in any currency.
        spread: ``"prompts"``: a share e_0 of the prompts is failed for certain and the others are
            solved; ``"responses"``: each prompt is failed with probability e_0.
        most_attempts, most_votes, most_iterations: how far to look.
        until_accepted: attempts stop at the first accepted one, at most k: the same errors and
            labels at fewer generations and filter calls (T17, docs/theory.md, section 6).

    Returns:
        A :class:`Plan`; ``reachable`` is False where none reaches the target, and ``why_not`` says
        why.

    Raises:
        ValueError: for an argument out of range.

    Example:
        >>> import boostsim as bs
        >>> found = bs.plan(beta=0.5, gamma=0.0, error=1.0, target=0.3, price_filter_call=0)
        >>> found.attempts, found.votes, found.iterations, round(found.labels, 3)
        (5, 1, 2, 1.031)
    """
    question: dict[str, Any] = {
        "beta": probability("beta", beta),
        "gamma": probability("gamma", gamma),
        "error": probability("error", error),
        "target": probability("target", target),
        "spread": choice("spread", spread, SPREADS),
        "most_attempts": whole("most_attempts", most_attempts, 1, 1000),
        "most_votes": whole("most_votes", most_votes, 1, 9999),
        "most_iterations": whole("most_iterations", most_iterations, 0, 10**6),
        "until_accepted": flag("until_accepted", until_accepted),
    }
    prices = Prices(
        label=finite("price_label", price_label, 0.0),
        generation=finite("price_generation", price_generation, 0.0),
        filter_call=finite("price_filter_call", price_filter_call, 0.0),
        iteration=finite("price_iteration", price_iteration, 0.0),
    )
    if question["target"] == 0.0:
        raise refuse("target", "above 0: an error of exactly 0 may take for ever", target)
    question["prices"] = asdict(prices)
    groups = _groups(question["error"], spread)
    # At 1/2 and above more looks do not make the filter better.
    votes = np.arange(1, question["most_votes"] + 1, 2) if question["gamma"] < 0.5 else np.ones(1)
    grid = search(
        question["beta"],
        question["gamma"],
        groups,
        question["target"],
        np.arange(1, question["most_attempts"] + 1),
        votes.astype(int),
        question["most_iterations"],
    )
    table = _priced(grid, prices, question["until_accepted"])
    reached = table[np.isfinite(table.iterations)]
    if not len(reached):
        return Plan(
            reachable=False,
            why_not=_why_not(question, table),
            attempts=0,
            votes=0,
            iterations=0,
            error=float(grid.lowest.min()),
            labels=np.nan,
            generations=np.nan,
            filter_calls=np.nan,
            cost=np.nan,
            alternatives=table.iloc[:0],
            question=question,
        )
    best = reached.sort_values(["cost", "votes", "attempts"], kind="stable").iloc[0]
    exact_error, exact_labels, exact_generations = _verified(question, groups, best)
    return Plan(
        reachable=True,
        why_not=None,
        attempts=int(best.attempts),
        votes=int(best.votes),
        iterations=int(best.iterations),
        error=exact_error,
        labels=exact_labels,
        generations=exact_generations,
        filter_calls=float(best.filter_calls),
        cost=float(best.cost),
        alternatives=_alternatives(reached, best),
        question=question,
    )


def _groups(error: float, spread: str) -> Groups:
    if spread == "responses":
        return Groups(np.array([1.0]), np.array([error]))
    return Groups(np.array([error, 1.0 - error]), np.array([1.0, 0.0]))


def _priced(grid: Grid, prices: Prices, until_accepted: bool) -> pd.DataFrame:
    table = pd.DataFrame({name: np.ravel(values) for name, values in grid._asdict().items()})
    table["generations"] = table.tried if until_accepted else table.attempts * table.iterations
    table["filter_calls"] = table.generations * table.votes
    spent = table.labels, table.generations, table.filter_calls, table.iterations
    table["cost"] = total(prices, *spent)
    return table.drop(columns=["lowest", "tried"])


def _verified(question: dict[str, Any], groups: Groups, best: pd.Series) -> tuple[float, ...]:
    """Run a plan by the exact dynamics and hold it against what was found.

    Raises:
        RuntimeError: where they differ, which would be an error of boostsim.
    """
    iterations = int(best.iterations)
    if iterations == 0:
        return float(best.error), 0.0, 0.0
    procedure = boosting(
        attempts=int(best.attempts),
        filter=NoisyFilter(question["gamma"], votes=int(best.votes)),
        labeler=WeakLabeler(question["beta"]),
        until_accepted=question["until_accepted"],
    )
    rows = np.stack([1.0 - groups.errors, groups.errors], axis=1)
    task = table_task([[1, 0]] * len(rows), groups.weights, rows)
    last = simulate(procedure, task, iterations).isel(seed=0, iteration=-1)
    found, labels, made = (float(last[name]) for name in ("error", "labels", "generations"))
    wanted = [best.error, best.labels, best.generations]
    good = np.isclose([found, labels, made], wanted, rtol=AGREEMENT, atol=1e-12)
    if not (good.all() and reached(found, question["target"] * (1.0 + AGREEMENT))):
        raise RuntimeError(
            f"the exact dynamics reach an error of {found!r} with {labels!r} labels and {made!r} "
            f"generations where the plan says {', '.join(map(repr, wanted))}: please report this"
        )
    return found, labels, made


def _why_not(question: dict[str, Any], table: pd.DataFrame) -> str:
    beta, gamma, target = question["beta"], question["gamma"], question["target"]
    if beta == 0.0:
        return (
            "no label is ever right (beta = 0), and a prompt that is failed for certain improves "
            "through nothing else (T13)"
        )
    most = int(table.attempts.max()), int(table.votes.max())
    if gamma >= 0.5:
        floor = best_limit(beta, gamma, 1, 1)
        if floor > target and not reached(floor, target):
            return (
                f"with one attempt the error tends to {floor:.4g} (T3), and to no less with more: "
                "the filter errs at least half of the time, and neither attempts nor votes mend it"
            )
    limit = best_limit(beta, gamma, *most)
    if np.isnan(limit):
        return "the labels are always right and the filter always wrong: nothing moves"
    if not reached(limit, target):
        several = f"{most[0]} attempt{'s' * (most[0] > 1)} and {most[1]} vote{'s' * (most[1] > 1)}"
        return f"with {several} the error tends to {limit:.4g} (T4); allow more of either"
    return (
        f"in {question['most_iterations']} iterations the error comes down to "
        f"{table.error.min():.4g}; it would get there with more"
    )


def _alternatives(reached: pd.DataFrame, best: pd.Series) -> pd.DataFrame:
    rows = [best.to_frame().T.assign(plan="cheapest")]
    for name, attempts, votes in (
        ("one attempt fewer", -1, 0),
        ("one attempt more", 1, 0),
        ("two votes fewer", 0, -2),
        ("two votes more", 0, 2),
    ):
        near = reached[
            (reached.attempts == best.attempts + attempts) & (reached.votes == best.votes + votes)
        ]
        rows.append(near.assign(plan=name))
    for name, column in (("fewest labels", "labels"), ("fewest generations", "generations")):
        rows.append(reached.sort_values([column, "cost"], kind="stable").head(1).assign(plan=name))
    table = pd.concat(rows, ignore_index=True)
    columns = ["plan", "attempts", "votes", "iterations", "error", "labels"]
    table = table[[*columns, "generations", "filter_calls", "cost"]]
    whole_numbers = ["attempts", "votes", "iterations"]
    return table.astype({name: int for name in whole_numbers} | {"error": float, "cost": float})
