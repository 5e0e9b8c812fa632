"""The tables of codes by which the eight digits of a table's years are brought to those of one year."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pandas as pd
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.concordance import concordance
from haiguan.transforms.products.families import core_products__families
from haiguan.transforms.products.national_codes import NATIONAL_DIGITS, links_over_years
from haiguan.transforms.products.translation import HarmoniseSettings, heading
from haiguan.transforms.schema import TABLES

_TABLES = ("core_products__concordance", "core_products__codes", "core_products__families")

Frames = tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]
SparkFrames = tuple[DataFrame, DataFrame, DataFrame]


def tables_over_years(changes: pd.DataFrame, used: pd.DataFrame, settings: HarmoniseSettings) -> Frames:
    """Concordance, codes and families of national codes, a year standing for a revision.

    Args:
        changes: what `national_codes.read_changes` gives, of all files.
        used: hs_revision (the year) and product_code of the codes to be translated.
        settings: `to` is a year, and so are `family_revisions`: all years from which codes are to be translated.

    Raises:
        InputError: as `national_codes.links_over_years` and `concordance.concordance`.
    """
    links, codes = links_over_years(changes, used)
    years = sorted(settings.family_revisions)
    wanted = {(year, str(settings.to)) for year in years} | {*pairwise(years)} | {*pairwise(reversed(years))}
    joined = concordance(links, wanted, "inputs.hs8_changes")
    return joined, codes, core_products__families(joined, codes, harmonise=settings)


def national_tables(flows: DataFrame, changes: pd.DataFrame, settings: HarmoniseSettings) -> SparkFrames:
    """The same as frames of Spark, for flows whose hs_revision is their year; families over all years with changes.

    Only the codes of the flows come to the driver: some thousands for each year, however many flows there are.

    Raises:
        InputError: the tables of changes do not lead from every year of the flows to the one asked for.
    """
    coded = flows.select("hs_revision", heading(NATIONAL_DIGITS).alias("product_code")).distinct()
    is_whole = F.length("product_code") == NATIONAL_DIGITS
    used: pd.DataFrame = coded.where(is_whole).orderBy("hs_revision", "product_code").toPandas()
    years = {*used.hs_revision, str(settings.to)}
    if settings.method == "families":
        years |= {*changes.source_revision, *changes.target_revision}
    made = tables_over_years(changes, used, settings.model_copy(update={"family_revisions": tuple(sorted(years))}))
    faults = list(_unjoined(years, made[0], settings))
    if faults:
        raise InputError(*faults)
    concordance_of_years, codes, families = (
        flows.sparkSession.createDataFrame(frame, _ddl(name)) for name, frame in zip(_TABLES, made, strict=True)
    )
    return concordance_of_years, codes, families


def _ddl(name: str) -> str:
    return ", ".join(f"{column.name} {column.type}" for column in TABLES[name].columns)


def _unjoined(years: set[str], joined: pd.DataFrame, settings: HarmoniseSettings) -> Iterator[str]:
    """A sentence for each year from which no table leads to the one asked for."""
    to = str(settings.to)
    is_estimated = settings.method == "weights" and settings.shares == "estimated"
    kind = "conversion" if settings.method == "conversion" else "weights" if is_estimated else "correlation"
    rows = joined[(joined.method == kind) & (joined.target_revision == to)]
    for year in sorted(years - {to, *rows.source_revision}):
        lead = f"harmonise.to is {to}: there are records of {year}, and"
        if settings.method == "conversion" and year < to:
            yield f"{lead} conversions run to an earlier year: set it to {year}, or harmonise.method to families"
        else:
            yield (
                f"{lead} inputs.hs8_changes has no table for {kind} from {year} to {to}: name one, or one for every "
                "two years between them"
            )
