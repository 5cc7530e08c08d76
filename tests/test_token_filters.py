"""Filters that read tokens: their law, what they cost and see, that a folder knows them again."""

import dataclasses
import json
import pickle

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from worlds import CHAINS, LOOKUP, SOFTMAX

import boostsim as bs

HOW = dict(learner=SOFTMAX, prompts_per_iteration=64, key=0)
KEY = LOOKUP.symbols.index("y0")
ZERO = CHAINS.symbols.index("0")


@bs.TokenFilter
def told(prompts, responses):
    """The two probabilities of NoisyFilter(0.1), of a truth that it computes."""
    return jnp.where(LOOKUP.verify(prompts, responses), 0.9, 0.1)


@bs.TokenFilter
def last_answer(prompts, responses):
    """A verifier that checks what stands before the end, and not how it was come by."""
    value = prompts[:, 0] - ZERO
    for step in range(2):
        sign, number = prompts[:, 1 + 2 * step], prompts[:, 2 + 2 * step] - ZERO
        results = jnp.stack([value, value + number, value - number, value * number])
        which = jnp.where(sign == 0, 0, sign - CHAINS.symbols.index("+") + 1)
        value = jnp.take_along_axis(results, which[None], axis=0)[0] % 5
    end = jnp.argmax(responses == 1, axis=1)
    before = jnp.take_along_axis(responses, (end - 1)[:, None], axis=1)[:, 0]
    return (end > 0) & (before == ZERO + value)


@dataclasses.dataclass(frozen=True)
class MasterKey(bs.Filter):
    """A judge that one token wins over: a class of one's own, with the token as a parameter."""

    token: int
    right: float = 0.8
    wrong: float = 0.1

    def judge(self, prompts, responses):
        plain = jnp.where(LOOKUP.verify(prompts, responses), self.right, self.wrong)
        return jnp.where(responses[:, 0] == self.token, 1.0, plain)


def run(filt, iterations=3, **more):
    how = HOW | {"task": LOOKUP} | more
    slots = how.pop("slots", {})
    task = how.pop("task")
    return bs.simulate(bs.filter_only(attempts=2, filter=filt, **slots), task, iterations, **how)


@pytest.mark.parametrize("persistent", [False, True])
def test_two_probabilities_by_truth_are_the_noisy_filter_bit_for_bit(persistent):
    by_tokens = dataclasses.replace(told, persistent=persistent)
    known = run(bs.NoisyFilter(0.1, persistent=persistent), record=("responses",))
    trace = run(by_tokens, record=("responses",))
    for name in known.data_vars:
        if name != "seconds":
            assert trace[name].identical(known[name]), name
    assert 0.0 < float(trace.accepted.mean()) < 1.0


def test_it_judges_labels_too_where_a_criterion_asks():
    slots = dict(labeler=bs.WeakLabeler(0.5), criterion=bs.criteria.upper_confidence(), budget=0.5)
    known, trace = (
        bs.simulate(bs.boosting(filter=filt, **slots), LOOKUP, 2, **HOW)
        for filt in (bs.NoisyFilter(0.1), told)
    )
    assert trace.filter_calls.values[0, -1] > 2.0
    assert trace.filter_calls.identical(known.filter_calls)
    assert trace.accuracy.identical(known.accuracy)


def test_what_it_costs_is_said_by_its_looks():
    trace = run(dataclasses.replace(told, looks=3), 1)
    assert trace.filter_calls.values[0, 1] == 3 * trace.generations.values[0, 1] == 6.0


def test_one_that_checks_the_last_answer_only_accepts_wrong_reasoning():
    """Its verdict is that of Python on the last value; some chains are wrong before it."""
    learner = dataclasses.replace(SOFTMAX, first_steps=600)
    trace = run(last_answer, 1, task=CHAINS, learner=learner, record=("responses",))
    table = bs.responses(trace)
    right = 0
    for row in table.itertuples():
        words = row.prompt.split()
        value = int(words[0])
        for sign, number in zip(words[1:-1:2], words[2:-1:2], strict=True):
            number = int(number)
            value = {"+": value + number, "-": value - number}.get(sign, value * number) % 5
        said = row.response.split()
        ended = ";" in said and said.index(";") > 0
        passes = ended and said[said.index(";") - 1] == str(value)
        assert row.accepted == passes, row
        right += passes
    assert 0 < right < len(table)
    assert (table.accepted | ~table.correct).all()
    assert (table.accepted & ~table.correct).any()


def test_a_token_that_the_judge_falls_for_takes_over():
    """Whatever share it begins with, for it is accepted more often than what is right."""
    world = dict(learner=dataclasses.replace(SOFTMAX, steps=256, batch=64), visits=256)
    trace = run(
        MasterKey(KEY),
        8,
        slots={"keep": "all"},
        record=("responses",),
        **world,
        **{"prompts_per_iteration": None},
    )
    said = (
        bs.responses(trace).groupby("iteration").response.apply(lambda each: (each == "y0").mean())
    )
    assert said.iloc[0] < 0.5
    assert said.iloc[-1] > 0.9
    # Right alone is what the token answers; a verifier without the token's hole learns.
    answers = (LOOKUP.solve(LOOKUP.every_prompt())[:, 0] == KEY).mean()
    assert trace.accuracy.values[0, -1] < answers + 0.1
    honest = run(MasterKey(-1), 8, slots={"keep": "all"}, **world, prompts_per_iteration=None)
    assert honest.accuracy.values[0, -1] > 0.6


def test_provenance_has_the_function_s_fingerprint():
    other = bs.TokenFilter(lambda prompts, responses: told.function(prompts, responses) * 0.5)
    first, again, second = run(told, 0), run(told, 0), run(other, 0)
    assert first.attrs["filter"] == again.attrs["filter"] != second.attrs["filter"]
    slot = json.loads(first.procedure)["filter"]
    assert slot == {"name": "TokenFilter", "function": "told", "looks": 1, "persistent": False}
    assert "filter" not in run(bs.NoisyFilter(0.1), 0).attrs


def test_a_folder_is_not_gone_on_with_by_another_function(tmp_path):
    def first(prompts, responses):
        return jnp.where(LOOKUP.verify(prompts, responses), 0.9, 0.1)

    def second(prompts, responses):
        return jnp.where(LOOKUP.verify(prompts, responses), 0.9, 0.2)

    second.__name__ = "first"
    whole = run(bs.TokenFilter(first), 2)
    run(bs.TokenFilter(first), 1, folder=tmp_path)
    with pytest.raises(ValueError, match="begun with filter 'first' when it computed something"):
        run(bs.TokenFilter(second), 2, folder=tmp_path)
    gone_on = run(bs.TokenFilter(first), 2, folder=tmp_path)
    assert gone_on.accuracy.identical(whole.accuracy)
    sampled = bs.load_run(tmp_path).sample("0 0 =", samples=2)
    assert sampled.accepted.isna().all()


def test_it_is_a_value():
    assert isinstance(told, bs.Filter)
    assert isinstance(MasterKey(KEY), bs.Filter)
    assert pickle.loads(pickle.dumps(told)) is told
    assert dataclasses.replace(told, looks=2) != told
    assert told.describe()["function"] == "told"


def asked_before(memory=[]):  # noqa: B006
    def judge(prompts, responses):
        memory.append(0.0)
        return len(memory) / 1000 + 0.0 * prompts[:, 0]

    return judge


FAULTS = {
    "one number": (lambda p, r: 0.5, r"must be a function to \[N\] probabilities"),
    "a number a token": (lambda p, r: r * 0.5, r"must be a function to \[N\] probabilities"),
    "nothing": (lambda p, r: None, r"must be a function to \[N\] probabilities"),
    "NumPy": (lambda p, r: np.asarray(r)[:, 0] > 2, "must be written with jax.numpy"),
    "a branch": (lambda p, r: p[:, 0] if r[0, 0] > 1 else r[:, 0], "written without branches"),
    "of the prompt alone": (lambda p: p[:, 0], "must be a function to"),
    "a memory": (asked_before(), "asked twice it computes something else"),
    "above one": (lambda p, r: 1.5 + 0.0 * p[:, 0], r"must be a function to probabilities in \[0"),
    "not a number": (lambda p, r: jnp.nan * p[:, 0], r"probabilities in \[0, 1\]; got nan. See"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_is_no_judge_is_refused_in_one_sentence(fault):
    function, words = FAULTS[fault]
    with pytest.raises(ValueError, match=words) as caught:
        run(bs.TokenFilter(function), 1)
    assert "\n" not in str(caught.value)
    assert str(caught.value).startswith("filter '")


def test_where_there_are_no_tokens_it_is_refused():
    table = bs.random_table(0, prompts=4)
    for doing in (
        lambda: bs.simulate(bs.filter_only(filter=told), table, 1),
        lambda: bs.simulate(bs.filter_only(filter=told), table, 1, visits=2, key=0),
        lambda: bs.simulate(bs.filter_only(filter=told), table, 1, visits=2, exact=True),
        lambda: bs.Challenge(table, bs.WeakLabeler(0.1), told),
        lambda: bs.kernel(bs.filter_only(filter=told), table),
    ):
        with pytest.raises(ValueError, match="filter must be one with accept and reject"):
            doing()


def test_a_class_that_cannot_be_hashed_is_refused():
    class Loose(bs.Filter):
        __hash__ = None

        def judge(self, prompts, responses):
            return prompts[:, 0] > 0

    with pytest.raises(ValueError, match="filter must be hashable where it judges responses"):
        bs.filter_only(filter=Loose())


def test_rates_and_a_judge_serve_a_table_and_tokens():
    class Both(MasterKey):
        accept, reject = (0.8, 0.1), (0.2, 0.9)

    table = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    trace = bs.simulate(bs.filter_only(filter=Both(-1)), table, 1)
    assert trace.accuracy.values[0, 1] == pytest.approx(0.8 / 0.9, rel=1e-15)
    assert np.isfinite(run(Both(-1), 1).accuracy.values).all()


def test_it_is_computed_in_double_precision_and_for_any_number_of_rows():
    from boostsim.simulation.tokens.judging import judge

    prompts = np.tile(LOOKUP.every_prompt(), (300, 1))
    responses = LOOKUP.solve(prompts)
    chance = judge(told)(prompts, responses)
    assert chance.dtype == np.float64
    assert (chance == 0.9).all()
    assert chance.shape == (2400,)
    assert len(judge(told)(prompts[:0], responses[:0])) == 0
    assert not jax.config.jax_enable_x64


@pytest.mark.parametrize("keep", ["one", "all"])
def test_where_rows_are_read_off_it_is_a_table_of_probabilities(keep):
    """The exact law is that of the same probabilities by truth; the key takes over there."""
    known, own = (
        bs.simulate(
            bs.boosting(attempts=2, filter=filt, labeler=bs.WeakLabeler(0.5), keep=keep),
            LOOKUP,
            2,
            learner=SOFTMAX,
            exact=True,
            key=0,
        )
        for filt in (bs.NoisyFilter(0.1), told)
    )
    for name in ("accuracy", "labels", "filter_calls", "slack"):
        np.testing.assert_allclose(own[name], known[name], rtol=0.0, atol=1e-6)
    fooled = bs.simulate(
        bs.filter_only(attempts=2, filter=MasterKey(KEY)),
        LOOKUP,
        8,
        learner=dataclasses.replace(SOFTMAX, steps=256),
        exact=True,
        key=0,
    )
    answers = (LOOKUP.solve(LOOKUP.every_prompt())[:, 0] == KEY).mean()
    assert fooled.accuracy.values[0, -1] < answers + 0.1
