from __future__ import annotations

import json
import subprocess
import sys

import pytest

from haiguan.jobs.analyst.unlock import is_held, remove_stale_claim
from haiguan.jobs.runtime.lock import LakeHeldError

HOLDER = {"run": "run-9", "user": "ann", "host": "desk", "pid": 4711, "since": "2026-01-01 00:00:00 UTC"}
# A POSIX record lock over the whole file, which is what the JVM's FileChannel.tryLock takes.
HOLD = """
import fcntl, sys
handle = open(sys.argv[1], "w+b")
fcntl.lockf(handle, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


@pytest.fixture
def claimed(lake):
    """The lake with the claim of a run that is gone."""
    (lake.root / "lock").touch()
    (lake.root / "lock.json").write_text(json.dumps(HOLDER), encoding="utf-8")
    return lake.root


def test_the_claim_of_a_dead_run_is_removed(claimed):
    assert remove_stale_claim(claimed) == "run run-9, process 4711 of ann on desk, since 2026-01-01 00:00:00 UTC"
    assert not (claimed / "lock.json").exists()
    assert remove_stale_claim(claimed) is None


def test_the_claim_of_a_live_run_stays_until_it_dies(claimed):
    with subprocess.Popen([sys.executable, "-c", HOLD, claimed / "lock"], stdin=-1, stdout=-1, text=True) as holder:
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LakeHeldError, match="run-9, process 4711 of ann"):
            remove_stale_claim(claimed)
        assert (claimed / "lock.json").exists()
        holder.kill()
    assert remove_stale_claim(claimed) is not None


def test_a_lake_never_run_on_is_held_by_nobody(lake):
    assert not is_held(lake.root)
    assert not (lake.root / "lock").exists()


JVM = """
import sys
from pathlib import Path
from haiguan.jobs.analyst.unlock import is_held
from haiguan.jobs.runtime.lock import hold
from haiguan.jobs.runtime.session import SparkSettings, open_session

lake, log = map(Path, sys.argv[1:])
settings = {"master": "local[1]", "driver_memory": "1g", "engine": "spark", "engine_memory": "0"}
session = open_session(SparkSettings(**settings, shuffle_partitions=1, conf={}), log)
with hold(session, lake, "run-1", wait=False):
    print(is_held(lake))
print(is_held(lake))
"""


@pytest.mark.slow
def test_the_lock_of_the_jvm_is_seen(lake, tmp_path):
    said = subprocess.run(
        [sys.executable, "-c", JVM, lake.root, tmp_path / "log"], capture_output=True, text=True, check=True
    )
    assert said.stdout.split() == ["True", "False"]
