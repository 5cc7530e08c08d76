"""What ``bs.figure`` refuses before anything is simulated, and what it shows meanwhile."""

import contextlib
import re
import time
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.text import Text
from test_figures import COMMITTED, committed

import boostsim as bs
from boostsim import progress
from boostsim.figures import FIGURES, NEURAL, SCALES, Look, figure_module, parameters_of
from boostsim.figures.figure import LEAST, TELL
from boostsim.figures.layout import faults
from boostsim.figures.output import _drawn_at, drawn
from boostsim.figures.parameters import RANGES, checked

SMOKE = SCALES["smoke"]
BARE = Look(None, title=False, caption=False)
# The page, a space for each end of a line.
PAGE = " ".join((COMMITTED.parent / "docs" / "how-to" / "figure.md").read_text().split())


@pytest.fixture
def nothing_is_simulated(monkeypatch):
    def forbidden(*more, **others):
        raise AssertionError("it was simulated")

    for name in FIGURES:
        monkeypatch.setattr(figure_module(name), "data", _like(figure_module(name), forbidden))


def _like(module, function):
    """Return a function with the parameters of a figure's ``data``."""
    taken = module.data

    def data(*more, **others):
        return function(*more, **others)

    data.__wrapped__ = taken
    return data


OUTSIDE = {
    r"attempts must be a whole number in \[2, 64\]; got 1": ("updates", {"attempts": 1}),
    r"real_share must be a number in \[0.001, 1\]; got 0": ("regimes", {"real_share": 0}),
    r"beta must be a number in \[0.01, 0.99\]; got 1": ("freshness", {"beta": 1}),
    r"gamma must be a number in \[0.01, 0.45\]; got 0": ("freshness", {"gamma": 0}),
    r"budget must be a number in \[0.001, 1\]; got 0": ("leaderboard", {"budget": 0}),
    r"size must be .*in \[1.1, 40\]; got .*In less the text of no figure fits": (
        "convergence",
        {"size": (1, 1)},
    ),
}


@pytest.mark.parametrize("told", OUTSIDE, ids=range(len(OUTSIDE)))
def test_what_cannot_be_is_refused_before_anything_is_simulated(told, nothing_is_simulated):
    name, asked = OUTSIDE[told]
    with pytest.raises(ValueError, match=told):
        bs.figure(name, scale="smoke", **asked)


@pytest.mark.parametrize("name", FIGURES)
def test_the_ends_of_a_range_are_taken_and_what_is_beyond_is_not(name):
    module = figure_module(name)
    for key in parameters_of(name):
        ends = RANGES[key].of(name)
        step = 1 if ends.whole else 1e-6
        for end, beyond in ((ends.low, ends.low - step), (ends.high, ends.high + step)):
            kind = int if ends.whole else float
            assert checked(module, {key: kind(end)})
            with pytest.raises(ValueError, match=f"{key} must be a"):
                checked(module, {key: kind(beyond)})


def test_procedures_and_laws_take_the_ends_of_the_ranges_of_their_figures():
    updates, regimes = figure_module("updates"), figure_module("regimes")
    ends = RANGES["attempts"].of("updates")
    for attempts in (int(ends.low), int(ends.high)):
        for learner in updates._learners(0.25).values():
            assert updates._filtering(learner, attempts, 0.9, 0.1).attempts == attempts
    for share in (RANGES["real_share"].low, RANGES["real_share"].high):
        made = regimes.curated("filter and labels", "anchor", 0.3, 0.1, 0.2, share)
        assert made.real_share is None or made.real_share == share
    freshness = figure_module("freshness")
    betas, gammas = RANGES["beta"].of("freshness"), RANGES["gamma"].of("freshness")
    for beta in (betas.low, betas.high):
        for gamma in (gammas.low, gammas.high):
            for start in freshness.STARTS.values():
                assert 0.0 < freshness.limit(beta, gamma, 2, start) < 1.0


@pytest.mark.parametrize("kept", [(1,), (100, 0), ()], ids=str)
def test_a_frontier_that_nothing_reaches_is_drawn_and_said(kept):
    """As with beta = 0.01, or gamma = 0.45: ends of their ranges."""
    module, table = figure_module("frontier"), committed("frontier")
    picture = drawn(module, table[table.visits.isin(kept)], Look(title=False), beta=0.01)
    assert faults(picture) == []
    told = [text.get_text() for text in picture.findobj(Text)]
    for visits, words in ((1, "at 1 visit"), (100, "at 100 visits")):
        assert (f"{words} nothing reaches 95%" in told) == (visits not in kept)
    caption = " ".join(picture.get_supxlabel().split())
    assert ("Sampled: mean of 4 runs" in caption) == bool(kept)
    assert "right of" not in caption


class Stop(Exception):
    """What is asked for is known."""


def _drawn_of(name, monkeypatch):
    """Return the values of each parameter of several that a figure draws at the smoke scale."""
    module, got = figure_module(name), {}

    def simulate(procedure, task, iterations, **how):
        got.setdefault("attempts", set()).add(procedure.attempts)
        got.setdefault("votes", set()).add(getattr(procedure.filter, "votes", 1))
        error = np.full((1, iterations + 1, task.prompts), 0.5)
        share = getattr(procedure.labeler, "beta", None)
        if isinstance(share, float):
            got.setdefault("beta", set()).add(share)
        values = error if how.get("record") == "prompt" else error[..., 0]
        return SimpleNamespace(error=SimpleNamespace(values=values))

    def sweep(procedure, task, iterations, over, **how):
        got["attempts"] = {k for k, _ in over["attempts", "votes"]}
        got["votes"] = {m for _, m in over["attempts", "votes"]}
        raise Stop

    def row(panel, rule, beta, *more):
        got.setdefault("beta", set()).add(beta)
        return {"panel": panel}

    monkeypatch.setattr(bs, "simulate", simulate)
    monkeypatch.setattr(bs, "sweep", sweep)
    if name == "labels_to_target":
        monkeypatch.setattr(module, "row", row)
    with contextlib.suppress(Stop):
        module.data(SMOKE)
    return got


EVERY = {"every second": 2, "every third": 3}


def test_the_page_says_which_figures_draw_fewer_values_at_the_smoke_scale(monkeypatch):
    told = re.search(r"At the smoke scale (.*?); the other figures draw them all", PAGE)
    words = re.findall(r"(\w+)(?: draws)? (every \w+) of its ((?:`\w+`(?: and )?)+)", told.group(1))
    fewer = {
        (name, key): EVERY[how]
        for name, how, keys in words
        for key in re.findall(r"\w+", keys)
        if key != "and"
    }
    seen = 0
    for name in FIGURES:
        several = {key: v for key, v in parameters_of(name).items() if isinstance(v, tuple)}
        if not several:
            continue
        with monkeypatch.context() as patched:
            got = _drawn_of(name, patched)
        for key, values in several.items():
            # One look, one attempt: what stands beside what is varied.
            beside = {1} if name in ("limit_error", "plane") else set()
            expected = set(values[:: fewer.pop((name, key), 1)])
            assert got[key] | beside == expected | beside, (name, key)
            seen += 1
    assert seen == 8
    assert fewer == {}


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(progress, "_open", [])


@pytest.mark.parametrize("name", ["limit_error", "leaderboard"])
def test_a_figure_shows_that_it_is_being_made(name, impatient, monkeypatch, capsys):
    """Of those that run one long thing that tells more, that is shown."""
    module, table = figure_module(name), committed(name)

    def slowly():
        for item in range(2):
            time.sleep(0.15)
            yield item

    def data(scale):
        assert list(progress.track(slowly(), "rules", 2)) == [0, 1]
        return table

    monkeypatch.setattr(module, "data", data)
    bs.figure(name, scale="smoke")
    told = capsys.readouterr().err
    assert told.startswith("rules: 0 of 2, 0 s" if name in TELL else f"figure {name}: 0 s")
    assert told.count("\n") == 1


def test_figures_that_tell_more_are_known_ones():
    assert {*NEURAL} < {*TELL} < {*FIGURES}


def test_the_tables_of_table_one_show_that_they_are_made(impatient, monkeypatch, capsys):
    module, known = figure_module("table_one"), committed("table_one")

    def tables(name, *more):
        time.sleep(0.1)
        return known[known.panel == name]

    monkeypatch.setattr(module, "_on_tables", tables)
    monkeypatch.setattr(module, "_with_a_transformer", lambda name, *more: known[:0])
    module.data(SMOKE)
    assert capsys.readouterr().err == "tables of table_one: 0 s\n"


# Those that were found to fit in least, of all: they are the lowest, and the first the narrowest.
SMALL = ("convergence", "limit_error", "procedures", "blind_spot")


@pytest.mark.parametrize("name", SMALL)
def test_below_the_least_side_no_figure_fits_however_long_the_other_side(name):
    module, table = figure_module(name), committed(name)
    if name == "convergence":
        # One panel and one line, with the shortest words.
        table = table[(table.attempts == 4) & (table.beta == 0.5)].assign(beta=1.0)
    for size in ((LEAST, 12.0), (14.0, LEAST)):
        assert faults(_drawn_at(module, table, size, BARE, {})), size
    if name == "convergence":
        # It is nearly the least that would do.
        for size in ((LEAST + 0.2, 3.0), (3.0, LEAST + 0.2)):
            assert faults(_drawn_at(module, table, size, BARE, {})) == []
