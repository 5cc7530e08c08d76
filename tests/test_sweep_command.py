"""``boostsim sweep`` and a sweep's picture: what is asked for in words is the library's call."""

import json

import numpy as np
import pytest
import xarray

import boostsim as bs
from boostsim import cli
from boostsim.commands.over import NAMES, asked
from boostsim.commands.run_flags import Run
from boostsim.figures.swept import plot_sweep

SMALL = "--prompts 5 --solvable 0.5 --iterations 3"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))


@pytest.mark.parametrize(
    ("words", "axes"),
    [
        (["beta=0:1:5"], {("beta",): [(0.0,), (0.25,), (0.5,), (0.75,), (1.0,)]}),
        (["beta=.1:.3:3", "attempts=1,4"], {("beta",): [(0.1,), (0.2,), (0.3,)],
                                           ("attempts",): [(1,), (4,)]}),
        (["gamma=1e-3,0.1:0.3:2"], {("gamma",): [(0.001,), (0.1,), (0.3,)]}),
        (["beta,gamma=0:1:3/.1,.2,.3"], {("beta", "gamma"): [(0.0, 0.1), (0.5, 0.2), (1.0, 0.3)]}),
        (["criterion=failed,top(1,2),a.py:b"], {("criterion",): [("failed",), ("top(1,2)",),
                                                                 ("a.py:b",)]}),
        (["until-accepted=true,false"], {("until_accepted",): [(True,), (False,)]}),
        (["rule=majority,2"], {("rule",): [("majority",), (2,)]}),
        ({"beta": "0:1:3"}, {("beta",): [(0.0,), (0.5,), (1.0,)]}),
        ({"beta": [0, 0.5], "keep": ["one", "all"]}, {("beta",): [(0.0,), (0.5,)],
                                                      ("keep",): [("one",), ("all",)]}),
        ({"beta,gamma": [[0.1, 0.2], [0.3, 0.4]]}, {("beta", "gamma"): [(0.1, 0.2), (0.3, 0.4)]}),
    ],
)  # fmt: skip
def test_words_and_files_say_what_is_gone_over(words, axes):
    assert asked(words) == axes


def test_whole_numbers_stay_whole_and_ranges_have_both_ends():
    attempts = asked(["attempts=1:4:4"])["attempts",]
    assert attempts == [(1,), (2,), (3,), (4,)]
    assert {type(each) for (each,) in attempts} == {int}
    found = [value for (value,) in asked(["beta=0.05:0.95:19"])["beta",]]
    assert (found[0], found[-1]) == (0.05, 0.95)
    assert found[5] == 0.3


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["beta"], "over must be NAME=VALUES, such as beta=0:1:21"),
        ([], "over must be NAME=VALUES"),
        ({}, "over must be NAME=VALUES"),
        (3, "over must be NAME=VALUES"),
        (["bta=1"], "got 'bta'. Did you mean 'beta'"),
        (["voters=0.1"], "over must be one of .*got 'voters'"),
        (["iterations=1"], "over must be one of .*got 'iterations'"),
        (["beta=0:0:3"], "over beta must be START:STOP:COUNT"),
        (["beta=0:1:1"], "over beta must be START:STOP:COUNT"),
        (["beta=0:1:9999999"], "over beta must be START:STOP:COUNT, .* 2 to 1,000,000 points"),
        (["beta=0:1:999999999999"], "over beta must be START:STOP:COUNT, .* 2 to 1,000,000 points"),
        (["beta=0:1:" + "9" * 5000], "over beta must be START:STOP:COUNT"),
        (["beta=0:1:-3"], "over beta must be START:STOP:COUNT, .*; got '0:1:-3'"),
        (["attempts=1:4:2.5"], "over attempts must be START:STOP:COUNT"),
        (["beta=0:1"], "over beta must be START:STOP:COUNT"),
        ({"beta": ["0:x:3"]}, "over beta must be START:STOP:COUNT"),
        (["attempts=1:4:3"], "attempts must be a whole number; got 2.5"),
        (["attempts=many"], "attempts must be a whole number; got 'many'"),
        (["beta="], "beta must be a number; got ''"),
        (["beta=inf"], "beta must be a number; got 'inf'"),
        (["beta=.1,.1"], "over beta must be of different values; got 0.1 twice"),
        (["beta=.1", "beta=.2"], "names that are each given once; got 'beta'"),
        (["beta,gamma=.1,.2"], "over beta,gamma must be a list for each of beta, gamma"),
        (["beta,gamma=.1,.2/.3"], "over beta,gamma must be as many values of each name"),
        (["until_accepted=perhaps"], "until_accepted must be"),
        ({"beta": []}, "over beta must be one value at least"),
        ({"beta": True}, "beta must be a number; got True"),
        ({"beta,gamma": [0.1, 0.2]}, "over beta,gamma must be a list of points"),
    ],
)
def test_what_cannot_be_gone_over_is_refused(words, told):
    with pytest.raises(ValueError, match=told):
        asked(words)


def test_every_name_is_a_flag_of_a_run():
    assert set(NAMES) <= set(Run.__dataclass_fields__)


def test_a_sweep_is_the_library_call_by_flags_and_by_file(tmp_path, capsys):
    out, picture = tmp_path / "plane.nc", tmp_path / "plane.png"
    line = f"sweep --over beta=0.1:0.5:3 gamma=0.05,0.1 {SMALL} --attempts 2 --key 4 --json"
    assert cli.main([*line.split(), "--out", str(out), "--plot", str(picture)]) == 0
    printed = capsys.readouterr().out
    document = json.loads(printed)
    procedure = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.05), labeler=bs.WeakLabeler(0.1))
    task = bs.random_table(4, prompts=5, solvable=0.5)
    over = {"beta": [0.1, 0.3, 0.5], "gamma": [0.05, 0.1]}
    found = bs.sweep(procedure, task, 3, over=over, key=4)
    assert document["dimensions"] == {"beta": 3, "gamma": 2, "seed": 1}
    for name in ("accuracy", "error", "labels", "filter_calls", "beta", "gamma"):
        np.testing.assert_array_equal(document[name], found[name].values)
    assert document["provenance"]["procedure"] == json.loads(procedure.describe())
    assert bs.load(out).identical(found)
    assert picture.read_bytes().startswith(b"\x89PNG")
    # One point of it is the run there.
    alone = bs.simulate(procedure, task, 3, key=4).error.values[0, -1]
    np.testing.assert_allclose(document["error"][0][0][0], alone, rtol=1e-12)
    path = tmp_path / "plane.toml"
    path.write_text(
        "preset = 'boosting'\nprompts = 5\nsolvable = 0.5\niterations = 7\nattempts = 2\nkey = 4\n"
        "[over]\nbeta = '0.1:0.5:3'\ngamma = [0.05, 0.1]\n"
    )
    # Flags win over the file.
    assert cli.main(["sweep", str(path), "--iterations", "3", "--json"]) == 0
    assert capsys.readouterr().out == printed


SLOTS = {
    "the filter and a rate": "random_labels --over rate=0.1,0.2 correlation=0.0,0.5 --votes 3",
    "labels and a number together": "--over wrong,gamma=spread,concentrated/0.1,0.2",
    "presets and attempts": "--over preset=filter_only,random_labels attempts=1,2",
    "the task and a number": "--over solvable=0.2,0.6 beta=0.1,0.4",
}


@pytest.mark.parametrize("line", SLOTS.values(), ids=SLOTS.keys())
def test_words_that_are_no_number_of_the_library_are_slots(line, capsys):
    """Each point is what boostsim run says of it, whatever part of the run the name changes."""
    small = (SMALL if "solvable" not in line else SMALL.replace("--solvable 0.5", "")).split()
    words = line.split()
    assert cli.main(["sweep", *words, *small, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    over = asked([word for word in words if "=" in word])
    others = [word for word in words if "=" not in word and word != "--over"]
    names = [",".join(each) for each in over]
    assert list(document["dimensions"])[: len(names)] == names
    for at in np.ndindex(*(len(places) for places in over.values())):
        point = {
            name: value
            for (flags, places), i in zip(over.items(), at, strict=True)
            for name, value in zip(flags, places[i], strict=True)
        }
        preset = [point.pop("preset")] if "preset" in point else []
        flags = [word for name, each in point.items() for word in (f"--{name}", str(each))]
        assert cli.main(["run", *preset, *others, *flags, *small, "--json"]) == 0
        alone = json.loads(capsys.readouterr().out)
        for name in ("accuracy", "labels", "filter_calls"):
            swept = np.array(document[name])[at]
            np.testing.assert_allclose(swept, np.array(alone[name])[:, -1], rtol=1e-12)


def test_a_person_is_shown_every_point_or_the_best_and_the_worst(capsys):
    assert cli.main(["sweep", "--over", "beta=0.1,0.4", *SMALL.split()]) == 0
    out = capsys.readouterr().out
    assert "boosting, exact, 2 points" in out
    assert "Settings at the first point: attempts 1" in out
    assert cli.main(["sweep", "--over", "beta=0.1:0.9:41", *SMALL.split()]) == 0
    out = capsys.readouterr().out
    assert [line.split()[2] for line in out.splitlines() if "est error" in line] == ["0.9", "0.1"]
    line = (
        "sweep --over beta=0.1,0.4 --reduce error=0.01 --iterations 90 --prompts 5 --solvable 0.5"
    )
    assert cli.main([*line.split(), "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert max(document["error"][0] + document["error"][1]) <= 0.01
    assert document["ended"][0] > document["ended"][1]


def test_a_dry_run_runs_nothing(capsys, monkeypatch):
    line = f"sweep --over beta=0.1,0.4 gamma=0:0.4:5 {SMALL} --dry-run"
    assert cli.main(line.split()) == 0
    assert capsys.readouterr().out.startswith("10 points")
    assert cli.main([*line.split(), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["points"] == 10


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("sweep", "over must be given, such as --over beta=0:1:21 gamma=0.05,0.1"),
        ("sweep --beta 0.2 --over beta=0.1,0.3", "beta must be given once: by --over, or alone"),
        ("sweep --over beta=0.1,1.5", "beta"),
        ("sweep --over beta=0.1,0.2 --reduce first", "reduce must be one of all, last; got"),
        ("sweep --over beta=0.1,0.2 --reduce error=x", "reduce must be error= a number"),
        ("sweep --over beta=0.1,0.2 --memory lots", "memory must be bytes"),
        ("sweep --over rule=majority,2 correlation=0,1 --votes 3", "both change the filter"),
        ("sweep --over beta=0.1,0.2 --plot plane.txt", "plot must be a file that ends in"),
        ("sweep --over beta=0.1,0.2 --plot a.png --value eror", "value must be one of accuracy,"),
        ("sweep --over beta=0.1,0.2 --value error", "value must be left out where nothing is"),
        (
            "sweep --over beta=0.1,0.2 gamma=0.1,0.2 attempts=1,2 --plot plane.png",
            "plot must be given with one or two names that change; got beta, gamma, attempts",
        ),
        ("sweep none.toml", "config must be a TOML file that can be read"),
        ("sweep --over beta,prompts=.1,.2/5,6", "names together that are all of the task"),
    ],
)  # fmt: skip
def test_bad_input_is_told_before_anything_runs(line, told, capsys):
    assert cli.main(line.split()) == 2
    assert told in capsys.readouterr().err


def found(**sizes):
    values = np.arange(np.prod(list(sizes.values())), dtype=float).reshape(*sizes.values())
    coordinates = {name: np.linspace(0.0, 0.9, size) for name, size in sizes.items()}
    return xarray.Dataset({"accuracy": (tuple(sizes), values)}, coordinates)


def test_two_dimensions_are_a_heat_map():
    swept = found(beta=3, gamma=4, seed=2)
    axes, bar = plot_sweep(swept).axes
    mesh = axes.collections[0]
    expected = swept.accuracy.mean("seed").transpose("gamma", "beta").values
    np.testing.assert_array_equal(np.asarray(mesh.get_array()), expected)
    assert axes.get_xlabel() == "beta: share of right labels"
    assert axes.get_ylabel() == "gamma: noise of the filter"
    assert bar.get_ylabel() == "accuracy"
    assert axes.get_title(loc="left") == "accuracy, mean of 2 seeds"
    turned, _ = plot_sweep(swept, x="gamma").axes
    assert turned.get_ylabel() == "beta: share of right labels"
    np.testing.assert_array_equal(np.asarray(turned.collections[0].get_array()), expected.T)


def test_labels_and_what_never_came_true_are_drawn():
    swept = xarray.Dataset(
        {"ended": (("criterion", "beta"), [[3.0, np.nan], [1.0, 400.0]])},
        {"criterion": ["failed", "margin"], "beta": [0.2, 0.1]},
    )
    axes, bar = plot_sweep(swept, "ended", x="beta").axes
    # In the order of beta, whatever that of the sweep was.
    drawn = axes.collections[0].get_array()
    assert drawn.mask.tolist() == [[True, False], [False, False]]
    assert drawn[1].tolist() == [400.0, 1.0]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["failed", "margin"]
    assert bar.get_ylabel() == "iterations until it came true"


def test_one_dimension_is_a_line_on_axes_that_are_given():
    from matplotlib.figure import Figure

    swept = found(beta=3, gamma=1, seed=2)
    figure = Figure()
    axes = figure.subplots()
    assert plot_sweep(swept, axes=axes) is figure
    np.testing.assert_array_equal(axes.lines[0].get_ydata(), swept.accuracy.values[:, 0].mean(-1))
    assert len(axes.collections) == 1
    zipped = xarray.Dataset(
        {"error": ("beta,gamma", [0.3, 0.1])},
        {"beta": ("beta,gamma", [0.1, 0.2]), "gamma": ("beta,gamma", [0.3, 0.0])},
    )
    assert plot_sweep(zipped, "error").axes[0].get_xlabel() == "beta: share of right labels"
    assert plot_sweep(zipped, "error", x="gamma").axes[0].lines[0].get_xdata().tolist() == [0, 0.3]


@pytest.mark.parametrize(
    ("call", "told"),
    [
        (lambda: plot_sweep({}), "dataset must be an xarray.Dataset"),
        (lambda: plot_sweep(found(beta=2), "acuracy"), "value must be one of accuracy"),
        (lambda: plot_sweep(found(beta=2), axes=3), "axes must be axes of matplotlib"),
        (lambda: plot_sweep(found(beta=2), x="gamma"), "x must be one of beta"),
        (lambda: plot_sweep(found(beta=2), y="beta"), "y must be left out"),
        (lambda: plot_sweep(found(beta=2, gamma=2), x="beta", y="beta"), "y must be of another"),
        (lambda: plot_sweep(found(beta=1)), "dataset must be swept over one or two .*got none"),
        (
            lambda: plot_sweep(found(beta=2, gamma=2, votes=2)),
            "dataset must be swept over one or two dimensions, besides seeds; got beta, gamma, vo",
        ),
    ],
)
def test_what_cannot_be_drawn_is_refused(call, told):
    with pytest.raises(ValueError, match=told):
        call()


def test_workers_of_a_scheduler_give_the_same_table(client, capsys):
    words = ["sweep", "boosting", "--over", "beta=0.1,0.5", "--iterations", "2", "--json"]
    found = []
    for more in ([], ["--scheduler", client.scheduler.address]):
        assert cli.main([*words, *more]) == 0
        found.append(capsys.readouterr().out)
    assert found[0] == found[1]
