"""Tasks in tokens: prompts and responses as sequences, a verifier, wrong labels by name.

A prompt is an array of tokens of fixed length, padded before its last column, which always holds
the sign that a response is due. A response ends with the end symbol and is padded after it. Tasks
are frozen and compare by value, so a compiled program can be specialised to one.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any, ClassVar

import numpy as np
from jaxtyping import Array, Bool, Int

from boostsim.arguments import refuse, unknown
from boostsim.objects import described
from boostsim.vocabulary import PAD

# Other names for two ways to be wrong.
ALIASES = {"garbage": "spread", "systematic": "concentrated"}


@dataclass(frozen=True)
class SequenceTask(ABC):
    """What a transformer is trained on. Build one with ``bs.arithmetic`` and its like.

    Attributes:
        symbols: the vocabulary; the padding first, then the end symbol.
        prompt_length, response_length: columns of a frame.
        strata: names of the levels of difficulty, easiest first.
        stratum_weights: how often each is prompted, sums to one.
        easy_weights: the same for the examples that make the first model.
        easy_slips: share of wrong ones among these examples.
        first_steps: optimiser steps that make the first model, unless a learner says otherwise.
        held_out: share of the prompts that only evaluation sees.
        noises: names of the ways in which a label can be wrong.
        compiled: whether ``verify`` can be compiled; if not it runs on the host as it is.
    """

    noises: ClassVar[tuple[str, ...]] = ("slip", "spread", "concentrated")
    easy_slips: ClassVar[float] = 0.6
    first_steps: ClassVar[int] = 600
    held_out: ClassVar[float] = 0.25
    compiled: ClassVar[bool] = True

    @property
    @abstractmethod
    def symbols(self) -> tuple[str, ...]:
        """The vocabulary."""

    @property
    @abstractmethod
    def prompt_length(self) -> int:
        """Columns of a prompt."""

    @property
    @abstractmethod
    def response_length(self) -> int:
        """Columns of a response."""

    @property
    @abstractmethod
    def strata(self) -> tuple[str, ...]:
        """Names of the levels of difficulty."""

    @property
    @abstractmethod
    def stratum_weights(self) -> np.ndarray:
        """How often each stratum is prompted."""

    @property
    @abstractmethod
    def easy_weights(self) -> np.ndarray:
        """How often each stratum occurs among the first model's examples."""

    @abstractmethod
    def prompts(self, rng: np.random.Generator, stratum: np.ndarray) -> np.ndarray:
        """Draw a prompt for each entry of ``stratum``: tokens ``[N, P]``."""

    @abstractmethod
    def stratum(self, prompts: np.ndarray) -> np.ndarray:
        """Return the index of each prompt's stratum, ``[N]``."""

    @abstractmethod
    def solve(self, prompts: np.ndarray) -> np.ndarray:
        """Return a correct response to each prompt, tokens ``[N, R]``."""

    @abstractmethod
    def mistake(self, noise: str, rng: np.random.Generator, prompts: np.ndarray) -> np.ndarray:
        """Return a wrong response to each prompt, ``[N, R]``, wrong in the way that is named."""

    @abstractmethod
    def verify(self, prompts: Int[Array, "N P"], responses: Int[Array, "N R"]) -> Bool[Array, "N"]:
        """Return whether each response is correct; defined on all tokens, and jitted."""

    def every_prompt(self) -> np.ndarray:
        """Return all prompts, ``[N, P]``, where they can be listed and a response is one token.

        Raises:
            ValueError: where they cannot.
        """
        listed = "one whose prompts can be listed and whose responses are one token (bs.lookup)"
        raise refuse("task", listed, type(self).__name__)

    def mistake_law(self, noise: str) -> np.ndarray:
        """Return the law of :meth:`mistake` on every prompt that is listed, ``[N, V]``."""
        raise NotImplementedError

    @property
    def listed(self) -> bool:
        """Whether :meth:`every_prompt` and :meth:`mistake_law` are there."""
        return type(self).every_prompt is not SequenceTask.every_prompt

    def check_noise(self, noise: str) -> str:
        """Return the task's name of a way to be wrong by mistake, or refuse it."""
        name = ALIASES.get(noise, noise)
        if name not in self.noises:
            raise unknown("wrong", noise, (*self.noises, "shuffled"))
        return name

    def text(self, tokens: np.ndarray) -> str:
        """Return tokens as people read them; padding is left out."""
        return " ".join(self.symbols[token] for token in np.ravel(tokens) if token != PAD)

    def describe(self) -> dict[str, Any]:
        """Return what the task is, for provenance."""
        return {"task": type(self).__name__, "held_out": self.held_out, **asdict(self)}

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the description."""
        return sha256(json.dumps(described(self), sort_keys=True).encode()).hexdigest()


def compact(columns: list[np.ndarray], length: int) -> np.ndarray:
    """Put the tokens of each row that are not padding to the front, in order, ``[N, length]``.

    Example:
        >>> compact([np.array([0, 5]), np.array([7, 6])], 3)
        array([[7, 0, 0],
               [5, 6, 0]], dtype=int32)
    """
    tokens = np.stack(columns, axis=1)
    order = np.argsort(tokens == PAD, axis=1, kind="stable")
    packed = np.take_along_axis(tokens, order, axis=1)
    room = np.zeros((len(tokens), max(0, length - packed.shape[1])), packed.dtype)
    return np.concatenate([packed, room], axis=1)[:, :length].astype(np.int32)
