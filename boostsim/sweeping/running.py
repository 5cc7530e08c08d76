"""A sweep on tables, run: blocks one after another, a few at a time, in pieces that are kept.

With a scheduler, or worker processes of this machine, every piece is a job (:mod:`boostsim.jobs`):
a worker prepares the worlds of a sweep when it meets the first, by the same code from the same
arguments, to the same numbers.
"""

from __future__ import annotations

import multiprocessing
import os
import threading
import uuid
from collections import OrderedDict, deque
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse
from boostsim.jobs import Job, take_jobs
from boostsim.mode import KEYS, fixed
from boostsim.processors import processors
from boostsim.progress import counted
from boostsim.simulation.interrupts import unbroken, waited_for
from boostsim.simulation.tables.keeping import own_rules
from boostsim.simulation.tables.recording import numbers_each
from boostsim.simulation.until import Until
from boostsim.store import Piece, Store
from boostsim.sweeping.blocks import block, bytes_of, points_of
from boostsim.sweeping.groups import (
    Asked,
    Batch,
    Group,
    Worlds,
    batch_of,
    groups_of,
    places_of,
    turned,
)
from boostsim.sweeping.placing import Rows, blocks, devices_of, ours
from boostsim.versions import Functions, together

# Steps of cells in a piece, some seconds of a core; and numbers that it may hold.
STEPS, NUMBERS_KEPT = 2**30, 2**21
# Cells whose steps take as long as one that is drawn.
DRAWN = 2**7
# What a sweep takes of the memory that is free, where nothing is said.
SHARE = 0.25
# Pieces of a process that is started for them, at least.
PIECES_EACH = 4
# Sweeps whose worlds a worker keeps.
SWEEPS_KEPT = 2

Take = Callable[[np.ndarray, dict[str, np.ndarray]], None]


class Part(NamedTuple):
    """A group as it is run.

    Attributes:
        group: which.
        points: of it.
        block: points of a block.
        piece: points of a piece: whole blocks.
        memory: bytes of a block while it runs.
    """

    group: Group
    points: int
    block: int
    piece: int
    memory: int

    def pieces(self) -> Iterator[range]:
        """Yield the points of each piece."""
        for start in range(0, self.points, self.piece):
            yield range(start, min(start + self.piece, self.points))


def part_of(worlds: Worlds, group: Group) -> Part:
    """Return a group with how it is cut, which follows from what is asked for alone."""
    asked, program = worlds.asked, group.program
    made = worlds.made(group.cells[0])
    each = numbers_each(made.task, asked.wanted)
    points = points_of(program, made.leaves.numbers, each)
    values = np.zeros((points, len(program.names)))
    first = batch_of(worlds, group, np.zeros(points, int))
    outputs = jax.eval_shape(
        lambda leaves: block(program, leaves, values, first.words), first.leaves
    )
    cells = sum(one.source_mass[0].size for one in made.leaves.numbers[:1])
    recorded = each * (asked.iterations + 1 if asked.reduce == "all" else 1)
    dear = DRAWN if program.sampled else 1
    blocks = min(
        STEPS // (dear * points * cells * max(asked.iterations, 1)),
        NUMBERS_KEPT // (points * recorded),
    )
    memory = bytes_of(program, made.leaves, points, outputs)
    total = len(group.cells) * group.each(asked)
    return Part(group, total, points, points * max(blocks, 1), memory)


def rules_in(asked: Asked, parts: list[Part]) -> tuple[dict[str, Any], Functions]:
    """Return what parts of one's own compute, which no name tells, and functions, of all points."""
    does: list[dict[str, Any]] = []
    each: list[Functions] = []
    for cell in (cell for part in parts for cell in part.group.cells):
        procedure, task = turned(asked, cell)
        told, functions = own_rules(procedure, task, asked.wanted)
        each.append(functions)
        if told not in does:
            does.append(told)
    return {"own": does}, together(each)


def ahead(parts: list[Part], memory: int | None, devices: int = 1) -> int:
    """Return how many blocks may be under way at once, on each of so many devices.

    Raises:
        ValueError: where not one may.
    """
    most, busy = devices * max(part.memory for part in parts), 2 * processors()
    if memory is None:
        return max(1, min(busy, int(SHARE * free()) // most))
    if memory < most:
        raise refuse("memory", f"at least {most} bytes, what a block takes", memory)
    return min(busy, memory // most)


def free() -> int:
    """Return the bytes of memory that are free; where that is not known, what is little."""
    if "SC_AVPHYS_PAGES" in getattr(os, "sysconf_names", {}):
        return os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return 2**30


def run_parts(
    worlds: Worlds,
    parts: list[Part],
    store: Store,
    memory: int | None,
    devices: int | None,
    scheduler: Any,
    take: Take,
) -> None:
    """Hand over pieces: where each point is in the result, laid flat, and what is recorded of it.

    Of several processes each makes pieces of its own.

    Args:
        worlds, parts: of the sweep.
        store: where pieces are kept.
        memory, devices, scheduler: see :func:`boostsim.sweep`.
        take: takes a piece; none is held here any longer.

    Raises:
        ValueError: for a criterion that said what is no priority, and for what
            :func:`boostsim.jobs.run_jobs` refuses.
    """
    own = devices_of(devices)
    shape, most = worlds.asked.shape, ahead(parts, memory, len(own))
    pieces = [
        (f"group-{number}-from-{points.start}", part, points)
        for number, part in enumerate(parts)
        for points in part.pieces()
    ]
    pieces = [piece for number, piece in enumerate(pieces) if ours(number)]

    def taken(part: Part, points: range, arrays: dict[str, np.ndarray]) -> None:
        places = places_of(worlds.asked, part.group, np.array(points))
        take(np.ravel_multi_index(tuple(places), shape), arrays)

    kept = store.names()
    workers = 1
    if scheduler is None:
        workers = workers_for([part for name, part, _ in pieces if name not in kept], most)
        if workers > 1:
            # To each its part of what may be under way.
            memory, devices = most // workers * max(part.memory for part in parts), 1
    if scheduler is not None or workers > 1:
        order = {id(part): number for number, part in enumerate(parts)}
        sent = uuid.uuid4().hex, *_plain(worlds.asked)
        jobs = [
            Job(name, _piece_of, (*sent, order[id(part)], points, memory, devices))
            for name, part, points in pieces
        ]
        known = {name: (part, points) for name, part, points in pieces}
        take_jobs(
            jobs,
            lambda name, piece: taken(*known[name], piece.arrays),
            scheduler=scheduler,
            workers=workers,
            store=store,
            description="pieces",
        )
        return
    done, total = 0, sum(len(points) for _, _, points in pieces)
    there = sum(len(points) for name, _, points in pieces if name in kept)
    with counted("points", total, even=True, found=there) as update:
        for name, part, points in pieces:
            found = store.read(name)
            if found is None:
                told = worlds, part, points, most, own
                arrays = _piece(*told, lambda n, d=done: update(d + n, ""))
                found = Piece(None, arrays)
                store.write(name, arrays)
            done += len(points)
            update(done, "")
            taken(part, points, found.arrays)


def workers_for(missing: list[Part], most: int) -> int:
    """Return how many processes of this machine make pieces; 1 stands for this one.

    Runs that are drawn keep one interpreter busy on one processor, however many threads it has. A
    process takes some seconds to start: as few as have some pieces each, or none. Devices that are
    made of the processors are of one interpreter, too; where there is a process for each job,
    nothing is added.

    Args:
        missing: the part of each piece that is to be made.
        most: blocks that may be under way.
    """
    apart = jax.default_backend() != "cpu" or jax.process_count() > 1
    if apart or multiprocessing.parent_process() is not None:
        return 1
    drawn = sum(part.group.program.sampled for part in missing)
    return max(1, min(processors(), drawn // PIECES_EACH, most))


def _plain(asked: Asked) -> tuple[Asked, np.ndarray, np.ndarray | None]:
    """Return what can be sent of what is asked for: keys as words."""
    words = np.stack([jax.random.key_data(seed) for seed in asked.seeds])
    key = None if asked.key is None else np.asarray(jax.random.key_data(asked.key))
    return asked._replace(seeds=(), key=None), words, key


_prepared: OrderedDict[str, tuple[Worlds, list[Part]]] = OrderedDict()
_preparing = threading.Lock()


def _piece_of(
    call: str,
    asked: Asked,
    words: np.ndarray,
    key: np.ndarray | None,
    number: int,
    points: range,
    memory: int | None,
    devices: int | None,
) -> Piece:
    """Return a piece, on a worker.

    Args:
        call: of a sweep: one text for all its pieces, whose worlds are prepared once.
        asked: what is asked for, without keys.
        words: of the seeds' keys, ``[seeds, 2]``.
        key: words of the sweep's key, or None.
        number: of the part.
        points: of the part.
        memory, devices: see :func:`boostsim.sweep`; of this process.
    """
    with fixed(double=True):
        with _preparing:
            if call not in _prepared:
                given = (
                    None if key is None else jax.random.wrap_key_data(jnp.asarray(key), impl=KEYS)
                )
                seeds = tuple(jax.random.wrap_key_data(each, impl=KEYS) for each in words)
                worlds = Worlds(asked._replace(seeds=seeds, key=given))
                _prepared[call] = worlds, [part_of(worlds, group) for group in groups_of(worlds)]
            _prepared.move_to_end(call)
            worlds, parts = _prepared[call]
            while len(_prepared) > SWEEPS_KEPT:
                _prepared.popitem(last=False)
        own = devices_of(devices)
        most = ahead(parts, memory, len(own))
        arrays = _piece(worlds, parts[number], points, most, own, lambda done: None)
        return Piece(None, arrays)


def _piece(
    worlds: Worlds, part: Part, points: range, most: int, devices: list[jax.Device], update: Any
) -> dict[str, np.ndarray]:
    """Return what is recorded of some points, ``[points, ...]``."""
    arrays: dict[str, np.ndarray] = {}
    waiting: deque[tuple[int, int, Batch, list[Rows]]] = deque()

    def write() -> None:
        start, size, batch, rows = waiting[0]
        arrived = {name: np.concatenate([each[name] for each in rows]) for name in rows[0]}
        found = recorded(worlds, part.group, batch, arrived)
        for name, values in found.items():
            if name not in arrays:
                arrays[name] = np.empty((len(points), *values.shape[1:]))
            at = start - points.start
            arrays[name][at : at + size] = values[:size]
        waiting.popleft()
        update(start + size - points.start)

    with waited_for(lambda: [rows for *_, rows in waiting]):
        step = part.block * len(devices)
        for start in range(points.start, points.stop, step):
            # The last one is filled up.
            here = np.minimum(np.arange(start, start + step), points.stop - 1)
            batch = batch_of(worlds, part.group, here)
            told = part.group.program, batch.leaves, batch.values, batch.words
            with unbroken():
                rows = blocks(devices, *told)
                waiting.append((start, min(step, points.stop - start), batch, rows))
            while len(waiting) >= most:
                write()
        while waiting:
            write()
    return arrays


def recorded(
    worlds: Worlds, group: Group, batch: Batch, rows: dict[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return what is recorded of a block with its costs, as a trace has them.

    Raises:
        ValueError: for a criterion that said what is no priority.
    """
    program, asked = group.program, worlds.asked
    bad = np.flatnonzero(rows.pop("invalid") >= 0)
    if len(bad):
        raise worlds.invalid(tuple(int(place) for place in batch.places[:, bad[0]]))
    every = asked.reduce == "all"
    spread = (slice(None), None) if every else slice(None)
    looks, generates = batch.looks[spread], batch.generates[spread]
    if every:
        for name in rows.keys() & {"labels", "labels_by_prompt", "judged", "generations"}:
            rows[name] = np.cumsum(rows[name], axis=1)
    tried = [
        program.structures[which].attempts for _, n, which in program.stretches for _ in range(n)
    ]
    made = np.concatenate([[0.0], np.cumsum(tried)])
    if every:
        # An iteration in which nobody was visited costs nothing.
        made = np.cumsum(rows.pop("visited") * np.array([0, *tried]), axis=1)
    else:
        made = made[rows.pop("iterations")] if isinstance(asked.reduce, Until) else made[-1]
    made = generates * rows.pop("generations", made)
    criterion = program.structures[0].criterion
    asks = criterion is not None and criterion.asks_filter
    judged = rows.pop("judged", rows["labels"] if asks else 0.0)
    return {**rows, "generations": made, "filter_calls": looks * (made + judged)}
