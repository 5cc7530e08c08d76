"""What would not fit into memory is refused in words, before it is made; what fits, is bounded."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

import boostsim as bs
from boostsim.learners.train import _shuffled
from boostsim.simulation.tables import loop, recording
from boostsim.simulation.tokens import focusing

MANY = bs.random_table(0, prompts=10**6, responses=2)
FEW = bs.random_table(0, prompts=3)
LOOKUP = bs.lookup(8)
LEARNER = bs.Transformer(width=8, heads=2, layers=1, steps=20, batch=16, first_steps=16)
LASTING = bs.boosting(labeler=bs.WeakLabeler(0.5, persistent=True))


def simulate(procedure, task, iterations=1, **settings):
    return lambda: bs.simulate(procedure, task, iterations, **settings)


def tokens(learner=LEARNER, task=LOOKUP, **settings):
    return simulate(
        bs.boosting(labeler=bs.WeakLabeler(0.5)), task, learner=learner, key=0, **settings
    )


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (
            simulate(bs.uncurated(), MANY, 500, record="prompt"),
            r"record.*got 1,503,005,010 \(11\.2",
        ),
        (simulate(bs.uncurated(), MANY, 200, record="rows"), "record must"),
        (simulate(bs.uncurated(), FEW, 10**9), "iterations must"),
        (simulate(bs.uncurated(), FEW, seeds=10**9, visits=1, key=0), "iterations must"),
        (lambda: bs.random_table(0, prompts=10**12), "prompts must.*got 8,000,000,000,000"),
        (
            simulate(
                bs.boosting(
                    attempts=1000, criterion=bs.criteria.disagreement, labeler=bs.WeakLabeler(0.5)
                ),
                MANY,
            ),
            "task must.*1,000,000 prompts x 1,001 cells",
        ),
        (
            simulate(
                bs.boosting(labeler=bs.WeakLabeler(0.5, persistent=True)),
                bs.random_table(0, prompts=300, responses=1000),
                record="rows",
            ),
            "task must.*300 prompts x 1,000,000 cells",
        ),
        (tokens(pool=10**9), "pool must"),
        (tokens(prompts_per_iteration=10**8), "prompts_per_iteration must"),
        (tokens(task=bs.arithmetic(2), evaluate=10**8), "evaluate must"),
        (tokens(bs.Transformer(batch=10**6)), "batch must"),
        (lambda: bs.Transformer(width=10**6), "width must"),
    ],
)
def test_what_does_not_fit_is_refused_with_its_size(asked, told):
    with pytest.raises(ValueError, match=told) as refused:
        asked()
    assert "at most 268,435,456 numbers at once (2 GiB)" in str(refused.value)


RECORDS = [(), ("prompt", "diversity"), ("rows", "entropy"), ("prompt",)]


@pytest.mark.parametrize("record", [*RECORDS, sum(RECORDS, ())])
def test_the_size_that_is_checked_is_the_size_of_the_trace(record):
    task = bs.random_table(0, prompts=500)
    trace = bs.simulate(LASTING, task, 9, visits=2, seeds=2, key=0, record=record)
    each = recording.numbers_each(task, recording.wanted_records(record))
    size = sum(values.size for values in trace.data_vars.values()) / 20
    assert size <= each <= size + recording.AVERAGES


def test_blocks_change_no_number(monkeypatch):
    """Whatever may wait, and however short a block has to be for that."""
    settings = {"visits": 3, "seeds": 2, "key": 0, "record": ("prompt", "rows")}
    whole = bs.simulate(LASTING, FEW, 5, **settings)
    for ahead in (1, 100):
        for module in (recording, loop):
            monkeypatch.setattr(module, "AHEAD", ahead)
        assert bs.simulate(LASTING, FEW, 5, **settings).identical(whole)


PEAK = """
import resource
import boostsim as bs
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
task = bs.random_table(0, prompts=1000, responses=64)
bs.simulate(bs.uncurated(), task, 150, record="rows").rows
before = peak()
trace = bs.simulate(bs.uncurated(), task, 999, record="rows")
print((peak() - before) / trace.nbytes)
"""


def test_rows_take_little_more_than_their_own_room():
    """Half a gigabyte, and a quarter of that waits; the first run has made the programs."""
    ran = subprocess.run([sys.executable, "-c", PEAK], capture_output=True, text=True, check=True)
    assert float(ran.stdout) < 1.6


@pytest.mark.parametrize("rate", [1e30, 1e300])
@pytest.mark.parametrize("how", [{"exact": True}, {"visits": 2}])
def test_training_that_diverges_ends_in_an_error_that_says_when(rate, how, tmp_path, monkeypatch):
    """Nothing of it is kept: the folder has no state, the cache no first model."""
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    hot = dataclasses.replace(LEARNER, learning_rate=rate)
    with pytest.raises(ValueError, match=r"learning_rate must be so small.*in iteration 1"):
        tokens(hot, folder=tmp_path / "run", **how)()
    assert not list((tmp_path / "run").glob("*.piece"))
    hot = dataclasses.replace(LEARNER, first_learning_rate=rate)
    kept = len(list(tmp_path.rglob("*.piece")))
    with pytest.raises(ValueError, match=r"first_learning_rate must be.*for the first model"):
        tokens(hot, **how)()
    assert len(list(tmp_path.rglob("*.piece"))) == kept == 1


def test_disagreement_is_the_share_of_pairs_that_differ():
    responses = np.random.default_rng(0).integers(0, 2, (3, 200, 2))
    same = [
        np.mean([(row[i] == row[j]).all() for i in range(200) for j in range(i)])
        for row in responses
    ]
    assert focusing.disagreement(responses) == pytest.approx(1.0 - np.array(same), rel=1e-12)


def test_rows_come_anew_when_all_were_seen():
    rng, again = np.random.default_rng(0), np.random.default_rng(0)
    order = _shuffled(rng, 5, 4)
    given = np.concatenate([next(order) for _ in range(10)])
    assert np.array_equal(given, np.concatenate([again.permutation(5) for _ in range(8)]))
