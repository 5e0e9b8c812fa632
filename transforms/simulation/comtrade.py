"""Exports and imports of many countries, in UN Comtrade's classic bulk layout.

Heavy tails, so that some products have few exporters. Not tied to the customs records; no effect is planted.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.transforms.simulation.draws import Draws, Ids
from haiguan.transforms.simulation.vocabulary import LARGEST_PARTNERS, PIECE, SET, unit_of

HEADINGS = (
    "Classification,Year,Period,Period Desc.,Aggregate Level,Is Leaf Code,Trade Flow Code,Trade Flow,Reporter Code,"
    "Reporter,Reporter ISO,Partner Code,Partner,Partner ISO,2nd Partner Code,2nd Partner,2nd Partner ISO,"
    "Customs Proc. Code,Customs,Mode of Transport Code,Mode of Transport,Commodity Code,Commodity,Qty Unit Code,"
    "Qty Unit,Qty,Alt Qty Unit Code,Alt Qty Unit,Alt Qty,Netweight (kg),Gross weight (kg),Trade Value (US$),"
    "CIF Trade Value (US$),FOB Trade Value (US$),Flag"
).split(",")
CLASSIFICATIONS = {"HS1996": "H1", "HS2002": "H2", "HS2007": "H3"}
IMPORT, EXPORT, RE_EXPORT = 1, 2, 3
FLOW_NAMES = {IMPORT: "Import", EXPORT: "Export", RE_EXPORT: "Re-Export"}
# A reporter without ISO code.
OTHER_ASIA = (490, "Other Asia, nes", "")
_REPORTERS = 60
_LATE_ADOPTERS = 0.08
_RE_EXPORTERS = ("HKG", "SGP", "NLD", "USA", "ARE", "BEL")
_FLAGS = np.array(["0", "2", "4", "6"])


@dataclass(frozen=True)
class _Flows:
    """Arrays, one element per flow: reporter and product by index, flow code, dollars."""

    reporter: Ids
    product: Ids
    flow: Ids
    dollars: Ids


def comtrade_rows(products: pd.DataFrame, countries: pd.DataFrame, years: dict[int, str], draws: Draws) -> pd.DataFrame:
    """All rows of the file, as text.

    Args:
        products: columns hs_revision, product_code, product_name; text.
        countries: columns country_code, country_name, comtrade_code (blank: does not report); text.
        years: the years, and the HS revision of each.
        draws: the random numbers.

    Returns:
        One row per reporter x product x flow x year with the partner World, in the 35 columns of HEADINGS.
    """
    reporters = _reporters(countries)
    revisions = sorted(products["hs_revision"].unique())
    parts = []
    for year, revision in years.items():
        earlier = max((known for known in revisions if known < revision), default=revision)
        is_late = draws.uniform("late", np.arange(len(reporters), dtype=np.int64)) < _LATE_ADOPTERS
        parts += [
            _rows_of(year, reporters[chosen], products[products["hs_revision"] == used], used, draws)
            for used, chosen in ((revision, ~is_late), (earlier, is_late))
        ]
    return pd.concat(parts, ignore_index=True)


def _reporters(countries: pd.DataFrame) -> pd.DataFrame:
    """Code, name and ISO code of the reporters, the largest first, and the one without ISO code among the first."""
    rank = {code: place for place, code in enumerate(["CHN", *LARGEST_PARTNERS])}
    reporting = countries[countries["comtrade_code"] != ""]
    order = sorted(range(len(reporting)), key=lambda row: (rank.get(reporting.iloc[row, 0], len(rank)), row))
    chosen = reporting.iloc[order][: _REPORTERS - 1]
    rows = list(zip(chosen["comtrade_code"].astype(int), chosen["country_name"], chosen["country_code"], strict=True))
    return pd.DataFrame([*rows[:4], OTHER_ASIA, *rows[4:]], columns=["code", "name", "iso"])


def _rows_of(year: int, reporters: pd.DataFrame, products: pd.DataFrame, revision: str, draws: Draws) -> pd.DataFrame:
    flows = _simulated(year, reporters, products["product_code"], draws)
    codes = products["product_code"].to_numpy()[flows.product]
    units = [unit_of(code) for code in codes]
    counted = np.array([unit in (PIECE, SET) for unit in units])
    ids = (flows.reporter, flows.product, flows.flow, np.full_like(flows.flow, year))
    kilograms = np.maximum(flows.dollars / np.exp(2.5 + draws.normal("kilogram", *ids)), 1).astype(np.int64)
    pieces = np.maximum(flows.dollars / np.exp(4.0 + draws.normal("piece", *ids)), 1).astype(np.int64)
    table = pd.DataFrame("", index=range(len(codes)), columns=HEADINGS)
    return table.assign(
        **{
            "Classification": CLASSIFICATIONS[revision],
            "Year": str(year),
            "Period": str(year),
            "Period Desc.": str(year),
            "Aggregate Level": "6",
            "Is Leaf Code": "1",
            "Trade Flow Code": flows.flow.astype(str),
            "Trade Flow": [FLOW_NAMES[flow] for flow in flows.flow],
            "Reporter Code": reporters["code"].to_numpy()[flows.reporter].astype(str),
            "Reporter": reporters["name"].to_numpy()[flows.reporter],
            "Reporter ISO": reporters["iso"].to_numpy()[flows.reporter],
            "Partner Code": "0",
            "Partner": "World",
            "Partner ISO": "WLD",
            "Commodity Code": codes,
            "Commodity": products["product_name"].to_numpy()[flows.product],
            "Qty Unit Code": np.where(counted, "5", "8"),
            "Qty Unit": np.where(counted, "Number of items", "Weight in kilograms"),
            "Qty": np.where(counted, pieces, kilograms).astype(str),
            "Netweight (kg)": kilograms.astype(str),
            "Trade Value (US$)": flows.dollars.astype(str),
            "Flag": _FLAGS[(draws.uniform("flag", *ids) * len(_FLAGS)).astype(np.int64)],
        }
    )


def _simulated(year: int, reporters: pd.DataFrame, product_codes: pd.Series, draws: Draws) -> _Flows:
    """Flows of a year: size of the reporter, of the product, and a lasting advantage of one in the other."""
    reporter, product, flow = (
        grid.ravel().astype(np.int64)
        for grid in np.meshgrid(
            range(len(reporters)), range(len(product_codes)), [IMPORT, EXPORT, RE_EXPORT], indexing="ij"
        )
    )
    country, code = (
        reporters["code"].to_numpy(np.int64)[reporter],
        product_codes.astype(int).to_numpy(np.int64)[product],
    )
    reported = _is_reported(reporters["iso"].to_numpy()[reporter], country, code, flow, draws)
    pair = (country, code, np.minimum(flow, EXPORT))
    size = 17 - 1.1 * np.log1p(reporter) + 1.3 * draws.normal("world_market", code)
    tail = np.where(flow == IMPORT, 1.0, 1.4 + 0.8 * draws.uniform("concentrated", code))
    shock = 0.3 * draws.normal("trade_shock", *pair, np.full_like(flow, year))
    ln_dollars = size + tail * draws.normal("advantage", *pair) + shock + np.where(flow == RE_EXPORT, -2.0, 0.0)
    dollars = np.maximum(np.rint(np.exp(ln_dollars)), 1).astype(np.int64)
    return _Flows(reporter[reported], product[reported], flow[reported], dollars[reported])


def _is_reported(iso: np.ndarray, country: Ids, code: Ids, flow: Ids, draws: Draws) -> np.ndarray:
    """Most reporters import a product, fewer export it, and a few of those also report what they re-export of it."""
    outward = draws.uniform("reports_exports", country, code) < 0.85
    likely_again = np.where(np.isin(iso, _RE_EXPORTERS), 0.7, 0.02)
    is_re_exported = draws.uniform("reports_re_exports", country, code) < likely_again
    inward = draws.uniform("reports_imports", country, code) < 0.97
    return np.select([flow == IMPORT, flow == EXPORT], [inward, outward], outward & is_re_exported)
