"""Runs that can be killed at any moment: one file a seed, replaced whole after each iteration."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boostsim.files import Damaged, read_sealed, write_sealed
from boostsim.store import same_run

REMEDY = "Delete it, and what it held is made again from the start."
# Of a model after one iteration that a run goes on without.
WITHOUT = "Delete it: the run goes on without this model, which only a new run makes again."


def save_state(path: Path, about: dict[str, Any], arrays: dict[str, np.ndarray]) -> None:
    """Write what a run needs to go on, whole or not at all, with its digest."""
    told = np.frombuffer(json.dumps(about, sort_keys=True).encode(), np.uint8)
    archive = io.BytesIO()
    np.savez(archive, about=told, **arrays)  # type: ignore[arg-type]
    write_sealed(path, archive.getvalue(), "folder")


def load_state(
    path: Path, about: dict[str, Any], weights: Mapping[str, Any], others: Sequence[str] = ()
) -> dict[str, np.ndarray] | None:
    """Return the arrays of a run that was begun here, or None.

    Args:
        path: the file that :func:`save_state` wrote.
        about: what the run is.
        weights: by name, whatever has the shape that an array must have, all of it finite.
        others: names of arrays that must be there besides; those of what was measured, which
            begin with ``m_``, have one entry an iteration.

    Raises:
        Damaged: a ValueError, where it does not hold what was written, or not all of it.
        ValueError: where the file belongs to another run; it says what differs.
    """
    if not path.exists():
        return None
    found, arrays = read_state(path)
    same_run(path, about, found)
    check_arrays(path, arrays, weights, others)
    return arrays


def read_state(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return of what run a file says that it is, and its arrays, whatever they are.

    Raises:
        Damaged: a ValueError, where it does not hold what was written.
    """
    content = read_sealed(path, "folder", "one that holds whole files of its runs", _remedy(path))
    try:
        with np.load(io.BytesIO(content)) as file:
            arrays = {name: file[name] for name in file.files}
        return json.loads(arrays.pop("about").tobytes()), arrays
    except Exception as error:
        # With a digest that fits: it was not written by this program, or by another version.
        raise _damaged(path, f"is of another kind ({type(error).__name__})") from None


def check_arrays(
    path: Path, arrays: dict[str, np.ndarray], weights: Mapping[str, Any], others: Sequence[str]
) -> None:
    """Refuse arrays of a file that are not those of a run, see :func:`load_state`.

    Raises:
        Damaged: a ValueError, with what they lack.
    """
    if wrong := _wrong(arrays, weights, others):
        raise _damaged(path, wrong)


def _remedy(path: Path) -> str:
    return WITHOUT if "-iteration-" in path.name else REMEDY


def _damaged(path: Path, wrong: str) -> Damaged:
    told = f"folder must be one that holds whole files of its runs; {str(path)!r} {wrong}"
    return Damaged(f"{told}. {_remedy(path)}", path)


def _wrong(
    arrays: dict[str, np.ndarray], weights: Mapping[str, Any], others: Sequence[str]
) -> str | None:
    """Return what arrays lack, or None."""
    for name in (*weights, *others):
        if name not in arrays:
            return f"lacks the array {name}"
    for name, like in weights.items():
        if arrays[name].shape != like.shape:
            return f"has {name} of shape {arrays[name].shape}, not {like.shape}"
        if not np.isfinite(arrays[name]).all():
            return f"has numbers in {name} that are not finite"
    if len({len(arrays[name]) for name in others if name.startswith("m_")}) > 1:
        return "has measured some things in more iterations than others"
    return None
