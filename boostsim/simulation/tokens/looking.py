"""Looking into a folder in which a run with a transformer was kept: its trace, models, responses.

What a file says is data: a task and a learner are made anew from their numbers, where they are
boostsim's own, and compared with what the file says; nothing in a file is executed.
"""

from __future__ import annotations

import json
import os
import re
import warnings
from dataclasses import fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import as_path, refuse, whole
from boostsim.html import Shown
from boostsim.keys import as_key
from boostsim.learners.generate import generate
from boostsim.learners.network import Parameters, Trained
from boostsim.learners.regression import SoftmaxRegression
from boostsim.learners.transformer import Transformer
from boostsim.mode import KEYS, fixed
from boostsim.objects import described, same
from boostsim.simulation.tokens.checkpoints import check_arrays
from boostsim.simulation.tokens.evaluation import Evaluation
from boostsim.simulation.tokens.first_model import first_model, shapes
from boostsim.simulation.tokens.iteration import FIRST, LASTING_VERDICTS
from boostsim.simulation.tokens.keeping import BETA, TOLD, assembled, model_of, state_of
from boostsim.simulation.tokens.resuming import KEPT, entries_of, words
from boostsim.simulation.tokens.verdicts import judged, key_words, verifier
from boostsim.store import ENDING, WORK, digest_of, look_into, read_piece
from boostsim.tasks.arithmetic import Arithmetic
from boostsim.tasks.gym import ReasoningGym
from boostsim.tasks.lookup import Lookup
from boostsim.tasks.programs import Programs
from boostsim.tasks.sequences import SequenceTask
from boostsim.versions import same_run
from boostsim.vocabulary import PAD

if TYPE_CHECKING:
    import pandas as pd
    import xarray

TASKS = {each.__name__: each for each in (Arithmetic, Lookup, Programs, ReasoningGym)}
LEARNERS = {each.__name__: each for each in (SoftmaxRegression, Transformer)}
RESPONSES, VERDICTS = range(2)
# What to do about a damaged file: of a state, and of a model that a run goes on without.
AGAIN = "The same call of bs.simulate makes it again."
WITHOUT = "The run goes on without this model, which only a new run makes again."


class KeptRun(Shown):
    """A run with a transformer that ``bs.simulate(..., folder=...)`` has kept.

    Attributes:
        folder: where.
        task: what was run.
        learner: the network's shape, and how it was trained.
        procedure: what the folder says of it, by slot; a description, for functions are not kept.
        seeds: the numbers of the seeds that were begun.
        iterations: how many are done, by seed.
        models: of which iterations there is a model, by seed: of the first model (0), of the latest
            iteration, and of all where ``keep_models=True``.
    """

    def __init__(
        self,
        folder: Path,
        task: SequenceTask,
        learner: Trained,
        about: dict[str, Any],
        states: dict[int, dict[str, np.ndarray]],
        files: dict[str, Path],
    ) -> None:
        """Hold what was read: of which run, the state of each seed, and all files."""
        self.folder, self.task, self.learner, self._files = folder, task, learner, files
        self._about, self._states = about, states
        self.procedure: dict[str, Any] = about["procedure"]
        self.seeds = tuple(states)
        self.iterations = {number: len(state["m_labels"]) - 1 for number, state in states.items()}
        self.models = {
            number: tuple(
                iteration
                for iteration in range(done + 1)
                if iteration in (0, done) or model_of(number, iteration) in files
            )
            for number, done in self.iterations.items()
        }

    def __eq__(self, other: object) -> bool:
        """Whether another was read from the same folder and is the same run, as far as it came."""
        if not isinstance(other, KeptRun):
            return NotImplemented
        kept = (self.folder, self._about), (other.folder, other._about)
        return kept[0] == kept[1] and same(self._states, other._states)

    def __hash__(self) -> int:
        """Hash the folder and how far the run came."""
        return hash((self.folder, *self.iterations.items()))

    @cached_property
    def trace(self) -> xarray.Dataset:
        """The trace of what is there: all seeds, up to the iteration that each of them has done.

        Of a run that came to its end it is what ``bs.simulate`` returned, the recorded responses
        with it.
        """
        states, done = self._states.values(), min(self.iterations.values())
        names = [name for name in next(iter(states)) if name.startswith("m_")]
        variables = {
            name[2:]: np.stack([state[name][: done + 1] for state in states]) for name in names
        }
        resumed = {}
        for number, state in self._states.items():
            entries = entries_of(state)
            resumed[number] = words(entries, entries[-1][1], done)
        trace = assembled(
            self.task,
            variables,
            self._told["attributes"],
            [state[BETA] for state in states if BETA in state],
            resumed,
            tuple(self._about.get("pass_at", ())),
        )
        return trace.assign_coords(seed=list(self.seeds))

    @property
    def _told(self) -> dict[str, Any]:
        return json.loads(next(iter(self._states.values()))[TOLD].tobytes())

    @fixed()
    def model(self, seed: int = 0, iteration: int | None = None) -> Parameters:
        """Return a model: the network's arrays by name, as ``learner.network`` takes them.

        Args:
            seed: one of ``seeds``.
            iteration: one of ``models[seed]``; the latest by default. 0 is the first model, which
                is made again where the cache does not have it.

        Raises:
            ValueError: for a seed or an iteration that is not there, and a damaged file.
        """
        seed = self._seed(seed)
        done = self.iterations[seed]
        iteration = done if iteration is None else whole("iteration", iteration, 0)
        if iteration not in self.models[seed]:
            allowed = f"one of {', '.join(map(str, self.models[seed]))} for seed {seed}"
            hint = "All others are kept where bs.simulate is told keep_models=True."
            raise refuse("iteration", allowed, iteration, hint)
        if iteration == 0:
            key = jax.random.fold_in(self._key(seed), FIRST)
            return first_model(self.task, self.learner, key)
        state = self._states[seed]
        if iteration < done:
            path = self._files[model_of(seed, iteration)]
            # It was there when the folder was looked at.
            if not path.is_file():
                raise refuse("folder", "one whose files stay", str(path))
            state = read_piece(path, digest_of(self._about), WITHOUT).arrays
            check_arrays(path, state, self._like, ())
        return {name: jnp.asarray(state[f"w_{name}"]) for name in shapes(self.task, self.learner)}

    def sample(
        self,
        prompts: Any = 1,
        samples: int = 4,
        key: jax.Array | int = 0,
        *,
        seed: int = 0,
        iteration: int | None = None,
    ) -> pd.DataFrame:
        """Draw responses of a model, and judge them as the run did.

        Args:
            prompts: so many of each stratum, from those on which the run was evaluated; or tokens
                ``[N, P]``; or texts as ``task.text`` writes them, one or a list.
            samples: responses to each prompt, drawn from the model as it is, not sharpened.
            key: a ``jax.random.key`` or a whole number below 2^32; all that is drawn comes from it,
                but verdicts that persist, which are those of the run.
            seed: one of ``seeds``.
            iteration: one of ``models[seed]``; the latest by default.

        Returns:
            A table with a row for each response: prompt, stratum, sample, response, accepted (by
            the run's filter; missing where that is a function of tokens, for a folder keeps none,
            and where its rates are those of the run's own prompts or iterations)
            and correct.

        Raises:
            ValueError: for what are no prompts of the task, and for a number out of range.
        """
        import pandas as pd

        asked, samples = self._prompts(prompts), whole("samples", samples, 1, 2**14)
        drawn, number = as_key(key), self._seed(seed)
        parameters = self.model(number, iteration)
        many = np.repeat(asked, samples, axis=0)
        length = self.task.response_length
        said, _ = generate(
            self.learner, parameters, many, length, jax.random.fold_in(drawn, RESPONSES)
        )
        correct = np.asarray(verifier(self.task)(many, said))
        how, accepted = self._told["filter"], None
        if how["accept"] is not None:
            accepted = judged(
                np.where(correct, *how["accept"])[:, None],
                np.where(correct, *how.get("fresh", how["accept"]))[:, None],
                how["persistent"],
                many,
                said[:, None],
                key_words(drawn, VERDICTS),
                key_words(self._key(number), LASTING_VERDICTS),
            )[:, 0]
        return pd.DataFrame(
            {
                "prompt": [self.task.text(row) for row in many],
                "stratum": np.array(self.task.strata)[self.task.stratum(many)],
                "sample": np.tile(np.arange(samples), len(asked)),
                "response": [self.task.text(row) for row in said],
                "accepted": pd.NA if accepted is None else accepted,
                "correct": correct,
            }
        )

    def _seed(self, seed: int) -> int:
        if whole("seed", seed, 0) not in self.seeds:
            raise refuse("seed", f"one of {', '.join(map(str, self.seeds))}", seed)
        return int(seed)

    def _key(self, seed: int) -> jax.Array:
        words = jnp.array(self._about["key"], jnp.uint32)
        return jax.random.fold_in(jax.random.wrap_key_data(words, impl=KEYS), seed)

    @property
    def _like(self) -> dict[str, Any]:
        return {f"w_{name}": like for name, like in shapes(self.task, self.learner).items()}

    def _prompts(self, prompts: Any) -> np.ndarray:
        """Return prompts as tokens, ``[N, P]``."""
        if isinstance(prompts, (int, np.integer)) and not isinstance(prompts, bool):
            return Evaluation(self.task, whole("prompts", prompts, 1, 10**6)).prompts
        texts = [prompts] if isinstance(prompts, str) else prompts
        if isinstance(texts, (list, tuple)) and all(isinstance(each, str) for each in texts):
            texts = [self._tokens(each) for each in texts]
        tokens = np.asarray(texts)
        columns = self.task.prompt_length
        if tokens.ndim != 2 or tokens.shape[1] != columns or tokens.dtype.kind not in "iu":
            allowed = f"a number, texts, or whole numbers [N, {columns}], tokens of each prompt"
            raise refuse("prompts", allowed, prompts)
        if not len(tokens) or tokens.min() < 0 or tokens.max() >= len(self.task.symbols):
            raise refuse("prompts", f"some, of tokens in [0, {len(self.task.symbols)})", prompts)
        # It asks for the response, and is the same in all prompts.
        last = Evaluation(self.task, 1).prompts[0, -1]
        if (tokens[:, -1] != last).any():
            allowed = f"such that each ends with {self.task.symbols[last]!r}"
            raise refuse("prompts", allowed, prompts)
        return tokens.astype(np.int32)

    def _tokens(self, text: str) -> np.ndarray:
        """Return a prompt that is written as the task writes it: padded before its last token."""
        number = {symbol: token for token, symbol in enumerate(self.task.symbols)}
        tokens = [number.get(word, PAD) for word in text.split()]
        row = np.full(self.task.prompt_length, PAD, np.int32)
        if 0 < len(tokens) <= len(row):
            row[: len(tokens) - 1], row[-1] = tokens[:-1], tokens[-1]
        if self.task.text(row) != text:
            shown = self.task.text(Evaluation(self.task, 1).prompts[0])
            raise refuse("prompts", f"written as the task writes them, such as {shown!r}", text)
        return row

    def __repr__(self) -> str:
        """Say in a line what is there."""
        done = sorted(set(self.iterations.values()))
        spread = f"{done[0]} to {done[-1]}" if len(done) > 1 else str(done[0])
        seeds = f"{len(self.seeds)} seed{'s' * (len(self.seeds) > 1)}"
        return f"<KeptRun: {type(self.task).__name__}, {seeds}, {spread} iterations>"

    def summary(self) -> str:
        """Return what is there, how good the models are, and how to go on."""
        final = []
        for number, state in self._states.items():
            accuracy = state["m_accuracy"]
            final.append(f"seed {number}: {float(accuracy[0]):.3f} to {float(accuracy[-1]):.3f}")
        kept = [len(self.models[number]) - 1 for number in self.seeds]
        every = kept == list(self.iterations.values())
        told = "every iteration" if every else "the first and the latest iteration"
        if not every and max(kept) > 1:
            told += ", and some between"
        return (
            f"In {self.folder}.\n"
            f"Accuracy of one sampled response, before and after: {', '.join(final)}.\n"
            f"Models of {told}.\n"
            "The same call of bs.simulate with more iterations goes on from here."
        )

    def _more(self) -> dict[str, Any]:
        told = ("attempts", "keep", "budget", "regime")
        slots = {name: self.procedure[name] for name in told if name in self.procedure}
        for name in ("filter", "labeler", "criterion"):
            slots[name] = json.dumps(self.procedure.get(name))
        return {"facts": {"task": self.task, "learner": self.learner, **slots}}


def load_run(
    folder: str | os.PathLike[str],
    *,
    task: SequenceTask | None = None,
    learner: Trained | None = None,
) -> KeptRun:
    """Look into a folder in which ``bs.simulate(..., folder=...)`` kept a transformer's run.

    Args:
        folder: of the run.
        task, learner: those of the run, where they are of a class of your own; boostsim's are made
            again from what the folder says of them.

    Returns:
        The run: its ``trace``, ``model(seed, iteration)``, ``sample(prompts, samples, key)``, what
        was run (``task``, ``learner``, ``procedure``), and how far it came (``seeds``,
        ``iterations``, ``models``).

    Raises:
        ValueError: for a folder without such a run, or with files that are damaged or of several
            runs; for a task or learner that is another, or that cannot be made again.

    Example:
        >>> import boostsim as bs, tempfile
        >>> learner = bs.SoftmaxRegression(steps=16, batch=32, first_steps=0)
        >>> procedure, task = bs.boosting(labeler=bs.WeakLabeler(1.0)), bs.lookup(16, 4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     world = dict(learner=learner, visits=1, key=0, folder=folder)
        ...     trace = bs.simulate(procedure, task, 1, **world)
        ...     run = bs.load_run(folder)
        >>> run.trace.identical(trace), run.task == task, run.iterations
        (True, True, {0: 1})
        >>> run.sample("0 3 =", samples=2).columns.tolist()
        ['prompt', 'stratum', 'sample', 'response', 'accepted', 'correct']
    """
    path = as_path("folder", folder)
    allowed = "one in which bs.simulate has kept a run with a transformer"
    if not path.is_dir():
        raise refuse("folder", allowed, str(path), "There is no such folder.")
    files = {entry.stem: entry for entry in path.glob(f"seed-*{ENDING}")}
    found = (re.fullmatch(r"seed-(\d+)", name) for name in files)
    numbers = sorted(int(each[1]) for each in found if each)
    if not numbers:
        hint = f"It has no file seed-0{ENDING}, which is written after a first iteration."
        raise refuse("folder", allowed, str(path), hint)
    if gone := sorted(set(range(numbers[-1])) - set(numbers)):
        told = ", ".join(f"{state_of(number)}{ENDING}" for number in gone)
        warnings.warn(f"{str(path)!r} has no {told}: without these seeds", stacklevel=2)
    about, first = look_into(path, AGAIN), files[state_of(numbers[0])]
    if about is None:
        raise refuse(
            "folder", allowed, str(path), f"It has no {WORK}, which says of what run it is."
        )
    if not {"procedure", "task", "learner", "evaluate", "key"} <= set(about):
        raise refuse("folder", allowed, str(path), f"{first.name} holds something else.")
    made = _rebuilt(first, about, task, learner)
    weights = {f"w_{name}": like for name, like in shapes(*made).items()}
    states = {}
    for number in numbers:
        file = files[state_of(number)]
        states[number] = read_piece(file, digest_of(about), AGAIN).arrays
        check_arrays(file, states[number], weights, (*KEPT, TOLD, "m_labels", "m_accuracy"))
    return KeptRun(path, *made, about, states, files)


def _rebuilt(
    path: Path, about: dict[str, Any], task: SequenceTask | None, learner: Trained | None
) -> tuple[SequenceTask, Trained]:
    """Return the task and the learner of a run: those given, or made from what its file says."""
    if task is not None and not isinstance(task, SequenceTask):
        raise refuse("task", "the one in tokens that was run", task)
    if learner is not None and not isinstance(learner, Trained):
        raise refuse("learner", "the bs.Transformer, or its like, that was trained", learner)
    trained = about["procedure"].get("learner", {}).get("name", "")
    kind = TASKS.get(about["task"].get("task", ""))
    return (
        _one(path, "task", task, kind, about["task"]),
        _one(path, "learner", learner, LEARNERS.get(trained), about["learner"]),
    )


def _one(path: Path, name: str, given: Any, kind: Any, told: dict[str, Any]) -> Any:
    """Return what was given, or was made of what a file tells; it is what the file tells."""
    found = _made(kind, told) if given is None else given
    if given is None and (found is None or json.loads(json.dumps(described(found))) != told):
        allowed = "given, where it is of a class of your own or of another version"
        raise refuse(name, allowed, None, f"The folder says of it: {json.dumps(told)}.")
    # As JSON gives it back.
    same_run(path, {name: described(found)}, {name: told})
    return found


def _made(kind: Any, told: Any) -> Any:
    """Return an object of a class from its fields, or None where they are not its fields."""
    if kind is None:
        return None
    try:
        return kind(**{entry.name: _frozen(told[entry.name]) for entry in fields(kind)})
    except (KeyError, TypeError, ValueError):
        return None


def _frozen(value: Any) -> Any:
    """Return what JSON made a list as the tuple that it was."""
    return tuple(map(_frozen, value)) if isinstance(value, list) else value
