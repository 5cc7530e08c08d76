"""``bs.plan``: the cheapest way to an error, verified by the exact dynamics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd

from boostsim.arguments import choice, finite, flag, probability, refuse, whole
from boostsim.certification.plan_tables import (
    DEAR,
    alternatives,
    at_visits,
    priced,
    sensitivity,
    totals,
)
from boostsim.certification.planned import Plan
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.presets import boosting
from boostsim.prices import Prices, total
from boostsim.progress import announced
from boostsim.simulation.run import simulate
from boostsim.tasks.table import table_task
from boostsim.theory.law import reached
from boostsim.theory.planning import best_limit, search
from boostsim.theory.walk import Groups

SPREADS = ("prompts", "responses")
# Two implementations of one recursion agree so well.
AGREEMENT = 1e-9
# Numbers that all chains of a search may hold, and the most visits.
LARGEST, MOST_VISITS = 2**29, 1000
# Where visits are free: these are tried.
TRIED_VISITS = (1, 2, 3, 5, 10, 20, 30, 50, 100)
# The least error is approached for ever: what comes so close is as good, and the cheapest is told.
# So does what is below a millionth.
CLOSE, NOTHING = 0.01, 1e-6
# After so many iterations a plan without a target is given up, where no other number is given.
PATIENCE, LABELS_PATIENCE = 1000, 100


def plan(
    *,
    beta: float,
    gamma: float,
    error: float,
    target: float | None = None,
    visits: int | None = None,
    labels: float | None = None,
    prompts: int | None = None,
    price_label: float = 1.0,
    price_generation: float = 0.01,
    price_filter_call: float = 0.001,
    price_iteration: float = 0.0,
    spread: str = "prompts",
    most_attempts: int = 64,
    most_votes: int = 63,
    most_iterations: int | None = None,
    until_accepted: bool = False,
) -> Plan:
    """Find the attempts, votes and iterations of boosting that reach an error most cheaply.

    All numbers of attempts and odd numbers of votes up to the limits are tried with T4's map and
    T5's noise (docs/theory.md, section 3), each until its error is at most the target (1 + 1e-11),
    as in ``bs.laws.iterations_needed``. The cheapest is run once more by the exact dynamics; had it
    disagreed, this would raise. That is the limit of many visits; the answer shows what becomes of
    it at few. With ``visits`` the law is that of so many: each visit yields one example, so the
    right ones among v, given i before, are Binomial(v, g(i/v)) with g that map, and the answer is
    run by ``bs.simulate(..., visits=v, exact=True)``.

    With ``labels`` for all ``prompts`` together, in all iterations, the question is the least error
    that they allow; what comes within a hundredth of it is as good, and the cheapest is told. With
    a target as well the cheapest plan is asked for that takes no more. Labels are met in
    expectation, up to the same rounding: ``totals`` says how far a run may be off. Without
    ``visits`` numbers from 1 to 100 are tried then, and what costs least for a prompt at all its
    visits is chosen.

    Args:
        beta: correct mass of the labeler.
        gamma: noise of one look of the filter.
        error: e_0, the mean error of the first model.
        target: eps, the mean error to reach.
        visits: v, to each prompt in each iteration, at most 1000; None is the limit of many (or,
            where labels are given, free).
        labels: how many there are in all, above 0; they need ``prompts``.
        prompts: for how many the totals are told; they need ``visits`` or ``labels``.
        price_label, price_generation, price_filter_call, price_iteration: what each costs, an
            iteration as the rest for each visit that it makes to a prompt, as in ``bs.priced``.
        spread: where e_0 is: ``"prompts"``, failed for certain on a share e_0 of them and solved on
            the rest (helpless prompts), or ``"responses"``, every prompt failed with probability
            e_0.
        most_attempts, most_votes, most_iterations: how far to look; iterations to 1000, and to 100
            where labels are given without a target. At given visits what costs over ten times the
            cheapest is no alternative.
        until_accepted: attempts stop at the first accepted one, at most k: the same errors and
            labels at fewer generations and filter calls (T17, docs/theory.md, section 6).

    Returns:
        A :class:`Plan`; ``reachable`` is False where none reaches the target, and ``why_not`` says
        why.

    Raises:
        ValueError: for an argument out of range, for neither target nor labels, for labels without
            prompts, for prompts without labels or visits, for limits that would need more than
            2^29 numbers at such visits, and for prices so high that no plan has a finite cost.

    Example:
        >>> import boostsim as bs
        >>> found = bs.plan(beta=0.5, gamma=0.0, error=1.0, target=0.3, price_filter_call=0)
        >>> found.attempts, found.votes, found.iterations, round(found.labels, 3)
        (5, 1, 2, 1.031)
        >>> few = bs.plan(beta=0.5, gamma=0.0, error=1.0, target=0.3, visits=2, most_attempts=9)
        >>> few.attempts, few.iterations, round(few.labels, 3), round(few.error, 4)
        (4, 2, 1.281, 0.1406)
    """
    question: dict[str, Any] = {
        "beta": probability("beta", beta),
        "gamma": probability("gamma", gamma),
        "error": probability("error", error),
        "target": None if target is None else probability("target", target),
        "visits": None if visits is None else whole("visits", visits, 1, MOST_VISITS),
        "labels": None if labels is None else finite("labels", labels, 0.0),
        "prompts": None if prompts is None else whole("prompts", prompts, 1, 10**12),
        "spread": choice("spread", spread, SPREADS),
        "most_attempts": whole("most_attempts", most_attempts, 1, 1000),
        "most_votes": whole("most_votes", most_votes, 1, 9999),
        "until_accepted": flag("until_accepted", until_accepted),
    }
    patience = LABELS_PATIENCE if target is None else PATIENCE
    patience = patience if most_iterations is None else most_iterations
    question["most_iterations"] = whole("most_iterations", patience, 0, 10**6)
    prices = Prices(
        label=finite("price_label", price_label, 0.0),
        generation=finite("price_generation", price_generation, 0.0),
        filter_call=finite("price_filter_call", price_filter_call, 0.0),
        iteration=finite("price_iteration", price_iteration, 0.0),
    )
    question["prices"] = asdict(prices)
    _fitting(question)
    # What costs more than a float holds costs infinity, and is no answer.
    with np.errstate(over="ignore"):
        return _planned(question, _groups(question["error"], spread), prices)


def _planned(question: dict[str, Any], groups: Groups, prices: Prices) -> Plan:
    aim, least = question["target"], None
    with announced("plans"):
        table = _searched(question, groups, prices, 0.0 if aim is None else aim)
        if aim is None:
            least = float(table.lowest.min())
            aim = max((1.0 + CLOSE) * least, NOTHING)
            worth = table.visits[table.lowest <= aim].tolist()
            table = _searched(question, groups, prices, aim, worth)
    there = table[np.isfinite(table.iterations)]
    if not len(there):
        return Plan(
            reachable=False,
            why_not=_why_not(question, table),
            attempts=0,
            votes=0,
            iterations=0,
            visits=question["visits"],
            error=float(table.lowest.min()),
            least=least,
            labels=np.nan,
            generations=np.nan,
            filter_calls=np.nan,
            cost=np.nan,
            totals=None,
            alternatives=table.iloc[:0],
            at_visits=table.iloc[:0],
            sensitivity=table.iloc[:0],
            question=question,
        )
    _payable(question, there)
    # At free visits what a prompt costs at all of them.
    free = question["visits"] is None and "visits" in there
    paid = there.cost * there.visits if free else there.cost
    ranked = there.assign(paid=paid).sort_values(["paid", "votes", "attempts"], kind="stable")
    best = ranked.drop(columns="paid").iloc[0]
    exact_error, exact_labels, exact_generations = _verified(question, groups, best, aim)
    costs = {
        "labels": exact_labels,
        "generations": exact_generations,
        "filter_calls": float(best.filter_calls),
        "cost": float(best.cost),
    }
    told = question["prompts"] is not None
    return Plan(
        reachable=True,
        why_not=None,
        attempts=int(best.attempts),
        votes=int(best.votes),
        iterations=int(best.iterations),
        visits=int(best.visits) if "visits" in best else None,
        error=exact_error,
        least=least,
        **costs,
        totals=totals(question, groups, best, costs) if told else None,
        alternatives=alternatives(there, best, question["prompts"]),
        at_visits=at_visits(question, groups, prices, best, aim),
        sensitivity=sensitivity(question, groups, prices, best, aim),
        question=question,
    )


def _fitting(question: dict[str, Any]) -> None:
    """Refuse arguments that do not fit together."""
    given = {name: question[name] for name in ("target", "labels", "prompts", "visits")}
    if given["target"] == 0.0:
        raise refuse("target", "above 0: an error of exactly 0 may take for ever", 0.0)
    if given["labels"] == 0.0:
        raise refuse("labels", "above 0", 0.0)
    if given["target"] is None and given["labels"] is None:
        hint = "Labels without a target ask for the least error that they allow."
        raise refuse("target", "given where labels are not", None, hint)
    if given["labels"] is not None and given["prompts"] is None:
        raise refuse("prompts", "given with labels: these are for all prompts together", None)
    if given["prompts"] is not None and given["labels"] is None and given["visits"] is None:
        hint = "In the limit of many visits there is no total."
        raise refuse("visits", "given with prompts, or labels", None, hint)
    if not _numbers_of_visits(question):
        return
    most, settings = (
        max(_numbers_of_visits(question)),
        question["most_attempts"] * len(_votes(question)),
    )
    if settings * (most + 1) ** 2 > LARGEST:
        allowed = f"so few that most_attempts x odd votes x (visits + 1)^2 is at most {LARGEST:,}"
        hint = "Lower most_attempts or most_votes."
        raise refuse("visits", allowed, most, f"There are {settings:,} settings. {hint}")


def _payable(question: dict[str, Any], there: pd.DataFrame) -> None:
    """Refuse prices at which no plan has a finite cost, for all prompts where they are given."""
    many = 1 if question["prompts"] is None else question["prompts"] * there.visits
    if np.isfinite(many * there.cost).any():
        return
    names = [f"price_{name}" for name in question["prices"]]
    most = np.finfo(np.float64).max
    raise refuse(
        f"{', '.join(names[:-1])} and {names[-1]}",
        f"so low that some plan costs at most {most:.2g}",
        tuple(question["prices"].values()),
        "Only their ratios decide: divide them all by one number.",
    )


def _numbers_of_visits(question: dict[str, Any]) -> tuple[int, ...]:
    """Return the visits at which plans are looked for; none stands for the limit."""
    if question["visits"] is not None:
        return (question["visits"],)
    return () if question["labels"] is None else TRIED_VISITS


def _votes(question: dict[str, Any]) -> np.ndarray:
    # At 1/2 and above more looks do not make the filter better.
    return np.arange(1, question["most_votes"] + 1 if question["gamma"] < 0.5 else 2, 2)


def _groups(error: float, spread: str) -> Groups:
    if spread == "responses":
        return Groups(np.array([1.0]), np.array([error]))
    return Groups(np.array([error, 1.0 - error]), np.array([1.0, 0.0]))


def _searched(
    question: dict[str, Any],
    groups: Groups,
    prices: Prices,
    target: float,
    only: Sequence[int] | None = None,
) -> pd.DataFrame:
    """Return every setting until it reaches the target, at each number of visits, with its costs.

    Args:
        question: with the limits.
        groups: the prompts.
        prices: of what is spent.
        target: the error to reach.
        only: of the numbers of visits these.
    """
    until_accepted = question["until_accepted"]

    def price(votes: Any, attempts: Any, labels: Any, tried: Any, iterations: Any) -> Any:
        made = tried if until_accepted else attempts * iterations
        return total(prices, labels, made, made * votes, iterations)

    parts = []
    for visits in _numbers_of_visits(question) or (None,):
        if only is not None and visits not in only:
            continue
        most = np.inf
        if question["labels"] is not None:
            most = question["labels"] / (question["prompts"] * visits)
        grid = search(
            question["beta"],
            question["gamma"],
            groups,
            target,
            np.arange(1, question["most_attempts"] + 1),
            _votes(question),
            question["most_iterations"],
            visits,
            most,
            None if visits is None else price,
            DEAR,
        )
        parts.append(priced(grid, prices, until_accepted, visits))
    return pd.concat(parts, ignore_index=True)


def _verified(
    question: dict[str, Any], groups: Groups, best: pd.Series, target: float
) -> tuple[float, ...]:
    """Run a plan by the exact dynamics, or the exact law at its visits, and hold it against both.

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
    how: dict[str, Any] = {"visits": int(best.visits)} if "visits" in best else {}
    last = simulate(procedure, task, iterations, **how, exact=True).isel(seed=0, iteration=-1)
    found, labels, made = (float(last[name]) for name in ("error", "labels", "generations"))
    wanted = [best.error, best.labels, best.generations]
    good = np.isclose([found, labels, made], wanted, rtol=AGREEMENT, atol=1e-12)
    if not (good.all() and reached(found, target * (1.0 + AGREEMENT))):
        raise RuntimeError(
            f"the exact dynamics reach an error of {found!r} with {labels!r} labels and {made!r} "
            f"generations where the plan says {', '.join(map(repr, wanted))}: please report this"
        )
    return found, labels, made


def _why_not(question: dict[str, Any], table: pd.DataFrame) -> str:
    beta, gamma, target = question["beta"], question["gamma"], question["target"]
    if beta == 0.0:
        return f"no label is ever right (beta = 0), and {_why_not_without_labels(question, table)}"
    if "visits" in table:
        return _why_not_at_visits(question, table)
    most = int(table.attempts.max()), int(table.votes.max())
    several = _counted(*most)
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
        return f"with {several} the error tends to {limit:.4g} (T4); allow more of either"
    return (
        f"in {question['most_iterations']} iterations the error comes down to "
        f"{table.error.min():.4g}; it would get there with more"
    )


def _why_not_without_labels(question: dict[str, Any], table: pd.DataFrame) -> str:
    """Say what keeps the model's own accepted responses from reaching the target."""
    if question["spread"] == "prompts" or question["error"] == 1.0:
        return "a prompt that is failed for certain improves through nothing else (T13)"
    if question["gamma"] >= 0.5:
        return (
            "the filter errs at least half of the time: what it accepts is wrong no less often "
            "than what the model says"
        )
    if "visits" in table:
        return _why_not_at_visits(question, table)
    lowest = float(table.lowest.min())
    told = f"comes down to {lowest:.4g}" if lowest < question["error"] else "does not come down"
    several = _counted(int(table.attempts.max()), int(table.votes.max()))
    return (
        f"with {several} the error {told} in {question['most_iterations']} iterations; more "
        "attempts or votes may help"
    )


def _counted(attempts: int, votes: int) -> str:
    return f"{attempts} attempt{'s' * (attempts > 1)} and {votes} vote{'s' * (votes > 1)}"


def _why_not_at_visits(question: dict[str, Any], table: pd.DataFrame) -> str:
    near = table.loc[table.lowest.idxmin()]
    several, looks, where = (
        f"{int(near[name])} {name[:-1]}{'s' * int(near[name] > 1)}"
        for name in ("attempts", "votes", "visits")
    )
    within = f"in {question['most_iterations']} iterations"
    if question["labels"] is not None:
        within += f" and with {question['labels']:,g} labels in expectation"
    return (
        f"at {where} to a prompt the error comes down to {near.lowest:.4g} at best {within}, with "
        f"{several} and {looks}"
    )
