"""Writes a simulated world: customs and Comtrade files in their real layouts, and the truth about them beside them.

OUT/customs/<year>/*.csv, OUT/comtrade/comtrade_<years>.csv, OUT/truth/. The truth is written first.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any

import pandas as pd
from pyspark import StorageLevel
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from haiguan.transforms.errors import InputError
from haiguan.transforms.simulation import SimulateSettings, truth
from haiguan.transforms.simulation.catalogue import Partners, Products, partner_catalogue, product_catalogue
from haiguan.transforms.simulation.comtrade import comtrade_rows
from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.editions import edition_of, repeated_files, years_between
from haiguan.transforms.simulation.firms import simulate_firms
from haiguan.transforms.simulation.lines import customs_lines, heading_line
from haiguan.transforms.simulation.plan import Plan, plan_records
from haiguan.transforms.simulation.records import simulate_records

__all__ = ["SimulateSettings", "is_simulated", "simulate"]

_FOLDERS = ("customs", "comtrade", "truth")
_STAGING = ".staging"
_IDENTITY = Path("truth", "simulation.json")

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _World:
    """The pieces of which a world's files are made."""

    plan: Plan
    products: Products
    partners: Partners
    records: DataFrame


@contextmanager
def _short_methods(spark: SparkSession) -> Iterator[None]:
    """Lets Spark compile one expression at a time for a while.

    A record has so many fields that the one method of whole-stage code passes the 8,000 bytes beyond which the JVM
    leaves a method uncompiled; in pieces the same expressions run five times as fast.
    """
    setting = "spark.sql.codegen.wholeStage"
    before = spark.conf.get(setting) or "true"
    spark.conf.set(setting, "false")
    try:
        yield
    finally:
        spark.conf.set(setting, before)


def simulate(spark: SparkSession, out: Path, settings: SimulateSettings) -> None:
    """Writes the world that the settings describe into a folder, unless exactly that is there already.

    Args:
        spark: session with the legacy Java charsets on, which GB18030 needs.
        out: folder; new, empty, or one that holds a simulation, which is replaced.
        settings: what to simulate.

    Raises:
        InputError: the folder holds something else, or no year has a layout.
    """
    years = years_between(*settings.years)
    products, countries = _code_table("products"), _code_table("countries")
    if is_simulated(out, settings):
        _log.info("%s already holds this simulation: nothing to write", out)
        return
    _cleared(out)
    _write_identity(out, settings, written={})

    draws = Draws(settings.seed)
    firms = simulate_firms(draws, settings.declarations, years)
    plan = plan_records(draws, firms, settings.declarations)
    traded, partners = product_catalogue(products, draws), partner_catalogue(countries)
    records = simulate_records(spark.createDataFrame(plan.cells), plan, traded, partners, draws)
    world = _World(plan, traded, partners, records)

    with _short_methods(spark), _kept(records):
        _write_truth(out, world)
        _write_customs(spark, out, world)
    _write_comtrade(
        out, comtrade_rows(products, countries, {year: edition_of(year).hs_revision for year in years}, draws)
    )
    shutil.rmtree(out / _STAGING, ignore_errors=True)
    _write_identity(out, settings, written=_sizes(out))


@contextmanager
def _kept(records: DataFrame) -> Iterator[None]:
    """Keeps the records on disk for a while: three frames are made from them."""
    records.persist(StorageLevel.DISK_ONLY)
    try:
        yield
    finally:
        records.unpersist()


def is_simulated(out: Path, settings: SimulateSettings) -> bool:
    """Whether a folder holds exactly the simulation that the settings describe, complete; needs no Spark.

    Exactly: the same settings, the same code and code tables, and every file in its size.
    """
    path = out / _IDENTITY
    if not path.is_file():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    files = found.pop("files", None)
    return found == _identity(settings) and bool(files) and files == _sizes(out)


def _write_truth(out: Path, world: _World) -> None:
    folder = out / "truth"
    (folder / "coefficients.json").write_text(json.dumps(truth.coefficients(), indent=2) + "\n", encoding="utf-8")
    truth.totals(world.plan).to_csv(folder / "totals.csv", index=False, lineterminator="\n")
    flows = truth.annual_flows(world.records, world.products, world.partners)
    _write_flows(flows, world.plan.years, out / _STAGING / "flows", folder / "flows.parquet")
    _write_defects(world, out / _STAGING / "defects", folder / "defects.csv")


def _write_flows(flows: DataFrame, years: tuple[int, ...], staging: Path, target: Path) -> None:
    """One Parquet file per year, in the order of the flows' key."""
    key = [name for name in flows.columns if name not in ("quantity", "value_usd", "declarations")]
    (
        flows.select("*", F.col("year").alias("part"))
        .repartitionById(max(years) - min(years) + 1, F.col("year") - min(years))
        .sortWithinPartitions("part", *key)
        .write.partitionBy("part")
        .option("compression", "zstd")
        .parquet(str(staging))
    )
    target.mkdir()
    for year in years:
        _only_part(staging / f"part={year}").rename(target / f"{year}.parquet")


def _write_defects(world: _World, staging: Path, target: Path) -> None:
    """One CSV file, by file and line; files delivered twice come last and have neither line nor amount."""
    text = F.concat_ws(",", "file", "line", "rule", F.coalesce("amount_usd", F.lit("")))
    lines = truth.defects(world.records).select("file", "line", text.alias("text"))
    lines.coalesce(1).sortWithinPartitions("file", "line").select("text").write.text(str(staging))
    repeated = [f"{file},,{rule}," for file, rule in truth.repeated(world.plan)]
    with target.open("wb") as sink:
        sink.write((",".join(truth.DEFECT_HEADINGS) + "\n").encode())
        with _only_part(staging).open("rb") as source:
            shutil.copyfileobj(source, sink)
        sink.writelines(f"{line}\n".encode() for line in repeated)


def _write_customs(spark: SparkSession, out: Path, world: _World) -> None:
    """All customs files in one job: one task sorts one file, whose heading is its line 1."""
    files = world.plan.files
    headings = spark.createDataFrame(
        [(index, 1, heading_line(file)) for index, file in enumerate(files)], "file_index int, line bigint, text binary"
    ).select("file_index", "line", F.col("text").cast("string").alias("text"))
    lines = customs_lines(world.records, world.plan, world.products, world.partners)
    staging = out / _STAGING / "customs"
    (
        headings.unionByName(lines)
        .repartitionById(len(files), F.col("file_index"))
        .sortWithinPartitions("file_index", "line")
        .select("file_index", "text")
        .write.partitionBy("file_index")
        .text(str(staging))
    )
    for index, file in enumerate(files):
        target = out / "customs" / file.path
        target.parent.mkdir(exist_ok=True)
        _only_part(staging / f"file_index={index}").rename(target)
    for copy, original in repeated_files(files).items():
        shutil.copyfile(out / "customs" / original, out / "customs" / copy)


def _write_comtrade(out: Path, rows: pd.DataFrame) -> None:
    years = "_".join(sorted(rows["Year"].unique()))
    rows.to_csv(out / "comtrade" / f"comtrade_{years}.csv", index=False, lineterminator="\n")


def _only_part(folder: Path) -> Path:
    """The one data file that a task wrote into a folder."""
    (part,) = folder.glob("part-*")
    return part


def _cleared(out: Path) -> None:
    """Makes room: a simulation that is there goes; anything else stays, and is an error."""
    found = sorted(path.name for path in out.iterdir()) if out.is_dir() else []
    strangers = set(found) - {*_FOLDERS, _STAGING}
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: is a file; name a folder to write into")
    if strangers or (found and not (out / _IDENTITY).is_file()):
        raise InputError(
            f"--out {out}: holds {', '.join(found[:5])}, which is no simulation; name an empty folder or a new one"
        )
    for name in found:
        shutil.rmtree(out / name)
    for name in _FOLDERS:
        (out / name).mkdir(parents=True)


def _identity(settings: SimulateSettings) -> dict[str, Any]:
    return {"settings": settings.model_dump(mode="json"), "code": _fingerprint()}


def _write_identity(out: Path, settings: SimulateSettings, written: dict[str, int]) -> None:
    """Says what the folder holds; without files as long as the simulation is not complete."""
    text = json.dumps(_identity(settings) | {"files": written}, indent=2, ensure_ascii=False)
    (out / _IDENTITY).write_text(text + "\n", encoding="utf-8")


def _sizes(out: Path) -> dict[str, int]:
    return {
        path.relative_to(out).as_posix(): path.stat().st_size
        for folder in _FOLDERS
        for path in sorted((out / folder).rglob("*"))
        if path.is_file() and path != out / _IDENTITY and not path.name.startswith(".")
    }


def _code_table(name: str) -> pd.DataFrame:
    with package_files("haiguan.conf").joinpath("codes").joinpath(f"{name}.csv").open(encoding="utf-8") as source:
        return pd.read_csv(source, dtype=str, keep_default_na=False)


def _fingerprint() -> str:
    """SHA-256 of the simulator's code and code tables."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for folder in (package_files("haiguan.transforms.simulation"), package_files("haiguan.conf").joinpath("codes")):
        for entry in sorted(folder.iterdir(), key=lambda entry: entry.name):
            if entry.name.endswith((".py", ".csv")):
                digest.update(entry.name.encode() + entry.read_bytes())
    return digest.hexdigest()
