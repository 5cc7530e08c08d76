"""The loop with a transformer as the learner: the same procedures, visit by visit.

A seed's prompts, first model and draws come from its key alone, so procedures that are compared
under one key are paired: the same first model, the same prompts, the same evaluation. After every
iteration the whole state of a seed can be written to a folder; a run that was killed goes on from
there to the same numbers, bit for bit.
"""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from boostsim.arguments import as_path, flag, refuse, sized, whole
from boostsim.curation.filters import judges
from boostsim.curation.labeler import of_ones_own
from boostsim.curation.labelers import FirstModel, WeakLabeler, drifting
from boostsim.curation.procedure import EXACT, Procedure
from boostsim.curation.rates import alike, checked_for, in_two_classes, prompts_of
from boostsim.curation.scores import FUNCTION
from boostsim.keys import needed_key
from boostsim.learners.devices import mesh_for, place, row
from boostsim.learners.network import Trained
from boostsim.mode import fixed
from boostsim.objects import is_own
from boostsim.progress import announced, track
from boostsim.results import provenance
from boostsim.said import COLUMNS, LABEL, RESPONSES
from boostsim.simulation.passing import MOST_DRAWN
from boostsim.simulation.seeing import Pool, Seeing, VisitsEach
from boostsim.simulation.tokens.carried import Carried
from boostsim.simulation.tokens.checkpoints import check_arrays
from boostsim.simulation.tokens.evaluation import SAMPLES, Evaluation
from boostsim.simulation.tokens.first_model import shapes
from boostsim.simulation.tokens.iteration import EVALUATION, Seed
from boostsim.simulation.tokens.judging import program_of
from boostsim.simulation.tokens.keeping import TOLD, Keeping, assembled, model_of, state_of
from boostsim.simulation.tokens.resuming import KEPT, History
from boostsim.simulation.tokens.shown import nothing_shown
from boostsim.simulation.tokens.structure import Run
from boostsim.simulation.tokens.verdicts import noise_for
from boostsim.simulation.tokens.watching import watched
from boostsim.statistics import Statistic, known_by
from boostsim.store import Store, opened
from boostsim.tasks.sequences import SequenceTask

if TYPE_CHECKING:
    import xarray

# By iteration; what of it was computed otherwise than now; and how often the first model as the
# labeler is right on each prompt, where that can be read off.
Measured = tuple[dict[str, np.ndarray], str, np.ndarray | None]
COSTS = ("labels", "generations", "filter_calls", "tokens")


@fixed()
def simulate_tokens(
    procedure: Procedure,
    task: SequenceTask,
    how: Seeing,
    iterations: int,
    seeds: int | range,
    key: jax.Array | int | None,
    *,
    evaluate: int | None = None,
    pass_at: tuple[int, ...] = (),
    record: tuple[str, ...] = (),
    statistics: tuple[Statistic, ...] = (),
    devices: int | None = None,
    folder: str | os.PathLike[str] | None = None,
    keep_models: bool = False,
) -> xarray.Dataset:
    """Check what a run with a transformer needs, and run it; the arguments of ``bs.simulate``.

    Raises:
        ValueError: for an argument that is out of range or does not fit the others.
    """
    if isinstance(seeds, range):
        raise refuse("seeds", "a number where the task is in tokens", seeds)
    shows = RESPONSES in record
    run = make_run(procedure, task, how, evaluate, pass_at, shows=shows, statistics=statistics)
    iterations, seeds = whole("iterations", iterations, 0), whole("seeds", seeds, 1)
    if run.shows:
        each = sum(array.size for array in nothing_shown(run).values())
        sized("record", seeds * (iterations + 1) * each, f"seeds x (iterations + 1) x {each:,}")
    procedure.lasting(iterations)
    if isinstance(how, VisitsEach):
        how.lasting(iterations)
    seed_key = needed_key(key, "where the learner is a transformer")
    place = None if folder is None else as_path("folder", folder)
    if flag("keep_models", keep_models) and place is None:
        raise refuse("keep_models", "False where there is no folder to keep them in", keep_models)
    mesh = mesh_for(devices, seeds, run.learner.batch)
    return _trace(run, iterations, seed_key, seeds, mesh, place, keep_models)


def make_run(
    procedure: Procedure,
    task: SequenceTask,
    how: Seeing,
    evaluate: int | None = None,
    pass_at: tuple[int, ...] = (),
    *,
    shows: bool = False,
    statistics: tuple[Statistic, ...] = (),
) -> Run:
    """Return what is run, apart from its seeds, or refuse it."""
    learner = procedure.learner
    if not isinstance(task, SequenceTask):
        raise refuse("task", "one in tokens, such as bs.lookup(...)", type(task).__name__)
    if procedure.scores is not None and procedure.scores.function is None:
        raise refuse("scores", f"{FUNCTION} where the task is in tokens", procedure.scores.given)
    in_two_classes(procedure.filter, "where the task is in tokens")
    labeler = procedure.labeler
    if isinstance(labeler, FirstModel):
        if labeler.beta is not None and not task.listed:
            allowed = "None where the first model's rows cannot be read off, as of bs.lookup(...)"
            raise refuse("beta", allowed, labeler.beta)
    elif isinstance(labeler, WeakLabeler):
        for plain in labeler.plain.values():
            noise_for(task, plain)
    if learner == EXACT:
        raise ValueError(
            "learner must be given where the task is in tokens, for example "
            "learner=bs.Transformer()"
        )
    if not isinstance(learner, Trained):
        raise refuse("learner", "a bs.Transformer where the task is in tokens", learner)
    each = 100 if evaluate is None else whole("evaluate", evaluate, 1)
    if statistics and not task.listed:
        allowed = "without statistics where a model's rows cannot be read off, as of bs.lookup(...)"
        raise refuse("record", allowed, [entry.name for entry in statistics])
    run = Run(procedure, task, how, Evaluation(task, each, pass_at, statistics), shows)
    if shows and run.exact:
        hint = "It has no visits, infinitely many: give visits as well."
        raise refuse("record", f"without {RESPONSES!r} in an exact run", (RESPONSES,), hint)
    changing = isinstance(how, VisitsEach) and isinstance(how.visits, tuple)
    if shows and (changing or isinstance(procedure.attempts, tuple)):
        allowed = (
            f"without {RESPONSES!r} where attempts or visits change from iteration to iteration"
        )
        raise refuse("record", allowed, (RESPONSES,))
    frame, strata = task.prompt_length + task.response_length, len(task.strata)
    tried = run.visits * procedure.most_attempts * frame
    asked = "visits" if isinstance(how, VisitsEach) else "prompts_per_iteration"
    sized(asked, tried, "visits x attempts x tokens of a frame")
    bought = run.visits * procedure.labels_per_visit * frame
    sized("labels_per_visit", bought, "visits x labels_per_visit x tokens of a frame")
    if isinstance(how, Pool):
        sized("pool", how.size * frame, "pool x tokens of a frame")
    if task.listed and evaluate is not None:
        raise refuse("evaluate", "None with this task: all its prompts are measured", evaluate)
    if not task.listed and max(pass_at, default=1) > MOST_DRAWN:
        hint = "So many responses are drawn to each prompt, after every iteration."
        raise refuse("pass_at", f"at most {MOST_DRAWN} with this task", max(pass_at), hint)
    drawn = 0 if task.listed else run.evaluation.samples
    sized(
        "pass_at" if pass_at else "evaluate", each * strata * drawn, "evaluate x strata x samples"
    )
    sized("evaluate", each * strata * SAMPLES * frame, "evaluate x strata x samples x tokens")
    kept = learner.network.activations(len(task.symbols))
    sized("batch", learner.batch * frame * kept, "batch x tokens of a frame x numbers kept of each")
    # What is no pure function is refused before anything is trained.
    if judges(procedure.filter):
        program_of(procedure.filter, task)
    elif run.by_prompt:
        checked_for(procedure.filter, run.groups)
    elif prompts_of(procedure.filter) is not None:
        alike(procedure.filter, "where each visit has a fresh prompt (give a pool of as many)")
    if of_ones_own(labeler):
        assert run.answers
    read = procedure.criterion.reads(procedure.trials)
    if procedure.until_accepted and labeler and not run.exact and "disagreement" in read:
        raise refuse(
            "criterion",
            "one that does not read the disagreement where attempts stop at the first accepted one",
            procedure.criterion.name,
            "In tokens it is estimated from responses that are all drawn.",
        )
    return run


def _trace(
    run: Run,
    iterations: int,
    key: jax.Array,
    seeds: int,
    mesh: Mesh | None,
    folder: Path | None,
    keep_models: bool,
) -> xarray.Dataset:
    """Run every seed and return the trace; seed i uses fold_in(key, i) and row i of the mesh.

    Raises:
        ValueError: where the folder holds another run.
    """
    statistics, functions = known_by(run.evaluation.statistics, len(run.task.symbols))
    about = run.describe() | ({"statistics": statistics} if statistics else {})
    own, words = drifting(run.procedure.labeler), np.ravel(jax.random.key_data(key)).tolist()
    with opened(folder, {**about, **own, "key": words}, functions, tells=True) as store:
        attributes = run.attributes(key, mesh)
        told = {**provenance(double=False), **attributes}
        keeping = None if folder is None else Keeping(store, told, models=keep_models)

        @fixed()
        def measured(number: int) -> Measured:
            devices = None if mesh is None else row(mesh, number)
            seed = Seed(run, jax.random.fold_in(key, number), devices)
            return _measured(seed, iterations, number, keeping)

        at_once = 1 if mesh is None else mesh.shape["seed"]
        if at_once == 1:
            rows = [measured(number) for number in range(seeds)]
        else:
            # A thread feeds each row of devices; the seeds of a row take turns.
            with announced(f"{seeds} seeds"), ThreadPoolExecutor(at_once) as pool:
                turns = [range(first, seeds, at_once) for first in range(at_once)]
                done = list(pool.map(lambda turn: [measured(number) for number in turn], turns))
            rows = [done[number % at_once][number // at_once] for number in range(seeds)]
    variables = {
        name: np.stack([row[name][: iterations + 1] for row, _, _ in rows])
        for name in rows[0][0]
        if run.shows or name not in (*COLUMNS, *LABEL)
    }
    return assembled(
        run.task,
        variables,
        attributes,
        [beta for _, _, beta in rows if beta is not None],
        {number: told for number, (_, told, _) in enumerate(rows)},
        run.evaluation.pass_at,
    )


def _measured(seed: Seed, iterations: int, number: int, keeping: Keeping | None) -> Measured:
    """Run one seed, from its file if it was begun; return what was measured, by iteration."""
    run = seed.run
    reads = run.task.listed and isinstance(run.procedure.labeler, FirstModel)
    beta = seed.first_beta if reads else None
    path = history = None
    if keeping is not None:
        path = keeping.store.path(state_of(number))
        devices = str(1 if seed.mesh is None else seed.mesh.size)
        history = History(watched(run), devices=devices)
    row: dict[str, Any] = dict.fromkeys((*COSTS, "seconds"), 0.0)
    row |= dict.fromkeys(("label_accuracy", "right_tokens", "loss"), np.nan)
    if run.task.listed:
        row |= dict.fromkeys(("slack", "slack_worst_prompt"), np.nan)
    row["examples"] = 0.0
    measured = (*row, *run.evaluation.names)
    state = None if keeping is None else _begun(keeping.store, number, seed, measured)
    if state is None:
        if run.shows:
            row |= nothing_shown(run)
        parameters, carried = seed.first_model, seed.first_carried()
        row |= run.evaluation.measure(run.learner, parameters, seed.site(0, EVALUATION))
        rows = [row]
    else:
        weights = {n[2:]: jnp.asarray(a) for n, a in state.items() if n.startswith("w_")}
        parameters = place(weights, seed.mesh)
        first = seed.first_memory()
        carried = Carried.of(state, first, exact=run.exact, weighs=run.weighs)
        recorded = {n[2:]: a for n, a in state.items() if n.startswith("m_")}
        rows = [
            {name: values[t] for name, values in recorded.items()}
            for t in range(len(recorded["labels"]))
        ]
        assert keeping is not None
        assert path is not None
        assert history is not None
        seed = _showing(seed, path, rows)
        history.go_on(keeping.store, path, state, len(rows))
    for iteration in track(
        range(len(rows), iterations + 1), "iterations", iterations + 1 - len(rows)
    ):
        began = time.monotonic()
        parameters, carried, spent = seed.iterate(iteration, parameters, carried)
        row = {name: rows[-1][name] + spent.pop(name) for name in COSTS}
        row |= spent
        row |= run.evaluation.measure(run.learner, parameters, seed.site(iteration, EVALUATION))
        row["seconds"] = rows[-1]["seconds"] + time.monotonic() - began
        rows.append(row)
        if keeping is not None and history is not None:
            model = {f"w_{name}": np.asarray(leaf) for name, leaf in parameters.items()}
            kept = {f"m_{name}": np.stack([row[name] for row in rows]) for name in rows[0]}
            kept |= keeping.arrays(run, beta)
            if keeping.models:
                keeping.store.write(model_of(number, iteration), model)
            state = {**model, **kept, **history.arrays(), **carried.arrays()}
            keeping.store.write(state_of(number), state)
    told = "" if history is None else history.words(iterations)
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}, told, beta


def _showing(seed: Seed, path: Path, rows: list[dict[str, Any]]) -> Seed:
    """Return a seed that shows its visits where the iterations in its file do.

    Raises:
        ValueError: where they are to be shown, and those in the file were not.
    """
    shown = "accepted" in rows[0]
    if seed.run.shows and not shown:
        allowed = f"without {RESPONSES!r} where a run goes on that has not recorded them so far"
        raise refuse("record", allowed, (RESPONSES,), f"See {str(path)!r}.")
    return replace(seed, run=replace(seed.run, shows=shown))


def _begun(
    store: Store, number: int, seed: Seed, measured: tuple[str, ...]
) -> dict[str, np.ndarray] | None:
    """Return the state of a seed that was begun, all of it, or None."""
    path, piece = store.path(state_of(number)), store.read(state_of(number))
    if path is None or piece is None:
        return None
    weights = {f"w_{name}": like for name, like in shapes(seed.run.task, seed.run.learner).items()}
    batches = None if seed.run.window is None else np.zeros(0, int)
    others = (*Carried(memory=seed.first_memory(), batches=batches).arrays(), *KEPT, TOLD)
    others += ("h_filter",) * judges(seed.run.procedure.filter)
    others += ("h_task",) * is_own(seed.run.task)
    others += ("h_labeler",) * bool(seed.run.answers)
    others += ("h_scores",) * (seed.run.procedure.scores is not None)
    others += tuple(f"m_{name}" for name in measured)
    check_arrays(path, piece.arrays, weights, others)
    return piece.arrays
