"""The concordance: direct tables before chains, weights that add up, and a word on every table that cannot be."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from products_tables import links, together

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.concordance import WHOLE, billionths, core_products__concordance

CONVERSIONS = """
    HS2007 848620 HS2002 847989
    HS2012 848620 HS2007 848620
    HS2012 847989 HS2007 847989
    HS2012 848620 HS2002 845610
"""


def _rows(made, *columns, **where):
    kept = made
    for column, value in where.items():
        kept = kept[kept[column] == value]
    return [tuple(row) for row in kept[list(columns)].to_numpy().tolist()]


def test_a_direct_conversion_beats_the_chain_and_says_what_that_gives():
    made = core_products__concordance(links(CONVERSIONS, "conversion"))
    found = _rows(made, "source_code", "target_code", "is_direct", "chain_code", target_revision="HS2002")
    assert found == [
        ("848620", "847989", True, None),  # from HS2007
        ("848620", "845610", True, "847989"),  # from HS2012
    ]
    assert set(made.weight) == {Decimal(1)}
    assert not made.is_forward.any()


def test_revisions_that_no_table_joins_are_joined_by_the_shortest_chain():
    steps = """
        HS2012 000001 HS2007 000002
        HS2007 000002 HS2002 000003
        HS2002 000003 HS1996 000004
        HS2007 000002 HS1996 000005
    """
    made = core_products__concordance(links(steps, "conversion"))
    found = _rows(made, "target_code", "is_direct", source_revision="HS2012", target_revision="HS1996")
    assert found == [("000005", False)]


def test_weights_multiply_along_a_chain_and_add_up_over_its_ways():
    steps = """
        HS2012 000001 HS2007 000001 0.5
        HS2012 000001 HS2007 000002 0.5
        HS2007 000001 HS2002 000001 0.4
        HS2007 000001 HS2002 000002 0.6
        HS2007 000002 HS2002 000002 1
    """
    made = core_products__concordance(links(steps, "weights"))
    found = _rows(made, "target_code", "weight", method="weights", source_revision="HS2012", target_revision="HS2002")
    assert found == [("000001", Decimal("0.200000000")), ("000002", Decimal("0.800000000"))]


def test_correlations_run_both_ways_with_equal_weights_and_their_kind_of_relation():
    made = core_products__concordance(
        links("HS2002 000001 HS1996 000001\nHS2002 000001 HS1996 000002\nHS2002 000003 HS1996 000002", "correlation")
    )
    back = _rows(made, "source_code", "target_code", "weight", "relation", "is_forward", target_revision="HS1996")
    half, one = Decimal("0.500000000"), Decimal("1.000000000")
    assert back == [
        ("000001", "000001", half, "1:n", False),
        ("000001", "000002", half, "n:n", False),
        ("000003", "000002", one, "n:1", False),
    ]
    forth = _rows(made, "source_code", "target_code", "weight", "relation", "is_forward", target_revision="HS2002")
    assert forth == [
        ("000001", "000001", one, "n:1", True),
        ("000002", "000001", half, "n:n", True),
        ("000002", "000003", half, "1:n", True),
    ]


def test_codes_that_weights_join_are_correlated_where_no_table_says_more():
    made = core_products__concordance(links("HS2002 000001 HS1996 000002 1", "weights"))
    assert _rows(made, "source_revision", "source_code", "target_code", method="correlation") == [
        ("HS1996", "000002", "000001"),
        ("HS2002", "000001", "000002"),
    ]


@pytest.mark.parametrize(
    ("tables", "message"),
    [
        (
            [links("HS2002 000001 HS1996 000002 0.7", "weights")],
            "made: weights from HS2002 to HS1996: the weights of 000001 add up to 0.700000; they must add up to 1",
        ),
        (
            [links("HS1996 000001 HS2002 000002", "conversion")],
            "conversions run from a later to an earlier revision; give weights instead",
        ),
        (
            [links("HS2002 000001 HS1996 000002\nHS2002 000001 HS1996 000003", "conversion")],
            "000001 has several targets; a conversion has one: give weights, or leave one in",
        ),
        (
            [links("HS2002 000001 HS1996 000002", "conversion", file) for file in ("a.xls", "b.csv")],
            "a.xls, b.csv: conversion from HS2002 to HS1996: several tables say it; leave one in",
        ),
    ],
)
def test_tables_that_contradict_themselves_or_each_other_are_named(tables, message):
    with pytest.raises(InputError, match=message):
        core_products__concordance(together(*tables))


_PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=20, unique=True)


@settings(deadline=None, max_examples=30)
@given(_PAIRS, _PAIRS, st.randoms(use_true_random=False))
def test_every_code_gives_all_of_itself_both_ways_and_along_chains(first, second, random):
    """Of random correlations HS1996 - HS2002 - HS2007, in any order of their rows."""
    text = [f"HS2002 {a:06d} HS1996 {b:06d}" for a, b in first] + [f"HS2007 {a:06d} HS2002 {b:06d}" for a, b in second]
    made = core_products__concordance(links("\n".join(text), "correlation"))
    sums = made.groupby(["source_revision", "source_code", "target_revision"]).weight.sum()
    assert (sums == 1).all()
    linked = {("HS2002", f"{a:06d}", "HS1996") for a, _ in first} | {("HS1996", f"{b:06d}", "HS2002") for _, b in first}
    assert linked <= set(sums.index)
    shuffled = core_products__concordance(links("\n".join(random.sample(text, len(text))), "correlation"))
    pd.testing.assert_frame_equal(made, shuffled)


_SOURCES = st.lists(st.lists(st.floats(1e-12, 1), min_size=1, max_size=40), min_size=1, max_size=8)


@given(_SOURCES, st.randoms(use_true_random=False))
def test_weights_in_billionths_are_whole_near_the_shares_and_the_same_in_any_order(weights, random):
    rows = [(f"{at:06d}", f"{place:06d}", w) for at, listed in enumerate(weights) for place, w in enumerate(listed)]
    table = pd.DataFrame(rows, columns=["source_code", "target_code", "weight"])
    parts = billionths(table)
    assert (parts.groupby(table.source_code).sum() == WHOLE).all()
    shares = table.weight / table.groupby("source_code").weight.transform("sum") * WHOLE
    assert (np.abs(parts - shares) <= 1 + 1e-6).all()
    shuffled = table.loc[random.sample(list(table.index), len(table))]
    assert billionths(shuffled).sort_index().tolist() == parts.tolist()
