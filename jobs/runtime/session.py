"""The Spark session: Delta on, and its noise in a file instead of on the screen."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from delta import configure_spark_with_delta_pip
from pydantic import BaseModel, ConfigDict
from pyspark.sql import SparkSession

from haiguan.transforms.errors import InputError

COMET_PACKAGE = "org.apache.datafusion:comet-spark-spark4.1_2.13:1.2.0"
HANDS_OVER_ARROW = "spark.comet.exec.pyarrowUDF.enabled"
JAVA = 17
INSTALL_JAVA = (
    "Debian: apt-get install openjdk-17-jre-headless; Fedora: dnf install java-17-openjdk-headless; "
    "macOS: brew install openjdk@17; conda: conda install -c conda-forge openjdk=17"
)
_COMPILE_LONG_METHODS = "-XX:-DontCompileHugeMethods"
_ALWAYS = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    # A declaration has more fields than Spark compiles by default, and one method reads them all: without these three,
    # rows are interpreted and copied at every step, which takes twice as long.
    "spark.sql.codegen.maxFields": "1000",
    "spark.driver.defaultJavaOptions": f"{_COMPILE_LONG_METHODS} -XX:+UseParallelGC",
    "spark.executor.defaultJavaOptions": _COMPILE_LONG_METHODS,
    # Spark brings these itself; every start would copy Delta's twice.
    "spark.jars.excludes": "org.apache.hadoop:*,org.apache.parquet:*",
    "spark.sql.session.timeZone": "UTC",
    "spark.sql.ansi.enabled": "true",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.execution.arrow.pyspark.enabled": "true",
    # Rows of few slices are written as they come; without this every task sorts its rows by slice first.
    "spark.sql.maxConcurrentOutputFileWriters": "8",
    "spark.databricks.delta.snapshotPartitions": "2",
    "spark.databricks.delta.properties.defaults.enableDeletionVectors": "false",
    "spark.ui.enabled": "false",
    # Kept for a page that nobody opens, and with plans as large as these they fill the heap of a long run.
    "spark.sql.ui.retainedExecutions": "10",
    "spark.ui.retainedJobs": "10",
    "spark.ui.retainedStages": "10",
    "spark.ui.retainedTasks": "100",
    "spark.ui.showConsoleProgress": "false",
}


class SparkSettings(BaseModel):
    """How Spark runs.

    Attributes:
        master: where, such as local[2].
        driver_memory: heap of the driver, in local mode of all.
        engine: what carries out the plans: Spark itself, or comet (Apache DataFusion Comet, native code that reads,
            joins, groups and shuffles by columns) wherever it knows how, and Spark elsewhere.
        engine_memory: what comet may use beside the heap.
        shuffle_partitions: parts of a grouping or a join.
        conf: any setting of Spark's own.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    master: str
    driver_memory: str
    engine: Literal["spark", "comet"]
    engine_memory: str
    shuffle_partitions: int
    conf: dict[str, str]


def open_session(settings: SparkSettings, log: Path) -> SparkSession:
    """A session with Delta; what the JVM prints goes to `log`.

    Raises:
        InputError: no Java 17 is installed, or the engine does not run on this system.
    """
    if settings.engine == "comet" and sys.platform != "linux":
        raise InputError("spark.engine: comet is there for Linux only; leave it at spark on this machine")
    os.environ["JAVA_HOME"] = find_java()
    # Spark's Python workers must be the interpreter that runs the driver, not whatever `python3` is on the path.
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("SPARK_LOCAL_IP", "127.0.0.1")
    log.parent.mkdir(parents=True, exist_ok=True)
    with _terminal_output_to(log):
        packages = [COMET_PACKAGE] if settings.engine == "comet" else []
        session = configure_spark_with_delta_pip(_builder(settings), packages).getOrCreate()
        session.sparkContext.setLogLevel("WARN")
    return session


def _builder(settings: SparkSettings) -> SparkSession.Builder:
    builder = SparkSession.builder.appName("haiguan")
    configuration = {
        **_ALWAYS,
        "spark.driver.memory": settings.driver_memory,
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        **(_comet(settings.engine_memory) if settings.engine == "comet" else {}),
        **settings.conf,
    }
    if "SPARK_SUBMIT_MODE" not in os.environ and "SPARK_ENV_LOADED" not in os.environ:
        # Spark puts the jars of packages on Python's path, and every task in Python looks through all of them.
        builder = builder.master(settings.master).config("spark.submit.pyFiles", "")
    for key, value in configuration.items():
        builder = builder.config(key, value)
    return builder


def _comet(memory: str) -> dict[str, str]:
    return {
        "spark.plugins": "org.apache.spark.CometPlugin",
        "spark.shuffle.manager": "org.apache.spark.sql.comet.execution.shuffle.CometShuffleManager",
        "spark.memory.offHeap.enabled": "true",
        "spark.memory.offHeap.size": memory,
        HANDS_OVER_ARROW: "true",
        # It differs from Java's in the last bit of one logarithm in a hundred.
        "spark.comet.expression.Log.enabled": "false",
        # A batch that a grouping makes is a window on all its rows, and all of them are handed over with every window:
        # with the 8,192 rows of the default, 17 million flows take 18 s longer to reach a writer.
        "spark.comet.batchSize": "65536",
    }


@contextlib.contextmanager
def _terminal_output_to(log: Path) -> Iterator[None]:
    """The JVM inherits the streams that are open when it starts, so they point to the log just then."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = os.dup(1), os.dup(2)
    with log.open("ab") as sink:
        os.dup2(sink.fileno(), 1)
        os.dup2(sink.fileno(), 2)
        try:
            yield
        finally:
            for descriptor, original in zip((1, 2), kept, strict=True):
                os.dup2(original, descriptor)
                os.close(original)


def find_java() -> str:
    """The home of a Java 17: JAVA_HOME, the one on the path, or one of the usual folders.

    Raises:
        InputError: there is none.
    """
    for home in _java_homes():
        if _java_version(home) == JAVA:
            return str(home)
    raise InputError(f"Spark needs Java {JAVA} and none was found; install it and run again. {INSTALL_JAVA}")


def _java_homes() -> Iterator[Path]:
    if "JAVA_HOME" in os.environ:
        yield Path(os.environ["JAVA_HOME"])
    if on_path := shutil.which("java"):
        yield Path(on_path).resolve().parent.parent
    for pattern in ("/usr/lib/jvm/*17*", "/Library/Java/JavaVirtualMachines/*17*/Contents/Home"):
        yield from sorted(Path("/").glob(pattern.lstrip("/")))
    for brewed in ("/opt/homebrew/opt/openjdk@17", "/usr/local/opt/openjdk@17"):
        yield Path(brewed)
    if "CONDA_PREFIX" in os.environ:
        yield Path(os.environ["CONDA_PREFIX"]) / "lib" / "jvm"


def _java_version(home: Path) -> int | None:
    java = home / "bin" / "java"
    if not java.exists():
        return None
    said = subprocess.run([str(java), "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', said)
    return int(found.group(1)) if found else None


def fetch_jars() -> None:
    """Starts Spark once, by which its Ivy fetches Delta's jars into its cache; says what went wrong if it cannot."""
    log = Path("build") / "setup.log"
    settings = SparkSettings(
        master="local[1]", driver_memory="512m", engine="spark", engine_memory="0", shuffle_partitions=1, conf={}
    )
    try:
        open_session(settings, log).stop()
    except Exception as error:
        sys.exit(
            f"Spark could not start with Delta ({type(error).__name__}: see {log}). Its jars come from Maven "
            "Central, the first time only: is the network there?"
        )


if __name__ == "__main__":
    fetch_jars()
