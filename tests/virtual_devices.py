"""Run by test_devices.py in a process of its own, for the number of devices is fixed at the start.

Prints what one and eight devices make of the same work, as JSON.
"""

import json
import sys
import tempfile

import jax
import numpy as np

import boostsim as bs
from boostsim.learners import devices, generate, train

MODEL = bs.Transformer(width=32, heads=4, layers=2, steps=24, batch=64, first_steps=24)
SMALL = bs.Transformer(width=16, heads=2, layers=1, steps=8, batch=64, first_steps=24)
TASK = bs.arithmetic(2)
BOOSTING = bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.3, wrong="slip"), budget=0.25)


def losses(mesh, frames):
    """The loss of every step, and the parameters after them."""
    parameters = devices.place(
        MODEL.network.initial(len(TASK.symbols), frames.shape[1], jax.random.key(0)), mesh
    )
    batches = devices.spread(parameters, frames.reshape(24, 64, -1), 1)
    state = train.optimiser().init(parameters)
    rates = train.rates(3e-3, 24)
    parameters, _, surprise = train._steps(
        train.loss, MODEL.network, TASK.prompt_length, parameters, state, batches, rates
    )
    return np.asarray(surprise), parameters


def main():
    found = {"count": len(jax.devices())}
    rng = np.random.default_rng(0)
    prompts = TASK.prompts(rng, rng.integers(0, 2, 24 * 64))
    frames = np.concatenate([prompts, TASK.solve(prompts)], axis=1)
    eight = devices.row(devices.mesh_for(8, 1, 64), 0)
    (one, small), (many, large) = losses(None, frames), losses(eight, frames)
    found["losses"] = [one.tolist(), many.tolist()]
    found["copies"] = len(large["embed_VxD"].sharding.device_set)
    said = [
        generate.generate(MODEL, p, prompts[:100], 3, jax.random.key(1)) for p in (small, large)
    ]
    found["same_tokens"] = float((said[0][0] == said[1][0]).mean())
    found["log_probability"] = float(np.abs(said[0][1] - said[1][1]).max())
    lookup = bs.lookup(18, 4)
    run = {"learner": SMALL, "seeds": 3, "key": 5}
    for name, task, how in (
        ("exact", lookup, {"exact": True}),
        ("fresh", TASK, {"prompts_per_iteration": 128, "evaluate": 40}),
    ):
        rule = BOOSTING if name == "fresh" else bs.boosting(labeler=bs.WeakLabeler(0.5))
        traces = [bs.simulate(rule, task, 2, devices=count, **how, **run) for count in (1, 8)]
        found[name] = {
            "mesh": [trace.attrs["mesh"] for trace in traces],
            "loss": [trace.loss.values[:, 1:].tolist() for trace in traces],
            "error": [trace.error.values.tolist() for trace in traces],
        }
    # Six devices and two seeds are two rows of three, of which two can share a batch of 64.
    found["meshes"] = {
        f"{count} {seeds} {batch}": None if mesh is None else list(mesh.devices.shape)
        for count, seeds, batch in ((8, 2, 64), (8, 3, 64), (6, 2, 64), (6, 4, 63), (8, 1, 7))
        for mesh in (devices.mesh_for(count, seeds, batch),)
    }
    with tempfile.TemporaryDirectory() as folder:
        kept = {**run, "prompts_per_iteration": 128, "evaluate": 40, "devices": 8}
        whole = traces[1]
        bs.simulate(BOOSTING, TASK, 1, folder=folder, **kept)
        resumed = bs.simulate(BOOSTING, TASK, 2, folder=folder, **kept)
        found["resumed"] = resumed.drop_vars("seconds").identical(whole.drop_vars("seconds"))
    json.dump(found, sys.stdout)


if __name__ == "__main__":
    main()
