"""The trace: what a run measured, labelled, with its units and its provenance."""

from __future__ import annotations

import io
import json
import os
import platform
from collections.abc import Mapping
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from boostsim.arguments import as_path, refuse
from boostsim.files import read_sealed, write_sealed
from boostsim.mode import described
from boostsim.tasks.table import TableTask

if TYPE_CHECKING:
    import xarray

FORMAT = "boostsim-trace-1"

DESCRIPTIONS = {
    "accuracy": ("probability", "correct mass of the model, averaged over prompts with mu"),
    "error": ("probability", "wrong mass of the model, averaged over prompts with mu"),
    "coverage": ("probability", "mu{x : p(x) > 0}, share of prompts with any correct mass"),
    "diversity": ("probability", "1 - sum_y f(y|x)^2, averaged over prompts with mu"),
    "entropy": ("nats", "entropy of the model's responses, averaged over prompts with mu"),
    "pass_at_k": ("probability", "that one of k responses is right, averaged over prompts with mu"),
    "accuracy_variance": ("1", "variance between seeds of the accuracy averaged over prompts"),
    "solved": ("probability", "P(p = 1), no wrong mass, averaged over prompts with mu"),
    "lost": ("probability", "P(p = 0), no correct mass, averaged over prompts with mu"),
    "law": ("probability", "law of the accuracy of a prompt drawn from mu"),
    "accuracy_quantiles": ("probability", "quantiles of the accuracy of a prompt drawn from mu"),
    "labels": ("labels per visit", "labels bought, cumulative"),
    "ended": ("iterations", "iteration at which the run ended; NaN where it came to its most"),
    "rows": ("probability", "the model, f(y|x)"),
    "labels_by_prompt": ("labels per visit", "labels bought on each prompt, cumulative"),
    "diversity_by_prompt": ("probability", "1 - sum_y f(y|x)^2 on each prompt"),
    "generations": ("responses per visit", "responses generated, cumulative"),
    "filter_calls": ("calls per visit", "looks of the filter, cumulative"),
}

# What a trace has beside these, or a run while it goes on.
TAKEN = {
    *("seed", "iteration", "prompt", "response", "prompt_weight", "stratum", "stratum_weight"),
    *("k", "value", "quantile", "cost", "visit", "attempt", "label", "support"),
    *("visited", "judged", "invalid", "absorbed"),
}
# The last dimension, where it is neither prompts nor responses.
LAST = {"pass_at_k": "k", "law": "value", "accuracy_quantiles": "quantile"}


@cache
def _installed(name: str) -> str:
    # To look it up takes as long as much of a short run.
    return version(name)


def provenance(*, double: bool = True) -> dict[str, str]:
    """Return what the numbers were computed with.

    Args:
        double: whether numbers are float64, as on tables, or float32.
    """
    import jax
    import jaxlib.version

    from boostsim import __version__

    # How many devices there are, and what is dumped, changes no program.
    idle = ("--xla_force_host_platform_device_count", "--xla_dump")
    flags = [flag for flag in os.environ.get("XLA_FLAGS", "").split() if not flag.startswith(idle)]
    backend = jax.default_backend()
    asked = any("deterministic" in flag and not flag.endswith(("=false", "=0")) for flag in flags)
    steady = backend == "cpu" or asked
    return {
        "format": FORMAT,
        "boostsim_version": __version__,
        "jax_version": jax.__version__,
        "jaxlib_version": jaxlib.version.__version__,
        "numpy_version": np.__version__,
        "optax_version": _installed("optax"),
        "python_version": platform.python_version(),
        "backend": backend,
        "device": jax.devices()[0].device_kind,
        **described(double=double),
        "deterministic": "yes" if steady else "no",
        "xla_flags": " ".join(sorted(flags)) or "none",
    }


def make_trace(
    variables: dict[str, np.ndarray],
    prompt_weights: np.ndarray,
    attributes: dict[str, Any],
) -> xarray.Dataset:
    """Label the arrays of a run: ``[seed, iteration]``, or with a prompt dimension behind.

    Prompt-wise variables come with the coordinate ``prompt_weight`` (mu), so that
    ``trace.accuracy.weighted(trace.prompt_weight).mean("prompt")`` is the usual average. What
    statistics are is said by the attribute of that name.
    """
    import xarray

    seeds, iterations = variables["labels"].shape
    coordinates: dict[str, Any] = {
        "seed": np.arange(seeds),
        "iteration": ("iteration", np.arange(iterations), {"units": "iterations"}),
    }
    data, statistics = {}, _statistics(attributes)
    descriptions = {**DESCRIPTIONS, **statistics}
    for name, values in variables.items():
        units, text = descriptions[name]
        if name in statistics:
            _in_its_units(name, units, values)
        dims = ["seed", "iteration", "prompt", "response"][: values.ndim]
        if name in LAST:
            dims = [*dims[: values.ndim - 1], LAST[name]]
        if "prompt" in dims:
            coordinates["prompt_weight"] = ("prompt", np.array(prompt_weights), {"units": "1"})
            for average in (", averaged over prompts with mu", " averaged over prompts"):
                text = text.replace(average, ", on each prompt")
        data[name] = (dims, np.asarray(values, np.float64), {"units": units, "long_name": text})
    return xarray.Dataset(data, coordinates, {**provenance(), **attributes})


# Units, and what rows in float32 may be off.
PROBABILITY, ROUNDING = "probability", 1e-6
NEURAL_DESCRIPTIONS = {
    "accuracy": ("probability", "accuracy of one sampled response"),
    "error": ("probability", "1 - accuracy"),
    "greedy_accuracy": ("probability", "accuracy, the most probable token each time"),
    "pass_at_k": ("probability", "probability that one of k samples is right (k = 4 if not said)"),
    "entropy": ("nats", "entropy of a response: mean surprise of the samples"),
    "distinct": ("1", "share of the 4 samples of a prompt that differ"),
    "labels": DESCRIPTIONS["labels"],
    "generations": DESCRIPTIONS["generations"],
    "filter_calls": DESCRIPTIONS["filter_calls"],
    "tokens": ("tokens per visit", "tokens generated in attempts, cumulative"),
    "seconds": ("s", "wall-clock time of the iterations, cumulative"),
    "label_accuracy": ("probability", "share of right labels, this iteration"),
    "right_tokens": ("probability", "share of right tokens in the labels, this iteration"),
    "examples": ("examples", "examples made in this iteration (per visit in an exact run)"),
    "loss": ("nats per token", "mean training loss of the iteration"),
    "slack": ("probability", "total variation of the model to its training law, over prompts"),
    "slack_worst_prompt": ("probability", "the same on the worst prompt"),
    "accepted": ("1", "whether the filter accepted the response"),
    "correct": ("1", "whether the response is correct, as the verifier says"),
    "labelled": ("1", "whether the visit was labelled"),
    "label_correct": ("1", "whether the label is correct, as the verifier says"),
}
# Of visits as they were: beside those above the texts, each with its dimensions.
SHOWN_TEXTS = {
    "prompt_text": "the prompt",
    "response_text": "the response",
    "label_text": "the label",
}
SHOWN_DIMS = {
    **dict.fromkeys(("prompt_text", "labelled"), ("visit",)),
    **dict.fromkeys(("response_text", "accepted", "correct"), ("visit", "attempt")),
    **dict.fromkeys(("label_text", "label_correct"), ("visit", "label")),
}


def make_neural_trace(
    variables: dict[str, np.ndarray],
    strata: tuple[str, ...],
    stratum_weights: np.ndarray,
    attributes: dict[str, Any],
    pass_at: tuple[int, ...] = (),
) -> xarray.Dataset:
    """Label the arrays of a transformer's run: ``[seed, iteration]``, or with a stratum behind.

    The last dimension of pass_at_k is k where its values are given.

    Averages over strata are weighted as the task prompts them: the coordinate ``stratum_weight``.
    """
    import xarray

    seeds, iterations = variables["labels"].shape
    coordinates: dict[str, Any] = {
        "seed": np.arange(seeds),
        "iteration": ("iteration", np.arange(iterations), {"units": "iterations"}),
        "stratum": list(strata),
        "stratum_weight": ("stratum", np.array(stratum_weights), {"units": "1"}),
    }
    data, statistics = {}, _statistics(attributes)
    descriptions = {**NEURAL_DESCRIPTIONS, **statistics}
    for name, values in variables.items():
        if name in SHOWN_TEXTS:
            long_name = {"long_name": SHOWN_TEXTS[name]}
            data[name] = (["seed", "iteration", *SHOWN_DIMS[name]], values, long_name)
            continue
        units, text = descriptions[name.removesuffix("_by_stratum")]
        by_stratum = ["stratum"] * name.endswith("_by_stratum")
        dims = ["seed", "iteration", *by_stratum, *SHOWN_DIMS.get(name, ())]
        if pass_at and name.startswith("pass_at_k"):
            dims.append("k")
            coordinates["k"] = list(pass_at)
        if name in statistics and values.ndim > 2:
            dims.append("prompt")
        if name in statistics:
            _in_its_units(name, units, values)
        about = {"units": units, "long_name": text}
        data[name] = (dims, np.asarray(values, np.float64), about)
    return xarray.Dataset(data, coordinates, {**provenance(double=False), **attributes})


def _in_its_units(name: str, units: str, values: np.ndarray) -> None:
    """Refuse a statistic that is said to be a probability and is none."""
    if units != PROBABILITY:
        return
    bad = values[(values < -ROUNDING) | (values > 1.0 + ROUNDING)]
    if bad.size:
        allowed, hint = "in [0, 1] where its units are probability", "Give it other units."
        raise refuse(f"statistic {name!r}", allowed, float(bad[0]), hint)


def _statistics(attributes: Mapping[str, Any]) -> dict[str, tuple[str, str]]:
    """Return units and long name of the statistics that a trace says it has."""
    told = json.loads(attributes.get("statistics", "{}"))
    return {name: (each["units"], each["long_name"]) for name, each in told.items()}


TAKEN |= {*DESCRIPTIONS, *NEURAL_DESCRIPTIONS, *SHOWN_TEXTS}
# A share may leave [0, 1] by rounding: by what sums in float32 give, as a distribution may.
ROUNDING = 1e-6
# Not known where nothing was labelled, nothing trained, or nothing came true.
UNKNOWN = {
    *("ended", "label_accuracy", "right_tokens", "loss", "slack", "slack_worst_prompt"),
    *SHOWN_DIMS,
}
REMEDY = (
    "Make it again with bs.save; what a former version wrote, and is to be trusted, "
    "xarray.load_dataset reads."
)


def check_task(trace: xarray.Dataset, task: TableTask) -> None:
    """Check that a trace is a run of that task, by the hash of its arrays, which the trace has."""
    if not isinstance(task, TableTask):
        raise refuse("task", "the table task that was run", task)
    told = getattr(trace, "attrs", {}).get("task")
    if not isinstance(told, str):
        hint = "Arithmetic drops attrs: say xarray.set_options(keep_attrs=True)."
        raise refuse("trace", "one that bs.simulate returned, with its attrs", trace, hint)
    run, given = json.loads(told), task.describe()
    if run.get("sha256") != given["sha256"]:
        raise refuse("task", f"the one that was run: {told}", json.dumps(given, sort_keys=True))


def save(trace: xarray.Dataset, path: str | os.PathLike[str]) -> Path:
    """Write a trace as netCDF, whole or not at all; ``load(save(trace, path))`` is identical.

    Behind the end of the netCDF file, where its readers do not look, stands the SHA-256 of all
    before it, which :func:`load` checks; ``xarray.open_dataset`` reads the file as any other.

    Args:
        trace: what ``bs.simulate`` returned.
        path: the file, replaced where it exists; its mode is kept and a link is followed.

    Returns:
        The path.

    Raises:
        ValueError: for something that is no trace or holds what none can (an accuracy above 1,
            say), for a path that is no regular file or in a folder that cannot be written to, and
            where writing fails.

    Example:
        >>> import boostsim as bs, tempfile, pathlib
        >>> trace = bs.simulate(bs.uncurated(), bs.random_table(0, prompts=3), iterations=2)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     again = bs.load(bs.save(trace, pathlib.Path(folder) / "run.nc"))
        >>> again.identical(trace)
        True
    """
    import xarray

    if not isinstance(trace, xarray.Dataset) or trace.attrs.get("format") != FORMAT:
        raise refuse("trace", "a trace that bs.simulate returned", type(trace).__name__)
    wrong = _wrong(trace)
    if wrong:
        raise ValueError(f"trace must be one that bs.simulate returned; its {wrong}")
    # In memory first: HDF5 does not survive an error of writing to the disk.
    content = io.BytesIO()
    try:
        trace.to_netcdf(content, engine="h5netcdf")
    except (TypeError, ValueError) as error:
        raise ValueError(f"trace must be one that netCDF can hold; {error}") from None
    return write_sealed(path, content.getvalue())


def load(path: str | os.PathLike[str]) -> xarray.Dataset:
    """Read a trace that :func:`save` wrote, every bit as it was.

    The digest is checked before anything is parsed, so a file that is damaged or cut short is
    refused whatever is wrong with it. A file without one, such as a former version wrote, is
    refused too; ``xarray.load_dataset`` reads it, and :func:`save` writes it with a digest.

    Raises:
        ValueError: for a file that is missing, damaged, or not a trace of boostsim.
    """
    import xarray

    allowed = "a netCDF file that bs.save wrote"
    path = as_path("path", path)
    content = read_sealed(path, "path", allowed, REMEDY)
    try:
        trace = xarray.load_dataset(io.BytesIO(content), engine="h5netcdf")
    except Exception as error:
        raise ValueError(
            f"path must be {allowed}; got {str(path)!r}, which cannot be read "
            f"({type(error).__name__})"
        ) from None
    if trace.attrs.get("format") != FORMAT:
        found = trace.attrs.get("format", "none")
        raise ValueError(
            f"path must name a trace of format {FORMAT}; got {str(path)!r}, whose format is {found}"
        )
    wrong = _wrong(trace)
    if wrong:
        raise ValueError(f"path must be {allowed}; got {str(path)!r}, whose {wrong}")
    return trace


def _wrong(trace: xarray.Dataset) -> str | None:
    """Return what in a trace no run can have measured, or None; variables of others may be any."""
    weights = dict.fromkeys(("prompt_weight", "stratum_weight"), ("probability", ""))
    known = {**weights, **NEURAL_DESCRIPTIONS, **DESCRIPTIONS, "cost": ("currency", "")}
    for name, variable in trace.variables.items():
        plain = str(name).removesuffix("_by_stratum")
        if plain not in known:
            continue
        if variable.dtype.kind != "f":
            return f"{name} must be of floating-point numbers; got {variable.dtype}"
        share = known[plain][0] == "probability" or plain in {"distinct", *SHOWN_DIMS}
        values, high = variable.values, 1.0 + ROUNDING if share else np.finfo(np.float64).max
        good = (values >= -ROUNDING) & (values <= high)
        if plain in UNKNOWN:
            good |= np.isnan(values)
        if not good.all():
            allowed = "in [0, 1]" if share else "finite and at least 0"
            return f"{name} must be {allowed}; got {float(values[~good].flat[0])!r}"
    iteration = np.atleast_1d(trace.variables.get("iteration", 0))
    if iteration.dtype.kind not in "iu" or (iteration < 0).any() or (np.diff(iteration) <= 0).any():
        return "iterations must be whole numbers that rise"
    return None
