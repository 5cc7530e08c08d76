"""Whether a folder's arrays are those of a run in tokens."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from boostsim.files import Damaged
from boostsim.store import ALLOWED


def check_arrays(
    path: Path, arrays: Mapping[str, np.ndarray], weights: Mapping[str, Any], others: Sequence[str]
) -> None:
    """Refuse arrays that are not those of a run, though they are what was written.

    Args:
        path: their file.
        arrays: by name.
        weights: by name, whatever has the shape that an array must have, all of it finite.
        others: names of arrays that must be there besides; those of what was measured, which
            begin with ``m_``, have one entry an iteration.

    Raises:
        Damaged: a ValueError, with what they lack.
    """
    if wrong := _wrong(arrays, weights, others):
        remedy = "Delete it, and what it held is made again from the start."
        raise Damaged(f"folder must be {ALLOWED}; {str(path)!r} {wrong}. {remedy}", path)


def _wrong(
    arrays: Mapping[str, np.ndarray], weights: Mapping[str, Any], others: Sequence[str]
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
