"""Files and frames of records: what is read, what is left out and told, and where reading stops."""

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import real_logs

import boostsim as bs
from boostsim.logs import reading
from boostsim.logs.records import Look, Record

PLAIN = {"prompt": "a", "iteration": 0, "attempts": 4, "accepted": 1}
FULL = {
    **PLAIN,
    "correct": 2,
    "audited": 2,
    "audited_correct": 1,
    "audited_accepted": 1,
    "audited_accepted_correct": 0,
    "visits": [[2, 1], [2, 0]],
    "stopping": "first_success",
    "labelled": True,
    "label_probability": 0.1 + 0.2,
    "label_accepted": 1,
    "label_correct": False,
    "stratum": "hard",
    "model": 7,
}


def written(tmp_path, *lines, encoding="utf-8"):
    path = tmp_path / "log.jsonl"
    texts = [line if isinstance(line, str) else json.dumps(line) for line in lines]
    path.write_bytes("\n".join(texts).encode(encoding))
    return path


def read(tmp_path, *lines, **how):
    return bs.read_log(written(tmp_path, *lines), **how)


def test_every_field_is_read(tmp_path):
    other = {**PLAIN, "prompt": 3, "iteration": 2, "stratum": "easy", "audited": 0}
    log = read(tmp_path, {**PLAIN, "iteration": 2}, other, FULL)
    assert log.prompts.tolist() == ["a", 3]
    assert log.iterations.tolist() == [0, 2]
    assert (log.prompt.tolist(), log.iteration.tolist()) == ([0, 0, 1], [0, 1, 1])
    for name, value in FULL.items():
        if name in ("correct", "labelled") or name.startswith(("audited_", "label_")):
            held = getattr(log, name)
            assert held[0] == value
            assert np.isnan(held[1:]).all() if held.dtype.kind == "f" else (held[1:] == -1).all()
    assert log.audited.tolist() == [2, -1, 0]
    assert log.first_success.tolist() == [True, False, False]
    assert (log.strata, log.stratum.tolist()) == (("easy", "hard"), [1, -1, 0])
    assert (log.models, log.model.tolist()) == (("7",), [0, -1, -1])
    assert [each.tolist() for each in log.visits] == [[0, 0], [2, 2], [1, 0]]


def test_looks_are_read(tmp_path):
    looks = read(
        tmp_path,
        {"prompt": "a", "response": 0, "verdicts": [True, None], "correct": 1},
        {"prompt": "a", "response": 1, "verdicts": [0]},
        {"prompt": 7, "verdicts": [1, 0, True], "correct": False},
    )
    assert looks.verdicts.tolist() == [[1, -1, -1], [0, -1, -1], [1, 0, 1]]
    assert looks.correct.tolist() == [1, -1, 0]
    assert (looks.prompts.tolist(), looks.prompt.tolist()) == (["a", 7], [0, 0, 1])
    assert looks.response.tolist() == [0, 1, 0]


def test_null_is_lacking_and_a_whole_float_is_whole(tmp_path):
    log = read(tmp_path, {**PLAIN, "attempts": 4.0, "correct": None, "labelled": None})
    assert (log.attempts.tolist(), log.correct, log.labelled) == ([4], None, None)
    assert log.attempts.dtype == np.int64


def test_a_frame_is_a_file(tmp_path):
    rows = [FULL, {**PLAIN, "iteration": 3}, {**PLAIN, "prompt": "é", "visits": [[4, 1]]}]
    rows += [{**PLAIN, "prompt": f"p{each}", "iteration": each % 3} for each in range(20)]
    log = read(tmp_path, *rows)
    frame = bs.read_log(pd.DataFrame(rows))
    for name, held in vars(log).items():
        if name != "source":
            np.testing.assert_array_equal(getattr(frame, name), held, err_msg=name)
    assert (frame.source, log.source) == ("frame", str(tmp_path / "log.jsonl"))
    exact = pd.DataFrame([{**PLAIN, "visits": np.array([[4, 1]])}]).astype({"attempts": "Int8"})
    assert bs.read_log(exact).visits[1].tolist() == [4]


@pytest.mark.parametrize("block", [1, 50, 2**20])
def test_blocks_change_nothing(tmp_path, monkeypatch, block):
    """Wherever a block ends, and with blank and malformed lines in it, numbers of lines too."""
    rows = [{**(FULL if each % 3 else PLAIN), "prompt": f"p{each}"} for each in range(10)]
    rows[4:4] = ["", "no JSON", "  ", {**PLAIN, "accepted": 9}]
    with pytest.warns(RuntimeWarning, match="2 of 14 lines .* first line 6: JSON is malformed"):
        log = read(tmp_path, *rows)
    monkeypatch.setattr(reading, "BLOCK", block)
    with pytest.warns(RuntimeWarning, match="2 of 14 lines"):
        again = bs.read_log(tmp_path / "log.jsonl")
    assert log == again
    assert [line for line, _ in log.malformed] == [6, 8]
    assert log.malformed[1] == (8, "accepted must be at most attempts; got 9 and 4")
    assert log.records == 10
    frame = pd.DataFrame([row for row in rows if isinstance(row, dict)])
    monkeypatch.setattr(reading, "ROWS", 3)
    with pytest.warns(RuntimeWarning, match="1 of 11 lines .* first line 5: accepted must be"):
        assert bs.read_log(frame).records == 10


def test_a_byte_order_mark_carriage_returns_and_gzip_are_taken(tmp_path):
    text = "\ufeff" + "\r\n".join([json.dumps(FULL), "", json.dumps({**PLAIN, "prompt": "é"})])
    path = tmp_path / "log.jsonl"
    path.write_bytes(text.encode())
    log = bs.read_log(path)
    assert log.prompts.tolist() == ["a", "é"]
    path.write_bytes(gzip.compress(text.encode()))
    assert bs.read_log(path) == log
    path.write_bytes(gzip.compress(text.encode())[:-9])
    with pytest.raises(ValueError, match=r"path must be a file that can be read; .*EOFError"):
        bs.read_log(path)


MALFORMED = {
    "Input data was truncated": "{",
    "Expected `object`, got `array`": "[1, 2]",
    "missing required field `accepted`": '{"prompt": 1, "iteration": 0, "attempts": 2}',
    "Expected `int` >= 0 - at `$.accepted`": {**PLAIN, "accepted": -1},
    "got `bool` - at `$.attempts`": {**PLAIN, "attempts": True},
    "got `str` - at `$.attempts`": {**PLAIN, "attempts": "4"},
    "accepted must be a whole number; got 1.5": {**PLAIN, "accepted": 1.5},
    "iteration must be a whole number; got 0.5": {**PLAIN, "iteration": 0.5},
    "<= 9007199254740992": {**PLAIN, "attempts": 2**60},
    "accepted must be at most attempts; got 5 and 4": {**PLAIN, "accepted": 5},
    "attempts must be at least 1": {**PLAIN, "attempts": 0, "accepted": 0},
    "got `float` - at `$.prompt`": {**PLAIN, "prompt": 1.5},
    "audited_correct must come with audited": {**PLAIN, "audited_correct": 0},
    "Invalid enum value 'never' - at `$.stopping`": {**PLAIN, "stopping": "never"},
    "label_probability must be in [0, 1]": {**PLAIN, "labelled": 1, "label_probability": 1.5},
    "visits must sum up to attempts; got 3 and 4": {**PLAIN, "visits": [[3, 1]]},
    "visits must be of whole numbers": {**PLAIN, "visits": [[3.5, 1], [0.5, 0]]},
    "visits must be a list of at least one": {**PLAIN, "visits": []},
    "Expected `array` of length 2": {**PLAIN, "visits": [[4, 1, 0]]},
    "it is nested too deeply": '{"text": ' + "[" * 10**5 + "]" * 10**5 + "}",
    "JSON is malformed: ": json.dumps({**PLAIN, "accepted": float("nan")}),
}


@pytest.mark.parametrize("reason", MALFORMED)
def test_a_malformed_line_is_left_out_and_told_by_number(tmp_path, reason):
    good = {**PLAIN, "prompt": "b"}
    with pytest.warns(RuntimeWarning, match="1 of 3 lines .* are left out .* first line 2: "):
        log = read(tmp_path, FULL, MALFORMED[reason], good)
    assert log.prompts.tolist() == ["a", "b"]
    ((line, told),) = log.malformed
    assert line == 2
    assert reason in told
    if isinstance(MALFORMED[reason], dict):
        with pytest.warns(RuntimeWarning, match="first line 2: "):
            frame = bs.read_log(pd.DataFrame([FULL, MALFORMED[reason], good]))
        ((line, told),) = frame.malformed
        assert line == 2
        assert reason in told
    with pytest.raises(ValueError, match=r"at most 0 malformed lines .* the first line 2: ") as got:
        bs.read_log(tmp_path / "log.jsonl", most_malformed=0)
    assert "\n" not in str(got.value)


def test_wrong_bytes_are_told_line_by_line(tmp_path):
    path = written(tmp_path, FULL, {**PLAIN, "prompt": 2})
    path.write_bytes(path.read_bytes() + b'\n{"prompt": "caf\xe9"}')
    with pytest.warns(RuntimeWarning, match="line 3: it is not in UTF-8"):
        assert bs.read_log(path).records == 2


def test_reading_stops_beyond_a_limit(tmp_path):
    lines = [{**PLAIN, "prompt": each, "accepted": 5} for each in range(101)]
    with pytest.raises(ValueError, match=r"at most 100 malformed lines .* first line 2: accepted"):
        read(tmp_path, FULL, *lines)
    with pytest.warns(RuntimeWarning, match="101 of 102 lines"):
        assert len(read(tmp_path, FULL, *lines, most_malformed=101).malformed) == 101


LOOK = {"prompt": "a", "verdicts": [1]}
REFUSED = {
    "at least one record, one a line; got none in .*jsonl'$": [],
    "at least one record.* got none in .*jsonl'$": ["", "  "],
    "got none in .*: line 1: Expected `object`, got `array`": ["[]"],
    "got none in .*: line 1: accepted must be at most": [{**PLAIN, "accepted": 5}],
    "iteration 0 of prompt 'a' twice, in lines 1 and 3": [FULL, {**PLAIN, "prompt": 0}, PLAIN],
    "one kind of record; .* line 2 has verdicts and those before have attempts": [PLAIN, LOOK],
    "one kind of record; .* line 2 has attempts and those before have verdicts": [LOOK, PLAIN],
    "attempts or of verdicts; .* line 1 has both": [{**PLAIN, **LOOK}],
    "response 0 of prompt 'a' twice, in lines 1 and 2": [LOOK, LOOK],
}


@pytest.mark.parametrize("told", REFUSED)
def test_what_is_no_log_is_refused_in_a_sentence(tmp_path, told):
    with pytest.raises(ValueError, match=told) as got:
        read(tmp_path, *REFUSED[told])
    assert "\n" not in str(got.value)


@pytest.mark.parametrize("encoding", ["utf-16", "utf-32", "utf-16-le"])
def test_another_encoding_is_refused(tmp_path, encoding):
    with pytest.raises(ValueError, match=r"path must"):
        bs.read_log(written(tmp_path, FULL, encoding=encoding))


def test_what_is_no_file_is_refused(tmp_path):
    for wrong in (tmp_path, tmp_path / "none", 3, None, [FULL]):
        with pytest.raises(ValueError, match="path must be an existing file of JSON Lines, or a"):
            bs.read_log(wrong)
    (tmp_path / "log.zip").write_bytes(b"PK\x03\x04")
    with pytest.raises(ValueError, match=r"path must be JSON Lines .* which is a zip archive"):
        bs.read_log(tmp_path / "log.zip")
    with pytest.raises(ValueError, match="path must be a frame with each column once"):
        bs.read_log(pd.DataFrame([[1, 2]], columns=["prompt", "prompt"]))
    with pytest.raises(ValueError, match="path must have at least one record"):
        bs.read_log(pd.DataFrame(PLAIN, index=[0]).iloc[:0])


def test_a_line_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(reading, "BLOCK", 10)
    monkeypatch.setattr(reading, "LONGEST", 100)
    assert read(tmp_path, PLAIN).records == 1
    with pytest.raises(ValueError, match="a line of over 100 bytes"):
        read(tmp_path, {**PLAIN, "text": "x" * 100})


def test_fields_that_are_not_read_are_told(tmp_path):
    log = read(tmp_path, {**PLAIN, "reward": 0.5, "prompts": 3})
    assert log.ignored == ("reward", "prompts")
    with pytest.warns(RuntimeWarning, match=r"field 'audit_correct' .* is it 'audited_correct'\?"):
        read(tmp_path, {**PLAIN, "audit_correct": 1})


def test_nothing_in_a_log_is_run(tmp_path):
    path = tmp_path / "run"
    text = f"__import__('pathlib').Path({str(path)!r}).touch()"
    log = read(tmp_path, {**PLAIN, "prompt": text, "stratum": text, "__reduce__": text})
    assert (log.prompts.tolist(), path.exists()) == ([text], False)


PEAK = """
import resource, sys
import boostsim as bs
peak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
from boostsim.logs import reading
from boostsim.logs.records import Look, Record
before = peak()
log = bs.read_log(sys.argv[1])
assert log.records == int(sys.argv[2])
print((peak() - before) * 2**20 / log.records)
"""


def test_a_record_takes_little_room(tmp_path):
    """A hundred thousand, each of a prompt of its own: a million in 500 MB with the libraries."""
    many = 10**5
    line = '{"prompt": "train/%d", "iteration": 3, "attempts": 8, "accepted": 5, "correct": 4}\n'
    path = tmp_path / "log.jsonl"
    path.write_text("".join(line % each for each in range(many)))
    ran = subprocess.run(
        [sys.executable, "-c", PEAK, path, str(many)], capture_output=True, text=True, check=True
    )
    assert float(ran.stdout) < 340


def test_real_logs_are_read():
    log = real_logs.rlvr_epochs()
    assert (len(log.prompts), len(log.iterations)) == (1209, 57)
    assert (log.attempts == 8).all()
    assert (log.source, log.malformed, log.ignored) == ("frame", (), ())
    assert real_logs.p3_codex().attempts.sum() == 397_000
    assert real_logs.p3_codex("long").accepted.sum() != real_logs.p3_codex().accepted.sum()
    stopped = real_logs.p3_bootstrap()
    assert stopped.first_success.all()
    assert set(stopped.attempts[stopped.accepted == 0]) == {1024}
    before = real_logs.reasoning_gym_before_after()
    assert (len(before.prompts), before.records) == (2301, 4602)
    assert len(real_logs.reasoning_gym_before_after("logic").prompts) == 500
    audit = real_logs.planbench_verifier()
    assert (audit.audited == 1).all()
    assert len(real_logs.planbench_verifier("text-davinci-002").prompts) == 600
    looks = real_logs.llmbar_judges()
    assert looks.verdicts.shape == (419, 2)
    assert set(looks.correct.tolist()) == {0, 1}


def test_the_page_has_every_field():
    page = (Path(__file__).parent.parent / "docs" / "how-to" / "log.md").read_text()
    attempts, looks = page.split("## What is missing")[0].split("## Looks")
    for part, kind in ((attempts, Record), (looks, Look)):
        told = dict(re.findall(r"^\| `(\w+)` \| (.*)$", part, re.M))
        fields = kind.__struct_fields__
        optional = fields[len(fields) - len(kind.__struct_defaults__) :]
        assert set(told) == set(fields)
        assert {name for name, row in told.items() if "optional" in row} == set(optional)
