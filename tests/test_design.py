"""Design by gradient: knobs, gradients, known answers, prices, and what is refused."""

import dataclasses
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.designs.grid import points, tried
from boostsim.designs.knobs import KNOBS
from boostsim.designs.problem import Problem, turned
from boostsim.simulation.tables.continuous import World
from boostsim.simulation.tables.prepare import prepare

TASK = bs.random_table(5, prompts=12, responses=4, solvable=0.5)
WORLD = World(None, TASK, frozenset(), None)
HELPLESS = bs.random_table(0, prompts=10, solvable=0.0)
LABELS_ALONE = bs.Prices(1.0, 0.0, 0.0)
SCHEDULE = bs.Knob(0.0, 1.0, per_iteration=True)
QUICK = {"steps": 150, "restarts": 2, "grid": 100}
# Knobs that one structure serves, here and below.
BOTH = {"budget": SCHEDULE, "real_share": bs.Knob(0.0, 0.5, per_iteration=True)}


def soft(**slots):
    """A procedure that has every knob."""
    slots = {
        "attempts": 3,
        "filter": bs.NoisyFilter(0.2),
        "labeler": bs.WeakLabeler(0.4),
        "criterion": bs.criteria.difficulty(0.3),
        "budget": 0.1,
        "regime": "anchor",
        "real_share": 0.2,
    } | slots
    return bs.boosting(**slots)


@pytest.mark.parametrize("keep", ["one", "all"])
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("budget", 0.07),
        ("budget", np.array([0.1, 0.0, 0.3])),
        ("real_share", 0.4),
        ("real_share", np.array([0.1, 0.0, 0.3])),
        ("temperature", 0.11),
        ("votes", 1),
        ("votes", 5),
    ],
)
def test_a_knob_says_to_the_arrays_what_it_says_to_the_procedure(name, value, keep):
    start = soft(keep=keep)
    with jax.enable_x64(True):
        structure, parameters = prepare(start, TASK, sampled=False)
        held = KNOBS[name].number.held(WORLD._replace(procedure=start))
        turned = KNOBS[name].number.arrays(structure, parameters, held, jnp.asarray(value))
        wanted = prepare(KNOBS[name].number.turn(start, value), TASK, sampled=False)
    assert wanted[0] == structure
    for got, want in zip(jax.tree.leaves(turned), jax.tree.leaves(wanted[1]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=0.0)


@pytest.mark.parametrize(
    ("name", "start", "value"),
    [
        ("label_weight", 0.5, 1.5),
        ("label_weight", [0.5] * 3, np.array([1.0, 0.2, 4.0])),
        ("label_share", 0.5, 0.2),
        ("label_share", [0.5] * 3, np.array([0.1, 0.2, 0.9])),
    ],
)
def test_what_labels_weigh_is_a_knob(name, start, value):
    """The arrays say what the procedure says, and the slope is the difference of runs."""
    procedure = soft(**{name: start}, keep="all", labels_per_visit=2)
    with jax.enable_x64(True):
        structure, parameters = prepare(procedure, TASK, sampled=False)
        turned = KNOBS[name].number.arrays(structure, parameters, None, jnp.asarray(value))
        wanted = prepare(KNOBS[name].number.turn(procedure, value), TASK, sampled=False)
    assert wanted[0] == structure
    for got, want in zip(jax.tree.leaves(turned), jax.tree.leaves(wanted[1]), strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-14, atol=0.0)
    if np.ndim(value):
        return
    usual = soft(keep="all", labels_per_visit=2)
    goal = bs.Objective(usual, TASK, 3)
    with jax.enable_x64(True):
        # From 1 on: there a weight is none.
        problem = Problem.of(goal, {name: bs.Knob(*((1.0, 2.0), (0.1, 0.9))[name[6:] == "share"])})
        slope = jax.grad(problem.score_of)({name: jnp.asarray(value)})[name]

    def run(value):
        changed = dataclasses.replace(usual, **{name: value})
        return bs.simulate(changed, TASK, 3).error.values[0, 1:].mean()

    difference = (run(value + 1e-6) - run(value - 1e-6)) / 2e-6
    np.testing.assert_allclose(slope, difference, rtol=1e-5)


def test_votes_between_odd_numbers_are_a_mixture_of_both():
    start = soft()
    with jax.enable_x64(True):
        structure, parameters = prepare(start, TASK, sampled=False)
        held = KNOBS["votes"].number.held(WORLD._replace(procedure=start))
        turned = KNOBS["votes"].number.arrays(structure, parameters, held, jnp.asarray(3.5))
    few, many = (bs.NoisyFilter(0.2, votes=votes).accept for votes in (3, 5))
    mixed = 0.75 * np.array(few) + 0.25 * np.array(many)
    np.testing.assert_allclose(turned.accept[:, 0], mixed, rtol=1e-14)


@pytest.mark.parametrize("score", ["average_error", "final_error"])
@pytest.mark.parametrize("criterion", [bs.criteria.failed, bs.criteria.difficulty(0.3)])
def test_gradients_are_the_differences_of_runs(score, criterion):
    budget, share, nudge = np.array([0.05, 0.2, 0.1, 0.02]), np.array([0.3, 0.1, 0.2, 0.5]), 1e-6
    start = soft(criterion=criterion)
    goal = bs.Objective(start, TASK, 4, score=score)
    knobs = {"budget": SCHEDULE, "real_share": SCHEDULE}
    values = {"budget": budget, "real_share": share}
    with jax.enable_x64(True):
        problem = Problem.of(goal, knobs)
        slopes = jax.grad(problem.score_of)(jax.tree.map(jnp.asarray, values))

    def run(values):
        error = bs.simulate(turned(start, values), TASK, 4).error.values[0]
        return error[1:].mean() if score == "average_error" else error[-1]

    for name, value in values.items():
        for place in range(4):
            step = nudge * np.eye(4)[place]
            ends = [run(values | {name: value + sign * step}) for sign in (1, -1)]
            slope = (ends[0] - ends[1]) / (2 * nudge)
            np.testing.assert_allclose(slopes[name][place], slope, rtol=1e-5, atol=1e-9)


def test_gradients_of_temperature_and_votes_are_the_differences_of_runs():
    start = soft(regime="replace", real_share=None)
    goal = bs.Objective(start, TASK, 4)
    with jax.enable_x64(True):
        problem = Problem.of(goal, {"temperature": bs.Knob(0.1, 1.0), "votes": bs.Knob(1, 5)})
        at = {"temperature": jnp.asarray(0.3), "votes": jnp.asarray(3.0 + 1e-9)}
        slopes = jax.grad(problem.score_of)(at)

    def run(temperature, filt):
        rule = bs.criteria.difficulty(temperature)
        changed = dataclasses.replace(start, criterion=rule, filter=filt)
        return bs.simulate(changed, TASK, 4).error.values[0, 1:].mean()

    @dataclasses.dataclass(frozen=True)
    class Mixed:
        """A share of the responses gets five votes, the others three."""

        share: float
        looks, generates, persistent = 3, True, False

        def mixed(self, side):
            pairs = (getattr(bs.NoisyFilter(0.2, votes=votes), side) for votes in (3, 5))
            few, many = map(np.array, pairs)
            return tuple((1.0 - self.share) * few + self.share * many)

        @property
        def accept(self):
            return self.mixed("accept")

        @property
        def reject(self):
            return self.mixed("reject")

    three = bs.NoisyFilter(0.2, votes=3)
    slope = (run(0.3 + 1e-6, three) - run(0.3 - 1e-6, three)) / 2e-6
    np.testing.assert_allclose(slopes["temperature"], slope, rtol=1e-5)
    # From 3 votes to 5 the share goes from 0 to 1.
    slope = (run(0.3, Mixed(1e-6)) - run(0.3, Mixed(0.0))) / 2e-6
    np.testing.assert_allclose(slopes["votes"], slope, rtol=1e-4)


def test_a_designed_share_of_labels_is_the_best_of_many():
    """Identical prompts, one attempt: noise wants some labels, and weak labels want few (T16)."""
    task = bs.table_task([[1, 0]] * 2, initial=[[0.3, 0.7]] * 2)
    start = bs.boosting(filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.6))
    goal = bs.Objective(start, task, 6, score="final_error")
    found = bs.design(goal, {"label_share": (0.01, 0.99)}, steps=60, restarts=1, grid=20)
    score = {
        share: bs.simulate(dataclasses.replace(start, label_share=share), task, 6).error.values[
            0, 6
        ]
        for share in np.linspace(0.01, 0.99, 15)
    }
    assert found.score <= min(score.values()) + 1e-9
    assert found.procedure.label_share == found.values["label_share"]


def test_where_attempts_stop_early_a_design_counts_those_that_were_made():
    early = bs.boosting(
        attempts=4, filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.5), until_accepted=True
    )
    prices = bs.Prices(1.0, 0.1, 0.01)
    goal = bs.Objective(early, TASK, 3, score=lambda run: run["cost"][-1], prices=prices)
    found = bs.design(goal, {"budget": (0.01, 0.5)}, steps=20, restarts=1, grid=5)
    trace = bs.simulate(found.procedure, TASK, 3, prices=prices)
    assert found.score == pytest.approx(float(trace.cost[0, -1]), rel=1e-12)
    assert float(trace.generations[0, -1]) < 12.0
    with pytest.raises(ValueError, match="spend must be None where attempts stop at the first"):
        bs.Objective(early, TASK, 3, spend=1.0)


def bought(labeler):
    """Labels for everybody, nothing else, and all data are kept.

    With B_t labels so far beside one example of the first model, which is wrong, the error is
    1 - sum_s beta_s b_s / (1 + B_t).
    """
    return bs.labels_only(labeler=labeler, regime="accumulate")


def test_labels_come_first_where_their_worth_does_not_change():
    beta, most, spend, length = 0.5, 0.2, 0.5, 5
    worth = bought(bs.WeakLabeler(beta))
    goal = bs.Objective(worth, HELPLESS, length, spend=spend, prices=LABELS_ALONE)
    found = bs.design(goal, {"budget": bs.Knob(0.0, most, per_iteration=True)}, **QUICK)
    so_far = np.minimum(np.cumsum(np.full(length, most)), spend)
    assert found.score == pytest.approx((1.0 - beta * so_far / (1.0 + so_far)).mean(), rel=1e-3)
    assert found.values["budget"] == pytest.approx(np.diff(so_far, prepend=0.0), abs=5e-3)
    assert found.confirmed


def test_labels_wait_for_a_labeler_that_gets_better():
    learning = bought(bs.DriftingLabeler(0.1, later=bs.WeakLabeler(0.6), between=(2, 5)))
    goal = bs.Objective(learning, HELPLESS, 5, score="final_error", spend=0.3, prices=LABELS_ALONE)
    found = bs.design(goal, {"budget": SCHEDULE}, **QUICK)
    assert found.values["budget"] == pytest.approx([0.0, 0.0, 0.0, 0.0, 0.3], abs=2e-3)
    assert found.score == pytest.approx(1.0 - 0.6 * 0.3 / 1.3, rel=1e-3)
    assert found.cost == pytest.approx(0.3)
    assert found.score < found.constant


def test_numbers_are_as_good_as_the_best_of_many_runs():
    """Temperature and votes against all odd votes and two hundred temperatures, run one by one."""
    start = soft(regime="replace", real_share=None, budget=0.05)
    prices = bs.Prices(filter_call=0.002)

    def score(run):
        return run["error"][-1] + 0.5 * run["cost"][-1]

    goal = bs.Objective(start, TASK, 6, score=score, prices=prices)
    found = bs.design(goal, {"temperature": (0.02, 2.0), "votes": (1, 9)}, **QUICK)

    def run(temperature, votes):
        rule = bs.criteria.difficulty(temperature)
        filt = bs.NoisyFilter(0.2, votes=votes)
        changed = dataclasses.replace(start, criterion=rule, filter=filt)
        trace = bs.simulate(changed, TASK, 6, prices=prices)
        return float(trace.error[0, -1] + 0.5 * trace.cost[0, -1])

    temperatures = np.geomspace(0.02, 2.0, 30)
    best = min(run(each, votes) for each in temperatures for votes in (1, 3, 5, 7, 9))
    assert found.score <= best + 1e-9
    assert found.score == pytest.approx(
        run(found.values["temperature"], found.procedure.filter.votes)
    )
    assert found.values["votes"] in (1, 3, 5, 7, 9)
    assert np.isnan(found.constant)


# Of each kind of budget one program.
values_of, shown_at = jax.jit(Problem.values), jax.jit(Problem.shown)


@pytest.mark.parametrize("per_iteration", [True, False])
@settings(max_examples=8, deadline=None)
@given(st.data())
def test_no_point_of_the_search_costs_more_than_may_be_spent(per_iteration, data):
    spend = data.draw(st.floats(1.0, 3.0))
    goal = bs.Objective(soft(attempts=2), TASK, 3, spend=spend, prices=bs.Prices(1.0, 0.1, 0.01))
    numbers = st.floats(-5.0, 5.0) if per_iteration else st.floats(0.0, 1.0)
    # Four shares: three iterations, and what is not spent.
    budget = data.draw(st.lists(numbers, min_size=4, max_size=4) if per_iteration else numbers)
    votes = data.draw(st.floats(0.0, 1.0))
    with jax.enable_x64(True):
        problem = Problem.of(
            goal, {"budget": bs.Knob(0.0, 2.0, per_iteration), "votes": bs.Knob(1, 9)}
        )
        point = {"budget": jnp.asarray(budget), "votes": jnp.asarray(votes)}
        values = values_of(problem, point)
        shown = shown_at(problem, values)
        assert float(shown["cost"][-1]) <= spend * (1.0 + 1e-12)
    # The filter of the relaxed run looks between odd numbers of times; of an odd one it is a run.
    with jax.enable_x64(True):
        values = {**values, "votes": jnp.asarray(3.0)}
        shown = shown_at(problem, values)
    trace = bs.simulate(turned(goal.procedure, {**values, "votes": 3}), TASK, 3, prices=goal.prices)
    for name, column in shown.items():
        np.testing.assert_allclose(trace[name].values[0], column, rtol=1e-12, atol=1e-300)


STUBBORN = bs.boosting(
    attempts=2, filter=bs.NoisyFilter(0.2, persistent=True), labeler=bs.WeakLabeler(0.4)
)


def test_what_is_designed_where_verdicts_persist_is_the_run_with_its_key():
    goal = bs.Objective(STUBBORN, TASK, 3, key=7)
    with jax.enable_x64(True):
        problem = Problem.of(goal, {"budget": SCHEDULE})
        score = jax.jit(Problem.score_of)(problem, {"budget": jnp.array([0.3, 0.0, 0.1])})
    run = bs.simulate(dataclasses.replace(STUBBORN, budget=[0.3, 0.0, 0.1]), TASK, 3, key=7)
    assert float(score) == pytest.approx(float(run.error[0, 1:].mean()), rel=1e-12)
    with pytest.raises(ValueError, match="key must be given where verdicts persist"):
        bs.design(bs.Objective(STUBBORN, TASK, 3), {"budget": SCHEDULE})


def test_a_design_of_persistent_verdicts_is_of_the_run_with_its_key():
    goal = bs.Objective(STUBBORN, TASK, 3, spend=0.3, prices=LABELS_ALONE, key=7)
    found = bs.design(goal, {"budget": SCHEDULE}, steps=40, restarts=1, grid=10)
    again = bs.simulate(found.procedure, TASK, 3, key=7)
    assert found.score == pytest.approx(float(again.error[0, 1:].mean()), rel=1e-14)
    same = bs.design(goal, {"budget": SCHEDULE}, steps=40, restarts=1, grid=10)
    assert same.to_json() == found.to_json()


def test_a_design_that_its_checks_do_not_confirm_says_so():
    goal = bs.Objective(soft(), TASK, 3, score="final_error", spend=0.6)
    found = bs.design(goal, {"budget": SCHEDULE, "votes": (1, 9)}, steps=1, restarts=1, grid=100)
    assert found.score <= found.grid
    assert not found.confirmed
    assert "Not confirmed" in found.summary()
    told = json.loads(found.to_json())
    assert told["confirmed"] is False
    assert told["procedure"]["filter"]["votes"] == found.values["votes"]
    assert "budget:" in found.summary()
    assert len(found.plot().axes) == 2
    assert told["labels_bought"] == pytest.approx(np.diff(found.trace.labels.values[0]))
    assert set(told["knobs"]) == {"budget", "votes"}


def compiled(caplog):
    """Return the programs that were compiled while JAX told of them."""
    return [each.message for each in caplog.records if "XLA compilation" in each.message]


@pytest.mark.parametrize("knobs", [BOTH, {"budget": SCHEDULE, "votes": bs.Knob(1, 9)}])
def test_a_design_of_one_structure_compiles_nothing_the_second_time(knobs, caplog):
    """Its task, filter, labeler, bounds, prices, key and steps are numbers."""
    goal = bs.Objective(soft(), TASK, 3, score="final_error", spend=0.6)
    with jax.log_compiles():
        bs.design(goal, knobs, grid=100, steps=1, restarts=1)
        caplog.clear()
        other = dataclasses.replace(
            goal,
            procedure=soft(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.6), real_share=0.1),
            task=bs.random_table(6, prompts=12, responses=4, solvable=0.3),
            spend=0.9,
            prices=bs.Prices(2.0, 0.02, 0.0005, 0.01),
        )
        knobs = {
            name: dataclasses.replace(knob, high=0.7 * knob.high) for name, knob in knobs.items()
        }
        found = bs.design(other, knobs, grid=200, key=3, steps=20, restarts=1)
        assert compiled(caplog) == []
        # That it would be told.
        jax.jit(lambda x: x + 1)(0)
        assert len(compiled(caplog)) == 1
    again = bs.simulate(found.procedure, other.task, 3, prices=other.prices)
    assert found.score == pytest.approx(float(again.error[0, -1]), rel=1e-14)
    assert found.score <= found.grid * (1.0 + 1e-12)
    assert found.cost <= other.spend


def test_a_score_is_known_by_what_it_computes(caplog):
    """A function made anew is the same score; one that reads other numbers is another."""

    def scores(weight):
        scale = jnp.full(4, weight)

        def score(run):
            return jax.jit(lambda error: jnp.sum(scale * error))(run["error"])

        with jax.enable_x64(True):
            goal = bs.Objective(soft(), TASK, 3, score=score)
            problem = Problem.of(goal, {"temperature": bs.Knob(0.1, 1.0)})
            return tried(problem, points(problem, 5))

    one = scores(1.0)
    with jax.log_compiles():
        caplog.clear()
        assert (scores(1.0) == one).all()
        assert compiled(caplog) == []
        assert scores(2.0) == pytest.approx(2.0 * one, rel=1e-12)


@pytest.mark.parametrize("spend", [0.3, 0.8])
def test_one_budget_for_all_iterations_is_the_best_that_is_paid_for(spend):
    """Few visits fail later on, so it adds up to more than the price; against a scan of them."""
    task = bs.table_task([[1, 0]] * 2, [0.7, 0.3], [[0, 1], [1, 0]])
    procedure = bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.5))
    goal = bs.Objective(procedure, task, 10, spend=spend, prices=LABELS_ALONE)
    found = bs.design(goal, {"budget": (0.0, 1.0)}, **QUICK)
    errors = {}
    for budget in np.linspace(0.0, 1.0, 201)[1:]:
        scanned = dataclasses.replace(procedure, budget=float(budget))
        trace = bs.simulate(scanned, task, 10, prices=LABELS_ALONE)
        if float(trace.cost[0, -1]) <= spend:
            errors[budget] = float(trace.error[0, 1:].mean())
    best = min(errors, key=errors.get)
    assert 10 * best > 2 * spend or best > 0.4
    assert errors[best] * (1 - 0.02) <= found.score <= errors[best] * (1 + 1e-9)
    assert found.cost <= spend * (1 + 1e-9)
    assert found.confirmed


def test_a_low_that_adds_up_to_more_may_be_paid_for():
    """Few visits fail later on; what no run pays for is refused with the dearest that one does."""
    task = bs.random_table(3, prompts=8, solvable=1.0)
    procedure = bs.boosting(filter=bs.NoisyFilter(0.01), labeler=bs.WeakLabeler(0.9))
    goal = bs.Objective(procedure, task, 3, spend=0.546, prices=LABELS_ALONE)

    def cost(budget):
        run = dataclasses.replace(procedure, budget=budget)
        return float(bs.simulate(run, task, 3, prices=LABELS_ALONE).cost[0, -1])

    assert 3 * 0.3 > 0.546 > cost(0.3)
    with jax.enable_x64(True):
        problem = Problem.of(goal, {"budget": bs.Knob(0.3, 1.0)})
        dearest = float(problem.paid({"budget": 1.0})["budget"])
    assert cost(dearest) == pytest.approx(0.546, rel=1e-4)
    tight = dataclasses.replace(goal, spend=0.41)
    with pytest.raises(ValueError, match="the dearest whose run is") as told:
        bs.design(tight, {"budget": (0.3, 1.0)})
    dearest = float(str(told.value).split("a low below ")[1].split(",")[0])
    assert dearest < 0.3
    assert cost(dearest) == pytest.approx(0.41, rel=1e-4)


def test_the_dearest_budget_moves_with_other_knobs_as_its_equation_says():
    """Its slope along a temperature, and that of the score there, against differences."""
    goal = bs.Objective(soft(), TASK, 4, spend=0.25, prices=LABELS_ALONE)
    knobs = {"budget": bs.Knob(0.0, 1.0), "temperature": bs.Knob(0.05, 1.0)}
    with jax.enable_x64(True):
        problem = Problem.of(goal, knobs)

        def score(temperature):
            point = {"budget": jnp.asarray(1.0), "temperature": temperature}
            shown = problem.shown(problem.values(point))
            return problem.score.of(shown), shown["cost"][-1]

        at, step = 0.5, 0.02
        scores = jax.jit(jax.value_and_grad(score, has_aux=True))
        slope = float(scores(at)[1])
        (above, _), (below, _) = scores(at + step)[0], scores(at - step)[0]
        spent = float(scores(at)[0][1])
    assert spent == pytest.approx(0.25, rel=1e-5)
    assert spent <= 0.25
    assert slope == pytest.approx(float(above - below) / (2 * step), rel=0.02)


def test_a_price_that_leaves_next_to_nothing_for_labels_is_refused():
    least = 3 * 4 * (0.01 + 0.001)
    goal = bs.Objective(
        bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.5)),
        TASK,
        3,
        spend=np.nextafter(least, 1.0),
    )
    with pytest.raises(ValueError, match=r"spend must be above 0\.132, what the attempts"):
        bs.design(goal, {"budget": (0.0, 1.0), "votes": (1, 5)}, **QUICK)


def test_the_best_constant_is_never_beaten_by_worse():
    """Where labels do harm the least that is bought is best, and the search has to find it."""
    task = bs.random_table(0, prompts=20, responses=4, solvable=0.7)
    even = bs.random_labels(labeler=bs.WeakLabeler(0.2), rate=0.1)
    goal = bs.Objective(even, task, 4, spend=0.2, prices=bs.Prices(1.0, 0.0, 0.0))
    found = bs.design(goal, {"budget": SCHEDULE}, **QUICK)
    spent = [
        bs.simulate(dataclasses.replace(even, budget=budget), task, 4)
        for budget in np.concatenate([[0.0], np.geomspace(1e-4, 0.05, 40)])
    ]
    assert found.score <= min(float(run.error[0, 1:].mean()) for run in spent) + 1e-9
    assert found.score <= found.constant
    # What is not spent is a share of its own.
    assert sum(found.values["budget"]) < 0.15

    def trade(run):
        return run["error"][-1] + 2.0 * run["labels"][-1]

    hard = bs.random_table(0, prompts=50, responses=8, solvable=0.5)
    four = bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))
    found = bs.design(bs.Objective(four, hard, 10, score=trade), {"budget": SCHEDULE}, **QUICK)
    few = bs.simulate(dataclasses.replace(four, budget=0.0005), hard, 10)
    assert found.score <= float(few.error[0, -1] + 2.0 * few.labels[0, -1])


def test_schedules_that_never_change_are_found_one_by_one():
    goal = bs.Objective(soft(), TASK, 3, score="final_error", spend=0.6)
    found, again = (bs.design(goal, BOTH, steps=20, restarts=1, grid=20) for _ in range(2))
    alone = bs.simulate(dataclasses.replace(soft(), real_share=0.5, budget=0.0), TASK, 3)
    assert found.constant <= float(alone.error[0, -1])
    assert again.to_json() == found.to_json()


@pytest.mark.parametrize("low", [0.02, 0.1, 1.0])
def test_knobs_have_a_slope_at_their_ends(low):
    knob, high = bs.Knob(low, 2.0), 2.0
    with jax.enable_x64(True):
        for unit, value in ((0.0, low), (1.0, high)):
            slope = jax.grad(knob.from_unit)(jnp.asarray(unit))
            assert slope == pytest.approx(value * np.log(high / low), rel=1e-12)
            there = float(knob.from_unit(jnp.asarray(unit)))
            assert low <= there <= high
            assert there == pytest.approx(value, rel=1e-14)


ONCE = bs.boosting(filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.4))


def test_votes_that_leave_nothing_for_labels_are_left_out():
    """Five votes would use up the price to the last digit."""
    goal = bs.Objective(ONCE, TASK, 4, spend=1.0, prices=bs.Prices(1.0, 0.0, 0.05))
    knobs = {"budget": bs.Knob(0.0, 0.5), "votes": bs.Knob(1, 9)}
    with jax.enable_x64(True):
        assert Problem.of(goal, knobs).votes() == [1, 3]
    with pytest.raises(ValueError, match="the dearest whose run is paid for"):
        bs.design(goal, {"budget": (0.5, 1.0)})


def test_a_low_that_more_votes_leave_too_little_for_is_kept_by_fewer():
    goal = bs.Objective(ONCE, TASK, 4, spend=1.0, prices=bs.Prices(1.0, 0.0, 0.05))
    found = bs.design(goal, {"budget": (0.15, 0.5), "votes": (1, 9)}, **QUICK)
    assert found.values["budget"] >= 0.15 * (1 - 1e-9)
    assert found.cost <= 1.0 + 1e-9


def test_no_design_has_votes_that_leave_nothing_for_labels():
    goal = bs.Objective(ONCE, TASK, 4, spend=1.0, prices=bs.Prices(1.0, 0.0, 0.05))
    found = bs.design(goal, {"budget": (0.0, 1.0), "votes": (1, 9)}, steps=5, restarts=1, grid=9)
    assert found.values["votes"] in (1.0, 3.0)
    assert found.cost <= 1.0
    # More votes than one would leave less than the least budget.
    least = bs.design(goal, {"budget": (0.15, 0.5), "votes": (1, 9)}, steps=5, restarts=1, grid=9)
    assert least.values["votes"] == 1.0
    assert least.values["budget"] >= 0.15


def above(run):
    """How often the error is above a fifth, and no number from a first model that knows nothing."""
    often = jnp.sum(run["error"] > 0.2) * 1.0
    return jnp.where(run["error"][0] < 1.0, often, jnp.nan)


def test_a_score_without_a_slope_is_not_confirmed():
    knobs, quick = {"temperature": (0.1, 1.0)}, {"steps": 3, "restarts": 1, "grid": 5}
    found = bs.design(bs.Objective(soft(), TASK, 3, score=above), knobs, **quick)
    assert found.flat == 2
    assert not found.confirmed
    assert "no slope at any start" in found.summary()
    nothing = bs.random_table(5, prompts=12, responses=4, solvable=0.0)
    with pytest.raises(ValueError, match=r"score 'above' must be finite; got nan"):
        bs.design(bs.Objective(soft(), nothing, 3, score=above), knobs, **quick)


def test_one_answer_alone_is_confirmed():
    found = bs.design(bs.Objective(ONCE, TASK, 3), {"votes": (2, 4)}, steps=5, restarts=1)
    assert found.values == {"votes": 3.0}
    assert found.confirmed
    ending = dataclasses.replace(found, knobs={"votes": bs.Knob(1, 3)})
    assert "votes: 3, its high bound" in ending.summary()


def test_what_ends_at_a_bound_says_so():
    found = bs.design(bs.Objective(soft(), TASK, 3), {"votes": (1, 9)}, steps=20, restarts=1)
    assert "votes: 9, its high bound" in found.summary()


def test_a_temperature_is_of_the_rule_that_has_one_and_of_no_namesake():
    class Namesake:
        __name__ = "difficulty(0.3)"

        def __call__(self, visits):
            return visits.pass_rate

    goal = bs.Objective(
        soft(criterion=bs.criterion(Namesake(), allocation="proportional")), TASK, 3
    )
    assert goal.procedure.criterion.name == bs.criteria.difficulty(0.3).name
    with pytest.raises(ValueError, match=r"not bs.criteria.difficulty; got 'difficulty\(0.3\)'"):
        bs.design(goal, {"temperature": (0.1, 1.0)})
    # Nothing but the temperature is replaced.
    ranked = soft(criterion=dataclasses.replace(bs.criteria.difficulty(0.3), allocation="ranked"))
    settled = turned(ranked, {"temperature": 0.5})
    wanted = dataclasses.replace(bs.criteria.difficulty(0.5), allocation="ranked")
    assert settled == dataclasses.replace(ranked, criterion=wanted)


def test_bad_input_is_refused():
    goal = bs.Objective(soft(), TASK, 3)
    plain = bs.Objective(bs.boosting(labeler=bs.WeakLabeler(0.4)), TASK, 3)
    for objective, parameters, words in (
        (TASK, {"budget": SCHEDULE}, "objective must be a bs.Objective"),
        (goal, {}, "parameters must be a mapping"),
        (goal, {"bugdet": (0, 1)}, "Did you mean 'budget'"),
        (goal, {"budget": 0.1}, r"parameters\['budget'\] must be a bs.Knob"),
        (goal, {"votes": bs.Knob(1, 3, per_iteration=True)}, "one number for all iterations"),
        (goal, {"votes": (1.2, 2.8)}, "with an odd number among them"),
        (goal, {"real_share": (0, 1)}, "with a low above 0"),
        (goal, {"temperature": (0.001, 1)}, "at least 0.01"),
        (plain, {"temperature": (0.1, 1)}, "not bs.criteria.difficulty"),
        (plain, {"real_share": (0.1, 1)}, "left out where the regime is 'replace'"),
        (
            plain,
            {"label_weight": (0.1, 1), "label_share": (0.1, 0.9)},
            "^parameters must be of label_weight and label_share only one",
        ),
        (bs.Objective(bs.uncurated(), TASK, 3), {"budget": (0, 1)}, "there is no labeler"),
        (bs.Objective(bs.uncurated(), TASK, 3), {"votes": (1, 3)}, "no bs.NoisyFilter"),
        (
            bs.Objective(bs.filter_only(filter=bs.NoisyFilter(voters=[0.1] * 3)), TASK, 3),
            {"votes": (1, 3)},
            "left out where the filter's voters",
        ),
        (dataclasses.replace(goal, spend=2.0), {"votes": (1, 3)}, "where no budget is designed"),
        (
            dataclasses.replace(goal, spend=2.0),
            {"budget": bs.Knob(0.01, 1.0, per_iteration=True)},
            "from 0 on where a total price is divided",
        ),
        (dataclasses.replace(goal, spend=0.01), {"budget": (0, 1)}, "what the attempts alone cost"),
    ):
        with pytest.raises(ValueError, match=words):
            bs.design(objective, parameters)
    for bad, words in (
        ((1.0, 1.0), "high must be above low"),
        ((-1.0, 1.0), "low must be"),
        ((0.0, np.inf), "high must be"),
    ):
        with pytest.raises(ValueError, match=words):
            bs.Knob(*bad)
    for slots, words in (
        ({"iterations": 0}, "iterations must be"),
        ({"score": "final"}, "Did you mean 'final_error'"),
        ({"spend": -1.0}, "spend must be"),
        ({"prices": 1.0}, "prices must be a bs.Prices"),
    ):
        with pytest.raises(ValueError, match=words):
            bs.Objective(**{"procedure": soft(), "task": TASK, "iterations": 3} | slots)
    for score, words in (
        (lambda run: run["error"], "must be one real number; got 'an array of shape"),
        (lambda run: np.log(run["error"][-1]), "written with jax.numpy"),
        (lambda run: float(run["error"][-1]), "written with jax.numpy"),
        (lambda run: 1.0 if run["cost"][-1] < 1 else 0.0, "written with jax.numpy"),
        (lambda run: run["diversity"][-1], r"of run\[...\] for error, accuracy"),
        (lambda run: None, "written with jax.numpy"),
    ):
        with pytest.raises(ValueError, match=words):
            dataclasses.replace(goal, score=score)
    with pytest.raises(ValueError, match="A design follows the exact run of a table"):
        bs.Objective(soft(), bs.programs(), 3)
    with pytest.raises(ValueError, match="one for each of 3 iterations; got 2"):
        bs.Objective(soft(budget=[0.1, 0.1]), TASK, 3)
    with pytest.raises(ValueError, match=r"parameters\['budget'\]: high must be above low"):
        bs.design(goal, {"budget": (0.5, 0.0)})
