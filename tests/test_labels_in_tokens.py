"""Labels of a network's run, by the words that say what they are: their weight, number and source.

The literal side goes through the visits one by one. A verdict is the verifier's here, so that all
that is random is what was said, and that is drawn again, row by row.
"""

import dataclasses
import json

import jax
import numpy as np
import pytest
from alarms import assert_law

import boostsim as bs
from boostsim import gap
from boostsim.learners.generate import generate, next_law
from boostsim.simulation.seeing import FreshPrompts, Population, VisitsEach
from boostsim.simulation.tokens import iteration, listed, loop
from boostsim.simulation.tokens.asking import ask, ask_model
from boostsim.simulation.tokens.carried import Carried
from boostsim.simulation.tokens.iteration import ATTEMPTS, LABELS, Seed
from boostsim.store import look_into

TASK = bs.lookup(12, 3)
# As many steps as are compiled together: the first model is trained by the same program.
TINY = bs.SoftmaxRegression(steps=16, batch=16, first_steps=32)
LISTING = listed.Listing(TASK)
WEAK = bs.WeakLabeler(0.4)
TWICE = VisitsEach(2)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def seed_of(procedure, how=TWICE, task=TASK):
    run = loop.make_run(dataclasses.replace(procedure, learner=TINY), task, how)
    return Seed(run, jax.random.key(4))


def gathered(seed, number=1):
    """One iteration's frames, weights and costs, of the first model."""
    frames, weights, _, spent = seed._gather(number, seed.first_model, seed.first_carried())
    return frames, weights, spent


def said(seed, number=1, parameters=None):
    """Each visit's prompt, its attempts (of the first model, or of one), and which are right."""
    prompts, _ = seed._visited(number)
    attempts = seed.run.procedure.attempts
    asked = np.repeat(prompts, attempts, axis=0)
    length = seed.run.task.response_length
    parameters = parameters or seed.first_model
    drawn, _ = generate(TINY, parameters, asked, length, seed.site(number, ATTEMPTS))
    right = np.asarray(seed.run.task.verify(asked, drawn))
    return [
        (prompt, drawn[i * attempts :][:attempts], right[i * attempts :][:attempts].tolist())
        for i, prompt in enumerate(prompts)
    ]


def literal(seed, number=1):
    """Kept frames, the prompts of failing visits, and what the attempts cost, visit by visit."""
    kept, failing, cost = [], [], {"generations": 0, "tokens": 0}
    visits = said(seed, number)
    for prompt, responses, right in visits:
        tried = len(right)
        if seed.run.procedure.until_accepted and any(right):
            tried = right.index(True) + 1
        cost["generations"] += tried / len(visits)
        cost["tokens"] += (responses[:tried] != 0).sum() / len(visits)
        if any(right):
            kept.append([*prompt, *responses[right.index(True)]])
        else:
            failing.append(list(prompt))
    assert kept
    assert failing
    return np.array(kept), np.array(failing), cost


GROUNDED = bs.Accumulate(real_share=0.5)


@pytest.mark.parametrize("regime", ["replace", "accumulate", "anchor", GROUNDED], ids=str)
@pytest.mark.parametrize(
    "slots",
    [
        {},
        {"label_weight": 0.25},
        {"label_weight": [5.0, 3.0], "labels_per_visit": 2},
        {"label_share": 1 / 3, "labels_per_visit": 3},
        {"label_share": [0.9, 0.5]},
    ],
)
def test_the_mixture_is_that_of_the_words(slots, regime):
    """A label weighs w, or what makes labels the share alpha of the iteration's mixture."""
    given = {"regime": regime, "real_share": 0.5 if regime == "anchor" else None}
    seed = seed_of(bs.boosting(attempts=2, labeler=WEAK, **given, **slots))
    kept, failing, _ = literal(seed, 2)
    each = slots.get("labels_per_visit", 1)
    frames, weights, spent = gathered(seed, 2)
    # Before them stands f_0, one example a visit; after them what is real, half as many.
    before = 24 if regime in ("accumulate", GROUNDED) else 0
    after = 12 if regime in ("anchor", GROUNDED) else 0
    labels = len(failing) * each
    assert len(frames) == before + len(kept) + labels + after
    own = frames[before : len(frames) - after]
    assert (own[: len(kept)] == kept).all()
    assert (own[len(kept) :, :-1] == np.repeat(failing, each, axis=0)).all()
    assert spent["labels"] == pytest.approx(labels / 24)
    assert spent["examples"] == len(kept) + labels + after
    right = np.asarray(TASK.verify(own[len(kept) :, :-1], own[len(kept) :, -1:]))
    assert spent["label_accuracy"] == pytest.approx(right.mean())
    if not slots:
        assert weights is None
        return
    others = np.r_[weights[: before + len(kept)], weights[len(frames) - after :]]
    assert (others == 1.0).all()
    of_labels = weights[before + len(kept) : len(frames) - after]
    if "label_weight" in slots:
        assert (of_labels == np.ravel(slots["label_weight"])[-1]).all()
    else:
        share = of_labels.sum() / (of_labels.sum() + len(kept))
        assert share == pytest.approx(np.ravel(slots["label_share"])[-1])
        assert len(set(of_labels)) == 1


def kept_frames(regime, **slots):
    """What the first model's iterations 1 to 3 are trained on, what each gathers, and f_0's."""
    slots = dict(attempts=2, labeler=WEAK) | slots
    seed = seed_of(bs.boosting(regime=regime, **slots))
    alone = seed_of(bs.boosting(**slots))
    own = [gathered(alone, number)[:2] for number in (1, 2, 3)]
    carried = seed.first_carried()
    first, trained = carried.data, []
    for number in (1, 2, 3):
        frames, weights, carried, _ = seed._gather(number, seed.first_model, carried)
        trained.append((frames, weights))
        # A run that goes on from a file goes on with the same.
        read = Carried.of(carried.arrays(), None, exact=False, weighs=weights is not None)
        assert jax.tree.all(jax.tree.map(np.array_equal, read, carried))
    return trained, own, first


@pytest.mark.parametrize("weight", [1.0, 0.5])
def test_a_window_has_the_frames_of_its_iterations_and_no_others(weight):
    """f_0's, one a visit, before the second is full."""
    trained, own, first = kept_frames(bs.Window(2), label_weight=weight)
    batches = [(first, np.ones(len(first))), *own]
    assert len(first) == 24
    for number, (frames, weights) in enumerate(trained):
        both = batches[number : number + 2]
        assert (frames == np.concatenate([each for each, _ in both])).all()
        if weight != 1.0:
            assert (weights == np.concatenate([each for _, each in both])).all()
        else:
            assert weights is None


def test_a_subsample_is_of_all_frames_so_far_as_often_as_they_weigh():
    """Two a visit, of those that there are; where labels weigh nearly all, nearly all are."""
    trained, own, first = kept_frames(bs.Subsample(2))
    for number, (frames, weights) in enumerate(trained):
        assert weights is None
        assert len(frames) == 48
        there = np.concatenate([first, *(each for each, _ in own[: number + 1])])
        assert {*map(tuple, frames)} <= {*map(tuple, there)}
    assert {*map(tuple, trained[2][0])} & {*map(tuple, first)}
    for (frames, weights), (each, weighs) in zip(
        *kept_frames(bs.Subsample(), label_weight=1e9)[:2]
    ):
        assert (weights == 1.0).all()
        assert len(frames) == 24
        labels = {*map(tuple, each[weighs > 1.0])}
        assert sum(tuple(frame) in labels for frame in frames)
    assert trained[0][0].dtype == np.int32


def test_a_share_of_nothing_is_nothing():
    """Where there are only labels, or none, each example counts for one."""
    silent = bs.NoisyFilter(false_accept=0.0, false_reject=1.0)
    for filt, budget in ((silent, None), (bs.NoisyFilter(0.0), 0.0)):
        share = bs.boosting(labeler=WEAK, label_share=0.3, filter=filt, budget=budget)
        _, weights, spent = gathered(seed_of(share))
        assert (spent["labels"] == 0) == (budget == 0.0)
        assert len(weights)
        assert (weights == 1.0).all()


def test_training_gets_the_weights_and_data_keep_them(monkeypatch):
    given = []

    def noted(model, parameters, frames, *rest, weights=None, **more):
        given.append((frames, weights))
        return parameters, 1.0

    monkeypatch.setattr(iteration, "train", noted)
    procedure = bs.boosting(
        attempts=2, labeler=WEAK, label_weight=[0.5, 4.0], labels_per_visit=2, regime="accumulate"
    )
    seed = seed_of(procedure)
    carried = seed.first_carried()
    for number in (1, 2):
        _, carried, spent = seed.iterate(number, seed.first_model, carried)
    (first, light), (both, all_of_it) = given
    assert (both[: len(first)] == first).all()
    assert (all_of_it[: len(first)] == light).all()
    assert set(light) == {1.0, 0.5}
    assert set(all_of_it[len(first) :]) == {1.0, 4.0}
    assert (carried.data == both).all()
    assert (carried.examples == all_of_it).all()
    # What there was to learn is the weighted share of each answer.
    rows = next_law(TINY, seed.first_model, LISTING.prompts)
    wanted = rows.copy()
    for number, prompt in enumerate(LISTING.prompts):
        here = (both[:, :-1] == prompt).all(1)
        law = np.bincount(both[here, -1], weights=all_of_it[here], minlength=rows.shape[1])
        wanted[number] = law / law.sum()
    assert spent["slack"] == pytest.approx(np.abs(wanted - rows).sum(1).mean() / 2)


def test_without_weights_nothing_is_weighed():
    seed = seed_of(bs.boosting(attempts=2, labeler=WEAK, labels_per_visit=2))
    assert gathered(seed)[1] is None
    assert seed.first_carried().examples is None


def test_labels_of_a_visit_are_draws_of_their_own_unless_they_persist():
    prompts = np.repeat(LISTING.prompts[:1], 400, axis=0)
    words = np.array([5, 6], np.uint32)
    fresh = ask(TASK, bs.WeakLabeler(0.5), 3, prompts, words, words, 1)
    assert fresh.responses.shape == (400, 3, 1)
    assert fresh.chance.tolist() == [0.5] * 400
    # Right and right, right and wrong, ...: as of independent draws.
    pairs = 2 * fresh.right[:, 0] + fresh.right[:, 2]
    assert_law("labels_of_a_visit", np.bincount(pairs, minlength=4), [0.25] * 4)
    drifting = bs.DriftingLabeler(0.0, later=bs.WeakLabeler(1.0), between=(0, 2))
    mixed = ask(TASK, drifting, 3, prompts, words, words, 1)
    pairs = 2 * mixed.right[:, 0] + mixed.right[:, 2]
    assert_law("labels_of_a_visit", np.bincount(pairs, minlength=4), [0.25] * 4)
    lasting = bs.WeakLabeler(0.5, persistent=True)
    same = ask(TASK, lasting, 3, LISTING.prompts, words, words, 1)
    once = ask(TASK, lasting, 1, LISTING.prompts, words, words, 1)
    assert (same.responses == once.responses).all()
    assert (same.chance == once.right[:, 0]).all()
    # m labels of weight w/m are, of a labeler that persists, one label of weight w.
    totals = []
    for each, weight in ((1, 3.0), (3, 1.0)):
        given = {"label_weight": weight, "labels_per_visit": each}
        frames, weights, _ = gathered(seed_of(bs.boosting(attempts=2, labeler=lasting, **given)))
        totals.append(np.zeros((40, 40)))
        weights = np.ones(len(frames)) if weights is None else weights
        np.add.at(totals[-1], (TASK.entry(frames[:, :-1]), frames[:, -1]), weights)
    assert (totals[0] == totals[1]).all()


def test_a_budget_counts_labels():
    """A third of a label a visit, two to a visit: one visit in six is labelled."""
    many = bs.boosting(attempts=2, labeler=WEAK, labels_per_visit=2, budget=1 / 3)
    seed = seed_of(many, VisitsEach(40))
    _, _, spent = gathered(seed)
    visits = 40 * len(LISTING.prompts)
    _, failing, _ = literal(seed)
    share = visits / 6 / len(failing)
    assert share < 1.0
    chosen = round(spent["labels"] * visits / 2)
    assert spent["labels"] == pytest.approx(2 * chosen / visits)
    counts = [chosen, len(failing) - chosen]
    assert_law("labels_under_a_budget", counts, [share, 1.0 - share])


@pytest.mark.parametrize("temperature", [1.0, 0.5])
def test_the_first_model_labels_with_its_own_law(temperature):
    labeler = bs.FirstModel(temperature)
    seed = seed_of(bs.boosting(labeler=labeler))
    other = TINY.network.initial(len(TASK.symbols), 4, jax.random.key(1))
    prompts = np.repeat(LISTING.prompts[:1], 3000, axis=0)
    who = np.arange(3000) < 2000
    labels = ask_model(TASK, TINY, seed.first_model, labeler, 2, prompts, who, seed.site(1, LABELS))
    law = seed.first_rows[0] ** (1 / temperature)
    law = law / law.sum()
    counts = np.bincount(labels.responses[who].ravel(), minlength=len(law))
    assert_law("first_model_labels", counts[1:], law[1:])
    assert (labels.responses[~who] == 0).all()
    right = labels.responses[..., 0] == TASK.solve(prompts)
    assert (labels.right == right).all()
    assert (labels.right_tokens == right).all()
    assert (labels.chance == right.mean(1)).all()
    # It stays the first one, however far the model has moved.
    frames, _, _, _ = seed._gather(3, other, seed.first_carried())
    failing = [(row, visit[0]) for row, visit in enumerate(said(seed, 3, other)) if not visit[2][0]]
    decode = None if temperature == 1.0 else bs.Sharpening(temperature)
    rows, asked = np.array([row for row, _ in failing]), np.array([prompt for _, prompt in failing])
    alone, _ = generate(TINY, seed.first_model, asked, 1, seed.site(3, LABELS), decode, rows)
    assert (frames[-len(alone) :] == np.concatenate([asked, alone], axis=1)).all()


def test_a_label_does_not_hang_on_who_else_gets_one():
    seed = seed_of(bs.boosting(labeler=bs.FirstModel(), labels_per_visit=2))
    prompts, _ = seed._visited(1)
    everyone = seed._asked(1, prompts, np.ones(len(prompts), bool))
    some = np.arange(len(prompts)) % 5 == 2
    few = seed._asked(1, prompts, some)
    assert (few.responses[some] == everyone.responses[some]).all()
    nobody = seed._asked(1, prompts, np.zeros(len(prompts), bool))
    assert (nobody.responses == 0).all()
    assert len(np.unique(everyone.responses[:, 0] == everyone.responses[:, 1])) == 2


def test_what_a_yardstick_is_told_of_the_first_model(monkeypatch):
    """Where rows can be read off p_0(x); else what share of a visit's own labels is right."""
    told = []

    def noted(procedure, seen, *, truth, **more):
        told.append(truth)
        return np.zeros(len(seen.mass))

    monkeypatch.setattr(iteration, "focus", noted)
    rule = bs.boosting(
        labeler=bs.FirstModel(0.5), criterion=bs.criteria.oracle, budget=0.1, labels_per_visit=3
    )
    seed = seed_of(rule)
    gathered(seed)
    law = seed.first_rows**2
    right = (law * LISTING.quality).sum(1) / law.sum(1)
    assert told[-1].label_correct == pytest.approx(np.repeat(right, 2))
    task = bs.programs(operations=1)
    seed = seed_of(rule, FreshPrompts(16), task)
    gathered(seed)
    prompts, _ = seed._visited(1)
    labels = seed._asked(1, prompts, np.ones(16, bool))
    assert (told[-1].label_correct == labels.right.mean(1)).all()
    # Nobody else is told anything.
    gathered(seed_of(bs.boosting(labeler=bs.FirstModel())))
    assert told[-1] is None


@pytest.mark.parametrize("task", [TASK, bs.programs(operations=1)], ids=["lookup", "programs"])
def test_a_visit_stops_at_the_first_accepted_attempt(task):
    """The same examples as without; cost, and what is seen, of the attempts that were made."""
    # A regression is seldom right on programs.
    how = VisitsEach(4) if task is TASK else FreshPrompts(1024)
    procedure = bs.boosting(attempts=4, labeler=WEAK, filter=bs.NoisyFilter(0.0, votes=3))
    whole = seed_of(procedure, how, task)
    stopped = seed_of(dataclasses.replace(procedure, until_accepted=True), how, task)
    frames, _, spent = gathered(stopped)
    kept, failing, cost = literal(stopped)
    assert (frames == gathered(whole)[0]).all()
    assert (frames[: len(kept)] == kept).all()
    assert len(frames) == len(kept) + len(failing)
    assert spent["generations"] == pytest.approx(cost["generations"])
    assert 1.0 < spent["generations"] < 4.0
    assert spent["filter_calls"] == pytest.approx(3 * cost["generations"])
    assert spent["tokens"] == pytest.approx(cost["tokens"])
    assert gathered(whole)[2]["generations"] == 4.0


def test_a_criterion_sees_whether_an_attempt_was_accepted(monkeypatch):
    shown = []
    see, focus = iteration.see, iteration.focus

    def noted(*given):
        shown.append(see(*given))
        return shown[-1]

    def told(procedure, seen, *, truth, **more):
        shown.append(truth)
        return focus(procedure, seen, truth=truth, **more)

    monkeypatch.setattr(iteration, "see", noted)
    monkeypatch.setattr(iteration, "focus", told)
    seed = seed_of(
        bs.boosting(
            attempts=4,
            labeler=WEAK,
            until_accepted=True,
            criterion=bs.criteria.oracle,
            budget=0.5,
        )
    )
    gathered(seed)
    seen, truth = shown
    outcome = [right for _, _, right in said(seed)]
    assert seen.accepted.tolist() == [int(any(right)) for right in outcome]
    assert seen.pass_rate.tolist() == [float(any(right)) for right in outcome]
    assert (seen.attempts == 1).all()
    # The share of wrong ones is that of the attempts that were made.
    made = [right[: right.index(True) + 1] if any(right) else right for right in outcome]
    assert truth.error == pytest.approx([1.0 - np.mean(right) for right in made])


def test_a_memory_learns_the_share_of_a_visits_labels_that_pass(monkeypatch):
    """By the filter, which is never wrong here, and is asked about every label."""
    learned = []

    def noted(criterion, memory, seen, chosen, passed):
        learned.append((chosen, passed))
        return memory

    monkeypatch.setattr(iteration, "remember", noted)
    rule = bs.criteria.upper_confidence()
    assert rule.asks_filter
    seed = seed_of(
        bs.boosting(
            attempts=2, labeler=bs.FirstModel(), labels_per_visit=6, criterion=rule, budget=3.0
        )
    )
    _, _, spent = gathered(seed)
    ((chosen, passed),) = learned
    prompts, _ = seed._visited(1)
    right = seed._asked(1, prompts, chosen).right.mean(1)
    assert len(set(right[chosen])) > 2
    assert (passed[chosen] == right[chosen]).all()
    assert spent["filter_calls"] == pytest.approx(2.0 + spent["labels"])


SLOTS = {
    "weight": bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=WEAK, label_weight=0.3),
    "share": bs.boosting(attempts=2, labeler=bs.FirstModel(), label_share=1 / 3),
    "several": bs.boosting(attempts=2, labeler=WEAK, labels_per_visit=3, budget=0.6),
    "first model": bs.boosting(attempts=2, labeler=bs.FirstModel(0.5), label_weight=2.0),
    "until": bs.boosting(attempts=3, filter=bs.NoisyFilter(0.1), labeler=WEAK, until_accepted=True),
    "all": bs.boosting(
        attempts=3,
        filter=bs.NoisyFilter(0.1),
        labeler=bs.FirstModel(),
        until_accepted=True,
        label_weight=[0.5, 2.0, 1.0],
        labels_per_visit=2,
        budget=[0.3, 0.4, 0.5],
    ),
}


def words(procedure, first, rows, quality, number):
    """One iteration's law, weights of prompts, labels and attempts, from the words, densely."""
    now = procedure.at(number)
    accept = np.where(quality == 1.0, *now.filter.accept)
    mass = rows * accept
    rate = mass.sum(1)
    failed = (1.0 - rate) ** now.attempts
    labeled = failed.copy()
    if now.budget is not None:
        labeled *= min(1.0, now.budget / now.labels_per_visit / failed.mean())
    labels = now.labels_per_visit * labeled
    if isinstance(now.labeler, bs.FirstModel):
        law = first ** (1.0 / now.labeler.temperature)
        law /= law.sum(1, keepdims=True)
    else:
        law = 0.4 * quality + 0.6 * TASK.mistake_law("spread")
    kept = 1.0 - failed
    weight = now.label_weight
    if now.label_share is not None:
        weight = now.label_share / (1.0 - now.label_share) * kept.sum() / labels.sum()
    examples = (kept / rate)[:, None] * mass + (weight * labels)[:, None] * law
    tried = (failed if now.until_accepted else 1.0) * now.attempts
    if now.until_accepted:
        stops = [rate * (1.0 - rate) ** (n - 1) * n for n in range(1, now.attempts + 1)]
        tried = tried + sum(stops)
    return examples, labels.mean(), (kept + labels).mean(), np.mean(tried * np.ones(len(rows)))


@pytest.mark.parametrize(
    ("name", "regime"),
    [
        *((name, "replace") for name in SLOTS),
        *(("share", "accumulate"), ("all", "accumulate"), ("share", bs.Window(2))),
    ],
)
def test_the_exact_law_is_that_of_the_words_and_of_the_table(name, regime):
    procedure = dataclasses.replace(SLOTS[name], regime=regime)
    seed = seed_of(procedure, Population())
    rows = first = seed.first_rows
    law = listed.TrainingLaw(procedure, LISTING, rows, jax.random.key(0))
    carried, batches = seed.first_carried(), [first]
    most = {"replace": 1, "accumulate": 9}.get(regime, 2)
    bought = made = 0.0
    for number in (1, 2, 3):
        target = law(rows, carried, number)
        examples, labels, counted, tried = words(procedure, first, rows, LISTING.quality, number)
        batches.append(examples)
        before = sum(batches[-most:])
        size = before.sum(1, keepdims=True)
        assert target.rows == pytest.approx(before / size)
        assert target.weight == pytest.approx(size[:, 0] / size.sum())
        assert target.labels == pytest.approx(labels)
        assert target.tried == pytest.approx(tried)
        assert target.examples == pytest.approx(counted)
        rows, carried, bought, made = target.rows, target.carried, bought + labels, made + tried
    trace = bs.simulate(*listed.tabular(procedure, LISTING, first), 3)
    assert LISTING.weights @ (rows * LISTING.quality).sum(1) == pytest.approx(
        trace.accuracy.values[0, 3]
    )
    assert trace.labels.values[0, 3] == pytest.approx(bought)
    assert trace.generations.values[0, 3] == pytest.approx(made)


@pytest.mark.parametrize("how", [{"exact": True}, {"visits": 3}, {"prompts_per_iteration": 16}])
def test_the_same_object_runs_in_every_cell(how):
    trace = bs.simulate(SLOTS["all"], TASK, 2, learner=TINY, key=2, **how)
    assert np.isfinite(trace.accuracy).all()
    assert 0.0 < trace.labels.values[0, 2] <= 2.0
    made = np.diff(trace.generations.values[0])
    assert ((made >= 1.0) & (made < 3.0)).all()
    # One look at each attempt, and one token in it.
    assert trace.filter_calls.values == pytest.approx(trace.generations.values)
    assert trace.tokens.values == pytest.approx(trace.generations.values)
    assert json.loads(trace.procedure)["labels_per_visit"] == 2


def test_where_prompts_are_listed_a_trace_says_what_the_first_model_is_worth(tmp_path):
    """On average over prompts and seeds, and where it is least; of a run that is done, too."""
    procedure = bs.boosting(labeler=bs.FirstModel(temperature=2.0))
    how = {"learner": TINY, "key": 4, "seeds": 2, "visits": 2}
    right = []
    for number in range(2):
        seed = dataclasses.replace(
            seed_of(procedure), key=jax.random.fold_in(jax.random.key(4), number)
        )
        warm = np.sqrt(seed.first_rows)
        right.append((warm * LISTING.quality).sum(1) / warm.sum(1))
    for iterations, folder in ((0, None), (1, tmp_path), (1, tmp_path)):
        trace = bs.simulate(procedure, TASK, iterations, folder=folder, **how)
        assert trace.beta == pytest.approx(np.mean(right))
        assert trace.beta_least == pytest.approx(np.min(right))
    # What is declared needs no measuring.
    plain = bs.simulate(bs.boosting(labeler=WEAK), TASK, 0, **how)
    assert not {"beta", "beta_least"} & set(plain.attrs)


def test_a_run_that_weighs_goes_on_to_the_same_numbers(tmp_path):
    procedure = dataclasses.replace(SLOTS["share"], regime="accumulate")
    given = {"learner": TINY, "visits": 2, "key": 4}
    whole = bs.simulate(procedure, TASK, 3, **given)
    bs.simulate(procedure, TASK, 1, folder=tmp_path, **given)
    resumed = bs.simulate(procedure, TASK, 3, folder=tmp_path, **given)
    assert resumed.drop_vars("seconds").identical(whole.drop_vars("seconds"))
    with np.load(tmp_path / "seed-0.piece") as file:
        assert file["a_data"].shape[1] == TASK.prompt_length + TASK.response_length + 1
        assert len(set(file["a_data"][:, -1])) > 1


def test_a_folder_of_a_run_without_them_is_as_it_was(tmp_path):
    """No slot that is not used, and no weights, stand in its file."""
    plain = bs.boosting(attempts=2, labeler=WEAK, regime="accumulate")
    bs.simulate(plain, TASK, 1, folder=tmp_path, learner=TINY, visits=2, key=4)
    told = look_into(tmp_path, "")["procedure"]
    with np.load(tmp_path / "seed-0.piece") as file:
        assert file["a_data"].shape[1] == TASK.prompt_length + TASK.response_length
    names = {"label_weight", "label_share", "labels_per_visit", "until_accepted"}
    assert not names & set(told)


CASES = {
    "a promise that cannot be read off": (
        lambda: bs.simulate(
            bs.boosting(labeler=bs.FirstModel(beta=0.1)), bs.programs(), 1, learner=TINY, key=0
        ),
        "beta must be None where the first model's rows cannot be read off",
    ),
    "a promise that is not kept": (
        lambda: bs.simulate(
            bs.boosting(labeler=bs.FirstModel(beta=0.999)), TASK, 1, visits=2, learner=TINY, key=0
        ),
        "rows must be correct with at least the declared beta 0.999",
    ),
    "disagreement of attempts that stop": (
        lambda: bs.simulate(
            bs.boosting(
                attempts=3,
                labeler=WEAK,
                until_accepted=True,
                criterion=bs.criteria.disagreement,
                budget=0.1,
            ),
            TASK,
            1,
            visits=2,
            learner=TINY,
            key=0,
        ),
        "criterion must be one that does not read the disagreement where attempts stop",
    ),
    "more labels than fit": (
        lambda: bs.simulate(
            bs.boosting(labeler=WEAK, labels_per_visit=1000),
            bs.programs(),
            1,
            prompts_per_iteration=100_000,
            learner=TINY,
            key=0,
        ),
        "labels_per_visit",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_bad_input_is_refused_in_words(case):
    call, told = CASES[case]
    with pytest.raises(ValueError, match=told) as refused:
        call()
    assert "\n" not in str(refused.value)


def test_a_gap_report_says_why_no_bound_holds():
    for name in ("weight", "share", "several", "first model"):
        one = dataclasses.replace(SLOTS[name], attempts=1, filter=bs.NoisyFilter(0.0), budget=None)
        assert gap.why_no_bound(one) in (
            "the labeler is the first model",
            "labels weigh otherwise than accepted responses",
            "a labelled visit gets more than one label",
        )
    once = bs.boosting(labeler=WEAK, until_accepted=True)
    assert gap.why_no_bound(once) is None
