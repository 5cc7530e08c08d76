"""The pages that are made when the site is built: from docstrings, claims, notebooks and README.

Texts link to files of the repository as they lie there, so that they can be read without the site;
:func:`finished` turns such links into those of the site.
"""

import base64
import contextlib
import io
import json
import os
import posixpath
import re
from collections import defaultdict
from pathlib import Path
from typing import Any, get_args
from unittest import mock

import boostsim as bs
from boostsim import _HOMES, cli
from boostsim.commands.flags import Command
from boostsim.report.certificates import KEPT, certificates, verdict
from boostsim.theory.claim import Claim
from boostsim.theory.typeset import latex

DOCS = Path(__file__).parents[1]
ROOT = DOCS.parent
# Where texts that lie beside docs/ stand on the site.
BESIDE = {
    "README.md": "index.md",
    "CONTRIBUTING.md": "contributing.md",
    "CHANGELOG.md": "changelog.md",
    "LICENSE": "license.md",
}
FENCED = re.compile(r"(^```.*?^```$)", re.DOTALL | re.MULTILINE)
LINK = re.compile(r"(\]\(|\bsrc=\"|\bhref=\")([^)\s\"#:]+)(#[^)\s\"]*)?(?=[)\"])")
PUBLIC = re.compile(r"(?<!\[)`bs\.([\w.]+)(\([^`]*\))?`(?!\])")
LAW = re.compile(r"(?<!\[)`(\w+)`(?!\])")
# A figure in the gallery: small there, so a link to itself.
FIGURE = re.compile(r"(!\[[^]]*\]\((\.\./figures/(\w+)\.png)\))")
THEOREM = re.compile(r"\*\*T(\d+) \(")
THEORY = (DOCS / "theory.md").read_text()


def written() -> list[Path]:
    """Return the pages that somebody wrote, in docs/."""
    found = [path for path in DOCS.rglob("*.md") if "site" not in path.relative_to(DOCS).parts]
    return sorted(found)


def notebooks() -> list[Path]:
    """Return the notebooks, which are the tutorials."""
    return sorted((ROOT / "notebooks").glob("*.ipynb"))


def copies() -> dict[str, Path]:
    """Return the files that are shown as they are."""
    kinds = (".csv", ".png", ".svg")
    folder = ROOT / "figures"
    drawn = [
        path
        for place in (folder, folder / "full")
        if place.is_dir()
        for path in place.iterdir()
        if path.suffix in kinds
    ]
    return {path.relative_to(ROOT).as_posix(): path for path in sorted(drawn)}


def pages() -> dict[str, str | bytes]:
    """Return what is made: pages and the pictures in them, by their place on the site."""
    made: dict[str, str | bytes] = {
        place: (ROOT / name).read_text() for name, place in BESIDE.items()
    }
    made["license.md"] = f"# License\n\n```text\n{made['license.md']}```\n"
    for path in notebooks():
        made |= tutorial(path)
    for theorem, claims in theorems().items():
        made[f"certificates/{theorem}.md"] = certificate(theorem, claims)
    made["reference/command.md"] = command()
    for module, names in modules().items():
        made[f"reference/{module.removeprefix('boostsim.')}.md"] = reference(module, names)
    return made


# The reference: a page for each module in which something public lives.


def modules() -> dict[str, list[str]]:
    """Return the modules in which something public lives, each with its names."""
    found: dict[str, set[str]] = defaultdict(set)
    for module, name in _HOMES.values():
        if name is None:
            home = getattr(bs, module.split(".")[-1])
            for each in home.__all__:
                thing = getattr(home, each)
                thing = getattr(thing, "formula", getattr(thing, "function", thing))
                owner = getattr(thing, "__module__", module)
                found[owner if owner.startswith("boostsim.") else module].add(each)
        elif not name.isupper():
            found[module].add(name)
    return {module: sorted(found[module], key=str.lower) for module in sorted(found)}


def reference(module: str, names: list[str]) -> str:
    """Return the page of a module: what is public in it."""
    members = "".join(f"        - {name}\n" for name in names)
    return (
        f"# {module}\n\n::: {module}\n    options:\n      show_root_heading: false\n"
        f"      show_root_toc_entry: false\n      members:\n{members}"
    )


def command() -> str:
    """Return the page of the command: what it says of itself."""
    lines = ["# boostsim, the command", ""]
    with mock.patch.dict(os.environ, {"COLUMNS": "78", "NO_COLOR": "1"}):
        for flags in get_args(Command):
            told = io.StringIO()
            with contextlib.redirect_stdout(told):
                cli.main([flags.__name__.lower(), "--help"])
            lines += [f"## boostsim {flags.__name__.lower()}", "", *code(told.getvalue()), ""]
    return "\n".join(lines)


def homes() -> dict[str, str]:
    """Return where each public name is documented: ``laws.boosting_error``, ``simulate``."""
    owners = {name: module for module, names in modules().items() for name in names}
    found = {}
    for public, (module, name) in _HOMES.items():
        if name is None:
            for each in getattr(bs, public).__all__:
                found[f"{public}.{each}"] = f"{owners[each]}.{each}"
        elif not name.isupper():
            found[public] = f"{module}.{name}"
    return found


# The theory: what is linked to a theorem, and a page of certificates for each.


def theorems() -> dict[str, list[Claim]]:
    """Return the claims, by theorem or, of neighbours, by the first author of their paper."""
    found: dict[str, list[Claim]] = defaultdict(list)
    for name, claim in bs.claims.items():
        found[name.split(".")[0]].append(claim)
    return dict(found)


def laws_of(theorem: str) -> list[str]:
    """Return the laws of a theorem."""
    return [
        name
        for name in bs.laws.__all__
        if getattr(getattr(bs.laws, name), "claim", None) == theorem
    ]


def figures_of(theorem: str) -> list[str]:
    """Return the figures whose row in docs/figures.md names a theorem."""
    rows = (DOCS / "figures.md").read_text().splitlines()
    found = []
    for row in rows:
        drawn = re.search(r"figures/(\w+)\.png", row)
        if drawn and re.search(rf"\b{theorem}\b", row):
            found.append(drawn[1])
    return found


def certificate(theorem: str, claims: list[Claim]) -> str:
    """Return the page of a theorem's claims: what is checked, where, and how to check it again."""
    name = re.search(rf"^\*\*{theorem} \((.*?)\)", THEORY, re.MULTILINE)
    lines = [f"# {theorem}: {name[1].replace('$', '')}" if name else f"# {theorem} et al.", ""]
    if name:
        lines += [f"[Statement and proof](../theory.md#{theorem}).", ""]
    lines += [
        "The certificate, from exact and from sampled runs, with one stated error probability:",
        "",
        *code(f"boostsim certify {' '.join(claim.name for claim in claims)}"),
        "",
    ]
    proved = [
        statement for name, statement in bs.statements.items() if name.split("/")[0] == theorem
    ]
    found = certified()
    for claim in claims:
        lines += [f"## {claim.name}{': ' + claim.title if claim.title else ''}", ""]
        lines += [plain(claim.statement), "", "$$", latex(claim.formula), "$$", ""]
        lines += [f"- Kind: {kind(claim)}", f"- Checked for: {plain(str(claim.domain))}"]
        if name := law_name(claim):
            lines.append(f"- Law: `bs.laws.{name}`")
        lines += [f"- Reference: {plain(claim.reference)}", ""]
        if claim.name in found:
            lines += [f"**Certificate.** {verdict(found[claim.name])}", ""]
        if claim.proof:
            lines += [f"**Proof.** {plain(claim.proof)}", ""]
    if proved:
        lines += ["## Proved on boxes", "", "One iteration, in exact rational arithmetic:", ""]
        lines += [
            f"- `{statement.name}`: {plain(statement.sentence)} (`boostsim prove {statement.name}`)"
            for statement in proved
        ]
        lines.append("")
    if drawn := figures_of(theorem):
        lines += ["## Figures", ""]
        lines += [f"[![{name}](../figures/{name}.png)](../figures.md)\n" for name in drawn]
    return "\n".join(lines)


def certified() -> dict[str, Any]:
    """Return the certificates, by claim, that ``make certificates`` has left."""
    return {each["claim"]: each for each in certificates(ROOT / KEPT)}


def kind(claim: Claim) -> str:
    """Say what is claimed of the law."""
    said = {
        "equality": "what is measured equals the law",
        "upper": "what is measured is at most the law",
        "lower": "what is measured is at least the law",
        "limit": f"what is measured tends to the law as {claim.along} grows",
    }[claim.kind]
    return said + ("" if claim.direction == "either" else f", from {claim.direction}")


def law_name(claim: Claim) -> str | None:
    """Return the name in ``bs.laws`` of a claim's law, where it has one."""
    return next((name for name in bs.laws.__all__ if getattr(bs.laws, name) is claim.law), None)


def plain(text: str) -> str:
    """Return text in which nothing is markup, and references to the theory are links."""
    text = text.replace("\n", " ").replace("<", "&lt;")
    return cited(re.sub(r"([*_\[`$])", r"\\\1", text))


def cited(text: str) -> str:
    """Return text in which references to a section of the theory, or to arXiv, are links."""
    sections = dict(re.findall(r"^## (\d+)\. (.*)$", THEORY, re.MULTILINE))
    text = re.sub(
        r"docs/theory\.md,\s+section\s+(\d+)",
        lambda found: f"[section {found[1]} of the theory][{slug(found[1], sections[found[1]])}]",
        text,
    )
    return re.sub(r"arXiv (\d{4}\.\d{5})", r"[arXiv \1](https://arxiv.org/abs/\1)", text)


def slug(number: str, heading: str) -> str:
    """Return the anchor of a section."""
    words = re.sub(r"[^\w\s-]", "", f"{number}. {heading}").strip().lower()
    return re.sub(r"[-\s]+", "-", words)


def code(text: str) -> list[str]:
    """Return text as it is, a block of its own."""
    return ["```text", *text.splitlines(), "```"]


def with_links(theory: str) -> str:
    """Return docs/theory.md with an anchor, and a line of links, for each theorem."""
    parts = re.split(r"(?=^\*\*T\d+ \()|(?=^## )", theory, flags=re.MULTILINE)
    known = theorems()
    for index, part in enumerate(parts):
        if named := THEOREM.match(part):
            theorem = f"T{named[1]}"
            links = [f"`bs.laws.{name}`" for name in laws_of(theorem)]
            if theorem in known:
                links.append(f"[certificates](certificates/{theorem}.md)")
            links += [f"[figure {name}](figures.md#{name})" for name in figures_of(theorem)]
            shown = f"\n\n{theorem}: {' · '.join(links)}\n{{ .links }}\n\n" if links else "\n\n"
            parts[index] = f'<span id="{theorem}"></span>{part.rstrip()}{shown}'
    return "".join(parts)


# The tutorials.


def tutorial(path: Path) -> dict[str, str | bytes]:
    """Return a notebook as a page, and the pictures in it."""
    place = f"tutorials/{path.stem}"
    made: dict[str, str | bytes] = {}
    lines: list[str] = []
    for cell in json.loads(path.read_text())["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] != "code":
            lines += [source, ""]
            continue
        answers = "answers" in cell["metadata"].get("tags", [])
        if answers:
            lines += ['<details markdown="1"><summary>Answers</summary>', ""]
        lines += ["```python", source, "```", ""]
        for output in cell["outputs"]:
            data = {kind: "".join(told) for kind, told in output.get("data", {}).items()}
            if "image/png" in data:
                made[f"{place}-{len(made)}.png"] = base64.b64decode(data["image/png"])
                lines += [f"![]({path.stem}-{len(made) - 1}.png)", ""]
            elif "text/html" in data:
                lines += [f'<div class="output">{blankless(data["text/html"])}</div>', ""]
            elif told := data.get("text/plain") or "".join(output.get("text", "")):
                lines += [*code(told.rstrip("\n")), ""]
        if answers:
            lines += ["</details>", ""]
    taken = f"`notebooks/{path.name}` with its outputs as committed; run it to change something."
    return {f"{place}.md": "\n".join([*lines, taken, ""]), **made}


def blankless(html: str) -> str:
    """Return HTML that Markdown takes for one block."""
    return re.sub(r"\n\s*\n", "\n", html)


# Links.


def finished(markdown: str, uri: str) -> str:
    """Return a page with the site's links: between texts, and to what has a page."""
    if uri == "theory.md":
        markdown = with_links(markdown)
    if uri == "figures.md":
        markdown = FIGURE.sub(r'<span id="\3"></span>[\1](\2)', markdown)
    known = homes()
    parts = FENCED.split(markdown)
    for index in range(0, len(parts), 2):
        part = LINK.sub(lambda found: relinked(found, uri), parts[index])
        part = PUBLIC.sub(lambda found: linked(found[0], known.get(found[1])), part)
        if uri in ("laws.md", "theory.md"):
            part = LAW.sub(lambda found: linked(found[0], known.get(f"laws.{found[1]}")), part)
        parts[index] = part
    return "".join(parts)


def linked(shown: str, target: str | None) -> str:
    """Return code as a link to its place in the reference, where it has one."""
    return f"[{shown}][{target}]" if target else shown


def relinked(found: re.Match[str], uri: str) -> str:
    """Return a link to a file of the repository as one to its place on the site."""
    start, target, anchor = found[1], found[2], found[3] or ""
    source = origin(uri)
    if source is None:
        return found[0]
    path = posixpath.normpath(posixpath.join(posixpath.dirname(source), target))
    there = place(path)
    if there is None:
        return found[0]
    return f"{start}{os.path.relpath(there, posixpath.dirname(uri) or '.')}{anchor}"


def origin(uri: str) -> str | None:
    """Return the file of the repository from which a page comes; None for one that is made."""
    if uri in BESIDE.values():
        return next(name for name, there in BESIDE.items() if there == uri)
    if uri.startswith("tutorials/"):
        return f"notebooks/{Path(uri).stem}.ipynb"
    return f"docs/{uri}" if (DOCS / uri).is_file() else None


def place(path: str) -> str | None:
    """Return where a file of the repository stands on the site, if it does."""
    if path in BESIDE:
        return BESIDE[path]
    if path == "notebooks":
        return place(notebooks()[0].relative_to(ROOT).as_posix())
    if path.startswith("notebooks/") and path.endswith(".ipynb"):
        return f"tutorials/{Path(path).stem}.md"
    if path.startswith("figures/"):
        return path
    return path.removeprefix("docs/") if path.startswith("docs/") else None
