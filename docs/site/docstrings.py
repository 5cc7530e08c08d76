"""Docstrings as Markdown: they are written to be read in a terminal."""

import re

SECTION = re.compile(r"(Args|Attributes|Examples?|Raises|Returns|Yields):$")
# What laws and sources are told by; a word of its own on the page.
LABEL = re.compile(r"(Statement|Domain|Proof|Reference|Source|Dropped):\s")
ROLE = re.compile(r":(?:class|func|meth|mod|attr):`~?([^`]+)`")


def escaped(line: str) -> str:
    """Return a line of text in which stars and angles are what they are."""
    parts = re.split(r"(`+[^`]*`+)", line)
    for index in range(0, len(parts), 2):
        parts[index] = re.sub(r"<(?=[A-Za-z/!])", "&lt;", parts[index].replace("*", r"\*"))
    return "".join(parts)


def markdown(text: str) -> str:
    """Return a docstring with its formulas as code and its sections as they are looked for."""
    lines: list[str] = []
    section = False
    for line in text.splitlines():
        section = section or bool(SECTION.match(line))
        line = ROLE.sub(r"`\1`", "Examples:" if line == "Example:" else line)
        if not section:
            before = lines[-1] if lines else ""
            formula = line.startswith("    ")
            if not formula:
                line = LABEL.sub(r"**\1.** ", escaped(line))
            if line.strip() and before.strip():
                label = line.startswith("**")
                if label or formula != before.startswith("    "):
                    lines.append("")
        lines.append(line)
    return "\n".join(lines)
