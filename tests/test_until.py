"""A run ends when what it waits for has come true, and its numbers are those of the whole run."""

import functools

import numpy as np
import pytest

import boostsim as bs

TASK = bs.random_table(0, prompts=6, responses=4, solvable=0.5)
BOOSTING = bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.5))
MOST = 32
RUNS = {
    "exact": {},
    "exact at finite visits": {"visits": 3, "exact": True},
    "sampled": {"visits": 3, "seeds": 4, "key": 1},
    "sampled, by prompt": {"visits": 3, "seeds": 4, "key": 1, "record": ("prompt", "diversity")},
}
SPENT = ("labels", "generations", "filter_calls", "labels_by_prompt")


@functools.cache
def whole(name):
    return bs.simulate(BOOSTING, TASK, MOST, **RUNS[name])


def averaged(values, task=TASK):
    return values @ task.prompt_weights if values.ndim > 2 else values


def assert_cut(trace, run, ends):
    """The trace of a run up to its last end; seeds that ended stay, and spend nothing."""
    last = int(max(ends))
    assert trace.sizes["iteration"] == last + 1
    np.testing.assert_array_equal(trace.ended, ends)
    for name in set(run.data_vars):
        for seed, end in enumerate(ends):
            wanted = run[name][seed, : last + 1].values.copy()
            wanted[int(end) :] = wanted[int(end)]
            np.testing.assert_array_equal(trace[name][seed].values, wanted, err_msg=name)


@pytest.mark.parametrize("name", RUNS)
def test_it_ends_when_the_accuracy_is_reached_with_the_numbers_of_the_whole_run(name):
    run = whole(name)
    reached = averaged(run.accuracy.values) >= 0.9
    assert reached.any(1).all()
    assert not reached[:, 1].any()
    trace = bs.simulate(BOOSTING, TASK, MOST, **RUNS[name], until=bs.Until(accuracy=0.9))
    assert_cut(trace, run, reached.argmax(1))
    assert trace.until == "accuracy >= 0.9"


def test_seeds_end_one_by_one_and_are_carried():
    ends = (whole("sampled").error.values <= 0.0).argmax(1)
    assert len(set(ends.tolist())) > 1
    trace = bs.simulate(BOOSTING, TASK, MOST, **RUNS["sampled"], until=bs.Until(error=0.0))
    assert_cut(trace, whole("sampled"), ends)


@pytest.mark.parametrize("name", ["exact", "exact at finite visits"])
def test_it_ends_when_nothing_changes_any_more(name):
    run = whole(name)
    model = [run[each][0].values for each in run.data_vars if each not in SPENT]
    change = np.max([np.abs(np.diff(values)) for values in model], axis=0)
    end = int((change <= 1e-3).argmax()) + 1
    trace = bs.simulate(BOOSTING, TASK, MOST, **RUNS[name], until=bs.Until(change=1e-3))
    assert 1 < end < MOST
    assert_cut(trace, run, [end])


def test_a_mean_that_stands_still_is_no_end_where_the_law_moves():
    """Neutral drift keeps the mean accuracy, and goes on until one response is left."""
    start = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    until = bs.Until(change=1e-6)
    trace = bs.simulate(bs.uncurated(), start, 200, visits=4, exact=True, until=until)
    assert trace.ended > 40
    np.testing.assert_allclose(trace.solved[0, -1], 0.5, atol=1e-5)


ABSORBED = {
    "solved for good": (BOOSTING, True),
    "no labels": (bs.filter_only(attempts=2, filter=bs.NoisyFilter(0.25)), True),
    "a filter that rejects": (
        bs.boosting(filter=bs.NoisyFilter(0.25), labeler=bs.WeakLabeler(0.5)), False
    ),
    "labels that are right": (
        bs.boosting(filter=bs.NoisyFilter(0.25), labeler=bs.WeakLabeler(1.0)), True
    ),
    "all are labelled": (
        bs.boosting(labeler=bs.WeakLabeler(0.5), criterion=bs.criteria.uniform), False
    ),
    "no budget": (
        bs.boosting(labeler=bs.WeakLabeler(0.5), criterion=bs.criteria.uniform, budget=0.0), True
    ),
    "slack": (bs.boosting(labeler=bs.WeakLabeler(0.5), learner=bs.StrongLearner(0.1)), False),
    "real data that are right": (bs.uncurated(regime="anchor", real_share=0.5), True),
}  # fmt: skip


@pytest.mark.parametrize("name", ABSORBED)
def test_absorbed_is_where_nothing_leads_away_any_more(name):
    """Every prompt at 0 or 1 is no end where labels, noise or real data lead away from there."""
    procedure, ends = ABSORBED[name]
    how = {"visits": 1, "seeds": 2, "key": 3}
    run = bs.simulate(procedure, TASK, 60, **how, record="prompt")
    trace = bs.simulate(procedure, TASK, 60, **how, until=bs.Until(absorbed=True))
    stays = (run.accuracy == run.accuracy[:, -1]) & run.accuracy.isin([0.0, 1.0])
    stays = stays.all("prompt").values
    if not ends:
        assert trace.ended.isnull().all()
        assert trace.sizes["iteration"] == 61
        return
    assert stays.any(1).all()
    # From the end on nothing has changed; before it something still could.
    for seed, end in enumerate(trace.ended.values.astype(int)):
        assert stays[seed, end]
    moving = [not stays[seed, int(end) - 1] for seed, end in enumerate(trace.ended) if end > 0]
    assert all(moving)


def test_what_never_comes_true_is_a_run_to_its_most():
    noisy = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.5))
    trace = bs.simulate(noisy, TASK, 20, until=bs.Until(error=0.0))
    assert np.isnan(trace.ended.values).all()
    assert trace.drop_vars("ended").equals(bs.simulate(noisy, TASK, 20))


def test_it_may_have_come_true_before_anything_was_done():
    trace = bs.simulate(BOOSTING, TASK, MOST, until=bs.Until(accuracy=0.0))
    assert trace.sizes["iteration"] == 1
    assert trace.ended == 0


def test_iterations_after_the_end_cost_nothing():
    prices = bs.Prices(label=0.0, generation=0.0, filter_call=0.0, iteration=1.0)
    until = bs.Until(error=0.0)
    trace = bs.simulate(BOOSTING, TASK, MOST, **RUNS["sampled"], until=until, prices=prices)
    np.testing.assert_array_equal(trace.cost[:, -1], trace.ended)


def test_a_trace_with_its_ends_is_kept_whole(tmp_path):
    trace = bs.simulate(BOOSTING, TASK, 2, until=bs.Until(error=0.0))
    assert bs.load(bs.save(trace, tmp_path / "run.nc")).identical(trace)


REFUSED = {
    "until must be accuracy, error, change or absorbed": lambda: bs.Until(),
    "accuracy must be a number in": lambda: bs.Until(accuracy=1.5),
    "error must be a number in": lambda: bs.Until(error=-1e-9),
    "change must be a finite number of at least 0": lambda: bs.Until(change=float("inf")),
    "absorbed must be True or False": lambda: bs.Until(absorbed=1),
    "absorbed must be False in an exact run": lambda: bs.simulate(
        BOOSTING, TASK, 1, until=bs.Until(absorbed=True)
    ),
    "until must be a bs.Until": lambda: bs.simulate(BOOSTING, TASK, 1, until=0.99),
    "until must be left out where the task is in tokens": lambda: bs.simulate(
        BOOSTING, bs.lookup(8, 4), 1, learner=bs.Transformer(), until=bs.Until(error=0.0)
    ),
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_cannot_be_waited_for_is_refused(told):
    with pytest.raises(ValueError, match=told) as caught:
        REFUSED[told]()
    assert "\n" not in str(caught.value)
