"""The command for a machine with an accelerator, in small, on this one."""

import json
import subprocess
import sys
from pathlib import Path


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
