"""Reading a log beside reading it with the standard library and pandas: `make bench`."""

import json

import pandas as pd
import pytest

import boostsim as bs

RECORDS = 200_000


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    path = tmp_path_factory.mktemp("log") / "log.jsonl"
    record = {"prompt": "train/math/", "iteration": 0, "attempts": 8, "accepted": 3, "correct": 4}
    with open(path, "w") as file:
        for each in range(RECORDS):
            named = {"prompt": f"train/math/{each // 50}", "iteration": each % 50}
            file.write(json.dumps(record | named) + "\n")
    return path


def test_reading_beside_json_and_pandas(benchmark, best, report, path):
    def plainly():
        with open(path) as file:
            return pd.DataFrame([json.loads(line) for line in file])

    def by_pandas():
        return pd.read_json(path, lines=True)

    def ours():
        return bs.read_log(path)

    assert ours().accepted.sum() == plainly().accepted.sum() == by_pandas().accepted.sum()
    mine, json_s, pandas_s = best(ours, plainly, by_pandas, rounds=3)
    report("a log of 200,000 records, checked: json and a frame / ours", json_s / mine, ">=", 1)
    report("a log of 200,000 records, checked: pandas.read_json / ours", pandas_s / mine)
    report("records read a second", RECORDS / mine, ">=", 200_000)
    benchmark(ours)
