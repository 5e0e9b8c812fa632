"""What is true of a world, known before any file of it is written.

Totals and coefficients come from the arrays on the driver, flows and defects from the simulated records; none of it
goes through the text of a file.
"""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.simulation.catalogue import Partners, Products
from haiguan.transforms.simulation.editions import repeated_files
from haiguan.transforms.simulation.firms import NOISE_CORRELATION, NOISE_SD, PLANTED_B
from haiguan.transforms.simulation.lines import value_text
from haiguan.transforms.simulation.plan import EXPORT, IMPORT, Plan
from haiguan.transforms.simulation.records import lookup
from haiguan.transforms.simulation.rules import FLAGS, REPEATED_FILE
from haiguan.transforms.simulation.vocabulary import REGIMES

DIRECTIONS = {IMPORT: "import", EXPORT: "export"}
DEFECT_HEADINGS = ("file", "line", "rule", "amount_usd")


def totals(plan: Plan) -> pd.DataFrame:
    """Records and value of the good records: year, direction, records, value_usd (text with two decimals)."""
    cells = plan.cells
    is_good = np.asarray(cells["rule"].is_null())
    columns = {name: np.asarray(cells[name])[is_good] for name in ("year_index", "direction", "records", "total_cents")}
    rows = []
    for year_index, year in enumerate(plan.years):
        for direction, name in DIRECTIONS.items():
            chosen = (columns["year_index"] == year_index) & (columns["direction"] == direction)
            value = Decimal(int(columns["total_cents"][chosen].sum())) / 100
            rows.append((year, name, int(columns["records"][chosen].sum()), f"{value:.2f}"))
    return pd.DataFrame(rows, columns=["year", "direction", "records", "value_usd"])


def coefficients() -> dict[str, object]:
    """The planted regression of ln exports on ln imports with firm and year effects."""
    return {
        "equation": "ln_exports ~ ln_imports | firm_code + year",
        "term": "ln_imports",
        "value": PLANTED_B,
        "noise_sd": NOISE_SD,
        "noise_correlation_between_consecutive_years": NOISE_CORRELATION,
    }


def annual_flows(records: DataFrame, products: Products, partners: Partners) -> DataFrame:
    """The good records summed up, in the columns and at the grain of core_customs__annual_flows."""
    grain = "year firm_code product_code hs_revision partner_code regime direction unit_code".split()
    is_good = F.col("rule").isNull() | F.col("rule").isin(*FLAGS)
    return (
        records.filter(is_good)
        .select(
            F.col("year").cast("int").alias("year"),
            "firm_code",
            "product_code",
            "hs_revision",
            lookup(partners.codes, F.col("partner")).alias("partner_code"),
            lookup([regime.regime for regime in REGIMES], F.col("regime")).alias("regime"),
            F.when(F.col("direction") == EXPORT, DIRECTIONS[EXPORT]).otherwise(DIRECTIONS[IMPORT]).alias("direction"),
            lookup([unit.code for unit in products.units], F.col("product")).alias("unit_code"),
            "thousandths",
            "cents",
        )
        .groupBy(*grain)
        .agg(
            _scaled(F.sum("thousandths"), 3).alias("quantity"),
            _scaled(F.sum("cents"), 2).alias("value_usd"),
            F.count("*").alias("declarations"),
        )
    )


def defects(records: DataFrame) -> DataFrame:
    """Every planted defect and flag of one record: file (below the input's root), line, rule, amount_usd.

    The amount is what the line's value field says, as text, where that is a plain number; null where the rule broke the
    value, and where the line cannot be split into fields.
    """
    amount = F.when(
        ~F.col("rule").isin("malformed_value", "unsplittable_line"), value_text(F.col("cents"), F.col("fine"))
    )
    return records.filter(F.col("rule").isNotNull()).select("file", "line", "rule", amount.alias("amount_usd"))


def repeated(plan: Plan) -> list[tuple[str, str]]:
    """File and rule of each file that repeats another one."""
    return [(copy, REPEATED_FILE) for copy in repeated_files(plan.files)]


def _scaled(total: Column, decimals: int) -> Column:
    return (total.cast("decimal(18,0)") / F.lit(Decimal(10**decimals))).cast(f"decimal(18,{decimals})")
