"""Codes of eight digits over three years: 2005 splits one and merges two, 2006 gives one another number."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.concordance import concordance
from haiguan.transforms.products.national_codes import links_over_years, read_changes

SPLIT, LEFT, RIGHT = "84798990", "84798991", "84798999"
ONE, OTHER, BOTH = "01011010", "01011020", "01011000"
MOVED, ELSEWHERE = "85414000", "85414020"
SAME = "10063000"
HEADINGS = ["source_year", "source_code", "target_year", "target_code", "weight"]
CHANGES = [
    ["2004", SPLIT, "2005", LEFT, "0.25"],
    ["2004", SPLIT, "2005", RIGHT, "0.75"],
    ["2004", ONE, "2005", BOTH, ""],
    ["2004", OTHER, "2005", BOTH, ""],
    ["2006", ELSEWHERE, "2005", MOVED, "1"],
]
USED = [("2006", LEFT), ("2006", RIGHT), ("2006", BOTH), ("2006", ELSEWHERE), ("2006", SAME), ("2004", MOVED)]


def _concordance(changes: list[list[str]] = CHANGES, used: list[tuple[str, str]] = USED) -> pd.DataFrame:
    links = read_changes([HEADINGS, *changes], "changes.csv")
    made, _ = links_over_years(links, pd.DataFrame(used, columns=["hs_revision", "product_code"]))
    return concordance(made, setting="inputs.hs8_changes")


def _targets(made: pd.DataFrame, source: str, target: str, method: str) -> dict[str, dict[str, Decimal]]:
    rows = made[(made.source_revision == source) & (made.target_revision == target) & (made.method == method)]
    return {code: dict(zip(of.target_code, of.weight, strict=True)) for code, of in rows.groupby("source_code")}


def test_conversions_chain_to_the_earliest_year():
    """The merged code of 2005 has two codes in 2004, and a conversion goes to one: it has none."""
    assert _targets(_concordance(), "2006", "2004", "conversion") == {
        LEFT: {SPLIT: 1},
        RIGHT: {SPLIT: 1},
        ELSEWHERE: {MOVED: 1},
        SAME: {SAME: 1},
    }


def test_conversions_run_to_earlier_years_only():
    assert _targets(_concordance(), "2004", "2006", "conversion") == {}


def test_weights_are_those_of_the_table_and_one_where_a_code_is_alone_or_the_same():
    made = _concordance()
    quarter, three = Decimal("0.25"), Decimal("0.75")
    assert _targets(made, "2004", "2005", "weights") == {
        SPLIT: {LEFT: quarter, RIGHT: three},
        ONE: {BOTH: 1},
        OTHER: {BOTH: 1},
        SAME: {SAME: 1},
        MOVED: {MOVED: 1},
    }
    assert _targets(made, "2006", "2005", "weights")[SAME] == {SAME: 1}


def test_weights_chain_through_years_in_which_no_code_is_split():
    made = _targets(_concordance(), "2004", "2006", "weights")
    assert made[SPLIT] == {LEFT: Decimal("0.25"), RIGHT: Decimal("0.75")}
    assert made[MOVED] == {ELSEWHERE: 1}


def test_there_are_no_weights_in_a_direction_in_which_a_code_has_several_targets_and_no_weights():
    assert _targets(_concordance(), "2005", "2004", "weights") == {}


def test_correlations_run_both_ways_with_equal_shares():
    made = _concordance()
    half = Decimal("0.5")
    assert _targets(made, "2004", "2006", "correlation") == {
        SPLIT: {LEFT: half, RIGHT: half},
        ONE: {BOTH: 1},
        OTHER: {BOTH: 1},
        MOVED: {ELSEWHERE: 1},
        SAME: {SAME: 1},
    }
    assert _targets(made, "2006", "2004", "correlation")[BOTH] == {ONE: half, OTHER: half}


def test_shares_of_every_code_add_up_to_one():
    made = _concordance()
    by_code = made.groupby(["source_revision", "source_code", "target_revision", "method"]).weight
    assert (by_code.agg(lambda weights: sum(weights, Decimal(0))) == 1).all()


def test_the_direction_in_which_a_table_is_written_makes_no_difference_to_conversions():
    turned = [[row[2], row[3], row[0], row[1], ""] for row in CHANGES]
    for source, target in (("2006", "2004"), ("2005", "2004")):
        assert _targets(_concordance(turned), source, target, "conversion") == _targets(
            _concordance(), source, target, "conversion"
        )


def test_a_code_that_was_given_up_leads_nowhere_where_it_is_used_later():
    made = _concordance(used=[*USED, ("2005", SPLIT)])
    assert SPLIT not in _targets(made, "2005", "2004", "conversion")


def test_a_code_of_which_a_part_stays_is_listed_with_itself():
    part = [*CHANGES, ["2004", SPLIT, "2005", SPLIT, "0"]]
    assert _targets(_concordance(part), "2005", "2004", "conversion")[SPLIT] == {SPLIT: 1}


def test_codes_of_a_year_are_those_used_those_mentioned_and_those_that_have_not_changed():
    links = read_changes([HEADINGS, *CHANGES], "changes.csv")
    _, codes = links_over_years(links, pd.DataFrame(USED, columns=["hs_revision", "product_code"]))
    assert codes.groupby("hs_revision").product_code.agg(set).to_dict() == {
        "2004": {SPLIT, ONE, OTHER, MOVED, SAME},
        "2005": {LEFT, RIGHT, BOTH, MOVED, SAME},
        "2006": {LEFT, RIGHT, BOTH, ELSEWHERE, SAME},
    }


def test_a_lost_zero_is_put_back_and_flagged():
    made = _concordance([["2004", "1011010", "2005", BOTH, ""]])
    row = made[(made.source_code == BOTH) & (made.method == "conversion")].iloc[0]
    assert (row.target_code, row["flags"]) == (ONE, ["lost_leading_zero"])


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (["2004", "847989", "2005", LEFT, ""], "line 2: `847989` is no code of 8 digits"),
        (["2004", "８４７９８９９０", "2005", LEFT, ""], "line 2: `８４７９８９９０` is no code of 8 digits"),
        (["04", SPLIT, "2005", LEFT, ""], "line 2: source_year `04` must be a year from 1988 on"),
        (["2005", SPLIT, "2005", LEFT, ""], "line 2: both years are 2005"),
        (["2004", SPLIT, "2005", LEFT, "40 %"], "line 2: weight `40 %` is no share between 0 and 1"),
    ],
)
def test_what_cannot_be_in_a_table_is_told_with_its_line(row, message):
    with pytest.raises(InputError, match=f"changes.csv, {message}"):
        read_changes([HEADINGS, row], "changes.csv")


def test_other_tables_are_none():
    assert read_changes([["hs_revision", "product_code", "bec"], ["HS2002", "010210", "41"]], "bec.csv") is None


def test_weights_that_do_not_add_up_are_told():
    short = [["2004", SPLIT, "2005", LEFT, "0.25"], ["2004", SPLIT, "2005", RIGHT, ""]]
    with pytest.raises(
        InputError, match=r"inputs.hs8_changes: changes.csv: weights from 2004 to 2005: .* add up to 0.25"
    ):
        _concordance(short)


def test_two_weights_for_one_pair_are_told():
    twice = [["2004", SPLIT, "2005", code, weight] for code, weight in ((LEFT, "0.5"), (LEFT, "0.9"), (RIGHT, "0.5"))]
    with pytest.raises(InputError, match=r"weights from 2004 to 2005: .* add up to 1.9"):
        _concordance(twice)


def test_a_pair_that_is_listed_twice_counts_once():
    assert _concordance([*CHANGES, CHANGES[0]]).equals(_concordance())


def test_two_files_for_the_same_years_are_told():
    links = [read_changes([HEADINGS, *CHANGES[:2]], name) for name in ("one.csv", "two.csv")]
    used = pd.DataFrame(USED, columns=["hs_revision", "product_code"])
    with pytest.raises(InputError, match=r"one.csv, two.csv: changes from 2004 to 2005: several tables say them"):
        links_over_years(pd.concat(links, ignore_index=True), used)
