"""Evaluation of a transformer, stratum by stratum, greedy and sampled kept apart.

The prompts are held out: neither the first model nor any iteration trains on one of them. A table
to be looked up is the exception; nothing could be said of an entry that training never sees.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import jax
import numpy as np

from boostsim.keys import generator
from boostsim.learners.generate import generate, next_law
from boostsim.learners.network import Parameters, Trained
from boostsim.simulation.passing import one_of
from boostsim.simulation.tokens.listed import Listing
from boostsim.simulation.tokens.prompts import draw_prompts
from boostsim.simulation.tokens.verdicts import verifier
from boostsim.statistics import Statistic
from boostsim.tasks.sequences import SequenceTask

# Responses drawn for each prompt.
SAMPLES = 4
MEASURED = ("accuracy", "greedy_accuracy", "pass_at_k", "entropy", "distinct")


@dataclass(frozen=True)
class Evaluation:
    """The same prompts for every seed and procedure.

    Attributes:
        task: what is asked.
        each: prompts of each stratum.
        pass_at: the numbers of responses that pass_at_k speaks of; where there are none, one
            number, that of ``SAMPLES``.
        statistics: read off all rows besides, where these can be.
    """

    task: SequenceTask
    each: int
    pass_at: tuple[int, ...] = ()
    statistics: tuple[Statistic, ...] = ()

    @cached_property
    def prompts(self) -> np.ndarray:
        """The prompts, stratum by stratum, ``[strata x each, P]``."""
        words = np.frombuffer(bytes.fromhex(self.task.fingerprint)[:16], np.uint32)
        stratum = np.repeat(np.arange(len(self.task.strata)), self.each)
        return draw_prompts(self.task, generator(words), stratum, held_out=True)

    @property
    def samples(self) -> int:
        """Responses drawn for each prompt: SAMPLES, or a multiple that suffices for pass_at."""
        return SAMPLES * max(1, -(-max(self.pass_at, default=1) // SAMPLES))

    @property
    def names(self) -> tuple[str, ...]:
        """What :meth:`measure` returns, by name."""
        by_stratum = tuple(f"{name}_by_stratum" for name in MEASURED)
        return (*MEASURED, "error", *by_stratum, *(each.name for each in self.statistics))

    def measure(
        self, model: Trained, parameters: Parameters, key: jax.Array
    ) -> dict[str, np.ndarray]:
        """Return what a model is worth: numbers, and arrays over strata.

        accuracy is that of one sampled response, greedy_accuracy that of the most probable next
        token each time, pass_at_k that one of k responses is right (from a number of samples of
        each prompt that suffices, without bias), entropy the mean surprise of the samples in nats
        (unbiased for the response's entropy), distinct the share of samples of a prompt that
        differ. All but pass_at_k are measured on the first ``SAMPLES``, whatever is asked of it.
        """
        own: dict[str, np.ndarray] = {}
        if self.task.listed:
            listing = Listing(self.task)
            rows = next_law(model, parameters, listing.prompts)
            by_stratum = listing.measure(rows, SAMPLES, self.pass_at)
            own = {each.name: listing.said(each, rows) for each in self.statistics}
        else:
            by_stratum = self._drawn(model, parameters, key)
        weights = self.task.stratum_weights
        overall = {name: np.asarray(values.T @ weights) for name, values in by_stratum.items()}
        overall["error"] = 1.0 - overall["accuracy"]
        return {
            **overall,
            **{f"{name}_by_stratum": values for name, values in by_stratum.items()},
            **own,
        }

    def _drawn(
        self, model: Trained, parameters: Parameters, key: jax.Array
    ) -> dict[str, np.ndarray]:
        """Return averages over the evaluation prompts, by stratum."""
        prompts, strata = self.prompts, len(self.task.strata)
        length = self.task.response_length
        check = verifier(self.task)
        said, _ = generate(model, parameters, prompts, length, key, greedy=True)
        greedy = check(prompts, said).reshape(strata, -1).mean(1)
        many = np.repeat(prompts, SAMPLES, axis=0)
        said, log_probability = generate(model, parameters, many, length, key)
        right = check(many, said).reshape(strata, self.each, SAMPLES)
        passed = right.any(2).mean(1)
        if self.pass_at:
            hits = right.sum(2)
            for block in range(1, self.samples // SAMPLES):
                again, _ = generate(model, parameters, many, length, jax.random.fold_in(key, block))
                hits = hits + check(many, again).reshape(right.shape).sum(2)
            passed = one_of(hits, self.samples, self.pass_at).mean(1)
        said = said.reshape(len(prompts), SAMPLES, length)
        first = [
            ~np.any([(said[:, i] == said[:, j]).all(1) for j in range(i)], axis=0)
            for i in range(1, SAMPLES)
        ]
        distinct = (1.0 + np.sum(first, axis=0)) / SAMPLES
        return {
            "accuracy": right.mean((1, 2)),
            "greedy_accuracy": greedy,
            "pass_at_k": passed,
            "entropy": -log_probability.reshape(strata, -1).mean(1).astype(np.float64),
            "distinct": distinct.reshape(strata, -1).mean(1),
        }
