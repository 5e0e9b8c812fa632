"""Attributes of product codes: chapter, section, broad economic category, industry, and whatever lists a user names."""

from __future__ import annotations

import pandas as pd

from haiguan.transforms.schema import TABLES

SECTIONS = (
    ("I", 1, 5),
    ("II", 6, 14),
    ("III", 15, 15),
    ("IV", 16, 24),
    ("V", 25, 27),
    ("VI", 28, 38),
    ("VII", 39, 40),
    ("VIII", 41, 43),
    ("IX", 44, 46),
    ("X", 47, 49),
    ("XI", 50, 63),
    ("XII", 64, 67),
    ("XIII", 68, 70),
    ("XIV", 71, 71),
    ("XV", 72, 83),
    ("XVI", 84, 85),
    ("XVII", 86, 89),
    ("XVIII", 90, 92),
    ("XIX", 93, 93),
    ("XX", 94, 96),
    ("XXI", 97, 97),
)
"""Sections of the Harmonised System: numeral, first and last chapter."""

END_USES = {
    "intermediate": ("111", "121", "21", "22", "31", "322", "42", "53"),
    "capital": ("41", "521"),
    "consumption": ("112", "122", "522", "61", "62", "63"),
    "not classified": ("321", "51", "7"),
}
"""Basic classes of goods in the national accounts and their categories of BEC Rev. 4 (UN Statistical Papers M 53, Rev.
4); motor spirit, passenger cars and goods not elsewhere specified serve several and belong to none."""

_END_USE_OF = {category: use for use, categories in END_USES.items() for category in categories}
_KEY = ["hs_revision", "product_code", "attribute"]


def core_products__attributes(core_products__codes: pd.DataFrame, files_hs_attributes: pd.DataFrame) -> pd.DataFrame:
    """One row per code and attribute: `attribute_code`, and in `other_codes` what else the sources give it.

    Every code has `chapter` and `section`. `bec` is BEC Rev. 4: of several categories one of the end use that most of
    them have, intermediate before capital before consumption before none, and of those the lowest; `bec_end_use` is
    its end use. Of any other attribute with several values the lowest in their order is taken.

    Args:
        core_products__codes: hs_revision, product_code.
        files_hs_attributes: columns `published.ATTRIBUTES`.
    """
    columns = list(TABLES["core_products__attributes"].column_names)
    resolved = pd.DataFrame(
        [_resolved(key, rows) for key, rows in files_hs_attributes.groupby(_KEY, sort=True)], columns=columns
    )
    bec = resolved[resolved.attribute == "bec"]
    end_uses = bec.assign(attribute="bec_end_use", attribute_code=bec.attribute_code.map(_end_use), other_codes=None)
    end_uses["other_codes"] = [
        sorted({_end_use(other) for other in others} - {own})
        for own, others in zip(end_uses.attribute_code, bec.other_codes, strict=True)
    ]
    parts = [_of_classification(core_products__codes), resolved, end_uses]
    made = pd.concat([part for part in parts if len(part)], ignore_index=True)
    return made.sort_values(_KEY, ignore_index=True)[columns]


def _of_classification(codes: pd.DataFrame) -> pd.DataFrame:
    chapter = codes.product_code.str[:2]
    numeral = {f"{at:02d}": name for name, first, last in SECTIONS for at in range(first, last + 1)}
    section = chapter.map(numeral)
    base = codes[["hs_revision", "product_code"]]
    both = pd.concat(
        [
            base.assign(attribute="chapter", attribute_code=chapter),
            base.assign(attribute="section", attribute_code=section)[section.notna()],
        ],
        ignore_index=True,
    )
    return both.assign(other_codes=[[] for _ in both.index], flags=[[] for _ in both.index])


def _resolved(key: tuple[str, str, str], rows: pd.DataFrame) -> tuple:
    values = sorted(set(rows.attribute_code))
    chosen = _category(values) if key[2] == "bec" else values[0]
    flags = ["lost_leading_zero"] if rows.is_padded.any() else []
    return (*key, chosen, [value for value in values if value != chosen], flags)


def _category(categories: list[str]) -> str:
    uses = [_end_use(category) for category in categories]
    order = list(END_USES)
    use = min(set(uses), key=lambda found: (-uses.count(found), order.index(found)))
    return min(category for category in categories if _end_use(category) == use)


def _end_use(category: str) -> str:
    return _END_USE_OF.get(category, "not classified")
