"""What a labeler is, and how one of your own is written."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from boostsim.arguments import distribution, flag, refuse, shape_of
from boostsim.curation.labelers import FirstModel, WeakLabeler, between
from boostsim.objects import described, held_by_json, said_by

ATTRIBUTES = ("persistent", "drift", "on")
# What one of your own says, one or both.
METHODS = ("rows_for", "answers")


@runtime_checkable
class Labeler(Protocol):
    """What a procedure asks of a labeler: what it is on a table, and in tokens what it answers.

    ``bs.WeakLabeler``, ``bs.DriftingLabeler`` and ``bs.FirstModel`` are labelers. One of your own
    derives from this class and has one of two methods, or both. It is a frozen dataclass, or a
    class without fields; that is how provenance tells it.

    On tables, and where a task in tokens is run exactly, ``rows_for(quality)``: of the task's 0/1
    table ``[prompts, responses]`` to the probability of each label, of the same shape. So its beta
    may depend on the prompt, as ``bs.WeakLabeler([0.9, 0.5])``'s does, and where it errs too. What
    is random about a label is drawn by the run: asked again the rows must be the same.

    In tokens ``answers(key, prompts)``: of a ``jax.random.key`` and int32 tokens ``[N, P]`` to one
    response each, ``[N, R]``, padded with 0 after its end. It runs on the host, in NumPy or JAX;
    the same key and prompts must give the same answers. Whether they are right the task's verifier
    says. Where they persist it is always given the key of the seed, and what it answers to a prompt
    must not depend on the others. A trace has the hash of what it says of a fixed set of prompts in
    ``attrs["labeler"]``, and a folder in which a run was begun with another is refused.

    Attributes:
        persistent: whether a prompt has one answer for ever.
        drift: None, or the iterations between which what :meth:`on` returns changes.

    Example:
        A labeler that is right less often the harder the prompt is, here the further down it
        stands:

        >>> import boostsim as bs
        >>> from dataclasses import dataclass
        >>> @dataclass(frozen=True)
        ... class Tiring(bs.Labeler):
        ...     beta: float
        ...     def rows_for(self, quality):
        ...         right = self.beta ** np.arange(1, len(quality) + 1)[:, None]
        ...         return right * quality + (1.0 - right) * (1.0 - quality)
        >>> task = bs.table_task([[1, 0], [0, 1]], initial=[[0, 1], [1, 0]])
        >>> trace = bs.simulate(bs.labels_only(labeler=Tiring(0.5)), task, 1, record="prompt")
        >>> trace.accuracy.values[0, 1], trace.beta_least
        (array([0.5 , 0.25]), 0.25)
    """

    if TYPE_CHECKING:

        @property
        def persistent(self) -> bool: ...  # noqa: D102
        @property
        def drift(self) -> tuple[int, int] | None: ...  # noqa: D102
    else:
        # No properties: a dataclass that derives from this one may have fields of these names.
        persistent, drift = False, None

    def on(self, initial: np.ndarray, quality: np.ndarray) -> WeakLabeler:
        """Return the labeler that it is on a table.

        Args:
            initial: the rows of the first model, ``[prompts, responses]``.
            quality: 1 where a response is correct, of that shape.

        Raises:
            ValueError: where it has no ``rows_for``, or this raises an error, returns no
                distributions, or others when it is asked again.
        """
        asked = getattr(self, "rows_for", None)
        if asked is None:
            allowed = "one with rows_for(quality) on a table, and where a run is exact"
            raise refuse("labeler", allowed, self)
        told, wanted = "labeler.rows_for(quality)", "probabilities [prompts, responses]"

        def checked(got: Any) -> np.ndarray:
            rows = distribution(told, got, 2)
            if rows.shape != quality.shape:
                raise refuse(told, f"of the task's shape {quality.shape}", shape_of(rows))
            return rows

        rows = said_by(told, wanted, lambda: asked(quality.copy()), checked)
        return WeakLabeler(rows=rows, persistent=self.persistent)


def of_ones_own(labeler: Any) -> bool:
    """Whether it is none of those that are built in, and none that derives from these."""
    return labeler is not None and not isinstance(labeler, (WeakLabeler, FirstModel))


def checked_labeler(got: Any) -> Labeler:
    """Return a labeler as it is, once it is seen to be one.

    Raises:
        ValueError: for anything else, and for one that does not say how it changes.
    """
    if isinstance(got, FirstModel):
        return got
    if not isinstance(got, WeakLabeler):
        return _own(got)
    plain = got.plain
    known = isinstance(plain, dict) and [*plain][:1] == ["labels"]
    if not known or any(getattr(each, "drift", True) for each in plain.values()):
        allowed = "labelers that do not change, by name, the first 'labels'"
        raise refuse("labeler.plain", allowed, plain)
    if len(plain) > 1 or got.drift is not None:
        between("labeler.drift", got.drift)
    return got


def _answers(got: Any) -> bool:
    """Whether it has one of the two methods of which one is needed."""
    return any(callable(getattr(got, name, None)) for name in METHODS)


def _own(got: Any) -> Labeler:
    """Return a labeler of a class of the user's."""
    lacking = [name for name in ATTRIBUTES if not hasattr(got, name)]
    hint = ""
    if isinstance(got, type):
        hint = f"This is a class: make one of it, {got.__name__}(...)."
    elif lacking and (len(lacking) < len(ATTRIBUTES) or _answers(got)):
        hint = f"It lacks {', '.join(lacking)}; one that derives from bs.Labeler has them."
    elif not lacking and type(got).on is Labeler.on and not _answers(got):
        hint, lacking = f"It needs one of {' and '.join(METHODS)}.", [*METHODS]
    if isinstance(got, type) or lacking:
        allowed = "a bs.WeakLabeler, a bs.FirstModel, one of your own (bs.Labeler), or None"
        raise refuse("labeler", allowed, got, hint)
    flag("labeler.persistent", got.persistent)
    if got.drift is not None:
        between("labeler.drift", got.drift)
    try:
        hash(got)
    except TypeError:
        raise refuse("labeler", "hashable, as a frozen dataclass is", got) from None
    held_by_json("labeler", described_labeler(got))
    return got


def described_labeler(labeler: Any) -> Any:
    """Return what a labeler is, as JSON can hold it."""
    told = described(labeler)
    if labeler is None or told is not labeler:
        return told
    return {"name": type(labeler).__name__, "persistent": bool(labeler.persistent)}
