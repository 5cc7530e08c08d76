"""What was stopped goes on to the numbers of one go, whatever became of it or of its files."""

import pytest
from xarray.testing import assert_identical

import boostsim as bs
from boostsim.simulation.tables import keeping, loop

TABLE = bs.random_table(0, prompts=5, responses=3)
# With a memory and with data that accumulate, a state has every kind of array.
RULE = bs.boosting(
    attempts=2,
    labeler=bs.WeakLabeler(0.3),
    regime="accumulate",
    budget=0.5,
    criterion=bs.criteria.hedge(),
)
SAMPLED = dict(visits=2, seeds=3, key=1, record="prompt", pass_at=2)
RUNS = {
    "sampled": SAMPLED,
    "exact": dict(record="diversity"),
    "until": dict(visits=2, seeds=3, key=1, until=bs.Until(accuracy=0.6)),
}


def simulate(iterations, folder=None, **how):
    return bs.simulate(RULE, TABLE, iterations, folder=folder, **how)


@pytest.fixture
def short_blocks(monkeypatch):
    """Blocks of four iterations, so that a short run has several."""
    monkeypatch.setattr(loop, "BLOCK", 4)
    monkeypatch.setattr(loop, "FEW_AHEAD", 4)


@pytest.mark.parametrize("name", RUNS)
def test_a_longer_run_on_a_table_goes_on_from_a_shorter_one(name, short_blocks, tmp_path):
    """Cut within a block and at its end, made longer, asked for again and for less."""
    how = RUNS[name]
    whole = simulate(14, **how)
    lengths = whole.sizes["iteration"]
    for iterations in (0, 6, 8, 14, 14, 9):
        found = simulate(iterations, tmp_path, **how)
        if "until" not in how:
            assert_identical(found, whole.isel(iteration=slice(iterations + 1)))
        elif iterations == 14:
            assert_identical(found, whole)
        assert found.sizes["iteration"] <= min(iterations + 1, lengths)
    # What is said by longer pieces is not kept twice; a seed that has ended is not made longer.
    assert "until" in how or all(
        path.stem.endswith("iterations-14") for path in tmp_path.glob("*.piece")
    )


def test_nothing_that_is_kept_is_made_again(short_blocks, tmp_path, monkeypatch):
    simulate(6, tmp_path, **SAMPLED)
    made, advance = [], loop.advance

    def watched(structure, wanted, length, numbers, sampling, key, start, *rest):
        made.append((start, length))
        return advance(structure, wanted, length, numbers, sampling, key, start, *rest)

    monkeypatch.setattr(loop, "advance", watched)
    simulate(6, tmp_path, **SAMPLED)
    assert made == []
    simulate(8, tmp_path, **SAMPLED)
    # From the last whole block on: its programs are those of one go.
    assert made == [(4, 4)] * 3


def test_more_seeds_join_those_that_are_there(short_blocks, tmp_path):
    more = SAMPLED | {"seeds": range(2, 6)}
    simulate(6, tmp_path, **SAMPLED)
    assert_identical(simulate(6, tmp_path, **more), simulate(6, **more))
    whole = SAMPLED | {"seeds": 6}
    assert_identical(simulate(6, tmp_path, **whole), simulate(6, **whole))


def test_what_is_written_every_while_is_gone_on_from(short_blocks, tmp_path, monkeypatch):
    """A run that stops after some blocks: those that were written are not made again."""
    monkeypatch.setattr(keeping, "PAUSE_SECONDS", 0.0)
    monkeypatch.setattr(keeping, "PAUSE_WRITES", 0.0)
    want, advance, left = simulate(14, **SAMPLED), loop.advance, [5]

    def stops(*given):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return advance(*given)

    monkeypatch.setattr(loop, "advance", stops)
    with pytest.raises(KeyboardInterrupt):
        simulate(14, tmp_path, **SAMPLED)
    left[0] = 3 * 4 - 5
    assert_identical(simulate(14, tmp_path, **SAMPLED), want)
    assert left == [0]


@pytest.mark.parametrize(
    ("other", "told"),
    [
        (dict(visits=3), "visits 2, not 3"),
        (dict(key=2), "key"),
        (dict(record=()), "record"),
        (dict(pass_at=3), "pass_at"),
        (dict(until=bs.Until(error=0.1)), "until"),
        (dict(visited_share=0.5), "visited_share 1.0, not 0.5"),
    ],
)
def test_another_run_on_a_table_is_refused(other, told, short_blocks, tmp_path):
    simulate(2, tmp_path, **SAMPLED)
    with pytest.raises(ValueError, match=f"this very run; .* was begun with .*{told}"):
        simulate(2, tmp_path, **(SAMPLED | other))
    other_rule = bs.boosting(labeler=bs.WeakLabeler(0.3))
    with pytest.raises(ValueError, match="was begun with criterion"):
        bs.simulate(other_rule, TABLE, 2, folder=tmp_path, **SAMPLED)
    with pytest.raises(ValueError, match=r"was begun with task\.prompts 5, not 6"):
        bs.simulate(RULE, bs.random_table(0, prompts=6), 2, folder=tmp_path, **SAMPLED)


def test_a_window_that_is_never_full_is_another_run(tmp_path):
    rule = bs.filter_only(regime=bs.Window(4))
    want = bs.simulate(rule, TABLE, 5)
    bs.simulate(rule, TABLE, 2, folder=tmp_path / "short")
    with pytest.raises(ValueError, match="was begun with iterations 2, not null"):
        bs.simulate(rule, TABLE, 5, folder=tmp_path / "short")
    bs.simulate(rule, TABLE, 4, folder=tmp_path / "long")
    assert_identical(bs.simulate(rule, TABLE, 5, folder=tmp_path / "long"), want)


def test_exactly_at_finite_visits_a_seed_is_kept_when_it_is_whole(tmp_path, monkeypatch):
    from boostsim.simulation.tables import finite_run

    how = dict(visits=2, exact=True, record="law", until=bs.Until(accuracy=0.9))
    rule = bs.filter_only(attempts=2)
    want = bs.simulate(rule, TABLE, 3, **how)
    assert_identical(bs.simulate(rule, TABLE, 3, folder=tmp_path, **how), want)
    monkeypatch.setattr(finite_run, "_run", None)
    assert_identical(bs.simulate(rule, TABLE, 3, folder=tmp_path, **how), want)
