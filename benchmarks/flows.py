"""Declarations to annual flows in one HS revision, behind gates: Haiguan, and DuckDB and polars without gates.

    python benchmarks/flows.py [--records 1000000 10000000 100000000] [--times 3] [--heap 8g]

All three read the same declarations of the simulated archive (Parquet, codes as text), bring products to HS1996 by the
official conversion, sum up by firm, product, partner, regime, direction, unit and year, and write the flows; their
dollars must agree to the cent. Haiguan stages them as a Delta table under its constraints, counts them for the ledger,
has Great Expectations judge them and publishes them. Each runs in a process of its own; the best of several times is
shown. Haiguan runs twice: on Spark's own engine and on Comet (setting spark.engine), where five eighths of the memory
are Comet's, a quarter is the heap, and the rest is left for the workers that write. Shares of its time: reading and
grouping are measured alone, without anything being written.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

    from haiguan.jobs.runtime.settings import Settings
    from haiguan.transforms.outcome import Outcome

YEARS = (2000, 2016)
TO = "HS1996"
CORES = 2
CODES = ("concordance", "codes", "families")
FLOWS = "core_customs__annual_flows"
COLUMNS_READ = (
    "year firm_code product_code hs_revision partner_code regime direction unit_code quantity value_usd".split()
)
RECORDS_PER_SHUFFLE_PARTITION = 1_500_000
SQL = f"""
    SELECT firm_code, coalesce(target_code, left(product_code, 6)) AS product_code, '{TO}' AS hs_revision,
        partner_code, regime, direction, unit_code, year,
        CASE WHEN count(quantity) = count(*) THEN sum(quantity) END AS quantity,
        sum(value_usd) AS value_usd, count(*) AS declarations
    FROM declarations LEFT JOIN targets
        ON declarations.hs_revision = targets.hs_revision AND left(product_code, 6) = heading
    GROUP BY ALL
"""


def settings(place: Path, memory: str, records: int, engine: str = "spark") -> Settings:
    """The product's own settings, with the memory and the partitions for that many records."""
    from haiguan.jobs.runtime.run import read_settings

    partitions = max(2 * CORES, records // RECORDS_PER_SHUFFLE_PARTITION)
    gigabytes = int(memory.removesuffix("g"))
    beside, heap = (gigabytes * 5 // 8, gigabytes // 4) if engine == "comet" else (0, gigabytes)
    return read_settings(
        None,
        [
            f"reports={place / 'reports'}",
            f"spark.master=local[{CORES}]",
            f"spark.engine={engine}",
            f"spark.driver_memory={heap}g",
            f"spark.engine_memory={beside}g",
            f"spark.shuffle_partitions={partitions}",
            f"harmonise.to={TO}",
        ],
    )


def prepare(place: Path, heap: str, records: int) -> None:
    """Declarations, the tables of codes, and for the others the targets of the conversion as one file."""
    import polars as pl

    from haiguan.jobs.harmonisation import tables_of
    from haiguan.jobs.runtime.hs_tables import hs_tables
    from haiguan.jobs.runtime.session import open_session
    from haiguan.jobs.simulate import SimulateSettings, simulate

    chosen = settings(place, heap, records)
    world = chosen.simulate.model_copy(
        update={"declarations": records, "years": YEARS, "skip_years": (), "container": "parquet"}
    )
    simulate(
        open_session(chosen.spark, place / "spark.log"),
        place / "files",
        SimulateSettings.model_validate(world.model_dump()),
    )
    tables = tables_of(hs_tables(None), chosen.harmonise)
    for name in CODES:
        getattr(tables, name).to_parquet(place / f"{name}.parquet", index=False)
    links, codes = pl.from_pandas(tables.concordance), pl.from_pandas(tables.codes)
    converted = links.filter((pl.col("target_revision") == TO) & (pl.col("method") == "conversion")).select(
        pl.col("source_revision").alias("hs_revision"), pl.col("source_code").alias("heading"), "target_code"
    )
    own = codes.filter(pl.col("hs_revision") == TO).select(
        "hs_revision", pl.col("product_code").alias("heading"), pl.col("product_code").alias("target_code")
    )
    pl.concat([converted, own]).write_parquet(place / "targets.parquet")


def _files(place: Path) -> str:
    return str(place / "files" / "declarations" / "*.parquet")


def duckdb(place: Path, out: Path, heap: str, records: int) -> dict[str, Any]:
    """One query, from Parquet to Parquet."""
    import duckdb as engine

    session = engine.connect(
        config={"threads": CORES, "memory_limit": f"{heap.rstrip('g')}GB", "temp_directory": str(out)}
    )
    session.execute("SET preserve_insertion_order = false")
    started = time.perf_counter()
    session.execute(f"CREATE VIEW declarations AS FROM read_parquet('{_files(place)}')")
    session.execute(f"CREATE VIEW targets AS FROM read_parquet('{place / 'targets.parquet'}')")
    session.execute(f"COPY ({SQL}) TO '{out / 'flows.parquet'}' (FORMAT parquet, COMPRESSION zstd)")
    seconds = time.perf_counter() - started
    total = session.execute(f"SELECT sum(value_usd) FROM '{out / 'flows.parquet'}'").fetchone()[0]
    return {"seconds": seconds, "dollars": str(total)}


def polars(place: Path, out: Path, heap: str, records: int) -> dict[str, Any]:
    """The same, by the streaming engine."""
    import polars as pl

    started = time.perf_counter()
    targets = pl.scan_parquet(place / "targets.parquet")
    whole = pl.col("quantity").null_count() == 0
    target = pl.coalesce("target_code", "heading").alias("product_code")
    (
        pl.scan_parquet(_files(place))
        .with_columns(pl.col("product_code").str.slice(0, 6).alias("heading"))
        .join(targets, on=["hs_revision", "heading"], how="left")
        .group_by("firm_code", target, "partner_code", "regime", "direction", "unit_code", "year")
        .agg(
            pl.when(whole).then(pl.col("quantity").sum()).alias("quantity"),
            pl.col("value_usd").sum(),
            pl.len().alias("declarations"),
        )
        .sink_parquet(out / "flows.parquet", compression="zstd")
    )
    seconds = time.perf_counter() - started
    total = pl.scan_parquet(out / "flows.parquet").select(pl.col("value_usd").sum()).collect(engine="streaming").item()
    return {"seconds": seconds, "dollars": str(total)}


def haiguan(place: Path, out: Path, heap: str, records: int, engine: str = "spark") -> dict[str, Any]:
    """The table as a run builds it, in a session that has built a small one before."""
    from haiguan.jobs.runtime.session import open_session

    session = open_session(settings(place, heap, records, engine).spark, out / "spark.log")
    source = session.read.parquet(_files(place))
    _build(session, place, out / "warm", source.where("year = 2000").limit(10_000), heap)
    found = _build(session, place, out / "timed", source, heap)
    used = source.select(*COLUMNS_READ)
    found["reading"] = _seconds(used)
    found["grouping"] = max(0.0, _seconds(_outcome(session, place, source, heap).table) - found["reading"])
    found["writing"] = max(0.0, found["staging"] - found["reading"] - found["grouping"])
    return found


def haiguan_on_comet(place: Path, out: Path, heap: str, records: int) -> dict[str, Any]:
    """The same on the other engine."""
    return haiguan(place, out, heap, records, "comet")


def _outcome(session: SparkSession, place: Path, source: DataFrame, heap: str) -> Outcome:
    import pandas as pd

    from haiguan.transforms.customs.flows import core_customs__annual_flows

    tables = [session.read.parquet(str(place / f"{name}.parquet")) for name in CODES]
    chosen = settings(place, heap, 1)
    return core_customs__annual_flows(source, *tables, pd.DataFrame(), harmonise=chosen.harmonise, value=chosen.value)


def _build(session: SparkSession, place: Path, out: Path, source: DataFrame, heap: str) -> dict[str, Any]:
    from haiguan.expectations.declared import Bounds
    from haiguan.expectations.gate import Gate
    from haiguan.expectations.suites import SUITES
    from haiguan.jobs.runtime.lake import Lake
    from haiguan.jobs.runtime.ledger import measure
    from haiguan.transforms.schema import TABLES, quarantine_of

    lake = Lake(str(out))
    lake.make()
    gate = Gate("benchmark", out.parent / "docs", 20, False)
    started = time.perf_counter()
    outcome = _outcome(session, place, source, heap)
    pairs = ((outcome.quarantine, TABLES[quarantine_of(FLOWS)]), (outcome.table, TABLES[FLOWS]))
    staged = [lake.stage(session, frame, table, "benchmark") for frame, table in pairs]
    written = time.perf_counter()
    measured = [measure(lake.read_staged(session, one), one.table, lake.staged_records(one)) for one in staged]
    records = sum(one.records for one in measured)
    counted = time.perf_counter()
    bounds = Bounds(None, None, 0, 0.05, 5_000_000)
    for one in staged:
        verdicts = gate.judge(one.table.name, lake.read_staged(session, one), SUITES[one.table.name](bounds))
        assert all(verdict.is_success for verdict in verdicts), [v for v in verdicts if not v.is_success]
    judged = time.perf_counter()
    for one in staged:
        lake.publish(one, None, "benchmark")
    ended = time.perf_counter()
    return {
        "seconds": ended - started,
        "staging": written - started,
        "ledger": counted - written,
        "gate": judged - counted,
        "publishing": ended - judged,
        "dollars": str(sum(one.amount for one in measured)),
        "flows": records,
    }


def _seconds(frame: DataFrame) -> float:
    started = time.perf_counter()
    frame.write.format("noop").mode("overwrite").save()
    return time.perf_counter() - started


CONTENDERS = {"haiguan": haiguan, "haiguan on comet": haiguan_on_comet, "duckdb": duckdb, "polars": polars}
SHARES = ("reading", "grouping", "writing", "ledger", "gate", "publishing")


def _in_a_process(name: str, place: Path, arguments: argparse.Namespace, records: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as out:
        command = [sys.executable, __file__, "--contender", name, "--place", str(place), "--out", out]
        command += ["--heap", arguments.heap, "--records", str(records)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def compare(records: int, arguments: argparse.Namespace) -> None:
    """Prints seconds, ratios to DuckDB and shares of the time for one number of records."""
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as folder:
        place = Path(folder)
        _in_a_process("prepare", place, arguments, records)
        names = [name for name in CONTENDERS for _ in range(arguments.times)]
        runs = [(name, _in_a_process(name, place, arguments, records)) for name in names]
    best = {name: min((one for n, one in runs if n == name), key=lambda one: one["seconds"]) for name in CONTENDERS}
    dollars = {Decimal(one["dollars"]) for one in best.values()}
    assert len(dollars) == 1, f"dollars differ: {dollars}"
    flows = best["haiguan"]["flows"]
    print(f"{records:,} declarations, {flows:,} flows, {CORES} cores, {arguments.heap} each", flush=True)
    for name, one in best.items():
        ratio = one["seconds"] / best["duckdb"]["seconds"]
        print(f"  {name:<16} {one['seconds']:8.1f} s  {ratio:6.2f} x DuckDB", flush=True)
    for name in ("haiguan", "haiguan on comet"):
        parts = "  ".join(f"{share} {best[name][share] / best[name]['seconds']:.0%}" for share in SHARES)
        print(f"  shares of {name}: {parts}", flush=True)


def main() -> None:
    """Runs the comparison for each number of records, or one contender in a process of its own."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", default=[1_000_000, 10_000_000, 100_000_000])
    parser.add_argument("--times", type=int, default=1, help="the best of so many runs is shown")
    parser.add_argument("--heap", default="8g", help="memory of each")
    parser.add_argument("--scratch", help="folder with room for the files; 100 million declarations need about 10 GB")
    parser.add_argument("--contender", choices=[*CONTENDERS, "prepare"], help=argparse.SUPPRESS)
    parser.add_argument("--place", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.contender is None:
        for records in arguments.records:
            compare(records, arguments)
        return
    if arguments.contender == "prepare":
        prepare(arguments.place, arguments.heap, arguments.records[0])
        print(json.dumps({}))
        return
    print(
        json.dumps(
            CONTENDERS[arguments.contender](arguments.place, arguments.out, arguments.heap, arguments.records[0])
        )
    )


if __name__ == "__main__":
    main()
