"""What an accelerator computes in another order, or again, is what a CPU computes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.learners import generate, layers, train, transformer
from boostsim.learners.layers import Rows
from boostsim.vocabulary import PAD

VOCABULARY, PROMPT, RESPONSE, BATCH = 9, 5, 4, 6


@pytest.fixture
def way(monkeypatch):
    """Take a CPU's way or an accelerator's, on whatever this is, in float32."""

    def take(accelerated):
        for module in (layers, transformer):
            monkeypatch.setattr(module, "accelerated", lambda: accelerated)
        monkeypatch.setattr(layers, "ordered_sums", lambda: not accelerated)
        for module in (layers, transformer):
            monkeypatch.setattr(module, "compute_dtype", lambda: jnp.dtype(jnp.float32))

    return take


@pytest.mark.parametrize("network_layers", [1, 3])
def test_logits_and_slopes_are_those_of_a_cpu(way, network_layers):
    learner = bs.Transformer(width=12, heads=3, layers=network_layers)
    parameters = learner.network.initial(VOCABULARY, PROMPT + RESPONSE, jax.random.key(0))
    rng = np.random.default_rng(0)
    frames = rng.integers(2, VOCABULARY, (BATCH, PROMPT + RESPONSE)).astype(np.int32)
    frames[:2, 3:PROMPT] = PAD
    frames[3, -2:] = PAD

    def found(accelerated):
        way(accelerated)
        network = learner.network_on(1)
        assert network.by_position is accelerated
        seen = (frames != PAD) | (np.arange(PROMPT + RESPONSE) >= PROMPT)

        @jax.jit
        def told(parameters, frames, seen):
            whole = network.logits(parameters, frames, seen)
            cut = network.logits(parameters, frames, seen, PROMPT - 1)
            slopes = jax.grad(lambda w: train.loss(network, w, frames, PROMPT))(parameters)
            return {"whole": whole, "cut": cut, **slopes}

        with jax.default_matmul_precision("highest"):
            return told(parameters, frames, seen)

    plain, other = found(False), found(True)
    # Sums of at most a few hundred terms of order 1, in another order.
    near = {"rtol": 1e-5, "atol": 1e-5}
    for name, values in plain.items():
        assert np.abs(values).max() > 0
        np.testing.assert_allclose(other[name], values, **near, err_msg=name)
    np.testing.assert_allclose(plain["cut"], plain["whole"][:, PROMPT - 1 :], **near)


# Each size is compiled for.
@settings(max_examples=8)
@given(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5), st.integers(1, 3), st.booleans())
def test_rows_come_back(batch, heads, positions, width, by_position):
    rows = Rows(batch, heads, by_position)
    shape = (batch, positions, heads * width)
    frames = jnp.arange(np.prod(shape), dtype=jnp.float32).reshape(shape)
    joined = rows.join(frames)
    assert joined.shape == (batch * positions, heads * width)
    np.testing.assert_array_equal(rows.split(joined), frames)
    apart = rows.by_head(joined)
    np.testing.assert_array_equal(rows.merged(apart), joined)
    np.testing.assert_array_equal(
        np.reshape(apart, (batch, heads, positions, width)),
        frames.reshape(batch, positions, heads, width).swapaxes(1, 2),
    )
    same = np.broadcast_to(np.arange(batch)[:, None, None], (batch, positions, positions))
    asked = np.broadcast_to(rows.for_heads(same), (*apart.shape[:-1], positions))
    of_heads = np.reshape(asked, (batch, heads, positions, positions))
    assert (of_heads == np.arange(batch)[:, None, None, None]).all()


def test_only_what_is_trained_on_one_device_has_rows_by_position(way):
    learner = bs.Transformer()
    way(True)
    assert learner.network_on(1).by_position
    assert not learner.network_on(2).by_position
    assert not learner.network.by_position
    assert learner.network_on(2) == learner.network
    softmax = bs.SoftmaxRegression()
    assert softmax.network_on(1) == softmax.network


def test_what_is_rectified_need_not_be_kept():
    """From a slope that asks for more than 0, XLA would go back to what was rectified."""

    def value(x, w):
        return jnp.sum(layers.rectify(x @ w) ** 2)

    given = jnp.ones((8, 16)), jnp.ones((16, 32))
    text = jax.jit(jax.grad(value, argnums=1)).lower(*given).compile().as_text()
    assert "direction=NE" in text
    assert "direction=GT" not in text
    x = jnp.array([-2.0, -0.0, 0.0, 3.0])
    np.testing.assert_array_equal(layers.rectify(x), [0, 0, 0, 3])
    np.testing.assert_array_equal(jax.grad(lambda x: layers.rectify(x).sum())(x), [0, 0, 0, 1])


def test_very_many_rows_are_drawn_at_once_where_there_is_room(monkeypatch):
    def rows(width, count, length, among):
        network = bs.Transformer(width=width, layers=count).network
        like = jax.eval_shape(lambda key: network.initial(16, length, key), jax.random.key(0))
        return generate._chunk(network, like, among, 1)

    assert rows(256, 4, 32, 10**6) == generate.ROWS_ON_CPU
    monkeypatch.setattr(generate, "accelerated", lambda: True)
    assert rows(256, 4, 32, generate.MANY_ROWS) == generate.MANY_ROWS
    assert rows(256, 4, 32, generate.MANY_ROWS - 1) == generate.ROWS_ELSEWHERE
    assert rows(512, 8, 64, 10**6) == generate.ROWS_ELSEWHERE
