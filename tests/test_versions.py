"""After an upgrade whatever is kept goes on, warns once, and says which numbers are of before."""

import warnings

import pytest

import boostsim as bs
from boostsim import store, versions

TABLE, RULE = bs.random_table(0, prompts=5, responses=3), bs.boosting(labeler=bs.WeakLabeler(0.5))
LEARNER = bs.SoftmaxRegression(steps=2, batch=4, first_steps=2)
LEARNS = bs.boosting(labeler=bs.WeakLabeler(0.5), learner=LEARNER)
LISTED, TOKENS = bs.lookup(4, 2), {"key": 0, "visits": 1}
MATCH = {"labels_per_visit": 0.05, "iterations": 2, "visits": 2, "key": 5}
SUITE = {"helpless": bs.stress_suite(0, prompts=10)["helpless"]}
CLAIM = {"samples": 4096, "points": 2, "exact_points": 2, "resolution": 0.5}


def traced(rule, task, **how):
    def run(folder):
        trace = bs.simulate(rule, task, 2, folder=folder, **how)
        return trace.error.values.tolist(), trace.attrs.get("resumed")

    return run


def swept(rule, task, **how):
    def run(folder):
        found = bs.sweep(rule, task, 2, over={"beta": [0.2, 0.8]}, folder=folder, **how)
        return found.error.values.tolist(), found.attrs.get("resumed")

    return run


def compared(folder):
    found = bs.compare(["failed"], SUITE, seeds=2, folder=folder, **MATCH)
    return found.results.error.values.tolist(), found.results.attrs.get("resumed")


def raced(folder):
    found = bs.race(["failed", "uniform"], SUITE, most_seeds=4, folder=folder, **MATCH)
    return found.summary(), found.conditions.get("resumed")


def certified(folder):
    found = bs.certify("T1", folder=folder, **CLAIM)
    return found.table.to_json(), found.conditions.get("resumed")


def certified_all(folder):
    (found,) = bs.certify_all(["T10"], folder=folder, levels="exact", exact_points=2)
    return found.table.to_json(), found.conditions.get("resumed")


def reported(folder):
    found = bs.gap_report(LEARNS, LISTED, 1, seeds=1, folder=folder, **TOKENS)
    return found.table.to_json(), found.conditions.get("resumed")


# What is kept, and how the pieces are called that are of before.
KINDS = {
    "table": (traced(RULE, TABLE, visits=2, key=1), "seeds-0-0-iterations-2 with jax 0.9.7"),
    "finite visits": (
        traced(RULE, TABLE, visits=2, exact=True),
        "seed-0-iterations-2 with jax 0.9.7",
    ),
    "tokens": (traced(LEARNS, LISTED, **TOKENS), "seed 0: iterations 0 to 2 with jax 0.9.7"),
    "sweep": (swept(RULE, TABLE), "group-0-from-0 with jax 0.9.7"),
    "sweep in tokens": (swept(LEARNS, LISTED, **TOKENS), "point-0, point-1 with jax 0.9.7"),
    "tournament": (compared, "helpless-failed-seeds_0_to_1-"),
    "race": (raced, "helpless-failed-seeds_0_to_1-"),
    "certificate": (certified, "exact, point-0, point-1 with jax 0.9.7"),
    "certificates": (certified_all, "exact with jax 0.9.7"),
    "gap report": (reported, "exact: seed 0: iterations 0 to 1 with jax 0.9.7"),
}


@pytest.fixture(scope="module", params=KINDS)
def kept(request, tmp_path_factory):
    """A work of each kind, and a folder in which another version of JAX has done it."""
    folder, real = tmp_path_factory.mktemp("kept"), versions.provenance
    run, told = KINDS[request.param]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BOOSTSIM_CACHE", str(tmp_path_factory.mktemp("cache")))
        with patch.context() as before:
            before.setattr(
                versions, "provenance", lambda **how: real(**how) | {"jax_version": "0.9.7"}
            )
            numbers = run(folder)
        yield run, numbers, folder, told


def test_what_was_begun_before_an_upgrade_goes_on_and_says_so(kept):
    run, (numbers, nothing), folder, told = kept
    assert nothing is None
    with warnings.catch_warnings(record=True) as heard:
        warnings.simplefilter("always")
        found, resumed = run(folder)
    assert found == numbers
    assert resumed.startswith(told)
    assert "0.9.7 (not " in resumed
    texts = [str(each.message) for each in heard]
    # Of a gap report both folders.
    assert len(texts) == len(set(texts)) == 1 + resumed.startswith("exact: seed")
    for text in texts:
        assert f"{folder}" in text
        assert "computed with jax 0.9.7 (not " in text
        assert text.endswith("those of one go, and 'resumed' in the result says which")


def test_on_another_backend_it_is_refused(kept, monkeypatch):
    run, _, folder, _ = kept
    here = store._here
    monkeypatch.setattr(store, "_here", lambda about: here(about) | {"backend": "tpu"})
    with pytest.raises(ValueError, match='was begun with backend "cpu", not "tpu"'):
        run(folder)


def test_a_longer_run_says_what_of_it_is_of_before(tmp_path, monkeypatch):
    """A table's seeds go on in pieces of their own, which remember what they were made of."""
    how, real = {"visits": 2, "key": 1, "folder": tmp_path}, versions.provenance
    with monkeypatch.context() as patch:
        patch.setattr(versions, "provenance", lambda **how: real(**how) | {"jax_version": "0.9.7"})
        bs.simulate(RULE, TABLE, 2, **how)
    told = "seeds-0-0-iterations-4 with jax 0.9.7 (not "
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match=r"has pieces computed with jax 0\.9\.7 \(not"):
            longer = bs.simulate(RULE, TABLE, 4, **how)
        assert longer.attrs["resumed"].startswith(told)
    assert longer.drop_attrs().identical(
        bs.simulate(RULE, TABLE, 4, **how | {"folder": None}).drop_attrs()
    )
    # What is made anew is of now.
    (tmp_path / "seeds-0-0-iterations-4.piece").unlink()
    assert "resumed" not in bs.simulate(RULE, TABLE, 4, **how).attrs
