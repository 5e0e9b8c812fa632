"""What the report says of product codes: where conversions lead, by table or by chain, and how large families are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from haiguan.jobs.reporting.record import Record
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.settings import Settings
from haiguan.transforms.products.families import largest_families
from haiguan.transforms.products.translation import HarmoniseSettings

FLOWS, CONCORDANCE, FAMILIES = "core_customs__annual_flows", "core_products__concordance", "core_products__families"
_SHOWN = 10
_NAMED = 5


@dataclass(frozen=True)
class Route:
    """The conversions from one HS revision to that of the flows.

    Attributes:
        source: the revision.
        is_direct: whether one table joins the two; otherwise a chain of tables does.
        codes: that are converted.
        differing: of these, those that the chain through every revision between sends elsewhere than the direct table.
        examples: some of them: code, target by the table, target by the chain.
    """

    source: str
    is_direct: bool
    codes: int
    differing: int
    examples: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class Family:
    """One of the largest families: its codes in the revision that has most, and codes that hold it together."""

    code: str
    codes: int
    is_refused: bool
    linked_by: Sequence[str]


@dataclass(frozen=True)
class FamilySizes:
    """How many families there are, how many of them of one code, and the largest."""

    families: int
    of_one_code: int
    largest: Sequence[Family]


@dataclass(frozen=True)
class Products:
    """How the codes of the annual flows were brought together; empty where they were not so.

    Attributes:
        to: HS revision of the flows.
        routes: by revision, for conversions.
        families: for families.
    """

    to: str = ""
    routes: Sequence[Route] = ()
    families: FamilySizes | None = None


def products_of(lake: Lake, record: Record, settings: Settings) -> Products:
    """Reads what the lake holds of the codes by which its annual flows were harmonised."""
    chosen: HarmoniseSettings = settings.harmonise  # type: ignore[attr-defined]
    if FLOWS not in record.slices or chosen.to is None or chosen.is_national:
        return Products()
    if chosen.method == "conversion" and CONCORDANCE in record.slices:
        return Products(chosen.to, routes=routes(delta.read(lake.path(CONCORDANCE)).to_pandas(), chosen.to))
    if chosen.method == "families" and FAMILIES in record.slices:
        made = delta.read(lake.path(FAMILIES)).to_pandas()
        return Products(chosen.to, families=family_sizes(made, chosen.family_codes_at_most))
    return Products()


def routes(concordance: pd.DataFrame, to: str) -> list[Route]:
    """The conversions to a revision, one entry for each revision that they come from.

    Args:
        concordance: core_products__concordance.
        to: the revision.
    """
    rows = concordance[(concordance.method == "conversion") & (concordance.target_revision == to)]
    return [_route(str(source), of_source) for source, of_source in rows.groupby("source_revision")]


def _route(source: str, rows: pd.DataFrame) -> Route:
    differing = rows[rows.chain_code.notna()].sort_values("source_code")
    shown = differing.head(_NAMED)
    return Route(
        source=source,
        is_direct=bool(rows.is_direct.all()),
        codes=len(rows),
        differing=len(differing),
        examples=tuple(zip(shown.source_code, shown.target_code, shown.chain_code, strict=True)),
    )


def family_sizes(made: pd.DataFrame, codes_at_most: int | None) -> FamilySizes:
    """The sizes of families, and those that a cut-off refuses.

    Args:
        made: core_products__families.
        codes_at_most: the largest that is let through; None: all are.
    """
    sizes = made.groupby("family_code").family_codes.first()
    large = sizes.sort_values(ascending=False, kind="stable").head(_SHOWN)
    listed = largest_families(made, int(large.min())).head(_SHOWN)
    return FamilySizes(
        families=len(sizes),
        of_one_code=int((sizes == 1).sum()),
        largest=[
            Family(
                code=row.family_code,
                codes=row.family_codes,
                is_refused=codes_at_most is not None and row.family_codes > codes_at_most,
                linked_by=row.linked_by[:_NAMED],
            )
            for row in listed[listed.family_codes > 1].itertuples()
        ],
    )
