"""The transformer by its properties: it draws from its law, by row, and it is able to learn."""

import itertools

import jax
import numpy as np
import pytest
from alarms import assert_law
from precision import apart

import boostsim as bs
from boostsim.learners.generate import ROWS_ON_CPU, generate, response_probability
from boostsim.learners.train import loss, rates, train
from boostsim.learners.transformer import Transformer
from boostsim.vocabulary import END, PAD

MODEL = Transformer(width=16, heads=2, layers=2, steps=8, batch=16)
VOCABULARY, PROMPT, RESPONSE = 6, 4, 3
LENGTH = PROMPT + RESPONSE
# As one program, and as many rows as one program draws.
read = jax.jit(MODEL.network.logits)
ROWS = ROWS_ON_CPU


@pytest.fixture(scope="module")
def weights():
    return MODEL.network.initial(VOCABULARY, LENGTH, jax.random.key(0))


def frames(count, seed=0):
    rng = np.random.default_rng(seed)
    tokens = rng.integers(2, VOCABULARY, (count, LENGTH)).astype(np.int32)
    tokens[::2, PROMPT - 2] = PAD
    return tokens


def seen(tokens):
    return (tokens != PAD) | (np.arange(LENGTH) >= PROMPT)


def response_law(weights, prompt, decode=None):
    """Every response and its probability, from whole frames, without a cache."""
    law = {}

    def follow(said, probability):
        if (said and said[-1] == END) or len(said) == RESPONSE:
            law[tuple(said + [PAD] * (RESPONSE - len(said)))] = probability
            return
        tokens = np.array([[*prompt, *said, *[PAD] * (RESPONSE - len(said))]], np.int32)
        logits = np.asarray(read(weights, tokens, seen(tokens)))[:, PROMPT - 1 + len(said)]
        chances = np.asarray(response_probability(logits, decode), float)[0]
        for token in range(1, VOCABULARY):
            if chances[token] > 0:
                follow([*said, token], probability * chances[token])

    follow([], 1.0)
    return law


@pytest.mark.parametrize("decode", [None, bs.Sharpening(0.7, top_k=4)])
def test_sampled_responses_have_the_law_of_the_uncached_model(weights, decode):
    prompt, count = [3, 5, PAD, 2], 20_000
    law = response_law(weights, prompt, decode)
    total = sum(law.values())
    assert total == pytest.approx(1.0, abs=1e-5)
    said, log_probability = generate(
        MODEL, weights, np.tile(prompt, (count, 1)), RESPONSE, jax.random.key(3), decode
    )
    found, counts = np.unique(said, axis=0, return_counts=True)
    found = {tuple(row): int(n) for row, n in zip(found.tolist(), counts, strict=True)}
    assert set(found) <= set(law)
    # Rare responses together: float32 probabilities are good to 1e-5 relative, far below this test.
    common = [row for row in law if law[row] / total > 0.01]
    rest = [row for row in law if row not in common]
    assert_law(
        "cached_sampling",
        [*(found.get(row, 0) for row in common), sum(found.get(row, 0) for row in rest)],
        [*(law[row] / total for row in common), sum(law[row] for row in rest) / total],
    )
    plain = response_law(weights, prompt)
    want = [np.log(plain[tuple(row)]) for row in said[:200].tolist()]
    assert log_probability[:200] == pytest.approx(want, abs=max(1e-4, RESPONSE * apart()))


def test_a_row_is_drawn_alike_in_any_company(weights):
    prompts = frames(1500)[:, :PROMPT]
    everyone, _ = generate(MODEL, weights, prompts, RESPONSE, jax.random.key(1))
    some = np.array([3, 700, 1200, 1499])
    few, _ = generate(
        MODEL, weights, prompts[some], RESPONSE, jax.random.key(1), rows=some, among=len(prompts)
    )
    assert (few == everyone[some]).all()
    assert ((everyone != PAD) | (np.cumsum(everyone == END, axis=1) > 0)).all()


def test_prompts_that_do_not_fit_the_model_are_refused(weights):
    for prompts, told in (
        (np.ones((2, PROMPT + 1), int), "prompts must be at most 4 columns"),
        (np.full((2, PROMPT), VOCABULARY), r"prompts must be tokens in \[0, 6\)"),
    ):
        with pytest.raises(ValueError, match=told):
            generate(MODEL, weights, prompts, RESPONSE, jax.random.key(0))


@pytest.mark.parametrize("temperature", [1e-16, 1e-38, 1e-50, 5e-324])
def test_near_temperature_0_a_response_is_the_greedy_one(weights, temperature):
    prompts = frames(ROWS)[:, :PROMPT]
    cold, greedy = (
        generate(MODEL, weights, prompts, RESPONSE, jax.random.key(0), bs.Sharpening(each, 0.9, 2))
        for each in (temperature, 0.0)
    )
    alike = (cold[0] == greedy[0]).all(1)
    if jax.default_backend() == "cpu":
        assert alike.all()
        assert np.array_equal(cold[1], greedy[1])
        return
    # Elsewhere two programs round otherwise, and of two tokens that are as probable either is said.
    assert cold[1][alike] == pytest.approx(greedy[1][alike], abs=RESPONSE * apart())
    for row in np.flatnonzero(~alike):
        tokens = np.concatenate([prompts[row], greedy[0][row]])[None]
        place = int(np.argmax(cold[0][row] != greedy[0][row]))
        logits = read(weights, tokens, seen(tokens))[0, PROMPT - 1 + place]
        assert abs(logits[cold[0][row, place]] - logits[greedy[0][row, place]]) <= 2 * apart()


def test_greedy_says_the_most_probable_token_each_time(weights):
    prompt = [2, 3, 4, 2]
    greedy, key = bs.Sharpening(0.0), jax.random.key(0)
    prompts = frames(ROWS)[:, :PROMPT]
    prompts[0] = prompt
    sharp, plain = (
        generate(MODEL, weights, prompts, RESPONSE, key, decode, greedy=decode is None)
        for decode in (greedy, None)
    )
    assert list(response_law(weights, prompt, greedy)) == [tuple(sharp[0][0].tolist())]
    assert np.array_equal(sharp[0], plain[0])
    assert np.array_equal(sharp[1], plain[1])


def test_a_tiny_set_is_memorised():
    prompts = np.array(list(itertools.product([2, 3], repeat=4)), np.int32)
    answers = np.random.default_rng(1).integers(2, VOCABULARY, (16, 2))
    responses = np.concatenate([answers, np.full((16, 1), END)], axis=1).astype(np.int32)
    examples = np.concatenate([prompts, responses], axis=1)
    start = MODEL.network.initial(VOCABULARY, LENGTH, jax.random.key(5))
    surprise = jax.jit(loss, static_argnums=(0, 3))
    before = float(surprise(MODEL.network, start, examples, PROMPT))
    # Nothing is known at first: about the surprise of an even choice.
    assert 1.0 < before < 3.0
    learned, average = train(
        MODEL, start, examples, PROMPT, jax.random.key(6), steps=300, learning_rate=3e-3
    )
    assert float(surprise(MODEL.network, learned, examples, PROMPT)) < 0.05 < average < before
    greedy = bs.Sharpening(0.0)
    said, _ = generate(MODEL, learned, prompts, RESPONSE, jax.random.key(0), greedy, among=ROWS)
    assert (said == responses).all()


def test_learning_rates_rise_and_fall(weights):
    schedule = rates(1e-3, 100)
    assert schedule.shape == (100,)
    assert schedule.argmax() == 9
    assert schedule[0] == pytest.approx(1e-4)
    assert (np.diff(schedule[:10]) > 0).all()
    assert (np.diff(schedule[9:]) < 0).all()
    assert len(rates(1e-3, 0)) == 0
    same, _ = train(
        MODEL, weights, frames(4), PROMPT, jax.random.key(0), steps=16, learning_rate=0.0
    )
    assert all((np.asarray(same[name]) == np.asarray(weights[name])).all() for name in weights)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"width": 30, "heads": 4}, "width must be a multiple of the 4 heads"),
        ({"layers": 0}, "layers"),
        ({"steps": 0}, "steps"),
        ({"learning_rate": -1.0}, "learning_rate"),
        ({"start": "middle"}, "start must be one of first, last"),
        ({"first_steps": -1}, "first_steps"),
    ],
)
def test_shapes_that_cannot_be_are_refused(arguments, told):
    with pytest.raises(ValueError, match=told):
        bs.Transformer(**arguments)
