"""The conformance kit of tasks in tokens: what one has to be, tried on drawn prompts.

Where it breaks a rule it is told in words which, and on which prompt.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import jax
import numpy as np

from boostsim.arguments import brief, first_line, refuse, whole
from boostsim.objects import described, held_by_json
from boostsim.simulation.tokens.verdicts import verifier
from boostsim.tasks.sequences import SequenceTask
from boostsim.vocabulary import END, PAD

# Prompts of each stratum, and generators that they are drawn by.
EACH, GENERATORS = 48, 4
# Mistakes that may be right by another way: 3% of those of bs.programs are.
RIGHT_BY_CHANCE = 0.1
SUMS = 1e-9


class _Trial:
    """A task, and what was drawn of it."""

    def __init__(self, task: SequenceTask, key: int) -> None:
        self.task, self.key, self.told = task, key, f"task {type(task).__name__!r}"

    def fault(self, words: str) -> AssertionError:
        """Return what is wrong, said of the task."""
        return AssertionError(f"{self.told}: {words}")

    def asked(self, name: str, *arguments: Any) -> Any:
        """Return what a method says; what it raises is a fault."""
        try:
            return getattr(self.task, name)(*arguments)
        except Exception as error:
            raise self.fault(f"{name} raised {first_line(error)}") from error

    def tokens(self, name: str, got: Any, count: int, columns: int) -> np.ndarray:
        """Return tokens of one shape, all of them symbols."""
        said = np.asarray(got)
        if said.shape != (count, columns):
            raise self.fault(f"{name} must return tokens [{count}, {columns}]; got {said.shape}")
        if said.dtype.kind not in "iu":
            raise self.fault(f"{name} must return whole numbers; got {said.dtype}")
        symbols = len(self.task.symbols)
        bad = np.argwhere((said < 0) | (said >= symbols))
        if len(bad):
            token = int(said[tuple(bad[0])])
            raise self.fault(
                f"{name} must return tokens in [0, {symbols}); row {bad[0][0]}: {token}"
            )
        return said

    def drawn(self, generator: int) -> tuple[np.ndarray, np.ndarray]:
        """Return strata and a prompt of each."""
        strata = np.repeat(np.arange(len(self.task.strata)), EACH)
        rng = np.random.default_rng([self.key, generator])
        prompts = self.asked("prompts", rng, strata)
        return strata, self.tokens("prompts", prompts, len(strata), self.task.prompt_length)

    def responses(self, name: str, *arguments: Any) -> np.ndarray:
        """Return a method's responses, each padded after its end."""
        count = len(arguments[-1])
        said = self.tokens(name, self.asked(name, *arguments), count, self.task.response_length)
        ended = np.cumsum(said == END, axis=1) - (said == END) > 0
        bad = np.flatnonzero((ended & (said != PAD)).any(1))
        if len(bad):
            raise self.fault(f"{name} must pad after the end; it says {said[bad[0]].tolist()}")
        return said

    def verified(self, prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        """Return the verifier's opinion, as a run asks for it."""
        try:
            said = np.asarray(verifier(self.task)(prompts, responses))
        except Exception as error:
            must = "compile (jax.numpy alone, or compiled = False)" if self.task.compiled else "run"
            raise self.fault(f"verify must {must}; it raised {first_line(error)}") from error
        if said.shape != (len(prompts),) or said.dtype != bool:
            wanted = f"[{len(prompts)}] truth values"
            raise self.fault(f"verify must return {wanted}; got {said.dtype} of shape {said.shape}")
        return said

    def shown(self, prompt: np.ndarray, response: np.ndarray) -> str:
        """Return a prompt and a response as they are read."""
        return f"{self.task.text(response)!r} to {self.task.text(prompt)!r}"


def check_task(task: SequenceTask, key: int = 0) -> None:
    """Check that a task in tokens is one, on prompts that are drawn from every stratum.

    - It is hashable, equal to its copy, and described by what JSON can hold.
    - Its shares sum to one, one for each stratum; its symbols differ.
    - Prompts have their shape and stratum, end in the one sign that a response is due, and depend
      on the generator, and on it alone.
    - Solutions have their shape, are padded after their end, and the verifier accepts them all.
    - Mistakes are wrong (nine of ten at least), and depend on their generator alone; a name that is
      none is refused.
    - The verifier answers any tokens, says no to some, and judges each row by itself: in another
      order, and among rows of padding, it says the same.
    - Where prompts are listed, these differ, and the law of mistakes is one: it sums to one, has
      nothing on what is right, and has what is drawn.

    Args:
        task: of a class that derives from :class:`boostsim.SequenceTask`.
        key: of what is drawn, a whole number.

    Raises:
        AssertionError: that names the task, says what is wrong, and where.
        ValueError: for something that is no task in tokens.

    Example:
        >>> import boostsim as bs
        >>> check_task(bs.arithmetic(operations=2))
        >>> class Slack(type(bs.arithmetic())):
        ...     def verify(self, prompts, responses):
        ...         return responses[:, 0] > 0
        >>> check_task(Slack(operations=2))
        Traceback (most recent call last):
        ...
        AssertionError: task 'Slack': mistake('slip') must be wrong; the verifier accepts ...
    """
    if not isinstance(task, SequenceTask):
        raise refuse("task", "of a class that derives from bs.SequenceTask", task)
    trial = _Trial(task, whole("key", key, 0))
    for check in CHECKS:
        check(trial)


def _is_a_value(trial: _Trial) -> None:
    task = trial.task
    try:
        hash(task)
    except TypeError:
        raise trial.fault("it must be hashable: make it a frozen dataclass") from None
    if copy.copy(task) != task:
        raise trial.fault("it must be equal to its copy, as a frozen dataclass is")
    try:
        held_by_json("describe()", described(task))
    except Exception as error:
        raise trial.fault(f"it must be described by what JSON can hold; {error}") from None


def _has_its_facts(trial: _Trial) -> None:
    task = trial.task
    symbols, strata = tuple(task.symbols), tuple(task.strata)
    if len(set(symbols)) < len(symbols) or len(symbols) < 3:
        raise trial.fault(f"symbols must differ, padding and end first; got {brief(symbols)}")
    for name in ("prompt_length", "response_length"):
        got = getattr(task, name)
        if not isinstance(got, (int, np.integer)) or got < 1:
            raise trial.fault(f"{name} must be a whole number of at least 1; got {got!r}")
    if not strata or len(set(strata)) < len(strata):
        raise trial.fault(f"strata must be names that differ; got {brief(strata)}")
    for name in ("stratum_weights", "easy_weights"):
        got = np.asarray(getattr(task, name), float)
        if got.shape != (len(strata),):
            raise trial.fault(
                f"{name} must be one for each of {len(strata)} strata; got {got.shape}"
            )
        if (got < 0.0).any() or abs(got.sum() - 1.0) > SUMS:
            raise trial.fault(f"{name} must be at least 0 and sum to one; got {got.tolist()}")
    for name in ("easy_slips", "held_out"):
        if not 0.0 <= getattr(task, name) <= 1.0:
            raise trial.fault(f"{name} must be in [0, 1]; got {getattr(task, name)!r}")
    if not task.noises:
        raise trial.fault("noises must name a way to be wrong")


def _prompts_hang_on_the_generator(trial: _Trial) -> None:
    task = trial.task
    strata, prompts = trial.drawn(0)
    if not np.array_equal(trial.drawn(0)[1], prompts):
        raise trial.fault("prompts must depend on the generator alone: asked again they differ")
    if (prompts[:, -1] != prompts[0, -1]).any() or prompts[0, -1] == PAD:
        raise trial.fault("prompts must end with one sign, the same for all, that is no padding")
    said = np.asarray(trial.asked("stratum", prompts))
    if said.shape != strata.shape or (said != strata).any():
        row = int(np.argmax(said != strata)) if said.shape == strata.shape else 0
        raise trial.fault(
            f"stratum must be that which a prompt was drawn for, {strata[row]}; of "
            f"{task.text(prompts[row])!r} it says {np.ravel(said)[row]}"
        )
    others = [trial.drawn(number)[1] for number in range(1, GENERATORS)]
    for stratum in range(len(task.strata)):
        rows = strata == stratum
        several = len(np.unique(prompts[rows], axis=0)) > 1
        if several and all(np.array_equal(prompts[rows], each[rows]) for each in others):
            raise trial.fault(
                "prompts must be drawn by the generator: by another they are the same"
            )


def _solutions_are_right(trial: _Trial) -> None:
    _, prompts = trial.drawn(0)
    solution = trial.responses("solve", prompts)
    bad = np.flatnonzero(~trial.verified(prompts, solution))
    if len(bad):
        shown = trial.shown(prompts[bad[0]], solution[bad[0]])
        raise trial.fault(f"its verifier must accept what it solves; it rejects {shown}")
    if not np.array_equal(trial.responses("solve", prompts[::-1])[::-1], solution):
        raise trial.fault("solve must answer each prompt by itself: in another order it differs")


def _mistakes_are_wrong(trial: _Trial) -> None:
    _, prompts = trial.drawn(0)
    for noise in trial.task.noises:

        def mistaken(noise: str = noise) -> np.ndarray:
            rng = np.random.default_rng([trial.key, GENERATORS])
            return trial.responses("mistake", noise, rng, prompts)

        said = mistaken()
        right = trial.verified(prompts, said)
        if right.mean() > RIGHT_BY_CHANCE:
            row = int(np.argmax(right))
            shown = trial.shown(prompts[row], said[row])
            raise trial.fault(f"mistake({noise!r}) must be wrong; the verifier accepts {shown}")
        if not np.array_equal(said, mistaken()):
            raise trial.fault(f"mistake({noise!r}) must depend on its generator alone")
    try:
        trial.task.check_noise("no such noise")
    except ValueError:
        return
    raise trial.fault("check_noise must refuse a way to be wrong that it does not know")


def _verifies_each_row(trial: _Trial) -> None:
    task = trial.task
    _, prompts = trial.drawn(0)
    rng = np.random.default_rng([trial.key, GENERATORS + 1])
    solution = trial.responses("solve", prompts)
    anything = rng.integers(0, len(task.symbols), solution.shape).astype(solution.dtype)
    asked = np.concatenate([prompts, prompts])
    said = np.concatenate([solution, anything])
    right = trial.verified(asked, said)
    if right[len(prompts) :].all():
        raise trial.fault("verify must say no to some: it accepts whatever tokens it is shown")
    order = rng.permutation(len(asked))
    apart = {
        "in another order": (asked[order], said[order], right[order]),
        "alone": (asked[:1], said[:1], right[:1]),
        "among rows of padding": tuple(
            np.concatenate([each, np.zeros_like(each)]) for each in (asked, said, right)
        ),
    }
    for where, (some, words, known) in apart.items():
        if task.compiled:
            # As it stands: a run fills its blocks up with rows of padding.
            got = np.asarray(jax.jit(task.verify)(some, words))
        else:
            got = trial.verified(some, words)
        bad = np.flatnonzero(got[: len(asked)] != known[: len(asked)])
        if len(bad):
            shown = trial.shown(some[bad[0]], words[bad[0]])
            raise trial.fault(
                f"verify must judge each row by itself; {where} it differs on {shown}"
            )


def _lists_what_there_is(trial: _Trial) -> None:
    task = trial.task
    if not task.listed:
        return
    if task.response_length != 1:
        raise trial.fault("where prompts are listed a response must be one token")
    listed = np.asarray(trial.asked("every_prompt"))
    trial.tokens("every_prompt", listed, len(listed), task.prompt_length)
    if len(np.unique(listed, axis=0)) < len(listed):
        raise trial.fault("every_prompt must list each once")
    known = {prompt.tobytes() for prompt in listed.astype(np.int64)}
    _, prompts = trial.drawn(0)
    for prompt in prompts.astype(np.int64):
        if prompt.tobytes() not in known:
            raise trial.fault(f"every_prompt must list all; {task.text(prompt)!r} is not there")
    right = trial.responses("solve", listed)[:, 0]
    for noise in task.noises:
        law = np.asarray(trial.asked("mistake_law", noise), float)
        told = f"mistake_law({noise!r})"
        if law.shape != (len(listed), len(task.symbols)):
            raise trial.fault(f"{told} must be [prompts, symbols]; got {law.shape}")
        total = law.sum(1)
        if (law < 0.0).any() or (np.abs(total - 1.0) > SUMS).any():
            row = int(np.argmax(np.abs(total - 1.0)))
            raise trial.fault(
                f"{told} must be probabilities that sum to one; row {row}: {total[row]}"
            )
        if law[np.arange(len(listed)), right].any():
            raise trial.fault(f"{told} must have nothing on what is right")
        rng = np.random.default_rng([trial.key, GENERATORS])
        said = trial.responses("mistake", noise, rng, listed)[:, 0]
        if not law[np.arange(len(listed)), said].all():
            raise trial.fault(f"{told} must have what mistake({noise!r}) says")


CHECKS: tuple[Callable[[_Trial], None], ...] = (
    _is_a_value,
    _has_its_facts,
    _prompts_hang_on_the_generator,
    _solutions_are_right,
    _mistakes_are_wrong,
    _verifies_each_row,
    _lists_what_there_is,
)
