"""Labels that a log buys: by which visits fail, how many that is ahead, and what is not told."""

import dataclasses

import numpy as np
import pytest
from scipy.special import expit, logit

import boostsim as bs
from boostsim.curation.criteria import failed, uniform
from boostsim.fitting.buying import Buying, buying, focused
from boostsim.fitting.forecast import forecast
from boostsim.fitting.histories import Histories, histories
from boostsim.fitting.world import World

PROCEDURE = bs.filter_only(attempts=4)


def visited(
    seed, visits, most=0, each=(2,), labels=(2.0, 0.25), prompts=240, iterations=4, grow=0.0
):
    """A log of visits to prompts, as many as is said or drawn; labels by whether a visit fails."""
    random = np.random.default_rng(seed)
    right = random.choice([0.2, 0.6, 0.97], prompts)
    records = prompts * iterations
    prompt, time = np.divmod(np.arange(records), iterations)
    several = random.choice(visits, records)
    record = np.repeat(np.arange(records), several)
    now = expit(logit(right[prompt]) + grow * time)[record]
    tries = np.minimum(random.geometric(now), most + 1)
    made_ = np.minimum(tries, most) if most else random.choice(each, len(record))
    hits = (tries <= most) * 1 if most else random.binomial(made_, now)
    bought = np.floor(np.where(hits == 0, *labels) + random.random(len(record))).astype(int)
    log = bs.Log(
        prompts=range(prompts),
        iterations=range(iterations),
        prompt=prompt,
        iteration=time,
        attempts=np.bincount(record, made_).astype(int),
        accepted=np.bincount(record, hits).astype(int),
        labelled=np.bincount(record, bought).astype(int),
        first_success=np.full(records, most > 0),
        visit_record=record,
        visit_attempts=made_,
        visit_accepted=hits,
    )
    return log, right


@pytest.mark.parametrize(
    ("visits", "how"),
    [
        ([1], {}),
        ([5], {}),
        ([1], {"most": 4}),
        ([5], {"most": 4}),
        ([1, 2, 3, 4, 5, 5], {"most": 4}),
        ([2, 2, 2, 10], {"labels": (2.0, 0.0)}),
        ([3], {"each": [3, 4, 4]}),
        ([4], {"each": [1, 2, 3, 3, 4, 4, 4]}),
    ],
)
def test_labels_are_bought_by_visits_that_fail(visits, how):
    """Of a prompt that is nearly solved few do, however many labels the others get."""
    log, right = visited(0, visits, **how)
    counts = histories(log)
    usual = max(set(visits), key=visits.count)
    each = how.get("most") or max(how.get("each", [2]), key=how.get("each", [2]).count)
    failing, others = how.get("labels", (2.0, 0.25))
    rates = buying(counts)
    assert rates.attempts == each
    seen = np.bincount(log.visit_record)
    assert rates.visits @ counts.weights() / 240 == pytest.approx(seen.mean())
    assert abs(rates.failing - failing) < 0.12
    assert abs(rates.others - others) < 0.06
    for part in (counts, counts.until(2), counts.at(1)):
        assert part.usual_visit[0] == usual
    assert bs.fit(log).visits == usual
    # What labels are bought is known here; what they teach is not looked at.
    world = World.estimate(counts, kind="none")
    table = forecast(world, counts, 1, PROCEDURE, draws=4, visits=None, test=False).table
    fails = (1.0 - right) ** each
    if len(set(how.get("each", ()))) > 1:
        # Of visits that vary the usual one stands for all.
        return
    expected = seen.mean() * (failing * fails + others * (1.0 - fails))
    assert table.labels[0] == pytest.approx(expected.mean(), rel=0.08)
    # Nothing moves: as many as in the log.
    assert table.labels[0] == pytest.approx(log.labelled.mean(), rel=0.08)
    easy = table[table["class"] == ".95 to 1"].labels
    assert len(easy) == 1 or visits == [1]
    if len(easy):
        easiest = expected[right == 0.97].mean()
        assert easy.iloc[0] == pytest.approx(easiest, rel=0.25, abs=0.05)


@pytest.mark.parametrize("visits", [1, 5, 50])
@pytest.mark.parametrize("labels", [(2.0, 0.0), (0.5, 0.0), (1.0, 1.0), (8.0, 8.0)])
def test_a_log_that_labels_what_fails_is_told_from_one_that_does_evenly(visits, labels):
    log, _ = visited(1, [visits], labels=labels)
    assert ((log.accepted > 0) & (log.labelled > 0)).any() or visits == 1
    assert focused(histories(log)) is (labels[1] == 0.0)


@pytest.mark.parametrize("others", [0.0, 2.0])
def test_the_procedure_of_a_log_buys_labels_as_it_did(others):
    log, _ = visited(1, [5], labels=(2.0, others), prompts=60, iterations=3, grow=0.5)
    again = bs.fit(dataclasses.replace(log, label_correct=log.labelled // 2)).procedure()
    assert again.criterion is (uniform if others else failed)
    assert again.budget == pytest.approx(log.labelled.sum() / (60 * 3 * 5))


def test_where_few_records_tell_visits_the_others_are_one():
    log, right = visited(2, [1])
    several = np.random.default_rng(0).random(len(log.prompt)) < 0.05
    made_ = np.where(several, 10, log.attempts)
    record = np.repeat(np.flatnonzero(several), 5)
    passed = np.random.default_rng(1).binomial(2, right[log.prompt[record]])
    accepted = np.where(several, np.bincount(record, passed, len(several)), log.accepted)
    some = dataclasses.replace(
        log,
        attempts=made_,
        accepted=accepted.astype(int),
        labelled=np.where(
            several, np.bincount(record, passed == 0, len(several)), accepted == 0
        ).astype(int),
        visit_record=record,
        visit_attempts=np.full(len(record), 2),
        visit_accepted=passed,
    )
    counts = histories(some)
    assert (counts.usual_visit[0], counts.usual_attempts) == (1, 2)
    assert bs.fit(some).visits == 1
    world = World.estimate(counts, kind="none")
    table = forecast(world, counts, 1, PROCEDURE, draws=4, visits=None, test=False).table
    assert table.labels[0] == pytest.approx(some.labelled.mean(), rel=0.1)


@pytest.mark.parametrize(("told", "stopping"), [(1, (1, 5)), (4, (2, 5)), (6, (2, 4))])
def test_where_attempts_stop_a_record_that_tells_no_visits_is_one(told, stopping):
    """Visits of 2 and 4 attempts where they are told, of up to 5 elsewhere."""
    log = bs.Log(
        prompts=range(6),
        iterations=[0],
        prompt=range(6),
        iteration=[0] * 6,
        attempts=[6] * told + [5, 1, 2, 5, 5][: 6 - told],
        accepted=[1] * told + [0] * (6 - told),
        first_success=np.ones(6, bool),
        visit_record=np.repeat(np.arange(told), 2),
        visit_attempts=[2, 4] * told,
        visit_accepted=[1, 0] * told,
    )
    assert histories(log).stopping == stopping
    assert histories(log).usual_visit[0] == stopping[0]


def test_labels_are_as_many_as_in_the_log_where_hard_prompts_are_visited_more():
    random = np.random.default_rng(0)
    right = np.repeat([0.1, 0.7], [60, 140])
    record = np.repeat(np.arange(200), np.where(right < 0.5, 16, 2))
    passed = random.binomial(2, right[record])
    failed_ = np.bincount(record, passed == 0).astype(int)
    log = bs.Log(
        range(200),
        [0],
        range(200),
        [0] * 200,
        attempts=2 * np.bincount(record),
        accepted=np.bincount(record, passed).astype(int),
        labelled=failed_,
        visit_record=record,
        visit_attempts=np.full(len(record), 2),
        visit_accepted=passed,
    )
    counts = histories(log)
    world = World.estimate(counts)
    # They teach nothing here.
    still = dataclasses.replace(world.dynamics, label_weight=1e-9)
    world = dataclasses.replace(world, dynamics=still)
    table = forecast(world, counts, 1, PROCEDURE, draws=4, visits=None, test=False).table
    assert table.labels[0] == pytest.approx(failed_.mean(), rel=0.05)


def test_iterations_that_are_held_out_keep_their_visits():
    log, _ = visited(0, [2, 3])
    counts = histories(log)
    rest = counts.since(1)
    assert rest.times.tolist() == [0, 1, 2]
    assert rest.first == 1
    for name in ("attempts", "accepted", "labels", "visited"):
        np.testing.assert_array_equal(getattr(rest, name), getattr(counts, name)[..., 1:])


def test_what_a_log_does_not_tell_of_labels():
    """Where all have one share of failing visits; where all fail, or none does."""
    shape = np.array([[4.0, 8.0, 4.0]])
    counts = Histories(
        times=np.arange(3),
        step=1,
        first=0,
        attempts=shape,
        accepted=shape / 2.0,
        labels=np.array([[3.0, 7.0, 5.0]]),
        history=np.array([0, 0]),
        visit=(4, 1),
        visited=np.stack([shape, shape / 4.0]),
    )
    found = buying(counts)
    assert found.failing == found.others == pytest.approx(15.0 / 16.0)
    every = dataclasses.replace(counts, visited=np.stack([shape, shape]))
    # As many as the log has: 15 at 16 visits.
    assert buying(every).failing == pytest.approx(15.0 / 16.0)
    assert buying(every).others == 0.0
    none = buying(dataclasses.replace(counts, visited=np.stack([shape, 0.0 * shape])))
    assert (none.failing, none.others) == (0.0, buying(every).failing)
    rejected = np.array([0.0, 0.5, 1.0])
    two = Buying(np.ones(1), attempts=2, failing=5.0, others=1.0)
    np.testing.assert_allclose(two.by_visit(rejected), 5.0 * rejected**2 + 1.0 - rejected**2)
