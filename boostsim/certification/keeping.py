"""What a certificate leaves in a folder, so that it can go on: the exact part, and each point."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import fields
from functools import partial
from hashlib import sha256
from types import CodeType
from typing import Any

import numpy as np

from boostsim.arguments import as_path
from boostsim.certification.measurement import Measurement
from boostsim.objects import described, is_own
from boostsim.store import Store, opened
from boostsim.theory.claim import Claim

# What a function reads from outside, of which the value counts.
PLAIN = (bool, int, float, str, tuple)


@contextmanager
def kept(
    folder: str | os.PathLike[str] | None,
    claim: Claim,
    measurement: Measurement,
    settings: Mapping[str, Any],
) -> Iterator[Store]:
    """Hold a folder for a certificate, and give its store.

    Raises:
        ValueError: where the folder holds another: what differs is named.
    """
    if folder is None:
        with opened(None, {}) as store:
            yield store
        return
    told = {
        "kind": "certificate",
        "claim": {
            "name": claim.name,
            "kind": claim.kind,
            "along": claim.along,
            "direction": claim.direction,
            "domain": repr(claim.domain),
            "where": [written(holds) for _, holds in claim.domain.where],
            "law": written(claim.law),
        },
        "measurement": {
            entry.name: written(getattr(measurement, entry.name)) for entry in fields(measurement)
        },
        **described(settings),
    }
    with opened(as_path("folder", folder), told) as store:
        yield store


def row_told(row: Mapping[str, Any]) -> dict[str, Any]:
    """Return a row as JSON can hold it."""
    return {
        name: value.item() if isinstance(value, np.generic) else value
        for name, value in row.items()
    }


def written(thing: Any, inside: tuple[int, ...] = ()) -> Any:
    """Return what a function or another value is, equal where it computes the same.

    One of this package is told by its name, one of a user's by its program; both by the values that
    they hold, and a user's by the numbers and functions that it reads from its module, too. (The
    version of this package is told with each piece.)

    Example:
        >>> def times(n):
        ...     return lambda x: n * x
        >>> written(times(2)) == written(times(2)), written(times(2)) == written(times(3))
        (True, False)
    """
    if id(thing) in inside:
        return "itself"
    inside = (*inside, id(thing))
    if isinstance(thing, partial):
        parts = [
            thing.func,
            *thing.args,
            *(thing.keywords[name] for name in sorted(thing.keywords)),
        ]
        return {"partial": [written(part, inside) for part in parts]}
    code = getattr(thing, "__code__", None)
    if not isinstance(code, CodeType):
        told = described(thing)
        try:
            return json.loads(json.dumps(told))
        except (TypeError, ValueError):
            return type(thing).__qualname__
    held = [*(thing.__defaults__ or ()), *(thing.__kwdefaults__ or {}).values()]
    held += [cell.cell_contents for cell in thing.__closure__ or () if cell != type(cell)()]
    text = f"{thing.__module__}.{thing.__qualname__}"
    if is_own(thing):
        text = _program(code)
        known = [thing.__globals__.get(name) for name in sorted(_names(code))]
        held += [each for each in known if isinstance(each, PLAIN) or hasattr(each, "__code__")]
    return {"function": text, "with": [written(each, inside) for each in held]}


def _program(code: CodeType) -> str:
    held = code.co_consts
    parts = [_program(each) if isinstance(each, CodeType) else _constant(each) for each in held]
    told = [code.co_code.hex(), *code.co_names, *code.co_varnames, *parts]
    return sha256(json.dumps(told).encode()).hexdigest()[:16]


def _constant(value: Any) -> str:
    # A set has another order in each process.
    return repr(sorted(map(repr, value)) if isinstance(value, frozenset) else value)


def _names(code: CodeType) -> set[str]:
    """Return what a program names, and those in it."""
    inner = [each for each in code.co_consts if isinstance(each, CodeType)]
    return set(code.co_names).union(*map(_names, inner))
