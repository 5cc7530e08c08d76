"""Shared vocabulary, and the one way in which bad input is refused.

Every check raises a ``ValueError`` that names the argument, what is allowed and what it got, so
that no mistake of a caller surfaces as a traceback from inside a compiled program.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any, Protocol

import jax
import numpy as np
from jaxtyping import Array

__all__ = [
    "END",
    "PAD",
    "Array",
    "Filter",
    "as_key",
    "choice",
    "distribution",
    "finite",
    "flag",
    "generator",
    "key_text",
    "needed_key",
    "probability",
    "refuse",
    "schedule",
    "unknown",
    "whole",
]

# A longer list of names is cut where an error tells it.
MOST_NAMES = 30


# The first two symbols of every vocabulary: padding, and the end of a response.
PAD, END = 0, 1


class Filter(Protocol):
    """What a procedure asks of a filter: both verdicts on both classes of response.

    All four are probabilities. They are kept side by side, never as one minus the other, so that a
    false-accept rate of 1e-200 survives.
    """

    @property
    def accept(self) -> tuple[float, float]:
        """Probability to accept a (correct, wrong) response."""

    @property
    def reject(self) -> tuple[float, float]:
        """Probability to reject a (correct, wrong) response."""

    @property
    def looks(self) -> int:
        """Filter calls a response costs: the votes, or none where the verdict needs no look."""

    @property
    def generates(self) -> bool:
        """Whether responses are needed: false where every one is rejected unseen."""

    @property
    def persistent(self) -> bool:
        """Whether a pair of prompt and response has one verdict for ever."""


def refuse(name: str, allowed: str, got: Any, hint: str = "") -> ValueError:
    """Build the error for a bad argument: ``raise refuse("gamma", "a probability", got)``."""
    shown = repr(got)
    if len(shown) > 80:
        shown = f"{shown[:77]}..."
    shown = " ".join(shown.split())
    return ValueError(f"{name} must be {allowed}; got {shown}" + (f". {hint}" if hint else ""))


def unknown(kind: str, got: str, allowed: Iterable[str]) -> ValueError:
    """Build the error for an unknown name, with the nearest known one."""
    names = sorted(allowed)
    shown = ", ".join(names)
    if len(names) > MOST_NAMES:
        shown = ", ".join(names[:8]) + f" and {len(names) - 8} more"
    close = difflib.get_close_matches(str(got), names, n=1, cutoff=0.5)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    return ValueError(f"{kind} must be one of {shown}; got {got!r}.{meant}")


def choice(name: str, got: str, allowed: Iterable[str]) -> str:
    """Return ``got`` when it is one of the allowed words."""
    allowed = list(allowed)
    if not isinstance(got, str) or got not in allowed:
        raise unknown(name, got, allowed)
    return got


def flag(name: str, got: Any) -> bool:
    """Return ``got`` when it is true or false, and nothing that merely counts as such."""
    if not isinstance(got, (bool, np.bool_)):
        raise refuse(name, "True or False", got)
    return bool(got)


def finite(name: str, got: Any, low: float = -np.inf, high: float = np.inf) -> float:
    """Return a finite real number in [low, high] as a float."""
    allowed = "a finite number"
    if np.isfinite(low) and np.isfinite(high):
        allowed = f"a number in [{low:g}, {high:g}]"
    elif np.isfinite(low):
        allowed = f"a finite number of at least {low:g}"
    try:
        if isinstance(got, (bool, np.bool_, str, bytes)) or np.ndim(got) != 0:
            raise TypeError
        value = float(got)
    except (TypeError, ValueError, OverflowError):
        raise refuse(name, allowed, got) from None
    if not (np.isfinite(value) and low <= value <= high):
        raise refuse(name, allowed, got)
    return value


def probability(name: str, got: Any) -> float:
    """Return a number in [0, 1] as a float."""
    return finite(name, got, 0.0, 1.0)


def schedule(name: str, got: Any) -> float | tuple[float, ...]:
    """Return a number of at least 0, or one for each iteration, as a float or a tuple of floats."""
    if isinstance(got, (str, bytes, dict, set, frozenset)) or np.ndim(got) == 0:
        return finite(name, got, 0.0)
    entries = numbers(name, got, 1)
    bad = np.flatnonzero(entries < 0.0)
    if len(bad):
        where = f"See that of iteration {bad[0] + 1}."
        raise refuse(name, "at least 0 in every iteration", float(entries[bad[0]]), where)
    return tuple(entries.tolist())


def whole(name: str, got: Any, low: int, high: int = 2**53) -> int:
    """Return a whole number in [low, high] as an int; 3.0 counts as whole, True does not."""
    allowed = f"a whole number of at least {low}"
    try:
        if isinstance(got, (bool, np.bool_, str, bytes)) or np.ndim(got) != 0 or int(got) != got:
            raise TypeError
        value = int(got)
    except (TypeError, ValueError, OverflowError):
        raise refuse(name, allowed, got) from None
    if value < low:
        raise refuse(name, allowed, got)
    if value > high:
        raise refuse(name, f"at most {high}", got)
    return value


def numbers(name: str, got: Any, dimensions: int) -> np.ndarray:
    """Return a float64 copy with the stated number of dimensions, every entry finite."""
    try:
        array = np.array(got, dtype=np.float64)
    except (TypeError, ValueError):
        raise refuse(name, f"an array of numbers with {dimensions} dimension(s)", got) from None
    if array.ndim != dimensions:
        raise refuse(name, f"an array with {dimensions} dimension(s)", f"shape {array.shape}")
    if array.size == 0:
        raise refuse(name, "an array that is not empty", f"shape {array.shape}")
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise refuse(name, "finite everywhere", float(array[place]), f"See entry {place}.")
    return array


def distribution(name: str, got: Any, dimensions: int) -> np.ndarray:
    """Return probabilities that sum to one along the last axis, as a read-only float64 array.

    A sum within 1e-6 of one (what float32 input gives) is divided out. A sum that is one to
    float64 rounding is left untouched, so that an entry of 1e-200 stays exactly that.
    """
    array = numbers(name, got, dimensions)
    bad = np.argwhere((array < 0.0) | (array > 1.0))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise refuse(name, "probabilities in [0, 1]", float(array[place]), f"See entry {place}.")
    total = array.sum(axis=-1, keepdims=True)
    off = np.argwhere(np.abs(total[..., 0] - 1.0) > 1e-6)
    if len(off):
        place = tuple(int(i) for i in off[0])
        where = f"row {place[0]} sums to" if dimensions > 1 else "they sum to"
        raise ValueError(f"{name} must sum to one; {where} {float(total[place][0])!r}")
    rounding = array.shape[-1] * np.finfo(np.float64).eps
    array = np.where(np.abs(total - 1.0) > rounding, array / total, array)
    array.setflags(write=False)
    return array


def as_key(got: Any) -> jax.Array:
    """Return a typed JAX key from a ``jax.random.key`` or a whole number below 2^32."""
    allowed = "a jax.random.key or a whole number in [0, 2^32)"
    if isinstance(got, jax.Array) and jax.dtypes.issubdtype(got.dtype, jax.dtypes.prng_key):
        if got.shape != ():
            raise refuse("key", "one key", f"an array of keys of shape {got.shape}")
        return got
    if isinstance(got, (jax.Array, np.ndarray)) and np.ndim(got) > 0:
        raise refuse("key", allowed, got, "Wrap raw bits with jax.random.wrap_key_data.")
    try:
        seed = whole("key", got, 0, 2**32 - 1)
    except ValueError:
        raise refuse("key", allowed, got) from None
    return jax.random.key(seed)


def needed_key(key: jax.Array | int | None, when: str) -> jax.Array:
    """Return a typed key, which has to be given."""
    if key is None:
        raise refuse("key", f"given {when}", None, "For example key=0.")
    return as_key(key)


def key_text(key: jax.Array) -> str:
    """Return the words of a key as text, for provenance."""
    return " ".join(f"{word:08x}" for word in np.ravel(jax.random.key_data(key)))


def generator(key_words: np.ndarray, block: int = 0) -> np.random.Generator:
    """Return NumPy's counter-based Philox generator at the words of a JAX key.

    Distinct keys, and distinct blocks of one key, give independent streams; a stream depends on
    nothing else.
    """
    words = np.zeros(4, np.uint32)
    words[: key_words.size] = np.ravel(key_words)[:4]
    words[3] ^= np.uint32(block)
    return np.random.Generator(np.random.Philox(key=words.view(np.uint64)))
