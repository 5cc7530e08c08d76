"""A number is a number, whatever its type: converted where it comes in, or refused in a sentence.

Never accepted and then failing where it is written down, or overflowing where it is multiplied.
"""

import inspect
import itertools
import json
import re
import tempfile
from dataclasses import asdict, is_dataclass
from fractions import Fraction
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import boostsim as bs

TINY = bs.Transformer(width=8, heads=2, layers=1, steps=1, batch=8, first_steps=1)
WEAK = bs.WeakLabeler(0.4)
LOOKUP = bs.lookup(8, 4)
FRAME = pd.DataFrame({"prompt": ["a"], "iteration": 0, "attempts": 4, "accepted": 1})
HARD = {"one": bs.Challenge(bs.random_table(0, prompts=6, solvable=0.5), WEAK, attempts=2)}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def table():
    return bs.random_table(0, prompts=6, responses=4, solvable=0.5)


def simulated(**how):
    how = {"key": 1, **how}
    procedure = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=WEAK)
    return bs.simulate(procedure, table(), **how)


def trained(**how):
    procedure = bs.boosting(labeler=WEAK)
    return bs.simulate(procedure, bs.programs(2), 1, learner=TINY, key=1, **how)


def looked_up(**how):
    return bs.simulate(bs.boosting(labeler=WEAK), LOOKUP, 1, learner=TINY, key=1, **how)


def stepped(**how):
    with jax.enable_x64(True):
        return bs.kernel(bs.boosting(labeler=WEAK), table(), **how).init().mass.tolist()


def followed(**how):
    persistent = bs.NoisyFilter(0.1, persistent=True)
    with jax.enable_x64(True):
        run = bs.population(bs.boosting(filter=persistent, labeler=WEAK), table(), **how)
        return run({})["error"].tolist()


def swept(memory=2**30, dry_run=False, **how):
    persistent = bs.boosting(filter=bs.NoisyFilter(0.1, persistent=True), labeler=WEAK)
    how |= {"over": {"beta": [0.25]}, "memory": memory, "dry_run": dry_run}
    found = bs.sweep(persistent, table(), **how)
    return found.points if dry_run else found.error.values.tolist()


def designed(**how):
    goal = bs.Objective(bs.boosting(labeler=WEAK), table(), 1, spend=0.5)
    return bs.design(goal, {"budget": bs.Knob(0.0, 1.0)}, **how).to_json()


def measured(**how):
    return bs.collapse_measures(
        bs.simulate(bs.uncurated(), table(), 1, record="rows"), table(), **how
    )


def gapped(**how):
    return bs.gap_report(bs.boosting(labeler=WEAK), LOOKUP, learner=TINY, **how).to_json()


def compared(**how):
    return bs.compare(["failed", "uniform"], HARD, **how).to_json()


def raced(**how):
    return bs.race(["failed", "uniform"], HARD, **how).to_json()


def logged(**how):
    procedure = bs.boosting(attempts=2, labeler=WEAK)
    trace = bs.simulate(procedure, table(), 1, record="prompt")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "log.jsonl"
        return bs.write_log(trace, path, procedure=procedure, task=table(), **how).read_text()


def certified(**how):
    return bs.certify("T1", **how).to_json()


def falsified(**how):
    return bs.falsify("T1", levels=("exact",), **how).summary()


def two_prompts():
    return bs.Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[1, 3])


# Of each public callable: a call, and a value for each of its arguments that are numbers; several
# calls where not all can be given at once. A flag is True or False, so it is seen by its value.
TRAINING = dict(steps=3, batch=4, learning_rate=0.5, first_steps=2, first_learning_rate=0.25)
CALLS = [
    ("Anchor", bs.Anchor, dict(real_share=0.25)),
    ("Accumulate", bs.Accumulate, dict(real_share=0.25)),
    ("Window", bs.Window, dict(window=2, real_share=0.25)),
    ("Subsample", bs.Subsample, dict(draws=2, real_share=0.25)),
    ("Challenge", lambda **how: bs.Challenge(table(), WEAK, **how), dict(attempts=2, labels=2.0)),
    ("Criterion", lambda **how: bs.Criterion(abs, **how).sees_truth, dict(sees_truth=True)),
    ("criterion", lambda **how: bs.criterion(abs, **how).sees_truth, dict(sees_truth=True)),
    (
        "DriftingLabeler",
        lambda **how: bs.DriftingLabeler(later=WEAK, between=(1, 3), **how),
        dict(beta=0.25, persistent=False),
    ),
    (
        "ClassFilter",
        lambda **how: bs.ClassFilter([0.5, 0.25], **how),
        dict(looks=2, persistent=0.25),
    ),
    ("fit", lambda **how: bs.fit(two_prompts(), **how).to_json(), dict(confidence=0.5)),
    ("FirstModel", bs.FirstModel, dict(temperature=0.5, beta=0.25)),
    ("Knob", bs.Knob, dict(low=0.25, high=0.5, per_iteration=True)),
    ("NoisyFilter", bs.NoisyFilter, dict(gamma=0.25, votes=3, persistent=True)),
    ("NoisyFilter", bs.NoisyFilter, dict(false_accept=0.25, false_reject=0.125)),
    ("NoisyFilter", bs.NoisyFilter, dict(gamma=0.25, persistent=0.5)),
    ("NoisyFilter", bs.NoisyFilter, dict(gamma=0.25, correlation=0.5, votes=2, rule=2)),
    (
        "TokenFilter",
        lambda **how: bs.TokenFilter(max, **how).describe(),
        dict(looks=2, persistent=True),
    ),
    (
        "Objective",
        lambda **how: repr(bs.Objective(bs.boosting(labeler=WEAK), table(), **how).spend),
        dict(iterations=2, spend=0.5, key=3),
    ),
    ("Prices", bs.Prices, dict(label=2.0, generation=0.5, filter_call=0.25, iteration=1.0)),
    (
        "Procedure",
        lambda **how: bs.Procedure(labeler=WEAK, regime="anchor", **how),
        dict(attempts=2, budget=0.5, real_share=0.25, label_weight=0.5, labels_per_visit=2),
    ),
    (
        "Procedure",
        lambda **how: bs.Procedure(labeler=WEAK, **how),
        dict(label_share=0.25, until_accepted=True),
    ),
    ("Sharpening", bs.Sharpening, dict(temperature=0.5, top_p=0.75, top_k=3)),
    ("PolicyGradient", bs.PolicyGradient, dict(rate=0.5, reference=0.25)),
    ("StrongLearner", bs.StrongLearner, dict(slack=0.25, step=0.5)),
    ("SoftmaxRegression", bs.SoftmaxRegression, TRAINING),
    ("Transformer", bs.Transformer, dict(width=8, layers=1, heads=2, **TRAINING)),
    (
        "Until",
        lambda **how: bs.Until(**how).describe(),
        dict(accuracy=0.5, error=0.25, change=0.125, absorbed=True),
    ),
    ("WeakLabeler", bs.WeakLabeler, dict(beta=0.25, persistent=True)),
    ("arithmetic", lambda **how: bs.arithmetic(**how).describe(), dict(operations=2, modulus=5)),
    (
        "boosting",
        lambda **how: bs.boosting(labeler=WEAK, regime="anchor", **how),
        dict(attempts=2, budget=0.5, real_share=0.25),
    ),
    (
        "certify",
        certified,
        dict(confidence=0.75, samples=64, points=1, exact_points=1, resolution=0.5, key=2),
    ),
    ("collapse_measures", measured, dict(rare=0.25)),
    (
        "compare",
        compared,
        dict(labels_per_visit=0.25, seeds=2, key=2, iterations=2, visits=3, confidence=0.75),
    ),
    ("criteria.below", lambda **how: bs.criteria.below(**how).name, dict(threshold=0.25)),
    (
        "criteria.difficulty",
        lambda **how: bs.criteria.difficulty(**how).name,
        dict(temperature=0.25),
    ),
    ("criteria.hardest", lambda **how: bs.criteria.hardest(**how).name, dict(share=0.25)),
    ("criteria.hedge", lambda **how: repr(bs.criteria.hedge(**how).function), dict(rate=0.25)),
    (
        "criteria.learning_progress",
        lambda **how: repr(bs.criteria.learning_progress(**how).function),
        dict(memory=0.25, floor=0.5),
    ),
    ("criteria.thompson", lambda **how: repr(bs.criteria.thompson(**how).function), dict(visits=3)),
    (
        "criteria.upper_confidence",
        lambda **how: repr(bs.criteria.upper_confidence(**how).function),
        dict(width=0.25, visits=3),
    ),
    ("design", designed, dict(steps=1, restarts=1, grid=2, key=1, visits=2, seeds=2)),
    ("falsify", falsified, dict(examples=1, ascents=0, samples=64, confidence=0.75, key=2)),
    ("filter_only", bs.filter_only, dict(attempts=2)),
    ("gap_report", gapped, dict(iterations=1, visits=2, seeds=1, key=2)),
    ("kernel", stepped, dict(visits=3, visited_share=0.5, key=2)),
    (
        "labels_only",
        lambda **how: bs.labels_only(labeler=WEAK, regime="anchor", **how),
        dict(real_share=0.25),
    ),
    (
        "lookup",
        lambda **how: bs.lookup(**how).describe(),
        dict(entries=8, answers=4, solvable=0.25, seed=3),
    ),
    (
        "fate",
        lambda **how: repr(bs.fate(bs.uncurated(), **how)),
        dict(visits=2, initial_accuracy=0.5),
    ),
    (
        "plan",
        lambda **how: repr(bs.plan(**how)),
        dict(
            beta=0.5,
            gamma=0.25,
            error=1.0,
            target=0.5,
            visits=2,
            labels=64.0,
            prompts=4,
            price_label=2.0,
            price_generation=1.0,
            price_filter_call=0.5,
            price_iteration=0.25,
            most_attempts=4,
            most_votes=3,
            most_iterations=20,
            until_accepted=True,
        ),
    ),
    ("programs", lambda **how: bs.programs(**how).describe(), dict(operations=2)),
    (
        "prove",
        lambda **how: str(bs.prove(next(iter(bs.statements)), **how)).split(" in ")[0],
        dict(halvings=2),
    ),
    (
        "race",
        raced,
        dict(
            labels_per_visit=0.25,
            key=2,
            iterations=2,
            visits=3,
            confidence=0.75,
            resolution=0.5,
            most_seeds=4,
            batch=2,
        ),
    ),
    ("best_of_n", lambda **how: bs.best_of_n(scores=[0.0, 1.0], **how), dict(attempts=2)),
    ("raft", lambda **how: bs.raft(filter=bs.NoisyFilter(0.1), **how), dict(attempts=2)),
    (
        "random_labels",
        lambda **how: bs.random_labels(labeler=WEAK, **how),
        dict(rate=0.25, attempts=2),
    ),
    (
        "random_table",
        lambda **how: bs.random_table(**how).describe(),
        dict(key=3, prompts=4, responses=3, correct=2, solvable=0.5),
    ),
    ("read_log", lambda **how: bs.read_log(FRAME, **how).records, dict(most_malformed=3)),
    ("write_log", logged, dict(key=3, visits=2, audited=2, seed=0)),
    (
        "simulate",
        simulated,
        dict(iterations=2, visits=2, visited_share=0.5, seeds=2, key=2, pass_at=2),
    ),
    (
        "simulate",
        trained,
        dict(prompts_per_iteration=8, pool=8, evaluate=2, devices=1, keep_models=False),
    ),
    ("simulate", looked_up, dict(visits=2)),
    ("simulate", looked_up, dict(exact=True)),
    (
        "stress_suite",
        lambda **how: {n: c.describe() for n, c in bs.stress_suite(**how).items()},
        dict(key=2, prompts=20),
    ),
    (
        "testing.check_criterion",
        lambda **how: bs.testing.check_criterion(bs.criteria.failed, **how),
        dict(attempts=2, key=1),
    ),
    ("migration", lambda **how: bs.migration(reference=WEAK, **how), dict(rate=0.25)),
    ("population", followed, dict(iterations=2, key=1)),
    ("sweep", swept, dict(iterations=2, seeds=2, key=1, memory=2**30, dry_run=False)),
    ("sweep", swept, dict(iterations=1, visits=2, visited_share=0.5, devices=1, key=1)),
    ("statistic", lambda **how: bs.statistic(jnp.max, **how).average, dict(average=False)),
    ("Statistic", lambda **how: bs.Statistic(jnp.max, **how).average, dict(average=False)),
    (
        "testing.check_task",
        lambda **how: bs.testing.check_task(bs.lookup(4, 3), **how),
        dict(key=1),
    ),
    (
        "testing.check_labeler",
        lambda **how: bs.testing.check_labeler(WEAK, table(), **how),
        dict(beta=0.25, key=1),
    ),
    (
        "testing.check_statistic",
        lambda **how: bs.testing.check_statistic(bs.statistic(jnp.max), **how),
        dict(key=1),
    ),
]
# They run for so long that one call with all types at once must do.
SLOW = {
    "certify",
    "compare",
    "design",
    "falsify",
    "gap_report",
    "kernel",
    "population",
    "race",
    "simulate",
    "stress_suite",
    "sweep",
    "testing.check_criterion",
}
# What others return; what hands everything on to one that is listed; what the clock decides.
RESULTS = {
    "Certificate",
    "Design",
    "Falsification",
    "Fate",
    "Fit",
    "GapReport",
    "Plan",
    "Proof",
    "Race",
    "Tournament",
}
HANDED_ON = {"escaping_collapse", "rest_em", "star", "uncurated"}
# What a procedure takes, and presets hand on.
SLOTS = {"real_share", "label_weight", "label_share", "labels_per_visit", "until_accepted"}
LEFT_OUT = {"time_limit", *SLOTS}

WHOLE = {
    "int8": np.int8,
    "int64": np.int64,
    "uint16": np.uint16,
    "float32": np.float32,
    "array": np.array,
    "jax": jnp.asarray,
    "Fraction": Fraction,
    "float": float,
}
REAL = {
    "float16": np.float16,
    "float32": np.float32,
    "float64": np.float64,
    "array": np.array,
    "jax": jnp.asarray,
    "Fraction": Fraction,
}


def told(result):
    """A result as JSON, which knows Python's own numbers only; without what a clock says."""
    if hasattr(result, "to_dict"):
        # A trace.
        result = {**result.drop_vars("seconds", errors="ignore").to_dict()}
    if isinstance(result, bs.Procedure):
        return result.describe()
    if is_dataclass(result) and not isinstance(result, bs.Challenge):
        result = {**asdict(result), "type": type(result).__name__}
    if isinstance(result, bs.Challenge):
        result = result.describe()
    text = result if isinstance(result, str) else json.dumps(result, default=arrays)
    return re.sub(r'"seconds": [^,}]*|[0-9.]+ s\b', "", text)


def arrays(value):
    if isinstance(value, (np.ndarray, jnp.ndarray)):
        return np.asarray(value).tolist()
    raise TypeError(f"not plain: {value!r}")


def kinds(value):
    if isinstance(value, bool):
        return {"bool_": np.bool_}
    return WHOLE if isinstance(value, int) else REAL


def names():
    return [f"{name}({', '.join(given)})" for name, _, given in CALLS]


@pytest.mark.parametrize("number", range(len(CALLS)), ids=names())
def test_numbers_of_every_type_are_the_same_number(number):
    name, call, given = CALLS[number]
    wanted = told(call(**given))
    if name in SLOW:
        turns = itertools.count()
        mixed = {
            key: list(kinds(value).values())[next(turns) % len(kinds(value))](value)
            for key, value in given.items()
        }
        assert told(call(**mixed)) == wanted
        return
    for kind in {**WHOLE, **REAL, "bool_": np.bool_}:
        changed = {key: kinds(value).get(kind, type(value))(value) for key, value in given.items()}
        assert told(call(**changed)) == wanted, kind


@pytest.mark.parametrize("number", range(len(CALLS)), ids=names())
def test_what_is_no_number_is_refused_by_name(number):
    name, call, given = CALLS[number]
    for key, value in given.items():
        bad = [1, 0, "True", np.array(True)] if isinstance(value, bool) else [True, np.True_, "0.5"]
        if key == "persistent" and name.endswith("Filter"):
            # A share, or a flag.
            bad = [1.5, "True", np.array(True)]
        for wrong in [*bad, np.array([0.5, 0.5])[:, None]]:
            with pytest.raises(ValueError, match=rf"^{key}|^threshold|^key") as caught:
                call(**{**given, key: wrong})
            assert "\n" not in str(caught.value)


def test_small_whole_numbers_do_not_overflow():
    hundred = np.int8(100)
    procedure = bs.boosting(attempts=hundred, labeler=WEAK)
    found = bs.simulate(procedure, table(), 1, visits=hundred, key=0)
    wanted = bs.simulate(bs.boosting(attempts=100, labeler=WEAK), table(), 1, visits=100, key=0)
    assert found.identical(wanted)
    assert bs.NoisyFilter(0.1, votes=np.int8(101)).votes * 2 == 202


def test_every_public_argument_that_is_a_number_is_listed():
    listed = {(name, key) for name, _, given in CALLS for key in given}
    public = {name: getattr(bs, name) for name in bs.__all__}
    for module in ("criteria", "testing"):
        inside = public.pop(module)
        public |= {f"{module}.{name}": getattr(inside, name) for name in inside.__all__}
    missing = []
    for name, each in public.items():
        if name in RESULTS | HANDED_ON or not callable(each):
            continue
        for key, parameter in inspect.signature(each).parameters.items():
            kind = str(parameter.annotation)
            plain = re.fullmatch(r"(jax\.Array \| )?(int|float|bool)( \| .*)?", kind)
            if plain and key not in LEFT_OUT and (name, key) not in listed:
                missing.append((name, key))
    # Parts of tasks that are made by calls, and strategies of Hypothesis; test_paper has figures.
    known = {"reasoning_gym", "prove_all", "certify_all", "Measurement", "figure"}
    missing = [
        (name, key)
        for name, key in missing
        if name not in known and not name.startswith("testing.")
    ]
    assert missing == []
