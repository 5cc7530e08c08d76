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
    procedure: Procedure, task: TableTask, *, sampled: bool, diversity: bool
) -> tuple[Structure, Parameters]:
    """Return the structure and the parameters of a run; call it with 64-bit types enabled.

    Raises:
        ValueError: where procedure and task do not fit, or the criterion reads what this kind of
            run does not have.
    """
    if not isinstance(procedure, Procedure):
        raise refuse("procedure", "a bs.Procedure, for example bs.boosting(...)", procedure)
    if not isinstance(task, TableTask):
        raise refuse("task", "made by bs.table_task or bs.random_table", task)
    quality = task.quality
    rows = {"initial": task.initial}
    mass = {"initial": _class_masses(task.initial, quality)}
    if procedure.labeler is not None:
        mass["labels"] = procedure.labeler.masses_for(quality)
        if diversity or _reads(procedure, "disagreement"):
            rows["labels"] = procedure.labeler.rows_for(quality)
    if procedure.learner.slack > 0.0:
        rows["noise"] = procedure.learner.noise_rows_for(quality)
        mass["noise"] = _class_masses(rows["noise"], quality)

    parts, priority = _parts(procedure)
    asked = procedure.labeler is not None and priority is None
    collides = diversity or (asked and _reads(procedure, "disagreement"))
    if collides and sampled:
        raise refuse(
            f"criterion {procedure.criterion.name!r}",
            "one that does not read disagreement in sampled runs",
            "one that does",
            "Sampled runs carry the correct and the wrong mass of a row; exact runs have it all.",
        )
    structure = Structure(
        attempts=procedure.attempts,
        keep_all=procedure.keep == "all",
        parts=parts,
        criterion=procedure.criterion if asked else None,
        allocation=procedure.criterion.allocation,
        labeled=procedure.labeler is not None,
        budgeted=procedure.budget is not None,
        slack=procedure.learner.slack > 0.0,
        sources=tuple(mass),
        collides=collides,
    )
    assert procedure.filter is not None
    parameters = Parameters(
        weights=jnp.asarray(task.prompt_weights),
        accept=jnp.asarray(procedure.filter.accept)[:, None],
        reject=jnp.asarray(procedure.filter.reject)[:, None],
        source_mass=jnp.asarray(np.stack(list(mass.values()))),
        collision=(
            jnp.asarray(_collision([rows[name] for name in mass], quality)) if collides else None
        ),
        priority=None if priority is None else jnp.asarray(priority)[:, None],
        budget=jnp.asarray(np.float64(procedure.budget or 0.0)),
        slack=jnp.asarray(np.float64(procedure.learner.slack)),
    )
    return structure, parameters


def _reads(procedure: Procedure, name: str) -> bool:
    return procedure.labeler is not None and name in procedure.criterion.reads(procedure.attempts)


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
