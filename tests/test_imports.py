"""Imports go one way, and the top is light."""

import ast
import subprocess
import sys
from pathlib import Path

import boostsim as bs

PACKAGE = Path(bs.__file__).parent
# From the ground up: a room may import only from rooms before it (and from itself).
ORDER = [
    ("mode",),
    ("types",),
    ("extras", "files", "objects", "processors", "progress"),
    ("theory",),
    ("learners",),
    ("curation",),
    ("tasks",),
    ("results",),
    ("measures", "prices"),
    ("simulation",),
    ("certification",),
    ("testing",),
    ("designs", "gap", "tournament"),
    ("figures",),
    ("commands",),
    ("cli",),
]
RANK = {room: rank for rank, rooms in enumerate(ORDER) for room in rooms}
# The face of the package: it may be imported by whoever is a user of it.
USERS = {"testing", "figures", "commands"}


# What both wings of the simulation use takes from neither; the door (nobody's within) knows both.
# Only a listed task takes from tables: the rows of its transformer are one.
TAKEN = {
    "tables": {"tables"},
    "tokens": {"tokens"},
    "tokens/listed.py": {"tables", "tokens"},
    "run.py": {"tables", "tokens"},
}


def modules(path):
    """The parts of the names that a module imports from boostsim, anywhere in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, path
            inside = [f"{node.module}.{alias.name}" for alias in node.names]
            names = [node.module] if node.module == "boostsim" else inside
        for name in names:
            parts = name.split(".")
            if parts[0] == "boostsim":
                yield parts[1:]


def imports(path):
    """The rooms of boostsim that a module imports."""
    return [parts[0] if parts else "" for parts in modules(path)]


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
        taken = {parts[1] for parts in modules(path) if parts[:1] == ["simulation"]}
        wings = taken & {"tables", "tokens"}
        assert wings <= TAKEN.get(name, TAKEN.get(wing, set())), (path, wings)
        assert name == "run.py" or "run" not in taken, path
        if wings == {"tables", "tokens"}:
            crossing.add(name)
    assert crossing == {"run.py", "tokens/listed.py"}


def test_theory_stands_alone_and_criteria_cannot_see_tasks():
    for room, path in rooms():
        if room == "theory":
            assert set(imports(path)) <= {"theory", "types", "mode", "objects"}, path
        if room == "curation":
            assert "tasks" not in set(imports(path)), path


def test_the_top_is_light():
    code = (
        "import sys, boostsim, boostsim.cli; "
        "print([m for m in ('numpy', 'jax', 'scipy', 'xarray', 'pandas') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_public_names_are_there_and_nothing_else_is_promised():
    for name in bs.__all__:
        assert getattr(bs, name) is not None
        assert name in dir(bs)
    assert callable(bs.simulate)
    assert not hasattr(bs, "sweep")


def test_modules_stay_small():
    for _, path in rooms():
        assert len(path.read_text().splitlines()) <= 420 or path.parent.name == "theory", path
