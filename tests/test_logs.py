"""Logs of real runs: what is read is what was written, and what no run left is refused by name."""

import dataclasses

import numpy as np
import pytest

import boostsim as bs

PLAIN = {"prompts": ["a", "b"], "iterations": [0, 3], "prompt": [0, 0, 1], "iteration": [0, 1, 1]}
FULL = {
    "attempts": [8, 8, 4],
    "accepted": [3, 5, 0],
    "correct": [4, 5, -1],
    "audited": [4, 0, -1],
    "audited_correct": [2, 0, -1],
    "audited_accepted": [2, 0, -1],
    "audited_accepted_correct": [1, 0, -1],
    "labelled": [1, 0, 2],
    "label_accepted": [1, 0, 0],
    "label_correct": [0, 0, 1],
    "label_probability": [0.5, 0.25, np.nan],
    "first_success": [False, False, True],
    "visit_record": [0, 0, 2],
    "visit_attempts": [4, 4, 4],
    "visit_accepted": [3, 0, 0],
}


def a_log(**changes):
    return bs.Log(**{**PLAIN, **FULL, **changes})


def test_what_lacks_a_count_counts_as_none():
    log = a_log()
    assert log.dense("accepted").tolist() == [[3, 5], [0, 0]]
    assert log.dense("correct").tolist() == [[4, 5], [0, 0]]
    assert log.records == 3
    few = bs.Log(**PLAIN, attempts=[8, 8, 4], accepted=[3, 5, 0])
    assert few.dense("labelled").tolist() == [[0, 0], [0, 0]]
    assert (few.visits, few.first_success.tolist()) == (None, [False] * 3)


def test_some_records_of_a_log_are_a_log():
    late = a_log().where(np.array([False, True, True]))
    assert late.iterations.tolist() == [3]
    assert late.prompts.tolist() == ["a", "b"]
    assert late.accepted.tolist() == [5, 0]
    assert [each.tolist() for each in late.visits] == [[1], [4], [0]]
    assert a_log().where(np.ones(3, bool)) == a_log()
    with pytest.raises(ValueError, match="records must be true for at least one"):
        a_log().where(np.zeros(3, bool))


WRONG = {
    "accepted must be at most attempts; got 9 and 8, in iteration 3 of prompt 'a'": {
        "accepted": [3, 9, 0]
    },
    "attempts must be at least 1": {"attempts": [0, 8, 4], "accepted": [0, 5, 0]},
    "correct must be at most attempts": {"correct": [9, 5, -1]},
    "audited must be at most attempts": {"audited": [9, 0, -1]},
    "audited_correct must be at most audited": {"audited_correct": [5, 0, -1]},
    "audited_correct must be at most correct": {"correct": [1, 5, -1]},
    "audited - audited_correct must be at most attempts - correct; got 2 and 1": {
        "correct": [7, 5, -1]
    },
    "audited_accepted must be at most audited;": {"audited_accepted": [5, 0, -1]},
    "audited_accepted must be at most accepted": {"audited_accepted": [4, 0, -1]},
    "audited - audited_accepted must be at most attempts - accepted": {
        "accepted": [7, 5, 0],
        "visit_accepted": [4, 3, 0],
    },
    "audited_accepted_correct must be at most audited_accepted;": {
        "audited_accepted": [1, 0, -1],
        "audited_accepted_correct": [2, 0, -1],
    },
    "audited_accepted_correct must be at most audited_correct": {
        "audited_correct": [0, 0, -1],
    },
    "audited_correct - audited_accepted_correct must be at most audited - audited_accepted": {
        "audited_correct": [4, 0, -1],
        "audited_accepted_correct": [1, 0, -1],
    },
    "label_accepted must be at most labelled": {"label_accepted": [2, 0, 0]},
    "label_correct must be at most labelled": {"label_correct": [0, 0, 3]},
    "label_correct must come with labelled": {"labelled": [-1, 0, 2], "label_accepted": None},
    "label_accepted must come with labelled": {"labelled": None},
    "audited_correct must come with audited": {"audited": None},
    r"label_probability must be in \[0, 1\]; got 1.5": {"label_probability": [1.5, 0.25, np.nan]},
    "label_probability must be above 0 where labelled is": {"label_probability": [0.0, 0.0, 0.1]},
    "visits must sum up to attempts; got 7 and 8": {"visit_attempts": [4, 3, 4]},
    "visits must sum up to accepted; got 2 and 3": {"visit_accepted": [2, 0, 0]},
    "visits must have accepted at most attempts": {"visit_attempts": [2, 6, 4]},
    "visits must have at least 1 attempt each": {
        "visit_attempts": [8, 0, 4],
        "visit_accepted": [3, 0, 0],
    },
    "visits that stop at their first success": {"first_success": [True, False, True]},
    "prompt must be sorted": {"prompt": [0, 1, 0]},
    "no two records of one prompt": {"iteration": [0, 0, 1]},
    "iterations must be ascending": {"iterations": [3, 0]},
    r"iteration must be whole numbers in \[0, 1\]; got 2": {"iteration": [0, 2, 1]},
    "attempts must be an array of whole numbers": {"attempts": [8.0, 8.0, 4.5]},
    r"attempts must be an array of shape \(3,\)": {"attempts": [8, 8]},
    "accepted must be whole numbers in .*; got -1": {"accepted": [3, 5, -1]},
    "correct must be whole numbers in .*; got -2": {"correct": [3, 5, -2]},
    "prompts must be names, each once": {"prompts": ["a", "a"]},
    "prompts must be text or whole numbers; got 1.5": {"prompts": ["a", 1.5]},
    "stratum must be whole numbers": {"strata": ("x",), "stratum": [0, 1, -1]},
    "first_success must be an array of truth values": {"first_success": [0, 0, 1]},
    "visit_record must be ascending": {"visit_record": [2, 0, 0]},
    "visit_attempts must be an array of shape": {"visit_attempts": [8, 8]},
    "prompt must be an array .* not empty": {"prompt": []},
}


@pytest.mark.parametrize("told", WRONG)
def test_what_no_run_left_is_refused(told):
    with pytest.raises(ValueError, match=told) as refused:
        a_log(**WRONG[told])
    assert "\n" not in str(refused.value)


LOOKS = {"prompts": ["a", "b"], "prompt": [0, 0, 1], "responses": [0, 1], "response": [0, 1, 0]}


@pytest.mark.parametrize(
    ("told", "changes"),
    [
        ("verdicts must be whole numbers", {"verdicts": [[1, 2], [0, 0], [1, 1]]}),
        ("verdicts must be an array of shape", {"verdicts": [1, 0, 1]}),
        ("correct must be whole numbers", {"correct": [1, 0, -2]}),
        ("no prompt has a response twice", {"response": [0, 0, 0]}),
        ("prompt must be an array .* not empty", {"prompt": []}),
    ],
)
def test_what_are_no_looks_is_refused(told, changes):
    good = {**LOOKS, "verdicts": [[1, 0], [0, 0], [1, -1]], "correct": [1, 0, -1]}
    assert bs.Looks(**good).verdicts.dtype == np.int8
    with pytest.raises(ValueError, match=told):
        bs.Looks(**{**good, **changes})


def test_a_log_cannot_be_written_to_and_is_its_own():
    given = np.array([3, 5, 0])
    log = a_log(accepted=given)
    given[0] = 0
    assert log.accepted[0] == 3
    assert not any(
        held.flags.writeable for held in vars(log).values() if isinstance(held, np.ndarray)
    )
    with pytest.raises(dataclasses.FrozenInstanceError):
        log.accepted = given
