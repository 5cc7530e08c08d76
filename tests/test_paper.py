"""Figures for a paper: their size, their parameters, and text that can be read."""

import io
import re
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.path import Path
from matplotlib.text import Text
from test_figures import COMMITTED, committed

import boostsim as bs
from boostsim.figures import FIGURES, SCALES, Look, figure_module, output, parameters_of
from boostsim.figures.layout import MARGIN, faults
from boostsim.figures.output import Picture, drawn
from boostsim.figures.parameters import RANGES, checked, defaults_of
from boostsim.figures.style import quantiles, spread

COLUMN, PAGE = (3.3, 2.2), (5.5, 2.2)


@pytest.fixture(scope="module")
def asked():
    """The figure of the documentation, drawn once: without title and caption, of other betas."""
    return bs.figure("convergence", PAGE, caption=False, beta=(0.5, 0.2), attempts=4, scale="smoke")


def test_a_figure_has_the_size_and_the_parameters_that_are_asked_for(asked):
    assert isinstance(asked, Figure)
    assert asked.get_size_inches().tolist() == [*PAGE]
    (axes,) = asked.axes
    assert [line.get_text() for line in axes.get_legend().get_texts()] == ["β = 0.2", "β = 0.5"]
    assert axes.get_title("left") == "k = 4 attempts a visit"
    # T1, by hand: e' = (1 - beta) e^4.
    error = 0.8
    for drawn_error in axes.lines[0].get_ydata()[1:]:
        assert drawn_error == pytest.approx(error, rel=1e-12)
        error = 0.8 * error**4
    # On grey paper a shape tells them apart.
    shapes = [line.get_marker() for line in axes.get_legend().get_lines()]
    assert len({*shapes} - {"None"}) == 2
    # A finding is one about the defaults: with others it does not stand there.
    assert asked.get_suptitle() == ""
    assert asked.get_supxlabel() == ""


def test_titles_and_captions_are_there_where_they_are_wanted():
    module, table = figure_module("convergence"), committed("convergence")
    whole = drawn(module, table)
    assert whole.get_suptitle() == module.TITLE
    assert "16 sampled runs" in " ".join(whole.get_supxlabel().split())
    own = drawn(module, table, Look(title="Mine", caption=False))
    assert (own.get_suptitle(), own.get_supxlabel()) == ("Mine", "")


def test_what_is_saved_is_the_same_twice_and_its_text_is_text(asked):
    for kind in ("svg", "pdf"):
        first, again = io.BytesIO(), io.BytesIO()
        for file in (first, again):
            asked.savefig(file, format=kind)
        assert first.getvalue() == again.getvalue()
        assert b"20" + b"26-" not in first.getvalue()
        if kind == "svg":
            words = re.findall(r"<text[^>]*>([^<]*)</text>", first.getvalue().decode())
            assert {"iteration", "error", "β = 0.2"} <= {*words}
        if kind == "pdf":
            assert b"/FontFile2" in first.getvalue()
            assert b"/Type3" not in first.getvalue()


WRONG = {
    "figure must be one of .*got 'convergense'. Did you mean 'convergence'": {
        "name": "convergense"
    },
    "a parameter of figure convergence must be one of attempts, beta; got 'betas'. Did": {
        "betas": 0.1
    },
    r"beta must be a number in \[0.01, 1\]; got 0": {"beta": 0},
    r"beta must be a number in \[0.01, 1\]; got '0.2'": {"beta": "0.2"},
    "beta must be a number or up to 7 different ones; got ": {"beta": [0.1, 0.1]},
    "beta must be a number or up to 7 different ones; got \\(\\)": {"beta": ()},
    r"attempts must be a whole number in \[1, 64\]; got 1.5": {"attempts": (1, 1.5)},
    "a parameter of figure real_run must be one of trained; got 'share'": {
        "name": "real_run",
        "share": 0.5,
    },
    r"trained must be a number in \[0.2, 0.9\]; got 1": {"name": "real_run", "trained": 1},
    r"labels must be a number in \[0.05, 1\]; got 0": {"name": "schedules", "labels": 0},
    r"size must be width and height in inches, each in \[1, 40\]; got 5.5": {"size": 5.5},
    r"size must be a number in \[1, 40\]; got 0.1": {"size": (0.1, 3)},
    "title must be True, False or up to 300 characters .*; got 1": {"title": 1},
    "title must be True, False or .*; got None": {"title": None},
    "title must be True, False or .*The font has no 日, 本": {"title": "日本"},
    "title must be True, False or up to 300 characters that can be drawn; got ": {"title": "a\0b"},
    r"title must be True, .* got '\$\\\\nothing\$'. See what stands": {"title": r"$\nothing$"},
    "caption must be True or False; got 'a'": {"caption": "a"},
    "scale must be one of full, quick, smoke; got 'tiny'": {"scale": "tiny"},
}


@pytest.mark.parametrize("told", WRONG, ids=map(str, range(len(WRONG))))
def test_what_a_figure_may_not_be_asked_for_is_said_in_a_sentence(told):
    with pytest.raises(ValueError, match=told):
        bs.figure(**({"name": "convergence"} | WRONG[told]))


def test_a_figure_without_parameters_says_so():
    module = SimpleNamespace(__name__="figures.words", data=lambda scale: None)
    assert checked(module, {}) == {}
    with pytest.raises(ValueError, match="figure words takes no parameters; got 'beta'"):
        checked(module, {"beta": 0.1})


@pytest.fixture
def simulated(monkeypatch):
    """Figures of what is known: their numbers are not asked for."""

    def known(name):
        table = committed(name)
        monkeypatch.setattr(figure_module(name), "data", lambda scale: table)
        return figure_module(name)

    return known


def test_a_finding_stands_above_a_figure_at_the_scales_that_found_it(simulated):
    module = simulated("convergence")
    for scale, told in (("smoke", ""), ("quick", module.TITLE), ("full", module.TITLE)):
        assert bs.figure("convergence", scale=scale).get_suptitle() == told
        # Words of the user's own do, everywhere.
        assert bs.figure("convergence", scale=scale, title="Mine").get_suptitle() == "Mine"


def words_of(picture):
    """All that stands in a picture, its caption too, each space one space."""
    return " ".join(" ".join(text.get_text() for text in picture.findobj(Text)).split())


def test_a_plane_of_other_attempts_votes_and_target_is_drawn_so():
    """At every point: accuracy by T4 and T5, labels where the target is reached, and borders."""
    module, scale = figure_module("plane"), SCALES["smoke"]
    asked = {"attempts": 3, "votes": (5, 7), "target": 0.05}
    table = module.data(scale, **asked)
    settings = set(zip(table.attempts, table.votes, strict=True))
    assert settings == {(1, 1), (3, 1), (1, 5), (1, 7)}
    three = table[table.attempts == 3]
    law = module.limit(three.beta.to_numpy(), three.gamma.to_numpy(), 3, 1)
    assert (1.0 - three.accuracy).to_numpy() == pytest.approx(law, abs=1e-6)
    clear = np.abs(law - 0.05) > 1e-5
    assert (three.labels.notna() == (law < 0.05))[clear].all()
    picture = drawn(module, table, Look(title=False), **asked)
    assert faults(picture) == []
    told = words_of(picture)
    for each in (
        "three attempts, one look (line: T4)",
        "labels per visit to 95%",
        "never 95%",
        "error of 7 votes over that of 3 attempts",
        "border against 7 looks",
        "Grey: 95% is never reached.",
        "3 responses and 3 looks are set against 1 response and m looks",
        "where a response costs (m - 3)/2 looks; against m = 5 the attempts win everywhere, and",
    ):
        assert each in told
    # One attempt is set against itself, and against what is better.
    asked = {"attempts": 1, "votes": (1, 3)}
    told = words_of(drawn(module, module.data(scale, **asked), **asked))
    assert "m = 1 both err alike everywhere, against m = 3 the votes win everywhere" in told


def test_schedules_of_other_parameters_are_drawn_so():
    """Where so few visits fail that even the dearest constant leaves labels over."""
    module, scale = figure_module("schedules"), replace(SCALES["smoke"], prompts=40, seeds=2)
    asked = {"labels": 1.0, "iterations": 2, "attempts": 64, "visits": 4}
    table = module.data(scale, **asked)
    panels = table.groupby(["visits", "designed_for"], sort=False).groups
    assert [*panels] == [(100, "many"), (4, "many"), (4, "4 visits")]
    assert table.constant.max() == 1.0
    assert np.isfinite(table.difference).all()
    # A filter that errs once in 20 accepts one in 20 at least: half of the prompts are well below.
    assert (table[table.visits == 100].labels < 2.0 * 0.95**64).all()
    told = words_of(drawn(module, table, Look(title=False), **asked))
    for each in (
        "price of 1 labels per visit",
        "64 attempts a visit, 2 iterations",
        "seeds for 4 (visits=",
        "4 visits, made for 4",
    ):
        assert each in told


def test_table_one_of_other_parameters_is_drawn_so(monkeypatch):
    """Tables alone: networks take long, and are asked for with the same procedures."""
    module, known = figure_module("table_one"), committed("table_one")
    asked = {"gamma": 0.1, "attempts": 2, "iterations": 3}
    got = []

    def networks(name, *more):
        got.append(more[1:])
        return known[known.panel == name]

    monkeypatch.setattr(module, "_with_a_transformer", networks)
    table = module.data(SCALES["smoke"], **asked)
    assert got == [(0.1, 2, 3)] * 2
    wide = table[(table.panel == "wide") & (table.visits == "unlimited")]
    assert wide.iteration.max() == 3
    # In the limit, by hand: of k attempts those that the filter accepts, by its odds of 9 to 1.
    task = module.spread_table(module.SPREADS["wide"], SCALES["smoke"].prompts)
    right = (task.initial * task.quality).sum(1)
    for _ in range(3):
        right = right * 0.9 / (right * 0.9 + (1.0 - right) * 0.1)
    alone = wide[(wide.method == "filter only") & (wide.iteration == 3)].accuracy
    assert alone.item() == pytest.approx(right.mean(), rel=1e-12)
    told = words_of(drawn(module, table, Look(title=False), gamma=0.1, attempts=2))
    assert "k = 2 attempts, all accepted ones kept, a filter with noise γ = 0.1;" in told
    assert "asked for 8 labels" in told
    assert "(one seed), after 5 rounds." in told


def test_a_real_run_that_is_fitted_on_another_share_is_drawn_so():
    """From what is known: forecasts are named by what they were fitted on."""
    module, table = figure_module("real_run"), committed("real_run")
    table = table.assign(line=table.line.str.replace("a third", "0.5 of it"))
    ahead = table.line.str.contains("0.5 of it") & (table.iteration < 22)
    told = words_of(drawn(module, table[~ahead], Look(title=False), trained=0.5))
    for each in (
        "one speed, fitted on 22; 95%",
        "line through 22",
        "By probability at epoch 21",
        "are fitted on 22 epochs and go on",
        "a straight line through the 22. Classes by the posterior after the 22. Not explained",
    ):
        assert each in told
    # What was found after a third is not told of another share.
    assert ".007" not in told
    assert ".007" in words_of(drawn(module, committed("real_run")))


@pytest.mark.parametrize("name", ["frontier"])
def test_no_line_crosses_what_stands_beside_its_markers(name):
    picture = drawn(figure_module(name), committed(name))
    axes, found = picture.axes[0], []
    picture.draw_without_rendering()
    lines = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    assert len(lines) == 4
    for line in lines:
        x, y = line.get_data(orig=False)
        # As it is drawn: to the right, then down.
        steps = np.column_stack([np.repeat(x, 2)[1:], np.repeat(y, 2)[:-1]])
        path = Path(axes.transData.transform(steps))
        for text in axes.texts:
            box = text.get_window_extent().padded(-MARGIN * picture.dpi / 72.0)
            if path.intersects_bbox(box, filled=False):
                found.append(text.get_text())
    assert len(axes.texts) > 20
    assert found == []


def test_a_size_in_which_text_lies_on_text_is_refused_with_one_that_would_do():
    def draw(table, picture):
        axes = picture.subplots()
        axes.annotate("one word", (0.2, 0.5))
        axes.annotate("another", (0.6, 0.5))
        return "Of nothing."

    module = SimpleNamespace(__name__="figures.words", TITLE="Words", SIZE=(4.0, 3.0), draw=draw)
    refused = (
        r"size must be larger for words; got 1\.2 x 1 inches, where 'one word' lies on 'another'"
    )
    with pytest.raises(ValueError, match=refused) as told:
        drawn(module, None, Look((1.2, 1.0), False, False))
    size = re.search(r"([\d.]+) x ([\d.]+) would do", str(told.value)).groups()
    look = Look(tuple(map(float, size)), False, False)
    assert faults(drawn(module, None, look)) == []
    # To leave out title and caption is told only where that would do.
    with pytest.raises(ValueError, match=r"x [\d.]+ would do") as told:
        drawn(module, None, Look((1.2, 1.0)))
    assert "neither title nor caption" not in str(told.value)
    # Text shrinks, to three quarters at most.
    assert drawn(module, None, look).axes[0].texts[0].get_fontsize() == pytest.approx(6.75)
    assert drawn(module, None).axes[0].texts[0].get_fontsize() == 9.0


@pytest.mark.parametrize(
    ("width", "enough", "told"),
    [
        (1.0, 2.0, "2.1 x 2.1 would do"),
        (34.0, 39.0, "39.1 x 34.5 would do"),
        (34.0, 41.0, "None of this shape, up to 40 inches, would do"),
        (36.0, 37.0, "None of this shape, up to 40 inches, would do"),
        (40.0, 41.0, "None of this shape, up to 40 inches, would do"),
    ],
)
def test_the_smallest_step_that_would_do_is_told_and_none_that_may_not_be_asked_for(
    width, enough, told, monkeypatch
):
    def narrow(picture):
        return ["too narrow"] if picture.get_size_inches()[0] < enough else []

    monkeypatch.setattr(output, "faults", narrow)
    module = SimpleNamespace(
        __name__="figures.words", TITLE="Words", SIZE=(4.0, 3.0), draw=lambda table, picture: ""
    )
    height = 1.0 if width == 1.0 else 30.0
    with pytest.raises(ValueError, match=re.escape(told)):
        drawn(module, None, Look((width, height), False, False))


def test_text_on_text_over_the_edge_and_axes_without_room_are_found():
    picture = Picture(figsize=(4, 3), layout="constrained")
    axes = picture.subplots()
    assert faults(picture) == []
    axes.annotate("one", (0.5, 0.5))
    axes.annotate("two", (0.51, 0.51))
    assert faults(picture) == ["'one' lies on 'two'"]
    axes.annotate("three", (1.4, 0.2), annotation_clip=False).set_in_layout(False)
    assert faults(picture)[0] == "'three' reaches over the edge"
    assert any("inches are left" in each for each in faults(_crowded()))
    narrow = Picture(figsize=(3, 2), layout="constrained")
    axes = narrow.subplots()
    axes.plot([0, 1], label="a word of a legend that is too wide for its axes")
    axes.legend(loc="upper left")
    assert "a legend is wider than its axes" in faults(narrow)


def _crowded():
    picture = Picture(figsize=(2, 1), layout="constrained")
    picture.subplots(3, 3)
    return picture


def test_a_band_of_few_runs_is_their_range_and_is_called_so():
    values = np.arange(16.0)[:, None]
    for count, low, high, told in ((4, 0.0, 3.0, "range"), (16, 1.5, 13.5, "10-90%")):
        found = quantiles(values[:count])
        assert found["sampled_low"] == pytest.approx([low])
        assert found["sampled_high"] == pytest.approx([high])
        assert spread(count) == told
    for name in ("regimes", "sharpening", "updates"):
        told = drawn(figure_module(name), committed(name)).get_supxlabel()
        assert "range of 4" in " ".join(told.split())


@pytest.mark.parametrize("name", FIGURES)
def test_a_figures_parameters_have_ranges_and_defaults_within_them(name):
    module, defaults = figure_module(name), parameters_of(name)
    assert defaults == defaults_of(module)
    assert checked(module, defaults) == defaults
    assert set(defaults) <= set(RANGES)


def test_the_page_tells_every_parameter_with_its_default():
    page = (COMMITTED.parent / "docs" / "how-to" / "figure.md").read_text()
    told = dict(re.findall(r"^\| (\w+) \| (.*) \|$", page, re.MULTILINE))
    del told["figure"], told["parameter"]
    expected = {}
    for name in FIGURES:
        if each := parameters_of(name):
            expected[name] = ", ".join(f"`{key}={value!r}`" for key, value in each.items())
    assert told == expected


def test_what_parameters_are_is_told_beside_their_table():
    page = (COMMITTED.parent / "docs" / "how-to" / "figure.md").read_text()
    used = {key for name in FIGURES for key in parameters_of(name)}
    assert used == set(RANGES)
    for key in used:
        each = RANGES[key]
        allowed = f"{each.low:g} to {each.high:g}{', odd' if each.odd else ''}"
        allowed += "".join(f"; {name}: from {low:g}" for name, low in each.lows.items())
        allowed += "".join(f"; {name}: to {high:g}" for name, high in each.highs.items())
        assert f"| `{key}` | {each.meaning} | {allowed} |" in page
