"""A transformer in the exact cell, and the report that sets all four cells side by side."""

import dataclasses
import itertools
import json

import jax
import numpy as np
import pytest
from alarms import assert_law, hoeffding
from hypothesis import given, settings
from hypothesis import strategies as st
from precision import apart

import boostsim as bs
from boostsim import gap
from boostsim.learners import generate, train
from boostsim.simulation.seeing import Population, VisitsEach
from boostsim.simulation.tables.state import State
from boostsim.simulation.tokens import listed, loop
from boostsim.simulation.tokens.carried import Carried
from boostsim.simulation.tokens.iteration import Seed

TASK = bs.lookup(24, 4)
SMALL = bs.Transformer(width=16, heads=2, layers=1, steps=24, first_steps=32)
BOOSTING = bs.boosting(labeler=bs.WeakLabeler(0.4, wrong="spread"))
LISTING = listed.Listing(TASK)


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))


def first_rows(seed=0, learner=SMALL):
    run = loop.make_run(dataclasses.replace(BOOSTING, learner=learner), TASK, Population())
    return Seed(run, jax.random.key(seed)).first_rows


def test_rows_are_the_law_of_what_is_said():
    model = bs.Transformer(width=16, heads=2, layers=1)
    parameters = model.network.initial(len(TASK.symbols), 4, jax.random.key(5))
    rows = generate.next_law(model, parameters, LISTING.prompts)
    assert rows.dtype == np.float64
    assert rows.sum(1) == pytest.approx(1.0, abs=1e-12)
    assert (rows[:, 0] == 0).all()
    many = np.repeat(LISTING.prompts[:1], 4000, axis=0)
    said, _ = generate.generate(model, parameters, many, 1, jax.random.key(6))
    counts = np.bincount(said[:, 0], minlength=len(TASK.symbols))
    assert_law("rows_of_a_transformer", counts[1:], rows[0, 1:])


def test_the_exact_measures_are_expectations_of_the_drawn_ones():
    rows = first_rows()
    by_hand = LISTING.measure(rows, 2)
    p = (rows * LISTING.quality).sum(1)
    known = TASK.stratum(LISTING.prompts) == 0
    assert by_hand["accuracy"] == pytest.approx([p[known].mean(), p[~known].mean()])
    # Of two draws: the first counts, the second where it differs.
    same = (rows**2).sum(1)
    assert by_hand["distinct"][0] == pytest.approx(((2.0 - same) / 2.0)[known].mean())
    assert by_hand["pass_at_k"][0] == pytest.approx((p + (1 - p) * p)[known].mean())
    assert by_hand["entropy"][1] == pytest.approx(
        -(rows * np.log(np.maximum(rows, 1e-300))).sum(1)[~known].mean()
    )


def test_the_training_law_is_the_tables_next_model():
    """Whatever the procedure: a table with the transformer's rows, one exact iteration on."""
    rows = first_rows()
    procedures = [
        BOOSTING,
        bs.boosting(attempts=3, filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.3)),
        bs.random_labels(rate=0.2, attempts=2, labeler=bs.WeakLabeler(0.3, wrong="concentrated")),
        bs.filter_only(attempts=2, filter=bs.NoisyFilter(0.1), keep="all"),
        bs.labels_only(labeler=bs.WeakLabeler((0.2, 0.7), wrong="spread")),
        bs.boosting(labeler=bs.WeakLabeler(0.3, wrong="shuffled")),
        bs.boosting(labeler=bs.WeakLabeler(0.3), regime="anchor", real_share=0.5),
        bs.boosting(
            attempts=2, labeler=bs.WeakLabeler(0.3), sharpening=bs.Sharpening(temperature=0.5)
        ),
    ]
    for procedure in procedures:
        rule, table = listed.tabular(procedure, LISTING, rows)
        trace = bs.simulate(rule, table, 1, record=("entropy", "prompt"))
        target = listed.TrainingLaw(procedure, LISTING, rows, jax.random.key(0))(rows)
        assert target.carried == Carried()
        assert target.rows.sum(1) == pytest.approx(1.0)
        assert (target.rows * LISTING.quality).sum(1) == pytest.approx(trace.accuracy.values[0, 1])
        entropy = -(target.rows * np.log(np.where(target.rows > 0, target.rows, 1))).sum(1)
        assert LISTING.weights @ entropy == pytest.approx(trace.entropy.values[0, 1])
        assert target.labels == pytest.approx(trace.labels.values[0, 1])
        assert target.weight.sum() == pytest.approx(1.0)


def test_prompts_weigh_as_much_as_they_have_examples():
    rows = np.random.default_rng(0).dirichlet(np.ones(len(TASK.symbols)), 24)
    right = (rows * LISTING.quality).sum(1)
    assert right.max() > 2 * right.min()
    filt = bs.NoisyFilter(false_accept=0.1, false_reject=0.3)
    accepted = 0.7 * right + 0.1 * (1.0 - right)
    cases = [
        (bs.filter_only(attempts=2, filter=filt, keep="one"), 1.0 - (1.0 - accepted) ** 2, 0.0),
        (bs.filter_only(attempts=2, filter=filt, keep="all"), 2.0 * accepted, 0.0),
        (bs.boosting(filter=filt, labeler=bs.WeakLabeler(0.3), budget=0.0), accepted, 0.0),
        (bs.boosting(filter=filt, labeler=bs.WeakLabeler((0.2, 0.8))), 1.0, 1.0 - accepted),
    ]
    for procedure, examples, labels in cases:
        target = listed.TrainingLaw(procedure, LISTING, rows, jax.random.key(0))(rows)
        made = np.broadcast_to(examples, 24)
        assert target.weight == pytest.approx(made / made.sum())
        assert target.examples == pytest.approx(made.mean())
        assert target.labels == pytest.approx(np.mean(labels))
    beta = np.where(TASK.stratum(LISTING.prompts) == 0, 0.2, 0.8)
    assert target.label_accuracy == pytest.approx(np.average(beta, weights=labels))


def test_accumulated_laws_are_those_of_the_table_where_learning_is_perfect():
    procedure = dataclasses.replace(BOOSTING, regime="accumulate")
    rows = first = first_rows()
    law = listed.TrainingLaw(procedure, LISTING, rows, jax.random.key(0))
    seen = Carried(rows, np.ones(len(rows)))
    for _ in range(3):
        target = law(rows, seen)
        rows, seen = target.rows, target.carried
    rule, table = listed.tabular(procedure, LISTING, first)
    trace = bs.simulate(rule, table, 3, record="prompt")
    assert (rows * LISTING.quality).sum(1) == pytest.approx(trace.accuracy.values[0, 3])
    assert seen.examples == pytest.approx(1.0 + 3.0)
    # It is what was trained on, not what was learned of it: here something else was.
    other = np.roll(rows, 1, axis=1)
    kept = other * LISTING.quality
    failed = 1.0 - kept.sum(1, keepdims=True)
    labels = 0.4 * LISTING.quality + 0.6 * TASK.mistake_law("spread")
    by_hand = (4.0 * seen.data + kept + failed * labels) / 5.0
    assert law(other, seen).rows == pytest.approx(by_hand)


def test_what_is_carried_is_typed_alike_in_all_cells():
    """Of the same names, and None where there is nothing to carry; it survives a file."""
    besides = [field.name for field in dataclasses.fields(State)]
    alike = tuple(besides[besides.index("data") : besides.index("iteration")])
    # How many rows of a window's data are of each iteration a table tells by their shape.
    assert Carried._fields == (*alike, "batches")
    hedge = dataclasses.replace(BOOSTING, criterion=bs.criteria.hedge(), budget=0.5)
    heavy = dataclasses.replace(BOOSTING, label_weight=2.0)
    cells = itertools.product((BOOSTING, hedge, heavy), (Population(), VisitsEach(2)))
    for procedure, how in cells:
        for regime in ("replace", "accumulate", bs.Window(3)):
            chosen = dataclasses.replace(procedure, regime=regime, learner=SMALL)
            seed = Seed(loop.make_run(chosen, TASK, how), jax.random.key(0))
            carried, exact = seed.first_carried(), how == Population()
            assert (carried.data is None) == (regime == "replace")
            assert (carried.batches is None) == (regime != bs.Window(3))
            weighs = exact or procedure is heavy
            assert (carried.examples is None) == (regime == "replace" or not weighs)
            assert (carried.memory is None) == (procedure is not hedge)
            read = Carried.of(carried.arrays(), seed.first_memory(), exact=exact, weighs=weighs)
            assert jax.tree.structure(read) == jax.tree.structure(carried)
            assert jax.tree.all(jax.tree.map(np.array_equal, read, carried))


def test_labels_drawn_once_stay():
    procedure = dataclasses.replace(
        BOOSTING, labeler=bs.WeakLabeler(0.5, wrong="spread", persistent=True)
    )
    rows = first_rows()
    laws = [
        listed.TrainingLaw(procedure, LISTING, rows, jax.random.key(seed)) for seed in (0, 0, 1)
    ]
    one, again, other = (law(rows) for law in laws)
    assert (one.rows == again.rows).all()
    assert not np.allclose(one.rows, other.rows)
    assert set(laws[0].label_accuracies["labels"].tolist()) == {0.0, 1.0}


def test_the_mistakes_have_the_law_that_is_written_down():
    rng = np.random.default_rng(3)
    entry = np.full(30_000, 5)
    prompts = TASK.written(entry)
    for noise in TASK.noises:
        seen = np.bincount(TASK.mistake(noise, rng, prompts)[:, 0], minlength=len(TASK.symbols))
        law = TASK.mistake_law(noise)
        assert law.shape == (24, len(TASK.symbols))
        assert law.sum(1) == pytest.approx(1.0)
        there = law[5] > 0
        assert seen[~there].sum() == 0
        if there.sum() > 1:
            assert_law("laws_of_mistakes", seen[there], law[5][there])


def test_empirical_rows_are_shares():
    rows = first_rows()
    frames = np.concatenate([LISTING.prompts[[0, 0, 0, 3]], [[3], [3], [4], [5]]], axis=1)
    after = listed.empirical(LISTING, rows, frames)
    assert after[0, 3] == pytest.approx(2 / 3)
    assert after[0, 4] == pytest.approx(1 / 3)
    assert after[3, 5] == 1.0
    assert (after[1] == rows[1]).all()
    found = listed.slack(LISTING, after, rows)
    by_hand = np.abs(after - rows).sum(1) / 2
    assert found["slack"] == pytest.approx(by_hand.mean())
    assert found["slack_worst_prompt"] == by_hand.max()


def test_fitting_a_law_is_the_limit_of_training_on_many_draws():
    """The gradient is the same: that of examples in the law's proportions."""
    model = bs.Transformer(width=16, heads=2, layers=1)
    parameters = model.network.initial(len(TASK.symbols), 4, jax.random.key(2))
    rng = np.random.default_rng(0)
    counts = rng.integers(0, 4, (24, 5))
    prompt, answer = np.nonzero(counts)
    repeated = counts[prompt, answer]
    frames = np.concatenate(
        [
            np.repeat(LISTING.prompts[prompt], repeated, axis=0),
            np.repeat(3 + answer[:, None] - 1, repeated, axis=0),
        ],
        axis=1,
    ).astype(np.int32)
    law = np.zeros((24, len(TASK.symbols)), np.float32)
    law[:, 2:7] = counts
    size = law.sum(1)
    law /= np.maximum(size, 1.0)[:, None]
    weight = (24 * size / size.sum()).astype(np.float32)
    examples, slope = jax.jit(
        jax.value_and_grad(lambda parameters: train.loss(model.network, parameters, frames, 3))
    )(parameters)
    fitted, other = jax.jit(
        jax.value_and_grad(
            lambda parameters: train.law_loss(
                model.network, parameters, (LISTING.prompts, law, weight), 3
            )
        )
    )(parameters)
    assert float(examples) == pytest.approx(float(fitted), rel=apart())
    for name in slope:
        assert np.asarray(slope[name]) == pytest.approx(np.asarray(other[name]), abs=apart(0.1))


def test_one_step_of_fitting_is_one_of_training():
    """On prompts of unlike weight; a batch of training then holds the law as it is."""
    parameters = SMALL.network.initial(len(TASK.symbols), 4, jax.random.key(3))
    counts = 1 + np.arange(24) % 3
    law = 0.5 * LISTING.quality + 0.5 * np.roll(LISTING.quality, 1, axis=1)
    prompt, answer = np.nonzero(law)
    frames = np.concatenate([LISTING.prompts[prompt], answer[:, None]], axis=1)
    frames = np.repeat(frames, counts[prompt], axis=0).astype(np.int32)
    learner = dataclasses.replace(SMALL, steps=1, batch=len(frames), learning_rate=1e-2)
    key = jax.random.key(0)
    weight = counts / counts.sum()
    fitted, _ = train.fit(learner, parameters, LISTING.prompts, law, weight, key)
    trained, _ = train.train(learner, parameters, frames, 3, key, steps=1, learning_rate=1e-2)
    evenly, _ = train.fit(learner, parameters, LISTING.prompts, law, np.full(24, 1 / 24), key)
    rows = [generate.next_law(SMALL, one, LISTING.prompts) for one in (fitted, trained, evenly)]
    # A first step of Adam is nearly the gradient's sign: where that is rounding, it may differ.
    assert np.abs(rows[0] - rows[1]).max() < 0.1 * np.abs(rows[2] - rows[1]).max()


@given(
    beta=st.floats(0.05, 1.0),
    steps=st.sampled_from([1, 8, 24]),
    key=st.integers(0, 1000),
    start=st.sampled_from(["last", "first"]),
)
@settings(max_examples=6)
def test_T6_bounds_a_transformer_that_is_fitted_to_the_law(beta, steps, key, start):
    """A theorem about any learner; so about this one, with the slack that it has."""
    learner = dataclasses.replace(SMALL, steps=steps, start=start)
    procedure = bs.boosting(labeler=bs.WeakLabeler(beta, wrong="concentrated"))
    trace = bs.simulate(procedure, TASK, 3, learner=learner, exact=True, key=key)
    error, slack = trace.error.values[0], trace.slack.values[0]
    bound = gap.bounds(procedure, error[0], slack, True)
    assert (error <= bound["bound"] + 1e-9).all()
    assert (bound["bound"] <= bound["bound_constant"] + 1e-9).all()
    for t in range(3):
        assert abs(error[t + 1] - (1 - beta) * error[t]) <= slack[t + 1] + 1e-9


def test_the_four_cells_start_together_and_a_good_learner_follows_the_law():
    learner = bs.Transformer(width=32, heads=4, steps=192, first_steps=64)
    report = bs.gap_report(BOOSTING, TASK, 4, learner=learner, visits=6, seeds=2, key=4)
    table = report.table
    assert len(table) == 2 * 5
    for seed, rows in table.groupby("seed"):
        errors = rows[list(gap.CELLS)].to_numpy()
        assert errors[0] == pytest.approx(errors[0, 0])
        law = bs.laws.boosting_error(
            beta=0.4, attempts=1, initial_error=errors[0, 0], iterations=np.arange(5)
        )
        assert rows.table_exact.to_numpy() == pytest.approx(law, rel=1e-12)
        # T6 holds from both sides, and the slack is small enough for it to say something.
        off = (rows.transformer_exact - law).abs().to_numpy()
        assert (off <= rows.bound.to_numpy() - law + 1e-9).all()
        assert rows.slack[1:].max() < 0.2
        # Of one attempt on a table the expectation is the law: 64 runs, 24 prompts on their own.
        for t in range(1, 5):
            far = hoeffding("four_cells", 64 * 24)
            assert abs(rows.table_sampled.to_numpy()[t] - law[t]) < far < 0.08
        together = rows.sampling_error + rows.learning_error + rows.interaction
        assert (rows.table_exact + together).to_numpy() == pytest.approx(
            rows.transformer_sampled.to_numpy()
        ), seed
    fitted = report.fitted[report.fitted.cell == "table_exact"]
    assert fitted.beta.to_numpy() == pytest.approx(0.4, abs=1e-6)
    assert fitted.gamma.to_numpy() == pytest.approx(0.0, abs=1e-6)


def test_a_report_is_read_by_people_and_programs():
    report = bs.gap_report(BOOSTING, TASK, 4, learner=SMALL, visits=6, seeds=2, key=4)
    text = report.summary()
    assert "T6 allows an error of at most" in text
    assert "table, exact is nearest to boosting with beta 0.400 and gamma 0.0000, off by" in text
    whole = json.loads(report.to_json())
    assert whole["conditions"]["visits"] == 6
    assert whole["table"][0]["slack"] is None
    assert len(whole["fitted"]) == 8


@pytest.mark.parametrize(
    ("procedure", "said"),
    [
        (bs.boosting(attempts=2, labeler=bs.WeakLabeler(0.3)), "it is for one attempt"),
        (
            bs.boosting(filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.3)),
            "it is for a perfect filter",
        ),
        (bs.boosting(labeler=bs.WeakLabeler(0.3), budget=0.1), "there is a budget"),
        (bs.boosting(labeler=bs.WeakLabeler((0.3, 0.2))), "beta is not one number"),
        (bs.uncurated(), "it is for a perfect filter"),
        (bs.filter_only(attempts=1, keep="one"), "there is no labeler"),
        (bs.boosting(labeler=bs.WeakLabeler(0.3, persistent=True)), "labels persist"),
        (
            bs.boosting(filter=bs.NoisyFilter(0.0, persistent=True), labeler=bs.WeakLabeler(0.3)),
            "verdicts persist",
        ),
        (
            bs.boosting(labeler=bs.WeakLabeler(0.3), regime="accumulate"),
            "the regime is 'accumulate'",
        ),
        (bs.random_labels(rate=0.1, labeler=bs.WeakLabeler(0.3)), "the criterion is not 'failed'"),
        (bs.boosting(labeler=bs.WeakLabeler(0.3), keep="all"), "every accepted response is kept"),
        (
            bs.boosting(labeler=bs.WeakLabeler(0.3), sharpening=bs.Sharpening(temperature=0.5)),
            "attempts are sharpened",
        ),
    ],
)
def test_where_T6_says_nothing_the_report_says_why(procedure, said):
    assert gap.why_no_bound(procedure) == said


def test_a_report_without_bound_or_fit(monkeypatch):
    def of_before(*told, **how):
        trace = run(*told, **how)
        return trace.assign_attrs(resumed="seed 0") if told[2] == Population() else trace

    run = gap.simulate_tokens
    monkeypatch.setattr(gap, "simulate_tokens", of_before)
    report = bs.gap_report(
        bs.filter_only(attempts=2, keep="one"), TASK, 1, learner=SMALL, visits=2, key=0
    )
    assert report.table.bound.isna().all()
    assert report.fitted.beta.isna().all()
    # What of its runs was computed before an upgrade it says with them.
    assert report.conditions["resumed"] == "exact: seed 0"
    assert "T6 says nothing here: it is for one attempt." in report.summary()
    assert "No beta and gamma are fitted: there is no labeler." in report.summary()
    short = "fewer than three iterations do not tell beta from gamma"
    assert gap.why_no_fit(BOOSTING, 2) == short


@given(
    beta=st.floats(0.02, 0.98),
    gamma=st.floats(0.0, 0.45),
    attempts=st.sampled_from([1, 3]),
    seed=st.integers(0, 99),
)
@settings(max_examples=15)
def test_the_curve_is_the_exact_run_and_is_fitted_back(beta, gamma, attempts, seed):
    table = bs.random_table(seed, prompts=12, responses=3, solvable=0.5)
    procedure = bs.boosting(
        attempts=attempts, filter=bs.NoisyFilter(gamma), labeler=bs.WeakLabeler(beta)
    )
    trace = bs.simulate(procedure, table, 6)
    first = 1.0 - (table.initial * table.quality).sum(1)
    weights = table.prompt_weights
    curve = gap.boosting_curve(beta, gamma, attempts, first, weights, 6)
    assert curve == pytest.approx(trace.error.values[0], rel=1e-9, abs=1e-12)
    _, _, rest = gap.fit_boosting(curve, first, weights, attempts, (beta, gamma))
    assert rest < 1e-8


def test_a_fit_names_the_pair():
    first, weights = np.array([0.9, 0.5]), np.array([0.5, 0.5])
    for pair in ((0.3, 0.0), (0.3, 0.1), (0.05, 0.3), (0.9, 0.3)):
        curve = gap.boosting_curve(*pair, 1, first, weights, 10)
        found = gap.fit_boosting(curve, first, weights, 1, pair)
        assert found[:2] == pytest.approx(pair, abs=1e-6)


def test_an_exact_run_is_resumed_and_says_what_it_is(tmp_path):
    procedure = dataclasses.replace(BOOSTING, regime="accumulate")
    run = {"learner": SMALL, "exact": True, "key": 1}
    whole = bs.simulate(procedure, TASK, 3, **run)
    bs.simulate(procedure, TASK, 1, folder=tmp_path / "run", **run)
    resumed = bs.simulate(procedure, TASK, 3, folder=tmp_path / "run", **run)
    assert resumed.drop_vars("seconds").identical(whole.drop_vars("seconds"))
    assert whole.attrs["visits"] == "unlimited"
    assert whole.attrs["level"] == "neural, exact"
    assert whole.examples.values[0, 1:] == pytest.approx(1.0)
    # One visit each makes one example each, kept or labelled.
    sampled = bs.simulate(BOOSTING, TASK, 1, learner=SMALL, visits=2, key=1)
    assert sampled.examples.values[0, 1] == 48
    assert sampled.attrs["visits"] == 2
    assert sampled.slack.values[0, 1] > 0


def test_the_weights_are_those_of_the_task():
    assert LISTING.weights.sum() == pytest.approx(1.0)
    assert LISTING.weights == pytest.approx(1 / 24)
    assert (LISTING.quality.sum(1) == 1.0).all()


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (
            lambda: bs.simulate(BOOSTING, bs.programs(2), 1, learner=SMALL, exact=True, key=0),
            "task must be one whose prompts can be listed",
        ),
        (
            lambda: bs.simulate(BOOSTING, bs.programs(2), 1, learner=SMALL, visits=3, key=0),
            "task must be one whose prompts can be listed",
        ),
        (
            lambda: bs.simulate(BOOSTING, TASK, 1, learner=SMALL, exact=True, visits=3, key=0),
            "visits must be None in an exact run",
        ),
        (
            lambda: bs.simulate(BOOSTING, TASK, 1, learner=SMALL, exact=True, pool=3000, key=0),
            "pool must be None where every prompt is visited",
        ),
        (
            lambda: bs.simulate(BOOSTING, TASK, 1, learner=SMALL, evaluate=5, key=0),
            "evaluate must be None with this task",
        ),
        (
            lambda: bs.gap_report(BOOSTING, TASK, 0, learner=SMALL, key=0),
            "iterations must be a whole number of at least 1",
        ),
        (
            lambda: bs.gap_report(
                dataclasses.replace(BOOSTING, labeler=bs.WeakLabeler(0.3, persistent=True)),
                *(TASK, 1),
                learner=SMALL,
                key=0,
            ),
            "labeler must be fresh in a gap report",
        ),
        (
            lambda: bs.gap_report(BOOSTING, TASK, 1, learner=SMALL, visits=0, key=0),
            "visits must be a whole number of at least 1",
        ),
        (
            lambda: bs.gap_report(BOOSTING, bs.random_table(0), 1, learner=SMALL, key=0),
            "task must be one in tokens",
        ),
    ],
)
def test_bad_input_is_refused_in_words(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_a_labeler_that_drifts_has_no_bound_and_no_fit():
    drifting = bs.DriftingLabeler(0.9, later=bs.WeakLabeler(0.05), between=(1, 3))
    assert "drifts" in gap.why_no_fit(bs.boosting(labeler=drifting), 5)


def test_bad_priorities_of_an_exact_run_are_told():
    @bs.criterion
    def negative(visits):
        return -1.0 * (visits.disagreement > 0)

    procedure = bs.boosting(labeler=bs.WeakLabeler(0.4), criterion=negative)
    rows = np.random.default_rng(0).dirichlet(np.ones(len(TASK.symbols)), 24)
    law = listed.TrainingLaw(procedure, LISTING, rows, jax.random.key(0))
    with pytest.raises(ValueError, match=r"'negative' must return finite .* prompt 0 with 0 of 1"):
        law(rows)
