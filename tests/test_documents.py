"""What the documents say of the laws: all of them by their names, and nothing else."""

import importlib.metadata
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
    assert stated == {0, *claimed} == set(range(16))


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
