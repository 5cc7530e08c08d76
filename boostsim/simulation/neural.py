"""The loop with a transformer as the learner: the same procedures, visit by visit.

Each iteration makes one visit to each of some prompts. A seed's prompts, first model and draws come
from its key alone, so procedures that are compared under one key are paired: the same first model,
the same prompts, the same evaluation. After every iteration the whole state of a seed can be
written to a folder; a run that was killed goes on from there to the same numbers, bit for bit.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.curation.procedure import Procedure
from boostsim.learners.generate import generate
from boostsim.learners.train import train
from boostsim.learners.transformer import Parameters, Transformer
from boostsim.progress import track
from boostsim.results import make_neural_trace
from boostsim.simulation.checkpoints import load_state, locked, save_state
from boostsim.simulation.evaluation import Evaluation
from boostsim.simulation.first_model import first_model
from boostsim.simulation.prompts import draw_prompts
from boostsim.simulation.verdicts import (
    focus,
    kept,
    key_words,
    label,
    noise_for,
    verdicts,
    verifier,
)
from boostsim.tasks.sequences import SequenceTask
from boostsim.types import PAD, generator, key_text, needed_key, refuse, whole

if TYPE_CHECKING:
    import xarray

__all__ = ["Run", "simulate_tokens"]

# One constant a draw site; iterations are folded into the seed's key below LASTING.
PROMPTS, ATTEMPTS, VERDICTS, FOCUS, LABELS, ORDER, EVALUATION, REAL = range(8)
LASTING_VERDICTS, LASTING_ANSWERS, FIRST, POOL = (2**32 - 1 - site for site in range(4))


@dataclass(frozen=True)
class Run:
    """What a run is, apart from its seed.

    Attributes:
        procedure, task, learner: the slots.
        prompts: visits an iteration, one to each prompt.
        pool: prompts in a fixed pool, or None: fresh ones each time.
        evaluation: the prompts on which every model is measured.
    """

    procedure: Procedure
    task: SequenceTask
    learner: Transformer
    prompts: int
    pool: int | None
    evaluation: Evaluation

    def describe(self) -> dict[str, Any]:
        """Return what decides the numbers, for provenance and to recognise a run again."""
        procedure = self.procedure
        return {
            "procedure": json.loads(procedure.describe()),
            # A criterion's name does not say what it computes.
            "criterion": procedure.criterion.fingerprint(procedure.attempts),
            "task": self.task.describe(),
            "vocabulary": list(self.task.symbols),
            "learner": self.learner.describe(),
            "prompts_per_iteration": self.prompts,
            "pool": self.pool,
            "evaluate": self.evaluation.each,
            "backend": jax.default_backend(),
        }


def simulate_tokens(
    procedure: Procedure,
    task: SequenceTask,
    iterations: int,
    seeds: int,
    key: jax.Array | int | None,
    *,
    learner: Transformer | None,
    prompts_per_iteration: int | None,
    pool: int | None,
    evaluate: int | None,
    folder: str | os.PathLike[str] | None,
) -> xarray.Dataset:
    """Check what a run with a transformer needs, and run it; the arguments of ``bs.simulate``.

    Raises:
        ValueError: for an argument that is out of range or does not fit the others.
    """
    if not isinstance(procedure, Procedure):
        raise refuse("procedure", "a bs.Procedure, for example bs.boosting(...)", procedure)
    if not isinstance(learner, Transformer):
        raise refuse("learner", "a bs.Transformer where the task is in tokens", learner)
    iterations, seeds = whole("iterations", iterations, 0), whole("seeds", seeds, 1)
    prompts = 2048 if prompts_per_iteration is None else prompts_per_iteration
    prompts = whole("prompts_per_iteration", prompts, 1)
    if pool is not None and whole("pool", pool, 1) < prompts:
        raise refuse("pool", f"at least the {prompts} prompts of an iteration", pool)
    each = whole("evaluate", 100 if evaluate is None else evaluate, 1)
    seed_key = needed_key(key, "where the learner is a transformer")
    if folder is not None and not isinstance(folder, (str, os.PathLike)):
        raise refuse("folder", "a path, or None", folder)
    place = None if folder is None else Path(folder)
    run = Run(procedure, task, learner, prompts, pool, Evaluation(task, each))
    return _trace(run, iterations, seed_key, seeds, place)


def _trace(
    run: Run, iterations: int, key: jax.Array, seeds: int, folder: Path | None
) -> xarray.Dataset:
    """Run every seed and return the trace; seed i uses fold_in(key, i).

    Raises:
        ValueError: where the slots do not fit a task in tokens, or the folder holds another run.
    """
    if run.procedure.learner.slack:
        slack = run.procedure.learner.slack
        raise refuse("slack", "0 in a procedure for a transformer", slack)
    if run.procedure.labeler is not None:
        noise_for(run.task, run.procedure.labeler)
    # A criterion that is no pure function of the visits is refused before anything is trained.
    run.procedure.criterion.reads(run.procedure.attempts)
    with contextlib.ExitStack() as stack:
        if folder is not None:
            stack.enter_context(locked(folder))
        rows = []
        for seed in range(seeds):
            path = None if folder is None else folder / f"seed-{seed}.npz"
            rows.append(_seed(run, iterations, jax.random.fold_in(key, seed), path))
    variables = {name: np.stack([row[name][: iterations + 1] for row in rows]) for name in rows[0]}
    plain = (str, int, float)
    about = {
        name: value if isinstance(value, plain) else json.dumps(value, sort_keys=True)
        for name, value in run.describe().items()
    }
    about["key"] = key_text(key)
    return make_neural_trace(variables, run.task.strata, run.task.stratum_weights, about)


def _seed(run: Run, iterations: int, key: jax.Array, path: Path | None) -> dict[str, np.ndarray]:
    """Run one seed, from the file if it was begun; return what was measured, by iteration."""
    about = {**run.describe(), "key": np.ravel(jax.random.key_data(key)).tolist()}
    state = None if path is None else load_state(path, about)
    if state is None:
        parameters = first_model(run.task, run.learner, jax.random.fold_in(key, FIRST))
        data = _first_data(run, parameters, key)
        nothing = dict.fromkeys(("labels", "generations", "filter_calls", "tokens", "seconds"), 0.0)
        unknown = dict.fromkeys(("label_accuracy", "right_tokens", "loss"), np.nan)
        row: dict[str, Any] = {**nothing, **unknown, "examples": 0.0}
        row |= run.evaluation.measure(run.learner, parameters, _site(key, 0, EVALUATION))
        rows = [row]
    else:
        parameters = {n[2:]: jnp.asarray(a) for n, a in state.items() if n.startswith("w_")}
        data = state["data"]
        recorded = {n[2:]: a for n, a in state.items() if n.startswith("m_")}
        rows = [
            {name: values[t] for name, values in recorded.items()}
            for t in range(len(recorded["labels"]))
        ]
    for iteration in track(
        range(len(rows), iterations + 1), "iterations", iterations + 1 - len(rows)
    ):
        began = time.monotonic()
        parameters, data, spent = _iterate(run, key, iteration, parameters, data)
        row = {name: rows[-1][name] + spent.pop(name) for name in COSTS}
        row |= spent
        row |= run.evaluation.measure(run.learner, parameters, _site(key, iteration, EVALUATION))
        row["seconds"] = rows[-1]["seconds"] + time.monotonic() - began
        rows.append(row)
        if path is not None:
            arrays = {f"w_{name}": np.asarray(leaf) for name, leaf in parameters.items()}
            arrays |= {f"m_{name}": np.stack([row[name] for row in rows]) for name in rows[0]}
            save_state(path, about, {**arrays, "data": data})
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


COSTS = ("labels", "generations", "filter_calls", "tokens")


def _site(key: jax.Array, iteration: int, site: int) -> jax.Array:
    return jax.random.fold_in(jax.random.fold_in(key, iteration), site)


def _words(key: jax.Array, iteration: int, site: int) -> np.ndarray:
    return key_words(jax.random.fold_in(key, iteration), site)


def _drawn_prompts(run: Run, rng: np.random.Generator, count: int) -> np.ndarray:
    stratum = rng.choice(len(run.task.strata), count, p=run.task.stratum_weights)
    return draw_prompts(run.task, rng, stratum)


def _visited(run: Run, key: jax.Array, iteration: int) -> tuple[np.ndarray, np.ndarray]:
    """Return this iteration's prompts and their numbers: fresh ones, or some of the pool."""
    rng = generator(_words(key, iteration, PROMPTS))
    if run.pool is None:
        return _drawn_prompts(run, rng, run.prompts), np.arange(run.prompts)
    pool = _drawn_prompts(run, generator(key_words(key, POOL)), run.pool)
    chosen = rng.permutation(run.pool)[: run.prompts]
    return pool[chosen], chosen


def _first_data(run: Run, parameters: Parameters, key: jax.Array) -> np.ndarray:
    """Return what training has seen before the first iteration: draws of f_0, if it accumulates."""
    task = run.task
    if run.procedure.regime != "accumulate":
        return np.zeros((0, task.prompt_length + task.response_length), np.int32)
    prompts, _ = _visited(run, key, 0)
    said, _ = generate(
        run.learner, parameters, prompts, task.response_length, _site(key, 0, ATTEMPTS)
    )
    return np.concatenate([prompts, said], axis=1)


def _iterate(
    run: Run, key: jax.Array, iteration: int, parameters: Parameters, data: np.ndarray
) -> tuple[Parameters, np.ndarray, dict[str, Any]]:
    """Return the next model, the data it keeps in mind, and what the iteration cost and showed."""
    procedure, task, learner = run.procedure, run.task, run.learner
    filt = procedure.filter
    assert filt is not None
    visits, attempts = run.prompts, procedure.attempts
    prompts, number = _visited(run, key, iteration)
    shape = (visits, attempts, task.response_length)
    if filt.generates:
        said, _ = generate(
            learner,
            parameters,
            np.repeat(prompts, attempts, axis=0),
            task.response_length,
            _site(key, iteration, ATTEMPTS),
            procedure.sharpening,
        )
        correct = np.asarray(verifier(task)(np.repeat(prompts, attempts, axis=0), said))
        responses, correct = said.reshape(shape), correct.reshape(shape[:2])
        accepted = verdicts(
            filt,
            prompts,
            responses,
            correct,
            _words(key, iteration, VERDICTS),
            key_words(key, LASTING_VERDICTS),
        )
    else:
        responses = np.full(shape, PAD, np.int32)
        accepted = np.zeros(shape[:2], bool)
    keeps = kept(procedure, accepted)
    examples = [
        np.concatenate([np.repeat(prompts[:, None], attempts, 1)[keeps], responses[keeps]], axis=1)
    ]
    spent: dict[str, Any] = {
        "labels": 0.0,
        "generations": float(attempts * filt.generates),
        "filter_calls": float(attempts * filt.looks * filt.generates),
        "tokens": (responses != PAD).sum() / visits,
        "label_accuracy": np.nan,
        "right_tokens": np.nan,
    }
    if procedure.labeler is not None:
        group = number if run.pool is not None else task.stratum(prompts)
        probability = focus(procedure, group, number, accepted.sum(1), responses)
        level = generator(_words(key, iteration, FOCUS)).random(visits)
        chosen = level < probability
        # All visits are asked about, so that a label does not depend on who else gets one.
        labels = label(
            task,
            procedure.labeler,
            prompts,
            _words(key, iteration, LABELS),
            key_words(key, LASTING_ANSWERS),
        )
        examples.append(np.concatenate([prompts, labels.responses], axis=1)[chosen])
        spent["labels"] = chosen.mean()
        if chosen.any():
            spent["label_accuracy"] = labels.right[chosen].mean()
            spent["right_tokens"] = labels.right_tokens[chosen].mean()
    if procedure.regime == "anchor":
        assert procedure.real_share is not None
        rng = generator(_words(key, iteration, REAL))
        real = _drawn_prompts(run, rng, round(procedure.real_share * visits))
        examples.append(np.concatenate([real, task.solve(real)], axis=1))
    batch = np.concatenate(examples).astype(np.int32)
    spent["examples"] = float(len(batch))
    if procedure.regime == "accumulate":
        batch = data = np.concatenate([data, batch])
    spent["loss"] = np.nan
    if not len(batch):
        warnings.warn(
            f"in iteration {iteration} nothing was accepted and nothing labelled, so nothing was "
            "trained",
            stacklevel=2,
        )
    else:
        start = parameters
        if learner.start == "first":
            start = first_model(task, learner, jax.random.fold_in(key, FIRST))
        parameters, spent["loss"] = train(
            learner,
            start,
            batch,
            task.prompt_length,
            _site(key, iteration, ORDER),
            steps=learner.steps,
            learning_rate=learner.learning_rate,
        )
    return parameters, data, spent
