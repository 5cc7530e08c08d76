"""What a person is shown while something runs, and that nothing shown can end a run."""

import io
import subprocess
import sys
import time
import types

import pytest

import boostsim as bs
from boostsim import progress

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
    lines = capsys.readouterr().err.splitlines()
    # After 0.05, 0.1, 0.2 and 0.4 seconds, of which some may come too late.
    assert 1 <= len(lines) <= 4
    assert lines[0] == "counting: 0 of 4, 0 s"


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
    assert "counting" in sys.stderr.getvalue()
    assert " of 3" not in sys.stderr.getvalue()


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
