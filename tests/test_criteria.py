"""Built-in criteria by hand, and the kit that tells a criterion from something else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import boostsim as bs
from boostsim.certification.conformance import check_criterion
from boostsim.curation.criterion import example

BUILT_IN = {
    "failed": bs.criteria.failed,
    "uniform": bs.criteria.uniform,
    "disagreement": bs.criteria.disagreement,
    "margin": bs.criteria.margin,
    "below": bs.criteria.below(0.5),
    "hardest": bs.criteria.hardest(0.3),
    "difficulty": bs.criteria.difficulty(0.25),
}


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_conforms(name):
    bs.testing.check_criterion(BUILT_IN[name])


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_says_where_it_wins_and_where_it_loses(name):
    assert BUILT_IN[name].name.startswith(name)
    told = getattr(bs.criteria, name).__doc__
    assert "Wins" in told
    assert "Loses" in told or name == "uniform"


def test_priorities_by_hand():
    assert bs.criteria.margin.priority_by_accepted(4).tolist() == [0, 0.5, 1, 0.5, 0]
    assert bs.criteria.margin.priority_by_accepted(1).tolist() == [0, 0]
    assert bs.criteria.below(1.0).priority_by_accepted(2).tolist() == [1, 0.5, 0]
    soft = bs.criteria.difficulty(0.5).priority_by_accepted(2)
    assert soft == pytest.approx(np.exp([0.0, -1.0, -2.0]))
    # Two of one parameter are one rule: what is compiled for the first serves the second.
    one, other = bs.criteria.below(0.5), bs.criteria.below(0.5)
    assert (one, hash(one)) == (other, hash(other))


@settings(max_examples=30)
@given(
    rates=st.lists(st.integers(0, 4), min_size=8, max_size=8),
    share=st.integers(1, 99),
    data=st.data(),
)
def test_the_hardest_are_the_hardest(rates, share, data):
    """Against sorting by hand, in whole numbers."""
    weights = data.draw(st.lists(st.integers(0, 5), min_size=len(rates), max_size=len(rates)))
    if not sum(weights):
        weights[0] = 1
    rates, weights = np.array(rates), np.array(weights)
    wanted = [100 * int(weights[rates < rate].sum()) < share * int(weights.sum()) for rate in rates]
    cells = jnp.arange(len(rates), dtype=jnp.int32)
    with jax.enable_x64(True):
        visits = bs.Visits(
            prompt=cells,
            group=cells,
            accepted=jnp.asarray(rates, jnp.int32),
            attempts=jnp.full(len(rates), 4, jnp.int32),
            pass_rate=jnp.asarray(rates / 4),
            mass=jnp.asarray(weights / weights.sum()),
            disagreement=jnp.zeros(len(rates)),
        )
        priority = np.asarray(bs.criteria.hardest(share / 100)(visits))
    assert (priority > 0).tolist() == wanted


def test_hardest_buys_its_share_and_ties():
    task = bs.table_task([[1, 0]] * 4, initial=[[0, 1], [0, 1], [1, 0], [1, 0]])
    procedure = bs.boosting(criterion=bs.criteria.hardest(0.25), labeler=bs.WeakLabeler(0.5))
    trace = bs.simulate(procedure, task, 1, record="prompt")
    assert trace.labels_by_prompt.values[0, 1].tolist() == [1, 1, 0, 0]


@pytest.mark.parametrize("name", ["below", "hardest", "disagreement"])
def test_one_rule_in_exact_and_sampled_runs(name):
    task = bs.random_table(2, prompts=60, responses=5, solvable=0.6)
    procedure = bs.boosting(
        attempts=4,
        criterion=BUILT_IN[name],
        filter=bs.NoisyFilter(0.1),
        labeler=bs.WeakLabeler(0.4),
    )
    exact = bs.simulate(procedure, task, 3).accuracy.values[0]
    sampled = bs.simulate(procedure, task, 3, visits=2000, key=0).accuracy.values[0]
    np.testing.assert_allclose(sampled, exact, atol=0.02)


def test_what_is_no_parameter_is_refused():
    for make, bad in (
        (bs.criteria.below, 0.0),
        (bs.criteria.below, 1.5),
        (bs.criteria.hardest, 0),
        (bs.criteria.difficulty, 0.0),
        (bs.criteria.difficulty, "hot"),
    ):
        with pytest.raises(ValueError, match="must be"):
            make(bad)
    with pytest.raises(ValueError, match="proportional"):
        bs.boosting(criterion=bs.criteria.difficulty(), labeler=bs.WeakLabeler(0.5))


COUNTED = [0]
TRUTH = np.array([[1.0, 0.0]] * 4)


def _counting(visits):
    COUNTED[0] += 1
    return visits.pass_rate


def _branching(visits):
    return visits.pass_rate if visits.pass_rate[0] > 0 else visits.mass


def _printing(visits):
    jax.debug.print("{}", visits.mass.sum())
    return visits.pass_rate


def _single(visits):
    return 1.0 + (visits.pass_rate + 1e8 - 1e8 > 0.3) * 1.0


WRONG = {
    "negative": (lambda visits: visits.pass_rate - 0.5, r"at least 0; on the visits to prompt \d"),
    "not a number": (lambda visits: jnp.sqrt(visits.pass_rate - 0.5), "says nan"),
    "by mass": (lambda visits: visits.mass, "splitting a cell's mass in two"),
    "by count": (lambda visits: visits.pass_rate * visits.mass.shape[0], "splitting a cell's"),
    "by position": (lambda visits: jnp.arange(len(visits.mass)) + 1.0, "splitting|renaming"),
    "by name": (lambda visits: visits.prompt + 1.0, "only rename the answer; on the visits to"),
    "by noise": (lambda visits: (visits.mass > 1e-3) * 1.0, "tend to those of the exact run"),
    "of a single digit": (_single, "in single precision"),
    "with a memory": (_counting, "it must remember nothing"),
    "with branches": (_branching, "without branches on values"),
    "with effects": (_printing, "it must have no effects"),
    "of another shape": (lambda visits: jnp.ones(3), "one real priority for each of"),
}


@pytest.mark.parametrize("name", WRONG)
def test_the_kit_says_in_words_what_is_wrong(name):
    function, words = WRONG[name]
    function.__name__ = name
    with pytest.raises(AssertionError, match=words) as caught:
        check_criterion(bs.criterion(function))
    assert name in str(caught.value)


def test_the_kit_is_for_criteria():
    with pytest.raises(ValueError, match="rule must be made by"):
        check_criterion(lambda visits: visits.mass)
    with pytest.raises(ValueError, match="attempts must be"):
        check_criterion(bs.criteria.failed, attempts=0)


def test_the_oracle_by_hand():
    """A label goes where it is right and needed: to prompt 2, then half to prompt 3."""
    task = bs.table_task([[1, 0]] * 4, initial=[[1, 0], [0, 1], [0, 1], [0.5, 0.5]])
    labeler = bs.WeakLabeler([1.0, 0.0, 1.0, 0.9])
    procedure = bs.boosting(criterion=bs.criteria.oracle, labeler=labeler, budget=0.3)
    exact = bs.simulate(procedure, task, 1, record="prompt")
    assert exact.labels_by_prompt.values[0, 1] == pytest.approx([0, 0, 1, 0.2])
    sampled = bs.simulate(procedure, task, 1, record="prompt", visits=10_000, key=0)
    assert sampled.labels_by_prompt.values[0, 1] == pytest.approx([0, 0, 1, 0.2], abs=0.05)
    # Of answers that persist it knows which are right.
    lasting = bs.WeakLabeler([1.0, 0.0, 0.25, 0.9], persistent=True)
    procedure = bs.boosting(criterion=bs.criteria.oracle, labeler=lasting)
    split = bs.simulate(procedure, task, 1, record="prompt")
    assert split.labels_by_prompt.values[0, 1] == pytest.approx([0, 0, 0.25, 0.45])


def test_a_yardstick_is_marked():
    assert bs.criteria.oracle.sees_truth
    assert not bs.criteria.failed.sees_truth
    with pytest.raises(ValueError, match="'oracle' must be given the truth"):
        bs.criteria.oracle(example(np.arange(3), 2))
    with pytest.raises(ValueError, match="sees the truth, so it is no rule"):
        bs.testing.check_criterion(bs.criteria.oracle)
    with pytest.raises(ValueError, match="False for a rule with a memory"):
        bs.criterion(bs.criteria.hedge().function, sees_truth=True)
    with pytest.raises(ValueError, match="sees_truth must be True or False"):
        bs.criterion(lambda visits: visits.mass, sees_truth="yes")


def test_the_oracle_with_a_transformer(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    learner = bs.Transformer(width=8, heads=2, steps=4, first_steps=8)
    # Of the first stratum the labeler knows nothing.
    labeler = bs.WeakLabeler((0.0, 1.0))
    procedure = bs.boosting(criterion=bs.criteria.oracle, labeler=labeler)
    for how in ({"exact": True}, {"prompts_per_iteration": 64}):
        trace = bs.simulate(procedure, bs.lookup(16, 4), 1, learner=learner, key=0, **how)
        assert trace.label_accuracy.values[0, 1] == 1.0
        assert 0 < trace.labels.values[0, 1] <= 0.5 + 0.2


def test_what_a_rule_prints_and_what_it_keeps_on_itself_are_effects():
    @bs.criterion
    def talks(visits):
        print("asked")
        return 1.0 - visits.pass_rate

    class Counts:
        asked = 0

        def init(self, groups):
            return jnp.zeros(groups)

        def priority(self, memory, visits, key):
            self.asked += 1
            return (visits.accepted == 0) * 1.0

        def update(self, memory, visits, labelled_mass, accepted_label_mass):
            return memory

    with pytest.raises(AssertionError, match="'talks': it must have no effects; it prints"):
        check_criterion(talks)
    with pytest.raises(AssertionError, match="it must remember nothing"):
        check_criterion(bs.criterion(Counts()))


def test_errors_of_a_memory_are_told_once_and_name_its_function():
    from boostsim.curation.adaptive import _Hedge

    def made(**functions):
        return bs.criterion(
            type("Fade", (_Hedge,), functions | {"name": "fade"})(0.5), allocation="proportional"
        )

    for functions, words in (
        ({"update": lambda *a: jnp.zeros(3)}, r"^criterion 'fade' must be one whose memory keeps"),
        ({"init": lambda self: 0.0}, r"^criterion 'fade': init\(groups\) must return a memory"),
        ({"init": lambda self, groups: "x"}, r"^criterion 'fade': init\(groups\) must return"),
    ):
        with pytest.raises(AssertionError, match=words) as told:
            check_criterion(made(**functions))
        assert str(told.value).count("criterion 'fade'") == 1
