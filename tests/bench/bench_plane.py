"""A plane of parameters in one call, against a kernel written by hand for this one procedure.

The hand-written kernel is what a theorist would write: the lumped map of one point, right and wrong
mass of each prompt, in a scan, under vmap, compiled. It checks nothing, keeps nothing, and knows
one procedure. Both record the last iteration, and their numbers agree.
"""

import os
import time

import jax
import jax.numpy as jnp
import numpy as np

import boostsim as bs

POINTS, ITERATIONS, PROMPTS, ATTEMPTS = 1000, 100, 4, 4
TASK = bs.random_table(0, prompts=PROMPTS, responses=8, solvable=0.75)
RULE = bs.Procedure(attempts=ATTEMPTS, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3))
PLANE = {"beta": np.linspace(0.0, 1.0, POINTS), "gamma": np.linspace(0.0, 0.5, POINTS)}


def bare():
    right = jnp.asarray((TASK.initial * TASK.quality).sum(1))
    wrong = jnp.asarray((TASK.initial * (1.0 - TASK.quality)).sum(1))
    weights, solvable = jnp.asarray(TASK.prompt_weights), jnp.asarray(TASK.quality.any(1))

    def point(beta, gamma):
        label = jnp.where(solvable, beta, 0.0)

        def step(carry, _):
            right, wrong, labels = carry
            accepted = (1.0 - gamma) * right + gamma * wrong
            rejected = gamma * right + (1.0 - gamma) * wrong
            twice = rejected * rejected
            gain, failed = (1.0 + rejected) * (1.0 + twice), twice * twice
            made = gain * accepted + failed
            after = (
                (gain * (1.0 - gamma) * right + failed * label) / made,
                (gain * gamma * wrong + failed * (1.0 - label)) / made,
            )
            return (*after, labels + failed), None

        begin = right, wrong, jnp.zeros_like(right)
        (p, q, labels), _ = jax.lax.scan(step, begin, length=ITERATIONS)
        return {"accuracy": weights @ p, "error": weights @ q, "labels": weights @ labels}

    return jax.jit(jax.vmap(point))


def timed(call):
    began, before = time.perf_counter(), os.times()
    result = call()
    seconds, after = time.perf_counter() - began, os.times()
    busy = (after.user + after.system - before.user - before.system) / seconds
    return seconds, busy, result


def test_a_million_points_against_a_kernel_by_hand(benchmark, report, tmp_path):
    with jax.enable_x64(True):
        kernel = bare()
        beta, gamma = (each.ravel() for each in np.meshgrid(*PLANE.values(), indexing="ij"))

        def by_hand():
            return {name: np.asarray(each) for name, each in kernel(beta, gamma).items()}

        def swept(**how):
            return bs.sweep(RULE, TASK, ITERATIONS, over=PLANE, **how)

        by_hand()
        bs.sweep(RULE, TASK, ITERATIONS, over={name: each[:50] for name, each in PLANE.items()})
        rounds = []
        for number in range(3):
            # Interleaved, so that all meet the same machine.
            folder = tmp_path / str(number)
            hand, _, expected = timed(by_hand)
            ours, busy, found = timed(swept)
            kept, _, _ = timed(lambda folder=folder: swept(folder=folder))
            rounds.append((hand, ours, kept, busy))
            for name, values in expected.items():
                np.testing.assert_allclose(found[name].values.ravel(), values, rtol=1e-9)
    hand, ours, kept, _ = np.min(rounds, axis=0)
    busy = max(each[-1] for each in rounds)
    what = f"{POINTS**2:,} points x {ITERATIONS} iterations x {PROMPTS} prompts, exact"
    note = f"{hand:.2f} s by hand, {ours:.2f} s swept, {busy:.2f} processors busy"
    report(f"sweep of {what} / jit(vmap(scan)) by hand", ours / hand, "<=", 3.0, note)
    report("the same kept in a folder / not kept", kept / ours, "<=", 1.03, f"{kept:.2f} s")
    benchmark.pedantic(lambda: None, rounds=1)
