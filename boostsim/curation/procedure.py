"""The procedure: one frozen object that says what an iteration does, slot by slot."""

from __future__ import annotations

import inspect
import json
from collections.abc import Sequence
from dataclasses import dataclass, field, fields, is_dataclass, replace
from typing import Any, cast

import numpy as np

from boostsim.arguments import brief, choice, flag, refuse, schedule, whole, wholes
from boostsim.curation import criteria
from boostsim.curation.criteria import failed
from boostsim.curation.criterion import Criterion
from boostsim.curation.filters import AcceptAll, Filter, checked_filter, described_filter
from boostsim.curation.labeler import Labeler, checked_labeler, described_labeler
from boostsim.curation.regimes import Regime, checked_regime
from boostsim.curation.scores import CHOOSING, checked_scores
from boostsim.curation.sharpening import Sharpening
from boostsim.html import card
from boostsim.learners.gradient import PolicyGradient
from boostsim.learners.strong import StrongLearner
from boostsim.learners.tabular import Learner
from boostsim.objects import described, held_by_json

EVERYTHING = AcceptAll()
EXACT = StrongLearner()
# What a label may weigh: products with counts stay far from the ends of what floats hold.
LIGHTEST, HEAVIEST = 1e-100, 1e100
# Slots that are told only where they are used: a folder of a run begun without them is its own.
ADDED = ("label_weight", "label_share", "labels_per_visit", "until_accepted", "scores")


@dataclass(frozen=True)
class Procedure:
    """What one iteration does, in the order in which it does it (docs/theory.md, section 1).

    Args:
        attempts: k, responses drawn at each visit, 1 to 1000; or one number for each iteration, as
            many as are run at least.
        filter: the verdicts; see :class:`boostsim.Filter`. By default, and where it is None, it
            accepts everything and costs no filter call. Or one for each iteration, see
            :class:`boostsim.DriftingFilter`.
        keep: ``"one"`` keeps the first accepted response of a visit, ``"all"`` every one,
            ``"best"`` that of the highest score, ties evenly, ``"preferred"`` one of them with
            probability e^score / (sum of e^score over the accepted ones), the rule of Bradley,
            Terry and Luce (docs/theory.md, section 7).
        criterion: who gets a label; see :mod:`boostsim.curation.criterion`.
        budget: most labels per visit and iteration, over all visits together, in expectation (tied
            visits are labelled independently); None is no limit: then every visit of positive
            priority is labelled. Unspent budget is lost. Or one number for each iteration, as many
            as are run at least. It counts labels: a visit that gets m of them takes m.
        labeler: the source of labels, a ``bs.WeakLabeler`` or another :class:`boostsim.Labeler`;
            None means that no labels are bought.
        regime: what is trained on: ``bs.Replace()`` this iteration's examples; ``bs.Accumulate()``
            all so far, f_0 among them; ``bs.Anchor(0.1)`` this iteration's and 0.1 examples per
            visit of the task's reference, real data. Or by word: ``"replace"``, ``"accumulate"``,
            ``"anchor"``; a procedure is the same either way. Or of your own: see
            :class:`boostsim.Regime`.
        real_share: of ``"anchor"`` by word: see :class:`boostsim.Anchor`; else None.
        learner: what training does to the model: on tables a ``bs.StrongLearner``, a
            ``bs.PolicyGradient`` or another ``bs.TabularLearner``; on tasks in tokens
            a network such as ``bs.Transformer``.
        sharpening: how the model is decoded when it attempts; None draws from the row as it is.
        label_weight: w, what a label counts for in training where an accepted response counts for
            1 (T16, docs/theory.md, section 6): f' = (S f a/A + w L W)/(S + w L). The weight stays
            with the example where data accumulate. From 1e-100 to 1e100; or one number for each
            iteration.
        label_share: instead of a weight alpha in (0, 1), the share that labels have of all accepted
            responses and labels of an iteration, over all prompts together: every label then
            weighs w_t = alpha/(1 - alpha) sum_x mu S / sum_x mu L. Where an iteration has no label,
            or nothing was accepted in it, there is nothing to mix, and each example counts for 1.
            Or one number for each iteration.
        labels_per_visit: m, labels that a labelled visit gets, 1 to 1000: L = m E[l(J)]. A
            persistent labeler says the same m times.
        until_accepted: attempts stop at the first one that is accepted, at most k (T17,
            docs/theory.md, section 6). The law is that of keep one, and a visit takes (1 - B^k)/A
            generations on average, k where A = 0; filter calls likewise. A criterion sees whether
            any attempt was accepted, no more: such a visit is one trial, ``accepted`` is 0 or 1,
            ``attempts`` 1. (With a network all k are drawn, and those after the first accepted one
            neither seen nor counted.)
        scores: what ``"best"`` and ``"preferred"`` go by: on tables numbers, ``[responses]`` or
            ``[prompts, responses]``; in tokens a function of prompts ``[N, P]`` and responses ``[N,
            R]``, both tokens, that returns N numbers. Rewards of ``"preferred"`` are in nats, and
            on a table at most 100 apart on a prompt.

    Raises:
        ValueError: for a slot that holds something else, a negative budget (with the iteration),
            what is about labels without a labeler, proportional allocation without a budget, a real
            share without anchor, a weight and a share of labels together, attempts that stop at
            the first accepted one of which all are to be kept, or a policy gradient with what is
            not of the model's own attempts; scores that are missing, or that nobody looks at.

    Example:
        >>> import boostsim as bs
        >>> bs.Procedure(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3)).keep
        'one'
        >>> bs.Procedure(labeler=bs.WeakLabeler(0.3), budget=[0.2, 0.1, 0.0]).at(2).budget
        0.1
        >>> task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        >>> light = bs.boosting(labeler=bs.WeakLabeler(0.2), label_weight=0.25)
        >>> bs.simulate(light, task, 1).error.values.round(12).tolist()
        [[0.5, 0.16]]
        >>> best = bs.Procedure(attempts=2, keep="best", scores=[1.0, 0.0])
        >>> bs.simulate(best, task, 2).accuracy.values
        array([[0.5   , 0.75  , 0.9375]])
    """

    attempts: int | Sequence[int] = 1
    filter: Filter = EVERYTHING
    keep: str = "one"
    criterion: Criterion = failed
    budget: float | Sequence[float] | None = None
    labeler: Labeler | None = None
    regime: str | Regime = field(default="replace", compare=False)
    real_share: float | Sequence[float] | None = field(default=None, compare=False)
    learner: Learner = EXACT
    sharpening: Sharpening | None = None
    label_weight: float | Sequence[float] = 1.0
    label_share: float | Sequence[float] | None = None
    labels_per_visit: int = 1
    until_accepted: bool = False
    scores: Any = None
    # The regime, whichever way it was given.
    trained_on: Regime = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Refuse slots that do not fit together."""
        object.__setattr__(self, "attempts", wholes("attempts", self.attempts, 1, 1000))
        object.__setattr__(self, "filter", checked_filter(self.filter))
        choice("keep", self.keep, ("one", "all", *CHOOSING))
        object.__setattr__(self, "scores", checked_scores(self.keep, self.scores))
        if not isinstance(self.criterion, Criterion):
            raise refuse(
                "criterion",
                "made by @bs.criterion, or in bs.criteria",
                self.criterion,
                _criterion_meant(self.criterion),
            )
        if self.labeler is not None:
            checked_labeler(self.labeler)
        # A class has all that its instances have.
        if not (isinstance(self.learner, Learner) and is_dataclass(type(self.learner))):
            allowed = "a frozen dataclass such as bs.StrongLearner() or bs.Transformer()"
            parts = ("rule", "numbers", "noise_rows_for")
            lacking = [name for name in parts if not hasattr(self.learner, name)]
            told = f"It lacks {', '.join(lacking)}." if 0 < len(lacking) < len(parts) else ""
            raise refuse("learner", allowed, self.learner, told)
        if self.sharpening is not None and not isinstance(self.sharpening, Sharpening):
            raise refuse("sharpening", "a bs.Sharpening, or None", self.sharpening)
        object.__setattr__(self, "trained_on", checked_regime(self.regime, self.real_share))
        if self.real_share is not None:
            object.__setattr__(self, "real_share", self.trained_on.real_share)
        if self.budget is not None:
            object.__setattr__(self, "budget", schedule("budget", self.budget))
            if self.labeler is None:
                raise refuse("budget", "None where there is no labeler", self.budget)
        elif self.labeler is not None and self.criterion.allocation == "proportional":
            raise refuse(
                "budget", f"given: criterion {self.criterion.name!r} is proportional", None
            )
        self._check_labels()
        object.__setattr__(self, "until_accepted", flag("until_accepted", self.until_accepted))
        if self.until_accepted and self.keep != "one":
            allowed = "'one' where attempts stop at the first accepted one (until_accepted)"
            raise refuse("keep", allowed, self.keep)
        if isinstance(self.learner, PolicyGradient):
            self._check_on_policy(self.learner)

    def _check_on_policy(self, learner: PolicyGradient) -> None:
        """Refuse what a policy gradient cannot learn from."""
        where = "where the learner is a bs.PolicyGradient"
        own = "it is on-policy: it learns from the model's own attempts of this iteration"
        if self.trained_on.accumulates or np.any(self.trained_on.real_share):
            raise refuse("regime", f"'replace' {where}, for {own}", self.regime)
        if self.sharpening is not None and self.sharpening.changes:
            raise refuse("sharpening", f"None {where}, for {own}", self.sharpening)
        if self.until_accepted:
            raise refuse("until_accepted", f"False {where}, for it learns from all k", True)
        if self.keep in CHOOSING:
            raise refuse("keep", f"'one' or 'all' {where}, for it learns from all k", self.keep)
        if not self.filter.generates:
            raise refuse("filter", f"one that looks at attempts {where}", self.filter)
        if min(np.ravel(self.attempts)) < learner.least_attempts:
            allowed = f"at least 2 {where} that compares the attempts of a visit"
            raise refuse("attempts", allowed, self.attempts)

    def _check_labels(self) -> None:
        """Refuse what labels cannot weigh, and any of it where there are none."""
        weight = schedule("label_weight", self.label_weight, LIGHTEST, HEAVIEST)
        object.__setattr__(self, "label_weight", weight)
        many = whole("labels_per_visit", self.labels_per_visit, 1, 1000)
        object.__setattr__(self, "labels_per_visit", many)
        if self.label_share is not None:
            share = schedule("label_share", self.label_share, 0.0, 1.0)
            # Below that the weight of a label is no number that can be computed with.
            ends = [each for each in np.ravel(share) if each < LIGHTEST or each == 1.0]
            if ends:
                hint = "Without labels there is bs.filter_only, with nothing else bs.labels_only."
                raise refuse(
                    "label_share",
                    f"above 0 and below 1, and no less than {LIGHTEST:g}",
                    float(ends[0]),
                    hint,
                )
            object.__setattr__(self, "label_share", share)
            if weight != 1.0:
                raise refuse("label_share", "None where label_weight is given", share)
        if self.labeler is None:
            given = {"label_weight": 1.0, "label_share": None, "labels_per_visit": 1}
            for name, usual in given.items():
                if (got := getattr(self, name)) != usual:
                    raise refuse(name, f"{usual} where there is no labeler", got)

    @property
    def trials(self) -> int:
        """Verdicts of a visit that a criterion is told of: k, or whether any was accepted."""
        return 1 if self.until_accepted else self.most_attempts

    @property
    def most_attempts(self) -> int:
        """The number of attempts, the largest where it changes."""
        return int(np.max(self.attempts))

    @property
    def schedules(self) -> dict[str, tuple[Any, ...]]:
        """What is given for each iteration, by name."""
        given: dict[str, Any] = {
            "attempts": self.attempts,
            "budget": self.budget,
            "real_share": self.trained_on.share,
        }
        given |= {"label_weight": self.label_weight, "label_share": self.label_share}
        given |= {"filter": getattr(self.filter, "filters", None)}
        return {name: each for name, each in given.items() if isinstance(each, tuple)}

    def at(self, iteration: int) -> Procedure:
        """Return what it does in one iteration, counted from 1; after a schedule's end its last."""
        return self._scheduled(
            {name: each[min(iteration, len(each)) - 1] for name, each in self.schedules.items()}
        )

    def lasting(self, iterations: int) -> None:
        """Refuse to be run for more iterations than it is made for.

        Raises:
            ValueError: where a schedule is shorter.
        """
        for name, given in self.schedules.items():
            if len(given) < iterations:
                one = "one" if name == "filter" else "one number"
                allowed = f"{one}, or one for each of {iterations} iterations"
                raise refuse(name, allowed, len(given))

    def lengthened(self, iterations: int) -> Procedure:
        """Return it with schedules that last so long: they go on with their last entry."""
        return self._scheduled(
            {
                name: each + each[-1:] * (iterations - len(each))
                for name, each in self.schedules.items()
            }
        )

    def trying(self, attempts: int) -> Procedure:
        """Return it with so many attempts in each iteration."""
        return self if self.attempts == attempts else replace(self, attempts=attempts)

    def _scheduled(self, now: dict[str, Any]) -> Procedure:
        if not now:
            return self
        share = now.pop("real_share", None)
        if isinstance(now.get("filter"), tuple):
            now["filter"] = replace(cast(Any, self.filter), filters=now["filter"])
        changed = replace(self, **now) if now else self
        return changed if share is None else changed.anchored(share)

    def anchored(self, share: float | Sequence[float]) -> Procedure:
        """Return it with so many real examples per visit; without any an anchor is replace."""
        if not isinstance(self.regime, str) or self.trained_on.accumulates:
            return replace(self, regime=self.trained_on.sharing(share))
        word = "anchor" if np.any(share) else "replace"
        return replace(self, regime=word, real_share=share if np.any(share) else None)

    def _repr_html_(self) -> str:
        slots = {entry.name: entry for entry in fields(self) if entry.init}
        held = {name: getattr(self, name) for name in slots}
        usual = [name for name, entry in slots.items() if held[name] == entry.default]
        facts = {name: each for name, each in held.items() if name not in usual}
        return card("Procedure", f"As usual: {', '.join(usual)}.", facts=facts)

    def describe(self) -> str:
        """Return the slots as one line of JSON, for provenance.

        Raises:
            ValueError: for a slot of a class of your own that holds what JSON cannot.
        """
        slots = {entry.name: getattr(self, entry.name) for entry in fields(self) if entry.init}
        for entry in fields(self):
            if entry.name in ADDED and slots[entry.name] == entry.default:
                del slots[entry.name]
        told = {name: described(slot) for name, slot in slots.items()}
        told |= {"name": type(self).__name__, "filter": described_filter(self.filter)}
        told["labeler"] = described_labeler(self.labeler)
        told["learner"] = {"name": type(self.learner).__name__} | described(self.learner)
        told |= described(self.trained_on)
        for name, slot in told.items():
            held_by_json(name, slot)
        return json.dumps(told, sort_keys=True)


def _criterion_meant(got: Any) -> str:
    """Say which object a name of a criterion stands for; of what is no name, how one is made."""
    if not isinstance(got, str):
        return (
            "Those with a parameter or a memory are made by a call: bs.criteria.hedge(); your own "
            "rule object by bs.criterion(rule)."
        )
    name, called, rest = got.partition("(")
    if name not in criteria.__all__:
        return f"A name is read by bs.load_criterion({brief(got)})."
    found = getattr(criteria, name)
    if isinstance(found, Criterion):
        return f"That is bs.criteria.{name}."
    parameters = inspect.signature(found).parameters.values()
    needed = ", ".join(each.name for each in parameters if each.default is each.empty)
    return f"That is bs.criteria.{name}{called + rest if called else f'({needed})'}."


def checked(procedure: Procedure, learner: Learner | None = None) -> Procedure:
    """Return a procedure; a learner that is given beside it stands in its slot.

    Raises:
        ValueError: for what is no procedure, and where it has another learner of its own.
    """
    if not isinstance(procedure, Procedure):
        raise refuse("procedure", "a bs.Procedure, for example bs.boosting(...)", procedure)
    if learner is None:
        return procedure
    given = replace(procedure, learner=learner)
    if procedure.learner not in (EXACT, learner):
        allowed = f"left out, or the procedure's own, {brief(procedure.learner)}"
        raise refuse("learner", allowed, learner)
    return given
