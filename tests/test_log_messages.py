"""A team's own log is refused in one sentence, whose recipe, run as it stands, makes it a log."""

import json
import re
import warnings

import pandas as pd
import pytest

import boostsim as bs
from boostsim import cli

PLAIN = [
    {"prompt": f"p{each}", "iteration": step, "attempts": 4, "accepted": each % 4}
    for each in range(10)
    for step in range(3)
]
# What teams call the same: numbers of a prompt that text alone tells apart, fields of their own.
TEAM = [
    {"prompt_id": f"00{each}", "step": step, "n": 4, "accepted": each % 4, "loss": 0.5}
    for each in range(10)
    for step in range(3)
]
RESPONSES = [
    {"prompt": name, "iteration": step, "text": "4, or 5", "accepted": each < right}
    for name, rights in (("a", (1, 3)), ("b", (0, 2)))
    for step, right in enumerate(rights)
    for each in range(4)
]
WRITE = "frame.to_json('log.jsonl', orient='records', lines=True)"


def written(folder, rows, name="team.jsonl"):
    path = folder / name
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def refused(given, **how):
    with pytest.raises(ValueError) as got:
        bs.read_log(given, **how)
    told = str(got.value)
    assert "\n" not in told
    return told


def by_recipe(told, given):
    """Run what a sentence says, as it stands, and read what comes of it."""
    recipe = re.search(r"\. [\w ]+: ((frame = |bs\.read_log\().*)", told)[1]
    names = {"pd": pd, "bs": bs, "path": given, "frame": given}
    if recipe.startswith("frame = "):
        recipe, _, rest = recipe.partition("; bs.read_log(frame), or for the command ")
        assert rest == WRITE
        exec(recipe, names)
        return bs.read_log(names["frame"])
    return eval(recipe, names)


def counted(log):
    """Prompts, and their attempts and accepted ones, whatever the log came from."""
    return sorted(log.prompts.tolist()), log.dense("attempts").sum(), log.dense("accepted").tolist()


def test_fields_of_other_names_are_told_with_how_to_rename_them(tmp_path):
    path = written(tmp_path, TEAM)
    told = refused(path)
    assert told == (
        "path must have prompt, iteration, attempts, accepted in every record; got "
        f"{str(path)!r}, whose first 5 records have no prompt, iteration, attempts (fields of the "
        "first: 'prompt_id', 'step', 'n', 'accepted', 'loss'). Rename them: frame = "
        "pd.read_json(path, lines=True, dtype=False).rename(columns={'prompt_id': 'prompt', "
        f"'step': 'iteration', 'n': 'attempts'}}); bs.read_log(frame), or for the command {WRITE}"
    )
    assert counted(by_recipe(told, path)) == (
        [f"00{each}" for each in range(10)],
        120,
        [[each % 4] * 3 for each in range(10)],
    )


def test_columns_of_other_names_are_told_of_a_frame():
    frame = pd.DataFrame(TEAM)
    told = refused(frame)
    assert told == (
        "frame must have prompt, iteration, attempts, accepted in every row; got one without "
        "columns prompt, iteration, attempts (it has 'prompt_id', 'step', 'n', 'accepted', "
        "'loss'). "
        "Rename them: bs.read_log(frame.rename(columns={'prompt_id': 'prompt', "
        "'step': 'iteration', 'n': 'attempts'}))"
    )
    assert by_recipe(told, frame).dense("attempts").sum() == 120


def test_names_that_a_frame_has_as_its_index_are_found():
    whole = pd.DataFrame(PLAIN)
    for frame in (
        whole.set_index(["prompt", "iteration"]),
        whole.set_index("prompt"),
        whole.rename(columns={"prompt": "id"}).set_index(["id", "iteration"]),
    ):
        told = refused(frame)
        assert "frame.reset_index()" in told
        assert counted(by_recipe(told, frame)) == counted(bs.read_log(whole))


@pytest.mark.parametrize(
    ("name", "field", "value"),
    [
        *[(name, "prompt", "a") for name in ("prompt_id", "id", "ID")],
        *[(name, "iteration", 0) for name in ("step", "round", "epoch", "Epoch")],
        *[(name, "attempts", 4) for name in ("n", "samples", "num_samples")],
        *[(name, "accepted", 1) for name in ("accepted_count", "n_accepted", "passed")],
        # And what is nearly it.
        *[("prompts", "prompt", "a"), ("iterations", "iteration", 0), ("attempt", "attempts", 4)],
    ],
)
def test_obvious_names_are_guessed(tmp_path, name, field, value):
    row = {{field: name}.get(key, key): held for key, held in PLAIN[1].items()} | {name: value}
    path = written(tmp_path, [row])
    told = refused(path)
    assert f"whose first record has no {field} (fields" in told
    assert f".rename(columns={{{name!r}: {field!r}}})" in told
    assert by_recipe(told, path).records == 1


def test_a_name_that_is_not_obvious_is_the_reader_s_to_fill_in(tmp_path):
    rows = [{"question": 1, "epoch": 0, "samples": ["a", "b"], "won": 1}] * 7
    told = refused(written(tmp_path, rows))
    # A list of samples is no count of them.
    assert (
        ".rename(columns={'your name for prompt': 'prompt', 'epoch': 'iteration', "
        "'your name for attempts': 'attempts', 'your name for accepted': 'accepted'})" in told
    )
    assert "one record is one prompt in one iteration, with the number of its attempts" in told
    assert "one record is" not in refused(written(tmp_path, TEAM))


def test_many_fields_and_long_names_are_cut(tmp_path):
    row = {f"field\n{each}" + "x" * 1000: each for each in range(1000)}
    told = refused(written(tmp_path, [row] * 5))
    assert "and 988 more" in told
    assert len(told) < 2500


def test_single_bad_lines_stay_malformed_lines(tmp_path):
    """Whatever is read is read as before; and the sentence is of the first records alone."""
    bad = {"step": 3}
    for rows in ([bad, *PLAIN], [*PLAIN, bad], [bad] * 6 + PLAIN):
        with pytest.warns(RuntimeWarning, match="missing required field `prompt`"):
            log = bs.read_log(written(tmp_path, rows))
        assert log.records == 30
    told = refused(written(tmp_path, [bad, *PLAIN]), most_malformed=0)
    assert "at most 0 malformed lines (most_malformed)" in told
    told = refused(written(tmp_path, [*PLAIN, bad]), most_malformed=0)
    assert "line 31: Object missing required field `prompt`" in told


def test_looks_of_other_names_are_told_too(tmp_path):
    looks = [{"id": each, "verdicts": [True, False]} for each in range(8)]
    path = written(tmp_path, looks)
    told = refused(path)
    assert told.startswith("path must have prompt, verdicts in every record; got")
    assert by_recipe(told, path).verdicts.shape == (8, 2)


@pytest.mark.parametrize("names", [("prompt", "iteration", "accepted"), ("id", "epoch", "passed")])
def test_one_row_per_response_is_told_with_how_to_count(tmp_path, names):
    own = dict(zip(("prompt", "iteration", "accepted"), names, strict=True))
    rows = [{own.get(key, key): held for key, held in row.items()} for row in RESPONSES]
    path, frame = written(tmp_path, rows), pd.DataFrame(rows)
    told = refused(path)
    assert told.startswith(
        "path must have one record for one prompt in one iteration, with accepted a count; got "
        f"{str(path)!r}, whose first 5 records have {own['accepted']!r} true or false, so each is "
        "one response. Count them: frame = pd.read_json(path, lines=True, dtype=False).groupby("
        f"[{own['prompt']!r}, {own['iteration']!r}], as_index=False).agg("
        f"attempts=({own['accepted']!r}, 'size'), accepted=({own['accepted']!r}, 'sum'))"
    )
    want = (["a", "b"], 16, [[1, 3], [0, 2]])
    assert counted(by_recipe(told, path)) == want
    told = refused(frame)
    assert told.startswith("frame must have one row for one prompt in one iteration, with accepted")
    assert "got one whose rows have" in told
    assert counted(by_recipe(told, frame)) == want


@pytest.mark.parametrize(("separator", "index"), [(",", False), (",", True), (";", False)])
@pytest.mark.parametrize("rows", [PLAIN, TEAM, PLAIN * 9])
def test_a_file_with_commas_is_told_to_be_one(tmp_path, separator, index, rows):
    path = tmp_path / "team.txt"
    pd.DataFrame(rows).to_csv(path, sep=separator, index=index)
    told = refused(path)
    other = "" if separator == "," else f", sep={separator!r}"
    assert told == (
        f"path must be JSON Lines, one record a line; got {str(path)!r}, which looks like CSV. "
        f"Read it as a frame: frame = pd.read_csv(path{other}); bs.read_log(frame), or for the "
        f"command {WRITE}"
    )
    if rows is PLAIN:
        assert counted(by_recipe(told, path)) == counted(bs.read_log(pd.DataFrame(PLAIN)))


def test_a_name_that_ends_in_csv_is_believed_where_nothing_is_read(tmp_path):
    path = tmp_path / "team.csv"
    path.write_text("1,2,3\n4,5,6\n")
    assert "which looks like CSV" in refused(path)
    path.write_text("".join(json.dumps(row) + "\n" for row in PLAIN))
    assert bs.read_log(path).records == 30


def test_lines_of_other_text_are_no_csv(tmp_path):
    path = tmp_path / "team.txt"
    for text in ("it says, loudly: no!\n" * 9, "nothing\nnothing\n", "1,2,3\n"):
        path.write_text(text)
        assert "line 1: " in refused(path)


@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("start", ["", "\ufeff", "\n "])
def test_a_json_array_is_told_to_be_one(tmp_path, indent, start):
    path = tmp_path / "team.json"
    path.write_text(start + json.dumps(PLAIN, indent=indent))
    told = refused(path)
    assert told == (
        f"path must be JSON Lines, one record a line; got {str(path)!r}, which is one JSON array. "
        "Read it as a frame: frame = pd.read_json(path, dtype=False); bs.read_log(frame), or for "
        f"the command {WRITE}"
    )
    if not start:
        assert counted(by_recipe(told, path)) == counted(bs.read_log(pd.DataFrame(PLAIN)))


def test_an_array_with_a_record_a_line_is_not_read_by_its_last(tmp_path):
    path = tmp_path / "team.json"
    path.write_text("[\n" + ",\n".join(json.dumps(row) for row in PLAIN) + "\n]")
    assert "which is one JSON array" in refused(path)
    path.write_text("[" + "\n,".join(json.dumps(row) for row in PLAIN) + "]")
    assert "which is one JSON array" in refused(path)


def test_a_line_that_is_an_array_stays_a_malformed_line(tmp_path):
    with pytest.warns(RuntimeWarning, match="1 of 31 lines .* line 1: Expected `object`"):
        assert bs.read_log(written(tmp_path, [[PLAIN[0]], *PLAIN])).records == 30
    with pytest.warns(RuntimeWarning, match="1 of 31 lines .* line 1: Expected `object`"):
        assert bs.read_log(written(tmp_path, [[], *PLAIN])).records == 30


FILES = {
    "have no prompt, iteration, attempts": "".join(json.dumps(row) + "\n" for row in TEAM),
    "so each is one response": "".join(json.dumps(row) + "\n" for row in RESPONSES),
    "looks like CSV": "prompt,iteration,attempts,accepted\na,0,4,1\n",
    "is one JSON array": json.dumps(PLAIN),
}


@pytest.mark.parametrize("told", FILES)
@pytest.mark.parametrize("command", ["fit", "forecast --iterations 2", "advise --budget 2"])
def test_the_command_says_it_in_one_line(tmp_path, capsys, command, told):
    path = tmp_path / "team.jsonl"
    path.write_text(FILES[told])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert cli.main([*command.split(), str(path)]) == 2
    out, err = capsys.readouterr()
    (line,) = err.splitlines()
    assert out == ""
    assert line.startswith("boostsim: path must ")
    assert told in line


def test_what_the_sentence_says_of_the_command_is_so(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "team.csv"
    path.write_text("prompt,iteration,attempts,accepted\na,0,4,1\nb,0,4,3\n")
    assert cli.main(["fit", str(path)]) == 2
    assert WRITE in capsys.readouterr().err
    exec(WRITE, {"frame": pd.read_csv(path)})
    assert cli.main(["fit", "log.jsonl"]) == 0
    assert "2 prompts, 1 iteration, 8 attempts, 4 accepted." in capsys.readouterr().out
