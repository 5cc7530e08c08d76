"""Print pyproject.toml's lower bounds as constraints for pip: name==bound, a line each."""

import re
import sys
import tomllib
from pathlib import Path

project = tomllib.loads((Path(__file__).parent.parent / "pyproject.toml").read_text())["project"]
extras = project["optional-dependencies"]
for wanted in [*project["dependencies"], *(line for name in sys.argv[1:] for line in extras[name])]:
    found = re.match(r"([A-Za-z0-9._-]+)\s*>=\s*([0-9.]+)", wanted)
    if found is None:
        sys.exit(f"{wanted}: every requirement has a lower bound, name>=version")
    print(f"{found[1]}=={found[2]}")
