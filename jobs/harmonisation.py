"""The body of `haiguan harmonise`: a table of flows in, the same in another HS revision out, and a short account.

For codes of eight digits a year stands for the revision.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import duckdb
import pandas as pd
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from haiguan.jobs.analyst.query import connect
from haiguan.jobs.flow_checks import Columns, checked_columns, checked_revisions
from haiguan.jobs.flow_files import beside, check_target, opened, table, write
from haiguan.jobs.reporting.formats import plural
from haiguan.jobs.runtime.hs_tables import HsTables, hs8_changes, hs_tables
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.errors import InputError
from haiguan.transforms.money import to_cents
from haiguan.transforms.products.concordance import core_products__concordance
from haiguan.transforms.products.families import core_products__families, largest_families
from haiguan.transforms.products.national_codes import NATIONAL_DIGITS, is_year
from haiguan.transforms.products.national_translation import tables_over_years
from haiguan.transforms.products.published import revision_of
from haiguan.transforms.products.translation import (
    HEADING_DIGITS,
    OUTSIDE_HS,
    HarmoniseSettings,
    apportioned,
    heading,
    translation,
    untranslated,
    with_target,
)
from haiguan.transforms.quantities import sum_of_known
from haiguan.transforms.schema import TABLES
from haiguan.transforms.schema.columns import HS_REVISIONS

_FAMILIES_SHOWN, _CODES_SHOWN = 10, 5
_AMOUNTS = ("cents", "thousandths")


@dataclass(frozen=True)
class Tables:
    """What is known of product codes, on the driver."""

    concordance: pd.DataFrame
    codes: pd.DataFrame
    families: pd.DataFrame


def harmonise_flows(
    flows: Path,
    out: Path,
    to: str,
    method: str | None,
    settings: Settings,
    start: Callable[[], SparkSession],
    say: Callable[[str], None],
) -> None:
    """Brings the product codes of a table of flows to one HS revision and writes it, with what had no target beside it.

    Args:
        flows: the table: columns product_code, year or revision, value_usd, any keys, quantity with unit_code.
        out: where the result goes; CSV, Parquet, Stata or a Delta folder by its ending.
        to: the revision; a year for codes of eight digits, where inputs.hs8_changes is named.
        method: conversion, weights or families; None: as the settings say.
        settings: of the run; the tables of codes are those of inputs.hs_tables or inputs.hs8_changes.
        start: opens the Spark session, once the table is known to be sound.
        say: takes the lines of the account.

    Raises:
        InputError: all faults of the table, or no table of codes joins its revisions with the one asked for.
    """
    check_target(out, flows)
    asked = _asked(to, method, settings)
    digits = asked.digits
    found = hs_tables(settings.inputs.hs_tables) if digits == HEADING_DIGITS else _changes(settings)
    with tempfile.TemporaryDirectory(prefix="haiguan-") as folder, connect() as connection:
        scratch = Path(folder)
        with opened(connection, flows, scratch) as source:
            columns = checked_columns(connection, source, flows, digits)
            revisions = checked_revisions(connection, source, columns, flows, digits)
            _to_parquet(connection, source, columns, revisions, scratch)
        chosen = _with_revisions_in_use(asked, revisions.hs_revision)
        tables = (
            tables_of(found, chosen) if isinstance(found, HsTables) else _of_years(found, connection, scratch, chosen)
        )
        _refuse_unjoined(revisions, chosen, tables, flows, settings)
        translated = _translate(start(), scratch, columns, chosen, tables)
        title, is_folder = f"{flows.name} in {to} by {chosen.method}", not out.suffix
        rows = write(connection, _result_query(columns, chosen, scratch), out, title, is_folder)
        unmapped = beside(out, "unmapped")
        lost = write(connection, _unmapped_query(columns, scratch), unmapped, f"{title}: unmapped", is_folder)
        for line in [*_account(connection, translated, scratch, rows, chosen), *_sizes(chosen, tables.families)]:
            say(line)
        say(f"written: {out} ({rows:,} rows), {unmapped} ({lost:,} rows)")


def _asked(to: str, method: str | None, settings: Settings) -> HarmoniseSettings:
    is_of_year = is_year(to) and bool(settings.inputs.hs8_changes)
    revision = to if is_of_year else revision_of(to)
    if revision is None:
        also = "; codes of eight digits go to a year by --set inputs.hs8_changes=FILE" if is_year(to) else ""
        raise InputError(f"--to {to}: no HS revision; choose one of {', '.join(HS_REVISIONS)}{also}")
    base: HarmoniseSettings = settings.harmonise  # type: ignore[attr-defined]
    known = ("conversion", "weights", "families")
    if method is not None and method not in known:
        raise InputError(f"--method {method}: no such method; choose one of {', '.join(known)}")
    return base.model_copy(update={"to": revision, "method": method or base.method})


def _changes(settings: Settings) -> pd.DataFrame:
    return hs8_changes(settings.inputs.hs8_changes or [])


def _with_revisions_in_use(asked: HarmoniseSettings, revisions: pd.Series) -> HarmoniseSettings:
    """Families are over the revisions of the table and the one asked for."""
    in_use = tuple(sorted({*revisions, str(asked.to)}))
    return asked.model_copy(update={"family_revisions": in_use})


def tables_of(found: HsTables, chosen: HarmoniseSettings) -> Tables:
    """The concordance, the codes, and the families over the revisions in use."""
    joined = core_products__concordance(found.published.links)
    codes = pd.DataFrame(found.codes, columns=["hs_revision", "product_code", "product_name"])
    return Tables(joined, codes, core_products__families(joined, codes, harmonise=chosen))


def _of_years(
    changes: pd.DataFrame, connection: duckdb.DuckDBPyConnection, scratch: Path, chosen: HarmoniseSettings
) -> Tables:
    """The same for codes of eight digits: from each year in use to the one asked for, and between neighbours in use."""
    query = f"SELECT DISTINCT hs_revision, product_code FROM read_parquet('{scratch / 'in.parquet'}')"
    return Tables(*tables_over_years(changes, table(connection, query), chosen))


def _refuse_unjoined(
    revisions: pd.DataFrame, chosen: HarmoniseSettings, tables: Tables, flows: Path, settings: Settings
) -> None:
    """A revision from which no table leads to the one asked for would leave all its flows unmapped."""
    kinds = {"conversion": "conversion", "families": "correlation"}
    kind = kinds.get(chosen.method, "weights" if chosen.shares == "estimated" else "correlation")
    joined = tables.concordance[tables.concordance.method == kind]
    pairs = {*zip(joined.source_revision, joined.target_revision, strict=True)}
    rows_of = revisions.groupby("hs_revision").records.sum()
    faults = [
        f"{flows}: {plural(rows, 'row')} in {revision}; {_remedy(str(revision), chosen, kind, settings)}"
        for revision, rows in rows_of.items()
        if revision != chosen.to and (revision, chosen.to) not in pairs
    ]
    if faults:
        raise InputError(*faults)


def _remedy(revision: str, chosen: HarmoniseSettings, kind: str, settings: Settings) -> str:
    to = str(chosen.to)
    is_of_year = chosen.digits == NATIONAL_DIGITS
    if chosen.method == "conversion" and revision < to:
        what = "year" if is_of_year else "revision"
        return (
            f"conversions run from a later {what} to an earlier one: choose --to {revision}, or --method families, "
            "or --method weights where estimated shares will do"
        )
    setting = "inputs.hs8_changes" if is_of_year else "inputs.hs_tables"
    is_embedded = not is_of_year and settings.inputs.hs_tables is None
    whose = "the tables that come with haiguan have" if is_embedded else f"{setting} has"
    table_name = {"weights": "estimated weights"}.get(kind, f"{kind} table")
    named = "one, or one for every two years between them," if is_of_year else "one"
    equal = ", or take equal shares: --set harmonise.shares=equal" if kind == "weights" else ""
    return f"{whose} no {table_name} from {revision} to {to}: name {named} with --set {setting}=FOLDER{equal}"


def _to_parquet(
    connection: duckdb.DuckDBPyConnection, source: str, columns: Columns, revisions: pd.DataFrame, scratch: Path
) -> None:
    """The table with keys k0, k1, ... so that no name of its own meets one of ours, and its HS revision."""
    connection.register("revisions", revisions[["label", "hs_revision"]])
    keys = [f"f.{name} AS k{at}" for at, name in enumerate(columns.quoted_keys)]
    quantity = f"CAST(f.{columns.quoted('quantity')} AS DECIMAL(38,6))" if columns.has_quantity else "NULL"
    chosen = [
        *keys,
        f"f.{columns.quoted('product_code')} AS product_code",
        f"CAST(f.{columns.quoted('value_usd')} AS DECIMAL(38,6)) AS exact_usd",
        f"CAST({quantity} AS DECIMAL(38,6)) AS exact_quantity",
        "r.hs_revision AS hs_revision",
    ]
    label = f"CAST(f.{columns.quoted(columns.revision)} AS VARCHAR)"
    query = f"SELECT {', '.join(chosen)} FROM {source} f JOIN revisions r ON {label} = r.label"
    connection.execute(f"COPY ({query}) TO '{scratch / 'in.parquet'}' (FORMAT parquet)")


def _translate(
    session: SparkSession, scratch: Path, columns: Columns, chosen: HarmoniseSettings, tables: Tables
) -> pd.DataFrame:
    """Writes the translated flows and those without a target; returns the translation."""
    frames = {
        name: session.createDataFrame(frame, TABLES[f"core_products__{name}"].ddl)
        for name, frame in (
            ("concordance", _rows_in_use(tables.concordance, chosen)),
            ("codes", tables.codes),
            ("families", tables.families),
        )
    }
    translated = translation(frames["concordance"], frames["codes"], frames["families"], chosen)
    digits = chosen.digits
    flows = session.read.parquet(str(scratch / "in.parquet")).withColumns(
        {
            "cents": (to_cents(F.col("exact_usd")) * 100).cast("bigint"),
            "thousandths": (F.bround("exact_quantity", 3) * 1000).cast("bigint"),
        }
    )
    keys = [f"k{at}" for at in range(len(columns.keys))]
    _summed(flows, translated, keys, chosen).write.parquet(str(scratch / "out"))
    lacking = untranslated(flows, translated, frames["codes"], digits)
    lost = flows.withColumn("heading", heading(digits)).join(F.broadcast(lacking), ["hs_revision", "heading"], "inner")
    lost.write.parquet(str(scratch / "unmapped"))
    return translated.toPandas()


def _rows_in_use(concordance: pd.DataFrame, chosen: HarmoniseSettings) -> pd.DataFrame:
    return concordance[concordance.target_revision == chosen.to]


def _summed(flows: DataFrame, translated: DataFrame, keys: list[str], chosen: HarmoniseSettings) -> DataFrame:
    if chosen.method == "weights":
        found = apportioned(flows, translated, _AMOUNTS, chosen.digits)
    else:
        found = with_target(flows, translated, chosen.digits).withColumn("is_apportioned", F.lit(False))
    return found.groupBy(*keys, "target_code").agg(
        F.sum("cents").alias("cents"),
        sum_of_known(F.col("thousandths")).alias("thousandths"),
        F.max("is_apportioned").alias("is_apportioned"),
    )


def _result_query(columns: Columns, chosen: HarmoniseSettings, scratch: Path) -> str:
    made = {
        "product_code": "target_code",
        "value_usd": "CAST(CAST(cents AS DECIMAL(20,0)) / 100 AS DECIMAL(18,2))",
        "quantity": "CAST(CAST(thousandths AS DECIMAL(20,0)) / 1000 AS DECIMAL(18,3))",
    }
    keys = {name: f"k{at}" for at, name in enumerate(columns.keys)}
    if "revision" in columns.names:
        made["revision"] = f"'{chosen.revision_of_result}'"
    shown = [f"{made.get(name, keys.get(name))} AS {columns.quoted(name)}" for name in columns.names]
    shown += ["is_apportioned"] if chosen.method == "weights" else []
    order = ", ".join([*keys.values(), "target_code"])
    return f"SELECT {', '.join(shown)} FROM read_parquet('{scratch}/out/*.parquet') ORDER BY {order}"


def _unmapped_query(columns: Columns, scratch: Path) -> str:
    made = {"product_code": "product_code", "value_usd": "exact_usd", "quantity": "exact_quantity"}
    keys = {name: f"k{at}" for at, name in enumerate(columns.keys)}
    shown = [f"{made.get(name) or keys.get(name) or 'hs_revision'} AS {columns.quoted(name)}" for name in columns.names]
    also = ["rule", "array_to_string(nearest_codes, ' ') AS nearest_codes"]
    order = ", ".join(["hs_revision", "product_code", *keys.values(), "exact_usd"])
    return f"SELECT {', '.join([*shown, *also])} FROM read_parquet('{scratch}/unmapped/*.parquet') ORDER BY {order}"


def _account(
    connection: duckdb.DuckDBPyConnection, translated: pd.DataFrame, scratch: Path, rows: int, chosen: HarmoniseSettings
) -> list[str]:
    """Rows and dollars in, translated to one code, split, without a target, and by how much rounding changed them."""
    came = table(
        connection,
        "SELECT hs_revision, product_code AS heading, count(*) AS records, sum(exact_usd) AS amount "
        f"FROM read_parquet('{scratch}/in.parquet') GROUP BY ALL",
    )
    out = table(connection, f"SELECT sum(cents) AS cents FROM read_parquet('{scratch}/out/*.parquet')").cents[0]
    targets = translated.groupby(["hs_revision", "heading"], as_index=False).agg(targets=("target_code", "count"))
    joined = came.merge(targets, how="left", on=["hs_revision", "heading"]).fillna({"targets": 0})
    joined.loc[joined.heading.str[:2].isin(OUTSIDE_HS), "targets"] = 1
    parts = {
        "in": joined,
        "unmapped": joined[joined.targets == 0],
        "split": joined[joined.targets > 1],
        "one code": joined[joined.targets == 1],
    }
    sums = {name: (int(part.records.sum()), sum(part.amount, Decimal(0))) for name, part in parts.items()}
    mapped = sums["one code"][1] + sums["split"][1]
    written = Decimal(int(out or 0)) / 100
    lines = [
        _line("in", *sums["in"]),
        _line("mapped", sums["one code"][0] + sums["split"][0], mapped),
        _line("  of these split over several codes", *sums["split"]),
        _line("unmapped", *sums["unmapped"]),
        _line(f"out, in {chosen.revision_of_result}", rows, written),
    ]
    return lines if written == mapped else [*lines, _line("rounded to the cent", None, mapped - written)]


def _sizes(chosen: HarmoniseSettings, families: pd.DataFrame) -> list[str]:
    """How coarse the families are: their number, the largest, those that were refused, and what holds them together."""
    if chosen.method != "families":
        return []
    sizes = families.groupby("family_code").family_codes.first()
    lines = [f"families over {', '.join(chosen.family_revisions)}: {len(sizes):,}, {(sizes == 1).sum():,} of one code"]
    limit = chosen.family_codes_at_most
    for row in largest_families(families, 10**9 if limit is None else limit + 1).head(_FAMILIES_SHOWN).itertuples():
        refused = " (refused)" if limit is not None and row.family_codes > limit else ""
        held = f", held together by {', '.join(row.linked_by[:_CODES_SHOWN])}" if row.linked_by else ""
        lines.append(f"  {row.family_code}{refused}: up to {row.family_codes} codes of a revision{held}")
    return lines


def _line(what: str, rows: int | None, amount: Decimal) -> str:
    shown = "" if rows is None else f"{rows:,} rows"
    decimals = 2 if amount == round(amount, 2) else 6
    return f"{what:<36} {shown:>18} {amount:>24,.{decimals}f} US$"
