"""A run that was kept can be looked into, and what it records on request changes nothing else."""

import dataclasses
import pickle
import shutil

import jax
import numpy as np
import pandas as pd
import pytest
from test_checkpoints import TASK as LISTED
from test_checkpoints import TINY as SMALLEST
from test_checkpoints import contents, rewritten
from test_neural import BOOSTING, SMALL, TASK

import boostsim as bs
from boostsim.files import write_sealed
from boostsim.keys import as_key
from boostsim.simulation.tokens.evaluation import Evaluation
from boostsim.simulation.tokens.iteration import EVALUATION
from boostsim.store import WORK, Store, opened

PERSISTENT = bs.NoisyFilter(0.3, persistent=True)
LOOKING = dict(learner=SMALLEST, key=3, visits=2, record="responses")


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        yield


def measured(trace):
    return trace.drop_vars("seconds")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two seeds of two iterations, gone on from one; models kept, and responses."""
    folder = tmp_path_factory.mktemp("kept") / "run"
    how = SMALL | dict(seeds=2, folder=folder, keep_models=True, record="responses")
    bs.simulate(BOOSTING, TASK, 1, **how)
    bs.simulate(BOOSTING, TASK, 2, **how)
    return folder


@pytest.fixture(scope="module")
def whole():
    """The same in one go, with responses."""
    return bs.simulate(BOOSTING, TASK, 2, seeds=2, record="responses", **SMALL)


@pytest.fixture
def copied(folder, tmp_path):
    return shutil.copytree(folder, tmp_path / "run")


def test_it_is_the_run_that_was_made(folder, whole):
    """Gone on from a shorter run, read from its folder, and in one go: the same to the last bit."""
    run = bs.load_run(folder)
    assert measured(run.trace).identical(measured(whole))
    assert (run.task, run.learner) == (TASK, SMALL["learner"])
    assert run.procedure["filter"]["gamma"] == 0.1
    assert run.seeds == (0, 1)
    assert run.iterations == {0: 2, 1: 2}
    assert run.models == {0: (0, 1, 2), 1: (0, 1, 2)}
    for alike in (bs.load_run(folder), pickle.loads(pickle.dumps(run))):
        assert alike == run
        assert hash(alike) == hash(run)


@pytest.mark.parametrize("iteration", [0, 1, None])
def test_its_models_are_those_that_were_measured(folder, whole, iteration):
    """Asked what the run asked its own, each gives what the trace has."""
    run, at = bs.load_run(folder), 2 if iteration is None else iteration
    key = jax.random.fold_in(as_key(SMALL["key"]), 1)
    site = jax.random.fold_in(jax.random.fold_in(key, at), EVALUATION)
    found = Evaluation(TASK, SMALL["evaluate"]).measure(run.learner, run.model(1, iteration), site)
    want = whole.isel(seed=1, iteration=at)
    for name in ("accuracy", "greedy_accuracy", "entropy"):
        assert found[name] == want[name].values


def test_what_is_recorded_changes_no_other_number(whole):
    plain = bs.simulate(BOOSTING, TASK, 2, seeds=2, **SMALL)
    shown = {"prompt_text", "response_text", "label_text", "accepted", "correct", "labelled"}
    assert set(whole) - set(plain) == {*shown, "label_correct"}
    assert measured(whole)[list(measured(plain))].identical(measured(plain))


def test_traces_with_text_are_kept(whole, tmp_path):
    assert bs.load(bs.save(whole, tmp_path / "run.nc")).identical(whole)
    bad = whole.copy(deep=True)
    bad.accepted.values[0, 1, 0, 0] = 2.0
    with pytest.raises(ValueError, match="accepted must be in"):
        bs.save(bad, tmp_path / "bad.nc")


def tokens(run, texts, length):
    """Responses as tokens, from their text."""
    number = {symbol: token for token, symbol in enumerate(run.task.symbols)}
    rows = np.zeros((len(texts), length), np.int32)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text.split())] = [number[word] for word in text.split()]
    return rows


def test_what_was_said_is_judged_and_labelled_as_the_table_says(folder, whole):
    run, table = bs.load_run(folder), bs.responses(whole)
    # Of 64 visits every second one, with two attempts each, in two iterations of two seeds.
    assert len(table) == 2 * 2 * 32 * 2
    assert table.iteration.unique().tolist() == [1, 2]
    prompts = np.stack([run._tokens(text) for text in table.prompt])
    for said, judged in (("response", "correct"), ("label", "label_correct")):
        known = table[judged].notna().to_numpy()
        said = tokens(run, table[said], TASK.response_length)
        right = np.asarray(TASK.verify(prompts, said))
        assert (right[known] == table[judged][known]).all()
    assert 0 < table.label_correct.sum() < table.labelled.sum()
    assert (table.label_correct.notna() == table.labelled).all()
    assert ((table.label != "") == table.labelled).all()
    # Whom this criterion asks for a label has had nothing accepted.
    visits = table.groupby(["seed", "iteration", "visit"])
    assert not (visits.labelled.first() & visits.accepted.max().astype(bool)).any()
    assert visits.labelled.nunique().eq(1).all()
    assert 0 < (table.accepted != table.correct).mean() < 0.5
    # A part of a trace has the part of the table.
    part = bs.responses(whole.isel(seed=1, iteration=2, drop=False))
    of = table[(table.seed == 1) & (table.iteration == 2)].reset_index(drop=True)
    pd.testing.assert_frame_equal(part, of)


def test_attempts_that_are_not_made_are_not_shown():
    first = bs.boosting(attempts=2, until_accepted=True, labeler=bs.WeakLabeler(0.5))
    table = bs.responses(bs.simulate(first, LISTED, 1, **LOOKING))
    second = table[table.attempt == 1]
    before = table[table.attempt == 0].set_index("visit").accepted
    assert len(second) == (~before).sum()
    assert not before[second.visit].any()
    alone = bs.responses(
        bs.simulate(bs.labels_only(labeler=bs.WeakLabeler(0.5)), LISTED, 1, **LOOKING)
    )
    assert len(alone) == 12
    assert alone.labelled.all()
    assert alone.accepted.isna().all()
    assert (alone.response == "").all()


def test_samples_are_of_the_model_and_judged_as_the_run_judges(tmp_path):
    """A filter that persists says of a pair what it said in the run."""
    procedure = bs.filter_only(attempts=2, filter=PERSISTENT)
    trace = bs.simulate(procedure, LISTED, 2, folder=tmp_path, **LOOKING)
    run = bs.load_run(tmp_path)
    assert measured(run.trace).identical(measured(trace))
    assert "label_text" not in trace
    prompts = [run.task.text(row) for row in LISTED.every_prompt()]
    found = run.sample(prompts, samples=4, key=5)
    pair = ["prompt", "response"]
    seen = bs.responses(trace).groupby(pair)[["accepted", "correct"]].agg(["min", "max"])
    drawn = found.groupby(pair)[["accepted", "correct"]].agg(["min", "max"])
    drawn = drawn.rename(columns="{}_drawn".format, level=0)
    both = seen.join(drawn, how="inner")
    assert len(both) >= 4
    for name in ("accepted", "correct"):
        assert both[name].nunique().eq(2).all()
        for each in ("min", "max"):
            assert (both[name][each].astype(bool) == both[f"{name}_drawn"][each]).all()
    assert (found.accepted != found.correct).any()
    # All that is drawn comes from the key.
    assert found.equals(run.sample(LISTED.every_prompt(), samples=4, key=5))
    assert not found.equals(run.sample(prompts, samples=4, key=6))
    assert not found.equals(run.sample(prompts, samples=4, key=5, iteration=0))


def test_some_prompts_of_each_stratum_are_asked(folder):
    run = bs.load_run(folder)
    found = run.sample(3, samples=2)
    assert found.stratum.value_counts().to_dict() == dict.fromkeys(TASK.strata, 6)
    assert found["sample"].tolist() == [0, 1] * 6
    # A prompt that is written is the one that is meant.
    again = run.sample(found.prompt[::2].tolist(), samples=2)
    assert again.equals(found)


def test_a_run_that_shows_nothing_so_far_cannot_begin_to(tmp_path):
    quiet = LOOKING | {"record": ()}
    procedure = bs.filter_only(attempts=2)
    bs.simulate(procedure, LISTED, 1, folder=tmp_path, **quiet)
    with pytest.raises(ValueError, match=r"record must be without 'responses' where.*See .*seed-0"):
        bs.simulate(procedure, LISTED, 2, folder=tmp_path, **LOOKING)
    with pytest.raises(ValueError, match=r"trace must be a trace of .*responses"):
        bs.responses(bs.load_run(tmp_path).trace)


def test_a_run_that_shows_goes_on_showing(tmp_path):
    """Though a call does not ask for it: its trace is without, its folder is whole."""
    procedure = bs.filter_only(attempts=2)
    bs.simulate(procedure, LISTED, 1, folder=tmp_path, **LOOKING)
    middle = bs.simulate(procedure, LISTED, 2, folder=tmp_path, **{**LOOKING, "record": ()})
    assert "accepted" not in middle
    last = bs.simulate(procedure, LISTED, 3, folder=tmp_path, **LOOKING)
    assert measured(last).identical(measured(bs.simulate(procedure, LISTED, 3, **LOOKING)))


def test_seeds_that_are_not_all_done_are_one_trace(copied):
    """What is missing of a run that was stopped is made by the same call."""
    (copied / "seed-1.piece").unlink()
    how = SMALL | dict(folder=copied, record="responses")
    bs.simulate(BOOSTING, TASK, 3, **how)
    run = bs.load_run(copied)
    assert run.iterations == {0: 3}
    assert run.models == {0: (0, 1, 2, 3)}
    bs.simulate(BOOSTING, TASK, 1, **how | dict(seeds=2))
    run = bs.load_run(copied)
    assert run.iterations == {0: 3, 1: 1}
    assert run.trace.sizes["iteration"] == 2
    assert "seed 0" in run.summary()
    assert "1 to 3 iterations" in repr(run)
    card = run._repr_html_()
    assert "KeptRun" in card
    assert "NoisyFilter" in card
    assert "Procedure" not in card


def test_a_seed_whose_file_is_gone_is_missed_aloud(copied):
    (copied / "seed-0.piece").unlink()
    with pytest.warns(UserWarning, match=r"has no seed-0\.piece: without these seeds"):
        run = bs.load_run(copied)
    assert run.seeds == (1,)
    assert run.trace.seed.values.tolist() == [1]


def test_a_model_that_is_gone_is_not_promised(copied):
    assert "Models of every iteration." in bs.load_run(copied).summary()
    (copied / "seed-0-iteration-1.piece").unlink()
    run = bs.load_run(copied)
    assert run.models == {0: (0, 2), 1: (0, 1, 2)}
    assert "Models of the first and the latest iteration, and some between." in run.summary()


def test_a_table_is_of_one_run(whole):
    with pytest.raises(ValueError, match=r"trace must be of one run, .*; got .*'run'"):
        bs.responses(bs.concat([whole, whole]))


def test_folders_that_are_no_runs_are_refused_in_a_sentence(copied, tmp_path):
    def refused(told, folder=copied, **given):
        with pytest.raises(ValueError, match=told) as error:
            bs.load_run(folder, **given)
        assert "\n" not in str(error.value)

    refused("folder must be one in which .*no such folder", tmp_path / "none")
    refused("folder must be one in which .*after a first iteration", tmp_path)
    refused("folder must be a path", 3)
    refused("was begun with task.operations 2, not 3", task=bs.programs(3))
    refused("was begun with learner", learner=dataclasses.replace(SMALL["learner"], steps=1))
    refused("task must be the one in tokens", task="programs")
    refused("learner must be the", learner="transformer")
    run, path = bs.load_run(copied), copied / "seed-1.piece"
    sound = path.read_bytes()
    rewritten(path, {name: array for name, array in contents(path).items() if name != "h_told"})
    refused(r"seed-1\.piece' lacks the array h_told")
    path.write_bytes(sound[:-1])
    refused(r"folder must .*seed-1\.piece.*damaged")
    write_sealed(path, b"something else")
    refused(r"seed-1\.piece' is of another kind")
    Store(copied, "another").write("seed-1", {"x": np.zeros(1)})
    refused(r"folder must hold this very run; .*seed-1\.piece' is a piece of another")
    (copied / WORK).rename(tmp_path / WORK)
    refused(r"folder must be one in which .* no work\.json")
    (copied / WORK).write_bytes((tmp_path / WORK).read_bytes()[:-1])
    refused(r"folder must .*work\.json.*damaged.* makes it again")
    with opened(tmp_path / "other", {"a": "first model"}) as other:
        other.write("seed-0", {"x": np.zeros(1)})
    refused(r"folder must be one in which .*seed-0\.piece holds some", tmp_path / "other")
    (tmp_path / WORK).rename(copied / WORK)
    model = copied / "seed-0-iteration-1.piece"
    model.write_bytes(model.read_bytes()[1:])
    with pytest.raises(ValueError, match=r"iteration-1\.piece.* only a new run makes again"):
        run.model(0, 1)
    model.unlink()
    with pytest.raises(ValueError, match="files stay"):
        run.model(0, 1)


@dataclasses.dataclass(frozen=True)
class Mine(bs.Transformer):
    """A learner of one's own."""


def test_what_is_of_ones_own_is_given(tmp_path):
    learner = Mine(**dataclasses.asdict(SMALLEST))
    bs.simulate(bs.uncurated(), LISTED, 1, folder=tmp_path, **LOOKING | {"learner": learner})
    with pytest.raises(ValueError, match="learner must be given, where it is of a class"):
        bs.load_run(tmp_path)
    run = bs.load_run(tmp_path, learner=learner)
    assert run.learner is learner
    assert set(run.model()) == set(run.model(0, 0))


NONE = "must be a whole number of at least 1"
BAD = {
    "no model": (lambda run: run.model(0, 3), "iteration must be one of 0, 1, 2 for seed 0"),
    "no seed": (lambda run: run.model(2), "seed must be one of 0, 1"),
    "a word": (lambda run: run.sample("a + q ="), "prompts must be written as the task writes"),
    "wrong place": (lambda run: run.sample("= a + b"), "prompts must be"),
    "nothing": (lambda run: run.sample([]), "prompts must be"),
    "no tokens": (lambda run: run.sample(np.ones((2, 2))), "prompts must be"),
    "no such token": (lambda run: run.sample(np.full((1, 6), 99)), "prompts must be some, of"),
    "none": (lambda run: run.sample(0), f"prompts {NONE}"),
    "no samples": (
        lambda run: run.sample(1, samples=0),
        f"samples {NONE}",
    ),
    "no key": (lambda run: run.sample(1, key=-1), "key must be"),
}


@pytest.mark.parametrize("name", BAD)
def test_what_it_cannot_answer_is_refused(folder, name):
    call, told = BAD[name]
    with pytest.raises(ValueError, match=told):
        call(bs.load_run(folder))


def test_what_cannot_be_recorded_or_kept_is_refused():
    exact = LOOKING | dict(visits=None, exact=True)
    with pytest.raises(ValueError, match="record must be without 'responses' in an exact run"):
        bs.simulate(bs.filter_only(), LISTED, 1, **exact)
    with pytest.raises(ValueError, match="record must be one of responses; got 'entropy'"):
        bs.simulate(bs.filter_only(), LISTED, 1, **LOOKING | {"record": "entropy"})
    with pytest.raises(ValueError, match="keep_models must be False where there is no folder"):
        bs.simulate(bs.filter_only(), LISTED, 1, keep_models=True, **LOOKING)
    table = bs.random_table(0, prompts=3)
    with pytest.raises(ValueError, match="keep_models must be left out where the task is a table"):
        bs.simulate(bs.uncurated(), table, 1, keep_models=True)
    with pytest.raises(ValueError, match=r"record must be one of .*'responses'"):
        bs.simulate(bs.uncurated(), table, 1, record="responses")
