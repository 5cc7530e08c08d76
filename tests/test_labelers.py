"""Labelers of one's own: their rows are a table's labels, their answers what tokens are taught."""

import dataclasses
import json
from types import SimpleNamespace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from alarms import assert_share
from worlds import CHAINS, LOOKUP, SOFTMAX

import boostsim as bs

TABLE = bs.table_task([[1, 0, 0], [0, 1, 0]], initial=[[0.2, 0.5, 0.3], [0.6, 0.1, 0.3]])
HOW = dict(learner=SOFTMAX, prompts_per_iteration=256, key=0)


def written(quality, beta):
    """Rows that are right with probability beta(x), the rest spread."""
    wrong = 1.0 - quality
    spread = wrong / wrong.sum(1, keepdims=True)
    return beta * quality / quality.sum(1, keepdims=True) + (1.0 - beta) * spread


@dataclasses.dataclass(frozen=True)
class Tiring(bs.Labeler):
    """Right with probability beta, beta^2, ...: the harder the prompt, the less often."""

    beta: float = 0.5
    persistent: bool = False

    def rows_for(self, quality):
        return written(quality, self.beta ** np.arange(1, len(quality) + 1)[:, None])

    def answers(self, key, prompts):
        """In NumPy: the difficulty is read off the prompt's length."""
        steps = (prompts[:, 1:-1:2] != 0).sum(1)
        rng = np.random.default_rng(np.asarray(jax.random.key_data(key)))
        right = rng.random(len(prompts)) < self.beta**steps
        wrong = CHAINS.mistake("slip", rng, prompts)
        return np.where(right[:, None], CHAINS.solve(prompts), wrong)


@dataclasses.dataclass(frozen=True)
class Stubborn(bs.Labeler):
    """Traced, and the same for ever: the answer of each prompt hangs on its own key."""

    persistent: bool = True

    def rows_for(self, quality):
        return written(quality, 0.5)

    def answers(self, key, prompts):
        @jax.jit
        def said(key, prompts):
            entry = prompts[:, 0] * 16 + prompts[:, 1]
            keys = jax.vmap(jax.random.fold_in, (None, 0))(key, entry)
            return jax.vmap(lambda each: jax.random.randint(each, (1,), 3, 7))(keys)

        return said(key, jnp.asarray(prompts))


BETA = np.array([0.5, 0.25])


@pytest.mark.parametrize("persistent", [False, True])
@pytest.mark.parametrize("visits", [{}, {"visits": 3, "key": 0}], ids=["exact", "sampled"])
def test_rows_of_ones_own_are_those_of_a_weak_labeler(persistent, visits):
    """beta by difficulty, given as a number for each prompt and as rows of a function."""
    how = dict(attempts=2, filter=bs.NoisyFilter(0.1))
    known, rows, own = (
        bs.simulate(bs.boosting(labeler=each, **how), TABLE, 3, record="prompt", **visits)
        for each in (
            bs.WeakLabeler(BETA, persistent=persistent),
            bs.WeakLabeler(rows=written(TABLE.quality, BETA[:, None]), persistent=persistent),
            Tiring(persistent=persistent),
        )
    )
    assert own.drop_attrs().identical(rows.drop_attrs())
    np.testing.assert_allclose(own.error, known.error, rtol=1e-14, atol=0.0)
    # Labels of the whole table at once are right as often as they say.
    assert (own.beta, own.beta_least) == (0.375, 0.25)
    assert json.loads(own.procedure)["labeler"] == {
        "name": "Tiring",
        "beta": 0.5,
        "persistent": persistent,
    }


def test_beta_by_difficulty_is_what_labels_in_tokens_are_right_with():
    trace = bs.simulate(
        bs.labels_only(labeler=Tiring(0.6), labels_per_visit=4),
        CHAINS,
        1,
        record=("responses",),
        **HOW | {"prompts_per_iteration": 32},
    )
    table = bs.responses(trace)
    for steps, beta in ((1, 0.6), (2, 0.36)):
        right = [
            bool(flag)
            for prompt, flag in zip(table.prompt, table.label_correct, strict=True)
            if len(prompt.split()) == 2 * steps + 2
        ]
        assert_share("labels_by_difficulty", sum(right), len(right), beta)
    # A slip is wrong, yet most of its tokens are right.
    assert trace.right_tokens.values[0, 1] > trace.label_accuracy.values[0, 1]
    assert trace.labels.values[0, 1] == 4.0


def test_by_strata_a_weak_labeler_says_the_same():
    """One number for each level of difficulty needs no class of one's own."""
    how = HOW | {"prompts_per_iteration": 32, "record": ("responses",)}
    trace = bs.simulate(bs.labels_only(labeler=bs.WeakLabeler([1.0, 0.0])), CHAINS, 1, **how)
    table = bs.responses(trace)
    easy = [len(prompt.split()) == 4 for prompt in table.prompt]
    assert table.label_correct.tolist() == easy
    assert 0 < sum(easy) < len(easy)


def test_what_persists_is_the_same_in_every_iteration_and_visit():
    how = dict(learner=SOFTMAX, visits=4, key=0, record=("responses",))
    trace = bs.simulate(bs.labels_only(labeler=Stubborn(), labels_per_visit=2), LOOKUP, 2, **how)
    table = bs.responses(trace)
    labels = table.groupby("prompt")[[name for name in table if name.startswith("label_text")]]
    assert len(table.prompt.unique()) == 8
    assert (labels.nunique() == 1).all(axis=None)


def test_it_runs_in_the_exact_cell_of_tokens_by_its_rows():
    how = dict(learner=SOFTMAX, exact=True, key=0)
    trace = bs.simulate(bs.labels_only(labeler=Stubborn(persistent=False)), LOOKUP, 1, **how)
    assert trace.label_accuracy.values[0, 1] == pytest.approx(0.5, abs=1e-12)


def test_a_folder_is_not_gone_on_with_by_another(tmp_path):
    class Second(Stubborn):
        def answers(self, key, prompts):
            said = np.array(super().answers(key, prompts))
            said[0] = 3 + (said[0] - 2) % 4
            return said

    Second.__name__ = "Stubborn"
    how = dict(learner=SOFTMAX, visits=1, key=0)
    first, second = (bs.labels_only(labeler=each) for each in (Stubborn(False), Second(False)))
    whole = bs.simulate(first, LOOKUP, 2, **how)
    begun = bs.simulate(first, LOOKUP, 1, folder=tmp_path, **how)
    with pytest.raises(ValueError, match="begun with labeler 'Stubborn' when it computed"):
        bs.simulate(second, LOOKUP, 2, folder=tmp_path, **how)
    gone_on = bs.simulate(first, LOOKUP, 2, folder=tmp_path, **how)
    assert gone_on.accuracy.identical(whole.accuracy)
    assert gone_on.attrs["labeler"] == begun.attrs["labeler"]


def test_what_a_labeler_is_can_be_asked():
    known = (bs.WeakLabeler(0.1), bs.FirstModel(), Tiring(), Stubborn())
    drifting = bs.DriftingLabeler(0.5, later=bs.WeakLabeler(0.1), between=(0, 4))
    assert all(isinstance(each, bs.Labeler) for each in (*known, drifting))
    for other in (None, 0.1, bs.NoisyFilter(0.1), bs.Procedure()):
        assert not isinstance(other, bs.Labeler)


def own(**held):
    return type("Mine", (bs.Labeler,), held)()


def rows(value):
    return own(rows_for=lambda self, quality: value)


CONSTRUCTED = {
    "a number": (0.1, "labeler must be a bs.WeakLabeler"),
    "a class": (Tiring, r"This is a class: make one of it, Tiring\(...\)"),
    "neither method": (own(), "It needs one of rows_for and answers"),
    "nothing of the protocol": (
        SimpleNamespace(rows_for=lambda quality: quality),
        "It lacks persistent, drift, on; one that derives from bs.Labeler has them",
    ),
    "perhaps persistent": (
        own(rows_for=lambda self, quality: quality, persistent="yes"),
        "labeler.persistent must be True or False",
    ),
    "mutable": (
        own(rows_for=lambda self, quality: quality, __hash__=None),
        "labeler must be hashable, as a frozen dataclass is",
    ),
    "no JSON": (
        own(rows_for=lambda self, quality: quality, describe=lambda self: {1, 2}),
        "labeler must be described by what JSON can hold",
    ),
    "a drift that is none": (
        own(rows_for=lambda self, quality: quality, drift=3),
        "labeler.drift must be two numbers of iterations",
    ),
}


@pytest.mark.parametrize("fault", CONSTRUCTED)
@pytest.mark.parametrize("door", ["Procedure", "boosting", "Challenge"])
def test_what_is_no_labeler_is_refused_where_it_comes_in(fault, door):
    labeler, words = CONSTRUCTED[fault]
    doors = {
        "Procedure": lambda: bs.Procedure(labeler=labeler),
        "boosting": lambda: bs.boosting(labeler=labeler),
        "Challenge": lambda: bs.Challenge(TABLE, labeler),
    }
    with pytest.raises(ValueError, match=words) as caught:
        doors[door]()
    assert "\n" not in str(caught.value)


ROWS = {
    "of another shape": (np.full((3, 3), 1 / 3), "must be of the task's shape"),
    "no distribution": (
        np.full((2, 3), 0.5),
        r"labeler.rows_for\(quality\) must sum to one; row 0",
    ),
    "not finite": (np.full((2, 3), np.nan), r"labeler.rows_for\(quality\) must be finite"),
    "nothing": (None, r"labeler.rows_for\(quality\) must be an array"),
}


@pytest.mark.parametrize("fault", ROWS)
def test_rows_that_are_none_are_refused(fault):
    value, words = ROWS[fault]
    with pytest.raises(ValueError, match=words) as caught:
        bs.simulate(bs.labels_only(labeler=rows(value)), TABLE, 1)
    assert "\n" not in str(caught.value)


def several(self, quality):
    raise RuntimeError("first line\nsecond line")


RAISING = {
    "no argument": (lambda: None, "it raised TypeError: <lambda>.. takes 0 positional arguments"),
    "an error": (lambda self, quality: 1 / 0, "it raised ZeroDivisionError: division by zero$"),
    "several lines": (several, "it raised RuntimeError: first line$"),
    "chance": (
        lambda self, quality: np.random.default_rng().dirichlet(np.ones(3), 2),
        "must depend on quality alone: asked again it says something else",
    ),
}


@pytest.mark.parametrize("fault", RAISING)
def test_rows_that_are_not_to_be_had_twice_are_refused(fault):
    function, words = RAISING[fault]
    with pytest.raises(ValueError, match=words) as caught:
        bs.simulate(bs.labels_only(labeler=own(rows_for=function)), TABLE, 1)
    assert str(caught.value).startswith("labeler.rows_for(quality) must ")
    assert "\n" not in str(caught.value)


def counting(memory=[]):  # noqa: B006
    def answers(self, key, prompts):
        memory.append(0)
        return np.full((len(prompts), 1), 3 + len(memory) % 4)

    return answers


ANSWERS = {
    "of another shape": (lambda self, key, prompts: prompts[:, 0], "got shape .256,."),
    "no whole numbers": (lambda self, key, prompts: prompts[:, :1] * 1.0, "numbers of float64"),
    "no symbol": (lambda self, key, prompts: prompts[:, :1] * 0 + 99, "got 99. See the response"),
    "an error": (lambda self, key: 3, "it raised TypeError"),
    "a memory": (counting(), "asked again it says something else"),
    "below nothing": (lambda self, key, prompts: prompts[:, :1] * 0 - 1, "got -1. See"),
}


@pytest.mark.parametrize("fault", ANSWERS)
def test_answers_that_are_none_are_refused_before_anything_is_trained(fault):
    function, words = ANSWERS[fault]
    procedure = bs.labels_only(labeler=own(answers=function))
    with pytest.raises(ValueError, match=words) as caught:
        bs.simulate(procedure, LOOKUP, 1, **HOW)
    assert "\n" not in str(caught.value)
    assert "Mine.answers(key, prompts) must" in str(caught.value)


def test_answers_that_persist_must_not_hang_on_the_company():
    def by_place(self, key, prompts):
        return 3 + np.arange(len(prompts))[:, None] % 4

    procedure = bs.labels_only(labeler=own(answers=by_place, persistent=True))
    with pytest.raises(ValueError, match="must answer each prompt by itself where answers persist"):
        bs.simulate(procedure, LOOKUP, 1, **HOW)


def test_what_a_cell_needs_is_asked_for():
    speaks = bs.labels_only(labeler=own(answers=counting()))
    exact = dict(learner=SOFTMAX, exact=True, key=0)
    for task, how in ((TABLE, {}), (LOOKUP, exact)):
        with pytest.raises(ValueError, match=r"one with rows_for\(quality\) on a table, and where"):
            bs.simulate(speaks, task, 1, **how)
    with pytest.raises(ValueError, match=r"one with answers\(key, prompts\) where the task"):
        bs.simulate(bs.labels_only(labeler=rows(None)), LOOKUP, 1, **HOW)
