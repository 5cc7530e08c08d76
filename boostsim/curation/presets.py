"""Named procedures: settings of the same slots, and what each drops of its original.

The strong learner returns the distribution of its training set, so on tables it makes no difference
whether the original fine-tunes the latest model or starts again from the first one.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypedDict, Unpack, cast

from boostsim.arguments import brief, finite, refuse, unknown, whole
from boostsim.curation.criteria import uniform
from boostsim.curation.criterion import Criterion
from boostsim.curation.filters import Filter, NoisyFilter, RejectAll
from boostsim.curation.labeler import Labeler
from boostsim.curation.labelers import FirstModel
from boostsim.curation.procedure import Procedure
from boostsim.curation.regimes import Regime
from boostsim.curation.sharpening import Sharpening
from boostsim.learners.tabular import Learner

PERFECT = NoisyFilter(0.0)
# In place of a default: the slot has to be filled.
NEEDED = inspect.Parameter.empty
# The labels' share of the mixture in the experiment of arXiv 2502.08924.
ALPHA = 1.0 / 3.0
# What is said of labels, and of a filter.
LABELS = ("labeler", "budget", "label_weight", "label_share", "labels_per_visit")
# What fills a slot that has to be filled.
SUCH_AS = {"labeler": "bs.WeakLabeler(0.2)", "scores": "[0.0, 1.0]", "rate": "0.1"}
# What is no slot, but belongs to what stands in one.
BELONGS = {"beta": ("labeler", "bs.WeakLabeler"), "gamma": ("filter", "bs.NoisyFilter")}
Given = ParamSpec("Given")


class Slots(TypedDict, total=False):
    """The slots of a procedure, as presets take them; see :class:`boostsim.Procedure`."""

    attempts: int | Sequence[int]
    filter: Filter | None
    keep: str
    criterion: Criterion
    budget: float | Sequence[float] | None
    labeler: Labeler | None
    regime: str | Regime
    real_share: float | Sequence[float] | None
    learner: Learner
    sharpening: Sharpening | None
    label_weight: float | Sequence[float]
    label_share: float | Sequence[float] | None
    labels_per_visit: int
    until_accepted: bool
    scores: Any


def _preset(
    *without: str, **defaults: Any
) -> Callable[[Callable[Given, Procedure]], Callable[Given, Procedure]]:
    """Make a preset of a function of slots: with a signature that names them, and their defaults.

    Args:
        without: slots that are not asked for, because the preset fills them, or leaves them empty.
        defaults: of slots, where they are not those of a procedure; or :data:`NEEDED`.
    """
    usual = {entry.name: entry for entry in inspect.signature(Procedure).parameters.values()}

    def decorate(make: Callable[Given, Procedure]) -> Callable[Given, Procedure]:
        own = inspect.signature(make).parameters.values()
        takes = {entry.name: entry for entry in own if entry.kind is entry.KEYWORD_ONLY}
        for name, slot in usual.items():
            if name not in without:
                default = defaults.get(name, slot.default)
                takes[name] = slot.replace(kind=slot.KEYWORD_ONLY, default=default)

        @wraps(make)
        def preset(**slots: Any) -> Procedure:
            for name in slots:
                if name not in takes:
                    raise _no_slot(make.__name__, name, slots[name], takes)
            for name, entry in takes.items():
                if entry.default is NEEDED and name not in slots:
                    such = f", such as {SUCH_AS[name]}" if name in SUCH_AS else ""
                    raise refuse(name, f"given to {make.__name__}{such}", None)
            return cast(Callable[..., Procedure], make)(**(defaults | slots))

        preset.__signature__ = inspect.Signature(  # type: ignore[attr-defined]
            list(takes.values()), return_annotation="Procedure"
        )
        return cast(Callable[Given, Procedure], preset)

    return decorate


def _no_slot(preset: str, name: str, got: Any, takes: Collection[str]) -> ValueError:
    """Build the error for an argument that a preset does not take: where it belongs, if known."""
    slot, made = BELONGS.get(name, ("", ""))
    if slot not in takes:
        return unknown(f"argument of {preset}", name, takes)
    hint = f"It belongs to {slot}={made}({brief(got)})."
    return refuse(f"argument of {preset}", f"one of {', '.join(sorted(takes))}", name, hint)


def _labelled(name: str, slots: Slots) -> None:
    """Refuse a preset whose other slots are about labels where there is none to give them."""
    if slots["labeler"] is None:
        hint = "Without labels there is bs.filter_only."
        raise refuse("labeler", f"one that gives labels in {name}", None, hint)


def _filled(slots: Slots, **more: Any) -> Procedure:
    return Procedure(**{**cast(dict[str, Any], slots), **more})


@_preset(filter=PERFECT, labeler=NEEDED)
def boosting(**slots: Unpack[Slots]) -> Procedure:
    """Return the procedure of arXiv 2502.08924: labels go where every attempt was rejected.

    Example:
        >>> import boostsim as bs
        >>> bs.boosting(attempts=4, labeler=bs.WeakLabeler(0.2)).criterion.name
        'failed'
    """
    return _filled(slots)


@_preset("criterion", *LABELS, filter=PERFECT, keep="all")
def filter_only(**slots: Unpack[Slots]) -> Procedure:
    """Return training on the model's own accepted responses, without labels (T9).

    Source: docs/theory.md, section 4.

    Example:
        >>> filter_only(attempts=4).labeler is None
        True
    """
    return _filled(slots)


@_preset("criterion", "budget", filter=PERFECT, labeler=NEEDED)
def random_labels(*, rate: float, **slots: Unpack[Slots]) -> Procedure:
    """Return labels spread evenly: ``rate`` of them per visit, whatever it showed (T10).

    This is equal priorities under a budget of ``rate`` labels per visit, at most as many as a
    labelled visit gets; docs/theory.md, section 4.

    Example:
        >>> import boostsim as bs
        >>> bs.random_labels(rate=0.1, labeler=bs.WeakLabeler(0.2)).budget
        0.1
    """
    _labelled("random_labels", slots)
    most = whole("labels_per_visit", slots.get("labels_per_visit", 1), 1)
    return _filled(slots, criterion=uniform, budget=finite("rate", rate, 0.0, most))


@_preset(
    *("attempts", "filter", "keep", "criterion", "budget", "sharpening", "until_accepted"),
    "scores",
    labeler=NEEDED,
)
def labels_only(**slots: Unpack[Slots]) -> Procedure:
    """Return supervised training on one label per visit; nothing is generated.

    Example:
        >>> import boostsim as bs
        >>> bs.labels_only(labeler=bs.WeakLabeler(0.2)).filter
        RejectAll()
    """
    return _filled(slots, filter=RejectAll(), criterion=uniform)


@_preset("filter", "keep", "scores", "criterion", "until_accepted", *LABELS)
def uncurated(**slots: Unpack[Slots]) -> Procedure:
    """Return self-consuming training: everything the model says is kept (T11).

    Source: docs/theory.md, section 4.

    Example:
        >>> uncurated(attempts=2).keep
        'all'
    """
    return _filled(slots, keep="all")


@_preset("keep", "scores", "criterion", "budget", filter=PERFECT)
def star(**slots: Unpack[Slots]) -> Procedure:
    """Return STaR (Zelikman et al. 2022): one greedy rationale a problem, kept if it ends right.

    With a labeler, its labels on failed prompts stand for rationalisation. Dropped: greedy decoding
    (attempts are sampled), the hint (the labeler does not see the answer), the filter on
    rationalised answers (labels are kept as they come), the growing number of training steps.

    Example:
        >>> star().attempts, star().keep
        (1, 'one')
    """
    return _filled(slots)


@_preset("keep", "scores", "criterion", "until_accepted", *LABELS, attempts=32, filter=PERFECT)
def rest_em(**slots: Unpack[Slots]) -> Procedure:
    """Return ReST-EM (Singh et al. 2024): many samples a problem, every accepted one kept.

    Dropped: the cap of ten kept solutions a problem, top-k sampling, and the check on a validation
    set that ends training.

    Example:
        >>> rest_em().attempts, rest_em().keep
        (32, 'all')
    """
    return _filled(slots, keep="all")


@_preset("keep", "criterion", *LABELS, attempts=8, filter=PERFECT)
def raft(**slots: Unpack[Slots]) -> Procedure:
    """Return RAFT (Dong et al. 2023): the best of k samples to each prompt is kept.

    With ``scores``, the rewards, as published: the best of all k by the reward, whatever that is,
    unless a filter is given too, which then has its say first. Without them the reward is the
    verdict, 0 or 1, so the best is the first accepted one; dropped there is the training on one of
    k when all of them were rejected: such a visit adds nothing.

    Example:
        >>> raft().attempts, raft().keep
        (8, 'one')
        >>> raft(scores=[0.0, 1.0]).keep, raft(scores=[0.0, 1.0]).filter
        ('best', AcceptAll())
    """
    if slots.get("scores") is None:
        return _filled(slots)
    if slots["filter"] is PERFECT:
        # Only the filter that nobody asked for.
        slots["filter"] = None
    return _filled(slots, keep="best")


@_preset(*("filter", "keep", "criterion", "until_accepted", *LABELS), attempts=8, scores=NEEDED)
def best_of_n(**slots: Unpack[Slots]) -> Procedure:
    """Return best-of-n: of ``attempts`` = n samples the best by ``scores`` is kept, and trained on.

    One iteration makes the model the law of best-of-n sampling, BoNBoN and BOND's target; further
    ones do it again from there, n^t in all. Nothing else decides: no filter, no labels.

    Source: Stiennon et al. 2020 (arXiv 2009.01325) for the sampling; Gui et al. 2024 (arXiv
    2406.00832) and Sessa et al. 2024 (arXiv 2407.14622) for training on it.

    Example:
        >>> import boostsim as bs
        >>> task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
        >>> bs.simulate(bs.best_of_n(attempts=4, scores=[1.0, 0.0]), task, 1).error.values
        array([[0.5   , 0.0625]])
    """
    return _filled(slots, keep="best")


@_preset(
    **{"attempts": 8, "filter": PERFECT, "keep": "all", "labeler": FirstModel()},
    **{"label_share": ALPHA, "labels_per_visit": 8},
)
def escaping_collapse(**slots: Unpack[Slots]) -> Procedure:
    """Return the experiment of arXiv 2502.08924, as far as it is known.

    Its code was not published and its text was not at hand. Reported by others, from the paper:
    k = 8 responses to a prompt; what the filter accepts is kept; prompts on which all fail go to
    the labeler, which is the first model itself; weak data enter the training mixture with weight
    alpha = 1/3; five rounds, each starting from the model of the last; a total of labels that is
    eight for each failing prompt, it seems.

    Choices made here: every accepted response is kept (``keep="all"``); the filter makes no
    mistakes; the m = 8 labels are bought again in each iteration, without a budget; and alpha is
    read as the share of labels in the mixture, ``label_share=1/3``. The other reading, a label
    counts for w = alpha/(1 - alpha) accepted responses, is ``label_weight=0.5``; it takes the place
    of the share. Neither is called the paper's. ``label_share`` near 0 is filter only.

    Example:
        >>> import boostsim as bs
        >>> task = bs.random_table(0, prompts=100, solvable=1.0)
        >>> trace = bs.simulate(bs.escaping_collapse(), task, 5, visits=1, key=0)
        >>> bool(trace.accuracy[0, -1] > trace.accuracy[0, 0])
        True
        >>> bs.escaping_collapse(label_weight=0.5).label_share is None
        True
    """
    _labelled("escaping_collapse", slots)
    if "label_weight" in slots and slots["label_share"] is ALPHA:
        # Only the share that nobody asked for.
        slots["label_share"] = None
    return _filled(slots)


PRESETS: dict[str, Callable[..., Procedure]] = {
    "boosting": boosting,
    "filter_only": filter_only,
    "random_labels": random_labels,
    "labels_only": labels_only,
    "uncurated": uncurated,
    "star": star,
    "rest_em": rest_em,
    "raft": raft,
    "best_of_n": best_of_n,
    "escaping_collapse": escaping_collapse,
}


def preset(name: str) -> Callable[..., Procedure]:
    """Return the preset of that name.

    Example:
        >>> preset("boosting") is boosting
        True
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]
