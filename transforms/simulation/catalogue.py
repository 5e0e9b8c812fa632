"""Products and partners of a world, from the code tables that are passed in."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.vocabulary import LARGEST_PARTNERS, Unit, unit_of

DECLARANT = "CHN"


@dataclass(frozen=True)
class Products:
    """Products, the most traded first.

    Attributes:
        codes: HS revision -> six-digit code of each product in that revision. A product that the revision does not have
            goes by the code before it in the order of codes, so that firms keep to their trade from year to year.
        strangers: HS revision -> codes of other revisions that it does not have.
        units: unit of each product.
        price_cents: typical price per unit of each product, in cents.
    """

    codes: dict[str, tuple[str, ...]]
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
    """

    codes: tuple[str, ...]
    customs_codes: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]


def product_catalogue(products: pd.DataFrame, draws: Draws) -> Products:
    """The products of a table of codes (columns hs_revision, product_code; text), in drawn order.

    Codes of another revision whose numbers are free stand for the unknown products of a revision.
    """
    known = {revision: sorted(group) for revision, group in products.groupby("hs_revision")["product_code"]}
    every = np.array(sorted(set(products["product_code"])))
    by_popularity = np.argsort(draws.uniform("popularity", np.arange(len(every), dtype=np.int64)))
    ordered = every[by_popularity].tolist()
    prices = np.exp(7.5 + 1.5 * draws.normal("price", np.arange(len(every), dtype=np.int64)))
    return Products(
        codes={revision: tuple(_at_or_before(code, codes) for code in ordered) for revision, codes in known.items()},
        strangers={revision: tuple(sorted(set(ordered) - set(codes))) for revision, codes in known.items()},
        units=tuple(unit_of(code) for code in ordered),
        price_cents=tuple(int(price) + 1 for price in prices),
    )


def partner_catalogue(countries: pd.DataFrame) -> Partners:
    """The partners of a table of countries (columns country_code, customs_code, labels separated by |; text)."""
    rank = {code: place for place, code in enumerate(LARGEST_PARTNERS)}
    used = countries[(countries["customs_code"] != "") & (countries["labels"] != "")]
    rows = sorted(
        used[["country_code", "customs_code", "labels"]].itertuples(index=False, name=None),
        key=lambda row: (row[0] == DECLARANT, rank.get(row[0], len(rank)), row[0]),
    )
    codes, customs_codes, labels = zip(*rows, strict=True)
    return Partners(codes, customs_codes, tuple(tuple(text.split("|")) for text in labels))


def _at_or_before(code: str, codes: list[str]) -> str:
    return codes[max(bisect_right(codes, code) - 1, 0)]
