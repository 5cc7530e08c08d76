"""A learner that goes a part of the way (T19), on either line, against the rows written out."""

import dataclasses

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables import exact
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.state import masses

EPS = np.finfo(float).eps
TABLE = bs.random_table(0, prompts=6, responses=4, solvable=0.5)
NOISY, WEAK = bs.NoisyFilter(0.1), bs.WeakLabeler(0.4)


def stepped(step, mean="arithmetic", slack=0.0):
    return bs.StrongLearner(slack, step=step, step_mean=mean)


def test_a_whole_step_is_told_and_run_as_before():
    told = {"name": "StrongLearner", "noise": "wrong", "slack": 0.1}
    assert bs.StrongLearner(0.1).describe() == told
    assert stepped(0.5).describe()["step"] == 0.5
    assert stepped(1.0, "geometric").rule is None


@pytest.mark.parametrize("step", [0.25, 0.8])
def test_the_arithmetic_step_takes_the_error_part_of_the_way(step):
    """Perfect filter, one attempt: e' = (1 - s beta) e."""
    trace = bs.simulate(bs.boosting(labeler=WEAK, learner=stepped(step)), TABLE, 5)
    error = trace.error.values[0]
    assert error == pytest.approx(error[0] * (1 - step * 0.4) ** np.arange(6), rel=1e-14)


def written_out(rows, data, step, mean):
    """The next row, of every prompt that has data."""
    trained = data.sum(1) > 0
    if mean == "arithmetic":
        new = (1 - step) * rows + step * data
    else:
        new = rows ** (1 - step) * data**step
    whole = new.sum(1, keepdims=True)
    return np.where((whole > 0) & trained[:, None], new / np.where(whole > 0, whole, 1), rows)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
@pytest.mark.parametrize("how", [{}, {"visits": 4, "key": 2}])
@pytest.mark.parametrize("slack", [0.0, 0.2])
def test_a_step_goes_from_the_row_towards_what_the_whole_one_would_be(mean, how, slack):
    """From one first model and with the same draws, exact and sampled, with labels."""
    told = {"record": "rows", **how}
    slots = {"filter": NOISY, "labeler": WEAK, "attempts": 2}
    part, whole = (
        bs.simulate(bs.boosting(learner=each, **slots), TABLE, 1, **told).rows.values[0]
        for each in (stepped(0.3, mean, slack), bs.StrongLearner(slack))
    )
    wanted = written_out(part[0], whole[1], 0.3, mean)
    assert part[1] == pytest.approx(wanted, rel=100 * EPS, abs=0.0)


def test_the_geometric_step_needs_no_rows_for_filtering_alone_and_multiplies_the_odds():
    """By R^s; lumped, as ``prepare`` says, and as with every response a class of its own."""
    procedure = bs.filter_only(filter=NOISY, learner=stepped(0.3, "geometric"))
    with jax.enable_x64(True):
        assert prepare(procedure, TABLE, sampled=False)[0].correct == (True, False)
        labelled = bs.boosting(filter=NOISY, labeler=WEAK, learner=stepped(0.3, "geometric"))
        assert prepare(labelled, TABLE, sampled=False)[0].correct is None
        plain = bs.boosting(filter=NOISY, labeler=WEAK, learner=stepped(0.3))
        for sampled in (False, True):
            assert prepare(plain, TABLE, sampled=sampled)[0].correct == (True, False)
    task = bs.table_task([[1, 0, 0]] * 3, initial=[[0.2, 0.5, 0.3], [1e-300, 0.4, 0.6], [0, 1, 0]])
    lumped, dense = (
        bs.simulate(procedure, task, 6, record=("prompt", *more)) for more in ((), ("rows",))
    )
    odds = lumped.accuracy.values[0] / lumped.error.values[0]
    wanted = odds[0] * 9.0 ** (0.3 * np.arange(7))[:, None]
    assert odds == pytest.approx(wanted, rel=200 * EPS, abs=0.0)
    for name in ("accuracy", "error"):
        wanted = dense[name].values
        assert lumped[name].values == pytest.approx(wanted, rel=200 * EPS, abs=0.0)


def test_the_geometric_step_loses_what_no_label_can_bring_back():
    """What the model never says it never learns on that line; on the other it does."""
    task = bs.table_task([[1, 0]], initial=[[0.0, 1.0]])
    ends = []
    for mean in ("arithmetic", "geometric"):
        procedure = bs.labels_only(labeler=bs.WeakLabeler(1.0), learner=stepped(0.5, mean))
        ends.append(bs.simulate(procedure, task, 3).accuracy.values[0].tolist())
    assert ends == [[0.0, 0.5, 0.75, 0.875], [0.0] * 4]


def test_regimes_say_what_there_is_to_step_towards():
    """Accumulate: the data, with f_0 in them, and not the row, are what is carried on."""
    procedure = bs.boosting(labeler=WEAK, regime="accumulate", learner=stepped(0.5))
    error = bs.simulate(procedure, TABLE, 3).error.values[0]
    row, data, wanted = error[0], error[0], [error[0]]
    for batch in range(1, 4):
        data = (batch * data + (1 - 0.4) * row) / (batch + 1)
        row = 0.5 * row + 0.5 * data
        wanted.append(row)
    # On average over prompts too, for all of it is linear in the error.
    assert error == pytest.approx(np.array(wanted), rel=100 * EPS)


@pytest.mark.parametrize("mean", ["arithmetic", "geometric"])
def test_derivatives_pass_through_the_step(mean):
    """Against the central difference, whose error is of second order in 1e-5."""
    procedure = bs.boosting(filter=NOISY, labeler=WEAK, learner=stepped(0.4, mean))
    with jax.enable_x64(True):
        structure, numbers = prepare(procedure, TABLE, sampled=False)

        def wrong(step):
            changed = dataclasses.replace(numbers, learner={"step": step})
            state = exact.init(structure, changed)
            for _ in range(2):
                state, _ = exact.step(structure, changed, state)
            mass = masses(state)
            bad = mass[1] if len(mass) == 2 else (mass * (1 - TABLE.quality.T)).sum(0)
            return bad @ TABLE.prompt_weights

        slope = float(jax.jit(jax.grad(wrong))(0.4))
        ends = [float(jax.jit(wrong)(0.4 + by)) for by in (1e-5, -1e-5)]
    assert slope == pytest.approx((ends[0] - ends[1]) / 2e-5, rel=1e-6)
    assert slope < 0.0


@pytest.mark.parametrize("step", [0.0, 1.5, -0.1, float("nan")])
def test_what_is_no_step_is_refused(step):
    with pytest.raises(ValueError, match="step must be "):
        bs.StrongLearner(step=step)


def test_tokens_know_no_such_step():
    told = "learner must be a bs.Transformer where the task is in tokens; got StrongLearner"
    with pytest.raises(ValueError, match=told):
        bs.simulate(bs.filter_only(learner=stepped(0.5)), bs.lookup(4, 3), 1, key=0)
