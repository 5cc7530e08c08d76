"""Tasks of reasoning-gym: entries and their answers, mistakes, a verifier that is total."""

import functools
import inspect
import json
import re
import sys
from importlib.util import find_spec

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.simulation.tokens import first_model
from boostsim.simulation.tokens.verdicts import verifier
from boostsim.tasks import gym, gym_entries

pytestmark = pytest.mark.skipif(
    find_spec("reasoning_gym") is None, reason="the extra reasoning-gym is not installed"
)

NAMES = ("chain_sum", "basic_arithmetic", "spell_backward", "syllogism")


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


@functools.cache
def made(name, size=150, **more):
    return bs.reasoning_gym(name, size=size, **more)


def drawn(task, count=400, seed=0):
    rng = np.random.default_rng(seed)
    stratum = rng.integers(0, len(task.strata), count)
    return rng, stratum, task.prompts(rng, stratum)


def check(task, prompts, responses):
    return np.asarray(verifier(task)(prompts, responses))


def written(task, texts):
    """Texts as responses."""
    return gym._written(texts, task.entries.characters, task.response_length)


@pytest.mark.parametrize("name", NAMES)
def test_prompts_and_solutions(name):
    task = made(name)
    _, stratum, prompts = drawn(task)
    assert prompts.shape == (400, task.prompt_length)
    assert prompts.dtype == np.int32
    assert (task.stratum(prompts) == stratum).all()
    assert (prompts[:, -1] == 2).all()
    assert not (prompts == 1).any()
    # Padding stands together, before the sign.
    padding = prompts[:, :-1] == 0
    assert (np.diff(padding.astype(int), axis=1) >= 0).all()
    solution = task.solve(prompts)
    assert solution.shape == (400, task.response_length)
    assert check(task, prompts, solution).all()
    assert task.stratum_weights.sum() == pytest.approx(1.0)
    assert task.easy_weights.sum() == pytest.approx(1.0)
    assert len(task.stratum_weights) == len(task.easy_weights) == len(task.strata)
    assert max(prompts.max(), solution.max()) < len(task.symbols) == len(set(task.symbols))


def test_sums_are_short_and_can_be_read():
    for name in ("chain_sum", "basic_arithmetic"):
        task = made(name)
        assert task.strata == ("1", "2", "3")
        _, _, prompts = drawn(task, 50)
        for prompt, solution in zip(prompts, task.solve(prompts), strict=True):
            question = task.text(prompt).removesuffix("<answer>")
            answer = task.text(solution).removesuffix("<end>")
            assert set(question) <= set("0123456789+-() ")
            assert eval(question) == int(answer)
        _, _, prompts = drawn(task)
        terms = np.array([len(re.findall(r"\d+", task.text(prompt))) for prompt in prompts])
        last = [terms[task.stratum(prompts) == level].max() for level in range(3)]
        assert last == ([3, 4, 5] if name == "chain_sum" else [3, 4, 4])


def test_no_question_occurs_twice_and_the_first_is_kept():
    one = {"min_terms": 2, "max_terms": 2, "min_digits": 1, "max_digits": 1}
    task = bs.reasoning_gym("chain_sum", [one], size=400)
    assert len(set(task.entries.questions)) == len(task.entries.questions) <= 200
    # Of the 200 there are, all turn up in the first level.
    with pytest.raises(ValueError, match=r"levels\[1\] must be .*other questions than"):
        bs.reasoning_gym("chain_sum", [one, one], size=5000)


@pytest.mark.parametrize("name", NAMES)
def test_mistakes_are_wrong_in_the_way_they_are_named(name):
    task = made(name)
    rng, _, prompts = drawn(task)
    solution = task.solve(prompts)
    shares = {}
    for noise in task.noises:
        mistake = task.mistake(noise, rng, prompts)
        assert mistake.shape == solution.shape
        assert not check(task, prompts, mistake).any()
        assert ((mistake == 1) == (solution == 1)).all()
        there = solution > 1
        shares[noise] = (mistake == solution)[there].mean()
        again = task.mistake(noise, np.random.default_rng(9), prompts)
        assert (noise == "concentrated") == bool((again == mistake).all())
        if noise == "slip":
            assert ((mistake != solution).sum(1) == 1).all()
    assert shares["spread"] < shares["slip"] or name in ("chain_sum", "basic_arithmetic")
    with pytest.raises(ValueError, match="wrong must be one of"):
        task.mistake("sprawl", rng, prompts)


def test_slips_keep_the_kind_and_misconceptions_are_a_function_of_the_answer():
    characters = tuple(sorted(" -+0123456789abcdefghijklmnopqrstuvwxyz"))
    rng = np.random.default_rng(0)
    for answer, form in (("-47", r"[- +]\d\d"), ("ab", "[a-z]{2}")):
        slips = {gym._slipped(answer, characters, rng) for _ in range(200)}
        assert answer not in slips
        assert all(re.fullmatch(form, slip) for slip in slips)
    assert gym._shifted("-49", characters) == "-50"
    assert gym._shifted("yes, no", characters) == "zft, op"
    assert gym._shifted("x7", characters) == "x8"


@pytest.mark.parametrize("name", ["chain_sum", "spell_backward"])
@given(data=st.data())
@settings(max_examples=15)
def test_the_verifier_is_total_and_is_the_scorer(name, data):
    task = made(name, response_length=14)
    _, _, prompts = drawn(task, 32, data.draw(st.integers(0, 99)))
    solution = task.solve(prompts)
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    change = rng.random(solution.shape) < data.draw(st.sampled_from([0.0, 0.1, 0.3, 1.0]))
    tokens = rng.integers(-3, len(task.symbols) + 3, solution.shape)
    responses = np.where(change, tokens, solution).astype(np.int32)
    got = check(task, prompts, responses)
    assert got.dtype == bool
    want = [plainly_right(task, p, r) for p, r in zip(prompts, responses, strict=True)]
    assert got.tolist() == want
    # Unknown prompts, of any kind, have no right answer.
    assert not check(task, tokens[:, :1] + 0 * prompts, responses).any()


def plainly_right(task, prompt, response):
    response = response.tolist()
    if 1 not in response or set(response[response.index(1) + 1 :]) - {0}:
        return False
    body = response[: response.index(1)]
    if not all(3 <= token < len(task.symbols) for token in body):
        return False
    said = "".join(task.symbols[token] for token in body).strip()
    answer = task.text(task.solve(prompt[None])).removesuffix("<end>")
    if task.dataset == "chain_sum":
        # Signs and leading zeros are tolerated.
        number = re.fullmatch(r"[+-]?\d+", said)
        return bool(number) and int(said) == int(answer)
    return said == answer


def test_partial_scores_and_text_around_are_wrong():
    task = made("chain_sum", response_length=14)
    prompts = gym._frames(task).prompts[:60]
    answers = task.entries.answers[:60]
    right = written(task, [f"  {answer} " for answer in answers])
    assert check(task, prompts, right).all()
    around = written(task, [f"0 + {answer}" for answer in answers])
    assert not check(task, prompts, around).any()
    # The scorer itself gives these a part.
    source = gym_entries._dataset("chain_sum", 0, (), seed=0, size=1)
    part = source.score_answer(answer="0 + 12", entry={"answer": "12"})
    assert 0.0 < part < gym_entries.RIGHT
    unended = right.copy()
    unended[right == 1] = 0
    assert not check(task, prompts, unended).any()
    followed = right.copy()
    followed[:, -1] = 5
    assert not check(task, prompts, followed).any()


def test_answers_are_not_evaluated():
    for name, text in (("countdown", "9**9**9**9"), ("coin_flip", "1e999999999")):
        assert not made(name, size=3).entries.right(0, text)
    known = gym_entries.package().factory.DATASETS
    assert set(gym_entries.FORMS) | set(gym_entries.EVALUATED) <= set(known)
    for name, (source, _) in known.items():
        code = inspect.getsource(source.score_answer)
        if re.search(r"\b(eval|exec|parse_expr|Fraction)\((?!entry|oracle|metadata)", code):
            assert name in {*gym_entries.FORMS, *gym_entries.EVALUATED}, name


@pytest.mark.parametrize("name", ["complex_arithmetic", "game_of_life_halting"])
def test_scorers_that_take_anything_for_right_are_refused(name):
    with pytest.raises(ValueError, match="one whose scorer knows right from wrong"):
        bs.reasoning_gym(name, size=4)


def test_no_other_scorer_takes_a_degenerate_answer():
    """All datasets that can be made: what answers nothing is wrong, or the dataset is refused."""
    refused = {"complex_arithmetic", "game_of_life_halting", *gym_entries.EVALUATED}
    for name in sorted(set(gym_entries.package().factory.DATASETS) - refused - {"composite"}):
        with gym_entries.quiet():
            source = gym_entries._dataset(name, 0, (), seed=1, size=1)
            entry = source[0]
            right = gym_entries._scorer(name, source, entry)
        answer = str(entry["answer"] or "").strip()
        for text in gym_entries.DEGENERATE if answer else ():
            assert text == answer or not right(text), (name, text)


def test_a_scorer_that_fails_is_wrong_and_verdicts_are_remembered():
    class Source:
        calls = 0

        def score_answer(self, answer, entry):
            Source.calls += 1
            raise KeyError(answer)

    assert not gym_entries._scorer("chain_sum", Source(), {})("7")
    assert Source.calls == 1
    task = made("syllogism")
    before = task.entries.right.cache_info().currsize
    for _ in range(2):
        task.entries.right(0, "a thing nobody says")
    after = task.entries.right.cache_info()
    assert after.currsize == before + 1
    assert after.maxsize == gym_entries.REMEMBERED


def test_tasks_compare_by_value_and_are_described():
    one, same = (bs.reasoning_gym("chain_sum", size=100) for _ in range(2))
    other = bs.reasoning_gym("chain_sum", size=100, seed=1)
    assert one == same
    assert hash(one) == hash(same)
    assert one.fingerprint == same.fingerprint != other.fingerprint
    assert one.entries.questions != other.entries.questions
    about = json.loads(json.dumps(one.describe()))
    assert about["levels"][2][0] == ["max_digits", 1]
    listed = bs.reasoning_gym("basic_arithmetic", [{"operators": ["+"]}], size=20)
    assert listed == bs.reasoning_gym("basic_arithmetic", ({"operators": ("+",)},), size=20)


# Copying one number is the arithmetic that is learned in seconds.
COPYING = {"min_terms": 1, "max_terms": 1, "min_digits": 2}
QUICK = bs.Transformer(width=32, heads=2, layers=2, steps=48, batch=64, first_steps=48)


@pytest.mark.parametrize("name", ["chain_sum", "basic_arithmetic"])
def test_boosting_learns(name):
    task = bs.reasoning_gym(name, [COPYING | {"max_digits": 2}, COPYING | {"max_digits": 3}], 1500)
    procedure = bs.boosting(attempts=4, labeler=bs.WeakLabeler(0.6, wrong="slip"), budget=0.5)
    run = {"learner": QUICK, "prompts_per_iteration": 256, "evaluate": 50, "key": 0}
    trace = bs.simulate(procedure, task, 5, **run)
    accuracy = trace.accuracy.values[0]
    assert accuracy[0] < 0.5
    assert accuracy[-1] > accuracy[0] + 0.25


def test_word_problems_run_end_to_end(monkeypatch):
    # Which side a prompt is on is a hash of all its columns, of which there are hundreds here.
    monkeypatch.setattr(first_model, "EXAMPLES", 64)
    task = bs.reasoning_gym("gsm_symbolic", size=24)
    assert task.strata == ("1",)
    tiny = bs.Transformer(width=8, heads=1, layers=1, steps=2, batch=4, first_steps=2)
    procedure = bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.5, wrong="slip"), budget=0.5)
    run = {"learner": tiny, "prompts_per_iteration": 8, "evaluate": 4, "key": 0}
    trace = bs.simulate(procedure, task, 1, **run)
    assert np.isfinite(trace.accuracy).all()
    assert (trace.labels.values[0, 1] > 0).all()


def test_without_the_package_one_is_told_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "reasoning_gym", None)
    with pytest.raises(ValueError, match=re.escape("pip install 'boostsim[reasoning-gym]'")):
        bs.reasoning_gym("chain_sum")


def strange_prompt(method):
    task = made("chain_sum")
    method(task, np.zeros((1, task.prompt_length), np.int32))


CASES = {
    "an unknown name": (lambda: bs.reasoning_gym("chain_sums"), "Near it: chain_sum"),
    "no name": (lambda: bs.reasoning_gym(3), "dataset must be one of the"),
    "a number beyond what Python writes": (
        lambda: bs.reasoning_gym(10**6000),
        "dataset must be one of the",
    ),
    "a list of names": (lambda: bs.reasoning_gym(["chain_sum"]), "dataset must be one of the"),
    "an evaluating scorer": (lambda: bs.reasoning_gym("simple_integration"), "run answers as prog"),
    "no answers": (lambda: bs.reasoning_gym("boxnet", size=2), "dataset must be one that has ans"),
    "no levels": (lambda: bs.reasoning_gym(levels=[]), "levels must be configurations"),
    "a level without a list": (lambda: bs.reasoning_gym(levels=COPYING), "levels must be config"),
    "a level that is a word": (lambda: bs.reasoning_gym(levels=["easy"]), r"levels\[0\] must be a"),
    "an unknown keyword": (
        lambda: bs.reasoning_gym(levels=[{"terms": 2}]),
        r"levels\[0\] must be a configuration that reasoning-gym takes; was refused",
    ),
    "a keyword out of range": (
        lambda: bs.reasoning_gym(levels=[{"min_terms": 0}]),
        "min_terms must be positive",
    ),
    "a seed in a level": (lambda: bs.reasoning_gym(levels=[{"seed": 1}]), "without 'seed'"),
    "an object in a level": (
        lambda: bs.reasoning_gym(levels=[{"min_terms": object()}]),
        r"levels\[0\]\['min_terms'\] must be a number",
    ),
    "no entries": (lambda: bs.reasoning_gym(size=0), "size must be a whole number"),
    "a seed below zero": (lambda: bs.reasoning_gym(seed=-1), "seed must be a whole number"),
    "short prompts": (
        lambda: bs.reasoning_gym(size=50, prompt_length=9),
        "prompt_length must be at least 18, what the longest entry needs; got 9",
    ),
    "short responses": (
        lambda: bs.reasoning_gym(size=50, response_length=2),
        "response_length must be at least 4",
    ),
    "a strange prompt": (lambda: strange_prompt(gym.ReasoningGym.solve), "prompts must be among"),
    "a stranger's stratum": (lambda: strange_prompt(gym.ReasoningGym.stratum), "prompts must be"),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_in_words(case):
    call, told = CASES[case]
    with pytest.raises(ValueError, match=told) as refused:
        call()
    assert "\n" not in str(refused.value)
