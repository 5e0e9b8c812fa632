"""Writes a simulated world: customs and Comtrade files in their real layouts, and the truth about them beside them.

OUT/customs/<year>/..., OUT/comtrade/comtrade_<years>.csv, OUT/statistics/national_trade.csv, OUT/truth/. Spark's tasks
make a year each, one block of firms after the other; first all of the truth, then the files.
"""

from __future__ import annotations

import hashlib
import json
import logging
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.resources import files as package_files
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from pyspark.sql import SparkSession

from haiguan.transforms.errors import InputError
from haiguan.transforms.simulation import SimulateSettings, truth
from haiguan.transforms.simulation.catalogue import (
    districts_of,
    has_unmapped_codes,
    partner_catalogue,
    product_catalogue,
)
from haiguan.transforms.simulation.comtrade import HEADINGS, other_reports, own_reports
from haiguan.transforms.simulation.containers import writer_of
from haiguan.transforms.simulation.declarations import SCHEMA, declarations, parts_of
from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.editions import Piece, listed_piece, repeated_files, revision_of, years_between
from haiguan.transforms.simulation.firms import SECURITIES
from haiguan.transforms.simulation.pages import blocks, line_numbers, listed_page, pages
from haiguan.transforms.simulation.plan import firms_of, plan_world
from haiguan.transforms.simulation.records import World
from haiguan.transforms.simulation.rules import ON_REQUEST, SECOND_EDITION, UNMAPPED

__all__ = ["CodeTables", "SimulateSettings", "embedded_tables", "is_simulated", "simulate"]

_FOLDERS = ("customs", "comtrade", "statistics", "declarations", "truth")
_STAGING = ".staging"
_IDENTITY = Path("truth", "simulation.json")
_DEFECTS = "file,line,layout,rule,amount_usd"

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class CodeTables:
    """The code tables of a world.

    Attributes:
        products: hs_revision, product_code, product_name.
        countries: country_code, country_name, customs_code, labels, m49_code, is_comtrade_reporter (yes, or blank).
        divisions: place_code, first_year, last_year, place_name, place_level.
    """

    products: pd.DataFrame
    countries: pd.DataFrame
    divisions: pd.DataFrame

    @property
    def fingerprint(self) -> str:
        """SHA-256 of all rows."""
        digest = hashlib.sha256()
        for table in (self.products, self.countries, self.divisions):
            digest.update(table.to_csv(index=False).encode())
        return digest.hexdigest()


@dataclass(frozen=True)
class _Site:
    """A world, and where it is written."""

    out: Path
    world: World
    tables: CodeTables

    def staged(self, name: str, year: int) -> Path:
        return self.out / _STAGING / f"{name}_{year}.csv"


def embedded_tables() -> CodeTables:
    """The code tables that come with haiguan."""
    divisions = _code_table("places").astype({"first_year": int, "last_year": int, "place_level": int})
    return CodeTables(_code_table("products"), _code_table("countries"), divisions)


def simulate(spark: SparkSession, out: Path, settings: SimulateSettings, tables: CodeTables | None = None) -> None:
    """Writes the world that the settings describe into a folder, unless exactly that is there already.

    Args:
        spark: session, whose workers see the folder.
        out: folder; new, empty, or one that holds a simulation, which is replaced.
        settings: what to simulate.
        tables: codes to use; None: those that come with haiguan.

    Raises:
        InputError: the folder holds something else, no year has a layout, or too many firms would be listed.
    """
    _years(settings)
    tables = tables or embedded_tables()
    if is_simulated(out, settings, tables):
        _log.info("%s already holds this simulation: nothing to write", out)
        return
    _cleared(out)
    _write_identity(out, settings, tables, written={})
    site = _Site(out, world_of(settings, tables), tables)
    if settings.container == "parquet":
        _write_declarations(spark, site)
    else:
        _write_archive(spark, site)
    shutil.rmtree(out / _STAGING, ignore_errors=True)
    for folder in _FOLDERS:
        if not any((out / folder).iterdir()):
            (out / folder).rmdir()
    _write_identity(out, settings, tables, written=_sizes(out))


def world_of(settings: SimulateSettings, tables: CodeTables) -> World:
    """All that is known of a world before its records are drawn."""
    draws, years = Draws(settings.seed), _years(settings)
    revisions = tuple(sorted({revision_of(year) for year in years}))
    plan = plan_world(draws, settings.declarations, years)
    products = product_catalogue(tables.products, revisions, draws)
    without = {*settings.without, *ON_REQUEST} - {*settings.also}
    if not has_unmapped_codes(tables.products):
        without.add(UNMAPPED)
    return World(plan, products, partner_catalogue(tables.countries), frozenset(without), settings.edition)


def _years(settings: SimulateSettings) -> tuple[int, ...]:
    """The years of a world; InputError where there are none, or more firms in them than securities."""
    years = years_between(*settings.years, settings.skip_years)
    if settings.edition == "listed" and firms_of(settings.declarations, years) > SECURITIES:
        raise InputError(f"simulate.edition: no more than {SECURITIES:,} firms can be listed; ask for fewer records")
    return years


def is_simulated(out: Path, settings: SimulateSettings, tables: CodeTables | None = None) -> bool:
    """Whether a folder holds exactly the simulation that the settings describe, complete; needs no Spark.

    Exactly: the same settings, the same code and code tables, and every file in its size.
    """
    path = out / _IDENTITY
    if not path.is_file():
        return False
    found = json.loads(path.read_text(encoding="utf-8"))
    files = found.pop("files", None)
    return found == _identity(settings, tables or embedded_tables()) and bool(files) and files == _sizes(out)


def _write_archive(spark: SparkSession, site: _Site) -> None:
    """The truth, what is published from it, and at last the customs files."""
    for name in ("flows", "firms", "carried"):
        (site.out / "truth" / f"{name}.parquet").mkdir()
    planted = _each_year(spark, site, lambda index: _write_truth_of_year(site, index))
    _write_truth(site, pd.concat(planted))
    _write_statistics(site)
    _write_comtrade(site)
    _each_year(spark, site, lambda index: _write_files_of_year(site, index))
    for copy, original in repeated_files(_all_pieces(site.world)).items():
        shutil.copyfile(site.out / "customs" / original, site.out / "customs" / copy)


def _each_year(spark: SparkSession, site: _Site, work: Callable[[int], Any]) -> list[Any]:
    """Does the work for every year, the largest first; the results in the order of the years."""
    records = site.world.plan.records.sum(axis=(1, 2))
    order = np.argsort(-records, kind="stable").tolist()
    done = spark.sparkContext.parallelize(order, len(order)).map(lambda index: (index, work(index))).collect()
    return [result for _, result in sorted(done, key=lambda pair: pair[0])]


def _write_truth_of_year(site: _Site, year_index: int) -> pd.DataFrame:
    """Writes a year's flows and firms, and stages its defects, statistics and reports; returns counts by rule."""
    world, year = site.world, site.world.plan.years[year_index]
    pieces = world.pieces(year_index)
    before, declared, defects = np.zeros(len(pieces), dtype=np.int64), truth.Declared.nothing(world), []
    for number, firms, records in blocks(world, year_index):
        tables = {
            "flows": truth.annual_flows(world, year, firms, records),
            "firms": truth.firm_years(world, year_index, firms),
            "carried": truth.carried(world, year, firms, records),
        }
        for name, table in tables.items():
            _write_parquet(table, site.out / "truth" / f"{name}.parquet" / f"{year}_{number:05d}.parquet")
        defects.append(truth.defects(pieces, records, line_numbers(pieces, records, before)))
        before += np.bincount(records.piece, minlength=len(pieces))
        declared.add(records)
    found = pa.concat_tables(defects).to_pandas().sort_values(["file", "line"])
    found.to_csv(_parent_made(site.staged("defects", year)), index=False, header=False, lineterminator="\n")
    totals = truth.published_totals(year, declared)
    totals.to_csv(site.staged("totals", year), index=False, header=False, lineterminator="\n")
    national = truth.national_trade(world, year, declared)
    national.to_csv(site.staged("national", year), index=False, header=False, lineterminator="\n")
    others = other_reports(site.tables.products, site.tables.countries, year, revision_of(year), world.plan.draws)
    _write_csv(pa.concat_tables([own_reports(world, year, declared), others]), site.staged("comtrade", year))
    return found.assign(year=year)[["year", "layout", "rule", "amount_usd"]]


def _write_truth(site: _Site, planted: pd.DataFrame) -> None:
    folder, years = site.out / "truth", site.world.plan.years
    (folder / "coefficients.json").write_text(json.dumps(truth.coefficients(), indent=2) + "\n", encoding="utf-8")
    _joined_up(folder / "totals.csv", "year,direction,records,value_usd", (site.staged("totals", y) for y in years))
    counts = truth.planted_counts(planted)
    counts.to_csv(folder / "planted.csv", index=False, lineterminator="\n")
    _joined_up(folder / "defects.csv", _DEFECTS, (site.staged("defects", year) for year in years), _whole_files(site))


def _whole_files(site: _Site) -> str:
    """Lines of defects.csv for files that are there although they repeat others, or tell the same in another way."""
    found = truth.repeated(_all_pieces(site.world))
    if SECOND_EDITION not in site.world.without:
        found.append((listed_piece(site.world.plan.years[0]).path, SECOND_EDITION))
    return "".join(f"{file},,,{rule},\n" for file, rule in found)


def _write_statistics(site: _Site) -> None:
    parts = (site.staged("national", year) for year in site.world.plan.years)
    _joined_up(site.out / "statistics" / "national_trade.csv", "year,month,direction,regime,value_usd", parts)


def _write_comtrade(site: _Site) -> None:
    """The reports of all countries in one file, year by year."""
    years = site.world.plan.years
    target = site.out / "comtrade" / f"comtrade_{years[0]}_{years[-1]}.csv"
    _joined_up(target, ",".join(HEADINGS), (site.staged("comtrade", year) for year in years))


def _write_files_of_year(site: _Site, year_index: int) -> None:
    """Writes all customs files of a year at once, block by block."""
    world = site.world
    districts = districts_of(site.tables.divisions, world.plan.years[year_index])
    pieces = world.pieces(year_index)
    with ExitStack() as stack:
        sinks = [stack.enter_context(_opened(_place_of(site, piece))) for piece in pieces]
        writers = {piece.number: writer_of(piece, sink) for piece, sink in zip(pieces, sinks, strict=True)}
        for _, firms, records in blocks(world, year_index):
            for page in pages(world, year_index, firms, records, districts):
                writers[page.piece.number].write(page.fields, page.records)
        for writer in writers.values():
            writer.close()
    _zip_up(site, [piece for piece in pieces if piece.archive])
    if year_index == 0 and SECOND_EDITION not in world.without:
        _write_second_edition(site, year_index)


def _write_second_edition(site: _Site, year_index: int) -> None:
    """Writes the good records of a year a second time, as the file of listed firms."""
    world = site.world
    districts = districts_of(site.tables.divisions, world.plan.years[year_index])
    piece = listed_piece(world.plan.years[year_index])
    with _opened(_place_of(site, piece)) as sink:
        writer = writer_of(piece, sink)
        for _, firms, records in blocks(world, year_index):
            page = listed_page(world, year_index, firms, records, districts)
            writer.write(page.fields, page.records)
        writer.close()


def _place_of(site: _Site, piece: Piece) -> Path:
    return site.out / _STAGING / piece.path if piece.archive else site.out / "customs" / piece.path


def _zip_up(site: _Site, pieces: Iterable[Piece]) -> None:
    """Puts the pieces of each archive into it, under one date, so that the same pieces are the same bytes."""
    with ExitStack() as stack:
        archives: dict[str, ZipFile] = {}
        for piece in pieces:
            path = site.out / "customs" / str(piece.archive)
            if piece.archive not in archives:
                archives[str(piece.archive)] = stack.enter_context(ZipFile(_parent_made(path), "w", ZIP_DEFLATED))
            info = ZipInfo(piece.path)
            info.compress_type = ZIP_DEFLATED
            staged = _place_of(site, piece)
            with staged.open("rb") as source, archives[str(piece.archive)].open(info, "w", force_zip64=True) as sink:
                shutil.copyfileobj(source, sink)
            staged.unlink()


def _write_declarations(spark: SparkSession, site: _Site) -> None:
    """Coded declarations as Parquet, for benchmarks, and their totals."""
    truth.totals(site.world.plan).to_csv(site.out / "truth" / "totals.csv", index=False, lineterminator="\n")
    parts = parts_of(site.world.plan)

    def work(part: tuple[int, int, int]) -> None:
        """Writes a year's blocks of firms, from the start to before the end, as one file; runs on a worker."""
        year_index, start, end = part
        path = site.out / "declarations" / f"{site.world.plan.years[year_index]}_{start:05d}.parquet"
        with pq.ParquetWriter(path, SCHEMA, compression="zstd", store_schema=False) as writer:
            for block in range(start, end):
                writer.write_table(declarations(site.world, year_index, block))

    spark.sparkContext.parallelize(parts, len(parts)).foreach(work)


def _all_pieces(world: World) -> tuple[Piece, ...]:
    return tuple(piece for index in range(len(world.plan.years)) for piece in world.pieces(index))


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    with _parent_made(path).open("w+b") as sink:
        yield sink


def _parent_made(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path


def _write_parquet(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


def _write_csv(table: pa.Table, path: Path) -> None:
    options = pyarrow.csv.WriteOptions(include_header=False, quoting_style="needed")
    pyarrow.csv.write_csv(table, path, options)


def _joined_up(target: Path, heading: str, parts: Iterable[Path], rest: str = "") -> None:
    """One CSV file out of parts without a heading."""
    with target.open("wb") as sink:
        sink.write(f"{heading}\n".encode())
        for part in parts:
            with part.open("rb") as source:
                shutil.copyfileobj(source, sink)
        sink.write(rest.encode())


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


def _identity(settings: SimulateSettings, tables: CodeTables) -> dict[str, Any]:
    return {"settings": settings.model_dump(mode="json"), "code": _fingerprint(), "codes": tables.fingerprint}


def _write_identity(out: Path, settings: SimulateSettings, tables: CodeTables, written: dict[str, int]) -> None:
    """Says what the folder holds; without files as long as the simulation is not complete."""
    text = json.dumps(_identity(settings, tables) | {"files": written}, indent=2, ensure_ascii=False)
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
    """SHA-256 of the simulator's code."""
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for entry in sorted(package_files("haiguan.transforms.simulation").iterdir(), key=lambda entry: entry.name):
        if entry.name.endswith(".py"):
            digest.update(entry.name.encode() + entry.read_bytes())
    return digest.hexdigest()
