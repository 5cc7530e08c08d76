"""Tournaments: the scores are runs, the intervals hold, bad rules are told by name."""

import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from alarms import alpha
from scipy.stats import binom, ttest_rel

import boostsim as bs
from boostsim.cli import main
from boostsim.tournament.leaderboard import YARDSTICK
from boostsim.tournament.suite import CONCENTRATED, KNOWN

SUITE = bs.stress_suite(0, prompts=60)
RULES = (bs.criteria.failed, bs.criteria.uniform)
SMALL = {"labels_per_visit": 0.02, "seeds": 4, "iterations": 6, "key": 3}


@bs.criterion(sees_truth=True)
def cheat(visits, truth):
    return truth.error


CHEAT = cheat


@pytest.fixture(scope="module")
def played():
    return bs.compare(RULES, {name: SUITE[name] for name in ("helpless", "uneven")}, **SMALL)


def made(scores, tasks=("one",), confidence=0.95):
    """A tournament of scores ``[task, criterion, seed]``; the last criterion is the yardstick."""
    scores = np.asarray(scores, float)
    names = [f"c{number}" for number in range(scores.shape[1] - 1)] + [YARDSTICK]
    runs = [
        {
            "average_error": each,
            "final_error": each,
            "labels": each,
            "cost": each,
            "error": each[:1],
        }
        for each in scores.reshape(-1, scores.shape[2])
    ]
    about = {"labels_per_visit": 1.0, "iterations": 1, "visits": 1, "seeds": scores.shape[2]}
    return bs.Tournament.of(
        runs,
        {"task": list(tasks), "criterion": names},
        score="average_error",
        confidence=confidence,
        about=about,
    )


def test_scores_are_those_of_runs_by_hand(played):
    from zlib import crc32

    for name in ("helpless", "uneven"):
        key = jax.random.fold_in(jax.random.key(3), crc32(name.encode()))
        for rule in (*RULES, bs.criteria.oracle):
            procedure = SUITE[name].procedure(rule, 0.02)
            trace = bs.simulate(procedure, SUITE[name].task, 6, visits=10, seeds=4, key=key)
            own = played.results.sel(task=name, criterion=rule.name)
            assert (own.average_error == trace.error.values[:, 1:].mean(1)).all()
            assert (own.final_error == trace.error.values[:, -1]).all()
            assert (own.labels == trace.labels.values[:, -1]).all()
            assert own.cost.values == pytest.approx(bs.priced(trace, bs.Prices()).cost[:, -1])
            # Nobody gets more than the budget, but for the luck of ties.
            assert own.labels.mean() <= 0.02 * 6 * 1.15


def test_differences_are_a_paired_t_test_at_bonferronis_level(played):
    first, second = (played.scores("helpless")[name] for name in ("failed", "uniform"))
    assert played.comparisons == 3 * 3
    test = ttest_rel(first, second).confidence_interval(1 - 0.05 / 9)
    found = played.difference("failed", "uniform", "helpless")
    # Where the differences are skewed the end at the longer tail is moved out.
    tail = (first - second).mean() > np.median(first - second)
    assert (found.low if tail else found.high) == pytest.approx(test.low if tail else test.high)
    assert found.low <= test.low + 1e-12
    assert found.high >= test.high - 1e-12
    assert found.estimate == pytest.approx((first - second).mean())
    # Over all challenges: seed by seed the mean over them.
    both = [played.scores(task)["failed"] for task in played.tasks]
    assert played.scores()["failed"] == pytest.approx(np.mean(both, axis=0))


def test_a_leaderboard_by_hand():
    noise = np.array([-0.01, 0.001, 0.01, -0.001])
    scores = [[0.5 + noise, 0.3 + noise, 0.3 - noise, 0.2 + noise]]
    tournament = made(scores)
    assert tournament.order == ("c1", "c2", "c0")
    assert tournament.not_beaten() == ("c1", "c2")
    board = tournament.leaderboard()
    assert [row["best"] for row in board] == [True, True, False]
    assert [row["regret"] for row in board] == pytest.approx([0.1, 0.1, 0.3])
    # Differences that are all alike say nothing of how they scatter.
    assert board[0]["regret_low"] < 0.0 < 0.8 < board[0]["regret_high"]
    tournament.results.attrs["challenges"] = "{}"
    told = json.loads(tournament.to_json(), parse_constant=pytest.fail)
    assert told["assume"] == "normal"
    assert 0.0 < board[1]["regret_low"] < 0.1 < board[1]["regret_high"] < 0.2
    assert tournament.difference("c0", "c2").decided
    assert not tournament.difference("c1", "c2").decided
    assert "best is c1 (0.3000, the oracle 0.2000); not told apart from it: c2" in str(
        tournament.summary()
    )
    assert [row["unbeaten_on"] for row in board] == [1, 1, 0]


def test_no_difference_is_beyond_what_scores_allow():
    """Two seeds know next to nothing, but scores are in [0, 1]."""
    tournament = made([[[0.1, 0.9], [0.8, 0.3], [0.2, 0.1]]])
    found = tournament.difference("c0", "c1")
    assert (found.low, found.high) == (-1.0, 1.0)
    assert all((r["regret_low"], r["regret_high"]) == (-1.0, 1.0) for r in tournament.leaderboard())


def test_equals_are_seldom_told_apart():
    """All pairs of four equal rules on three tasks at once: at most 5% of tournaments err."""
    rng = np.random.default_rng(0)
    tournaments, wrong = 300, 0
    for _ in range(tournaments):
        common = rng.normal(0.3, 0.05, (3, 1, 8))
        scores = common + rng.normal(0.0, 0.02, (3, 5, 8))
        tournament = made(scores, ("one", "two", "three"))
        wrong += any(
            set(tournament.not_beaten(task)) != set(tournament.criteria)
            for task in ("all", *tournament.tasks)
        )
    assert wrong <= binom.isf(alpha("equal_rules"), tournaments, 0.05)
    # And those that differ are told apart.
    scores[:, 0] += 0.2
    assert "c0" not in made(scores, ("one", "two", "three")).not_beaten()


def test_common_draws_make_differences_smaller():
    same = bs.Criterion(bs.criteria.failed.function, "proportional")
    twin = bs.criterion(lambda visits: same(visits))
    object.__setattr__(twin.function, "__name__", "twin")
    tournament = bs.compare(
        (bs.criteria.failed, twin, bs.criteria.below(0.5)),
        {"helpless": SUITE["helpless"]},
        **{**SMALL, "seeds": 16},
    )
    scores = tournament.scores("helpless")
    assert (scores["failed"] == scores["twin"]).all()
    # The same function: equal for certain.
    equal = tournament.difference("failed", "twin")
    assert (equal.low, equal.estimate, equal.high) == (0.0, 0.0, 0.0)
    apart = scores["failed"] - scores["below(0.5)"]
    assert apart.std() < 0.8 * np.hypot(scores["failed"].std(), scores["below(0.5)"].std())


def test_the_suite_is_hard_in_eight_ways():
    assert list(SUITE) == [
        "helpless",
        "uneven",
        "wrong for ever",
        "blind spots",
        "concentrated",
        "heavy tail",
        "few labels",
        "drifting",
    ]
    assert all(each.about for each in SUITE.values())

    def first(name):
        task = SUITE[name].task
        return (task.initial * task.quality).sum(1)

    assert (first("helpless") == 0).mean() == 0.5
    beta = SUITE["uneven"].labeler.beta
    assert (beta > 0).mean() == pytest.approx(KNOWN, abs=0.02)
    assert SUITE["wrong for ever"].labeler.persistent
    assert SUITE["blind spots"].filter.persistent
    assert SUITE["concentrated"].task.initial[:, 1].min() >= CONCENTRATED**2
    labels = SUITE["concentrated"].labeler.rows_for(SUITE["concentrated"].task.quality)
    assert (labels[:, 1] == 0.7).all()
    tail = np.log10(first("heavy tail"))
    assert tail.min() < -6
    assert tail.max() > -1
    assert SUITE["few labels"].procedure(bs.criteria.failed, 0.01).budget == pytest.approx(0.001)
    assert SUITE["drifting"].labeler.change(50) == 1.0
    # The same key, the same suite; another, another.
    again, other = bs.stress_suite(0, 60), bs.stress_suite(1, 60)
    assert (again["helpless"].task.initial == SUITE["helpless"].task.initial).all()
    assert (other["helpless"].task.initial != SUITE["helpless"].task.initial).any()


def test_the_same_key_gives_the_same_tournament(played):
    alone = bs.compare(["failed"], {"uneven": SUITE["uneven"]}, **SMALL)
    assert (alone.scores("uneven")["failed"] == played.scores("uneven")["failed"]).all()
    told = json.loads(played.to_json())
    assert len(told["differences"]) == played.comparisons
    assert set(told["leaderboards"]) == {"all", "helpless", "uneven"}
    assert played.plot().axes
    assert len(played.table()) == 2 * 3


def bad_rules():
    @bs.criterion
    def nan(visits):
        return jnp.where(visits.accepted == 1, jnp.nan, 1.0)

    @bs.criterion
    def negative(visits):
        return visits.disagreement - 0.9

    @bs.criterion
    def short(visits):
        return visits.mass[1:]

    @bs.criterion
    def branches(visits):
        return visits.mass if visits.mass[0] > 0.5 else 0.0 * visits.mass

    seen = []

    @bs.criterion
    def keeps(visits):
        seen.append(visits.mass)
        return seen[0] + (visits.accepted == 0)

    @bs.criterion
    def nosy(visits):
        return visits.passrate

    @bs.criterion
    def random(visits):
        return visits.pass_rate * np.random.default_rng().random()

    @bs.criterion
    def forgot(visits):
        (1.0 - visits.pass_rate) * 1.0

    where = r"in challenge 'helpless': .*criterion '{}'"
    return [
        (nan, where.format("nan") + ".* 1 of 4 accepted"),
        (negative, where.format("negative") + ".*iteration 1 of seed 0.* prompt 0 with 0 of 4"),
        (short, where.format("short")),
        (branches, where.format("branches") + ".*branches on values"),
        (keeps, where.format("keeps")),
        (nosy, where.format("nosy") + ".*field of Visits .* Did you mean 'pass_rate'"),
        (random, where.format("random") + ".*asked twice it computes something else"),
        (forgot, where.format("forgot") + ".*Is a return missing"),
    ]


@pytest.mark.parametrize(("rule", "words"), bad_rules(), ids=lambda each: getattr(each, "name", ""))
def test_a_bad_rule_is_told_with_its_challenge(rule, words):
    with pytest.raises(ValueError, match=words):
        bs.compare([rule], {"helpless": SUITE["helpless"]}, **SMALL)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"criteria": []}, "at least one"),
        ({"criteria": ["oracle"]}, "at least one that is no yardstick"),
        ({"criteria": ["failed", "failed"]}, "of different names"),
        ({"criteria": [CHEAT]}, "rules that do not see the truth; got 'cheat'"),
        ({"criteria": 3}, "a list of criteria"),
        ({"criteria": [bs.criteria.hedge]}, r"made by a call: bs\.criteria\.hedge\(\)"),
        ({"tasks": {}}, "a mapping from names to"),
        ({"tasks": {"mine": bs.random_table(0, prompts=3)}}, r"tasks\['mine'\] must be"),
        ({"labels_per_visit": 0.0}, "labels_per_visit must be above 0"),
        ({"seeds": 1}, "seeds must be"),
        ({"iterations": 0}, "iterations must be"),
        ({"visits": 0}, "visits must be"),
        ({"score": "accuracy"}, "score must be"),
        ({"confidence": 1.0}, "strictly between 0 and 1"),
        ({"assume": "nothing"}, "assume must be one of bounded, normal"),
        ({"prices": 3}, "a bs.Prices"),
        ({"key": -1}, "key must be"),
    ],
)
def test_bad_input_is_refused(arguments, words):
    with pytest.raises(ValueError, match=words):
        bs.compare(**{"criteria": ["failed"], "tasks": SUITE, **arguments})


def test_bad_challenges_are_refused(played):
    task, weak = bs.random_table(0, prompts=3), bs.WeakLabeler(0.3)
    for arguments, words in (
        ((3, weak), "task must be"),
        ((task, 0.3), "labeler must be"),
        ((task, weak, 0.1), "filter must be"),
        ((task, weak, None, 0), "attempts must be"),
        ((task, weak, None, 1, 0.0), "labels must be"),
        ((task, weak, None, 1, 1.0, 3), "about must be"),
    ):
        with pytest.raises(ValueError, match=words):
            bs.Challenge(*arguments)
    with pytest.raises(ValueError, match="prompts must be"):
        bs.stress_suite(0, prompts=3)
    with pytest.raises(ValueError, match="helpless"):
        played.scores("helples")
    with pytest.raises(ValueError, match="criterion must be"):
        played.difference("failed", "nobody")
    with pytest.raises(ValueError, match="another criterion"):
        played.difference("failed", "failed")


def test_the_command(tmp_path, capsys):
    file = tmp_path / "mine.py"
    file.write_text(
        "import boostsim as bs\n@bs.criterion\ndef mine(visits):\n"
        "    return (visits.pass_rate < 0.3) * 1.0\n"
    )
    small = ["--prompts", "20", "--seeds", "2", "--iterations", "2", "--tasks", "helpless"]
    picture = tmp_path / "board.png"
    assert main(["compare", f"{file}:mine", "uniform", *small, "--plot", str(picture)]) == 0
    told = capsys.readouterr().out
    assert "mine" in told
    assert "helpless: best is" in told
    assert picture.read_bytes()[:4] == b"\x89PNG"
    assert main(["compare", f"{file}:mine", "failed", *small, "--json", "--assume", "bounded"]) == 0
    record = json.loads(capsys.readouterr().out)
    race = ["--race", *small[:2], "--seeds", "4", "--iterations", "2", "--tasks", "helpless"]
    # Four seeds do not tell them apart.
    assert main(["compare", "failed", f"{file}:mine", *race]) == 3
    assert "whenever one looks" in capsys.readouterr().out
    assert {row["criterion"] for row in record["leaderboards"]["all"]} == {"mine", "failed"}
    assert record["assume"] == "bounded"
    for arguments, words in (
        ([f"{file}:other"], "one that"),
        (["failed", "--tasks", "easy"], "tasks"),
        (["failed", "--plot", "board.txt"], "ends in .png"),
        (["failed", "--plot", "board.png", "--race"], "left out of a race"),
        (["failed", "--resolution", "0.1"], "with --race alone"),
    ):
        assert main(["compare", *arguments]) == 2
        assert words in capsys.readouterr().err
