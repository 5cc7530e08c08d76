"""Where a claim is made: points of a box, drawn, listed at its edges, cut in two."""

from __future__ import annotations

import inspect
import itertools
import math
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, TypeGuard

import numpy as np

from boostsim.arguments import Words, real, refuse
from boostsim.theory.law import Domain

# Where claims are listed.
LISTED_IN = "boostsim.theory.claims"
Point = dict[str, Any]
# A sentence, and a predicate of some of the names.
Constraint = tuple[str, Callable[..., bool]]
Axis = Domain | tuple[Any, ...]

# One real draw in four lies within a small distance of an end, the distance spread over decades.
NEAR_AN_END, DECADES = 0.25, 6.0
# Corners of a box beyond this many are left to the draws.
MOST_CORNERS = 16
# A constraint that leaves less than one draw in so many is one that no draw meets.
PATIENCE = 2000


def call(function: Callable[..., Any], point: Mapping[str, Any], *first: Any) -> Any:
    """Call a function with those entries of the point that it names (all, if it takes any).

    Raises:
        ValueError: where it needs a name that the point does not have.
    """
    parameters = list(inspect.signature(function).parameters.values())
    if any(parameter.kind is parameter.VAR_KEYWORD for parameter in parameters):
        return function(*first, **point)
    for parameter in parameters[len(first) :]:
        optional = parameter.default is not parameter.empty
        needed = not optional and parameter.kind is not parameter.VAR_POSITIONAL
        if needed and parameter.name not in point:
            name = getattr(function, "__name__", "a function")
            raise ValueError(
                f"{name} needs {parameter.name!r}, which is none of {', '.join(point)}"
            )
    taken = {parameter.name for parameter in parameters}
    return function(*first, **{name: value for name, value in point.items() if name in taken})


def names(function: Callable[..., Any], name: str) -> bool:
    """Whether a function takes that name of a point."""
    parameters = inspect.signature(function).parameters
    return name in parameters or any(
        parameter.kind is parameter.VAR_KEYWORD for parameter in parameters.values()
    )


class Box:
    """A domain: an interval or a list for each name, and constraints on several together.

    It can be sampled, its edges can be listed, and it can be cut in two.

    Args:
        where: constraints, pairs of a sentence and a predicate of some of the names.
        **axes: for each name ``(low, high)``, a closed interval of numbers; ``range(...)``, the
            whole numbers in it; a list, the values in it; or a ``Domain``, for open ends and odd
            numbers. Intervals are finite, or nothing could be drawn from them.

    Raises:
        ValueError: for an axis that is none of these, or that is empty.

    Example:
        >>> box = Box(beta=(0.1, 1.0), attempts=range(1, 5), regime=["replace", "accumulate"])
        >>> box.contains({"beta": 0.5, "attempts": 2, "regime": "replace"})
        True
        >>> len(box.sample(np.random.default_rng(0), 3))
        3
    """

    axes: dict[str, Axis]
    where: tuple[Constraint, ...]

    def __init__(self, where: Sequence[Constraint] = (), **axes: Any) -> None:
        """Read the axes."""
        if not axes:
            raise refuse("domain", "given: a range for at least one name", Words("no axes"))
        self.axes = {name: _axis(name, given) for name, given in axes.items()}
        if not isinstance(where, (list, tuple)):
            raise refuse("where", "a list of pairs of a sentence and a predicate", where)
        self.where = tuple(where)
        for constraint in self.where:
            pair = isinstance(constraint, tuple) and len(constraint) == 2
            if not (pair and isinstance(constraint[0], str) and callable(constraint[1])):
                raise refuse(
                    "where",
                    "a list of pairs of a sentence and a predicate",
                    constraint,
                    "For example [('beta above gamma', lambda beta, gamma: beta > gamma)].",
                )
            # Wrong names are told here, not when a point is drawn.
            refuse_other_names("where", constraint[1], self.axes)

    def __eq__(self, other: object) -> bool:
        """Whether it is a box of the same axes and constraints."""
        if not isinstance(other, Box):
            return NotImplemented
        return (self.axes, self.where) == (other.axes, other.where)

    def __hash__(self) -> int:
        """Hash the names and constraints."""
        return hash((*self.axes, *self.where))

    def __reduce_ex__(self, protocol: Any) -> Any:
        """Say whose domain it is where it is that of a listed claim; else what it is made of."""
        home = sys.modules.get(LISTED_IN)
        for claim in getattr(home, "CLAIMS", {}).values():
            if claim.domain is self:
                return getattr, (claim, "domain")
        return super().__reduce_ex__(protocol)

    def __repr__(self) -> str:
        """Write it as a mathematician would."""
        parts = [
            f"{name} in {_shown(axis)}" if isinstance(axis, tuple) else f"{name}: {axis}"
            for name, axis in self.axes.items()
        ]
        return "; ".join([*parts, *(sentence for sentence, _ in self.where)])

    def contains(self, point: Point) -> bool:
        """Whether a point lies in the box and meets the constraints."""
        if set(point) != set(self.axes):
            return False
        return all(
            _inside(axis, point[name]) for name, axis in self.axes.items()
        ) and self._constrained(point)

    def edges(self) -> list[Point]:
        """Return the corners (of many, some of all kinds), and each end with all else halfway."""
        ends = {name: _ends(axis) for name, axis in self.axes.items()}
        middle = {name: _middle(axis) for name, axis in self.axes.items()}
        corners = list(itertools.product(*ends.values()))
        if len(corners) > MOST_CORNERS:
            chosen = np.linspace(0, len(corners) - 1, MOST_CORNERS).round().astype(int)
            corners = [corners[number] for number in chosen]
        points = [dict(zip(ends, corner, strict=True)) for corner in corners]
        points += [{**middle, name: end} for name in ends for end in ends[name]]
        unique = {repr(point): point for point in points if self._constrained(point)}
        return list(unique.values())

    def sample(
        self,
        rng: np.random.Generator,
        count: int,
        suits: Callable[[Point], bool] = lambda point: True,
        near_ends: bool = True,
    ) -> list[Point]:
        """Draw points; fewer where hardly any meets the constraints and ``suits``.

        Args:
            rng: the generator.
            count: how many.
            suits: a further predicate.
            near_ends: whether one real number in four is drawn very close to an end.
        """
        points: list[Point] = []
        for _ in range(PATIENCE * max(count, 1)):
            if len(points) == count:
                break
            point = {name: _draw(axis, rng, near_ends) for name, axis in self.axes.items()}
            if self._constrained(point) and suits(point):
                points.append(point)
            elif not points and _ == PATIENCE:
                break
        return points

    def split(self, name: str) -> tuple[Box, Box]:
        """Cut the box in two along one axis; each half keeps the constraints.

        Raises:
            ValueError: where the axis has one value only, or is unknown.
        """
        axis = self.axes.get(name)
        halves = None if axis is None else _halves(axis)
        if halves is None:
            raise refuse("name", f"an axis with more than one value ({', '.join(self.axes)})", name)
        first, second = (
            Box(
                self.where,
                **{
                    each: list(axis) if isinstance(axis, tuple) else axis
                    for each, axis in {**self.axes, name: half}.items()
                },
            )
            for half in halves
        )
        return first, second

    def _constrained(self, point: Point) -> bool:
        return all(bool(call(holds, point)) for _, holds in self.where)


def _shown(values: tuple[Any, ...]) -> str:
    return "{" + ", ".join(str(value) for value in values) + "}"


def _axis(name: str, given: Any) -> Axis:
    allowed = "(low, high), a range, a list of values or a Domain"
    if isinstance(given, Domain):
        axis = given
    elif isinstance(given, range):
        if abs(given.step) != 1:
            return _axis(name, list(given))
        axis = Domain(low=min(given, default=1), high=max(given, default=0), whole=True)
    elif isinstance(given, list):
        if not given:
            raise refuse(name, "a list that is not empty", given)
        return tuple(given)
    elif isinstance(given, tuple) and len(given) == 2:
        try:
            low, high = real(given).tolist()
            axis = Domain(low=low, high=high)
        except (TypeError, ValueError, OverflowError):
            raise refuse(name, allowed, given) from None
    else:
        raise refuse(name, allowed, given)
    if not (math.isfinite(axis.low) and math.isfinite(axis.high)):
        raise refuse(name, "finite at both ends, so that it can be sampled", given)
    if axis.low > axis.high:
        raise refuse(name, "an interval whose low end is not above its high end", given)
    return axis


def _inside(axis: Axis, value: Any) -> bool:
    if isinstance(axis, tuple):
        return value in axis
    try:
        axis.check("value", value)
    except ValueError:
        return False
    return True


def is_real(axis: Axis) -> TypeGuard[Domain]:
    """Whether an axis is an interval of real numbers."""
    return isinstance(axis, Domain) and not (axis.whole or axis.odd)


def steps(axis: Domain) -> tuple[int, int, int]:
    """Return first, last and step of an axis of whole numbers."""
    step = 2 if axis.odd else 1
    low = math.ceil(axis.low) + (axis.low_open and axis.low == math.ceil(axis.low))
    high = math.floor(axis.high) - (axis.high_open and axis.high == math.floor(axis.high))
    if axis.odd:
        low, high = low + (low % 2 == 0), high - (high % 2 == 0)
    return low, high, step


def just_inside(axis: Domain) -> tuple[float, float]:
    """Return the ends of an interval, moved inside by a billionth where they are left out."""
    span = axis.high - axis.low
    low = axis.low + 1e-9 * span if axis.low_open else axis.low
    return low, axis.high - 1e-9 * span if axis.high_open else axis.high


def _ends(axis: Axis) -> tuple[Any, ...]:
    if isinstance(axis, tuple):
        return axis
    ends = steps(axis)[:2] if axis.whole or axis.odd else just_inside(axis)
    return tuple(dict.fromkeys(ends))


def _middle(axis: Axis) -> Any:
    if isinstance(axis, tuple):
        return axis[len(axis) // 2]
    if axis.whole or axis.odd:
        low, high, step = steps(axis)
        return low + step * ((high - low) // (2 * step))
    return 0.5 * (axis.low + axis.high)


def _draw(axis: Axis, rng: np.random.Generator, near_ends: bool) -> Any:
    if isinstance(axis, tuple):
        return axis[rng.integers(len(axis))]
    if axis.whole or axis.odd:
        first, last, step = steps(axis)
        return int(first + step * rng.integers((last - first) // step + 1))
    low, high = just_inside(axis)
    share = rng.random()
    if near_ends and rng.random() < NEAR_AN_END:
        share = 10.0 ** (-DECADES * share)
        share = 1.0 - share if rng.random() < 0.5 else share
    return float(min(max(low + (high - low) * share, low), high))


def _halves(axis: Axis) -> tuple[Axis, Axis] | None:
    if isinstance(axis, tuple):
        half = len(axis) // 2
        return (axis[:half], axis[half:]) if half else None
    if axis.whole or axis.odd:
        low, high, step = steps(axis)
        if low == high:
            return None
        cut = low + step * ((high - low) // (2 * step))
        return (
            Domain(low=low, high=cut, whole=axis.whole, odd=axis.odd),
            Domain(low=cut + step, high=high, whole=axis.whole, odd=axis.odd),
        )
    middle = 0.5 * (axis.low + axis.high)
    if not axis.low < middle < axis.high:
        return None
    return (
        Domain(low=axis.low, high=middle, low_open=axis.low_open),
        Domain(low=middle, high=axis.high, high_open=axis.high_open),
    )


def refuse_other_names(what: str, function: Callable[..., Any], known: Iterable[str]) -> None:
    """Refuse a function that needs other names than those known."""
    known = list(known)
    try:
        parameters = inspect.signature(function).parameters
    except (TypeError, ValueError):
        allowed = f"a function of {', '.join(sorted(known))}"
        raise refuse(what, f"{allowed} whose names can be read", function) from None
    for parameter in parameters.values():
        variable = parameter.kind in (parameter.VAR_KEYWORD, parameter.VAR_POSITIONAL)
        if not variable and parameter.default is parameter.empty and parameter.name not in known:
            raise refuse(
                what,
                f"a function of {', '.join(sorted(known))}",
                Words(f"one that also needs {parameter.name!r}"),
            )
