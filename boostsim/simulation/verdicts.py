"""One iteration's visits to prompts in tokens: attempts, verdicts, focus, labels, examples.

The counterpart of the exact and the sampled step for a learner that says tokens: the same procedure
and the same criterion, visit by visit. Verdicts and labels are drawn on the host; a persistent
filter's verdict and a persistent labeler's answer are functions of the tokens and the seed, so they
are the same whenever the same pair comes again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.curation.allocation import first_invalid, label_probability
from boostsim.curation.criterion import Criterion
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.curation.visits import Visits
from boostsim.tasks.sequences import SequenceTask
from boostsim.types import PAD, Filter, generator, refuse

__all__ = ["Labels", "focus", "kept", "key_words", "label", "noise_for", "settled", "verdicts"]


class Labels(NamedTuple):
    """What a labeler said.

    Attributes:
        responses: tokens ``[N, R]``.
        right: whether each is the right answer, ``[N]``.
        right_tokens: share of each response's tokens that are those of the solution, ``[N]``.
    """

    responses: np.ndarray
    right: np.ndarray
    right_tokens: np.ndarray


def key_words(key: jax.Array, site: int) -> np.ndarray:
    """Return the words of the key of one draw site."""
    return np.asarray(jax.random.key_data(jax.random.fold_in(key, site)))


def settled(words: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    """Return a number in [0, 1) for each row of tokens that looks uniform and never changes.

    A multiply-and-shift hash of the tokens, started from the seed's key.
    """
    with np.errstate(over="ignore"):
        state = np.full(len(tokens), np.uint64(0x9E3779B97F4A7C15))
        for word in (*np.ravel(words).astype(np.uint64), *tokens.astype(np.uint64).T):
            state = (state ^ word) * np.uint64(0xBF58476D1CE4E5B9)
            state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
            state ^= state >> np.uint64(31)
    return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


@lru_cache(maxsize=8)
def verifier(task: SequenceTask) -> Callable[..., jax.Array]:
    """Return the task's verifier, as one compiled function where it can be."""
    return jax.jit(task.verify) if task.compiled else task.verify


def verdicts(
    filt: Filter,
    prompts: np.ndarray,
    responses: np.ndarray,
    correct: np.ndarray,
    fresh: np.ndarray,
    lasting: np.ndarray,
) -> np.ndarray:
    """Return which attempts the filter accepts, ``[N, k]``.

    Args:
        filt: the filter.
        prompts, responses: tokens ``[N, P]`` and ``[N, k, R]``.
        correct: the verifier's opinion, ``[N, k]``.
        fresh, lasting: key words of this iteration and of the seed.
    """
    chance = np.where(correct, *filt.accept)
    if filt.persistent:
        count, attempts = correct.shape
        both = np.concatenate([np.repeat(prompts[:, None], attempts, 1), responses], axis=2)
        level = settled(lasting, both.reshape(count * attempts, -1)).reshape(correct.shape)
    else:
        level = generator(fresh).random(correct.shape)
    return level < chance


def focus(
    procedure: Procedure,
    group: np.ndarray,
    prompt: np.ndarray,
    accepted: np.ndarray,
    responses: np.ndarray,
) -> np.ndarray:
    """Return the probability that each visit is labelled, one cell a visit, in float64.

    Raises:
        ValueError: for priorities that are negative or not finite.
    """
    visits, attempts = len(accepted), procedure.attempts
    with jax.enable_x64(True):
        seen = Visits(
            prompt=jnp.asarray(prompt, jnp.int32),
            group=jnp.asarray(group, jnp.int32),
            accepted=jnp.asarray(accepted, jnp.int32),
            attempts=jnp.full(visits, attempts, jnp.int32),
            pass_rate=jnp.asarray(accepted / attempts),
            mass=jnp.full(visits, 1.0 / visits),
            disagreement=jnp.asarray(disagreement(responses)),
        )
        probability, invalid = _focus(
            procedure.criterion,
            procedure.budget is not None,
            seen,
            jnp.asarray(np.float64(procedure.budget or 0.0)),
        )
        invalid = int(invalid)
        if invalid >= 0:
            raise refuse(
                f"criterion {procedure.criterion.name!r}",
                "finite and at least 0 on every visit",
                f"another priority at visit {invalid}, with {accepted[invalid]} accepted",
            )
        return np.asarray(probability)


@partial(jax.jit, static_argnums=(0, 1))
def _focus(
    criterion: Criterion, budgeted: bool, seen: Visits, budget: jax.Array
) -> tuple[jax.Array, jax.Array]:
    priority = criterion(seen)
    allowed = budget if budgeted else None
    share = label_probability(priority, seen.mass, allowed, criterion.allocation)
    return share, first_invalid(priority)


def disagreement(responses: np.ndarray) -> np.ndarray:
    """Return the share of pairs of attempts that differ, ``[N]``: unbiased for two or more."""
    attempts = responses.shape[1]
    if attempts < 2:
        return np.zeros(len(responses))
    pairs = [(i, j) for i in range(attempts) for j in range(i)]
    differ = [(responses[:, i] != responses[:, j]).any(1) for i, j in pairs]
    return np.mean(differ, axis=0)


def kept(procedure: Procedure, accepted: np.ndarray) -> np.ndarray:
    """Return which attempts become examples, ``[N, k]``: the first accepted one, or all."""
    if procedure.keep == "all":
        return accepted
    return accepted & (np.cumsum(accepted, axis=1) == 1)


def noise_for(task: SequenceTask, labeler: WeakLabeler) -> str:
    """Return the task's name for how the labeler is wrong.

    Raises:
        ValueError: for a labeler that is a table, a beta per prompt, or an unknown name.
    """
    if labeler.rows is not None:
        raise refuse("rows", "None where the task is in tokens", "an array")
    strata = len(task.strata)
    if np.ndim(labeler.beta) and len(labeler.beta) != strata:
        raise refuse(
            "beta", f"one number, or one for each of {strata} strata", np.shape(labeler.beta)
        )
    return task.check_noise(labeler.wrong)


def label(
    task: SequenceTask,
    labeler: WeakLabeler,
    prompts: np.ndarray,
    fresh: np.ndarray,
    lasting: np.ndarray,
) -> Labels:
    """Ask the labeler about each prompt.

    Args:
        task: what knows the right answers, and the wrong ones.
        labeler: right with probability beta, one number or one a stratum.
        prompts: tokens ``[N, P]``.
        fresh, lasting: key words of this iteration and of the seed.
    """
    noise = noise_for(task, labeler)
    beta = np.broadcast_to(labeler.beta, len(task.strata))[task.stratum(prompts)]
    solution = task.solve(prompts)
    if labeler.persistent:
        right = settled(lasting, prompts) < beta
        seeds = (settled(lasting + np.uint32(1), prompts) * 2.0**53).astype(np.uint64)
        mistakes = [
            task.mistake(noise, np.random.default_rng(seed), row[None])[0]
            for seed, row in zip(seeds, prompts, strict=True)
        ]
        wrong = np.array(mistakes).reshape(solution.shape)
    else:
        rng = generator(fresh)
        right = rng.random(len(prompts)) < beta
        wrong = task.mistake(noise, rng, prompts)
    responses = np.where(right[:, None], solution, wrong)
    counts = (solution != PAD) | (responses != PAD)
    same = (responses == solution) & counts
    return Labels(responses, right, same.sum(1) / np.maximum(counts.sum(1), 1))
