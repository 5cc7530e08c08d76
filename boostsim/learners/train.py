"""Training a transformer on examples: a fixed number of steps, in one compiled program."""

from __future__ import annotations

import functools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Int

from boostsim.learners.transformer import Parameters, Transformer, logits
from boostsim.types import PAD, generator

__all__ = ["loss", "rates", "train"]

WARM_UP = 10


def loss(
    model: Transformer,
    parameters: Parameters,
    frames_BxT: Int[Array, "B T"],
    prompt_length: int,
) -> Float[Array, ""]:
    """Return the mean cross-entropy of the response's tokens, its end included, in nats."""
    seen_BxT = (frames_BxT != PAD) | (jnp.arange(frames_BxT.shape[1]) >= prompt_length)
    before = logits(model, parameters, frames_BxT, seen_BxT)[:, prompt_length - 1 : -1]
    said = frames_BxT[:, prompt_length:]
    counts = (said != PAD).astype(jnp.float32)
    surprise = optax.softmax_cross_entropy_with_integer_labels(before, said)
    return jnp.sum(surprise * counts) / jnp.maximum(jnp.sum(counts), 1.0)


def rates(peak: float, steps: int, chunk: int) -> np.ndarray:
    """Return the learning rate of each step: up in ten, down to zero along a cosine.

    Filled up with steps of rate zero, which move nothing, to a multiple of ``chunk``.
    """
    if steps == 0:
        return np.zeros(0, np.float32)
    step = np.arange(steps)
    warm = np.minimum(1.0, (step + 1) / min(WARM_UP, steps))
    falling = 0.5 * (1.0 + np.cos(np.pi * step / steps))
    filled = np.zeros(-(-steps // chunk) * chunk, np.float32)
    filled[:steps] = peak * warm * falling
    return filled


def train(
    model: Transformer,
    parameters: Parameters,
    frames: np.ndarray,
    prompt_length: int,
    key: Array,
    *,
    steps: int,
    learning_rate: float,
) -> tuple[Parameters, float]:
    """Return the parameters after ``steps`` steps from a new optimiser, and the last chunk's loss.

    Batches run through the examples in random order, anew when all were seen.

    Args:
        model: the shape, and the size of a batch.
        parameters: where training starts.
        frames: the examples' tokens ``[E, P + R]``, at least one.
        prompt_length: P.
        key: decides the order of the examples.
        steps: optimiser steps.
        learning_rate: at its peak.
    """
    chunk = model.steps
    schedule = rates(learning_rate, steps, chunk)
    if not len(schedule):
        return parameters, float("nan")
    rng = generator(np.asarray(jax.random.key_data(key)))
    wanted = len(schedule) * model.batch
    passes = -(-wanted // len(frames))
    order = np.concatenate([rng.permutation(len(frames)) for _ in range(passes)])[:wanted]
    batches = order.reshape(-1, chunk, model.batch)
    state = optimiser().init(parameters)
    losses = np.zeros(chunk)
    for part, speed in zip(batches, schedule.reshape(-1, chunk), strict=True):
        parameters, state, losses = _steps(
            model, prompt_length, parameters, state, frames[part].astype(np.int32), speed
        )
    return parameters, float(np.mean(losses))


@functools.cache
def optimiser() -> optax.GradientTransformation:
    """Return Adam without a learning rate: each step brings its own."""
    return optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b1=0.9, b2=0.98))


@partial(jax.jit, static_argnums=(0, 1))
def _steps(
    model: Transformer,
    prompt_length: int,
    parameters: Parameters,
    state: optax.OptState,
    frames_SxBxT: Int[Array, "S B T"],
    rates_S: Float[Array, "S"],
) -> tuple[Parameters, optax.OptState, Float[Array, "S"]]:
    def step(carry: tuple, given: tuple[Array, Array]) -> tuple[tuple, Array]:
        parameters, state = carry
        frames_BxT, rate = given
        surprise, slope = jax.value_and_grad(lambda p: loss(model, p, frames_BxT, prompt_length))(
            parameters
        )
        change, state = optimiser().update(slope, state, parameters)
        change = jax.tree.map(lambda leaf: -rate * leaf, change)
        return (optax.apply_updates(parameters, change), state), surprise

    (parameters, state), losses = jax.lax.scan(step, (parameters, state), (frames_SxBxT, rates_S))
    return parameters, state, losses
