"""Filters that are functions of tokens, in a run: checked, compiled, told in provenance."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.arguments import Words, first_line, refuse
from boostsim.curation.filters import Filter
from boostsim.mode import fixed
from boostsim.objects import fingerprint, renewed, untraceable
from boostsim.tasks.sequences import SequenceTask
from boostsim.vocabulary import END

Rows = Callable[[np.ndarray, np.ndarray], np.ndarray]

# Rows that are verified, or judged, at once.
ROWS_ON_CPU, ROWS_ELSEWHERE = 2048, 16384
# Prompts of which a function is asked to see whether it is the one that a folder was begun with.
ASKED = 256


def in_blocks(program: Callable[..., Any], kind: type) -> Rows:
    """Return a compiled function of prompts and responses for any number of rows.

    Args:
        program: of tokens ``[N, P]`` and ``[N, R]``, to ``[N]``.
        kind: of what it returns.
    """
    size = ROWS_ON_CPU if jax.default_backend() == "cpu" else ROWS_ELSEWHERE

    def asked(prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        count = len(prompts)
        # The last block is filled up, so that there is one shape.
        room = ((0, -count % size), (0, 0))
        prompts, responses = (np.pad(tokens, room) for tokens in (prompts, responses))
        blocks = [slice(start, start + size) for start in range(0, count, size)]
        said = [np.asarray(program(prompts[rows], responses[rows])) for rows in blocks]
        return np.concatenate([np.zeros(0, kind), *said])[:count]

    return asked


def name_of(filt: Any) -> str:
    """Return the name of a filter that judges: its function's, or its class's."""
    return str(getattr(filt, "name", type(filt).__name__))


def judge(filt: Any) -> Rows:
    """Return the probabilities that a filter says of tokens ``[N, P]`` and ``[N, R]``, ``[N]``.

    Computed in float64, so that it has the rates that it names.
    """
    return _judge(filt)


@lru_cache(maxsize=8)
def _judge(filt: Any) -> Rows:
    program = jax.jit(lambda prompts, responses: jnp.asarray(filt.judge(prompts, responses), float))
    compiled = in_blocks(program, float)

    def asked(prompts: np.ndarray, responses: np.ndarray) -> np.ndarray:
        with fixed(double=True):
            chance = compiled(np.asarray(prompts, np.int32), np.asarray(responses, np.int32))
        bad = np.flatnonzero(~((chance >= 0.0) & (chance <= 1.0)))
        if len(bad):
            row = bad[0]
            where = f"See response {responses[row].tolist()} to prompt {prompts[row].tolist()}."
            allowed = "a function to probabilities in [0, 1]"
            raise refuse(f"filter {name_of(filt)!r}", allowed, float(chance[row]), where)
        return chance

    return asked


def program_of(filt: Any, task: SequenceTask) -> str:
    """Return the fingerprint of what a filter computes, on the frames of a task.

    Raises:
        ValueError: for what is no pure function to one real number for each row.
    """
    rows = 8
    lengths = task.prompt_length, task.response_length
    tokens = [jax.ShapeDtypeStruct((rows, length), jnp.int32) for length in lengths]
    told, wanted = (
        f"filter {name_of(filt)!r}",
        f"a function to [N] probabilities, here of shape ({rows},)",
    )
    programs = []
    with fixed(double=True):
        for _ in range(2):
            try:
                # Through a fresh function each time, for JAX remembers what it has traced.
                traced = jax.make_jaxpr(lambda asked, said: filt.judge(asked, said))(*tokens)
            except Exception as error:
                how = untraceable(error)
                must = f"be written {how}" if how else f"be {wanted}"
                raise ValueError(f"{told} must {must}; it raised {first_line(error)}") from error
            programs.append(traced)
        if any(isinstance(array, jax.core.Tracer) for each in programs for array in each.consts):
            raise ValueError(f"{told} must be a pure function: it keeps what it was asked before")
        shapes = [(each.shape, each.dtype) for each in traced.out_avals]
        if len(shapes) != 1 or shapes[0][0] != (rows,):
            raise refuse(told, wanted, [shape for shape, _ in shapes])
        if jnp.issubdtype(shapes[0][1], np.complexfloating):
            raise refuse(told, wanted, Words(f"numbers of {shapes[0][1]}"))
        if traced.effects:
            effects = ", ".join(sorted(map(str, traced.effects)))
            raise ValueError(f"{told} must have no effects; it has {effects}")
        first, again = map(fingerprint, programs)
    if first != again:
        raise ValueError(f"{told} must be a pure function: asked twice it computes something else")
    return renewed((filt, lengths), first)


def known_prompts(task: SequenceTask) -> np.ndarray:
    """Return prompts of a task that are always the same, as many of each stratum, ``[N, P]``."""
    return task.prompts(np.random.default_rng(0), np.arange(ASKED) % len(task.strata))


def frames(task: SequenceTask) -> tuple[np.ndarray, np.ndarray]:
    """Return prompts and responses of a task that are always the same: right, wrong, anything."""
    rng, prompts = np.random.default_rng(1), known_prompts(task)
    shape = (2, ASKED, task.response_length)
    anything = rng.integers(1, len(task.symbols), shape)
    # Of every length.
    ends = np.arange(ASKED) % task.response_length
    column = np.arange(task.response_length)
    anything[1] = np.where(column < ends[:, None], anything[1], 0)
    anything[1, np.arange(ASKED), ends] = END
    said = [task.solve(prompts), *(task.mistake(name, rng, prompts) for name in task.noises)]
    said += [*anything]
    return np.tile(prompts, (len(said), 1)), np.concatenate(said)


def behaviour(filt: Filter, task: SequenceTask) -> np.ndarray:
    """Return what a filter says of frames that are always the same."""
    return judge(filt)(*frames(task))
