"""One way to write and one way to read: whole, with a digest, and nobody else's files harmed."""

import errno
import os
import pickle
import stat
import subprocess
import sys
import time

import pytest

from boostsim import files
from boostsim.files import Damaged, cache_folder, read_sealed, sweep, try_to_write, write_sealed
from boostsim.files import write_whole as write


def read(path):
    return read_sealed(path, "path", "what was written", "Write it again.")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def mask():
    before = os.umask(0o027)
    yield 0o027
    os.umask(before)


def test_what_is_written_is_read(tmp_path):
    for content in (b"", b"x", bytes(range(256)) * 100, files.SEAL * 3):
        assert read(write_sealed(tmp_path / "file", content)) == content
    assert os.listdir(tmp_path) == ["file"]


def test_every_damage_is_refused_in_one_sentence(tmp_path):
    path = write_sealed(tmp_path / "file", b"twenty bytes of this")
    whole = path.read_bytes()
    flips = [
        whole[:n] + bytes([whole[n] ^ 1 << bit]) + whole[n + 1 :]
        for n in range(len(whole))
        for bit in range(8)
    ]
    cuts = [whole[:n] for n in range(len(whole))]
    more = [whole + b"\0", whole + whole, b"\0" + whole, whole[1:]]
    for damaged in (*flips, *cuts, *more):
        path.write_bytes(damaged)
        with pytest.raises(Damaged, match=r"path must be what was written; got '.*file'") as told:
            read(path)
        assert "Write it again." in str(told.value)
        assert "\n" not in str(told.value)
        assert told.value.path == path
        assert str(pickle.loads(pickle.dumps(told.value))) == str(told.value)


def test_a_new_file_has_the_mode_of_the_mask_and_an_old_one_keeps_its_own(tmp_path, mask):
    assert mode(write(tmp_path / "new", b"1")) == 0o666 & ~mask
    for kept in (0o600, 0o644, 0o755, 0o444, 0o666):
        path = tmp_path / f"{kept:o}"
        path.write_bytes(b"old")
        path.chmod(kept)
        write(path, b"new")
        assert mode(path) == kept
        assert path.read_bytes() == b"new"


def test_the_mask_is_never_touched(tmp_path, monkeypatch):
    def touched(_):
        raise AssertionError("a thread that makes a file now makes it for everybody")

    monkeypatch.setattr(os, "umask", touched)
    write(tmp_path / "new", b"1")
    write(tmp_path / "new", b"2")


def test_a_private_file_is_private_at_every_moment(tmp_path, monkeypatch):
    path = tmp_path / "private"
    path.write_bytes(b"old")
    path.chmod(0o600)
    seen = []

    def observed(handle):
        seen.append(stat.S_IMODE(os.fstat(handle).st_mode))

    monkeypatch.setattr(os, "fsync", observed)
    opened = os.open

    def opening(*arguments, **more):
        handle = opened(*arguments, **more)
        observed(handle)
        return handle

    monkeypatch.setattr(os, "open", opening)
    write(path, b"new")
    assert [bits & 0o077 for bits in seen[:2]] == [0, 0]


def test_links_are_followed(tmp_path):
    (tmp_path / "far").mkdir()
    real, link, chain = tmp_path / "far" / "real", tmp_path / "link", tmp_path / "chain"
    link.symlink_to(real)
    chain.symlink_to("link")
    for name, content in ((link, b"first: it dangles"), (chain, b"second")):
        assert write(name, content) == name
        assert real.read_bytes() == content
        assert link.is_symlink()
        assert chain.is_symlink()
    assert os.listdir(tmp_path / "far") == ["real"]
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    with pytest.raises(ValueError, match="path must"):
        write(loop, b"")
    assert loop.is_symlink()


def test_what_is_no_file_is_refused_and_left(tmp_path):
    pipe, device = tmp_path / "pipe", tmp_path / "null"
    os.mkfifo(pipe)
    device.symlink_to("/dev/null")
    for path, told in (
        (pipe, "device or pipe"),
        (device, "device or pipe"),
        ("/dev/null", "device or pipe"),
        (tmp_path, "folder"),
        (tmp_path / "no" / "such", "No such file"),
        (tmp_path / ("n" * 300), "nnn"),
        (pipe / "x", "Not a directory"),
    ):
        before = sorted(os.listdir(tmp_path))
        for attempt in (lambda p: write(p, b"x", "save"), lambda p: try_to_write(p, "save")):
            with pytest.raises(ValueError, match=f"save must .*; got .*{told}") as refused:
                attempt(path)
            assert "\n" not in str(refused.value)
        assert sorted(os.listdir(tmp_path)) == before
    assert stat.S_ISFIFO(pipe.stat().st_mode)
    assert stat.S_ISCHR(os.stat("/dev/null").st_mode)
    for bad in (3, None, b"x", "", "a\0b", ["x"]):
        with pytest.raises(ValueError, match="save must be a path"):
            write(bad, b"", "save")
    with pytest.raises(ValueError, match="path must be an existing file"):
        read(pipe)


def test_trying_leaves_nothing_and_changes_nothing(tmp_path):
    path = tmp_path / "file"
    try_to_write(path)
    assert os.listdir(tmp_path) == []
    path.write_bytes(b"old")
    stamp = path.stat()
    try_to_write(path)
    assert path.stat().st_mtime_ns == stamp.st_mtime_ns
    assert path.stat().st_ino == stamp.st_ino


def test_the_home_is_filled_in(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    write_sealed("~/file", b"at home")
    assert read("~/file") == b"at home"
    monkeypatch.setenv("BOOSTSIM_CACHE", "~/kept")
    assert cache_folder() == tmp_path / "kept"


FULL = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
from boostsim.files import write_whole
try:
    write_whole(sys.argv[1], bytes(10_000))
except ValueError as error:
    print(error)
"""


def test_a_disk_that_is_full_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept"
    path.write_bytes(b"old")
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.count("\n") == 1
    assert os.strerror(errno.EFBIG) in done.stdout
    assert done.stderr == ""
    assert path.read_bytes() == b"old"
    assert os.listdir(tmp_path) == ["kept"]


def test_what_killed_writers_left_is_swept_and_nothing_else(tmp_path):
    old, young = (tmp_path / f".boostsim-{word * 8}.tmp" for word in ("0a", "1b"))
    others = [tmp_path / name for name in (".boostsim-mine.tmp", ".hidden", "x.tmp")]
    for path in (old, young, *others):
        path.write_bytes(b"")
        if path != young:
            long_ago = time.time() - 2 * files.ABANDONED_SECONDS
            os.utime(path, (long_ago, long_ago))
    write(tmp_path / "file", b"")
    assert not old.exists()
    assert young.exists()
    sweep(tmp_path, older=0.0)
    assert not young.exists()
    assert all(path.exists() for path in others)
    sweep(tmp_path / "none")


NO_CACHE = """
import os, pwd, warnings
def nobody(_):
    raise KeyError("uid not found")
pwd.getpwuid = nobody
from boostsim.files import cache_folder
for _ in range(3):
    print(cache_folder())
"""


@pytest.mark.parametrize(
    "environment", [{}, {"HOME": "/proc/none"}, {"BOOSTSIM_CACHE": "/proc/none"}]
)
def test_without_a_home_nothing_is_kept_and_it_is_said_once(environment, tmp_path):
    kept = {"PATH", "PYTHONPATH", "LD_LIBRARY_PATH"}
    clean = {name: value for name, value in os.environ.items() if name in kept}
    done = subprocess.run(
        [sys.executable, "-c", NO_CACHE],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.split() == ["None"] * 3
    assert done.stderr.count("nothing is kept between runs") == 1
    assert done.stderr.count("RuntimeWarning") == 1
    assert "BOOSTSIM_CACHE may name another" in done.stderr
