"""A challenge: what a criterion is put to work on, and with how many labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from boostsim.arguments import finite, refuse, whole
from boostsim.curation.criteria import uniform
from boostsim.curation.criterion import Criterion
from boostsim.curation.filters import Filter, NoisyFilter, by_class, checked_filter
from boostsim.curation.labeler import Labeler, checked_labeler
from boostsim.curation.presets import boosting
from boostsim.curation.procedure import Procedure
from boostsim.objects import ByValue
from boostsim.tasks.table import TableTask

# The name of all challenges together; on each seed the mean over them.
ALL = "all"
ONCE_IN_TWENTY = NoisyFilter(0.05)


@dataclass(frozen=True, eq=False)
class Challenge(ByValue):
    """A task, the filter and the labeler there: everything of a run but the criterion.

    Args:
        task: a table task.
        labeler: what answers the prompts that a criterion chooses.
        filter: what judges attempts.
        attempts: k, responses drawn at each visit.
        labels: the budget here, as a multiple of that of the tournament.
        about: what makes it hard, in a sentence.

    Raises:
        ValueError: for a part that is something else, or labels that are not above 0.

    Example:
        >>> import boostsim as bs
        >>> hard = Challenge(bs.random_table(0, prompts=50, solvable=0.2), bs.WeakLabeler(0.3))
        >>> hard.procedure(bs.criteria.failed, 0.01).budget
        0.01
    """

    task: TableTask
    labeler: Labeler
    filter: Filter = ONCE_IN_TWENTY
    attempts: int = 4
    labels: float = 1.0
    about: str = ""

    def __post_init__(self) -> None:
        """Refuse what cannot be run."""
        if not isinstance(self.task, TableTask):
            raise refuse("task", "made by bs.table_task or bs.random_table", self.task)
        checked_labeler(self.labeler)
        object.__setattr__(self, "labels", finite("labels", self.labels, 0.0))
        if not self.labels:
            raise refuse("labels", "above 0", self.labels)
        if not isinstance(self.about, str):
            raise refuse("about", "a sentence", self.about)
        object.__setattr__(self, "attempts", whole("attempts", self.attempts, 1, 1000))
        object.__setattr__(self, "filter", by_class(checked_filter(self.filter)))

    def describe(self) -> dict[str, Any]:
        """Return everything of it but what rules bring, for provenance."""
        told = json.loads(self.procedure(uniform, 1.0).describe())
        parts = {name: told[name] for name in ("attempts", "filter", "labeler")}
        return {"task": self.task.describe(), **parts, "labels": self.labels, "about": self.about}

    def procedure(self, criterion: Criterion, labels_per_visit: float) -> Procedure:
        """Return the procedure of a criterion here, at so many labels per visit and iteration."""
        return boosting(
            attempts=self.attempts,
            filter=self.filter,
            labeler=self.labeler,
            criterion=criterion,
            budget=labels_per_visit * self.labels,
        )
