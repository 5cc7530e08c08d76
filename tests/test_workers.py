"""Worker processes answer calls, and end: with the last one, an error, or who started them."""

import importlib
import os
import pickle
import signal
import subprocess
import sys
import threading
import time

import cloudpickle
import jax
import jax.numpy as jnp
import pytest

from boostsim import jobs, workers
from boostsim.jobs import Job, _packed, _travelling, take_jobs
from boostsim.store import Piece, opened
from boostsim.workers import NoWorker, answers

SCRIPT = """
import os, sys, numpy as np, boostsim as bs
from boostsim.sweeping import running

@bs.criterion
def mine(visits):
    return 1.0 - visits.pass_rate

running.STEPS, running.processors = 1, lambda: 2
rule = bs.boosting(attempts=2, filter=bs.NoisyFilter(0.1), labeler=bs.WeakLabeler(0.2),
                   criterion=mine, budget=0.3)
task = bs.random_table(2, prompts=67, responses=3)
def run():
    over = {"beta": np.linspace(0, 1, 32)}
    return bs.sweep(rule, task, 2, over=over, visits=20, seeds=16, key=0)
made, before = run(), os.times()
running.PIECES_EACH = 10**6
print("again", made.identical(run()), before.children_user > 0.5)
"""


def gone(number):
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return True
    return False


def test_calls_are_answered_by_processes_of_their_own(capfd):
    def function(number):
        print("said by a rule")
        if number == 5:
            raise LookupError(f"nothing for {number}")
        return number, os.getpid()

    def call(number):
        return _packed(Job("one", function, (number,)))

    found = dict(answers(call, 5, 2))
    assert {number: answer[0] for number, answer in found.items()} == dict(enumerate(range(5)))
    started = {answer[1] for answer in found.values()}
    assert os.getpid() not in started
    assert all(gone(number) for number in started)
    told = capfd.readouterr()
    assert told.out == ""
    assert told.err.count("said by a rule") == 5
    with pytest.raises(LookupError, match="nothing for 5"):
        list(answers(lambda number: call(5), 1, 1))


def test_a_killed_process_is_told_in_one_sentence():
    def function():
        os.kill(os.getpid(), signal.SIGKILL)

    with pytest.raises(RuntimeError, match=r"^a worker process was killed, or [^.]*$"):
        list(answers(lambda number: _packed(Job("one", function)), 3, 1))


def test_a_process_ends_when_nobody_can_ask_it_any_more():
    worker = workers._begun()
    with worker.stdin, worker.stdout:
        worker.stdin.close()
        try:
            assert worker.wait(60.0) == 1
        finally:
            worker.kill()
            worker.wait()


def test_a_script_without_a_guard_sends_its_own_rule(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(SCRIPT)
    done = subprocess.run([sys.executable, path], capture_output=True, text=True, cwd=tmp_path)
    assert done.stdout == "again True True\n", done.stderr


def test_processes_end_with_the_one_that_started_them(tmp_path):
    path = tmp_path / "script.py"
    path.write_text(
        "import os, sys, time\n"
        "from boostsim.jobs import Job, _packed\n"
        "from boostsim.workers import answers\n"
        "def wait():\n"
        f"    open({str(tmp_path / 'number')!r}, 'w').write(str(os.getpid()) + '.')\n"
        "    time.sleep(100)\n"
        "list(answers(lambda number: _packed(Job('one', wait)), 1, 1))\n"
    )
    parent = subprocess.Popen([sys.executable, path])
    until = time.monotonic() + 120.0
    told = tmp_path / "number"
    while not (told.exists() and told.read_text().endswith(".")) and time.monotonic() < until:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    number = int(told.read_text()[:-1])
    while not gone(number) and time.monotonic() < until:
        time.sleep(0.05)
    assert gone(number)


def test_a_users_module_is_sent_as_it_is_here(tmp_path, monkeypatch):
    """A worker would import it as its file says by then, or not at all."""
    file = tmp_path / "boostsim_test_of_a_users_module.py"
    file.write_text(
        "A, B, C = 1, 2, 3\ndef inner():\n    return C\ndef f():\n    return A, B, inner()\n"
        "def kind():\n    return type(A).__name__\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module(file.stem)
    module.A = 10
    packed = [
        _packed(Job("one", function), own=True) for function in (module.f, lambda: module.f())
    ]
    file.write_text("A = B = C = 0\n")
    monkeypatch.delitem(sys.modules, file.stem)
    for call in packed:
        assert pickle.loads(workers._answer(call)) == (True, (10, 2, 3))
    # So they are for a scheduler, but for what cannot be sent by value.
    assert _travelling(Job("one", module.f)) == packed[0]
    module.A = threading.Lock()
    monkeypatch.setitem(sys.modules, file.stem, module)
    with pytest.raises(ValueError, match="must be of what can be sent"):
        _packed(Job("one", module.kind), own=True)
    assert pickle.loads(workers._answer(_travelling(Job("one", module.kind)))) == (True, "lock")
    # Of what the user sends elsewhere nothing is another for it.
    assert file.stem not in cloudpickle.list_registry_pickle_by_value()


def test_arrays_are_as_wide_there_as_they_are_here():
    with jax.enable_x64(True):
        third = jnp.asarray(1.0) / 3.0

    def function():
        return third.dtype.name, float(third)

    with jax.enable_x64(False):
        assert pickle.loads(workers._answer(_packed(Job("one", function)))) == (
            True,
            ("float64", 1.0 / 3.0),
        )


def piece(number):
    return Piece([number, os.getpid()], {})


def test_where_no_process_can_answer_the_work_is_done_here(monkeypatch):
    def made():
        found = {}
        with opened(None, {}) as store:
            work = [Job(f"piece-{number}", piece, (number,)) for number in range(3)]
            take_jobs(work, found.__setitem__, workers=2, store=store, description="pieces")
        return {name: each.told for name, each in found.items()}

    whole = {f"piece-{number}": [number, os.getpid()] for number in range(3)}
    for start in ("exit(3)", "print('from a module that all start with', flush=True)"):
        # It ends, or says something, before it answers.
        monkeypatch.setattr(workers, "START", f"import sys; {start}; {{path!r}}")
        assert made() == whole
    monkeypatch.undo()
    # It has what was installed since.
    with monkeypatch.context() as patch:
        patch.setattr(jobs, "facts", lambda: {"jax_version": "0.9.7"})
        assert made() == whole
    # There is none to start.
    monkeypatch.setattr(sys, "executable", "")
    assert made() == whole
    with pytest.raises(NoWorker):
        list(answers(lambda number: b"", 1, 1))


def test_what_cannot_be_read_there_is_no_error_of_what_was_called():
    well, error = pickle.loads(workers._answer(pickle.dumps(("one", int, ()))[:-2]))
    assert (well, type(error)) == (False, NoWorker)
