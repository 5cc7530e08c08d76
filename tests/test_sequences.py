"""Tasks in tokens: solutions are right, mistakes are wrong, verifiers are total and agree with
interpreters written out in plain Python."""

import functools

import jax
import numpy as np
import pytest
from alarms import assert_share
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.simulation.tokens.verdicts import verifier
from boostsim.tasks import programs as stack

TASKS = {"arithmetic": bs.arithmetic(), "programs": bs.programs(), "lookup": bs.lookup()}


def drawn(task, count=3000, seed=0):
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, len(task.strata), count)
    return rng, stratum, task.prompts(rng, stratum)


def check(task, prompts, responses):
    return np.asarray(verifier(task)(prompts, responses))


@pytest.mark.parametrize("name", TASKS)
def test_prompts_and_solutions(name):
    task = TASKS[name]
    _, stratum, prompts = drawn(task)
    assert prompts.shape == (3000, task.prompt_length)
    assert (task.stratum(prompts) == stratum).all()
    assert (prompts[:, -1] == 2).all()
    solution = task.solve(prompts)
    assert solution.shape == (3000, task.response_length)
    assert check(task, prompts, solution).all()
    assert task.stratum_weights.sum() == pytest.approx(1.0)
    assert task.easy_weights.sum() == pytest.approx(1.0)
    assert max(prompts.max(), solution.max()) < len(task.symbols)


@pytest.mark.parametrize("name", TASKS)
def test_mistakes_are_wrong_in_the_way_they_are_named(name):
    task = TASKS[name]
    rng, _, prompts = drawn(task)
    solution = task.solve(prompts)
    shares = {}
    for noise in task.noises:
        mistake = task.mistake(noise, rng, prompts)
        # Programs can be right by another way: a - b + b is a - (b - b).
        assert check(task, prompts, mistake).mean() <= (0.03 if name == "programs" else 0.0)
        assert ((mistake == 1) == (solution == 1)).all()
        there = solution > 1
        shares[noise] = (mistake == solution)[there].mean()
        again = task.mistake(noise, np.random.default_rng(9), prompts)
        assert (noise == "concentrated") == bool((again == mistake).all())
    if "slip" in shares:
        assert shares["spread"] < shares["slip"]
    with pytest.raises(ValueError, match="wrong must be one of"):
        task.mistake("sprawl", rng, prompts)
    for alias, noise in (("garbage", "spread"), ("systematic", "concentrated")):
        one, other = (
            task.mistake(word, np.random.default_rng(4), prompts) for word in (alias, noise)
        )
        assert (one == other).all()


@pytest.mark.parametrize("name", TASKS)
@given(data=st.data())
@settings(max_examples=15)
def test_verifiers_are_total_and_agree_with_plain_python(name, data):
    task = TASKS[name]
    plain = {"arithmetic": chain_is_right, "programs": program_is_right, "lookup": entry_is_right}
    _, _, prompts = drawn(task, 64, data.draw(st.integers(0, 99)))
    solution = task.solve(prompts)
    seed = data.draw(st.integers(0, 2**32 - 1))
    rng = np.random.default_rng(seed)
    change = rng.random(solution.shape) < data.draw(st.sampled_from([0.0, 0.1, 0.3, 1.0]))
    responses = np.where(change, rng.integers(0, len(task.symbols), solution.shape), solution)
    got = check(task, prompts, responses.astype(np.int32))
    want = [plain[name](task, p, r) for p, r in zip(prompts, responses, strict=True)]
    assert got.tolist() == want


def chain_is_right(task, prompt, response):
    words = task.text(prompt).split()[:-1]
    value, values = int(words[0]), []
    for operator, number in zip(words[1::2], words[2::2], strict=True):
        step = {"+": int.__add__, "-": int.__sub__, "x": int.__mul__}[operator]
        value = step(value, int(number)) % task.modulus
        values.append(str(value))
    said = [task.symbols[token] for token in response]
    return said == [*values, ";", *["."] * (len(said) - len(values) - 1)]


def program_is_right(task, prompt, response):
    words = task.text(prompt).split()[:-1]
    said = [task.symbols[token] for token in response]
    if ";" not in said or set(said[said.index(";") + 1 :]) - {"."}:
        return False
    body = said[: said.index(";")]
    for binding in stack.BINDINGS:
        worth = dict(zip("abcdef", binding.tolist(), strict=True))
        pile = []
        for word in body:
            if word in worth:
                pile.append(worth[word])
            elif word in "+-x" and len(pile) >= 2:
                right, left = pile.pop(), pile.pop()
                pile.append({"+": left + right, "-": left - right, "x": left * right}[word])
            else:
                return False
        if len(pile) != 1 or (pile[0] - infix(words, worth)) % 97:
            return False
    return True


def infix(words, worth):
    """Split at the last + or -, then at the last x."""
    for level in (("+", "-"), ("x",)):
        for place in reversed(range(len(words))):
            if words[place] in level:
                left, right = infix(words[:place], worth), infix(words[place + 1 :], worth)
                return {"+": left + right, "-": left - right, "x": left * right}[words[place]]
    return worth[words[0]]


def entry_is_right(task, prompt, response):
    words = task.text(prompt).split()
    entry = int(words[0]) * task.base + int(words[1])
    right = task.table()[entry, 0]
    return [task.symbols[token] for token in response] == [f"y{right}"]


def test_the_machine_is_bounded_and_defined_on_every_program():
    """Any tokens at all, longer than any solution, and values modulo 97."""
    rng = np.random.default_rng(3)
    for high in (6, 12, 200):
        tokens = rng.integers(-5, high, (500, 40)).astype(np.int32)
        values, sound = jax.jit(functools.partial(stack.execute, worth=stack.BINDINGS))(tokens)
        assert values.shape == (500, 4)
        assert ((np.asarray(values) >= 0) & (np.asarray(values) < 97)).all()
        assert not np.asarray(sound)[(tokens < 0).any(1) | (tokens > 11).any(1)].any()


def test_precedence_is_what_concentrated_mistakes_ignore():
    task = TASKS["programs"]
    ids = {symbol: number for number, symbol in enumerate(task.symbols)}
    prompt = np.array([[*(ids[word] for word in ["a", "+", "b", "x", "c"]), *[0] * 6, ids["="]]])
    wrong = task.mistake("concentrated", np.random.default_rng(0), prompt.astype(np.int32))
    assert task.text(wrong) == "a b + c x ;"


def test_lookup_knows_a_share_of_its_entries():
    task = bs.lookup(entries=100, answers=5, solvable=0.3)
    prompts = task.written(np.arange(100))
    assert (task.entry(prompts) == np.arange(100)).all()
    assert (task.stratum(prompts) == 0).sum() == 30
    right, wrong = task.table().T
    assert (right != wrong).all()
    rng = np.random.default_rng(1)
    many = task.written(np.zeros(20_000, int))
    mistakes = task.mistake("spread", rng, many)[:, 0] - 3
    others = [answer for answer in range(5) if answer != right[0]]
    assert set(mistakes.tolist()) == set(others)
    assert_share("spread_answers", int((mistakes == others[0]).sum()), 20_000, 0.25)


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: bs.arithmetic(operations=0), "operations"),
        (lambda: bs.arithmetic(modulus=2), "modulus"),
        (lambda: bs.programs(operations=99), "operations must be at most 8"),
        (lambda: bs.lookup(entries=1), "entries"),
        (lambda: bs.lookup(solvable=2), "solvable"),
    ],
)
def test_tasks_that_cannot_be_are_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()
