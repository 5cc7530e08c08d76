"""What a person is shown while something runs, and that nothing shown can end a run."""

import io
import json
import os
import pty
import subprocess
import sys
import time
import types

import pytest

import boostsim as bs
from boostsim import cli, progress

SMALL = "import boostsim as bs; bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.2)), " + (
    "bs.random_table(0, prompts=4), 3, visits=2, seeds=3, key=0)"
)


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(progress, "PATIENCE_SECONDS", 0.05)
    # What a test that failed holds open in its traceback would be shown instead.
    monkeypatch.setattr(progress, "_open", [])


def slowly(items):
    for item in items:
        time.sleep(0.1)
        yield item


def test_a_log_gets_sparse_lines(impatient, capsys):
    assert list(progress.track(slowly(range(4)), "counting", 4)) == [0, 1, 2, 3]
    # After 0.05 seconds, and then none for ten.
    assert capsys.readouterr().err == "counting: 0 of 4, 0 s\n"


class Clock:
    """Time that passes only where somebody waits for it, or says so."""

    def __init__(self, ends=95.0):
        self.now, self.ends = 1000.0, ends

    def monotonic(self):
        return self.now

    def wait(self, seconds):
        """Return whether the work has ended meanwhile."""
        self.now += seconds
        return self.now > 1000.0 + self.ends


@pytest.fixture
def clock(monkeypatch):
    found = Clock()
    monkeypatch.setattr(progress, "time", types.SimpleNamespace(monotonic=found.monotonic))
    return found


def lines_of(clock, tally, as_json=False):
    """Print what a log is told of this tally until the clock's end."""
    teller = object.__new__(progress._Lines)
    teller.tally, teller.as_json, teller.ended = tally, as_json, clock
    teller._tell()


def test_a_log_gets_a_line_after_two_seconds_and_then_every_ten(clock, capsys):
    lines_of(clock, progress._Tally("runs", 3, even=True))
    seconds = [2, 10, 20, 30, 40, 50, 60, 70, 80, 90]
    assert capsys.readouterr().err.splitlines() == [f"runs: 0 of 3, {s} s" for s in seconds]
    # Whoever closes the lid for an hour is not told of every ten seconds of it.
    clock.now, clock.ends = 1000.0, 3620.0
    tally = progress._Tally("runs", 3, even=True)
    clock.now += 3600.0
    lines_of(clock, tally)
    told = capsys.readouterr().err.splitlines()
    assert [line.split(", ")[-1] for line in told] == ["60 min"] * len(told)
    assert len(told) <= 4


def test_rate_and_time_left_are_those_of_what_was_made(clock):
    tally = progress._Tally("runs", 24, even=True)
    assert (tally.rate(), tally.left(), tally.line()) == (None, None, "runs: 0 of 24, 0 s")
    clock.now += 40.0
    tally.update(10, "", None)
    assert (tally.rate(), tally.left()) == (0.25, 56.0)
    assert tally.line() == "runs: 10 of 24, 40 s, 15 a minute, under a minute left"
    # While the eleventh runs, time passes, and the rate is not known any better.
    clock.now += 6.0
    assert (tally.rate(), tally.left()) == (0.25, 50.0)
    clock.now += 600.0
    assert tally.left() == 0.0
    tally.update(24, "", None)
    assert tally.line() == f"runs: 24 of 24, 11 min, {24 / 646 * 60:.3g} a minute"
    # What is read from a folder took no time, and says nothing of what is to be made.
    resumed = progress._Tally("chunks", 100, even=True, found=90)
    clock.now += 1.0
    resumed.update(90, "", None)
    assert (resumed.rate(), resumed.left()) == (None, None)
    clock.now += 9.0
    resumed.update(91, "", None)
    assert (resumed.rate(), resumed.left()) == (0.1, 90.0)
    assert resumed.line().endswith("6 a minute, about 2 minutes left")
    # Of what takes uneven times, that time is left which the caller knows of, from then on.
    uneven = progress._Tally("figures", 17, even=False)
    clock.now += 100.0
    uneven.update(2, "", None)
    assert uneven.line() == "figures: 2 of 17, 100 s"
    clock.now += 100.0
    uneven.update(2, "drawing updates", 1200.0)
    clock.now += 60.0
    assert uneven.line() == "figures: 2 of 17, 4 min, about 19 minutes left, drawing updates"


@pytest.mark.parametrize(
    ("rate", "told"),
    [
        (12345.6, "1.23e+04 a second"),
        (1.0, "1 a second"),
        (0.5, "30 a minute"),
        (0.01, "36 an hour"),
    ],
)
def test_a_rate_is_told_in_its_unit(rate, told):
    assert progress._pace(rate) == told


def test_programs_get_a_line_of_json_a_piece(clock, capsys):
    """One as each is done, however quick; and one every ten seconds where none is."""
    with progress.told("json"):
        for each in progress.track(range(3), "chunks", 3):
            clock.now += 4.0 * (each + 1)
        # What is inside something is left to that; a single piece has nothing to tell but its end.
        with progress.counted("jobs", 1) as update:
            list(progress.track(range(5), "inside", 5))
            clock.now += 1.0
            update(1)
        progress.note("nothing but JSON")
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    one = {"what": "chunks", "total": 3}
    told = [each for each in told if each["done"]]
    assert told == [
        {**one, "done": 1, "seconds": 4.0, "rate": 0.25, "left": 8.0},
        {**one, "done": 2, "seconds": 12.0, "rate": 0.166667, "left": 6.0},
        {**one, "done": 3, "seconds": 24.0, "rate": 0.125, "left": 0.0},
        {"what": "jobs", "total": 1, "done": 1, "seconds": 1.0, "rate": 1.0, "left": 0.0},
    ]
    clock.now, clock.ends = 1000.0, 25.0
    lines_of(clock, progress._Tally("plans", None, even=False), as_json=True)
    told = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [each["seconds"] for each in told] == [2.0, 10.0, 20.0]
    assert {(each["done"], each["total"], each["left"]) for each in told} == {(0, None, None)}


def test_quiet_is_quiet_until_its_block_ends(impatient, capsys):
    with progress.told("quiet"):
        assert list(progress.track(slowly(range(2)), "counting", 2)) == [0, 1]
        progress.note("progress")
        progress.tell("what went wrong")
    assert capsys.readouterr().err == "what went wrong\n"
    progress.note("progress")
    assert capsys.readouterr().err == "progress\n"


@pytest.mark.parametrize(
    ("flags", "manner"), [("", "shown"), ("--json", "json"), ("--quiet --json", "quiet")]
)
@pytest.mark.parametrize(
    "command",
    [
        *(
            "run",
            "compare",
            "certify",
            "falsify T1",
            "prove",
            "gap",
            "fit LOG",
            "forecast LOG --iterations 9",
        ),
        *("advise LOG --budget 1", "reproduce", "claims", "info"),
        "plan --beta .2 --gamma .1 --error .7 --target .1",
    ],
)
def test_every_command_tells_progress_as_it_was_asked_to(command, flags, manner, monkeypatch):
    """One mechanism: what a command shows is decided before it is begun, wherever the flag is."""
    seen = []
    monkeypatch.setattr(cli, "_dispatch", lambda parsed: seen.append(progress._manners[-1]) or 0)
    first, *others = flags.split() or [""]
    for line in (f"{command} {flags}", f"{first} {command} {' '.join(others)}"):
        # What stands anywhere is --quiet alone.
        if not line.startswith("--json"):
            assert cli.main(line.split()) == 0
            assert seen.pop() == manner
    assert progress._manners == ["shown"]


def test_a_process_that_runs_notebooks_is_no_notebook(impatient, capsys, monkeypatch):
    # Whoever executes notebooks (nbclient) imports ipykernel, without being a kernel.
    monkeypatch.setitem(sys.modules, "ipykernel", types.ModuleType("ipykernel"))
    list(progress.track(slowly(range(3)), "counting", 3))
    assert "counting" in capsys.readouterr().err


def test_a_notebook_without_widgets_is_left_in_peace(impatient, capsys, monkeypatch):
    shell = types.SimpleNamespace(kernel=object())
    kernel = types.SimpleNamespace(get_ipython=lambda: shell)
    monkeypatch.setitem(sys.modules, "IPython", kernel)
    monkeypatch.setattr(progress.importlib.util, "find_spec", lambda name: None)
    list(progress.track(slowly(range(3)), "counting", 3))
    assert capsys.readouterr().err == ""


def test_what_is_quick_is_silent(capsys):
    assert list(progress.track(range(3), "counting", 3)) == [0, 1, 2]
    with progress.announced("a moment"):
        pass
    assert capsys.readouterr() == ("", "")


def test_one_thing_is_shown_at_a_time(impatient, capsys):
    with progress.announced("outside"):
        list(progress.track(slowly(range(3)), "inside", 3))
        with progress.announced("deeper"):
            time.sleep(0.1)
    err = capsys.readouterr().err
    assert "outside" in err
    assert "inside" not in err
    assert "deeper" not in err
    list(progress.track(slowly(range(3)), "afterwards", 3))
    assert "afterwards" in capsys.readouterr().err


def test_a_terminal_gets_a_bar(impatient, monkeypatch):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    list(progress.track(slowly(range(3)), "counting", 3))
    told = sys.stderr.getvalue()
    assert "counting" in told
    assert "counting: " not in told


def at_a_terminal(code):
    """Return what a program writes at a terminal (of its error stream)."""
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100"}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=theirs, env=environment)
    os.close(theirs)
    seen = b""
    # Read to the end, which is an error where the other side of a terminal is closed.
    while True:
        try:
            some = os.read(ours, 4096)
        except OSError:
            break
        if not some:
            break
        seen += some
    os.close(ours)
    assert process.wait() == 0
    return seen.decode()


BAR = """
import time
from boostsim import progress
progress.PATIENCE_SECONDS = 0.05
with progress.told({manner!r}):
    for each in progress.track(range(4), "counting", 4):
        time.sleep(0.2)
"""


def test_a_real_terminal_gets_how_far_it_is_at_what_rate_and_what_is_left():
    seen = at_a_terminal(BAR.format(manner="shown"))
    assert "counting" in seen
    assert " of 4, " in seen
    assert " a second, under a minute left" in seen
    # The bar is taken away again.
    assert seen.rstrip().endswith("\x1b[2K")
    assert at_a_terminal(BAR.format(manner="quiet")) == ""


class Full(io.StringIO):
    def write(self, text):
        raise OSError(28, "No space left on device")


@pytest.mark.parametrize("stream", ["none", "closed", "full"])
def test_a_run_needs_no_error_stream(stream, impatient, monkeypatch):
    found = {"none": None, "closed": io.StringIO(), "full": Full()}[stream]
    if stream == "closed":
        found.close()
    monkeypatch.setattr(sys, "stderr", found)
    assert list(progress.track(slowly(range(2)), "counting", 2)) == [0, 1]
    with progress.announced("waiting"):
        progress.tell("a line")
    procedure = bs.boosting(labeler=bs.WeakLabeler(0.2))
    trace = bs.simulate(procedure, bs.random_table(0, prompts=4), 3, visits=2, seeds=3, key=0)
    assert trace.sizes["seed"] == 3


def test_a_process_without_any_stream_simulates(tmp_path):
    done = tmp_path / "done"
    code = f"{SMALL}; open({str(done)!r}, 'w').write('yes')"
    subprocess.run(["sh", "-c", 'exec "$0" -c "$1" <&- >&- 2>&-', sys.executable, code], check=True)
    assert done.read_text() == "yes"
