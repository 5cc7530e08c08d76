"""Looking answers up: every prompt has an answer of its own, and nothing can be generalised.

Nearest to the theory, for a network knows a prompt only from its examples, and every row of its
probabilities can be read off: one answer is one token.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from boostsim.arguments import probability, whole
from boostsim.tasks.sequences import SequenceTask

EQUALS, FIRST_ANSWER = 2, 3


@dataclass(frozen=True)
class Lookup(SequenceTask):
    """A table of ``entries`` prompts with one right answer each among ``answers``.

    Two strata: ``known`` entries, which the first model has seen, and ``new`` ones. Wrong labels:
    ``spread`` (evenly any wrong answer), ``concentrated`` (always the same wrong answer).
    """

    noises: ClassVar[tuple[str, ...]] = ("spread", "concentrated")
    first_steps: ClassVar[int] = 200
    # An entry that is never trained on cannot be known.
    held_out: ClassVar[float] = 0.0

    entries: int = 256
    answers: int = 16
    solvable: float = 0.5
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse numbers out of range."""
        object.__setattr__(self, "entries", whole("entries", self.entries, 2, 4096))
        object.__setattr__(self, "answers", whole("answers", self.answers, 2, 64))
        object.__setattr__(self, "solvable", probability("solvable", self.solvable))
        object.__setattr__(self, "seed", whole("seed", self.seed, 0))

    @property
    def base(self) -> int:
        """Digits in which the number of an entry is written, two of them."""
        return int(np.ceil(np.sqrt(self.entries)))

    @property
    def symbols(self) -> tuple[str, ...]:
        """Padding, end, equals, answers, digits."""
        answers = (f"y{answer}" for answer in range(self.answers))
        return (".", ";", "=", *answers, *(str(digit) for digit in range(self.base)))

    @property
    def prompt_length(self) -> int:
        """Two digits and the equals sign."""
        return 3

    @property
    def response_length(self) -> int:
        """One answer, and no end: so a response is one token, and its law a row."""
        return 1

    @property
    def strata(self) -> tuple[str, ...]:
        """Seen by the first model, or not."""
        return ("known", "new")

    @property
    def known(self) -> int:
        """Number of entries that the first model has seen."""
        return min(max(1, round(self.solvable * self.entries)), self.entries - 1)

    @property
    def stratum_weights(self) -> np.ndarray:
        """By the number of entries."""
        return np.array([self.known, self.entries - self.known]) / self.entries

    @property
    def easy_weights(self) -> np.ndarray:
        """Known entries alone."""
        return np.array([1.0, 0.0])

    def prompts(self, rng: np.random.Generator, stratum: np.ndarray) -> np.ndarray:
        """Draw entries, evenly within a stratum."""
        low = np.where(stratum == 0, 0, self.known)
        high = np.where(stratum == 0, self.known, self.entries)
        return self.written(rng.integers(low, high))

    def written(self, entry: np.ndarray) -> np.ndarray:
        """Return the prompts of these entries."""
        first = FIRST_ANSWER + self.answers
        tokens = [
            first + entry // self.base,
            first + entry % self.base,
            np.full_like(entry, EQUALS),
        ]
        return np.stack(tokens, axis=1).astype(np.int32)

    def every_prompt(self) -> np.ndarray:
        """Return the prompts of all entries, in order."""
        return self.written(np.arange(self.entries))

    def mistake_law(self, noise: str) -> np.ndarray:
        """Return the law of the wrong answers to each entry, over the vocabulary."""
        noise = self.check_noise(noise)
        right, wrong = self.table().T
        law = np.zeros((self.entries, len(self.symbols)))
        if noise == "concentrated":
            law[np.arange(self.entries), FIRST_ANSWER + wrong] = 1.0
            return law
        law[:, FIRST_ANSWER : FIRST_ANSWER + self.answers] = 1.0 / (self.answers - 1)
        law[np.arange(self.entries), FIRST_ANSWER + right] = 0.0
        return law

    def entry(self, prompts: np.ndarray) -> np.ndarray:
        """Return the number of each prompt's entry."""
        digits = prompts[:, :2] - FIRST_ANSWER - self.answers
        return digits[:, 0] * self.base + digits[:, 1]

    def stratum(self, prompts: np.ndarray) -> np.ndarray:
        """Known or new."""
        return (self.entry(prompts) >= self.known) * 1

    def table(self) -> np.ndarray:
        """Return the right and the one wrong answer of every entry, ``[entries, 2]``."""
        rng = np.random.default_rng([self.seed, self.entries, self.answers])
        right = rng.integers(0, self.answers, self.entries)
        wrong = (right + rng.integers(1, self.answers, self.entries)) % self.answers
        return np.stack([right, wrong], axis=1)

    def solve(self, prompts: np.ndarray) -> np.ndarray:
        """Look it up."""
        return _response(self.table()[self.entry(prompts), 0])

    def mistake(self, noise: str, rng: np.random.Generator, prompts: np.ndarray) -> np.ndarray:
        """Look it up wrongly."""
        noise = self.check_noise(noise)
        right, wrong = self.table()[self.entry(prompts)].T
        if noise == "concentrated":
            return _response(wrong)
        return _response((right + rng.integers(1, self.answers, len(right))) % self.answers)

    def verify(self, prompts: Int[Array, "N P"], responses: Int[Array, "N R"]) -> Bool[Array, "N"]:
        """Compare with the table."""
        digits = prompts[:, :2] - FIRST_ANSWER - self.answers
        entry = jnp.clip(digits[:, 0] * self.base + digits[:, 1], 0, self.entries - 1)
        right = FIRST_ANSWER + jnp.asarray(self.table()[:, 0])[entry]
        return responses[:, 0] == right


def _response(answer: np.ndarray) -> np.ndarray:
    return (FIRST_ANSWER + answer)[:, None].astype(np.int32)


def lookup(entries: int = 256, answers: int = 16, solvable: float = 0.5, seed: int = 0) -> Lookup:
    """Return the task of answering from a table that cannot be guessed.

    Args:
        entries: prompts, 2 to 4096.
        answers: possible answers, 2 to 64.
        solvable: share of the entries that the first model has seen.
        seed: decides the table.

    Raises:
        ValueError: for a number out of range.

    Example:
        >>> task = lookup()
        >>> prompts = task.written(np.array([7]))
        >>> task.text(prompts), task.text(task.solve(prompts))
        ('0 7 =', 'y10')
        >>> task.strata[task.stratum(prompts)[0]]
        'known'
    """
    return Lookup(entries, answers, solvable, seed)
