"""Products and partners of a world, from the code tables that are passed in."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.vocabulary import (
    EXPORT_SHARES,
    IMPORT_SHARES,
    LARGEST_PARTNERS,
    PLACES,
    WEIGHED,
    Unit,
    unit_of,
)

DECLARANT = "CHN"
_DISTRICT = 3
_SPECIAL_CHAPTERS = ("98", "99")
UNMAPPED_CODES = {"HS2002": ("710820", "711890")}
"""HS revision -> codes that the conversion tables of the UN Statistics Division leave out: monetary gold, and coin."""


@dataclass(frozen=True)
class Products:
    """Products, the most traded first.

    Attributes:
        codes: HS revision -> six-digit code of each product in that revision. A product that the revision does not have
            goes by the code before it in the order of codes, so that firms keep to their trade from year to year.
        names: HS revision -> name of each product.
        strangers: HS revision -> codes of other revisions that it does not have.
        units: unit of each product.
        price_cents: typical price per unit of each product, in cents.
    """

    codes: dict[str, tuple[str, ...]]
    names: dict[str, tuple[str, ...]]
    strangers: dict[str, tuple[str, ...]]
    units: tuple[Unit, ...]
    price_cents: tuple[int, ...]


@dataclass(frozen=True)
class Partners:
    """Countries that trade with the declarant, the largest first; the declarant itself comes last.

    Attributes:
        codes: ISO 3166-1 alpha-3 code of each.
        customs_codes: three-digit customs code of each.
        labels: names of each in customs files.
        m49_codes: UN M49 code of each, three digits, as UN Comtrade has it; blank where there is none.
        names: English name of each.
        export_weights: share of the exports that goes to each; the declarant's is nought.
        import_weights: share of the imports that comes from each.
    """

    codes: tuple[str, ...]
    customs_codes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    m49_codes: tuple[str, ...]
    names: tuple[str, ...]
    export_weights: tuple[float, ...]
    import_weights: tuple[float, ...]


def product_catalogue(products: pd.DataFrame, revisions: tuple[str, ...], draws: Draws) -> Products:
    """The products of a table of codes (columns hs_revision, product_code, product_name; text), in drawn order.

    Codes of another revision whose numbers are free stand for the unknown products of a revision. A revision that the
    table lacks has the codes of the nearest one before it, or else of the first. Chapters for
    special uses and UNMAPPED_CODES are left out.
    """
    codes = products["product_code"]
    monetary = [code for of_revision in UNMAPPED_CODES.values() for code in of_revision]
    usual = products[~codes.str[:2].isin(_SPECIAL_CHAPTERS) & ~codes.isin(monetary)]
    held = dict(iter(usual.groupby("hs_revision")))
    tables = {revision: held[_nearest(revision, sorted(held))] for revision in revisions}
    known = {revision: dict(zip(t["product_code"], t["product_name"], strict=True)) for revision, t in tables.items()}
    every = np.array(sorted({code for codes in known.values() for code in codes}))
    by_popularity = np.argsort(draws.uniform("popularity", np.arange(len(every), dtype=np.int64)))
    ordered = every[by_popularity].tolist()
    is_weighed = np.array([unit_of(code).code in WEIGHED for code in ordered])
    drawn = draws.normal("price", np.arange(len(every), dtype=np.int64))
    prices = np.where(is_weighed, np.exp(7.5 + 1.5 * drawn), np.exp(6 + 1.2 * drawn))
    sorted_codes = {revision: sorted(codes) for revision, codes in known.items()}
    in_use = {
        revision: tuple(_at_or_before(code, in_order) for code in ordered)
        for revision, in_order in sorted_codes.items()
    }
    return Products(
        codes=in_use,
        names={
            revision: tuple(known[revision][code] for code in of_revision) for revision, of_revision in in_use.items()
        },
        strangers={revision: tuple(sorted(set(ordered) - set(names))) for revision, names in known.items()},
        units=tuple(unit_of(code) for code in ordered),
        price_cents=tuple(int(price) + 1 for price in prices),
    )


def has_unmapped_codes(products: pd.DataFrame) -> bool:
    """Whether a table of codes holds all of UNMAPPED_CODES."""
    held = set(zip(products["hs_revision"], products["product_code"], strict=True))
    return all((revision, code) in held for revision, codes in UNMAPPED_CODES.items() for code in codes)


def partner_catalogue(countries: pd.DataFrame) -> Partners:
    """The partners of a table of countries.

    Args:
        countries: columns country_code, country_name, customs_code, labels (separated by |), m49_code; text.
    """
    rank = {code: place for place, code in enumerate(LARGEST_PARTNERS)}
    used = countries[(countries["customs_code"] != "") & (countries["labels"] != "")]
    columns = ["country_code", "customs_code", "labels", "m49_code", "country_name"]
    rows = sorted(
        used[columns].itertuples(index=False, name=None),
        key=lambda row: (row[0] == DECLARANT, rank.get(row[0], len(rank)), row[0]),
    )
    codes, customs_codes, labels, m49_codes, names = zip(*rows, strict=True)
    return Partners(
        codes=codes,
        customs_codes=customs_codes,
        labels=tuple(tuple(text.split("|")) for text in labels),
        m49_codes=m49_codes,
        names=names,
        export_weights=_weights(codes, EXPORT_SHARES),
        import_weights=_weights(codes, IMPORT_SHARES),
    )


def _weights(codes: tuple[str, ...], shares: tuple[float, ...]) -> tuple[float, ...]:
    """The shares of the largest, and what is left in ever smaller parts for the others."""
    known = dict(zip(LARGEST_PARTNERS, shares, strict=True))
    small = [code for code in codes if code not in known and code != DECLARANT]
    parts = {code: 1.0 / (place + 10) for place, code in enumerate(small)}
    left = max(100.0 - sum(known.values()), 5.0) / max(sum(parts.values()), 1e-9)
    return tuple(known.get(code, parts.get(code, 0.0) * left) for code in codes)


def _nearest(revision: str, held: list[str]) -> str:
    return held[max(bisect_right(held, revision) - 1, 0)]


def _at_or_before(code: str, codes: list[str]) -> str:
    return codes[max(bisect_right(codes, code) - 1, 0)]


def districts_of(divisions: pd.DataFrame, year: int) -> dict[int, tuple[str, ...]]:
    """Names of the districts of each of PLACES in a year; row of PLACES -> names.

    Args:
        divisions: columns place_code (six digits), first_year, last_year, place_name, place_level (3: district).
        year: the year.
    """
    known = divisions[(divisions["first_year"] <= year) & (year <= divisions["last_year"])]
    districts = known[known["place_level"] == _DISTRICT].sort_values("place_code")
    # Cities that are provinces have their districts under more than one prefix of four digits.
    prefixes = {row: place.code if place.province else place.code[:2] for row, place in enumerate(PLACES)}
    return {
        row: tuple(districts.loc[districts["place_code"].str.startswith(prefix), "place_name"])
        for row, prefix in prefixes.items()
    }
