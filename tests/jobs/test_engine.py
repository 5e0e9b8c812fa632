"""The engine is a setting of speed alone: whichever carries out the plans, the tables are the same."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import functions as F

from haiguan.jobs.analyst.difference import compare
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import read_settings
from haiguan.jobs.runtime.session import open_session
from haiguan.transforms.errors import InputError

TABLES = ("raw_trade__comtrade", "core_trade__flows", "quarantine_trade__flows", "measure_products__concentration")


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="comet has no library for this system")
def test_comet_makes_the_same_tables_as_spark(universe, tmp_path):
    settings = [
        f"lake={tmp_path / 'lake'}",
        f"reports={tmp_path / 'reports'}",
        f"inputs.comtrade={universe.files / 'comtrade'}",
        "spark.master=local[2]",
        "spark.driver_memory=1g",
        "spark.engine=comet",
        "spark.engine_memory=1g",
        "spark.shuffle_partitions=2",
    ]
    sets = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, "-m", "haiguan.jobs.cli", "run", "--to", TABLES[-1], *sets]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stderr
    (log,) = (tmp_path / "reports" / "logs").glob("*.log")
    assert "Comet native library" in log.read_text(encoding="utf-8")
    for table in TABLES:
        assert compare(Lake(str(tmp_path / "lake")), table, "latest", "latest", other=universe.lake).is_equal, table


LOGARITHMS = """
import sys
from pathlib import Path
from pyspark.sql import functions as F
from haiguan.jobs.runtime.run import read_settings
from haiguan.jobs.runtime.session import open_session
values, logs = map(Path, sys.argv[1:])
settings = ["spark.engine=comet", "spark.master=local[1]", "spark.driver_memory=1g", "spark.engine_memory=1g"]
session = open_session(read_settings(None, settings).spark, logs.parent / "spark.log")
session.read.parquet(str(values)).select("value", F.ln("value").alias("log")).write.parquet(str(logs))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="comet has no library for this system")
def test_a_logarithm_is_the_same_to_its_last_bit(spark, tmp_path):
    values, logs = tmp_path / "values", tmp_path / "logs"
    spark.range(1, 20_001).select((F.col("id") * 1.37).alias("value")).write.parquet(str(values))
    done = subprocess.run([sys.executable, "-c", LOGARITHMS, values, logs], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    others = spark.read.parquet(str(logs)).where(F.col("log") != F.ln("value"))
    assert others.count() == 0


def test_comet_is_refused_where_it_has_no_library(monkeypatch, tmp_path):
    monkeypatch.setattr(sys, "platform", "darwin")
    settings = read_settings(None, ["spark.engine=comet"]).spark
    with pytest.raises(InputError, match=r"spark\.engine: comet is there for Linux only"):
        open_session(settings, Path(tmp_path) / "spark.log")
