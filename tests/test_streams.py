"""What numbers rest on besides counts: streams that NumPy and JAX do not promise to keep.

They are what they were when the figures were drawn. Where a release changes one, this names it.
"""

import zlib

import jax
import numpy as np
import pytest

import boostsim as bs
from boostsim.certification.measurements import MEASUREMENTS
from boostsim.keys import generator

WORDS = np.array([3, 5], np.uint32)

NUMPY = {
    "random": (lambda rng: rng.random(500), 1223039013),
    "integers": (lambda rng: rng.integers(0, 97, (500, 3)), 1995131835),
    "integers up to each": (lambda rng: rng.integers(1, np.arange(2, 500)), 3189816400),
    "permutation": (lambda rng: rng.permutation(500), 811008297),
    "permuted": (lambda rng: rng.permuted(np.tile(np.arange(9), (50, 1)), axis=1), 2774852401),
    "choice": (lambda rng: rng.choice(4, 500, p=[0.1, 0.2, 0.3, 0.4]), 3959385444),
    "choice in two dimensions": (
        lambda rng: rng.choice(3, (50, 9), p=[0.5, 0.25, 0.25]),
        1340403213,
    ),
    "standard_exponential": (lambda rng: rng.standard_exponential((50, 9)), 191777539),
    "standard_normal": (lambda rng: rng.standard_normal((50, 9)), 1280125096),
}
JAX = {
    "uniform": (lambda key: jax.random.uniform(key, (500,), np.float64), 3076810642),
    "uniform in single precision": (
        lambda key: jax.random.uniform(key, (500,), np.float32),
        1390398789,
    ),
    "split": (lambda key: jax.random.key_data(jax.random.split(key, 9)), 270782286),
    "fold_in": (lambda key: jax.random.key_data(jax.random.fold_in(key, 7)), 1928770204),
    "bits": (lambda key: jax.random.bits(key, (500,)), 10925935),
}


def digest(values):
    """Of nine decimals: what a mathematical library rounds otherwise is no other stream."""
    values = np.asarray(values)
    if values.dtype.kind == "f":
        values = np.round(values * 1e9 if values.dtype == np.float64 else values * 1e6)
    return zlib.crc32(np.ascontiguousarray(values.astype(np.int64)).tobytes())


@pytest.mark.parametrize("name", NUMPY)
def test_streams_of_numpy(name):
    draw, recorded = NUMPY[name]
    assert digest(draw(generator(WORDS))) == recorded


def test_seeds_of_numpy():
    assert digest(np.random.default_rng([1, 20, 3]).integers(0, 1000, 50)) == 3384862349
    assert digest(np.random.default_rng(7).standard_normal(50)) == 1138639318


@pytest.mark.parametrize("name", JAX)
def test_streams_of_jax(name):
    draw, recorded = JAX[name]
    with jax.enable_x64(True):
        assert digest(draw(jax.random.wrap_key_data(WORDS, impl="threefry2x32"))) == recorded


def test_a_drawn_task():
    task = bs.random_table(4, prompts=50, responses=6, solvable=0.6)
    assert digest(task.quality) == 4085130287
    assert digest(task.initial) == 49442849


@pytest.mark.parametrize(
    ("claim", "point", "recorded"),
    [
        ("Seddik.survivor", {"examples": 12, "initial_accuracy": 0.4}, 1928009703),
        ("Shumailov.variance", {"batch_size": 9, "iterations": 3}, 371393228),
    ],
)
def test_simulators(claim, point, recorded):
    assert digest(MEASUREMENTS[claim].simulator(generator(WORDS), 200, **point)) == recorded
