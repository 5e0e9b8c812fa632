from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from haiguan.jobs.analyst.difference import compare
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.transforms.schema import COLUMNS, TABLES

CONCENTRATION = "measure_products__concentration"


@pytest.fixture
def other(tmp_path):
    """A second, empty lake."""
    return Lake(str(tmp_path / "other"))


@pytest.fixture
def three(product):
    """The three rows that the lake holds, in another order."""
    return [product(2003, "010210", "0.07"), product(2004, "848620", "100.10"), product(2003, "848620", "70.25")]


def test_the_same_rows_in_another_order_and_other_files_are_equal(lake, other, publish, three):
    for row in three:
        publish(other, CONCENTRATION, [row])
    found = compare(lake, CONCENTRATION, "latest", "latest", other)
    assert found.is_equal
    assert (found.versions, found.rows, found.examples) == ((2, 4), (3, 3), ())
    assert found.sums["value_usd"] == (Decimal("170.42"), Decimal("170.42"))


def test_planted_differences_are_found_one_by_one(lake, publish, product):
    changed = product(2003, "848620", "70.26", share=0.5 * (1 + 1e-6))
    publish(lake, CONCENTRATION, [changed, product(2003, "999999", "5.00")], "run-2", replacing="year = 2003")
    found = compare(lake, CONCENTRATION, 2, 3)
    assert not found.is_equal
    assert (found.added, found.removed, found.changed, found.rows) == (1, 1, 1, (3, 3))
    assert found.columns == {"share_1": 1, "value_usd": 1}
    assert found.sums["value_usd"] == (Decimal("170.42"), Decimal("175.36"))
    assert [(example.kind, example.key["product_code"]) for example in found.examples] == [
        ("added", "999999"),
        ("changed", "848620"),
        ("removed", "010210"),
    ]
    assert found.examples[1].values["value_usd"] == (Decimal("70.25"), Decimal("70.26"))


@pytest.mark.parametrize(
    ("share", "is_equal"), [(0.5, True), (0.5 * (1 + 9e-10), True), (0.5 * (1 + 2e-9), False), (0.0, False)]
)
def test_doubles_agree_within_a_billionth(lake, other, publish, product, three, share, is_equal):
    publish(other, CONCENTRATION, [*three[:2], product(2003, "848620", "70.25", share=share)])
    assert compare(lake, CONCENTRATION, 2, 2, other).is_equal is is_equal


def test_infinity_is_close_to_itself_only(lake, other, publish):
    row = {
        "study": "s",
        "item": "i",
        "title": "t",
        "position": 1,
        "column_label": "c",
        "row": 1,
        "axis_label": "a",
        "note": "",
    }
    table = "result_studies__figures"
    publish(lake, table, [{**row, "x": float("inf"), "value": float("nan")}])
    publish(other, table, [{**row, "x": float("inf"), "value": float("nan")}])
    assert compare(lake, table, "latest", "latest", other).is_equal
    publish(other, table, [{**row, "x": 1.0, "value": float("nan")}], replacing="position = 1")
    assert compare(lake, table, "latest", "latest", other).columns == {"x": 1}


def test_a_row_twice_is_not_overlooked(lake, other, publish, three):
    publish(other, CONCENTRATION, [*three, three[0]])
    found = compare(lake, CONCENTRATION, 2, 2, other)
    assert (found.added, found.removed, found.changed) == (1, 0, 0)
    assert compare(other, CONCENTRATION, 2, 2, lake).removed == 1


def test_a_null_differs_from_an_empty_text(lake, publish, country):
    rows = [country("XSA", "Areas, n.e.s.", "", "其他")]
    publish(lake, "core_countries__codes", rows, replacing="country_code = 'XSA'")
    found = compare(lake, "core_countries__codes", "0", "latest")
    assert found.added == 3
    newest = found.versions[1]
    assert compare(lake, "core_countries__codes", newest - 1, newest).columns == {"customs_code": 1}


def test_an_element_of_a_list_counts(lake, publish, country):
    rows = [country("JPN", "Japan", "116", "日本国", "日本")]
    publish(lake, "core_countries__codes", rows, replacing="country_code = 'JPN'")
    newest = compare(lake, "core_countries__codes", 0, "latest").versions[1]
    assert compare(lake, "core_countries__codes", newest - 1, newest).columns == {"country_labels": 1}


def test_columns_of_one_side_only_are_told_and_the_rest_is_compared(lake, other, three):
    table = TABLES[CONCENTRATION]
    kept = (column for column in table.columns if column.name not in ("share_5", "exporters"))
    columns = (*kept, replace(COLUMNS["exporters"], type="int"), COLUMNS["rank"])
    redeclared = replace(table, columns=columns)
    delta.append(other.path(CONCENTRATION), redeclared, [{**row, "rank": 1} for row in three], "run-1")
    found = compare(lake, CONCENTRATION, 2, "latest", other)
    assert found.schema == (
        "exporters: int64, int32 in the second; its values are not compared",
        "share_5: only in the first (double)",
        "rank: only in the second (int32)",
    )
    assert not found.is_equal
    assert (found.added, found.removed, found.changed) == (0, 0, 0)


def test_twenty_examples_of_a_kind_and_all_counted(lake, publish, product):
    publish(lake, CONCENTRATION, [product(2005, f"{code:06}", "1.00") for code in range(50)])
    found = compare(lake, CONCENTRATION, 2, 3)
    assert (found.added, len(found.examples)) == (50, 20)
    assert found.examples[0].key == {"year": 2005, "product_code": "000000"}
