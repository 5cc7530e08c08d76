"""Public objects are values: equal by content, checked when replaced, sent between processes."""

import copy
import dataclasses
import json
import multiprocessing
import pickle
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from fractions import Fraction
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.objects import as_json
from boostsim.tournament.leaderboard import Difference
from boostsim.tournament.race import Elimination

NAN = float("nan")


@bs.criterion
def struggling(visits):
    return (visits.pass_rate < 0.5) * (1.0 - visits.pass_rate)


@bs.TokenFilter
def started(prompts, responses):
    return responses[:, 0] > 0


@bs.statistic(units="probability")
def boldest(row):
    return jnp.max(row)


lowest = bs.statistic(lambda row: jnp.min(row), average=False, name="lowest")
evenly = bs.criterion(lambda visits: jnp.ones_like(visits.mass))


@dataclasses.dataclass(frozen=True)
class Lenient(bs.Filter):
    accept: tuple = (1.0, 0.25)
    reject: tuple = (0.0, 0.75)


@dataclasses.dataclass(frozen=True)
class Half(bs.Labeler):
    beta: float = 0.5

    def rows_for(self, quality):
        return self.beta * quality + (1.0 - self.beta) * (1.0 - quality)


@dataclasses.dataclass(frozen=True)
class Patience:
    times: float

    def init(self, groups):
        return jnp.zeros(groups)

    def priority(self, memory, visits, key):
        return memory[visits.group] * (visits.accepted == 0)

    def update(self, memory, visits, labelled_mass, accepted_label_mass):
        return memory + self.times


def halved(initial_error, iterations):
    return 0.5**iterations * initial_error


def no_error_left(run):
    return run["error"][-1]


def direct(x):
    return x - x**2


def terms(x):
    return [[x, 1 - x]]


HALVING = bs.Claim(
    name="halving",
    statement="Labels that are right half of the time halve the error.",
    formula="e_T = 2^-T e_0",
    kind="equality",
    domain=bs.Box(initial_error=(0.0, 1.0), iterations=range(9)),
    law=halved,
)
BY_LAMBDA = dataclasses.replace(HALVING, law=lambda initial_error: initial_error)


def a_procedure(rows=False):
    beta = {"rows": [[0.5, 0.5], [0.25, 0.75]]} if rows else {"beta": [0.1, 0.3]}
    return bs.boosting(
        attempts=3,
        filter=bs.NoisyFilter(0.1, votes=3),
        labeler=bs.WeakLabeler(**beta),
        criterion=bs.criteria.below(1 / 3),
        budget=[0.3, 0.2],
        sharpening=bs.Sharpening(0.5),
    )


def a_task():
    return bs.table_task([[1, 0], [0, 1]], [0.25, 0.75], initial=[[0.5, 0.5], [1.0, 0.0]])


def a_trace():
    return bs.simulate(a_procedure(), a_task(), 2, prices=bs.Prices())


def a_log():
    counts = {"attempts": [4, 4, 2], "accepted": [1, 2, 2], "labelled": [1, -1, 0]}
    chance = {"label_probability": [0.5, NAN, 0.0], "first_success": [False, True, False]}
    visits = {"visit_record": [0, 0], "visit_attempts": [3, 1], "visit_accepted": [1, 0]}
    named = {"strata": ("hard",), "stratum": [0, -1, 0], "malformed": ((7, "no JSON"),)}
    where = {"prompt": [0, 0, 1], "iteration": [0, 1, 1]}
    return bs.Log([3, "b"], [0, 2], **where, **counts, **chance, **visits, **named)


def a_plan(target):
    limits = {"most_attempts": 2, "most_votes": 3, "most_iterations": 9}
    return bs.plan(beta=0.3, gamma=0.05, error=0.6, target=target, **limits)


def made():
    """Return one of each kind of public object, by name; each call makes them anew."""
    task, trace = a_task(), a_trace()
    goal = bs.Objective(a_procedure(), task, 2, score=no_error_left, key=1)
    drifting = bs.DriftingLabeler(0.5, later=bs.WeakLabeler([0.1, 0.2]), between=(0, 4))
    table = pd.DataFrame({"level": ["exact", "exact"], "measured": [0.5, NAN]})
    claim = bs.claims["T3"]
    return {
        "a filter": bs.NoisyFilter(false_accept=0.1, false_reject=0.2),
        "a drifting filter": bs.DriftingFilter([bs.NoisyFilter(0.1), bs.NoisyFilter([0.2, 0.1])]),
        "a filter by prompt": bs.NoisyFilter([0.1, 0.2]),
        "a filter of voters": bs.NoisyFilter(voters=[0.1, 0.2], rule="unanimity"),
        "a filter of classes": bs.ClassFilter([[0.9, 0.1, 0.5]] * 2, persistent=0.25),
        "a regime": bs.Anchor([0.1, 0.0]),
        "replacing": bs.Replace(),
        "accumulating": bs.Accumulate(),
        "a window": bs.Window(3, real_share=[0.1, 0.0], first="sampled"),
        "a subsample": bs.Subsample(2),
        "a filter of one's own": Lenient(),
        "a filter of tokens": started,
        "no filter": bs.AcceptAll(),
        "a filter of everything": bs.RejectAll(),
        "a labeler": bs.WeakLabeler([0.1, 0.2]),
        "a labeler by rows": bs.WeakLabeler(rows=[[0.5, 0.5]]),
        "a labeler of one's own": Half(0.25),
        "a drifting labeler": drifting,
        "a first model": bs.FirstModel(0.5, beta=[0.1, 0.2]),
        "a learner": bs.StrongLearner(0.1, step=0.5, step_mean="geometric"),
        "a policy gradient": bs.PolicyGradient(0.1, "leave_one_out", 0.2),
        "sharpening": bs.Sharpening(0.5, top_k=3),
        "a procedure": a_procedure(),
        "a procedure by rows": a_procedure(rows=True),
        "a built-in criterion": bs.criteria.failed,
        "a criterion with a number": bs.criteria.below(1 / 3),
        "another": bs.criteria.hardest(0.2),
        "a proportional one": bs.criteria.difficulty(0.2),
        "a memory": bs.criteria.hedge(0.3),
        "a memory of labels": bs.criteria.upper_confidence(),
        "a criterion of one's own": struggling,
        "a criterion of a lambda": evenly,
        "a memory of one's own": bs.criterion(Patience(1.0)),
        "a statistic": boldest,
        "a statistic of a lambda": lowest,
        "a table": task,
        "a random table": bs.random_table(0, prompts=3),
        "arithmetic": bs.arithmetic(3),
        "a look-up": bs.lookup(4, 3),
        "programs": bs.programs(),
        "a softmax regression": bs.SoftmaxRegression(steps=4),
        "a transformer": bs.Transformer(width=8, heads=2),
        "prices": bs.Prices(label=2.0),
        "an end": bs.Until(error=0.1, absorbed=True),
        "a trace": trace,
        "a claim": claim,
        "a claim of one's own": HALVING,
        "a claim by a lambda": BY_LAMBDA,
        "the domain of a claim": claim.domain,
        "a domain": bs.Box(beta=(0.1, 0.9), regime=["replace"]),
        "a law": bs.laws.label_cost,
        "all claims": bs.claims,
        "a measurement": MEASUREMENTS["T3"],
        "a measurement of one's own": bs.Measurement(simulator=halved),
        "a certificate": bs.Certificate(claim, "holds", table, {"key": 0}, {"exact": 2}),
        "a falsification": bs.Falsification(
            claim, None, None, NAN, NAN, NAN, NAN, None, {"draws": 3}, {}, 0.5
        ),
        "a statement": bs.statements["T6/step"],
        "a statement of one's own": bs.Statement(
            "x", "x", {"x": (0, Fraction(1, 2))}, direct, terms
        ),
        "a proof": dataclasses.replace(bs.prove("T6/step"), seconds=0.0),
        "a plan": a_plan(0.2),
        "a plan that fails": a_plan(1e-9),
        "a fate": bs.fate(bs.uncurated(), visits=2, initial_accuracy=[0.0, 0.25]),
        "a knob": bs.Knob(0.0, 0.1, per_iteration=True),
        "an objective": goal,
        "a design": bs.Design(
            objective=goal,
            knobs={"budget": bs.Knob(0.0, 0.5)},
            values={"budget": 0.1},
            procedure=a_procedure(),
            score=0.5,
            trace=trace,
            starts=np.array([0.5, NAN]),
            from_grid=0.5,
            flat=0,
            grid=0.5,
            grid_size=3,
            constant=NAN,
            search={"steps": 1},
        ),
        "a log": a_log(),
        "a fit": bs.fit(a_log()),
        "looks": bs.Looks(["a", 7], [0, 1], [0], [0, 0], [[1, -1], [0, 1]], [1, -1]),
        "a challenge": bs.Challenge(bs.random_table(0, prompts=3), drifting),
        "a suite": bs.stress_suite(0, prompts=10),
        "a tournament": bs.Tournament(trace, "average_error", 0.95),
        "a difference": Difference(0.1, 0.0, 0.2),
        "a race": bs.Race(
            ("a",),
            (Elimination("b", "a", 4, 0.1, 0.2),),
            "decided",
            {"a": np.array([0.1]), "b": np.array([0.2])},
            8,
            {"confidence": 0.95},
        ),
        "a gap report": bs.GapReport(table, table, {}, {"T6": None}),
    }


def equal(one, other):
    """Whether two objects are; a trace is where it is identical."""
    return one.identical(other) if hasattr(one, "identical") else one == other


def round_trip(things):
    """Run in the other process: return what came, and what it is good for there."""
    return things, a_trace().error.values


@pytest.fixture(scope="module")
def things():
    return made()


def test_every_public_class_is_among_them(things):
    public = {getattr(bs, name) for name in bs.__all__}
    # What a criterion is given in a run: the leaves are JAX's. Of a run in a folder: test_looking.
    public -= {bs.Visits, bs.Truth, bs.KeptRun}
    classes = {each for each in public if isinstance(each, type)}
    assert classes <= {kind for each in things.values() for kind in type(each).__mro__}


@pytest.fixture(scope="module")
def alike():
    return made()


def test_objects_are_equal_to_themselves_to_copies_and_to_what_is_made_alike(things, alike):
    for name, thing in things.items():
        assert equal(thing, thing), name
        for copied in (copy.copy(thing), copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            assert equal(copied, thing), name
        assert equal(alike[name], thing), name


def test_equal_objects_have_one_hash(things, alike):
    for name, thing in things.items():
        if name not in ("a trace", "a suite"):
            assert hash(alike[name]) == hash(thing), name
            assert hash(copy.deepcopy(thing)) == hash(thing), name


def test_unlike_objects_are_not_equal():
    assert bs.WeakLabeler([0.1, 0.2]) != bs.WeakLabeler([0.1, 0.3])
    assert bs.WeakLabeler([0.1, 0.2]) != bs.WeakLabeler([0.1, 0.2], wrong="concentrated")
    assert bs.WeakLabeler(0.1) != bs.WeakLabeler([0.1, 0.1])
    assert a_procedure() != a_procedure(rows=True)
    assert a_task() != dataclasses.replace(a_task(), real=np.eye(2))
    assert bs.criteria.below(0.5) != bs.criteria.below(0.25)
    assert a_plan(0.2) != a_plan(0.3)
    assert a_plan(0.2) != "a plan"


@pytest.fixture(scope="module")
def process():
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as pool:
        yield pool


def test_objects_survive_a_spawned_process(things, process):
    came, error = process.submit(round_trip, things).result(timeout=300)
    for name, thing in things.items():
        assert equal(came[name], thing), name
    np.testing.assert_array_equal(error, a_trace().error.values)


def test_what_is_listed_or_named_comes_back_as_itself(things):
    for name in (
        "a built-in criterion",
        "a criterion of one's own",
        "a claim",
        "a claim by a lambda",
    ):
        assert pickle.loads(pickle.dumps(things[name])) is things[name]


def test_a_criterion_from_a_file_comes_back_from_there(tmp_path, process):
    file = tmp_path / "mine.py"
    file.write_text(
        "import boostsim as bs\n@bs.criterion\ndef rule(visits):\n    return visits.mass\n"
    )
    rule = bs.load_criterion(f"{file}:rule")
    assert pickle.loads(pickle.dumps(rule)) is rule
    assert process.submit(named, rule).result(timeout=300) == "rule"


def named(criterion):
    return criterion.name


RULES = """
import boostsim as bs

@bs.criterion
def rule(visits):
    return {share} * visits.mass

def made(share):
    return bs.criterion(lambda visits: share * visits.mass)

KEPT = {{"first": made(0.25), "second": made(0.75), "rule": rule}}
"""


def asked(criterion):
    return float(criterion(bs.Visits(*np.ones((7, 1), np.float32))).sum())


def test_a_criterion_in_a_table_of_a_file_comes_back_by_its_key(tmp_path, process):
    file = tmp_path / "rules.py"
    file.write_text(RULES.format(share=0.5))
    rule = bs.load_criterion(f"{file}:rule")
    kept = sys.modules[rule.function.__module__].KEPT
    # Where the table stands first in its module, too, a name of its own comes before it.
    begins = tmp_path / "begins.py"
    begins.write_text(
        "import boostsim as bs\nKEPT = {}\n@bs.criterion\ndef rule(visits):\n"
        "    return visits.mass\nKEPT['rule'] = rule\n"
    )
    first = bs.load_criterion(f"{begins}:rule")
    assert first.__reduce_ex__(4)[1][2:] == ("rule",)
    for each in (*kept.values(), first):
        assert pickle.loads(pickle.dumps(each)) is each
    told = list(process.map(asked, [kept["first"], kept["second"], rule], timeout=300))
    assert told == [0.25, 0.75, 0.5]


def test_rule_files_of_one_name_are_two_and_one_that_is_loaded_twice_is_one(tmp_path, process):
    files = [tmp_path / place / "rules.py" for place in ("one", "other")]
    for file, share in zip(files, (0.25, 0.75), strict=True):
        file.parent.mkdir()
        file.write_text(RULES.format(share=share))
    one, other = (bs.load_criterion(f"{file}:rule") for file in files)
    for rule in (one, other):
        assert pickle.loads(pickle.dumps(rule)) is rule
    assert list(process.map(asked, (one, other), timeout=300)) == [0.25, 0.75]
    assert bs.load_criterion(f"{files[0]}:rule") == one != other
    # Of one length, within one second.
    files[0].write_text(RULES.format(share=0.35))
    changed = bs.load_criterion(f"{files[0]}:rule")
    assert (changed != one, asked(changed), asked(one)) == (True, pytest.approx(0.35), 0.25)
    sent = pickle.dumps(bs.load_criterion(f"{files[1]}:rule"))
    del sys.modules[other.function.__module__]
    files[1].write_text("")
    with pytest.raises(ValueError, match=r"criterion must be one that .*rules.py makes"):
        pickle.loads(sent)


def test_arrays_of_copies_cannot_be_written_to(things):
    for name in ("a labeler", "a labeler by rows", "a table"):
        thing = things[name]
        for copied in (thing, copy.deepcopy(thing), pickle.loads(pickle.dumps(thing))):
            arrays = [each for each in vars(copied).values() if isinstance(each, np.ndarray)]
            assert arrays
            assert not any(array.flags.writeable for array in arrays), name


def test_names_of_criteria_keep_all_digits():
    third = 1.0 / 3.0
    assert bs.criteria.below(third).name == f"below({third!r})"
    assert bs.load_criterion(bs.criteria.below(third).name) == bs.criteria.below(third)
    for maker in (bs.criteria.hardest, bs.criteria.difficulty, bs.criteria.hedge):
        assert maker(third).name != maker(np.nextafter(third, 1.0)).name
        assert bs.load_criterion(maker(third).name) == maker(third)
    assert bs.criteria.learning_progress(third).name != bs.criteria.learning_progress().name


def test_the_docs_show_spawn(tmp_path):
    assert "spawn" in bs.simulate.__doc__
    page = (Path(__file__).parent.parent / "docs" / "how-it-is-built.md").read_text()
    (shown,) = re.findall(r"^```python\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    script = tmp_path / "shown.py"
    script.write_text(shown)
    ran = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert ran.stdout == "[0.125, 0.001]\n", ran.stderr


REPLACED = {
    "quality": (a_task, {"quality": [[2, 0]]}),
    "prompt_weights": (a_task, {"prompt_weights": [1.0, 1.0]}),
    "initial": (a_task, {"initial": [[0.5, 0.5]]}),
    "reference": (a_task, {"real": [[0.5, 0.6], [0.5, 0.5]]}),
    "operations": (bs.arithmetic, {"operations": 0}),
    "modulus": (bs.arithmetic, {"modulus": 2}),
    "entries": (bs.lookup, {"entries": 1}),
    "solvable": (bs.lookup, {"solvable": 1.5}),
    "operations ": (bs.programs, {"operations": 9}),
    "beta": (lambda: bs.WeakLabeler(0.1), {"beta": "0.5"}),
    "gamma": (lambda: bs.NoisyFilter(0.1), {"gamma": 2.0}),
    "attempts": (a_procedure, {"attempts": 0}),
    "budget": (a_procedure, {"budget": [True, False]}),
    "width": (bs.Transformer, {"width": 0}),
    "label": (bs.Prices, {"label": -1.0}),
    "allocation": (lambda: bs.criteria.failed, {"allocation": "fair"}),
    "kind": (lambda: HALVING, {"kind": "true"}),
    "labels": (lambda: bs.Challenge(a_task(), bs.WeakLabeler(0.1)), {"labels": 0.0}),
    "high": (lambda: bs.Knob(0.0, 0.1), {"high": 0.0}),
    "iterations": (
        lambda: bs.Objective(a_procedure(), a_task(), 2),
        {"iterations": 0},
    ),
}


@pytest.mark.parametrize("name", REPLACED)
def test_what_is_replaced_is_checked(name):
    make, changes = REPLACED[name]
    with pytest.raises(ValueError, match=name.strip()):
        dataclasses.replace(make(), **changes)


def test_records_are_json_with_every_digit_and_null_for_what_is_not_finite():
    table = pd.DataFrame({"word": ["a", None], "value": [1e-20 / 3.0, np.nan], "count": [1, 2]})
    told = as_json({"table": table, "ends": [np.float64("-inf"), (np.int64(3), 0.1 + 0.2)]})
    assert json.loads(told, parse_constant=pytest.fail) == {
        "table": [
            {"word": "a", "value": 1e-20 / 3.0, "count": 1},
            {"word": None, "value": None, "count": 2},
        ],
        "ends": [None, [3, 0.1 + 0.2]],
    }
