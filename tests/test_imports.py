"""Imports go one way, and the top is light."""

import ast
import functools
import re
import subprocess
import sys
from inspect import ismodule
from pathlib import Path

import numpy as np
import pytest

import boostsim as bs

PACKAGE, TESTS = Path(bs.__file__).parent, Path(__file__).parent
MODULES = {
    ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__"): path
    for path in PACKAGE.rglob("*.py")
}
# From the ground up: a room may import only from rooms before it (and from itself).
ORDER = [
    ("mode",),
    ("arguments", "vocabulary"),
    ("hashing", "keys"),
    ("extras", "files", "html", "objects", "processors", "progress"),
    ("theory",),
    ("learners",),
    ("curation",),
    ("tasks",),
    ("results",),
    ("versions",),
    ("store",),
    ("sending", "workers"),
    ("jobs",),
    ("logs", "measures", "prices", "said", "stacking", "statistics"),
    ("simulation",),
    ("sweeping",),
    ("certification",),
    ("fitting",),
    ("testing",),
    ("designs", "gap", "tournament"),
    ("figures",),
    ("report",),
    ("commands",),
    ("cli",),
    ("__main__",),
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
# The face of the package: it may be imported by whoever is a user of it.
USERS = {"testing", "figures", "report", "commands"}

# What both wings of the simulation use takes from neither; the door (nobody's within) knows both.
# Only a listed task takes from tables: the rows of its transformer are one.
TAKEN = {
    "tables": {"tables"},
    "tokens": {"tokens"},
    "tokens/listed.py": {"tables", "tokens"},
    "run.py": {"tables", "tokens"},
}


@functools.cache
def parsed(path):
    return ast.parse(path.read_text())


def imported(path):
    """What a module imports of boostsim, anywhere in it: modules, each with a name in it or ""."""
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.Import):
            pairs = [(alias.name, "") for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            whole = [f"{node.module}.{alias.name}" for alias in node.names]
            pairs = [
                (each, "") if each in MODULES else (node.module, alias.name)
                for each, alias in zip(whole, node.names, strict=True)
            ]
        else:
            continue
        yield from (pair for pair in pairs if pair[0] in MODULES)


def imports(path):
    """The rooms of boostsim that a module imports, anywhere in it."""
    return {module.partition(".")[2].partition(".")[0] for module, _ in imported(path)}


def rooms():
    for path in PACKAGE.rglob("*.py"):
        room = path.relative_to(PACKAGE).parts[0].removesuffix(".py")
        if room != "__init__":
            yield room, path


def test_every_room_has_its_place():
    assert {room for room, _ in rooms()} == set(RANK)


def test_imports_go_one_way():
    for room, path in rooms():
        for other in imports(path):
            if other == "":
                # For the version, or as a user.
                assert room in USERS | {"results", "cli"}, path
            else:
                assert RANK[other] <= RANK[room], (path, other)


def test_the_wings_of_the_simulation_cross_in_one_place():
    room = PACKAGE / "simulation"
    crossing = set()
    for path in room.rglob("*.py"):
        name = path.relative_to(room).as_posix()
        wing = name.split("/")[0]
        below = [module.split(".")[1:] for module, _ in imported(path)]
        taken = {parts[1] for parts in below if parts[:1] == ["simulation"]}
        wings = taken & {"tables", "tokens"}
        assert wings <= TAKEN.get(name, TAKEN.get(wing, set())), (path, wings)
        assert name == "run.py" or "run" not in taken, path
        if wings == {"tables", "tokens"}:
            crossing.add(name)
    assert crossing == {"run.py", "tokens/listed.py"}


def test_theory_stands_alone_and_criteria_cannot_see_tasks():
    for room, path in rooms():
        if room == "theory":
            assert set(imports(path)) <= {"theory", "arguments", "html", "mode", "objects"}, path
        if room == "curation":
            assert "tasks" not in set(imports(path)), path


def test_the_top_is_light():
    code = (
        "import sys, boostsim, boostsim.cli; heavy = 'numpy jax scipy xarray pandas msgspec'; "
        "print([m for m in heavy.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_run_begins_before_what_it_ends_with_is_imported():
    """A trace is made at the end, and most rules need nothing of SciPy's: they make no one wait."""
    code = (
        "import sys, boostsim as bs; bs.simulate, bs.boosting, bs.WeakLabeler, bs.Transformer; "
        "from boostsim.simulation.tokens import loop; "
        "print([m for m in 'scipy xarray pandas matplotlib'.split() if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_there_and_nothing_else_is_promised():
    for name in bs.__all__:
        assert getattr(bs, name) is not None
        assert name in dir(bs)
    assert callable(bs.simulate)


def test_no_module_is_imported_by_what_it_imports():
    """Not even inside a function; the face of the package alone may be, by its users."""
    above = {
        name: {module for module, _ in imported(path)} - {name, "boostsim"}
        for name, path in MODULES.items()
    }
    # Whatever imports nothing that is left stands in no circle.
    while free := {name for name, others in above.items() if not others & set(above)}:
        above = {name: others for name, others in above.items() if name not in free}
    assert above == {}


def test_only_what_users_reach_lists_its_names():
    faces = {name: each for name in bs.__all__ if ismodule(each := getattr(bs, name))}
    listed = {name for name, path in MODULES.items() if "\n__all__ =" in path.read_text()}
    assert listed == {"boostsim", *(each.__name__ for each in faces.values())}
    for face in (bs, *faces.values()):
        assert list(face.__all__) == sorted(set(face.__all__))
        assert all(hasattr(face, name) for name in face.__all__)


def test_what_has_a_leading_underscore_stays_at_home():
    for path in MODULES.values():
        for module, name in imported(path):
            assert not name.startswith("_") or name.startswith("__"), (path, module, name)


def test_a_function_that_only_its_module_knows_has_a_leading_underscore():
    texts = {path: path.read_text() for path in [*PACKAGE.rglob("*.py"), *TESTS.rglob("*.py")]}
    words = {path: set(re.findall(r"\w+", text)) for path, text in texts.items()}
    for home in MODULES.values():
        for node in ast.parse(texts[home]).body:
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
                known = [path for path in texts if path != home and node.name in words[path]]
                assert known, (home, node.name)


def test_modules_stay_small():
    for _, path in rooms():
        assert len(path.read_text().splitlines()) <= 420 or path.parent.name == "theory", path


def test_no_refusal_quotes_words_of_ours_as_if_they_had_been_given():
    """What a caller gave is shown as Python writes it; ``Words`` are what we say of it."""
    quoted = []
    for name, path in MODULES.items():
        for node in ast.walk(parsed(path)):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "refuse":
                got = node.args[2]
                literal = isinstance(got, ast.Constant) and isinstance(got.value, str)
                if literal or isinstance(got, ast.JoinedStr):
                    quoted.append((name, node.lineno, ast.unparse(got)))
    assert quoted == []
    with pytest.raises(ValueError, match=r"got shape \(3,\)$"):
        bs.table_task(np.ones(3))
