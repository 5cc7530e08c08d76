"""Statistics: what a run records of a model beside its accuracy, read off each prompt's row.

A statistic is a pure function of a row, the model's distribution on a prompt. It is written once
and recorded in every run whose rows are there: exact and sampled, at finite visits exactly, and of
a network whose rows can be read off.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, overload

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from boostsim.arguments import first_line, flag, refuse, text
from boostsim.mode import fixed
from boostsim.objects import ByReference, fingerprint, renewed
from boostsim.results import PROBABILITY, ROUNDING, TAKEN
from boostsim.versions import Function, Functions


@dataclass(frozen=True)
class Statistic(ByReference):
    """A number for each row, and how it is recorded; made by :func:`boostsim.statistic`.

    Attributes:
        function: ``row -> number``, or ``(row, quality) -> number``; a pure function.
        units: of the number.
        average: whether it is averaged over prompts with mu, or recorded by prompt.
        name: of the variable in the trace; the function's own where nothing is said.
    """

    function: Callable[..., Any]
    units: str = "1"
    average: bool = True
    name: str = ""
    # Whether it is told which responses are right.
    sees_quality: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Refuse what is no function of a row, and a name that cannot be one."""
        if not callable(self.function) or isinstance(self.function, type):
            raise refuse("statistic", "a function of a row", self.function)
        text("units", self.units)
        object.__setattr__(self, "average", flag("average", self.average))
        own = getattr(self.function, "__name__", type(self.function).__name__)
        name = text("name", self.name) or own
        if not name.isidentifier():
            raise refuse("name", "a name as Python's variables have", name, "Give name='...'.")
        if name in TAKEN or name.endswith(("_by_prompt", "_by_stratum")):
            raise refuse("name", "one that nothing else in a trace has", name)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "sees_quality", _arguments(self.function) == 2)
        object.__setattr__(self, "__doc__", getattr(self.function, "__doc__", None))

    def __call__(self, row: Any, quality: Any = None) -> Any:
        """Return what the function says of a row."""
        return self.function(row, quality) if self.sees_quality else self.function(row)

    def _said(self, row: Any, quality: Any) -> Array:
        return jnp.asarray(self(row, quality))

    def of(
        self, rows: Float[Array, "responses models"], quality: Float[Array, "responses #models"]
    ) -> Float[Array, "models"]:
        """Return the number of each of several models; ``quality`` is 1.0 where right, else 0.0."""
        quality = jnp.broadcast_to(quality, rows.shape)
        each = jax.vmap(self._said, in_axes=1)(rows, quality)
        return each.astype(rows.dtype)

    @property
    def long_name(self) -> str:
        """What it is, as the trace says."""
        doc = (getattr(self.function, "__doc__", None) or "").strip().splitlines()
        told = doc[0].rstrip(".") if doc else f"statistic {self.name}"
        return f"{told}, averaged over prompts with mu" if self.average else told

    def describe(self, responses: int) -> dict[str, Any]:
        """Return what it is on rows of so many responses, for provenance.

        Raises:
            ValueError: for what does not give one real number for a row, for what JAX cannot
                trace, and for what computes something else each time.
        """
        return {
            "units": self.units,
            "long_name": self.long_name,
            "average": self.average,
            "fingerprint": self.fingerprint(responses),
        }

    def fingerprint(self, responses: int) -> str:
        """Return a hash of what it computes of a row: two bodies under one name differ."""
        told = f"statistic {self.name!r}"
        with fixed(double=True):
            row, programs = jnp.full(responses, 1.0 / responses), []
            for _ in range(2):
                try:
                    # Through a fresh function each time, for JAX remembers what it has traced.
                    programs.append(jax.make_jaxpr(lambda *each: self._said(*each))(row, row))
                except Exception as error:
                    raise _complaint(told, error) from error
            answer = programs[0].out_avals[0]
            prints = {fingerprint(each) for each in programs}
        wanted = "a function that returns one real number for a row"
        if answer.shape != ():
            raise refuse(told, wanted, answer.shape)
        if jnp.issubdtype(answer.dtype, jnp.complexfloating):
            raise refuse(told, wanted, str(answer.dtype))
        if len(prints) > 1:
            raise ValueError(
                f"{told} must be a pure function of the row: asked twice it computes something else"
            )
        return renewed((self, responses), prints.pop())


def _arguments(function: Callable[..., Any]) -> int:
    """Return how many arguments it is called with: the row, and the quality where it asks."""
    try:
        entries = inspect.signature(function).parameters.values()
    except (TypeError, ValueError):
        # One of NumPy's or Python's own, that does not say.
        return 1
    needed = [entry for entry in entries if entry.default is entry.empty]
    plain = [entry for entry in needed if entry.kind.name.startswith("POSITIONAL_O")]
    if len(plain) not in (1, 2) or any(entry.kind is entry.KEYWORD_ONLY for entry in needed):
        allowed = "a function of a row, or of a row and its quality"
        raise refuse("statistic", allowed, str(inspect.signature(function)))
    return len(plain)


def _complaint(told: str, error: Exception) -> ValueError:
    """Return what is wrong with a function that raised an error."""
    ambiguous = isinstance(error, ValueError) and "truth value" in str(error)
    if ambiguous or isinstance(error, jax.errors.ConcretizationTypeError):
        must = "must be written without branches on values (write jnp.where(condition, a, b))"
    elif isinstance(error, jax.errors.TracerArrayConversionError):
        must = "must be written with jax.numpy, not with NumPy"
    else:
        must = "must be a pure function that returns one real number for a row"
    return ValueError(f"{told} {must}; it raised {first_line(error)}")


@overload
def statistic(function: Callable[..., Any]) -> Statistic: ...
@overload
def statistic(
    *, units: str = ..., average: bool = ..., name: str = ...
) -> Callable[[Callable[..., Any]], Statistic]: ...
def statistic(
    function: Callable[..., Any] | None = None,
    *,
    units: str = "1",
    average: bool = True,
    name: str = "",
) -> Statistic | Callable[[Callable[..., Any]], Statistic]:
    """Make a statistic of a function of a row, to be recorded: ``simulate(..., record=mine)``.

    The row is the model's distribution on a prompt, ``[responses]``, float64 on tables. Runs that
    record a statistic need every response, and cost it. At finite visits exactly it is the
    expectation over all that visits may show: then a prompt has a state for each way in which
    its examples fall on its responses, and these have to be few. With a network, rows can be read
    off with ``bs.lookup``. A number that is not defined on a row may be NaN, and then its average
    is.

    Args:
        function: ``row -> number``, or ``(row, quality) -> number`` with quality 1.0 where a
            response is right, else 0.0; in ``jax.numpy``, without branches on values.
        units: of the number; ``"probability"`` for one that is in [0, 1].
        average: averaged over prompts with mu; or False, for a prompt dimension.
        name: of the variable in the trace; the function's own where nothing is said.

    Returns:
        A :class:`Statistic`; without a function, a decorator.

    Raises:
        ValueError: for what is no function of one row (and its quality), and for a name that a
            trace has for something else.

    Example:
        >>> import boostsim as bs, jax.numpy as jnp
        >>> @bs.statistic(units="probability")
        ... def boldest(row):
        ...     return jnp.max(row)
        >>> task = bs.random_table(0, prompts=100, responses=4)
        >>> trace = bs.simulate(bs.uncurated(), task, 200, visits=10, key=0, record=boldest)
        >>> trace.boldest.values[0, [0, 200]].round(3)
        array([0.555, 1.   ])
    """
    if function is not None:
        return Statistic(function, units, average, name)
    text("units", units)
    flag("average", average)
    return lambda given: Statistic(given, units, average, name)


def _unfixed(row: Float[Array, "responses"]) -> Array:
    """P(more than one response has mass)."""
    return jnp.sum(row > 0.0) > 1


def _surviving(row: Float[Array, "responses"]) -> Array:
    """Number of responses with mass above 0."""
    return jnp.sum(row > 0.0)


# Recorded by a word.
BUILT_IN = {
    "unfixed": Statistic(_unfixed, "probability", name="unfixed"),
    "surviving": Statistic(_surviving, "responses", name="surviving"),
}
Wanted = frozenset[str | Statistic]


def statistics_in(wanted: Wanted) -> tuple[Statistic, ...]:
    """Return the statistics among what is recorded, in the order of their names."""
    found = [each for each in wanted if isinstance(each, Statistic)]
    return tuple(sorted(found, key=lambda each: each.name))


def average_of(statistic: Statistic, values: Any, weights: Any) -> Any:
    """Return a statistic's average over prompts; rounding must not lift a probability above one.

    What is beyond rounding is none: it stands for the average, for the trace to refuse it.
    """
    mean = (values * weights).sum(-1)
    if statistic.units != PROBABILITY:
        return mean
    of: Any = jnp if isinstance(values, jax.Array) else np
    low, high = values.min(-1), values.max(-1)
    mean = of.where(low < -ROUNDING, low, of.minimum(mean, 1.0))
    return of.where(high > 1.0 + ROUNDING, high, mean)


def described_on(statistics: Iterable[Statistic], responses: int) -> dict[str, dict[str, Any]]:
    """Return what statistics are on rows of so many responses, by name; see their ``describe``."""
    return {each.name: each.describe(responses) for each in statistics}


def known_by(
    statistics: Iterable[Statistic], responses: int
) -> tuple[dict[str, dict[str, Any]], Functions]:
    """Return what a folder knows statistics by: what they are on such rows, and their programs."""
    told, functions = described_on(statistics, responses), {}
    for name, each in told.items():
        functions[f"statistic {name!r}"] = Function(each.pop("fingerprint"))
    return told, functions
