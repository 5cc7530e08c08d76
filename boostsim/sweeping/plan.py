"""What a sweep would take: points, programs, memory, time."""

from __future__ import annotations

import time
from dataclasses import dataclass

import jax
import numpy as np

from boostsim.processors import processors
from boostsim.simulation.tables.recording import numbers_each
from boostsim.sweeping.blocks import block
from boostsim.sweeping.groups import Worlds, batch_of
from boostsim.sweeping.running import Part, ahead, workers_for


@dataclass(frozen=True)
class SweepPlan:
    """What a sweep would take, as ``bs.sweep(..., dry_run=True)`` returns it.

    Attributes:
        points: parameters times seeds.
        compilations: programs that are compiled.
        chunks: pieces in which it is computed, and kept.
        bytes: of memory, about: of the blocks under way and of the result.
        seconds: about, compiling included, told from one block that was timed; NaN where nothing
            was.
        way: what a point is computed as.
    """

    points: int
    compilations: int
    chunks: int
    bytes: int
    seconds: float
    way: str = "a place in a block"

    def __str__(self) -> str:
        """Return it in one line."""
        return (
            f"{self.points:,} points, each {self.way}, in {self.chunks:,} chunks, "
            f"{self.compilations:,} compiled programs, {self.bytes / 1e6:,.0f} MB, "
            f"about {self.seconds:,.1f} s"
        )


def plan_of(
    worlds: Worlds, parts: list[Part], memory: int | None, devices: list[jax.Device]
) -> SweepPlan:
    """Return what a sweep would take; one block of the largest group is timed."""
    largest = max(parts, key=lambda part: part.points)
    first = batch_of(worlds, largest.group, np.arange(largest.block) % largest.points)
    seconds = []
    for _ in range(2):
        began = time.perf_counter()
        jax.block_until_ready(block(largest.group.program, first.leaves, first.values, first.words))
        seconds.append(time.perf_counter() - began)
    blocks = sum(-(-part.points // part.block) * part.memory / largest.memory for part in parts)
    asked = worlds.asked
    rows = asked.iterations + 1 if asked.reduce == "all" else 1
    result = 8 * int(np.prod(asked.shape)) * rows * numbers_each(asked.task, asked.wanted)
    pieces = [part for part in parts for _ in part.pieces()]
    most = ahead(parts, memory, len(devices))
    # Devices of a CPU share its processors.
    busy = processors() if jax.default_backend() == "cpu" else len(devices)
    at_once = max(min(len(devices), busy), workers_for(pieces, most))
    return SweepPlan(
        points=sum(part.points for part in parts),
        compilations=len({(part.group.program, part.block) for part in parts}),
        chunks=len(pieces),
        bytes=most * len(devices) * max(part.memory for part in parts) + result,
        seconds=len(parts) * max(seconds[0] - seconds[1], 0.0)
        + blocks * seconds[1] / (jax.process_count() * at_once),
    )
