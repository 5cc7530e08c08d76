"""The transformer's speed as ratios to PyTorch and Hugging Face on the same cores: `make bench`.

Both sides run in turns, several rounds; a ratio is the median over the rounds of one round's ratio.
CPU time is the whole process's, all threads; other work on the machine hardly moves it.
"""

import gc
import statistics
import time
from contextlib import ExitStack, contextmanager
from unittest import mock

import jax
import numpy as np
import optax
import peers
import pytest
import torch

import boostsim as bs
from boostsim.learners import generate as sampling
from boostsim.learners import train as training
from boostsim.simulation.seeing import FreshPrompts
from boostsim.simulation.tokens import iteration as loop
from boostsim.simulation.tokens.evaluation import Evaluation
from boostsim.simulation.tokens.first_model import frame_length
from boostsim.simulation.tokens.structure import Run

MODEL = bs.Transformer(width=128, layers=4, heads=4, steps=8, batch=256)
PROMPT, RESPONSE, VOCABULARY = 16, 16, 13
RATE = 1e-3
# Rows in one of its calls with which Hugging Face is fastest here.
HUGGING_FACE_ROWS = 256

pytestmark = pytest.mark.skipif(
    jax.default_backend() != "cpu", reason="PyTorch's CPU build is the peer of XLA's"
)


@pytest.fixture(autouse=True)
def threads():
    torch.set_num_threads(2)


def weights(length=PROMPT + RESPONSE):
    return MODEL.network.initial(VOCABULARY, length, jax.random.key(0))


def frames(*shape):
    """Random frames; every second one has a padded prompt and a short response."""
    tokens = np.random.default_rng(0).integers(2, VOCABULARY, (*shape, PROMPT + RESPONSE))
    tokens[..., ::2, PROMPT - 5 : PROMPT - 1] = 0
    tokens[..., ::2, -6] = 1
    tokens[..., ::2, -5:] = 0
    return tokens.astype(np.int32)


def clocks(function):
    """Return the seconds of the wall and of the CPU that a call takes."""
    gc.collect()
    # Threads of the other library may still be spinning after its last loop.
    time.sleep(0.05)
    wall, processor = time.perf_counter(), time.process_time()
    function()
    return time.perf_counter() - wall, time.process_time() - processor


def ratios(above, below, rounds):
    """Return the median ratios of wall and CPU time, and the median seconds of what is below."""
    pairs = [(clocks(above), clocks(below)) for _ in range(rounds)]
    wall, processor = (
        statistics.median(one[clock] / other[clock] for one, other in pairs) for clock in (0, 1)
    )
    return (
        wall,
        processor,
        [statistics.median(other[clock] for _, other in pairs) for clock in (0, 1)],
    )


def test_training_step(benchmark, report):
    parameters, batch = weights(), frames(MODEL.batch)
    theirs = peers.peer(MODEL, parameters)
    wide = torch.from_numpy(batch.astype(np.int64))

    surprise, slope = jax.value_and_grad(lambda p: training.loss(MODEL.network, p, batch, PROMPT))(
        parameters
    )
    other = peers.loss(theirs, wide, PROMPT)
    other.backward()
    assert float(surprise) == pytest.approx(other.item(), rel=1e-4)
    norm = torch.nn.utils.get_total_norm([weight.grad for weight in theirs.parameters()])
    assert float(optax.tree.norm(slope)) == pytest.approx(norm.item(), rel=1e-4)

    def ours():
        """One chunk of steps, its host work included; every step sees all 256 frames."""
        return training.train(
            MODEL,
            parameters,
            batch,
            PROMPT,
            jax.random.key(0),
            steps=MODEL.steps,
            learning_rate=RATE,
        )

    schedule = training.rates(RATE, MODEL.steps)
    batches = wide.expand(MODEL.steps, *wide.shape)
    # And so do their losses along a chunk of steps, so the optimisers agree as well.
    assert ours()[1] == pytest.approx(
        peers.take(theirs, batches, schedule, PROMPT).mean(), rel=1e-4
    )
    wall, processor, seconds = ratios(
        ours, lambda: peers.take(theirs, batches, schedule, PROMPT), rounds=5
    )
    size = "training step, 256 x 32, d=128, 4 layers: ours / PyTorch"
    note = f"PyTorch {seconds[1] / MODEL.steps * 1e3:.0f} ms of CPU a step"
    report(f"{size}, CPU", processor, "<=", 1.15, note)
    report(f"{size}, wall", wall)
    benchmark.pedantic(ours, rounds=3)


def test_sampling(benchmark, report):
    prompts, parameters = frames(1024)[:, :PROMPT].copy(), weights()
    # Without padding Hugging Face needs no mask: its best case.
    prompts[prompts == 0] = 2
    gpt2 = peers.gpt2(MODEL, VOCABULARY, PROMPT + RESPONSE)

    def ours():
        return sampling.generate(MODEL, parameters, prompts, RESPONSE, jax.random.key(1))

    def theirs():
        return peers.sample(gpt2, prompts, RESPONSE)

    assert ours()[0].shape == theirs().shape == (1024, RESPONSE)
    wall, processor, seconds = ratios(theirs, ours, rounds=5)
    size = "sampling 1,024 x (16 + 16), cached: Hugging Face / ours"
    report(f"{size}, wall", wall, ">=", 1.9, f"ours {seconds[0] * 1e3:.0f} ms")
    report(f"{size}, CPU", processor)
    benchmark.pedantic(ours, rounds=3)


@pytest.fixture(scope="module")
def iteration():
    """A call that runs one iteration, compiled, and the first model it starts from."""
    task = bs.arithmetic(10)
    assert len(task.symbols) == VOCABULARY
    learner = bs.Transformer(width=128, layers=4, heads=4, steps=64, batch=256)
    labeler = bs.WeakLabeler(0.3, wrong="slip")
    run = Run(
        bs.boosting(attempts=4, labeler=labeler, budget=0.125, learner=learner),
        task,
        FreshPrompts(1024),
        Evaluation(task, 1),
    )
    seed = loop.Seed(run, jax.random.key(0))
    parameters = weights(frame_length(task))

    def iterate():
        return jax.block_until_ready(seed.iterate(1, parameters, seed.first_carried())[0])

    iterate()
    return iterate, learner, parameters


def test_iteration(benchmark, report, iteration):
    """The same loop with the two peers in place of sampling and training."""
    iterate, learner, parameters = iteration
    peer = peers.Loop(learner, parameters, HUGGING_FACE_ROWS)

    def theirs():
        with mock.patch.multiple(loop, generate=peer.generate, train=peer.train):
            iterate()

    wall, processor, seconds = ratios(theirs, iterate, rounds=3)
    size = "iteration, 1,024 x 4 attempts, 64 steps: peers / ours"
    report(f"{size}, wall", wall, ">=", 1.3, f"ours {seconds[0]:.1f} s")
    report(f"{size}, CPU", processor)
    benchmark.pedantic(iterate, rounds=1)


@contextmanager
def clocked(parts, wait):
    """Note when each function begins and ends, by name: the call, or only the wait after it.

    The wait leaves out dispatch and the copies of arguments; where a small program runs within its
    call, it counts as the host's: on the safe side.
    """
    spans = {name: [] for _, name in parts}

    def watched(name, function):
        def call(*arguments, **options):
            began = time.perf_counter()
            found = function(*arguments, **options)
            if wait:
                began = time.perf_counter()
                jax.block_until_ready(found)
            spans[name].append((began, time.perf_counter()))
            return found

        return call

    with ExitStack() as stack:
        for module, name in parts:
            function = watched(name, getattr(module, name))
            stack.enter_context(mock.patch.object(module, name, function))
        yield spans


def covered(spans):
    """Return the seconds within any of the spans: threads wait at the same time."""
    total, reached = 0.0, -np.inf
    for began, ended in sorted(spans):
        total += max(0.0, ended - max(began, reached))
        reached = max(reached, ended)
    return total


def test_share_outside_the_device(benchmark, report, iteration):
    """Of an iteration's wall time: all that is not a wait for sampling or for training."""
    iterate, _, _ = iteration
    programs = (sampling, "_generate"), (training, "_steps")
    inside = ("draw_prompts", "ask", "focus", "verdicts", "verifier", "generate", "train")
    shares, parts = [], []

    def measured():
        host = [(loop, name) for name in inside]
        with clocked(host, wait=False) as called, clocked(programs, wait=True) as waits:
            wall, _ = clocks(iterate)
        shares.append(1.0 - covered(waits["_generate"] + waits["_steps"]) / wall)
        spent = {name: covered(spans) for name, spans in called.items()}
        spent["generate"] -= covered(waits["_generate"])
        spent["train"] -= covered(waits["_steps"])
        parts.append(spent)

    benchmark.pedantic(measured, rounds=3)
    middle = parts[int(np.argsort(shares)[len(shares) // 2])]
    largest = sorted(middle, key=middle.get, reverse=True)[:3]
    note = ", ".join(f"{name} {middle[name] * 1e3:.0f} ms" for name in largest)
    report("iteration: % outside device computation", 100 * np.median(shares), "<=", 5, note)
