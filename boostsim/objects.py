"""Objects as values: compared by what they hold, and copied or sent to a process whole."""

from __future__ import annotations

import importlib
import json
import math
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import fields
from hashlib import sha256
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import first_line, refuse

Told = TypeVar("Told")


def same(one: Any, other: Any) -> bool:
    """Whether two values are equal, with arrays and tables in them; NaN equals NaN.

    Example:
        >>> same({"a": np.array([1.0, np.nan])}, {"a": np.array([1.0, np.nan])})
        True
        >>> same(np.zeros(2), np.zeros(3))
        False
    """
    if one is other:
        return True
    if isinstance(one, jax.Array) and isinstance(other, jax.Array):
        if one.dtype != other.dtype:
            return False
        if jnp.issubdtype(one.dtype, jax.dtypes.prng_key):
            one, other = jax.random.key_data(one), jax.random.key_data(other)
        one, other = np.asarray(one), np.asarray(other)
    if type(one) is not type(other):
        arrays = any(isinstance(each, (np.ndarray, jax.Array)) for each in (one, other))
        return not arrays and bool(one == other)
    if isinstance(one, np.ndarray):
        if one.shape != other.shape or one.dtype != other.dtype:
            return False
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind in "fc"))
    if isinstance(one, float):
        return one == other or (one != one and other != other)
    if hasattr(one, "identical"):
        return bool(one.identical(other))
    if hasattr(one, "equals"):
        return bool(one.equals(other))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def _told(value: Any) -> Any:
    """Return something that can be hashed, equal for values that are the same."""
    if isinstance(value, np.ndarray):
        # Minus zero is zero.
        return value.shape, (value + 0.0).tobytes() if value.dtype.kind == "f" else None
    if isinstance(value, Mapping):
        return frozenset(value)
    if isinstance(value, float) and value != value:
        return None
    if isinstance(value, (list, tuple)):
        return tuple(map(_told, value))
    try:
        return hash(value)
    except TypeError:
        return None


def fingerprint(traced: Any) -> str:
    """Return a hash of what a program computes: of its text and of the arrays in it.

    Args:
        traced: made by ``jax.make_jaxpr``.

    Example:
        >>> twice, thrice = (jax.make_jaxpr(lambda x, n=n: n * x)(1.0) for n in (2.0, 3.0))
        >>> fingerprint(twice) == fingerprint(thrice)
        False
    """
    # In a notebook str would add colours.
    told = [traced.jaxpr.pretty_print(use_color=False)]
    told += [np.asarray(array).tobytes().hex() for array in _arrays(traced)]
    return sha256("".join(told).encode()).hexdigest()[:16]


def is_own(thing: Any) -> bool:
    """Whether a function, or an object of a class, was written outside of this package."""
    # A function that wraps another says that it stands in the other's module.
    written = getattr(thing, "__globals__", {}).get("__name__")
    module = written or getattr(thing, "__module__", None) or type(thing).__module__
    return module.split(".")[0] != "boostsim"


# What functions computed when programs were last compiled with them.
_compiled_with: dict[Any, str] = {}


def renewed(thing: Any, program: str) -> str:
    """Return a fingerprint, once nothing is left that was compiled when it was another one.

    Programs are compiled for a function, and remembered by it. One that reads a number from outside
    is the same function where that has changed, but computes something else.

    Args:
        thing: the function, or what holds it, with what else its program depends on; hashable.
        program: the fingerprint of what it computes now.

    Example:
        >>> renewed("twice", "a"), renewed("twice", "a")
        ('a', 'a')
    """
    if _compiled_with.setdefault(thing, program) != program:
        # All of them: a program may be part of any other.
        jax.clear_caches()
        _compiled_with[thing] = program
    return program


def untraceable(error: Exception) -> str:
    """Return how a function must be written that JAX cannot trace, or nothing: something else."""
    ambiguous = isinstance(error, ValueError) and "truth value" in str(error)
    if ambiguous or isinstance(error, jax.errors.ConcretizationTypeError):
        return "without branches on values (write jnp.where(condition, a, b))"
    if isinstance(error, jax.errors.TracerArrayConversionError):
        return "with jax.numpy, not with NumPy"
    return ""


def said_by(told: str, wanted: str, ask: Callable[[], Any], checked: Callable[[Any], Told]) -> Told:
    """Return what a function of the user's says, once it is checked and was said twice.

    Args:
        told: its name, with what it is given, ``f(x)``.
        wanted: what it must return.
        ask: what asks it.
        checked: what it said, in an array of its own, or None, or a refusal.

    Raises:
        ValueError: where it raises an error, and where it says something else when asked again.
    """
    said = []
    for _ in range(2):
        try:
            got = ask()
        except Exception as error:
            raise ValueError(
                f"{told} must return {wanted}; it raised {first_line(error)}"
            ) from error
        said.append(checked(got))
    first, again = said
    if not same(first, again):
        given = told.partition("(")[2].rstrip(")")
        raise ValueError(f"{told} must depend on {given} alone: asked again it says something else")
    return first


def _arrays(program: Any) -> list[Any]:
    """Return the arrays in a program and in those that it calls: its text has none of them."""
    if isinstance(program, (list, tuple)):
        return [array for each in program for array in _arrays(each)]
    if not hasattr(program, "eqns"):
        return []
    # Of JAX's two kinds of program one has none of its own; from 0.12 on there is one kind.
    inside = [array for step in program.eqns for array in _arrays(list(step.params.values()))]
    return [*getattr(program, "consts", ()), *inside]


class ByValue:
    """A dataclass that may hold arrays and tables: equal where these are, hashed accordingly.

    Its arrays cannot be written to, and neither can those of a copy.
    """

    def __eq__(self, other: object) -> bool:
        """Whether another is of the same type and holds the same."""
        if type(other) is not type(self):
            return NotImplemented
        names = [entry.name for entry in fields(self)]  # type: ignore[arg-type]
        return all(same(getattr(self, name), getattr(other, name)) for name in names)

    def __hash__(self) -> int:
        """Hash what can be hashed of it."""
        held = [_told(getattr(self, entry.name)) for entry in fields(self)]  # type: ignore[arg-type]
        return hash((type(self).__name__, *held))

    def __setstate__(self, state: dict[str, Any]) -> None:
        """Take the state of a copy: NumPy forgets what was not to be written to."""
        self.__dict__.update(state)
        for value in state.values():
            if isinstance(value, np.ndarray):
                value.setflags(write=False)


def described(value: Any) -> Any:
    """Return a value as JSON can hold it: as it describes itself, or by its fields.

    Numbers of NumPy and JAX are told as Python's, wherever they stand; arrays of more than 16
    numbers by a hash of what they hold.

    Example:
        >>> described({"rates": (np.float32(0.5), 1), "votes": np.int8(3)})
        {'rates': [0.5, 1], 'votes': 3}
    """
    if hasattr(value, "describe"):
        return described(value.describe())
    if hasattr(value, "__dataclass_fields__"):
        return Described.describe(value)
    if isinstance(value, Mapping):
        return {described(name): described(each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [described(each) for each in value]
    if not isinstance(value, (np.generic, np.ndarray, jax.Array)):
        return value
    array = np.asarray(value)
    if array.size <= 16:
        return array.tolist()
    return {"shape": list(array.shape), "sha256": sha256(array.tobytes()).hexdigest()}


def as_json(told: Any) -> str:
    """Return a record as JSON: a table as its rows, what is not finite as null, for JSON has none.

    Example:
        >>> json.loads(as_json({"low": float("-inf"), "high": (1.0, np.float64(2.0))}))
        {'low': None, 'high': [1.0, 2.0]}
    """
    return json.dumps(_jsonable(told), indent=2, default=float)


def _jsonable(told: Any) -> Any:
    if hasattr(told, "columns"):
        told = told.to_dict("records")
    if isinstance(told, Mapping):
        return {name: _jsonable(each) for name, each in told.items()}
    if isinstance(told, (list, tuple)):
        return [_jsonable(each) for each in told]
    return None if isinstance(told, float) and not math.isfinite(told) else told


def held_by_json(name: str, told: Any) -> None:
    """Refuse what a slot describes itself by where JSON cannot hold it."""
    try:
        json.dumps(told)
    except (TypeError, ValueError):
        hint = "See its describe(), or its fields."
        raise refuse(name, "described by what JSON can hold", told, hint) from None


class Described:
    """A dataclass that says in provenance what it is."""

    def describe(self) -> dict[str, Any]:
        """Return its name and its fields, as JSON can hold them."""
        held = {entry.name: getattr(self, entry.name) for entry in fields(self)}  # type: ignore[arg-type]
        return {"name": type(self).__name__} | {
            name: described(value) for name, value in held.items()
        }


def _named(thing: object, modules: Iterable[str]) -> tuple[str, tuple[Any, ...]] | None:
    """Return the module at whose top a thing stands, and the name (and key) that leads to it."""
    for module in modules:
        known = sys.modules.get(module)
        held = list(vars(known).items()) if known else []
        for name, value in held:
            if value is thing:
                return module, (name,)
        # Only then in what holds several: a name of its own is the plainer way.
        for name, value in held:
            if isinstance(value, (dict, Named)) and not name.startswith("__"):
                for key, each in list(value.items()):
                    if each is thing:
                        return module, (name, key)
    return None


def fetched(module: str, name: str, *keys: Any) -> Any:
    """Return what stands at the top of a module, imported where it is not yet."""
    found = getattr(importlib.import_module(module), name)
    return found[keys[0]] if keys else found


class ByReference:
    """A frozen dataclass that holds functions: sent as Python sends these, by module and name.

    Where none leads to it, it is sent by its parts. A copy of it is itself.
    """

    # Modules that list things of this kind.
    listed_in: tuple[str, ...] = ()

    def __copy__(self) -> Any:
        """Return it: nothing in it changes."""
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Return it: nothing in it changes."""
        return self

    def _place(self) -> tuple[str, tuple[Any, ...]] | None:
        held = [getattr(self, entry.name) for entry in fields(self)]  # type: ignore[arg-type]
        written = [getattr(each, "__module__", None) for each in held if callable(each)]
        own = [module for module in written if module]
        # In a notebook, or at a prompt, there is nothing that another process could import.
        if not hasattr(sys.modules["__main__"], "__file__"):
            own = [module for module in own if module != "__main__"]
        return _named(self, [*self.listed_in, *own])

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Say where it stands, or what it is made of."""
        place = self._place()
        if place is None:
            return super().__reduce_ex__(protocol)
        return fetched, (place[0], *place[1])


class Named(Mapping[str, Any]):
    """A mapping that cannot be changed; a copy of it is a mapping like it."""

    def __init__(self, named: Mapping[str, Any]) -> None:
        """Hold the entries."""
        self._named = dict(named)

    def __getitem__(self, name: str) -> Any:
        """Return an entry."""
        return self._named[name]

    def __iter__(self) -> Any:
        """Iterate over the names."""
        return iter(self._named)

    def __len__(self) -> int:
        """Count the entries."""
        return len(self._named)

    def __hash__(self) -> int:
        """Hash the names."""
        return hash(frozenset(self._named))

    def __repr__(self) -> str:
        """Show the entries."""
        return repr(self._named)
