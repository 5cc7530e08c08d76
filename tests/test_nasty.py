"""Whatever a public callable is given, it answers, or refuses it in one sentence."""

import functools
import inspect
import re
import signal
from collections.abc import Callable
from types import SimpleNamespace
from typing import NamedTuple

import jax
import numpy as np
import pandas as pd
import pytest

import boostsim as bs
from boostsim.figures import convergence
from boostsim.testing import assert_claim

TASK = bs.random_table(0, prompts=3, responses=3)
TINY = bs.Transformer(width=8, heads=2, layers=1, steps=1, batch=8, first_steps=1)
WEAK = bs.WeakLabeler(0.3)
BOOSTING = bs.boosting(labeler=WEAK)
LOG = bs.Log(["a", "b"], [0], [0, 1], [0, 0], attempts=[4, 4], accepted=[1, 3])
CHALLENGES = {"a": bs.Challenge(TASK, WEAK)}
FRAME = pd.DataFrame({"prompt": ["a"], "iteration": 0, "attempts": 4, "accepted": 1})
HALVING = bs.Claim(
    name="halving",
    statement="Labels that are right half of the time halve the error.",
    formula="e_T = 2^-T e_0",
    kind="equality",
    domain=bs.Box(initial_error=(0.0, 1.0), iterations=range(3)),
    law=lambda initial_error, iterations: 0.5**iterations * initial_error,
)
HALVED = bs.Measurement(procedure=lambda: bs.boosting(labeler=bs.WeakLabeler(0.5)))


class Computed(NamedTuple):
    """An argument that is computed where it is needed, not where tests are collected."""

    by: Callable[[], object]


@functools.cache
def ran():
    return bs.simulate(BOOSTING, TASK, 1, record=("prompt", "rows"))


# Made anew for each call, for a generator is used up.
NASTY = {
    "nothing": lambda: None,
    "a truth value": lambda: True,
    "text": lambda: "0.5",
    "bytes": lambda: b"0.5",
    "NaN": lambda: float("nan"),
    "infinity": lambda: float("inf"),
    "below zero": lambda: -1,
    "zero": lambda: 0,
    "large": lambda: 1e308,
    "beyond floats": lambda: 10**400,
    "beyond what Python writes": lambda: 10**6000,
    "half": lambda: 0.5,
    "complex": lambda: 0.5j,
    "a date": lambda: np.datetime64("2020"),
    "masked": lambda: np.ma.array([0.1, 0.2], mask=[0, 1]),
    "uneven": lambda: [[1.0], [1.0, 2.0]],
    "truth values": lambda: [True, False],
    "texts": lambda: ["a", "b"],
    "an object": object,
    "a mapping": lambda: {"a": 1},
    "an empty list": list,
    "an empty array": lambda: np.zeros((0, 2)),
    "a long word": lambda: "x" * 100_000,
    "NUL": lambda: "a\0b",
    "no character": lambda: "\ud800",
    "a generator": lambda: (number for number in range(3)),
    "a class": lambda: int,
    "a function": lambda: lambda *arguments, **named: 1 / 0,
    "a module": lambda: np,
    "three dimensions": lambda: np.ones((2, 2, 2)),
    "objects": lambda: np.array([None, 1], object),
    "a key": lambda: jax.random.key(0),
    "keys": lambda: jax.random.split(jax.random.key(0)),
    "a set": lambda: {1},
    "deep": lambda: eval("[" * 60 + "]" * 60),
}
# What presets take of a procedure.
SLOTS = {
    "attempts": 1,
    "filter": None,
    "keep": "one",
    "criterion": bs.criteria.failed,
    "budget": 0.1,
    "labeler": WEAK,
    "regime": "anchor",
    "real_share": 0.1,
    "learner": bs.StrongLearner(),
    "sharpening": None,
    "label_weight": 1.0,
    "label_share": None,
    "labels_per_visit": 1,
    "until_accepted": False,
    "scores": None,
}


def preset(make, **more):
    """A preset, with all that it takes."""
    takes = inspect.signature(make).parameters
    return make, {name: SLOTS[name] for name in takes if name in SLOTS} | more


# What a message may call an argument, where not by its name.
ALSO = {
    "function": "criterion|statistic",
    "name": "criterion|figure|name",
    "criteria": "criterion|criteria",
    "names": "names|statement",
    "box": "box|a must",
    "claims": "claim",
    "stopped_at": "stopped",
}
SMALL = {"samples": 64, "levels": ("exact",), "confidence": 0.9}
MATCH = {
    "criteria": ["failed"],
    "tasks": CHALLENGES,
    "labels_per_visit": 0.1,
    "key": 0,
    "score": "final_error",
    "confidence": 0.9,
}
# Where nothing stands for much: all criteria, a suite of large tasks.
LONG = {("criteria", "nothing"), ("tasks", "nothing")}


@functools.wraps(bs.figure)
def pictured(**given):
    """A figure that is neither simulated nor drawn: what it may not be asked is refused before."""
    data = functools.wraps(convergence.data)(lambda *_, **__: None)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(convergence, "data", data)
        patch.setattr("boostsim.figures.figure.drawn", lambda *_, **__: None)
        return bs.figure(**given)


pictured.func = bs.figure
CALLS = {
    "NoisyFilter": (bs.NoisyFilter, {"gamma": 0.1, "votes": 1, "persistent": False}),
    "filters in turn": (bs.DriftingFilter, {"filters": (bs.NoisyFilter(0.1),)}),
    "a vote": (bs.NoisyFilter, {"gamma": 0.1, "correlation": 0.5, "rule": 1}),
    "voters": (bs.NoisyFilter, {"voters": [0.1]}),
    "ClassFilter": (
        bs.ClassFilter,
        {"accept": [0.9, 0.1], "reject": [0.1, 0.9], "looks": 1, "persistent": False},
    ),
    "two rates": (bs.NoisyFilter, {"false_accept": 0.1, "false_reject": 0.1}),
    "a filter of one's own": (
        lambda **held: bs.Procedure(filter=SimpleNamespace(**held)),
        {
            "accept": (0.9, 0.2),
            "reject": (0.1, 0.8),
            "looks": 1,
            "generates": True,
            "persistent": False,
        },
    ),
    "TokenFilter": (bs.TokenFilter, {"function": max, "looks": 1, "persistent": False}),
    "a regime of one's own": (
        lambda **held: bs.Procedure(regime=type("Mine", (bs.Regime,), held)()),
        {
            **{"name": "mine", "accumulates": True, "real_share": 0.1},
            **{"window": 2, "draws": 1, "first": "exact"},
        },
    ),
    "a labeler of one's own": (
        lambda **held: bs.Procedure(labeler=type("Mine", (bs.WeakLabeler,), held)(0.5)),
        {"plain": {"labels": WEAK}, "drift": (0, 4)},
    ),
    "rows of one's own": (
        lambda **held: bs.Procedure(labeler=type("Mine", (bs.Labeler,), held)()),
        {"rows_for": abs, "persistent": True, "drift": (0, 4)},
    ),
    "WeakLabeler": (bs.WeakLabeler, {"beta": 0.1, "wrong": "spread", "persistent": False}),
    "rows": (bs.WeakLabeler, {"rows": [[0.5, 0.5]]}),
    "DriftingLabeler": (
        bs.DriftingLabeler,
        {
            **{"beta": 0.1, "later": WEAK, "between": (0, 4)},
            **{"wrong": "spread", "rows": None, "persistent": False},
        },
    ),
    "StrongLearner": (
        bs.StrongLearner,
        {"slack": 0.1, "noise": "wrong", "step": 0.5, "step_mean": "geometric"},
    ),
    "PolicyGradient": (
        bs.PolicyGradient,
        {"rate": 0.1, "advantage": "group_mean", "reference": 0.1},
    ),
    "Sharpening": (bs.Sharpening, {"temperature": 1.0, "top_p": 1.0, "top_k": 2}),
    "Anchor": (bs.Anchor, {"real_share": 0.1}),
    "Accumulate": (bs.Accumulate, {"real_share": 0.1, "first": "exact"}),
    "Window": (bs.Window, {"window": 2, "real_share": 0.1, "first": "exact"}),
    "Subsample": (bs.Subsample, {"draws": 2, "real_share": 0.1, "first": "exact"}),
    "Procedure": (bs.Procedure, SLOTS),
    "escaping_collapse": preset(bs.escaping_collapse, label_share=0.5),
    "FirstModel": (bs.FirstModel, {"temperature": 1.0, "beta": None}),
    "boosting": preset(bs.boosting),
    "filter_only": preset(bs.filter_only),
    "labels_only": preset(bs.labels_only),
    "uncurated": preset(bs.uncurated),
    "star": preset(bs.star),
    "rest_em": preset(bs.rest_em),
    "raft": preset(bs.raft),
    "best_of_n": preset(bs.best_of_n, scores=[0.0, 1.0]),
    "by a score": (bs.Procedure, {"attempts": 2, "keep": "preferred", "scores": [[0.0, 1.0]]}),
    "random_labels": preset(bs.random_labels, rate=0.1),
    "migration": (bs.migration, {"rate": 0.1, "reference": WEAK}),
    "table_task": (
        bs.table_task,
        {
            "quality": [[1, 0], [0, 1]],
            "prompt_weights": [0.5, 0.5],
            "initial": [[0.5, 0.5]] * 2,
            "reference": [[1, 0]] * 2,
        },
    ),
    "random_table": (
        bs.random_table,
        {"key": 0, "prompts": 3, "responses": 3, "correct": 1, "solvable": 0.5},
    ),
    "arithmetic": (bs.arithmetic, {"operations": 2, "modulus": 5}),
    "lookup": (bs.lookup, {"entries": 4, "answers": 2, "solvable": 0.5, "seed": 0}),
    "programs": (bs.programs, {"operations": 2}),
    "Transformer": (
        bs.Transformer,
        {
            **{"width": 8, "heads": 2, "layers": 1, "steps": 1, "batch": 8, "learning_rate": 0.1},
            **{"start": "last", "first_steps": 1, "first_learning_rate": 0.1},
        },
    ),
    "SoftmaxRegression": (
        bs.SoftmaxRegression,
        {
            **{"steps": 3, "learning_rate": 0.1, "batch": 8},
            **{"start": "last", "first_steps": 1, "first_learning_rate": 0.1},
        },
    ),
    "Prices": (
        bs.Prices,
        {"label": 1.0, "generation": 1.0, "filter_call": 1.0, "iteration": 1.0},
    ),
    "priced": (bs.priced, {"trace": None, "prices": bs.Prices()}),
    "save": (bs.save, {"trace": Computed(ran), "path": "saved.nc"}),
    "load": (bs.load, {"path": "/no/such/file"}),
    "read_log": (bs.read_log, {"path": FRAME, "most_malformed": 3}),
    "write_log": (
        bs.write_log,
        {
            "trace": Computed(ran),
            **{"path": "log.jsonl", "procedure": BOOSTING, "task": TASK, "key": 0},
            **{"visits": 2, "audited": 1, "seed": 0},
        },
    ),
    "collapse_measures": (
        bs.collapse_measures,
        {"trace": Computed(ran), "task": TASK, "rare": 0.1},
    ),
    "simulate": (
        bs.simulate,
        {
            "procedure": BOOSTING,
            "task": TASK,
            "iterations": 0,
            "visits": None,
            "visited_share": 1.0,
            "seeds": 1,
            "key": 0,
            "prices": None,
            "learner": None,
            "pool": None,
            "exact": False,
            "folder": None,
            "record": (),
            "pass_at": (),
            "prompts_per_iteration": None,
            "evaluate": None,
            "devices": None,
            "until": None,
            "keep_models": False,
        },
    ),
    "simulate in tokens": (
        functools.partial(bs.simulate, BOOSTING, bs.lookup(4, 2), 0, learner=TINY, key=0),
        {"visited_share": 1.0, "record": (), "pass_at": (), "evaluate": None, "exact": True},
    ),
    "kernel": (
        bs.kernel,
        {"procedure": BOOSTING, "task": TASK, "visits": 2, "visited_share": 1.0, "key": 0},
    ),
    "population": (
        bs.population,
        {"procedure": BOOSTING, "task": TASK, "iterations": 1, "record": (), "key": 0},
    ),
    "sweep": (
        bs.sweep,
        {
            **{
                "procedure": BOOSTING,
                "task": TASK,
                "iterations": 1,
                "over": {"beta": [0.5]},
                "seeds": 1,
                "key": 0,
            },
            **{
                "record": (),
                "reduce": "last",
                "folder": None,
                "memory": None,
                "dry_run": True,
                "scheduler": None,
                "visits": 2,
                "visited_share": 1.0,
                "devices": 1,
            },
        },
    ),
    "Knob": (bs.Knob, {"low": 0.1, "high": 0.2, "per_iteration": False}),
    "Objective": (
        bs.Objective,
        {
            **{"procedure": BOOSTING, "task": TASK, "iterations": 2, "score": "final_error"},
            **{"spend": None, "prices": bs.Prices(), "key": 0},
        },
    ),
    "Challenge": (
        bs.Challenge,
        {
            **{"task": TASK, "labeler": WEAK, "filter": None, "attempts": 1, "labels": 1.0},
            "about": "",
        },
    ),
    "stress_suite": (bs.stress_suite, {"key": 0, "prompts": 10}),
    "Box": (bs.Box, {"where": (), "beta": (0.0, 1.0)}),
    "Claim": (
        bs.Claim,
        {
            **{name: getattr(HALVING, name) for name in ("name", "statement", "formula", "kind")},
            **{name: getattr(HALVING, name) for name in ("domain", "law", "along", "direction")},
            **{name: getattr(HALVING, name) for name in ("proof", "reference", "title")},
        },
    ),
    "Statement": (
        bs.Statement,
        {
            "name": "a",
            "sentence": "b",
            "box": {"x": (0, 1)},
            "direct": lambda x: x,
            "terms": lambda x: [[x]],
        },
    ),
    "Measurement": (
        bs.Measurement,
        {
            "procedure": None,
            "statistic": "error",
            "ladder": None,
            "sampled_ladder": None,
            "beyond": 0.0,
            "value": None,
            **{"task": None, "iterations": None, "visits": None, "visited_share": 1.0},
            **{"record": (), "bounds": (0.0, 1.0), "binary": False, "exact": True},
            **{"sampled": True, "rounding": 0.0, "independent": True, "most_points": None},
            **{"simulator": None, "why_not": ""},
        },
    ),
    "criterion": (
        bs.criterion,
        {"function": lambda visits: visits.mass, "allocation": "ranked", "sees_truth": False},
    ),
    **{
        made.__name__: (
            made,
            {"function": lambda row: row[0], "units": "1", "average": True, "name": "first"},
        )
        for made in (bs.statistic, bs.Statistic)
    },
    "Criterion": (
        bs.Criterion,
        {"function": lambda visits: visits.mass, "allocation": "ranked", "sees_truth": False},
    ),
    "load_criterion": (bs.load_criterion, {"name": "failed"}),
    "below": (bs.criteria.below, {"threshold": 0.5}),
    "hardest": (bs.criteria.hardest, {"share": 0.5}),
    "difficulty": (bs.criteria.difficulty, {"temperature": 0.5}),
    "hedge": (bs.criteria.hedge, {"rate": 0.5}),
    "thompson": (bs.criteria.thompson, {"visits": 1}),
    "upper_confidence": (bs.criteria.upper_confidence, {"width": 0.1, "visits": 1}),
    "learning_progress": (bs.criteria.learning_progress, {"memory": 0.5, "floor": 0.1}),
    "a law": (bs.laws.label_cost, {"beta": 0.5, "initial_error": 1.0, "iterations": 2}),
    "a law with a condition": (
        bs.laws.pass_at_estimate,
        {"right": 1, "samples": 4, "attempts": 2},
    ),
    "plan": (
        functools.partial(bs.plan, most_attempts=2, most_votes=1, most_iterations=3),
        {
            **{"beta": 0.3, "gamma": 0.05, "error": 0.6, "target": 0.5, "price_label": 1.0},
            **{"price_generation": 1.0, "price_filter_call": 1.0, "price_iteration": 1.0},
            "spread": "prompts",
        },
    ),
    "fate": (
        bs.fate,
        {"procedure": bs.uncurated(), "visits": 2, "initial_accuracy": 0.5},
    ),
    "limits of a plan": (
        functools.partial(bs.plan, beta=0.3, gamma=0.05, error=0.6, target=0.5),
        {"most_attempts": 2, "most_votes": 1, "most_iterations": 3, "until_accepted": False},
    ),
    "visits and labels of a plan": (
        functools.partial(bs.plan, beta=0.3, gamma=0.05, error=0.6, target=0.5, most_attempts=2),
        {"visits": 2, "labels": 900.0, "prompts": 9},
    ),
    "prove": (bs.prove, {"statement": "T6/step", "halvings": 2, "time_limit": None}),
    "certify_all": (
        functools.partial(bs.certify_all, exact_points=1),
        {
            **{"claims": [(HALVING, HALVED)], "time_limit": None, **SMALL},
            **{"folder": None, "scheduler": None},
        },
    ),
    "prove_all": (
        bs.prove_all,
        {"names": ("T6/step",), "halvings": 2, "time_limit": None},
    ),
    "certify": (
        bs.certify,
        {
            **{"claim": HALVING, "measurement": HALVED, "levels": ("exact",), "exact_points": 1},
            **{"confidence": 0.9, "samples": 64, "points": 1, "resolution": 0.1, "key": 0},
            **{"time_limit": None, "stopped_at": None, "folder": None, "scheduler": None},
        },
    ),
    "assert_claim": (
        functools.partial(assert_claim, exact_points=1),
        {"claim": HALVING, "measurement": HALVED, **SMALL},
    ),
    "falsify": (
        bs.falsify,
        {
            **{"claim": HALVING, "measurement": HALVED, "examples": 1, "ascents": 1, **SMALL},
            **{"key": 0, "time_limit": None},
        },
    ),
    "design": (
        # With little to compile again.
        functools.partial(bs.design, steps=1, restarts=1, grid=2),
        {
            "objective": bs.Objective(BOOSTING, TASK, 1),
            "parameters": {"budget": (0.01, 0.1)},
            "seeds": 2,
        },
    ),
    "design at few visits": (
        functools.partial(bs.design, bs.Objective(BOOSTING, TASK, 1), {"budget": (0.01, 0.1)}),
        {"visits": 0},
    ),
    "until": (
        bs.Until,
        {"accuracy": 0.9, "error": 0.1, "change": 0.1, "absorbed": False},
    ),
    "plot_sweep": (
        bs.plot_sweep,
        {
            "dataset": Computed(lambda: bs.sweep(BOOSTING, TASK, 1, over={"beta": [0.3, 0.5]})),
            **{"value": "accuracy", "x": None, "y": None, "axes": None},
        },
    ),
    "concat": (bs.concat, {"traces": Computed(lambda: [ran()] * 2), "dim": "run"}),
    "responses": (bs.responses, {"trace": Computed(ran)}),
    "load_run": (bs.load_run, {"folder": "none"}),
    "compare": (
        bs.compare,
        {
            **{**MATCH, "iterations": 1, "visits": 2, "seeds": 2},
            **{"assume": "normal", "prices": bs.Prices(), "folder": None, "scheduler": None},
        },
    ),
    "race": (
        bs.race,
        {
            **{**MATCH, "iterations": 1, "visits": 2, "batch": 2, "assume": "normal"},
            **{"most_seeds": 4, "resolution": 0.1, "folder": None, "scheduler": None},
        },
    ),
    "fit": (bs.fit, {"log": LOG, "looks": None, "filter": None, "confidence": 0.9}),
    "figure": (
        pictured,
        {
            "name": "convergence",
            "size": (5.5, 2.2),
            "title": False,
            "caption": False,
            "scale": "smoke",
            "beta": 0.5,
            "attempts": 2,
        },
    ),
    "check_criterion": (
        functools.partial(bs.testing.check_criterion, bs.criteria.failed),
        {"attempts": 1, "key": 0},
    ),
    "check_task": (functools.partial(bs.testing.check_task, bs.lookup(4, 3)), {"key": 0}),
    "check_filter": (
        functools.partial(bs.testing.check_filter, bs.AcceptAll()),
        {"task": bs.lookup(4, 3)},
    ),
    "check_labeler": (
        functools.partial(bs.testing.check_labeler, bs.WeakLabeler(0.5)),
        {"task": bs.table_task([[1, 0]]), "beta": 0.5, "key": 0},
    ),
    "check_statistic": (
        functools.partial(bs.testing.check_statistic, bs.statistic(lambda row: row[0], name="one")),
        {"key": 0},
    ),
}
# They train for a while, need a package that may be missing, have no arguments, or are only there
# for others to derive from.
ELSEWHERE = {bs.gap_report, bs.reasoning_gym, bs.AcceptAll, bs.RejectAll}
ELSEWHERE |= {bs.Replace, bs.Regime, bs.Filter, bs.SequenceTask}
ELSEWHERE |= {bs.TabularLearner, bs.Labeler}
# What runs hand out, and what they hand to criteria.
RESULTS = {
    *(bs.Certificate, bs.Falsification, bs.Proof, bs.Plan, bs.Design, bs.Fit, bs.GapReport),
    *(bs.Fate, bs.KeptRun, bs.Log, bs.Looks, bs.Race, bs.Tournament, bs.Truth, bs.Visits),
}
# Arguments that hold no value that could be wrong, or that take long: test_arguments and
# test_looking have them.
NO_MORE = {
    bs.collapse_measures: {"values"},
    bs.design: {"steps", "restarts", "grid", "key"},
    bs.load_run: {"task", "learner"},
}
# Seconds after which a call counts as one that hangs.
PATIENCE = 60


def give_up(*_):
    raise AssertionError("it hangs")


@pytest.mark.parametrize("name", CALLS)
def test_what_is_nasty_is_answered_or_refused_in_one_sentence(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    call, arguments = CALLS[name]
    arguments = {
        argument: value.by() if isinstance(value, Computed) else value
        for argument, value in arguments.items()
    }
    before = signal.signal(signal.SIGALRM, give_up)
    try:
        for argument in arguments:
            for kind, make in NASTY.items():
                if (argument, kind) in LONG:
                    continue
                told = f"{name}({argument}={kind})"
                signal.alarm(PATIENCE)
                try:
                    call(**{**arguments, argument: make()})
                except ValueError as error:
                    message = str(error)
                    assert "\n" not in message, told
                    assert len(message) < 500, told
                    known = (
                        rf"{argument}|{argument.replace('_', ' ')}|{ALSO.get(argument, argument)}"
                    )
                    assert re.search(known, message), (told, message)
                except Exception as error:
                    raise AssertionError(f"{told} raised {error!r}"[:500]) from error
                finally:
                    signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, before)


def test_no_public_callable_is_left_out():
    tried = {getattr(call, "func", call) for call, _ in CALLS.values()}
    public = {getattr(bs, name) for name in bs.__all__ if callable(getattr(bs, name))}
    assert public - ELSEWHERE - RESULTS <= tried


def test_no_argument_is_left_out():
    tried = {}
    for call, arguments in CALLS.values():
        tried.setdefault(getattr(call, "func", call), set()).update(arguments)
    for each in sorted(tried.keys() - ELSEWHERE - RESULTS, key=repr):
        if getattr(bs, getattr(each, "__name__", ""), None) is each:
            takes = inspect.signature(each).parameters.values()
            named = {entry.name for entry in takes if entry.kind is not entry.VAR_KEYWORD}
            assert named <= tried[each] | NO_MORE.get(each, set()), each
