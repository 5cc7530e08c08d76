"""What reasoning-gym generates, and how it scores: entries without repetition, with their answers.

The package is optional, so it is imported when the first task is made. Nothing that a model says
reaches an interpreter: the scorers that evaluate answers are asked about harmless forms alone.
"""

from __future__ import annotations

import contextlib
import io
import re
import string
import threading
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from boostsim.arguments import refuse
from boostsim.extras import needed

# A configuration that can be hashed: pairs of keyword and value, sorted.
Level = tuple[tuple[str, Any], ...]

# A kind of which one character occurs is in the vocabulary whole, so that each can be mistaken.
KINDS = (string.digits, string.ascii_lowercase, string.ascii_uppercase)
# reasoning-gym gives partial scores; this and above counts as right.
RIGHT = 0.99
ALONE = threading.RLock()
# Verdicts that a task remembers.
REMEMBERED = 2**16

# Scorers that hand the answer to Python's or SymPy's evaluation, or that never return on a number
# such as 1e999999999: an answer is scored only if it has this form, and is wrong unseen otherwise.
# Read from reasoning-gym 0.1.25. What is lost is a right answer in an unusual notation (5e-1).
SUM = r"(?!.*\*\*)[-+*/()\d ]*"
FORMS = {
    "binary_matrix": r"[-\d\s]*",
    "coin_flip": r"[-+./\d ]*",
    "countdown": SUM,
    "n_queens": r"[_Q\s]*",
    "puzzle24": SUM,
    "spiral_matrix": r"[-\d\s]*",
    "string_insertion": r"[A-Z]*",
}
# Their answers are formulas with names and powers, which have no form that is harmless to evaluate.
EVALUATED = ("intermediate_integration", "polynomial_multiplication", "simple_integration")


# What answers nothing. A scorer that takes one of them for right rewards a model for it, so its
# dataset is refused: complex_arithmetic, where no distance to NaN is too large, and
# game_of_life_halting, which takes nearly any text; of 106 in reasoning-gym 0.1.25 these alone.
DEGENERATE = (
    *("", "nan", "-nan", "nan+nanj", "inf", "-inf", "1e999"),
    *("None", "null", "?", "[]", "{}", "()", "the answer"),
)
# Entries of each level on which that is tried.
TRIED = 3


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep what generators and scorers print and warn of from the user's screen.

    A verdict then does not depend on whether warnings are errors. One thread at a time: where
    output and warnings go is the whole process's.
    """
    with ALONE, warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        yield


def package() -> Any:
    """Import reasoning-gym, which is optional and takes a second or two."""
    with quiet():
        return needed("reasoning_gym", "reasoning-gym", "bs.reasoning_gym")


@dataclass(frozen=True, eq=False)
class Entries:
    """What a dataset generated, level by level; no question occurs twice.

    Attributes:
        questions: without the words with which all begin or end.
        answers: the dataset's own.
        level: numbers of the levels, ascending.
        characters: those of all texts, sorted.
        right: whether the scorer takes a text for the right answer to an entry.
    """

    questions: tuple[str, ...]
    answers: tuple[str, ...]
    level: np.ndarray
    characters: tuple[str, ...]
    right: Callable[[int, str], bool]


@lru_cache(maxsize=8)
def generate(dataset: str, levels: tuple[Level, ...], size: int, seed: int) -> Entries:
    """Generate ``size`` entries a level; what repeats an earlier question is left out.

    So is an entry without an answer, or whose own answer the scorer does not accept.
    """
    found: dict[str, tuple[str, int, Callable[[str], bool]]] = {}
    with quiet():
        for number, level in enumerate(levels):
            # Entry i of a dataset comes from its seed + i, so seeds have to be far apart.
            start = int(np.random.SeedSequence([seed, number]).generate_state(1)[0]) >> 1
            source = _dataset(dataset, number, level, seed=start, size=size)
            answered, before = 0, len(found)
            for entry in _drawn(source, number, size):
                answer = str(entry["answer"] or "").strip()
                right = _scorer(dataset, source, entry)
                if answer and right(answer):
                    if answered < TRIED:
                        _not_fooled(dataset, answer, right)
                    answered += 1
                    found.setdefault(str(entry["question"]).strip(), (answer, number, right))
            if not answered:
                allowed = "one that has answers, and whose scorer accepts them"
                raise refuse("dataset", allowed, dataset)
            if len(found) == before:
                told = "other questions than the levels before it"
                raise refuse(f"levels[{number}]", f"a configuration with {told}", dict(level))
    answers, level_of, scorers = zip(*found.values(), strict=True)
    questions = _without_common_words(list(found))
    used = set().union(*questions, *answers) | set(string.digits)
    for kind in KINDS:
        used |= set(kind) if used & set(kind) else set()

    @lru_cache(maxsize=REMEMBERED)
    def right_for(number: int, text: str) -> bool:
        return scorers[number](text)

    return Entries(questions, answers, np.array(level_of), tuple(sorted(used)), right_for)


def _not_fooled(dataset: str, answer: str, right: Callable[[str], bool]) -> None:
    """Refuse a dataset whose scorer takes for right what is no answer."""
    for text in DEGENERATE:
        if text != answer and right(text):
            allowed = "one whose scorer knows right from wrong"
            raise refuse("dataset", allowed, dataset, f"It takes {text!r} for right.")


def _drawn(source: Any, number: int, size: int) -> Iterator[dict[str, Any]]:
    for place in range(size):
        try:
            yield source[place]
        except Exception as error:
            told = f"{type(error).__name__}: {error}"
            raise _no_level(number, f"failed at entry {place} with {told}") from None


def _dataset(dataset: str, number: int, level: Level, **more: int) -> Any:
    """Return reasoning-gym's dataset of one level."""
    try:
        return package().create_dataset(dataset, **dict(level), **more)
    except (AssertionError, AttributeError, TypeError, ValueError) as error:
        raise _no_level(number, f"was refused with {type(error).__name__}: {error}") from None


def _no_level(number: int, told: str) -> ValueError:
    told = " ".join(told.split())
    return ValueError(f"levels[{number}] must be a configuration that reasoning-gym takes; {told}")


def _scorer(dataset: str, source: Any, entry: dict[str, Any]) -> Callable[[str], bool]:
    form = re.compile(FORMS[dataset], re.DOTALL) if dataset in FORMS else None

    def right(text: str) -> bool:
        text = text.strip()
        if form is not None and not form.fullmatch(text):
            return False
        try:
            return bool(float(source.score_answer(answer=text, entry=entry)) >= RIGHT)
        except Exception:
            # Their scorers fail on some texts that are no answer.
            return False

    return right


def _without_common_words(questions: list[str]) -> tuple[str, ...]:
    """Leave out what all questions begin and end with, but break no word or number."""
    if len(questions) == 1:
        return tuple(questions)
    # Of all texts the first and the last in order have the least in common.
    start = _common(min(questions), max(questions))
    turned = [question[::-1] for question in questions]
    end = _common(min(turned), max(turned))
    first, last = (len(re.sub(r"[^\W_]+$", "", common)) for common in (start, end))
    if first + last > min(map(len, questions)):
        last = 0
    return tuple(question[first : len(question) - last] for question in questions)


def _common(one: str, other: str) -> str:
    """Return what both texts begin with."""
    same = [a == b for a, b in zip(one, other)]
    return one[: [*same, False].index(False)]
