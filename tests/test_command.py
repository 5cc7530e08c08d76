"""The command as a user meets it."""

import errno
import inspect
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
from made_logs import made

import boostsim as bs
from boostsim import cli
from boostsim.commands import flags as told_flags
from boostsim.commands.run import build
from boostsim.curation.presets import PRESETS
from boostsim.figures import FIGURES, figure_module


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    """No test writes to the user's cache, nor leaves JAX pointing at one."""
    import jax

    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    names = (
        "jax_compilation_cache_dir",
        "jax_persistent_cache_min_compile_time_secs",
        "jax_persistent_cache_min_entry_size_bytes",
    )
    before = {name: getattr(jax.config, name) for name in names}
    yield
    for name, value in before.items():
        jax.config.update(name, value)


def test_alone_it_says_what_to_do_first(capsys):
    assert cli.main([]) == 0
    assert "boostsim reproduce --scale smoke" in capsys.readouterr().out


@pytest.mark.parametrize(
    "command", [[], ["run"], ["reproduce"], ["certify"], ["claims"], ["plan"], ["info"]]
)
def test_help(command, capsys):
    assert cli.main([*command, "--help"]) == 0
    assert "usage: boostsim" in capsys.readouterr().out


def test_run_prints_a_table(capsys):
    assert cli.main(["run", "boosting", "--prompts", "20", "--iterations", "3"]) == 0
    out = capsys.readouterr().out
    assert "accuracy" in out
    assert "boosting, exact" in out


def test_run_for_programs_is_the_library_call(capsys, tmp_path):
    flags = "--prompts 30 --iterations 3 --attempts 2 --gamma 0.2 --beta 0.3 --budget 0.1"
    sampled = f"run --visits 4 --seeds 2 --key 9 --json --save {tmp_path / 'run.nc'} {flags}"
    assert cli.main(sampled.split()) == 0
    document = json.loads(capsys.readouterr().out)
    procedure = bs.boosting(
        attempts=2, filter=bs.NoisyFilter(0.2), labeler=bs.WeakLabeler(0.3), budget=0.1
    )
    trace = bs.simulate(procedure, bs.random_table(9, prompts=30), 3, visits=4, seeds=2, key=9)
    assert document["accuracy"] == trace.accuracy.values.tolist()
    assert document["provenance"]["procedure"] == json.loads(procedure.describe())
    assert bs.load(tmp_path / "run.nc").identical(trace)


RUN = ["run", "--prompts", "5", "--iterations", "2"]


@pytest.mark.parametrize("command", ["run", "sweep"])
def test_where_it_goes_is_one_word(command, capsys, tmp_path):
    path = tmp_path / "trace.nc"
    small = ["--prompts", "5", "--iterations", "2", "--out", str(path)]
    more = ["--over", "beta=0.2,0.3"] if command == "sweep" else []
    assert cli.main([command, "boosting", *more, *small]) == 0
    assert f"saved {path}" in "".join(capsys.readouterr())
    assert path.exists()


def test_a_tournament_has_the_seeds_of_the_library(monkeypatch):
    given = {}

    def held(rules, challenges, **more):
        given.update(more)
        raise ValueError("seen")

    default = inspect.signature(bs.compare).parameters["seeds"].default
    monkeypatch.setattr(bs, "compare", held)
    assert cli.main(["compare"]) == 2
    assert "seeds" not in given
    assert f"(default: {default}); of a race" in Path(told_flags.__file__).read_text()


def test_the_guide_to_criteria_tells_the_sizes_of_library_and_command():
    text = (Path(__file__).parents[1] / "docs" / "how-to" / "criterion.md").read_text()
    told = re.search(r"the library and the command run (\d+) seeds of ([\d,]+) prompts", text)
    sizes = [
        inspect.signature(function).parameters[name].default
        for function, name in ((bs.compare, "seeds"), (bs.stress_suite, "prompts"))
    ]
    assert [int(each.replace(",", "")) for each in told.groups()] == sizes
    # No command has other ones of its own, which tests/test_defaults.py holds them to.
    assert len(re.findall(r"\d+ seeds of", text)) == 1
    helped = " ".join(Path(told_flags.__file__).read_text().split())
    assert f"Runs of each criterion on each challenge (default: {sizes[0]})" in helped
    assert f"Prompts of each challenge (default: {sizes[1]})" in helped


def test_where_a_trace_cannot_be_saved_nothing_is_run(capsys, tmp_path, monkeypatch):
    def ran(*_, **__):
        raise AssertionError("the run would have been lost")

    monkeypatch.setattr(bs, "simulate", ran)
    os.mkfifo(tmp_path / "pipe")
    for path, told in (
        (tmp_path, "regular file; got the folder"),
        (tmp_path / "pipe", "regular file; got the device or pipe"),
        ("/dev/null", "regular file; got the device or pipe"),
        (tmp_path / "no" / "run.nc", "folder that can be written to"),
        ("/proc/none", "folder that can be written to"),
    ):
        assert cli.main([*RUN, "--save", str(path)]) == 2
        err = capsys.readouterr().err
        assert err.startswith("boostsim: save must ")
        assert told in err
        assert err.count("\n") == 1
    monkeypatch.setattr(bs, "compare", ran)
    assert cli.main(["compare", "--plot", str(tmp_path / "no" / "board.png")]) == 2
    assert "plot must lie in a folder that can be written to" in capsys.readouterr().err
    assert cli.main(["reproduce", "convergence", "--scale", "smoke", "--folder", "/proc"]) == 2
    assert "folder must lie in a folder that can be written to" in capsys.readouterr().err


def test_a_run_is_printed_whatever_becomes_of_its_file(capsys, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "run.nc"
    path.write_bytes(b"old")
    assert cli.main([*RUN, "--json"]) == 0
    want = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(os, "fsync", full)
    assert cli.main([*RUN, "--json", "--save", str(path)]) == 2
    out, err = capsys.readouterr()
    assert json.loads(out) == want
    assert err.count("\n") == 1
    assert "run.nc" in err
    assert "No space left on device" in err
    assert cli.main([*RUN, "--save", str(path)]) == 2
    assert "accuracy" in capsys.readouterr().out
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["run.nc"]


def test_a_tournament_is_printed_whatever_becomes_of_its_picture(capsys, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    line = ["compare", "failed", "uniform", "--prompts", "20", "--iterations", "2", "--seeds", "2"]
    line += ["--tasks", "helpless", "--plot", str(tmp_path / "board.png")]
    assert cli.main(line) == 2
    out, err = capsys.readouterr()
    assert "regret" in out
    # Before it, perhaps, how far it has come.
    told = [line for line in err.splitlines() if line.startswith("boostsim: ")]
    assert len(told) == 1
    assert "plot must" in told[0]
    assert "No space left on device" in told[0]


def test_a_race_that_is_undecided_exits_with_3(capsys):
    line = "compare failed uniform --race --tasks helpless --prompts 20 --iterations 2 --seeds 4"
    for resolution, verdict, code in (("0", "undecided", 3), ("1", "settled", 0)):
        assert cli.main([*line.split(), "--resolution", resolution]) == code
        assert capsys.readouterr().out.splitlines()[1].startswith(f"{verdict} after 4 seeds")


def test_a_file_says_the_same_as_flags_and_flags_win(capsys, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(
        'preset = "random_labels"\nrate = 0.2\nprompts = 10\niterations = 5\nfalse_accept = 0.2\n'
        "false_reject = 0.1\n"
    )
    assert cli.main(["run", "--config", str(config), "--json", "--iterations", "2"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["iteration"] == [0, 1, 2]
    procedure = bs.random_labels(
        rate=0.2,
        filter=bs.NoisyFilter(false_accept=0.2, false_reject=0.1),
        labeler=bs.WeakLabeler(0.2),
    )
    trace = bs.simulate(procedure, bs.random_table(0, prompts=10), 2)
    assert document["error"] == trace.error.values.tolist()


@pytest.mark.parametrize("preset", PRESETS)
def test_every_preset_runs_by_name(preset, capsys):
    line = ["run", preset, "--prompts", "5", "--iterations", "1", "--json"]
    if preset == "best_of_n":
        # What it goes by has no default.
        line += ["--responses", "3", "--scores", "0", "1", "1"]
    assert cli.main(line) == 0
    assert len(json.loads(capsys.readouterr().out)["accuracy"][0]) == 2


SMALL = "--entries 12 --answers 3 --iterations 2 --width 16 --heads 2 --layers 1 --steps 8"


def test_the_gap_is_printed_for_people_and_for_programs(capsys, monkeypatch, tmp_path):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path))
    line = ["gap", *SMALL.split(), "--beta", "0.4", "--visits", "2"]
    assert cli.main([*line, "--json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert [row["iteration"] for row in document["table"]] == [0, 1, 2]
    assert all(row["transformer_exact"] <= row["bound"] + 1e-9 for row in document["table"])
    assert cli.main(line) == 0
    shown = capsys.readouterr().out
    assert f"{document['table'][2]['transformer_exact']:.4g}" in shown
    assert "T6 allows an error of at most" in shown
    assert cli.main(["run", "--task", "lookup", "--exact", *SMALL.split(), "--beta", "0.4"]) == 0
    assert "neural, exact" in capsys.readouterr().out


def test_the_gap_takes_what_labels_weigh_and_when_attempts_stop(capsys, monkeypatch):
    asked = []

    def report(procedure, *task, **how):
        asked.append(procedure)
        raise ValueError("seen")

    monkeypatch.setattr(bs, "gap_report", report)
    for flags, slots in {
        "--label-weight 0.5 --labels-per-visit 2": {"label_weight": 0.5, "labels_per_visit": 2},
        "--label-share 0.25 --attempts 3 --until-accepted": {
            **{"label_share": 0.25, "attempts": 3, "until_accepted": True}
        },
    }.items():
        assert cli.main(["gap", *flags.split()]) == 2
        assert capsys.readouterr().err == "boostsim: seen\n"
        assert asked[-1] == bs.boosting(labeler=bs.WeakLabeler(0.2), **slots)


def test_claims_are_listed_and_printed_in_full(capsys):
    assert cli.main(["claims"]) == 0
    out = capsys.readouterr().out
    assert all(name in out for name in bs.claims)
    assert cli.main(["claims", "T3"]) == 0
    out = capsys.readouterr().out
    for heading in ("Statement", "Formula", "Checked for", "Proof", "Reference"):
        assert out.count(heading) == 3
    assert cli.main(["claims", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)
    assert [entry["name"] for entry in listed] == list(bs.claims)


def test_certify_says_how_it_went_by_its_exit_code(capsys):
    quick = ["--samples", "2048", "--points", "2", "--exact-points", "2"]
    assert cli.main(["certify", "T5.bound", "Feng.bound", *quick]) == 0
    out = capsys.readouterr().out
    assert "holds" in out
    assert "confidence 0.999 for all of it together" in out
    assert cli.main(["certify", "T3.worse", "--time-limit", "0"]) == 3
    assert "time ran out" in capsys.readouterr().out
    assert cli.main(["certify", "T4.falls", "--levels", "exact", "--json", *quick]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["claim"] == "T4.falls"
    assert record["verdict"] == "holds"


def test_a_violated_claim_is_exit_code_1(capsys, monkeypatch):
    from dataclasses import replace

    from boostsim.certification import certify
    from boostsim.commands import claims

    false = {"T10": replace(bs.claims["T10"], law=lambda rate: 1.0 - rate)}
    monkeypatch.setattr(certify, "CLAIMS", false)
    monkeypatch.setattr(claims, "CLAIMS", false)
    assert cli.main(["certify", "T10", "--exact-points", "2"]) == 1
    assert "For example at" in capsys.readouterr().out


def test_falsify_says_how_hard_it_tried(capsys, monkeypatch):
    from dataclasses import replace

    from boostsim.certification import certify
    from boostsim.commands import claims

    # A law that is held against a formula alone: nothing is compiled.
    assert cli.main(["falsify", "Feng.bound", "--examples", "4", "--ascents", "1"]) == 0
    out = capsys.readouterr().out
    assert "Feng.bound: no counterexample found. Tried:" in out
    assert "1 ascents" in out
    # What was not tried is no success.
    assert cli.main(["falsify", "T10", "--time-limit", "0"]) == 3
    assert "Time ran out before all of it was tried" in capsys.readouterr().out
    assert cli.main(["falsify", "T10", "--levels", "statistical"]) == 3
    assert "Nothing was tried" in capsys.readouterr().out
    assert cli.main(["certify", "T10", "--levels", "statistical"]) == 3
    assert "inapplicable" in capsys.readouterr().out
    false = {"T10": replace(bs.claims["T10"], law=lambda rate: 1.0 - rate)}
    monkeypatch.setattr(certify, "CLAIMS", false)
    monkeypatch.setattr(claims, "CLAIMS", false)
    assert cli.main(["falsify", "T10", "--examples", "8", "--ascents", "0", "--json"]) == 1
    (record,) = json.loads(capsys.readouterr().out)
    assert record["counterexample"]["beta"] == 0.02


def test_prove_shows_volumes_and_exits_by_verdict(capsys):
    assert cli.main(["prove", "T3", "T9/rises"]) == 0
    out = capsys.readouterr().out
    # The heading, and five verdicts.
    assert out.count("proved") == 6
    assert out.count("100%") == 5
    assert cli.main(["prove", "T4/growth", "--time-limit", "0", "--json"]) == 3
    (record,) = json.loads(capsys.readouterr().out)
    assert record["kind"] == "rigorous"
    assert record["verdict"] == "undecided"
    assert cli.main(["prove", "T99"]) == 2
    assert "statement must be one of" in capsys.readouterr().err


@pytest.fixture
def log_file(tmp_path):
    """The log of a run, as a file."""
    log, path = made(0, prompts=40, iterations=6).log, tmp_path / "log.jsonl"
    names = ("prompt", "iteration", "attempts", "accepted")
    columns = np.stack([getattr(log, name) for name in names], axis=1).tolist()
    lines = [json.dumps(dict(zip(names, row, strict=True))) for row in columns]
    path.write_text("\n".join(lines))
    return path


def test_a_log_is_forecast_after_its_backtest(capsys, log_file, tmp_path):
    flags = ["forecast", str(log_file), "--iterations", "2", "--draws", "6"]
    assert cli.main([*flags, "--plot", str(tmp_path / "plot.png")]) == 0
    out = capsys.readouterr().out
    backtest, table = out.index("fitted on the first 4 iterations"), out.index("observed between")
    assert backtest < table < out.index("All 2 iterations together")
    assert out.count("All 2 iterations together") == 1
    assert (tmp_path / "plot.png").read_bytes().startswith(b"\x89PNG")
    assert cli.main([*flags, "--json"]) == 0
    read = json.loads(capsys.readouterr().out)
    assert [row["iteration"] for row in read["table"][:2]] == [6, 7]
    assert read["backtest"]["trained"] == 4


def test_what_to_label_next_is_written_and_printed(capsys, log_file, tmp_path):
    out = tmp_path / "plan.jsonl"
    flags = ["advise", str(log_file), "--budget", "5", "--beta", "0.6", "--criterion", "margin"]
    assert cli.main([*flags, "--out", str(out)]) == 0
    told = capsys.readouterr().out
    assert "5 of 40 prompts to label" in told
    assert "margin: expected gain" in told
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert sum(row["labelled"] for row in rows) == 5
    assert cli.main([*flags, "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["budget"] == 5


def test_plan_for_people_and_for_programs(capsys):
    line = (
        "plan --beta .2 --gamma .1 --error .7 --target .01 --price-label 1 --price-generation .01"
    )
    assert cli.main(line.split()) == 0
    out = capsys.readouterr().out
    assert "Verified by the exact dynamics" in out
    assert "one attempt more" in out
    assert cli.main([*line.split(), "--json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert f"{record['attempts']} attempts" in out
    assert cli.main(["plan", "--beta", "0", "--gamma", "0", "--error", ".5", "--target", ".1"]) == 1
    assert "no label is ever right" in capsys.readouterr().out


def test_plan_for_few_visits_and_few_labels(capsys):
    line = ["plan", "--beta", ".2", "--gamma", ".1", "--error", ".7", "--most-votes", "1"]
    assert cli.main([*line, "--target", ".05", "--visits", "4", "--prompts", "1000"]) == 0
    out = capsys.readouterr().out
    for told in ("iterations of 4 visits to each prompt", "In all, for 1,000 prompts:", "gamma"):
        assert told in out
    flags = ["--labels", "3000", "--prompts", "1000", "--most-iterations", "20", "--json"]
    assert cli.main([*line, *flags]) == 0
    record = json.loads(capsys.readouterr().out)
    assert record["totals"]["labels"] <= 3000
    assert record["visits"] >= 1
    assert len(record["sensitivity"]) == 9


def test_a_run_on_a_table_may_be_said_to_be_exact(capsys):
    told = []
    for more in ([], ["--exact"]):
        assert cli.main(["run", "--prompts", "5", "--iterations", "2", "--json", *more]) == 0
        told.append(capsys.readouterr().out)
    assert told[0] == told[1]


def test_a_run_at_finite_visits_may_be_its_law(capsys):
    line = "run boosting --exact --visits 3 --iterations 2 --prompts 10"
    assert cli.main(line.split()) == 0
    out = capsys.readouterr().out
    assert "boosting, exact at finite visits" in out
    assert "Solved, lost: the share of prompts" in out
    assert cli.main([*line.split(), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    labeler, task = bs.WeakLabeler(0.2), bs.random_table(0, prompts=10)
    trace = bs.simulate(bs.boosting(labeler=labeler), task, 2, visits=3, exact=True)
    for name in ("accuracy", "solved", "lost"):
        assert found[name] == trace[name].values.tolist()


@pytest.mark.parametrize(
    ("flags", "learner"),
    [
        ("step = 0.5\nstep_mean = 'geometric'", bs.StrongLearner(step=0.5, step_mean="geometric")),
        (
            "policy_rate = 0.5\nadvantage = 'leave_one_out'\nreference = 0.1",
            bs.PolicyGradient(0.5, "leave_one_out", 0.1),
        ),
    ],
)
def test_learners_are_said_by_a_file_and_by_flags(flags, learner, tmp_path, capsys):
    options = tomllib.loads(flags)
    assert build("filter_only", {"attempts": 2, **options}).learner == learner
    path = tmp_path / "run.toml"
    path.write_text(flags + "\nattempts = 2\nprompts = 5\niterations = 1\n")
    words = [w for name, value in options.items() for w in (f"--{name.replace('_', '-')}", value)]
    words += ["--attempts", 2, "--prompts", 5, "--iterations", 1]
    told = []
    for line in (["--config", path], words):
        assert cli.main(["run", "filter_only", "--json", *map(str, line)]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    assert told[0]["provenance"]["procedure"]["learner"] == learner.describe()


VOTES = {
    "votes": ("gamma = 0.2\nvotes = 4\nrule = 3\ncorrelation = 0.5", dict(votes=4, rule=3)),
    "words": ('gamma = 0.2\nvotes = 2\nrule = "unanimity"', dict(votes=2, rule="unanimity")),
    "voters": ("voters = [0.1, 0.2, 0.4]", dict(voters=[0.1, 0.2, 0.4])),
}


@pytest.mark.parametrize("name", VOTES)
def test_votes_by_flags_and_by_a_file_are_the_filter(name, capsys, tmp_path):
    written, held = VOTES[name]
    path = tmp_path / "run.toml"
    path.write_text("prompts = 20\niterations = 2\n" + written)
    words = ["--prompts", 20, "--iterations", 2]
    for flag, value in tomllib.loads(written).items():
        words += [f"--{flag}", *(value if isinstance(value, list) else [value])]
    told = []
    for line in (["--config", path], words):
        assert cli.main(["run", "filter_only", "--json", *map(str, line)]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    given = told[0]["provenance"]["procedure"]["filter"]
    assert {each: given[each] for each in held} == held
    assert given.get("correlation", 0.0) == 0.5 * (name == "votes")


def test_scores_by_flags_and_by_a_file_are_the_procedure(capsys, tmp_path):
    path = tmp_path / "run.toml"
    path.write_text("prompts = 5\nresponses = 3\niterations = 2\nscores = [0.0, 1.0, 1.0]")
    words = "--prompts 5 --responses 3 --iterations 2 --scores 0 1 1"
    told = []
    for line in (["--config", str(path)], words.split()):
        assert cli.main(["run", "best_of_n", "--json", *line]) == 0
        told.append(json.loads(capsys.readouterr().out))
    assert told[0] == told[1]
    given = told[0]["provenance"]["procedure"]
    assert (given["keep"], given["scores"]) == ("best", [0.0, 1.0, 1.0])
    preferred = build("filter_only", {"keep": "preferred", "scores": [0.0, 1.0]})
    assert preferred == bs.filter_only(keep="preferred", scores=[0.0, 1.0])


def test_attempts_and_visits_of_each_iteration_are_flags_as_in_a_file(
    capsys, tmp_path, monkeypatch
):
    path, told = tmp_path / "run.toml", []

    def asked(procedure, task, iterations, *, visits, **how):
        told.append((procedure, task, iterations, list(visits), how))
        raise ValueError("seen")

    monkeypatch.setattr(bs, "simulate", asked)
    path.write_text("attempts = [2, 1]\nvisits = [4, 3]\niterations = 2\nprompts = 9")
    words = "--attempts 2 1 --visits 4 3 --iterations 2 --prompts 9"
    for line in (["--config", str(path)], words.split()):
        assert cli.main(["run", "--json", *line]) == 2
        assert capsys.readouterr().err == "boostsim: seen\n"
    assert told[0] == told[1]
    assert told[0][0] == bs.boosting(attempts=[2, 1], labeler=bs.WeakLabeler(0.2))
    assert told[0][2:4] == (2, [4, 3])


BAD = {
    "run best_of_n": "scores must be given to best_of_n, such as [0.0, 1.0]; got None",
    "run best_of_n --scores 1 2": "scores must be of shape (8,) or (1000, 8), as the task is",
    "run star --scores 1 2": "scores has no place in preset 'star'",
    "run --keep best": "where keep is 'best'",
    "run boostin": "Did you mean 'boosting'",
    "run --gamma 2": "gamma",
    "run --gamma abc": "gamma must be a number; got 'abc'",
    "run --correlation .5": "correlation must be 0 where a verdict is one look",
    "run --voters .1 --correlation .5": "there is nothing to agree with; got 0.5. Give --votes",
    "run --iterations 3 --attempts 4 2": "attempts must be one number, or one for each of 3",
    "run --gamma .1 --votes 2": "votes must be odd, so that a majority exists; got 2",
    "run --gamma .1 --rule most": "rule must be one of majority, unanimity",
    "run --gamma .1 --rule 2": "rule must be 'majority', 'unanimity', or how many of 1 looks",
    "run --gamma .1 --voters .1": "gamma must be None where voters are given",
    "run --voters .1 x": "voters must be",
    "run --seeds 1.5 --visits 3": "seeds must be a whole number; got '1.5'",
    "run --gama 0.1": "run has no flag --gama: did you mean --gamma? boostsim run --help lists",
    "run --gama=0.1": "run has no flag --gama: did you mean --gamma? boostsim run --help lists",
    "run --most-votes 3": "run has no flag --most-votes: ",
    "sweep --task table": "sweep has no flag --task: ",
    "sweep --task=table": "sweep has no flag --task: ",
    "compare --seed 3": "compare has no flag --seed: did you mean --seeds? boostsim compare --help",
    "run --gamma": "gamma must be given a value; got none (see boostsim run --help)",
    "run boosting more": "'more' has no place in boostsim run (see boostsim run --help)",
    "rn": "command must be one of advise, certify, claims, compare, falsify, fit, forecast, gap,",
    "fit": "fit must be given LOG (see boostsim fit --help)",
    "fit none.jsonl": "path must be an existing file",
    "fit none.jsonl --plot plot.txt": "plot must be a file that ends in .png",
    "forecast": "forecast must be given LOG, --iterations (see boostsim forecast --help)",
    "advise some.jsonl": "advise must be given --budget (see",
    "forecast none.jsonl --iterations 2": "path must be an existing file",
    "advise none.jsonl --budget 2 --out plan.txt": "out must be a file that ends in .jsonl or .csv",
    "forecast none.jsonl --iterations 2 --plot plot.txt": "plot must be a file that ends in .png",
    "plan": "plan must be given --beta, --gamma, --error (see boostsim plan --help)",
    "plan --beta .1 --gamma .2": "plan must be given --error (see",
    "plan --beta .1 --gamma .2 --error .5 --labels 3": "prompts must be given with labels",
    "plan --beta .1 --gamma .2 --error .5 --target .1 --visits 0": "visits must be a whole number",
    "plan --beta .1 --gamma .2 --error x --target .1": "error must be a number; got 'x'",
    "run filter_only --beta 0.2": "beta has no place in preset 'filter_only'",
    "run labels_only --gamma 0.2": "gamma has no place in preset 'labels_only'",
    "run uncurated --persistent-filter": "persistent_filter has no place in preset 'uncurated'",
    "run labels_only --temperature 0.5": "temperature has no place in preset 'labels_only'",
    "run --top-p 0": "top_p must be in (0, 1]",
    "run --record diversty": "Did you mean 'diversity'",
    "run --record": "record must be given a word or more; got none",
    "run --record --json": "record must be given a word or more; got none",
    "compare --tasks": "tasks must be given a word or more; got none",
    "run --task program": "Did you mean 'programs'",
    "run --task programs --responses 4": "responses has no place in a run on task 'programs'",
    "run --width 32": "width has no place in a run on task 'table'",
    "run --task programs --wrong slp": "Did you mean 'slip'",
    "run --task lookup --wrong slip": "wrong must be one of concentrated, shuffled, spread",
    "run --task lookup --operations 3": "operations has no place in a run on task 'lookup'",
    "run --task programs --slack 0.1": "slack has no place in a run on task 'programs'",
    "run --task lookup --policy-rate 0.1": "policy_rate has no place in a run on task 'lookup'",
    "run --advantage verdict": "advantage has no place without policy_rate",
    "run --step 0.5 --policy-rate 1": "step has no place where the learner is a policy gradient",
    "run --policy-rate 1 --advantage group": "Did you mean 'group_mean'",
    "run --policy-rate 1 --regime accumulate": "regime must be 'replace' where the learner is",
    "run --regime windw": "regime must be one of accumulate, anchor, replace, subsample, window",
    "run --regime Window --window 2": "got 'Window'. Did you mean 'window'?",
    "run --regime keep --draws 2": "regime must be one of accumulate, anchor, replace, subsample",
    "sweep --regime windw --over beta=.1": "regime must be one of accumulate, anchor, replace, su",
    "run --step 2": "step must be above 0 and at most 1; got 2",
    "run --task programs --exact": "task must be one whose prompts can be listed",
    "run --device gpu": "device must be one that JAX finds here ('cpu'); got 'gpu'",
    "run --device gpuu": "Did you mean 'gpu'",
    "run --task lookup --devices 9": "devices must be at most the 1 of kind 'cpu' here; got 9",
    "run --task reasoning-gym --dataset chain_sums": "Near it: chain_sum",
    "certify T33": "Did you mean 'T3'",
    "certify T1 --confidence 1": "confidence must be strictly between 0 and 1",
    "certify T1 --confidence 0": "confidence must be strictly between 0 and 1; got 0",
    "certify --confidence 0": "confidence must be strictly between 0 and 1; got 0",
    "certify T1 --time-limit -1": "time_limit must be a finite number of at least 0",
    "falsify T1 --confidence 0": "confidence must be strictly between 0 and 1; got 0",
    "falsify T1 --time-limit -1": "time_limit must be a finite number of at least 0",
    "prove --time-limit -1": "time_limit must be a finite number of at least 0",
    "prove --time-limit nan": "time_limit must be a finite number of at least 0",
    "prove T3 --halvings -1": "halvings must be a whole number of at least 0",
    "certify T1 --levels exactly": "levels must be one of exact, statistical",
    "certify T1 --samples 3": "samples must be a whole number of at least 64",
    "claims T33": "claim must be one of Beirami.divergence, ",
    "plan --beta 0.2 --gamma 0.1 --error 0.7": "target must be given where labels are not",
    "plan --beta 0.2 --gamma 0.1 --error 0.7 --target 0": "target must be above 0",
    "plan --beta 2 --gamma 0.1 --error 0.7 --target 0.1": "beta",
    "gap --beta 2": "beta",
    "gap --wrong slip": "wrong must be one of concentrated, shuffled, spread",
    "gap --steps 0": "steps",
    "run --task programs --width 30": "width must be a multiple of the 4 heads",
    "run --config none.toml": "none.toml",
    "run --iterations -1": "iterations",
    "run --iterations 0 --prompts 3 --save /no/such/x.nc": "/no/such",
    "reproduce convergenc": "Did you mean 'convergence'",
    "reproduce --scale tiny": "scale must be one of full, quick, smoke",
    "reproduce --folder /proc/none": "folder",
    "reproduce --size 5.5": "size must be width x height in inches, as 5.5x2.2; got '5.5'",
    "reproduce --size 0.5x2": "size must be a number in [1, 40]; got 0.5",
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_line_and_exit_code_2(line, capsys):
    assert cli.main(line.split()) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith("boostsim: ")
    assert BAD[line] in err


@pytest.mark.parametrize(
    ("text", "told"),
    [("preset = ", "TOML"), ("atempts = 2", "Did you mean 'attempts'"), ("gamma = 'x'", "gamma")],
)
def test_a_bad_file_is_told_in_one_line(text, told, capsys, tmp_path):
    config = tmp_path / "run.toml"
    config.write_text(text)
    assert cli.main(["run", "--config", str(config)]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_a_transformer_runs_by_flags(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path))
    line = "run --task programs --operations 2 --wrong slip --iterations 1 --width 16 --heads 2"
    line += f" --steps 4 --prompts-per-iteration 32 --folder {tmp_path / 'run'}"
    assert cli.main(line.split()) == 0
    out = capsys.readouterr().out
    assert "greedy_accuracy" in out
    assert "boosting, 1 run, neural" in out
    assert cli.main([*line.split(), "--json"]) == 0
    trace = json.loads(capsys.readouterr().out)
    assert len(trace["accuracy"][0]) == 2
    # What is unknown is null, for NaN is no JSON.
    assert trace["label_accuracy"][0][0] is None
    assert len(trace["accuracy_by_stratum"][0][0]) == 2


def test_info_for_people_and_programs(capsys):
    assert cli.main(["info", "--json"]) == 0
    facts = json.loads(capsys.readouterr().out)
    assert facts["boostsim_version"] == bs.__version__
    assert cli.main(["info"]) == 0
    assert "jax version" in capsys.readouterr().out


def test_other_scales_leave_the_committed_figures_alone_and_a_paper_gets_a_pdf(
    capsys, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    words = "reproduce convergence --scale smoke --pdf --size 5.5x2.2 --plain"
    assert cli.main(words.split()) == 0
    assert "PNG, SVG, PDF and CSV are in figures/smoke/" in capsys.readouterr().out
    folder = tmp_path / "figures" / "smoke"
    kinds = sorted(path.suffix for path in folder.glob("convergence.*"))
    assert kinds == [".csv", ".pdf", ".png", ".svg"]
    again = "boostsim reproduce convergence --scale smoke --size 5.5x2.2 --plain --pdf --again"
    assert again in (folder / "index.html").read_text()
    found = (folder / "convergence.pdf").read_bytes()
    assert re.search(rb"/MediaBox \[ 0 0 396 158\.4 \]", found)
    # Type 42 fonts, of which a reader makes letters again; and no path is a letter.
    assert b"/FontFile2" in found
    assert b"/ToUnicode" in found
    assert b"/Type3" not in found
    svg = (folder / "convergence.svg").read_text()
    assert re.search(r"<text[^>]*>iteration</text>", svg)
    # Neither title nor caption.
    assert figure_module("convergence").TITLE[:20] not in svg
    assert "Lines: law T1" not in svg


def test_the_installed_command_starts():
    done = subprocess.run(
        [sys.executable, "-m", "boostsim.cli", "--version"], capture_output=True, text=True
    )
    assert done.returncode == 0
    assert done.stdout.strip() == bs.__version__


def test_settings_stand_above_a_table(capsys):
    line = "run --iterations 1 --prompts 5 --attempts 2 --gamma 0.25 --criterion below(0.5)"
    assert cli.main([*line.split(), "--label-weight", "0.5"]) == 0
    told = " ".join(capsys.readouterr().out.split())
    assert told.startswith(
        "Settings: attempts 2; filter NoisyFilter(gamma=0.25); keep one; criterion below(0.5); "
        "budget none; labeler WeakLabeler(beta=0.2); label weight 0.5. Task: Table, prompts 5, "
        "responses 8."
    )
    assert cli.main(["run", "filter_only", "--criterion", "failed"]) == 2
    assert "criterion has no place in preset 'filter_only'" in capsys.readouterr().err


SETTINGS = {
    "plan --beta .2 --gamma 0 --error .7 --target .3 --price-label 2 --most-votes 1": "beta 0.2; "
    "gamma 0; error 0.7; target 0.3; spread prompts; most attempts 64; most votes 1; most "
    "iterations 1000; price label 2; price generation 0.01; price filter call 0.001; price "
    "iteration 0.",
    "plan --beta 0 --gamma 0 --error .5 --target .1": "beta 0; gamma 0; error 0.5; target 0.1;",
    "certify T1.rate --exact-points 4 --levels exact": "confidence 0.999; samples 2097152; points "
    "8; exact points 4; resolution 0.04; key 0; levels exact.",
    "falsify T1.rate --examples 2 --ascents 0 --levels exact": "examples 2; ascents 0; samples "
    "8192; confidence 0.999; levels exact; key 0.",
    "prove T3/side": "halvings 14.",
    "fit LOG --confidence .9": "log LOG; confidence 0.9.",
    "forecast LOG --iterations 2 --draws 6": "log LOG; iterations 2; confidence 0.95; draws 6;",
    "advise LOG --budget 5 --key 3": "log LOG; budget 5; key 3; confidence 0.95; exploration 0.1.",
    "compare failed uniform --tasks helpless --seeds 2 --prompts 20 --iterations 1": "key 0; "
    "prompts 20; tasks helpless; labels per visit 0.005; seeds 2; iterations 1; visits 10; score "
    "average_error; confidence 0.95; assume normal.",
}


@pytest.mark.parametrize("line", SETTINGS)
def test_settings_stand_above_every_answer(line, capsys, log_file, monkeypatch):
    words = [str(log_file) if word == "LOG" else word for word in line.split()]
    monkeypatch.setenv("COLUMNS", "70")
    assert cli.main(words) in (0, 1)
    said = capsys.readouterr().out
    assert "…" not in said
    assert line.startswith("fit") or max(map(len, said.splitlines())) <= 70
    # Where a line ends in the middle of a path, too.
    told = "".join(said.split())
    wanted = f"Settings: {SETTINGS[line]}".replace("LOG", str(log_file))
    assert told.startswith("".join(wanted.split()))


@pytest.mark.parametrize("columns", ["0", "-5", "abc", "20", "40", "41", "60"])
def test_where_room_is_short_no_digit_is_left_out(columns, capsys, monkeypatch):
    def digits():
        words = "plan --beta .3 --gamma .1 --error .5 --target .01"
        assert cli.main(words.split()) == 0
        said = capsys.readouterr().out
        return max(map(len, said.splitlines())), sum(map(str.isdigit, said))

    every = digits()
    assert 80 <= every[0] <= 160
    monkeypatch.setenv("COLUMNS", columns)
    wide, shown = digits()
    assert shown == every[1]
    assert wide <= {"20": 40, "40": 40, "41": 41, "60": 60}.get(columns, every[0])


def test_a_race_tells_its_settings_and_a_document_none(capsys):
    line = "compare failed uniform --tasks helpless --race --seeds 4 --prompts 20 --iterations 2"
    assert cli.main(line.split()) in (0, 3)
    told = capsys.readouterr().out
    assert told.startswith("Settings: key 0; prompts 20; tasks helpless; labels per visit")
    assert "; most seeds 4; " in told
    assert cli.main(["prove", "T3/side", "--json"]) == 0
    assert capsys.readouterr().out.startswith("[")


@pytest.mark.parametrize("name", sorted(set(PRESETS) - {"random_labels", "best_of_n"}))
def test_a_preset_without_flags_is_that_of_the_library(name):
    """But for the labels of beta = 0.2, where the library has none of its own."""
    taken = inspect.signature(PRESETS[name]).parameters
    needed = "labeler" in taken and taken["labeler"].default is inspect.Parameter.empty
    assert build(name, {}) == PRESETS[name](**{"labeler": bs.WeakLabeler(0.2)} if needed else {})


def test_a_search_leaves_nothing_in_the_working_folder(tmp_path):
    environment = {**os.environ, "BOOSTSIM_CACHE": str(tmp_path / "cache")}
    environment.pop("HYPOTHESIS_STORAGE_DIRECTORY", None)
    (tmp_path / "here").mkdir()
    words = "falsify T5.bound --examples 2 --ascents 0 --levels exact"
    line = ["-m", "boostsim", *words.split()]
    subprocess.run(
        [sys.executable, *line], cwd=tmp_path / "here", env=environment, check=True, timeout=120
    )
    assert list((tmp_path / "here").iterdir()) == []


NEEDED = {
    "plan": "--beta .1 --gamma .1 --error .5",
    **{"fit": "LOG", "forecast": "LOG --iterations 2", "advise": "LOG --budget 2"},
}


COMMANDS = [kind.__name__ for kind in get_args(told_flags.Command)]


@pytest.mark.parametrize("command", COMMANDS)
def test_an_unknown_flag_is_told_shortly(command, capsys):
    name, known = command.lower(), getattr(told_flags, command).__dataclass_fields__
    flags = ["--foo", "--task-of", "--itreations-of", "--persistent-labelers", f"--{'x' * 200}"]
    # A parser is slow to build: all of them of one command, two of each other.
    place = COMMANDS.index(command)
    for flag in flags if command == "Run" else (flags[place % 5], flags[(place + 2) % 5]):
        assert cli.main([name, *NEEDED.get(name, "").split(), flag, "1"]) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.count("\n") == 1
        assert len(err.rstrip()) <= 160, err
        assert err.startswith(f"boostsim: {name} has no flag {flag[:20]}")
        assert err.endswith(f"boostsim {name} --help lists them\n")
        meant = re.findall(r"mean --([\w-]+)", err)
        assert {each.replace("-", "_") for each in meant} <= set(known) - {"log", "names", "preset"}
        assert command != "Sweep" or "task" not in meant


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_is_installed_where_the_shell_looks(capsys, tmp_path, monkeypatch, shell):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("SHELL", f"/bin/{shell}")
    assert cli.main(["--install-completion"]) == 0
    path = Path(re.search(r"wrote (\S+);", capsys.readouterr().out)[1])
    assert path.is_relative_to(tmp_path)
    assert "certify" in path.read_text()
    assert cli.main(["--install-completion", "fish"]) == 2
    assert "shell must be one of bash, zsh; got 'fish'" in capsys.readouterr().err


def test_help_lists_what_can_be_named(capsys):
    for line, names in {"reproduce --help": FIGURES, "run --help": PRESETS}.items():
        assert cli.main(line.split()) == 0
        told = capsys.readouterr().out
        for name in names:
            assert name in told
    assert cli.main(["--help"]) == 0
    told = capsys.readouterr().out
    for word in ("--version", "--install-completion", "--debug", "--quiet"):
        assert word in told
