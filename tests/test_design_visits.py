"""Design for so many visits: on other seeds, against constants, prices kept, exact where it can."""

import dataclasses
import json

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.designs.few import Trials
from boostsim.designs.problem import Problem

# Half of the prompts are helpless, and two visits a prompt leave a few labels to each.
TASK = bs.random_table(5, prompts=12, responses=4, solvable=0.5)
LABELS_ALONE = bs.Prices(1.0, 0.0, 0.0)
SCHEDULE = bs.Knob(0.0, 1.0, per_iteration=True)
FEW = {"steps": 12, "restarts": 1, "grid": 40, "seeds": 4}
BOOSTING = bs.boosting(attempts=3, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.4))


@pytest.fixture(scope="module")
def scheduled():
    goal = bs.Objective(BOOSTING, TASK, 8, spend=0.8, prices=LABELS_ALONE)
    return goal, bs.design(goal, {"budget": SCHEDULE}, visits=3, **FEW)


def run(goal, budget, seeds):
    procedure = dataclasses.replace(goal.procedure, budget=budget)
    prices = goal.prices
    return bs.simulate(procedure, TASK, 8, visits=3, seeds=seeds, key=0, prices=prices)


def test_the_score_is_that_of_runs_on_the_seeds_that_chose_it(scheduled):
    goal, found = scheduled
    chosen = run(goal, found.values["budget"], range(4))
    assert found.score == pytest.approx(chosen.error.values[:, 1:].mean(), rel=1e-12)
    assert found.few.score == found.score
    # On average no more is drawn than budgets add up to.
    least = min(float(chosen.cost[:, -1].mean()), sum(found.values["budget"]))
    assert least <= 0.8 * (1 + 1e-9)
    assert found.procedure.budget == found.values["budget"]
    others = run(goal, found.values["budget"], range(4, 8))
    scores = others.error.values[:, 1:].mean(axis=1)
    np.testing.assert_allclose(found.few.held_out["score"], scores, rtol=1e-12)
    assert found.trace.equals(others)
    assert found.cost == pytest.approx(float(others.cost[:, -1].mean()))
    np.testing.assert_allclose(found.bought.sum(), others.labels[:, -1].mean())


def test_no_constant_that_can_be_paid_is_better_on_the_seeds_that_chose(scheduled):
    """All of them up to a fiftieth, run one by one; most of a large budget is not bought."""
    goal, found = scheduled
    errors = {}
    for level in np.linspace(0.0, 1.0, 51):
        trace = run(goal, tuple(np.full(8, level)), range(4))
        if float(trace.cost[:, -1].mean()) <= 0.8:
            errors[level] = float(trace.error.values[:, 1:].mean())
    assert found.few.constant <= min(errors.values()) + 0.02
    assert found.score <= found.few.constant
    assert found.score <= found.few.limit
    # Budgets that add up to more than what may be spent are among them.
    assert max(errors) * 8 > 0.8


def test_what_is_best_in_the_limit_is_one_of_the_choices(scheduled):
    goal, found = scheduled
    limit = bs.design(goal, {"budget": SCHEDULE}, **FEW)
    assert limit.few is None
    assert limit.score == pytest.approx(float(limit.trace.error[0, 1:].mean()), rel=1e-12)
    there = run(goal, limit.values["budget"], range(4))
    assert found.few.limit == pytest.approx(there.error.values[:, 1:].mean(), rel=1e-12)
    assert found.grid == limit.grid
    # All at once is best in the limit, and not at three visits.
    assert limit.values["budget"][0] == pytest.approx(0.8)
    assert found.few.score < found.few.limit
    assert found.few.margin("limit")[0] > 0.0


def test_it_says_how_it_was_chosen_and_what_it_is_worth(scheduled):
    found = scheduled[1]
    told = found.summary()
    assert "at 3 visits to a prompt" in told
    assert "on 4 seeds, of" in told
    assert "On 4 other seeds it has" in told
    gained, error = found.few.margin("constant")
    differences = found.few.held_out["constant"] - found.few.held_out["score"]
    assert gained == pytest.approx(differences.mean())
    assert error == pytest.approx(differences.std(ddof=1) / 2.0)
    few = dataclasses.replace(found.few, costs={**found.few.costs, "score": np.full(4, 0.8)})
    found = dataclasses.replace(found, few=few)
    assert found.few.rivals == ["constant", "limit"]
    assert found.confirmed == all(
        found.few.margin(name)[0] >= 0.0 for name in ("constant", "limit")
    )
    worse = dataclasses.replace(few, held_out={"score": np.ones(4), "limit": np.zeros(4)})
    doubted = dataclasses.replace(found, few=worse)
    assert not doubted.confirmed
    assert "Not confirmed: another choice is better" in doubted.summary()
    record = json.loads(found.to_json())
    assert record["few_visits"]["visits"] == 3
    assert len(record["few_visits"]["held_out"]["constant"]) == 4
    assert len(record["few_visits"]["costs"]["limit"]) == 4
    assert "other seeds" in found._repr_html_()
    assert len(found.plot().axes) == 2


def test_budgets_that_add_up_to_the_price_are_paid_for_whatever_is_drawn(scheduled):
    """What is drawn is as much on average: above it or below it by chance alone."""
    goal = dataclasses.replace(scheduled[0], spend=0.3)
    with jax.enable_x64(True):
        problem = Problem.of(goal, {"budget": SCHEDULE})
    all_at_once = {"budget": np.array([0.3, *[0.0] * 7])}
    above = []
    for seed in range(6):
        trials = Trials(goal, problem, 3, range(4), jax.random.key(seed))
        with jax.enable_x64(True):
            assert np.isfinite(trials.of(all_at_once))
            # What adds up to more is judged by what it costs.
            assert trials.of({"budget": np.full(8, 0.9)}) == np.inf
        above.append(float(trials.trace(all_at_once).cost[:, -1].mean()) > 0.3)
    assert {*above} == {True, False}


def test_what_cannot_be_paid_is_no_rival_and_an_answer_that_costs_too_much_is_told(scheduled):
    found = scheduled[1]
    held_out = {"score": np.ones(4), "constant": np.full(4, 2.0), "limit": np.zeros(4)}
    costs = {"score": np.full(4, 0.8), "constant": np.full(4, 0.7), "limit": np.full(4, 1.25)}
    few = dataclasses.replace(found.few, limit=np.inf, within=False, held_out=held_out, costs=costs)
    unpaid = dataclasses.replace(found, few=few)
    assert unpaid.few.rivals == ["constant"]
    assert unpaid.confirmed
    told = unpaid.summary()
    assert "What is best in the limit costs 1.25 there, more than may be spent, for 0." in told
    assert "Not confirmed" not in told
    costs["score"] = np.array([0.8, 0.8, 0.8, 0.81])
    assert unpaid.confirmed
    # By Student's t at three degrees of freedom, 3.18 standard errors.
    costs["score"] = np.array([0.83, 0.81, 0.81, 0.81])
    assert unpaid.confirmed
    costs["score"] = np.array([0.83, 0.82, 0.82, 0.81])
    assert not unpaid.confirmed
    assert "Not confirmed: on the other seeds it costs more than may be spent." in unpaid.summary()
    # On average budgets that add up to no more are paid for.
    within = dataclasses.replace(unpaid, few=dataclasses.replace(few, within=True))
    assert within.confirmed


def test_one_budget_for_all_iterations_may_add_up_to_more_than_the_price(scheduled):
    """Most of it is not bought later on; against every constant up to a fiftieth."""
    goal = scheduled[0]
    found = bs.design(goal, {"budget": (0.0, 1.0)}, visits=3, **FEW)
    errors = {}
    for level in np.linspace(0.02, 1.0, 50):
        trace = run(goal, float(level), range(4))
        if float(trace.cost[:, -1].mean()) <= 0.8:
            errors[level] = float(trace.error.values[:, 1:].mean())
    assert found.score <= min(errors.values()) + 0.02
    assert 8 * found.values["budget"] > 0.8


def test_without_a_budget_the_exact_law_chooses():
    """Votes and the weight of labels, against all odd votes by the exact law."""
    procedure = dataclasses.replace(BOOSTING, label_weight=0.5, keep="one")
    prices = bs.Prices(filter_call=0.02)

    def score(run):
        return run["error"][-1] + run["cost"][-1]

    goal = bs.Objective(procedure, TASK, 3, score=score, prices=prices)
    found = bs.design(goal, {"votes": (1, 5)}, visits=2, **FEW)
    assert found.few.exact
    assert found.few.seeds == 0
    scores = []
    for votes in (1, 3, 5):
        filt = bs.NoisyFilter(0.1, votes=votes)
        turned = dataclasses.replace(procedure, filter=filt)
        trace = bs.simulate(turned, TASK, 3, visits=2, exact=True, prices=prices)
        scores.append(float(trace.error[0, -1] + trace.cost[0, -1]))
    assert found.score == pytest.approx(min(scores), rel=1e-12)
    assert found.values["votes"] == (1, 3, 5)[int(np.argmin(scores))]
    assert "by the exact law there" in found.summary()
    assert found.few.held_out["score"].tolist() == [found.score]


def test_bad_visits_and_seeds():
    goal = bs.Objective(BOOSTING, TASK, 2)
    for changes, message in (
        ({"visits": 0}, "visits must be a whole number of at least 1; got 0"),
        ({"visits": 1.5}, "visits must be a whole number"),
        ({"visits": 2, "seeds": 1}, "seeds must be a whole number of at least 2; got 1"),
        ({"seeds": "4"}, "seeds must be a whole number"),
    ):
        with pytest.raises(ValueError, match=message):
            bs.design(goal, {"budget": (0.0, 0.5)}, **changes)
