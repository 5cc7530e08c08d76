"""A folder of finished pieces: what is whole is read, what is not is told and made again."""

import errno
import json
import os
import warnings

import numpy as np
import pytest

from boostsim import store, versions
from boostsim.store import Piece, opened

ABOUT = {"what": {"beta": [0.1, 0.2]}}


def filled(folder, about=ABOUT, pieces=("one", "two")):
    made = []

    def make(name):
        made.append(name)
        return Piece({"name": name}, {"x": np.arange(1000.0), "scalar": np.array(len(name))})

    with opened(folder, about) as kept:
        found = {name: kept.made(name, lambda name=name: make(name)) for name in pieces}
    return found, made


def same(left, right):
    assert left.keys() == right.keys()
    for name in left:
        assert left[name].told == right[name].told
        for array in left[name].arrays:
            np.testing.assert_array_equal(left[name].arrays[array], right[name].arrays[array])


def test_what_is_there_is_not_made_again_and_a_work_may_become_longer(tmp_path):
    first, made = filled(tmp_path)
    assert made == ["one", "two"]
    again, made = filled(tmp_path, pieces=("one", "two", "three"))
    assert made == ["three"]
    same(first, {name: again[name] for name in first})
    assert filled(None)[1] == ["one", "two"]


def test_another_work_is_refused_and_what_differs_is_named(tmp_path):
    filled(tmp_path)
    with pytest.raises(ValueError, match=r"what\.beta\[1\] 0\.2, not 0\.3"):
        filled(tmp_path, {"what": {"beta": [0.1, 0.3]}})


def test_a_folder_of_another_kind_of_work_is_refused_by_its_kind(tmp_path):
    filled(tmp_path)
    for kind in ("sweep", "certificate"):
        with pytest.raises(ValueError, match=f"another kind of work: a run, not a {kind}$"):
            filled(tmp_path, {"kind": kind, "a": 1})


@pytest.mark.parametrize("place", ["start", "middle", "end"])
@pytest.mark.parametrize("harm", ["flipped", "cut", "emptied"])
@pytest.mark.parametrize("which", ["one.piece", store.WORK])
def test_what_is_damaged_is_named_and_made_again(tmp_path, which, harm, place):
    whole, _ = filled(tmp_path)
    path = tmp_path / which
    content = bytearray(path.read_bytes())
    at = {"start": 0, "middle": len(content) // 2, "end": len(content) - 1}[place]
    if harm == "flipped":
        content[at] ^= 4
    path.write_bytes({"flipped": content, "cut": content[:at], "emptied": b""}[harm])
    with pytest.warns(RuntimeWarning, match=which):
        again, made = filled(tmp_path)
    assert made == (["one"] if which == "one.piece" else [])
    same(whole, again)
    assert filled(tmp_path)[1] == []


def test_a_piece_of_another_work_is_never_taken_for_one_of_this(tmp_path):
    filled(tmp_path)
    (tmp_path / store.WORK).unlink()
    with pytest.raises(ValueError, match="piece of another"):
        filled(tmp_path, {"what": 1})


def test_a_folder_of_an_earlier_version_is_refused_in_a_sentence_that_says_so(tmp_path):
    store.write_sealed(tmp_path / store.WORK, json.dumps(ABOUT).encode())
    before = (tmp_path / store.WORK).read_bytes()
    with pytest.raises(ValueError, match=r"begun by an earlier one.* or give another folder$"):
        filled(tmp_path)
    assert (tmp_path / store.WORK).read_bytes() == before


def test_before_an_upgrade_nothing_was_computed_where_nothing_was_finished(tmp_path, monkeypatch):
    """A folder may have no more than what functions do: of numbers there is nothing to tell."""
    functions, real = {"rule": versions.Function("program")}, versions.provenance
    with monkeypatch.context() as patch:
        patch.setattr(versions, "provenance", lambda **how: real(**how) | {"jax_version": "0.9.7"})
        with opened(tmp_path, ABOUT, functions):
            pass
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with opened(tmp_path, ABOUT, functions) as kept:
            kept.write("one", {"x": np.zeros(1)})
            assert kept.resumed == {}


def test_a_file_of_another_kind_is_refused_by_name(tmp_path):
    filled(tmp_path)
    store.write_sealed(tmp_path / "one.piece", b"whole, and no archive")
    with pytest.raises(ValueError, match=r"one\.piece.*another kind"):
        filled(tmp_path)


def test_a_folder_in_use_is_refused_and_what_is_left_behind_is_swept(tmp_path):
    left = tmp_path / ".boostsim-0123456789abcdef.tmp"
    with opened(tmp_path, ABOUT), pytest.raises(store.InUse, match="in use"):
        filled(tmp_path)
    left.write_bytes(b"half")
    filled(tmp_path)
    assert not left.exists()


def test_what_cannot_be_written_is_one_sentence_and_what_was_finished_stays(tmp_path, monkeypatch):
    whole, _ = filled(tmp_path)

    def full(handle):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(ValueError, match="No space left"):
        filled(tmp_path, pieces=("one", "two", "three"))
    monkeypatch.undo()
    again, made = filled(tmp_path)
    assert made == []
    same(whole, again)


@pytest.mark.parametrize("name", ["", "../up", "a/b", ".hidden", "a b"])
def test_a_piece_has_a_plain_name(tmp_path, name):
    with opened(tmp_path, ABOUT) as kept, pytest.raises(ValueError, match="name"):
        kept.path(name)
