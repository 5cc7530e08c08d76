"""The page: ``index.html`` beside the figures, with everything in it, for a browser and for print.

It is made from what lies in the folder, and so after each figure that is drawn: pictures, what is
known of them, and certificates where there are some. Nothing in it is fetched.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from html import escape
from pathlib import Path
from string import Template
from urllib.parse import quote

from boostsim import __version__
from boostsim.figures import FIGURES, SMOKE
from boostsim.files import write_whole
from boostsim.report import certificates
from boostsim.report.record import Entry, now, read

PAGE = "index.html"
HERE = Path(__file__).parent
# Letters that a URI in double quotes need not have by their numbers.
AS_THEY_ARE = " !$'()*+,-./:;=?@[]^_`{|}~<>"
# Name, what it is, least, most, step, first value; weights and visits are places in a list.
SLIDERS = (
    ("beta", "β, right labels", "0", "1", "0.01", "0.2"),
    ("gamma", "γ, noise of the filter", "0", "0.49", "0.01", "0.1"),
    ("attempts", "k, attempts of a visit", "1", "16", "1", "4"),
    ("weight", "weight of a label", "0", "14", "1", "7"),
    ("accuracy", "accuracy at first", "0", "1", "0.01", "0"),
    ("visits", "visits of an iteration", "0", "13", "1", "13"),
    ("iterations", "iterations", "5", "100", "1", "30"),
)


def write_page(folder: Path, absent: Mapping[str, str], titles: Mapping[str, str]) -> Path:
    """Write the report of a folder.

    Args:
        folder: with figures, and what is known of them.
        absent: why figures that are not there are not, by name.
        titles: what each claim is about, by its name.

    Returns:
        The path of ``index.html``.

    Raises:
        ValueError: where it cannot be written.
    """
    known = {name: entry for name, entry in read(folder).items() if name in FIGURES}
    pictures = {name: uri for name in FIGURES if (uri := _picture(folder, known, name))}
    found = certificates.certificates(certificates.KEPT)
    text = Template((HERE / "page.html").read_text(encoding="utf-8")).substitute(
        version=escape(__version__),
        summary=_summary(list(pictures), known),
        contents=_contents(pictures, known),
        sliders="\n".join(_slider(*each) for each in SLIDERS),
        figures="\n".join(_figure(name, known[name], uri) for name, uri in pictures.items()),
        missing=_missing([name for name in FIGURES if name not in pictures], absent),
        certificates=certificates.shown(found, dict(titles)),
        conditions=_conditions({name: known[name] for name in pictures}),
        style=(HERE / "page.css").read_text(encoding="utf-8"),
        dynamics=(HERE / "dynamics.js").read_text(encoding="utf-8"),
        panel=(HERE / "panel.js").read_text(encoding="utf-8"),
    )
    return write_whole(folder / PAGE, text.encode(), "folder")


def _picture(folder: Path, known: Mapping[str, Entry], name: str) -> str | None:
    """Return a figure's drawing as a URI: of letters, as long as it need be and no longer."""
    if name not in known:
        return None
    try:
        drawing = (folder / f"{name}.svg").read_text(encoding="utf-8")
    except (OSError, ValueError):
        return None
    # What stands before it is for files.
    drawing = re.sub(r"\s*\n\s*", " ", drawing[drawing.find("<svg") :])
    return f"data:image/svg+xml;charset=utf-8,{quote(drawing, safe=AS_THEY_ARE)}"


def _heading(name: str) -> str:
    return escape(name.replace("_", " ").capitalize())


def _contents(pictures: Mapping[str, str], known: Mapping[str, Entry]) -> str:
    parts = [("try", "Try it: exact dynamics and their laws")]
    for name in pictures:
        title = known[name]["title"]
        told = f": {escape(_begun_small(title))}" if title else ""
        parts.append((name, f"{_heading(name)}{told}"))
    parts += [("certificates", "Certificates"), ("conditions", "Made with")]
    return "\n".join(f'<li><a href="#{place}">{told}</a></li>' for place, told in parts)


def _begun_small(title: str) -> str:
    """Return a sentence as it stands behind a colon: names in capitals stay as they are."""
    first, _, _ = title.partition(" ")
    return title if first[1:].lower() != first[1:] else title[:1].lower() + title[1:]


def _summary(names: list[str], known: Mapping[str, Entry]) -> str:
    told, more = f"{len(names)} of {len(FIGURES)} figures", ""
    if names:
        scales = sorted({str(known[name]["scale"]["name"]) for name in names})
        told += f", scale {' and '.join(scales)}"
        more = f" {SMOKE}" if "smoke" in scales else ""
    return f"{escape(told)}.{more} boostsim {escape(__version__)}, page written {now()}."


def _slider(name: str, told: str, low: str, high: str, step: str, first: str) -> str:
    return (
        f'<div><label for="{name}"><span>{told}</span><output for="{name}"></output></label>'
        f'<input type="range" id="{name}" name="{name}" min="{low}" max="{high}" step="{step}" '
        f'value="{first}"></div>'
    )


def _figure(name: str, entry: Entry, uri: str) -> str:
    # At the smoke scale no finding is told.
    title, scale = escape(entry["title"]), entry["scale"]
    finding = f"<strong>{title}.</strong> " if title else ""
    sizes = (
        f"{scale['name']}: tasks of {scale['prompts']:,} prompts, {scale['visits']:,} visits, "
        f"{scale['seeds']} seeds, where the caption says no other"
    )
    facts = {
        "Again": f"<code>{escape(entry['command'])}</code>",
        "Scale": escape(sizes),
        "Seeds": escape(entry["runs"]),
        "Took": f"{entry['seconds']:,.1f} s, {entry['processor_seconds']:,.1f} s of a processor; "
        f"{escape(entry['drawn'])}",
        "Files": ", ".join(
            f'<a href="{escape(each)}">{escape(each)}</a>' for each in entry["files"]
        ),
    }
    rows = "".join(f"<dt>{told}</dt><dd>{value}</dd>" for told, value in facts.items())
    return (
        f'<article id="{name}" aria-labelledby="{name}-title">\n'
        f'<h3 id="{name}-title">{_heading(name)}</h3>\n<p>{escape(entry["claim"])}</p>\n'
        f'<figure><div><img src="{uri}" alt="{title or _heading(name)}" decoding="async"></div>\n'
        f'<button type="button" class="enlarge" aria-pressed="false">Larger</button>\n'
        f"<figcaption>{finding}{escape(entry['caption'])}</figcaption></figure>\n"
        f'<dl class="facts">{rows}</dl>\n</article>'
    )


def _missing(names: list[str], absent: Mapping[str, str]) -> str:
    if not names:
        return ""
    told = [f"<p>{escape(absent[name])}.</p>" for name in names if name in absent]
    if waiting := [_heading(name) for name in names if name not in absent]:
        told.insert(
            0,
            f"<p>{', '.join(waiting)}: not drawn yet. The command that drew the others, without "
            "the names of figures, goes on with them.</p>",
        )
    return f'<article id="missing"><h3>Not here</h3>{"".join(told)}</article>'


def _conditions(known: Mapping[str, Entry]) -> str:
    """Return versions and hardware, once for all figures that share them."""
    groups: dict[tuple[tuple[str, str], ...], list[str]] = defaultdict(list)
    for name, entry in known.items():
        groups[tuple(sorted(entry["conditions"].items()))].append(name)
    if not groups:
        return "<p>Nothing is drawn yet.</p>"
    parts = []
    for told, names in groups.items():
        if len(groups) > 1:
            parts.append(f"<h3>{escape(', '.join(names))}</h3>")
        rows = "".join(
            f'<tr><th scope="row">{escape(name)}</th><td>{escape(str(value))}</td></tr>'
            for name, value in told
        )
        parts.append(f"<table><tbody>{rows}</tbody></table>")
    parts.append(
        "<p>The keys of all draws are fixed in the code: with these versions a rerun gives the "
        "same numbers, where networks are trained up to the rounding of the device.</p>"
    )
    return "\n".join(parts)
