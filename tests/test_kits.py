"""The kits: what is here passes, and every planted fault is told in words."""

import dataclasses
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs

TABLE = bs.table_task([[1, 0, 0], [0, 1, 0]], initial=[[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
LOOKUP = bs.lookup(entries=8, answers=4)
CHAINS = bs.arithmetic(operations=2, modulus=5)
PAGE = (Path(__file__).parent.parent / "docs" / "how-to" / "own.md").read_text()


@pytest.fixture(scope="module")
def reverse():
    """The task that the page shows."""
    code = re.search(r"```python\n(.*?)\n\n\ntask = Reverse", PAGE, re.DOTALL)[1]
    names = {"__name__": "own"}
    exec(compile(code, "own.md", "exec"), names)
    return names["Reverse"]


@pytest.mark.parametrize(
    "task", [LOOKUP, CHAINS, bs.programs(2)], ids=lambda task: type(task).__name__
)
def test_tasks_that_are_here_pass(task):
    bs.testing.check_task(task)


def test_the_task_that_the_page_shows_passes(reverse):
    bs.testing.check_task(reverse(), key=1)
    code = re.search(r"class Reverse.*?\n\n\n", PAGE, re.DOTALL)[0]
    assert len([line for line in code.splitlines() if line.strip()]) <= 36


def by_position(self, rng, stratum):
    return self.up.prompts(self, np.random.default_rng(0), stratum)


def of_no_key(self, rng, stratum):
    rng = np.random.default_rng()
    return self.up.prompts(self, rng, stratum)


def says_more(self, prompts):
    said = self.up.solve(self, prompts).copy()
    said[:, -1] = 3
    return said


def all_of_them(self, prompts, responses):
    return jnp.ones(len(prompts), bool)


def by_the_block(self, prompts, responses):
    right = (responses == self.backwards(prompts)).all(1)
    return right & (jnp.sum(prompts[:, -1] == 2) <= jnp.sum(prompts[:, -1] == 0))


def by_place(self, prompts, responses):
    """Every seventeenth is accepted, whatever it is."""
    right = (responses == self.backwards(prompts)).all(1)
    return right | (jnp.arange(len(prompts)) % 17 == 5)


TASKS = {
    "prompts of another shape": (
        dict(prompts=lambda self, rng, stratum: self.up.prompts(self, rng, stratum)[:, 1:]),
        r"prompts must return tokens \[144, 4\]; got \(144, 3\)",
    ),
    "a generator that ignores the key": (
        dict(prompts=by_position),
        "prompts must be drawn by the generator: by another they are the same",
    ),
    "a generator of its own": (
        dict(prompts=of_no_key),
        "prompts must depend on the generator alone: asked again they differ",
    ),
    "prompts without their sign": (
        dict(prompts=lambda self, rng, stratum: rng.integers(0, 7, (len(stratum), 4))),
        "prompts must end with one sign, the same for all",
    ),
    "another stratum": (
        dict(stratum=lambda self, prompts: np.zeros(len(prompts), int)),
        "stratum must be that which a prompt was drawn for",
    ),
    "no symbols": (
        dict(solve=lambda self, prompts: self.up.solve(self, prompts) + 9),
        r"solve must return tokens in \[0, 7\)",
    ),
    "solutions that go on after their end": (dict(solve=says_more), "solve must pad after the end"),
    "a verifier that disagrees with its solutions": (
        dict(verify=lambda self, prompts, responses: responses[:, 0] == 3),
        "its verifier must accept what it solves; it rejects",
    ),
    "a verifier that accepts everything": (dict(verify=all_of_them), r"mistake\('slip'\) must be"),
    "a verifier that depends on padding": (
        dict(verify=by_the_block),
        "verify must judge each row by itself; in another order it differs",
    ),
    "a verifier that looks at the place": (
        dict(verify=by_place),
        "verify must judge each row by itself; in another order it differs",
    ),
    "a verifier in NumPy": (
        dict(verify=lambda self, p, r: np.asarray(r)[:, 0] == 3),
        "verify must compile",
    ),
    "numbers for truth values": (
        dict(verify=lambda self, p, r: (r == self.backwards(p)).mean(1)),
        r"verify must return \[144\] truth values; got float32",
    ),
    "mistakes that are right": (
        dict(mistake=lambda self, noise, rng, prompts: self.solve(prompts)),
        r"mistake\('slip'\) must be wrong; the verifier accepts",
    ),
    "weights that do not sum to one": (
        dict(stratum_weights=np.array([0.5, 0.5, 0.5])),
        "stratum_weights must be at least 0 and sum to one",
    ),
    "a weight too few": (
        dict(easy_weights=np.array([0.5, 0.5])),
        "easy_weights must be one for each of 3 strata",
    ),
    "symbols twice": (dict(symbols=(".", ";", "=", *"abca")), "symbols must differ"),
    "mutable": (dict(__hash__=None), "it must be hashable"),
    "not equal to its copy": (
        dict(__eq__=lambda self, other: self is other, __hash__=lambda self: 0),
        "it must be equal to its copy",
    ),
    "any noise": (dict(check_noise=lambda self, noise: noise), "check_noise must refuse a way"),
    "an error": (dict(solve=lambda self, prompts: 1 / 0), "solve raised ZeroDivisionError"),
}


@pytest.mark.parametrize("fault", TASKS)
def test_a_fault_of_a_task_is_told(reverse, fault):
    held, words = TASKS[fault]
    eq = "__eq__" not in held and "__hash__" not in held
    kind = type("Faulty", (reverse,), {**held, "up": reverse})
    task = dataclasses.dataclass(frozen=True)(kind)() if eq else kind()
    with pytest.raises(AssertionError, match=words) as caught:
        bs.testing.check_task(task)
    assert str(caught.value).startswith("task 'Faulty': ")
    assert "\n" not in str(caught.value)


LISTED = {
    "a law that does not sum to one": (
        dict(mistake_law=lambda self, noise: 0.5 * type(LOOKUP).mistake_law(self, noise)),
        "must be probabilities that sum to one; row 0: 0.5",
    ),
    "a law that is right at times": (
        dict(
            mistake_law=lambda self, noise: np.full((8, len(self.symbols)), 1 / len(self.symbols))
        ),
        "must have nothing on what is right",
    ),
    "a prompt too few": (
        dict(every_prompt=lambda self: type(LOOKUP).every_prompt(self)[1:]),
        "every_prompt must list all",
    ),
    "a prompt twice": (
        dict(every_prompt=lambda self: type(LOOKUP).every_prompt(self)[[0, 0, *range(1, 8)]]),
        "every_prompt must list each once",
    ),
    "mistakes of another law": (
        dict(mistake_law=lambda self, noise: np.roll(type(LOOKUP).mistake_law(self, noise), 4, 1)),
        "must have what mistake",
    ),
}


@pytest.mark.parametrize("fault", LISTED)
def test_a_fault_of_a_list_is_told(fault):
    held, words = LISTED[fault]
    kind = dataclasses.dataclass(frozen=True)(type("Faulty", (type(LOOKUP),), held))
    with pytest.raises(AssertionError, match=words):
        bs.testing.check_task(kind(entries=8, answers=4))


def judging(**held):
    usual = dict(accept=(0.9, 0.2), reject=(0.1, 0.8))
    return type("Mine", (bs.Filter,), usual | held)()


class Wandering(bs.Filter):
    """Another each time it is asked."""

    reject = (0.1, 0.8)

    @property
    def accept(self):
        self.__dict__["asked"] = self.__dict__.get("asked", 0) + 1
        return (0.9, 0.2 + 1e-13 * self.asked)


def tokens(function):
    return bs.TokenFilter(function)


FILTERS = {
    "probabilities that do not sum to one": (judging(reject=(0.2, 0.8)), TABLE, "must be 1: a ver"),
    "one rate": (judging(accept=0.9), TABLE, "filter.accept must be two probabilities"),
    "mutable": (judging(__hash__=None), TABLE, "it must be hashable"),
    "not a value": (
        judging(
            __init__=lambda self: vars(self).update(rate=0.1),
            __eq__=lambda self, other: False,
            __hash__=lambda self: 0,
        ),
        TABLE,
        "it must be equal to its copy",
    ),
    "another each time": (Wandering(), TABLE, "equal to its copy|asked twice accept must be the s"),
    "no class": (0.1, TABLE, "filter must be a filter such as"),
    "tokens on a table": (
        tokens(lambda p, r: p[:, 0] > 0),
        TABLE,
        "it must have accept and reject",
    ),
    "a wrong shape": (tokens(lambda p, r: r > 0), LOOKUP, r"must be a function to \[N\] prob"),
    "NumPy": (tokens(lambda p, r: np.asarray(r)[:, 0] > 3), LOOKUP, "written with jax.numpy"),
    "of the others": (tokens(lambda p, r: r[:, 0] / r[:, 0].max()), LOOKUP, "each row by itself"),
    "of the place": (
        tokens(lambda p, r: jnp.arange(len(p)) / len(p)),
        LOOKUP,
        "must judge each row by itself; in another order",
    ),
    "above one": (tokens(lambda p, r: 2.0 + 0.0 * p[:, 0]), LOOKUP, r"probabilities in \[0, 1\]"),
}


@pytest.mark.parametrize("fault", FILTERS)
def test_a_fault_of_a_filter_is_told(fault):
    filt, task, words = FILTERS[fault]
    with pytest.raises(AssertionError, match=words) as caught:
        bs.testing.check_filter(filt, task)
    assert str(caught.value).startswith("filter '")
    assert "\n" not in str(caught.value)


def test_filters_that_are_here_pass():
    for filt in (bs.NoisyFilter(0.1, votes=3), bs.AcceptAll(), bs.RejectAll()):
        for task in (TABLE, LOOKUP):
            bs.testing.check_filter(filt, task)
    bs.testing.check_filter(tokens(lambda p, r: LOOKUP.verify(p, r) * 0.9), LOOKUP)


def own(**held):
    return type("Mine", (bs.Labeler,), held)()


def asked(beta, persistent=False):
    """Right with probability beta in tokens, drawn by the key."""

    def answers(self, key, prompts):
        right = jax.random.uniform(key, (len(prompts),)) < beta
        said = LOOKUP.solve(prompts)
        return jnp.where(right[:, None], said, 3 + (said - 2) % 4)

    return own(answers=answers, persistent=persistent)


LABELERS = {
    "no distribution": (own(rows_for=lambda self, q: q * 0.5), TABLE, None, "must sum to one"),
    "a wrong shape": (own(rows_for=lambda self, q: q[:1]), TABLE, None, "of the task's shape"),
    "a wrong beta": (
        own(rows_for=lambda self, q: np.full(q.shape, 1 / 3)),
        TABLE,
        0.4,
        "it must be right with probability 0.4 at least; on prompt 0 it is with 0.333333",
    ),
    "a wrong beta on one": (
        bs.WeakLabeler([0.9, 0.5]),
        TABLE,
        [0.9, 0.6],
        "0.6 at least; on prompt 1 it is with 0.5",
    ),
    "other rows each time": (
        own(rows_for=lambda self, q: np.random.default_rng().dirichlet(np.ones(3), 2)),
        TABLE,
        None,
        "must depend on quality alone: asked again it says something else",
    ),
    "mutable": (own(rows_for=lambda self, q: q, __hash__=None), TABLE, None, "must be hashable"),
    "neither method": (own(), TABLE, None, "It needs one of rows_for and answers"),
    "no tokens": (own(answers=lambda self, k, p: p[:, :1] * 0.5), LOOKUP, None, "numbers of float"),
    "too short": (own(answers=lambda self, k, p: p[:, 0]), LOOKUP, None, "got shape"),
    "it ignores the key": (
        own(answers=lambda self, k, p: LOOKUP.solve(p)),
        LOOKUP,
        None,
        "its answers must depend on the key",
    ),
    "of no key": (
        own(answers=lambda self, k, p: np.random.default_rng().integers(3, 7, (len(p), 1))),
        LOOKUP,
        None,
        "asked again it says something else",
    ),
    "it persists by place": (asked(0.5, persistent=True), LOOKUP, None, "answer each prompt by it"),
    "a wrong beta in tokens": (asked(0.3), LOOKUP, 0.4, "probability 0.4 at least; in stratum 'kn"),
    "a wrong beta by name": (bs.WeakLabeler(0.3), LOOKUP, [0.3, 0.4], "it must be right with"),
    "a way to be wrong that is none": (
        bs.WeakLabeler(0.3, wrong="slip"),
        LOOKUP,
        None,
        "wrong must",
    ),
    "the first model's": (
        bs.FirstModel(),
        LOOKUP,
        0.1,
        "what the first model is worth is measured",
    ),
}


@pytest.mark.parametrize("fault", LABELERS)
def test_a_fault_of_a_labeler_is_told(fault):
    labeler, task, beta, words = LABELERS[fault]
    with pytest.raises(AssertionError, match=words) as caught:
        bs.testing.check_labeler(labeler, task, beta=beta)
    assert str(caught.value).startswith("labeler '")
    assert "\n" not in str(caught.value)


def test_labelers_that_are_here_pass():
    drifting = bs.DriftingLabeler(0.5, later=bs.WeakLabeler(0.3), between=(0, 4))
    for labeler in (bs.WeakLabeler(0.5), bs.WeakLabeler(0.5, persistent=True), drifting):
        bs.testing.check_labeler(labeler, TABLE, beta=0.3)
        bs.testing.check_labeler(labeler, LOOKUP, beta=0.3)
    bs.testing.check_labeler(bs.FirstModel(), TABLE, beta=0.1)
    bs.testing.check_labeler(bs.FirstModel(), LOOKUP)
    bs.testing.check_labeler(asked(0.5), LOOKUP, beta=0.5)
    # One that ignores the key passes where it says so.
    always = own(answers=lambda self, key, prompts: LOOKUP.solve(prompts), persistent=True)
    bs.testing.check_labeler(always, LOOKUP, beta=0.9)


def test_what_the_kits_are_given_is_checked():
    for doing, words in {
        lambda: bs.testing.check_task(TABLE): "task must be of a class that derives from bs.Seq",
        lambda: bs.testing.check_task(LOOKUP, key=-1): "key must be a whole number of at least 0",
        lambda: bs.testing.check_filter(bs.AcceptAll(), 3): "task must be made by bs.table_task",
        lambda: bs.testing.check_labeler(asked(0.5), 3): "task must be made by bs.table_task",
        lambda: bs.testing.check_labeler(
            asked(0.5), TABLE, beta=2
        ): r"beta must be a number in \[0, 1\]",
        lambda: bs.testing.check_labeler(asked(0.5), TABLE, beta=[0.1] * 3): "one number, or one f",
    }.items():
        with pytest.raises(ValueError, match=words):
            doing()
