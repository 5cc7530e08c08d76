"""A run of every kind, recorded: ``python tests/recorded.py`` writes what test_recorded holds."""

import json
import platform
import tempfile
from pathlib import Path

import jax
import numpy as np
import pytest

import boostsim as bs

PATH = Path(__file__).with_suffix(".json")
WEAK, NOISY = bs.WeakLabeler(0.3), bs.NoisyFilter(0.1)
SHARP = bs.Sharpening(temperature=0.7, top_p=0.9)
DRIFTING = bs.DriftingLabeler(0.6, later=bs.WeakLabeler(0.1), between=(1, 4))
SLACK = bs.StrongLearner(slack=0.05)
# Name: the procedure, then how it is simulated.
TABLES = {
    "exact": (bs.boosting(attempts=3, filter=NOISY, labeler=WEAK), {}),
    "exact, budget by iteration": (
        bs.boosting(attempts=2, filter=NOISY, labeler=WEAK, budget=[0.2, 0.1, 0.0, 0.3, 0.1]),
        {"record": ("diversity", "prompt")},
    ),
    "exact, accumulate": (
        bs.filter_only(attempts=2, filter=NOISY, regime="accumulate", learner=SLACK),
        {"record": "diversity"},
    ),
    "exact, anchor, drifting": (
        bs.boosting(labeler=DRIFTING, filter=NOISY, regime="anchor", real_share=0.2),
        {},
    ),
    "exact, answers persist": (
        bs.boosting(filter=NOISY, labeler=bs.WeakLabeler(0.3, persistent=True), attempts=2),
        {},
    ),
    "exact, verdicts persist": (
        bs.boosting(filter=bs.NoisyFilter(0.2, persistent=True), labeler=WEAK),
        {"key": 3, "seeds": 2},
    ),
    "exact, sharpened": (
        bs.uncurated(attempts=2, sharpening=SHARP),
        {"record": ("entropy", "rows")},
    ),
    "exact, difficulty": (
        bs.boosting(attempts=4, labeler=WEAK, criterion=bs.criteria.difficulty(0.3), budget=0.1),
        {},
    ),
    "exact, memory": (
        bs.boosting(
            attempts=3, filter=NOISY, labeler=WEAK, budget=0.1, criterion=bs.criteria.thompson()
        ),
        {"key": 5},
    ),
    "exact, disagreement": (
        bs.boosting(attempts=2, labeler=WEAK, budget=0.2, criterion=bs.criteria.disagreement),
        {},
    ),
    "sampled, few": (
        bs.boosting(attempts=4, filter=NOISY, labeler=WEAK),
        {"visits": 3, "seeds": 2, "key": 1, "record": ("diversity", "prompt")},
    ),
    "sampled, many": (
        bs.random_labels(rate=0.1, attempts=2, filter=NOISY, labeler=WEAK, keep="all"),
        {"visits": 100, "seeds": 2, "key": 2},
    ),
    "sampled, some prompts, accumulate": (
        bs.boosting(attempts=2, filter=NOISY, labeler=WEAK, budget=0.2, regime="accumulate"),
        {"visits": 20, "visited_share": 0.5, "key": 4, "record": "diversity"},
    ),
    "sampled, memory": (
        bs.boosting(
            attempts=3,
            filter=bs.NoisyFilter(false_accept=0.05, false_reject=0.2, votes=3),
            labeler=bs.WeakLabeler(0.3, wrong="concentrated"),
            budget=0.1,
            criterion=bs.criteria.upper_confidence(),
        ),
        {"visits": 10, "key": 6},
    ),
    "sampled, all persists": (
        bs.boosting(
            attempts=2,
            filter=bs.NoisyFilter(0.2, persistent=True),
            labeler=bs.WeakLabeler(0.3, persistent=True),
            learner=SLACK,
        ),
        {"visits": 5, "key": 7, "seeds": 2},
    ),
    "labels only, hardest": (
        bs.Procedure(
            attempts=3, filter=NOISY, labeler=WEAK, criterion=bs.criteria.hardest(0.2), budget=0.1
        ),
        {"visits": 30, "key": 8},
    ),
}
SMALL, LISTED = bs.Transformer(width=16, heads=2, layers=1, steps=8, batch=16), bs.lookup(16, 4)
TOKENS = {
    "tokens, exact": {"exact": True},
    "tokens, visits": {"visits": 2},
    "tokens, fresh": {"prompts_per_iteration": 16},
}


def run(name):
    """Return the trace of this name."""
    if name in TABLES:
        procedure, how = TABLES[name]
        return bs.simulate(
            procedure, bs.random_table(11, prompts=30, responses=5, solvable=0.6), 5, **how
        )
    procedure = bs.boosting(attempts=2, filter=NOISY, labeler=bs.WeakLabeler(0.5), budget=0.3)
    with pytest.MonkeyPatch.context() as patch, tempfile.TemporaryDirectory() as empty:
        # A first model that the user's cache has may be another code's.
        patch.setenv("BOOSTSIM_CACHE", empty)
        return bs.simulate(procedure, LISTED, 2, learner=SMALL, key=9, **TOKENS[name])


def processor():
    """Name what compiles to other instructions, and so to other last bits."""
    found = [line for line in _cpuinfo() if line.startswith(("flags", "Features"))]
    return f"{platform.machine()} {sorted(set(found[0].split()))}" if found else "unknown"


def _cpuinfo():
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def here():
    """Return what a number's last bits depend on."""
    return {"jax": jax.__version__, "numpy": np.__version__, "processor": processor()}


def plain(trace):
    """Return a trace's numbers: each array's sum, last entries, and its bits in short."""
    told = {}
    for name, values in trace.data_vars.items():
        if name == "seconds":
            continue
        array = np.asarray(values.values)
        told[name] = {
            "sum": float(np.nansum(array)),
            "last": [float(x) if np.isfinite(x) else None for x in array.ravel()[-3:]],
            "bits": _bits(array),
        }
    return told


def _bits(array):
    from hashlib import sha256

    return sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:16]


if __name__ == "__main__":
    record = {"here": here(), "runs": {name: plain(run(name)) for name in (*TABLES, *TOKENS)}}
    PATH.write_text(json.dumps(record, indent=1))
