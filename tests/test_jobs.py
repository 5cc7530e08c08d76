"""Jobs give the same pieces here and on workers, each once, and what goes wrong is one sentence."""

import os
import signal
import threading
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

import boostsim as bs
from boostsim import jobs, store
from boostsim.jobs import Job, run_jobs
from boostsim.store import Piece, opened

pytest.importorskip("distributed", reason="the extra dask is not installed")


def drawn(seed, size=1000):
    return Piece(
        {"seed": seed, "half": (0.1, seed)}, {"x": np.random.default_rng(seed).random(size)}
    )


def failing(seed):
    if seed % 2:
        raise LookupError(f"nothing for {seed}")
    return drawn(seed)


def some(function=drawn, count=6):
    return [Job(f"job-{seed}", function, (seed,)) for seed in range(count)]


def same(left, right):
    assert [piece.told for piece in left] == [piece.told for piece in right]
    for one, other in zip(left, right, strict=True):
        assert one.arrays.keys() == other.arrays.keys()
        for name, values in one.arrays.items():
            assert values.tobytes() == other.arrays[name].tobytes()


def run(listed, folder=None, scheduler=None):
    with opened(folder, {"of": "tests"}) as kept:
        return run_jobs(listed, scheduler=scheduler, store=kept, description="tests")


def test_workers_give_what_is_given_here_and_each_piece_is_written_once(
    client, tmp_path, monkeypatch
):
    here = run(some())
    written, write = [], store.Store.write
    monkeypatch.setattr(
        store.Store, "write", lambda *given: (written.append(given[1]), write(*given))[1]
    )
    there = run(some(), tmp_path, client)
    same(here, there)
    assert Counter(written) == Counter(job.name for job in some())
    # What is there is read, here and there.
    same(here, run(some(failing), tmp_path))
    same(here, run(some(failing), tmp_path, client))
    assert len(written) == 6


def test_results_are_kept_as_they_arrive(client, tmp_path):
    gate = threading.Event()
    GATES["last"] = gate
    listed = [*some(count=3), Job("last", waiting, ("last",))]
    told = []
    thread = threading.Thread(target=lambda: told.append(run(listed, tmp_path, client)))
    thread.start()
    until = time.monotonic() + 30.0
    while len(list(tmp_path.glob("job-*.piece"))) < 3 and time.monotonic() < until:
        time.sleep(0.01)
    assert not (tmp_path / "last.piece").exists()
    assert len(list(tmp_path.glob("job-*.piece"))) == 3
    gate.set()
    thread.join()
    assert len(told[0]) == 4


GATES = {}


def waiting(name):
    GATES[name].wait(30.0)
    return drawn(0)


@pytest.mark.parametrize("remote", [False, True])
def test_what_a_job_raises_names_it_and_what_else_is_finished_is_kept(client, tmp_path, remote):
    with pytest.raises(LookupError, match="nothing for 1") as told:
        run(some(failing), tmp_path, client if remote else None)
    assert "In job 'job-1'." in told.value.__notes__
    kept = sorted(path.stem for path in tmp_path.glob("*.piece"))
    assert kept == (["job-0", "job-2", "job-4"] if remote else ["job-0"])
    with pytest.raises(LookupError):
        run(some(failing), None, client)


def test_functions_and_rules_of_ones_own_travel_by_value(client):
    scale, rule = 3.0, bs.criterion(lambda visits: 1.0 - visits.pass_rate)

    def scaled(seed, rule, key):
        trace = bs.simulate(
            bs.boosting(labeler=bs.WeakLabeler(0.5), criterion=rule, budget=0.1),
            bs.random_table(0, prompts=5),
            2,
            seeds=2,
            visits=3,
            key=key,
        )
        return Piece(None, {"error": scale * trace.error.values})

    listed = [Job("own", scaled, (1, rule, bs_key()))]
    same(run(listed), run(listed, None, client))


def bs_key():
    import jax

    return jax.random.key(5)


def test_what_stands_in_main_or_in_a_rule_file_is_sent_whole(tmp_path, monkeypatch):
    import pickle
    import subprocess
    import sys

    file = tmp_path / "rule.py"
    file.write_text(
        "import boostsim as bs\n\n@bs.criterion\ndef mine(visits):\n    return visits.pass_rate\n"
    )
    program = (
        "import sys, boostsim as bs, pathlib\n"
        "from boostsim.sending import pickled\n"
        "@bs.criterion\n"
        "def here(visits):\n"
        "    return visits.pass_rate\n"
        f"rules = [here, bs.load_criterion({str(file)!r} + ':mine'), bs.criteria.failed]\n"
        "sys.stdout.buffer.write(pickled(rules))\n"
    )
    (tmp_path / "program.py").write_text(program)
    sent = subprocess.run(
        [sys.executable, tmp_path / "program.py"], capture_output=True, check=True
    ).stdout
    file.unlink()
    here, mine, failed = pickle.loads(sent)
    assert (here.name, mine.name, failed) == ("here", "mine", bs.criteria.failed)
    assert here.fingerprint(1) == mine.fingerprint(1)


def test_what_cannot_be_sent_is_named(client):
    with pytest.raises(ValueError, match=r"job 'a' must be.*argument 2, lock, cannot .*lock"):
        run([Job("a", drawn, (1, threading.Lock()))], None, client)


def test_two_jobs_of_one_name_are_refused():
    with pytest.raises(ValueError, match="two of the name 'job-0'"):
        run([*some(count=1), *some(count=2)])


@pytest.mark.parametrize("bad", [5, "nowhere", "", object()])
def test_what_is_no_scheduler_is_refused(bad):
    with pytest.raises(ValueError, match="scheduler must be the address of a Dask scheduler"):
        run(some(), None, bad)


def test_a_scheduler_that_does_not_answer_is_one_sentence_within_seconds(monkeypatch):
    monkeypatch.setattr(jobs, "PATIENCE_SECONDS", 0.5)
    began = time.monotonic()
    with pytest.raises(ValueError, match=r"'tcp://127\.0\.0\.1:9' does not answer"):
        run(some(), None, "tcp://127.0.0.1:9")
    assert time.monotonic() - began < 10.0


def test_a_worker_of_other_versions_is_refused(client, monkeypatch, tmp_path):
    real = jobs.facts()

    def facts():
        on_worker = threading.current_thread() is not threading.main_thread()
        return {**real, "jax_version": "0.1"} if on_worker else real

    monkeypatch.setattr(jobs, "facts", facts)
    with pytest.raises(ValueError, match=r"numbers given here; \S+ has jax 0\.1 \(not "):
        run(some(), tmp_path, client)
    assert not list(tmp_path.glob("*.piece"))


def test_an_interrupt_cancels_what_is_pending(client, monkeypatch, tmp_path):
    GATES["never"] = threading.Event()
    write = store.Store.write

    def interrupted(*given):
        write(*given)
        raise KeyboardInterrupt

    monkeypatch.setattr(store.Store, "write", interrupted)
    listed = [*some(count=1), *(Job(f"wait-{n}", waiting, ("never",)) for n in range(4))]
    with pytest.raises(KeyboardInterrupt):
        run(listed, tmp_path, client)
    GATES["never"].set()
    until = time.monotonic() + 30.0
    while client.run_on_scheduler(_left) and time.monotonic() < until:
        time.sleep(0.05)
    assert client.run_on_scheduler(_left) == []


def _left(dask_scheduler):
    return [str(key) for key in dask_scheduler.tasks]


def slowly(seed, folder):
    (Path(folder) / f"{seed}-{os.getpid()}").touch()
    time.sleep(0.4)
    return drawn(seed)


def test_of_a_worker_that_is_killed_every_result_arrives_once(tmp_path, monkeypatch):
    import distributed

    begun, folder = tmp_path / "begun", tmp_path / "kept"
    begun.mkdir()
    listed = [Job(f"job-{seed}", slowly, (seed, str(begun))) for seed in range(8)]
    written, write = [], store.Store.write
    monkeypatch.setattr(
        store.Store, "write", lambda *given: (written.append(given[1]), write(*given))[1]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as cluster:
            with distributed.Client(cluster, set_as_default=False) as client:
                pids = list(client.run(os.getpid).values())

            def kill():
                while len(list(folder.glob("job-*.piece"))) < 2:
                    time.sleep(0.01)
                # In the middle of a job, which it has begun.
                while not [path for path in begun.iterdir() if path.name.endswith(f"-{pids[0]}")]:
                    time.sleep(0.01)
                time.sleep(0.1)
                os.kill(pids[0], signal.SIGKILL)

            killer = threading.Thread(target=kill)
            killer.start()
            there = run(listed, folder, cluster.scheduler_address)
            killer.join()
    assert Counter(written) == Counter(job.name for job in listed)
    same(there, run(some(count=8)))
    assert sorted({path.name.split("-")[0] for path in begun.iterdir()}) == list("01234567")
    assert not [key for key in os.listdir(folder) if key.endswith(".tmp")]
    # One job at least was begun twice: the worker had it in hand.
    assert len(list(begun.iterdir())) > 8
