"""One iteration of a transformer's run: what is visited, tried, kept, labelled and trained on.

On a finite number of visits, drawn; or, where a task's prompts can be listed, on infinitely many:
then the transformer is fitted to the law itself.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jax
import numpy as np
from jax.sharding import Mesh

from boostsim.curation.labelers import FirstModel, WeakLabeler
from boostsim.curation.rates import on_visits
from boostsim.curation.truth import Truth
from boostsim.keys import generator
from boostsim.learners.devices import place
from boostsim.learners.generate import generate, next_law
from boostsim.learners.network import Parameters
from boostsim.learners.train import check_converged, fit, train
from boostsim.simulation.seeing import Pool, VisitsEach
from boostsim.simulation.tokens.asking import ask, ask_model, ask_own, label_weight
from boostsim.simulation.tokens.carried import Carried
from boostsim.simulation.tokens.first_model import first_model
from boostsim.simulation.tokens.focusing import first_memory, focus, remember, see
from boostsim.simulation.tokens.listed import Target, TrainingLaw, empirical, slack
from boostsim.simulation.tokens.prompts import draw_prompts
from boostsim.simulation.tokens.shown import show
from boostsim.simulation.tokens.structure import Run
from boostsim.simulation.tokens.verdicts import (
    Labels,
    chosen,
    kept,
    key_words,
    made,
    verdicts,
    verifier,
)
from boostsim.vocabulary import PAD

# One constant a draw site; iterations are folded into the seed's key below LASTING.
PROMPTS, ATTEMPTS, VERDICTS, FOCUS, LABELS, ORDER, EVALUATION, REAL, PRIORITY, JUDGED, DRAWN = (
    range(11)
)
KEPT = 11
LASTING_VERDICTS, LASTING_ANSWERS, FIRST, POOL = (2**32 - 1 - site for site in range(4))


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
        key, says = jax.random.fold_in(self.key, FIRST), not self.run.exact
        made = first_model(self.run.task, self.run.learner, key, says=says)
        return place(made, self.mesh)

    @cached_property
    def first_rows(self) -> np.ndarray:
        """The rows of f_0 where prompts can be listed, ``[N, V]``."""
        return next_law(self.run.learner, self.first_model, self.run.listing.prompts)

    @cached_property
    def training_laws(self) -> dict[int, TrainingLaw]:
        """The law that infinitely many visits would train on, by the number of attempts."""
        procedure, told = self.run.procedure, (self.run.listing, self.first_rows, self.key)
        return {
            each: TrainingLaw(procedure.trying(each), *told)
            for each in np.unique(procedure.attempts).tolist()
        }

    @cached_property
    def first_beta(self) -> np.ndarray:
        """Where prompts can be listed, how often f_0 as the labeler is right on each, ``[N]``."""
        labeler, quality = self.run.procedure.labeler, self.run.listing.quality
        assert isinstance(labeler, FirstModel)
        return labeler.on(self.first_rows, quality).masses_for(quality)[0]

    def first_carried(self) -> Carried:
        """Return what the first iteration starts from: f_0, where data accumulate, and a memory."""
        run, memory = self.run, self.first_memory()
        if not run.procedure.trained_on.remembers:
            return Carried(memory=memory)
        if run.exact:
            rows = self.first_rows
            if run.window is None:
                return Carried(rows, np.ones(len(rows)), memory)
            one = np.ones((1, len(rows)))
            return Carried(rows[None], one, memory, np.array([len(rows)]))
        prompts, _ = self._visited(0)
        length = run.task.response_length
        said, _ = generate(run.learner, self.first_model, prompts, length, self.site(0, ATTEMPTS))
        weights = np.ones(len(prompts)) if run.weighs else None
        batches = None if run.window is None else np.array([len(prompts)])
        return Carried(np.concatenate([prompts, said], axis=1), weights, memory, batches)

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
        target, batch, weights = None, np.zeros((0, 0), np.int32), None
        if self.run.exact:
            target, carried, spent = self._gather_exactly(iteration, parameters, carried)
            empty = not target.weight.any()
        else:
            batch, weights, carried, spent = self._gather(iteration, parameters, carried)
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
                weights=weights,
            )
        if not empty:
            when = f"in iteration {iteration}"
            check_converged(after, spent["loss"], "learning_rate", learner.learning_rate, when)
        if task.listed:
            listing = self.run.listing
            if target is None:
                rows = next_law(learner, parameters, listing.prompts)
                wanted = empirical(listing, rows, batch, weights)
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
            number = np.repeat(np.arange(len(run.listing.prompts)), run.how.at(iteration))
            return run.listing.prompts[number], number
        rng = generator(self.words(iteration, PROMPTS))
        if not isinstance(run.how, Pool):
            return self._drawn_prompts(rng, run.visits), np.arange(run.visits)
        pool = self._drawn_prompts(generator(key_words(self.key, POOL)), run.how.size)
        chosen = rng.permutation(run.how.size)[: run.visits]
        return pool[chosen], chosen

    def _gather(
        self, iteration: int, parameters: Parameters, carried: Carried
    ) -> tuple[np.ndarray, np.ndarray | None, Carried, dict[str, Any]]:
        """Return the examples to train on, their weights, what is carried on, and what they cost.

        All k attempts are drawn; where a visit stops at the first accepted one, those after it are
        neither seen nor counted.
        """
        run = self.run
        procedure, task = run.procedure.at(iteration), run.task
        prompts, number = self._visited(iteration)
        visits, attempts = len(prompts), procedure.most_attempts
        filt = on_visits(procedure.filter, number)
        shape = (visits, attempts, task.response_length)
        width = prompts.shape[1] + task.response_length
        if filt.generates:
            said, _ = generate(
                run.learner,
                parameters,
                np.repeat(prompts, attempts, axis=0),
                task.response_length,
                self.site(iteration, ATTEMPTS),
                procedure.sharpening,
            )
            correct = verifier(task)(np.repeat(prompts, attempts, axis=0), said)
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
        tried = made(procedure, accepted)
        accepted = accepted & tried
        keeps = kept(procedure, accepted)
        if procedure.scores is not None:
            words = self.words(iteration, KEPT)
            keeps = chosen(procedure, accepted, prompts, responses, words)
        asked = np.repeat(prompts[:, None], attempts, 1)
        examples = [np.concatenate([asked[keeps], responses[keeps]], axis=1)]
        weights = [np.ones(len(examples[0]))]
        spent = self._costs(tried.sum() / visits, (responses != PAD)[tried].sum() / visits)
        memory = carried.memory
        labels: Labels | None = None
        asks = np.zeros(visits, bool)
        if procedure.labeler is not None:
            told = procedure.criterion.sees_truth
            labels = self._asked(iteration, prompts, np.ones(visits, bool)) if told else None
            group = number if run.by_prompt else task.stratum(prompts)
            shown = responses[:, : procedure.trials]
            seen = see(procedure.trials, group, number, accepted.sum(1), shown)
            wrong: Any = (~correct & tried).sum(1) / tried.sum(1)
            chance: Any = None if labels is None else labels.chance
            truth = None if chance is None else Truth(wrong, chance)
            key = self.site(iteration, PRIORITY)
            probability = focus(procedure, seen, truth=truth, memory=memory, key=key)
            level = generator(self.words(iteration, FOCUS)).random(visits)
            asks = level < probability
            if labels is None:
                labels = self._asked(iteration, prompts, asks)
            said = labels.responses[asks]
            each = said.shape[1]
            asked = np.repeat(prompts[asks, None], each, 1)
            examples.append(np.concatenate([asked, said], axis=2).reshape(-1, width))
            weight = label_weight(procedure, len(examples[0]), len(examples[1]))
            weights.append(np.full(len(examples[1]), weight))
            spent["labels"] = each * asks.mean()
            if asks.any():
                spent["label_accuracy"] = labels.right[asks].ravel().mean()
                spent["right_tokens"] = labels.right_tokens[asks].ravel().mean()
            passed = np.zeros((visits, each), bool)
            if procedure.criterion.asks_filter:
                passed = verdicts(
                    filt,
                    prompts,
                    labels.responses,
                    labels.right,
                    self.words(iteration, JUDGED),
                    key_words(self.key, LASTING_VERDICTS),
                )
                spent["filter_calls"] += filt.looks * spent["labels"]
            memory = remember(procedure.criterion, memory, seen, asks, passed.mean(1))
        if run.shows:
            judged = {"accepted": accepted, "correct": correct}
            spent |= show(run, prompts, responses, judged, tried, asks, labels)
        share = procedure.trained_on.share
        # One iteration's, as Procedure.at returns it.
        assert isinstance(share, float)
        if share:
            rng = generator(self.words(iteration, REAL))
            real = self._drawn_prompts(rng, round(share * visits))
            examples.append(np.concatenate([real, task.solve(real)], axis=1))
            weights.append(np.ones(len(real)))
        batch: np.ndarray = np.concatenate(examples).astype(np.int32)
        weigh = np.concatenate(weights) if run.weighs else None
        spent["examples"] = float(len(batch))
        carried = carried._replace(memory=memory)
        if carried.data is not None:
            carried = carried.with_batch(batch, weigh, run.window)
            assert carried.data is not None
            batch, weigh = carried.data, carried.examples
        if (draws := procedure.trained_on.draws) is not None and len(batch):
            rng = generator(self.words(iteration, DRAWN))
            law = None if weigh is None else weigh / weigh.sum()
            batch = batch[rng.choice(len(batch), int(draws) * visits, p=law)]
            # Each was drawn as often as it weighs.
            weigh = None if weigh is None else np.ones(len(batch))
        return batch, weigh, carried, spent

    def _asked(self, iteration: int, prompts: np.ndarray, who: np.ndarray) -> Labels:
        """Return the labels of the visits that are asked about; others may have any."""
        run, labeler = self.run, self.run.procedure.labeler
        assert labeler is not None
        each = run.procedure.labels_per_visit
        if isinstance(labeler, WeakLabeler):
            lasting = key_words(self.key, LASTING_ANSWERS)
            words = self.words(iteration, LABELS)
            return ask(run.task, labeler, each, prompts, words, lasting, iteration)
        if not isinstance(labeler, FirstModel):
            when = jax.random.fold_in(self.key, LASTING_ANSWERS)
            key = when if labeler.persistent else self.site(iteration, LABELS)
            return ask_own(run.task, labeler, each, prompts, key)
        how = run.task, run.learner, self.first_model, labeler, each
        labels = ask_model(*how, prompts, who, self.site(iteration, LABELS))
        if not run.task.listed:
            return labels
        return labels._replace(chance=self.first_beta[run.listing.number(prompts)])

    def _gather_exactly(
        self, iteration: int, parameters: Parameters, carried: Carried
    ) -> tuple[Target, Carried, dict[str, Any]]:
        """Do what :meth:`_gather` does with infinitely many visits to each prompt."""
        rows = next_law(self.run.learner, parameters, self.run.listing.prompts)
        key = self.site(iteration, PRIORITY)
        law = self.training_laws[self.run.procedure.at(iteration).most_attempts]
        target = law(rows, carried, iteration, key)
        spent = self._costs(target.tried, target.tried)
        spent |= {"labels": target.labels, "examples": target.examples}
        if self.run.procedure.criterion.asks_filter:
            spent["filter_calls"] += self.run.procedure.filter.looks * target.labels
        # An answer is one token.
        spent |= dict.fromkeys(("label_accuracy", "right_tokens"), target.label_accuracy)
        return target, target.carried, spent

    def _costs(self, tried: float, tokens: float) -> dict[str, Any]:
        """Return what an iteration without labels costs, of the attempts and tokens of a visit."""
        filt = self.run.procedure.filter
        tried = float(tried * filt.generates)
        return {
            "labels": 0.0,
            "generations": tried,
            "filter_calls": tried * filt.looks,
            "tokens": tokens * filt.generates,
            "label_accuracy": np.nan,
            "right_tokens": np.nan,
        }
