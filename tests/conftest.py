"""What every test runs under, and the fixtures that more than one room needs."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import postgres

# The same examples in every run, so that a failure is the change's own; HYPOTHESIS_PROFILE=new draws new ones. How long
# an example takes says nothing on a machine that others use too.
settings.register_profile("same", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("new", settings.get_profile("same"), derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "same"))

# Set before any library reads them; children started by a test inherit them. One thread: tests run beside others, and
# tiny matrices gain nothing from more.
os.environ.update(
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    TRANSFORMERS_OFFLINE="1",
    TOKENIZERS_PARALLELISM="false",
    OMP_NUM_THREADS="1",
    RAY_USAGE_STATS_ENABLED="0",
    RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO="0",
)

PROJECT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def project_root() -> Path:
    """The folder that holds the five packages."""
    return PROJECT


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the project; tests that need it are skipped where it is absent."""
    folder = PROJECT.parent / "shared" / "data"
    if not folder.is_dir():
        pytest.skip("the real data is not here: no folder ../shared/data beside the project")
    return folder


@pytest.fixture(scope="session")
def ray_cluster() -> Iterator[str]:
    """A private Ray cluster of four logical CPUs; gives its address and ends only what it started."""
    import ray

    # The sockets below this folder must stay within 107 bytes, which pytest's own temporary folders do not.
    folder = tempfile.mkdtemp(prefix="ray-", dir="/tmp" if Path("/tmp").is_dir() else None)
    context = ray.init(
        address="local",
        num_cpus=4,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="error",
        object_store_memory=256 * 2**20,
        _temp_dir=folder,
    )
    yield context.address_info["address"]
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def postgresql() -> Iterator[postgres.Server]:
    """A PostgreSQL server for the whole session."""
    where = postgres.programs()
    if where is None:
        pytest.skip(
            "no PostgreSQL server here (Debian: apt-get install postgresql): the queue is tested on SQLite only"
        )
    with postgres.running(where) as server:
        yield server


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The target of a new audit database, of each kind in turn: a SQLite file, and a PostgreSQL that is the tests'."""
    if request.param == "sqlite":
        return str(tmp_path / "audit.sqlite")
    server: postgres.Server = request.getfixturevalue("postgresql")
    return server.emptied()
