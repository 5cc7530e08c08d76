"""A sweep: every point is what simulate returns there, and depends on its parameters alone."""

import dataclasses
import functools
import itertools
import json
import subprocess
import sys
import tracemalloc
import typing
import warnings

import numpy as np
import pytest
from worlds import LOOKUP, SOFTMAX

import boostsim as bs
from boostsim.sweeping import blocks, running

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
            "task": {"this": TASK, "other": bs.random_table(1, prompts=6, responses=3)},
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


@pytest.mark.parametrize(
    ("base", "more"), [(RULE, {}), (WORLDS["answers"][0], {"attempts": [2, 1]})]
)
def test_a_point_is_the_same_to_the_last_bit_whatever_else_there_is(base, more, monkeypatch):
    rng = np.random.default_rng(0)
    beta, gamma = rng.uniform(0, 1, 300), rng.uniform(0, 0.5, 300)
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


def test_points_in_tokens_are_runs_of_their_own(tmp_path):
    rule = bs.Procedure(filter=NOISY, labeler=WEAK, learner=SOFTMAX)
    over = {"gamma": [0.0, 0.3], "attempts": [1, 2]}
    swept = bs.sweep(rule, LOOKUP, 2, over=over, key=3, reduce="all", folder=tmp_path / "kept")
    run = bs.simulate(SET["attempts"](2)(SET["gamma"](0.3)(rule)), LOOKUP, 2, key=3)
    here = swept.sel(gamma=0.3, attempts=2)
    for name in run.data_vars.keys() - {"seconds"}:
        assert here[name].dims == run[name].dims
        np.testing.assert_array_equal(here[name], run[name])
    again = bs.sweep(rule, LOOKUP, 2, over=over, key=3, reduce="all", folder=tmp_path / "kept")
    assert again.identical(swept)
    assert bs.load(bs.save(swept, tmp_path / "swept.nc")).identical(swept)
    plan = bs.sweep(rule, LOOKUP, 2, over=over, key=3, dry_run=True)
    assert plan.points == 4
    assert "a run of its own" in str(plan)


def test_a_sweep_is_kept_and_goes_on(tmp_path, monkeypatch):
    monkeypatch.setattr(running, "STEPS", 1)
    over = {"beta": np.linspace(0.0, 1.0, 3), "gamma": np.linspace(0.0, 0.5, 1000)}
    whole = bs.sweep(RULE, TASK, 3, over=over)
    folder = tmp_path / "kept"
    assert bs.sweep(RULE, TASK, 3, over=over, folder=folder).identical(whole)
    pieces = sorted(folder.glob("*.piece"))
    assert len(pieces) == bs.sweep(RULE, TASK, 3, over=over, dry_run=True).chunks >= 2
    pieces[0].unlink()
    made, piece = [], running._piece
    monkeypatch.setattr(running, "_piece", lambda *told: made.append(told) or piece(*told))
    assert bs.sweep(RULE, TASK, 3, over=over, folder=folder).identical(whole)
    assert len(made) == 1
    with pytest.raises(ValueError, match=r"begun with over.gamma.*not"):
        bs.sweep(RULE, TASK, 3, over=over | {"gamma": [0.1]}, folder=folder)


def test_what_changes_shapes_is_compiled_once_each_and_numbers_never():
    over = {
        "attempts": [1, 2],
        "votes": [1, 3, 5],
        "beta": np.linspace(0.0, 1.0, 50),
        "budget": np.linspace(0.0, 1.0, 20),
    }
    before = blocks.block._cache_size()
    swept = bs.sweep(RULE, TASK, 3, over=over)
    assert blocks.block._cache_size() - before == 2
    assert swept.error.size == bs.sweep(RULE, TASK, 3, over=over, dry_run=True).points == 6000
    assert bs.sweep(RULE, TASK, 3, over=over, dry_run=True).compilations == 2
    bs.sweep(RULE, TASK, 3, over=over | {"budget": [0.3, 0.4]})
    assert blocks.block._cache_size() - before == 2


def test_what_it_returns_is_saved_and_says_where_it_comes_from(tmp_path):
    over = {"filter": {"none": bs.AcceptAll(), "noisy": NOISY}, ("beta", "budget"): [(0.1, 0.5)]}
    swept = bs.sweep(RULE, TASK, 3, over=over, reduce=bs.Until(error=0.01))
    assert bs.load(bs.save(swept, tmp_path / "swept.nc")).identical(swept)
    told = json.loads(swept.over)
    assert told["beta,budget"] == {"beta": [0.1], "budget": [0.5]}
    assert told["filter"]["labels"] == ["none", "noisy"]
    assert json.loads(swept.procedure) == json.loads(RULE.describe())
    assert swept.attrs["reduce"] == "error <= 0.01"
    assert swept.ended.isnull().all()
    assert bs.sweep(RULE, TASK, 3, over={"beta": [0.5]}).iteration == 3


BAD = [
    ({}, "over must be a dictionary from names to values, one name at least"),
    ({"bata": [0.1]}, "over must be one of .*Did you mean 'beta'"),
    ({"beta": []}, "over\\['beta'\\] must be of one value at least"),
    ({"beta": [0.1, 1.5]}, "over\\['beta'\\]\\[1\\]: beta must be a number in \\[0, 1\\]; got 1.5"),
    ({"beta": [0.1, None]}, "over\\['beta'\\]\\[1\\] must be a finite number; got None"),
    ({"beta": [np.nan]}, "over\\['beta'\\]\\[0\\] must be a finite number"),
    ({"beta": 0.1}, "over\\['beta'\\] must be a list of values"),
    ({"beta": "0.1"}, "over\\['beta'\\]\\[0\\] must be a finite number; got '0.1'"),
    ({"gamma": np.array(["0.1"])}, "over\\['gamma'\\]\\[0\\] must be a finite number; got '0.1'"),
    ({"budget": [True]}, "over\\['budget'\\]\\[0\\] must be a finite number; got True"),
    ({("beta", "gamma"): [(0.1, np.True_)]}, "over\\['gamma'\\]\\[0\\] .* number; got True"),
    ({"beta": {"a": "0.1"}}, "over at beta=a: beta must be a finite number; got '0.1'"),
    ({"gamma": {"a": True}}, "over at gamma=a: gamma must be a finite number; got True"),
    ({"beta": {"a": None}}, "over at beta=a: beta must be a finite number; got None"),
    ({"step": {"a": [0.1, 0.2]}}, "over at step=a: step must be a finite number; got"),
    ({"rate": {"a": 0.1}}, "'rate'. Give the procedure a bs.PolicyGradient"),
    *(
        ({name: [2**65 + 1]}, f"over\\['{name}'\\]\\[0\\] must be at most .*; got 368934")
        for name in ("attempts", "beta", "votes", "visits")
    ),
    ({"beta": {2**70: 0.1}}, "the labels of over\\['beta'\\]\\[0\\] must be at most"),
    ({"beta": np.array(["1e4000"], np.longdouble)}, "over\\['beta'\\]\\[0\\] .* finite number"),
    ({"visits": [0]}, "over\\['visits'\\]\\[0\\]: visits must be .* at least 1; got 0"),
    ({"visits": {"all": None, "few": 3}}, "numbers of visits at every place, or at none"),
    ({"task": [1]}, "over at task=1: task must be .*; got 1"),
    ({"procedure": ["nope"]}, "procedure must be .*; got 'nope'"),
    ({"votes": ["3"]}, "votes must be .*; got '3'"),
    ({("beta",): [0.1]}, "a tuple with one value for each of beta; got 0.1"),
    ({"beta": [0.1], ("gamma", "beta"): [(0.1, 0.2)]}, "names that are each given once"),
    ({("beta", "gamma"): [(0.1, 0.2), (0.1,)]}, "a tuple with one value for each"),
    ({"attempts": [1, 0]}, "over at attempts=0: attempts must be"),
    ({"votes": [2]}, "over at votes=2: votes must be"),
    ({"rate": [0.1]}, "'rate'. Give the procedure a bs.PolicyGradient"),
    ({"temperature": [0.1]}, "Give the procedure a bs.Sharpening"),
    ({"beta": np.zeros(2**15), "budget": np.zeros(2**15)}, "over must ask for at most"),
]


@pytest.mark.parametrize("number", range(len(BAD)))
def test_what_cannot_be_gone_over_is_refused_in_one_sentence(number):
    over, told = BAD[number]
    with pytest.raises(ValueError, match=told) as refused:
        bs.sweep(RULE, TASK, 3, over=over)
    assert "\n" not in str(refused.value)
    assert "np." not in str(refused.value)


def test_no_filter_is_one_that_accepts_everything():
    over = {"filter": {"none": None, "noisy": NOISY}}
    swept = bs.sweep(RULE, TASK, 3, over=over)
    agrees(swept, RULE, over)
    together = {("beta", "filter"): {"a": (0.3, None)}}
    found = bs.sweep(RULE, TASK, 3, over=together)
    np.testing.assert_array_equal(found.error.values[0], swept.error.values[0])
    assert json.loads(found.over)["beta,filter"]["filter"][0]["name"] == "AcceptAll"


def test_a_criterion_may_be_given_by_its_name(tmp_path):
    names, rule = ["failed", "below(0.1)", "uniform"], dataclasses.replace(RULE, budget=0.05)
    swept = bs.sweep(rule, TASK, 3, over={"criterion": names}, folder=tmp_path)
    rules = bs.criteria.failed, bs.criteria.below(0.1), bs.criteria.uniform
    labelled = bs.sweep(rule, TASK, 3, over={"criterion": dict(zip(names, rules, strict=True))})
    np.testing.assert_array_equal(swept.error.values, labelled.error.values)
    assert swept.criterion.values.tolist() == labelled.criterion.values.tolist() == names
    assert (swept.error.values[0] != swept.error.values[2]).any()
    with pytest.raises(ValueError, match=r"criterion must be one of .*'nobody'"):
        bs.sweep(rule, TASK, 3, over={"criterion": ["nobody"]})


def test_every_kind_of_number_is_a_coordinate_that_is_kept(tmp_path):
    expected = bs.sweep(RULE, TASK, 3, over={"beta": [0.5]})
    for kind in (np.float16, np.float32, np.longdouble):
        for over in ({"beta": np.array([0.5], kind)}, {("beta",): [(kind(0.5),)]}):
            found = bs.sweep(RULE, TASK, 3, over=over, folder=tmp_path / "kept")
            assert found.beta.dtype == np.float64
            assert found.identical(expected)


def test_a_folder_of_a_run_is_no_folder_of_a_sweep(tmp_path):
    bs.simulate(RULE, TASK, 2, visits=3, key=1, folder=tmp_path)
    with pytest.raises(ValueError, match=r"another kind of work: a run, not a sweep"):
        bs.sweep(RULE, TASK, 3, over={"beta": [0.1]}, folder=tmp_path)


def test_what_the_procedure_lacks_is_named():
    plain = bs.Procedure(labeler=WEAK)
    for name, needed in (("gamma", "bs.NoisyFilter"), ("votes", "bs.NoisyFilter")):
        with pytest.raises(ValueError, match=f"Give the procedure a {needed}"):
            bs.sweep(plain, TASK, 2, over={name: [1]})
    with pytest.raises(ValueError, match=r"Give the procedure a labeler such as bs.WeakLabeler"):
        bs.sweep(bs.filter_only(filter=NOISY), TASK, 2, over={"beta": [0.1]})
    with pytest.raises(ValueError, match=r"key must be given where verdicts persist"):
        bs.sweep(*WORLDS["persistent"][:1], TASK, 2, over={"beta": [0.1]})
    with pytest.raises(ValueError, match=r"seeds must be 1"):
        bs.sweep(RULE, TASK, 3, over={"beta": [0.1]}, seeds=2)
    with pytest.raises(ValueError, match=r"memory must be at least .* what a block takes"):
        bs.sweep(RULE, TASK, 3, over={"beta": [0.1]}, memory=10)
    with pytest.raises(ValueError, match="memory must be bytes"):
        bs.sweep(RULE, TASK, 3, over={"beta": [0.1]}, memory="much")
    with pytest.raises(ValueError, match=r"memory must be at most \d+ bytes; got '999"):
        bs.sweep(RULE, TASK, 3, over={"beta": [0.1]}, memory="9" * 400 + "GB")
    broken = bs.criterion(lambda visits: visits.accepted - 1.5 + 0.0 * visits.disagreement)
    rule = dataclasses.replace(RULE, criterion=broken)
    with pytest.raises(ValueError, match=r"over at beta=0.1: criterion .* finite priorities"):
        bs.sweep(rule, TASK, 2, over={"beta": [0.1]})


def test_what_is_held_besides_the_result_does_not_grow_with_it(monkeypatch):
    monkeypatch.setattr(running, "NUMBERS_KEPT", 2**17)
    task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    gamma, besides = np.linspace(0.0, 0.5, 2**10), []
    for rows in (1, 2**6, 2**8):
        over = {"beta": np.linspace(0.0, 1.0, rows), "gamma": gamma}
        tracemalloc.start()
        swept = bs.sweep(bs.boosting(labeler=WEAK), task, 2, over=over, memory="50MB")
        besides.append(tracemalloc.get_traced_memory()[1] - swept.nbytes)
        tracemalloc.stop()
    # Four times the points; the first compiled what the others run.
    assert swept.nbytes > 2 * besides[2]
    assert besides[2] < 1.2 * besides[1]


@pytest.mark.parametrize("drawn", [{}, {"visits": 3, "seeds": 2, "key": 5}])
def test_workers_make_the_pieces_to_the_same_bits(drawn, client, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "STEPS", 1)
    monkeypatch.setattr(running, "NUMBERS_KEPT", 1)
    over = {"attempts": [1, 2], "gamma": np.linspace(0.0, 0.5, 40 if drawn else 1500)}
    here = bs.sweep(RULE, TASK, 3, over=over, **drawn)
    assert bs.sweep(RULE, TASK, 3, over=over, dry_run=True, **drawn).chunks >= 4
    made, piece = [], running._piece
    monkeypatch.setattr(running, "_piece", lambda *told: made.append(told) or piece(*told))
    prepared, part_of = [], running.part_of
    monkeypatch.setattr(running, "part_of", lambda *told: prepared.append(1) or part_of(*told))
    there = bs.sweep(RULE, TASK, 3, over=over, scheduler=client, folder=tmp_path, **drawn)
    assert there.identical(here)
    # Two groups: for all pieces of a worker's process once.
    assert len(prepared) == 2
    first, *_ = pieces = sorted(tmp_path.glob("*.piece"))
    assert len(made) == len(pieces) >= 4
    # Either goes on with what the other left.
    first.unlink()
    assert bs.sweep(RULE, TASK, 3, over=over, folder=tmp_path, **drawn).identical(here)
    first.unlink()
    again = bs.sweep(RULE, TASK, 3, over=over, scheduler=client, folder=tmp_path, **drawn)
    assert again.identical(here)
    assert len(made) == len(pieces) + 2


def test_what_goes_wrong_on_a_worker_is_told_as_here(client):
    broken = bs.criterion(lambda visits: visits.accepted - 1.5 + 0.0 * visits.disagreement)
    rule = dataclasses.replace(RULE, criterion=broken)
    said = []
    for scheduler in (None, client):
        with pytest.raises(ValueError, match=r"over at beta=0.1: criterion") as refused:
            bs.sweep(rule, TASK, 2, over={"beta": [0.1]}, scheduler=scheduler)
        said.append(str(refused.value))
    assert said[0] == said[1]
    with pytest.raises(ValueError, match="scheduler must be the address"):
        bs.sweep(RULE, TASK, 3, over={"beta": [0.1]}, scheduler="nowhere")


def test_a_rule_of_ones_own_that_does_something_else_is_another_sweep(tmp_path):
    def asking(threshold):
        @bs.criterion
        def mine(visits):
            return (visits.pass_rate < threshold) * 1.0

        return mine

    plain = bs.boosting(attempts=2, labeler=WEAK)

    def at_base(rule, folder):
        asks = dataclasses.replace(plain, criterion=rule)
        return bs.sweep(asks, TASK, 1, over={"beta": [0.1]}, folder=tmp_path / folder)

    def gone_over(rule, folder):
        return bs.sweep(plain, TASK, 1, over={"criterion": {"a": rule}}, folder=tmp_path / folder)

    for number, swept in enumerate((at_base, gone_over)):
        whole = swept(asking(0.5), f"{number}")
        assert swept(asking(0.5), f"{number}").identical(whole)
        with pytest.raises(ValueError, match="begun with criterion 'mine' when it computed"):
            swept(asking(0.75), f"{number}")

    def in_tokens(rule, visits=2):
        asks = dataclasses.replace(plain, criterion=rule, learner=SOFTMAX)
        told = {"over": {"gamma": [0.1]}, "visits": visits, "key": 0, "folder": tmp_path / "tokens"}
        noisy = dataclasses.replace(asks, filter=bs.NoisyFilter(0.0))
        return bs.sweep(noisy, LOOKUP, 1, **told)

    whole = in_tokens(asking(0.5))
    assert in_tokens(asking(0.5)).identical(whole)
    with pytest.raises(ValueError, match="begun with criterion 'mine' when it computed"):
        in_tokens(asking(0.75))


def test_numbers_of_a_learner_that_its_words_do_not_tell_are_another_run(tmp_path):
    @dataclasses.dataclass(frozen=True)
    class Partial:
        told: typing.ClassVar = [1.0, 0.0]
        rule = staticmethod(
            lambda step, data, before, add: [
                step * new + (1.0 - step) * old for new, old in zip(data, before, strict=True)
            ]
        )

        @property
        def numbers(self):
            return self.told[0]

        def noise_rows_for(self, quality):
            return np.full(quality.shape, 1.0 / quality.shape[1]) if self.told[1] else None

        def describe(self):
            return {"learner": "partial"}

    rule = bs.boosting(labeler=WEAK, learner=Partial())
    works = {
        "run": lambda folder: bs.simulate(rule, TASK, 1, folder=folder),
        "sweep": lambda folder: bs.sweep(rule, TASK, 1, over={"beta": [0.1]}, folder=folder),
    }
    for name, work in works.items():
        for number, other in enumerate(([0.5, 0.0], [1.0, 1.0])):
            folder = tmp_path / f"{name}-{number}"
            Partial.told[:] = [1.0, 0.0]
            work(folder)
            Partial.told[:] = other
            with pytest.raises(ValueError, match="learner_numbers"):
                work(folder)


def test_the_order_of_dimensions_is_part_of_a_sweep(tmp_path):
    over = {"beta": [0.1, 0.2], "gamma": [0.2, 0.3]}
    bs.sweep(RULE, TASK, 3, over=over, folder=tmp_path)
    with pytest.raises(ValueError, match=r'order\[0\] "beta", not "gamma"'):
        bs.sweep(RULE, TASK, 3, over=dict(reversed(over.items())), folder=tmp_path)


GROWN = """
import resource, sys
import numpy as np
import boostsim as bs
task = bs.random_table(0, prompts=4, responses=8, solvable=0.75)
rule = bs.boosting(labeler=bs.WeakLabeler(0.3), filter=bs.NoisyFilter(0.1))
def swept(rows):
    over = {"beta": np.linspace(0, 1, rows), "gamma": np.linspace(0, 0.5, 1000)}
    found = bs.sweep(rule, task, 4, over=over, memory="50MB").nbytes
    return found, 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
_, before = swept(10)
size, after = swept(int(sys.argv[1]))
print(after - before - size)
"""


def test_a_process_takes_no_more_than_the_result_and_what_does_not_grow():
    """Of one million points and of four: the latter's result has 144 MB more."""
    besides = [
        int(
            subprocess.run(
                [sys.executable, "-c", GROWN, rows], capture_output=True, check=True
            ).stdout
        )
        for rows in ("1000", "4000")
    ]
    # What an allocator leaves between arrays; a second copy would be 144 MB.
    assert besides[1] - besides[0] < 2**25
    assert besides[0] < 2**27


def test_workers_in_processes_of_their_own_make_the_same_bits(monkeypatch):
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    monkeypatch.setattr(running, "NUMBERS_KEPT", 1)
    over = {"attempts": [1, 2], "gamma": np.linspace(0.0, 0.5, 1500)}
    here = bs.sweep(RULE, TASK, 3, over=over)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=2, processes=True, dashboard_address=None
        ) as cluster:
            there = bs.sweep(RULE, TASK, 3, over=over, scheduler=cluster.scheduler_address)
    assert there.identical(here)
