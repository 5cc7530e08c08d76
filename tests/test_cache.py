"""Compiled programs between runs: kept where the user says, and no trouble where they cannot be."""

import os
import re
import subprocess
import sys
import threading
import warnings

import jax
import pytest

import boostsim as bs
from boostsim import files
from boostsim.commands import cache
from boostsim.simulation.tokens import first_model, verdicts

NAMES = (
    "jax_compilation_cache_dir",
    "jax_persistent_cache_min_compile_time_secs",
    "jax_persistent_cache_min_entry_size_bytes",
)


@pytest.fixture(autouse=True)
def settings(tmp_path, monkeypatch):
    """A machine on which nobody has told JAX anything; afterwards all is as it was."""
    monkeypatch.delenv("JAX_COMPILATION_CACHE_DIR", raising=False)
    monkeypatch.setenv("BOOSTSIM_CACHE", str(tmp_path / "cache"))
    before = {name: getattr(jax.config, name) for name in NAMES}
    jax.config.update(NAMES[0], None)
    with warnings.catch_warnings():
        yield
    for name, value in before.items():
        jax.config.update(name, value)


def current():
    return {name: getattr(jax.config, name) for name in NAMES}


def test_programs_are_kept_in_the_cache(tmp_path):
    cache.use_cache()
    assert current()[NAMES[0]] == str(tmp_path / "cache")


@pytest.mark.parametrize("told", ["/somewhere/else", ""])
def test_who_has_told_JAX_where_to_keep_them_has_them_there(told, monkeypatch):
    monkeypatch.setenv("JAX_COMPILATION_CACHE_DIR", told)
    before = current()
    cache.use_cache()
    assert current() == before


def test_so_has_who_has_told_it_in_a_program():
    jax.config.update(NAMES[0], "/somewhere/else")
    before = current()
    cache.use_cache()
    assert current() == before


def test_only_programs_of_the_own_cache_are_removed(tmp_path, capsys):
    text = "Error reading persistent compilation cache entry for 'jit_f': error: Error -3\nhere"
    for folder, left in ((tmp_path / "theirs", True), (tmp_path / "cache", False)):
        folder.mkdir(exist_ok=True)
        jax.config.update(NAMES[0], str(folder))
        mine = [folder / name for name in ("jit_f-12ab-cache", "jit_g-12ab-cache")]
        for path in mine:
            path.write_bytes(b"")
        with warnings.catch_warnings():
            cache.use_cache()
            for told in (text, text.replace("3", "5")):
                warnings.showwarning(UserWarning(told), UserWarning, "compiler.py", 3)
        assert [path.exists() for path in mine] == [left, True]
        err = capsys.readouterr().err
        assert err.count("\n") == 1
        assert err.startswith(f"boostsim: a compiled program in '{folder}' is damaged")


def run(folder, *before):
    """What the command prints, and complains of, with this cache."""
    environment = {**os.environ, "BOOSTSIM_CACHE": str(folder)}
    line = [sys.executable, "-m", "boostsim.cli", "run", "--prompts", "3", "--iterations", "1"]
    done = subprocess.run(
        [*before, *line], env=environment, capture_output=True, text=True, check=True, timeout=300
    )
    return done.stdout, done.stderr


def test_programs_that_cannot_be_kept_or_read_are_told_in_one_line(tmp_path):
    shown, told = run(tmp_path, "bash", "-c", 'ulimit -f 0; exec "$@"', "no file may grow")
    assert told.count("\n") == 1
    assert told.startswith(f"boostsim: compiled programs cannot be kept in '{tmp_path}' (")
    # What was left of them is gone, so the next run keeps its own.
    assert run(tmp_path) == (shown, "")
    entries = [path for path in tmp_path.iterdir() if path.name.endswith("-cache")]
    assert len(entries) > 1
    for path in entries:
        path.write_bytes(path.read_bytes()[:-9])
    again, told = run(tmp_path)
    assert again == shown
    assert told.count("\n") == 1
    assert told.startswith(f"boostsim: a compiled program in '{tmp_path}' is damaged, and is")
    assert run(tmp_path) == (shown, "")


def test_without_a_cache_it_is_said_in_one_line(monkeypatch, capsys):
    monkeypatch.setenv("BOOSTSIM_CACHE", "/proc/none")
    warnings.simplefilter("default")
    files.warn_once.cache_clear()
    for _ in range(3):
        cache.use_cache()
    assert current()[NAMES[0]] is None
    assert capsys.readouterr().err == (
        "boostsim: nothing is kept between runs: '/proc/none' is no folder to write to "
        "(No such file or directory); BOOSTSIM_CACHE may name another\n"
    )
    # A worker leaves it to its parent.
    files.warn_once.cache_clear()
    cache.said_elsewhere()
    cache.use_cache()
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(("promotion", "batch"), [("standard", 3), ("strict", 5)])
def test_what_is_compiled_ahead_is_what_runs(promotion, batch, caplog):
    """Once, not once for nothing; sizes that no other test has, so that it is compiled at all."""
    verdicts.verifier.cache_clear()
    sizes = {"width": 20 + batch, "heads": 1, "layers": 1, "batch": batch}
    learner = bs.Transformer(**sizes, steps=2, first_steps=2)
    given = {"learner": learner, "prompts_per_iteration": 128, "evaluate": 128, "key": 0}
    before = jax.config.jax_numpy_dtype_promotion
    jax.config.update("jax_log_compiles", True)
    jax.config.update("jax_numpy_dtype_promotion", promotion)
    try:
        bs.simulate(bs.boosting(labeler=bs.WeakLabeler(0.5)), bs.programs(2), 1, **given)
    finally:
        jax.config.update("jax_log_compiles", False)
        jax.config.update("jax_numpy_dtype_promotion", before)
    compiled = re.findall(r"Finished XLA compilation of jit\((\w+)\)", caplog.text)
    for program in ("_steps", "_state", "_generate", "verify"):
        assert compiled.count(program) == 1, compiled


def test_an_exact_run_compiles_nothing_that_says_responses(caplog):
    learner = bs.Transformer(width=10, heads=1, layers=1, batch=3, steps=2, first_steps=2)
    jax.config.update("jax_log_compiles", True)
    try:
        bs.simulate(bs.uncurated(), bs.lookup(5, 3), 1, learner=learner, exact=True, key=0)
    finally:
        jax.config.update("jax_log_compiles", False)
    compiled = re.findall(r"Finished XLA compilation of jit\((\w+)\)", caplog.text)
    assert "_steps" in compiled
    assert not {"_generate", "verify"} & set(compiled)


def test_an_error_does_not_wait_for_what_is_compiled():
    ended, jobs = threading.Event(), []

    def fail():
        with first_model._beside() as beside:
            jobs.extend(beside.submit(ended.wait, 60) for _ in range(6))
            raise ValueError("told at once")

    with pytest.raises(ValueError, match="told at once"):
        fail()
    assert not any(job.done() for job in jobs[:4])
    assert all(job.cancelled() for job in jobs[4:])
    ended.set()
