"""The hash of keys that is written out is JAX's: the same words, the same numbers, hashed once."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from boostsim.hashing import fold_in, random_bits, threefry2x32, written_out
from boostsim.mode import KEYS, fixed
from boostsim.simulation.tables import samplers

KEY = jax.random.wrap_key_data(jnp.array([7, 2**32 - 1], jnp.uint32), impl=KEYS)
PI = 0x13198A2E, 0x03707344, 0x243F6A88, 0x85A308D3


# What those who devised it publish beside it: key, counter, answer.
@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ((0, 0, 0, 0), (0x6B200159, 0x99BA4EFE)),
        ((2**32 - 1,) * 4, (0x1CB996FC, 0xBB002BE7)),
        (PI, (0xC4923A9C, 0x483DF7A0)),
    ],
)
def test_published_answers(words, answer):
    first, second, high, low = (jnp.asarray(word, jnp.uint32) for word in words)
    assert tuple(int(word) for word in threefry2x32((first, second), (high, low))) == answer


@pytest.mark.parametrize("sizes", [(1,), (3, 1), (5, 4099, 8), (0, 6), (0,)])
@pytest.mark.parametrize("device", ["cpu", "elsewhere"])
def test_bits_of_several_keys_are_those_of_each(sizes, device, monkeypatch):
    monkeypatch.setattr(jax, "default_backend", lambda: device)
    with fixed(double=True):
        keys = list(jax.random.split(KEY, len(sizes)))
        drawn = jax.jit(lambda keys: random_bits(keys, sizes))(keys)
        for bits, key, size in zip(drawn, keys, sizes, strict=True):
            assert np.array_equal(bits, jax.random.bits(key, (size,), jnp.uint64))


def test_keys_of_a_key():
    numbers = np.array([0, 7, 2**32 - 1], np.uint32)
    with fixed(double=True):
        together = fold_in(KEY, jnp.asarray(numbers))
        for one, number in zip(together, numbers, strict=True):
            assert np.all(one == jax.random.fold_in(KEY, number))
            assert np.all(fold_in(KEY, number) == one)
    assert jax.random.key_impl(together) == KEYS


def test_numbers_are_hashed_once_however_many_read_them():
    """Of a fused hash each reader would have its own: then a step takes longer than by JAX's."""
    prompts, most = 1000, 7

    def drawn(key, chance):
        numbers = samplers.uniforms({"a": key}, {"a": (most, prompts)})["a"]
        return [jnp.sum(numbers < share, axis=0) for share in (chance, chance**2, 1.0 - chance)]

    with fixed(double=True):
        given = KEY, jnp.full(prompts, 0.3)
        program = jax.jit(drawn).lower(*given).compile().as_text()
    rotated = [
        int(np.prod([int(side) for side in shape.split(",")]))
        for shape in re.findall(r"= u32\[([\d,]+)\]\S* shift-left\(", program)
    ]
    # A rotation a round, each of a block of the numbers.
    assert sum(size >= most * prompts // 8 for size in rotated) == 20


SAMPLERS = {
    "bits": lambda key: [jax.random.bits(key, (3, 5), f"uint{width}") for width in (8, 16, 32, 64)],
    "nothing": lambda key: jax.random.bits(key, (0, 2), jnp.uint32),
    "one number": jax.random.normal,
    "keys": lambda key: jax.random.key_data(jax.random.split(key, (2, 3))),
    "fold_in": lambda key: jax.random.key_data(jax.random.fold_in(key, 2**32 - 1)),
    "beta": lambda key: jax.random.beta(key, jnp.array([1.0, 3.0, 0.2]), 2.0, (500, 3)),
    "rejection in float32": lambda key: jax.random.gamma(key, 1.5, (300,), jnp.float32),
    "seeds side by side": lambda key: jax.vmap(
        lambda number: jax.random.gamma(jax.random.fold_in(key, number), jnp.ones(9))
    )(jnp.arange(4, dtype=jnp.uint32)),
}


@pytest.mark.parametrize("name", SAMPLERS)
def test_samplers_of_jax_draw_the_same_with_what_is_written_out(name):
    with fixed(double=True):
        drawn, again = (SAMPLERS[name](each) for each in (KEY, written_out(KEY)))
    for one, two in zip(jax.tree.leaves(drawn), jax.tree.leaves(again), strict=True):
        assert one.dtype == two.dtype
        assert np.array_equal(one, two)
