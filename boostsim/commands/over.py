"""What a sweep goes over, in words: names of flags, each with a list or a range of values.

``beta=0:1:21`` has 21 numbers from 0 to 1, both included; ``gamma=0.05,0.1`` two; words are listed
like numbers, ``criterion=failed,below(0.5)``. Names that change together have a list each, with a
stroke between: ``beta,gamma=0:1:5/0.1,0.2,0.3,0.2,0.1``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from types import UnionType
from typing import Any, get_args, get_type_hints

from boostsim.arguments import Words, finite, flag, refuse, unknown
from boostsim.commands.run import FILTER, GRADIENT, KEPT, LABELER, SHARPENING, SLOTS, STRONG, TASKS
from boostsim.commands.run_flags import Run

# Those that are several numbers are no value of an axis.
NAMES = tuple(
    name
    for name in (
        *("preset", *TASKS["table"], *FILTER, *LABELER, *SHARPENING, *SLOTS, *KEPT),
        *(*STRONG, *GRADIENT, "visits"),
    )
    if name not in ("voters", "scores")
)
KINDS: dict[str, Any] = {name: kind for name, kind in get_type_hints(Run).items() if name in NAMES}
# Here one number is for every iteration.
KINDS |= dict.fromkeys(("attempts", "visits"), int)
NUMBER = r"([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?)"
RANGE = re.compile(rf"{NUMBER}:{NUMBER}:([-+]?\d+)")
ALLOWED = "NAME=VALUES, such as beta=0:1:21 or gamma=0.05,0.1 or beta,gamma=0.1,0.2/0.3,0.4"
# Points of a range.
MOST = 1_000_000
ENDS = f"START:STOP:COUNT, two ends that differ and 2 to {MOST:,} points"

Over = dict[tuple[str, ...], list[tuple[Any, ...]]]


def asked(got: Any) -> Over:
    """Return what is gone over: for names that change together, their values at each place.

    Args:
        got: words of a command's line, or a table of a file, from names to a list or such words.

    Raises:
        ValueError: for what cannot be read so, for a name that is unknown or given twice, and for
            a value that the flag of that name cannot have.

    Example:
        >>> asked(["attempts=1,4", "beta,gamma=0:1:3/.1,.2,.3"])
        {('attempts',): [(1,), (4,)], ('beta', 'gamma'): [(0.0, 0.1), (0.5, 0.2), (1.0, 0.3)]}
    """
    axes: Over = {}
    for key, values in _pairs(got):
        names = tuple(name.strip().replace("-", "_") for name in key.split(","))
        for name in names:
            if name not in NAMES:
                raise unknown("over", name, NAMES)
        taken = [name for axis in axes for name in axis] + list(names)
        if len(set(taken)) < len(taken):
            twice = next(name for name in taken if taken.count(name) > 1)
            raise refuse("over", "of names that are each given once", twice)
        axes[names] = _places(names, values)
    return axes


def _pairs(got: Any) -> list[tuple[str, Any]]:
    if isinstance(got, Mapping):
        pairs = list(got.items())
    else:
        words = got if isinstance(got, (list, tuple)) else [got]
        for word in words:
            if not isinstance(word, str) or "=" not in word:
                raise refuse("over", ALLOWED, word)
        pairs = [tuple(word.split("=", 1)) for word in words]
    if not pairs:
        raise refuse("over", ALLOWED, got)
    return pairs


def _places(names: tuple[str, ...], values: Any) -> list[tuple[Any, ...]]:
    """Return the values of the names at each place of their axis."""
    if isinstance(values, str):
        lists = values.split("/") if len(names) > 1 else [values]
        if len(lists) != len(names):
            allowed = f"a list for each of {', '.join(names)}, with a / between"
            raise refuse(f"over {','.join(names)}", allowed, values)
        columns = [_values(name, each) for name, each in zip(names, lists, strict=True)]
    elif len(names) == 1:
        listed = values if isinstance(values, list) else [values]
        columns = [_values(names[0], listed)]
    else:
        rows = values if isinstance(values, list) else [values]
        if not all(isinstance(row, list) and len(row) == len(names) for row in rows):
            allowed = f"a list of points, each a list of {', '.join(names)}"
            raise refuse(f"over {','.join(names)}", allowed, values)
        columns = [[_value(name, row[i]) for row in rows] for i, name in enumerate(names)]
    lengths = [len(column) for column in columns]
    if len(set(lengths)) > 1:
        told = Words(" and ".join(map(str, lengths)))
        raise refuse(f"over {','.join(names)}", "as many values of each name", told)
    return list(zip(*columns, strict=True))


def _values(name: str, got: str | Sequence[Any]) -> list[Any]:
    """Return the values of one name, of which text may hold a range or several."""
    # A comma within parentheses belongs to what stands before them.
    parts = re.split(r",(?![^()]*\))", got) if isinstance(got, str) else got
    found: list[Any] = []
    for part in parts:
        matched = RANGE.fullmatch(part.strip()) if isinstance(part, str) else None
        if isinstance(part, str) and ":" in part and not matched and _only_numbers(name):
            raise refuse(f"over {name}", ENDS, part)
        found += _range(name, part, *matched.groups()) if matched else [_value(name, part)]
    if not found:
        raise refuse(f"over {name}", "one value at least", got)
    if len(set(found)) < len(found):
        twice = next(each for each in found if found.count(each) > 1)
        raise refuse(f"over {name}", "of different values", Words(f"{twice!r} twice"))
    return found


def _range(name: str, told: str, start: str, stop: str, count: str) -> list[Any]:
    # A count of thousands of digits is no whole number that Python reads.
    low, high, points = float(start), float(stop), float(count)
    if not 2 <= points <= MOST or low == high or not math.isfinite(high - low):
        raise refuse(f"over {name}", ENDS, told)
    many = int(points)
    # What a decimal point would have, not 0.30000000000000004.
    steps = [low + (high - low) * place / (many - 1) for place in range(many)]
    return [_value(name, float(f"{each:.12g}")) for each in [*steps[:-1], high]]


def _value(name: str, got: Any) -> Any:
    """Return a value as the flag of that name has it."""
    kind = KINDS[name]
    kinds = set(get_args(kind)) if isinstance(kind, UnionType) else {kind}
    text = got.strip() if isinstance(got, str) else got
    if bool in kinds:
        words = {"true": True, "yes": True, "false": False, "no": False}
        return words[text] if isinstance(text, str) and text in words else flag(name, text)
    if int in kinds or float in kinds:
        number = _number(text)
        if number is None and str not in kinds:
            raise refuse(name, "a whole number" if int in kinds else "a number", got)
        if number is not None:
            if float in kinds:
                return finite(name, number)
            if number != int(number):
                raise refuse(name, "a whole number", got)
            return int(number)
    if not isinstance(text, str) or not text:
        raise refuse(name, "a word", got)
    return text


def _only_numbers(name: str) -> bool:
    """Whether no word is a value of this name."""
    kinds = {KINDS[name], *get_args(KINDS[name])}
    return bool(kinds & {int, float}) and str not in kinds


def _number(got: Any) -> float | None:
    if isinstance(got, bool) or not isinstance(got, (int, float, str)):
        return None
    try:
        number = float(got)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
