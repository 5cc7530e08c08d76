"""What every network has to be: causal, deaf to padding, read alike in parts, and able to run."""

import dataclasses
import json
import re
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from precision import apart
from worlds import LOOKUP, SOFTMAX

import boostsim as bs
from boostsim.learners import network as networks
from boostsim.learners import train as training
from boostsim.learners.train import law_loss, loss, train, weighted_loss
from boostsim.vocabulary import PAD

ROOT = Path(__file__).parent.parent
VOCABULARY, PROMPT, RESPONSE = 6, 4, 3
LENGTH = PROMPT + RESPONSE
SLACK = bs.StrongLearner(0.1)
LEARNERS = [
    # Of as many steps as are compiled together: the first model's program is the others'.
    bs.Transformer(width=16, heads=2, layers=2, steps=16, batch=16),
    SOFTMAX,
]


@pytest.fixture(params=LEARNERS, ids=lambda learner: type(learner).__name__)
def learner(request):
    return request.param


@pytest.fixture
def network(learner):
    return learner.network


@pytest.fixture
def weights(network):
    return network.initial(VOCABULARY, LENGTH, jax.random.key(0))


@pytest.fixture
def read(network):
    """The logits, as one program for each shape: training and generation compile them too."""
    return jax.jit(network.logits, static_argnums=3)


def frames(count, seed=0):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(2, VOCABULARY, (count, LENGTH)).astype(np.int32)
    tokens[::2, PROMPT - 2 : PROMPT] = PAD
    return tokens


def seen(tokens):
    return (tokens != PAD) | (np.arange(LENGTH) >= PROMPT)


def test_it_has_the_room_that_it_was_drawn_for(network, weights):
    assert network.room(weights) == (VOCABULARY, LENGTH)
    assert {leaf.dtype for leaf in weights.values()} == {jnp.dtype("float32")}
    assert hash(network) == hash(type(network)(*network))


def test_a_position_depends_on_itself_and_on_no_later_one(read, weights):
    tokens = frames(3)
    whole = np.asarray(read(weights, tokens, seen(tokens)))
    for position in range(LENGTH):
        other = tokens.copy()
        other[:, position] = 2 + (other[:, position] - 1) % (VOCABULARY - 2)
        now = np.asarray(read(weights, other, seen(other)))
        assert (now[:, :position] == whole[:, :position]).all()
        assert (now[:, position] != whole[:, position]).any()


def test_what_stands_in_the_padding_changes_nothing(read, weights):
    tokens = frames(4)
    mask = seen(tokens)
    junk = np.where(mask, tokens, 5)
    real, other = (np.asarray(read(weights, given, mask)) for given in (tokens, junk))
    assert (real[mask] == other[mask]).all()


def test_reading_token_by_token_gives_the_same_logits(network, read, weights):
    tokens = frames(5)
    mask = jnp.asarray(seen(tokens))
    whole = np.asarray(read(weights, tokens, mask, PROMPT - 1))
    scale = max(1.0, np.abs(whole).max())
    assert whole == pytest.approx(
        np.asarray(read(weights, tokens, mask))[:, PROMPT - 1 :], abs=apart(scale)
    )
    carried = jax.jit(network.begin, static_argnums=2)(weights, tokens[:, :PROMPT], RESPONSE)
    extend, parts = jax.jit(network.extend), []
    for position in range(PROMPT - 1, LENGTH):
        place = jnp.asarray(position)
        now, carried = extend(weights, carried, tokens[:, position], place, mask)
        parts.append(np.asarray(now))
    assert np.stack(parts, axis=1) == pytest.approx(whole, abs=apart(scale))


def test_only_the_response_is_learned(network, read, weights):
    """The loss does not depend on what the prompt's own tokens would be predicted as."""
    tokens = frames(6)
    before = read(weights, tokens, seen(tokens))[:, PROMPT - 1 : -1]
    surprise = -np.asarray(jax.nn.log_softmax(before))
    want = np.take_along_axis(surprise, tokens[:, PROMPT:, None], axis=2).mean()
    found = jax.jit(loss, static_argnums=(0, 3))(network, weights, tokens, PROMPT)
    assert float(found) == pytest.approx(want, rel=apart())


def test_how_steps_are_cut_into_calls_changes_nothing(learner, weights, monkeypatch):
    """Sixteen steps at once, or twice seven and then two and five of rate zero."""
    ends = []
    for chunk in (16, 7):
        monkeypatch.setattr(training, "CHUNK", chunk)
        ends.append(
            train(
                learner,
                weights,
                frames(256),
                PROMPT,
                jax.random.key(1),
                steps=16,
                learning_rate=0.1,
            )
        )
    (one, loss_of_one), (other, loss_of_other) = ends
    assert loss_of_one == pytest.approx(loss_of_other, rel=1e-6)
    for name in weights:
        assert not np.allclose(one[name], weights[name])
        assert np.asarray(other[name]) == pytest.approx(np.asarray(one[name]), abs=1e-5)


@pytest.mark.parametrize("platform", ["cuda", "tpu"])
def test_no_slope_adds_in_whatever_order_threads_come_in(network, weights, platform, monkeypatch):
    """A scatter would: with it the same training gave other weights each time on a GPU."""
    monkeypatch.setattr(jax, "default_backend", lambda: platform)
    law = np.full((6, VOCABULARY), 1 / VOCABULARY, np.float32)
    batch = (frames(6)[:, :PROMPT], law, np.ones(6, np.float32))
    weighted = (frames(6), np.ones(6, np.float32))
    for objective, given in ((loss, frames(6)), (weighted_loss, weighted), (law_loss, batch)):
        slope = jax.jit(jax.grad(lambda p, o=objective, g=given: o(network, p, g, PROMPT)))
        program = slope.trace(weights).lower(lowering_platforms=(platform,)).as_text()
        found = set(re.findall(r"stablehlo\.(\w+)", program))
        assert "reduce" in found
        assert not {"scatter", "select_and_scatter"} & found


HOW = {
    "exact": {"exact": True},
    "visits": {"visits": 2},
    "prompts": {"prompts_per_iteration": 16},
    "pool": {"prompts_per_iteration": 8, "pool": 12},
}


@pytest.mark.parametrize("how", HOW)
def test_it_runs_in_every_cell_of_tokens(learner, how):
    procedure = bs.boosting(
        attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.5), budget=0.5
    )
    trace = bs.simulate(procedure, LOOKUP, 2, learner=learner, key=0, **HOW[how])
    assert trace.sizes["iteration"] == 3
    assert np.isfinite(trace.loss[:, 1:]).all()
    assert type(learner).__name__ in bs.__all__


def test_softmax_regression_learns_what_adds_up_and_not_what_does_not():
    """One token says the answer; or whether two tokens are alike does."""
    learner = bs.SoftmaxRegression(batch=16)
    pairs = np.stack(np.meshgrid([2, 3], [2, 3]), -1).reshape(-1, 2)
    losses = []
    for answer in (pairs[:, 0], np.where(pairs[:, 0] == pairs[:, 1], 2, 3)):
        examples = np.concatenate([pairs, answer[:, None]], axis=1)
        start = learner.network.initial(4, 3, jax.random.key(0))
        after, _ = train(
            learner, start, examples, 2, jax.random.key(1), steps=200, learning_rate=0.1
        )
        surprise = jax.jit(loss, static_argnums=(0, 3))
        losses.append(float(surprise(learner.network, after, examples, 2)))
    assert losses[0] < 0.05
    # No sum of rows does better than chance there.
    assert losses[1] > np.log(2) - 1e-3


def test_what_learns_is_the_procedures_wherever_it_was_said(learner):
    """In its slot or beside it, in tokens and on tables: the same run, and the same provenance."""
    rule, table = bs.boosting(labeler=bs.WeakLabeler(0.5)), bs.random_table(0, prompts=5)
    for each, task, how in ((learner, LOOKUP, {"key": 0}), (SLACK, table, {})):
        given = dataclasses.replace(rule, learner=each)
        beside = bs.simulate(rule, task, 1, learner=each, **how)
        for slot in (
            bs.simulate(given, task, 1, **how),
            bs.simulate(given, task, 1, learner=each, **how),
        ):
            assert slot.drop_vars("seconds", errors="ignore").identical(
                beside.drop_vars("seconds", errors="ignore")
            )
        told = json.loads(beside.procedure)["learner"]
        # Of how far a learner goes nothing is said where it goes the whole way.
        held = {**dataclasses.asdict(each)}
        unsaid = set(held) - set(told)
        assert unsaid <= {"step", "step_mean"}
        assert all(held.pop(name) == getattr(bs.StrongLearner(), name) for name in unsaid)
        assert told == {"name": type(each).__name__, **held}


def test_a_network_is_one_file_and_four_lines():
    """As CONTRIBUTING says: besides its own file the face of the package names it, and load_run."""
    package = Path(bs.__file__).parent
    named = [
        path.relative_to(package).as_posix()
        for path in package.rglob("*.py")
        for line in path.read_text().splitlines()
        if "SoftmaxRegression" in line and ">>>" not in line
    ]
    own, looking = "learners/regression.py", "simulation/tokens/looking.py"
    assert sorted(path for path in named if path != own) == ["__init__.py"] * 2 + [looking] * 2
    lines = len((package / own).read_text().splitlines())
    assert f"`regression.py` is one, of {lines} lines" in (ROOT / "CONTRIBUTING.md").read_text()


def test_weights_are_drawn_each_by_its_own_key_in_one_program_of_one_draw():
    """JAX's own draws of each shape by itself; however many there are, one is compiled."""
    weights = {"a": ((3, 5), 0.5), "b": ((40,), 1.0), "c": ((2, 4, 4), 3.0), "d": ((), 2.0)}
    key = jax.random.key(7)
    drawn = networks.normal(weights, key)
    for (name, (shape, scale)), own in zip(weights.items(), jax.random.split(key, 4), strict=True):
        wanted = np.float32(scale) * np.asarray(jax.random.normal(own, shape, jnp.float32))
        np.testing.assert_array_equal(drawn[name], wanted)
    shapes = tuple(shape for shape, _ in weights.values())
    lowered = networks._normal.lower(shapes, jax.random.split(key, 4), jnp.ones(4))
    assert len(re.findall(r"chlo\.erf_inv", lowered.as_text())) == 1
