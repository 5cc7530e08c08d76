"""How much an iteration sees is one value, however it was said."""

import pytest

import boostsim as bs
from boostsim.simulation.seeing import (
    ExactVisits,
    FreshPrompts,
    Pool,
    Population,
    VisitsEach,
    seeing,
)
from boostsim.simulation.tokens.structure import Run

BOOSTING = bs.boosting(labeler=bs.WeakLabeler(0.5))
TABLE, LOOKUP = bs.random_table(0, prompts=5), bs.lookup(8, 4)
SAID = [
    ({}, Population()),
    ({"exact": True}, Population()),
    ({"visits": 3}, VisitsEach(3, 1.0)),
    ({"visits": 3, "visited_share": 0.5}, VisitsEach(3, 0.5)),
    ({"visits": 3, "exact": True}, ExactVisits(3, 1.0)),
    ({"prompts_per_iteration": 16}, FreshPrompts(16)),
    ({"prompts_per_iteration": 16, "pool": 20}, Pool(16, 20)),
    ({"pool": 3000}, Pool(2048, 3000)),
]


@pytest.mark.parametrize(("given", "value"), SAID)
def test_arguments_say_one_value(given, value):
    assert seeing(**given) == value
    assert seeing(**given, otherwise=FreshPrompts()) == (value if given else FreshPrompts(2048))


@pytest.mark.parametrize(
    ("how", "prompts", "groups"),
    [
        (Population(), 8, 8),
        (VisitsEach(3), 24, 8),
        # Fresh prompts come in strata, and do not come again.
        (FreshPrompts(16), 16, len(LOOKUP.strata)),
        (Pool(16, 20), 16, 20),
    ],
)
def test_it_says_how_many_visits_there_are_and_what_comes_again(how, prompts, groups):
    run = Run(BOOSTING, LOOKUP, how, None)
    assert (run.visits, run.groups) == (prompts, groups)


def test_a_table_is_exact_where_that_is_said_and_where_nothing_is():
    said = bs.simulate(BOOSTING, TABLE, 2, exact=True)
    assert said.identical(bs.simulate(BOOSTING, TABLE, 2))
    assert said.level == "exact"


REFUSED = {
    "visited_share must be 1 in an exact run": {"exact": True, "visited_share": 0.5},
    "visited_share must be above 0": {"visits": 3, "visited_share": 0.0, "key": 0},
    # One is a number of prompts, though it is equal to other defaults.
    "prompts_per_iteration must be left out where the task is a table": {
        "prompts_per_iteration": 1
    },
    "pool must be left out where the task is a table": {"pool": 1, "exact": True},
    "evaluate must be left out where the task is a table": {"evaluate": 1},
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_a_table_cannot_see_is_refused(told):
    with pytest.raises(ValueError, match=told):
        bs.simulate(BOOSTING, TABLE, 1, **REFUSED[told])


@pytest.mark.parametrize("given", [{"pool": 9}, {"prompts_per_iteration": 9}])
@pytest.mark.parametrize("every", [{"exact": True}, {"visits": 2}])
def test_prompts_are_not_chosen_where_every_one_is_visited(given, every):
    with pytest.raises(ValueError, match="must be None where every prompt is visited"):
        bs.simulate(BOOSTING, LOOKUP, 1, learner=bs.Transformer(), key=0, **given, **every)
