"""The one way in which bad input is refused.

Every check raises a ``ValueError`` that names the argument, what is allowed and what it got, so
that no mistake of a caller surfaces as a traceback from inside a compiled program.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from decimal import Decimal
from numbers import Real
from pathlib import Path
from typing import Any

import jax
import numpy as np

# A longer list of names is cut where an error tells it, and so is longer text.
MOST_NAMES = 30
MOST_TEXT = 80
# What file systems take, in bytes.
LONGEST_NAME, LONGEST_PATH = 255, 4095
# Numbers that one array may have: 2 GiB of float64.
LARGEST = 2**28


def refuse(name: str, allowed: str, got: Any, hint: str = "") -> ValueError:
    """Build the error for a bad argument: ``raise refuse("gamma", "a probability", got)``."""
    told = f"{name} must be {allowed}; got {brief(got)}"
    return ValueError(told + (f". {hint}" if hint else ""))


class Words(str):
    """What was got, in words of ours where its value tells less: shown as they stand, unquoted."""

    __slots__ = ()
    __repr__ = str.__str__


def shape_of(got: np.ndarray) -> Words:
    """Return what is told of an array of a wrong shape."""
    return Words(f"shape {got.shape}")


def brief(got: Any) -> str:
    """Return what an error shows of a value: one line as Python writes it, cut where long.

    Both ends stay: the name of a file stands at the end of its path.
    """
    try:
        # The ends of long text are enough, and quickly had.
        cut = isinstance(got, (str, bytes)) and len(got) > 2 * MOST_TEXT
        shown = repr(got[:MOST_TEXT] + got[-MOST_TEXT:] if cut else got)
    except Exception:
        # Python writes no whole number of more than 4,300 digits, and what is foreign may fail.
        shown = f"a value of type {type(got).__name__}"
    half = MOST_TEXT // 2 - 2
    shown = f"{shown[:half]}...{shown[-half:]}" if len(shown) > MOST_TEXT else shown
    return " ".join(shown.split())


def first_line(error: BaseException) -> str:
    """Return what kind of error it is, and the first line of what it says."""
    lines = str(error).strip().splitlines()
    return f"{type(error).__name__}: {lines[0] if lines else ''}"


def unknown(kind: str, got: Any, allowed: Iterable[str]) -> ValueError:
    """Build the error for an unknown name, with the nearest known one."""
    names = sorted(allowed)
    shown = ", ".join(names)
    if len(names) > MOST_NAMES:
        shown = ", ".join(names[:8]) + f" and {len(names) - 8} more"
    near = isinstance(got, str) and difflib.get_close_matches(got, names, n=1, cutoff=0.5)
    meant = f" Did you mean {near[0]!r}?" if near else ""
    return ValueError(f"{kind} must be one of {shown}; got {brief(got)}.{meant}")


def choice(name: str, got: str, allowed: Iterable[str]) -> str:
    """Return ``got`` when it is one of the allowed words."""
    allowed = list(allowed)
    if not isinstance(got, str) or got not in allowed:
        raise unknown(name, got, allowed)
    return got


def several(name: str, allowed: str, got: Any, alone: type | tuple[type, ...] = str) -> list[Any]:
    """Return a list of what may also come alone, or refuse what cannot be gone through."""
    if isinstance(got, alone):
        return [got]
    try:
        return list(got)
    except TypeError:
        raise refuse(name, allowed, got) from None


def text(name: str, got: Any) -> str:
    """Return ``got`` when it is text."""
    if not isinstance(got, str):
        raise refuse(name, "text", got)
    return got


def flag(name: str, got: Any) -> bool:
    """Return ``got`` when it is true or false, and nothing that merely counts as such."""
    if not isinstance(got, (bool, np.bool_)):
        raise refuse(name, "True or False", got)
    return bool(got)


def number(got: Any) -> Any:
    """Return the one real number that something is, as Python's own kind of it.

    Numbers are Python's (whole, float, Fraction, Decimal) and arrays without dimensions. Text that
    looks like one is none, nor is a truth value, a date, what is masked or what JAX traces.

    Raises:
        TypeError: for anything else.
    """
    if type(got) in (float, int):
        return got
    if hasattr(got, "__array__"):
        array = _numeric(got)
        if array.ndim:
            raise TypeError("an array of several dimensions")
        return array.item()
    if isinstance(got, bool) or not isinstance(got, (Real, Decimal)):
        raise TypeError("no number")
    return got


def _numeric(got: Any) -> np.ndarray:
    """Return an array whose type is one of numbers.

    Raises:
        TypeError: for any other.
    """
    if isinstance(got, np.ma.MaskedArray):
        raise TypeError("a masked array; fill it: array.filled(value)")
    if isinstance(got, jax.core.Tracer):
        raise TypeError("a value that JAX traces")
    try:
        array = np.asarray(got)
    except Exception as error:
        raise TypeError("no array") from error
    # JAX knows its own narrow floats too; NumPy takes a length of time for a whole number.
    known = [jax.numpy.issubdtype(array.dtype, kind) for kind in (np.floating, np.integer)]
    if array.dtype.kind == "m" or not any(known):
        raise TypeError(f"an array of {array.dtype}")
    return array


def real(got: Any) -> np.ndarray:
    """Return real numbers as a new float64 array; a list is checked entry by entry.

    Raises:
        TypeError: for what is no number or array of numbers: see :func:`number`.
        ValueError, OverflowError: for lists of uneven length, and numbers beyond the largest float.
    """
    if hasattr(got, "__array__"):
        return np.array(_numeric(got), np.float64)
    entries = np.array(got, dtype=object)
    # As they come: nearly always.
    if set(map(type, entries.ravel())) <= {float, int}:
        return np.array(entries, np.float64)
    flat = [float(number(entry)) for entry in entries.ravel()]
    return np.array(flat, np.float64).reshape(entries.shape)


def digits(value: float) -> str:
    """Return a number as short text from which it can be read back.

    Example:
        >>> digits(0.5), digits(1.0), digits(1.0 / 3.0)
        ('0.5', '1', '0.3333333333333333')
    """
    short = f"{value:g}"
    return short if float(short) == value else repr(float(value))


def finite(name: str, got: Any, low: float = -np.inf, high: float = np.inf) -> float:
    """Return a finite real number in [low, high] as a float."""
    allowed = "a finite number"
    if np.isfinite(low) and np.isfinite(high):
        allowed = f"a number in [{low:g}, {high:g}]"
    elif np.isfinite(low):
        allowed = f"a finite number of at least {low:g}"
    try:
        value = float(number(got))
    except (TypeError, ValueError, OverflowError):
        raise refuse(name, allowed, got, _traced(got)) from None
    if not (np.isfinite(value) and low <= value <= high):
        raise refuse(name, allowed, got)
    return value


def _traced(got: Any) -> str:
    """Return what to do about a value that JAX traces."""
    if not isinstance(got, jax.core.Tracer):
        return ""
    return "Make it outside of jit; bs.kernel gives a step to call inside."


def probability(name: str, got: Any) -> float:
    """Return a number in [0, 1] as a float."""
    return finite(name, got, 0.0, 1.0)


def by_prompt(name: str, got: Any) -> float | np.ndarray:
    """Return a number in [0, 1] as a float, or one for each prompt as a read-only array."""
    if not isinstance(got, (list, tuple)) and np.ndim(got) == 0:
        return probability(name, got)
    rates = numbers(name, got, 1)
    bad = np.flatnonzero((rates < 0.0) | (rates > 1.0))
    if bad.size:
        raise refuse(name, "in [0, 1]", float(rates[bad[0]]), f"See prompt {bad[0]}.")
    rates.setflags(write=False)
    return rates


def schedule(
    name: str, got: Any, low: float = 0.0, high: float = np.inf
) -> float | tuple[float, ...]:
    """Return a number in [low, high], or one for each iteration, as a float or a tuple of floats.

    Finite bounds belong to what is allowed.
    """
    bounds = f"of at least {low:g}" if np.isinf(high) else f"in [{low:g}, {high:g}]"
    try:
        alone = real(got).ndim == 0
    except (TypeError, ValueError, OverflowError):
        allowed = f"a finite number {bounds}, or a list with one for each iteration"
        raise refuse(name, allowed, got, _traced(got)) from None
    if alone:
        return finite(name, got, low, high)
    entries = numbers(name, got, 1)
    bad = np.flatnonzero((entries < low) | (entries > high))
    if len(bad):
        where = f"See that of iteration {bad[0] + 1}."
        allowed = f"{bounds.removeprefix('of ')} in every iteration"
        raise refuse(name, allowed, float(entries[bad[0]]), where)
    return tuple(entries.tolist())


def whole(name: str, got: Any, low: int, high: int = 2**53) -> int:
    """Return a whole number in [low, high] as an int; 3.0 counts as whole, True does not."""
    allowed = f"a whole number of at least {low}"
    try:
        given = number(got)
        value = int(given)
        if value != given:
            raise TypeError
    except (TypeError, ValueError, OverflowError):
        raise refuse(name, allowed, got, _traced(got)) from None
    if value < low:
        raise refuse(name, allowed, got)
    if value > high:
        raise refuse(name, f"at most {high}", got)
    return value


def wholes(name: str, got: Any, low: int, high: int = 2**53) -> int | tuple[int, ...]:
    """Return a whole number in [low, high], or one for each iteration, as a tuple."""
    try:
        alone = real(got).ndim != 1
    except (TypeError, ValueError, OverflowError):
        # What it is not is said of a number.
        alone = True
    if alone:
        return whole(name, got, low, high)
    if not len(got):
        raise refuse(name, "a number, or a list with one for each iteration", got)
    entries = []
    for number, each in enumerate(np.asarray(got).tolist(), start=1):
        try:
            entries.append(whole(name, each, low, high))
        except ValueError as error:
            raise ValueError(f"{error}. See that of iteration {number}.") from None
    return tuple(entries)


def sized(name: str, count: int, what: str) -> None:
    """Refuse what would be more numbers at once than :data:`LARGEST`, before they are made.

    Args:
        name: of the argument that asks for them.
        count: of the numbers.
        what: they are, as a product: "prompts x responses".
    """
    if count > LARGEST:
        raise ValueError(
            f"{name} must ask for at most {LARGEST:,} numbers at once (2 GiB); got {count:,} "
            f"({count * 8 / 2**30:,.1f} GiB): {what}"
        )


def numbers(name: str, got: Any, dimensions: int) -> np.ndarray:
    """Return a float64 copy with the stated number of dimensions, every entry finite."""
    try:
        array = real(got)
    except (TypeError, ValueError, OverflowError):
        allowed = f"an array of numbers with {dimensions} dimension(s)"
        raise refuse(name, allowed, got, _traced(got)) from None
    if array.ndim != dimensions:
        raise refuse(name, f"an array with {dimensions} dimension(s)", shape_of(array))
    if array.size == 0:
        raise refuse(name, "an array that is not empty", shape_of(array))
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = tuple(int(i) for i in bad[0])
        raise refuse(name, "finite everywhere", float(array[place]), f"See entry {place}.")
    return array


def geometric(ladder: np.ndarray) -> bool:
    """Whether at least three numbers grow by one factor, up to rounding to whole numbers."""
    if len(ladder) < 3 or ladder[0] <= 0.0 or (np.diff(ladder) <= 0.0).any():
        return False
    between = np.geomspace(ladder[0], ladder[-1], len(ladder))
    return bool((np.abs(ladder - between) < 1.0).all())


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


def as_path(name: str, got: Any) -> Path:
    """Return a path, with the user's own folder for a leading ~; nothing is looked up."""
    written = os.fspath(got) if isinstance(got, (str, os.PathLike)) else None
    if not isinstance(written, str) or not written or "\0" in written:
        raise refuse(name, "a path (text or a pathlib.Path, without NUL)", got)
    try:
        parts = os.fsencode(written).split(os.fsencode(os.sep))
        path = Path(written).expanduser()
    except UnicodeEncodeError:
        raise refuse(name, "a path in characters that a file system can write", got) from None
    except RuntimeError:
        raise refuse(name, "a path without ~ where there is no home", got) from None
    if max(map(len, parts)) > LONGEST_NAME or len(written) > LONGEST_PATH:
        raise refuse(name, "a path short enough for a file system", got)
    return path
