"""A learner of tables is a small object with a declared interface; here is another one."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.simulation.tables import loop, prepare

TABLE = bs.random_table(0, prompts=6, responses=4, solvable=0.5)
BETA = 0.4


def step(numbers, data, before, add):
    size, noise = numbers["size"], numbers["noise"]
    kept = 1.0 - size - noise
    return add([size * new + kept * old for new, old in zip(data, before, strict=True)], noise)


@dataclasses.dataclass(frozen=True)
class PartialStep:
    """Part of the way from the row before to the data, and part to noise over all responses."""

    size: float
    noise: float = 0.0
    rule = staticmethod(step)

    @property
    def numbers(self):
        return {"size": self.size, "noise": self.noise}

    def noise_rows_for(self, quality):
        return np.full(quality.shape, 1 / quality.shape[1]) if self.noise else None


def step_without(numbers, data, before, add):
    return step({**numbers, "noise": 0.0}, data, before, lambda rows, amount: rows)


@dataclasses.dataclass(frozen=True)
class PlainStep(PartialStep):
    """The same without rows of its own: it adds none."""

    rule = staticmethod(step_without)


def boosting(learner, **slots):
    return bs.boosting(labeler=bs.WeakLabeler(BETA), learner=learner, **slots)


def test_a_step_of_one_is_the_strong_learner_bit_for_bit():
    for how in ({}, {"visits": 5, "key": 1}):
        for regime in ("replace", "accumulate"):
            steps, strong = (
                bs.simulate(boosting(each, attempts=2, regime=regime), TABLE, 3, **how)
                for each in (PlainStep(1.0), bs.StrongLearner())
            )
            assert steps.drop_attrs().identical(strong.drop_attrs())


@pytest.mark.parametrize("size", [0.25, 0.8])
def test_a_partial_step_takes_the_error_part_of_the_way(size):
    """With a perfect filter the data have error (1 - beta) e, so e' = (1 - size beta) e."""
    error = bs.simulate(boosting(PlainStep(size)), TABLE, 5).error.values[0]
    assert error == pytest.approx(error[0] * (1 - size * BETA) ** np.arange(6), rel=1e-14)


@pytest.mark.parametrize("how", [{}, {"visits": 4, "key": 2}])
def test_rows_go_part_of_the_way_and_to_its_own(how):
    """From one first model the next row is the mixture of the row, the strong learner's, noise."""
    size, noise = 0.5, 0.2
    told = {"record": ("rows", "diversity"), **how}
    partial = bs.simulate(boosting(PartialStep(size, noise)), TABLE, 1, **told)
    strong = bs.simulate(boosting(bs.StrongLearner()), TABLE, 1, **told).rows.values
    rows, responses = partial.rows.values[0], TABLE.quality.shape[1]
    wanted = size * strong[0, 1] + noise / responses + (1 - size - noise) * rows[0]
    # A few roundings of numbers below one.
    assert rows[1] == pytest.approx(wanted, abs=1e-15)
    diversity = 1.0 - TABLE.prompt_weights @ (rows**2).sum(-1).T
    assert partial.diversity.values[0] == pytest.approx(diversity, abs=1e-14)


def test_diversity_of_lumped_rows_is_that_of_the_rows():
    """Without rows on record it comes from the sources, each going part of the way."""
    procedure = boosting(PartialStep(0.5, 0.2), attempts=2, filter=bs.NoisyFilter(0.1))
    lumped = bs.simulate(procedure, TABLE, 4, record="diversity").diversity.values
    dense = bs.simulate(procedure, TABLE, 4, record=("diversity", "rows")).diversity.values
    assert lumped == pytest.approx(dense, abs=1e-13)


def test_numbers_recompile_nothing_and_stand_in_the_provenance():
    bs.simulate(boosting(PartialStep(0.5, 0.1)), TABLE, 3)
    before = loop.proceed._cache_size()
    trace = bs.simulate(boosting(PartialStep(0.25, 0.3)), TABLE, 3)
    assert loop.proceed._cache_size() == before
    assert '"learner": {"name": "PartialStep", "noise": 0.3, "size": 0.25}' in trace.procedure


class Plain:
    rule = None
    numbers = 0.0

    def noise_rows_for(self, quality):
        return None


@pytest.mark.parametrize("wrong", [PartialStep, bs.StrongLearner, bs.Transformer, Plain(), None])
def test_what_is_no_learner_is_refused(wrong):
    with pytest.raises(ValueError, match="learner must be a frozen dataclass such as"):
        bs.Procedure(learner=wrong)


def faulty(**held):
    kind = type("Faulty", (PartialStep,), held)
    return dataclasses.dataclass(frozen=True)(kind)(0.5)


def test_what_a_learner_lacks_is_named():
    kind = type("Bare", (), {"rule": None, "numbers": 0.0})
    with pytest.raises(ValueError, match=r"It lacks noise_rows_for\."):
        bs.Procedure(learner=dataclasses.dataclass(frozen=True)(kind)())


@pytest.mark.parametrize(
    ("held", "told"),
    [
        (
            dict(rule=staticmethod(lambda size, data, before, add: data[0])),
            r"learner.rule must be a function to rows of shapes \[.2, 6.\]; got \[.6,., .6,.\]",
        ),
        (dict(rule=staticmethod(lambda *_: None)), "learner.rule must be a function to rows"),
        (
            dict(noise_rows_for=lambda self, quality: quality[:1]),
            r"learner.noise_rows_for\(quality\) must be of the task's shape \(6, 4\)",
        ),
        (
            dict(noise_rows_for=lambda self, quality: quality[0]),
            r"learner.noise_rows_for\(quality\) must be an array with 2 dimension",
        ),
    ],
)
def test_what_a_learner_gives_in_another_shape_is_refused(held, told):
    task = bs.random_table(0, prompts=6, responses=4)
    with pytest.raises(ValueError, match=told) as caught:
        bs.simulate(boosting(faulty(**held)), task, 1)
    assert "\n" not in str(caught.value)


def ruled(rule):
    return {"rule": staticmethod(lambda size, data, before, add: rule(data, before, add))}


RULES = {
    "not finite": (
        lambda data, *_: [new * jnp.nan for new in data],
        "rule must be a function to rows with finite masses of at least 0; got nan. It was tried",
    ),
    "negative": (lambda data, *_: [-new for new in data], "finite masses of at least 0; got -"),
    "double": (
        lambda data, *_: [2 * new for new in data],
        "must be a function to rows that sum to one; got 2.0. It was tried on an example; see prom",
    ),
    "a branch": (
        lambda data, before, _: data if data[0].sum() > 0 else before,
        r"must be written without branches on values \(write jnp.where",
    ),
    "NumPy": (lambda data, *_: [np.exp(np.asarray(new)) for new in data], "jax.numpy, not with"),
    "an error": (lambda *_: 1 / 0, "it raised ZeroDivisionError: division by zero$"),
    "a number": (lambda *_: 1.0, "to rows of shapes .*; it raised TypeError"),
    "complex": (lambda data, *_: [new * 1j for new in data], "real numbers; got 'complex128'"),
    "chance": (
        lambda data, *_: [new + np.random.default_rng().random() for new in data],
        "must be a pure function: asked twice it computes something else",
    ),
}


@pytest.mark.parametrize("how", [{}, {"visits": 2, "key": 0}, {"record": "diversity"}])
@pytest.mark.parametrize("fault", RULES)
def test_a_rule_that_gives_no_rows_is_refused_before_the_run(fault, how):
    rule, words = RULES[fault]
    with pytest.raises(ValueError, match=words) as caught:
        bs.simulate(boosting(faulty(**ruled(rule))), TABLE, 2, **how)
    assert str(caught.value).startswith("learner.rule must ")
    assert "\n" not in str(caught.value)


def several(self, quality):
    raise RuntimeError("one line\nand another")


NOISES = {
    "an error": (several, r"must return probabilities .*; it raised RuntimeError: one line$"),
    "no distribution": (lambda self, quality: quality * 0.5, "must sum to one; row"),
    "chance": (
        lambda self, quality: np.random.default_rng().dirichlet(np.ones(4), 6),
        "must depend on quality alone: asked again it says something else",
    ),
    "none": (lambda self, quality: None, "must be rows where learner.rule adds some"),
}


@pytest.mark.parametrize("fault", NOISES)
def test_rows_of_its_own_that_are_none_are_refused(fault):
    function, words = NOISES[fault]
    with pytest.raises(ValueError, match=words) as caught:
        bs.simulate(boosting(faulty(noise_rows_for=function)), TABLE, 2)
    assert str(caught.value).startswith("learner.noise_rows_for(quality) must ")
    assert "\n" not in str(caught.value)


def test_numbers_that_are_none_are_refused():
    with pytest.raises(ValueError, match=r"learner\.numbers must be numbers, in tuples or"):
        bs.simulate(boosting(faulty(numbers="half")), TABLE, 1)


def test_only_a_rule_of_ones_own_is_tried(monkeypatch):
    asked = []
    monkeypatch.setattr(prepare, "tried", lambda *each: asked.append(each))
    for learner in (bs.StrongLearner(0.1), bs.StrongLearner(step=0.5), bs.PolicyGradient(1.0)):
        loops = bs.filter_only(attempts=2, learner=learner)
        bs.kernel(loops, TABLE)
    assert not asked
    bs.kernel(boosting(PartialStep(0.5)), TABLE)
    assert len(asked) == 1


@pytest.mark.parametrize("slots", [{}, {"regime": "accumulate"}, {"attempts": 2}])
@pytest.mark.parametrize("persistent", [False, True])
def test_rows_that_are_rows_are_let_through(persistent, slots):
    """Split into copies by persistent answers, or not, with noise of all and noise of none."""
    labeler = bs.WeakLabeler(BETA, persistent=persistent)
    for noise in (0.0, 0.2):
        learner = PartialStep(0.5, noise) if noise else PlainStep(0.5)
        bs.kernel(bs.boosting(labeler=labeler, learner=learner, **slots), TABLE)


def test_a_learner_of_tables_is_none_of_tokens():
    told = "learner must be a bs.Transformer where the task is in tokens; got PartialStep"
    with pytest.raises(ValueError, match=told):
        bs.simulate(boosting(PartialStep(0.5)), bs.lookup(4, 3), 1, key=0)
