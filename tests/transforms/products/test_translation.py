"""Translations of codes: nothing is lost or made, whatever the concordance, the order and the partitioning."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from products_tables import harmonise

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.concordance import WHOLE
from haiguan.transforms.products.translation import (
    apportioned,
    refuse_apportioned,
    refuse_national_codes,
    untranslated,
    with_target,
)

TRANSLATION = "hs_revision string, heading string, target_code string, billionths bigint, refusal string"
FLOWS = "hs_revision string, product_code string, cents bigint, thousandths bigint"
NO_SHRINKING = (Phase.explicit, Phase.reuse, Phase.generate)  # a smaller example would cost minutes of Spark
THIRD = WHOLE // 3


def _split(spark, flows, translated):
    frame = apportioned(
        spark.createDataFrame(flows, FLOWS), spark.createDataFrame(translated, TRANSLATION), ("cents", "thousandths")
    )
    return sorted(tuple(row) for row in frame.collect())


def test_a_flow_is_split_by_largest_remainder(spark):
    thirds = [("A", "100000", code, THIRD + (code == "3"), None) for code in ("1", "2", "3")]
    halves = [("B", "200000", code, WHOLE // 2, None) for code in ("5", "4")]
    uneven = [("C", "300000", "6", 999_999_999, None), ("C", "300000", "7", 1, None)]
    flows = [
        ("A", "100000", 100, 10),
        ("A", "100000", 2, None),
        ("B", "20000011", 1, 3),
        ("B", "200000", -5, 0),
        ("B", "200000", 0, 0),
        ("C", "300000", 999_999_999_999_999_999, 1),
        ("C", "990000", 7, 8),
        ("C", "123456", 7, 8),
    ]
    assert _split(spark, flows, [*thirds, *halves, *uneven]) == [
        ("A", "100000", 1, None, "1", True),
        ("A", "100000", 1, None, "3", True),  # the larger weight first, by one billionth
        ("A", "100000", 33, 3, "1", True),
        ("A", "100000", 33, 3, "2", True),
        ("A", "100000", 34, 4, "3", True),
        ("B", "200000", -3, 0, "4", True),
        ("B", "200000", -2, 0, "5", True),
        ("B", "200000", 0, 0, "4", True),  # nothing to split: the first of equal weights, the lower code
        ("B", "20000011", 0, 1, "5", True),
        ("B", "20000011", 1, 2, "4", True),
        ("C", "300000", 1_000_000_000, 0, "7", True),
        ("C", "300000", 999_999_998_999_999_999, 1, "6", True),
        ("C", "990000", 7, 8, "990000", False),  # a chapter outside the HS stays; 123456 is in no table
    ]


def _largest_remainder(amount: int, weights: list[tuple[int, str]]) -> dict[str, int]:
    """By exact fractions, in the order in which ties are settled."""
    ordered = sorted(weights, key=lambda entry: (-entry[0], entry[1]))
    shares = [Fraction(abs(amount) * weight, WHOLE) for weight, _ in ordered]
    floors = [int(share) for share in shares]
    short = abs(amount) - sum(floors)
    by_remainder = sorted(range(len(shares)), key=lambda at: (floors[at] - shares[at], at))
    for at in by_remainder[:short]:
        floors[at] += 1
    sign = -1 if amount < 0 else 1
    return {code: sign * part for part, (_, code) in zip(floors, ordered, strict=True)}


@st.composite
def _concordances(draw):
    """Many random concordances at once, told apart by the name of the revision, each with a few flows."""
    translated, flows = [], []
    for case in range(draw(st.integers(30, 60))):
        cuts = sorted(draw(st.lists(st.integers(1, WHOLE - 1), max_size=6, unique=True)))
        weights = [high - low for low, high in zip([0, *cuts], [*cuts, WHOLE], strict=True)]
        translated += [(f"R{case}", "100000", f"{at:06d}", weight, None) for at, weight in enumerate(weights)]
        for _ in range(3):
            cents = draw(st.integers(-(10**17), 10**17) | st.integers(-20, 20))
            flows.append((f"R{case}", "100000", cents, draw(st.none() | st.integers(0, 10**15))))
    return translated, flows


@settings(max_examples=4, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
@given(drawn=_concordances(), partitions=st.integers(1, 7))
def test_parts_are_those_of_exact_fractions_whatever_the_order(spark, drawn, partitions):
    translated, flows = drawn
    numbered = [(*flow, number) for number, flow in enumerate(flows)]
    frame = spark.createDataFrame(numbered, f"{FLOWS}, number int").repartition(partitions)
    weights = spark.createDataFrame(translated[::-1], TRANSLATION).repartition(partitions)
    parts = {number: {} for number in range(len(flows))}
    for row in apportioned(frame, weights, ("cents", "thousandths")).collect():
        parts[row.number][row.target_code] = (row.cents, row.thousandths)
    for number, (revision, _, cents, thousandths) in enumerate(flows):
        targets = [(weight, code) for case, _, code, weight, _ in translated if case == revision]
        expected = _largest_remainder(cents, targets)
        quantities = None if thousandths is None else _largest_remainder(thousandths, targets)
        found = parts[number]
        assert sum(value for value, _ in found.values()) == cents
        assert quantities is None or sum(quantity for _, quantity in found.values()) == thousandths
        assert {code: value for code, (value, _) in found.items()} == {code: expected[code] for code in found}
        assert all(expected[code] == 0 for code in expected.keys() - found.keys())
        assert quantities is None or {code: q for code, (_, q) in found.items()} == {c: quantities[c] for c in found}


@st.composite
def _one_target_each(draw):
    """Random translations by conversion or families, told apart by the name of the revision, with unknown codes."""
    translated, flows = [], []
    for case in range(draw(st.integers(20, 40))):
        targets = draw(st.lists(st.none() | st.integers(0, 3), min_size=1, max_size=6))
        translated += [
            (f"R{case}", f"{at:06d}", None if to is None else f"{to:06d}", WHOLE, None if to is not None else "refused")
            for at, to in enumerate(targets)
        ]
        drawn = draw(st.lists(st.tuples(st.integers(0, 8), st.integers(-(10**12), 10**15)), min_size=1, max_size=5))
        flows += [(f"R{case}", f"{at:06d}", cents, cents) for at, cents in drawn]
    return translated, flows


@settings(max_examples=3, deadline=None, suppress_health_check=list(HealthCheck), phases=NO_SHRINKING)
@given(drawn=_one_target_each(), partitions=st.integers(1, 7))
def test_every_flow_has_its_target_or_is_named_whatever_the_order(spark, drawn, partitions):
    translated, flows = drawn
    target_of = {(revision, code): target for revision, code, target, _, _ in translated}
    numbered = spark.createDataFrame([(*flow, n) for n, flow in enumerate(flows)], f"{FLOWS}, number int")
    rows = spark.createDataFrame(translated[::-1], TRANSLATION)
    found = {row.number: row for row in with_target(numbered.repartition(partitions), rows).collect()}
    codes = spark.createDataFrame(
        [("R0", "000001", "")], "hs_revision string, product_code string, product_name string"
    )
    lacking = {(row.hs_revision, row.heading): row.rule for row in untranslated(numbered, rows, codes).collect()}
    for number, (revision, code, cents, _) in enumerate(flows):
        target = target_of.get((revision, code))
        assert (number in found) != ((revision, code) in lacking)
        assert target is None or (found[number].target_code, found[number].cents) == (target, cents)
        rule = "refused" if (revision, code) in target_of else "unmapped_code"
        assert target is not None or lacking[revision, code] == rule


def test_one_target_each_and_what_has_none_is_named_with_the_nearest_codes(spark):
    translated = spark.createDataFrame(
        [("HS2002", "010111", "010101", WHOLE, None), ("HS2002", "020000", None, WHOLE, "large_family")], TRANSLATION
    )
    flows = spark.createDataFrame(
        [
            ("HS2002", "01011190", 1, 1),
            ("HS2002", "010112", 2, 2),
            ("HS2002", "020000", 4, 4),
            ("HS2007", "010111", 8, 8),
            ("HS2002", "980000", 16, 16),
        ],
        FLOWS,
    )
    codes = spark.createDataFrame(
        [("HS2002", code, "") for code in ("010111", "010119", "010210", "019999", "020000")],
        "hs_revision string, product_code string, product_name string",
    )
    assert {(r.target_code, r.cents) for r in with_target(flows, translated).collect()} == {
        ("010101", 1),
        ("980000", 16),
    }
    found = {
        (r.hs_revision, r.heading): (r.rule, r.nearest_codes) for r in untranslated(flows, translated, codes).collect()
    }
    assert found == {
        ("HS2002", "010112"): ("unmapped_code", ["010111", "010119", "010210"]),
        ("HS2002", "020000"): ("large_family", ["019999", "010210", "010119"]),
        ("HS2007", "010111"): ("no_table", []),
    }


def test_measures_that_count_refuse_what_weights_have_split():
    refuse_apportioned(harmonise(method="families"), "panel")
    refuse_apportioned(harmonise(to=None, method="weights"), "panel")
    with pytest.raises(InputError, match=r"panel counts products .* set it to conversion or families"):
        refuse_apportioned(harmonise(method="weights"), "panel")


def test_panels_over_years_refuse_national_codes():
    refuse_national_codes(harmonise(), "panel")
    refuse_national_codes(harmonise(to="2005"), "panel")  # by a user's table of their changes
    with pytest.raises(InputError, match="change every January"):
        refuse_national_codes(harmonise(to=None), "panel")


def test_an_unknown_revision_is_named():
    with pytest.raises(ValueError, match=r"no HS revision is called HS1997; there are HS1992, "):
        harmonise(to="HS1997")


def test_a_year_is_a_target_for_codes_of_eight_digits_and_no_revision_of_families():
    settings = harmonise(to=2005)
    assert (settings.to, settings.is_national, settings.digits) == ("2005", True, 8)
    assert (harmonise().is_national, harmonise().digits) == (False, 6)
    for changed in ({"to": "1987"}, {"to": 5}, {"family_revisions": ["2004", "2005"]}):
        with pytest.raises(ValueError, match="no HS revision is called"):
            harmonise(**changed)
