"""Where a sweep is computed: blocks over the devices of a process, pieces over processes.

Every device runs the program of one block, so it makes no difference to a point on which it is, and
devices never wait for one another. Of several processes (``jax.distributed``) each makes pieces of
its own, and all that travels is what was recorded: once, at the end, to every process.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import jax
import numpy as np
from jax.experimental import multihost_utils

from boostsim.arguments import refuse, whole
from boostsim.store import Store, opened, store_of
from boostsim.sweeping.blocks import Leaves, Program, block
from boostsim.versions import Functions

Rows = dict[str, Any]


def devices_of(devices: int | None) -> list[jax.Device]:
    """Return the devices of this process that a sweep uses.

    Raises:
        ValueError: for more than there are.
    """
    there = jax.local_devices()
    count = len(there) if devices is None else whole("devices", devices, 1)
    if count > len(there):
        kind = jax.default_backend()
        raise refuse("devices", f"at most the {len(there)} of kind {kind!r} here", count)
    return there[:count]


def blocks(
    devices: list[jax.Device],
    program: Program,
    leaves: Leaves,
    values: np.ndarray,
    words: np.ndarray | None,
) -> list[Rows]:
    """Return what is recorded of as many blocks of points as there are devices, block by block.

    Each device is given the program of one block: one program for all of them together would be
    another, with other last bits.
    """
    if len(devices) == 1:
        return [block(program, leaves, values, words)]
    each, made = len(values) // len(devices), []
    for number, device in enumerate(devices):
        own = slice(number * each, (number + 1) * each)
        apart = jax.tree.map(lambda leaf, own=own: leaf[own], leaves) if program.apart else leaves
        seen = None if words is None else words[own]
        made.append(block(program, *jax.device_put((apart, values[own], seen), device)))
    return made


def ours(number: int) -> bool:
    """Whether this process makes a piece, by its number."""
    return number % jax.process_count() == jax.process_index()


@contextmanager
def held(folder: Path | None, about: Mapping[str, Any], functions: Functions) -> Iterator[Store]:
    """Hold a folder as :func:`boostsim.store.opened` does; of several processes the first, for all.

    Raises:
        ValueError: as there, in every process.
    """
    if jax.process_count() == 1 or folder is None:
        with opened(folder, about, functions) as store:
            yield store
    elif jax.process_index():
        (told,) = _everyones("", only=0)
        if told:
            raise ValueError(told)
        yield store_of(folder, about)
    else:
        begun = False
        try:
            with opened(folder, about, functions) as store:
                begun = True
                _everyones("", only=0)
                yield store
        except ValueError as error:
            if not begun:
                _everyones(str(error), only=0)
            raise


def _everyones(told: str, only: int | None = None) -> list[str]:
    """Return what each process says, in order, or what one of them does."""
    found = [each.decode() for each in _gathered(told.encode())]
    return found if only is None else [found[only]]


def shared(arrays: Rows | None, error: str = "") -> list[Rows]:
    """Return the arrays of every process, in order.

    Raises:
        ValueError: in every process, what went wrong in one of them.
    """
    errors = [each for each in _everyones(error) if each]
    if errors:
        raise ValueError(errors[0])
    archive = io.BytesIO()
    np.savez(archive, **(arrays or {}))
    found = []
    for content in _gathered(archive.getvalue()):
        with np.load(io.BytesIO(content)) as file:
            found.append({name: file[name] for name in file.files})
    return found


def _gathered(content: bytes) -> list[bytes]:
    """Return the bytes of every process, in order."""
    sizes = np.ravel(multihost_utils.process_allgather(np.array([len(content)], np.int32)))
    filled = np.zeros(max(int(sizes.max()), 1), np.uint8)
    filled[: len(content)] = np.frombuffer(content, np.uint8)
    rows = np.asarray(multihost_utils.process_allgather(filled)).reshape(len(sizes), -1)
    return [row[:size].tobytes() for row, size in zip(rows, sizes.tolist(), strict=True)]
