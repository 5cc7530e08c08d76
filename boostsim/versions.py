"""What decides numbers, and what of it is another here: arguments, functions, and versions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from boostsim.curation.behaviour import difference
from boostsim.results import provenance

# Of what kind a work is that says no "kind".
RUN = "run"
# They change no number.
IDLE = ("format", "python_version")


def facts(*, double: bool = True, **more: str) -> dict[str, str]:
    """Return what a result's last bits depend on, besides the arguments; and more of it.

    Args:
        double: see :func:`boostsim.results.provenance`.
    """
    told = {**provenance(double=double), **more}
    return {name: value for name, value in told.items() if name not in IDLE}


def differs(told: Mapping[str, str], now: Mapping[str, str]) -> str:
    """Return in words what is told that is not so now.

    Example:
        >>> differs({"jax_version": "0.10"}, {"jax_version": "0.11"})
        'jax 0.10 (not 0.11)'
    """
    names = [name for name in sorted({*told, *now}) if told.get(name) != now.get(name)]
    return " and ".join(
        f"{name.removesuffix('_version').replace('_', ' ')} {told.get(name, 'unknown')} "
        f"(not {now.get(name, 'unknown')})"
        for name in names
    )


class Function(NamedTuple):
    """A function of the user's that decides numbers, which no name tells.

    Attributes:
        program: a fingerprint of it, which is another with another version of JAX.
        behaviour: what it says where it is always asked the same; nothing where it is not asked.
    """

    program: str
    behaviour: np.ndarray = np.zeros(0)


Functions = dict[str, Function]


def together(parts: Iterable[Functions]) -> Functions:
    """Return the functions of many parts of a work: others of one name are numbered.

    Example:
        >>> one, other = Function("one"), Function("other")
        >>> sorted(together([{"rule": one}, {"rule": one}, {"rule": other}]))
        ['rule', 'rule (2)']
    """
    every: Functions = {}
    for part in parts:
        for name, function in part.items():
            for number in count(1):
                told = name if number == 1 else f"{name} ({number})"
                there = every.setdefault(told, function)
                if there.program == function.program and np.array_equal(
                    there.behaviour, function.behaviour, equal_nan=True
                ):
                    break
    return every


def changed(
    functions: Mapping[str, Function],
    programs: Mapping[str, str],
    behaviours: Mapping[str, np.ndarray],
    *,
    upgraded: bool,
) -> str | None:
    """Return which function computes something else than it did, and what, or None.

    Args:
        functions: by what they are called.
        programs, behaviours: what is known of before, by the same names.
        upgraded: whether that was with other versions: then programs tell nothing.
    """
    for name, function in functions.items():
        what = None
        if name not in programs:
            what = "it was not there"
        elif function.behaviour.size or behaviours[name].size:
            what = difference(behaviours[name], function.behaviour)
        if what is None and not upgraded and programs[name] != function.program:
            what = "its program is another"
        if what is not None:
            return f"{name} when it computed something else: {what}"
    return None


def same_run(path: Path, about: Mapping[str, Any], found: Mapping[str, Any]) -> None:
    """Refuse a file of another run, and say what differs.

    Raises:
        ValueError: where anything does.
    """
    wanted = json.loads(json.dumps(about))
    before, now = (each.get("kind", RUN) for each in (found, wanted))
    if before != now:
        raise ValueError(
            f"folder must hold this very run; {str(path)!r} is of another kind of work: "
            f"a {before}, not a {now}"
        )
    for name in sorted({*found, *wanted}):
        if found.get(name) != wanted.get(name):
            where, before, now = _difference(name, found.get(name), wanted.get(name))
            raise ValueError(
                f"folder must hold this very run; {str(path)!r} was begun with {where} "
                f"{_short(before)}, not {_short(now)}"
            )


def _difference(name: str, before: Any, now: Any) -> tuple[str, Any, Any]:
    """Follow two descriptions down to the first entry in which they differ."""
    while True:
        if isinstance(before, dict) and isinstance(now, dict):
            entry = next(key for key in sorted({*before, *now}) if before.get(key) != now.get(key))
            name, before, now = f"{name}.{entry}", before.get(entry), now.get(entry)
        elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
            place = next(i for i, each in enumerate(before) if each != now[i])
            name, before, now = f"{name}[{place}]", before[place], now[place]
        else:
            return name, before, now


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 60 else text[:57] + "..."
