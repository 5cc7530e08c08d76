"""The command for a machine with an accelerator, in small, on this one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


def test_make_accelerator_runs_on_any_machine(tmp_path):
    script = Path(__file__).parent / "bench" / "accelerator.py"
    command = [sys.executable, str(script), "--scale", "smoke", "--out", str(tmp_path / "a.json")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    found = json.loads((tmp_path / "a.json").read_text())
    assert found["scale"] == "smoke"
    assert {"backend", "device", "jax_version", "date"} <= set(found)
    values = {row["what"]: row["value"] for row in found["rows"]}
    assert values["the same bits in both"] == 1
    assert values["tests failed"] == 0
    assert values["figures drawn"] == 1
    assert all(value is not None for value in values.values())


def test_the_document_says_what_was_measured_by_parts():
    file = ROOT / "figures" / "full" / "accelerator-parts.json"
    values = {row["what"]: row["value"] for row in json.loads(file.read_text())["rows"]}
    told = (ROOT / "docs" / "how-to" / "task.md").read_text()
    (told,) = (part for part in told.split("\n\n") if file.name in part)
    steps = [value for what, value in values.items() if what.endswith("the program")]
    before = [value for what, value in values.items() if what.endswith("the program, before")]
    assert [round(value, 2) for value in steps[:2]] == [0.40, 1.23]
    assert "0.40, 1.23 and 25.3 ms" in told
    assert round(steps[2], 1) == 25.3
    assert "(0.39, 1.56 and 31.2 before)" in told
    assert [round(value, digits) for value, digits in zip(before, (2, 2, 1), strict=True)] == [
        0.39,
        1.56,
        31.2,
    ]
    call = "training, width 64, 2 layers, 128 x 32: a call of 64 steps"
    assert f"{values[call]:.2f} ms at d = 64" in " ".join(told.split())
    ours, theirs = (
        values[f"sampling, width 256, 4 layers, 16384 x (16 + 16): {whose}"]
        for whose in ("ours", "Hugging Face")
    )
    assert f"{ours:.1f} million tokens a second, {ours / theirs:.1f} times" in told
    assert f"{values['a run, cold']:.1f} s" in told
    assert values["cold runs that printed the same table"] == 4


def test_the_document_says_what_was_measured():
    rows = json.loads((ROOT / "figures" / "full" / "accelerator.json").read_text())["rows"]
    measured = [row["value"] for row in rows if row["what"].startswith(("training", "sampling"))]
    told = (ROOT / "docs" / "how-to" / "task.md").read_text().splitlines()
    lines = [line for line in told if line.startswith(("| training", "| sampling"))]
    assert 2 * len(lines) == len(measured) == 10
    for line, one, other in zip(lines, measured[::2], measured[1::2], strict=True):
        # Two digits are told.
        ours, theirs, ratio = map(float, line.strip("|").split("|")[1:])
        assert [ours, theirs] == pytest.approx([one, other], rel=0.02)
        assert ratio == pytest.approx(max(one, other) / min(one, other), rel=0.02)
    values = {row["what"]: row["value"] for row in rows}
    assert values["the same bits in both"] == 1.0
    for said, what in (("17 s", "a run, cold"), ("8 s", "a run, warm")):
        assert said == f"{values[what]:.0f} s"
        assert said in "\n".join(told)
    assert round(values["table 100000 x 64, exact: an iteration more"], 2) == 0.87
    assert round(values["product of 8192 x 8192 in bfloat16"]) == 685
