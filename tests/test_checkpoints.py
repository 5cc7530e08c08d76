"""Files of runs and of first models: what is damaged is named or made again, never used."""

import dataclasses
import errno
import fcntl
import json
import os
import shutil
import subprocess
import sys

import numpy as np
import pytest

import boostsim as bs
from boostsim import files, store, versions
from boostsim.figures.kept import kept
from boostsim.objects import same

TASK = bs.lookup(6, 2)
TINY = bs.Transformer(width=8, heads=1, layers=1, steps=2, batch=4, first_steps=2)
SMALL = {"learner": TINY, "key": 3, "visits": 2}
# With a memory and with data that accumulate, a run has files of every kind of array.
RULE = bs.boosting(
    attempts=2,
    labeler=bs.WeakLabeler(0.3, wrong="garbage"),
    regime="accumulate",
    budget=0.5,
    criterion=bs.criteria.hedge(),
)


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    # What is warned of once is warned of once in each test.
    files.warn_once.cache_clear()


def simulate(iterations=1, folder=None):
    return bs.simulate(RULE, TASK, iterations, folder=folder, **SMALL).drop_vars("seconds")


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    """A run that was begun, in a folder; to be copied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        folder = tmp_path_factory.mktemp("begun")
        simulate(1, folder)
    return folder


@pytest.fixture
def run(begun, tmp_path):
    return shutil.copytree(begun, tmp_path / "run")


def contents(path):
    """The arrays of a file of a run, as it is on the disk: an archive that NumPy reads."""
    with np.load(path) as file:
        return {name.removeprefix("a_"): file[name] for name in file.files}


def rewritten(path, arrays):
    """Write them with a digest that fits, as somebody who knows how would."""
    about = json.loads(arrays["about"].tobytes())
    sound = {n: a for n, a in arrays.items() if n != "about"}
    store.Store(path.parent, about["work"]).write(path.stem, sound, about["told"])


def test_a_damaged_file_of_a_run_is_named_and_made_again(run):
    path = run / "seed-0.piece"
    whole, before, want = path.read_bytes(), contents(path), simulate()
    del before["m_seconds"]
    rng = np.random.default_rng(0)
    damaged = [
        b"",
        b"PK nothing",
        whole + b"\0",
        *(whole[:n] for n in rng.integers(len(whole), size=2)),
    ]
    for place in rng.integers(8 * len(whole), size=3):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        damaged.append(bytes(flipped))
    for content in damaged:
        path.write_bytes(content)
        with pytest.warns(RuntimeWarning, match=r"seed-0\.piece.* is made again\.$") as told:
            assert simulate(1, run).identical(want)
        assert len(told) == 1
        assert same(before, {name: contents(path)[name] for name in before})
    assert simulate(2, run).identical(simulate(2))


def test_files_that_lack_something_are_refused_though_their_digest_fits(run):
    path = run / "seed-0.piece"
    whole = contents(path)
    weights = [name for name in whole if name.startswith("w_")]
    assert {"data", "c_0", "m_labels", "m_accuracy_by_stratum", "m_slack"} < set(whole)
    for name in whole:
        if name != "about":
            rewritten(path, {n: a for n, a in whole.items() if n != name})
            with pytest.raises(ValueError, match=f"seed-0.piece' lacks the array {name}"):
                simulate(2, run)
    for name in weights:
        for bad, told in ((np.nan, "not finite"), (np.inf, "not finite")):
            changed = whole[name].copy()
            changed.flat[-1] = bad
            rewritten(path, {**whole, name: changed})
            with pytest.raises(ValueError, match=rf"seed-0\.piece' has numbers in {name}.*{told}"):
                simulate(2, run)
        rewritten(path, {**whole, name: whole[name][..., :1]})
        with pytest.raises(ValueError, match=rf"seed-0\.piece' has {name} of shape"):
            simulate(2, run)
    shorter = {n: a[:1] if n == "m_labels" else a for n, a in whole.items()}
    rewritten(path, shorter)
    with pytest.raises(ValueError, match=r"seed-0\.piece' has measured"):
        simulate(2, run)
    files.write_sealed(path, b"no archive")
    with pytest.raises(ValueError, match=r"seed-0\.piece' is of another kind.*Delete it"):
        simulate(2, run)


def test_a_damaged_first_model_is_made_again_with_a_warning(tmp_path):
    want = simulate()
    (path,) = (tmp_path / "cache" / "models").iterdir()
    whole = path.read_bytes()
    sound = contents(path)
    name = next(name for name in sound if name != "about")
    rewritten(path, {**sound, name: sound[name] * np.nan})
    broken = path.read_bytes()
    rewritten(path, {n: a for n, a in sound.items() if n != name})
    flipped = bytearray(whole)
    flipped[len(whole) // 2] ^= 1
    for content in (b"", whole[:-1], bytes(flipped), broken, path.read_bytes()):
        path.write_bytes(content)
        with pytest.warns(RuntimeWarning, match=f"{path}.* made again|cached.*{path}") as told:
            assert simulate().identical(want)
        assert len(told) == 1
        assert path.read_bytes() == whole
        assert simulate().identical(want)


def test_without_a_cache_a_run_is_the_same(monkeypatch):
    want = simulate()
    monkeypatch.setenv("BOOSTSIM_CACHE", "/proc/none")
    with pytest.warns(RuntimeWarning, match="nothing is kept between runs: '/proc/none'") as told:
        found = [simulate(), simulate()]
    assert len(told) == 1
    assert all(trace.identical(want) for trace in found)


def test_a_run_sweeps_what_a_killed_one_left(run):
    left = run / f".boostsim-{'0f' * 8}.tmp"
    left.write_bytes(b"half")
    mine = run / "notes.tmp"
    mine.write_bytes(b"mine")
    simulate(1, run)
    assert not left.exists()
    assert mine.exists()


def test_locks_end_with_their_run(tmp_path):
    with (
        store.locked(tmp_path),
        pytest.raises(store.InUse),
        store.locked(tmp_path),
    ):
        pass
    with store.locked(tmp_path):
        assert not (tmp_path / ".lock").stat().st_mode & 0o111
    with pytest.raises(KeyboardInterrupt), store.locked(tmp_path):
        raise KeyboardInterrupt
    assert list(tmp_path.iterdir()) == []


def test_a_lock_whose_file_went_between_is_taken_again(tmp_path, monkeypatch):
    """The run that held it ends after its file was opened, and before it is locked."""
    path, real, opened = tmp_path / ".lock", fcntl.flock, []

    def ended(handle, how):
        opened.append(handle)
        if len(opened) < 3:
            # Gone, and then another's.
            path.unlink()
            if len(opened) == 2:
                path.touch()
        real(handle, how)

    monkeypatch.setattr(fcntl, "flock", ended)
    with store.locked(tmp_path):
        assert len(opened) == 3
        with pytest.raises(store.InUse), store.locked(tmp_path):
            pass
        # One that somebody else has put there is not ours to remove.
        path.unlink()
        path.touch()
    assert path.exists()
    path.unlink()
    with store.locked(tmp_path):
        pass
    assert not path.exists()


TAKES = """
import os, sys, time
from pathlib import Path
from boostsim import store

folder, held = Path(sys.argv[1]), 0
print("begun", flush=True)
sys.stdin.readline()
until = time.monotonic() + 2.0
while time.monotonic() < until or not held:
    try:
        with store.locked(folder):
            # Of two that hold it one would find the other's.
            os.close(os.open(folder / "inside", os.O_CREAT | os.O_EXCL))
            os.unlink(folder / "inside")
            held += 1
    except store.InUse:
        pass
print(held)
"""


def test_of_several_processes_one_holds_a_folder(tmp_path):
    line = [sys.executable, "-c", TAKES, str(tmp_path)]
    pipes = dict(stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    running = [subprocess.Popen(line, **pipes) for _ in range(3)]
    assert [each.stdout.readline() for each in running] == ["begun\n"] * 3
    for each in running:
        each.stdin.write("go\n")
        each.stdin.flush()
    told = [each.communicate(timeout=60)[0] for each in running]
    assert [each.returncode for each in running] == [0, 0, 0]
    assert all(int(each) > 0 for each in told)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("number", [errno.EWOULDBLOCK, errno.EACCES])
def test_a_folder_that_another_run_holds_is_in_use(tmp_path, monkeypatch, number):
    def held(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", held)
    with pytest.raises(store.InUse, match="in use"), store.locked(tmp_path):
        pass


def held_twice(folder):
    for _ in range(2):
        with store.locked(folder):
            pass


@pytest.mark.parametrize("number", [errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL])
def test_a_file_system_without_locks_is_used_without(tmp_path, monkeypatch, number):
    def lacking(*_):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(fcntl, "flock", lacking)
    left = tmp_path / f".boostsim-{'0f' * 8}.tmp"
    left.write_bytes(b"somebody may be writing it")
    with pytest.warns(RuntimeWarning, match="cannot be locked") as told:
        held_twice(tmp_path)
    assert len(told) == 1
    assert left.exists()


def test_figures_make_damaged_runs_again_and_wait_for_others(tmp_path, monkeypatch):
    where = []

    def made(folder):
        where.append(folder)
        return simulate(1, folder / "cell")

    want = kept(["told"], made)
    path = where[0] / "cell" / "seed-0.piece"
    other = path.with_name("seed-1.piece")
    other.write_bytes(b"not asked for")
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.warns(RuntimeWarning, match=r"cell/seed-0\.piece.* is made again"):
        assert kept(["told"], made).identical(want)
    # Whole, but of another version.
    rewritten(path, {name: array for name, array in contents(path).items() if name != "data"})
    with pytest.warns(UserWarning, match=r"a run is made again: .*cell/seed-0\.piece"):
        assert kept(["told"], made).identical(want)
    assert other.exists()
    assert kept(["told"], made).identical(want)
    assert len(set(where)) == 1
    assert str(where[0]).startswith(str(tmp_path / "cache" / "runs"))

    busy = iter([True, True, False])

    def in_turn(folder):
        if next(busy):
            raise store.InUse("by another")
        return folder

    waited = []
    monkeypatch.setattr("time.sleep", waited.append)
    assert kept(["other"], in_turn) != where[0]
    assert waited == [1.0, 1.0]
    monkeypatch.setenv("BOOSTSIM_CACHE", "/proc/none")
    with pytest.warns(RuntimeWarning, match="nothing is kept"):
        assert kept(["other"], lambda folder: folder) is None


def test_a_run_that_cannot_be_kept_ends_in_words(run, monkeypatch):
    """A disk that fills up in the course of a run names the file; what was kept is whole."""

    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    before = (run / "seed-0.piece").read_bytes()
    with monkeypatch.context() as filled:
        filled.setattr(os, "fsync", full)
        with pytest.raises(ValueError, match=r"folder must .*seed-0\.piece.*No space left"):
            simulate(2, run)
    assert (run / "seed-0.piece").read_bytes() == before
    assert simulate(2, run).identical(simulate(2))


def test_a_learner_of_another_shape_is_another_run(run):
    wider = {**SMALL, "learner": dataclasses.replace(TINY, width=16)}
    with pytest.raises(ValueError, match="was begun with learner"):
        bs.simulate(RULE, TASK, 1, folder=run, **wider)


def test_what_differs_in_a_list_is_named_by_its_place(tmp_path):
    """The filters of a run that drifts look alike for longer than a line is."""
    told = [{"false_accept": None, "gamma": rate, "votes": 1, "looks": 1} for rate in (0.1, 0.2)]
    other = [told[0], told[1] | {"gamma": 0.3}]
    with pytest.raises(ValueError, match=r"begun with filters\[1\]\.gamma 0\.2, not 0\.3$"):
        versions.same_run(tmp_path, {"filters": other}, {"filters": told})
    with pytest.raises(ValueError, match=r"begun with filters \[\{.*, not \[\{"):
        versions.same_run(tmp_path, {"filters": told[:1]}, {"filters": told})
