"""Tasks of reasoning-gym: over a hundred generators of questions, each with a scorer of its own.

A question is put to the model character by character; its answer is scored by reasoning-gym in
Python, on the host, so this verifier is not compiled. A number of entries is generated once, level
by level, and these are all the prompts there are.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from importlib import metadata
from typing import Any, ClassVar, NamedTuple

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Int

from boostsim.arguments import brief, refuse, whole
from boostsim.tasks.gym_entries import EVALUATED, KINDS, Entries, Level, generate, package, quiet
from boostsim.tasks.sequences import SequenceTask
from boostsim.vocabulary import END, PAD

ANSWER, FIRST_CHARACTER = 2, 3
# Draws of a mistake until one is wrong.
DRAWS = 50

# By the number of terms, all of one digit. Two of them make 200 sums only, too few to learn from.
DEFAULT_LEVELS: dict[str, tuple[dict[str, Any], ...]] = {
    "chain_sum": tuple(
        {"min_terms": least, "max_terms": most, "min_digits": 1, "max_digits": 1}
        for least, most in ((2, 3), (4, 4), (5, 5))
    ),
    # With parentheses switched off reasoning-gym 0.1.25 ignores precedence, and what it divides by
    # is not what it shows; sums and differences are untouched by either.
    "basic_arithmetic": tuple(
        {
            "min_terms": least,
            "max_terms": most,
            "min_digits": 1,
            "max_digits": 1,
            "operators": ("+", "-"),
            "allow_parentheses": False,
            "allow_negation": False,
        }
        for least, most in ((2, 3), (3, 4), (4, 4))
    ),
}


@dataclass(frozen=True)
class ReasoningGym(SequenceTask):
    """Questions of one dataset of reasoning-gym; strata are its configurations, ``levels``.

    The verdict is reasoning-gym's: right means that its ``score_answer`` gives the text up to the
    end symbol, without spaces around it, at least 0.99. Most scorers want the answer itself and
    give part of the score for an answer with text around it, which is wrong here; a few give 1.0
    for any text in which they find the answer. A dataset whose scorer takes what is no answer for
    right ("nan", an empty text) is refused: ``complex_arithmetic``, ``game_of_life_halting``.
    A response without an end symbol, or with anything but padding after it, is wrong, and so is
    one on which the scorer fails. Nothing that a model says is evaluated as a program: seven
    scorers would, and are asked about plain numbers, sums and letters alone.

    Wrong labels: ``slip`` (one character is another of its kind), ``spread`` (random characters),
    ``concentrated`` (every digit one too large, modulo 10; without digits every letter is the next
    one, without letters every sign). None is scored right: a mistake that would be is drawn again,
    a concentrated one is made again on top, and if nothing helps the answer is left empty.
    """

    easy_slips: ClassVar[float] = 0.2
    first_steps: ClassVar[int] = 1000
    compiled: ClassVar[bool] = False

    dataset: str = "chain_sum"
    levels: tuple[Level, ...] = ((),)
    size: int = 4000
    seed: int = 0
    prompt_length: int = 0
    response_length: int = 0

    @property
    def entries(self) -> Entries:
        """What was generated."""
        return generate(self.dataset, self.levels, self.size, self.seed)

    @property
    def symbols(self) -> tuple[str, ...]:
        """Padding, end, the sign that an answer is due, characters."""
        return ("<pad>", "<end>", "<answer>", *self.entries.characters)

    @property
    def strata(self) -> tuple[str, ...]:
        """By the number of the level."""
        return tuple(str(number + 1) for number in range(len(self.levels)))

    @property
    def stratum_weights(self) -> np.ndarray:
        """Mostly easy levels: n parts of the easiest of n, one part of the hardest."""
        parts = np.arange(len(self.levels), 0.0, -1.0)
        return parts / parts.sum()

    @property
    def easy_weights(self) -> np.ndarray:
        """The first level; of more than two the two first."""
        easy = 2 if len(self.levels) > 2 else 1
        return np.where(np.arange(len(self.levels)) < easy, 1.0 / easy, 0.0)

    def prompts(self, rng: np.random.Generator, stratum: np.ndarray) -> np.ndarray:
        """Draw entries, evenly within a level."""
        level = self.entries.level
        low = np.searchsorted(level, stratum, side="left")
        high = np.searchsorted(level, stratum, side="right")
        return _frames(self).prompts[rng.integers(low, high)]

    def stratum(self, prompts: np.ndarray) -> np.ndarray:
        """Look the level up."""
        return self.entries.level[self._known(prompts)]

    def solve(self, prompts: np.ndarray) -> np.ndarray:
        """Look the dataset's own answer up."""
        return _frames(self).solutions[self._known(prompts)]

    def mistake(self, noise: str, rng: np.random.Generator, prompts: np.ndarray) -> np.ndarray:
        """Change the dataset's own answer until it is wrong."""
        noise, entries = self.check_noise(noise), self.entries
        with quiet():
            texts = [
                self._wrong(noise, rng, entries, int(number)) for number in self._known(prompts)
            ]
        return _written(texts, entries.characters, self.response_length)

    def _wrong(self, noise: str, rng: np.random.Generator, entries: Entries, number: int) -> str:
        text = answer = entries.answers[number]
        for _ in range(DRAWS):
            if noise == "concentrated":
                text = _shifted(text, entries.characters)
            elif noise == "slip":
                text = _slipped(answer, entries.characters, rng)
            else:
                drawn = rng.integers(0, len(entries.characters), len(answer))
                text = "".join(entries.characters[place] for place in drawn)
            if not entries.right(number, text):
                return text
        return ""

    def verify(self, prompts: Int[Array, "N P"], responses: Int[Array, "N R"]) -> Bool[Array, "N"]:
        """Ask the dataset's scorer; an unknown prompt has no right answer."""
        said, entries = np.asarray(responses), self.entries
        numbers = self._numbers(np.asarray(prompts))
        ends = np.argmax(said == END, axis=1)
        after = np.arange(said.shape[1]) > ends[:, None]
        before = np.arange(said.shape[1]) < ends[:, None]
        spoken = (said >= FIRST_CHARACTER) & (said < FIRST_CHARACTER + len(entries.characters))
        sound = (said == END).any(1) & np.where(after, said == PAD, ~before | spoken).all(1)
        right = np.zeros(len(said), bool)
        with quiet():
            for row in np.flatnonzero(sound & (numbers >= 0)):
                tokens = said[row, : ends[row]] - FIRST_CHARACTER
                text = "".join(entries.characters[token] for token in tokens)
                right[row] = entries.right(int(numbers[row]), text)
        return jnp.asarray(right)

    def text(self, tokens: np.ndarray) -> str:
        """Return the characters as they stand; padding is left out."""
        return "".join(self.symbols[token] for token in np.ravel(tokens) if token != PAD)

    def describe(self) -> dict[str, Any]:
        """Return what the task is, with a hash of the entries: a few datasets draw anew each time.

        The version is that of the package, which knows what is right.
        """
        entries = self.entries
        texts = repr([entries.questions, entries.answers, entries.level.tolist()])
        return {
            **super().describe(),
            "entries": sha256(texts.encode()).hexdigest(),
            "version": metadata.version("reasoning-gym"),
        }

    def _numbers(self, prompts: np.ndarray) -> np.ndarray:
        """Return the number of each prompt's entry, -1 where there is none."""
        number = _frames(self).number
        rows = np.ascontiguousarray(prompts, np.int32)
        return np.array([number.get(row.tobytes(), -1) for row in rows], int)

    def _known(self, prompts: np.ndarray) -> np.ndarray:
        numbers = self._numbers(prompts)
        if (numbers < 0).any():
            strange = prompts[np.flatnonzero(numbers < 0)[0]].tolist()
            raise refuse("prompts", f"among the task's {len(self.entries.level)} entries", strange)
        return numbers


class Frames(NamedTuple):
    """Entries as tokens ``[entries, P]`` and ``[entries, R]``, and their numbers by the prompt."""

    prompts: np.ndarray
    solutions: np.ndarray
    number: dict[bytes, int]


@lru_cache(maxsize=8)
def _frames(task: ReasoningGym) -> Frames:
    entries = task.entries
    prompts = _written(entries.questions, entries.characters, task.prompt_length)
    prompts[prompts == END] = PAD
    prompts[:, -1] = ANSWER
    solutions = _written(entries.answers, entries.characters, task.response_length)
    return Frames(prompts, solutions, {row.tobytes(): n for n, row in enumerate(prompts)})


def _written(texts: Sequence[str], characters: tuple[str, ...], length: int) -> np.ndarray:
    """Return texts as tokens with the end symbol, ``[N, length]``."""
    token = {character: FIRST_CHARACTER + n for n, character in enumerate(characters)}
    rows = np.full((len(texts), length), PAD, np.int32)
    for row, text in zip(rows, texts, strict=True):
        row[: len(text) + 1] = [*(token[character] for character in text), END]
    return rows


def _kind(character: str, characters: tuple[str, ...]) -> str:
    """Return the characters of the same kind: digits, small letters, capitals, others."""
    for kind in KINDS:
        if character in kind:
            return kind
    return "".join(other for other in characters if not other.isascii() or not other.isalnum())


def _slipped(answer: str, characters: tuple[str, ...], rng: np.random.Generator) -> str:
    """Replace one character by another of its kind."""
    place = int(rng.integers(0, len(answer)))
    others = _kind(answer[place], characters).replace(answer[place], "")
    new = others[int(rng.integers(0, len(others)))] if others else ""
    return answer[:place] + new + answer[place + 1 :]


def _shifted(text: str, characters: tuple[str, ...]) -> str:
    """Replace every digit by the next; where there are none every letter, or every sign."""
    tests = (str.isdigit, str.isalpha, bool)
    test = next(test for test in tests if any(map(test, text)))
    new = []
    for character in text:
        kind = _kind(character, characters)
        following = kind[(kind.index(character) + 1) % len(kind)] if character in kind else ""
        new.append(following if test(character) else character)
    return "".join(new)


def reasoning_gym(
    dataset: str = "chain_sum",
    levels: Sequence[Mapping[str, Any]] | None = None,
    size: int = 4000,
    seed: int = 0,
    prompt_length: int | None = None,
    response_length: int | None = None,
) -> ReasoningGym:
    """Return a task made of a dataset of reasoning-gym; ``pip install 'boostsim[reasoning-gym]'``.

    Questions are put without the words that all of them begin and end with. Prompts are the entries
    that were generated: a task with a few hundred can be learned by heart.

    Args:
        dataset: its name in reasoning-gym.
        levels: configurations, one for each stratum, easiest first: keyword arguments of
            ``reasoning_gym.create_dataset`` without size and seed. By default growing sums for
            ``chain_sum`` and ``basic_arithmetic``, and one stratum as the dataset comes for others.
        size: entries that are generated for each level, before repeated questions are left out; a
            few datasets take a tenth of a second for each.
        seed: decides the entries.
        prompt_length: columns of a prompt, characters and one; by default what the longest needs.
        response_length: columns of a response, characters and the end; the same.

    Raises:
        ValueError: for a name or a configuration that reasoning-gym does not know, a dataset
            without answers or whose scorer evaluates answers as programs, an entry that does not
            fit, a number out of range, or where reasoning-gym is not installed.

    Example:
        >>> task = reasoning_gym("chain_sum", size=200)
        >>> prompts = task.prompts(np.random.default_rng(0), np.array([1]))
        >>> task.text(prompts), task.text(task.solve(prompts))
        ('6 - 6 - 7 - 4<answer>', '-11<end>')
    """
    names = package().factory.DATASETS
    if not isinstance(dataset, str) or dataset not in names:
        near = difflib.get_close_matches(brief(dataset), names, n=4, cutoff=0.5)
        hint = f"Near it: {', '.join(near)}." if near else ""
        raise refuse("dataset", f"one of the {len(names)} of reasoning-gym", dataset, hint)
    if dataset in EVALUATED:
        raise refuse("dataset", "one whose scorer does not run answers as programs", dataset)
    chosen = DEFAULT_LEVELS.get(dataset, ({},)) if levels is None else levels
    task = ReasoningGym(
        dataset, _frozen_levels(chosen), whole("size", size, 1, 10**6), whole("seed", seed, 0)
    )
    lengths = {}
    for name, given, texts in (
        ("prompt_length", prompt_length, task.entries.questions),
        ("response_length", response_length, task.entries.answers),
    ):
        needed = max(map(len, texts)) + 1
        lengths[name] = needed if given is None else whole(name, given, 1, 2**20)
        if lengths[name] < needed:
            raise refuse(name, f"at least {needed}, what the longest entry needs", given)
    return ReasoningGym(task.dataset, task.levels, task.size, task.seed, **lengths)


def _frozen_levels(levels: Any) -> tuple[Level, ...]:
    allowed = "configurations, at least one: mappings of keyword arguments, easiest first"
    if isinstance(levels, (str, Mapping)) or not isinstance(levels, Sequence) or not levels:
        raise refuse("levels", allowed, levels)
    frozen = []
    for number, level in enumerate(levels):
        if not isinstance(level, Mapping) or not all(isinstance(name, str) for name in level):
            raise refuse(f"levels[{number}]", "a mapping of keyword arguments", level)
        for name in ("seed", "size"):
            if name in level:
                raise refuse(
                    f"levels[{number}]", f"without {name!r}, an argument of its own", level
                )
        pairs = ((name, _plain(f"levels[{number}][{name!r}]", level[name])) for name in level)
        frozen.append(tuple(sorted(pairs)))
    return tuple(frozen)


def _plain(name: str, value: Any) -> Any:
    """Return a value that can be hashed and written as JSON, lists as tuples."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, (list, tuple)):
        return tuple(_plain(name, part) for part in value)
    if value is not None and not isinstance(value, (bool, int, float, str)):
        raise refuse(name, "a number, a text, true or false, or a list of these", value)
    return value
