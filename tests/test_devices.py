"""One program for one device and for many: eight virtual ones against one."""

import json
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

import boostsim as bs
from boostsim.commands import device
from boostsim.commands.device import STEADY, same_every_time, use_device

# Losses are means of about a hundred terms in float32, summed in another order on eight devices;
# two dozen steps of training carry that on. A wrong sum over devices is off by a factor.
TOLERANCE = 1e-4


@pytest.fixture(scope="module")
def found(tmp_path_factory):
    environment = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=8",
        "JAX_PLATFORMS": "cpu",
        "BOOSTSIM_CACHE": str(tmp_path_factory.mktemp("cache")),
    }
    script = Path(__file__).parent / "virtual_devices.py"
    done = subprocess.run(
        [sys.executable, str(script)], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def test_eight_devices_make_the_losses_of_one(found):
    assert found["count"] == 8
    assert found["copies"] == 8
    one, many = found["losses"]
    assert len(one) == 24
    assert one[-1] < 0.9 * one[0]
    assert many == pytest.approx(one, rel=TOLERANCE)
    assert found["same_tokens"] > 0.98
    assert found["log_probability"] < 1e-2


@pytest.mark.parametrize("cell", ["fresh", "exact"])
def test_seeds_and_batches_share_the_devices(found, cell):
    assert found[cell]["mesh"] == ["1", "2 x 4"]
    one, many = (np.array(loss) for loss in found[cell]["loss"])
    assert one.shape == (3, 2)
    # The first iteration starts from the very same model; by the second a token may differ.
    assert many[:, 0] == pytest.approx(one[:, 0], rel=10 * TOLERANCE)
    assert many == pytest.approx(one, rel=0.05)
    errors = np.array(found[cell]["error"])
    assert errors[1, :, 0] == pytest.approx(errors[0, :, 0], abs=1e-5)
    if cell == "exact":
        assert errors[1] == pytest.approx(errors[0], abs=1e-3)
    # Three seeds on two rows of devices: each is its own.
    assert len({tuple(row) for row in many.tolist()}) == 3


def test_the_mesh_uses_what_divides(found):
    assert found["meshes"] == {
        "8 2 64": [2, 4],
        "8 3 64": [2, 4],
        "6 2 64": [2, 2],
        "6 4 63": [3, 1],
        "8 1 7": [1, 7],
    }


def test_a_run_on_many_devices_is_resumed_to_the_same_numbers(found):
    assert found["resumed"]


def test_more_devices_than_there_are_are_refused():
    with pytest.raises(ValueError, match="devices must be at most the 1 of kind 'cpu' here; got 9"):
        bs.simulate(bs.uncurated(), bs.programs(2), 1, learner=bs.Transformer(), devices=9, key=0)


@pytest.mark.parametrize(
    ("plugin", "before", "after"),
    [
        ("xla_cuda99", None, STEADY),
        ("xla_cuda99", "--xla_dump_to=/x", f"{STEADY} --xla_dump_to=/x"),
        ("xla_rocm99", "--xla_gpu_deterministic_ops=false", "--xla_gpu_deterministic_ops=false"),
        ("other", None, None),
        (None, None, None),
    ],
)
def test_where_there_may_be_a_gpu_the_command_asks_for_the_same_numbers(
    plugin, before, after, tmp_path, monkeypatch
):
    monkeypatch.delitem(sys.modules, "jax")
    monkeypatch.delitem(sys.modules, "jax_plugins", raising=False)
    if before is None:
        monkeypatch.delenv("XLA_FLAGS", raising=False)
    else:
        monkeypatch.setenv("XLA_FLAGS", before)
    if plugin is not None:
        (tmp_path / "jax_plugins" / plugin).mkdir(parents=True)
        (tmp_path / "jax_plugins" / plugin / "__init__.py").touch()
    monkeypatch.syspath_prepend(tmp_path)
    same_every_time()
    assert os.environ.get("XLA_FLAGS") == after


def test_a_library_that_runs_already_is_left_alone(monkeypatch):
    monkeypatch.delenv("XLA_FLAGS", raising=False)
    monkeypatch.setattr(device, "_gpu_may_be_found", lambda: True)
    assert "jax" in sys.modules
    same_every_time()
    assert "XLA_FLAGS" not in os.environ


def test_the_compiler_knows_the_flag(tmp_path):
    """It ends the process where it does not know one; and on a CPU the flag changes nothing."""
    (tmp_path / "jax_plugins" / "xla_cuda99").mkdir(parents=True)
    (tmp_path / "jax_plugins" / "xla_cuda99" / "__init__.py").write_text("def initialize(): ...")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), *sys.path])}
    environment.pop("XLA_FLAGS", None)
    command = [sys.executable, "-m", "boostsim", "info", "--json"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["xla_flags"] == STEADY


def test_a_gpu_starts_while_the_rest_is_imported(monkeypatch):
    device._started()
    began = threading.Event()
    monkeypatch.setattr(device, "_started", began.set)
    monkeypatch.setattr(device, "_gpu_may_be_found", lambda: False)
    use_device(None)
    assert not began.is_set()
    monkeypatch.setattr(device, "_gpu_may_be_found", lambda: True)
    use_device(None)
    assert began.wait(60)
