"""Functions of one's own that read something outside, which changes in one process."""

import json
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
import pytest
from worlds import LOOKUP, SOFTMAX

import boostsim as bs

OUTSIDE = [1.0]
TASK = bs.random_table(0, prompts=6, responses=4, solvable=0.7)


@bs.statistic
def scaled(row):
    return jnp.max(row) * OUTSIDE[0]


@bs.criterion
def shifting(visits):
    # It reads the masses, so that it is asked in the compiled program.
    far = jnp.abs(visits.prompt - OUTSIDE[0])
    return jnp.where(visits.mass > 0.0, jnp.exp(-far), 0.0)


@bs.criterion
def growing(visits):
    # What it reads changes as well.
    return visits.pass_rate if OUTSIDE[0] == 1.0 else visits.disagreement


@bs.TokenFilter
def moody(prompts, responses):
    return jnp.full(len(responses), 0.1 * OUTSIDE[0])


def stepping(numbers, data, before, add):
    share = 0.1 * OUTSIDE[0]
    return [share * new + (1.0 - share) * old for new, old in zip(data, before, strict=True)]


@dataclass(frozen=True)
class Stepping:
    rule = staticmethod(stepping)
    numbers = ()

    def noise_rows_for(self, quality):
        return None


def recorded():
    trace = bs.simulate(bs.filter_only(), TASK, 1, record=scaled)
    return trace.scaled.values, trace.attrs["statistics"]


def labelled(rule):
    def run():
        procedure = bs.boosting(labeler=bs.WeakLabeler(0.5), budget=0.1, criterion=rule)
        return bs.simulate(procedure, TASK, 1).error.values, rule.fingerprint(1)

    return run


def learned():
    table = bs.random_table(0, prompts=6, responses=4, solvable=0.0)
    trace = bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.5), learner=Stepping()), table, 1)
    return trace.error.values, trace.attrs["learner_program"]


def judged():
    rule = bs.filter_only(filter=moody, learner=SOFTMAX)
    trace = bs.simulate(rule, LOOKUP, 1, key=0, prompts_per_iteration=64)
    return trace.examples.values[:, 1:], trace.attrs["filter"]


RUNS = {
    "statistic": recorded,
    "criterion": labelled(shifting),
    "criterion that reads something else": labelled(growing),
    "rule": learned,
    "filter": judged,
}


@pytest.fixture(autouse=True)
def nothing_has_changed():
    OUTSIDE[0] = 1.0


@pytest.mark.parametrize("name", RUNS)
def test_a_run_computes_what_its_fingerprint_says(name):
    run = RUNS[name]
    values, program = run()
    OUTSIDE[0] = 5.0
    changed, other = run()
    assert other != program
    assert not np.allclose(changed, values, rtol=1e-3, atol=0.0)
    if name == "statistic":
        assert changed == pytest.approx(5.0 * values, rel=1e-14)
    if name == "rule":
        # Part s of the way to labels that are half right.
        assert values[0] == pytest.approx([1.0, 0.95], abs=1e-14)
        assert changed[0] == pytest.approx([1.0, 0.75], abs=1e-14)


def test_an_impure_rule_is_refused():
    drawn = iter(range(100))

    @dataclass(frozen=True)
    class Drawing(Stepping):
        rule = staticmethod(lambda numbers, data, before, add: [data[0] * float(next(drawn))])

    with pytest.raises(ValueError, match=r"learner\.rule must be a pure function: asked twice"):
        bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.5), learner=Drawing()), TASK, 1)


def lenient(rate):
    @dataclass(frozen=True)
    class Lenient(bs.Filter):
        votes: int = 3
        accept = property(lambda self: (1.0, rate))
        reject = property(lambda self: (0.0, 1.0 - rate))

    return Lenient()


def test_a_filter_of_one_s_own_tells_its_rates_beside_its_fields():
    told = [
        json.loads(bs.filter_only(filter=lenient(rate)).describe())["filter"] for rate in (0.2, 0.3)
    ]
    assert told[0] == {
        "name": "Lenient",
        "votes": 3,
        "accept": [1.0, 0.2],
        "reject": [0.0, 0.8],
        "looks": 1,
        "generates": True,
        "persistent": False,
    }
    assert told[1]["accept"] == [1.0, 0.3]
    # Those of the package are told as they always were.
    built_in = json.loads(bs.filter_only(filter=moody).describe())["filter"]
    assert set(built_in) == {"name", "function", "looks", "persistent"}


def test_a_folder_does_not_go_on_with_a_filter_of_other_rates(tmp_path):
    def run(rate, iterations):
        procedure = bs.filter_only(filter=lenient(rate), learner=SOFTMAX)
        how = {"key": 0, "prompts_per_iteration": 16, "folder": tmp_path / "run"}
        return bs.simulate(procedure, LOOKUP, iterations, **how)

    run(0.2, 1)
    with pytest.raises(ValueError, match="filter"):
        run(0.3, 2)
    assert run(0.2, 2).sizes["iteration"] == 3


def test_a_labeler_of_one_s_own_tells_its_rows():
    @dataclass(frozen=True)
    class Leaning(bs.Labeler):
        def on(self, initial, quality):
            rows = 0.1 * OUTSIDE[0] * quality + 0.1
            return bs.WeakLabeler(rows=rows / rows.sum(1, keepdims=True))

    told = []
    for outside in (1.0, 5.0, 1.0):
        OUTSIDE[0] = outside
        told.append(bs.simulate(bs.boosting(labeler=Leaning()), TASK, 1).attrs["labeler_rows"])
    assert told[0] == told[2] != told[1]
    assert (
        "labeler_rows" not in bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.3)), TASK, 1).attrs
    )
