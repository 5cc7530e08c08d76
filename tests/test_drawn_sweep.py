"""A sweep of sampled runs: seed i of every point is the run that simulate makes of it."""

import dataclasses
import functools
import pickle
import signal
import threading
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from test_sweep import NOISY, RULE, TASK, WEAK, agrees

import boostsim as bs
from boostsim import jobs
from boostsim import workers as workers_module
from boostsim.sweeping import running

HOW = {"visits": 20, "seeds": 2, "key": 3}
LARGE = {"beta": [0.0, 0.4, 1.0], "gamma": [0.05, 0.3]}
WORLDS = {
    "labels": (bs.boosting(attempts=2, filter=NOISY, labeler=WEAK), LARGE, HOW),
    "budget": (RULE, {"beta": [0.3, 1.0], "budget": [0.1, 0.4]}, HOW | {"reduce": "all"}),
    "few visits": (RULE, {"visits": [2, 3], "gamma": [0.1, 0.3]}, HOW | {"visits": None}),
    "some prompts": (RULE, {"gamma": [0.1, 0.3]}, HOW | {"visited_share": 0.3}),
    "until accepted": (
        bs.Procedure(attempts=3, filter=NOISY, labeler=WEAK, until_accepted=True),
        {"gamma": [0.1, 0.3]},
        HOW | {"record": "prompt"},
    ),
    "classes": (
        bs.boosting(attempts=2, labeler=WEAK),
        {"filter": {"own": bs.ClassFilter([0.9, 0.5, 0.2, 0.1]), "noisy": NOISY}},
        HOW | {"record": "diversity"},
    ),
    "within": (RULE, {"beta": [0.2, 0.6], "slack": [0.0, 0.1]}, HOW | {"record": "entropy"}),
    "gradient": (
        bs.Procedure(attempts=2, filter=NOISY, learner=bs.PolicyGradient(0.5)),
        {"rate": [0.2, 1.0], "gamma": [0.1, 0.2]},
        HOW,
    ),
    "persistent": (
        dataclasses.replace(RULE, labeler=bs.WeakLabeler(0.3, persistent=True)),
        {"beta": [0.2, 0.6], "budget": [0.1, 0.3]},
        HOW,
    ),
    "remembering": (
        bs.boosting(labeler=WEAK, criterion=bs.criteria.learning_progress(), budget=0.2),
        {"beta": [0.2, 0.6]},
        HOW,
    ),
    "accumulated": (
        dataclasses.replace(RULE, budget=0.23),
        {"regime": ["replace", "accumulate"], "beta": [0.2, 0.6]},
        HOW,
    ),
}


@pytest.mark.parametrize("name", WORLDS)
def test_every_seed_of_a_point_is_its_run(name):
    rule, over, how = WORLDS[name]
    swept = bs.sweep(rule, TASK, 3, over=over, **how)
    how = {name: each for name, each in how.items() if name != "reduce"}
    if "visits" in over:
        for place, visits in enumerate(over["visits"]):
            told = how | {"visits": visits}
            rest = {name: values for name, values in over.items() if name != "visits"}
            agrees(swept.isel(visits=place), rule, rest, iterations=3, **told)
    else:
        agrees(swept, rule, over, iterations=3, **how)
    assert swept.attrs["level"] == "sampled"


def test_no_more_points_are_laid_out_than_a_block_has(monkeypatch):
    # The program that compares its seeds with runs, above.
    rule, _, how = WORLDS["budget"]
    over = {"beta": np.linspace(0.1, 0.9, 9), "budget": np.linspace(0.1, 0.5, 5)}
    laid, made = [], running.batch_of
    monkeypatch.setattr(
        running, "batch_of", lambda *told: (laid.append(len(told[2])), made(*told))[1]
    )
    swept = bs.sweep(rule, TASK, 3, over=over, **how)
    assert max(laid) <= 64 < swept.error.size


@pytest.mark.parametrize("until", [bs.Until(error=0.3), bs.Until(absorbed=True)])
def test_a_seed_ends_when_its_run_does(until):
    rule = bs.filter_only(filter=bs.NoisyFilter(0.05))
    over, how = {"gamma": [0.05, 0.2]}, {"visits": 3, "seeds": 3, "key": 1}
    swept = bs.sweep(rule, TASK, 12, over=over, reduce=until, **how)
    agrees(swept, rule, over, iterations=12, until=until, **how)


# Of forty points: one program, whatever the seeds, and few seeds start no worker.
LONG = functools.partial(
    bs.sweep, RULE, bs.random_table(2, prompts=67, responses=3), 2, visits=20, key=0
)


def test_a_seed_is_the_same_to_the_last_bit_whatever_else_there_is():
    rng = np.random.default_rng(0)
    points = rng.uniform(0, 1, 40)
    whole = LONG(over={"beta": points}, seeds=3)
    order = rng.permutation(len(points))
    turned = LONG(over={"beta": points[order]}, seeds=3)
    alone = LONG(over={"beta": points[17:18]}, seeds=range(1, 2))
    for name, values in whole.data_vars.items():
        assert np.array_equal(values[order], turned[name]), name
        assert np.array_equal(values[17, 1:2], alone[name][0]), name


def test_an_interrupt_ends_a_sweep_and_the_next_one_is_whole(monkeypatch):
    run = functools.partial(LONG, over={"beta": np.linspace(0, 1, 40)}, seeds=3)
    whole, recorded = run(), running.recorded

    def interrupted(*told):
        signal.raise_signal(signal.SIGINT)
        return recorded(*told)

    monkeypatch.setattr(running, "recorded", interrupted)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            run()
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.setattr(running, "recorded", recorded)
    assert run().identical(whole)


def answered(call, count, workers):
    """Answer in this process what is sent to others."""
    for number in reversed(range(count)):
        well, piece = pickle.loads(workers_module._answer(call(number)))
        if not well:
            raise piece
        yield number, piece


def test_a_long_sweep_is_made_by_worker_processes_to_the_same_bits(monkeypatch, tmp_path):
    run = functools.partial(LONG, over={"beta": np.linspace(0, 1, 40)}, seeds=16)
    monkeypatch.setattr(running, "processors", lambda: 1)
    alone, asked = run(), []
    monkeypatch.setattr(running, "STEPS", 1)
    monkeypatch.setattr(running, "processors", lambda: 3)
    here = running._piece
    monkeypatch.setattr(
        jobs, "answers", lambda call, *told: (asked.append(told), answered(call, *told))[1]
    )
    assert run().identical(alone)
    # Ten pieces, of which each process is to have four.
    assert asked == [(10, 2)]
    assert run(folder=tmp_path).identical(alone)
    kept = sorted(tmp_path.glob("*.piece"))
    for path in kept[:3]:
        path.unlink()
    made = []
    monkeypatch.setattr(running, "_piece", lambda *told: (made.append(told[2]), here(*told))[1])
    # Three are too few for a process of their own.
    assert run(folder=tmp_path).identical(alone)
    assert (len(made), len(asked)) == (3, 2)
    # What takes all the memory is made one after another, and what cannot be sent here.
    block = running._prepared and max(
        part.memory for _, parts in running._prepared.values() for part in parts
    )
    assert run(memory=int(block)).identical(alone)
    assert len(asked) == 2
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "pickled", lambda thing, **how: pickle.dumps(threading.Lock()))
        assert run().identical(alone)
    assert len(asked) == 2
    # Devices that somebody made are of one interpreter, too.
    with monkeypatch.context() as patch:
        patch.setattr(running, "devices_of", lambda devices: jax.local_devices()[:1] * 2)
        assert run().identical(alone)
    assert len(asked) == 3
    # In one of several processes nothing is added.
    monkeypatch.setattr(running.jax, "process_count", lambda: 2)
    assert running.workers_for([], 9) == 1
    group = SimpleNamespace(program=SimpleNamespace(sampled=True))
    assert running.workers_for([SimpleNamespace(group=group)] * 99, 9) == 1


def test_what_is_seen_is_refused():
    over = {"visits": [1, 0]}
    for told, ways in (
        ("key must be given in a sampled run", {"over": {"beta": [0.1]}, "visits": 3}),
        (r"over\['visits'\]\[1\]: visits", {"over": over, "key": 0}),
        ("visits must be left out where over has them", {"over": over, "visits": 3, "key": 0}),
        ("visited_share must be 1", {"over": {"beta": [0.1]}, "visited_share": 0.5}),
        ("devices must be at most", {"over": {"beta": [0.1]}, "devices": 99}),
    ):
        with pytest.raises(ValueError, match=told):
            bs.sweep(RULE, TASK, 2, **ways)
