"""On which devices a transformer runs: a mesh of seeds by parts of a batch.

Parameters live whole on every device of their seed's row of the mesh; a batch is split over it. The
compiled programs are the same for one CPU and for many accelerators: how their operands are placed
says the rest, and the compiler adds the sums over devices.
"""

from __future__ import annotations

from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from boostsim.arguments import refuse, whole


def mesh_for(devices: int | None, seeds: int, batch: int) -> Mesh | None:
    """Return the mesh ("seed", "data") of a run, or None for one device.

    As many seeds run at once as the devices can be shared between evenly; what is left shares a
    batch, as far as it divides it.

    Args:
        devices: how many to use; None is all there are.
        seeds: runs.
        batch: examples that are trained on at once.
    """
    there = jax.devices()
    count = len(there) if devices is None else whole("devices", devices, 1)
    if count > len(there):
        kind = jax.default_backend()
        raise refuse("devices", f"at most the {len(there)} of kind {kind!r} here", count)
    at_once = max(size for size in range(1, min(seeds, count) + 1) if count % size == 0)
    share = max(size for size in range(1, count // at_once + 1) if batch % size == 0)
    if at_once * share == 1:
        return None
    chosen = np.array(there[:count]).reshape(at_once, -1)[:, :share]
    return Mesh(chosen, ("seed", "data"))


def row(mesh: Mesh, seed: int) -> Mesh:
    """Return the devices of one seed, as a mesh ("data",)."""
    return Mesh(mesh.devices[seed % len(mesh.devices)], ("data",))


def place(parameters: Any, mesh: Mesh | None) -> Any:
    """Put parameters whole on every device of a seed's row; without one, leave them."""
    return (
        parameters
        if mesh is None
        else jax.device_put(parameters, NamedSharding(mesh, PartitionSpec()))
    )


def row_size(parameters: Any) -> int:
    """Return over how many devices a batch for these parameters is split."""
    mesh = _mesh_of(parameters)
    return 1 if mesh is None else mesh.size


def spread(parameters: Any, arrays: Any, axis: int = 0) -> Any:
    """Split arrays along an axis over the devices that hold the parameters."""
    mesh = _mesh_of(parameters)
    if mesh is None:
        return arrays
    return jax.device_put(arrays, NamedSharding(mesh, PartitionSpec(*(None,) * axis, "data")))


def _mesh_of(parameters: Any) -> Mesh | None:
    sharding = getattr(jax.tree.leaves(parameters)[0], "sharding", None)
    mesh = sharding.mesh if isinstance(sharding, NamedSharding) else None
    return mesh if isinstance(mesh, Mesh) else None


def accelerated() -> bool:
    """Whether programs run on something that is not a CPU."""
    return jax.default_backend() != "cpu"


def ordered_sums() -> bool:
    """Whether what a scatter adds up is added in one order, as on a CPU.

    The slope of a look-up is a scatter. On accelerators its terms come in whatever order threads
    do, so there a row is taken by a product with 0 and 1 instead.
    """
    return not accelerated()
