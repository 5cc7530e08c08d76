"""What the documents say of the laws: all of them by their names, and where each stands."""

import importlib.metadata
import inspect
import re
from pathlib import Path

import numpy as np
import pytest

import boostsim as bs
from boostsim.theory import laws

ROOT = Path(__file__).parent.parent
THEORY = (ROOT / "docs" / "theory.md").read_text()
# Laws of other papers stand in their docstrings.
OURS = {
    name
    for name in laws.__all__
    if re.fullmatch(r"T\d+", getattr(getattr(laws, name), "claim", ""))
}


# Theorems by their names, and the sections in which they stand.
SECTIONS = {
    int(number): part[: part.index(".")]
    for part in re.split(r"^## ", THEORY, flags=re.MULTILINE)[1:]
    for number in re.findall(r"^\*\*T(\d+) \(", part, re.MULTILINE)
}
PLACE = re.compile(r"docs/theory\.md,\s+section\s+(\d+)")
# In quotes, with a stroke or a dot it is the name of a claim or a statement.
THEOREM = re.compile(r"(?<![\w\"`/.{])T(\d+)\b(?!\"|`|[./]\w)")


def public():
    """What is public and says something of itself, by name."""
    homes = {"": bs, "laws.": laws, "criteria.": bs.criteria, "testing.": bs.testing}
    for prefix, home in homes.items():
        for name in getattr(home, "__all__", dir(home)):
            thing = getattr(home, name)
            if not name.startswith("_") and callable(thing):
                yield prefix + name, inspect.getdoc(getattr(thing, "function", thing)) or ""


def test_who_names_a_theorem_says_where_it_stands():
    """In whatever is public, laws first: by its section in docs/theory.md."""
    astray, cited = {}, 0
    for name, docs in public():
        numbers = {int(number) for number in THEOREM.findall(docs)}
        places = set(PLACE.findall(docs))
        cited += len(places)
        if missing := {number for number in numbers if SECTIONS.get(number) not in places}:
            astray[name] = missing
    assert astray == {}
    assert cited > len(OURS)


def test_every_reference_to_the_theory_is_to_a_section_of_it():
    """In code, notebooks and documents alike; and no other words stand for one."""
    headings = re.findall(r"^## (\d+)\.", THEORY, re.MULTILINE)
    assert headings == [str(number + 1) for number in range(len(headings))]
    package = Path(bs.__file__).parent
    found = 0
    for path in [*package.rglob("*.py"), *ROOT.glob("*.md"), *ROOT.glob("notebooks/*.ipynb")]:
        text = path.read_text()
        assert set(PLACE.findall(text)) <= set(headings), path
        assert not re.search(r"(?<!/)theory,\s+section", text), path
        assert {int(each) for each in THEOREM.findall(text)} <= set(SECTIONS), path
        found += len(PLACE.findall(text))
    assert found > len(OURS)


def test_there_is_one_version_number():
    cited = (ROOT / "CITATION.cff").read_text()
    assert f"\nversion: {bs.__version__}\n" in cited
    assert f"\n## {bs.__version__}\n" in (ROOT / "CHANGELOG.md").read_text()
    assert bs.__version__ not in (ROOT / "pyproject.toml").read_text()
    assert importlib.metadata.version("boostsim") == bs.__version__


def test_the_theory_names_every_law_and_no_other():
    named = set(re.findall(r"`(\w+)`", THEORY)) - set(bs.__all__)
    assert named == OURS


def test_the_theory_has_every_theorem():
    stated = {int(number) for number in re.findall(r"^\*\*T(\d+) \(", THEORY, re.MULTILINE)}
    claimed = {int(found[1]) for name in bs.claims if (found := re.match(r"T(\d+)", name))}
    # T0 is a way to compute.
    assert stated == {0, *claimed} == {*range(23)}


@pytest.mark.parametrize("beta", [0.05, 0.5, 0.99])
@pytest.mark.parametrize("gamma", [0.1, 0.2, 0.45])
@pytest.mark.parametrize("attempts", [1, 2, 5, 8])
def test_t4_s_polynomial_has_one_root_that_is_an_error(beta, gamma, attempts):
    """Coefficients as the proof has them; the root as the law solves it, by other means."""
    powers = np.full(attempts + 1, -gamma * (1 - gamma))
    powers[1] = 1 - gamma + gamma**2
    powers[-1] = -gamma - (1 - beta) * (1 - 2 * gamma)
    if attempts == 1:
        powers[-1] = 1 - gamma - (1 - beta) * (1 - 2 * gamma)
    roots = np.roots(powers)
    positive = np.sort(roots[(abs(roots.imag) < 1e-9) & (roots.real > 0)].real)
    assert len(positive) == min(attempts, 2)
    errors = (1 / positive - gamma) / (1 - 2 * gamma)
    (inside,) = errors[(errors > 0) & (errors < 1)]
    assert inside == pytest.approx(
        bs.laws.attempts_floor(beta=beta, gamma=gamma, attempts=attempts), rel=1e-5
    )
