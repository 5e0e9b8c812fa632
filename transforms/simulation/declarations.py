"""Declarations in code, without files, names or defects: what a benchmark of the work after ingest reads."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pyarrow as pa

from haiguan.transforms.simulation.editions import revision_of
from haiguan.transforms.simulation.plan import EXPORT, IMPORT, Plan
from haiguan.transforms.simulation.records import SUFFIXES, World, good_records, with_quantity
from haiguan.transforms.simulation.truth import DIRECTIONS, decimals
from haiguan.transforms.simulation.vocabulary import REGIMES

SCHEMA = pa.schema(
    [
        ("year", pa.int32()),
        ("month", pa.int32()),
        ("firm_code", pa.dictionary(pa.int32(), pa.string())),
        ("product_code", pa.dictionary(pa.int32(), pa.string())),
        ("hs_revision", pa.dictionary(pa.int32(), pa.string())),
        ("partner_code", pa.dictionary(pa.int32(), pa.string())),
        ("regime", pa.dictionary(pa.int32(), pa.string())),
        ("direction", pa.dictionary(pa.int32(), pa.string())),
        ("unit_code", pa.dictionary(pa.int32(), pa.string())),
        ("quantity", pa.decimal128(18, 3)),
        ("value_usd", pa.decimal128(18, 2)),
    ]
)
"""Columns; text goes to Parquet with its dictionary, and is read as text."""
_RECORDS_PER_PART = 2_000_000


def parts_of(plan: Plan) -> list[tuple[int, int, int]]:
    """Index of the year, first block and block after the last of each file."""
    parts = []
    for index, records in enumerate(plan.records.sum(axis=(1, 2)).tolist()):
        count = min(max(1, -(-records // _RECORDS_PER_PART)), plan.blocks)
        bounds = [plan.blocks * part // count for part in range(count + 1)]
        parts += [(index, start, end) for start, end in pairwise(bounds)]
    return parts


def declarations(world: World, year_index: int, block: int) -> pa.Table:
    """The declarations of a block of firms in a year, in the columns of SCHEMA and in random order."""
    year = world.plan.years[year_index]
    firms = world.plan.block(block, year_index + 1)
    good = with_quantity(world, firms, good_records(world, year_index, block, firms))
    good = good.take(np.argsort(good.id))
    headings = world.products.codes[revision_of(year)]
    products = [code + suffix for code in headings for suffix in SUFFIXES]
    rows = np.zeros_like(good.id)
    columns = [
        pa.repeat(pa.scalar(year, pa.int32()), len(rows)),
        pa.array(good.month.astype(np.int32)),
        _coded(world.firm_codes(firms, year), good.firm),
        _coded(products, good.product * len(SUFFIXES) + good.suffix),
        _coded([revision_of(year)], rows),
        _coded(list(world.partners.codes), good.partner),
        _coded([regime.regime for regime in REGIMES], good.regime),
        _coded([DIRECTIONS[IMPORT], DIRECTIONS[EXPORT]], good.direction),
        _coded([unit.code for unit in world.products.units], good.product),
        decimals(pa.array(good.thousandths), 3),
        decimals(pa.array(good.cents), 2),
    ]
    return pa.Table.from_arrays(columns, schema=SCHEMA)


def _coded(of: list[str], index: np.ndarray) -> pa.DictionaryArray:
    """Text by dictionary, each word once."""
    distinct, place = np.unique(np.array(of), return_inverse=True)
    return pa.DictionaryArray.from_arrays(pa.array(place[index].astype(np.int32)), distinct.tolist())
