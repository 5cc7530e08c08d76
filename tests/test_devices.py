"""One program for one device and for many: eight virtual ones against one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import boostsim as bs

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
