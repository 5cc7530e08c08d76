"""From a procedure and a task to the arrays and the structure that a step runs on."""

from __future__ import annotations

from hashlib import sha256
from itertools import groupby
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from boostsim.arguments import Words, distribution, refuse, sized
from boostsim.arguments import numbers as numbers_in
from boostsim.curation.filters import by_class
from boostsim.curation.labeler import of_ones_own
from boostsim.curation.labelers import WeakLabeler, shares
from boostsim.curation.procedure import Procedure, checked
from boostsim.curation.rates import checked_for
from boostsim.learners.gradient import PolicyGradient
from boostsim.learners.strong import StrongLearner
from boostsim.learners.tabular import TabularLearner, rule_program, tells_apart
from boostsim.objects import said_by
from boostsim.simulation.tables import persistence
from boostsim.simulation.tables.classes import ALL, Verdicts, chances, classes_of
from boostsim.simulation.tables.collisions import always_alike, collision, decided_by, kept
from boostsim.simulation.tables.levels import choice_of, levels_of
from boostsim.simulation.tables.levels import split as split_by
from boostsim.simulation.tables.sources import Source, of_labeler
from boostsim.simulation.tables.structure import Numbers, Structure
from boostsim.simulation.tables.tried import tried
from boostsim.statistics import Wanted, statistics_in
from boostsim.tasks.table import TableTask

# In a trace's attributes: the fingerprint of the rule of a learner of one's own.
PROGRAM = "learner_program"


def check(procedure: Procedure, task: TableTask) -> None:
    """Refuse what is no procedure for a table, or no table.

    Raises:
        ValueError: for either.
    """
    checked(procedure)
    if not isinstance(task, TableTask):
        made = (
            "made by bs.table_task or bs.random_table (or, in tokens, by bs.programs and its like)"
        )
        raise refuse("task", made, task)
    by_class(procedure.filter)
    if not isinstance(procedure.learner, TabularLearner):
        allowed = "one of tables, such as bs.StrongLearner(), where the task is a table"
        raise refuse("learner", allowed, procedure.learner)
    checked_for(procedure.filter, task.prompts)


def _labeler_on(procedure: Procedure, task: TableTask) -> WeakLabeler | None:
    """Return the labeler as it is on a table: of a first model, or of one's own, its rows.

    Raises:
        ValueError: for a first model that knows no answer, and rows that are none.
    """
    labeler = procedure.labeler
    return None if labeler is None else labeler.on(task.initial, task.quality)


def measured_beta(procedure: Procedure, task: TableTask) -> dict[str, float]:
    """Return how weak a labeler is that is given by rows: on average, and at its worst prompt."""
    labeler = _labeler_on(procedure, task)
    if labeler is None or labeler.rows is None or labeler.drift:
        return {}
    right = labeler.masses_for(task.quality)[0]
    beta = min(float(right @ task.prompt_weights), 1.0)
    return {"beta": beta, "beta_least": float(right.min())}


def own_parts(procedure: Procedure, task: TableTask) -> dict[str, str]:
    """Return what a learner and a labeler of one's own do, which their fields need not tell.

    ``learner_program`` is the fingerprint of the learner's rule, ``learner_numbers`` a hash of its
    numbers and noise rows, ``labeler_rows`` one of the labeler's rows on the task.
    """
    told = {}
    assert isinstance(procedure.learner, TabularLearner)
    program = rule_program(procedure.learner, task.prompts, task.responses)
    if program:
        told[PROGRAM] = program
        noise = procedure.learner.noise_rows_for(task.quality.copy())
        given = [*jax.tree.leaves(procedure.learner.numbers), *([] if noise is None else [noise])]
        each = [np.ascontiguousarray(one, float).tobytes() for one in given]
        told["learner_numbers"] = sha256(b"".join(each)).hexdigest()[:16]
    labeler = _labeler_on(procedure, task)
    if labeler is not None and of_ones_own(procedure.labeler):
        rows = [each.rows_for(task.quality) for each in labeler.plain.values()]
        told["labeler_rows"] = sha256(np.stack(rows).tobytes()).hexdigest()[:16]
    return told


def prepare(
    procedure: Procedure,
    task: TableTask,
    *,
    sampled: bool,
    wanted: Wanted = frozenset(),
    key: jax.Array | None = None,
    iterations: int | None = None,
) -> tuple[Structure, Numbers]:
    """Return the structure and the numbers of a run; call it with 64-bit types enabled.

    Exact runs keep responses lumped and get diversity from the sources' collisions; entropy needs
    the rows, and so do statistics and sharpening. Sampled runs need the rows for anything within
    the classes.
    The structure is the same for all keys.

    Args:
        procedure: what an iteration does.
        task: a table task.
        sampled: whether visits are finite.
        wanted: what is recorded on request.
        key: the seed's, where :func:`boostsim.simulation.tables.persistence.draws` says that one
            is used.
        iterations: how many there will be, where that is known: of a larger window no more is kept
            than they can fill.

    Raises:
        ValueError: where procedure and task do not fit, an iteration would be more than 2^28
            cells, or a learner of one's own gives no rows on an example.
    """
    if isinstance(procedure.attempts, tuple):
        hint = "Where they may change is bs.simulate."
        raise refuse("attempts", "one number here", procedure.attempts, hint)
    quality = task.quality
    learner = procedure.learner
    assert isinstance(learner, TabularLearner)
    rule_program(learner, task.prompts, task.responses)
    gradient = learner if isinstance(learner, PolicyGradient) else None
    parts, priority = _parts(procedure, apart=gradient is not None and sampled)
    asked = procedure.labeler is not None and priority is None
    disagrees = asked and "disagreement" in procedure.criterion.reads(procedure.trials)
    sharpening = procedure.sharpening
    if sharpening is not None and not sharpening.changes:
        sharpening = None
    labeler = _labeler_on(procedure, task)
    split = labeler is not None and labeler.persistent and not sampled
    within = disagrees or "diversity" in wanted
    # Disagreement is no average over the answers within a class, so there every answer is a copy.
    rows = _rows(procedure, task, labeler)
    rows_needed = (
        bool(wanted & {"entropy", "rows"} or statistics_in(wanted))
        or sharpening is not None
        or (split and disagrees)
        or tells_apart(learner, sampled=sampled, alone=len(rows) == 1)
    )
    dense = rows_needed or (sampled and within)
    collides = within and not dense
    verdicts = None
    if procedure.filter.persistent:
        assert key is not None
        told = procedure, task, key
        verdicts = Verdicts(persistence.verdicts(*told), persistence.staying(*told))
    classes = None if dense else classes_of(procedure.filter, quality, verdicts)
    levels = ranks = None
    if procedure.scores is not None:
        levels = levels_of(procedure.scores.table(task.prompts, task.responses))
        if classes is not None:
            classes, ranks = split_by(classes, levels)
    kinds = task.responses if classes is None else len(classes.correct)
    # A visit that stops early did so after one of k attempts.
    stops = procedure.most_attempts if procedure.until_accepted and sampled else 0
    # Of a policy gradient accepted and rejected attempts, by J.
    said = 2 * len(parts) * kinds if gradient is not None and sampled else 0
    chosen = kinds * len(parts) if levels is not None and len(parts) > 2 else 0
    cells = max(kinds, len(parts), stops, said, chosen) * (kinds if split else 1)
    trained = procedure.trained_on
    window, drawn = (
        None if size is None else int(size) for size in (trained.window, trained.draws)
    )
    accumulates = trained.remembers
    sized("task", task.prompts * cells, f"{task.prompts:,} prompts x {cells:,} cells of each")
    if accumulates and window is not None:
        if iterations is not None:
            # f_0 is a batch too, and a window of one would be no window.
            window = max(2, min(window, iterations + 1))
        what = f"{task.prompts:,} prompts x {cells:,} cells of each x {window:,} iterations"
        sized("regime.window", task.prompts * cells * window, what)

    if labeler is not None and labeler.persistent and sampled:
        assert key is not None
        answers = persistence.answers(rows["labels"].rows(ALL), key)
        rows["labels"] = Source(lambda some: answers[some])
    if classes is None:
        mass = {name: source.rows(ALL).T for name, source in rows.items()}
        accept, reject = (
            np.swapaxes(each, -1, -2) for each in chances(procedure.filter, quality, verdicts)
        )
    else:
        known = {}
        if classes.two and levels is None:
            known["initial"] = task.first_masses
            if labeler is not None and not (labeler.persistent and sampled):
                counts = task.correct_responses
                for name, each in labeler.plain.items():
                    known[name] = each.masses_for(quality, counts)
        mass = {
            name: known[name] if name in known else classes.masses(source.rows(ALL))
            for name, source in rows.items()
        }
        accept, reject = classes.accept, classes.reject
    choice = None if levels is None else choice_of(procedure.keep, levels, ranks)
    agree = None
    if collides:
        assert classes is not None
        of = classes
        agree = kept(
            task,
            decided_by(rows) if classes.two and levels is None else None,
            lambda: collision(rows, of, *quality.shape),
        )
        if split:
            agree = always_alike(agree, list(rows))

    copies = len(mass["labels"]) if split else 1
    share = mass["labels"] if split else None

    def spread(values: np.ndarray) -> np.ndarray:
        return np.tile(values, copies) if values.shape[-1] == task.prompts else values

    if share is not None:
        # One copy of a prompt for each class of answer, copies slowest.
        answer = np.repeat(np.eye(copies), task.prompts, axis=1)
        mass = {name: answer if name == "labels" else spread(mass[name]) for name in mass}
    weights = task.prompt_weights if share is None else (task.prompt_weights * share).ravel()
    weighing, weight = None, None
    if procedure.label_share is not None:
        weighing, weight = "share", procedure.label_share
    elif procedure.label_weight != 1.0:
        weighing, weight = "weight", procedure.label_weight
    structure = Structure(
        attempts=procedure.most_attempts,
        keep_all=procedure.keep == "all",
        parts=parts,
        criterion=procedure.criterion if asked else None,
        allocation=procedure.criterion.allocation,
        labeled=labeler is not None,
        budgeted=procedure.budget is not None,
        learner=learner.rule,
        accumulates=accumulates,
        anchored="reference" in mass,
        sources=tuple(mass),
        answering=() if labeler is None else tuple(labeler.plain),
        correct=None if classes is None else classes.correct,
        copies=copies,
        sharpening=sharpening,
        collides=collides,
        disagrees=disagrees,
        weighing=weighing,
        labels_each=procedure.labels_per_visit,
        until_accepted=procedure.until_accepted,
        advantage=None if gradient is None else gradient.advantage,
        window=window if accumulates else None,
        draws=drawn,
        first_drawn=accumulates and trained.first == "sampled",
        choice=None if levels is None else procedure.keep,
    )
    # Asked for an array, JAX compiles a program for each shape; to put it there takes none.
    put = jax.device_put
    numbers = Numbers(
        weights=put(weights),
        share=None if share is None else put(share),
        accept=put(spread(accept)),
        reject=put(spread(reject)),
        correct=put(spread(quality.T)) if dense else None,
        source_mass=put(np.stack(list(mass.values()))),
        collision=None if agree is None else put(spread(agree)),
        priority=None if priority is None else put(priority[:, None]),
        budget=put(np.array(procedure.budget or 0.0, float)),
        learner=_numbers_of(learner),
        real_share=put(np.array(procedure.trained_on.real_share, float)),
        shares=None if labeler is None else _shares(labeler),
        label_weight=None if weight is None else put(np.array(weight, float)),
        choice=jax.tree.map(lambda each: put(spread(each)), choice),
    )
    if learner.rule and type(learner) is not StrongLearner:
        tried(structure, numbers)
    return structure, numbers


def _rows(procedure: Procedure, task: TableTask, labeler: WeakLabeler | None) -> dict[str, Source]:
    """Return the sources of which every row is a mixture, by name.

    A run that lumps rows may never ask for them.
    """
    rows = {"initial": Source(lambda some: task.initial[some], ())}
    if labeler is not None:
        rows |= {name: of_labeler(each, task.quality) for name, each in labeler.plain.items()}
    learner = procedure.learner
    assert isinstance(learner, TabularLearner)
    if learner.rule:
        noise = _noise_rows(learner, task.quality)
        if noise is not None:
            told = (learner.noise,) if type(learner) is StrongLearner else None
            rows["noise"] = Source(lambda some: noise[some], told)
    if np.any(procedure.trained_on.real_share):
        reference = task.reference
        rows["reference"] = Source(lambda some: reference[some], ())
    return rows


def _noise_rows(learner: TabularLearner, quality: np.ndarray) -> np.ndarray | None:
    """Return the learner's own rows ``[prompts, responses]``, or None."""
    if type(learner) is StrongLearner:
        return learner.noise_rows_for(quality)
    told, wanted = "learner.noise_rows_for(quality)", "probabilities [prompts, responses], or None"

    def checked(got: Any) -> np.ndarray | None:
        if got is None:
            return None
        shape = numbers_in(told, got, 2).shape
        if shape != quality.shape:
            raise refuse(told, f"of the task's shape {quality.shape}", Words(f"shape {shape}"))
        return distribution(told, got, 2)

    return said_by(told, wanted, lambda: learner.noise_rows_for(quality.copy()), checked)


def _numbers_of(learner: TabularLearner) -> Any:
    """Return the numbers of a learner's rule, as arrays."""
    try:
        return jax.tree.map(lambda number: jnp.asarray(number, float), learner.numbers)
    except (TypeError, ValueError):
        raise refuse("learner.numbers", "numbers, in tuples or dicts", learner.numbers) from None


def _shares(labeler: WeakLabeler) -> Array | None:
    """Return how often each plain labeler answers, by iteration, as long as that changes."""
    if labeler.drift is None:
        return None
    last = int(labeler.drift[1])
    sized("labeler", last * len(labeler.plain), f"{last:,} iterations x {len(labeler.plain)}")
    return jax.device_put(shares(labeler, range(1, last + 1)))


def _parts(
    procedure: Procedure, *, apart: bool
) -> tuple[tuple[tuple[int, ...], ...], np.ndarray | None]:
    """Split J = 0..k into the sets that need to be told apart, with the priority of each.

    J = 0 stands alone, for nothing is kept there. The others are merged where their priority is
    known beforehand and equal, unless all are to be told apart, or every accepted response is kept:
    then J itself counts.
    """
    counts = range(procedure.most_attempts + 1)
    alone = tuple((count,) for count in counts)
    if procedure.labeler is None:
        return alone if apart else ((0,), tuple(counts[1:])), None
    priority = procedure.criterion.priority_by_accepted(procedure.trials)
    if procedure.until_accepted:
        return ((0,), tuple(counts[1:])), priority
    if priority is None:
        return alone, None
    if apart or procedure.keep == "all":
        return alone, priority
    by_priority = sorted(counts[1:], key=lambda count: (priority[count], count))
    merged = [tuple(part) for _, part in groupby(by_priority, key=lambda count: priority[count])]
    parts = ((0,), *sorted(merged))
    return parts, np.array([priority[part[0]] for part in parts])
