"""Logs that boostsim writes: what they say of models, verdicts and labels is the law."""

import functools

import alarms
import numpy as np
import pytest

import boostsim as bs

TASK = bs.random_table(3, prompts=400, responses=4, solvable=0.7)
BETA = np.where(np.arange(400) % 2, 0.2, 0.6)
FILTER = bs.NoisyFilter(false_accept=0.1, false_reject=0.2)
SLOTS = {"filter": FILTER, "labeler": bs.WeakLabeler(BETA), "budget": 0.2}
PROCEDURE = bs.boosting(attempts=3, **SLOTS)


@functools.cache
def trace_of(procedure=PROCEDURE, task=TASK, **how):
    """What was run once; nothing is run where tests are only collected."""
    return bs.simulate(procedure, task, 3, record="prompt", **how)


def written(folder, trace=trace_of, procedure=PROCEDURE, task=TASK, key=0, **how):
    trace = trace() if callable(trace) else trace
    path = folder / "log.jsonl"
    return bs.read_log(bs.write_log(trace, path, procedure=procedure, task=task, key=key, **how))


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return written(tmp_path_factory.mktemp("log"), visits=4, audited=5)


def rates(trace=None):
    """A of each record, in the order of a log: by prompt, then by iteration."""
    trace = trace_of() if trace is None else trace
    correct = trace.accuracy.values[0, :-1].T.ravel()
    return correct, 0.8 * correct + 0.1 * (1.0 - correct)


def share(test, hits, trials, chance):
    """A sum of independent binomials against its mean: a bound that any such sum keeps."""
    width = alarms.hoeffding(test, trials.sum())
    assert abs(hits.sum() - (trials * chance).sum()) / trials.sum() <= width


def test_accepted_are_as_many_as_the_law_has(log):
    correct, rate = rates()
    assert (log.attempts == 12).all()
    share("written_attempts", log.accepted, log.attempts, rate)
    for some in (correct == 0.0, correct > 0.5, log.iteration == 2):
        share("written_attempts", log.accepted[some], log.attempts[some], rate[some])
    record, attempts, accepted = log.visits
    assert (attempts == 3).all()
    np.testing.assert_array_equal(np.bincount(record, accepted), log.accepted)


def test_the_audit_knows_the_truth_of_a_few_attempts(log):
    correct, _ = rates()
    assert (log.audited == 5).all()
    share("written_audit", log.audited_correct, log.audited, correct)
    right = log.audited_accepted_correct.sum(), log.audited_correct.sum()
    alarms.assert_share("written_audit", *right, 0.8)
    wrong = log.audited - log.audited_correct
    taken = log.audited_accepted - log.audited_accepted_correct
    alarms.assert_share("written_audit", taken.sum(), wrong.sum(), 0.1)


def test_labels_are_as_many_and_as_right_as_the_law_has(log):
    bought = np.diff(trace_of().labels_by_prompt.values[0], axis=0).T.ravel()
    share("written_labels", log.labelled, np.full(log.records, 4), bought)
    once = np.ones(log.records)
    share("written_labels", log.labelled > 0, once, log.label_probability)
    for beta in (0.2, 0.6):
        some = BETA[log.prompt] == beta
        hits, trials = log.label_correct[some].sum(), log.labelled[some].sum()
        assert trials > 100
        alarms.assert_share("written_labels", hits, trials, beta)
    accepted = 0.8 * log.label_correct + 0.1 * (log.labelled - log.label_correct)
    bound = alarms.hoeffding("written_labels", log.labelled.sum())
    assert abs(log.label_accepted.sum() - accepted.sum()) / log.labelled.sum() <= bound


def test_visits_that_fail_are_labelled(tmp_path):
    """At one visit it shows: none where an attempt was accepted, all others without a budget."""
    log = written(tmp_path)
    assert log.visits is None
    assert (log.labelled[log.accepted > 0] == 0).all()
    assert (log.label_probability[log.accepted > 0] <= 1e-12).all()
    every = bs.boosting(attempts=3, filter=FILTER, labeler=bs.WeakLabeler(0.5))
    log = written(tmp_path, trace_of(every), every)
    np.testing.assert_array_equal(log.labelled == 1, log.accepted == 0)
    evenly = bs.random_labels(rate=0.5, attempts=3, filter=FILTER, labeler=bs.WeakLabeler(0.5))
    log = written(tmp_path, trace_of(evenly), evenly)
    assert log.labelled[log.accepted > 0].any()
    alarms.assert_share("written_labels", log.labelled.sum(), log.records, 0.5)


@pytest.mark.parametrize("each", [1, 2])
def test_a_sampled_run_has_bought_its_own_labels(tmp_path, each):
    """As many on each prompt as the run did, on failing visits, and nothing of chances."""
    procedure = bs.boosting(attempts=3, labels_per_visit=each, **SLOTS)
    trace = trace_of(procedure, visits=4, key=5)
    log = written(tmp_path, trace, procedure)
    bought = np.diff(trace.labels_by_prompt.values[0], axis=0).T.ravel() * 4
    assert bought.any()
    np.testing.assert_array_equal(log.labelled, np.rint(bought))
    record, _, accepted = log.visits
    # The visits that were labelled failed; of all visits as many as the law has.
    assert (np.bincount(record, accepted == 0) * each >= log.labelled).all()
    share("written_attempts", log.accepted, log.attempts, rates(trace)[1])
    assert log.label_probability is None
    with pytest.raises(ValueError, match="visits must be those of the run, 4, or None; got 2"):
        written(tmp_path, trace, procedure, visits=2)


def test_attempts_stop_where_they_do_in_the_run(tmp_path):
    procedure = bs.boosting(attempts=5, until_accepted=True, labels_per_visit=2, **SLOTS)
    trace = trace_of(procedure)
    log = written(tmp_path, trace, procedure, visits=2, audited=100)
    assert log.first_success.all()
    record, attempts, accepted = log.visits
    assert ((accepted == 1) | (attempts == 5)).all()
    _, rate = rates(trace)
    some = 1.0 - (1.0 - rate) ** 5
    share("written_stops", log.accepted, np.full(log.records, 2), some)
    first = (attempts == 1) & (accepted == 1)
    share("written_stops", first, np.ones(len(record)), rate[record])
    np.testing.assert_array_equal(log.audited, log.attempts)
    np.testing.assert_array_equal(log.audited_accepted, log.accepted)
    assert set(np.unique(log.labelled)) == {0, 2, 4}


def test_the_same_key_writes_the_same_bytes(tmp_path):
    kept = [tmp_path / name for name in "abcd"]
    how = {"procedure": PROCEDURE, "task": TASK, "key": 1}
    for path, more in zip(kept, ({}, {}, {"audited": 2}, {"key": 2}), strict=True):
        assert bs.write_log(trace_of(), path, **{**how, **more}) == path
    assert kept[0].read_bytes() == kept[1].read_bytes() != kept[3].read_bytes()
    plain, audited = bs.read_log(kept[0]), bs.read_log(kept[2])
    assert plain.audited is None
    for name in ("accepted", "labelled", "label_correct", "label_probability"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(audited, name))


def test_other_procedures_write_what_they_have(tmp_path):
    """None of labels without a labeler; a first model's, and drifting ones; a run's visits."""
    alone = bs.filter_only(attempts=2, filter=FILTER)
    trace = trace_of(alone, visits=3, seeds=2, key=0)
    log = written(tmp_path, trace, alone, seed=1)
    assert (log.labelled, log.label_probability) == (None, None)
    assert (log.attempts == 6).all()
    share("written_attempts", log.accepted, log.attempts, rates(trace.isel(seed=[1]))[1])
    for labeler, right in (
        (bs.FirstModel(), (TASK.initial * TASK.quality).sum(1)),
        (bs.DriftingLabeler(1.0, later=bs.WeakLabeler(0.0), between=(1, 2)), None),
    ):
        procedure = bs.boosting(attempts=2, labeler=labeler)
        log = written(tmp_path, trace_of(procedure), procedure, visits=4)
        if right is None:
            assert (log.label_correct == log.labelled)[log.iteration == 0].all()
            assert (log.label_correct == 0)[log.iteration > 0].all()
        else:
            share("written_labels", log.label_correct, log.labelled, right[log.prompt])


LASTING = bs.boosting(attempts=3, labeler=bs.WeakLabeler(0.5, persistent=True))
SHARP = bs.boosting(attempts=3, labeler=bs.WeakLabeler(0.5), sharpening=bs.Sharpening(0.5))
NEVER = bs.labels_only(labeler=bs.WeakLabeler(0.5))


@pytest.mark.parametrize(
    ("told", "how"),
    [
        (
            r'trace must be one of bs.simulate\(..., record="prompt"\)',
            {"trace": lambda: bs.simulate(PROCEDURE, TASK, 1)},
        ),
        ("trace must be one that bs.simulate returned", {"trace": None}),
        ("trace must be one with iterations", {"trace": lambda: trace_of().isel(iteration=[0])}),
        ("task must be the one that was run", {"task": bs.random_table(0, prompts=400)}),
        ("procedure must be the procedure that was run", {"procedure": None}),
        ("procedure must be the one that was run", {"procedure": LASTING}),
        ("noise is fresh each time", {"trace": lambda: trace_of(LASTING), "procedure": LASTING}),
        ("without sharpening", {"trace": lambda: trace_of(SHARP), "procedure": SHARP}),
        ("one that attempts", {"trace": lambda: trace_of(NEVER), "procedure": NEVER}),
        ("seed must be at most 0", {"seed": 1}),
        ("visits must ask for at most", {"visits": 10**7}),
        ("key must be", {"key": None}),
    ],
)
def test_what_no_log_can_be_written_of_is_refused(tmp_path, told, how):
    with pytest.raises(ValueError, match=told):
        written(tmp_path, **how)
    assert not list(tmp_path.iterdir())


def test_a_log_is_written_whole_or_not_at_all(tmp_path):
    with pytest.raises(ValueError, match="path must lie in a folder that can be written to"):
        bs.write_log(trace_of(), tmp_path / "no" / "log", procedure=PROCEDURE, task=TASK, key=0)
