"""Objects show themselves in notebooks: a card each, formulas typeset."""

import re
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from matplotlib.mathtext import MathTextParser

import boostsim as bs
from boostsim.html import MOST_ROWS, card
from boostsim.theory.typeset import latex

PARSER = MathTextParser("path")


class Reader(HTMLParser):
    """Fails where a tag is closed that is not open; gathers the text."""

    def __init__(self, told):
        super().__init__()
        self.open, self.text = [], ""
        self.feed(told)
        assert not self.open

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


@pytest.mark.parametrize("name", bs.claims)
def test_every_formula_can_be_set_and_loses_nothing(name):
    formula = bs.claims[name].formula
    told = latex(formula)
    # Two writers of mathematics agree that it is a formula: brackets, commands, arguments.
    PARSER.parse(f"${told}$")
    commands = {r"\varepsilon": "eps", r"\mathbb{E}": "E", r"\mathbb{P}": "P", r"\mathbf{1}": "1"}
    signs = {r"\lceil": "ceil", r"\leq": "<=", r"\geq": ">=", r"\in": "in", r"\to": "->"}
    for command, word in {**commands, **signs, r"\Rightarrow": "=>", r"\sim": "~"}.items():
        told = re.sub(re.escape(command) + r"(?![a-z])", lambda _, word=word: word, told)
    told = re.sub(r"\\(rceil|quad|text|operatorname)", "", told)
    dots = formula.replace("...", "dots").replace("..", "dots")
    left, right = (re.sub(r"[\\{}()\s]", "", each) for each in (told, dots))
    assert left.replace("^*", "*") == right


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("p_t -> 1[p_0 > 0]", r"p_{t} \to \mathbf{1}[p_{0} > 0]"),
        ("sum_{i<=t} c^-T", r"\sum_{i\leq t} c^{-T}"),
        ("sqrt((1-b)^2 + b) p*", r"\sqrt{(1-b)^{2} + b} p^{*}"),
        ("no signal  =>  E p <= 1", r"\text{no signal}\quad \Rightarrow \quad \mathbb{E} p \leq 1"),
    ],
)
def test_formulas_are_set_so(formula, expected):
    assert latex(formula) == expected


def test_what_stands_on_a_card_cannot_break_it():
    table = pd.DataFrame({"<i>": range(MOST_ROWS + 1)})
    told = card("<b>", "a & b\n\nc < d", formula="x < y", facts={"<u>": "</td>"}, table=table)
    text = Reader(told).text
    for part in ("<b>", "a & b", "c < d", "$x < y$", "<u>", "</td>", "<i>"):
        assert part in text
    assert f"{MOST_ROWS} of {MOST_ROWS + 1} rows." in text


def test_objects_show_themselves():
    claim, procedure = bs.claims["T9"], bs.boosting(attempts=4, labeler=bs.WeakLabeler(0.2))
    plan, proof = bs.plan(beta=0.5, gamma=0.0, error=1.0, target=0.3), bs.prove("T9/rises")
    shown = {
        claim: [claim.statement, latex(claim.formula), "equality", claim.reference],
        bs.statements["T9/rises"]: ["from 0 to 9/20"],
        procedure: ["attempts", "4", repr(procedure.labeler), "As usual: "],
        plan: [repr(plan).strip("<>"), plan.summary().splitlines()[0], "generations"],
        proof: [repr(proof).strip("<>"), proof.summary().splitlines()[0]],
    }
    for each, parts in shown.items():
        text = Reader(each._repr_html_()).text
        for part in parts:
            assert part in text, (part, text)


@pytest.mark.parametrize(
    "name", ["Certificate", "Design", "Falsification", "GapReport", "Plan", "Proof", "Race"]
)
def test_what_has_a_summary_has_a_card(name):
    assert callable(getattr(bs, name)._repr_html_)


def test_a_certificate_and_a_tournament_show_their_tables():
    point = {"level": "exact", "gamma": 0.1, "initial_accuracy": 0.5, "iterations": 2}
    read = {"measured": 0.75, "law": 0.75, "low": 0.75, "high": 0.75, "samples": 0}
    row = {**point, **read, "verdict": "holds", "why": ""}
    about = {"confidence": 0.999, "ladder": None}
    found = bs.Certificate(bs.claims["T9"], "holds", pd.DataFrame([row]), about, {})
    text = Reader(found._repr_html_()).text
    for part in (found.summary().splitlines()[0], "measured", "0.75", latex(found.claim.formula)):
        assert part in text
    run = {name: np.array([0.25, 0.5]) for name in ("average_error", "final_error", "labels")}
    run |= {"cost": run["labels"], "error": np.array([0.5, 0.25])}
    names = {"task": ["easy"], "criterion": ["mine", "oracle"]}
    about = {"labels_per_visit": 0.1, "iterations": 1, "visits": 10, "seeds": 2}
    found = bs.Tournament.of([run, run], names, score="average_error", confidence=0.95, about=about)
    text = Reader(found._repr_html_()).text
    for part in (repr(found).strip("<>"), found.summary().splitlines()[0], "regret_low"):
        assert part in text


def test_names_of_the_package_are_its_own():
    assert [name for name in dir(bs) if not name.startswith("__")] == sorted(bs.__all__)
