"""What a task alone decides is kept with it: a second run does not go over its table again."""

import numpy as np
import pytest

import boostsim as bs

FILTER = bs.NoisyFilter(0.1)


class Counted(np.ndarray):
    """A table that counts how often it, or what is made of it, is summed over."""

    sums = 0

    def sum(self, *arguments, **named):
        """Count, and sum."""
        Counted.sums += 1
        return np.asarray(super().sum(*arguments, **named))


@pytest.fixture
def task():
    task = bs.random_table(0, prompts=50, responses=4)
    for name in ("quality", "initial"):
        object.__setattr__(task, name, getattr(task, name).view(Counted))
    Counted.sums = 0
    return task


def procedures():
    """Return procedures that differ in all but the task."""
    for beta in (0.2, 0.3):
        for attempts in (1, 2):
            labeler = bs.WeakLabeler(beta)
            yield bs.boosting(attempts=attempts, filter=FILTER, labeler=labeler)


@pytest.mark.parametrize("sampled", [{}, {"visits": 3, "key": 0}], ids=["exact", "sampled"])
def test_the_second_run_on_a_task_sums_nothing_of_its_table(task, sampled):
    first, *others = procedures()
    bs.simulate(first, task, 1, **sampled)
    assert 0 < Counted.sums <= 4
    Counted.sums = 0
    for procedure in others:
        bs.simulate(procedure, task, 1, **sampled)
    assert Counted.sums == 0


def test_the_numbers_are_those_of_a_task_that_is_new():
    for procedure in procedures():
        same = bs.random_table(0, prompts=50, responses=4)
        again = [bs.simulate(procedure, same, 2).error.values for _ in range(2)]
        assert np.array_equal(*again)
