"""Labelers: the weak, exogenous source of answers.

A labeler W(.|x) is beta-weak when its correct mass is at least beta on every prompt
(docs/theory.md, section 1). It is described here without a task; the quality table turns the
description into rows.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar

import jax.numpy as jnp
import numpy as np

from boostsim.arguments import by_prompt, choice, distribution, flag, refuse, shape_of, whole
from boostsim.curation.sharpening import Sharpening
from boostsim.mode import fixed
from boostsim.objects import ByValue, Described, described, is_own

SHUFFLED = "shuffled"
WRONG = ("spread", "concentrated", "garbage", "systematic", "slip", SHUFFLED)


@dataclass(frozen=True, eq=False)
class WeakLabeler(ByValue, Described):
    """A labeler that is right with probability beta(x): each time anew, or once for all.

    Fresh: every label is an independent draw. Persistent: each prompt has one answer for ever,
    drawn once, so that asking again teaches nothing (T14, docs/theory.md, section 4).

    The correct mass is spread evenly over the correct responses; the wrong mass 1 - beta(x) evenly
    over the wrong ones (``wrong="spread"``) or all on the first wrong one (``"concentrated"``).
    In tokens they are random tokens and one misconception, and each task says which; ``"garbage"``
    and ``"systematic"`` are other names for the two. ``"slip"`` is for tokens alone.
    ``"shuffled"`` is in tokens the right answer to another prompt of the same stratum, where it is
    wrong here: it has the form of an answer and tells nothing of the prompt; on tables it is
    ``"spread"``.

    One of your own that changes in the course of a run derives from this class and says ``plain``,
    ``weights`` and ``drift``, as :class:`DriftingLabeler` does.

    Args:
        beta: correct mass, one number in [0, 1] or an array ``[prompts]``. With ``rows`` it is the
            weakness that is *declared*: a row with less correct mass is refused.
        wrong: where the wrong mass goes, by name; not used with ``rows``.
        rows: the labeler itself, probabilities ``[prompts, responses]``.
        persistent: one answer a prompt for ever. Sampled runs draw it once per seed; exact runs
            split each prompt into its possible answers, weighted by their probability; under a
            budget, which these then share, that is the limit of many prompts.

    Raises:
        ValueError: for a beta outside [0, 1], rows that are no distributions, an unknown ``wrong``,
            and, once the task is known, shapes that do not match it, rows below a declared beta,
            and beta > 0 on a prompt without a correct response (or beta < 1 without a wrong one).

    Example:
        >>> labeler = WeakLabeler(0.25)
        >>> labeler.rows_for(np.array([[1, 0, 0, 0]]))
        array([[0.25, 0.25, 0.25, 0.25]])
        >>> WeakLabeler(0.25, wrong="concentrated").rows_for(np.array([[1, 0, 0]]))
        array([[0.25, 0.75, 0.  ]])

    Source: the beta-weak labeler of arXiv 2502.08924.
    """

    beta: Any = None
    wrong: str = "spread"
    rows: Any = None
    persistent: bool = False

    def __post_init__(self) -> None:
        """Refuse what no labeler can be."""
        choice("wrong", self.wrong, WRONG)
        object.__setattr__(self, "persistent", flag("persistent", self.persistent))
        if self.rows is not None:
            object.__setattr__(self, "rows", distribution("rows", self.rows, 2))
        elif self.beta is None:
            raise refuse("beta", "given where rows are not", None)
        if self.beta is None:
            return
        object.__setattr__(self, "beta", by_prompt("beta", self.beta))

    def on(self, initial: np.ndarray, quality: np.ndarray) -> WeakLabeler:
        """Return it: on a table it is what it is."""
        return self

    # The iterations between which it changes, where it does; then it stays as in the second.
    drift: ClassVar[tuple[int, int] | None] = None

    @property
    def plain(self) -> dict[str, WeakLabeler]:
        """The labelers that it is a mixture of, by name, "labels" first; none of them changes.

        Whoever asks it asks each of these, and weighs what they say by :meth:`weights`.
        """
        return {"labels": self}

    def weights(self, iteration: int) -> dict[str, float]:
        """Return the probability in one iteration that each of :attr:`plain` answers."""
        return {"labels": 1.0}

    def each(self, change: Callable[[WeakLabeler], WeakLabeler]) -> WeakLabeler:
        """Return it with each of :attr:`plain` changed."""
        parts = {name: change(part) for name, part in self.plain.items()}
        return parts["labels"] if len(parts) == 1 else Mixture(of=self, parts=parts)

    def masses_for(self, quality: np.ndarray, correct: np.ndarray | None = None) -> np.ndarray:
        """Return the (correct, wrong) mass of every prompt's label, shape ``[2, prompts]``.

        The wrong mass is computed as itself, not read off rounded rows. ``correct`` is how many
        responses to each prompt are, where that is known.
        """
        if self.rows is not None:
            rows = self.rows_for(quality)
            return np.stack([(rows * quality).sum(1), (rows * (1.0 - quality)).sum(1)])
        beta = self._beta_for(quality, correct)
        return np.stack([beta, 1.0 - beta])

    def rows_for(self, quality: np.ndarray) -> np.ndarray:
        """Return W as an array ``[prompts, responses]`` for a 0/1 quality table of that shape."""
        if self.rows is not None:
            return self._checked_rows(quality)
        quality = np.asarray(quality, np.float64)
        beta = self._beta_for(quality)
        incorrect = 1.0 - quality
        if self.wrong in ("concentrated", "systematic"):
            first = np.zeros_like(incorrect)
            np.put_along_axis(first, incorrect.argmax(1)[:, None], 1.0, axis=1)
            incorrect = first * incorrect
        correct_count = np.maximum(quality.sum(1), 1.0)
        wrong_count = np.maximum(incorrect.sum(1), 1.0)
        return (beta / correct_count)[:, None] * quality + ((1.0 - beta) / wrong_count)[
            :, None
        ] * incorrect

    def _beta_for(self, quality: np.ndarray, correct: np.ndarray | None = None) -> np.ndarray:
        if self.wrong == "slip":
            raise refuse("wrong", "spread or concentrated on a table", self.wrong)
        prompts, responses = quality.shape
        if np.ndim(self.beta) == 1 and len(self.beta) != prompts:
            raise refuse(
                "beta", f"one number, or one for each of {prompts} prompts", np.shape(self.beta)
            )
        beta = np.broadcast_to(self.beta, (prompts,)).astype(np.float64)
        correct = quality.sum(1) if correct is None else correct
        for lacking, asked, word in (
            (correct == 0, beta > 0.0, "correct"),
            (correct == responses, beta < 1.0, "wrong"),
        ):
            bad = np.flatnonzero(lacking & asked)
            if bad.size:
                bound = "0" if word == "correct" else "1"
                raise refuse(
                    "beta",
                    f"{bound} on a prompt without any {word} response",
                    float(beta[bad[0]]),
                    f"See prompt {bad[0]}.",
                )
        return beta

    def _checked_rows(self, quality: np.ndarray) -> np.ndarray:
        if self.rows.shape != quality.shape:
            raise refuse("rows", f"of the task's shape {quality.shape}", shape_of(self.rows))
        if self.beta is not None:
            prompts = quality.shape[0]
            if np.ndim(self.beta) == 1 and len(self.beta) != prompts:
                raise refuse("beta", f"one for each of {prompts} prompts", np.shape(self.beta))
            correct = (self.rows * quality).sum(1)
            rounding = quality.shape[1] * np.finfo(np.float64).eps
            bad = np.flatnonzero(correct < np.broadcast_to(self.beta, (prompts,)) - rounding)
            if bad.size:
                declared = float(np.broadcast_to(self.beta, (prompts,))[bad[0]])
                raise refuse(
                    "rows",
                    f"correct with at least the declared beta {declared!r} on every prompt",
                    float(correct[bad[0]]),
                    f"See prompt {bad[0]}.",
                )
        return self.rows


@dataclass(frozen=True, eq=False)
class DriftingLabeler(WeakLabeler):
    """A labeler that changes while the run goes on, from one law into another.

    W_t = (1 - s_t) W + s_t ``later``, with s_t = 0 up to iteration ``between[0]``, 1 from iteration
    ``between[1]`` on, and linear in t between them. Its own fields say what it is at first.

    Args:
        beta, wrong, rows: as of :class:`WeakLabeler`.
        later: what it becomes.
        between: the iterations between which it changes, the first below the second.

    Raises:
        ValueError: for answers that persist, a ``later`` that is no fresh weak labeler, or
            iterations out of order.

    Example:
        >>> import boostsim as bs
        >>> tiring = DriftingLabeler(0.5, later=bs.WeakLabeler(0.1), between=(0, 4))
        >>> tiring.change(2)
        0.5
        >>> task = bs.table_task([[1, 0]], initial=[[0, 1]])
        >>> bs.simulate(bs.boosting(labeler=tiring), task, 2).accuracy.values.round(6).tolist()
        [[0.0, 0.4, 0.58]]
    """

    later: Any = None
    between: Any = (0, 1)

    def __post_init__(self) -> None:
        """Refuse what cannot drift."""
        super().__post_init__()
        if self.persistent:
            raise refuse("persistent", "False for a labeler that drifts", True)
        if type(self.later) is not WeakLabeler or self.later.persistent:
            raise refuse("later", "a bs.WeakLabeler whose answers do not persist", self.later)
        object.__setattr__(self, "between", between("between", self.between))

    @property
    def drift(self) -> tuple[int, int]:  # type: ignore[override]
        """The iterations between which it changes."""
        return self.between

    @property
    def plain(self) -> dict[str, WeakLabeler]:
        """What it is at first, and what it becomes."""
        return {"labels": WeakLabeler(self.beta, self.wrong, self.rows), "later": self.later}

    def weights(self, iteration: int) -> dict[str, float]:
        """Return 1 - s_t and s_t."""
        later = self.change(iteration)
        return {"labels": 1.0 - later, "later": later}

    def change(self, iteration: int) -> float:
        """Return s_t, how far it has changed in iteration t = 1, 2, ..."""
        start, stop = self.between
        return min(max((iteration - start) / (stop - start), 0.0), 1.0)


@dataclass(frozen=True, eq=False)
class Mixture(WeakLabeler):
    """Other labelers in the shares of one that changes; what :meth:`WeakLabeler.each` returns.

    Args:
        of: the labeler whose shares they are.
        parts: the labelers, by the names of its own.
    """

    of: Any = None
    parts: Any = None

    def __post_init__(self) -> None:
        """Take what it is made of as it is."""

    @property
    def drift(self) -> tuple[int, int] | None:  # type: ignore[override]
        """The iterations between which it changes."""
        return self.of.drift

    @property
    def plain(self) -> dict[str, WeakLabeler]:
        """The parts."""
        return self.parts

    def weights(self, iteration: int) -> dict[str, float]:
        """Return those of the labeler that it is of."""
        return self.of.weights(iteration)


def shares(labeler: WeakLabeler, iterations: Iterable[int]) -> np.ndarray:
    """Return how often each of the plain labelers answers, ``[iterations, plain]``.

    Raises:
        ValueError: for weights that are no distribution.
    """
    last = int(labeler.drift[1]) if labeler.drift else 1
    each = [labeler.weights(min(iteration, last)) for iteration in iterations]
    try:
        table = [[weights[name] for name in labeler.plain] for weights in each]
    except (TypeError, KeyError, IndexError):
        allowed = f"numbers by name, of {', '.join(labeler.plain)}"
        raise refuse("labeler.weights", allowed, each[0]) from None
    return distribution("labeler.weights", table, 2)


def drifting(labeler: Any) -> dict[str, Any]:
    """Return what a labeler of one's own that changes does, which its fields need not tell."""
    if not (isinstance(labeler, WeakLabeler) and is_own(labeler) and labeler.drift):
        return {}
    law = shares(labeler, range(1, int(labeler.drift[1]) + 1))
    return {"labelers": described(labeler.plain), "shares": described(law)}


@dataclass(frozen=True, eq=False)
class FirstModel(ByValue, Described):
    """The first model as the labeler, W = f_0: right with the probability beta(x) = p_0(x).

    Every label is an independent draw from the row that the first model has for the prompt, however
    far the model has moved since. What it is worth on a task is measured: traces of tables, and of
    ``bs.lookup``, have ``beta``, the average of beta(x) over prompts, and ``beta_least`` in their
    attributes.

    In tokens a label is sampled from f_0 token by token, and the trace's ``label_accuracy`` is what
    it is worth where it is bought. A yardstick is told p_0(x) where prompts can be listed, as of
    ``bs.lookup``; else which share of the labels that a visit would get is right.

    Args:
        temperature: at least 0, of the draws: labels come from f_0^(1/temperature), normalised; 1
            changes nothing, 0 is the most probable response.
        beta: weakness that is *declared*, as of :class:`WeakLabeler` by rows: one number, or one
            for each prompt; a prompt on which the first model has less correct mass is refused.
            None promises nothing, and then prompts may have a beta(x) of 0. In tokens it can be
            promised only where prompts can be listed.

    Raises:
        ValueError: for an argument out of range and, once the task is known, rows below a declared
            beta, a promise about rows that cannot be read off, and rows that at this temperature
            are right on no prompt at all.

    Example:
        >>> import boostsim as bs
        >>> task = bs.table_task([[1, 0], [1, 0]], initial=[[0.2, 0.8], [0.0, 1.0]])
        >>> trace = bs.simulate(bs.labels_only(labeler=FirstModel()), task, 1)
        >>> trace.beta, trace.beta_least
        (0.1, 0.0)

    Source: the labeler of the experiment of arXiv 2502.08924, as reported by others.
    """

    temperature: float = 1.0
    beta: Any = None

    persistent: ClassVar[bool] = False
    drift: ClassVar[None] = None

    def __post_init__(self) -> None:
        """Refuse what no labeler can be."""
        object.__setattr__(self, "temperature", Sharpening(self.temperature).temperature)
        if self.beta is not None:
            object.__setattr__(self, "beta", WeakLabeler(self.beta).beta)

    def on(self, initial: np.ndarray, quality: np.ndarray) -> WeakLabeler:
        """Return the labeler that it is on a table.

        Args:
            initial: the rows of the first model, ``[prompts, responses]``.
            quality: 1 where a response is correct, of that shape.

        Raises:
            ValueError: where it is right on no prompt.
        """
        rows = initial
        if self.temperature != 1.0:
            with fixed(double=True):
                rows = np.asarray(Sharpening(self.temperature)(jnp.asarray(initial)))
        if not (rows * quality).any():
            raise refuse(
                "labeler",
                "right on some prompt",
                self,
                "Its rows, at this temperature, have no correct mass on any.",
            )
        return WeakLabeler(self.beta, rows=rows)


def between(name: str, got: Any) -> tuple[int, int]:
    """Return two numbers of iterations, the first below the second."""
    try:
        start, stop = got
    except (TypeError, ValueError):
        raise refuse(name, "two numbers of iterations", got) from None
    start = whole(f"{name}[0]", start, 0)
    return start, whole(f"{name}[1]", stop, start + 1)
