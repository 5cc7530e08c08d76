"""Wrong labels that carry nothing of their prompt: the right answer of another prompt."""

from functools import partial

import numpy as np
import pytest
from alarms import assert_law

import boostsim as bs
from boostsim.simulation.tokens import verdicts

FRESH, LASTING = np.array([1, 2], np.uint32), np.array([3, 4], np.uint32)
NEVER = bs.WeakLabeler(0.0, wrong="shuffled")
FOREVER = bs.WeakLabeler(0.0, wrong="shuffled", persistent=True)
TASKS = {
    "arithmetic": bs.arithmetic(3, 7),
    "programs": bs.programs(3),
    "lookup": bs.lookup(24, 4, seed=1),
}


def prompts_of(task, each):
    stratum = np.repeat(np.arange(len(task.strata)), each)
    return task.prompts(np.random.default_rng(0), stratum)


def said(task, labeler, prompts, fresh=FRESH):
    return verdicts.label(task, labeler, prompts, fresh, LASTING, 1)


@pytest.mark.parametrize("labeler", [NEVER, FOREVER], ids=["fresh", "persistent"])
@pytest.mark.parametrize("name", TASKS)
def test_a_shuffled_label_is_an_answer_of_its_stratum_and_wrong(name, labeler):
    task = TASKS[name]
    prompts = prompts_of(task, 40)
    labels = said(task, labeler, prompts)
    assert not labels.right.any()
    assert not np.asarray(verdicts.verifier(task)(prompts, labels.responses)).any()
    # As long as the answers of the stratum are, and made of their tokens.
    for stratum in range(len(task.strata)):
        here = task.stratum(prompts) == stratum
        answers = task.solve(task.prompts(np.random.default_rng(5), np.full(4000, stratum)))
        lengths = set((answers != 0).sum(1))
        assert set((labels.responses[here] != 0).sum(1)) <= lengths
        for column in range(task.response_length):
            assert set(labels.responses[here, column]) <= set(answers[:, column])


def test_a_persistent_label_is_the_same_in_any_company():
    task = TASKS["arithmetic"]
    prompts = prompts_of(task, 20)
    together = said(task, FOREVER, prompts).responses
    again = said(task, FOREVER, prompts[::-1], FRESH + np.uint32(7)).responses[::-1]
    alone = said(task, FOREVER, prompts[3:4]).responses
    assert (together == again).all()
    assert (together[3:4] == alone).all()
    assert said(task, FOREVER, prompts[:0]).responses.shape == (0, task.response_length)
    fresh = said(task, NEVER, prompts).responses
    assert (fresh != said(task, NEVER, prompts, FRESH + np.uint32(7)).responses).any()


def test_the_law_of_shuffled_labels():
    """By the words: any other entry of the stratum, until its answer is wrong here."""
    task = TASKS["lookup"]
    every, law = task.every_prompt(), verdicts.wrong_law(task, "shuffled")
    answers, stratum = task.solve(every)[:, 0], task.stratum(every)
    for prompt in range(len(every)):
        others = [
            answers[other]
            for other in range(len(every))
            if stratum[other] == stratum[prompt] and answers[other] != answers[prompt]
        ]
        by_hand = np.bincount(others, minlength=len(task.symbols)) / len(others)
        assert law[prompt] == pytest.approx(by_hand, abs=1e-15)
    for prompt in (0, 20):
        many = np.repeat(every[prompt : prompt + 1], 5000, axis=0)
        drawn = said(task, NEVER, many).responses[:, 0]
        possible = np.flatnonzero(law[prompt])
        counts = [int((drawn == token).sum()) for token in possible]
        assert_law("shuffled_labels", counts, law[prompt][possible])


def test_nothing_of_the_prompt_is_in_a_shuffled_label():
    """Two prompts of a stratum whose answers differ have the same law but for their own answers."""
    task = TASKS["lookup"]
    every, law = task.every_prompt(), verdicts.wrong_law(task, "shuffled")
    answers = task.solve(every)[:, 0]
    one, other = 0, int(np.flatnonzero(answers[: task.known] != answers[0])[0])
    rest = np.setdiff1d(np.arange(law.shape[1]), [answers[one], answers[other]])
    ratio = law[one, rest] / np.where(law[other, rest] > 0.0, law[other, rest], 1.0)
    assert np.ptp(ratio[law[other, rest] > 0.0]) <= 1e-12


def test_on_a_table_it_is_spread():
    quality = np.eye(4)
    one, other = (bs.WeakLabeler(0.3, wrong=word) for word in ("shuffled", "spread"))
    assert (one.rows_for(quality) == other.rows_for(quality)).all()


def test_a_stratum_of_one_answer_has_none_that_is_wrong():
    task = bs.lookup(2, 2)
    asked = [
        partial(said, task, NEVER, task.every_prompt()),
        partial(verdicts.wrong_law, task, "shuffled"),
    ]
    for ask in asked:
        with pytest.raises(ValueError, match=r"wrong must be of another kind .* 'known'"):
            ask()
