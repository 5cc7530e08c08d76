"""``bs.fit``: a log in, plain sentences out, and a world that every other function takes."""

import json
import warnings

import numpy as np
import pytest
from made_logs import made
from scipy.special import expit, logit
from test_world import drawn, log_of
from threadpoolctl import threadpool_info, threadpool_limits

import boostsim as bs
from boostsim import cli
from boostsim.fitting.found import TRUTH
from boostsim.fitting.likelihood import Problem
from boostsim.fitting.threads import one_thread


@pytest.fixture(scope="module")
def plain():
    return bs.fit(log_of(drawn(np.random.default_rng(0), 120, 6, 0.3)))


def audited_log(rng, prompts=150, labels=False):
    right = expit(logit(rng.beta(1.0, 1.5, prompts))[:, None] + 0.3 * np.arange(4))
    good = rng.binomial(8, right)
    passed, slipped = rng.binomial(good, 0.9), rng.binomial(8 - good, 0.1)
    more = {
        "audited": np.full(good.size, 8),
        "audited_correct": good.ravel(),
        "audited_accepted": (passed + slipped).ravel(),
        "audited_accepted_correct": passed.ravel(),
    }
    if labels:
        bought = ((passed + slipped) == 0).ravel().astype(int)
        more |= {"labelled": bought, "label_correct": rng.binomial(bought, 0.4)}
    return log_of(passed + slipped, **more)


def test_without_an_audit_it_says_first_that_verdicts_are_taken_for_truth(plain):
    assert plain.summary().splitlines()[0] == TRUTH
    assert json.loads(plain.to_json())["verdicts_taken_for_truth"] is True
    given = bs.fit(plain.log, filter=bs.NoisyFilter(0.01))
    assert given.summary().splitlines()[0].startswith("Filter, as given: false accept 0.01")
    audited = bs.fit(audited_log(np.random.default_rng(1)))
    assert audited.summary().splitlines()[0].startswith("False accept: 0.")
    assert TRUTH not in audited.summary()


def test_an_audit_sets_the_filter_and_widens_the_intervals():
    log = audited_log(np.random.default_rng(2))
    found = bs.fit(log)
    one, other = found.filter.accept
    assert one == pytest.approx(0.9, abs=0.03)
    assert other == pytest.approx(0.1, abs=0.03)
    known = bs.fit(log, filter=bs.NoisyFilter(false_accept=other, false_reject=1.0 - one))
    assert found.speed.log_ratio == pytest.approx(known.speed.log_ratio, abs=1e-6)
    assert found.first.high - found.first.low > known.first.high - known.first.low
    assert found.speed.low < 0.3 < found.speed.high


def test_the_fitted_world_is_one_of_boostsims(plain):
    """Exact runs from the fitted task by the fitted procedure are the world's own path."""
    task, procedure = plain.task(), plain.procedure()
    assert plain.explained.best == "odds"
    trace = bs.simulate(procedure, task, 5)
    assert trace.accuracy.values[0] == pytest.approx(plain.world.accuracy(5), abs=1e-6)
    ahead = bs.simulate(procedure, plain.task("last"), 2).accuracy.values[0]
    assert ahead == pytest.approx(plain.world.accuracy(7)[5:], abs=1e-6)


def test_a_log_that_the_simulator_wrote_is_fitted_to_what_it_ran(tmp_path):
    """A policy gradient with a noisy filter, audited: filter, speed and mean are found again."""
    procedure = bs.Procedure(
        attempts=8, filter=bs.NoisyFilter(0.1), keep="all", learner=bs.PolicyGradient(0.4)
    )
    task = bs.random_table(0, prompts=300, responses=4, solvable=0.8)
    trace = bs.simulate(procedure, task, 6, record=["prompt"])
    written = bs.write_log(
        trace, tmp_path / "run.jsonl", procedure=procedure, task=task, key=0, audited=2, visits=1
    )
    found = bs.fit(bs.read_log(written))
    # Four standard errors: the intervals themselves are held to their rates elsewhere.
    assert abs(found.speed.log_ratio - 0.4 * 0.8) < 4.0 * found.speed.standard_error
    accuracy = trace.accuracy.mean("prompt").values[0]
    for rate, truth in ((found.first, accuracy[0]), (found.last, accuracy[5])):
        assert abs(rate.value - truth) < rate.high - rate.low
    assert found.verdicts.false_accept.value == pytest.approx(0.1, abs=0.03)
    assert found.helpless > 0.2
    assert found.explained.best == "odds"


def test_plan_runs_on_it(plain):
    plan = bs.plan(
        beta=0.3, gamma=plain.filter.gamma or 0.0, error=1.0 - plain.last.value, target=0.1
    )
    assert plan.reachable


def test_compare_runs_on_it(plain):
    challenge = bs.Challenge(
        plain.task("last"), bs.WeakLabeler(0.3), plain.filter, attempts=plain.attempts
    )
    board = bs.compare(
        ["failed", "uniform"], {"log": challenge}, iterations=2, visits=2, seeds=2, key=0
    )
    assert set(board.table().criterion) >= {"failed", "uniform"}


@pytest.mark.parametrize("kind", ["strong", "arithmetic", "none"])
def test_each_learner_is_an_ordinary_one(kind):
    rng = np.random.default_rng(4)
    p = rng.beta(1.0, 2.0, 200)[:, None]
    right = {
        "strong": np.hstack([p, 0.8 * p / (0.8 * p + 0.2 * (1.0 - p))]),
        "arithmetic": 1.0 - (1.0 - p) * 0.7 ** np.arange(4),
        "none": np.repeat(p, 3, axis=1),
    }[kind]
    accept = (0.8, 0.2) if kind == "strong" else (1.0, 0.0)
    accepted = rng.binomial(64, accept[1] + (accept[0] - accept[1]) * right)
    noise = bs.NoisyFilter(0.2) if kind == "strong" else None
    found = bs.fit(log_of(accepted, 64), filter=noise)
    # One whole step on two iterations is a multiplication of odds by R = 4, too.
    best = (
        {found.explained.best, found.explained.runner_up}
        if kind == "strong"
        else {found.explained.best}
    )
    assert kind in best
    bs.simulate(found.procedure(), found.task(), 2)


def test_bought_labels_become_a_labeler():
    found = bs.fit(audited_log(np.random.default_rng(5), labels=True))
    procedure = found.procedure()
    assert procedure.criterion.name == "failed"
    assert procedure.labeler.beta == found.beta == pytest.approx(0.4, abs=0.15)
    assert procedure.budget == pytest.approx(found.log.labelled.mean(), rel=0.01)
    bs.simulate(procedure, found.task("last"), 1)


@pytest.mark.parametrize(
    "accepted",
    [[[3]], [[3], [5]], [[3, 4, 5]], [[8, 8], [8, 8]], [[0, 0], [0, 0]], [[0, 8], [0, 8]]],
    ids=["one record", "one iteration", "one prompt", "all solved", "none solved", "a jump"],
)
def test_poor_logs_are_told_in_words(accepted):
    found = bs.fit(log_of(accepted))
    told = found.summary() + found.to_json()
    assert "nan" not in told.lower()
    assert "Speed: none, for" in told
    assert found.first.low <= found.first.value <= found.first.high
    bs.simulate(found.procedure(), found.task("last"), 1)
    found.plot()


def test_bad_arguments_are_refused():
    log = log_of([[1, 2], [3, 4]])
    for call, told in (
        (lambda: bs.fit("log.jsonl"), "log must be a log, as bs.read_log returns it"),
        (lambda: bs.fit(log, looks=log), "looks must be looks"),
        (lambda: bs.fit(log, filter=0.1), "filter must be a filter such as"),
        (lambda: bs.fit(log, filter=bs.NoisyFilter(0.5)), "filter must accept right responses"),
        (lambda: bs.fit(log, confidence=1.0), "confidence must be strictly between 0 and 1"),
    ):
        with pytest.raises(ValueError, match=told):
            call()


def test_a_log_whose_odds_fall_has_no_learner():
    rng = np.random.default_rng(6)
    accepted = drawn(rng, 150, 5, 0.3)[:, ::-1]
    with pytest.raises(ValueError, match="no learner of boostsim's unlearns"):
        bs.fit(log_of(accepted)).procedure()


def test_the_command(tmp_path, capsys):
    accepted = drawn(np.random.default_rng(7), 40, 3, 0.3)
    path = tmp_path / "run.jsonl"
    with open(path, "w") as lines:
        for prompt, row in enumerate(accepted.tolist()):
            for iteration, count in enumerate(row):
                record = {
                    "prompt": prompt,
                    "iteration": iteration,
                    "attempts": 8,
                    "accepted": count,
                }
                print(json.dumps(record), file=lines)
    picture = tmp_path / "fit.png"
    assert cli.main(["fit", str(path), "--plot", str(picture)]) == 0
    # Below the settings.
    assert capsys.readouterr().out.partition("\n")[2].startswith(TRUTH)
    assert picture.stat().st_size > 0
    assert cli.main(["fit", str(path), "--gamma", "0.05", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["filter"]["gamma"] == 0.05
    assert cli.main(["fit", str(tmp_path / "none.jsonl")]) == 2
    assert isinstance(bs.read_log(path), bs.Log)


@pytest.mark.parametrize(
    ("attempts", "iterations", "told"),
    [
        (10**6 + 1, (0, 1), "at most 1,000,000 attempts in a record; got 1000001"),
        (2**53, (0, 1), "at most 1,000,000 attempts in a record; got 9007199254740992"),
        (
            4,
            (0, 1, 10**6),
            "span at most 100,000 steps; got 1,000,000 steps of 1, from iteration 0",
        ),
    ],
)
def test_what_would_take_hours_or_all_memory_is_refused(attempts, iterations, told):
    times = len(iterations)
    log = bs.Log(["a"], iterations, [0] * times, range(times), [attempts] * times, [1] * times)
    with pytest.raises(ValueError, match=f"^log must .*{told}"):
        bs.fit(log)


def test_distances_between_iterations_count_as_steps_of_what_divides_them():
    log = bs.Log(["a"], [0, 10**6, 3 * 10**6], [0] * 3, range(3), [8] * 3, [2, 4, 6])
    assert bs.fit(log).counts.times.tolist() == [0, 1, 3]


def test_one_prompt_is_one():
    log = bs.Log(["a", "b"], [0, 1], [0, 0, 1], [0, 1, 0], [4] * 3, [1, 2, 3])
    summary = bs.fit(log).summary()
    assert "2 prompts)" in summary
    assert "1 prompt)" in summary


def test_the_command_tells_a_warning_in_one_line(tmp_path, capsys):
    path = tmp_path / "log.jsonl"
    good = json.dumps({"prompt": "a", "iteration": 0, "attempts": 4, "accepted": 1})
    path.write_text(good + "\n{}\n")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert cli.main(["fit", str(path)]) == 0
    assert capsys.readouterr().err.startswith("boostsim: 1 of 2 lines of ")


def log_of_records(records, accepted, **more):
    prompts, times, attempts = np.array(records).T
    return bs.Log(
        prompts=np.unique(prompts),
        iterations=np.unique(times),
        prompt=prompts,
        iteration=times,
        attempts=attempts,
        accepted=np.array(accepted),
        **more,
    )


def test_the_last_iteration_is_one_that_most_prompts_met():
    """A run that is cut off leaves a few prompts ahead: they are not its result."""
    counts = [(name, time, 4) for name in range(10) for time in range(4)]
    accepted = [1, 2, 3, 3] * 10
    log = log_of_records([*counts, (9, 4, 4)], [*accepted, 4])
    found = bs.fit(log)
    assert found.last.iteration == 3
    assert found.last.prompts == 10


def test_a_log_that_knows_the_truth_is_not_taken_at_its_verdicts_word():
    records = [(name, 0, 4) for name in range(6)]
    found = bs.fit(log_of_records(records, [2] * 6, correct=np.ones(6, int)))
    assert "of 24 attempts on 6 prompts 6 are right and 12 accepted" in found.summary()
    assert found.first.low < 0.25 < found.first.high
    # The most likely ones of a1 (3 a0 (1 - a0)^2) + (1 - a1) (3 a0^2 (1 - a0)).
    assert found.filter.accept == (1.0, pytest.approx(1.0 / 3.0))
    same = bs.fit(log_of_records(records, [2] * 6, correct=np.full(6, 2)))
    assert same.filter.accept == (1.0, 0.0)


def test_what_does_not_hold_comes_before_what_cannot_be_checked():
    found = bs.fit(log_of_records([(name, 0, 4) for name in range(6)], [2] * 6)).summary()
    assert found.count("Not checkable") == 1
    assert "None of the theory's assumptions can be checked from this log." in found


def test_an_iteration_without_a_record_is_refused():
    prompt, iteration = [0, 0, 0, 1, 1, 1, 2, 2, 3], [0, 1, 4, 0, 1, 5, 0, 1, 0]
    accepted = [0, 0, 0, 2, 3, 4, 4, 4, 4]
    log = bs.Log(range(4), range(7), prompt, iteration, [4] * 9, accepted)
    with pytest.raises(ValueError, match="attempts in each of its iterations; got none in 2"):
        bs.fit(log)


@pytest.mark.parametrize("what", ["fit", "forecast", "backtest", "advise"])
def test_linear_algebra_has_one_thread_meanwhile_and_as_many_as_before_afterwards(
    what, monkeypatch
):
    """Several wait for one another, where the processors are busy for longer than they work."""
    log, seen, counted = made(0, prompts=12, iterations=6).log, set(), Problem.likelihoods

    def threads():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    def noted(problem, numbers):
        seen.update(threads())
        return counted(problem, numbers)

    found = bs.fit(log)
    works = {
        "fit": lambda: bs.fit(log),
        "forecast": lambda: found.forecast(1, draws=2),
        "backtest": lambda: found.backtest(draws=2),
        "advise": lambda: found.advise(3, key=0),
    }
    monkeypatch.setattr(Problem, "likelihoods", noted)
    with threadpool_limits(limits=2, user_api="blas"):
        works[what]()
        assert threads() == {2}
    assert seen == {1}


def test_fits_beside_one_another_leave_the_threads_as_they_were():
    """Whichever begins and ends first."""

    def threads():
        return {each["num_threads"] for each in threadpool_info() if each["user_api"] == "blas"}

    with threadpool_limits(limits=2, user_api="blas"):
        one, other = one_thread(), one_thread()
        one.__enter__()
        other.__enter__()
        one.__exit__(None, None, None)
        assert threads() == {1}
        other.__exit__(None, None, None)
        assert threads() == {2}
