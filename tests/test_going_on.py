"""Tournaments and races go on in a folder, and run on workers, to the numbers of one go."""

import dataclasses
import itertools
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import boostsim as bs
from boostsim import versions
from boostsim.certification import points
from boostsim.cli import main
from boostsim.tournament import compare as tournament

SUITE = bs.stress_suite(0, prompts=20)
TASKS = {name: SUITE[name] for name in ("helpless", "few labels")}
HOW = {"labels_per_visit": 0.05, "iterations": 4, "visits": 2, "key": 5}


def mine(visits):
    return 1.0 - visits.pass_rate


def other(visits):
    return (1.0 - visits.pass_rate) ** 2


other.__name__ = "mine"
RULES = ("failed", bs.criterion(mine))


class Unsure(bs.Labeler):
    """A labeler of one's own, whose rows are no field of it."""

    share = 0.5

    def rows_for(self, quality):
        right = quality / quality.sum(1, keepdims=True)
        return self.share * right + (1.0 - self.share) / quality.shape[1]


def compared(rules=RULES, tasks=TASKS, **how):
    return bs.compare(rules, tasks, **{"seeds": 3, **HOW, **how})


def raced(rules=RULES, tasks=TASKS, **how):
    return bs.race(rules, tasks, **{"most_seeds": 8, "resolution": 0.0, **HOW, **how})


@pytest.fixture(params=[compared, raced])
def play(request):
    return request.param


@pytest.fixture
def stopping(monkeypatch):
    """Let runs be counted, and stop at the n-th as Ctrl-C does."""
    simulate, ran = tournament.simulate, []

    def at(number):
        ran.clear()
        count = itertools.count(1)

        def run(*arguments, **how):
            if next(count) == number:
                raise KeyboardInterrupt
            ran.append(how["key"])
            return simulate(*arguments, **how)

        monkeypatch.setattr(tournament, "simulate", run)
        return ran

    return at


@pytest.mark.parametrize("number", [1, 4])
def test_one_that_was_stopped_goes_on_to_the_same_numbers(play, number, stopping, tmp_path):
    ran = stopping(0)
    whole = play().to_json()
    total, ran = len(ran), stopping(number)
    with pytest.raises(KeyboardInterrupt):
        play(folder=tmp_path)
    assert len(ran) == number - 1
    ran = stopping(0)
    assert play(folder=tmp_path).to_json() == whole
    assert len(ran) == total - (number - 1)
    ran = stopping(0)
    assert play(folder=str(tmp_path)).to_json() == whole
    assert ran == []


def test_workers_give_the_same_numbers(play, client, tmp_path):
    whole = play().to_json()
    assert play(scheduler=client, folder=tmp_path).to_json() == whole
    assert play(folder=tmp_path).to_json() == whole


def changed(**how):
    return {**TASKS, "helpless": dataclasses.replace(TASKS["helpless"], **how)}


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"key": 6}, "begun with key "),
        ({"iterations": 5}, "iterations 4, not 5"),
        ({"visits": 3}, "visits 2, not 3"),
        ({"labels_per_visit": 0.1}, r"labels_per_visit 0\.05, not 0\.1"),
        ({"tasks": {"helpless": SUITE["helpless"]}}, "challenges.few labels"),
        ({"tasks": changed(filter=bs.NoisyFilter(0.06))}, "challenges.helpless.filter"),
        ({"tasks": changed(attempts=5)}, "challenges.helpless.attempts 4, not 5"),
        ({"tasks": changed(task=bs.random_table(1, prompts=20))}, "challenges.helpless.task"),
        ({"rules": ("failed", "uniform")}, "criteria.mine"),
        ({"rules": ("failed", bs.criterion(other))}, "'mine' when it computed something else"),
        ({"rules": ("failed", bs.Criterion(mine, "proportional"))}, "criteria.mine.allocation"),
    ],
)
def test_another_one_is_refused_and_what_differs_is_named(how, words, play, begun):
    with pytest.raises(ValueError, match=words):
        play(folder=begun[play], **how)


@pytest.fixture(scope="module")
def begun(tmp_path_factory):
    folders = {play: tmp_path_factory.mktemp(play.__name__) for play in (compared, raced)}
    for play, folder in folders.items():
        play(folder=folder)
    return folders


def test_a_tournament_is_no_race_and_has_its_number_of_seeds(begun):
    with pytest.raises(ValueError, match="work"):
        raced(folder=begun[compared])
    with pytest.raises(ValueError, match="seeds 3, not 4"):
        compared(seeds=4, folder=begun[compared])


def test_what_a_labeler_of_ones_own_does_is_what_it_was(play, tmp_path, monkeypatch):
    tasks = changed(labeler=Unsure())
    play(tasks=tasks, folder=tmp_path)
    monkeypatch.setattr(Unsure, "share", 0.25)
    with pytest.raises(ValueError, match=r"challenges\.helpless\.labeler_rows"):
        play(tasks=tasks, folder=tmp_path)


def test_what_is_read_off_the_runs_may_be_another(begun, stopping):
    ran = stopping(0)
    for how in ({"score": "final_error"}, {"confidence": 0.9}, {"assume": "bounded"}):
        assert compared(**how, folder=begun[compared]).to_json() == compared(**how).to_json()
        ran.clear()
        compared(**how, folder=begun[compared])
        assert ran == []


def test_what_was_run_before_an_upgrade_is_named(play, begun, tmp_path, monkeypatch):
    folder, real = shutil.copytree(begun[play], tmp_path / "copy"), versions.provenance
    monkeypatch.setattr(
        versions, "provenance", lambda **how: real(**how) | {"jax_version": "0.9.7"}
    )
    with pytest.warns(RuntimeWarning, match=r"has pieces computed with jax .* \(not 0\.9\.7\)"):
        found = play(folder=folder)
    told = found.results.attrs if play is compared else found.conditions
    assert told["resumed"].startswith("few_labels-failed-seeds_0_to_")


def test_a_race_goes_on_with_more_seeds(tmp_path, stopping):
    raced(folder=tmp_path, most_seeds=4)
    whole = raced().to_json()
    assert raced(folder=tmp_path).to_json() == whole


def test_the_command_goes_on_and_asks_the_scheduler(tmp_path, capsys, client):
    told = ["failed", "uniform", "--tasks", "helpless", "--prompts", "20", "--iterations", "4"]
    told = ["compare", *told, "--visits", "2", "--seeds", "3", "--json"]
    assert main(told) == 0
    whole = capsys.readouterr().out
    address = client.scheduler.address
    for more in (["--scheduler", address], []):
        assert main([*told, "--folder", str(tmp_path), *more]) == 0
        assert capsys.readouterr().out == whole
    assert main([*told, "--folder", str(tmp_path), "--key", "1"]) == 2
    assert "begun with" in capsys.readouterr().err
    assert main([*told, "--scheduler", "nowhere"]) == 2
    assert "scheduler must be the address" in capsys.readouterr().err


def child(play, folder):
    """Play in a process of its own, which another may kill."""
    code = f"import sys, test_going_on as t; print(t.{play.__name__}(folder=sys.argv[1]).to_json())"
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent), os.environ.get("PYTHONPATH", "")])
    command = [sys.executable, "-c", code, str(folder)]
    return subprocess.Popen(
        command, env={**os.environ, "PYTHONPATH": path}, stdout=subprocess.PIPE, text=True
    )


def killed_once_it_has_begun(play, folder, wait):
    """Kill -9 so many seconds after the first cell is there, or when it has ended."""
    process = child(play, folder)
    until = time.monotonic() + 120.0
    try:
        while len(list(folder.glob("*.piece"))) < 2 and time.monotonic() < until:
            if process.poll() is not None:
                break
            time.sleep(0.005)
        time.sleep(wait)
    finally:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    return process.returncode


def test_a_killed_race_goes_on(tmp_path):
    whole = raced().to_json()
    assert killed_once_it_has_begun(raced, tmp_path, 0.0) == -signal.SIGKILL
    assert raced(folder=tmp_path).to_json() == whole


def test_kill_9_at_twenty_random_moments(play, tmp_path):
    """Ten of a tournament and ten of a race."""
    whole, chance, killed = play().to_json(), random.Random(26), 0
    for number in range(10):
        folder = tmp_path / str(number)
        folder.mkdir()
        killed += killed_once_it_has_begun(play, folder, chance.uniform(0.0, 1.0)) != 0
        assert play(folder=folder).to_json() == whole
        shutil.rmtree(folder)
    assert killed >= 3


LITTLE = {"samples": 4096, "points": 2, "exact_points": 2, "resolution": 0.5, "key": 3}


def halving(factor=0.5):
    domain = bs.Box(initial_error=(0.2, 0.9), iterations=range(1, 3))
    claim = bs.Claim(
        name="halving",
        statement="Labels that are right half of the time halve the error.",
        formula="e_T = 2^-T e_0",
        kind="equality",
        domain=domain,
        law=lambda initial_error, iterations: factor**iterations * initial_error,
    )
    return claim, bs.Measurement(procedure=lambda: bs.boosting(labeler=bs.WeakLabeler(0.5)))


@pytest.fixture
def drawing(monkeypatch):
    """Let what looks draw be counted, and stop at the n-th."""
    draws, seen = points.draws_of, []

    def at(number=None):
        def drawn(claim, measurement, point, looks, key, look):
            if len(seen) == number:
                raise LookupError("stopped")
            seen.append(look)
            return draws(claim, measurement, point, looks, key, look)

        seen.clear()
        monkeypatch.setattr(points, "draws_of", drawn)
        return seen

    return at


def test_certificates_go_on_and_are_made_by_workers(tmp_path, client, drawing):
    claims = [halving(), "T10"]
    whole = [each.to_json() for each in bs.certify_all(claims, **LITTLE)]
    seen = drawing()
    for more in ({"folder": tmp_path / "all"}, {"scheduler": client, "folder": tmp_path / "sent"}):
        for count in (1, 0):
            seen.clear()
            found = bs.certify_all(claims, **LITTLE, **more)
            assert [each.to_json() for each in found] == whole
            assert bool(seen) == bool(count)
    assert [each.to_json() for each in bs.certify_all(claims, **LITTLE, scheduler=client)] == whole


def test_a_certificate_that_was_stopped_between_looks_goes_on_to_the_same_bits(tmp_path, drawing):
    """Whichever look it is: those before it are not drawn again; what is decided keeps no draws."""
    how = {**LITTLE, "resolution": 0.05, "samples": 2**13, "levels": "statistical"}
    how |= {"folder": tmp_path}
    whole = bs.certify(*halving(), **how | {"folder": None}).to_json()
    seen = drawing()
    assert bs.certify(*halving(), **how | {"folder": tmp_path / "whole"}).to_json() == whole
    looks = list(seen)
    assert looks.count(0) == 2
    assert max(looks) >= 3
    for number in range(len(looks)):
        folder = how | {"folder": tmp_path / str(number)}
        drawing(number)
        with pytest.raises(LookupError) as stopped:
            bs.certify(*halving(), **folder)
        assert re.search(r"In job 'point-[01]-look-\d'", str(stopped.value.__notes__))
        names = {path.stem for path in folder["folder"].glob("*.piece")}
        first = looks[1:].index(0) + 1
        done = {"point-0"} if number >= first else set()
        left = looks[first * (number >= first) : number]
        assert names == done | {f"point-{len(done)}-look-{look}" for look in left}
        drawing()
        assert bs.certify(*halving(), **folder).to_json() == whole
        assert seen == looks[number:]
        names = sorted(path.name for path in folder["folder"].glob("*.piece"))
        assert names == ["point-0.piece", "point-1.piece"]
    # A killed process may leave looks at a point that it had decided.
    shutil.copy(tmp_path / "0" / "point-0.piece", tmp_path / "0" / "point-0-look-1.piece")
    for changed in ({"samples": 2**14}, {"resolution": 0.06}, {"key": 4}):
        with pytest.raises(ValueError, match=f"begun with {next(iter(changed))}"):
            bs.certify(*halving(), **how | {"folder": tmp_path / "0"} | changed)
    assert bs.certify(*halving(), **how | {"folder": tmp_path / "0"}).to_json() == whole
    assert not (tmp_path / "0" / "point-0-look-1.piece").exists()


def test_exact_certificates_go_on_and_are_made_by_workers(tmp_path, client):
    how = {**LITTLE, "levels": "exact"}
    claims = [halving(), "T10"]
    whole = [each.to_json() for each in bs.certify_all(claims, **how)]
    for more in ({"scheduler": client}, {}):
        found = bs.certify_all(claims, **how, folder=tmp_path, **more)
        assert [each.to_json() for each in found] == whole
    assert len(list(tmp_path.glob("*/exact.piece"))) == 2


def test_another_certificate_is_refused_and_what_differs_is_named(tmp_path):
    how = {**LITTLE, "levels": "exact", "folder": tmp_path}
    bs.certify(*halving(), **how)
    for changed, words in (({"samples": 8192}, "samples 4096, not 8192"), ({"key": 4}, "key")):
        with pytest.raises(ValueError, match=f"begun with {words}"):
            bs.certify(*halving(), **{**how, **changed})
    with pytest.raises(ValueError, match=r"claim\.law\.with\[0\] 0\.5, not 0\.25"):
        bs.certify(*halving(0.25), **how)
    other = bs.Measurement(procedure=lambda: bs.boosting(labeler=bs.WeakLabeler(0.25)))
    with pytest.raises(ValueError, match=r"measurement\.procedure"):
        bs.certify(halving()[0], other, **how)
    with pytest.raises(ValueError, match="time_limit must be None with a folder"):
        bs.certify(*halving(), **how, time_limit=1.0)
