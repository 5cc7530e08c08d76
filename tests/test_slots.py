"""Slots: what fills one is checked where it comes in, described in provenance, named by presets."""

import dataclasses
import inspect
import json
import pickle
import time
from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

import boostsim as bs
from boostsim.curation.presets import PRESETS, Slots

TASK = bs.table_task([[1, 0, 0]], initial=[[0.5, 0.25, 0.25]])
WEAK = bs.WeakLabeler(0.4)


def judging(**attributes):
    """A filter of a plain class that derives from nothing."""
    usual = dict(accept=(0.9, 0.2), reject=(0.1, 0.8), looks=2, generates=True, persistent=False)
    return type("Mine", (), usual | attributes)()


@dataclasses.dataclass(frozen=True)
class Lenient(bs.Filter):
    accept: tuple = (0.9, 0.2)
    reject: tuple = (0.1, 0.8)
    looks: int = 2


FAULTS = {
    "more than all": (dict(accept=(2.0, -0.3), reject=(-1.0, 1.3)), r"filter.accept\[0\] must be"),
    "less than nothing": (dict(reject=(0.1, -0.8)), r"filter.reject\[1\] must be"),
    "one rate": (dict(accept=0.9), "filter.accept must be two probabilities"),
    "three rates": (dict(reject=(0.1, 0.2, 0.7)), "filter.reject must be two probabilities"),
    "rates by pair": (dict(accept=np.full((2, 4, 2), 0.5)), r"filter.accept\[0\] must be"),
    "a rate of a prompt": (
        dict(accept=([0.9, 1.2], 0.2)),
        r"filter.accept\[0\] must be .*prompt 1",
    ),
    "rates of other prompts": (
        dict(accept=([0.9] * 2, [0.2] * 3)),
        "filter must be with rates for one number of prompts",
    ),
    "no whole on a prompt": (
        dict(accept=([0.9, 0.8], 0.2)),
        r"filter.accept\[0\] \+ filter.reject\[0\] must be 1",
    ),
    "no whole": (dict(accept=(0.9, 0.1)), r"filter.accept\[1\] \+ filter.reject\[1\] must be 1"),
    "looks that are no number": (dict(looks=-1), "filter.looks must be"),
    "perhaps persistent": (dict(persistent=2), "filter.persistent must be True or False, or a sh"),
    "perhaps by response": (dict(by_response=1), "filter.by_response must be True or False"),
    "uneven sides": (dict(by_response=True, reject=[0.1]), "filter.reject must be of accept's"),
    "perhaps generating": (dict(generates="yes"), "filter.generates must be True or False"),
    "accepted unseen": (dict(generates=False), "filter.accept must be .0, 0. where nothing is gen"),
    "no JSON": (dict(describe=lambda self: {"rates": {1, 2}}), "filter must be described"),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("door", ["Procedure", "boosting", "Challenge"])
def test_a_filter_that_is_none_is_refused_where_it_comes_in(fault, door):
    attributes, told = FAULTS[fault]
    doors = {
        "Procedure": lambda filt: bs.Procedure(filter=filt),
        "boosting": lambda filt: bs.boosting(filter=filt, labeler=WEAK),
        "Challenge": lambda filt: bs.Challenge(TASK, WEAK, filt),
    }
    with pytest.raises(ValueError, match=told) as caught:
        doors[door](judging(**attributes))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("filt", "side"),
    [
        (judging(by_response=False, accept=([0.9, 0.8], 0.2), reject=([0.1, 0.2], 0.8)), "accept"),
        (judging(accept=(1.0, 0.2), reject=([0.0] * 2, 0.8)), "reject"),
        (bs.NoisyFilter([0.1, 0.2]), "accept"),
        (bs.DriftingFilter([bs.NoisyFilter(0.1), bs.NoisyFilter([0.1, 0.2])]), "accept"),
    ],
)
def test_rates_for_other_prompts_than_there_are_are_named_by_their_side(filt, side):
    words = rf"^filter\.{side} must be one rate, or one for each of 1 prompt; got rates for 2 pr"
    with pytest.raises(ValueError, match=words):
        bs.simulate(bs.filter_only(filter=filt), TASK, 1)


@pytest.mark.parametrize("filt", [judging(), judging(accept=np.array([0.9, 0.2])), Lenient()])
def test_a_filter_of_ones_own_runs_and_is_described(filt):
    """Its numbers are those of the same rates in bs.NoisyFilter, with two calls a response."""
    own = bs.simulate(bs.filter_only(filter=filt), TASK, 3)
    rates = bs.NoisyFilter(false_accept=0.2, false_reject=0.1)
    same = bs.simulate(bs.filter_only(filter=rates), TASK, 3)
    assert own.accuracy.values.tolist() == same.accuracy.values.tolist()
    assert own.filter_calls.values.tolist() == (2.0 * same.filter_calls).values.tolist()
    told = json.loads(own.attrs["procedure"])["filter"]
    assert (told["accept"], told["looks"]) == ([0.9, 0.2], 2)


def test_what_a_filter_is_can_be_asked():
    for filt in (bs.NoisyFilter(0.1), bs.AcceptAll(), bs.RejectAll(), Lenient(), judging()):
        assert isinstance(filt, bs.Filter)
    for other in (None, 0.1, WEAK, bs.Procedure()):
        assert not isinstance(other, bs.Filter)


def test_no_filter_is_one_that_accepts_everything():
    assert bs.Procedure().filter == bs.Procedure(filter=None).filter == bs.AcceptAll()
    assert bs.Procedure() == bs.Procedure(filter=None)
    assert bs.Challenge(TASK, WEAK, None).filter == bs.AcceptAll()


def test_every_slot_describes_itself():
    filled = dict(
        filter=bs.NoisyFilter(0.1),
        labeler=bs.DriftingLabeler(0.5, later=WEAK, between=(0, 4)),
        learner=bs.StrongLearner(0.1),
        sharpening=bs.Sharpening(0.5),
        criterion=bs.criteria.below(0.5),
    )
    told = json.loads(bs.Procedure(**filled).describe())
    for name, slot in filled.items():
        assert told[name] == json.loads(json.dumps(slot.describe())), name
    assert told["labeler"]["later"] == WEAK.describe()


@dataclasses.dataclass(frozen=True, eq=False)
class Signed(bs.WeakLabeler):
    by: object = None


@dataclasses.dataclass(frozen=True)
class Slow(bs.StrongLearner):
    why: object = None


@dataclasses.dataclass(frozen=True)
class Cold(bs.Sharpening):
    where: object = None


@pytest.mark.parametrize(
    "slots",
    [
        dict(labeler=Signed(0.4, by={1})),
        dict(learner=Slow(why=b"?")),
        dict(sharpening=Cold(0.5, 1.0, 2, {1})),
    ],
)
def test_what_provenance_cannot_hold_is_refused_before_the_run(slots):
    """At once, though the run would take minutes."""
    started = time.perf_counter()
    with pytest.raises(ValueError, match=f"{next(iter(slots))} must be described by what JSON"):
        bs.simulate(bs.Procedure(**slots), TASK, 10**7)
    assert time.perf_counter() - started < 5.0


HALF, THREE = np.float32(0.5), np.int8(3)


@dataclasses.dataclass(frozen=True)
class Grounded(bs.Regime):
    """Data accumulate, real ones among them."""

    real_share: object = HALF
    name, accumulates = "grounded", True


@dataclasses.dataclass(frozen=True)
class Small(bs.SoftmaxRegression):
    why: object = THREE


NUMBERS = [HALF, np.bool_(True), np.array(0.5), np.array([0.5, 2]), jnp.float32(0.5)]
NUMBERS += [(HALF, [THREE]), {"a": {THREE: HALF}}]


@pytest.mark.parametrize("number", NUMBERS, ids=lambda number: type(number).__name__)
def test_numbers_of_numpy_and_jax_are_described_as_python_s(number):
    """In a slot's fields, and in what it says of itself."""
    told = held(number)
    slots = {
        "filter": (Lenient(accept=(HALF, HALF), reject=(HALF, HALF), looks=THREE), "looks", 3),
        "labeler": (Signed(0.4, by=number), "by", told),
        "learner": (Slow(why=number), "why", told),
        "sharpening": (Cold(0.5, where=number), "where", told),
    }
    procedure = bs.Procedure(**{name: slot for name, (slot, _, _) in slots.items()})
    described = json.loads(procedure.describe())
    for name, (_, field, value) in slots.items():
        assert described[name][field] == value, name
    saying = judging(describe=lambda self: {"says": number})
    assert json.loads(bs.Procedure(filter=saying).describe())["filter"]["says"] == told
    small = bs.Procedure(learner=Small(steps=1, why=number))
    assert json.loads(small.describe())["learner"]["why"] == told


def held(number):
    """What JSON is to hold of it, without the code that is tested."""
    if isinstance(number, dict):
        return {str(name): held(each) for name, each in number.items()}
    if isinstance(number, (tuple, list)):
        return [held(each) for each in number]
    return np.asarray(number).tolist()


SHARES = [HALF, np.float64(0.5), np.array(0.5), jnp.float32(0.5), Fraction(1, 2)]
SHARES += [[0.5, 0.25], np.array([0.5, 0.25], np.float32), (HALF, np.float64(0.25))]


@pytest.mark.parametrize("share", SHARES, ids=lambda share: type(share).__name__)
def test_a_regime_of_ones_own_takes_a_share_as_the_built_in_one_does(share):
    """On a table; it stays what it is where its share is another in each iteration."""
    plain = [0.5, 0.25] if np.ndim(share) else 0.5
    procedure = bs.uncurated(regime=Grounded(share))
    told = json.loads(procedure.describe())
    assert (told["regime"], told["real_share"], told["accumulates"]) == ("grounded", plain, True)
    # f_0 has weight one, as each iteration's attempts; real data are right.
    error, weight, data = 0.5, 1.0, 0.5
    errors = [error]
    for real in np.broadcast_to(plain, 2):
        data, weight = (weight * data + error) / (weight + 1 + real), weight + 1 + real
        error = data
        errors.append(error)
    assert bs.simulate(procedure, TASK, 2).error.values[0] == pytest.approx(errors, rel=1e-14)
    second = procedure.at(2).trained_on
    assert (second.accumulates, second.share) == (True, 0.25 if np.ndim(share) else 0.5)
    assert type(second) is Grounded
    assert procedure.at(2) == procedure.at(2)
    assert np.ndim(share) == 0 or procedure.at(1) != procedure.at(2)
    with pytest.raises(ValueError, match="real_share must be one number, or one for each of 3"):
        bs.simulate(bs.uncurated(regime=Grounded([0.5, 0.25])), TASK, 3)


def test_a_regime_that_says_its_share_at_its_class_stays_what_it_is():
    regime = kind(name="grounded", accumulates=True, real_share=[0.5, 0.25])
    second = bs.uncurated(regime=regime).at(2)
    assert (second.trained_on.accumulates, second.trained_on.share) == (True, 0.25)
    told = json.loads(second.describe())
    assert (told["regime"], told["real_share"], told["accumulates"]) == ("grounded", 0.25, True)
    same, one = bs.uncurated(regime=regime), bs.uncurated(regime=Grounded([0.5, 0.25]))
    runs = {bs.simulate(each, TASK, 2).error.values.tobytes() for each in (same, one)}
    assert len(runs) == 1


def test_regimes_of_one_name_that_do_other_things_are_described_apart():
    kept, replaced = (kind(name="mine", accumulates=each) for each in (True, False))
    assert bs.uncurated(regime=kept).describe() != bs.uncurated(regime=replaced).describe()


def test_presets_take_the_slots_of_a_procedure():
    slots = inspect.signature(bs.Procedure).parameters
    assert list(Slots.__annotations__) == list(slots)
    for make in PRESETS.values():
        takes = inspect.signature(make).parameters
        assert set(takes) - {"rate"} <= set(slots)
        assert {"regime", "real_share", "learner"} <= set(takes)
        # What is left out is what the signature says.
        needed = dict(labeler=WEAK, rate=0.1, scores=[0.0, 1.0])
        needed = {
            name: needed[name] for name in takes if takes[name].default is inspect.Parameter.empty
        }
        shown = {
            name: entry.default
            for name, entry in takes.items()
            if entry.default is not inspect.Parameter.empty
        }
        if make is bs.escaping_collapse:
            # Its share gives way to a weight that is said, be it the usual one.
            shown.pop("label_weight")
        assert make(**needed) == make(**needed, **shown)
        assert pickle.loads(pickle.dumps(make)) is make


@pytest.mark.parametrize(
    ("make", "given", "told"),
    [
        ("boosting", dict(labeller=WEAK), "argument of boosting must be one of .*'labeler'"),
        ("filter_only", dict(budget=0.1), "argument of filter_only must be one of .* got 'budget'"),
        ("labels_only", dict(labeler=WEAK, attempts=2), "one of label_share, .*'attempts'"),
        ("boosting", dict(), "labeler must be given to boosting"),
        ("random_labels", dict(labeler=WEAK), "rate must be given to random_labels"),
        # What nobody gave is not blamed.
        ("random_labels", dict(labeler=None, rate=0.1), "labeler must be one that gives labels in"),
        ("escaping_collapse", dict(labeler=None), "^labeler must be one .* is bs.filter_only"),
    ],
)
def test_presets_refuse_what_they_have_no_place_for(make, given, told):
    with pytest.raises(ValueError, match=told) as caught:
        getattr(bs, make)(**given)
    assert "\n" not in str(caught.value)


BY_WORD = [
    (bs.Replace(), dict(regime="replace")),
    (bs.Accumulate(), dict(regime="accumulate")),
    (bs.Anchor(0.5), dict(regime="anchor", real_share=0.5)),
    (bs.Anchor([0.5, 0.0, 0.25]), dict(regime="anchor", real_share=[0.5, 0.0, 0.25])),
]


@pytest.mark.parametrize(("regime", "words"), BY_WORD)
def test_a_regime_and_its_word_are_one_procedure(regime, words):
    given = dict(attempts=2, filter=bs.NoisyFilter(0.1), labeler=WEAK)
    one, other = bs.boosting(**given, regime=regime), bs.boosting(**given, **words)
    assert one == other
    assert hash(one) == hash(other)
    assert one.trained_on == other.trained_on == regime
    assert one.describe() == other.describe()
    assert json.loads(one.describe())["regime"] == words["regime"]
    for each in ((one, other), (one.at(2), other.at(2)), (one.lengthened(5), other.lengthened(5))):
        assert each[0] == each[1]
        assert len({bs.simulate(made, TASK, 3).error.values.tobytes() for made in each}) == 1
    assert one != bs.boosting(**given, regime=bs.Anchor(0.75))
    # Each way of saying it can be changed in its own terms.
    changed = bs.Anchor(0.75)
    assert dataclasses.replace(one, regime=changed).trained_on == changed
    anchored = dataclasses.replace(other, regime="anchor", real_share=0.75)
    assert anchored == dataclasses.replace(one, regime=changed)
    assert (anchored.regime, anchored.real_share) == ("anchor", 0.75)


def kind(**attributes):
    return type("Mine", (bs.Regime,), attributes)()


@pytest.mark.parametrize(
    ("regime", "told"),
    [
        (bs.Regime(), "regime must be one of its kinds, such as bs.Replace"),
        (kind(), "regime.name must be text; got None"),
        (kind(name=3), "regime.name must be text; got 3"),
        (kind(name="mine", accumulates="no"), "regime.accumulates must be True or False"),
        (kind(name="mine", real_share=-1.0), "regime.real_share must be"),
        (kind(name="mine", real_share=None), "regime.real_share must be"),
        (kind(name="replace", accumulates=True), "regime.name must be its own: 'replace' is Rep"),
    ],
)
def test_a_regime_that_is_none_is_refused(regime, told):
    with pytest.raises(ValueError, match=told):
        bs.uncurated(regime=regime)
    assert bs.uncurated(regime=kind(name="mine")).trained_on.name == "mine"


def test_a_class_of_filters_is_told_to_be_made():
    for filter_class in (Lenient, bs.NoisyFilter):
        told = rf"This is a class: make one of it, {filter_class.__name__}\(\.\.\.\)\."
        with pytest.raises(ValueError, match=told) as caught:
            bs.Procedure(filter=filter_class)
        assert "lacks" not in str(caught.value)


def test_a_share_and_a_regime_that_holds_one_are_not_both_given():
    with pytest.raises(ValueError, match="real_share must be None where the regime is an object"):
        bs.uncurated(regime=bs.Anchor(0.5), real_share=0.5)
    with pytest.raises(ValueError, match="regime must be one of accumulate, anchor, replace"):
        bs.uncurated(regime=bs.Replace)
