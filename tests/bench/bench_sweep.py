"""A sampled sweep's speed: `make bench`. Each figure is of processes of their own.

Their processors' seconds are those of the workers that they start, too.
"""

import json
import os
import subprocess
import sys

import pytest

CHILD = """
import json, os, sys, tempfile, time
import jax, numpy as np
import boostsim as bs
points, devices, keep = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "keep"
task = bs.random_table(0, prompts=100, responses=8, solvable=0.7)
rule = bs.boosting(attempts=4, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2))
def go(many, folder=None):
    over = {"beta": np.linspace(0.05, 0.95, many)}
    bs.sweep(rule, task, 50, over=over, visits=100, seeds=32, key=0, devices=devices, folder=folder)
go(devices)
before, began = os.times(), time.perf_counter()
go(points, tempfile.mkdtemp() if keep else None)
wall, after = time.perf_counter() - began, os.times()
busy = sum(after[:4]) - sum(before[:4])
began = time.perf_counter()
bs.simulate(rule, task, 50, visits=100, seeds=32, key=0)
bs.simulate(rule, task, 50, visits=100, seeds=32, key=0)
print(json.dumps({"wall": wall, "busy": busy, "loop": (time.perf_counter() - began) / 2}))
"""


def measured(points, devices, keep="no"):
    flags = {"XLA_FLAGS": f"--xla_force_host_platform_device_count={devices}"}
    words = [sys.executable, "-c", CHILD, str(points), str(devices), keep]
    done = subprocess.run(words, env=os.environ | flags, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


@pytest.mark.parametrize("devices", [1, 2])
def test_both_cores_are_busy(benchmark, report, devices):
    points, cores = 200, len(os.sched_getaffinity(0))
    found = measured(points, devices)
    what = f"sampled sweep, {points} x 32 x 50, {devices} devices"
    micro = found["wall"] / (points * 32 * 50) * 1e6
    share = found["busy"] / found["wall"] / cores
    report(f"{what}: share of {cores} cores", share, ">=", 0.85, note=f"{micro:.1f} us a step")
    report(f"{what}: loop of simulate / sweep", found["loop"] * points / found["wall"])
    benchmark.pedantic(lambda: None, rounds=1)


def test_weak_scaling(benchmark, report):
    """Points in proportion to devices; beyond the cores there are devices share them."""
    alone = measured(20, 1)["wall"]
    for devices in (2, 4, 8):
        ratio = devices * alone / measured(20 * devices, devices)["wall"]
        report(f"sampled sweep, {devices} virtual devices: throughput / that of one", ratio)
    benchmark.pedantic(lambda: None, rounds=1)


def test_keeping_costs_little(benchmark, report):
    plain = min(measured(60, 2)["wall"] for _ in range(2))
    kept = min(measured(60, 2, "keep")["wall"] for _ in range(2))
    report("sampled sweep: kept / not kept", kept / plain, "<=", 1.03)
    benchmark.pedantic(lambda: None, rounds=1)
