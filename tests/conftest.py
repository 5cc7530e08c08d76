"""One profile for Hypothesis, and shapes checked at run time where arrays are computed."""

import os
import warnings
from pathlib import Path

# Tests draw to files only, and leave the user's own settings alone.
os.environ.setdefault("MPLBACKEND", "agg")
# Tables are as wide as where nothing says how wide.
os.environ.pop("COLUMNS", None)
# Each core has a worker: threads of a small product of matrices would but wait for one another.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# Compiled programs are shared by the workers and by what they start, and kept for the next run.
os.environ.setdefault(
    "JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parent.parent / ".pytest_cache" / "programs")
)
# The smallest, too: every process that a test starts would compile dozens of them.
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")

import jax
import pytest
from hypothesis import HealthCheck, settings
from jaxtyping import install_import_hook
from slow import SLOW

# Benchmarks have a command and a conftest of their own: make bench.
collect_ignore = ["bench"]

install_import_hook(
    [
        "boostsim.curation.allocation",
        "boostsim.simulation.tables.structure",
        "boostsim.simulation.tables.population",
        "boostsim.simulation.tables.state",
        "boostsim.simulation.tables.gradient",
        "boostsim.simulation.tables.exact",
        "boostsim.simulation.tables.sampled",
        "boostsim.simulation.tables.samplers",
    ],
    "beartype.beartype",
)

# Linux lets a process map 65,530 pieces of memory, and every compiled program maps some: beyond
# that the compiler crashes. A suite compiles more than any user would.
MAPPED = 40_000


@pytest.fixture(scope="module", autouse=True)
def programs_are_let_go():
    yield
    maps = Path("/proc/self/maps")
    if maps.exists() and maps.read_bytes().count(b"\n") > MAPPED:
        jax.clear_caches()


@pytest.fixture(scope="module")
def client():
    """A real Dask cluster with two workers, in this process: it starts in a tenth of a second."""
    distributed = pytest.importorskip("distributed", reason="the extra dask is not installed")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with (
            distributed.LocalCluster(
                n_workers=2, threads_per_worker=1, processes=False, dashboard_address=None
            ) as cluster,
            distributed.Client(cluster, set_as_default=False) as client,
        ):
            yield client


def pytest_collection_modifyitems(config, items):
    unused = set(SLOW)
    for item in items:
        name = item.nodeid
        found = [part for part in SLOW if part in name]
        unused.difference_update(found)
        if found:
            item.add_marker(pytest.mark.slow)
    if unused and {"tests", "boostsim"} <= {Path(each).name for each in config.args}:
        raise pytest.UsageError(f"no test has such a name: {', '.join(sorted(unused))}")


# Compilation trips deadlines; the same examples are drawn in every run.
settings.register_profile(
    "boostsim",
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("boostsim")
