"""``@bs.criterion``: a rule of one's own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, overload

from boostsim.arguments import choice, flag, refuse
from boostsim.curation.criterion import Criterion
from boostsim.curation.remembering import Remembering, is_remembering


@overload
def criterion(function: Any) -> Criterion: ...
@overload
def criterion(*, allocation: str = ..., sees_truth: bool = ...) -> Callable[[Any], Criterion]: ...
def criterion(
    function: Any = None, *, allocation: str = "ranked", sees_truth: bool = False
) -> Criterion | Callable[[Any], Criterion]:
    """Make a selection criterion of a function of the visits, or of an object with a memory.

    Args:
        function: ``visits -> priority`` of shape ``[cells]``; 0 is never labelled. Or an object
            with ``init``, ``priority`` and ``update``, see :mod:`boostsim.curation.remembering`.
        allocation: how a budget is shared: ``"ranked"`` (highest priorities first, ties share the
            rest) or ``"proportional"`` (probability min(1, c priority); needs a budget).
        sees_truth: whether the function is a yardstick, ``(visits, truth) -> priority``, that sees
            what no rule can: see :class:`boostsim.Truth`.

    Returns:
        A :class:`Criterion`; with ``allocation`` alone, a decorator.

    Raises:
        ValueError: for something that cannot be called, an unknown allocation, or a memory that
            would see the truth.

    Example:
        >>> import boostsim as bs
        >>> @bs.criterion
        ... def struggling(visits):
        ...     return (visits.pass_rate < 0.5) * (1.0 - visits.pass_rate)
        >>> struggling.priority_by_accepted(attempts=4)
        array([1.  , 0.75, 0.  , 0.  , 0.  ])
    """
    if function is None:
        choice("allocation", allocation, ("ranked", "proportional"))
        sees = flag("sees_truth", sees_truth)
        return functools.partial(_made, allocation=allocation, sees_truth=sees)
    return _made(function, allocation, flag("sees_truth", sees_truth))


def _made(function: Any, allocation: str, sees_truth: bool) -> Criterion:
    if not is_remembering(function):
        return Criterion(function, allocation, sees_truth)
    if sees_truth:
        raise refuse("sees_truth", "False for a rule with a memory", True)
    return Remembering(function, allocation)
