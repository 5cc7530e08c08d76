"""JAX's switches change no number; what a run was computed with is known, and told."""

import json
import os
import subprocess
import sys

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import switches
from worlds import LOOKUP, SOFTMAX

import boostsim as bs
from boostsim.curation.behaviour import behaviour, difference
from boostsim.keys import as_key
from boostsim.mode import fixed
from boostsim.simulation.tokens import resuming
from boostsim.simulation.tokens.first_model import first_model

# Each to a value that once stopped a public function, or changed what it said.
SWITCHES = {
    "jax_enable_x64": True,
    "jax_numpy_dtype_promotion": "strict",
    "jax_numpy_rank_promotion": "raise",
    "jax_default_matmul_precision": "bfloat16",
    "jax_disable_jit": True,
    "jax_debug_nans": True,
    "jax_default_prng_impl": "rbg",
    "jax_threefry_partitionable": False,
}
# These are never in force here, but make JAX compile anew: tried in a process of their own.
MORE = {"jax_random_seed_offset": 3, "jax_high_dynamic_range_gumbel": True}
# Searching for a design compiles anew each time: it is tried with all switches at once.
CALLS = tuple(call for call in switches.CALLS if call is not switches.designed)


@pytest.fixture(scope="module", autouse=True)
def own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def plain():
    return {call.__name__: call() for call in CALLS}


@pytest.fixture
def switched():
    """A function that sets switches of JAX for all threads; afterwards they are as before."""
    before = {}

    def switch(name, value):
        before.setdefault(name, getattr(jax.config, name))
        jax.config.update(name, value)

    yield switch
    for name, value in before.items():
        jax.config.update(name, value)


@pytest.mark.parametrize("name", SWITCHES)
def test_a_switch_changes_no_number(name, plain, switched, monkeypatch, tmp_path):
    # Else the first model would be read off, not made.
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path))
    switched(name, SWITCHES[name])
    for call in CALLS:
        if name == "jax_disable_jit" and call is switches.stepped:
            # The caller's own program, of which every operation is rounded by itself now.
            continue
        assert call() == plain[call.__name__], call.__name__


def test_a_kernel_that_is_not_compiled_differs_by_rounding(switched):
    compiled = switches.stepped()
    switched("jax_disable_jit", True)
    for got, wanted in zip(switches.stepped(), compiled, strict=True):
        got, wanted = (np.frombuffer(bytes.fromhex(each)) for each in (got, wanted))
        # A sum over six prompts of products of a few numbers each.
        assert got == pytest.approx(wanted, rel=100 * np.finfo(float).eps)


def test_all_switches_at_once_from_the_environment(plain, tmp_path):
    """As users set them: before anything is imported."""
    asked = {
        name.upper(): str(int(v) if isinstance(v, bool) else v)
        for name, v in (SWITCHES | MORE).items()
    }
    environment = {
        **os.environ,
        **asked,
        "BOOSTSIM_CACHE": str(tmp_path),
    }
    run = [sys.executable, switches.__file__]
    done = subprocess.run(run, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    # The caller's own program, see above.
    del said["stepped"]
    assert said.pop("designed") == switches.designed()
    assert said == {name: plain[name] for name in said}
    assert len(said) == len(switches.CALLS) - 2


def test_keys_are_those_that_jax_makes():
    for number in (0, 7, 2**31, 2**32 - 1):
        got, wanted = as_key(number), jax.random.key(number, impl="threefry2x32")
        assert got.dtype == wanted.dtype
        assert (jax.random.key_data(got) == jax.random.key_data(wanted)).all()
    assert as_key(wanted) is wanted


@pytest.mark.parametrize("implementation", ["rbg", "unsafe_rbg"])
def test_a_key_of_another_implementation_is_refused(implementation):
    key = jax.random.key(0, impl=implementation)
    with pytest.raises(ValueError, match=f"key must be of .*threefry2x32; got '{implementation}'"):
        bs.simulate(bs.uncurated(), switches.table(), 1, visits=3, key=key)


def test_the_switches_of_the_caller_stay():
    with jax.numpy_rank_promotion("raise"), jax.enable_x64(False):
        bs.simulate(bs.uncurated(), switches.table(), 1)
        with fixed(double=True):
            assert jnp.zeros(()).dtype == jnp.float64
        assert jnp.zeros(()).dtype == jnp.float32
        with pytest.raises(ValueError, match="rank_promotion"):
            jnp.zeros(2) + jnp.zeros((2, 2))


def test_a_trace_says_what_it_was_computed_with(monkeypatch):
    monkeypatch.setenv("XLA_FLAGS", "--xla_dump_to=/x --xla_cpu_enable_fast_math=false")
    run = bs.simulate(bs.uncurated(), switches.table(), 1).attrs
    assert run["x64"] == "on"
    assert run["xla_flags"] == "--xla_cpu_enable_fast_math=false"
    assert run["keys"] == "threefry2x32, partitionable"
    assert run["matmul_precision"] == "default"
    assert {"jax_version", "jaxlib_version", "numpy_version", "backend", "device"} <= set(run)
    assert run["deterministic"] == "yes"


def rule(body):
    if not hasattr(body, "init"):
        body.__name__ = "mine"
    return bs.criterion(body)


def tokens(folder, iterations=1, criterion=None):
    rule = bs.criteria.hedge() if criterion is None else criterion
    procedure = bs.boosting(
        attempts=2, filter=switches.NOISY, criterion=rule, budget=0.2, labeler=switches.WEAK
    )
    how = {"learner": SOFTMAX, "visits": 2, "key": 2, "folder": folder}
    return bs.simulate(procedure, LOOKUP, iterations, **how)


def test_a_run_goes_on_after_an_upgrade_and_says_so(tmp_path, monkeypatch):
    """Another version compiles to another text; the rule and the run are the same."""
    whole = tokens(tmp_path / "whole", 2)
    assert "resumed" not in whole.attrs
    assert whole.attrs["x64"] == "off"
    new = resuming.facts

    def old(**more):
        return new(**{**more, "program": "other text"}) | {"jax_version": "0.9.7"}

    with monkeypatch.context() as patch:
        patch.setattr(resuming, "facts", old)
        tokens(tmp_path / "run", 1)
    with pytest.warns(RuntimeWarning, match=r"iterations computed with jax 0\.9\.7 \(not"):
        resumed = tokens(tmp_path / "run", 2)
    assert resumed.attrs["resumed"].startswith("seed 0: iterations 0 to 1 with jax 0.9.7 (not ")
    # Here nothing but the name of the version was another.
    assert (
        resumed.drop_attrs().drop_vars("seconds").identical(whole.drop_attrs().drop_vars("seconds"))
    )
    # It is remembered, and told once.
    again = tokens(tmp_path / "run", 2)
    assert again.attrs["resumed"] == resumed.attrs["resumed"]


def test_an_upgrade_does_not_excuse_another_rule(tmp_path, monkeypatch):
    new = resuming.facts
    with monkeypatch.context() as patch:
        patch.setattr(resuming, "facts", lambda **more: new(**more) | {"jax_version": "0.9.7"})
        tokens(tmp_path, 1, rule(lambda visits: 1.0 * visits.pass_rate))
    with pytest.raises(
        ValueError, match=r"begun with criterion 'mine'.*it said 0 where it now says"
    ):
        tokens(tmp_path, 2, rule(lambda visits: 1.0 - visits.pass_rate))


def test_a_first_model_is_made_anew_for_another_version(monkeypatch, tmp_path):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path))
    from boostsim.simulation.tokens import first_model as module

    new = resuming.facts
    made = [first_model(LOOKUP, SOFTMAX, as_key(1))]
    monkeypatch.setattr(module, "facts", lambda **how: new(**how) | {"jaxlib_version": "0.9.7"})
    made.append(first_model(LOOKUP, SOFTMAX, as_key(1)))
    assert len(list((tmp_path / "models").iterdir())) == 2
    assert all((made[0][name] == made[1][name]).all() for name in made[0])


class Counting:
    """A label for everybody in iterations that a function of their number chooses."""

    def __init__(self, chosen):
        self.chosen = chosen

    def init(self, groups):
        return jnp.zeros((), jnp.int32)

    def priority(self, memory, visits, key):
        return 1.0 * self.chosen(memory) * jnp.ones_like(visits.mass)

    def update(self, memory, visits, labelled_mass, accepted_label_mass):
        return memory + 1


# Pairs of rules that differ in one place only.
APART = {
    "the last count": (lambda v: (v.accepted < v.attempts) * 1.0, lambda v: v.mass * 0.0 + 1.0),
    "a count in the middle": (lambda v: (v.accepted == 2) * 1.0, lambda v: (v.accepted == 3) * 1.0),
    "a threshold": (
        lambda v: (v.disagreement > 0.5) * 1.0,
        lambda v: (v.disagreement > 0.51) * 1.0,
    ),
    "the group": (lambda v: (v.group == 0) * 1.0, lambda v: (v.prompt == 0) * 1.0),
    "what is rare": (lambda v: v.mass, lambda v: v.mass + 1e-3 * (v.mass > 0.05)),
    "padding": (lambda v: 1.0 + 0.0 * v.mass, lambda v: (v.mass > 0.0) * 1.0),
    "the scale": (lambda v: v.disagreement, lambda v: v.disagreement * 1.0001),
    "other cells": (
        lambda v: v.disagreement - jnp.mean(v.disagreement) + 1.0,
        lambda v: v.disagreement - jnp.median(v.disagreement) + 1.0,
    ),
}


@pytest.mark.parametrize("name", APART)
@pytest.mark.parametrize("attempts", [1, 4, 1000])
def test_rules_are_told_apart_by_what_they_do(name, attempts):
    if attempts < 3 and name == "a count in the middle":
        pytest.skip("there is none")
    said = [behaviour(rule(body), attempts) for body in APART[name]]
    assert difference(*said) is not None
    assert difference(said[0], behaviour(rule(APART[name][0]), attempts)) is None


def test_rules_with_a_memory_are_told_apart():
    rules = {
        "never": Counting(lambda number: number < 0),
        "every second": Counting(lambda number: number % 2 == 1),
        "late": Counting(lambda number: number > 25),
    }
    said = {name: behaviour(rule(each), 3) for name, each in rules.items()}
    said |= {
        str(each.name): behaviour(each, 3)
        for each in (
            bs.criteria.thompson(),
            bs.criteria.thompson(11),
            bs.criteria.hedge(),
            bs.criteria.hedge(0.51),
        )
    }
    for name in said:
        for other in said:
            same = difference(said[name], said[other]) is None
            assert same == (name == other), (name, other)


def test_a_yardstick_is_known_by_what_it_does():
    one = bs.criterion(sees_truth=True)(lambda visits, truth: truth.error)
    two = bs.criterion(sees_truth=True)(lambda visits, truth: truth.label_correct)
    assert difference(behaviour(one, 2), behaviour(two, 2)) is not None


def test_rounding_is_no_difference():
    """What compilers may do to a last bit."""
    said = behaviour(rule(lambda v: jnp.exp(v.disagreement) / 3.0), 4)
    assert difference(said, said * (1.0 + 1e-12)) is None
    assert difference(said, said * (1.0 + 1e-5)) is not None
