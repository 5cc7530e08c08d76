"""Every program can be written for a GPU and for a TPU, though neither is here.

JAX lowers for a platform that it does not find; what a program asks of it can be read off. Programs
are traced anew, for what was traced for a CPU is kept.
"""

import re
from dataclasses import replace
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.curation.visits import Visits, pass_rates
from boostsim.learners import generate, train
from boostsim.simulation.tokens import focusing

NETWORKS = {
    "transformer": bs.Transformer(width=16, heads=2, layers=2).network,
    "regression": bs.SoftmaxRegression().network,
    # As one GPU trains it.
    "by position": bs.Transformer(width=16, heads=2, layers=2).network._replace(by_position=True),
}
PROMPT, RESPONSE, VOCABULARY, BATCH = 4, 3, 7, 5
TABLE = bs.random_table(0, prompts=6, responses=4)
RULE = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.5), budget=0.3)
TABLES = {
    "exact": (RULE, {}),
    "few visits": (RULE, {"visits": 3}),
    "many visits": (RULE, {"visits": 100}),
    "by response": (replace(RULE, sharpening=bs.Sharpening(0.5)), {"visits": 100}),
    "policy gradient": (
        replace(RULE, learner=bs.PolicyGradient(0.5), budget=None),
        {"visits": 100},
    ),
}
VERIFIED = {type(task).__name__: task for task in (bs.lookup(8, 4), bs.arithmetic(), bs.programs())}


@pytest.fixture(params=["cuda", "tpu"])
def lowered(request, monkeypatch):
    """Return the operations and the types of a function's program on a platform."""
    monkeypatch.setattr(jax, "default_backend", lambda: request.param)

    def read(function, *given):
        program = jax.jit(lambda *given: function(*given)).trace(*given)
        text = program.lower(lowering_platforms=(request.param,)).as_text()
        assert "callback" not in text
        read.text = text
        return set(re.findall(r"stablehlo\.(\w+)", text)), set(re.findall(r"(bf16|f32|f64)>", text))

    return read


@pytest.mark.parametrize("kind", TABLES)
def test_tables(kind, lowered):
    """In float64: a TPU has none, so there they are for a CPU."""
    procedure, how = TABLES[kind]
    with jax.enable_x64(True):
        loop = bs.kernel(procedure, TABLE, **how)
        _, types = lowered(lambda key: loop.step(key, loop.init()), jax.random.key(0))
    assert "f64" in types


@pytest.mark.parametrize("name", NETWORKS)
def test_what_a_network_does(name, lowered):
    network = NETWORKS[name]
    parameters = network.initial(VOCABULARY, PROMPT + RESPONSE, jax.random.key(0))
    prompts, rows = np.full((BATCH, PROMPT), 3, np.int32), np.arange(BATCH)
    sample = partial(generate._generate.__wrapped__, network, RESPONSE, bs.Sharpening(0.5))
    read = partial(generate._next_law.__wrapped__, network)
    learn = partial(train._steps.__wrapped__, train.loss, network, PROMPT)
    batches = np.full((2, BATCH, PROMPT + RESPONSE), 3, np.int32)
    state = train.optimiser().init(parameters)
    for program, given in (
        (sample, (parameters, prompts, jax.random.key(1), rows, False)),
        (read, (parameters, prompts)),
        (learn, (parameters, state, batches, np.ones(2, np.float32))),
    ):
        operations, types = lowered(program, *given)
        assert not {"scatter", "select_and_scatter"} & operations
        assert types == ({"f32"} if name == "regression" else {"bf16", "f32"})


@pytest.mark.parametrize("name", ["transformer", "by position"])
def test_what_a_transformer_multiplies_is_narrow_in_its_slopes_too(name, lowered):
    """A product of float32 takes an H100 several times as long as one of bfloat16."""
    network = NETWORKS[name]
    parameters = network.initial(VOCABULARY, PROMPT + RESPONSE, jax.random.key(0))
    batches = np.full((2, BATCH, PROMPT + RESPONSE), 3, np.int32)
    learn = partial(train._steps.__wrapped__, train.loss, network, PROMPT)
    state = train.optimiser().init(parameters)
    lowered(learn, parameters, state, batches, np.ones(2, np.float32))
    products = re.findall(r"dot_general .*: \(tensor<([^>]*)>, tensor<([^>]*)>\)", lowered.text)
    # Of each layer q, k, v, scores, what they mix, and three more; two slopes of the first three
    # together, and of each other.
    assert len(products) > (8 + 2 + 2 * 5) * network.layers
    assert {operand.rsplit("x", 1)[1] for pair in products for operand in pair} == {"bf16"}


@pytest.mark.parametrize("name", VERIFIED)
def test_verifiers(name, lowered):
    task = VERIFIED[name]
    prompts, responses = (
        np.full((BATCH, length), 2, np.int32)
        for length in (task.prompt_length, task.response_length)
    )
    _, types = lowered(task.verify, prompts, responses)
    assert "f64" not in types


def test_a_criterion_that_is_asked_about_visits(lowered):
    cells = jnp.arange(BATCH, dtype=jnp.int32)
    seen = Visits(
        prompt=cells,
        group=cells,
        accepted=cells % 3,
        attempts=jnp.full(BATCH, 2, jnp.int32),
        pass_rate=jnp.asarray(pass_rates(2)[np.arange(BATCH) % 3], jnp.float32),
        mass=jnp.full(BATCH, 1 / BATCH),
        disagreement=None,
    )
    criterion = bs.criteria.below(0.6)
    asked = partial(focusing._focus.__wrapped__, criterion, True)
    _, types = lowered(asked, seen, jnp.asarray(0.3), None, None, jax.random.key(0))
    assert "f64" not in types
