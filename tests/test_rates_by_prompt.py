"""A filter with a rate for each prompt: a task of so many prompts is so many tasks of one."""

import dataclasses
import json

import jax.numpy as jnp
import numpy as np
import pytest
from alarms import assert_law
from worlds import LOOKUP, SOFTMAX

import boostsim as bs
from boostsim.curation.rates import prompts_of
from boostsim.designs.problem import Problem, turned
from boostsim.gap import why_no_bound, why_no_fit
from boostsim.mode import fixed

RATES = [0.0, 0.125, 0.4]
REJECTS = [0.3, 0.05, 0.0]
INITIAL = [[0.5, 0.25, 0.25], [0.1, 0.6, 0.3], [0.3, 0.3, 0.4]]
QUALITY = [[1, 0, 0], [1, 0, 0], [0, 1, 0]]
WEIGHTS = [0.2, 0.3, 0.5]
TASK = bs.table_task(QUALITY, WEIGHTS, INITIAL)
ALONE = [
    bs.table_task([quality], initial=[row]) for quality, row in zip(QUALITY, INITIAL, strict=True)
]
WEAK = bs.WeakLabeler(0.4)
BOTH = dict(false_accept=RATES, false_reject=REJECTS)
VOTED = dict(votes=3, correlation=0.25)

# Procedure of a filter, arguments of the run.
RUNS = {
    "boosting": (lambda f: bs.boosting(filter=f, labeler=WEAK, attempts=2), {}),
    "until accepted": (
        lambda f: bs.boosting(filter=f, labeler=WEAK, attempts=3, until_accepted=True), {}
    ),
    "keep all, accumulate": (
        lambda f: bs.filter_only(filter=f, attempts=2, keep="all", regime="accumulate"), {}
    ),
    "policy gradient": (
        lambda f: bs.filter_only(filter=f, attempts=2, learner=bs.PolicyGradient(0.3)), {}
    ),
    "persistent labels": (
        lambda f: bs.boosting(filter=f, labeler=bs.WeakLabeler(0.4, persistent=True)), {}
    ),
    "rows told apart": (
        lambda f: bs.boosting(filter=f, labeler=WEAK, sharpening=bs.Sharpening(0.7)), {}
    ),
    "finite visits": (
        lambda f: bs.boosting(filter=f, labeler=WEAK, attempts=2), dict(visits=3, exact=True)
    ),
    "finite visits that accumulate": (
        lambda f: bs.filter_only(filter=f, regime="accumulate"), dict(visits=2, exact=True)
    ),
}  # fmt: skip


def one(number, **more):
    return bs.NoisyFilter(false_accept=RATES[number], false_reject=REJECTS[number], **more)


@pytest.mark.parametrize("name", RUNS)
def test_every_prompt_is_judged_by_its_own_rate(name):
    make, how = RUNS[name]
    whole = bs.simulate(make(bs.NoisyFilter(**BOTH, **VOTED)), TASK, 3, record="prompt", **how)
    for number, task in enumerate(ALONE):
        apart = bs.simulate(make(one(number, **VOTED)), task, 3, record="prompt", **how)
        for each in ("accuracy", "error"):
            ours, its = (run[each].values[0] for run in (whole, apart))
            assert ours.shape == (4, 3)
            np.testing.assert_allclose(ours[:, number], its[:, 0], rtol=1e-12, atol=1e-15)
        if "labels_by_prompt" in apart:
            ours, its = (run.labels_by_prompt.values[0] for run in (whole, apart))
            np.testing.assert_allclose(ours[:, number], its[:, 0], rtol=1e-12, atol=1e-15)


def test_equal_rates_by_prompt_are_one_rate():
    by_prompt = bs.boosting(filter=bs.NoisyFilter([0.1] * 3), labeler=WEAK, budget=0.3)
    plain = bs.boosting(filter=bs.NoisyFilter(0.1), labeler=WEAK, budget=0.3)
    for how in ({}, dict(visits=4, seeds=3, key=1)):
        runs = [
            bs.simulate(each, TASK, 3, record="diversity", **how) for each in (by_prompt, plain)
        ]
        for name in runs[0].data_vars:
            np.testing.assert_allclose(runs[0][name], runs[1][name], rtol=1e-13, atol=1e-15)


def test_sampled_visits_are_judged_by_each_prompts_rate():
    """One attempt at one visit: right for ever, wrong for ever, or as before."""
    procedure = bs.filter_only(filter=bs.NoisyFilter(**BOTH))
    runs = bs.simulate(procedure, TASK, 1, visits=1, seeds=1000, key=3, record="prompt")
    ends = runs.accuracy.values[:, 1]
    for number, row in enumerate(INITIAL):
        right = row[int(np.argmax(QUALITY[number]))]
        law = [right * (1 - REJECTS[number]), (1 - right) * RATES[number]]
        counts = [(ends[:, number] == end).sum() for end in (1.0, 0.0)]
        assert_law("rates_by_prompt", [*counts, 1000 - sum(counts)], [*law, 1.0 - sum(law)])


def test_verdicts_that_persist_are_drawn_at_each_prompts_rate():
    rates = [0.0, 1.0, 0.5]
    stubborn = bs.NoisyFilter(false_accept=rates, false_reject=[0.0] * 3, persistent=True)
    runs = bs.simulate(bs.filter_only(filter=stubborn), TASK, 40, seeds=3, key=2, record="prompt")
    for start, end in runs.accuracy.values[:, [0, -1]]:
        # All right; nothing is told apart; what is liked of the wrong stays beside the right.
        assert end[0] == pytest.approx(1.0)
        assert end[1] == pytest.approx(start[1])
        shares = [0.3 / (0.3 + wrong) for wrong in (0.0, 0.3, 0.4, 0.7)]
        assert min(abs(end[2] - share) for share in shares) < 1e-9


def test_a_design_turns_what_prompts_have_of_their_own():
    procedure = bs.boosting(filter=bs.NoisyFilter(**BOTH), labeler=WEAK, budget=0.3)
    goal = bs.Objective(procedure, TASK, 2)
    with fixed(double=True):
        problem = Problem.of(goal, {"budget": bs.Knob(0.0, 0.5)})
        shown = problem.shown({"budget": jnp.asarray(0.2)})
    run = bs.simulate(turned(procedure, {"budget": 0.2}), TASK, 2)
    np.testing.assert_allclose(shown["error"], run.error.values[0], rtol=1e-12)


def test_a_run_as_a_function_of_its_rates_takes_one_for_each_prompt():
    voted = dict(labeler=WEAK, attempts=2)
    with fixed(double=True):
        run = bs.population(bs.boosting(filter=bs.NoisyFilter(0.1, **VOTED), **voted), TASK, 2)
        error = run({"gamma": jnp.asarray(RATES)})["error"]
        voters = bs.population(bs.boosting(filter=bs.NoisyFilter(voters=RATES), **voted), TASK, 2)
        with pytest.raises(ValueError, match="gamma"):
            voters({"gamma": 0.1})
    same = bs.simulate(bs.boosting(filter=bs.NoisyFilter(RATES, **VOTED), **voted), TASK, 2)
    np.testing.assert_allclose(error, same.error.values[0], rtol=1e-11)


def test_a_filter_of_ones_own_may_have_rates_by_prompt():
    class Mine(bs.Filter):
        accept, reject = (0.9, [0.1, 0.2, 0.3]), ([0.1] * 3, np.array([0.9, 0.8, 0.7]))

    mine = bs.simulate(bs.filter_only(filter=Mine()), TASK, 2)
    same = bs.NoisyFilter(false_accept=[0.1, 0.2, 0.3], false_reject=0.1)
    np.testing.assert_allclose(mine.error, bs.simulate(bs.filter_only(filter=same), TASK, 2).error)
    told = json.loads(mine.attrs["procedure"])["filter"]
    assert told["accept"] == [0.9, [0.1, 0.2, 0.3]]


def test_many_rates_are_told_by_what_they_hash_to():
    few, many = bs.NoisyFilter([0.1, 0.2]), bs.NoisyFilter(np.linspace(0.0, 0.4, 40))
    assert few.describe()["gamma"] == [0.1, 0.2]
    assert many.describe()["gamma"]["shape"] == [40]
    assert (prompts_of(few), prompts_of(many), prompts_of(bs.NoisyFilter(0.1))) == (2, 40, None)
    assert few == bs.NoisyFilter((0.1, 0.2))
    assert hash(few) == hash(bs.NoisyFilter(np.array([0.1, 0.2])))
    with pytest.raises(ValueError, match="read-only"):
        few.gamma[0] = 0.5


def test_a_log_is_written_of_rates_by_prompt(tmp_path):
    """What is certain: a prompt whose wrong responses are all accepted, and one without any."""
    rates = bs.NoisyFilter(false_accept=[1.0, 0.0, 0.0], false_reject=[0.0, 0.0, 1.0])
    procedure = bs.boosting(attempts=4, filter=rates, labeler=WEAK)
    trace = bs.simulate(procedure, TASK, 1, record="prompt")
    told = dict(procedure=procedure, task=TASK, key=1, visits=50, audited=200)
    bs.write_log(trace, tmp_path / "log.jsonl", **told)
    rows = [json.loads(line) for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    first = {row["prompt"]: row for row in rows if row.get("iteration") == 0}
    assert first[0]["accepted"] == 200
    assert first[1]["audited_accepted"] == first[1]["audited_accepted_correct"]
    assert first[2]["accepted"] == 0


NEEDS_ONE = {
    "fate": lambda f: bs.fate(bs.filter_only(filter=f), visits=2, initial_accuracy=0.5),
    "a fit": lambda f: bs.fit(
        bs.Log(["a", "b", "c"], [0], [0, 1, 2], [0, 0, 0], attempts=[4] * 3, accepted=[1] * 3),
        filter=f,
    ),
    "designed votes": lambda f: bs.design(
        bs.Objective(bs.filter_only(filter=f), TASK, 2), {"votes": (1, 3)}
    ),
}


@pytest.mark.parametrize("who", NEEDS_ONE)
def test_who_needs_one_rate_says_so(who):
    with pytest.raises(ValueError, match="filter must be one with the same rates") as caught:
        NEEDS_ONE[who](bs.NoisyFilter(RATES))
    assert "\n" not in str(caught.value)


def test_rates_of_other_prompts_are_refused():
    for filt in (bs.NoisyFilter([0.1, 0.2]), bs.NoisyFilter(np.zeros(5), persistent=True)):
        for how in ({}, dict(visits=2, seeds=2), dict(visits=2, exact=True)):
            key = {} if not how and not filt.persistent else dict(key=1)
            with pytest.raises(ValueError, match="one for each of 3 prompts"):
                bs.simulate(bs.filter_only(filter=filt), TASK, 1, **how, **key)
    uneven = dict(false_accept=[0.1, 0.2], false_reject=[0.1] * 3)
    with pytest.raises(ValueError, match="one number of prompts"):
        bs.boosting(filter=bs.NoisyFilter(**uneven), labeler=WEAK)


def test_a_run_of_rates_by_prompt_is_no_plain_boosting():
    procedure = bs.boosting(filter=bs.NoisyFilter(RATES), labeler=WEAK)
    assert "from prompt to prompt" in why_no_fit(procedure)
    assert why_no_bound(procedure) == "it is for a perfect filter"
    perfect = dataclasses.replace(procedure, filter=bs.NoisyFilter([0.0] * 3))
    assert "from prompt to prompt" in why_no_bound(perfect)


TURNS = np.array([0.0, 1.0] * 4)


def in_tokens(filt, **how):
    return bs.simulate(bs.filter_only(attempts=2, filter=filt, learner=SOFTMAX), LOOKUP, 2, **how)


EACH = dict(visits=8, key=1, record=("responses",))
POOL = dict(prompts_per_iteration=8, pool=8, key=1, record=("responses",))


@pytest.mark.parametrize("how", [EACH, POOL, dict(exact=True, key=1)], ids=["each", "pool", "law"])
def test_equal_rates_by_prompt_are_one_rate_in_tokens(how):
    by_prompt, plain = (in_tokens(bs.NoisyFilter(rate), **how) for rate in ([0.2] * 8, 0.2))
    for name in plain.data_vars:
        if name != "seconds":
            np.testing.assert_array_equal(by_prompt[name], plain[name], name)


def test_a_prompt_whose_rate_is_one_has_every_verdict_turned_in_tokens():
    """Of a pool's prompts, in whatever order they come, and of a task, every other one."""
    numbers = {LOOKUP.text(prompt): i for i, prompt in enumerate(LOOKUP.every_prompt())}
    for how in (EACH, POOL):
        # Before the first iteration nothing was visited.
        run = in_tokens(bs.NoisyFilter(TURNS), **how).isel(seed=0, iteration=slice(1, None))
        turned = run.accepted.values != run.correct.values
        assert (turned[..., 0] == turned[..., 1]).all()
        if how is EACH:
            number = np.vectorize(numbers.get)(run.prompt_text.values)
            assert (turned[..., 0] == (number % 2 == 1)).all()
        assert (turned[..., 0].mean(axis=-1) == 0.5).all()


def test_the_law_in_tokens_is_that_of_each_prompts_rate():
    """A strong learner would go where the table of the listed task goes."""
    trace = in_tokens(bs.NoisyFilter(TURNS), exact=True, key=1)
    odd = in_tokens(bs.NoisyFilter(0.0), exact=True, key=1)
    assert not np.array_equal(trace.accuracy, odd.accuracy)


def test_rates_by_prompt_need_prompts_that_come_again():
    for how, told in (
        (dict(key=1), "same rates on every prompt where each visit"),
        (dict(prompts_per_iteration=8, pool=9, key=1), "one for each of 9 prompts"),
    ):
        with pytest.raises(ValueError, match=told) as caught:
            in_tokens(bs.NoisyFilter(TURNS), **how)
        assert "\n" not in str(caught.value)


def test_a_folder_does_not_know_the_verdicts_of_rates_by_prompt(tmp_path):
    in_tokens(bs.NoisyFilter(TURNS), visits=8, key=1, folder=tmp_path)
    found = bs.load_run(tmp_path).sample(1)
    assert found.accepted.isna().all()
    assert found.correct.notna().all()
