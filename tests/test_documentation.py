"""The pages: what they show runs and prints what they say, and every theorem has all it needs."""

import importlib.util
import json
import re
import sys
import tomllib
from pathlib import Path

import pytest

import boostsim as bs
from boostsim.figures import FIGURES

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
SITE = DOCS / "site"
# Python, and what it prints where that stands below it.
BLOCK = re.compile(r"^```python\n(.*?)^```\n(?:\n```text\n(.*?)^```\n)?", re.DOTALL | re.MULTILINE)


def module(name):
    """Return one of the modules that make the site; none of these needs mkdocs."""
    sys.path.insert(0, str(SITE))
    try:
        return importlib.import_module(name)
    finally:
        sys.path.remove(str(SITE))


@pytest.fixture(scope="module")
def pages():
    return module("pages")


@pytest.fixture(scope="module")
def made(pages):
    return pages.pages()


def texts():
    return [ROOT / "README.md", *sorted(DOCS.rglob("*.md"))]


SHOWING = [path for path in texts() if BLOCK.search(path.read_text())]


@pytest.mark.parametrize("path", SHOWING, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_what_a_page_shows_runs_as_printed(path, tmp_path, monkeypatch, capsys):
    """One block after another, in a folder of its own, as a reader pastes them."""
    monkeypatch.chdir(tmp_path)
    run_as_printed(path, BLOCK.findall(path.read_text()), capsys)


def test_the_first_lines_of_the_readme_print_what_they_say(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    path = ROOT / "README.md"
    ((code, printed), *_) = BLOCK.findall(path.read_text())
    assert printed
    run_as_printed(path, [(code, printed)], capsys)


def run_as_printed(path, blocks, capsys):
    names = {"__name__": path.stem}
    for code, printed in blocks:
        exec(compile(code, str(path), "exec"), names)
        told = capsys.readouterr().out
        if printed:
            assert told == printed


def test_the_readme_is_a_door_and_no_house():
    """Short, its picture near the top, and extras in one spelling, all that a user may want."""
    lines = (ROOT / "README.md").read_text().splitlines()
    assert len(lines) <= 120
    assert next(number for number, line in enumerate(lines) if line.startswith("![")) < 10
    text = "\n".join(lines)
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"][
        "optional-dependencies"
    ]
    (named,) = re.findall(r"Extras are installed like.*?\n\n", text, re.DOTALL)
    assert set(re.findall(r"`([\w-]+)`", named)) == set(extras) - {"test", "bench", "lint"}
    assert set(re.findall(r"pip install '([^']*)'", text)) == {".[testing]"}


def test_every_theorem_has_its_laws_and_its_certificates(pages, made):
    """One link away, in the theory as it is shown; T0 is a way to compute, which no law follows."""
    shown = pages.finished((DOCS / "theory.md").read_text(), "theory.md")
    parts = dict(re.findall(r'<span id="(T\d+)"></span>(.*?)(?=<span id="T|\Z)', shown, re.DOTALL))
    theorems = {name for name in pages.theorems() if re.fullmatch(r"T\d+", name)}
    assert {*parts} == {"T0", *theorems}
    for theorem in theorems:
        assert f"(certificates/{theorem}.md)" in parts[theorem]
        laws = pages.laws_of(theorem)
        assert all(f"[`bs.laws.{law}`][" in parts[theorem] for law in laws), theorem
        page = made[f"certificates/{theorem}.md"]
        assert f"(../theory.md#{theorem})" in page
        for name in (name for name in bs.claims if name.split(".")[0] == theorem):
            assert re.search(rf"^## {re.escape(name)}(:|$)", page, re.MULTILINE)
            assert bs.claims[name].statement.split()[0] in page
    assert {law for theorem in pages.theorems() for law in pages.laws_of(theorem)} > {
        "boosting_error",
        "noisy_boosting",
        "necessary_signal",
    }


def test_what_is_public_has_its_place_in_the_reference(pages, made):
    """And only once: a name on the page of the module in which it stands."""
    homes = pages.homes()
    values = {"claims", "statements"}  # on the pages of certificates
    assert {name.split(".")[0] for name in homes} == set(bs.__all__) - values
    for public, place in homes.items():
        owner, name = place.rsplit(".", 1)
        page = made[f"reference/{owner.removeprefix('boostsim.')}.md"]
        assert f"\n        - {name}\n" in page, public
        found = importlib.import_module(owner)
        assert hasattr(found, name), public


def test_every_page_is_in_the_menu(made):
    """By its name or by a star."""
    menu = (SITE / "mkdocs.yml").read_text()
    written = {path.relative_to(DOCS).as_posix() for path in DOCS.rglob("*.md")}
    assert not any(uri.startswith("site/") for uri in written)
    stars = re.findall(r"^\s+- [^:#]+: (\S+/)\*$", menu, re.MULTILINE)
    named = set(re.findall(r"^\s+- [^:#]+: (\S+\.md)$", menu, re.MULTILINE))
    assert '- "*"' in menu
    assert named <= {*written, *made}
    made_pages = {uri for uri in made if uri.endswith(".md")}
    assert all(uri in named or uri.startswith(tuple(stars)) for uri in made_pages)


def test_stars_in_the_menu_are_pages():
    """Those that are named stand where they are named; modules stand by package."""
    uris = ["how/a.md", "logs.md", "reference/command.md", "reference/gap.md", "index.md"]
    uris += ["reference/tasks.gym.md", "reference/tasks.table.md", "reference/theory.box.md"]
    told = module("menu").filled(
        ["index.md", {"How": ["how/a.md", "*"]}, {"Reference": "reference/*"}], uris
    )
    tasks = [{"gym": "reference/tasks.gym.md"}, {"table": "reference/tasks.table.md"}]
    within = [{"tasks": tasks}, {"theory": [{"box": "reference/theory.box.md"}]}]
    assert told == [
        "index.md",
        {"How": ["how/a.md", "logs.md"]},
        {"Reference": ["reference/command.md", "reference/gap.md", *within]},
    ]


def test_links_between_texts_lead_to_files_and_places():
    """As they lie in the repository, so that they can be read without the site."""
    for path in [*texts(), ROOT / "CONTRIBUTING.md"]:
        prose = re.sub(r"^```.*?^```$", "", path.read_text(), flags=re.DOTALL | re.MULTILINE)
        for target, anchor in re.findall(r"\]\(([^)\s#:]*)(#[^)\s]+)?\)", prose):
            there = (path.parent / target).resolve() if target else path
            assert there.exists(), (path, target)
            if anchor and there.name != "figures.md":
                headings = re.findall(r"^#+ (.*)$", there.read_text(), re.MULTILINE)
                slugs = {
                    re.sub(r"[^\w -]", "", each).lower().replace(" ", "-") for each in headings
                }
                assert anchor[1:] in slugs, (path, anchor)
            elif anchor:
                assert f"figures/{anchor[1:]}.png" in there.read_text(), (path, anchor)


def test_links_become_those_of_the_site(pages):
    told = pages.finished("[a](../../notebooks/01_framework.ipynb) `bs.simulate`", "how-to/task.md")
    assert told == (
        "[a](../tutorials/01_framework.md) [`bs.simulate`][boostsim.simulation.run.simulate]"
    )
    told = pages.finished("[a](docs/theory.md#x) ![b](figures/gap.png)", "index.md")
    assert told == "[a](theory.md#x) ![b](figures/gap.png)"


def test_every_law_is_in_the_list():
    listed = (DOCS / "laws.md").read_text()
    laws = {name for name in bs.laws.__all__ if hasattr(getattr(bs.laws, name), "claim")}
    assert set(re.findall(r"`(\w+)`", listed.split("|---|")[-1])) == laws


def test_the_first_lines_of_help_name_what_is_there():
    assert len(bs.__doc__.splitlines()) < 30
    named = re.findall(r"\b[a-z]+_[a-z_]+\b|\b[A-Z][a-z]+[A-Z]\w+", bs.__doc__.split("help(")[1])
    assert len(named) > 10
    assert all(hasattr(bs, name) for name in named)


def test_a_certificate_is_told_in_a_sentence(pages):
    """As ``make certificates`` keeps it."""
    settings = dict(levels=("exact",), exact_points=4)
    told = json.loads(bs.certify("T8", **settings).to_json())
    points = len(told["table"])
    said = f"holds: exactly at {points} of {points} points; 0 draws, confidence 0.999 (boostsim "
    assert pages.verdict(told).startswith(said)


def test_every_figure_is_in_the_gallery():
    gallery = (DOCS / "figures.md").read_text()
    assert re.findall(r"\(\.\./figures/(\w+)\.png\)", gallery) == list(FIGURES)


def test_notebooks_become_pages_with_their_pictures(made):
    for path in sorted((ROOT / "notebooks").glob("*.ipynb")):
        page = made[f"tutorials/{path.stem}.md"]
        for picture in re.findall(r"!\[\]\(([^)]+)\)", page):
            assert made[f"tutorials/{picture}"].startswith(b"\x89PNG")
        assert page.startswith("# ")


def test_every_paper_that_is_named_is_in_the_bibliography():
    """By its first author and year, and by its number at arXiv."""
    listed = (DOCS / "bibliography.md").read_text()
    author = (
        r"(?<![\w-])([A-Z][\w-]+)(?:(?:, [A-Z][\w-]+)* and [A-Z][\w-]+| et al\.)? ((?:19|20)\d\d)\b"
    )
    named = set()
    for path in [*Path(bs.__file__).parent.rglob("*.py"), DOCS / "theory.md"]:
        text = re.sub(r"\s+", " ", path.read_text())
        assert set(re.findall(r"arXiv (\d{4}\.\d{5})", text)) <= set(
            re.findall(r"\d{4}\.\d{5}", listed)
        )
        named |= {found for found in re.findall(author, text) if found[0] != "NeurIPS"}
    papers = {
        (re.match(r"[\w-]+", entry)[0], re.search(r"\b(?:19|20)\d\d\b", entry)[0])
        for entry in re.findall(r"^- (.*)$", listed, re.MULTILINE)
    }
    assert len(papers) > 30
    assert named - papers == set()


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ('<img src="https://example.org/a.png">', "would fetch https://example.org/a.png"),
        ('<link href="//example.org/a.css">', "would fetch //example.org/a.css"),
        ('<a href="gone.html">a</a>', "links to gone.html, which is not there"),
        ('<a href="#gone">a</a>', "links to #gone: no such place there"),
        ('<a href="https://example.org">a</a><p id="b"></p><a href="#b">b</a>', None),
    ],
)
def test_a_site_with_a_dead_link_or_one_that_fetches_is_refused(html, fault, tmp_path):
    (tmp_path / "page.html").write_text(html)
    found = module("checks").faults(tmp_path)
    assert found == ([] if fault is None else [f"page.html {fault}"])


def test_mathematics_is_set_without_the_network():
    """What the sheet asks for lies beside it: the fonts that every browser of today takes."""
    sheet = (DOCS / "assets" / "katex" / "katex.min.css").read_text()
    fonts = set(re.findall(r"url\((fonts/[\w-]+\.woff2)\)", sheet))
    assert len(fonts) > 15
    assert all((DOCS / "assets" / "katex" / font).is_file() for font in fonts)
    assert "http" not in sheet


def test_docstrings_become_markdown():
    told = module("docstrings").markdown(
        "One.\n\nStatement: a* < b* and\n    e_T = 1\nfor :class:`~bs.Box`.\n\nExample:\n    >>> 1"
    )
    assert told == (
        "One.\n\n**Statement.** a\\* < b\\* and\n\n    e_T = 1\n\nfor `bs.Box`.\n\n"
        "Examples:\n    >>> 1"
    )


def test_the_site_can_be_made_with_its_extra_alone():
    """boostsim.testing has a page: what it needs is in the extra. And warnings are heard."""
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = extras["optional-dependencies"]
    assert set(extras["testing"]) <= set(extras["docs"])
    (build,) = re.findall(r"mkdocs build (.*)", (ROOT / "Makefile").read_text())
    assert "--quiet" not in build


def test_commands_name_the_last_theorem():
    last = max(int(name[1:]) for name in bs.claims if re.fullmatch(r"T\d+", name))
    for place in ("cli.py", "commands/flags.py", "theory/claims/__init__.py"):
        said = re.findall(r"T1 to T(\d+)", (ROOT / "boostsim" / place).read_text())
        assert said == [str(last)], place
