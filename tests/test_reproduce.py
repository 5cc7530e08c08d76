"""``boostsim reproduce``: what comes first, what stands, and what is told of the rest."""

import json
import os
import signal
import threading
import time
import warnings
from dataclasses import asdict
from pathlib import Path

import pandas as pd
import pytest

from boostsim import cli
from boostsim.commands import tables
from boostsim.commands.how import How
from boostsim.commands.waiting import SECONDS, left, quickest_first
from boostsim.figures import FIGURES, NEURAL, SCALES, SMOKE, Look, figure_module
from boostsim.report.record import digests
from boostsim.store import locked

COMMITTED = Path(__file__).parent.parent / "figures"


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))


def test_reproduce_draws_a_figure_and_says_so(capsys, tmp_path):
    line = [
        "reproduce",
        "convergence",
        "--scale",
        "smoke",
        "--out",
        str(tmp_path / "new"),
        "--json",
    ]
    assert cli.main(line) == 0
    out, err = capsys.readouterr()
    report = json.loads(out)
    assert [figure["figure"] for figure in report["figures"]] == ["convergence"]
    # Lines of JSON, the last as it is done, and nothing else.
    told = [json.loads(line) for line in err.splitlines()][-1]
    assert {name: told[name] for name in ("what", "done", "total", "more")} == {
        "what": "convergence",
        "done": 1,
        "total": 1,
        "more": "convergence is drawn",
    }
    found = sorted(path.name for path in (tmp_path / "new").iterdir())
    files = [f"convergence.{kind}" for kind in ("csv", "png", "svg")]
    assert found == [*files, "drawn.json", "index.html"]
    assert report["report"] == str(tmp_path / "new" / "index.html")
    page = (tmp_path / "new" / "index.html").read_text()
    # At this scale no finding is told, neither there nor in the picture.
    assert "<figcaption>Lines: law T1." in page
    assert '<li><a href="#convergence">Convergence</a></li>' in page
    assert 'alt="Convergence"' in page
    title = figure_module("convergence").TITLE
    for told in (page, (tmp_path / "new" / "convergence.svg").read_text()):
        assert title[:20] not in told
        assert "Lines: law T1." in told
    assert "4 to each sampled row" in page
    assert SMOKE in page
    # As it is drawn already: the same report, and nothing is simulated.
    assert cli.main(line) == 0
    out, err = capsys.readouterr()
    assert json.loads(out) == report
    assert err == ""
    assert cli.main(line[:-1]) == 0
    assert capsys.readouterr().err == (
        f"1 of 1 figures stand in {tmp_path / 'new'}/ as this code draws "
        "them (--again draws them again)\n"
    )
    assert cli.main([*line[:-1], "--quiet"]) == 0
    assert capsys.readouterr().err == ""


NOTHING = {
    **dict.fromkeys(("claim", "title", "caption", "command", "runs", "drawn"), "said"),
    **{"scale": asdict(SCALES["smoke"]), "conditions": {}, "seconds": 1.0},
    **{"processor_seconds": 1.0},
}


@pytest.fixture
def quickly_drawn(monkeypatch):
    """Figures that are drawn in this process, in no time, and in which order."""
    from boostsim.commands import reproduce

    order = []

    def drawn(name, folder, how):
        path = folder / f"{name}.svg"
        path.write_text("<svg/>")
        order.append(name)
        known = {"sha256": digests([path]), "fingerprint": how.fingerprint(name)}
        return {**NOTHING, **known, "files": [path.name]}

    monkeypatch.setattr(reproduce, "processors", lambda: 1)
    monkeypatch.setattr(reproduce, "_workers", lambda names, neural: 0)
    monkeypatch.setattr(reproduce, "_drawn", drawn)
    return order


@pytest.mark.parametrize("scale", SCALES)
def test_the_finding_stands_in_the_picture_and_on_the_page_but_at_the_smallest_scale(
    scale, tmp_path, monkeypatch
):
    module, table = figure_module("convergence"), pd.read_csv(COMMITTED / "convergence.csv")
    monkeypatch.setattr(module, "data", lambda scale: table)
    monkeypatch.setattr("boostsim.commands.reproduce._workers", lambda names, neural: 0)
    words = ["reproduce", "convergence", "--scale", scale, "--folder", str(tmp_path), "--quiet"]
    assert cli.main(words) == 0
    told = scale != "smoke"
    page = (tmp_path / "index.html").read_text()
    assert (f"<figcaption><strong>{module.TITLE}.</strong> Lines: law T1." in page) == told
    # In the picture it is broken into lines.
    assert (module.TITLE[:20] in (tmp_path / "convergence.svg").read_text()) == told
    assert (SMOKE in page) != told


def test_a_command_that_draws_again_names_the_folder_where_it_is_another():
    from boostsim.commands.reproduce import _elsewhere, _usual

    assert _elsewhere(_usual("quick"), "quick") is None
    assert _elsewhere(Path("figures", "smoke"), "smoke") is None
    assert _elsewhere(Path("figures"), "smoke") == Path("figures")


def test_the_quickest_figures_come_first_and_networks_last(quickly_drawn, tmp_path, capsys):
    names = ["programs", "leaderboard", "arithmetic", "convergence"]
    line = ["reproduce", *names, "--folder", str(tmp_path), "--json"]
    assert cli.main(line) == 0
    assert quickly_drawn == ["convergence", "leaderboard", "programs", "arithmetic"]
    out, err = capsys.readouterr()
    # They are told in the order in which they were asked for.
    assert [figure["figure"] for figure in json.loads(out)["figures"]] == names
    told = [json.loads(line) for line in err.splitlines()]
    assert [each["done"] for each in told] == [1, 2, 3, 4]
    assert [each["more"] for each in told] == [f"{name} is drawn" for name in quickly_drawn]
    assert {(each["what"], each["total"]) for each in told} == {("figures", 4)}
    assert told[0]["left"] > 60.0
    line = line[:-1]
    assert cli.main([*line, "--again"]) == 0
    assert len(quickly_drawn) == 8
    lines = capsys.readouterr().err.splitlines()
    first = f"figure 1 of 4: convergence, {tmp_path}/convergence.svg (about "
    assert lines[0].startswith(first)
    assert lines[0].endswith(" left)")
    assert lines[-1] == f"figure 4 of 4: arithmetic, {tmp_path}/arithmetic.svg"
    # One that somebody changed is drawn again, and so is one at another scale.
    (tmp_path / "programs.svg").write_text("something else")
    assert cli.main(line) == 0
    assert quickly_drawn[8:] == ["programs"]
    assert "programs is drawn again: programs.svg gone, dam" in capsys.readouterr().err
    assert cli.main([*line, "--scale", "full"]) == 0
    assert len(quickly_drawn) == 13
    assert " left" not in capsys.readouterr().err.splitlines()[-4]
    # And so is one that is to look otherwise.
    assert cli.main([*line, "--scale", "full", "--plain"]) == 0
    assert len(quickly_drawn) == 17


def test_a_damaged_record_is_told_and_its_figures_drawn_again(quickly_drawn, tmp_path, capsys):
    line = ["reproduce", "convergence", "--scale", "smoke", "--folder", str(tmp_path)]
    assert cli.main(line) == 0
    path = tmp_path / "drawn.json"
    whole = path.read_bytes()
    for content in (b"", whole[:-9], whole.replace(b'"said"', b'"sa\x69e"', 1)):
        path.write_bytes(content)
        capsys.readouterr()
        assert cli.main(line) == 0
        assert f"{path} is damaged: the figures that it" in capsys.readouterr().err
    assert quickly_drawn == ["convergence"] * 4
    # One that was written before there was a digest in it is read.
    old = json.loads(path.read_bytes())
    del old["sha256"]
    path.write_text(json.dumps(old))
    assert cli.main(line) == 0
    assert len(quickly_drawn) == 4


@pytest.mark.parametrize("more", [[], ["--again"]])
def test_a_figure_that_is_not_known_makes_no_folder(more, tmp_path, capsys):
    assert cli.main(["reproduce", "convergenc", "--folder", str(tmp_path / "new"), *more]) == 2
    assert "'convergenc'" in capsys.readouterr().err
    assert not (tmp_path / "new").exists()


def test_two_into_one_folder_are_refused(quickly_drawn, tmp_path, capsys):
    line = ["reproduce", "convergence", "--scale", "smoke", "--folder", str(tmp_path)]
    with locked(tmp_path):
        assert cli.main(line) == 2
    assert "folder must not be in use by another run" in capsys.readouterr().err
    assert quickly_drawn == []
    assert cli.main(line) == 0


def test_an_interrupt_keeps_what_is_drawn_and_says_how_to_go_on(
    quickly_drawn, tmp_path, capsys, monkeypatch
):
    from boostsim.commands import reproduce

    drawn, folder = reproduce._drawn, tmp_path / "a folder"

    def interrupted(name, **how):
        if name == "leaderboard":
            raise KeyboardInterrupt
        return drawn(name, **how)

    monkeypatch.setattr(reproduce, "_drawn", interrupted)
    line = ["reproduce", "leaderboard", "convergence", "--scale", "smoke", "--out", str(folder)]
    assert cli.main(line) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == (
        "boostsim: interrupted; 1 of 2 figures are drawn, and `boostsim reproduce leaderboard "
        f"convergence --scale smoke --folder '{folder}'` goes on with the others"
    )
    assert f"1 of {len(FIGURES)} figures" in (folder / "index.html").read_text()
    monkeypatch.setattr(reproduce, "_drawn", drawn)
    assert cli.main(line) == 0
    assert quickly_drawn == ["convergence", "leaderboard"]


def test_two_processors_end_together_and_the_first_figure_stands_soon():
    known = SECONDS["quick"]
    tables = [name for name in FIGURES if name not in NEURAL]
    order = quickest_first(tables)
    both = sum(known[name] for name in tables) / 2
    assert both <= left(order, "quick", {}, {}, 2) <= both + 15.0
    assert known[order[0]] == min(known[name] for name in tables)


def test_what_time_is_left_is_told_from_what_was_measured():
    tables, networks = ["convergence", "procedures"], ["arithmetic", "programs"]
    known = SECONDS["quick"]
    names, workers = [*tables, *networks], 2
    assert set(known) == set(SECONDS["smoke"]) == set(FIGURES)
    # As fast as it was measured: a worker each, and then whichever is free.
    usual = left(names, "quick", {}, {}, workers)
    first, second = sorted(known[name] for name in tables)
    assert usual == max(first + known["arithmetic"], second + known["programs"])
    # Half as fast, on tables: so it may be with networks, until one of these is done.
    slow = {name: 2.0 * known[name] for name in tables}
    assert left(names, "quick", slow, {}, workers) == 2.0 * max(known[name] for name in networks)
    quick = {name: 0.1 * known[name] for name in tables}
    assert left(names, "quick", quick, {}, 1) == sum(known[name] for name in networks)
    one = {**slow, "arithmetic": 0.5 * known["arithmetic"]}
    at_work = {"programs": 10.0}
    assert left(names, "quick", one, at_work, 2) == 0.5 * known["programs"] - 10.0
    # What takes longer than it should is nearly done, as far as is known.
    assert left(names, "quick", one, {"programs": 1e9}, 2) == 0.0
    assert left(names, "full", {}, {}, 2) is None


@pytest.fixture
def simulated(monkeypatch):
    """How often the table of a figure is simulated: in no time. A larger size is soon found."""
    monkeypatch.setattr("boostsim.figures.output.GROWTH", 6.0)
    table, calls = pd.read_csv(COMMITTED / "convergence.csv"), []
    monkeypatch.setattr(
        figure_module("convergence"), "data", lambda scale: calls.append(scale.name) or table
    )
    return calls


SIZED = ["reproduce", "convergence", "--scale", "smoke"]


def test_a_size_that_is_too_small_loses_no_table(simulated, tmp_path, capsys):
    line, kept = [*SIZED, "--folder", str(tmp_path / "a")], tmp_path / "a" / "convergence.piece"
    assert cli.main([*line, "--size", "1x1"]) == 2
    err = capsys.readouterr().err
    assert "size must be larger for convergence; got 1 x 1 inches" in err
    assert err.endswith(": its table is kept, and is not simulated again\n")
    assert kept.exists()
    # It is refused at once now, and so is another that is too small.
    for size in ("1x1", "1.2x1"):
        assert cli.main([*line, "--size", size]) == 2
        assert "size must be larger for convergence" in capsys.readouterr().err
    assert simulated == ["smoke"]
    # One that is large enough needs nothing simulated, and has the files of one go.
    assert cli.main([*line, "--size", "8x4.5"]) == 0
    assert simulated == ["smoke"]
    assert not kept.exists()
    assert cli.main([*SIZED, "--folder", str(tmp_path / "b"), "--size", "8x4.5"]) == 0
    assert simulated == ["smoke"] * 2
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    one, other = (
        json.loads((tmp_path / name / "drawn.json").read_text())["figures"]["convergence"]
        for name in "ab"
    )
    assert one["fingerprint"] == other["fingerprint"]


def test_a_kept_table_is_read_as_it_was(tmp_path, monkeypatch):
    how = How("quick", Look(), ("png",))
    monkeypatch.setattr(How, "_hashed", lambda self, name, look: "same")
    for name in FIGURES:
        table = pd.read_csv(COMMITTED / f"{name}.csv", dtype={"stratum": str})
        tables.keep_table(name, table, {"seconds": 1.5}, tmp_path, how)
        found, told = tables.kept_table(name, tmp_path, how)
        pd.testing.assert_frame_equal(found, table, check_exact=True)
        assert told == {"seconds": 1.5, "fingerprint": "same"}


def test_where_a_figure_stands_a_size_is_refused_before_anything_is_simulated(
    simulated, tmp_path, capsys
):
    line = [*SIZED, "--folder", str(tmp_path)]
    assert cli.main(line) == 0
    before = files_of(tmp_path)
    assert cli.main([*line, "--size", "1x1"]) == 2
    assert "size must be larger for convergence" in capsys.readouterr().err
    assert simulated == ["smoke"]
    assert files_of(tmp_path) == before
    # What stands is what it was.
    assert cli.main(line) == 0
    assert simulated == ["smoke"]
    # A table that somebody has changed says nothing.
    (tmp_path / "convergence.csv").write_text("nothing")
    assert cli.main([*line, "--size", "1x1"]) == 2
    assert simulated == ["smoke"] * 2


def test_a_kept_table_of_another_scale_or_a_damaged_one_is_simulated_again(
    simulated, tmp_path, capsys
):
    line = ["reproduce", "convergence", "--folder", str(tmp_path), "--size", "1x1"]
    assert cli.main([*line, "--scale", "smoke"]) == 2
    assert cli.main([*line, "--scale", "full"]) == 2
    assert simulated == ["smoke", "full"]
    path = tmp_path / "convergence.piece"
    path.write_bytes(path.read_bytes()[:-100])
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        assert cli.main([*line, "--scale", "full"]) == 2
    assert simulated == ["smoke", "full", "full"]
    err = capsys.readouterr().err
    assert f"{str(path)!r}, which has no digest at its end" in err
    assert err.count("its table is kept") == 3


def files_of(folder):
    """Figures' files; the record and the report beside them tell times."""
    found = [path for kind in ("csv", "png", "svg") for path in folder.glob(f"*.{kind}")]
    return {path.name: path.read_bytes() for path in found}


def test_workers_of_a_scheduler_compute_the_same_figures(client, tmp_path, capsys, monkeypatch):
    """Each table on a worker, to the bit; what reads files that are here, here."""
    where, module = {}, figure_module("real_run")
    own = {name: figure_module(name) for name in ("convergence", "real_run")}
    tables = {"convergence": own["convergence"].data, "real_run": lambda scale: committed}
    committed = pd.read_csv(COMMITTED / "real_run.csv")
    for name in own:

        def data(scale, name=name):
            where[name] = threading.current_thread() is threading.main_thread()
            return tables[name](scale)

        monkeypatch.setattr(own[name], "data", data)
    monkeypatch.setattr(module, "missing", lambda: None)
    monkeypatch.setattr("boostsim.commands.reproduce._workers", lambda names, neural: 0)
    line = ["reproduce", *own, "--scale", "smoke", "--folder"]
    address = client.scheduler.address
    assert cli.main([*line, str(tmp_path / "sent"), "--scheduler", address]) == 0
    assert where == {"convergence": False, "real_run": True}
    told = capsys.readouterr().err.splitlines()
    assert told[0] == "real_run: computed here, where the files are that it reads"
    assert f"figure 1 of 2: convergence, {tmp_path}/sent/convergence.png" in told
    assert cli.main([*line, str(tmp_path / "here")]) == 0
    assert where == {"convergence": True, "real_run": True}
    sent, here = files_of(tmp_path / "sent"), files_of(tmp_path / "here")
    assert len(sent) == 6
    assert len((tmp_path / "sent" / "index.html").read_text()) > 1000
    assert sent == here
    # They stand, wherever they were computed: nobody is asked.
    where.clear()
    assert cli.main([*line, str(tmp_path / "sent"), "--scheduler", "nowhere"]) == 0
    assert where == {}


def test_a_scheduler_that_is_none_and_workers_of_other_code_are_refused(
    client, tmp_path, capsys, monkeypatch
):
    from boostsim.commands.reproduce import How

    line = ["reproduce", "convergence", "--scale", "smoke", "--folder", str(tmp_path)]
    assert cli.main([*line, "--scheduler", "nowhere"]) == 2
    assert "scheduler must be the address of a Dask scheduler" in capsys.readouterr().err
    real = How.fingerprint

    def fingerprint(how, name):
        on_worker = threading.current_thread() is not threading.main_thread()
        return real(how, name) + "other" * on_worker

    monkeypatch.setattr(How, "fingerprint", fingerprint)
    assert cli.main([*line, "--scheduler", client.scheduler.address]) == 2
    assert "workers with the code and the package versions that are here" in capsys.readouterr().err
    assert list(tmp_path.glob("*.csv")) == []


def test_a_figure_that_fails_on_a_worker_leaves_the_others_theirs(
    client, tmp_path, capsys, monkeypatch
):
    begun, table = threading.Event(), pd.read_csv(COMMITTED / "convergence.csv")

    def failing(scale):
        begun.set()
        raise LookupError("nothing")

    def slow(scale):
        assert begun.wait(30.0)
        time.sleep(0.2)
        return table

    monkeypatch.setattr(figure_module("label_price"), "data", failing)
    monkeypatch.setattr(figure_module("convergence"), "data", slow)
    line = ["reproduce", "convergence", "label_price", "--folder", str(tmp_path)]
    assert cli.main([*line, "--scheduler", client.scheduler.address]) == cli.UNEXPECTED
    assert "nothing" in capsys.readouterr().err
    assert [path.name for path in tmp_path.glob("*.csv")] == ["convergence.csv"]


def test_of_a_worker_that_is_killed_no_figure_is_lost(tmp_path):
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    line = ["reproduce", "convergence", "sharpening", "--scale", "smoke", "--folder"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster:
            with distributed.Client(cluster, set_as_default=False) as client:
                pids = client.run(os.getpid)
            killed = []

            def kill():
                with distributed.Client(cluster, set_as_default=False) as client:
                    while not killed:
                        at_work = [each for each, jobs in client.processing().items() if jobs]
                        killed.extend(at_work[:1])
                # In the middle: a figure takes longer than to begin it.
                time.sleep(0.2)
                os.kill(pids[killed[0]], signal.SIGKILL)

            killer = threading.Thread(target=kill, daemon=True)
            killer.start()
            address = cluster.scheduler_address
            assert cli.main([*line, str(tmp_path / "sent"), "--scheduler", address]) == 0
            killer.join()
    assert cli.main([*line, str(tmp_path / "here")]) == 0
    sent, here = files_of(tmp_path / "sent"), files_of(tmp_path / "here")
    assert len(sent) == 6
    assert sent == here
