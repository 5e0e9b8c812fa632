"""Attributes: every code its chapter and section, and of several values the one that the rule says."""

from __future__ import annotations

import pandas as pd

from haiguan.transforms.products.attributes import END_USES, SECTIONS, core_products__attributes
from haiguan.transforms.products.published import ATTRIBUTES

CODES = pd.DataFrame({"hs_revision": ["HS2007", "HS2007"], "product_code": ["848620", "990000"]})


def _made(*rows):
    sources = pd.DataFrame([(*row, False, "file") for row in rows], columns=ATTRIBUTES)
    made = core_products__attributes(CODES, sources)
    return {(r.product_code, r.attribute): (r.attribute_code, list(r.other_codes)) for r in made.itertuples()}


def test_every_code_has_its_chapter_and_those_of_the_hs_a_section():
    assert _made() == {
        ("848620", "chapter"): ("84", []),
        ("848620", "section"): ("XVI", []),
        ("990000", "chapter"): ("99", []),
    }
    chapters = [at for _, first, last in SECTIONS for at in range(first, last + 1)]
    assert chapters == list(range(1, 98))


def test_of_several_broad_categories_one_of_the_commonest_end_use_is_taken():
    found = _made(
        ("HS2007", "010110", "bec", "41"),  # capital, and
        ("HS2007", "010110", "bec", "111"),  # intermediate: one each, intermediate first
        ("HS2007", "020110", "bec", "112"),
        ("HS2007", "020110", "bec", "122"),  # two of consumption
        ("HS2007", "020110", "bec", "111"),
        ("HS2007", "870310", "bec", "51"),
    )
    assert found["010110", "bec"] == ("111", ["41"])
    assert found["010110", "bec_end_use"] == ("intermediate", ["capital"])
    assert found["020110", "bec"] == ("112", ["111", "122"])
    assert found["020110", "bec_end_use"] == ("consumption", ["intermediate"])
    assert found["870310", "bec_end_use"] == ("not classified", [])
    assert sum(len(categories) for categories in END_USES.values()) == 19  # all categories of BEC Rev. 4


def test_of_any_other_attribute_the_lowest_value_is_taken_and_the_others_are_kept():
    found = _made(("HS1996", "010111", "rauch", "r"), ("HS1996", "010111", "rauch", "n"))
    assert found["010111", "rauch"] == ("n", ["r"])
