"""The hash of keys that is written out is JAX's: the same words, the same numbers, hashed once."""

import re

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.hashing import plain, random_bits, threefry2x32, written_out
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


@pytest.mark.parametrize("sizes", [(1,), (3, 1), (5, 4099, 8)])
def test_bits_of_several_keys_are_those_of_each(sizes):
    with fixed(double=True):
        keys = list(jax.random.split(KEY, len(sizes)))
        for bits, key, size in zip(random_bits(keys, sizes), keys, sizes, strict=True):
            assert np.array_equal(bits, jax.random.bits(key, (size,), jnp.uint64))


DRAWS = {
    "fold_in": lambda key: jax.random.key_data(jax.random.fold_in(key, 2**32 - 1)),
    "split": lambda key: jax.random.key_data(jax.random.split(key, (2, 3))),
    "bytes": lambda key: jax.random.bits(key, (9,), jnp.uint8),
    "words": lambda key: jax.random.bits(key, (3, 3)),
    "doubles": lambda key: jax.random.uniform(key, (9,)),
    "beta": lambda key: jax.random.beta(key, jnp.linspace(0.1, 9.0, 9), 2.0),
    "permutation": lambda key: jax.random.permutation(key, 9),
}


@pytest.mark.parametrize("name", DRAWS)
def test_a_key_written_out_draws_the_same(name):
    with fixed(double=True):
        assert np.array_equal(DRAWS[name](written_out(KEY)), DRAWS[name](KEY))
        assert np.array_equal(DRAWS[name](plain(written_out(KEY))), DRAWS[name](KEY))
    assert jax.random.key_impl(plain(written_out(KEY))) == KEYS


def test_a_seed_is_the_same_key():
    made = jax.random.key(5, impl=jax.random.key_impl(written_out(KEY)))
    assert np.array_equal(jax.random.key_data(made), jax.random.key_data(jax.random.key(5)))


def test_a_criterion_is_given_a_key_as_users_know_it():
    """What it has made with keys of its own goes together with it."""
    seen = []

    class Curious:
        name = "curious"

        def init(self, groups):
            return jnp.zeros(groups)

        def priority(self, memory, visits, key):
            seen.append(jax.random.key_impl(key))
            other = jnp.stack([key, jax.random.key(0)])
            return jnp.ones_like(visits.mass) + 0.0 * jax.random.uniform(other[0])

        def update(self, memory, visits, labelled, accepted):
            return memory

    rule = bs.boosting(
        labeler=bs.WeakLabeler(0.3), criterion=bs.criterion(Curious()), budget=0.1
    )
    bs.simulate(rule, bs.random_table(0, prompts=5), 2, visits=3, key=0)
    assert set(seen) == {KEYS}


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
