"""One Spark session for all tests of a process, one simulated universe, one whole run of it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from archive_files import ALL_YEARS
from pyspark.sql import SparkSession
from universe import Universe

from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import read_settings
from haiguan.jobs.runtime.session import open_session
from haiguan.jobs.simulate import simulate

_ROOT = Path(__file__).parents[1]
WORLDS = {"files": "universe", "archive": "archive"}
"""Fixture of a simulated world -> the group of tests that share it."""


@pytest.hookimpl(tryfirst=True)  # pytest-xdist reads the groups in a hook of the same name
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """One process takes the tests of a world, first, so that it is made once; other modules go where room is."""
    groups = [_group_of(item) for item in items]
    for item, group in zip(items, groups, strict=True):
        item.add_marker(pytest.mark.xdist_group(group))
    first = {id(item) for item, group in zip(items, groups, strict=True) if group in WORLDS.values()}
    items.sort(key=lambda item: id(item) not in first)


def _group_of(item: pytest.Item) -> str:
    """The world whose files a test reads, or else its module."""
    used = getattr(item, "fixturenames", ())
    return next((group for fixture, group in WORLDS.items() if fixture in used), item.location[0])


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> SparkSession:
    scratch = tmp_path_factory.mktemp("spark")
    conf = {"spark.local.dir": str(scratch), "spark.sql.warehouse.dir": str(scratch / "warehouse")}
    usual = read_settings(None, []).spark
    settings = {"master": "local[2]", "driver_memory": "4g", "shuffle_partitions": 2, "conf": conf}
    return open_session(usual.model_copy(update=settings), scratch / "spark.log")


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data; tests that need it are marked `real_data` and skipped where it is absent."""
    folder = Path(os.environ.get("HAIGUAN_REAL_DATA", _ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; name them with HAIGUAN_REAL_DATA")
    return folder


@pytest.fixture(scope="session")
def files(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of a small universe, with their truth."""
    out = tmp_path_factory.mktemp("universe") / "files"
    usual = read_settings(None, []).simulate
    simulate(spark, out, usual.model_copy(update={"declarations": 12_000, "seed": 7}))
    return out


@pytest.fixture(scope="session")
def universe(files: Path, tmp_path_factory: pytest.TempPathFactory) -> Universe:
    """The universe after a whole run. Tests must not change its lake; those that write take a lake of their own."""
    folder = tmp_path_factory.mktemp("lake")
    made = Universe(files, Lake(str(folder / "lake")), folder / "reports", "")
    return Universe(files, made.lake, made.reports, made.run())


@pytest.fixture(scope="session")
def archive(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of all years in every layout and container, with everything that can be planted in them."""
    out = tmp_path_factory.mktemp("archive") / "files"
    simulate(spark, out, ALL_YEARS)
    return out


def pytest_terminal_summary(terminalreporter, exitstatus, config) -> None:
    skipped = [report for report in terminalreporter.stats.get("skipped", []) if "real_data" in report.keywords]
    if skipped:
        terminalreporter.write_line(f"{len(skipped)} tests of real data were skipped, since the data are not here")
