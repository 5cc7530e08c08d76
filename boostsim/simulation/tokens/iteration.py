"""One iteration of a transformer's run: what is visited, tried, kept, labelled and trained on.

On a finite number of visits, drawn; or, where a task's prompts can be listed, on infinitely many:
then the transformer is fitted to the law itself.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.curation.truth import Truth
from boostsim.keys import generator
from boostsim.learners.devices import place
from boostsim.learners.generate import generate, next_law
from boostsim.learners.network import Parameters, Trained
from boostsim.learners.train import check_converged, fit, train
from boostsim.mode import described as computed_in
from boostsim.objects import described
from boostsim.simulation.seeing import FreshPrompts, Pool, Population, Seeing, VisitsEach
from boostsim.simulation.tokens.carried import Carried
from boostsim.simulation.tokens.evaluation import Evaluation
from boostsim.simulation.tokens.first_model import first_model
from boostsim.simulation.tokens.focusing import first_memory, focus, remember, see
from boostsim.simulation.tokens.listed import Listing, Target, TrainingLaw, empirical, slack
from boostsim.simulation.tokens.prompts import draw_prompts
from boostsim.simulation.tokens.verdicts import kept, key_words, label, verdicts, verifier
from boostsim.tasks.sequences import SequenceTask
from boostsim.vocabulary import PAD

# One constant a draw site; iterations are folded into the seed's key below LASTING.
PROMPTS, ATTEMPTS, VERDICTS, FOCUS, LABELS, ORDER, EVALUATION, REAL, PRIORITY, JUDGED = range(10)
LASTING_VERDICTS, LASTING_ANSWERS, FIRST, POOL = (2**32 - 1 - site for site in range(4))


@dataclass(frozen=True)
class Run:
    """What a run is, apart from its seed.

    Attributes:
        procedure: its learner is a network.
        task: in tokens.
        how: how much an iteration sees.
        evaluation: the prompts on which every model is measured.
    """

    procedure: Procedure
    task: SequenceTask
    how: Seeing
    evaluation: Evaluation

    @property
    def learner(self) -> Trained:
        """What is trained."""
        assert isinstance(self.procedure.learner, Trained)
        return self.procedure.learner

    @property
    def exact(self) -> bool:
        """Whether prompts are visited infinitely often."""
        return isinstance(self.how, Population)

    @cached_property
    def visits(self) -> int:
        """The visits of an iteration; where they are infinitely many, the prompts."""
        if isinstance(self.how, FreshPrompts):
            return self.how.prompts
        each = self.how.visits if isinstance(self.how, VisitsEach) else 1
        return each * len(self.listing.prompts)

    @property
    def by_prompt(self) -> bool:
        """Whether a criterion's groups are prompts, for they come again; else they are strata."""
        return isinstance(self.how, Pool) or not isinstance(self.how, FreshPrompts)

    @property
    def groups(self) -> int:
        """The number of groups that a criterion may tell apart."""
        if not self.by_prompt:
            return len(self.task.strata)
        return self.how.size if isinstance(self.how, Pool) else len(self.listing.prompts)

    @cached_property
    def listing(self) -> Listing:
        """The task's prompts and answers, where they can be listed."""
        return Listing(self.task)

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers, for provenance and to recognise a run again."""
        procedure = self.procedure
        every: dict[str, Any] = {"visits": "unlimited"} if self.exact else {}
        if isinstance(self.how, VisitsEach):
            every = {"visits": self.how.visits}
        if self.evaluation.pass_at:
            every["pass_at"] = list(self.evaluation.pass_at)
        return {
            "procedure": json.loads(procedure.describe()),
            "task": described(self.task),
            "vocabulary": list(self.task.symbols),
            "learner": described(self.learner),
            "prompts_per_iteration": self.visits,
            "pool": self.how.size if isinstance(self.how, Pool) else None,
            "evaluate": self.evaluation.each,
            "backend": jax.default_backend(),
            **computed_in(double=False),
            **every,
        }


@dataclass(frozen=True)
class Seed:
    """One seed of a run.

    Attributes:
        run: what is run.
        key: all that is drawn comes from it.
        mesh: the devices that it runs on, or None for one.
    """

    run: Run
    key: jax.Array
    mesh: Mesh | None = None

    def site(self, iteration: int, site: int) -> jax.Array:
        """Return the key of one draw site of an iteration."""
        return jax.random.fold_in(jax.random.fold_in(self.key, iteration), site)

    def words(self, iteration: int, site: int) -> np.ndarray:
        """Return that key's words, for draws on the host."""
        return key_words(jax.random.fold_in(self.key, iteration), site)

    @cached_property
    def first_model(self) -> Parameters:
        """f_0, which is made on one device, so that it is the same on any number of them."""
        made = first_model(self.run.task, self.run.learner, jax.random.fold_in(self.key, FIRST))
        return place(made, self.mesh)

    @cached_property
    def first_rows(self) -> np.ndarray:
        """The rows of f_0 where prompts can be listed, ``[N, V]``."""
        return next_law(self.run.learner, self.first_model, self.run.listing.prompts)

    @cached_property
    def training_law(self) -> TrainingLaw:
        """The law that infinitely many visits would train on."""
        return TrainingLaw(self.run.procedure, self.run.listing, self.first_rows, self.key)

    def first_carried(self) -> Carried:
        """Return what the first iteration starts from: f_0, where data accumulate, and a memory."""
        run, memory = self.run, self.first_memory()
        if not run.procedure.trained_on.accumulates:
            return Carried(memory=memory)
        if run.exact:
            return Carried(self.first_rows, np.ones(len(self.first_rows)), memory)
        prompts, _ = self._visited(0)
        length = run.task.response_length
        said, _ = generate(run.learner, self.first_model, prompts, length, self.site(0, ATTEMPTS))
        return Carried(np.concatenate([prompts, said], axis=1), memory=memory)

    def first_memory(self) -> Any:
        """Return what the criterion remembers before the first iteration."""
        return first_memory(self.run.procedure.criterion, self.run.groups)

    def iterate(
        self, iteration: int, parameters: Parameters, carried: Carried
    ) -> tuple[Parameters, Carried, dict[str, Any]]:
        """Return the next model, what is carried on, and what the iteration cost and showed."""
        learner, task = self.run.learner, self.run.task
        start = self.first_model if learner.start == "first" else parameters
        order = self.site(iteration, ORDER)
        target, batch = None, np.zeros((0, 0), np.int32)
        if self.run.exact:
            target, carried, spent = self._gather_exactly(iteration, parameters, carried)
            empty = not target.weight.any()
        else:
            batch, carried, spent = self._gather(iteration, parameters, carried)
            empty = not len(batch)
        after, spent["loss"] = parameters, np.nan
        if empty:
            warnings.warn(
                f"in iteration {iteration} nothing was accepted and nothing labelled, so nothing "
                "was trained",
                stacklevel=2,
            )
        elif target is not None:
            prompts = self.run.listing.prompts
            after, spent["loss"] = fit(learner, start, prompts, target.rows, target.weight, order)
        else:
            after, spent["loss"] = train(
                learner,
                start,
                batch,
                task.prompt_length,
                order,
                steps=learner.steps,
                learning_rate=learner.learning_rate,
            )
        if not empty:
            when = f"in iteration {iteration}"
            check_converged(after, spent["loss"], "learning_rate", learner.learning_rate, when)
        if task.listed:
            listing = self.run.listing
            if target is None:
                wanted = empirical(listing, next_law(learner, parameters, listing.prompts), batch)
            else:
                wanted = target.rows
            spent |= slack(listing, wanted, next_law(learner, after, listing.prompts))
        return after, carried, spent

    def _drawn_prompts(self, rng: np.random.Generator, count: int) -> np.ndarray:
        task = self.run.task
        return draw_prompts(task, rng, rng.choice(len(task.strata), count, p=task.stratum_weights))

    def _visited(self, iteration: int) -> tuple[np.ndarray, np.ndarray]:
        """Return this iteration's prompts and their numbers: fresh, from the pool, or all."""
        run = self.run
        if isinstance(run.how, VisitsEach):
            number = np.repeat(np.arange(len(run.listing.prompts)), run.how.visits)
            return run.listing.prompts[number], number
        rng = generator(self.words(iteration, PROMPTS))
        if not isinstance(run.how, Pool):
            return self._drawn_prompts(rng, run.visits), np.arange(run.visits)
        pool = self._drawn_prompts(generator(key_words(self.key, POOL)), run.how.size)
        chosen = rng.permutation(run.how.size)[: run.visits]
        return pool[chosen], chosen

    def _gather(
        self, iteration: int, parameters: Parameters, carried: Carried
    ) -> tuple[np.ndarray, Carried, dict[str, Any]]:
        """Return the examples to train on, what is carried on, and what they cost."""
        run = self.run
        procedure, task = run.procedure.at(iteration), run.task
        filt = procedure.filter
        visits, attempts = run.visits, procedure.attempts
        prompts, number = self._visited(iteration)
        shape = (visits, attempts, task.response_length)
        if filt.generates:
            said, _ = generate(
                run.learner,
                parameters,
                np.repeat(prompts, attempts, axis=0),
                task.response_length,
                self.site(iteration, ATTEMPTS),
                procedure.sharpening,
            )
            correct = np.asarray(verifier(task)(np.repeat(prompts, attempts, axis=0), said))
            responses, correct = said.reshape(shape), correct.reshape(shape[:2])
            accepted = verdicts(
                filt,
                prompts,
                responses,
                correct,
                self.words(iteration, VERDICTS),
                key_words(self.key, LASTING_VERDICTS),
            )
        else:
            responses = np.full(shape, PAD, np.int32)
            accepted = correct = np.zeros(shape[:2], bool)
        keeps = kept(procedure, accepted)
        asked = np.repeat(prompts[:, None], attempts, 1)
        examples = [np.concatenate([asked[keeps], responses[keeps]], axis=1)]
        spent = self._costs((responses != PAD).sum() / visits)
        data, memory = carried.data, carried.memory
        if procedure.labeler is not None:
            assert isinstance(procedure.labeler, WeakLabeler)
            # All visits are asked about, so that a label does not depend on who else gets one.
            labels = label(
                task,
                procedure.labeler,
                prompts,
                self.words(iteration, LABELS),
                key_words(self.key, LASTING_ANSWERS),
                iteration,
            )
            group = number if run.by_prompt else task.stratum(prompts)
            seen = see(attempts, group, number, accepted.sum(1), responses)
            truth: Any = ((~correct).mean(1), labels.chance)
            probability = focus(
                procedure,
                seen,
                truth=Truth(*truth),
                memory=memory,
                key=self.site(iteration, PRIORITY),
            )
            level = generator(self.words(iteration, FOCUS)).random(visits)
            chosen = level < probability
            examples.append(np.concatenate([prompts, labels.responses], axis=1)[chosen])
            spent["labels"] = chosen.mean()
            if chosen.any():
                spent["label_accuracy"] = labels.right[chosen].mean()
                spent["right_tokens"] = labels.right_tokens[chosen].mean()
            passed = np.zeros(visits, bool)
            if procedure.criterion.asks_filter:
                passed = verdicts(
                    filt,
                    prompts,
                    labels.responses[:, None],
                    labels.right[:, None],
                    self.words(iteration, JUDGED),
                    key_words(self.key, LASTING_VERDICTS),
                )[:, 0]
                spent["filter_calls"] += filt.looks * spent["labels"]
            memory = remember(procedure.criterion, memory, seen, chosen, passed)
        share = procedure.trained_on.share
        # One iteration's, as Procedure.at returns it.
        assert isinstance(share, float)
        if share:
            rng = generator(self.words(iteration, REAL))
            real = self._drawn_prompts(rng, round(share * visits))
            examples.append(np.concatenate([real, task.solve(real)], axis=1))
        batch = np.concatenate(examples).astype(np.int32)
        spent["examples"] = float(len(batch))
        if data is not None:
            batch = data = np.concatenate([data, batch])
        return batch, Carried(data, memory=memory), spent

    def _gather_exactly(
        self, iteration: int, parameters: Parameters, carried: Carried
    ) -> tuple[Target, Carried, dict[str, Any]]:
        """Do what :meth:`_gather` does with infinitely many visits to each prompt."""
        rows = next_law(self.run.learner, parameters, self.run.listing.prompts)
        key = self.site(iteration, PRIORITY)
        target = self.training_law(rows, carried, iteration, key)
        spent = self._costs(float(self.run.procedure.attempts))
        spent |= {"labels": target.labels, "examples": target.examples}
        if self.run.procedure.criterion.asks_filter:
            spent["filter_calls"] += self.run.procedure.filter.looks * target.labels
        # An answer is one token.
        spent |= dict.fromkeys(("label_accuracy", "right_tokens"), target.label_accuracy)
        return target, target.carried, spent

    def _costs(self, tokens: float) -> dict[str, Any]:
        """Return what an iteration without labels costs; an attempt's tokens are given."""
        filt = self.run.procedure.filter
        tried = float(self.run.procedure.attempts * filt.generates)
        return {
            "labels": 0.0,
            "generations": tried,
            "filter_calls": tried * filt.looks,
            "tokens": tokens * filt.generates,
            "label_accuracy": np.nan,
            "right_tokens": np.nan,
        }
