"""The first model f_0 of a transformer: trained on easy examples, many of them wrong."""

from __future__ import annotations

import functools
import importlib
import warnings
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager

import jax
import jax.numpy as jnp
import numpy as np

from boostsim.files import cache_folder, warn_once
from boostsim.keys import generator
from boostsim.learners.generate import lowered_generating
from boostsim.learners.network import Parameters, Trained
from boostsim.learners.train import check_converged, lowered_training, train
from boostsim.mode import fixed
from boostsim.objects import described
from boostsim.simulation.tokens.checkpoints import check_arrays
from boostsim.simulation.tokens.prompts import draw_prompts
from boostsim.simulation.tokens.verdicts import verifier
from boostsim.store import Store, digest_of
from boostsim.tasks.sequences import SequenceTask
from boostsim.versions import facts

EXAMPLES = 16_000
WEIGHTS, PROMPTS, ORDER = range(3)


def frame_length(task: SequenceTask) -> int:
    """Return T, the columns of a frame."""
    return task.prompt_length + task.response_length


def shapes(task: SequenceTask, model: Trained) -> Parameters:
    """Return the shapes that the parameters have, as arrays without content."""
    draw = functools.partial(model.network.initial, len(task.symbols), frame_length(task))
    return jax.eval_shape(draw, jax.random.key(0))


def first_model(
    task: SequenceTask, model: Trained, key: jax.Array, *, says: bool = True
) -> Parameters:
    """Return f_0 of this task, shape and key; kept in the cache by the hash of all three.

    It has seen 16,000 examples of the easy strata, none of them held out, of which a share
    ``task.easy_slips`` is wrong in the task's mildest way.

    Args:
        task, model, key: what decides it.
        says: whether it will be asked for responses, so that what says and verifies them is
            compiled meanwhile.
    """
    steps = task.first_steps if model.first_steps is None else model.first_steps
    words = np.asarray(jax.random.key_data(key)).ravel().tolist()
    about = {
        "first_model": 6,
        "task": described(task),
        "network": [repr(model.network), model.batch],
        "training": described([steps, model.first_learning_rate, EXAMPLES, task.easy_slips]),
        "key": words,
        "computed": facts(double=False),
    }
    digest = digest_of(about)
    folder = cache_folder()
    # Each model of the cache is a work of its own.
    store, name = Store(None if folder is None else folder / "models", digest), digest[:32]
    like = shapes(task, model)
    kept = _kept(store, name, like)
    if kept is not None:
        return {name: jnp.asarray(weights) for name, weights in kept.items()}
    prompt, response = task.prompt_length, task.response_length
    with _beside() as beside:
        # Programs are compiled beside one another, and beside the drawing of weights and examples.
        programs = lowered_training(model, like, prompt + response, prompt, steps)
        training = [beside.submit(program.compile) for program in programs]
        if says:
            said = lowered_generating(model, like, prompt, response)
            beside.submit(said.compile)
        # What the run's trace will be made of.
        beside.submit(importlib.import_module, "xarray")
        sites = [jax.random.fold_in(key, site) for site in range(3)]
        parameters = model.network.initial(len(task.symbols), frame_length(task), sites[WEIGHTS])
        rng = generator(sites[PROMPTS])
        stratum = rng.choice(len(task.strata), EXAMPLES, p=task.easy_weights)
        prompts = draw_prompts(task, rng, stratum)
        wrong = rng.random(EXAMPLES) < task.easy_slips
        responses = np.where(
            wrong[:, None], task.mistake(task.noises[0], rng, prompts), task.solve(prompts)
        )
        if says and task.compiled:
            beside.submit(fixed()(verifier(task)), prompts[:1], responses[:1])
        # What could not be compiled is tried again below, and its error told.
        wait(training)
        parameters, surprise = train(
            model,
            parameters,
            np.concatenate([prompts, responses], axis=1),
            prompt,
            sites[ORDER],
            steps=steps,
            learning_rate=model.first_learning_rate,
        )
    if steps:
        peak = model.first_learning_rate
        check_converged(parameters, surprise, "first_learning_rate", peak, "for the first model")
    if store.folder is not None:
        try:
            store.folder.mkdir(parents=True, exist_ok=True)
            store.write(name, {each: np.asarray(leaf) for each, leaf in parameters.items()})
        except (OSError, ValueError) as error:
            warn_once(f"the first model is not kept, and is trained again next time: {error}")
    return parameters


@contextmanager
def _beside() -> Iterator[ThreadPoolExecutor]:
    """Have threads for what is compiled; an error does not wait for them."""
    threads = ThreadPoolExecutor(4)
    try:
        yield threads
    except BaseException:
        threads.shutdown(wait=False, cancel_futures=True)
        raise
    threads.shutdown()


def _kept(store: Store, name: str, like: Parameters) -> dict[str, np.ndarray] | None:
    """Return the weights of a piece in the cache; None where it is missing or damaged."""
    try:
        path, piece = store.path(name), store.read(name)
        if path is None or piece is None:
            return None
        check_arrays(path, piece.arrays, like, ())
    except ValueError as error:
        told = f"a cached first model cannot be used, and is trained again: {error}"
        warnings.warn(told, RuntimeWarning, stacklevel=2)
        return None
    return piece.arrays
