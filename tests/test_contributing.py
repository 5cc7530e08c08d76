"""CONTRIBUTING keeps its word: what it shows runs where it is promised, what it names is there."""

import dataclasses
import json
import re
from pathlib import Path

import numpy as np
import pytest

import boostsim as bs

ROOT = Path(__file__).parent.parent
TEXT = (ROOT / "CONTRIBUTING.md").read_text()
(SHOWN,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
TABLE = bs.random_table(0, prompts=6, responses=4, solvable=0.5)
NETWORK = bs.SoftmaxRegression(steps=8, batch=16, first_steps=8)
CELLS = {
    "table, exact": (TABLE, {}),
    "table, sampled": (TABLE, {"visits": 5, "key": 0}),
    "tokens, exact": (bs.lookup(8, 4), {"exact": True, "key": 0}),
    "tokens, visits": (bs.lookup(8, 4), {"visits": 2, "key": 0}),
    "tokens, prompts": (bs.lookup(8, 4), {"prompts_per_iteration": 16, "key": 0}),
    "tokens, pool": (bs.lookup(8, 4), {"prompts_per_iteration": 8, "pool": 12, "key": 0}),
}


@pytest.fixture(scope="module")
def own():
    """What a reader has who pasted the example into a file."""
    names = {}
    exec(compile(SHOWN, "CONTRIBUTING.md", "exec"), names)
    return names


@pytest.mark.parametrize("cell", CELLS)
def test_what_is_one_s_own_runs_in_every_cell(own, cell):
    task, how = CELLS[cell]
    learner = own["PartialStep"](0.5) if task is TABLE else NETWORK
    trace = bs.simulate(own["procedure"], task, 3, learner=learner, **how)
    told = json.loads(trace.procedure)
    held = {"filter": "Lenient", "labeler": "Tiring", "learner": type(learner).__name__}
    assert {name: told[name]["name"] for name in held} == held
    assert (told["criterion"]["criterion"], told["regime"]) == ("doubtful", "grounded")
    assert np.isfinite(trace.accuracy.values).all()
    assert trace.labels.values[0, -1] > 0.0
    assert trace.generations.values[0].tolist() == [0, 2, 4, 6]
    if task is TABLE:
        rates = bs.NoisyFilter(false_accept=0.25, false_reject=0.0)
        same = bs.boosting(**{**own["slots"], "filter": rates})
        known = bs.simulate(same, task, 3, learner=learner, **how)
        assert known.drop_attrs().identical(trace.drop_attrs())


def test_the_files_that_it_names_are_there():
    named = {*re.findall(r"\b(?:boostsim|tests|docs)/[\w/]+\.(?:py|md)\b", TEXT)}
    assert len(named) > 20
    assert {path for path in named if not (ROOT / path).is_file()} == set()


def test_every_room_has_its_line():
    layout = TEXT.split("## Where things are")[1].split("\n## ")[0]
    words = set(re.findall(r"\w+", layout))
    rooms = {path.stem for path in Path(bs.__file__).parent.glob("[a-z]*")}
    assert rooms - words - {"py"} == set()


@dataclasses.dataclass(frozen=True)
class Parity(bs.SequenceTask):
    """A task of one's own: is the number of ones in a word odd? Listed, and of one stratum."""

    letters: int = 3
    noises = ("concentrated",)
    symbols = (".", ";", "=", "0", "1")
    response_length = 1
    strata = ("words",)
    stratum_weights = easy_weights = np.ones(1)
    # As what NumPy computed stands in a class, or in a field.
    easy_slips, first_steps = np.float32(0.5), np.int64(8)

    @property
    def prompt_length(self):
        return int(self.letters) + 1

    def every_prompt(self):
        return self.written(np.arange(2**self.letters))

    def written(self, number):
        bits = 3 + (number[:, None] >> np.arange(self.letters) & 1)
        return np.pad(bits, ((0, 0), (0, 1)), constant_values=2).astype(np.int32)

    def prompts(self, rng, stratum):
        return self.written(rng.integers(0, 2**self.letters, len(stratum)))

    def stratum(self, prompts):
        return np.zeros(len(prompts), int)

    def solve(self, prompts):
        return (3 + (prompts == 4).sum(1) % 2)[:, None].astype(np.int32)

    def mistake(self, noise, rng, prompts):
        return (7 - self.solve(prompts)).astype(np.int32)

    def mistake_law(self, noise):
        return np.eye(5)[7 - self.solve(self.every_prompt())[:, 0]]

    def verify(self, prompts, responses):
        return responses[:, 0] == 3 + (prompts == 4).sum(1) % 2


@pytest.mark.parametrize("how", [{"exact": True}, {"prompts_per_iteration": 16}])
def test_a_task_of_one_s_own_runs_in_tokens(how):
    rule = bs.labels_only(labeler=bs.WeakLabeler(0.0, wrong="concentrated"))
    learner = dataclasses.replace(NETWORK, first_steps=None)
    trace = bs.simulate(rule, Parity(np.int64(3)), 1, learner=learner, key=0, **how)
    assert trace.label_accuracy.values[0, 1] == 0.0
    assert json.loads(trace.task)["letters"] == 3
