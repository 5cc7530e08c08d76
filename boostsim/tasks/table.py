"""Tasks as tables: prompts, responses, and which response is right.

A table task holds the truth: quality q(x, y), the prompt weights mu, and the first model f_0.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any

import jax
import numpy as np

from boostsim.arguments import distribution, numbers, probability, refuse, shape_of, sized, whole
from boostsim.keys import as_key, generator
from boostsim.objects import ByValue


@dataclass(frozen=True, eq=False)
class TableTask(ByValue):
    """A finite task. Build one with :func:`table_task` or :func:`random_table`.

    Attributes:
        quality: 1.0 where the response is correct, else 0.0, ``[prompts, responses]``.
        prompt_weights: mu, ``[prompts]``, sums to one.
        initial: f_0, ``[prompts, responses]``, each row sums to one.
        real: the real data's law that was given, of the same shape, or None.
    """

    quality: np.ndarray
    prompt_weights: np.ndarray
    initial: np.ndarray
    real: np.ndarray | None = None

    def __post_init__(self) -> None:
        """Refuse what is no task, and fill in what is left out."""
        quality: Any = self.quality
        if isinstance(quality, (np.ndarray, jax.Array)) and quality.dtype == np.bool_:
            quality = np.asarray(quality, np.float64)
        quality = numbers("quality", quality, 2)
        bad = np.argwhere((quality != 0.0) & (quality != 1.0))
        if len(bad):
            place = tuple(int(i) for i in bad[0])
            where = f"See entry {place}."
            raise refuse("quality", "0 or 1 everywhere", float(quality[place]), where)
        quality.setflags(write=False)
        prompts, responses = quality.shape
        weights: Any = self.prompt_weights
        weights = np.full(prompts, 1.0 / prompts) if weights is None else weights
        weights = distribution("prompt_weights", weights, 1)
        if weights.shape != (prompts,):
            allowed = f"of shape ({prompts},) like quality"
            raise refuse("prompt_weights", allowed, shape_of(weights))
        first: Any = self.initial
        first = np.full(quality.shape, 1.0 / responses) if first is None else first
        object.__setattr__(self, "quality", quality)
        object.__setattr__(self, "prompt_weights", weights)
        object.__setattr__(self, "initial", _rows_like("initial", first, quality))
        if self.real is not None:
            object.__setattr__(self, "real", _rows_like("reference", self.real, quality))

    @property
    def prompts(self) -> int:
        """Number of prompts."""
        return self.quality.shape[0]

    @property
    def responses(self) -> int:
        """Number of responses to each prompt."""
        return self.quality.shape[1]

    @property
    def reference(self) -> np.ndarray:
        """The law of the real data, ``[prompts, responses]``: uniform over the correct responses.

        Raises:
            ValueError: where a prompt has no correct response and no reference was given.
        """
        if self.real is not None:
            return self.real
        correct = self.correct_responses
        bad = np.flatnonzero(correct == 0)
        if bad.size:
            raise ValueError(
                f"reference must be given where a prompt has no correct response; prompt {bad[0]} "
                "has none"
            )
        return self.quality / correct[:, None]

    @cached_property
    def correct_responses(self) -> np.ndarray:
        """How many responses to each prompt are correct, ``[prompts]``."""
        counts = self.quality.sum(1)
        counts.setflags(write=False)
        return counts

    @cached_property
    def first_masses(self) -> np.ndarray:
        """The (correct, wrong) mass of f_0 on every prompt, ``[2, prompts]``."""
        sides = self.quality, 1.0 - self.quality
        masses = np.stack([(self.initial * side).sum(1) for side in sides])
        masses.setflags(write=False)
        return masses

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 of the arrays, for provenance."""
        digest = sha256()
        given = () if self.real is None else (self.real,)
        for array in (self.quality, self.prompt_weights, self.initial, *given):
            digest.update(str(array.shape).encode())
            digest.update(np.ascontiguousarray(array).tobytes())
        return digest.hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return what identifies the task, for provenance."""
        return {
            "prompts": self.prompts,
            "responses": self.responses,
            "sha256": self.fingerprint,
        }


def table_task(
    quality: Any, prompt_weights: Any = None, initial: Any = None, reference: Any = None
) -> TableTask:
    """Make a task from arrays.

    Args:
        quality: 0 or 1, or an array of truth values, ``[prompts, responses]``.
        prompt_weights: mu, ``[prompts]``, probabilities; uniform where None.
        initial: the first model f_0, ``[prompts, responses]``, probabilities in rows; uniform rows
            where None.
        reference: the law of the real data, which anchored training mixes in, of the same shape;
            uniform over each prompt's correct responses where None.

    Raises:
        ValueError: for an empty table, quality that is not 0 or 1, probabilities that are negative,
            NaN or do not sum to one, and shapes that do not match.

    Example:
        >>> task = table_task([[1, 0], [0, 1]], initial=[[0.5, 0.5], [1.0, 0.0]])
        >>> task.prompts, task.responses
        (2, 2)
    """
    return TableTask(quality, prompt_weights, initial, reference)


def _rows_like(name: str, rows: Any, quality: np.ndarray) -> np.ndarray:
    """Return rows of probabilities of the quality table's shape."""
    rows = distribution(name, rows, 2)
    if rows.shape != quality.shape:
        raise refuse(name, f"of shape {quality.shape} like quality", shape_of(rows))
    return rows


def random_table(
    key: jax.Array | int,
    *,
    prompts: int = 1000,
    responses: int = 8,
    correct: int = 1,
    solvable: float = 0.7,
) -> TableTask:
    """Draw a task: Dirichlet(1) rows, correct responses at random places.

    On round((1 - solvable) prompts) of the prompts, chosen at random, f_0 has no correct mass: the
    helpless prompts, which nothing but labels can improve (T13, docs/theory.md, section 4).

    Args:
        key: a ``jax.random.key`` or a whole number below 2^32.
        prompts: number of prompts, at least 1.
        responses: number of responses to each, at least 1.
        correct: number of correct responses to each prompt, 1 to ``responses``.
        solvable: share of the prompts on which f_0 has correct mass, in [0, 1].

    Raises:
        ValueError: for an argument out of its range, more correct responses than responses, more
            than 2^28 prompts x responses, or helpless prompts where every response is correct.

    Example:
        >>> task = random_table(0, prompts=10, responses=4, solvable=0.7)
        >>> int(((task.initial * task.quality).sum(1) > 0).sum())
        7
    """
    rng = generator(as_key(key))
    prompts = whole("prompts", prompts, 1)
    responses = whole("responses", responses, 1)
    sized("prompts", prompts * responses, "prompts x responses")
    correct = whole("correct", correct, 1)
    solvable = probability("solvable", solvable)
    if correct > responses:
        raise refuse("correct", f"at most the {responses} responses there are", correct)
    helpless = prompts - round(solvable * prompts)
    if helpless and correct == responses:
        raise refuse("solvable", "1 where every response is correct", solvable)
    quality = np.zeros((prompts, responses))
    places = rng.permuted(np.tile(np.arange(responses), (prompts, 1)), axis=1)[:, :correct]
    np.put_along_axis(quality, places, 1.0, axis=1)
    initial = rng.standard_exponential((prompts, responses))
    lost = rng.permutation(prompts)[:helpless]
    initial[lost] *= 1.0 - quality[lost]
    initial /= initial.sum(1, keepdims=True)
    return table_task(quality, initial=initial)
