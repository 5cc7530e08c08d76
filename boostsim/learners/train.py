"""Training a network: a fixed number of steps, in one compiled program.

On examples, as a real run does, or on the law itself that infinitely many examples would have.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.stages import Lowered
from jaxtyping import Array, Float, Int

from boostsim.arguments import refuse
from boostsim.keys import generator
from boostsim.learners.devices import ordered_sums, row_size, spread
from boostsim.learners.network import Network, Parameters, Trained
from boostsim.mode import fixed
from boostsim.vocabulary import PAD

WARM_UP = 10
# Steps in one compiled call, so that any number of steps is one program, and an interrupt waits for
# no more than these and those before.
CHUNK = 16


def loss(
    network: Network,
    parameters: Parameters,
    frames_BxT: Int[Array, "B T"],
    prompt_length: int,
) -> Float[Array, ""]:
    """Return the mean cross-entropy of the response's tokens, its end included, in nats."""
    surprise, counts = _surprise(network, parameters, frames_BxT, prompt_length)
    return jnp.sum(surprise * counts) / jnp.maximum(jnp.sum(counts), 1.0)


def weighted_loss(
    network: Network,
    parameters: Parameters,
    batch: tuple[Int[Array, "B T"], Float[Array, "B"]],
    prompt_length: int,
) -> Float[Array, ""]:
    """Return a batch's estimate of a data set's weighted loss, in nats: see :func:`token_worth`."""
    frames_BxT, worth_B = batch
    surprise, counts = _surprise(network, parameters, frames_BxT, prompt_length)
    return jnp.mean(worth_B * jnp.sum(surprise * counts, axis=1))


def _surprise(
    network: Network, parameters: Parameters, frames_BxT: Int[Array, "B T"], prompt_length: int
) -> tuple[Float[Array, "B R"], Float[Array, "B R"]]:
    """Return the cross-entropy of the response's tokens, and 1 where there is one."""
    seen_BxT = (frames_BxT != PAD) | (jnp.arange(frames_BxT.shape[1]) >= prompt_length)
    before = network.logits(parameters, frames_BxT, seen_BxT, prompt_length - 1)[:, :-1]
    said = frames_BxT[:, prompt_length:]
    counts = (said != PAD).astype(jnp.float32)
    if ordered_sums():
        surprise = optax.softmax_cross_entropy_with_integer_labels(before, said)
    else:
        surprise = optax.softmax_cross_entropy(before, jax.nn.one_hot(said, before.shape[-1]))
    return surprise, counts


def token_worth(frames: np.ndarray, prompt_length: int, weights: np.ndarray) -> np.ndarray:
    """Return what a token of each example counts in the mean over a batch, ``[E]``.

    With w_e the weights of the examples, n_e the tokens of their responses and s_e the sum of their
    surprise, the loss of all E examples is sum_e w_e s_e / sum_e w_e n_e. A batch of B estimates it
    by the mean over its examples of E w_e s_e / sum_e' w_e' n_e', where the sum below is that of
    all: so the estimate is unbiased, and what an example counts does not depend on which others
    stand in its batch.

    Example:
        >>> frames = np.array([[2, 3, 1], [2, 1, 0]])
        >>> token_worth(frames, 1, np.array([1.0, 4.0])).tolist()
        [0.3333333432674408, 1.3333333730697632]
    """
    # A scale changes nothing, but could overflow.
    weights = weights / weights.max()
    tokens = weights @ (frames[:, prompt_length:] != PAD).sum(1)
    return (len(frames) * weights / max(tokens, np.finfo(float).tiny)).astype(np.float32)


def law_loss(
    network: Network,
    parameters: Parameters,
    batch: tuple[Int[Array, "B P"], Float[Array, "B V"], Float[Array, "B"]],
    prompt_length: int,
) -> Float[Array, ""]:
    """Return the cross-entropy to a law of the token after each prompt, in nats, weighted."""
    prompts_BxP, law_BxV, weight_B = batch
    after_BxV = network.logits(parameters, prompts_BxP, prompts_BxP != PAD)[:, prompt_length - 1]
    return jnp.mean(weight_B * optax.softmax_cross_entropy(after_BxV, law_BxV))


def rates(peak: float, steps: int) -> np.ndarray:
    """Return the learning rate of each step: up in ten, down to zero along a cosine."""
    step = np.arange(steps)
    warm = np.minimum(1.0, (step + 1) / max(1, min(WARM_UP, steps)))
    falling = 0.5 * (1.0 + np.cos(np.pi * step / max(1, steps)))
    # What is beyond single precision is infinite, and training diverges.
    with np.errstate(over="ignore"):
        return (peak * warm * falling).astype(np.float32)


def check_converged(
    parameters: Parameters, surprise: float, name: str, rate: float, when: str
) -> None:
    """Refuse what diverged, before anything is measured of it.

    Args:
        parameters: after training.
        surprise: the mean loss.
        name: of the argument that was the learning rate.
        rate: the learning rate.
        when: it was, for the message: "in iteration 3".
    """
    sound = all(np.isfinite(np.asarray(leaf)).all() for leaf in parameters.values())
    if not (sound and np.isfinite(surprise)):
        allowed = f"so small that training does not diverge, as it did {when}"
        raise refuse(name, allowed, rate, f"The mean loss was {surprise:.3g}.")


def train(
    model: Trained,
    parameters: Parameters,
    frames: np.ndarray,
    prompt_length: int,
    key: Array,
    *,
    steps: int,
    learning_rate: float,
    weights: np.ndarray | None = None,
) -> tuple[Parameters, float]:
    """Return the parameters after ``steps`` steps from a new optimiser, and the mean loss.

    Batches run through the examples in random order, anew when all were seen.

    Args:
        model: the shape, and the size of a batch.
        parameters: where training starts.
        frames: the examples' tokens ``[E, P + R]``, at least one.
        prompt_length: P.
        key: decides the order of the examples.
        steps: optimiser steps.
        learning_rate: at its peak.
        weights: of the examples, ``[E]``, above 0: the loss is then that of :func:`token_worth`.
            Without them each step's is the mean over the tokens of its own batch.
    """
    objective: Callable[..., Array] = loss
    data: Any = frames.astype(np.int32)
    if weights is not None:
        objective, data = weighted_loss, (data, token_worth(data, prompt_length, weights))
    schedule = rates(learning_rate, steps)
    return _descend(objective, model, prompt_length, parameters, data, key, schedule)


@fixed()
def lowered_training(
    model: Trained, like: Parameters, frame_length: int, prompt_length: int, steps: int
) -> list[Lowered]:
    """Return the programs of :func:`train` on one device and unweighted examples, to be compiled.

    They are known before there are weights or examples, so the time can be used to draw these.

    Args:
        model: the shape, and the size of a batch.
        like: the shapes of the parameters, as arrays without content.
        frame_length, prompt_length: P + R, and P.
        steps: optimiser steps.
    """
    chunk = min(CHUNK, steps)
    if not chunk:
        return []
    batches = np.zeros((chunk, model.batch, frame_length), np.int32)
    about = (loss, model.network_on(1), prompt_length)
    given = (like, jax.eval_shape(_state, like), batches, np.zeros(chunk, np.float32))
    return [_steps.lower(*about, *given), _state.lower(like)]


def fit(
    model: Trained,
    parameters: Parameters,
    prompts: np.ndarray,
    law: np.ndarray,
    weight: np.ndarray,
    key: Array,
) -> tuple[Parameters, float]:
    """Train as :func:`train` does, on a law instead of draws from it: ``model.steps`` steps.

    Args:
        model: the shape, the steps, the learning rate, and the size of a batch, in which few
            prompts come several times.
        parameters: where training starts.
        prompts: tokens ``[N, P]``.
        law: the law of the token after each, ``[N, V]``.
        weight: the share of each prompt in the training law, ``[N]``, sums to one.
        key: decides the order of the prompts.
    """
    data = (
        prompts.astype(np.int32),
        law.astype(np.float32),
        (len(prompts) * weight).astype(np.float32),
    )
    schedule = rates(model.learning_rate, model.steps)
    return _descend(law_loss, model, prompts.shape[1], parameters, data, key, schedule)


@fixed()
def _descend(
    objective: Callable[..., Array],
    model: Trained,
    prompt_length: int,
    parameters: Parameters,
    data: Any,
    key: Array,
    schedule: np.ndarray,
) -> tuple[Parameters, float]:
    """Run through the rows of ``data`` in random order, a chunk of steps in each call."""
    if not len(schedule):
        return parameters, float("nan")
    network, batch, steps = model.network_on(row_size(parameters)), model.batch, len(schedule)
    chunk = min(CHUNK, steps)
    # Filled up with steps of rate zero, which move nothing.
    schedule = np.pad(schedule, (0, -steps % chunk))
    rng = generator(key)
    count = len(jax.tree.leaves(data)[0])
    order = _shuffled(rng, count, chunk * batch)
    state = _state(parameters)
    losses: list[Any] = []
    for part in schedule.reshape(-1, chunk):
        rows = next(order).reshape(chunk, batch)
        batches = spread(parameters, jax.tree.map(lambda leaf, rows=rows: leaf[rows], data), 1)
        parameters, state, surprise = _steps(
            objective, network, prompt_length, parameters, state, batches, part
        )
        # One chunk is made ready while the one before it is computed, and no more than one.
        losses[-1:] = map(np.asarray, losses[-1:])
        losses.append(surprise)
    return parameters, float(np.mean(np.concatenate(losses)[:steps]))


def _shuffled(rng: np.random.Generator, count: int, size: int) -> Iterator[np.ndarray]:
    """Yield so many rows at a time, in random order, anew when all ``count`` were seen."""
    left = np.zeros(0, int)
    while True:
        rounds = -(-(size - len(left)) // count)
        left = np.concatenate([left, *[rng.permutation(count) for _ in range(rounds)]])
        yield left[:size]
        left = left[size:]


@functools.cache
def optimiser() -> optax.GradientTransformation:
    """Return Adam without a learning rate: each step brings its own."""
    return optax.chain(optax.clip_by_global_norm(1.0), optax.scale_by_adam(b1=0.9, b2=0.98))


@jax.jit
def _state(parameters: Parameters) -> optax.OptState:
    """Return the state of a new optimiser, by one program instead of one for every leaf."""
    return optimiser().init(parameters)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _steps(
    objective: Callable[..., Array],
    network: Network,
    prompt_length: int,
    parameters: Parameters,
    state: optax.OptState,
    batches: Any,
    rates_S: Float[Array, "S"],
) -> tuple[Parameters, optax.OptState, Float[Array, "S"]]:
    def step(carry: Any, given: tuple[Any, Array]) -> tuple[Any, Array]:
        parameters, state = carry
        batch, rate = given
        surprise, slope = jax.value_and_grad(
            lambda parameters: objective(network, parameters, batch, prompt_length)
        )(parameters)
        change, state = optimiser().update(slope, state, parameters)
        change = jax.tree.map(lambda leaf: -rate * leaf, change)
        return (optax.apply_updates(parameters, change), state), surprise

    (parameters, state), losses = jax.lax.scan(step, (parameters, state), (batches, rates_S))
    return parameters, state, losses
