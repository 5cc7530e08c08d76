"""One profile for Hypothesis, and shapes checked at run time where arrays are computed."""

import os

# Tests draw to files only, and leave the user's own settings alone.
os.environ.setdefault("MPLBACKEND", "agg")

from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook

# Benchmarks have a command and a conftest of their own: make bench.
collect_ignore = ["bench"]

install_import_hook(
    [
        "boostsim.curation.allocation",
        "boostsim.simulation.population",
        "boostsim.simulation.exact",
        "boostsim.simulation.sampled",
        "boostsim.simulation.samplers",
    ],
    "beartype.beartype",
)

# Compilation trips deadlines; the same examples are drawn in every run.
settings.register_profile(
    "boostsim",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("boostsim")
