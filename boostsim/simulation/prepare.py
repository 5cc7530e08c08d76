"""From a procedure and a task to the arrays and the structure that a step runs on."""

from __future__ import annotations

from itertools import groupby

import jax.numpy as jnp
import numpy as np

from boostsim.curation.procedure import Procedure
from boostsim.simulation.population import Parameters, Structure, pairs
from boostsim.tasks.table import TableTask
from boostsim.types import refuse

__all__ = ["prepare"]


def prepare(
    procedure: Procedure,
    task: TableTask,
    *,
    sampled: bool,
    wanted: frozenset[str] = frozenset(),
) -> tuple[Structure, Parameters]:
    """Return the structure and the parameters of a run; call it with 64-bit types enabled.

    Exact runs keep responses lumped and get diversity from the sources' collisions; entropy needs
    the rows. Sampled runs need the rows for anything within the classes.

    Raises:
        ValueError: where procedure and task do not fit.
    """
    if not isinstance(procedure, Procedure):
        raise refuse("procedure", "a bs.Procedure, for example bs.boosting(...)", procedure)
    if not isinstance(task, TableTask):
        raise refuse("task", "made by bs.table_task or bs.random_table", task)
    parts, priority = _parts(procedure)
    asked = procedure.labeler is not None and priority is None
    disagrees = asked and "disagreement" in procedure.criterion.reads(procedure.attempts)
    within = disagrees or "diversity" in wanted
    dense = "entropy" in wanted or (sampled and within)
    collides = within and not dense

    quality = task.quality
    rows = _rows(procedure, task)
    if dense:
        mass = {name: source.T for name, source in rows.items()}
        correct = quality.T
    else:
        mass = {name: _class_masses(source, quality) for name, source in rows.items()}
        if procedure.labeler is not None:
            mass["labels"] = procedure.labeler.masses_for(quality)
        correct = np.array([[1.0], [0.0]])
    assert procedure.filter is not None
    structure = Structure(
        attempts=procedure.attempts,
        keep_all=procedure.keep == "all",
        parts=parts,
        criterion=procedure.criterion if asked else None,
        allocation=procedure.criterion.allocation,
        labeled=procedure.labeler is not None,
        budgeted=procedure.budget is not None,
        slack=procedure.learner.slack > 0.0,
        regime=procedure.regime,
        sources=tuple(mass),
        lumped=not dense,
        collides=collides,
        disagrees=disagrees,
    )
    parameters = Parameters(
        weights=jnp.asarray(task.prompt_weights),
        accept=jnp.asarray(np.where(correct == 1.0, *procedure.filter.accept)),
        reject=jnp.asarray(np.where(correct == 1.0, *procedure.filter.reject)),
        correct=jnp.asarray(correct),
        source_mass=jnp.asarray(np.stack(list(mass.values()))),
        collision=jnp.asarray(_collision(list(rows.values()), quality)) if collides else None,
        priority=None if priority is None else jnp.asarray(priority)[:, None],
        budget=jnp.asarray(np.float64(procedure.budget or 0.0)),
        slack=jnp.asarray(np.float64(procedure.learner.slack)),
        real_share=jnp.asarray(np.float64(procedure.real_share or 0.0)),
    )
    return structure, parameters


def _rows(procedure: Procedure, task: TableTask) -> dict[str, np.ndarray]:
    """Return the sources of which every row is a mixture, ``[prompts, responses]`` each."""
    rows = {"initial": task.initial}
    if procedure.labeler is not None:
        rows["labels"] = procedure.labeler.rows_for(task.quality)
    if procedure.learner.slack > 0.0:
        rows["noise"] = procedure.learner.noise_rows_for(task.quality)
    if procedure.regime == "anchor":
        rows["reference"] = task.reference
    return rows


def _parts(procedure: Procedure) -> tuple[tuple[tuple[int, ...], ...], np.ndarray | None]:
    """Split J = 0..k into the sets that need to be told apart, with the priority of each.

    J = 0 stands alone, for nothing is kept there. The others are merged where their priority is
    known beforehand and equal, unless every accepted response is kept: then J itself counts.
    """
    counts = range(procedure.attempts + 1)
    alone = tuple((count,) for count in counts)
    if procedure.labeler is None:
        return ((0,), tuple(counts[1:])), None
    priority = procedure.criterion.priority_by_accepted(procedure.attempts)
    if priority is None:
        return alone, None
    if procedure.keep == "all":
        return alone, priority
    by_priority = sorted(counts[1:], key=lambda count: (priority[count], count))
    merged = [tuple(part) for _, part in groupby(by_priority, key=lambda count: priority[count])]
    parts = ((0,), *sorted(merged))
    return parts, np.array([priority[part[0]] for part in parts])


def _class_masses(rows: np.ndarray, quality: np.ndarray) -> np.ndarray:
    """Return the (correct, wrong) mass of every row, ``[2, prompts]``."""
    return np.stack([(rows * quality).sum(1), (rows * (1.0 - quality)).sum(1)])


def _collision(rows: list[np.ndarray], quality: np.ndarray) -> np.ndarray:
    """Return the chance that draws of two sources in one class agree, ``[pairs, 2, prompts]``.

    A source without mass in a class has no such draw; its entry is 0.
    """
    given = []
    for row in rows:
        mass = _class_masses(row, quality)
        both = np.where(quality == 1.0, mass[0][:, None], mass[1][:, None])
        given.append(row / np.where(both > 0.0, both, 1.0))
    return np.stack(
        [_class_masses(given[left] * given[right], quality) for left, right in pairs(len(rows))]
    )
