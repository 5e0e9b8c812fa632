"""Families: linked codes and no others, however the links are ordered, and what holds a large one together."""

from __future__ import annotations

import pandas as pd
from hypothesis import given
from hypothesis import strategies as st
from products_tables import harmonise, links

from haiguan.transforms.products.concordance import core_products__concordance
from haiguan.transforms.products.families import core_products__families, families, largest_families

LINKS = """
    HS1996 000001 HS2002 000001
    HS1996 000002 HS2002 000001
    HS1996 000003 HS2002 000003
    HS1996 000004 HS2002 000003
    HS2002 000001 HS2007 000009
    HS2002 000003 HS2007 000009
    HS2002 000005 HS2007 000005
"""


def _by_code(frame):
    return {(row.hs_revision, row.product_code): row for row in frame.itertuples()}


def test_linked_codes_are_a_family_named_by_its_first_code():
    found = _by_code(families(links(LINKS, "correlation"), [("HS1996", "000006")]))
    assert {key: row.family_code for key, row in found.items()} == {
        **{("HS1996", f"00000{at}"): "F96000001" for at in (1, 2, 3, 4)},
        **{("HS2002", f"00000{at}"): "F96000001" for at in (1, 3)},
        ("HS2007", "000009"): "F96000001",
        ("HS2002", "000005"): "F02000005",
        ("HS2007", "000005"): "F02000005",
        ("HS1996", "000006"): "F96000006",
    }
    assert found["HS1996", "000001"].family_codes == 4
    assert found["HS2002", "000005"].family_codes == 1


def test_the_codes_that_hold_a_family_together_are_named_with_what_is_left():
    found = _by_code(families(links(LINKS, "correlation")))
    linking = {key: row.codes_without for key, row in found.items() if row.is_linking}
    assert linking == {("HS2007", "000009"): 2, ("HS2002", "000001"): 2, ("HS2002", "000003"): 2}


def test_the_largest_families_are_listed_with_the_codes_that_link_them():
    made = families(links(LINKS, "correlation"))
    linked_by = ["000001 of HS2002", "000003 of HS2002", "000009 of HS2007"]
    assert largest_families(made, at_least=10).to_numpy().tolist() == [["F96000001", 4, linked_by]]
    assert largest_families(made, at_least=1).family_code.tolist() == ["F96000001", "F02000005"]


def test_families_are_made_of_the_revisions_in_use():
    concordance = core_products__concordance(links(LINKS, "correlation"))
    codes = pd.DataFrame({"hs_revision": ["HS2002", "HS2012"], "product_code": ["000008", "000008"]})
    found = core_products__families(concordance, codes, harmonise=harmonise(family_revisions=["HS1996", "HS2002"]))
    assert sorted(found.family_code.unique()) == ["F02000008", "F96000001", "F96000003"]
    apart = core_products__families(concordance, codes, harmonise=harmonise(family_revisions=["HS1996", "HS2007"]))
    assert len(apart[apart.family_code == "F96000001"]) == 5  # through HS2002, though it is not in use


_PAIR = st.tuples(st.integers(0, 9), st.integers(0, 9))


@given(st.lists(_PAIR, min_size=1, max_size=25), st.randoms(use_true_random=False))
def test_no_link_leads_out_of_a_family_and_order_does_not_matter(pairs, random):
    text = "\n".join(f"HS1996 {one:06d} HS2002 {other:06d}" for one, other in pairs)
    made = families(links(text, "correlation"))
    of = {key: row.family_code for key, row in _by_code(made).items()}
    assert all(of["HS1996", f"{one:06d}"] == of["HS2002", f"{other:06d}"] for one, other in pairs)
    shuffled = "\n".join(random.sample(text.splitlines(), len(pairs)))
    pd.testing.assert_frame_equal(made, families(links(shuffled, "correlation")))
    merged = {frozenset({key for key, family in of.items() if family == name}) for name in of.values()}
    assert merged == _closures(pairs)


def _closures(pairs):
    """By joining sets until nothing joins."""
    sets = [frozenset({("HS1996", f"{one:06d}"), ("HS2002", f"{other:06d}")}) for one, other in pairs]
    joined: set[frozenset] = set()
    for new in sets:
        touching = {known for known in joined if known & new}
        joined = (joined - touching) | {new.union(*touching)}
    return joined
