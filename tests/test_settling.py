"""Limits: settled is what stands still in relative terms, however small; and nobody looks further
than the report says."""

import pytest

import boostsim as bs
from boostsim.certification.verdicts import judge_limit


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
