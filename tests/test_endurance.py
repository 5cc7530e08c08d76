"""What was stopped goes on to the numbers of one go, whatever became of it or of its files."""

import errno
import fcntl
import inspect
import os
import re
import resource
import shutil
import subprocess
from pathlib import Path

import pytest
from xarray.testing import assert_identical

import boostsim as bs
from boostsim import cli, files, store
from boostsim.jobs import piece_name
from boostsim.simulation.tables import finite_run, keeping, loop
from boostsim.sweeping import running

TABLE = bs.random_table(0, prompts=5, responses=3)
# With a memory and with data that accumulate, a state has every kind of array.
RULE = bs.boosting(
    attempts=2,
    labeler=bs.WeakLabeler(0.3),
    regime="accumulate",
    budget=0.5,
    criterion=bs.criteria.hedge(),
)
SAMPLED = dict(visits=2, seeds=3, key=1, record="prompt", pass_at=2)
RUNS = {
    "sampled": SAMPLED,
    "exact": dict(record="diversity"),
    "until": dict(visits=2, seeds=3, key=1, until=bs.Until(accuracy=0.6)),
}


def simulate(iterations, folder=None, **how):
    return bs.simulate(RULE, TABLE, iterations, folder=folder, **how)


@pytest.fixture
def short_blocks(monkeypatch):
    """Blocks of four iterations, so that a short run has several."""
    monkeypatch.setattr(loop, "BLOCK", 4)
    monkeypatch.setattr(loop, "FEW_AHEAD", 4)


@pytest.mark.parametrize("name", RUNS)
def test_a_longer_run_on_a_table_goes_on_from_a_shorter_one(name, short_blocks, tmp_path):
    """Cut within a block and at its end, made longer, asked for again and for less."""
    how = RUNS[name]
    whole = simulate(14, **how)
    lengths = whole.sizes["iteration"]
    for iterations in (0, 6, 8, 14, 14, 9):
        found = simulate(iterations, tmp_path, **how)
        if "until" not in how:
            assert_identical(found, whole.isel(iteration=slice(iterations + 1)))
        elif iterations == 14:
            assert_identical(found, whole)
        assert found.sizes["iteration"] <= min(iterations + 1, lengths)
    # What is said by longer pieces is not kept twice; a seed that has ended is not made longer.
    assert "until" in how or all(
        path.stem.endswith("iterations-14") for path in tmp_path.glob("*.piece")
    )


def test_nothing_that_is_kept_is_made_again(short_blocks, tmp_path, monkeypatch):
    simulate(6, tmp_path, **SAMPLED)
    made, proceed = [], loop.proceed

    def watched(structure, wanted, room, numbers, sampling, key, start, length, *rest):
        made.append((start, length))
        return proceed(structure, wanted, room, numbers, sampling, key, start, length, *rest)

    monkeypatch.setattr(loop, "proceed", watched)
    simulate(6, tmp_path, **SAMPLED)
    assert made == []
    simulate(8, tmp_path, **SAMPLED)
    # From the last whole block on: its programs are those of one go.
    assert made == [(4, 4)] * 3


def test_more_seeds_join_those_that_are_there(short_blocks, tmp_path):
    more = SAMPLED | {"seeds": range(2, 6)}
    simulate(6, tmp_path, **SAMPLED)
    assert_identical(simulate(6, tmp_path, **more), simulate(6, **more))
    whole = SAMPLED | {"seeds": 6}
    assert_identical(simulate(6, tmp_path, **whole), simulate(6, **whole))


def test_what_is_written_every_while_is_gone_on_from(short_blocks, tmp_path, monkeypatch):
    """A run that stops after some blocks: those that were written are not made again."""
    monkeypatch.setattr(keeping, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(keeping, "PAUSE_WRITES", 0.0)
    want, proceed, left = simulate(14, **SAMPLED), loop.proceed, [5]

    def stops(*given):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return proceed(*given)

    monkeypatch.setattr(loop, "proceed", stops)
    with pytest.raises(KeyboardInterrupt):
        simulate(14, tmp_path, **SAMPLED)
    left[0] = 3 * 4 - 5
    assert_identical(simulate(14, tmp_path, **SAMPLED), want)
    assert left == [0]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (dict(visits=3), "visits 2, not 3"),
        (dict(key=2), "key"),
        (dict(record=()), "record"),
        (dict(pass_at=3), "pass_at"),
        (dict(until=bs.Until(error=0.1)), "until"),
        (dict(visited_share=0.5), "visited_share 1.0, not 0.5"),
    ],
)
def test_another_run_on_a_table_is_refused(other, told, short_blocks, tmp_path):
    simulate(2, tmp_path, **SAMPLED)
    with pytest.raises(ValueError, match=f"this very run; .* was begun with .*{told}"):
        simulate(2, tmp_path, **(SAMPLED | other))
    other_rule = bs.boosting(labeler=bs.WeakLabeler(0.3))
    with pytest.raises(ValueError, match=r"was begun with procedure\.attempts 2, not 1"):
        bs.simulate(other_rule, TABLE, 2, folder=tmp_path, **SAMPLED)
    with pytest.raises(ValueError, match=r"was begun with task\.prompts 5, not 6"):
        bs.simulate(RULE, bs.random_table(0, prompts=6), 2, folder=tmp_path, **SAMPLED)


def test_a_schedule_of_attempts_is_cut_where_a_run_is(short_blocks, tmp_path):
    """Blocks end where attempts change: in such a block, at its end, and in the next."""
    rule = bs.filter_only(attempts=(1,) * 6 + (2,) * 8)
    want = bs.simulate(rule, TABLE, 14)
    for iterations in (5, 6, 11, 14):
        found = bs.simulate(rule, TABLE, iterations, folder=tmp_path)
        assert_identical(found, want.isel(iteration=slice(iterations + 1)))


class Tiring(bs.WeakLabeler):
    """Answers more and more as a weaker one does, by half as often each time, or by a third."""

    drift, rate = (0, 3), 0.5

    @property
    def plain(self):
        return {"labels": bs.WeakLabeler(self.beta), "tired": bs.WeakLabeler(0.1)}

    def weights(self, iteration):
        return {"labels": self.rate**iteration, "tired": 1.0 - self.rate**iteration}


def test_a_part_of_ones_own_that_does_something_else_is_another_run(tmp_path, monkeypatch):
    """Though its name and its fields are the same."""
    nothing = dict(learner=NETWORK, key=0, visits=1)
    bs.simulate(bs.boosting(labeler=Tiring(0.6)), LISTED, 0, folder=tmp_path / "tokens", **nothing)
    rule = bs.boosting(labeler=Tiring(0.6))
    want = bs.simulate(rule, TABLE, 3, folder=tmp_path)
    assert_identical(bs.simulate(rule, TABLE, 3, folder=tmp_path), want)
    monkeypatch.setattr(Tiring, "rate", 0.25)
    with pytest.raises(ValueError, match=r"was begun with shares\[0\]\[0\] 0\.5, not 0\.25"):
        bs.simulate(rule, TABLE, 3, folder=tmp_path)
    with pytest.raises(ValueError, match=r"was begun with shares\[0\]\[0\] 0\.5, not 0\.25"):
        bs.simulate(rule, LISTED, 0, folder=tmp_path / "tokens", **nothing)

    def ask(threshold):
        @bs.criterion
        def mine(visits):
            return (visits.pass_rate < threshold) * 1.0

        return bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.5), criterion=mine)

    bs.simulate(ask(0.5), TABLE, 1, folder=tmp_path / "mine")
    with pytest.raises(ValueError, match="was begun with criterion"):
        bs.simulate(ask(0.75), TABLE, 1, folder=tmp_path / "mine")


def test_a_window_that_is_never_full_is_another_run(tmp_path):
    rule = bs.filter_only(regime=bs.Window(4))
    want = bs.simulate(rule, TABLE, 5)
    bs.simulate(rule, TABLE, 2, folder=tmp_path / "short")
    with pytest.raises(ValueError, match="was begun with iterations 2, not null"):
        bs.simulate(rule, TABLE, 5, folder=tmp_path / "short")
    bs.simulate(rule, TABLE, 4, folder=tmp_path / "long")
    assert_identical(bs.simulate(rule, TABLE, 5, folder=tmp_path / "long"), want)


def test_exactly_at_finite_visits_a_seed_is_kept_when_it_is_whole(tmp_path, monkeypatch):
    how = dict(visits=2, exact=True, record="law", until=bs.Until(accuracy=0.9))
    rule = bs.filter_only(attempts=2)
    want = bs.simulate(rule, TABLE, 3, **how)
    assert_identical(bs.simulate(rule, TABLE, 3, folder=tmp_path, **how), want)
    monkeypatch.setattr(finite_run, "_run", None)
    assert_identical(bs.simulate(rule, TABLE, 3, folder=tmp_path, **how), want)


# What is kept in a folder, by name: each is run there, and compared to the last bit.
LISTED = bs.lookup(6, 2)
NETWORK = bs.Transformer(width=8, heads=1, layers=1, steps=2, batch=4, first_steps=2)
TOKENS = dict(learner=NETWORK, key=3, visits=2, seeds=2, keep_models=True)


def a_table(folder, iterations=14):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(loop, "BLOCK", 4)
        patch.setattr(keeping, "PAUSE_SECONDS", 0.0)
        patch.setattr(keeping, "PAUSE_WRITES", 0.0)
        return simulate(iterations, folder, **SAMPLED)


def a_transformer(folder, iterations=2):
    how = TOKENS if folder is not None else TOKENS | {"keep_models": False}
    return bs.simulate(RULE, LISTED, iterations, folder=folder, **how).drop_vars("seconds")


def a_sweep(folder):
    over = {"beta": [0.1, 0.5, 0.9], "attempts": [1, 2]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "STEPS", 1)
        rule = bs.boosting(labeler=bs.WeakLabeler(0.5))
        return bs.sweep(rule, TABLE, 2, over=over, folder=folder)


WORKS = {"table": a_table, "transformer": a_transformer}


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def done(run, folder):
    """A work: its call, what it gives in one go, and a folder in which it was done."""
    want = run(None)
    assert_identical(run(folder), want)
    return run, want, folder


@pytest.fixture(scope="module", params=WORKS)
def work(request, tmp_path_factory):
    return done(WORKS[request.param], tmp_path_factory.mktemp("whole"))


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    return done(a_sweep, tmp_path_factory.mktemp("swept"))


def test_whenever_it_stops_it_goes_on_to_the_same(work, tmp_path, monkeypatch):
    goes_on(work, tmp_path, monkeypatch)


def test_whenever_a_sweep_stops_it_goes_on_to_the_same(swept, tmp_path, monkeypatch):
    goes_on(swept, tmp_path, monkeypatch)


def goes_on(work, tmp_path, monkeypatch):
    """From what is on the disk whenever that changes: a kill leaves no other."""
    run, want, _ = work
    folder, found = tmp_path / "run", []

    def seen(change):
        def changed(*given, **named):
            if folder.is_dir():
                found.append(shutil.copytree(folder, tmp_path / f"moment-{len(found)}"))
            return change(*given, **named)

        return changed

    with monkeypatch.context() as patch:
        for name in ("fsync", "replace", "unlink"):
            patch.setattr(os, name, seen(getattr(os, name)))
        assert_identical(run(folder), want)
    assert len(found) > 8
    assert any(list(moment.glob(".boostsim-*.tmp")) for moment in found)
    for moment in found:
        assert_identical(run(moment), want)
        names = {path.name for path in moment.iterdir()}
        assert names >= {path.name for path in folder.iterdir() if path.suffix != ".piece"}
        assert not list(moment.glob("*.tmp"))


@pytest.mark.parametrize("harm", ["cut", "flipped", "emptied"])
def test_what_is_damaged_is_told_by_name_and_made_again(work, harm, tmp_path):
    is_made_again(work, harm, tmp_path)


def test_what_is_damaged_of_a_sweep_is_told_by_name_and_made_again(swept, tmp_path):
    is_made_again(swept, "flipped", tmp_path)


def is_made_again(work, harm, tmp_path):
    run, want, whole = work
    # What a run goes on without is not read.
    for each in sorted(path for path in whole.glob("*.[pj]*") if "-iteration-" not in path.name):
        folder = shutil.copytree(whole, tmp_path / each.stem)
        content = bytearray(each.read_bytes())
        content[len(content) // 3] ^= 16
        kept = {"cut": content[:-7], "flipped": content, "emptied": b""}[harm]
        (folder / each.name).write_bytes(kept)
        with pytest.warns(RuntimeWarning, match=f"{re.escape(each.name)}.* is made again"):
            assert_identical(run(folder), want)
        assert_identical(run(folder), want)


def test_a_second_run_in_a_folder_is_refused(work, tmp_path):
    run, _, _ = work
    with store.locked(tmp_path), pytest.raises(ValueError, match="not be in use by another run"):
        run(tmp_path)


def test_where_a_folder_has_no_locks_it_is_used_without(work, tmp_path, monkeypatch):
    def lacking(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    run, want, _ = work
    monkeypatch.setattr(fcntl, "flock", lacking)
    files.warn_once.cache_clear()
    with pytest.warns(RuntimeWarning, match="cannot be locked"):
        assert_identical(run(tmp_path), want)


def test_a_folder_that_is_not_to_be_written_to_is_refused_in_words(work, tmp_path, monkeypatch):
    opened = os.open

    def reading_only(path, flags, *mode, **more):
        if str(path).startswith(str(tmp_path)) and flags & (os.O_CREAT | os.O_RDWR):
            raise OSError(errno.EROFS, os.strerror(errno.EROFS))
        return opened(path, flags, *mode, **more)

    monkeypatch.setattr(os, "open", reading_only)
    with pytest.raises(ValueError, match=r"folder must be one that can be .*Read-only file sys"):
        work[0](tmp_path)


def test_what_has_no_room_ends_in_words_and_what_is_finished_stays(work, tmp_path):
    """As on a full disk: no file may be longer than what was finished before takes."""
    run, want, _ = work
    run(tmp_path, iterations=0 if run is a_table else 1)
    before = {path.name: path.read_bytes() for path in tmp_path.glob("*.piece")}
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (max(map(len, before.values())) // 2, hard))
    try:
        with pytest.raises(ValueError, match=r"folder must .*\(File too large\)"):
            run(tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert before.items() <= {path.name: path.read_bytes() for path in tmp_path.iterdir()}.items()
    assert_identical(run(tmp_path), want)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of its own, of half a megabyte; where none may be mounted, nothing to test."""
    disk = tmp_path / "disk"
    disk.mkdir()
    how = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(disk)]
    try:
        subprocess.run(how, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no file system may be mounted here")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def fill(filler):
    with filler.open("wb", buffering=0) as file:
        while True:
            file.write(bytes(1024))


def test_a_full_disk_ends_in_words_and_what_is_finished_stays(work, small_disk):
    run, want, _ = work
    folder, filler = small_disk / "run", small_disk / "filler"
    run(folder, iterations=0 if run is a_table else 1)
    before = {path.name: path.read_bytes() for path in folder.glob("*.piece")}
    with pytest.raises(OSError, match="No space left"):
        fill(filler)
    with pytest.raises(ValueError, match=r"folder must .*\(No space left on device\)"):
        run(folder)
    assert before.items() <= {path.name: path.read_bytes() for path in folder.iterdir()}.items()
    assert not list(folder.glob("*.tmp"))
    filler.unlink()
    assert_identical(run(folder), want)


def test_the_command_keeps_a_run_on_a_table(tmp_path, capsys):
    line = ["run", "--prompts", "5", "--responses", "3", "--visits", "2", "--seeds", "2", "--json"]
    line += ["--iterations", "3", "--folder", str(tmp_path)]
    assert cli.main(line) == 0
    told = capsys.readouterr().out
    # One where both seeds are done within two seconds.
    before = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.piece")}
    assert all(name.endswith("iterations-3.piece") for name in before)
    assert cli.main(line) == 0
    assert capsys.readouterr().out == told
    assert before == {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("*.piece")}
    assert cli.main([*line, "--visits", "3"]) == 2
    assert "was begun with visits 2, not 3" in capsys.readouterr().err


def test_the_page_names_what_is_there_and_promises_what_is_so(work, swept, tmp_path):
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "endurance.md").read_text()
    told = set(re.findall(r"^\| `(\S+)` \|", page, re.MULTILINE))
    cell = f"{piece_name('helpless', 'failed', 'seeds 0 to 2')}.piece"
    others = {cell, f"{store.FUNCTIONS}.piece", "drawn.json", "point-0-look-2.piece"}
    others |= {"convergence.piece"}
    assert others < told

    def kinds(names):
        return {re.sub(r"\d+", "N", name) for name in names}

    bs.simulate(bs.uncurated(), TABLE, 3, visits=2, exact=True, folder=tmp_path)
    found = [*work[2].iterdir(), *swept[2].iterdir(), *tmp_path.iterdir()]
    assert kinds(path.name for path in found) <= kinds(told - others)
    assert kinds(told - others) == {
        *(".lock", "work.json", "seeds-N-N-iterations-N.piece", "group-N-from-N.piece"),
        *("seed-N-iterations-N.piece", "seed-N.piece", "seed-N-iteration-N.piece"),
    }
    takes = re.search(r"takes a `folder`: (.*?)\. In it", page)[1]
    for name in re.findall(r"`bs\.(\w+)`", takes):
        assert "folder" in inspect.signature(getattr(bs, name)).parameters, name
    assert (keeping.PAUSE_SECONDS, keeping.PAUSE_WRITES, loop.BLOCK) == (2.0, 50.0, 128)
    assert "every two seconds, at most a fiftieth" in page
    assert "at most some blocks of 128" in page


def test_time_between_writes_is_fifty_times_that_of_a_write(short_blocks, tmp_path, monkeypatch):
    """So keeping takes at most a fiftieth of a long run, however slow the disk is."""
    clock, kept = [0.0], []

    def write(self, name, arrays, told, of):
        kept.append(clock[0])
        clock[0] += 0.5

    def proceed(*given, _proceed=loop.proceed):
        clock[0] += 1.0
        return _proceed(*given)

    monkeypatch.setattr(keeping.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(store.Store, "write", write)
    monkeypatch.setattr(loop, "proceed", proceed)
    simulate(480, tmp_path)
    # 120 blocks of a second, and five writes before the last: half a second, and fifty times that.
    assert kept == [*(2.0 + 25.5 * n for n in range(5)), 122.5]
