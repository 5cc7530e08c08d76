"""How long certificates, proofs and attacks take: `make bench`."""

import os
import subprocess
import sys
import time
from pathlib import Path

import boostsim as bs

sys.path.insert(0, str(Path(__file__).parents[1]))

from falsehoods import FALSEHOODS

THEOREMS = [f"T{number}" for number in range(1, 16)]
NEIGHBOURS = ["Shumailov", "Gerstgrasser", "Seddik", "Ferbach", "Feng"]


def seconds(cache, *words):
    began = time.perf_counter()
    environment = {**os.environ, "BOOSTSIM_CACHE": str(cache)}
    done = subprocess.run(
        [sys.executable, "-m", "boostsim.cli", *words],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return time.perf_counter() - began


def test_certify_all(report, benchmark, tmp_path):
    """From nothing cached: compilation is most of what is exact."""
    first = seconds(tmp_path, "certify", *THEOREMS)
    # Without T16 and T17, fifteen claims, it is 90.
    report("certify T1 to T17 at 0.999, seconds, nothing cached", first, "<=", 160)
    report("certify, second run / first", seconds(tmp_path, "certify", *THEOREMS) / first, "<=", 1)
    report("certify neighbours, seconds", seconds(tmp_path, "certify", *NEIGHBOURS), "<=", 30)
    benchmark.pedantic(lambda: None, rounds=1)


def test_prove_all(report, benchmark, tmp_path):
    report(
        "prove every statement, the command's start included, seconds",
        seconds(tmp_path, "prove"),
        "<=",
        10,
    )
    benchmark.pedantic(lambda: None, rounds=1)


def test_planted_falsehoods(report, benchmark):
    """Each is to be found in ten seconds, its programs compiled from nothing."""
    worst = 0.0
    for claim, measurement in FALSEHOODS.values():
        found = bs.falsify(claim, measurement)
        assert found, found.summary()
        worst = max(worst, found.seconds)
    report("a planted falsehood found, seconds, the slowest", worst, "<=", 10)
    benchmark.pedantic(lambda: None, rounds=1)
