"""The loop with a transformer: what tables say of a procedure holds of its parts here too."""

import dataclasses
import os
import signal
import subprocess
import sys
import time

import jax
import numpy as np
import pytest
from alarms import assert_law, assert_share

import boostsim as bs
from boostsim.simulation.tokens import evaluation, focusing, iteration, prompts, verdicts
from boostsim.simulation.tokens import first_model as first_models

TINY = bs.Transformer(width=16, heads=2, layers=1, steps=16, batch=32, first_steps=16)
TASK = bs.programs(operations=2)
SLIPPING = bs.WeakLabeler(0.3, wrong="slip")
BOOSTING = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=SLIPPING, budget=0.2)
SMALL = {"learner": TINY, "prompts_per_iteration": 64, "evaluate": 20, "key": 3}


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def measured(trace):
    return trace.drop_vars("seconds")


def test_the_same_procedure_runs_on_a_table_and_with_a_transformer():
    @bs.criterion
    def unsure(visits):
        return visits.disagreement * (1.0 - visits.pass_rate)

    for criterion in (bs.criteria.failed, unsure):
        procedure = dataclasses.replace(BOOSTING, criterion=criterion)
        procedure = dataclasses.replace(procedure, labeler=bs.WeakLabeler(0.3))
        table = bs.simulate(procedure, bs.random_table(0, prompts=20), 2)
        trace = bs.simulate(procedure, TASK, 2, **SMALL)
        for name in ("accuracy", "error", "labels", "generations", "filter_calls"):
            assert table[name].dims == trace[name].dims == ("seed", "iteration")
            assert np.isfinite(trace[name]).all()
        assert (trace.generations == table.generations).all()
        assert (trace.filter_calls == table.filter_calls).all()
    assert trace.accuracy_by_stratum.dims == ("seed", "iteration", "stratum")
    weighted = trace.accuracy_by_stratum.weighted(trace.stratum_weight).mean("stratum")
    assert trace.accuracy.values == pytest.approx(weighted.values)
    assert (trace.pass_at_k >= trace.accuracy).all()
    assert ((trace.distinct >= 0.25) & (trace.distinct <= 1)).all()


def test_a_trace_is_saved_and_loaded(tmp_path):
    trace = bs.simulate(BOOSTING, TASK, 1, **SMALL)
    assert bs.load(bs.save(trace, tmp_path / "run.nc")).identical(trace)
    assert trace.attrs["key"] == "00000000 00000003"
    assert trace.attrs["backend"] == jax.default_backend()
    assert trace.attrs["prompts_per_iteration"] == 64


def test_procedures_under_one_key_are_paired():
    first = {
        name: bs.simulate(procedure, TASK, 0, seeds=2, **SMALL)
        for name, procedure in (("boosting", BOOSTING), ("uncurated", bs.uncurated()))
    }
    assert (
        measured(first["boosting"])
        .drop_attrs()
        .identical(measured(first["uncurated"]).drop_attrs())
    )
    greedy = first["boosting"].entropy.values[:, 0]
    assert greedy[0] != greedy[1]


@pytest.mark.parametrize(("regime", "pool"), [("accumulate", None), ("anchor", 80)])
def test_training_never_meets_an_evaluation_prompt(regime, pool, monkeypatch):
    seen = []

    def noted(train):
        def also(model, parameters, batch, *rest, **more):
            seen.append(batch[:, : TASK.prompt_length])
            return train(model, parameters, batch, *rest, **more)

        return also

    monkeypatch.setattr(iteration, "train", noted(iteration.train))
    monkeypatch.setattr(first_models, "train", noted(first_models.train))
    procedure = dataclasses.replace(
        BOOSTING, regime=regime, real_share=0.5 if regime == "anchor" else None
    )
    # A key of its own: the first model is trained here, not read from the cache.
    own = SMALL | {"key": 77 + (pool is None), "pool": pool}
    bs.simulate(procedure, TASK, 2, **own)
    assert len(seen) == 3
    assert len(seen[0]) == first_models.EXAMPLES
    trained = {row.tobytes() for batch in seen for row in batch}
    asked = evaluation.Evaluation(TASK, 2000).prompts
    assert not trained & {row.tobytes() for row in asked}
    # Of the 108 shortest prompts each is on one side, and both sides were drawn from.
    short = asked[TASK.stratum(asked) == 0]
    everything = np.concatenate([short, seen[0][TASK.stratum(seen[0]) == 0]])
    assert len(np.unique(everything, axis=0)) == 108
    assert 0.1 < len(np.unique(short, axis=0)) / 108 < 0.4


def test_prompts_are_drawn_from_their_sides_law():
    task = bs.arithmetic(1, 3)
    rng = np.random.default_rng(0)
    count = 40_000
    # Three first numbers, three operators, three second numbers (a factor is not zero).
    every, seen = np.unique(task.prompts(rng, np.zeros(count, int)), axis=0, return_counts=True)
    chance = np.where(every[:, 1] == 5, 1 / 18, 1 / 27)
    assert len(every) == 24
    assert_law("held_out", seen, chance)
    for held_out in (False, True):
        side = prompts.is_held_out(task, every) == held_out
        drawn = prompts.draw_prompts(task, rng, np.zeros(count, int), held_out=held_out)
        rows, seen = np.unique(drawn, axis=0, return_counts=True)
        assert (rows == every[side]).all()
        assert_law("held_out", seen, chance[side] / chance[side].sum())


def test_a_stratum_with_one_side_is_refused():
    task = bs.arithmetic(1, 3)
    one = dataclasses.make_dataclass("One", [], bases=(type(task),), frozen=True)(1, 3)
    row = task.prompts(np.random.default_rng(0), np.zeros(1, int))
    object.__setattr__(one, "prompts", lambda rng, stratum: np.repeat(row, len(stratum), axis=0))
    side = bool(prompts.is_held_out(task, row)[0])
    told = "left for training" if side else "kept for evaluation"
    with pytest.raises(ValueError, match=f"none {told} in 200 draws from stratum '1'"):
        prompts.draw_prompts(one, np.random.default_rng(0), np.zeros(4, int), held_out=not side)


def test_seeds_are_the_same_alone_and_together():
    many = bs.simulate(BOOSTING, TASK, 2, seeds=2, **SMALL)
    one = bs.simulate(BOOSTING, TASK, 2, seeds=1, **SMALL)
    assert measured(many.isel(seed=slice(0, 1))).identical(measured(one))


def test_verdicts_err_as_often_as_the_filter_says():
    rng = np.random.default_rng(0)
    count, attempts = 20_000, 2
    prompts = rng.integers(0, 9, (count, 4))
    responses = rng.integers(0, 9, (count, attempts, 6))
    correct = rng.random((count, attempts)) < 0.5
    words = np.array([1, 2], np.uint32)
    for persistent in (False, True):
        filt = bs.NoisyFilter(false_accept=0.1, false_reject=0.3, persistent=persistent)
        accepted = verdicts.verdicts(filt, prompts, responses, correct, words, words)
        for side, chance in ((correct, 0.7), (~correct, 0.1)):
            # Persistent verdicts are one a pair: pairs that come twice are counted once.
            both = np.concatenate([np.repeat(prompts[:, None], attempts, 1), responses], axis=2)
            pairs = np.concatenate([both[side], accepted[side][:, None]], axis=1)
            pairs = np.unique(pairs, axis=0) if persistent else pairs
            assert_share("neural_verdicts", int(pairs[:, -1].sum()), len(pairs), chance)
        again = verdicts.verdicts(filt, prompts, responses, correct, words + 1, words)
        assert (again == accepted).all() == persistent
        other = verdicts.verdicts(filt, prompts, responses, correct, words, words + 1)
        assert (other == accepted).all() != persistent


@pytest.mark.parametrize("persistent", [False, True])
def test_labels_are_right_as_often_as_beta_says(persistent):
    rng = np.random.default_rng(1)
    prompts = np.unique(TASK.prompts(rng, rng.integers(0, 2, 6000)), axis=0)
    labeler = bs.WeakLabeler(0.3, wrong="slip", persistent=persistent)
    words = np.array([5, 6], np.uint32)
    labels = verdicts.label(TASK, labeler, prompts, words, words, 1)
    assert_share("neural_labels", int(labels.right.sum()), len(prompts), 0.3)
    checked = np.asarray(verdicts.verifier(TASK)(prompts, labels.responses))
    # Now and then a slip is right by another way; a right label always is.
    assert checked[labels.right].all()
    assert checked[~labels.right].mean() < 0.05
    assert (labels.right_tokens[labels.right] == 1).all()
    assert (labels.right_tokens[~labels.right] < 1).all()
    again = verdicts.label(TASK, labeler, prompts, words + 9, words, 1)
    assert (again.responses == labels.responses).all() == persistent


def test_focus_is_the_tables_allocation():
    accepted = np.array([0, 2, 0, 1, 0])
    responses = np.zeros((5, 2, 3), int)
    seen = focusing.see(2, np.zeros(5), np.arange(5), accepted, responses)
    share = focusing.focus(BOOSTING, seen)
    assert share == pytest.approx(np.array([1, 0, 1, 0, 1]) * 0.2 / 0.6)
    free = dataclasses.replace(BOOSTING, budget=None)
    share = focusing.focus(free, seen)
    assert share.tolist() == [1, 0, 1, 0, 1]

    @bs.criterion
    def negative(visits):
        return visits.pass_rate - 0.5

    bad = dataclasses.replace(BOOSTING, criterion=negative)
    with pytest.raises(ValueError, match="'negative' must be finite and at least 0"):
        focusing.focus(bad, seen)


def test_disagreement_counts_pairs():
    responses = np.array([[[1, 2], [1, 2], [3, 2], [1, 1]], [[0, 0]] * 4])
    # Of six pairs one agrees, all agree.
    assert focusing.disagreement(responses) == pytest.approx([5 / 6, 0])
    assert focusing.disagreement(responses[:, :1]).tolist() == [0, 0]


def test_the_first_accepted_or_all_are_kept():
    accepted = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 1]], bool)
    one = verdicts.kept(bs.filter_only(keep="one"), accepted)
    assert one.astype(int).tolist() == [[0, 1, 0], [0, 0, 0], [1, 0, 0]]
    assert (verdicts.kept(bs.filter_only(keep="all"), accepted) == accepted).all()


def test_nothing_accepted_and_nothing_labelled_trains_nothing():
    deaf = bs.filter_only(filter=bs.NoisyFilter(false_accept=0.0, false_reject=1.0))
    with pytest.warns(UserWarning, match="nothing was accepted and nothing label"):
        trace = bs.simulate(deaf, TASK, 2, **SMALL)
    assert (trace.examples == 0).all()
    assert np.isnan(trace.loss).all()
    assert (trace.greedy_accuracy == trace.greedy_accuracy[0, 0]).all()


def test_regimes_count_their_examples():
    """64 prompts; without a filter every response is kept."""
    for regime, real, want in (
        ("replace", None, 64),
        ("anchor", 0.5, 96),
        ("accumulate", None, 64),
    ):
        procedure = bs.uncurated(regime=regime, real_share=real)
        trace = bs.simulate(procedure, TASK, 2, **SMALL)
        assert trace.examples.values[0].tolist() == [0, want, want]
    assert (bs.simulate(bs.labels_only(labeler=SLIPPING), TASK, 1, **SMALL).tokens == 0).all()


def test_a_pool_is_visited_without_repeats_and_restarts_forget():
    pooled = bs.simulate(BOOSTING, TASK, 2, pool=64, **SMALL)
    fresh = bs.simulate(BOOSTING, TASK, 2, **SMALL)
    assert not measured(pooled).identical(measured(fresh))
    # From f_0 each time the second iteration depends on the first by its data alone.
    again = {**SMALL, "learner": dataclasses.replace(TINY, start="first")}
    restarted = bs.simulate(BOOSTING, TASK, 2, **again)
    assert (restarted.accuracy[:, :2] == fresh.accuracy[:, :2]).all()
    assert (restarted.loss[:, 2] != fresh.loss[:, 2]).all()


SCRIPT = """
import sys, dataclasses, boostsim as bs
from test_neural import BOOSTING, SMALL, TASK
procedure = dataclasses.replace(BOOSTING, regime="accumulate")
bs.simulate(procedure, TASK, 40, folder=sys.argv[1], **SMALL)
"""


def test_a_run_in_a_folder_goes_on_and_others_are_refused(tmp_path):
    """To the same numbers; a shorter run is read off."""
    procedure = dataclasses.replace(BOOSTING, regime="accumulate")
    bs.simulate(procedure, TASK, 1, folder=tmp_path, **SMALL)
    resumed = bs.simulate(procedure, TASK, 2, folder=tmp_path, **SMALL)
    whole = bs.simulate(procedure, TASK, 2, **SMALL)
    assert measured(resumed).identical(measured(whole))
    short = bs.simulate(procedure, TASK, 1, folder=tmp_path, **SMALL)
    assert measured(short).identical(measured(whole.isel(iteration=slice(0, 2))))
    with pytest.raises(ValueError, match="was begun with procedure"):
        bs.simulate(BOOSTING, TASK, 2, folder=tmp_path, **SMALL)
    wider = {**SMALL, "learner": dataclasses.replace(TINY, width=32)}
    with pytest.raises(ValueError, match="was begun with learner"):
        bs.simulate(procedure, TASK, 2, folder=tmp_path, **wider)
    with pytest.raises(ValueError, match=r"was begun with (task|vocabulary)"):
        bs.simulate(procedure, bs.programs(operations=3), 2, folder=tmp_path, **SMALL)


def test_a_run_that_is_killed_goes_on_to_the_same_numbers(tmp_path):
    """kill -9 as soon as some iterations are on disk; then the rest, and all of it at once."""
    folder, iterations = tmp_path / "run", 6
    environment = {**os.environ, "PYTHONPATH": os.path.dirname(__file__)}
    child = subprocess.Popen([sys.executable, "-c", SCRIPT, str(folder)], env=environment)
    state = folder / "seed-0.piece"
    try:
        began = time.monotonic()
        while not state.exists() and time.monotonic() - began < 120:
            time.sleep(0.05)
        with pytest.raises(ValueError, match="folder must not be in use by another run"):
            bs.simulate(BOOSTING, TASK, 1, folder=folder, **SMALL)
        time.sleep(0.3)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
    with np.load(state) as file:
        done = len(file["a_m_labels"]) - 1
    assert 1 <= done < 40
    iterations = done + 3
    procedure = dataclasses.replace(BOOSTING, regime="accumulate")
    resumed = bs.simulate(procedure, TASK, iterations, folder=folder, **SMALL)
    whole = bs.simulate(procedure, TASK, iterations, **SMALL)
    assert measured(resumed).identical(measured(whole))


def test_a_criterion_is_known_by_what_it_computes(tmp_path):
    """The same name with another body is another run; with other comments it is the same."""

    def ruled(body):
        body.__name__ = "mine"
        return dataclasses.replace(BOOSTING, criterion=bs.criterion(body))

    bs.simulate(ruled(lambda visits: 1.0 - visits.pass_rate), TASK, 1, folder=tmp_path, **SMALL)
    same = ruled(lambda seen: 1.0 - seen.pass_rate)
    bs.simulate(same, TASK, 1, folder=tmp_path, **SMALL)
    other = ruled(lambda visits: 0.0 * visits.pass_rate)
    with pytest.raises(ValueError, match="was begun with criterion"):
        bs.simulate(other, TASK, 1, folder=tmp_path, **SMALL)


def test_first_models_are_kept_by_content(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path))
    bs.simulate(BOOSTING, TASK, 0, **SMALL)
    kept = list((tmp_path / "models").iterdir())
    assert len(kept) == 1
    stamp = kept[0].stat().st_mtime_ns
    bs.simulate(bs.uncurated(), TASK, 0, **SMALL)
    assert kept[0].stat().st_mtime_ns == stamp
    bs.simulate(BOOSTING, TASK, 0, **{**SMALL, "key": 4})
    assert len(list((tmp_path / "models").iterdir())) == 2


@bs.criterion
def failing(visits):
    return visits.pass_rate / (1 // 0)


TABLE = bs.random_table(0, prompts=4)
CASES = {
    "no learner": (
        lambda: bs.simulate(BOOSTING, TASK, 1, key=0),
        r"learner must be given where .* in tokens, for example learner=bs\.Transformer\(\)",
    ),
    "no key": (lambda: bs.simulate(BOOSTING, TASK, 1, learner=TINY), "key must be given"),
    "visits": (
        lambda: bs.simulate(BOOSTING, TASK, 1, visits=3, learner=TINY, key=3),
        "task must be one whose prompts can be listed",
    ),
    "record": (lambda: bs.simulate(BOOSTING, TASK, 1, record="entropy", **SMALL), "record must"),
    "a learner for a table": (
        lambda: bs.simulate(bs.uncurated(), TABLE, 1, learner=TINY),
        "learner must be one of tables, such as",
    ),
    "a folder that is no path": (
        lambda: bs.simulate(bs.uncurated(), TABLE, 1, folder=3),
        "folder must be a path",
    ),
    "no prompts": (
        lambda: bs.simulate(BOOSTING, TASK, 1, **{**SMALL, "prompts_per_iteration": 0}),
        "prompts_per_iteration",
    ),
    "a small pool": (lambda: bs.simulate(BOOSTING, TASK, 1, pool=9, **SMALL), "pool must be at"),
    "an empty pool": (lambda: bs.simulate(BOOSTING, TASK, 1, pool=0, **SMALL), "pool must be"),
    "a noise that a task lacks": (
        lambda: bs.simulate(BOOSTING, bs.lookup(), 1, **SMALL),
        "wrong must be one of concentrated, shuffled, spread; got 'slip'",
    ),
    "a noise that nobody knows": (
        lambda: bs.WeakLabeler(0.2, wrong="sistematic"),
        "Did you mean 'systematic'",
    ),
    "a slip on a table": (
        lambda: bs.simulate(bs.boosting(labeler=SLIPPING), TABLE, 1),
        "wrong must be spread or concentrated on a table",
    ),
    "a labeler that is a table": (
        lambda: bs.simulate(
            bs.boosting(labeler=bs.WeakLabeler(rows=[[1.0, 0.0]])), TASK, 1, **SMALL
        ),
        "rows must be None where the task is in tokens",
    ),
    "a beta for each prompt": (
        lambda: bs.simulate(bs.boosting(labeler=bs.WeakLabeler([0.1] * 5)), TASK, 1, **SMALL),
        "beta must be one number, or one for each of 2 strata",
    ),
    "slack": (
        lambda: bs.simulate(bs.uncurated(learner=bs.StrongLearner(0.1)), TASK, 1, key=0),
        "learner must be a bs.Transformer where the task is in tokens; got StrongLearner",
    ),
    "two learners": (
        lambda: bs.simulate(bs.uncurated(learner=bs.StrongLearner(0.1)), TASK, 1, **SMALL),
        "learner must be left out, or the procedure's own, StrongLearner",
    ),
    "two networks": (
        lambda: bs.simulate(bs.uncurated(learner=bs.Transformer()), TASK, 1, **SMALL),
        "learner must be left out, or the procedure's own, Transformer",
    ),
    "a network in a procedure on a table": (
        lambda: bs.simulate(bs.uncurated(learner=TINY), TABLE, 1),
        "learner must be one of tables, such as",
    ),
    "a network in a kernel": (
        lambda: bs.kernel(bs.uncurated(learner=TINY), TABLE),
        "learner must be one of tables, such as",
    ),
    "a task that is a word": (
        lambda: bs.simulate(BOOSTING, "programs", 1, key=0),
        "task must be made by",
    ),
    "a folder that is a number": (
        lambda: bs.simulate(BOOSTING, TASK, 1, folder=3, **SMALL),
        "folder must be a path",
    ),
    "a criterion that fails": (
        lambda: bs.simulate(dataclasses.replace(BOOSTING, criterion=failing), TASK, 1, **SMALL),
        "criterion 'failing' must be a pure function",
    ),
    "a folder that cannot be": (
        lambda: bs.simulate(BOOSTING, TASK, 1, folder="/proc/none", **SMALL),
        "folder must be one that can be made",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_in_words(case):
    call, told = CASES[case]
    with pytest.raises(ValueError, match=told) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_beta_may_differ_by_stratum():
    labeler = bs.WeakLabeler([0.0, 1.0], wrong="slip")
    prompts = TASK.prompts(np.random.default_rng(0), np.repeat([0, 1], 50))
    words = np.array([1, 2], np.uint32)
    right = verdicts.label(TASK, labeler, prompts, words, words, 1).right
    assert right.tolist() == [False] * 50 + [True] * 50


def test_the_network_runs_in_single_precision_and_leaves_the_switch_alone():
    bs.simulate(BOOSTING, TASK, 1, **SMALL)
    assert not jax.config.read("jax_enable_x64")
