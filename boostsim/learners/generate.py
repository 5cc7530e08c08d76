"""Sampling responses from a network: one pass over the prompt, then a scan, token by token.

The pass leaves the prompt's last token to the scan, whose every step reads a token and says the
next; so nothing is read that no later token needs.

Every row has a key of its own, so what is drawn for a prompt does not depend on what stands beside
it: not on the order, not on the size of a batch.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.stages import Lowered
from jaxtyping import Array, Bool, Float, Int

from boostsim.arguments import Words, refuse
from boostsim.learners.devices import accelerated, row_size, spread
from boostsim.learners.network import Network, Parameters, Trained
from boostsim.mode import fixed
from boostsim.processors import processors
from boostsim.vocabulary import END, PAD

Decode = Callable[[Array], Array] | None
# Rows in one compiled call: so many that a core of a CPU keeps them in its cache, and works on them
# by itself while the other cores have rows of their own; or enough to fill an accelerator, where
# fewer take as long, so that one program serves any number of them, and another very many.
ROWS_ON_CPU, ROWS_ELSEWHERE, MANY_ROWS = 128, 4096, 16384
# Numbers that training would keep of so many rows, beyond which an accelerator may lack the memory
# to draw them at once.
MANY_NUMBERS = 2**31
# Prompts whose rows are read off at once.
ROWS_READ = 1024


def response_probability(logits_BxV: Float[Array, "B V"], decode: Decode) -> Float[Array, "B V"]:
    """Return the law of the next token; padding is never said.

    Args:
        logits_BxV: of the next token.
        decode: None, or what sharpens rows of probabilities (a ``bs.Sharpening``).
    """
    said = jnp.where(jnp.arange(logits_BxV.shape[-1]) == PAD, -jnp.inf, logits_BxV)
    law_BxV = jax.nn.softmax(said, axis=-1)
    return law_BxV if decode is None else decode(law_BxV)


def generate(
    model: Trained,
    parameters: Parameters,
    prompts: np.ndarray,
    response_length: int,
    key: Array,
    decode: Decode = None,
    rows: np.ndarray | None = None,
    among: int = 0,
    greedy: bool = False,
) -> tuple[np.ndarray, np.ndarray]:
    """Draw one response for each prompt.

    Args:
        model: the shape.
        parameters: the weights.
        prompts: tokens ``[N, P]``.
        response_length: R, tokens of a response at most; the end symbol counts.
        key: a JAX key; row i draws from fold_in(key, rows[i]).
        decode: None draws from the model as it is; or a ``bs.Sharpening``.
        rows: numbers of the rows, ``[N]``; 0, 1, ... by default.
        among: how many might have been asked for: one program serves any number of them.
        greedy: take the most probable token each time (one of them where several are): by the same
            program.

    Returns:
        The responses ``[N, R]``, padded after the end symbol, and the natural logarithm of the
        probability with which the model (as it is, not sharpened) says each, ``[N]``.
    """
    vocabulary, room = model.network.room(parameters)
    if prompts.shape[1] + response_length > room:
        allowed = f"at most {room - response_length} columns, for the model has {room} positions"
        raise refuse("prompts", allowed, Words(f"{prompts.shape[1]} columns"))
    if prompts.size and not 0 <= prompts.min() <= prompts.max() < vocabulary:
        raise refuse("prompts", f"tokens in [0, {vocabulary})", int(prompts.max()))
    count = len(prompts)
    if not count:
        return np.zeros((0, response_length), np.int32), np.zeros(0, np.float32)
    rows = np.arange(count) if rows is None else rows
    parts = row_size(parameters)
    chunk = _chunk(model.network, parameters, max(count, among), parts)

    @fixed()
    def draw(start: int) -> tuple[np.ndarray, np.ndarray]:
        # The last chunk is filled up, so that there is one shape.
        part = np.minimum(np.arange(start, start + chunk), count - 1)
        drawn = _generate(
            model.network,
            response_length,
            decode,
            parameters,
            spread(parameters, prompts[part]),
            key,
            spread(parameters, rows[part]),
            greedy,
        )
        said, log_probability = jax.device_get(drawn)
        return said[: count - start], log_probability[: count - start]

    # The first by itself: it may have to be compiled.
    done = [draw(0)]
    with ThreadPoolExecutor(1 if parts > 1 else cores()) as pool:
        done += pool.map(draw, range(chunk, count, chunk))
    responses, surprise = zip(*done, strict=True)
    return np.concatenate(responses), np.concatenate(surprise)


@fixed()
def lowered_generating(
    model: Trained, like: Parameters, prompt_length: int, response_length: int
) -> Lowered:
    """Return the program of :func:`generate` on one device, for a model as it is, to be compiled.

    It is the one of full chunks, but not of very many rows.

    Args:
        model: the shape.
        like: the shapes of the parameters, as arrays without content.
        prompt_length, response_length: P and R.
    """
    chunk = _chunk(model.network, like, ROWS_ON_CPU, 1)
    prompts, rows = np.zeros((chunk, prompt_length), np.int32), np.zeros(chunk, int)
    given = (like, prompts, jax.random.key(0), rows, False)
    return _generate.lower(model.network, response_length, None, *given)


def _chunk(network: Network, parameters: Parameters, among: int, parts: int) -> int:
    """Return how many rows one compiled call draws, on so many devices."""
    if not accelerated():
        return min(ROWS_ON_CPU, -(-among // parts)) * parts
    vocabulary, length = network.room(parameters)
    fits = MANY_ROWS * length * network.activations(vocabulary) <= MANY_NUMBERS
    return (MANY_ROWS if fits and among >= MANY_ROWS * parts else ROWS_ELSEWHERE) * parts


def cores() -> int:
    """Return how many chunks are under way at once: on a CPU one a core.

    Elsewhere two, so that one is made ready while the other is drawn.
    """
    return 2 if accelerated() else processors()


@fixed()
def next_law(model: Trained, parameters: Parameters, prompts: np.ndarray) -> np.ndarray:
    """Return the law of the first token of the response to each prompt, ``[N, V]`` in float64."""
    parts = [
        np.asarray(_next_law(model.network, parameters, part), np.float64)
        for part in np.array_split(prompts, -(-len(prompts) // ROWS_READ))
    ]
    law = np.concatenate(parts)
    return law / law.sum(1, keepdims=True)


@partial(jax.jit, static_argnums=0)
def _next_law(
    network: Network, parameters: Parameters, prompts_BxP: Int[Array, "B P"]
) -> Float[Array, "B V"]:
    last = prompts_BxP.shape[1] - 1
    read = network.logits(parameters, prompts_BxP, prompts_BxP != PAD, last)
    return response_probability(read[:, 0], None)


@partial(jax.jit, static_argnums=(0, 1, 2))
def _generate(
    network: Network,
    response_length: int,
    decode: Decode,
    parameters: Parameters,
    prompts_BxP: Int[Array, "B P"],
    key: Array,
    rows_B: Int[Array, "B"],
    greedy: Bool[Array, ""],
) -> tuple[Int[Array, "B R"], Float[Array, "B"]]:
    batch, prompt_length = prompts_BxP.shape
    seen_BxT = jnp.pad(prompts_BxP != PAD, ((0, 0), (0, response_length)), constant_values=True)
    keys_B = jax.vmap(jax.random.fold_in, (None, 0))(key, rows_B)
    carried = network.begin(parameters, prompts_BxP, response_length)

    def say(carry: Any, step: Array) -> tuple[Any, Array]:
        carried, token_B, done_B, log_probability_B = carry
        place = prompt_length - 1 + step
        logits_BxV, carried = network.extend(parameters, carried, token_B, place, seen_BxT)
        law_BxV = response_probability(logits_BxV, decode)
        noise_BxV = jax.vmap(
            lambda key: jax.random.gumbel(
                jax.random.fold_in(key, step), law_BxV.shape[1:], law_BxV.dtype, mode="low"
            )
        )(keys_B)
        best_BxV = law_BxV == law_BxV.max(axis=-1, keepdims=True)
        law_BxV = jnp.where(best_BxV | ~greedy, law_BxV, 0.0)
        token_B = jnp.argmax(jnp.log(law_BxV) + noise_BxV, axis=-1).astype(jnp.int32)
        plain_BxV = response_probability(logits_BxV, None)
        chance_B = jnp.log(jnp.take_along_axis(plain_BxV, token_B[:, None], axis=1)[:, 0])
        log_probability_B = log_probability_B + jnp.where(done_B, 0.0, chance_B)
        token_B = jnp.where(done_B, PAD, token_B)
        return (carried, token_B, done_B | (token_B == END), log_probability_B), token_B

    last_B = prompts_BxP[:, -1].astype(jnp.int32)
    start = (carried, last_B, jnp.zeros(batch, bool), jnp.zeros(batch, jnp.float32))
    (_, _, _, log_probability_B), said_RxB = jax.lax.scan(say, start, jnp.arange(response_length))
    return said_RxB.T, log_probability_B
