"""One iteration's visits to prompts in tokens: verdicts, examples, labels.

The counterpart of the exact and the sampled step for a learner that says tokens, visit by visit.
Verdicts and labels are drawn on the host; a persistent
filter's verdict and a persistent labeler's answer are functions of the tokens and the seed, so they
are the same whenever the same pair comes again.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, NamedTuple

import jax
import numpy as np

from boostsim.arguments import Words, refuse
from boostsim.curation import rates
from boostsim.curation.filters import Filter, judges
from boostsim.curation.labelers import SHUFFLED, WeakLabeler, shares
from boostsim.curation.procedure import Procedure
from boostsim.keys import generator
from boostsim.simulation.tokens.judging import in_blocks, judge
from boostsim.tasks.sequences import SequenceTask
from boostsim.vocabulary import PAD

# A word that makes of a seed's hash of verdicts another one, of which verdicts stay.
STAYING = 1
# Draws of another prompt until its answer is wrong here.
ROUNDS = 200


class Labels(NamedTuple):
    """What a labeler said.

    Attributes:
        responses: tokens ``[N, R]``.
        right: whether each is the right answer, ``[N]``.
        right_tokens: share of each response's tokens that are those of the solution, ``[N]``.
        chance: probability that it would be right, ``[N]``; of an answer that persists 0 or 1.
    """

    responses: np.ndarray
    right: np.ndarray
    right_tokens: np.ndarray
    chance: np.ndarray


def key_words(key: jax.Array, site: int) -> np.ndarray:
    """Return the words of the key of one draw site."""
    return np.asarray(jax.random.key_data(jax.random.fold_in(key, site)))


def hashed(words: np.ndarray, tokens: np.ndarray) -> np.ndarray:
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
def verifier(task: SequenceTask) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """Return the task's verifier: one compiled program, where it can be, for any number of rows."""
    verify: Callable[..., Any] = task.verify
    if not task.compiled:
        return lambda prompts, responses: np.asarray(verify(prompts, responses))
    return in_blocks(jax.jit(verify), bool)


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
    if judges(filt):
        count, attempts = correct.shape
        asked = np.repeat(prompts, attempts, axis=0)
        said = responses.reshape(count * attempts, -1)
        once = anew = judge(filt)(asked, said).reshape(correct.shape)
    else:
        once, anew = (
            np.where(correct, *kind(filt).accept) for kind in (rates.lasting, rates.fresh)
        )
    return judged(once, anew, filt.persistent, prompts, responses, fresh, lasting)


def judged(
    once: np.ndarray,
    anew: np.ndarray,
    persistent: bool | float,
    prompts: np.ndarray,
    responses: np.ndarray,
    fresh: np.ndarray,
    lasting: np.ndarray,
) -> np.ndarray:
    """Return what :func:`verdicts` does, from the probabilities of acceptance, ``[N, k]``.

    ``once`` are those of verdicts for ever, ``anew`` those of others.
    """
    if not persistent:
        return generator(fresh).random(anew.shape) < anew
    count, attempts = once.shape
    both = np.concatenate([np.repeat(prompts[:, None], attempts, 1), responses], axis=2)
    pairs = both.reshape(count * attempts, -1)
    stays = hashed(lasting, pairs).reshape(once.shape) < once
    if persistent is True:
        return stays
    level = hashed(np.append(lasting, STAYING), pairs).reshape(once.shape)
    return np.where(level < persistent, stays, generator(fresh).random(anew.shape) < anew)


def made(procedure: Procedure, accepted: np.ndarray) -> np.ndarray:
    """Return which attempts are made, ``[N, k]``: all, or those up to the first accepted one.

    Args:
        procedure: whether a visit stops there.
        accepted: the verdicts on k attempts, made or not.
    """
    if not procedure.until_accepted:
        return np.ones_like(accepted)
    return np.cumsum(accepted, axis=1) - accepted == 0


def kept(procedure: Procedure, accepted: np.ndarray) -> np.ndarray:
    """Return which attempts become examples, ``[N, k]``: the first accepted one, or all."""
    if procedure.keep == "all":
        return accepted
    return accepted & (np.cumsum(accepted, axis=1) == 1)


def chosen(
    procedure: Procedure,
    accepted: np.ndarray,
    prompts: np.ndarray,
    responses: np.ndarray,
    words: np.ndarray,
) -> np.ndarray:
    """Return which attempts become examples, ``[N, k]``: the best, or a preferred one.

    Args:
        procedure: which of the two, and by which scores.
        accepted: the verdicts; the scores of what is rejected are not asked for.
        prompts, responses: tokens ``[N, P]`` and ``[N, k, R]``.
        words: key words of this iteration, for a preferred one.
    """
    assert procedure.scores is not None
    scores = np.full(accepted.shape, -np.inf)
    visit, _ = np.nonzero(accepted)
    scores[accepted] = procedure.scores.of(prompts[visit], responses[accepted])
    if procedure.keep == "preferred":
        # The greatest of r_i + G_i, G_i of Gumbel's law, is the i-th in proportion to e^(r_i).
        scores = scores + generator(words).gumbel(size=scores.shape)
    # Of equals the first: attempts are alike.
    first = np.argmax(scores, axis=1)
    return accepted & (np.arange(accepted.shape[1]) == first[:, None])


def noise_for(task: SequenceTask, labeler: WeakLabeler) -> str:
    """Return the task's name for how the labeler is wrong.

    Raises:
        ValueError: for a labeler that is a table, a beta per prompt, or an unknown name.
    """
    if labeler.rows is not None:
        raise refuse("rows", "None where the task is in tokens", Words("an array"))
    strata = len(task.strata)
    if np.ndim(labeler.beta) and len(labeler.beta) != strata:
        raise refuse(
            "beta", f"one number, or one for each of {strata} strata", np.shape(labeler.beta)
        )
    return SHUFFLED if labeler.wrong == SHUFFLED else task.check_noise(labeler.wrong)


def wrong_law(listed: SequenceTask, noise: str) -> np.ndarray:
    """Return the law of the wrong labels on every prompt of a task that is listed, ``[N, V]``."""
    if noise != SHUFFLED:
        return listed.mistake_law(noise)
    prompts = listed.every_prompt()
    answers, stratum = listed.solve(prompts)[:, 0], listed.stratum(prompts)
    law = np.zeros((len(listed.strata), len(listed.symbols)))
    np.add.at(law, (stratum, answers), 1.0)
    law = law[stratum]
    law[np.arange(len(prompts)), answers] = 0.0
    size = law.sum(1, keepdims=True)
    if not size.all():
        raise _all_alike(listed, int(stratum[np.argmin(size)]))
    return law / size


def label(
    task: SequenceTask,
    labeler: WeakLabeler,
    prompts: np.ndarray,
    fresh: np.ndarray,
    lasting: np.ndarray,
    iteration: int,
) -> Labels:
    """Ask the labeler about each prompt.

    Args:
        task: what knows the right answers, and the wrong ones.
        labeler: right with probability beta, one number or one a stratum.
        prompts: tokens ``[N, P]``.
        fresh, lasting: key words of this iteration and of the seed.
        iteration: its number, for a labeler that drifts.
    """
    said = [_said(task, each, prompts, fresh, lasting) for each in labeler.plain.values()]
    if len(said) == 1:
        return said[0]
    (now,) = shares(labeler, [iteration])
    # The last of them answers at the lowest levels.
    level = generator(fresh, 1).random(len(prompts))
    behind = np.searchsorted(np.cumsum(now[:0:-1]), level, side="right")
    chosen = len(said) - 1 - behind, np.arange(len(prompts))
    responses, right, right_tokens = (np.stack(parts)[chosen] for parts in list(zip(*said))[:3])
    chance = sum(share * each.chance for share, each in zip(now, said, strict=True))
    return Labels(responses, right, right_tokens, np.asarray(chance))


def _said(
    task: SequenceTask,
    labeler: WeakLabeler,
    prompts: np.ndarray,
    fresh: np.ndarray,
    lasting: np.ndarray,
) -> Labels:
    """Return what a labeler that does not change says."""
    noise = noise_for(task, labeler)
    beta = np.broadcast_to(labeler.beta, len(task.strata))[task.stratum(prompts)]
    solution = task.solve(prompts)
    if labeler.persistent:
        right = hashed(lasting, prompts) < beta
        beta = right * 1.0
        seeds = (hashed(lasting + np.uint32(1), prompts) * 2.0**53).astype(np.uint64)
        # A stream for each prompt, so that it gets the same answer in any company.
        streams = [np.random.default_rng(seed) for seed in seeds]
    else:
        rng = generator(fresh)
        right = rng.random(len(prompts)) < beta
        streams = [rng]
    wrong = _wrong(task, noise, streams, prompts)
    responses = np.where(right[:, None], solution, wrong)
    return Labels(responses, right, right_tokens(solution, responses), beta)


def right_tokens(solution: np.ndarray, responses: np.ndarray) -> np.ndarray:
    """Return the share of each response's tokens that are those of the solution, ``[N]``."""
    counts = (solution != PAD) | (responses != PAD)
    same = (responses == solution) & counts
    return same.sum(1) / np.maximum(counts.sum(1), 1)


def _wrong(
    task: SequenceTask, noise: str, streams: list[np.random.Generator], prompts: np.ndarray
) -> np.ndarray:
    """Return a wrong response to each prompt, ``[N, R]``; all draw from one stream, or one each."""
    stratum = task.stratum(prompts)

    def drawn(draw: Callable[[np.random.Generator, np.ndarray], np.ndarray]) -> np.ndarray:
        if len(streams) == 1:
            return draw(streams[0], left)
        return np.concatenate([draw(streams[row], np.array([row])) for row in left])

    left = np.arange(len(prompts))
    said = np.zeros((len(prompts), task.response_length), np.int32)
    if not len(prompts):
        return said
    if noise != SHUFFLED:
        said[left] = drawn(lambda rng, rows: task.mistake(noise, rng, prompts[rows]))
        return said
    for _ in range(ROUNDS):
        said[left] = task.solve(drawn(lambda rng, rows: task.prompts(rng, stratum[rows])))
        (left,) = np.nonzero(verifier(task)(prompts, said))
        if not len(left):
            return said
    raise _all_alike(task, int(stratum[left[0]]))


def _all_alike(task: SequenceTask, stratum: int) -> ValueError:
    allowed = "of another kind where the answers to all prompts of a stratum are right for one"
    return refuse("wrong", allowed, SHUFFLED, f"See stratum {task.strata[stratum]!r}.")
