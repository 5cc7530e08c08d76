"""Named procedures: settings of the same slots, and what each drops of its original.

The strong learner returns the distribution of its training set, so on tables it makes no difference
whether the original fine-tunes the latest model or starts again from the first one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from boostsim.curation.criteria import failed, uniform
from boostsim.curation.criterion import Criterion
from boostsim.curation.filters import NoisyFilter, RejectAll
from boostsim.curation.labelers import WeakLabeler
from boostsim.curation.procedure import Procedure
from boostsim.curation.sharpening import Sharpening
from boostsim.learners.strong import StrongLearner
from boostsim.types import Filter, probability, unknown

__all__ = [
    "PRESETS",
    "boosting",
    "filter_only",
    "labels_only",
    "preset",
    "raft",
    "random_labels",
    "rest_em",
    "star",
    "uncurated",
]

PERFECT = NoisyFilter(0.0)
EXACT = StrongLearner()


def boosting(
    *,
    attempts: int = 1,
    filter: Filter | None = PERFECT,
    labeler: WeakLabeler,
    budget: float | Sequence[float] | None = None,
    keep: str = "one",
    criterion: Criterion = failed,
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
    sharpening: Sharpening | None = None,
) -> Procedure:
    """Return the procedure of arXiv 2502.08924: labels go where every attempt was rejected.

    Example:
        >>> import boostsim as bs
        >>> bs.boosting(attempts=4, labeler=bs.WeakLabeler(0.2)).criterion.name
        'failed'
    """
    return Procedure(
        attempts, filter, keep, criterion, budget, labeler, regime, real_share, learner, sharpening
    )


def filter_only(
    *,
    attempts: int = 1,
    filter: Filter | None = PERFECT,
    keep: str = "all",
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
    sharpening: Sharpening | None = None,
) -> Procedure:
    """Return training on the model's own accepted responses, without labels (T9).

    Example:
        >>> filter_only(attempts=4).labeler is None
        True
    """
    return Procedure(
        attempts, filter, keep, failed, None, None, regime, real_share, learner, sharpening
    )


def random_labels(
    *,
    rate: float,
    attempts: int = 1,
    filter: Filter | None = PERFECT,
    labeler: WeakLabeler,
    keep: str = "one",
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
    sharpening: Sharpening | None = None,
) -> Procedure:
    """Return labels spread evenly: each visit is labelled with probability ``rate`` (T10).

    This is equal priorities under a budget of ``rate`` labels per visit.

    Example:
        >>> import boostsim as bs
        >>> bs.random_labels(rate=0.1, labeler=bs.WeakLabeler(0.2)).budget
        0.1
    """
    budget = probability("rate", rate)
    return Procedure(
        attempts, filter, keep, uniform, budget, labeler, regime, real_share, learner, sharpening
    )


def labels_only(
    *,
    labeler: WeakLabeler,
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
) -> Procedure:
    """Return supervised training on one label per visit; nothing is generated.

    Example:
        >>> import boostsim as bs
        >>> bs.labels_only(labeler=bs.WeakLabeler(0.2)).filter
        RejectAll()
    """
    return Procedure(1, RejectAll(), "one", uniform, None, labeler, regime, real_share, learner)


def uncurated(
    *,
    attempts: int = 1,
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
    sharpening: Sharpening | None = None,
) -> Procedure:
    """Return self-consuming training: everything the model says is kept (T11).

    Example:
        >>> uncurated(attempts=2).keep
        'all'
    """
    return Procedure(
        attempts, None, "all", failed, None, None, regime, real_share, learner, sharpening
    )


def star(
    *,
    attempts: int = 1,
    filter: Filter | None = PERFECT,
    labeler: WeakLabeler | None = None,
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
    sharpening: Sharpening | None = None,
) -> Procedure:
    """Return STaR (Zelikman et al. 2022): one greedy rationale a problem, kept if it ends right.

    With a labeler, its labels on failed prompts stand for rationalisation. Dropped: greedy decoding
    (attempts are sampled), the hint (the labeler does not see the answer), the filter on
    rationalised answers (labels are kept as they come), the growing number of training steps.

    Example:
        >>> star().attempts, star().keep
        (1, 'one')
    """
    return Procedure(
        attempts, filter, "one", failed, None, labeler, regime, real_share, learner, sharpening
    )


def rest_em(
    *,
    attempts: int = 32,
    filter: Filter | None = PERFECT,
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
    sharpening: Sharpening | None = None,
) -> Procedure:
    """Return ReST-EM (Singh et al. 2024): many samples a problem, every accepted one kept.

    Dropped: the cap of ten kept solutions a problem, top-k sampling, and the check on a validation
    set that ends training.

    Example:
        >>> rest_em().attempts, rest_em().keep
        (32, 'all')
    """
    return Procedure(
        attempts, filter, "all", failed, None, None, regime, real_share, learner, sharpening
    )


def raft(
    *,
    attempts: int = 8,
    filter: Filter | None = PERFECT,
    regime: str = "replace",
    real_share: float | Sequence[float] | None = None,
    learner: StrongLearner = EXACT,
    sharpening: Sharpening | None = None,
) -> Procedure:
    """Return RAFT (Dong et al. 2023) with a 0/1 reward: the best of k samples is kept.

    Dropped: graded rewards (so the best is the first accepted one), and the training on the best of
    k when all of them were rejected: here such a visit adds nothing.

    Example:
        >>> raft().attempts, raft().keep
        (8, 'one')
    """
    return Procedure(
        attempts, filter, "one", failed, None, None, regime, real_share, learner, sharpening
    )


PRESETS: dict[str, Callable[..., Procedure]] = {
    "boosting": boosting,
    "filter_only": filter_only,
    "random_labels": random_labels,
    "labels_only": labels_only,
    "uncurated": uncurated,
    "star": star,
    "rest_em": rest_em,
    "raft": raft,
}


def preset(name: str) -> Callable[..., Procedure]:
    """Return the preset of that name.

    Raises:
        ValueError: for an unknown name, with the nearest known one.

    Example:
        >>> preset("boosting") is boosting
        True
    """
    if name not in PRESETS:
        raise unknown("preset", name, PRESETS)
    return PRESETS[name]
