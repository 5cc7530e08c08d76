"""The points of a sweep on tables, in groups that share a program."""

from __future__ import annotations

import itertools
import math
import threading
from collections import OrderedDict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse, whole
from boostsim.curation.filters import NoisyFilter
from boostsim.curation.procedure import Procedure
from boostsim.keys import needed_key
from boostsim.simulation.run import simulate
from boostsim.simulation.seeing import Seeing, VisitsEach
from boostsim.simulation.tables.continuous import NUMBERS, World
from boostsim.simulation.tables.kernel import sampling_of
from boostsim.simulation.tables.persistence import draws
from boostsim.simulation.tables.prepare import check
from boostsim.simulation.tables.programs import prepared
from boostsim.simulation.tables.structure import Numbers
from boostsim.simulation.until import Until
from boostsim.statistics import Wanted
from boostsim.sweeping.blocks import Leaves, Program
from boostsim.sweeping.over import Axis, chosen, in_range, placed
from boostsim.tasks.table import TableTask

# Bytes of prepared worlds that are kept: others are prepared again when they are met again.
KEPT = 2**28


class Asked(NamedTuple):
    """What a sweep on tables is asked for.

    Attributes:
        procedure, task: at the base.
        iterations: T.
        axes: what it goes over.
        seeds: the keys of seeds.
        numbers: of the seeds.
        how: how much is seen; of visits that it goes over, those of the first place.
        key: that of the sweep, where it was given.
        wanted: what is recorded on request.
        reduce: ``"last"``, ``"all"``, or until when.
    """

    procedure: Procedure
    task: TableTask
    iterations: int
    axes: tuple[Axis, ...]
    seeds: tuple[jax.Array, ...]
    numbers: range
    how: Seeing
    key: jax.Array | None
    wanted: Wanted
    reduce: str | Until

    @property
    def sampled(self) -> bool:
        """Whether visits are finite."""
        return isinstance(self.how, VisitsEach)

    def seeing(self, procedure: Procedure, places: tuple[int | None, ...]) -> Seeing:
        """Return how much is seen at these places.

        Raises:
            ValueError: for what no visits can be.
        """
        if not isinstance(self.how, VisitsEach):
            return self.how
        visits = self.values(places).get("visits", self.how.visits)
        try:
            how = replace(self.how, visits=visits)
            how.lasting(self.iterations)
            whole("visits x attempts", how.most * procedure.most_attempts, 1)
            whole("visits x labels_per_visit", how.most * procedure.labels_per_visit, 1)
        except ValueError as error:
            told = self.told(places)
            raise ValueError(f"over at {told}: {error}" if told else str(error)) from None
        return how

    @property
    def shape(self) -> tuple[int, ...]:
        """Places on each axis, and seeds."""
        return (*(axis.size for axis in self.axes), len(self.seeds))

    def values(self, places: tuple[int | None, ...]) -> dict[str, Any]:
        """Return the value of each name at these places; None is none."""
        values: dict[str, Any] = {}
        for axis, place in zip(self.axes, places):
            if place is not None:
                values |= axis.at(place)
        return values

    def told(self, places: tuple[int | None, ...]) -> str:
        """Return these places in words."""
        each = zip(self.axes, places)
        return ", ".join(axis.told(place) for axis, place in each if place is not None)


class Made(NamedTuple):
    """A world, prepared: what its points have in common.

    Attributes:
        procedure, task: of it; numbers that are moved stand anywhere inside.
        program: what its block is specialised to.
        leaves: its arrays.
    """

    procedure: Procedure
    task: TableTask
    program: Program
    leaves: Leaves

    @property
    def size(self) -> int:
        """Bytes of its arrays."""
        return sum(leaf.nbytes for leaf in jax.tree.leaves(self.leaves))


class Cell(NamedTuple):
    """Points that differ in numbers that are moved along whole axes alone.

    Attributes:
        places: on each axis and of the seed; None where all of an axis, or all seeds.
        world: what it is prepared from, by places: what says nothing else is None there.
        moved: names of the numbers that are moved.
    """

    places: tuple[int | None, ...]
    world: tuple[int | None, ...]
    moved: tuple[str, ...]


@dataclass
class Worlds:
    """Prepared worlds, the last of them kept.

    Attributes:
        asked: what they are of.
        kept: by what they are prepared from.
        drawn: whether anything was drawn in any of them.
        level: what kind of runs they are.
    """

    asked: Asked
    kept: OrderedDict[Any, Made] = field(default_factory=OrderedDict)
    drawn: bool = False
    level: str = "exact"
    # Threads of a worker share the worlds of a sweep.
    lock: Any = field(default_factory=threading.RLock, repr=False)

    def made(self, cell: Cell) -> Made:
        """Return the world of a cell."""
        with self.lock:
            return self._made(cell)

    def _made(self, cell: Cell) -> Made:
        key = cell.world, cell.moved
        if key not in self.kept:
            made = self.kept[key] = _made(self.asked, cell)
            own = draws(made.procedure, sampled=self.asked.sampled)
            self.drawn |= own or made.program.keyed
            if self.asked.sampled:
                self.level = "sampled"
            elif own:
                self.level = "exact given the verdicts"
            while len(self.kept) > 1 and sum(each.size for each in self.kept.values()) > KEPT:
                self.kept.popitem(last=False)
        self.kept.move_to_end(key)
        return self.kept[key]

    def invalid(self, places: tuple[int, ...]) -> ValueError:
        """Return the error of a criterion that said what is no priority at a point, as its run."""
        asked = self.asked
        procedure, task = chosen(asked.procedure, asked.task, asked.values(places))
        try:
            told: dict[str, Any] = {"key": asked.key} if self.drawn else {}
            how = asked.seeing(procedure, places)
            if isinstance(how, VisitsEach):
                number = asked.numbers[places[-1]]
                told |= {"visits": how.visits, "visited_share": how.visited_share}
                told["seeds"] = range(number, number + 1)
            simulate(procedure, task, asked.iterations, **told)
        except ValueError as error:
            return ValueError(f"over at {asked.told(places)}: {error}")
        allowed = "one that returns finite priorities of at least 0"
        return refuse("criterion", f"{allowed} at {asked.told(places)}", procedure.criterion.name)


def _made(asked: Asked, cell: Cell) -> Made:
    procedure, task, seed = *turned(asked, cell), asked.seeds[cell.places[-1] or 0]
    for name in cell.moved:
        inside = placed(procedure, task, name)
        assert inside is not None
        procedure = inside
    ways: dict[str, Any] = {"key": seed, "iterations": asked.iterations}
    programs = prepared(procedure, task, sampled=asked.sampled, wanted=asked.wanted, **ways)
    order = sorted(programs.made)
    structures = tuple(programs.made[each][0] for each in order)
    held: list[dict[str, Any]] = []
    filt: NoisyFilter | None = None
    for attempts in order:
        told = procedure.trying(attempts), task, programs.wanted, seed, asked.iterations
        world = World(*told, asked.sampled)
        own = {name: NUMBERS[name].held(world) for name in cell.moved}
        judge = procedure.filter
        if isinstance(judge, NoisyFilter) and judge in own.values():
            # What a vote does to rates, not the rates.
            filt = replace(judge, gamma=0.0, false_accept=None, false_reject=None)
        held.append({n: each for n, each in own.items() if not isinstance(each, NoisyFilter)})
    rule = procedure.criterion.remembers and procedure.labeler is not None
    numbers: tuple[Numbers, ...] = tuple(programs.made[each][1] for each in order)
    stretches = tuple(
        (start, length, order.index(attempts))
        for start, length, attempts in programs.stretches(asked.iterations)
    )
    program = Program(
        structures,
        stretches,
        asked.wanted,
        asked.reduce,
        cell.moved,
        filt,
        apart=any(place is not None for place in cell.places[:-1])
        or draws(procedure, sampled=asked.sampled),
        keyed=rule or asked.sampled,
        sampled=asked.sampled,
    )
    sampling = sampling_of(asked.seeing(procedure, cell.places))
    return Made(procedure, task, program, Leaves(numbers, tuple(held), sampling))


def turned(asked: Asked, cell: Cell) -> tuple[Procedure, TableTask]:
    """Return the procedure and the task of a cell, with what is not moved in its place.

    Raises:
        ValueError: where they cannot be; it says at which point.
    """
    given = asked.values(cell.places)
    given = {name: each for name, each in given.items() if name not in cell.moved}
    if not given:
        check(asked.procedure, asked.task)
        return asked.procedure, asked.task
    try:
        procedure, task = chosen(asked.procedure, asked.task, given)
        check(procedure, task)
        procedure.lasting(asked.iterations)
    except ValueError as error:
        raise ValueError(f"over at {asked.told(cell.places)}: {error}") from None
    return procedure, task


def _cells(asked: Asked) -> Iterator[Cell]:
    """Yield the cells of a sweep, in the order of their points.

    Raises:
        ValueError: where a procedure cannot be what it is to be, and for seeds of nothing drawn.
    """
    movable = [
        [name for name in axis.names if name in NUMBERS and axis.numeric(name)]
        for axis in asked.axes
    ]
    names = tuple(name for each in movable for name in each)
    whole = [len(each) == len(axis.names) for each, axis in zip(movable, asked.axes, strict=True)]
    for places in _grid(asked.axes, [not each for each in whole]):
        procedure, task = turned(asked, Cell((*places, None), (), names))
        moved = tuple(
            name
            for name in names
            if placed(procedure, task, name) is not None
            and not (name == "beta" and _answers(procedure, asked))
        )
        for axis, each in zip(asked.axes, movable, strict=True):
            for name in each:
                if name in moved:
                    in_range(procedure, axis, name)
        # What cannot be moved is set, place by place.
        lasting = [bool({*each} - {*moved}) for each in movable]
        opened = [w and each for w, each in zip(whole, lasting, strict=True)]
        for more in _grid(asked.axes, opened):
            here = tuple(one if other is None else other for one, other in zip(places, more))
            there = turned(asked, Cell((*here, None), (), moved))[0]
            seeds: Iterable[int | None] = range(len(asked.seeds))
            if draws(there, sampled=asked.sampled):
                needed_key(asked.key, "where verdicts persist")
            elif asked.sampled:
                seeds = (None,)
            elif len(asked.seeds) > 1:
                hint = "Give visits for a sampled run."
                raise refuse("seeds", "1 in an exact run", len(asked.seeds), hint)
            world = [_known(axis, place, moved) for axis, place in zip(asked.axes, here)]
            for seed in seeds:
                yield Cell((*here, seed), (*world, seed), moved)


def _answers(procedure: Procedure, asked: Asked) -> bool:
    """Whether answers are drawn once for all, with chances that beta says."""
    labeler = procedure.labeler
    return asked.sampled and labeler is not None and labeler.persistent


def _grid(axes: Sequence[Axis], opened: list[bool]) -> Iterator[tuple[int | None, ...]]:
    """Yield the places on the axes that are opened; None on the others."""
    each = (range(axis.size) if now else (None,) for axis, now in zip(axes, opened, strict=True))
    return itertools.product(*each)


def _known(axis: Axis, place: int | None, moved: tuple[str, ...]) -> Any:
    """Return what a place says of a world: of one that is said twice the same."""
    set_here = [name for name in axis.names if name not in moved]
    if place is None or not set_here:
        return None
    return place if axis.labels is not None else tuple(axis.of(n)[place].item() for n in set_here)


class Group(NamedTuple):
    """Cells that share a program, and have arrays of the same shapes.

    Attributes:
        program: theirs.
        cells: theirs, in order.
        whole: the axes along which each of them goes, whole.
    """

    program: Program
    cells: list[Cell]
    whole: tuple[int, ...]

    def each(self, asked: Asked) -> int:
        """Return the points of a cell."""
        return math.prod(asked.shape[axis] for axis in self.whole)


def groups_of(worlds: Worlds) -> list[Group]:
    """Return the groups of a sweep, in the order of their first points."""
    found: dict[Any, Group] = {}
    for cell in _cells(worlds.asked):
        made = worlds.made(cell)
        whole = tuple(axis for axis, place in enumerate(cell.places) if place is None)
        leaves, tree = jax.tree.flatten(made.leaves)
        shapes = tuple((leaf.shape, leaf.dtype) for leaf in leaves)
        key = made.program, whole, tree, shapes
        found.setdefault(key, Group(made.program, [], whole)).cells.append(cell)
    return [*found.values()]


class Batch(NamedTuple):
    """Points of a group as its program takes them.

    Attributes:
        leaves: arrays, of each point where these come apart.
        values: of the numbers that are moved, ``[points, names]``.
        words: of the seeds' keys, ``[points, 2]``, or None.
        places: on each axis and of the seed, ``[axes + 1, points]``.
        looks, generates: of the filter at each point.
    """

    leaves: Leaves
    values: np.ndarray
    words: np.ndarray | None
    places: np.ndarray
    looks: np.ndarray
    generates: np.ndarray


def places_of(asked: Asked, group: Group, points: np.ndarray) -> np.ndarray:
    """Return where points of a group are, on each axis and of the seed, ``[axes + 1, points]``."""
    number, inner = np.divmod(points, group.each(asked))
    here, back = np.unique(number, return_inverse=True)
    fixed = [[-1 if p is None else p for p in group.cells[cell].places] for cell in here]
    places: np.ndarray = np.array(fixed).T[:, back]
    if group.whole:
        sizes = [asked.shape[axis] for axis in group.whole]
        places[list(group.whole)] = np.unravel_index(inner, sizes)
    return places


def batch_of(worlds: Worlds, group: Group, points: np.ndarray) -> Batch:
    """Return some points of a group, by their numbers in it."""
    asked, places = worlds.asked, places_of(worlds.asked, group, points)
    here, back = np.unique(points // group.each(asked), return_inverse=True)
    moved = [
        asked.axes[axis].of(name)[places[axis]]
        for name in group.program.names
        for axis, each in enumerate(asked.axes)
        if name in each.names
    ]
    values = np.stack(moved, axis=1) if moved else np.zeros((len(points), 0))
    made = [worlds.made(group.cells[cell]) for cell in here]
    leaves = made[0].leaves
    if group.program.apart:
        leaves = jax.tree.map(
            lambda *each: jnp.asarray(np.stack(each)[back]), *(one.leaves for one in made)
        )
    looks, generates = (
        np.array([getattr(one.procedure.filter, name) for one in made], float)[back]
        for name in ("looks", "generates")
    )
    words = None
    if group.program.keyed:
        words = np.stack([jax.random.key_data(seed) for seed in asked.seeds])[places[-1]]
    return Batch(leaves, values.astype(float), words, places, looks, generates)
