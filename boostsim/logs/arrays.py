"""The arrays that logs are made of: checked and copied, or refused by name."""

from __future__ import annotations

from typing import Any

import numpy as np

from boostsim.arguments import refuse, shape_of


def array(name: str, got: Any, kinds: str, dtype: Any, shape: tuple[int, ...] | None) -> np.ndarray:
    """Return a copy of an array of some kinds of numbers and of a shape (None: any length)."""
    try:
        given = np.asarray(got)
    except Exception:
        raise refuse(name, "an array", got) from None
    if given.dtype.kind not in kinds:
        allowed = {"b": "truth values", "f": "floats", "iu": "whole numbers"}[kinds]
        raise refuse(name, f"an array of {allowed}", got)
    if given.shape != shape if shape is not None else given.ndim != 1 or not given.size:
        wanted = f"shape {shape}" if shape is not None else "one dimension and not empty"
        raise refuse(name, f"an array of {wanted}", shape_of(given))
    # What nobody can write to needs no copy.
    own = given.flags.owndata and not given.flags.writeable
    return given.astype(dtype, copy=not own)


def whole_numbers(
    name: str,
    got: Any,
    dtype: Any,
    shape: tuple[int, ...] | None = None,
    low: int = -(2**53),
    high: int = 2**53,
) -> np.ndarray:
    """Return a copy of an array of whole numbers in [low, high]."""
    given = array(name, got, "iu", np.int64, shape)
    bad = given[(given < low) | (given > high)]
    if bad.size:
        raise refuse(name, f"whole numbers in [{low}, {high}]", int(bad.flat[0]))
    return given.astype(dtype, copy=False)


def index(name: str, got: Any, shape: tuple[int, ...], length: int, low: int = 0) -> np.ndarray:
    """Return a copy of an array of indices into something of a length."""
    return whole_numbers(name, got, np.int32, shape, low, length - 1)


def names(name: str, got: Any) -> np.ndarray:
    """Return names, each once, as an array of objects: text and whole numbers."""
    given = [got] if isinstance(got, str) else got
    try:
        held = given.tolist() if isinstance(given, np.ndarray) else list(given)
    except TypeError:
        raise refuse(name, "an array of names", got) from None
    for each in held:
        if type(each) not in (str, int):
            raise refuse(name, "text or whole numbers", each)
    if not held or len(set(held)) < len(held):
        raise refuse(name, "names, each once, at least one", got)
    kept = np.empty(len(held), object)
    kept[:] = held
    return kept
