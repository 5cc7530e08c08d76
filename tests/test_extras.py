"""What a base installation lacks is told in one sentence that says what to install."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

# Imported names of what the extras install, where they are not the packages' own.
NAMES = {"python-flint": "flint", "pytest-xdist": "xdist", "pytest-benchmark": "pytest_benchmark"}
HERE = Path(__file__).parent.parent

WORK = """
import contextlib, io, json, sys, traceback
ABSENT = json.loads(sys.argv[1])
class Without:
    def __init__(self, finder):
        self.finder = finder
    def find_spec(self, name, *more):
        return None if name.partition(".")[0] in ABSENT else self.finder.find_spec(name, *more)
    def __getattr__(self, name):
        return getattr(self.finder, name)
sys.meta_path[:] = map(Without, sys.meta_path)
import boostsim as bs
from boostsim import cli
told = {}
for line in json.loads(sys.argv[2]):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = cli.main(line.split())
    told[line] = [code, err.getvalue()]
for call in json.loads(sys.argv[3]):
    try:
        exec(call)
        told[call] = None
    except Exception as error:
        told[call] = [[kind.__name__ for kind in type(error).__mro__], str(error)]
print(json.dumps(told))
"""
# The smallest that every command does.
WORKS = [
    "claims T3",
    "certify T5.bound --exact-points 2 --levels exact",
    "prove T9/rises",
    "plan --beta .2 --gamma .1 --error .7 --target .1",
    "run --prompts 5 --iterations 1",
    "compare failed uniform --tasks helpless --prompts 20 --seeds 2 --iterations 2",
    "info",
]
WANTS = {
    "falsify T10 --levels exact --examples 2": ("bs.falsify", "testing"),
    "run --task reasoning-gym": ("bs.reasoning_gym", "reasoning-gym"),
}
CALLS = {
    "bs.falsify('T10')": ("bs.falsify", "testing"),
    "bs.testing": ("boostsim.testing", "testing"),
    "import boostsim.testing": ("boostsim.testing", "testing"),
    "bs.reasoning_gym('chain_sum')": ("bs.reasoning_gym", "reasoning-gym"),
}


def extras():
    """The modules that extras alone install."""
    project = tomllib.loads((HERE / "pyproject.toml").read_text())["project"]
    listed = [each for some in project["optional-dependencies"].values() for each in some]
    packages = [re.match(r"[\w-]+", each)[0] for each in listed]
    return sorted({NAMES.get(each, each.replace("-", "_")) for each in packages})


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    lines, calls = [*WORKS, *WANTS], list(CALLS)
    done = subprocess.run(
        [sys.executable, "-c", WORK, *map(json.dumps, (extras(), lines, calls))],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "BOOSTSIM_CACHE": str(tmp_path_factory.mktemp("cache"))},
    )
    return json.loads(done.stdout.splitlines()[-1])


def test_what_needs_no_extra_works_without(told):
    for line in WORKS:
        assert told[line][0] == 0, (line, told[line])


def test_what_needs_one_says_which_in_a_line(told):
    for line, (what, extra) in WANTS.items():
        code, err = told[line]
        assert code == 2, err
        assert err.count("\n") == 1
        assert err.startswith(f"boostsim: {what} needs ")
        assert f"which is not installed; install it with: pip install 'boostsim[{extra}]'" in err


def test_the_library_says_the_same(told):
    for call, (what, extra) in CALLS.items():
        kinds, message = told[call]
        assert {"ModuleNotFoundError", "ValueError"} <= set(kinds)
        assert message.startswith(f"{what} needs ")
        assert message.endswith(f"pip install 'boostsim[{extra}]'")


def test_the_documents_say_which_commands_want_one():
    page = (HERE / "docs" / "how-to" / "command.md").read_text()
    for line, (_, extra) in WANTS.items():
        command = " ".join(line.split()[:3] if "--task" in line else line.split()[:1])
        shown = [each for each in page.splitlines() if f"boostsim {command}" in each]
        assert any(f"extra {extra}" in each for each in shown), command
