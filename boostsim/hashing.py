"""The hash of JAX's keys, written out: the same numbers, in one pass over them.

On a CPU JAX computes threefry2x32 (Salmon et al. 2011) as a loop over its rounds, which passes over
all numbers several times. There bulk numbers are hashed block by block: otherwise XLA would hash
them once more for each operation that reads them. What JAX draws by rejection, a few numbers at a
time, it draws with :func:`written_out` keys: the same numbers.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.extend.random import define_prng_impl
from jaxtyping import Array, UInt32, UInt64

from boostsim.mode import KEYS

# By how many bits the second word turns, in rounds of even and of odd numbers.
TURNS = (13, 15, 26, 6), (17, 29, 16, 24)
PARITY = 0x1BD11BDA
# Of the most numbers of a key: a loop over one block would be none.
BLOCKS = 4

Words = tuple[UInt32[Array, "*shape"], UInt32[Array, "*shape"]]


def threefry2x32(key: Words, count: Words) -> Words:
    """Return two words for the two words of a key and of a counter, entry by entry.

    Example:
        >>> nothing = jnp.zeros((), jnp.uint32), jnp.zeros((), jnp.uint32)
        >>> [hex(word) for word in threefry2x32(nothing, nothing)]
        ['0x6b200159', '0x99ba4efe']
    """
    # Constants are NumPy's: put on a device one by one they would take most of the tracing.
    words = *key, key[0] ^ key[1] ^ np.uint32(PARITY)
    first, second = count[0] + words[0], count[1] + words[1]
    for number in range(5):
        for turn in TURNS[number % 2]:
            first = first + second
            second = first ^ ((second << np.uint32(turn)) | (second >> np.uint32(32 - turn)))
        first = first + words[(number + 1) % 3]
        second = second + words[(number + 2) % 3] + np.uint32(number + 1)
    return first, second


def fold_in(key: jax.Array, number: Array | int) -> jax.Array:
    """Return ``jax.random.fold_in(key, number)``: of an array of numbers a key for each.

    Example:
        >>> key = jax.random.key(0)
        >>> bool((fold_in(key, 7) == jax.random.fold_in(key, 7)).all())
        True
    """
    words, low = jax.random.key_data(key), jnp.asarray(number, jnp.uint32)
    folded = threefry2x32((words[0], words[1]), (jnp.zeros_like(low), low))
    return jax.random.wrap_key_data(jnp.stack(folded, axis=-1), impl=KEYS)


def random_bits(keys: Sequence[jax.Array], sizes: Sequence[int]) -> list[UInt64[Array, "size"]]:
    """Return ``jax.random.bits(key, (size,), jnp.uint64)`` of several keys, with 64-bit types.

    On a CPU one loop makes them all.

    Example:
        >>> with jax.enable_x64(True):
        ...     key = jax.random.key(0)
        ...     bool((random_bits([key], [9])[0] == jax.random.bits(key, (9,), jnp.uint64)).all())
        True
    """
    if not any(sizes):
        return [jnp.zeros(0, jnp.uint64) for _ in sizes]
    length = -(-max(sizes) // BLOCKS)
    blocks = [-(-size // length) for size in sizes]
    words = [jax.random.key_data(key) for key in keys]
    of_key = jnp.stack(
        [each for each, count in zip(words, blocks, strict=True) for _ in range(count)]
    )
    starts = jnp.concatenate([length * jnp.arange(count, dtype=jnp.uint32) for count in blocks])

    def block(key: Array, start: Array) -> Array:
        low = start + jnp.arange(length, dtype=jnp.uint32)
        first, second = threefry2x32((key[0], key[1]), (jnp.zeros_like(low), low))
        return (first.astype(jnp.uint64) << 32) | second.astype(jnp.uint64)

    if jax.default_backend() == "cpu":
        drawn = lax.map(lambda each: block(*each), (of_key, starts))
    else:
        drawn = jax.vmap(block)(of_key, starts)
    parts = jnp.split(drawn, list(itertools.accumulate(blocks))[:-1])
    return [part.ravel()[:size] for part, size in zip(parts, sizes, strict=True)]


def written_out(key: jax.Array) -> jax.Array:
    """Return a key of the same words whose draws are the same, by the hash that is written out.

    It is for JAX's own samplers, and ends there: no function here takes it.

    Example:
        >>> key = jax.random.key(0)
        >>> bool(jax.random.gamma(written_out(key), 2.0) == jax.random.gamma(key, 2.0))
        True
    """
    return jax.random.wrap_key_data(jax.random.key_data(key), impl=_WRITTEN_OUT)


def _at(words: Array, shape: Sequence[int]) -> Words:
    """Return two words for each place of a shape, row by row."""
    low = jnp.arange(math.prod(shape), dtype=jnp.uint32).reshape(shape)
    return threefry2x32((words[0], words[1]), (jnp.zeros_like(low), low))


def _bits(words: Array, bit_width: int, shape: Sequence[int]) -> Array:
    first, second = _at(words, shape)
    if bit_width == 64:
        return (first.astype(jnp.uint64) << 32) | second.astype(jnp.uint64)
    # Of fewer bits the lowest.
    return (first ^ second).astype(f"uint{bit_width}")


def _seeded(seed: Array) -> Array:
    return jax.random.key_data(jax.random.key(seed, impl=KEYS))


def _folded(words: Array, number: Array | int) -> Array:
    low = jnp.asarray(number, jnp.uint32)
    return jnp.stack(threefry2x32((words[0], words[1]), (jnp.zeros_like(low), low)))


_WRITTEN_OUT = define_prng_impl(
    key_shape=(2,),
    seed=_seeded,
    split=lambda words, shape: jnp.stack(_at(words, shape), axis=-1),
    random_bits=_bits,
    fold_in=_folded,
    name=f"{KEYS}_written_out",
    tag="written_out",
)
