"""Formulas as they are written in claims, typeset: the plain text becomes LaTeX."""

from __future__ import annotations

import re

GREEK = (
    *("alpha", "beta", "gamma", "delta", "eta", "theta", "lambda"),
    *("mu", "pi", "rho", "sigma", "tau", "phi", "psi"),
)
FUNCTIONS = ("log", "ln", "exp", "min", "max", "sin")
OPERATORS = ("odds", "floor", "Var", "Binomial", "Bin")
SIGNS = {
    "<=": r"\leq ",
    ">=": r"\geq ",
    "=>": r"\Rightarrow ",
    "->": r"\to ",
    "...": r"\dots ",
    "..": r"\dots ",
    "~": r"\sim ",
    "{": r"\{",
    "}": r"\}",
}
WORDS = {"eps": r"\varepsilon ", "in": r"\in ", "E": r"\mathbb{E}", "P": r"\mathbb{P}"}
TOKEN = re.compile(r"[A-Za-z]+|\d+(?:\.\d+)?|<=|>=|=>|->|\.\.\.|\.\.|\s+|.")
OPENING = {"(": ")", "[": "]", "{": "}"}


def latex(formula: str) -> str:
    r"""Return a formula of a claim or a statement as LaTeX, without the dollar signs.

    Greek letters by name, ``^`` and ``_`` with what belongs to them, ``sqrt``, ``ceil``, sums and
    products, comparisons and arrows; words stay words, two spaces part what stands by itself.

    Example:
        >>> print(latex("e_T = (1-beta)^T e_0"))
        e_{T} = (1-\beta )^{T} e_{0}
        >>> print(latex("T <= ceil(log(1/eps)/beta)"))
        T \leq \lceil \log (1/\varepsilon )/\beta \rceil
    """
    # A space after a command that ends one's letters, and never two.
    return re.sub(r" +", " ", _Reader(TOKEN.findall(formula)).until(None)).strip()


class _Reader:
    """Reads the tokens of a formula from left to right."""

    def __init__(self, tokens: list[str]) -> None:
        self.tokens = tokens
        self.place = 0

    def peek(self) -> str | None:
        return self.tokens[self.place] if self.place < len(self.tokens) else None

    def take(self) -> str:
        self.place += 1
        return self.tokens[self.place - 1]

    def until(self, closing: str | None) -> str:
        """Return all up to a closing bracket, which is taken too."""
        told = ""
        while (token := self.peek()) is not None:
            if token == closing:
                self.take()
                return told
            told += self.one()
        return told

    def one(self) -> str:
        """Return the next thing, with what belongs to it."""
        token = self.take()
        if token.isspace():
            return r"\quad " if len(token) > 1 else " "
        if token in "^_":
            return token + "{" + self.group(loose=True) + "}"
        if token == "*":
            return "^{*}"
        if token in SIGNS and token not in OPENING:
            return SIGNS[token]
        if token in OPENING:
            closing = OPENING[token]
            return SIGNS.get(token, token) + self.until(closing) + SIGNS.get(closing, closing)
        if token == "1" and self.peek() == "[":
            return r"\mathbf{1}"
        return self.word(token) if token[0].isalpha() else token

    def word(self, token: str) -> str:
        if token == "sqrt":
            if self.peek() == " ":
                self.take()
            return r"\sqrt{" + self.group() + "}"
        if token == "ceil":
            return r"\lceil " + self.group() + r" \rceil "
        if token in ("sum", "prod"):
            return "\\" + token
        if token in WORDS:
            return WORDS[token]
        if token in GREEK or token in FUNCTIONS:
            return f"\\{token} "
        if token in OPERATORS:
            return rf"\operatorname{{{token}}}"
        if len(token) == 1:
            return token
        before = self.tokens[self.place - 2] if self.place > 1 else ""
        return r"\text{" + before * (before == " ") + self.sentence(token) + "}"

    def sentence(self, told: str) -> str:
        """Return a word with those that follow it, which one text keeps apart."""
        while self.peek() == " " and self.place + 1 < len(self.tokens):
            after = self.tokens[self.place + 1]
            known = (*GREEK, *FUNCTIONS, *OPERATORS, *WORDS, "sqrt", "ceil", "sum", "prod")
            if not (after.isalpha() and len(after) > 1) or after in known:
                break
            told += self.take() + self.take()
        return told + (" " if self.peek() == " " else "")

    def group(self, *, loose: bool = False) -> str:
        """Return what stands in the next brackets, without them, or the next thing alone."""
        token = self.peek()
        if token in OPENING:
            self.take()
            return self.until(OPENING[token])
        sign = self.take() if loose and token == "-" else ""
        return sign + (self.one() if self.peek() is not None else "")
