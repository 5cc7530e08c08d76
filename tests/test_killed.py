"""kill -9 at random moments, again and again in one folder: what comes out is that of one go."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from test_endurance import RULE, TABLE, a_table, a_transformer
from xarray.testing import assert_identical

import boostsim as bs
from boostsim import cli
from boostsim.files import read_sealed
from boostsim.sweeping import running

KILLS = 20


def a_sweep(folder):
    """Exact, of the two numbers of attempts a program each; a piece is one block."""
    over = {"beta": np.linspace(0.0, 1.0, 20_000), "attempts": [1, 2]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(running, "STEPS", 1)
        return bs.sweep(RULE, TABLE, 20, over=over, folder=folder)


def figures(folder):
    """Two figures, drawn in processes of their own; their files but the record and the page."""
    line = ["reproduce", "convergence", "sharpening", "--scale", "smoke", "--folder", str(folder)]
    assert cli.main(line) == 0
    return {
        path.name: path.read_bytes() for path in folder.iterdir() if path.suffix in (".csv", ".png")
    }


WORKS = {
    "table": lambda folder: a_table(folder, 800),
    "transformer": lambda folder: a_transformer(folder, 12),
    "sweep": a_sweep,
    "figures": figures,
}
SCRIPT = """
import sys
from pathlib import Path
from test_killed import WORKS
print("ready", flush=True)
WORKS[sys.argv[1]](Path(sys.argv[2]))
"""


@contextlib.contextmanager
def begun(name, folder):
    """A process that does a work in a folder, and that is killed when the block ends."""
    paths = os.pathsep.join([str(Path(bs.__file__).parents[1]), os.path.dirname(__file__)])
    child = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, name, str(folder)],
        env={**os.environ, "PYTHONPATH": paths},
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    try:
        assert child.stdout.readline() == "ready\n"
        yield child
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait()
        child.stdout.close()


@pytest.mark.parametrize("name", WORKS)
def test_killed_at_random_moments_it_goes_on_to_the_same(name, tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    run, rng, killed, spoilt = WORKS[name], np.random.default_rng(0), 0, 0
    with begun(name, tmp_path / "whole") as child:
        began = time.monotonic()
        assert child.wait() == 0
        span = time.monotonic() - began
    want = run(tmp_path / "whole")
    for number in range(3 * KILLS):
        folder = tmp_path / f"killed-{spoilt}"
        with begun(name, folder) as child, contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(timeout=rng.uniform(0.0, span))
        done = child.returncode == 0
        killed += not done
        assert child.returncode in (0, -signal.SIGKILL), number
        for path in folder.glob("*.piece"):
            read_sealed(path, "path", "whole", "")
        if done or killed == KILLS:
            spoilt += 1
            found = run(folder)
            if name == "figures":
                assert found == want
            else:
                assert_identical(found, want)
        if killed == KILLS:
            return
    raise AssertionError(f"only {killed} were killed before they ended")
