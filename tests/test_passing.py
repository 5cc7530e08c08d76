"""pass@k: by enumeration, on tables, and with a transformer."""

import json
from itertools import combinations
from math import comb

import numpy as np
import pytest
from test_results import PROCEDURE, TASK
from worlds import CHAINS, LOOKUP, SOFTMAX

import boostsim as bs
from boostsim import cli
from boostsim.simulation.passing import one_of

AT = (1, 4, 64)
TINY = bs.Transformer(width=16, heads=2, layers=1, steps=16, batch=32, first_steps=16)
BOOSTING = bs.boosting(
    attempts=2,
    filter=bs.NoisyFilter(0.1),
    labeler=bs.WeakLabeler(0.3, wrong="shuffled"),
    budget=0.2,
)
# Twice 64 prompts are as many rows as one program draws.
SMALL = {"learner": TINY, "prompts_per_iteration": 64, "evaluate": 64, "key": 3}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def test_the_estimate_is_the_share_of_subsets_with_a_right_one():
    drawn = 6
    for right in range(drawn + 1):
        responses = [True] * right + [False] * (drawn - right)
        shares = [
            np.mean([any(subset) for subset in combinations(responses, count)])
            for count in range(1, drawn + 1)
        ]
        estimate = one_of(np.array(right), drawn, tuple(range(1, drawn + 1)))
        assert estimate == pytest.approx(shares, abs=1e-15)


@pytest.mark.parametrize("drawn", [4, 8, 64])
def test_the_estimate_is_unbiased(drawn):
    at, right = (1, 2, drawn), np.arange(drawn + 1)
    ways = np.array([comb(drawn, count) for count in right], float)
    for p in (0.0, 0.01, 0.3, 0.9, 1.0):
        mean = (ways * p**right * (1.0 - p) ** (drawn - right)) @ one_of(right, drawn, at)
        assert mean == pytest.approx([1.0 - (1.0 - p) ** count for count in at], abs=1e-12)


@pytest.mark.parametrize("how", [{}, {"visits": 3, "seeds": 2, "key": 0}], ids=["exact", "sampled"])
def test_on_a_table_it_is_exact(how):
    trace = bs.simulate(PROCEDURE, TASK, 4, pass_at=AT, **how)
    plain = bs.simulate(PROCEDURE, TASK, 4, **how)
    by_prompt = bs.simulate(PROCEDURE, TASK, 4, pass_at=AT, record=("prompt",), **how)
    assert trace.pass_at_k.dims == ("seed", "iteration", "k")
    assert trace.k.values.tolist() == list(AT)
    assert by_prompt.pass_at_k.dims == ("seed", "iteration", "prompt", "k")
    assert trace.drop_vars(("pass_at_k", "k")).identical(plain)
    p = by_prompt.accuracy
    for count in AT:
        expected = (1.0 - (1.0 - p) ** count).weighted(p.prompt_weight).mean("prompt")
        assert trace.pass_at_k.sel(k=count).values == pytest.approx(expected.values, abs=1e-12)
        averaged = by_prompt.pass_at_k.weighted(p.prompt_weight).mean("prompt").sel(k=count)
        assert averaged.values == pytest.approx(expected.values, abs=1e-12)


def test_on_a_sampled_table_it_is_of_the_rows():
    how = {"pass_at": AT, "record": ("prompt",), "visits": 3, "seeds": 2, "key": 0}
    trace = bs.simulate(PROCEDURE, TASK, 4, **how)
    for count in AT:
        wanted = 1.0 - (1.0 - trace.accuracy.values) ** count
        assert trace.pass_at_k.sel(k=count).values == pytest.approx(wanted, abs=1e-12)


def test_answers_that_persist_are_told_apart():
    """By the words: a run for each answer that the labeler may have for ever, then the mean."""
    task = bs.random_table(0, prompts=5, responses=3)
    labeler = bs.WeakLabeler(0.3)
    forever = bs.boosting(labeler=bs.WeakLabeler(0.3, persistent=True))
    trace = bs.simulate(forever, task, 3, pass_at=8, record="prompt")
    mean = np.zeros((4, 5))
    for answer, law in enumerate(labeler.rows_for(task.quality).T):
        alone = bs.boosting(labeler=bs.WeakLabeler(rows=np.tile(np.eye(3)[answer], (5, 1))))
        p = bs.simulate(alone, task, 3, record="prompt").accuracy.values[0]
        mean += law * (1.0 - (1.0 - p) ** 8)
    assert trace.pass_at_k.values[0, :, :, 0] == pytest.approx(mean, abs=1e-12)


def test_what_is_rare_is_not_rounded_away():
    task = bs.table_task([[1.0, 0.0]], initial=[[1e-13, 1.0 - 1e-13]])
    trace = bs.simulate(bs.uncurated(), task, 0, pass_at=(8, 1000))
    assert trace.pass_at_k.values[0, 0] == pytest.approx([8e-13, 1e-10], rel=1e-9)


@pytest.mark.parametrize("learner", [SOFTMAX, TINY], ids=lambda each: type(each).__name__)
def test_with_a_network_it_is_estimated_from_enough_samples(learner, tmp_path):
    small = SMALL | {"learner": learner}
    trace = bs.simulate(BOOSTING, CHAINS, 1, pass_at=(1, 4), **small)
    plain = bs.simulate(BOOSTING, CHAINS, 1, **small)
    assert trace.pass_at_k.dims == ("seed", "iteration", "k")
    assert trace.pass_at_k_by_stratum.dims == ("seed", "iteration", "stratum", "k")
    # Four samples suffice: these are the numbers that there always were.
    assert trace.pass_at_k.sel(k=4).values == pytest.approx(plain.pass_at_k.values, abs=1e-15)
    assert trace.pass_at_k.sel(k=1).values == pytest.approx(plain.accuracy.values, abs=1e-15)
    same = ("pass_at_k", "pass_at_k_by_stratum", "seconds")
    others = trace.drop_vars((*same, "k")).drop_attrs(deep=False)
    assert others.identical(plain.drop_vars(same).drop_attrs(deep=False))
    assert trace.attrs["pass_at"] == "[1, 4]"
    assert bs.load(bs.save(trace, tmp_path / "run.nc")).identical(trace)
    more = bs.simulate(BOOSTING, CHAINS, 0, pass_at=(1, 9), **small)
    assert (more.pass_at_k.sel(k=9) >= more.pass_at_k.sel(k=1)).all()
    assert (more.accuracy == plain.accuracy[:, :1]).all()


def test_where_prompts_are_listed_it_is_exact():
    how = {"learner": SOFTMAX, "exact": True, "key": 1}
    rule = bs.boosting(labeler=bs.WeakLabeler(0.3))
    trace = bs.simulate(rule, LOOKUP, 0, pass_at=(1, 4), **how)
    plain = bs.simulate(rule, LOOKUP, 0, **how)
    assert trace.pass_at_k.sel(k=4).values == pytest.approx(plain.pass_at_k.values, abs=1e-12)
    assert trace.pass_at_k.sel(k=1).values == pytest.approx(plain.accuracy.values, abs=1e-12)


@pytest.mark.parametrize(
    ("pass_at", "told"),
    [
        (0, "pass_at must be a whole number of at least 1; got 0"),
        ((1, 1), "pass_at must be different numbers"),
        ("8", "pass_at must be a whole number of at least 1; got '8'"),
        (1.5, "pass_at must be a whole number of at least 1; got 1.5"),
        (2**30, "pass_at must be at most 1048576"),
    ],
)
def test_what_cannot_be_passed_at(pass_at, told):
    with pytest.raises(ValueError, match=told):
        bs.simulate(bs.uncurated(), bs.random_table(0, prompts=3), 1, pass_at=pass_at)


def test_no_more_responses_are_drawn_than_can_be():
    many = {**SMALL, "pass_at": (1, 2**14 + 1)}
    with pytest.raises(
        ValueError, match=r"^pass_at must be at most 16384 with this task; got 16385"
    ):
        bs.simulate(BOOSTING, CHAINS, 0, **many)
    # Of rows that are read off nothing is drawn.
    how = {"learner": SOFTMAX, "exact": True, "key": 1, "pass_at": 2**20}
    trace = bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.3)), LOOKUP, 0, **how)
    assert 0.0 < trace.pass_at_k.values[0, 0, 0] <= 1.0


def test_the_command_tells_it(capsys):
    flags = ["run", "--prompts", "5", "--iterations", "1", "--pass-at", "1", "8"]
    assert cli.main(flags) == 0
    shown = capsys.readouterr().out
    assert "pass@1" in shown
    assert "pass@8" in shown
    assert cli.main([*flags, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["k"] == [1, 8]
    assert np.shape(told["pass_at_k"]) == (1, 2, 2)
    assert [row[0] for row in told["pass_at_k"][0]] == pytest.approx(told["accuracy"][0])
