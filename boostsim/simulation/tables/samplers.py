"""Binomial and multinomial draws in bulk.

Counts that are known to be small are drawn trial by trial, a uniform number each, wherever the
program runs. Others come, on a CPU, from :mod:`boostsim.simulation.counts` through a host callback,
at 50 to 150 ns a draw in bulk, whatever n is, against 300 to 1,000 ns for ``jax.random.binomial``:
the same key gives the same counts with every version of NumPy, and their law is exact to what is
said there. On an accelerator they come from ``jax.random.binomial`` in float64 (in float32 its
variance is wrong from n = 10^7): other counts, of a law that is exact to about 10^-10, and the same
only as long as JAX keeps them. Trial by trial laws are exact up to 2^-52.

A callback runs on a thread that does not see the 64-bit context, so float64 operands would arrive
as float32: numbers cross in both directions as pairs of uint32.

Where a program draws trial by trial at several sites, :func:`uniforms` draws for all of them with
one hash of their keys, the same numbers.
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from boostsim.hashing import random_bits
from boostsim.keys import bit_generators
from boostsim.simulation import counts
from boostsim.simulation.counts import Streams

# Up to so many trials a uniform number each is cheaper than the way to the host.
FEW = 16

# From this many cells on, a draw is split into blocks.
LARGE, BLOCKS = 2**16, 4
# Words of one operand of a callback, just below 100 KiB: JAX copies what is larger on the very
# threads that run callbacks, and where there is one core it would wait for itself for ever.
PIECE = 24_000

# (streams, counts, probabilities) -> counts by cell: a row for each stream.
Draw = Callable[[Streams, np.ndarray, np.ndarray], np.ndarray]
Site = TypeVar("Site", bound=Hashable)


def uniforms(
    keys: Mapping[Site, jax.Array], shapes: Mapping[Site, tuple[int, ...]]
) -> dict[Site, Float[Array, "..."]]:
    """Return ``jax.random.uniform(key, shape)`` in float64 of several sites, by one hash.

    What it returns stands in place of a key below, where counts are few.

    Args:
        keys: by site; those without a shape are not drawn from.
        shapes: of what is drawn at each site.

    Example:
        >>> with jax.enable_x64(True):
        ...     key = jax.random.key(0)
        ...     drawn = uniforms({"here": key}, {"here": (3,)})["here"]
        ...     bool((drawn == jax.random.uniform(key, (3,))).all())
        True
    """
    if not shapes:
        return {}
    sizes = [math.prod(shape) for shape in shapes.values()]
    bits = random_bits([keys[site] for site in shapes], sizes)
    # The upper 52 bits become the fraction of a number in [1, 2).
    one = jnp.uint64(0x3FF0000000000000)
    drawn = [lax.bitcast_convert_type((each >> 12) | one, jnp.float64) - 1.0 for each in bits]
    return {
        site: part.reshape(shape) for (site, shape), part in zip(shapes.items(), drawn, strict=True)
    }


def binomial(
    key: jax.Array,
    count: Float[Array, "*shape"],
    probability: Float[Array, "*shape"],
    most: int | None = None,
) -> Float[Array, "*shape"]:
    """Draw Binomial(count, probability) for every entry; counts are whole numbers in float64.

    ``most`` is what no count exceeds, where that is at most :data:`FEW`; else None. Then, here and
    below, ``key`` may be what :func:`uniforms` drew, ``[most, *shape]``.
    """
    probability = jnp.clip(probability, 0.0, 1.0)
    if most is not None:
        trials, happens = _trials(key, count, most)
        return jnp.sum(happens & (trials < probability), axis=0).astype(count.dtype)
    if jax.default_backend() == "cpu":
        return _on_host(_host_binomial, key, count, probability[None])[0]
    return _jax_binomial(key, count, probability)


def multinomial(
    key: jax.Array,
    count: Float[Array, "*shape"],
    probability: Float[Array, cells * shape],
    most: int | None = None,
) -> Float[Array, cells * shape]:
    """Split each count over the cells of the first axis, whose probabilities sum to one."""
    if probability.shape[0] == 1:
        return count[None]
    if probability.shape[0] == 2:
        # The rarer cell is drawn: 1 - 1e-20 is no float, but 1e-20 is (trial by trial, 2^-52).
        first_is_rarer = probability[0] <= probability[1]
        rarer = binomial(key, count, jnp.minimum(probability[0], probability[1]), most)
        common = count - rarer
        return jnp.stack(
            [jnp.where(first_is_rarer, rarer, common), jnp.where(first_is_rarer, common, rarer)]
        )
    if most is not None:
        return _trial_by_trial(key, count, probability, most)
    if jax.default_backend() == "cpu":
        return _on_host(counts.multinomial, key, count, jnp.maximum(probability, 0.0))
    return _by_halves(key, count, jnp.maximum(probability, 0.0))


def thinned(
    key: jax.Array,
    counts: Float[Array, cells * shape],
    probability: Float[Array, cells * shape],
    most: int | None = None,
) -> Float[Array, cells * shape]:
    """Draw Binomial(counts, probability), as :func:`binomial` does.

    ``most`` is what the sum over the first axis never exceeds: so many uniform numbers serve all
    its cells, each trial in one of them.
    """
    if most is None:
        return binomial(key, counts, probability)
    ends = list(itertools.accumulate(counts, operator.add))
    trials, _ = _trials(key, ends[-1], most)
    number = _numbers(ends[-1], most)
    kept = [
        (number >= end - count) & (number < end) & (trials < chance)
        for count, end, chance in zip(counts, ends, probability, strict=True)
    ]
    return jnp.stack([jnp.sum(each, axis=0) for each in kept]).astype(counts.dtype)


def _numbers(count: Float[Array, "*shape"], most: int) -> Float[Array, "trials *ones"]:
    return jnp.arange(most, dtype=count.dtype).reshape(most, *[1] * count.ndim)


def _trials(
    key: jax.Array, count: Float[Array, "*shape"], most: int
) -> tuple[Float[Array, "trials *shape"], Array]:
    """Return a uniform number for each trial, and which of the trials happen."""
    uniform = key
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        uniform = uniforms({"trials": key}, {"trials": (most, *count.shape)})["trials"]
    return uniform, _numbers(count, most) < count


def _trial_by_trial(
    key: jax.Array,
    count: Float[Array, "*shape"],
    probability: Float[Array, cells * shape],
    most: int,
) -> Float[Array, cells * shape]:
    trials, happens = _trials(key, count, most)
    ends = list(itertools.accumulate(probability, operator.add))
    # Strictly below the sum, whatever it rounds to: a last cell without mass is never drawn.
    level = jnp.minimum(trials * ends[-1], jnp.nextafter(ends[-1], jnp.zeros_like(ends[-1])))
    below = [jnp.sum(happens & (level < end), axis=0).astype(count.dtype) for end in ends[:-1]]
    return jnp.stack([b - a for a, b in itertools.pairwise([0.0 * count, *below, count])])


def _jax_binomial(
    key: jax.Array, count: Float[Array, "*shape"], probability: Float[Array, "*shape"]
) -> Float[Array, "*shape"]:
    # jax.random.binomial returns NaN at the ends of its range, where nothing is random.
    inside = (count > 0.0) & (probability > 0.0) & (probability < 1.0)
    n, p = jnp.where(inside, count, 1.0), jnp.where(inside, probability, 0.5)
    drawn = jax.random.binomial(key, n, p, dtype=jnp.float64)
    return jnp.where(inside, drawn, jnp.where(probability >= 1.0, count, 0.0))


def _by_halves(
    key: jax.Array, count: Float[Array, "*shape"], mass: Float[Array, "cells *shape"]
) -> Float[Array, "cells *shape"]:
    """Split each count over halves of the cells, and those over their halves, down to the cells.

    One binomial in a loop over the levels, all of a level's pairs at once: written out, one cell
    after another or one level after another, its compilation takes a minute or many seconds. Of
    each pair the rarer side is drawn, so that nothing is rounded away.
    """
    depth = (len(mass) - 1).bit_length()

    def filled(rows: Array) -> Array:
        return jnp.concatenate([rows, jnp.zeros((2**depth - len(rows), *count.shape))])

    levels = [filled(mass)]
    for _ in range(depth - 1):
        below = levels[0]
        levels.insert(0, filled(below[0::2] + below[1::2]))
    numbered = jnp.arange(depth), jnp.stack(levels)

    def split(counts: Array, level: tuple[Array, Array]) -> tuple[Array, None]:
        number, part = level
        first, second = part[0::2], part[1::2]
        both, whole = first + second, counts[: len(first)]
        share = jnp.minimum(first, second) / jnp.where(both > 0.0, both, 1.0)
        rarer = _jax_binomial(jax.random.fold_in(key, number), whole, share)
        drawn = jnp.where(first <= second, rarer, whole - rarer)
        return jnp.stack([drawn, whole - drawn], axis=1).reshape(part.shape), None

    return lax.scan(split, filled(count[None]), numbered)[0][: len(mass)]


def _host_binomial(
    streams: Streams,
    count: Float[np.ndarray, "streams size"],
    probability: Float[np.ndarray, "streams 1 size"],
) -> Float[np.ndarray, "streams 1 size"]:
    return counts.binomial(streams, count, probability[:, 0])[:, None]


def _in_blocks(
    draw: Draw,
    words: np.ndarray,
    count: Float[np.ndarray, "keys size"],
    probability: Float[np.ndarray, "keys cells size"],
) -> Float[np.ndarray, "keys cells size"]:
    """Draw small jobs of several keys at once, large ones in four blocks on as many threads.

    Each key has a stream of its own, and each block of a large job; the split depends on the size
    of one key's job alone. So the numbers depend neither on the batch nor on the threads.
    """
    keys, cells, size = probability.shape
    drawn = np.empty(probability.shape)
    if size * cells < LARGE:
        together = max(1, LARGE // max(1, size * cells))
        for start in range(0, keys, together):
            some = slice(start, start + together)
            drawn[some] = draw(bit_generators(words[some]), count[some], probability[some])
        return drawn
    ends = [size * block // BLOCKS for block in range(BLOCKS + 1)]

    def block(job: tuple[int, int]) -> None:
        key, number = job
        own, part = slice(key, key + 1), slice(ends[number], ends[number + 1])
        streams = bit_generators(words[own], number)
        drawn[own, :, part] = draw(streams, count[own, part], probability[own, :, part])

    with ThreadPoolExecutor(BLOCKS) as threads:
        # Collected, so that an error in a block is an error here.
        list(threads.map(block, itertools.product(range(keys), range(BLOCKS))))
    return drawn


def _on_host(
    draw: Draw,
    key: jax.Array,
    count: Float[Array, "*shape"],
    probability: Float[Array, "cells *shape"],
) -> Float[Array, "cells *shape"]:
    """Call ``draw`` on the host, for all keys of a batch at once.

    All operands travel as one vector of uint32, cut into pieces: most of a call's cost is per
    operand. Those of a batch are one vector, too, so that no piece is larger for it.
    """
    words = jax.random.key_data(key).ravel()
    ends = words.size, words.size + 2 * count.size
    cells = len(probability)

    def call(*pieces: jax.Array) -> np.ndarray:
        batch = np.concatenate([np.asarray(piece) for piece in pieces]).reshape(-1, size)
        n, p = (
            np.ascontiguousarray(part).view(np.float64)
            for part in (batch[:, ends[0] : ends[1]], batch[:, ends[1] :])
        )
        drawn = _in_blocks(draw, batch[:, : ends[0]], n, p.reshape(len(batch), cells, -1))
        return drawn.view(np.uint32).reshape(-1, *probability.shape, 2)

    @jax.custom_batching.custom_vmap
    def asked(packed: Array) -> Array:
        kind = jax.ShapeDtypeStruct((packed.size // size, *probability.shape, 2), jnp.uint32)
        bits = jax.pure_callback(call, kind, *_pieces(packed.ravel()))
        return bits.reshape(*packed.shape[:-1], *probability.shape, 2)

    @asked.def_vmap
    def together(number: int, batched: list[bool], packed: Array) -> tuple[Array, bool]:
        return asked(packed), True

    packed = jnp.concatenate([words, _bits(count), _bits(probability)])
    size = packed.size
    return lax.bitcast_convert_type(asked(packed), jnp.float64)


def _pieces(packed: Array) -> list[Array]:
    return [packed[start : start + PIECE] for start in range(0, packed.size, PIECE)]


def _bits(values: Float[Array, "*shape"]) -> Array:
    return lax.bitcast_convert_type(values, jnp.uint32).ravel()
