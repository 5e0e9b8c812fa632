"""One writer per lake: the second is refused by name or waits, and a killed holder holds nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from haiguan.jobs.runtime import lock
from haiguan.jobs.runtime.lock import LakeHeldError, describe_holder, hold

HOLDER = """
import sys, time
from pathlib import Path
from pyspark.sql import SparkSession
from haiguan.jobs.runtime.lock import hold
session = SparkSession.builder.master("local[1]").config("spark.ui.enabled", "false").getOrCreate()
with hold(session, Path(sys.argv[1]), "run-of-another", wait=False):
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def another(tmp_path):
    """Another process that holds the lake; killed with its JVM at the end."""
    command = [sys.executable, "-c", HOLDER, str(tmp_path)]
    environment = {**os.environ, "SPARK_LOCAL_IP": "127.0.0.1"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment, text=True, start_new_session=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    _kill(process)


def _kill(process: subprocess.Popen) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def test_another_process_is_named_and_waited_for_until_it_dies(spark, tmp_path, another, monkeypatch):
    monkeypatch.setattr(lock, "_SECONDS_BETWEEN_TRIES", 0.1)
    with (
        pytest.raises(LakeHeldError, match=rf"run run-of-another, process {another.pid} of .* Use --wait"),
        hold(spark, tmp_path, "run-2", wait=False),
    ):
        pass
    said: list[str] = []
    threading.Timer(1.0, _kill, [another]).start()
    with hold(spark, tmp_path, "run-2", wait=True, say=said.append) as has_waited:
        assert has_waited
        assert "run run-2" in describe_holder(tmp_path)
    assert len(said) == 1
    assert said[0].startswith("waiting for run run-of-another")


def test_a_free_lake_is_held_at_once_and_again(spark, tmp_path):
    for run in ("run-1", "run-2"):
        with hold(spark, tmp_path, run, wait=False) as has_waited:
            assert not has_waited
            holder = json.loads((tmp_path / "lock.json").read_text())
            assert (holder["run"], holder["pid"]) == (run, os.getpid())
    assert not (tmp_path / "lock.json").exists()


def test_a_run_that_fails_gives_the_lake_back(spark, tmp_path):
    with pytest.raises(ZeroDivisionError), hold(spark, tmp_path, "run-1", wait=False):
        _ = 1 / 0
    with hold(spark, tmp_path, "run-2", wait=False):
        pass


def test_a_second_run_in_the_same_process_is_refused_too(spark, tmp_path):
    with hold(spark, tmp_path, "run-1", wait=False):
        with pytest.raises(LakeHeldError, match="run run-1"), hold(spark, tmp_path, "run-2", wait=False):
            pass
        assert "run run-1" in describe_holder(tmp_path)


def test_a_lake_whose_record_of_the_holder_cannot_be_written_is_not_held(spark, tmp_path, monkeypatch):
    with monkeypatch.context() as patched:

        def full(*_, **__):
            raise OSError("No space left on device")

        patched.setattr(Path, "write_text", full)
        with pytest.raises(OSError, match="No space"), hold(spark, tmp_path, "run-1", wait=False):
            pass
    with hold(spark, tmp_path, "run-2", wait=False):
        pass


@pytest.mark.parametrize("content", [None, "", "{}", "[]"])
def test_a_holder_that_has_not_said_its_name(tmp_path, content):
    if content is not None:
        (tmp_path / "lock.json").write_text(content)
    assert describe_holder(tmp_path) == "a run that has not yet said its name"
