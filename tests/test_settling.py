"""Limits: settled is what stands still in relative terms, however small; and nobody looks further
than the report says."""

import math

import pytest

import boostsim as bs
from boostsim.certification.readings import judge_limit
from boostsim.certification.runs import Exact


def limit(law, domain, **fields):
    about = {"name": "mine", "statement": "s", "formula": "f", "along": "iterations"}
    return bs.Claim(kind="limit", law=law, domain=domain, **about, **fields)


def filtering(statistic):
    return bs.Measurement(
        lambda gamma: bs.filter_only(filter=bs.NoisyFilter(gamma)), statistic, sampled=False
    )


def verdicts(claim, measurement):
    found = bs.certify(claim, measurement, exact_points=4, levels="exact")
    return set(found.table.verdict), found.summary()


@pytest.mark.parametrize("gamma", [0.4, 0.49])
@pytest.mark.parametrize(
    ("statistic", "solved"), [("error", 0.0), ("accuracy", 1.0), ("error", 1.0), ("accuracy", 0.0)]
)
def test_a_right_mass_that_still_grows_decides_nothing(gamma, statistic, solved):
    """T9 from p_0 = 1e-40 and from 1e-300: an error of 1 looks as if it stood still."""
    far = bs.Box(gamma=[gamma], initial_accuracy=[1e-300])
    found, text = verdicts(limit(lambda: solved, far), filtering(statistic))
    assert found == {"undecided"}, text
    assert "does not settle" in text
    near = bs.Box(gamma=[gamma], initial_accuracy=[1e-40])
    found, text = verdicts(limit(lambda: solved, near), filtering(statistic))
    true = (statistic == "error") == (solved == 0.0)
    if gamma == 0.4:
        # Here it has arrived: 1.5^256 = 1e45.
        assert found == {"holds" if true else "violated"}, text
    else:
        assert found == {"undecided"}, text
        assert not bs.falsify(limit(lambda: solved, near), filtering(statistic), examples=4)


def test_what_dies_after_the_last_look_is_not_seen_and_said_so():
    """A labeler that gives wrong answers only from iteration 1101 on."""
    dying = bs.DriftingLabeler(0.5, later=bs.WeakLabeler(0.0), between=(1100, 1101))
    measured = bs.Measurement(
        lambda: bs.boosting(filter=bs.NoisyFilter(0.1), labeler=dying), sampled=False
    )
    floor = limit(lambda: 0.1, bs.Box(initial_error=(0.0, 1.0)))
    found, text = verdicts(floor, measured)
    assert found == {"undecided"}
    assert "changes until iteration 1101" in text
    assert "read at iterations = 256, 512, 1,024, and at none beyond" in text
    # Seen from further away it is false: 0.1 / (0.1 + 0) = 1.
    beyond = bs.Measurement(measured.procedure, ladder=(1200, 2400, 4800), sampled=False)
    found, text = verdicts(floor, beyond)
    assert found == {"violated"}, text
    assert verdicts(limit(lambda: 1.0, floor.domain), beyond)[0] == {"holds"}
    told = bs.falsify(floor, beyond, examples=4).summary()
    assert "read at iterations = 1,200, 2,400, 4,800, and at none beyond" in told


@pytest.mark.parametrize(("statistic", "target"), [("error", 0.0), ("accuracy", 1.0)])
def test_a_floor_of_1e_10_is_not_nothing(statistic, target):
    measured = bs.Measurement(
        lambda gamma, beta: bs.boosting(filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)),
        statistic,
        sampled=False,
    )
    for gamma, verdict in ((1e-10, "violated"), (0.0, "holds")):
        box = bs.Box(gamma=[gamma], beta=(0.1, 0.9), initial_error=(0.0, 1.0))
        found, text = verdicts(limit(lambda: target, box), measured)
        assert found == {verdict}, text


def test_one_prompt_of_many_that_has_not_settled():
    """On average nothing is seen to move."""
    task = bs.table_task([[1, 0]] * 2, initial=[[1.0, 0.0], [1e-200, 1.0]])
    measured = bs.Measurement(
        lambda gamma: bs.filter_only(filter=bs.NoisyFilter(gamma)), task=lambda: task, sampled=False
    )
    found, text = verdicts(limit(lambda: 0.5, bs.Box(gamma=(0.45, 0.48))), measured)
    assert found == {"undecided"}, text


def test_settling_by_hand():
    growing = [[1e-90, 1e-70, 1e-30]]
    assert judge_limit([1.0, 1.0, 1.0], 1.0, "either", growing).verdict == "undecided"
    assert judge_limit([1.0, 1.0, 1.0], 0.0, "either", growing).verdict == "undecided"
    # From nothing to something; from something to nothing.
    assert judge_limit([1.0, 1.0, 1.0], 1.0, "either", [[0.0, 0.0, 1e-30]]).verdict == "undecided"
    assert judge_limit([1.0, 1.0, 1.0], 1.0, "either", [[1e-3, 1e-30, 0.0]]).verdict == "holds"
    # It grows ever less: 1 - 1/n.
    slowing = [[1 - 1 / n for n in (256, 512, 1024)]]
    assert judge_limit([1.0, 1.0, 1.0], 1.0, "either", slowing).verdict == "holds"
    # Towards 0, and not there.
    assert judge_limit([4e-10, 4e-10, 4e-10], 0.0, "either").verdict == "violated"
    assert judge_limit([4e-10, 3.9e-10, 3.8e-10], 0.0, "either").verdict == "undecided"
    assert judge_limit([4e-10, 2e-10, 1e-10], 0.0, "either").verdict == "holds"
    assert judge_limit([1e-5, 1e-16, 1e-16], 0.0, "either").verdict == "holds"
    wrong = judge_limit([0.9, 1.0, 1.0], 1.0, "above")
    assert wrong.verdict == "violated"
    assert wrong.high < 1.0


@pytest.mark.parametrize(
    ("gamma", "target"), [((0.5 + 1e-13, 0.5 + 2e-13), 0.0), ((0.5 - 2e-13, 0.5 - 1e-13), 1.0)]
)
def test_what_decays_too_slowly_to_be_seen_is_not_settled(gamma, target):
    """T9 next to 1/2: (1 - 1e-13)^1024 is 1 - 1e-10, and tends to 0 all the same."""
    for statistic, limit_of in (("accuracy", target), ("error", 1.0 - target)):
        true = limit(lambda limit_of=limit_of: limit_of, bs.Box(gamma=gamma))
        measured = bs.Measurement(
            lambda gamma: bs.filter_only(filter=bs.NoisyFilter(gamma)),
            statistic,
            task=lambda: bs.table_task([[1, 0]], initial=[[0.5, 0.5]]),
        )
        found, text = verdicts(true, measured)
        assert found == {"undecided"}, text
    # At 1/2 nothing moves, and the limit is another.
    still = limit(lambda: target, bs.Box(gamma=[0.5]))
    assert verdicts(still, measured)[0] == {"violated"}
    # Slower and slower, and still far to go: n^(-1e-10).
    slowing = [0.5 * n**-1e-10 for n in (256, 512, 1024)]
    assert judge_limit(slowing, 0.0, "either").verdict == "undecided"


def moving(law, **fields):
    return limit(law, bs.Box(beta=(0.001, 0.002)), **fields)


def test_a_law_that_moves_is_checked_as_one_that_stands():
    unsolved = bs.table_task([[1, 0]], initial=[[0.0, 1.0]])

    def boosted(later):
        return bs.Measurement(
            lambda beta: bs.boosting(labeler=later(beta)), task=lambda: unsolved, sampled=False
        )

    true = moving(lambda beta, iterations: (1 - beta) ** iterations)
    assert verdicts(true, boosted(bs.WeakLabeler))[0] == {"holds"}
    dying = boosted(
        lambda beta: bs.DriftingLabeler(beta, later=bs.WeakLabeler(0.0), between=(5000, 5001))
    )
    found, text = verdicts(true, dying)
    assert found == {"undecided"}
    assert "changes until iteration 5001" in text
    # A right mass that still grows: an error of 1 - 1e-300 (1.0202)^n stays no 1.
    far = bs.table_task([[1, 0]], initial=[[1e-300, 1.0]])
    hidden = bs.Measurement(
        lambda: bs.filter_only(filter=bs.NoisyFilter(0.49)), task=lambda: far, sampled=False
    )
    found, text = verdicts(moving(lambda iterations: 1.0 + 0.5**iterations), hidden)
    assert found == {"undecided"}
    assert "a mass grows" in text


def test_a_floor_of_1e_10_is_seen_beside_a_law_that_moves_to_one():
    """What is left to 1 is known as well as what is left to 0."""
    task = bs.table_task([[1, 0]], initial=[[0.5, 0.5]])
    law = limit(lambda iterations: 1.0 - 0.5 * 0.5**iterations, bs.Box(gamma=[1e-10, 0.0]))
    measured = bs.Measurement(
        lambda gamma: bs.boosting(filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(0.5)),
        "accuracy",
        task=lambda: task,
        sampled=False,
    )
    table = bs.certify(law, measured, exact_points=4, levels="exact").table
    assert set(table.verdict[table.gamma == 0.0]) == {"holds"}
    assert set(table.verdict[table.gamma > 0.0]) == {"violated"}


@pytest.mark.parametrize("ladder", [None, (255, 510, 1020), (300, 600, 1200)])
def test_a_cycle_of_two_has_no_limit(ladder):
    """Where every answer is accepted a label is bought, and it is wrong."""

    @bs.criterion
    def solved(visits):
        return (visits.accepted == visits.attempts) * 1.0

    measured = bs.Measurement(
        lambda: bs.boosting(
            criterion=solved,
            attempts=20,
            filter=bs.NoisyFilter(0.0),
            labeler=bs.WeakLabeler(0.0),
        ),
        "accuracy",
        task=lambda: bs.table_task([[1, 0]], initial=[[0.5, 0.5]]),
        ladder=ladder,
        sampled=False,
    )
    # On the two branches, and between them.
    branches = [
        Exact(measured).population({"iterations": iterations}) for iterations in (1024, 1023)
    ]
    assert abs(branches[0] - branches[1]) > 0.4
    for target in (*branches, 0.75):
        found, text = verdicts(limit(lambda target=target: target, bs.Box(x=(0.0, 1.0))), measured)
        assert found == {"undecided"}, text
        assert "does not settle" in text


def test_a_cycle_of_a_value_or_of_a_law_of_ones_own():
    box = bs.Box(x=(0.0, 1.0))
    swings = bs.Measurement(value=lambda iterations: 1.0 + iterations % 2)
    assert verdicts(limit(lambda: 1.0, box), swings)[0] == {"undecided"}
    with_it = limit(lambda iterations: 1.0 + iterations % 2, box)
    assert verdicts(with_it, swings)[0] == {"holds"}


@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_side_is_kept_where_a_law_is_negative(sign):
    """1 + 1/n + 1/n^2 is above 1 + 1/n, and its opposite is below."""
    above, below = ("above", "below") if sign > 0.0 else ("below", "above")
    measured = bs.Measurement(
        value=lambda iterations: sign * (1.0 + 1.0 / iterations + 1.0 / iterations**2),
        ladder=(1000, 10000, 100000),
    )
    for direction, verdict in ((above, "holds"), (below, "violated"), ("either", "holds")):
        law = moving(lambda iterations: sign * (1.0 + 1.0 / iterations), direction=direction)
        assert verdicts(law, measured)[0] == {verdict}


def test_a_law_that_changes_its_sign_is_refused():
    turning = moving(lambda iterations: math.cos(math.pi * iterations / 256))
    with pytest.raises(ValueError, match="other than 0 and of one sign along iterations"):
        verdicts(turning, bs.Measurement(value=lambda iterations: 1.0))
