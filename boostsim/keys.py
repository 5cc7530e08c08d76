"""Keys, and the NumPy streams that hang on them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.random.bit_generator import ISeedSequence

from boostsim.arguments import Words, refuse, whole
from boostsim.mode import KEYS


def as_key(got: Any) -> jax.Array:
    """Return a typed JAX key from a ``jax.random.key`` or a whole number below 2^32.

    Keys are of one implementation, threefry2x32: those of others draw other numbers on other
    machines, and beside other keys.
    """
    allowed = "a jax.random.key or a whole number in [0, 2^32)"
    if isinstance(got, jax.Array) and jnp.issubdtype(got.dtype, jax.dtypes.prng_key):
        if got.shape != ():
            raise refuse("key", "one key", Words(f"an array of keys of shape {got.shape}"))
        if jax.random.key_impl(got) != KEYS:
            hint = f"Give a whole number, or jax.random.key(0, impl={KEYS!r})."
            raise refuse("key", f"of implementation {KEYS}", jax.random.key_impl(got), hint)
        return got
    if isinstance(got, (jax.Array, np.ndarray)) and got.ndim > 0:
        raise refuse("key", allowed, got, "Wrap raw bits with jax.random.wrap_key_data.")
    try:
        seed = whole("key", got, 0, 2**32 - 1)
    except ValueError:
        raise refuse("key", allowed, got) from None
    return jax.random.wrap_key_data(jnp.array([0, seed], jnp.uint32), impl=KEYS)


def needed_key(key: jax.Array | int | None, when: str) -> jax.Array:
    """Return a typed key, which has to be given."""
    if key is None:
        raise refuse("key", f"given {when}", None, "For example key=0.")
    return as_key(key)


def key_text(key: jax.Array) -> str:
    """Return the words of a key as text, for provenance."""
    return " ".join(f"{word:08x}" for word in np.ravel(jax.random.key_data(key)))


# Bit generators of each thread.
_own = threading.local()


class _Words(ISeedSequence):
    """Words of a key for a bit generator, as they are.

    Given as a seed: beside a key NumPy would ask the system for entropy, which it never uses, and
    that takes longer than all the rest.
    """

    def __init__(self, words: np.ndarray) -> None:
        self.words = words

    def generate_state(self, n_words: int, dtype: Any = np.uint32) -> np.ndarray:
        return self.words


def bit_generator(key: jax.Array | np.ndarray, block: int = 0) -> np.random.BitGenerator:
    """Return NumPy's counter-based Philox bit generator at a JAX key, or at the words of one.

    Distinct keys, and distinct blocks of one key, give independent streams; a stream depends on
    nothing else.
    """
    words, told = np.zeros(4, np.uint32), key
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        told = np.asarray(jax.random.key_data(key))
    words[: told.size] = np.ravel(told)[:4]
    words[3] ^= np.uint32(block)
    return np.random.Philox(_Words(words.view(np.uint64)))  # type: ignore[arg-type]


def bit_generators(
    words: np.ndarray[tuple[int, int], Any], block: int = 0
) -> Sequence[np.random.BitGenerator]:
    """Return :func:`bit_generator` at many keys, ``[keys, words]``, for as long as they are used.

    To make one takes longer than a hundred draws: a thread's are made once, and its next call sets
    them anew.
    """
    kept: list[np.random.BitGenerator] = _own.__dict__.setdefault("kept", [])
    while len(kept) < len(words):
        kept.append(bit_generator(words[0]))
    filled = np.zeros((len(words), 4), np.uint32)
    filled[:, : words.shape[1]] = words[:, :4]
    filled[:, 3] ^= np.uint32(block)
    # The position says that the four numbers of the buffer are used up.
    nothing = (0, 0, 0, 0)
    first = {"bit_generator": "Philox", "buffer": nothing, "buffer_pos": 4}
    first |= {"has_uint32": 0, "uinteger": 0}
    some = kept[: len(words)]
    for stream, key in zip(some, filled.view(np.uint64).tolist(), strict=True):
        stream.state = {**first, "state": {"counter": nothing, "key": key}}
    return some


def generator(key: jax.Array | np.ndarray, block: int = 0) -> np.random.Generator:
    """Return a NumPy generator on :func:`bit_generator`.

    For uniform numbers, normals, integers and permutations; NumPy may change the others.
    """
    return np.random.Generator(bit_generator(key, block))
