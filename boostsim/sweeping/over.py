"""What a sweep goes over: axes of named values, and what a procedure makes of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from typing import Any, NamedTuple

import numpy as np

from boostsim.arguments import finite, numbers, refuse, several, shape_of, unknown, whole
from boostsim.curation.filters import NoisyFilter, checked_filter
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.loading import load_criterion
from boostsim.curation.procedure import Procedure, checked
from boostsim.simulation.seeing import Seeing, seeing
from boostsim.simulation.tables.continuous import NUMBERS
from boostsim.tasks.sequences import SequenceTask
from boostsim.tasks.table import TableTask

SLOTS = tuple(entry.name for entry in fields(Procedure) if entry.init)
NAMES = sorted({*NUMBERS, *SLOTS, "votes", "visits", "procedure", "task"})
# What a procedure needs for there to be a number of this name.
NEEDS = {
    "beta": "a labeler such as bs.WeakLabeler(0.5), of one beta",
    **dict.fromkeys(("gamma", "false_accept", "false_reject", "votes"), "a bs.NoisyFilter"),
    "criterion_temperature": "bs.criteria.difficulty as criterion, and a labeler",
    "temperature": "a bs.Sharpening",
    **dict.fromkeys(("rate", "reference"), "a bs.PolicyGradient as learner"),
    **dict.fromkeys(("slack", "step"), "a bs.StrongLearner as learner"),
}
# Numbers that a procedure may do without, and may have.
OPTIONAL = ("budget", "label_share", "real_share")


class Axis(NamedTuple):
    """One dimension of a sweep.

    Attributes:
        names: of what changes along it: several where they change together.
        values: of each name, by place: an array of numbers, of text, of truth values, or a list of
            anything.
        labels: of the places, where they are said by labels.
    """

    names: tuple[str, ...]
    values: tuple[Any, ...]
    labels: np.ndarray | None = None

    @property
    def dimension(self) -> str:
        """What it is called in the result."""
        return ",".join(self.names)

    @property
    def size(self) -> int:
        """The number of its places."""
        return len(self.values[0])

    def numeric(self, name: str) -> bool:
        """Whether a name's values are numbers: what is said by labels is not moved."""
        return self.labels is None and self.of(name).dtype.kind in "iuf"

    def of(self, name: str) -> Any:
        """Return the values of a name."""
        return self.values[self.names.index(name)]

    def at(self, place: int) -> dict[str, Any]:
        """Return the value of each name at a place, as Python's own number or text."""
        return {
            name: _own(values[place]) for name, values in zip(self.names, self.values, strict=True)
        }

    def coordinates(self) -> dict[str, Any]:
        """Return its coordinates in the result: its labels, or the values of each of its names."""
        if self.labels is not None:
            return {self.dimension: (self.dimension, self.labels)}
        return {
            name: (self.dimension, values)
            for name, values in zip(self.names, self.values, strict=True)
        }

    def told(self, place: int) -> str:
        """Return a place in words."""
        if self.labels is not None:
            return f"{self.dimension}={self.labels[place]}"
        return ", ".join(f"{name}={value}" for name, value in self.at(place).items())


def axes_of(over: Any, names: Iterable[str] = NAMES) -> tuple[Axis, ...]:
    """Return the axes that are asked for.

    Raises:
        ValueError: for no axis, an unknown name, a name twice, and an axis without values, or of
            what is neither numbers nor text nor said by labels.
    """
    if not isinstance(over, Mapping) or not over:
        allowed = "a dictionary from names to values, one name at least"
        raise refuse("over", allowed, over, 'For example {"beta": [0.1, 0.2]}.')
    axes: list[Axis] = []
    for given, values in over.items():
        together = given if isinstance(given, tuple) else (given,)
        if not together:
            raise refuse("over", "of names, or tuples of names", given)
        for name in together:
            if name not in names:
                raise unknown("over", name, names)
        taken = [*(name for axis in axes for name in axis.names), *together]
        twice = sorted({name for name in taken if taken.count(name) > 1})
        if twice:
            raise refuse("over", "of names that are each given once", twice)
        axes.append(_axis(together, values, rows=isinstance(given, tuple)))
    return tuple(axes)


def _axis(names: tuple[str, ...], values: Any, *, rows: bool) -> Axis:
    """Return an axis; the values of a tuple of names come in rows, with one for each."""
    where = f"over[{(names[0] if len(names) == 1 else names)!r}]"
    labels = None
    if isinstance(values, Mapping):
        labels = _plain(f"the labels of {where}", list(values))
        values = list(values.values())
    else:
        allowed = "a list of values, or a dictionary from labels to values"
        values = (
            several(where, allowed, values, alone=(str, bytes)) if not _array(values) else values
        )
    if not len(values):
        raise refuse(where, "of one value at least", list(values))
    if not rows:
        columns = [values]
    else:
        for place, row in enumerate(values):
            if not isinstance(row, (tuple, list, np.ndarray)) or len(row) != len(names):
                allowed = f"a tuple with one value for each of {', '.join(names)}"
                raise refuse(
                    f"{where}[{place}]",
                    allowed,
                    row.tolist() if isinstance(row, np.ndarray) else _own(row),
                )
        columns = [[row[i] for row in values] for i in range(len(names))]
    if labels is None:
        columns = [
            _plain(f"over[{name!r}]", column, "numbers" if name in NUMBERS else None)
            for name, column in zip(names, columns, strict=True)
        ]
    else:
        # No filter is one that accepts everything, as in a procedure.
        columns = [
            [checked_filter(each) if each is None else each for each in column]
            if name == "filter"
            else column
            for name, column in zip(names, columns, strict=True)
        ]
    return Axis(names, tuple(columns), labels)


def _array(values: Any) -> bool:
    return isinstance(values, np.ndarray) and values.ndim in (1, 2)


def _plain(where: str, values: Any, only: str | None = None) -> np.ndarray:
    """Return values that can be coordinates: numbers, or text, or truth values; or only numbers."""
    hint = "What is none is given with labels: {label: value}."
    if not (isinstance(values, np.ndarray) and values.dtype.kind in "iuf"):
        kinds = {str: "text", bool: "truth values", np.bool_: "truth values", np.str_: "text"}
        found = {kinds.get(type(each), "numbers") for each in values}
        if len(found) > 1 and only is None:
            told = [_own(each) for each in values]
            raise refuse(where, "all numbers, or all text, or all truth values", told, hint)
        if only is None and found != {"numbers"}:
            return np.array(list(values))
        for place, each in enumerate(values):
            try:
                finite(where, each)
            except ValueError:
                raise refuse(f"{where}[{place}]", "a finite number", _own(each), hint) from None
        if all(isinstance(each, (int, np.integer)) for each in values):
            most = np.iinfo(np.int64).max
            values = [whole(f"{where}[{i}]", v, -most, most) for i, v in enumerate(values)]
            values = np.array(values, np.int64)
        else:
            values = np.array([float(each) for each in values])
    if values.ndim != 1:
        raise refuse(where, "an array with 1 dimension", shape_of(values))
    if values.dtype.kind == "f":
        # Other floats are no coordinates, or none that JSON can hold; what overflows is refused.
        with np.errstate(over="ignore"):
            values = values.astype(np.float64)
    bad = np.flatnonzero(~np.isfinite(values))
    if len(bad):
        raise refuse(f"{where}[{bad[0]}]", "a finite number", float(values[bad[0]]), hint)
    return np.array(values)


def chosen(
    procedure: Procedure, task: TableTask | SequenceTask, values: Mapping[str, Any]
) -> tuple[Procedure, Any]:
    """Return a procedure and a task in which these values stand."""
    procedure, task = values.get("procedure", procedure), values.get("task", task)
    checked(procedure)
    slots = {name: each for name, each in values.items() if name in SLOTS}
    if isinstance(slots.get("criterion"), str):
        slots["criterion"] = load_criterion(slots["criterion"])
    moved = {name: slots.pop(name) for name in [*slots] if name in NUMBERS and _one(slots[name])}
    if slots:
        procedure = replace(procedure, **slots)
    if "votes" in values:
        if not isinstance(procedure.filter, NoisyFilter):
            raise _lacking("votes")
        procedure = replace(procedure, filter=replace(procedure.filter, votes=values["votes"]))
    moved |= {n: _number(n, v) for n, v in values.items() if n in NUMBERS and n not in SLOTS}
    for name, value in moved.items():
        placed(procedure, task, name)
        procedure = NUMBERS[name].turn(procedure, value)
    return procedure, task


def _one(value: Any) -> bool:
    return isinstance(value, (int, float, np.number)) and not isinstance(value, bool)


def _number(name: str, value: Any) -> Any:
    """Return a number, or one for each prompt where the name can have these."""
    if NUMBERS[name].by_prompt and (isinstance(value, (list, tuple)) or np.ndim(value)):
        return numbers(name, value, 1)
    return finite(name, value)


def _own(value: Any) -> Any:
    """Return a NumPy number or text as Python's own."""
    if isinstance(value, np.floating):
        return float(value)
    return value.tolist() if isinstance(value, np.generic) else value


def placed(procedure: Procedure, task: Any, name: str) -> Procedure | None:
    """Return a procedure whose program has a place for a number; None where it can but be set.

    Raises:
        ValueError: where the procedure has no such number.
    """
    number = NUMBERS[name]
    if name in OPTIONAL and number.value(procedure) is None:
        procedure = number.turn(procedure, 0.5)
    if number.value(procedure) is not None and isinstance(task, TableTask):
        inside = number.inside(procedure, task)
        return procedure if inside is None else number.turn(procedure, inside)
    fits: Any = {
        "beta": isinstance(procedure.labeler, WeakLabeler),
        **dict.fromkeys(("gamma", "false_accept", "false_reject"), _noisy(procedure)),
        "label_weight": True,
    }
    if number.value(procedure) is None and not fits.get(name, False):
        raise _lacking(name)
    return None


def _noisy(procedure: Procedure) -> bool:
    return isinstance(procedure.filter, NoisyFilter)


def _lacking(name: str) -> ValueError:
    hint = f"Give the procedure {NEEDS[name]}."
    return refuse("over", "of numbers that the procedure has", name, hint)


def seeing_over(axes: tuple[Axis, ...], visits: Any, visited_share: float) -> Seeing:
    """Return how much is seen; of visits that are gone over, those of the first place.

    Raises:
        ValueError: for what no visits can be, and for visits that are given twice.
    """
    over = [axis.of("visits") for axis in axes if "visits" in axis.names]
    if not over:
        return seeing(visits=visits, visited_share=visited_share)
    if visits is not None:
        raise refuse("visits", "left out where over has them", visits)
    each = [_own(value) for value in over[0]]
    for place, value in enumerate(each):
        try:
            seeing(visits=value)
        except ValueError as error:
            raise ValueError(f"over['visits'][{place}]: {error}") from None
    if len({value is None for value in each}) > 1:
        hint = "None is infinitely many, of which nothing is drawn: a sweep of its own."
        raise refuse("over['visits']", "numbers of visits at every place, or at none", each, hint)
    return seeing(visits=each[0], visited_share=visited_share)


def in_range(procedure: Procedure, axis: Axis, name: str) -> None:
    """Refuse a value that the procedure cannot have; what it can be is an interval.

    Raises:
        ValueError: that names the place.
    """
    values = axis.of(name)
    for place in dict.fromkeys((int(values.argmin()), int(values.argmax()))):
        try:
            NUMBERS[name].turn(procedure, float(values[place]))
        except ValueError as error:
            raise ValueError(f"over[{name!r}][{place}]: {error}") from None
