"""Tasks whose prompts can be listed and whose responses are one token: a transformer as a table.

There the transformer's law can be read off, row by row. So a model is measured exactly, the slack
of what it learned is known, and it can be fitted to the law that infinitely many visits would give:
the same population map as on tables makes that law from the rows of the transformer.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import refuse
from boostsim.curation.class_filter import ClassFilter
from boostsim.curation.filters import judges
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.learners.strong import StrongLearner
from boostsim.mode import fixed
from boostsim.simulation.tables import exact
from boostsim.simulation.tables.learning import learn
from boostsim.simulation.tables.population import label_sources
from boostsim.simulation.tables.prepare import prepare
from boostsim.simulation.tables.state import State
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.tokens.carried import NOTHING, Carried
from boostsim.simulation.tokens.judging import judge
from boostsim.simulation.tokens.verdicts import noise_for, wrong_law
from boostsim.statistics import Statistic, average_of
from boostsim.tasks.sequences import SequenceTask
from boostsim.tasks.table import TableTask, table_task


@dataclass(frozen=True)
class Listing:
    """The prompts of a task and which token answers them.

    Attributes:
        task: a task in tokens whose prompts can be listed.
    """

    task: SequenceTask

    @cached_property
    def prompts(self) -> np.ndarray:
        """All prompts, ``[N, P]``."""
        return self.task.every_prompt()

    @cached_property
    def quality(self) -> np.ndarray:
        """1.0 where a token is the right answer, ``[N, V]``."""
        quality = np.zeros((len(self.prompts), len(self.task.symbols)))
        np.put_along_axis(quality, self.task.solve(self.prompts), 1.0, axis=1)
        return quality

    @cached_property
    def _numbers(self) -> dict[bytes, int]:
        return {prompt.tobytes(): index for index, prompt in enumerate(self.prompts)}

    def number(self, prompts: np.ndarray) -> np.ndarray:
        """Return the places of prompts ``[N, P]`` in the list, ``[N]``."""
        asked = np.ascontiguousarray(prompts.astype(self.prompts.dtype))
        return np.array([self._numbers[prompt.tobytes()] for prompt in asked], int)

    @cached_property
    def weights(self) -> np.ndarray:
        """How often each prompt is visited, ``[N]``: evenly.

        Raises:
            ValueError: for a task that weighs strata otherwise than by the number of their prompts.
        """
        share = np.bincount(self.task.stratum(self.prompts)) / len(self.prompts)
        if not np.allclose(share, self.task.stratum_weights):
            allowed = f"the shares of the listed prompts {share.tolist()}"
            raise refuse("stratum_weights", allowed, self.task.stratum_weights.tolist())
        return np.full(len(self.prompts), 1.0 / len(self.prompts))

    def measure(
        self, rows: np.ndarray, samples: int, pass_at: tuple[int, ...] = ()
    ) -> dict[str, np.ndarray]:
        """Return what :class:`Evaluation` measures, as expectations, of a model's rows ``[N, V]``.

        Args:
            rows: the model.
            samples: responses to a prompt that distinct speaks of, and pass_at_k where nothing
                else is said.
            pass_at: the numbers of responses that pass_at_k speaks of, ``[strata, len(pass_at)]``.
        """
        right = (rows * self.quality).sum(1)
        best = np.take_along_axis(self.quality, rows.argmax(1)[:, None], axis=1)[:, 0]
        passed = 1.0 - (1.0 - right) ** samples
        if pass_at:
            passed = 1.0 - (1.0 - right[:, None]) ** np.array(pass_at)
        by_prompt = {
            "accuracy": right,
            "greedy_accuracy": best,
            "pass_at_k": passed,
            "entropy": -(rows * np.log(np.where(rows > 0.0, rows, 1.0))).sum(1),
            "distinct": (1.0 - (1.0 - rows) ** samples).sum(1) / samples,
        }
        stratum = self.task.stratum(self.prompts)
        strata = range(len(self.task.strata))
        return {
            name: np.array([values[stratum == number].mean(0) for number in strata])
            for name, values in by_prompt.items()
        }

    def said(self, statistic: Statistic, rows: np.ndarray) -> np.ndarray:
        """Return what a statistic says of a model's rows ``[N, V]``: averaged, or on each."""
        with fixed(double=True):
            table = jnp.asarray(rows.T, float), jnp.asarray(self.quality.T)
            values = np.asarray(statistic.of(*table))
        return average_of(statistic, values, self.weights) if statistic.average else values


def tabular(
    procedure: Procedure, listing: Listing, rows: np.ndarray
) -> tuple[Procedure, TableTask]:
    """Return the procedure and the task as they are on a table whose first model has these rows.

    The learner becomes the strong one; the labeler's way to be wrong, a filter that judges tokens
    and the scores become tables of their own. Nothing else changes.
    """
    procedure = replace(procedure, learner=StrongLearner())
    task, labeler = listing.task, procedure.labeler
    if procedure.scores is not None:
        worth = procedure.scores.steady(*_every_pair(listing)).reshape(listing.quality.shape)
        procedure = replace(procedure, scores=worth)
    filt = procedure.filter
    if judges(filt):
        accept = judge(filt)(*_every_pair(listing)).reshape(listing.quality.shape)
        told = ClassFilter(accept, looks=filt.looks, persistent=filt.persistent)
        procedure = replace(procedure, filter=told)
    table = table_task(listing.quality, listing.weights, rows)
    if not isinstance(labeler, WeakLabeler):
        return procedure, table

    def as_rows(labeler: WeakLabeler) -> WeakLabeler:
        noise = noise_for(task, labeler)
        strata = task.stratum(listing.prompts)
        beta = np.broadcast_to(labeler.beta, len(task.strata))[strata][:, None]
        law = beta * listing.quality + (1.0 - beta) * wrong_law(task, noise)
        return replace(labeler, beta=None, rows=law)

    return replace(procedure, labeler=labeler.each(as_rows)), table


def _every_pair(listing: Listing) -> tuple[np.ndarray, np.ndarray]:
    """Return each prompt with each token as its answer, ``[N V, P]`` and ``[N V, 1]``."""
    tokens = len(listing.task.symbols)
    prompts = np.repeat(listing.prompts, tokens, axis=0)
    return prompts, np.tile(np.arange(tokens, dtype=np.int32), len(listing.prompts))[:, None]


class Target(NamedTuple):
    """What an iteration asks the learner to reproduce.

    Attributes:
        rows: the law that a strong learner would return, ``[N, V]``; where nothing is trained on,
            the row as it was.
        weight: share of each prompt in what the examples weigh, ``[N]``; all zero where there are
            none.
        tried: attempts made, per visit.
        labels: labels bought, per visit.
        label_accuracy: share of right ones among them, NaN where none was bought.
        examples: examples made, per visit.
        carried: what the next iteration starts from besides the model.
    """

    rows: np.ndarray
    weight: np.ndarray
    tried: float
    labels: float
    label_accuracy: float
    examples: float
    carried: Carried


class TrainingLaw:
    """The exact training law of a procedure, for any model of a listed task."""

    def __init__(
        self, procedure: Procedure, listing: Listing, rows: np.ndarray, key: jax.Array
    ) -> None:
        """Prepare it from the first model's rows; what persists is drawn once from the key."""
        self.listing, regime = listing, procedure.trained_on
        self.window = regime.window if regime.remembers else None
        with fixed(double=True):
            # Every token is a class of its own, and a persistent labeler has drawn its answers.
            self.structure, self.numbers = prepare(
                *tabular(procedure, listing, rows),
                sampled=True,
                wanted=frozenset({"entropy"}),
                key=key,
                # Room for more batches is made when there are more.
                iterations=1,
            )
            sources = dict(zip(self.structure.sources, self.numbers.source_mass, strict=True))
            self.label_accuracies = {
                source: (np.asarray(sources[source]).T * listing.quality).sum(1)
                for source in self.structure.answering
            }

    def __call__(
        self,
        rows: np.ndarray,
        carried: Carried = NOTHING,
        iteration: int = 1,
        key: jax.Array | None = None,
    ) -> Target:
        """Return the law that one iteration of visits to a model with these rows leads to.

        Args:
            rows: the model, ``[N, V]``.
            carried: of the last :class:`Target`, or of a seed at first.
            iteration: its number, for a labeler that drifts and for schedules.
            key: of a criterion that remembers.
        """
        with fixed(double=True):
            number = jnp.asarray(float(iteration)) if self.numbers.changes else None
            carried = carried.with_room(self.window)
            data, examples, memory, _ = jax.tree.map(jnp.asarray, carried)
            if data is not None:
                data = jnp.swapaxes(data, -1, -2)[..., None, :, :]
            before = State(jnp.asarray(rows.T[None]), data, examples, memory, number)
            now = self.numbers.at(number)
            after, made = _target(self.structure, now, before, key)
            if int(made.invalid) >= 0:
                accepted, prompt = divmod(int(made.invalid), len(rows))
                assert self.structure.criterion is not None
                raise ValueError(
                    f"criterion {self.structure.criterion.name!r} must return finite priorities "
                    f"of at least 0; it did not in iteration {iteration}, first on the visits to "
                    f"prompt {prompt} with {accepted} of {self.structure.trials} accepted"
                )
            law = np.asarray(after.mass[0]).T
            real, labels = np.asarray(now.real_share), np.asarray(made.labels)
            counted = np.asarray(made.kept + made.labels) + real
            tried = np.full(len(rows), float(self.structure.attempts))
            if made.tried is not None:
                tried = np.asarray(made.tried)
            memory = jax.tree.map(np.asarray, after.memory)
            weight = np.asarray(made.examples) + real
            if data is None:
                carried = Carried(memory=memory)
            elif carried.batches is not None:
                assert carried.examples is not None
                weight = weight + carried.examples.sum(axis=0)
                kept = np.asarray(after.data)[:, 0].swapaxes(-1, -2), np.asarray(after.examples)
                carried = Carried(*kept, memory, carried.batches)
            else:
                weight = np.asarray(after.examples)
                carried = Carried(law, weight, memory)
            shares = dict(label_sources(self.structure, now))
            right = sum(
                float(shares[source]) * accuracy
                for source, accuracy in self.label_accuracies.items()
            )
        mu = self.listing.weights
        weight, bought = weight * mu, float(labels @ mu)
        total = weight.sum()
        return Target(
            rows=law,
            weight=weight / total if total > 0.0 else weight,
            tried=float(tried @ mu),
            labels=bought,
            label_accuracy=float(mu @ (labels * right)) / bought if bought else np.nan,
            examples=float(counted @ mu),
            carried=carried,
        )


@partial(jax.jit, static_argnums=0)
def _target(
    structure: Structure, numbers: Numbers, state: State, key: jax.Array | None
) -> tuple[State, exact.Gathered]:
    made = exact.gather(structure, numbers, state, key)
    after = learn(structure, numbers, state, made.rows, made.examples, jnp.asarray(1.0))
    return replace(after, memory=made.memory), made


def empirical(
    listing: Listing, rows: np.ndarray, frames: np.ndarray, weights: np.ndarray | None = None
) -> np.ndarray:
    """Return what a strong learner makes of examples: their shares, or else the old row.

    Args:
        listing: the prompts.
        rows: the model before, ``[N, V]``.
        frames: prompt and response of each example, ``[E, P + 1]``.
        weights: of the examples, ``[E]``; None is 1 each.
    """
    counts = np.zeros_like(rows)
    said = listing.number(frames[:, :-1]), frames[:, -1].astype(int)
    np.add.at(counts, said, 1.0 if weights is None else weights)
    seen = counts.sum(1, keepdims=True)
    return np.where(seen > 0.0, counts / np.where(seen > 0.0, seen, 1.0), rows)


def slack(listing: Listing, target: np.ndarray, rows: np.ndarray) -> dict[str, np.float64]:
    """Return the total variation distance of what was learned to what there was to learn.

    ``slack`` is its average over prompts, ``slack_worst_prompt`` that of the worst prompt.
    """
    distance = 0.5 * np.abs(rows - target).sum(1)
    return {
        "slack": np.float64(listing.weights @ distance),
        "slack_worst_prompt": np.float64(distance.max()),
    }
