"""Examples that count more than others: the loss of a network, batch by batch."""

import functools

import jax
import numpy as np
import pytest
from precision import apart

import boostsim as bs
from boostsim.learners.train import loss, token_worth, train, weighted_loss
from boostsim.vocabulary import END, PAD

MODEL = bs.SoftmaxRegression(steps=4, batch=8, first_steps=0)
VOCABULARY, PROMPT, RESPONSE = 6, 3, 3
COUNT = 32
NETWORK = MODEL.network


@functools.cache
def first():
    """The first weights."""
    return NETWORK.initial(VOCABULARY, PROMPT + RESPONSE, jax.random.key(0))


def examples(seed=0):
    """Prompts and responses of one to three tokens, and weights of 1 to 5."""
    rng = np.random.default_rng(seed)
    frames = rng.integers(2, VOCABULARY, (COUNT, PROMPT + RESPONSE)).astype(np.int32)
    length = rng.integers(0, RESPONSE, COUNT)
    place = np.arange(RESPONSE)
    said = np.where(place == length[:, None], END, frames[:, PROMPT:])
    frames[:, PROMPT:] = np.where(place > length[:, None], PAD, said)
    return frames, rng.integers(1, 6, COUNT)


read = jax.jit(NETWORK.logits)


@functools.partial(jax.jit, static_argnums=1)
def slope_at(weights, objective, batch):
    return jax.grad(lambda weights: objective(NETWORK, weights, batch, PROMPT))(weights)


def slope(objective, batch):
    return slope_at(first(), objective, batch)


def assert_same(one, other):
    for name, leaf in one.items():
        scale = np.abs(leaf).max()
        assert np.asarray(other[name]) == pytest.approx(np.asarray(leaf), abs=apart(scale))


def surprise(frames):
    """The sum of each response's surprise and its tokens, from whole frames, in NumPy."""
    tokens = frames[:, PROMPT:]
    seen = (frames != PAD) | (np.arange(PROMPT + RESPONSE) >= PROMPT)
    before = np.asarray(read(first(), frames, seen), float)[:, PROMPT - 1 : -1]
    law = before - np.log(np.exp(before).sum(2, keepdims=True))
    said = -np.take_along_axis(law, tokens[..., None], axis=2)[..., 0]
    return (said * (tokens != PAD)).sum(1), (tokens != PAD).sum(1)


def test_the_loss_is_the_weighted_mean_over_tokens():
    frames, _ = examples()
    total, tokens = surprise(frames)
    # Who surprises counts more, so that the weights matter.
    weights = np.where(total / tokens > np.quantile(total / tokens, 0.9), 100, 1)
    want = (weights * total).sum() / (weights * tokens).sum()
    batch = frames, token_worth(frames, PROMPT, weights)
    found = jax.jit(weighted_loss, static_argnums=(0, 3))(NETWORK, first(), batch, PROMPT)
    assert float(found) == pytest.approx(want, rel=apart())
    # A mean over tokens that leaves the weights out is another number.
    assert abs(total.sum() / tokens.sum() - want) > 2 * apart(want)


def test_the_mean_of_the_batches_slopes_is_the_slope_of_all():
    """Whichever way they are cut; the mean over each batch's own tokens is not."""
    frames, weights = examples()
    worth = token_worth(frames, PROMPT, weights)
    whole = slope(weighted_loss, (frames, worth))
    for seed in range(2):
        parts = np.random.default_rng(seed).permutation(COUNT).reshape(-1, MODEL.batch)
        slopes = [slope(weighted_loss, (frames[part], worth[part])) for part in parts]
        assert_same(whole, jax.tree.map(lambda *leaves: np.mean(leaves, axis=0), *slopes))


def test_a_weight_of_three_is_the_example_three_times():
    frames, weights = examples()
    again = np.repeat(frames, weights, axis=0)
    assert_same(
        slope(loss, again), slope(weighted_loss, (frames, token_worth(frames, PROMPT, weights)))
    )


def test_what_an_example_counts_does_not_hang_on_its_batch():
    """Beside examples of other weights and lengths its part of the slope is the same."""
    frames, weights = examples()
    worth = token_worth(frames, PROMPT, weights)
    one = slope(weighted_loss, (frames[:1], worth[:1]))
    for beside in (slice(1, 8), slice(8, 15)):
        together = np.r_[frames[:1], frames[beside]], np.r_[worth[:1], worth[beside]]
        others = slope(weighted_loss, (frames[beside], worth[beside]))
        both = slope(weighted_loss, together)
        assert_same(one, jax.tree.map(lambda all, rest: 8 * all - 7 * rest, both, others))


def test_a_scale_of_all_weights_changes_nothing():
    frames, weights = examples()
    want = token_worth(frames, PROMPT, weights)
    for scale in (1e-300, 0.1, 1e300):
        assert token_worth(frames, PROMPT, scale * weights) == pytest.approx(want, rel=1e-6)


def test_training_goes_by_the_weights():
    """At rate zero the mean loss of whole epochs is that of all examples; else it is learned."""
    frames, weights = examples()
    total, tokens = surprise(frames)
    epochs = dict(steps=3 * COUNT // MODEL.batch, learning_rate=0.0)
    key = jax.random.key(1)
    same, mean = train(MODEL, first(), frames, PROMPT, key, weights=weights, **epochs)
    assert mean == pytest.approx((weights * total).sum() / (weights * tokens).sum(), rel=apart())
    assert_same(first(), same)
    # One prompt with two answers, in every batch four times each: it converges to their weights.
    two = np.array([[2, 3, 2, 4], [2, 3, 2, 5]], np.int32)
    start = NETWORK.initial(VOCABULARY, 4, jax.random.key(0))
    after, _ = train(
        MODEL,
        start,
        two,
        PROMPT,
        key,
        steps=400,
        learning_rate=0.1,
        weights=np.array([3.0, 1.0]),
    )
    law = jax.nn.softmax(read(after, two[:1], two[:1] != PAD)[0, PROMPT - 1])
    assert np.asarray(law)[4:] == pytest.approx([0.75, 0.25], abs=1e-3)
