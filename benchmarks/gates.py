"""What a gate costs beside the work that it guards: annual flows made and staged, then judged.

    python benchmarks/gates.py [--records 1000000 10000000]

Declarations are made from a seeded hash, with as many keys as records allow, so that the sum hardly shrinks them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from haiguan.expectations.declared import Bounds
from haiguan.expectations.gate import Gate
from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime.lake import Lake, enforce
from haiguan.jobs.runtime.ledger import measure
from haiguan.jobs.runtime.run import read_settings
from haiguan.jobs.runtime.session import open_session
from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.flows import core_customs__annual_flows
from haiguan.transforms.products.translation import HarmoniseSettings
from haiguan.transforms.schema import TABLES

DECLARATIONS, FLOWS = TABLES["core_customs__declarations"], TABLES["core_customs__annual_flows"]


def _draw(name: str, size: int) -> F.Column:
    return F.pmod(F.xxhash64("id", F.lit(name)), F.lit(size))


def declarations(session: SparkSession, records: int) -> DataFrame:
    """Made declarations with the columns of core_customs__declarations; those that flows do not read are null."""
    cents = _draw("value", 10_000_000)
    made = session.range(records).select(
        F.lit(2004).alias("year"),
        (_draw("month", 12) + 1).cast("int").alias("month"),
        F.lit("0" * 16).alias("file_id"),
        F.lit("made").alias("file"),
        (F.col("id") + 2).alias("line"),
        F.lit("made").alias("layout"),
        F.element_at(F.array(F.lit("export"), F.lit("import")), (_draw("direction", 2) + 1).cast("int")).alias(
            "direction"
        ),
        F.lpad(_draw("firm", 200_000).cast("string"), 10, "0").alias("firm_code"),
        F.lit(None).cast("string").alias("firm_name"),
        F.lit(None).cast("string").alias("ownership"),
        F.lpad(_draw("product", 7_000).cast("string"), 8, "0").alias("product_code"),
        F.lit("HS2002").alias("hs_revision"),
        F.concat(F.lit("P"), F.lpad(_draw("partner", 99).cast("string"), 2, "0")).alias("partner_code"),
        F.lit("ordinary").alias("regime"),
        F.lit("kilogram").alias("unit_code"),
        _draw("quantity", 1_000).cast("decimal(18,3)").alias("quantity"),
        (cents.cast("decimal(20,0)") / 100).cast("decimal(18,2)").alias("value_usd"),
        F.lit(0).cast("decimal(18,6)").alias("rounding_usd"),
        F.array().cast("array<string>").alias("flags"),
    )
    unread = [column for column in DECLARATIONS.columns if column.name not in made.columns]
    return made.select("*", *[F.lit(None).cast(column.type).alias(column.name) for column in unread])


def _flows(read: DataFrame) -> DataFrame:
    """The collapse alone: codes stay as reported, so the tables of codes are not read."""
    as_reported = HarmoniseSettings(
        to=None, method="conversion", shares="estimated", family_revisions=(), family_codes_at_most=None
    )
    in_dollars = ValueSettings(currency="USD", exchange_rate="annual", valuation={"export": "FOB", "import": "CIF"})
    no_changes = pd.DataFrame()
    flows = core_customs__annual_flows(read, read, read, read, no_changes, harmonise=as_reported, value=in_dollars)
    return flows.table


def compare(session: SparkSession, folder: Path, records: int) -> None:
    """Prints the seconds of making and staging the flows, and of judging them, and their ratio."""
    lake = Lake(str(folder / f"lake_{records}"))
    source = str(folder / f"declarations_{records}")
    enforce(declarations(session, records), DECLARATIONS).write.parquet(source)
    read = session.read.parquet(source)
    total = read.agg(F.sum(F.col("value_usd").cast("decimal(38,6)"))).head()[0]
    bounds = Bounds(records, total, 0, 0.05, 5_000_000)
    gate = Gate("benchmark", folder / "docs", 20, False)
    gate.judge("warm_up", session.range(10).toDF("id"), [])
    started = time.monotonic()
    staged = lake.stage(session, _flows(read), FLOWS, f"benchmark_{records}")
    worked = time.monotonic()
    frame = lake.read_staged(session, staged)
    measure(frame, FLOWS, lake.staged_records(staged))
    counted = time.monotonic()
    verdicts = gate.judge(FLOWS.name, frame, SUITES[FLOWS.name](bounds))
    judged = time.monotonic()
    assert all(verdict.is_success for verdict in verdicts), [v for v in verdicts if not v.is_success]
    work, count, cost = worked - started, counted - worked, judged - counted
    print(
        f"{records:>12,} records: work {work:.1f} s, counts {count:.1f} s, gate {cost:.1f} s = {cost / work:.2f} of it"
    )


def main() -> None:
    """Runs the comparison for each number of records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--records", type=int, nargs="+", default=[1_000_000, 10_000_000])
    with tempfile.TemporaryDirectory() as scratch:
        session = open_session(read_settings(None, []).spark, Path(scratch) / "spark.log")
        for records in parser.parse_args().records:
            compare(session, Path(scratch), records)
        session.stop()


if __name__ == "__main__":
    main()
