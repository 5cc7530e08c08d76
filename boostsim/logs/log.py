"""The log of a run as columns: what each prompt's attempts did in each iteration."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np

from boostsim.arguments import Words, choice, refuse, text
from boostsim.logs.arrays import array, index, names, whole_numbers
from boostsim.logs.rules import COUNTS, LACKING, OPTIONAL, faults
from boostsim.objects import ByValue


@dataclass(frozen=True, eq=False)
class Log(ByValue):
    """The log of a run, as :func:`boostsim.read_log` returns it.

    A record holds what the model *before* training on iteration t's data did on one prompt in
    iteration t: how many responses it gave, how many a verdict accepted, and, where somebody looked
    or paid, how many were right. Records are sorted by prompt, then by iteration; no prompt has two
    in one iteration. Counts are int64; -1 stands where a record lacks one, and None where all do.

    Attributes:
        prompts: names, text or whole numbers, ``[prompts]``, in the order in which they were met.
        iterations: as they were written, ascending, int64 ``[iterations]``.
        prompt: index into ``prompts``, int32 ``[records]``.
        iteration: index into ``iterations``, int32 ``[records]``.
        attempts: responses, at least 1, ``[records]``.
        accepted: of these, those that the verdict accepted.
        correct: of ``attempts``, those that are right.
        audited: of ``attempts``, those that were checked against the truth.
        audited_correct: of these, those that are right.
        audited_accepted: of these, those that the verdict accepted.
        audited_accepted_correct: of these, those that are right: with the three before, the joint
            audit, which tells false accept from false reject, as ``correct`` for all attempts does.
        labelled: labels bought for the prompt in the iteration.
        label_accepted: of these, those that the verdict accepted.
        label_correct: of these, those that are right.
        label_probability: of the prompt to get a label in the iteration, float64, NaN where a
            record lacks it.
        first_success: whether attempts stopped at the first accepted one, else their number was
            fixed, bool ``[records]``.
        strata: names of the strata, sorted.
        stratum: index into ``strata``, int32 ``[records]``, -1 where a record lacks it; or None.
        models: names of the models, sorted.
        model: index into ``models``, likewise.
        visit_record: whose visit it is, an index of a record, ascending, int32 ``[visits]``; None
            where no record tells its visits.
        visit_attempts: of each visit, at least 1.
        visit_accepted: of each visit; both sum up to the record's.
        malformed: of each line that was no record its number, from 1, and why; they are not in the
            columns.
        ignored: names of fields of the first record that are none of a record's.
        source: where it was read: the path, or ``"frame"``.

    Raises:
        ValueError: for arrays whose shapes, types or counts do not fit together.

    Example:
        >>> log = Log(prompts=["a", "b"], iterations=[0], prompt=[0, 1], iteration=[0, 0],
        ...           attempts=[4, 4], accepted=[1, 3])
        >>> log.dense("accepted").tolist(), log.correct is None
        ([[1], [3]], True)
    """

    prompts: np.ndarray
    iterations: np.ndarray
    prompt: np.ndarray
    iteration: np.ndarray
    attempts: np.ndarray
    accepted: np.ndarray
    correct: np.ndarray | None = None
    audited: np.ndarray | None = None
    audited_correct: np.ndarray | None = None
    audited_accepted: np.ndarray | None = None
    audited_accepted_correct: np.ndarray | None = None
    labelled: np.ndarray | None = None
    label_accepted: np.ndarray | None = None
    label_correct: np.ndarray | None = None
    label_probability: np.ndarray | None = None
    first_success: np.ndarray | None = None
    strata: tuple[str, ...] = ()
    stratum: np.ndarray | None = None
    models: tuple[str, ...] = ()
    model: np.ndarray | None = None
    visit_record: np.ndarray | None = None
    visit_attempts: np.ndarray | None = None
    visit_accepted: np.ndarray | None = None
    malformed: tuple[tuple[int, str], ...] = ()
    ignored: tuple[str, ...] = ()
    source: str = "arrays"

    def __post_init__(self) -> None:
        """Refuse what no run can have left."""
        records = np.shape(self.prompt)
        if len(records) != 1 or records[0] == 0:
            raise refuse("prompt", "an array [records] that is not empty", self.prompt)
        kept = {"prompts": names("prompts", self.prompts)}
        kept["iterations"] = whole_numbers("iterations", self.iterations, np.int64)
        if (np.diff(kept["iterations"]) <= 0).any():
            raise refuse("iterations", "ascending", self.iterations)
        for name in COUNTS:
            given = getattr(self, name)
            if given is not None or name not in OPTIONAL:
                low = LACKING if name in OPTIONAL else 0
                kept[name] = whole_numbers(name, given, np.int64, records, low)
        for name, of in (("prompt", "prompts"), ("iteration", "iterations")):
            kept[name] = index(name, getattr(self, name), records, len(kept[of]))
        for name, many in (("stratum", "strata"), ("model", "models")):
            called = tuple(text(many, each) for each in getattr(self, many))
            object.__setattr__(self, many, called)
            if getattr(self, name) is not None:
                kept[name] = index(name, getattr(self, name), records, len(called), LACKING)
        rule = np.zeros(records, bool) if self.first_success is None else self.first_success
        kept["first_success"] = array("first_success", rule, "b", np.bool_, records)
        if self.label_probability is not None:
            kept["label_probability"] = array(
                "label_probability", self.label_probability, "f", np.float64, records
            )
        kept |= self._checked_visits(records[0])
        for name, held in kept.items():
            held.setflags(write=False)
            object.__setattr__(self, name, held)
        place = self.prompt.astype(np.int64) * len(self.iterations) + self.iteration
        if (np.diff(place) <= 0).any():
            allowed = "sorted, with the iteration, and no two records of one prompt in an iteration"
            raise refuse("prompt", allowed, self.prompt)
        for record, reason in faults(vars(self), self._by_visit()).items():
            raise ValueError(f"{reason}, in {self.told(record)}")

    def _checked_visits(self, records: int) -> dict[str, np.ndarray]:
        if self.visit_record is None:
            return {}
        number = (len(self.visit_record),)
        kept = {"visit_record": index("visit_record", self.visit_record, number, records)}
        if (np.diff(kept["visit_record"]) < 0).any():
            raise refuse("visit_record", "ascending", self.visit_record)
        for name in ("visit_attempts", "visit_accepted"):
            kept[name] = whole_numbers(name, getattr(self, name), np.int64, number, 0)
        return kept

    def _by_visit(self) -> dict[str, np.ndarray]:
        if self.visits is None:
            return {}
        return dict(zip(("record", "attempts", "accepted"), self.visits, strict=True))

    @property
    def visits(self) -> tuple[np.ndarray, np.ndarray, np.ndarray] | None:
        """``(record, attempts, accepted)`` of each visit, or None where no record tells them."""
        if self.visit_record is None:
            return None
        assert self.visit_attempts is not None
        assert self.visit_accepted is not None
        return self.visit_record, self.visit_attempts, self.visit_accepted

    @property
    def records(self) -> int:
        """How many records there are."""
        return len(self.prompt)

    def told(self, record: int) -> str:
        """Return which record it is, in words."""
        prompt, iteration = (
            self.prompts[self.prompt[record]],
            self.iterations[self.iteration[record]],
        )
        return f"iteration {iteration} of prompt {prompt!r}"

    def dense(self, name: str) -> np.ndarray:
        """Return a count as ``[prompts, iterations]``, 0 where there is no record or it lacks it.

        Raises:
            ValueError: for a name of no count.
        """
        table = np.zeros((len(self.prompts), len(self.iterations)), np.int64)
        held = getattr(self, choice("name", name, COUNTS))
        if held is not None:
            table[self.prompt, self.iteration] = np.maximum(held, 0)
        return table

    def where(self, records: Any) -> Log:
        """Return the log of some records, with the prompts and iterations that these have.

        Args:
            records: truth values ``[records]``, at least one true: ``log.iteration < 9``, say.
        """
        chosen = array("records", records, "b", np.bool_, self.prompt.shape)
        if not chosen.any():
            raise refuse("records", "true for at least one record", Words("none"))
        new: dict[str, Any] = {}
        for entry in dataclasses.fields(self):
            held = getattr(self, entry.name)
            of_records = isinstance(held, np.ndarray) and entry.name not in (
                "prompts",
                "iterations",
            )
            if of_records and not entry.name.startswith("visit_"):
                new[entry.name] = held[chosen]
        for one, many in (("prompt", "prompts"), ("iteration", "iterations")):
            left, new[one] = np.unique(new[one], return_inverse=True)
            new[many] = getattr(self, many)[left]
        if self.visits is not None:
            record, attempts, accepted = self.visits
            kept = chosen[record]
            new["visit_record"] = (np.cumsum(chosen) - 1)[record[kept]]
            new |= {"visit_attempts": attempts[kept], "visit_accepted": accepted[kept]}
        return dataclasses.replace(self, **new)
