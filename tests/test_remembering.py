"""Criteria with a memory: the mean field by hand, sampled runs, the price, what is refused."""

import dataclasses
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from worlds import LISTED, LOOKUP, SOFTMAX, TRANSFORMER

import boostsim as bs
from boostsim.simulation.tokens import focusing, listed
from boostsim.simulation.tokens.carried import Carried

BUILT_IN = {
    "hedge": bs.criteria.hedge(0.5),
    "upper_confidence": bs.criteria.upper_confidence(0.5),
    "thompson": bs.criteria.thompson(),
    "learning_progress": bs.criteria.learning_progress(),
}
FILTER = bs.NoisyFilter(0.1, votes=3)


def loop(rule, task, labeler, budget=0.2, **visits):
    procedure = bs.boosting(
        attempts=2, criterion=rule, filter=FILTER, labeler=labeler, budget=budget
    )
    return bs.kernel(procedure, task, **visits)


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_conforms(name):
    bs.testing.check_criterion(BUILT_IN[name])


@pytest.mark.parametrize("name", BUILT_IN)
def test_what_is_built_in_says_where_it_wins_and_loses(name):
    assert BUILT_IN[name].name.startswith(name)
    told = getattr(bs.criteria, name).__doc__
    assert "Wins" in told
    assert "Lose" in told or "loses" in told


def test_the_memory_is_the_mean_field():
    """One iteration by hand: two helpless prompts, a labeler that is right on one."""
    task = bs.table_task([[1, 0]] * 2, initial=[[0, 1]] * 2)
    rule = bs.criteria.upper_confidence(0.5)
    gamma = FILTER.accept[1]
    failing = (1 - gamma) ** 2
    with jax.enable_x64(True):
        kernel = loop(rule, task, bs.WeakLabeler([1.0, 0.0]), budget=0.5 * failing)
        state = kernel.init()
        assert [memory.tolist() for memory in state.memory] == [[0, 0], [0, 0]]
        state, info = jax.jit(kernel.step)(None, state)
        bought, passed = (np.asarray(memory) for memory in state.memory)
    # In labels: ten visits to each prompt.
    assert bought == pytest.approx([10 * 0.5 * failing] * 2)
    assert passed == pytest.approx([5 * failing * (1 - gamma), 5 * failing * gamma])
    assert float(info.judged) == pytest.approx(0.5 * failing)


@pytest.mark.parametrize("name", ["upper_confidence", "thompson"])
def test_labels_are_counted_whatever_a_prompt_weighs(name):
    """Ten visits to each helpless prompt that is visited, and every one is labelled."""
    rule = BUILT_IN[name]
    task = bs.table_task([[1, 0]] * 8, [0.65, *[0.05] * 7], [[0, 1]] * 8)
    procedure = bs.boosting(criterion=rule, labeler=bs.WeakLabeler(0.0), budget=1.0)
    for settings in ({}, {"visits": 10, "visited_share": 0.5}):
        with jax.enable_x64(True):
            kernel = bs.kernel(procedure, task, **settings)
            step = jax.jit(lambda key, loop=kernel: loop.step(key, loop.init()))
            state, info = step(jax.random.key(0))
            bought, passed = (np.asarray(memory) for memory in state.memory)
        assert bought == pytest.approx(10.0 * np.asarray(info.labels_by_prompt), abs=1e-12)
        visited = bought > 0.0
        assert bought[visited] == pytest.approx(10.0)
        assert visited.all() == ("visited_share" not in settings)
        assert not passed.any()


def test_labels_are_counted_whatever_share_a_stratum_has():
    """Fresh prompts: four visits to a stratum, half labelled, and one to another."""
    rule = BUILT_IN["upper_confidence"]
    group, counts = np.array([0, 0, 0, 0, 1]), np.zeros(5, int)
    seen = focusing.see(1, group, np.arange(5), counts, np.zeros((5, 1, 1), np.int32))
    labelled = np.array([True, True, False, False, True])
    memory = focusing.remember(
        rule, focusing.first_memory(rule, 2), seen, labelled, labelled & (group == 1)
    )
    assert memory[0] == pytest.approx([5.0, 10.0])
    assert memory[1] == pytest.approx([0.0, 10.0])


@pytest.mark.parametrize("name", BUILT_IN)
def test_a_group_that_is_not_visited_is_remembered_as_it_was(name):
    rule = BUILT_IN[name]
    with jax.enable_x64(True):
        cells = jnp.arange(2, dtype=jnp.int32)
        seen = bs.Visits(
            prompt=cells,
            group=cells,
            accepted=cells,
            attempts=1 + 0 * cells,
            pass_rate=jnp.array([0.0, 1.0]),
            mass=jnp.full(2, 0.5),
            disagreement=jnp.zeros(2),
        )
        memory = rule.learned(rule.init(2), seen, 0.5 * seen.mass, 0.25 * seen.mass)
        # Of the first prompt alone, all of which passed: hedge's largest weight stays as it is.
        only = dataclasses.replace(
            seen, accepted=cells[::-1], pass_rate=jnp.array([1.0, 0.0]), mass=jnp.array([1.0, 0])
        )
        after = rule.learned(memory, only, 0.0 * only.mass, 0.0 * only.mass)
    for old, new in zip(jax.tree.leaves(memory), jax.tree.leaves(after), strict=True):
        assert float(new[1]) == float(old[1])


def test_hedge_by_hand():
    task = bs.table_task([[1, 0]] * 2, initial=[[0, 1], [1, 0]])
    with jax.enable_x64(True):
        kernel = loop(bs.criteria.hedge(0.5), task, bs.WeakLabeler(0.5))
        state, _ = jax.jit(lambda: kernel.step(None, kernel.init()))()
        memory = np.asarray(state.memory)
    # Of the attempts 1 - gamma fail on the first prompt, gamma on the second.
    gamma = FILTER.accept[1]
    assert memory == pytest.approx([0.0, 0.5 * (gamma - (1 - gamma))])


@pytest.mark.parametrize("name", ["hedge", "learning_progress", "upper_confidence"])
def test_sampled_runs_tend_to_the_mean_field(name):
    task = bs.random_table(1, prompts=40, responses=5, solvable=0.5)
    labeler = bs.WeakLabeler(np.tile([0.1, 0.7], 20))
    procedure = bs.boosting(
        attempts=3, criterion=BUILT_IN[name], filter=FILTER, labeler=labeler, budget=0.2
    )
    exact = bs.simulate(procedure, task, 4, record="prompt")
    sampled = bs.simulate(procedure, task, 4, visits=20_000, seeds=2, key=0, record="prompt")
    np.testing.assert_allclose(
        sampled.labels_by_prompt.mean("seed").values, exact.labels_by_prompt.values[0], atol=0.05
    )
    assert float(abs(sampled.accuracy - exact.accuracy.values).mean()) < 0.01


@pytest.mark.parametrize("name", ["failed", "hedge", "upper_confidence"])
def test_what_the_filter_is_asked_is_paid_for(name):
    task = bs.random_table(2, prompts=40, responses=20, solvable=0.0)
    rule = BUILT_IN.get(name, bs.criteria.failed)
    procedure = bs.boosting(
        attempts=2, criterion=rule, filter=FILTER, labeler=bs.WeakLabeler(0.5), budget=0.1
    )
    for settings in ({}, {"visits": 20, "seeds": 2, "key": 1}):
        trace = bs.simulate(procedure, task, 4, **settings)
        on_labels = trace.filter_calls.values - 3 * 2 * np.arange(5)
        asked = name == "upper_confidence"
        np.testing.assert_allclose(on_labels, 3 * trace.labels.values * asked, atol=1e-9)


@pytest.mark.parametrize("name", ["upper_confidence", "thompson"])
def test_labels_go_where_they_passed(name):
    """Two helpless prompts; on one the labels passed, on the other they did not."""
    rule = bs.criterion(BUILT_IN[name].function)
    with jax.enable_x64(True):
        cells = jnp.arange(2, dtype=jnp.int32)
        visits = bs.Visits(
            prompt=cells,
            group=cells,
            accepted=0 * cells,
            attempts=1 + 0 * cells,
            pass_rate=jnp.zeros(2),
            mass=jnp.full(2, 0.5),
            disagreement=jnp.zeros(2),
        )
        memory = rule.learned(rule.init(2), visits, visits.mass, visits.mass * jnp.array([1.0, 0]))
        assert [part.tolist() for part in memory] == [[10, 10], [10, 0]]
        keys = [jax.random.key(number) for number in range(50)]
        priorities = np.array([rule.ask(memory, visits, key) for key in keys])
    # Beta(11, 1) against Beta(1, 11): the second is larger once in 700,000 draws.
    assert (priorities[:, 0] > priorities[:, 1]).all()


def test_the_same_seed_is_the_same_run_whatever_runs_beside_it():
    task = bs.random_table(1, prompts=30, solvable=0.5)
    procedure = bs.boosting(
        criterion=bs.criteria.thompson(), filter=FILTER, labeler=bs.WeakLabeler(0.3), budget=0.1
    )
    alone = bs.simulate(procedure, task, 5, visits=10, key=7)
    beside = bs.simulate(procedure, task, 5, visits=10, seeds=3, key=7)
    assert np.array_equal(alone.accuracy.values[0], beside.accuracy.values[0])
    exact = [bs.simulate(procedure, task, 5, key=key).accuracy.values for key in (None, 0, 1)]
    assert np.array_equal(exact[0], exact[1])
    assert not np.array_equal(exact[1], exact[2])


@dataclass(frozen=True)
class Patience:
    """A visit is labelled once its prompt has failed so often in a row."""

    rounds: int

    def init(self, groups):
        return jnp.zeros(groups)

    def priority(self, memory, visits, key):
        return (memory[visits.group] >= self.rounds) * (visits.accepted == 0) * 1.0

    def update(self, memory, visits, labelled_mass, accepted_label_mass):
        passed = jnp.zeros_like(memory).at[visits.group].add(visits.mass * visits.pass_rate)
        return jnp.where(passed > 0.0, 0.0, memory + 1.0)


def test_a_rule_of_ones_own_in_exact_and_sampled_runs():
    rule = bs.criterion(Patience(2))
    assert rule.name == "Patience"
    task = bs.table_task([[1, 0]] * 3, initial=[[0, 1]] * 3)
    procedure = bs.boosting(criterion=rule, labeler=bs.WeakLabeler(1.0))
    for settings in ({}, {"visits": 4, "key": 0}):
        trace = bs.simulate(procedure, task, 4, **settings)
        assert trace.labels.values[0].tolist() == [0, 0, 0, 1, 1]
        assert trace.accuracy.values[0].tolist() == [0, 0, 0, 1, 1]


def test_a_rule_of_ones_own_that_remembers_conforms():
    bs.testing.check_criterion(bs.criterion(Patience(2)))


@pytest.mark.parametrize(("regime", "more"), [("accumulate", {}), ("anchor", {"real_share": 0.2})])
def test_memory_survives_every_regime(regime, more):
    task = bs.random_table(1, prompts=10)
    procedure = bs.boosting(
        criterion=bs.criteria.hedge(),
        labeler=bs.WeakLabeler(0.3),
        budget=0.1,
        regime=regime,
        **more,
    )
    trace = bs.simulate(procedure, task, 3, visits=5, key=0, record="diversity")
    assert np.isfinite(trace.accuracy).all()


class Growing(Patience):
    def update(self, memory, visits, labelled_mass, accepted_label_mass):
        return jnp.zeros(len(memory) + 1)


class Lost(Patience):
    def update(self, memory, visits, labelled_mass, accepted_label_mass):
        return (memory, memory)


class Halves(Patience):
    """Whole numbers at first: what it learns would be rounded to nothing."""

    def init(self, groups):
        return jnp.zeros(groups, int)

    def update(self, memory, visits, labelled_mass, accepted_label_mass):
        return memory + 0.5


class Negative(Patience):
    def priority(self, memory, visits, key):
        return -1.0 - memory[visits.group]


def test_bad_rules_are_refused():
    task = bs.random_table(0, prompts=4)
    weak = bs.WeakLabeler(0.3)
    with pytest.raises(ValueError, match="an object, not its class"):
        bs.criterion(Patience)
    half = type("Half", (), {"init": Patience.init, "priority": Patience.priority})
    with pytest.raises(ValueError, match="an object that has update as well"):
        bs.criterion(half())
    with pytest.raises(ValueError, match=r"made by a call: bs\.criteria\.hedge\(\)"):
        bs.boosting(criterion=bs.criteria.hedge, labeler=bs.WeakLabeler(0.3))
    unhashable = type("Unhashable", (Patience,), {"__hash__": None})
    with pytest.raises(ValueError, match="criterion must be hashable"):
        bs.criterion(unhashable(1))
    for rule, words in (
        (Growing(1), "keeps its shapes"),
        (Lost(1), "keeps its shapes|like that of init"),
        (Halves(1), r"keeps its types \['int64'\]; got \['float64'\]"),
    ):
        with pytest.raises(ValueError, match=words):
            bs.simulate(bs.boosting(criterion=bs.criterion(rule), labeler=weak), task, 1)
    with pytest.raises(ValueError, match=r"'Negative' must return finite priorities of at least 0"):
        bs.simulate(bs.boosting(criterion=bs.criterion(Negative(1)), labeler=weak), task, 1)
    for make, bad in (
        (bs.criteria.hedge, 0.0),
        (bs.criteria.upper_confidence, -1.0),
        (bs.criteria.learning_progress, 1.0),
    ):
        with pytest.raises(ValueError, match="must be"):
            make(bad)


def test_each_answer_that_persists_has_a_memory_of_its_own():
    """An exact run is the average of two: all answers right, all wrong."""
    task = bs.random_table(3, prompts=12, responses=4, solvable=0.5)

    @dataclass(frozen=True)
    class Struggling:
        """A label for failing visits to a prompt of which less than half passed last time."""

        def init(self, groups):
            return jnp.zeros(groups)

        def priority(self, memory, visits, key):
            return (memory[visits.group] < 0.5) * (visits.accepted == 0)

        def update(self, memory, visits, labelled_mass, accepted_label_mass):
            def each(values):
                return jnp.zeros_like(memory).at[visits.group].add(values)

            return each(visits.mass * visits.pass_rate) / each(visits.mass)

    rule = bs.criterion(Struggling())

    def run(**labeler):
        procedure = bs.boosting(
            attempts=2, criterion=rule, filter=FILTER, labeler=bs.WeakLabeler(**labeler)
        )
        return bs.simulate(procedure, task, 6, record="prompt")

    split = run(beta=0.3, persistent=True)
    right, wrong = run(beta=1.0), run(beta=0.0)
    # What a wrong answer is among wrong ones does not matter to what is lumped.
    for name in ("error", "labels_by_prompt", "labels"):
        average = 0.3 * right[name].values + 0.7 * wrong[name].values
        assert split[name].values == pytest.approx(average, rel=1e-12, abs=1e-15)
    assert np.ptp(split.labels_by_prompt.values[0, -1]) > 0.1


@pytest.mark.parametrize("rule", [bs.criteria.upper_confidence(0.5), bs.criteria.hedge()])
def test_a_transformer_that_learns_perfectly_remembers_what_the_table_does(rule):
    task = bs.lookup(24, 4)
    listing = listed.Listing(task)
    rows = np.random.default_rng(0).dirichlet(np.full(len(task.symbols), 0.3), 24)
    procedure = bs.boosting(
        attempts=2, criterion=rule, filter=FILTER, labeler=bs.WeakLabeler(0.4), budget=0.1
    )
    law = listed.TrainingLaw(procedure, listing, rows, jax.random.key(0))
    trace = bs.simulate(*listed.tabular(procedure, listing, rows), 4, record="prompt")
    carried, target = Carried(memory=focusing.first_memory(rule, 24)), None
    bought = 0.0
    for t in range(1, 5):
        before = rows if target is None else target.rows
        target = law(before, carried, t)
        carried, bought = target.carried, bought + target.labels
    right = (target.rows * listing.quality).sum(1)
    assert right == pytest.approx(trace.accuracy.values[0, 4], rel=1e-12)
    assert bought == pytest.approx(trace.labels.values[0, 4], rel=1e-12)


@pytest.mark.parametrize("learner", [SOFTMAX, TRANSFORMER], ids=lambda each: type(each).__name__)
@pytest.mark.parametrize("how", [{"exact": True}, {"visits": 2}, {"prompts_per_iteration": 64}])
def test_memory_with_a_network(how, learner, tmp_path, monkeypatch):
    """It counts the labels that were bought, pays for their verdicts, and survives a stop."""
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    rule = bs.criteria.upper_confidence(0.5)
    procedure = bs.boosting(criterion=rule, labeler=bs.WeakLabeler(0.4), filter=FILTER, budget=0.2)
    run = {"learner": learner, "key": 3, **how}
    task = LISTED if learner is TRANSFORMER else LOOKUP
    trace = bs.simulate(procedure, task, 2, folder=tmp_path / "run", **run)
    looks, paid = FILTER.looks, trace.labels.values[0]
    assert 0 < paid[-1] <= 0.5
    assert trace.filter_calls.values[0] == pytest.approx(looks * (np.arange(3) + paid))
    whole = bs.simulate(procedure, task, 3, **run)
    resumed = bs.simulate(procedure, task, 3, folder=tmp_path / "run", **run)
    assert (whole.accuracy.values == resumed.accuracy.values).all()
    assert (whole.labels.values == resumed.labels.values).all()
    with np.load(tmp_path / "run" / "seed-0.piece") as state:
        assert state["a_c_0"].sum() > 0.0
        # In labels, as if a group had ten visits; here every prompt has as many as any other.
        if "prompts_per_iteration" not in how:
            assert state["a_c_0"].sum() / (10 * task.entries) == pytest.approx(
                resumed.labels.values[0, -1]
            )
        assert (state["a_c_1"] <= state["a_c_0"]).all()


class Deaf:
    """It counts what the filter accepted of its labels, which it is not told."""

    def init(self, groups):
        return jnp.zeros(groups)

    def priority(self, memory, visits, key):
        return 1.0 + memory[visits.group]

    def update(self, memory, visits, labelled_mass, accepted_label_mass):
        return memory.at[visits.group].add(accepted_label_mass)


class Asking(Deaf):
    asks_filter = True


def test_a_rule_that_asks_the_filter_is_another_function():
    """The same three functions, told other things: a tournament took them for one rule."""
    deaf, asking = (bs.criterion(rule()).fingerprint(2) for rule in (Deaf, Asking))
    assert deaf != asking
