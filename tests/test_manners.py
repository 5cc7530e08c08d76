"""The command among other programs: where its output goes, what stops it, how it says so."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import matplotlib
import pytest

from boostsim import cli
from boostsim.commands import plan as plan_command
from boostsim.commands import reproduce as reproduce_command

COMMAND = [sys.executable, "-m", "boostsim.cli"]
LINUX = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads /proc")
RULE = """
import boostsim as bs
{imported}

@bs.criterion
def mine(visits):
    {called}
    return 1.0 - visits.pass_rate
"""
COMPARE = ["--tasks", "helpless", "--prompts", "20", "--seeds", "2"]
COMPARE += ["--iterations", "2", "--json"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))


def shell(line, **more):
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line], capture_output=True, text=True, **more
    )


def command(line):
    return f"{sys.executable} -m boostsim.cli {line}"


@pytest.mark.parametrize("line", ["", "--version", "run --help", "claims", "claims --json"])
def test_a_reader_that_stops_early_is_no_error(line):
    # The reader is gone before anything is written.
    done = shell(f"{command(line)} | true")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("line", ["", "run --help", "claims", "claims --json"])
def test_a_full_disk_is_told_in_a_line_and_is_no_verdict(line):
    done = shell(f"{command(line)} > /dev/full")
    assert done.returncode == cli.UNEXPECTED
    assert done.stderr.startswith("boostsim: OSError: ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("claims T3 >&-", 0),
        ("claims T3 2>&-", 0),
        ("claims T3 <&- >&- 2>&-", 0),
        ("claims T33 2>&-", 2),
        ("claims T33 2>/dev/full", 2),
        ("claims T33 2>&1 >/dev/null | true", 2),
    ],
)
def test_closed_streams_change_no_exit_code(line, code):
    assert shell(command(line)).returncode == code


SPREAD = ["run", "--prompts", "5", "--iterations", "1", "--visits", "2", "--seeds", "2"]
SIGNS = {"ascii": b"\\xb1", "latin-1": b"\xb1", "gbk": "±".encode("gbk")}


@pytest.mark.parametrize("encoding", SIGNS)
def test_every_encoding_prints(encoding):
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    done = subprocess.run([*COMMAND, *SPREAD], capture_output=True, env=environment)
    assert done.returncode == 0, done.stderr
    assert SIGNS[encoding] + b" is the spread of runs" in done.stdout


@pytest.mark.parametrize("encoding", SIGNS)
def test_every_encoding_is_written_to_a_stream_that_has_it(encoding, monkeypatch):
    told = io.BytesIO()
    stream = io.TextIOWrapper(told, encoding=encoding, write_through=True)
    monkeypatch.setattr(sys, "stdout", stream)
    assert cli.main(SPREAD) == 0
    assert SIGNS[encoding] + b" is the spread of runs" in told.getvalue()


def failing(error):
    def fail(flags):
        raise error

    return fail


PLAN = ["plan", "--beta", ".2", "--gamma", ".1", "--error", ".7", "--target", ".1"]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (TypeError("one\n  two"), "TypeError: one two (--debug says where)"),
        (RuntimeError("x" * 10_000), f"{'x' * 77}... (--debug says where)"),
        (RuntimeError("x " * 10_000), f"{'x ' * 248}x... (--debug says where)"),
        (MemoryError(), "there is not enough memory (none is left)"),
        (SystemExit(0), "called sys.exit"),
        (UnicodeEncodeError("ascii", "β", 0, 1, "no"), "UnicodeEncodeError: "),
        (BrokenPipeError(32, "a worker's"), "BrokenPipeError: "),
        (OSError(28, "full"), "OSError: [Errno 28] full"),
    ],
)
def test_what_is_unexpected_is_one_line_and_no_verdict(error, words, capsys, monkeypatch):
    monkeypatch.setattr(plan_command, "plan", failing(error))
    assert cli.main(PLAN) == cli.UNEXPECTED == 4
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("boostsim: ")
    assert err.count("\n") == 1
    assert words in err
    assert cli.main([PLAN[0], "--debug", *PLAN[1:]]) == cli.UNEXPECTED
    err = capsys.readouterr().err
    assert "in fail\n" in err
    assert err.splitlines()[-1].startswith("boostsim: ")


def test_bad_input_is_told_with_its_traceback_on_demand(capsys):
    assert cli.main(["claims", "T33", "--debug"]) == 2
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize("length", [3_000, 100_000])
@pytest.mark.parametrize("place", ["run --gamma", "run", "run --", "claims", "compare", ""])
def test_long_words_are_cut(place, length, capsys):
    word = "a" * length
    line = [*place.split()[:-1], f"--{word}"] if place.endswith("--") else [*place.split(), word]
    assert cli.main(line) == 2
    err = capsys.readouterr().err
    assert err.count("\n") == 1
    assert len(err) < 700


@pytest.mark.parametrize(
    ("imported", "called", "code"),
    [
        ("print('loaded')", "print('asked')", 0),
        ("import sys; sys.exit()", "", 2),
        ("import sys", "sys.exit(0)", 4),
    ],
)
def test_a_file_of_rules_neither_spoils_the_answer_nor_ends_it(
    imported, called, code, tmp_path, capsys
):
    file = tmp_path / "rules.py"
    file.write_text(RULE.format(imported=imported, called=called))
    assert cli.main(["compare", f"{file}:mine", "failed", *COMPARE]) == code
    out, err = capsys.readouterr()
    if code:
        assert out == ""
        assert "sys.exit" in err or "SystemExit" in err
        assert err.count("\n") == 1
    else:
        assert json.loads(out)
        assert "loaded" in err
        assert "asked" in err


def test_a_picture_is_drawn_whatever_a_users_matplotlibrc_says(tmp_path, capsys):
    pictures = []
    for theirs in ({}, {"text.usetex": True, "font.size": 30}):
        path = tmp_path / f"{len(pictures)}.png"
        with matplotlib.rc_context(theirs):
            assert cli.main(["compare", "failed", "uniform", *COMPARE, "--plot", str(path)]) == 0
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]


BAD = {
    "task = 3": "task must be a word; got 3",
    "preset = ['star']": "preset must be a word; got ['star']",
    "save = 3": "save must be a path; got 3",
    "folder = {a = 1}": "folder must be a path",
    "device = true": "device must be a word; got True",
    "exact = 1": "exact must be True or False; got 1",
    "record = [3]": "record must be a word or a list of words",
    "gamma = 2024-01-01": "gamma must be a number in [0, 1]",
    "seeds = true": "seeds must be a whole number",
    f"gamma = {'[' * 100_000}{']' * 100_000}": "nested too deeply",
    f"task = '{'a' * 100_000}'": "task must be one of",
    "prompts = 1000000000000": "prompts must ask for at most 268,435,456 numbers at once",
}


@pytest.mark.parametrize("text", BAD, ids=range(len(BAD)))
def test_a_file_of_other_types_is_told_in_a_line(text, capsys, tmp_path):
    (tmp_path / "run.toml").write_text(text)
    assert cli.main(["run", "--config", str(tmp_path / "run.toml")]) == 2
    err = capsys.readouterr().err
    assert BAD[text] in err
    assert err.count("\n") == 1
    assert len(err) < 700


def test_a_home_is_filled_in_and_a_byte_order_mark_is_none(capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / "run.toml").write_text(
        "\ufeffprompts = 3\niterations = 1\nsave = '~/in-file.nc'\n", encoding="utf-8"
    )
    line = ["run", "--config", "~/run.toml"]
    assert cli.main(line) == 0
    assert cli.main([*line, "--save", "~/by-flag.nc"]) == 0
    assert cli.main(["reproduce", "convergence", "--scale", "smoke", "--folder", "~/figures"]) == 0
    assert (tmp_path / "in-file.nc").is_file()
    assert (tmp_path / "by-flag.nc").is_file()
    assert (tmp_path / "figures" / "convergence.png").is_file()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def children(pid):
    """The processes that a process has started and that Python runs figures in."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            parent = int(folder.joinpath("stat").read_text().rpartition(")")[2].split()[1])
            if parent == pid and b"spawn_main" in folder.joinpath("cmdline").read_bytes():
                found.append(int(folder.name))
        except (OSError, ValueError):
            pass
    return found


def until(happens, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = happens()
        if found:
            return found
        time.sleep(0.05)
    raise AssertionError("it did not happen")


def started(arguments, tmp_path, **more):
    """Start reproducing a transformer's figure, and wait until its worker is at work."""
    cache = tmp_path / "cache"
    done = subprocess.Popen(
        [*arguments, "reproduce", "arithmetic", "--out", str(tmp_path / "out")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **{n: v for n, v in os.environ.items() if n != "JAX_COMPILATION_CACHE_DIR"},
            "BOOSTSIM_CACHE": str(cache),
        },
        **more,
    )
    until(lambda: done.poll() is not None or (cache.is_dir() and any(cache.iterdir())))
    return done


@LINUX
def test_workers_end_with_their_parent(tmp_path):
    done = started(COMMAND, tmp_path)
    workers = until(lambda: children(done.pid))
    done.kill()
    done.wait()
    try:
        until(lambda: not any(alive(worker) for worker in workers), seconds=10.0)
    finally:
        for worker in filter(alive, workers):
            os.kill(worker, signal.SIGKILL)
        done.communicate()


@LINUX
def test_a_worker_that_is_killed_is_told_in_a_line(tmp_path):
    done = started(COMMAND, tmp_path)
    (worker,) = until(lambda: children(done.pid))
    # What Linux does to a process when memory has run out.
    os.kill(worker, signal.SIGKILL)
    _, err = done.communicate(timeout=60)
    assert done.returncode == cli.UNEXPECTED
    told = [line for line in err.splitlines() if not re.match(r"arithmetic: \d+ s", line)]
    assert len(told) == 1
    assert told[0].startswith("boostsim: a worker was killed, or there was not enough memory")
    assert "arithmetic is not drawn" in told[0]


def test_a_pool_that_breaks_is_told_in_a_line(tmp_path, capsys, monkeypatch):
    class Broken(ThreadPoolExecutor):
        def __init__(self, workers, context, begin):
            super().__init__(1)

        def submit(self, draw, name):
            broken = Future()
            broken.set_exception(BrokenProcessPool("terminated abruptly"))
            return broken

    monkeypatch.setattr(reproduce_command, "ProcessPoolExecutor", Broken)
    monkeypatch.setattr(reproduce_command, "_workers", lambda names, neural: 1)
    line = ["reproduce", "arithmetic", "programs", "--folder", str(tmp_path)]
    assert cli.main(line) == cli.UNEXPECTED
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1].startswith("boostsim: a worker was killed, or there was not enough")
    assert "arithmetic, programs are not drawn" in err.splitlines()[-1]


@LINUX
def test_the_working_folder_hides_no_module_from_workers(tmp_path):
    # As the installed command is: a script in a folder of its own.
    script = tmp_path / "bin" / "boostsim"
    script.parent.mkdir()
    script.write_text(
        "import sys\nfrom boostsim.cli import main\n"
        "if __name__ == '__main__':\n    sys.exit(main())\n"
    )
    folder = tmp_path / "work"
    folder.mkdir()
    for name in ("signal", "random", "types", "json"):
        (folder / f"{name}.py").write_text("raise SystemError('the wrong module')\n")
    done = started([sys.executable, str(script)], tmp_path, cwd=folder)
    at_work = done.poll() is None
    done.kill()
    _, err = done.communicate()
    assert at_work, err


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="processors cannot be chosen")
def test_as_many_workers_as_processors_may_be_used():
    code = (
        "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})\n"
        "from boostsim.commands.reproduce import _workers\n"
        "from boostsim.figures import FIGURES, NEURAL\n"
        "from boostsim.learners.generate import cores\n"
        "from boostsim.processors import processors\n"
        "small = ('convergence', 'procedures')\n"
        "print(processors(), cores(), _workers(FIGURES, NEURAL), _workers(small, NEURAL))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["1", "1", "1", "0"]


def test_processors_are_counted_in_one_place():
    package = Path(cli.__file__).parent
    count = re.compile(r"cpu_count|sched_getaffinity")
    found = [path.name for path in package.rglob("*.py") if count.search(path.read_text())]
    assert found == ["processors.py"]


def test_claims_keep_their_proofs_without_docstrings():
    code = (
        "import boostsim as bs; "
        "print(repr([(each.proof, each.reference) for each in bs.claims.values()]))"
    )
    plain, optimised = (
        subprocess.run(
            [sys.executable, *flags, "-c", code], capture_output=True, text=True, check=True
        ).stdout
        for flags in ([], ["-OO"])
    )
    assert optimised == plain
    assert len(plain) > 10_000
