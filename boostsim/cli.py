"""The command ``boostsim``: parsing only; the work is in :mod:`boostsim.commands`.

Neither NumPy nor JAX is imported before a command is known to need it, so help comes at once.
"""

from __future__ import annotations

import contextlib
import importlib
import io
import os
import re
import sys
import traceback
from pathlib import Path
from typing import get_args

import tyro

from boostsim import __version__
from boostsim.commands.device import same_every_time
from boostsim.commands.flags import Command, Info, Reproduce
from boostsim.commands.output import Unread, flushed, reserved, say
from boostsim.progress import Manner, tell, told

# What ends a command with this is no answer; 1 is one: no.
UNEXPECTED = 4
# No path is longer, and nothing else in a command comes near.
LONGEST = 4096
# Of a flag that is unknown so many letters are told, and what is so like it.
LONGEST_FLAG, NEAR = 30, 0.6
# What is told by its place, not by a flag.
PLACED = ("names", "preset", "log")
# What may stand anywhere in the line, of whatever command.
ANYWHERE = ("--debug", "--quiet")

WELCOME = f"""boostsim {__version__}: how little curation keeps a model improving on its own output?

Start with
  boostsim reproduce --scale smoke   draw the paper's setting, in minutes
  boostsim run boosting              run one procedure and print what it reaches
Then
  boostsim run --help                every slot of a procedure as a flag
  boostsim sweep --over beta=0:1:21  the same at every point of a plane of them
  boostsim certify                   check T1 to T22 and their neighbours by exact and sampled runs
  boostsim claims T3                 a theorem with its proof
  boostsim prove                     its one-step statements over whole boxes, rigorously
  boostsim falsify T3                look for a counterexample
  boostsim compare                   selection criteria against each other, at equal budget
  boostsim plan --help               the cheapest way to an error, at your prices
  boostsim gap                       what a transformer loses against a table that learns exactly
  boostsim fit LOG                   what the log of a real run says
  boostsim forecast LOG --help       what the log of a run says of its next iterations
  boostsim advise LOG --budget 100   which of its prompts to label next
  boostsim info                      versions, device, cache
Any of them with --quiet shows no progress, with --debug says where an error comes from; --version
says which boostsim this is, and --install-completion [bash|zsh] completes its words in your shell.
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return its exit code.

    0 what was asked for came true, 1 it is false (a claim is violated, a statement refuted, a plan
    impossible), 2 bad input, 3 undecided, 4 anything unexpected, 130 interrupted. Whatever ends a
    command early is told in one line; ``--debug`` adds the traceback. Progress is told on the error
    stream, with ``--json`` as lines of JSON, with ``--quiet`` not at all.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    debug, quiet = "--debug" in arguments, "--quiet" in arguments
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A letter that the terminal's encoding lacks is written as its number.
        sys.stdout.reconfigure(errors="backslashreplace")
    try:
        code = _answered([word for word in arguments if word not in ANYWHERE], quiet)
        flushed(sys.stdout)
    except Unread:
        code = 0
    except KeyboardInterrupt as stop:
        tell(f"boostsim: {stop}" if str(stop) else "boostsim: interrupted")
        code = 130
    except BaseException as error:
        if debug:
            tell(traceback.format_exc())
        told = isinstance(error, ValueError) and not isinstance(error, UnicodeError)
        tell(f"boostsim: {_sentence(error, told)}")
        code = 2 if told else UNEXPECTED
    # What is left now would be an error at the end of the program, with another exit code.
    with contextlib.suppress(OSError, Unread):
        flushed(sys.stdout, sys.stderr)
    return code


def _sentence(error: BaseException, told: bool) -> str:
    """Say in one line what went wrong; long words are cut."""
    text = re.sub(r"\S{300,}", lambda word: f"{word[0][:77]}...", " ".join(str(error).split()))
    if told:
        return text
    text = _cut(text)
    if isinstance(error, SystemExit):
        return "code that was run, of a criterion perhaps, called sys.exit (--debug says where)"
    if isinstance(error, MemoryError):
        return f"there is not enough memory ({text or 'none is left'})"
    if type(error) is not RuntimeError:
        text = f"{type(error).__name__}: {text}"
    return f"{text} (--debug says where)"


def _cut(text: str) -> str:
    return text if len(text) <= 500 else f"{text[:497]}..."


def _answered(arguments: list[str], quiet: bool) -> int:
    if not arguments:
        say(WELCOME.rstrip())
        return 0
    if arguments == ["--version"]:
        say(__version__)
        return 0
    if arguments[0] == "--install-completion":
        from boostsim.commands.completion import install

        return install(arguments[1:], _completion)
    for word in arguments:
        if len(word) > LONGEST:
            raise ValueError(f"{word[:40]!r}... has {len(word):,} characters: nothing is so long")
    command = _parse(arguments)
    if command is None:
        return 0
    for name, value in vars(command).items():
        if isinstance(value, Path):
            setattr(command, name, Path(os.path.expanduser(value)))
    same_every_time()
    manner: Manner = "quiet" if quiet else "json" if getattr(command, "json", False) else "shown"
    with reserved(), told(manner):
        return _dispatch(command)


def _parse(arguments: list[str]) -> Command | None:
    """Parse, and turn the parser's framed complaints into one line; help is printed and None."""
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.cli(
                tyro.conf.FlagCreatePairsOff[Command],  # type: ignore[misc]
                args=arguments,
                prog="boostsim",
                description=f"boostsim {__version__}: training on synthetic and weak data. "
                "--quiet, anywhere, shows no progress, --debug says where an error comes from. "
                "--version; "
                "--install-completion [bash|zsh].",
            )
    except SystemExit as stop:
        if stop.code in (0, None):
            return None
        # The frame, in Unicode or in ASCII.
        text = re.sub(r"[╭╮╰╯│─]+|-{4,}|^[|+]|[|+]$", " ", complaint.getvalue(), flags=re.MULTILINE)
        text = re.split(r"Argument helptext:|For full helptext", text)[0]
        text = " ".join(text.split())
        if plain := _plainly(text, arguments):
            raise plain from None
        text = re.sub(r"^(Parsing error|Value error|Unrecognized options) ", "", text)
        wrong = re.match(r"Error parsing --([\w-]+): .*?(FLOAT|INT)\b.*?from \[(.*?)\]", text)
        if wrong:
            kind = "a number" if wrong[2] == "FLOAT" else "a whole number"
            text = f"{wrong[1].replace('-', '_')} must be {kind}; got {wrong[3]}"
        raise ValueError(f"{_cut(text)} (see boostsim --help)") from None
    except BrokenPipeError:
        raise Unread from None


def _completion(shell: str) -> str:
    """Return the program that completes the command's words in a shell."""
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        _parse(["--tyro-print-completion", shell])
    return printed.getvalue()


def _plainly(text: str, arguments: list[str]) -> ValueError | None:
    """Return the error for a complaint of the parser about words, or None for another."""
    from boostsim.arguments import unknown

    commands = {kind.__name__.lower(): kind for kind in get_args(Command)}
    name = arguments[0]
    if name not in commands:
        return unknown("command", name, commands)
    see = f"(see boostsim {name} --help)"
    if text.startswith("Required options"):
        missing = re.findall(r"(--[\w-]+|\bLOG\b)[^()]*\(required\)", text)
        return ValueError(f"{name} must be given {', '.join(missing)} {see}")
    if wrong := re.match(r"(?:.*error )?Error parsing --([\w-]+): could not .* float: (.*)", text):
        return ValueError(f"{wrong[1].replace('-', '_')} must be a number; got {wrong[2]} {see}")
    if lacking := re.search(r"Missing value for argument '--([\w-]+)", text):
        return ValueError(f"{lacking[1].replace('-', '_')} must be given a value; got none {see}")
    if extra := re.search(r"Unrecognized (?:or misplaced )?options: (\S+?)(,|=|\s|$)", text):
        if not extra[1].startswith("-"):
            return ValueError(f"{extra[1]!r} has no place in boostsim {name} {see}")
        held = vars(commands[name])["__dataclass_fields__"].items()
        told = [each for each, about in held if each not in PLACED and about.type != "Hidden"]
        flags = [f"--{each.replace('_', '-')}" for each in told]
        return _no_flag(name, extra[1], flags)
    return None


def _no_flag(name: str, got: str, flags: list[str]) -> ValueError:
    """Return the error for a flag that a command has not, with the nearest that it has."""
    import difflib

    shown = got if len(got) <= LONGEST_FLAG else f"{got[: LONGEST_FLAG - 3]}..."
    near = difflib.get_close_matches(got, flags, n=1, cutoff=NEAR)
    meant = f"did you mean {near[0]}? " if near else ""
    return ValueError(f"{name} has no flag {shown}: {meant}boostsim {name} --help lists them")


def _dispatch(command: Command) -> int:
    if isinstance(command, Reproduce):
        from boostsim.commands.reproduce import reproduce

        look = (command.size, command.plain, command.pdf)
        more = (command.again, command.scheduler)
        return reproduce(command.names, command.scale, command.folder, command.json, *look, *more)
    if isinstance(command, Info):
        from boostsim.commands.info import info

        return info(command.json)
    for name, value in vars(command).items():
        if value == () and name != "names":
            raise ValueError(f"{name} must be given a word or more; got none")
    # By identity: 0 equals False, and is a value.
    flags = {
        name: value
        for name, value in vars(command).items()
        if value is not None and value is not False and value != ()
    }
    name = type(command).__name__.lower()
    work = importlib.import_module(f"boostsim.commands.{name}")
    code: int = getattr(work, name)(flags)
    return code


if __name__ == "__main__":
    sys.exit(main())
