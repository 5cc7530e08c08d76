"""A sweep: every point is what simulate returns there, and depends on its parameters alone."""

import dataclasses
import functools
import itertools

import numpy as np
import pytest

import boostsim as bs
from boostsim.sweeping import running

TASK = bs.random_table(5, prompts=6, responses=4, solvable=0.7)
NOISY, WEAK = bs.NoisyFilter(0.1), bs.WeakLabeler(0.3)
RULE = bs.Procedure(attempts=2, filter=NOISY, labeler=WEAK, budget=0.2)
PLANE = {"beta": [0.0, 0.3, 1.0], "gamma": [0.0, 0.2, 0.5]}


def weak(beta):
    return lambda rule: dataclasses.replace(
        rule, labeler=dataclasses.replace(rule.labeler, beta=beta)
    )


def noisy(**given):
    return lambda rule: dataclasses.replace(rule, filter=dataclasses.replace(rule.filter, **given))


def slot(**given):
    return lambda rule: dataclasses.replace(rule, **given)


def learner(**given):
    return lambda rule: dataclasses.replace(
        rule, learner=dataclasses.replace(rule.learner, **given)
    )


# By name: what it is to be at the point, said by hand.
SET = {
    "beta": weak,
    "gamma": lambda value: noisy(gamma=value),
    "false_accept": lambda value: noisy(false_accept=value),
    "votes": lambda value: noisy(votes=int(value)),
    "attempts": lambda value: slot(attempts=int(value)),
    **{
        name: lambda value, name=name: slot(**{name: value})
        for name in ("budget", "label_weight", "label_share", "keep", "regime", "filter", "labeler")
    },
    "criterion": lambda value: slot(criterion=value),
    "criterion_temperature": lambda value: slot(criterion=bs.criteria.difficulty(value)),
    "real_share": lambda value: slot(
        regime=bs.Anchor(value) if value else bs.Replace(), real_share=None
    ),
    "temperature": lambda value: slot(sharpening=bs.Sharpening(value)),
    "until_accepted": lambda value: slot(until_accepted=bool(value)),
    **{
        name: lambda value, name=name: learner(**{name: value})
        for name in ("slack", "step", "rate", "reference")
    },
    "procedure": lambda value: lambda rule: value,
    "task": lambda value: lambda rule: rule,
}


def agrees(swept, base, over, task=TASK, iterations=3, **how):
    """Every point against its own run."""
    for places in itertools.product(*(range(len(values)) for values in over.values())):
        rule, where, on = base, {}, task
        for (name, values), place in zip(over.items(), places, strict=True):
            value = [*(values.values() if isinstance(values, dict) else values)][place]
            names, values = (name, value) if isinstance(name, tuple) else ((name,), (value,))
            for one, value in zip(names, values, strict=True):
                rule = SET[one](value)(rule)
                on = value if one == "task" else on
            where[",".join(names)] = place
        here, trace = swept.isel(where), bs.simulate(rule, on, iterations, **how)
        if "iteration" not in here.dims:
            trace = trace.isel(iteration=-1)
        for name, values in trace.data_vars.items():
            assert here[name].dims == values.dims, name
            np.testing.assert_allclose(
                here[name], values, rtol=1e-12, atol=1e-15, err_msg=f"{name} at {where}"
            )
            assert here[name].attrs == values.attrs
    assert swept.error.dims[: len(over)] == tuple(
        name if isinstance(name, str) else ",".join(name) for name in over
    )


WORLDS = {
    "ends": (RULE, PLANE, {}),
    "every iteration": (
        RULE,
        {("beta", "budget"): [(0.1, 0.0), (0.9, 0.5)]},
        {"reduce": "all", "record": ["diversity", "prompt"]},
    ),
    "weights": (
        bs.Procedure(filter=NOISY, labeler=WEAK, learner=bs.StrongLearner()),
        {"label_weight": [0.5, 1.0], "slack": [0.0, 0.1], "step": [0.5, 1.0]},
        {"record": "entropy"},
    ),
    "shares": (
        bs.Procedure(filter=NOISY, labeler=WEAK),
        {"label_share": [0.2, 0.7], "real_share": [0.0, 0.3], "budget": [0.1, 1.0]},
        {"record": "prompt"},
    ),
    "rates": (
        bs.Procedure(
            attempts=2,
            filter=bs.NoisyFilter(false_accept=0.2, false_reject=0.1, votes=3),
            labeler=WEAK,
            learner=bs.PolicyGradient(0.5),
        ),
        {"false_accept": [0.0, 0.3], "rate": [0.2, 1.0], "reference": [0.0, 0.1]},
        {},
    ),
    "criteria": (
        bs.Procedure(
            attempts=2, filter=NOISY, labeler=WEAK, budget=0.1, sharpening=bs.Sharpening(1.0)
        ),
        {
            "temperature": [0.5, 1.0],
            "criterion": {
                "soft": bs.criteria.difficulty(0.3),
                "own": bs.criteria.learning_progress(),
            },
        },
        {},
    ),
    "grouped": (
        RULE,
        {
            "attempts": [1, 3],
            "filter": {"none": bs.AcceptAll(), "votes": bs.NoisyFilter(0.3, votes=3)},
            "beta": [0.0, 0.4],
            "regime": ["replace", "accumulate"],
        },
        {},
    ),
    "votes": (RULE, {"votes": [1, 3, 5], "gamma": [0.0, 0.4]}, {}),
    "together": (RULE, {("attempts", "gamma"): [(1, 0.1), (2, 0.2), (2, 0.3)]}, {}),
    "persistent": (
        dataclasses.replace(RULE, filter=bs.NoisyFilter(0.2, persistent=True)),
        {"beta": [0.2, 0.6], "gamma": [0.1, 0.3]},
        {"key": 3, "seeds": 2},
    ),
    "answers": (
        dataclasses.replace(RULE, labeler=bs.WeakLabeler(0.3, persistent=True)),
        {"beta": [0.0, 0.6], "until_accepted": [False, True]},
        {"record": "prompt"},
    ),
    "schedules": (
        bs.Procedure(attempts=[1, 2, 3], filter=NOISY, labeler=WEAK, budget=[0.3, 0.2, 0.1]),
        {"gamma": [0.1, 0.2], "keep": ["one", "all"]},
        {},
    ),
    "procedures": (
        RULE,
        {
            "procedure": {
                "boosting": bs.boosting(labeler=WEAK),
                "alone": bs.filter_only(filter=NOISY),
            },
            "task": {"this": TASK, "other": bs.random_table(1, prompts=3, responses=4)},
        },
        {},
    ),
}


@pytest.mark.parametrize("name", WORLDS)
def test_every_point_is_its_run(name):
    rule, over, how = WORLDS[name]
    swept = bs.sweep(rule, TASK, 3, over=over, **how)
    how = {name: each for name, each in how.items() if name != "reduce"}
    agrees(swept, rule, over, **how)


@pytest.mark.parametrize(
    "until", [bs.Until(error=0.4), bs.Until(accuracy=0.6, change=1e-3), bs.Until(change=0.02)]
)
def test_a_point_ends_when_its_run_does(until):
    over = {"beta": [0.0, 0.5, 0.9], "gamma": [0.05, 0.3]}
    task = bs.random_table(2, prompts=6, responses=4, solvable=1.0)
    swept = bs.sweep(RULE, task, 30, over=over, reduce=until)
    agrees(swept, RULE, over, task, 30, until=until)
    assert np.isfinite(swept.ended).any()


def test_a_point_is_the_same_to_the_last_bit_whatever_else_there_is(monkeypatch):
    rng = np.random.default_rng(0)
    beta, gamma = rng.uniform(0, 1, 300), rng.uniform(0, 0.5, 300)
    for base, more in ((RULE, {}), (WORLDS["answers"][0], {"attempts": [2, 1]})):
        # As many prompts as no vector has.
        task = bs.random_table(2, prompts=67, responses=3, solvable=0.6)
        points = [*zip(beta, gamma, strict=True)]
        run = functools.partial(bs.sweep, base, task, 4, record="diversity")
        whole = run(over={("beta", "gamma"): points, **more})
        order = rng.permutation(len(points))
        turned = run(over={("beta", "gamma"): [points[i] for i in order], **more})
        for name, values in whole.data_vars.items():
            assert np.array_equal(values[order], turned[name]), name
        for place in (0, 17, 299):
            alone = run(over={("beta", "gamma"): points[place : place + 1], **more})
            for name, values in whole.data_vars.items():
                assert np.array_equal(values[place], alone[name][0]), name
        monkeypatch.setattr(running, "STEPS", 1)
        chunks = run(over={("beta", "gamma"): points, **more}, memory="1GB")
        assert chunks.identical(whole)
        monkeypatch.undo()
