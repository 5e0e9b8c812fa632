"""Exports and imports of many countries, in UN Comtrade's classic bulk layout.

China's own reports are what its customs records add up to, by product and partner. Those of the others are drawn, with
heavy tails, so that some products have few exporters; no effect is planted.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa

from haiguan.transforms.simulation.catalogue import DECLARANT
from haiguan.transforms.simulation.draws import Draws, Ids
from haiguan.transforms.simulation.editions import revision_of
from haiguan.transforms.simulation.plan import EXPORT as DECLARED_EXPORT
from haiguan.transforms.simulation.records import World
from haiguan.transforms.simulation.texts import Text, whole, words
from haiguan.transforms.simulation.truth import Declared
from haiguan.transforms.simulation.vocabulary import LARGEST_PARTNERS, PIECE, SET, unit_of

HEADINGS = (
    "Classification,Year,Period,Period Desc.,Aggregate Level,Is Leaf Code,Trade Flow Code,Trade Flow,Reporter Code,"
    "Reporter,Reporter ISO,Partner Code,Partner,Partner ISO,2nd Partner Code,2nd Partner,2nd Partner ISO,"
    "Customs Proc. Code,Customs,Mode of Transport Code,Mode of Transport,Commodity Code,Commodity,Qty Unit Code,"
    "Qty Unit,Qty,Alt Qty Unit Code,Alt Qty Unit,Alt Qty,Netweight (kg),Gross weight (kg),Trade Value (US$),"
    "CIF Trade Value (US$),FOB Trade Value (US$),Flag"
).split(",")
CLASSIFICATIONS = {"HS1992": "H0", "HS1996": "H1", "HS2002": "H2", "HS2007": "H3", "HS2012": "H4"}
IMPORT, EXPORT, RE_EXPORT = 1, 2, 3
FLOW_NAMES = {IMPORT: "Import", EXPORT: "Export", RE_EXPORT: "Re-Export"}
_REPORTERS = 60
_LATE_ADOPTERS = 0.08
_RE_EXPORTERS = ("HKG", "SGP", "NLD", "USA", "ARE", "BEL")
_FLAGS = ("0", "2", "4", "6")
_WORLD = ("0", "World", "WLD")
_OTHER_ASIA = ("490", "Other Asia, nes", "")
_AREAS_NES = ("899", "Areas, nes", "")
# Areas that UN Comtrade names otherwise than the table of countries, and that are no country.
_NAMED = {named[0]: named for named in (_OTHER_ASIA, _AREAS_NES)}


@dataclass(frozen=True)
class _Flows:
    """Arrays, one element per flow: reporter and product by index, flow code, dollars."""

    reporter: Ids
    product: Ids
    flow: Ids
    dollars: Ids


def other_reports(products: pd.DataFrame, countries: pd.DataFrame, year: int, revision: str, draws: Draws) -> pa.Table:
    """The reports of all countries but China of a year.

    Args:
        products: columns hs_revision, product_code, product_name; text.
        countries: columns country_code, country_name, m49_code, is_comtrade_reporter (yes, or blank); text.
        year: the year.
        revision: HS revision of the year; a few reporters still use the one before.
        draws: the random numbers.

    Returns:
        One row per reporter x product x flow with the partner World, in the 35 columns of HEADINGS, as text.
    """
    reporters = _reporters(countries)
    revisions = sorted(products["hs_revision"].unique())
    held = max((known for known in revisions if known <= revision), default=revisions[0])
    earlier = max((known for known in revisions if known < held), default=held)
    is_late = draws.uniform("late", np.arange(len(reporters), dtype=np.int64)) < _LATE_ADOPTERS
    return pa.concat_tables(
        [
            _rows_of(year, reporters[chosen], products[products["hs_revision"] == used], used, draws)
            for used, chosen in ((held, ~is_late), (earlier, is_late))
        ]
    )


def own_reports(world: World, year: int, declared: Declared) -> pa.Table:
    """China's reports of a year: one row per product x partner x flow, and per product x flow with the World.

    Partners are told by their M49 codes; those without one are one partner together, Areas, nes.

    Returns:
        The 35 columns of HEADINGS, as text; values in whole US dollars.
    """
    revision = revision_of(year)
    codes, product = np.unique(np.array(world.products.codes[revision]), return_inverse=True)
    names = dict(zip(world.products.codes[revision], world.products.names[revision], strict=True))
    partners = _comtrade_partners(world)
    sums = np.zeros((len(codes), len(partners) + 1, 2), dtype=np.int64)
    place = {partner: number for number, partner in enumerate(partners, start=1)}
    column = np.array([place[partner] for partner in _all_partners(world)])
    np.add.at(sums, (product[:, None], column[None, :]), declared.by_product)
    sums[:, 0] = sums.sum(axis=1)
    row, partner, direction = np.nonzero(np.rint(sums / 100))
    is_export = (direction == DECLARED_EXPORT).astype(np.int64)
    columns = {
        "Classification": CLASSIFICATIONS[revision],
        **dict.fromkeys(("Year", "Period", "Period Desc."), str(year)),
        "Aggregate Level": "6",
        "Is Leaf Code": "1",
        "Trade Flow Code": words([str(IMPORT), str(EXPORT)], is_export),
        "Trade Flow": words([FLOW_NAMES[IMPORT], FLOW_NAMES[EXPORT]], is_export),
        "Reporter Code": "156",
        "Reporter": "China",
        "Reporter ISO": DECLARANT,
        **{
            heading: words([named[part] for named in (_WORLD, *partners)], partner)
            for part, heading in enumerate(("Partner Code", "Partner", "Partner ISO"))
        },
        "Commodity Code": words(codes.tolist(), row),
        "Commodity": words([names[code] for code in codes.tolist()], row),
        "Qty Unit Code": "1",
        "Qty Unit": "No Quantity",
        "Trade Value (US$)": whole(np.rint(sums[row, partner, direction] / 100).astype(np.int64)),
        "Flag": "0",
    }
    return _table(columns, len(row))


def _all_partners(world: World) -> list[tuple[str, str, str]]:
    """Comtrade's number, name and ISO code for each partner; those without an M49 code are told together."""
    known = zip(world.partners.codes, world.partners.m49_codes, world.partners.names, strict=True)
    return [_partner(code, m49_code, name) if m49_code else _AREAS_NES for code, m49_code, name in known]


def _partner(code: str, m49_code: str, name: str) -> tuple[str, str, str]:
    number = str(int(m49_code))
    is_country = not code.startswith("X")  # as ISO 3166-1 leaves X.. to its users
    return _NAMED.get(number, (number, name, code if is_country else ""))


def _comtrade_partners(world: World) -> list[tuple[str, str, str]]:
    return list(dict.fromkeys(_all_partners(world)))


def _reporters(countries: pd.DataFrame) -> pd.DataFrame:
    """Code, name and ISO code of the reporters, the largest first, and the one without ISO code among the first."""
    rank = {code: place for place, code in enumerate(LARGEST_PARTNERS)}
    reporting = countries[(countries["is_comtrade_reporter"] == "yes") & (countries["country_code"] != DECLARANT)]
    order = sorted(range(len(reporting)), key=lambda row: (rank.get(reporting.iloc[row, 0], len(rank)), row))
    chosen = reporting.iloc[order][: _REPORTERS - 1]
    rows = list(zip(chosen["m49_code"], chosen["country_name"], chosen["country_code"], strict=True))
    found = pd.DataFrame([*rows[:4], _OTHER_ASIA, *rows[4:]], columns=["code", "name", "iso"])
    return found.astype({"code": int})


def _rows_of(year: int, reporters: pd.DataFrame, products: pd.DataFrame, revision: str, draws: Draws) -> pa.Table:
    flows = _simulated(year, reporters, products["product_code"], draws)
    codes = products["product_code"].tolist()
    counted = np.array([unit_of(code) in (PIECE, SET) for code in codes])[flows.product]
    ids = (flows.reporter, flows.product, flows.flow, np.full_like(flows.flow, year))
    kilograms = np.maximum(flows.dollars / np.exp(2.5 + draws.normal("kilogram", *ids)), 1).astype(np.int64)
    pieces = np.maximum(flows.dollars / np.exp(4.0 + draws.normal("piece", *ids)), 1).astype(np.int64)
    names = [FLOW_NAMES.get(flow, "") for flow in range(RE_EXPORT + 1)]
    return _table(
        {
            "Classification": CLASSIFICATIONS[revision],
            **dict.fromkeys(("Year", "Period", "Period Desc."), str(year)),
            "Aggregate Level": "6",
            "Is Leaf Code": "1",
            "Trade Flow Code": whole(flows.flow),
            "Trade Flow": words(names, flows.flow),
            "Reporter Code": words(reporters["code"].astype(str).tolist(), flows.reporter),
            "Reporter": words(reporters["name"].tolist(), flows.reporter),
            "Reporter ISO": words(reporters["iso"].tolist(), flows.reporter),
            **dict(zip(("Partner Code", "Partner", "Partner ISO"), _WORLD, strict=True)),
            "Commodity Code": words(codes, flows.product),
            "Commodity": words(products["product_name"].tolist(), flows.product),
            "Qty Unit Code": words(["8", "5"], counted.astype(np.int64)),
            "Qty Unit": words(["Weight in kilograms", "Number of items"], counted.astype(np.int64)),
            "Qty": whole(np.where(counted, pieces, kilograms)),
            "Netweight (kg)": whole(kilograms),
            "Trade Value (US$)": whole(flows.dollars),
            "Flag": words(_FLAGS, draws.below(len(_FLAGS), "flag", *ids)),
        },
        len(flows.flow),
    )


def _table(columns: Mapping[str, str | Text], rows: int) -> pa.Table:
    """The columns of HEADINGS; a text alone holds for all rows, a column that is not given is blank."""
    found = [columns.get(heading, "") for heading in HEADINGS]
    filled = [pa.repeat(column, rows) if isinstance(column, str) else column for column in found]
    return pa.table(filled, names=list(HEADINGS))


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
