"""The trace: labels, units, provenance, and files that are whole or absent."""

import os
import stat

import h5py
import numpy as np
import pytest

import boostsim as bs
from boostsim.files import write_whole

TASK = bs.random_table(0, prompts=6)
PROCEDURE = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))


def trace(**changes):
    return bs.simulate(PROCEDURE, TASK, 4, visits=3, seeds=2, key=1, **changes)


def test_a_trace_is_labelled():
    found = trace()
    assert dict(found.sizes) == {"seed": 2, "iteration": 5}
    names = ["accuracy", "coverage", "error", "filter_calls", "generations", "labels"]
    assert sorted(found.data_vars) == names
    for variable in found.data_vars.values():
        assert variable.dtype == np.float64
        assert type(variable.data) is np.ndarray
        assert variable.attrs["units"]
        assert variable.attrs["long_name"]
        assert np.isfinite(variable).all()
    for name in ("accuracy", "error", "coverage"):
        assert (found[name] >= 0).all()
        assert (found[name] <= 1).all()
    assert (found.accuracy + found.error).values == pytest.approx(1.0)
    for name in ("labels", "generations", "filter_calls"):
        assert (found[name].values[:, 0] == 0).all()
        assert (np.diff(found[name].values, axis=1) >= 0).all()
    assert {"boostsim_version", "jax_version", "procedure", "task", "key"} <= set(found.attrs)
    assert "NoisyFilter" in found.attrs["procedure"]
    assert TASK.fingerprint in found.attrs["task"]


def test_prompts_and_diversity_on_request():
    found = bs.simulate(PROCEDURE, TASK, 4, record=("prompt", "diversity"))
    assert found.accuracy.dims == ("seed", "iteration", "prompt")
    average = found.accuracy.weighted(found.prompt_weight).mean("prompt")
    plain = bs.simulate(PROCEDURE, TASK, 4)
    assert average.values == pytest.approx(plain.accuracy.values, rel=1e-14)
    assert found.diversity.dims == ("seed", "iteration")
    assert found.diversity.values[0, 0] == pytest.approx((1 - (TASK.initial**2).sum(1)).mean())


def test_no_iterations_is_the_first_model():
    found = bs.simulate(PROCEDURE, TASK, 0)
    assert found.sizes["iteration"] == 1
    assert found.accuracy.values[0, 0] == pytest.approx((TASK.initial * TASK.quality).sum(1).mean())


def test_long_runs_are_one_run():
    """Blocks of iterations are an implementation detail."""
    from boostsim.simulation import run

    whole = bs.simulate(PROCEDURE, TASK, 300)
    assert whole.sizes["iteration"] == 301
    assert run.BLOCK < 300
    part = bs.simulate(PROCEDURE, TASK, run.BLOCK + 1)
    assert (whole.error.values[:, : run.BLOCK + 2] == part.error.values).all()
    sampled = bs.simulate(PROCEDURE, TASK, run.BLOCK + 3, visits=3, key=0)
    start = bs.simulate(PROCEDURE, TASK, run.BLOCK, visits=3, key=0)
    assert (sampled.error.values[:, : run.BLOCK + 1] == start.error.values).all()


@pytest.mark.parametrize("record", [(), ("prompt",)])
def test_save_and_load_are_identical(tmp_path, record):
    found = trace(record=record)
    path = bs.save(found, tmp_path / "run.nc")
    again = bs.load(path)
    assert again.identical(found)
    assert again.attrs == found.attrs
    for name in found.data_vars:
        assert again[name].dtype == found[name].dtype
    bs.save(bs.simulate(PROCEDURE, TASK, 1), path)
    assert bs.load(path).sizes["iteration"] == 2
    assert os.listdir(tmp_path) == ["run.nc"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_files_that_are_no_traces_are_refused(tmp_path):
    missing = tmp_path / "none.nc"
    with pytest.raises(ValueError, match=r"existing file.*none\.nc"):
        bs.load(missing)
    corrupt = tmp_path / "corrupt.nc"
    whole = bs.save(trace(), tmp_path / "whole.nc").read_bytes()
    for text in (b"", b"not a file of this kind", whole[: len(whole) // 2]):
        corrupt.write_bytes(text)
        with pytest.raises(ValueError, match=r"path must name a netCDF.*corrupt\.nc"):
            bs.load(corrupt)
    foreign = tmp_path / "foreign.nc"
    with h5py.File(foreign, "w") as file:
        file["x"] = np.arange(3)
    with pytest.raises(ValueError, match="foreign"):
        bs.load(foreign)
    with pytest.raises(ValueError, match="trace must be"):
        bs.save({"accuracy": 1}, tmp_path / "x.nc")
    with pytest.raises(ValueError, match="folder"):
        bs.save(trace(), tmp_path / "no" / "such" / "x.nc")
    with pytest.raises(ValueError, match="folder"):
        bs.save(trace(), tmp_path)


def test_a_write_that_fails_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")

    def half(file):
        file.write_text("half")
        raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_whole(path, half)
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["kept.txt"]
