"""What a command does without a flag is what the library does without the argument."""

import ast
import inspect
import json
import re
from pathlib import Path

import numpy as np
import pytest
from made_logs import made

import boostsim as bs
from boostsim import cli
from boostsim.certification.boxes import prove_all
from boostsim.commands import flags, log_flags, plan_flags, run_flags, sweep_flags
from boostsim.commands.run import KEYWORDS
from boostsim.fitting.found import Fit

SOURCES = (flags, log_flags, plan_flags, run_flags, sweep_flags)
TABLE = (bs.random_table, bs.StrongLearner, bs.PolicyGradient, bs.Subsample, bs.WeakLabeler)
SLOTS = (bs.boosting, bs.NoisyFilter, bs.Sharpening, *TABLE)
TOKENS = (bs.lookup, bs.Transformer, bs.arithmetic, bs.reasoning_gym)
# What each command calls; of a name that several have, the first one's default is told.
CALLED = {
    "Run": (bs.simulate, *SLOTS, *TOKENS),
    "Sweep": (bs.sweep, *SLOTS),
    "Compare": (bs.compare, bs.race, bs.stress_suite),
    "Certify": (bs.certify,),
    "Falsify": (bs.falsify,),
    "Prove": (prove_all,),
    "Plan": (bs.plan,),
    "Gap": (bs.gap_report, bs.boosting, bs.NoisyFilter, bs.lookup, bs.WeakLabeler, bs.Transformer),
    "Fit": (bs.fit,),
    "Forecast": (Fit.forecast, bs.fit),
    "Advise": (Fit.advise, bs.fit),
}


def told_of(command):
    """Return what the help says of each flag of a command."""
    for source in SOURCES:
        for node in ast.parse(Path(source.__file__).read_text()).body:
            if isinstance(node, ast.ClassDef) and node.name == command:
                pairs = zip(node.body, node.body[1:], strict=False)
                return {
                    one.target.id: " ".join(ast.literal_eval(two.value).split())
                    for one, two in pairs
                    if isinstance(one, ast.AnnAssign) and isinstance(two, ast.Expr)
                }
    raise LookupError(command)


def default_of(name, called):
    """Return the default that the library has for a flag; None: it has none that can be told."""
    for function in called:
        parameter = inspect.signature(function).parameters.get(KEYWORDS.get(name, name))
        if parameter is not None and parameter.default is not inspect.Parameter.empty:
            return parameter.default
    return None


# Of these the preset has a default, or there is a word for what the library has.
UNTOLD = {"attempts", "keep", "criterion", "reduce", "regime", "real_share"}


@pytest.mark.parametrize("command", CALLED)
def test_help_tells_the_defaults_of_the_library(command):
    compared = set()
    inherited = told_of("Run") if command == "Sweep" else {}
    for name, text in {**inherited, **told_of(command)}.items():
        called = (bs.FirstModel,) if name == "labeler_temperature" else CALLED[command]
        default = default_of(name, called)
        if default is None or isinstance(default, (bool, tuple)):
            continue
        found = re.search(
            r"\(default: ([\w.]+)(?:[);,]| and)|\b([\w.]+) \((?:[^()]*, )?default[);]", text
        )
        assert found or name in UNTOLD, (name, text)
        if found:
            told = found[1] or found[2]
            assert (told if isinstance(default, str) else float(told)) == default, name
            compared.add(name)
    assert compared
    assert "seeds" in compared or command not in ("Run", "Sweep", "Compare", "Gap")


def log_of(tmp_path):
    log, path = made(0, prompts=40, iterations=6).log, tmp_path / "log.jsonl"
    names = ("prompt", "iteration", "attempts", "accepted")
    rows = np.stack([getattr(log, name) for name in names], axis=1).tolist()
    path.write_text("\n".join(json.dumps(dict(zip(names, row, strict=True))) for row in rows))
    return str(path)


LINES = {
    "run": (bs, "simulate"),
    "run --visits 3": (bs, "simulate"),
    "run --visits 3 --exact": (bs, "simulate"),
    "run --task lookup --visits 3": (bs, "simulate"),
    "sweep --over beta=.1,.2": (bs, "sweep"),
    "sweep --over beta=.1,.2 --visits 3": (bs, "sweep"),
    "sweep --over visits=2,3": (bs, "sweep"),
    "compare": (bs, "compare"),
    "compare --race": (bs, "race"),
    "certify T1": (bs, "certify_all"),
    "falsify T1": (bs, "falsify"),
    "plan --beta .2 --gamma .1 --error .7 --target .1": (bs, "plan"),
    "gap": (bs, "gap_report"),
    "fit LOG": (bs, "fit"),
    "forecast LOG --iterations 2": (Fit, "forecast"),
    "advise LOG --budget 2": (Fit, "advise"),
}
# What a command says itself where the library wants to be told, or makes of other flags.
OWN = {"key", "learner", "tasks", "criteria", "criterion", "visits", "exact"}


@pytest.mark.parametrize("line", LINES)
def test_a_command_passes_no_default_of_its_own(line, monkeypatch, tmp_path):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    where, name = LINES[line]
    signature, given = inspect.signature(getattr(where, name)), {}

    def called(*positional, **named):
        given.update(signature.bind(*positional, **named).arguments)
        raise ValueError("seen")

    monkeypatch.setattr(where, name, called)
    words = [log_of(tmp_path) if word == "LOG" else word for word in line.split()]
    assert cli.main(words) == 2
    for each, value in given.items():
        default = signature.parameters[each].default
        if each not in OWN and default is not inspect.Parameter.empty and f"--{each}" not in words:
            assert value == default, each
    if "tasks" in given:
        usual = inspect.signature(bs.stress_suite).parameters["prompts"].default
        assert {challenge.task.prompts for challenge in given["tasks"].values()} == {usual}
