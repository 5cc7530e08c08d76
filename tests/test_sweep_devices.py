"""A sweep on many devices and of many processes: the same numbers, to the last bit."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from devices_child import exact, swept
from xarray.testing import assert_identical

import boostsim as bs
from boostsim.mode import fixed
from boostsim.sweeping import placing, running

CHILD = Path(__file__).parent / "devices_child.py"


def begun(*words, **environment):
    environment = {**os.environ, "JAX_PLATFORMS": "cpu", **environment}
    given = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    return subprocess.Popen(
        [sys.executable, str(CHILD), *map(str, words)], env=environment, **given
    )


def ended(child):
    said, _ = child.communicate(timeout=300)
    return child.returncode, said


def free_port():
    with socket.socket() as listening:
        listening.bind(("localhost", 0))
        return listening.getsockname()[1]


@pytest.mark.parametrize("sweep", [swept, exact])
def test_blocks_of_many_devices_are_those_of_one(monkeypatch, sweep):
    """On devices that are one and the same: how blocks are handed out, and put together."""
    whole = sweep()
    device = jax.local_devices()[0]
    monkeypatch.setattr(running, "devices_of", lambda devices: [device] * 3)
    assert_identical(sweep(), whole)


def test_processes_share_the_pieces(monkeypatch):
    """Every piece is of one process, and what they have together is the whole."""
    whole, got = swept(), []
    monkeypatch.setattr(running, "STEPS", 1)
    for index in (0, 1, 2):
        monkeypatch.setattr(running, "ours", lambda number, index=index: number % 3 == index)
        monkeypatch.setattr(
            "boostsim.sweeping.sweep._computed",
            lambda asked, run: got.append(_taken(run)) or _empty(asked),
        )
        swept()
    assert all(len(each) >= 1 for each in got)
    places = np.concatenate([places for each in got for places, _ in each])
    assert sorted(places) == list(range(whole.error.size))
    values = np.concatenate([arrays["error"] for each in got for _, arrays in each])
    assert np.array_equal(values, whole.error.values.ravel()[places])


def _taken(run):
    taken = []
    run(lambda places, arrays: taken.append((places, arrays)))
    return taken


def _empty(asked):
    points = int(np.prod(asked.shape))
    names = ("accuracy", "error", "coverage", "labels", "generations", "filter_calls")
    return {name: np.zeros(points) for name in names}


def test_what_goes_wrong_in_one_process_is_told_in_all():
    with fixed(double=True), pytest.raises(ValueError, match="budget"):
        placing.shared(None, "budget must be finite")


def test_eight_devices_compute_the_bits_of_one(tmp_path):
    flags = "--xla_force_host_platform_device_count=8"
    code, said = ended(begun(tmp_path / "of", XLA_FLAGS=flags))
    assert code == 0, said
    for name in ("", "exact-"):
        one = bs.load(tmp_path / f"of-{name}1.nc")
        for devices in (2, 4, 8):
            assert_identical(one, bs.load(tmp_path / f"of-{name}{devices}.nc"))
    # And those of a process that has one.
    if jax.local_device_count() == 1:
        for mine, name in ((swept(), "of-1.nc"), (exact(), "of-exact-1.nc")):
            theirs = bs.load(tmp_path / name)
            assert all(np.array_equal(mine[each], theirs[each]) for each in mine.data_vars)


def test_two_processes_compute_the_bits_of_one_and_a_lost_one_leaves_what_it_finished(tmp_path):
    folder = tmp_path / "kept"

    def pair():
        port = free_port()
        return [begun(tmp_path / f"{i}.nc", i, 2, port, folder) for i in (0, 1)]

    for child in pair():
        code, said = ended(child)
        assert code == 0, said
    whole = swept()
    for index in (0, 1):
        found = bs.load(tmp_path / f"{index}.nc")
        assert all(np.array_equal(found[name], whole[name]) for name in whole.data_vars)
    pieces = sorted(path.name for path in folder.glob("*.piece"))
    assert len(pieces) == 2
    # As if the second had been lost before its piece was whole.
    (folder / pieces[1]).unlink()
    before = (folder / pieces[0]).stat().st_mtime_ns
    assert_identical(swept(folder=folder), whole)
    assert (folder / pieces[0]).stat().st_mtime_ns == before


def test_the_page_on_hosts_says_what_is_so():
    page = " ".join((CHILD.parent.parent / "docs" / "how-to" / "hosts.md").read_text().split())
    task = bs.random_table(0, prompts=100, responses=8)
    rule = bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2))
    pieces = []

    def parts(*asked):
        pieces.append(running.part_of(*asked))
        return pieces[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("boostsim.sweeping.sweep.part_of", parts)
        how = {"visits": 100, "seeds": 2, "key": 0}
        found = bs.sweep(rule, task, 50, over={"beta": [0.1]}, **how)
    (part,), each = pieces, 8 * (len(found.data_vars) + 1)
    assert f"{each} bytes" in page
    assert f"{part.piece} points and seeds a piece" in page
    assert f"{part.piece * each:,} bytes of numbers" in page
    assert f"{32e6 * each / 1e9:.1f} GB" in page
    assert f"{32e6 * each * 8 / 1e10:.1f} s" in page
    step = 55e-6
    assert f"{1.6e7 * step:.0f} s of a core" in page
    assert "about a second" in page
    assert 0.5 < 1.6e7 * step / 64 / 16 < 1.5
    assert f"{part.piece * 50 * step:.1f} s of a core each" in page
