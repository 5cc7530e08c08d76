"""Worker processes on this machine, for work that keeps one interpreter busy with its own steps.

Each is started as a command of its own: one that multiprocessing starts would run a user's script
again. Functions and objects of that script, or of a notebook, come with a call, by value.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from typing import Any

import jax

from boostsim.arguments import first_line
from boostsim.progress import silenced
from boostsim.sending import read

# Before anything is imported: a file of the working folder hides no module.
START = "import sys; sys.path[:] = {path!r}; from boostsim.workers import work; work()"
# Settings that a process may have without its environment saying so.
CACHE = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)
# From its last word until it has ended.
PATIENCE_SECONDS = 5.0
LOST = (
    "a worker process was killed, or there was not enough memory for it; what a folder was given "
    "to keep is there, and is gone on from when this is run again"
)


class NoWorker(Exception):
    """No process can be started here, or none can read what it is sent."""


def answers(
    call: Callable[[int], bytes], count: int, workers: int
) -> Generator[tuple[int, Any], None, None]:
    """Yield the number of each call and what it returns, as they arrive.

    The processes end with the last call, with what is raised here, and with this process.

    Args:
        call: returns the call of a number from 0 on: a name, a function and its arguments, pickled.
        count: of calls.
        workers: how many processes answer.

    Raises:
        NoWorker: where one cannot be started, ends by itself, or cannot read a call.
        RuntimeError: where one of them was killed. What a call raises is raised, too.
    """
    left, arriving = iter(range(count)), queue.SimpleQueue[tuple[int, bool, Any]]()
    begun: list[subprocess.Popen[bytes]] = []
    try:
        for _ in range(min(workers, count)):
            begun.append(_begun())
            told = begun[-1], call, left, arriving
            threading.Thread(target=_ask, args=told, daemon=True).start()
        for _ in range(count):
            number, well, answer = arriving.get()
            if not well:
                raise answer
            yield number, answer
    finally:
        # First all of them: who waits may be interrupted again.
        for worker in begun:
            worker.kill()
        for worker in begun:
            worker.wait()


def _begun() -> subprocess.Popen[bytes]:
    path = [each for each in sys.path if isinstance(each, str)]
    settings = {name.upper(): getattr(jax.config, name) for name in CACHE}
    told = {name: str(value) for name, value in settings.items() if value is not None}
    # A program that brings its own interpreter would run itself.
    python = "" if getattr(sys, "frozen", False) else sys.executable or ""
    try:
        return subprocess.Popen(
            [python, "-P", "-c", START.format(path=path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=os.environ | told | {"JAX_PLATFORMS": "cpu"},
            # Ctrl-C is for who waits.
            start_new_session=True,
        )
    except OSError as error:
        raise NoWorker(first_line(error)) from error


def _ask(
    worker: subprocess.Popen[bytes],
    call: Callable[[int], bytes],
    left: Iterator[int],
    arriving: queue.SimpleQueue[tuple[int, bool, Any]],
) -> None:
    """Give a worker one call after another."""
    assert worker.stdin is not None
    assert worker.stdout is not None
    with contextlib.suppress(OSError), worker.stdin, worker.stdout:
        for number in left:
            try:
                pickle.dump(call(number), worker.stdin)
                worker.stdin.flush()
                arriving.put((number, *pickle.load(worker.stdout)))
            except (OSError, EOFError, pickle.UnpicklingError):
                arriving.put((number, False, _ended(worker)))
                return
            except Exception as error:
                arriving.put((number, False, error))


def _ended(worker: subprocess.Popen[bytes]) -> Exception:
    """Return what to say of a worker that answers no more."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        worker.wait(PATIENCE_SECONDS)
    killed = (worker.returncode or 0) < 0
    return RuntimeError(LOST) if killed else NoWorker("it ended, or said what is no answer")


def work() -> None:
    """Answer the calls of the process that started this one, until that ends, however it does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    silenced()
    calls, told = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb")
    # What a rule prints is no answer.
    os.dup2(2, 1)
    waiting = queue.SimpleQueue[bytes]()

    def read() -> None:
        try:
            while True:
                waiting.put(pickle.load(calls))
        finally:
            os._exit(1)

    threading.Thread(target=read, daemon=True).start()
    while True:
        told.write(_answer(waiting.get()))
        told.flush()


def _answer(call: bytes) -> bytes:
    try:
        function, arguments = read(call)
    except Exception as error:
        return pickle.dumps((False, NoWorker(first_line(error))))
    try:
        return pickle.dumps((True, function(*arguments)), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        with contextlib.suppress(Exception):
            content = pickle.dumps((False, error))
            # Some can be sent, but not read.
            pickle.loads(content)
            return content
        return pickle.dumps((False, RuntimeError(first_line(error))))
