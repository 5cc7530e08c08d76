"""The trace: labels, units, provenance, and files that are whole or absent."""

import os
import stat

import h5py
import numpy as np
import pytest
import xarray

import boostsim as bs
from boostsim import results
from boostsim.files import write_sealed
from boostsim.simulation.tables import loop
from boostsim.simulation.tables.iterating import FEW

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
    for how in ({}, {"visits": 3, "key": 0}):
        # Of two blocks of one length, of a block and one that is shorter, and of the first alone.
        whole, part, start = (
            bs.simulate(PROCEDURE, TASK, iterations, **how)
            for iterations in (loop.BLOCK + 2, loop.BLOCK + 1, loop.BLOCK // 2 + 1)
        )
        assert whole.sizes["iteration"] == loop.BLOCK + 3
        for other in (part, start):
            assert (whole.error.values[:, : other.sizes["iteration"]] == other.error.values).all()


def test_a_long_run_is_one_program(monkeypatch):
    """Its last block is shorter, and has the same room."""
    rooms, proceed = [], loop.proceed

    def watched(structure, wanted, room, *rest):
        rooms.append((room, rest[4]))
        return proceed(structure, wanted, room, *rest)

    monkeypatch.setattr(loop, "proceed", watched)
    bs.simulate(PROCEDURE, TASK, 2 * loop.BLOCK + 1)
    assert rooms == [(loop.BLOCK, loop.BLOCK)] * 2 + [(loop.BLOCK, 1)]
    rooms.clear()
    bs.simulate(PROCEDURE, TASK, 20, until=bs.Until(error=0.0))
    assert rooms == [(FEW, loop.FEW_AHEAD), (FEW, 4)]


@pytest.mark.parametrize("record", [(), ("prompt", "entropy")])
def test_save_and_load_are_identical(tmp_path, record):
    found = trace(record=record)
    path = bs.save(found, tmp_path / "run.nc")
    again = bs.load(path)
    assert again.identical(found)
    assert again.attrs == found.attrs
    for name in found.data_vars:
        assert again[name].dtype == found[name].dtype
    bs.save(found.isel(iteration=slice(2)), path)
    assert bs.load(path).sizes["iteration"] == 2
    assert os.listdir(tmp_path) == ["run.nc"]
    mask = os.umask(0)
    os.umask(mask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~mask


def test_other_programs_read_what_is_saved(tmp_path):
    """The digest stands behind the end of the netCDF file, where nobody else looks."""
    found = trace()
    path = bs.save(found, tmp_path / "run.nc")
    assert xarray.load_dataset(path).identical(found)
    with xarray.open_dataset(path) as lazy:
        assert lazy.accuracy.values.tolist() == found.accuracy.values.tolist()
    with h5py.File(path) as file:
        assert file["error"][:].tolist() == found.error.values.tolist()


def damages(whole, draw):
    """Single bits flipped at ``draw`` places, and as many files cut short or too long."""
    rng = np.random.default_rng(0)
    for place in rng.integers(8 * len(whole), size=draw):
        flipped = bytearray(whole)
        flipped[place // 8] ^= 1 << place % 8
        yield bytes(flipped)
    for length in rng.integers(len(whole), size=draw):
        yield whole[:length]
        yield whole + whole[:length]


@pytest.mark.parametrize(("prompts", "draw"), [(6, 200), (4000, 20)])
def test_no_damaged_trace_is_read(tmp_path, monkeypatch, prompts, draw):
    """None reaches HDF5, which loops for ever on some."""
    found = bs.simulate(PROCEDURE, bs.random_table(0, prompts=prompts), 4, record="prompt")
    path = bs.save(found, tmp_path / "run.nc")
    whole = path.read_bytes()

    def parsed(*_, **__):
        raise AssertionError("damaged bytes were parsed")

    monkeypatch.setattr(xarray, "load_dataset", parsed)
    for damaged in damages(whole, draw):
        path.write_bytes(damaged)
        with pytest.raises(ValueError, match=r"path must be a netCDF.*run\.nc.*bs\.save") as told:
            bs.load(path)
        assert "\n" not in str(told.value)


def test_a_trace_of_the_former_version_is_refused_with_the_way_to_keep_it(tmp_path):
    found, path = trace(), tmp_path / "run.nc"
    found.to_netcdf(path, engine="h5netcdf")
    with pytest.raises(ValueError, match=r"no digest at its end.*xarray\.load_dataset"):
        bs.load(path)
    assert bs.load(bs.save(xarray.load_dataset(path), path)).identical(found)


def test_numbers_that_no_run_measures_are_neither_saved_nor_loaded(tmp_path, monkeypatch):
    good = bs.priced(trace(record=("prompt", "entropy")), bs.Prices())
    path = tmp_path / "run.nc"
    bads = {
        "accuracy": (1.0625, -0.5, np.nan),
        "coverage": (1.5, np.inf),
        "prompt_weight": (2.0, np.nan),
        "labels": (-1.0, np.nan),
        "entropy": (-0.1, np.inf),
        "cost": (-1.0, np.nan),
    }
    for name, values in bads.items():
        for value in values:
            bad = good.copy(deep=True)
            bad[name].values.flat[-1] = value
            with pytest.raises(ValueError, match=f"trace must be .*{name} must be .*; got {value}"):
                bs.save(bad, path)
        with monkeypatch.context() as unchecked:
            unchecked.setattr(results, "_wrong", lambda trace: None)
            bs.save(bad, path)
        with pytest.raises(ValueError, match=f"path must be .*{name} must be .*; got {value}"):
            bs.load(path)
    for bad in (
        good.assign_coords(iteration=-good.iteration),
        good.assign_coords(iteration=good.iteration / 2),
        good.assign(labels=good.labels.astype(int)),
    ):
        with pytest.raises(ValueError, match=r"trace must be one .*; its"):
            bs.save(bad, path)
    with pytest.raises(ValueError, match="trace must be one that netCDF can hold"):
        bs.save(good.assign_attrs(odd={"a": [object()]}), path)


def test_parts_of_traces_and_more_than_traces_are_kept(tmp_path):
    """Rounding, a selection, an average, variables of one's own."""
    found = trace()
    over = found.copy(deep=True)
    over.accuracy.values[0, 0] = 1.0 + 4e-16
    for kept in (
        over,
        found.isel(seed=0),
        found.isel(iteration=-1),
        found.mean("seed", keep_attrs=True),
        found.assign(mine=found.error * -7.0),
        xarray.concat([found, found], "rule", combine_attrs="override"),
    ):
        assert bs.load(bs.save(kept, tmp_path / "run.nc")).identical(kept)


def test_files_that_are_no_traces_are_refused(tmp_path):
    missing = tmp_path / "none.nc"
    with pytest.raises(ValueError, match=r"existing file.*none\.nc"):
        bs.load(missing)
    corrupt = tmp_path / "corrupt.nc"
    whole = bs.save(trace(), tmp_path / "whole.nc").read_bytes()
    for text in (b"", b"not a file of this kind", whole[: len(whole) // 2]):
        corrupt.write_bytes(text)
        with pytest.raises(ValueError, match=r"path must be a netCDF.*corrupt\.nc"):
            bs.load(corrupt)
    write_sealed(corrupt, b"a digest alone makes no trace")
    with pytest.raises(ValueError, match=r"path must be a netCDF.*corrupt\.nc"):
        bs.load(corrupt)
    foreign = tmp_path / "foreign.nc"
    with h5py.File(foreign, "w") as file:
        file["x"] = np.arange(3)
    with pytest.raises(ValueError, match="foreign"):
        bs.load(foreign)
    write_sealed(foreign, foreign.read_bytes())
    with pytest.raises(ValueError, match=r"foreign\.nc"):
        bs.load(foreign)
    with pytest.raises(ValueError, match="trace must be"):
        bs.save({"accuracy": 1}, tmp_path / "x.nc")
    with pytest.raises(ValueError, match="folder"):
        bs.save(trace(), tmp_path / "no" / "such" / "x.nc")
    with pytest.raises(ValueError, match="folder"):
        bs.save(trace(), tmp_path)
