"""A run that is killed, and two runs on one lake: readers stay on good versions, and the end is the same."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from deltalake import DeltaTable

from haiguan.jobs.analyst.difference import compare
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.lock import hold

pytestmark = pytest.mark.slow
TABLES = (
    "raw_customs__declarations",
    "core_customs__declarations",
    "quarantine_customs__declarations",
    "core_customs__annual_flows",
)
_TARGET = "core_customs__annual_flows"
_SECONDS = 300


def _inputs(files: Path) -> str:
    return f"inputs.customs={files / 'customs' / '2003' / 'data20030[12]*.csv'}"


def _command(files: Path, lake: Path, *more: str) -> list[str]:
    settings = [
        f"lake={lake}",
        f"reports={lake.parent / 'reports'}",
        _inputs(files),
        "spark.master=local[2]",
        "spark.driver_memory=1g",
        "spark.shuffle_partitions=2",
    ]
    sets = [part for setting in settings for part in ("--set", setting)]
    return [sys.executable, "-m", "haiguan.jobs.cli", "run", "--to", _TARGET, *sets, *more]


def _run(files: Path, lake: Path, *more: str) -> subprocess.CompletedProcess:
    return subprocess.run(_command(files, lake, *more), capture_output=True, text=True, timeout=_SECONDS, check=False)


@pytest.fixture(scope="module")
def undisturbed(universe, tmp_path_factory) -> Lake:
    """The lake of a run that nobody killed, in the session of all tests."""
    folder = tmp_path_factory.mktemp("undisturbed")
    aside = replace(universe, lake=Lake(str(folder / "lake")), reports=folder / "reports")
    aside.run(_inputs(universe.files), "inputs.comtrade=null", targets=(_TARGET,))
    return aside.lake


def _killed_when(files: Path, lake: Path, there: str) -> None:
    """Starts a run and kills it the moment a path below the lake appears."""
    process = subprocess.Popen(_command(files, lake, "--wait"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + _SECONDS
    while not any(lake.glob(there)):
        assert process.poll() is None, "the run ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.wait()


def test_a_run_killed_twice_and_started_again_ends_like_an_undisturbed_one(universe, undisturbed, tmp_path):
    files, lake = universe.files, tmp_path / "lake"
    _killed_when(files, lake, "raw/customs__declarations/staged/*/_delta_log/*.json")
    assert not DeltaTable(str(Lake(str(lake)).path(TABLES[0]))).file_uris(), "nothing is published before its gate"
    between_the_commits = "quarantine/customs__declarations/_delta_log/00000000000000000002.json"
    _killed_when(files, lake, between_the_commits)
    again = _run(files, lake, "--wait")
    assert again.returncode == 0, again.stderr
    for table in TABLES:
        difference = compare(Lake(str(lake)), table, "latest", "latest", other=undisturbed)
        assert difference.is_equal, table
    assert not list(lake.glob("*/*/staged/*/_delta_log"))


def test_a_second_run_is_refused_with_the_holder_named_or_waits(universe, undisturbed, spark):
    versions = {table: DeltaTable(str(undisturbed.path(table))).version() for table in TABLES}
    with hold(spark, undisturbed.root, "the-first-run", wait=False):
        refused = _run(universe.files, undisturbed.root)
        assert refused.returncode == 4
        assert "run the-first-run" in refused.stderr
        waiting = subprocess.Popen(
            _command(universe.files, undisturbed.root, "--wait"), stdout=subprocess.PIPE, text=True
        )
        assert waiting.stdout is not None
        assert any("waiting for run the-first-run" in line for line in waiting.stdout)
    assert waiting.wait(timeout=_SECONDS) == 0
    assert versions == {table: DeltaTable(str(undisturbed.path(table))).version() for table in TABLES}
