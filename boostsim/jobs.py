"""Jobs of unequal length: here one after another, or as tasks on Dask distributed.

A job is a function and its arguments, and what it returns is a piece of a store
(:mod:`boostsim.store`): it is written as it arrives, by who asked for it, so that each is there
once, whatever became of the machine that made it. No cluster is ever started: where there is none
jobs run in this process, or in workers of this machine (:mod:`boostsim.workers`). A job's result
depends on its arguments alone, so it is the same to the last bit wherever it ran, on CPUs of one
kind; a worker with another version of what decides these bits is refused.
"""

from __future__ import annotations

import contextlib
import json
import pickle
import platform
import re
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from hashlib import sha256
from typing import Any, NamedTuple

from boostsim.arguments import Words, first_line, refuse
from boostsim.extras import needed
from boostsim.progress import counted, tell, track
from boostsim.sending import pickled, read
from boostsim.store import Piece, Store
from boostsim.versions import differs, facts
from boostsim.workers import NoWorker, answers

# How long a scheduler may take to answer.
PATIENCE_SECONDS = 5.0
# What is sent ahead: all jobs, or of large ones as many as make so many bytes, but at least these.
AHEAD_BYTES, AHEAD_JOBS = 2**30, 64


class Job(NamedTuple):
    """A part of long work.

    Attributes:
        name: of its piece, unlike those of the others.
        function: returns a :class:`boostsim.store.Piece`; computes from its arguments alone.
        arguments: of the function.
    """

    name: str
    function: Callable[..., Piece]
    arguments: tuple[Any, ...] = ()


class Unlike(ValueError):
    """A worker would give other numbers, or cannot read what it was sent."""


def run_jobs(
    jobs: Sequence[Job], *, scheduler: Any = None, store: Store, description: str
) -> list[Piece]:
    """Return the pieces of jobs, in their order: those that are there, and those made now, kept.

    Args:
        jobs: of different names.
        scheduler: the address of a Dask scheduler, ``"tcp://host:port"``, or a
            ``distributed.Client``; None to run them here, one after another.
        store: where pieces are kept.
        description: what is being done, for progress.

    Raises:
        ValueError: for jobs of one name; for a scheduler that does not answer, a worker of other
            versions, or what cannot be sent. What a job raises is raised, with a note that names
            it: at once, or, where pieces are kept and workers are at the others, once these are.

    Example:
        >>> from boostsim.store import opened
        >>> def squared(n):
        ...     return Piece(n * n, {})
        >>> jobs = [Job(f"square-{n}", squared, (n,)) for n in range(3)]
        >>> with opened(None, {"of": "squares"}) as store:
        ...     [piece.told for piece in run_jobs(jobs, store=store, description="squares")]
        [0, 1, 4]
    """
    names = [job.name for job in jobs]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise refuse("jobs", "of different names", Words(f"two of the name {twice!r}"))
    pieces: dict[str, Piece] = {}
    take_jobs(jobs, pieces.__setitem__, scheduler=scheduler, store=store, description=description)
    return [pieces[name] for name in names]


def take_jobs(
    jobs: Sequence[Job],
    take: Callable[[str, Piece], None],
    *,
    scheduler: Any = None,
    workers: int = 1,
    store: Store,
    description: str,
    kept: bool = False,
) -> None:
    """Hand over the piece of each job with its name, once it is there: none is held any longer.

    Args:
        jobs: of different names.
        take: takes those that are there, in order, then those that are made, as they arrive.
        workers: processes of this machine that make them where there is no scheduler; what cannot
            be sent to one is made in this one.
        scheduler, store, description: see :func:`run_jobs`.
        kept: whether who takes them keeps them, store or none.

    Raises:
        ValueError: see :func:`run_jobs`.
    """
    missing = []
    for job in jobs:
        found = store.read(job.name)
        if found is None:
            missing.append(job)
        else:
            take(job.name, found)

    def keep(job: Job, piece: Piece) -> None:
        # As it is read back.
        told = json.loads(json.dumps(piece.told))
        store.write(job.name, piece.arrays, told)
        take(job.name, Piece(told, piece.arrays))

    if scheduler is None and workers > 1 and missing and _can_be_sent(missing[0]):
        sent, there, now = dict(enumerate(missing)), len(jobs) - len(missing), facts()

        def call(number: int) -> bytes:
            name, function, arguments = sent[number]
            return _packed(Job(name, _alike, (now, function, *arguments)), own=True)

        made = answers(call, len(sent), workers)
        missing = []
        try:
            with counted(description, len(jobs), even=True, found=there) as update, closing(made):
                update(there)
                for done, (number, piece) in enumerate(made, there + 1):
                    keep(sent[number], piece)
                    del sent[number]
                    update(done)
        except NoWorker:
            missing = list(sent.values())
    if scheduler is None or not missing:
        for job in track(missing, description, len(missing)):
            with _naming(job):
                piece = job.function(*job.arguments)
            keep(job, piece)
    else:
        with connected(scheduler) as client:
            kept = kept or store.folder is not None
            _distribute(client, missing, keep, kept, description, len(jobs))


def _alike(now: dict[str, str], function: Callable[..., Piece], *arguments: Any) -> Piece:
    """Run a job where it gives the bits that it gives here: what is installed may be newer now."""
    if facts() != now:
        raise NoWorker(differs(facts(), now))
    return function(*arguments)


def piece_name(*words: str) -> str:
    """Return the name of a piece for what any words call: theirs, as far as a file may have it.

    Example:
        >>> piece_name("few labels", "below(0.5)")
        'few_labels-below_0.5-1d5fc3f6'
    """
    plain = [re.sub(r"[^A-Za-z0-9_.+=]+", "_", word).strip("_.+=")[:40] for word in words]
    told = sha256(json.dumps(words).encode()).hexdigest()[:8]
    return "-".join([*filter(None, plain), told])


@contextlib.contextmanager
def connected(scheduler: Any) -> Iterator[Any]:
    """Give a client of a scheduler; one that is given stays open, one that is made is closed.

    None stays None: no cluster is ever started.

    Raises:
        MissingExtra: where Dask distributed is not installed.
        ValueError: for what is no scheduler, and for one that does not answer.
    """
    if scheduler is None:
        yield None
        return
    distributed = needed("distributed", "dask", "A scheduler")
    allowed = "the address of a Dask scheduler, 'tcp://host:port', or a distributed.Client"
    if isinstance(scheduler, distributed.Client):
        if scheduler.asynchronous or scheduler.status != "running":
            raise refuse("scheduler", "a client that waits, and is connected", scheduler)
        yield scheduler
        return
    if not isinstance(scheduler, str) or ":" not in scheduler:
        raise refuse("scheduler", allowed, scheduler)
    try:
        client = distributed.Client(
            scheduler, timeout=PATIENCE_SECONDS, set_as_default=False, name="boostsim"
        )
    except Exception as error:
        raise ValueError(
            f"scheduler must be {allowed}; {scheduler!r} does not answer ({first_line(error)}). "
            "'dask scheduler' starts one, and 'dask worker ADDRESS' a worker."
        ) from None
    try:
        yield client
    finally:
        with contextlib.suppress(Exception):
            client.close(timeout=PATIENCE_SECONDS)


def _distribute(
    client: Any,
    jobs: Sequence[Job],
    keep: Callable[[Job, Piece], None],
    kept: bool,
    description: str,
    total: int,
) -> None:
    """Send jobs to the workers, and keep each result as it arrives.

    What a worker had in hand when it died, the scheduler gives to another: it knows each job by a
    key of its own, and gives its result once.
    """
    from distributed import CancelledError, as_completed
    from distributed.scheduler import KilledWorker

    if not client.scheduler_info()["workers"]:
        tell(f"{description}: the scheduler has no workers yet, and jobs wait for the first")
    now, one_call = {**facts(), "python": _python()}, uuid.uuid4().hex
    left: list[Job] = list(reversed(jobs))
    sent: dict[Any, tuple[Job, int]] = {}
    errors: dict[str, Exception] = {}
    arriving: Any = as_completed(loop=client.loop)

    def send() -> None:
        while left and (
            len(sent) < AHEAD_JOBS or sum(size for _, size in sent.values()) < AHEAD_BYTES
        ):
            job = left.pop()
            packed = _travelling(job)
            future = client.submit(_work, packed, now, key=f"{job.name}-{one_call}")
            sent[future] = job, len(packed)
            arriving.add(future)

    try:
        with counted(description, total, even=True, found=total - len(jobs)) as update, _quiet():
            update(total - len(jobs), "")
            send()
            while sent:
                future = next(arriving)
                job, _ = sent[future]
                try:
                    content = future.result()
                except CancelledError:
                    raise ValueError(
                        "scheduler must stay until all jobs are done; it went away, or somebody "
                        f"cancelled job {job.name!r}. What a folder was given to keep is there."
                    ) from None
                except KilledWorker as error:
                    errors[job.name] = ValueError(
                        f"job {job.name!r} must fit on a worker; {error.allowed_failures + 1} died "
                        "at it, for want of memory perhaps"
                    )
                except Exception as error:
                    error.add_note(f"In job {job.name!r}.")
                    errors[job.name] = error
                else:
                    keep(job, pickle.loads(content))
                del sent[future]
                future.release()
                first = next(iter(errors.values()), None)
                if first is not None and (not kept or isinstance(first, Unlike)):
                    raise first
                update(total - len(left) - len(sent) - len(errors), "")
                send()
    finally:
        if sent and client.status == "running":
            with contextlib.suppress(Exception):
                client.cancel(list(sent), force=True)
    for job in jobs:
        if job.name in errors:
            raise errors[job.name]


def _packed(job: Job, *, own: bool = False) -> bytes:
    """Return a job as bytes.

    Args:
        job: which.
        own: see :func:`boostsim.sending.pickled`.

    Raises:
        ValueError: where something in it cannot be sent, which is named.
    """
    try:
        return pickled((job.name, job.function, job.arguments), own=own)
    except Exception as error:
        what = "its function"
        for number, each in enumerate(job.arguments, start=1):
            try:
                pickled(each, own=own)
            except Exception:
                what = f"its argument {number}, {type(each).__name__}"
                break
        raise ValueError(
            f"job {job.name!r} must be of what can be sent to a worker; {what}, cannot "
            f"({first_line(error)})"
        ) from error


def _travelling(job: Job) -> bytes:
    """Return a job as bytes for another machine: of the user's modules by name what must be."""
    try:
        return _packed(job, own=True)
    except ValueError:
        return _packed(job)


def _can_be_sent(job: Job) -> bool:
    try:
        return bool(_packed(job, own=True))
    except ValueError:
        return False


def _work(packed: bytes, now: dict[str, str]) -> bytes:
    """Run a job on a worker, as its client would run it."""
    from distributed import get_worker

    own = {**facts(), "python": _python()}
    if own != now:
        raise Unlike(
            f"scheduler must have workers that give the numbers given here; {get_worker().address} "
            f"has {differs(own, now)}"
        )
    try:
        function, arguments = read(packed)
    except Exception as error:
        raise Unlike(
            "scheduler must have workers with the modules that jobs are made of; "
            f"{get_worker().address} cannot read one ({first_line(error)}). Install it there, or "
            "send it along: cloudpickle.register_pickle_by_value(module)."
        ) from None
    return pickle.dumps(function(*arguments), protocol=pickle.HIGHEST_PROTOCOL)


def _python() -> str:
    """Return the version as far as functions that are sent by value depend on it."""
    return ".".join(platform.python_version_tuple()[:2])


@contextlib.contextmanager
def _naming(job: Job) -> Iterator[None]:
    """Let what goes wrong name the job."""
    try:
        yield
    except Exception as error:
        error.add_note(f"In job {job.name!r}.")
        raise


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Let Dask say nothing of jobs that bring large arrays."""
    import dask

    with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TB"}):
        yield
