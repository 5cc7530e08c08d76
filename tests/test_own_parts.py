"""A part of one's own is what it computes: an edited one of the same name is another work."""

import dataclasses

import jax.numpy as jnp
import numpy as np
import pytest
from test_contributing import Parity

import boostsim as bs
from boostsim import versions

# What the parts read, as a file that is edited between two runs.
EDITED = {"at": 0.5}
TABLE, WEAK = bs.random_table(0, prompts=3, responses=3), bs.WeakLabeler(0.5)
SLIPS = bs.WeakLabeler(0.5, wrong="concentrated")
NETWORK = bs.SoftmaxRegression(steps=1, batch=4, first_steps=1)


class Unsure(bs.Labeler):
    def rows_for(self, quality):
        right = quality / quality.sum(1, keepdims=True)
        return EDITED["at"] * right + (1.0 - EDITED["at"]) / quality.shape[1]

    def answers(self, key, prompts):
        return np.full((len(prompts), 1), 3 + (EDITED["at"] == 0.5), np.int32)


class Picky(bs.Filter):
    accept = property(lambda self: (EDITED["at"], 0.0))
    reject = property(lambda self: (1.0 - EDITED["at"], 1.0))


class Tired(Parity):
    def solve(self, prompts):
        right = super().solve(prompts)
        return right if EDITED["at"] == 0.5 else (7 - right).astype(np.int32)

    def verify(self, prompts, responses):
        right = super().verify(prompts, responses)
        return right if EDITED["at"] == 0.5 else ~right


@dataclasses.dataclass(frozen=True)
class Stepping:
    numbers = ()

    @staticmethod
    def rule(numbers, data, before, add):
        share = EDITED["at"]
        return [share * new + (1.0 - share) * old for new, old in zip(data, before, strict=True)]

    def noise_rows_for(self, quality):
        return None


class Grounded(bs.Regime):
    name, accumulates = "grounded", True
    real_share = property(lambda self: EDITED["at"])


@bs.criterion
def asking(visits):
    return (visits.pass_rate < EDITED["at"]) * 1.0


@bs.statistic
def largest(row):
    return jnp.max(row) * EDITED["at"]


@bs.TokenFilter
def judging(prompts, responses):
    return (responses[:, 0] == 4) * EDITED["at"]


def with_slot(name, part, labeler=WEAK):
    return lambda: (dataclasses.replace(bs.boosting(labeler=labeler), **{name: part()}), {})


TABLES = {
    "labeler": (with_slot("labeler", Unsure), r"beta|labeler_rows"),
    "filter": (with_slot("filter", Picky), r"filter\.accept"),
    "learner": (
        with_slot("learner", Stepping),
        "learner 'Stepping' when it comp",
    ),
    "regime": (with_slot("regime", Grounded), "real_share 0.5, not 0.25"),
    "criterion": (
        with_slot("criterion", lambda: asking),
        "criterion 'asking' when",
    ),
    "statistic": (
        lambda: (bs.filter_only(), {"record": largest}),
        "statistic 'largest' when it computed something else: its program is another",
    ),
}
# In tokens what is said on prompts that are always the same is compared.
TOKENS = {
    "labeler": (with_slot("labeler", Unsure), Parity(2), "labeler 'Unsure' when"),
    "filter": (with_slot("filter", lambda: judging, SLIPS), Parity(2), "filter 'judging' when"),
    "task": (with_slot("labeler", lambda: SLIPS), Tired(2), "task 'Tired' when it computed somet"),
}


def ran(rule, task, **how):
    return bs.simulate(rule, task, 1, **how).drop_vars("seconds", errors="ignore")


def swept(rule, task, **how):
    over = {"procedure": {"one": rule, "other": dataclasses.replace(rule, attempts=2)}}
    return bs.sweep(rule, task, 1, over=over, **how).drop_vars("seconds", errors="ignore")


def an_edited_one_is_refused(run, make, task, told, folder, monkeypatch, **more):
    rule, how = make()
    whole = run(rule, task, folder=folder, **how, **more)
    rule, _ = make()
    assert run(rule, task, folder=folder, **how, **more).identical(whole)
    with monkeypatch.context() as patch:
        patch.setitem(EDITED, "at", 0.25)
        rule, _ = make()
        with pytest.raises(
            ValueError, match=f"folder must hold this very run; .*begun with.*{told}"
        ):
            run(rule, task, folder=folder, **how, **more)
    assert run(rule, task, folder=folder, **how, **more).identical(whole)


@pytest.mark.parametrize("run", [ran, swept])
@pytest.mark.parametrize("part", TABLES)
def test_on_tables_an_edited_part_is_refused_and_named(run, part, tmp_path, monkeypatch):
    make, told = TABLES[part]
    an_edited_one_is_refused(run, make, TABLE, told, tmp_path, monkeypatch)


@pytest.mark.parametrize("run", [ran, swept])
@pytest.mark.parametrize("part", TOKENS)
def test_in_tokens_an_edited_part_is_refused_and_named(run, part, tmp_path, monkeypatch):
    make, task, told = TOKENS[part]
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    how = {"visits": 1, "key": 0}

    def learning():
        rule, more = make()
        return dataclasses.replace(rule, learner=NETWORK), more

    an_edited_one_is_refused(run, learning, task, told, tmp_path / "run", monkeypatch, **how)


def test_an_edited_labeler_of_an_exact_run_in_tokens_is_refused(tmp_path, monkeypatch):
    """Which asks for its rows."""
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    rule = bs.boosting(labeler=Unsure(), learner=NETWORK)
    how = {"exact": True, "key": 0}
    told = "labeler 'Unsure' when it computed something else: it said "
    an_edited_one_is_refused(
        ran, lambda: (rule, {}), Parity(2), told, tmp_path / "run", monkeypatch, **how
    )


@pytest.mark.parametrize("other", [False, True])
def test_after_an_upgrade_a_criterion_is_known_by_what_it_says(tmp_path, monkeypatch, other):
    """The text of its program is another with another version of JAX: that alone says nothing."""
    rule = bs.boosting(attempts=4, labeler=WEAK, criterion=asking)
    real, fingerprint = versions.provenance, bs.Criterion.fingerprint
    with monkeypatch.context() as before:
        before.setattr(versions, "provenance", lambda **how: real(**how) | {"jax_version": "0.9.7"})
        before.setattr(
            bs.Criterion, "fingerprint", lambda self, attempts: "old " + fingerprint(self, attempts)
        )
        whole = ran(rule, TABLE, folder=tmp_path)
    if other:
        monkeypatch.setitem(EDITED, "at", 0.25)
        with pytest.raises(ValueError, match=r"criterion 'asking' when .* it said 1 where it now"):
            ran(rule, TABLE, folder=tmp_path)
        return
    with pytest.warns(RuntimeWarning, match="computed with jax"):
        assert ran(rule, TABLE, folder=tmp_path).drop_attrs().identical(whole.drop_attrs())


def test_a_rule_of_ones_own_is_none_that_is_built_in_of_its_name(tmp_path):
    def failed(visits):
        return visits.pass_rate * 1.0

    bs.simulate(bs.boosting(labeler=WEAK), TABLE, 1, folder=tmp_path)
    rule = bs.boosting(labeler=WEAK, criterion=bs.criterion(failed))
    with pytest.raises(ValueError, match=r"was begun with functions \[\], not \[\"criterion"):
        bs.simulate(rule, TABLE, 1, folder=tmp_path)
