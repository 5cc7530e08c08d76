"""What stands beside a plan: its neighbours, its error at other visits and rates, its totals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd

from boostsim.prices import Prices, total
from boostsim.theory.law import reached
from boostsim.theory.planning import Grid, follow, noise_of
from boostsim.theory.walk import Groups, Settings, labels_spread

# At which every plan is shown, and the limit.
SHOWN_VISITS = (1, 4, 10, 100)
# A fifth lower, as it is, and higher.
CHANGES = {"lower": 0.8, "": 1.0, "higher": 1.2}
# At given visits a plan that costs more times the cheapest is no alternative to it.
DEAR = 10.0
WHOLE_NUMBERS = ["attempts", "votes", "iterations", "visits"]


def priced(
    grid: Grid, prices: Prices, until_accepted: bool, visits: int | None = None
) -> pd.DataFrame:
    """Return a grid with its costs, and the visits where they are given."""
    table = pd.DataFrame({name: np.ravel(values) for name, values in grid._asdict().items()})
    table["generations"] = table.tried if until_accepted else table.attempts * table.iterations
    table["filter_calls"] = table.generations * table.votes
    spent = table.labels, table.generations, table.filter_calls, table.iterations
    table["cost"] = total(prices, *spent)
    if visits is not None:
        table["visits"] = visits
    return table.drop(columns=["tried"])


def alternatives(reached: pd.DataFrame, best: pd.Series, prompts: int | None) -> pd.DataFrame:
    """Return the best plan, its neighbours, and those that save most of something.

    Args:
        reached: all plans that reach the target, at the best one's visits and at others.
        best: one of them.
        prompts: for which labels and cost in all are told.
    """
    near, others = reached, reached.iloc[:0]
    if "visits" in reached:
        near, others = (
            reached[reached.visits == best.visits],
            reached[reached.visits != best.visits],
        )
        near = near[near.cost <= DEAR * best.cost]
    rows = [best.to_frame().T.assign(plan="cheapest")]
    for name, attempts, votes in (
        ("one attempt fewer", -1, 0),
        ("one attempt more", 1, 0),
        ("two votes fewer", 0, -2),
        ("two votes more", 0, 2),
    ):
        beside = (near.attempts == best.attempts + attempts) & (near.votes == best.votes + votes)
        rows.append(near[beside].assign(plan=name))
    for name, column in (("fewest labels", "labels"), ("fewest generations", "generations")):
        rows.append(near.sort_values([column, "cost"], kind="stable").head(1).assign(plan=name))
    for visits, there in others.groupby("visits") if len(others) else ():
        name = f"at {visits} visit{'s' * (visits > 1)}"
        rows.append(there.sort_values("cost", kind="stable").head(1).assign(plan=name))
    table = pd.concat(rows, ignore_index=True)
    columns = ["plan", *(name for name in WHOLE_NUMBERS if name in table)]
    table = table[[*columns, "error", "labels", "generations", "filter_calls", "cost"]]
    numbers = dict.fromkeys(table.columns[1:], float)
    table = table.astype(numbers | dict.fromkeys(columns[1:], int))
    if prompts is not None:
        for name in ("labels", "cost"):
            table[f"{name}_in_all"] = prompts * table.visits * table[name]
    return table


def _settings(question: dict[str, Any], best: Any, beta: Any, gamma: Any) -> Settings:
    noise = [noise_of(float(each), int(best.votes)) for each in np.ravel(gamma)]
    beta = np.ravel(beta).astype(float)
    return Settings(beta, np.array(noise), np.full(len(beta), int(best.attempts)))


def _costs(found: Any, prices: Prices, question: dict[str, Any], best: Any) -> dict[str, Any]:
    made = best.attempts * best.iterations + 0.0 * found.tried
    generations = found.tried if question["until_accepted"] else made
    calls = generations * best.votes
    cost = total(prices, found.labels, generations, calls, best.iterations)
    told = {"labels": found.labels, "generations": generations, "filter_calls": calls}
    return {"error": found.error, **told, "cost": cost}


def at_visits(
    question: dict[str, Any], groups: Groups, prices: Prices, best: Any, target: float
) -> pd.DataFrame:
    """Return what a plan does at 1, 4, 10 and 100 visits, its own, and in the limit."""
    one = _settings(question, best, question["beta"], question["gamma"])
    own = getattr(best, "visits", None)
    rows = []
    for visits in [*sorted({*SHOWN_VISITS, *([] if own is None else [int(own)])}), None]:
        found = follow(one, groups, int(best.iterations), visits)
        costs = {
            name: float(each[0]) for name, each in _costs(found, prices, question, best).items()
        }
        number = np.inf if visits is None else float(visits)
        rows.append({"visits": number, **costs, "reached": bool(reached(costs["error"], target))})
    return pd.DataFrame(rows)


def sensitivity(
    question: dict[str, Any], groups: Groups, prices: Prices, best: Any, target: float
) -> pd.DataFrame:
    """Return what a plan does where beta and gamma are a fifth lower or higher."""
    pairs = [(low, high) for low in CHANGES for high in CHANGES]
    beta = [min(1.0, question["beta"] * CHANGES[each]) for each, _ in pairs]
    gamma = [min(1.0, question["gamma"] * CHANGES[each]) for _, each in pairs]
    own = getattr(best, "visits", None)
    walked = _settings(question, best, beta, gamma)
    found = follow(walked, groups, int(best.iterations), None if own is None else int(own))
    names = [
        ", ".join(f"{name} {how}" for name, how in zip(("beta", "gamma"), pair, strict=True) if how)
        or "as given"
        for pair in pairs
    ]
    table = pd.DataFrame({"change": names, "beta": beta, "gamma": gamma})
    table = table.assign(**_costs(found, prices, question, best))
    table["reached"] = reached(table.error, target)
    # As given, each alone, then both.
    order = np.argsort([sum(map(bool, pair)) for pair in pairs], kind="stable")
    return table.iloc[order].reset_index(drop=True)


def totals(
    question: dict[str, Any], groups: Groups, best: Any, costs: dict[str, float]
) -> dict[str, float | None]:
    """Return what a plan takes in all: of every prompt, at all visits, in all iterations.

    Args:
        question: with prompts, and labels where there are only so many.
        groups: of the prompts.
        best: the plan, with visits.
        costs: labels and the rest, per visit.
    """
    one = _settings(question, best, question["beta"], question["gamma"])
    visits, prompts = int(best.visits), question["prompts"]
    variance = labels_spread(one, groups, visits, int(best.iterations))[1]
    told: dict[str, float | None] = {
        name: prompts * visits * costs[name]
        for name in ("labels", "generations", "filter_calls", "cost")
    }
    spread, given = math.sqrt(prompts * variance), question["labels"]
    told |= {"labels_sd": spread, "over": None}
    if given is not None:
        above = (given - prompts * visits * costs["labels"]) / spread if spread else math.inf
        told["over"] = 0.5 * math.erfc(above / math.sqrt(2.0))
    return told
