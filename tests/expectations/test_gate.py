"""The gate: what stops a run, what is only told, what says nothing of the data, and what it shows of failing rows."""

from __future__ import annotations

import great_expectations.expectations as gxe
import pytest

from haiguan.expectations.gate import Gate
from haiguan.expectations.suites import WARNING

SCHEMA = "firm_code string, firm_name string, partner string, low double, high double"
ROWS = [("1", "甲", "USA", 1.0, 2.0), ("2", None, "??", 3.0, 2.5), ("3", "丙", None, 5.0, 6.0)]


@pytest.fixture
def frame(spark):
    return spark.createDataFrame(ROWS, SCHEMA)


@pytest.fixture
def gate(tmp_path) -> Gate:
    return Gate("run-1", tmp_path / "site", 20, False)


def _well_formed(**kwargs):
    return gxe.ExpectColumnValuesToMatchRegex(column="partner", regex="^[A-Z]{3}$", **kwargs)


def test_every_expectation_has_a_verdict_with_its_counts(gate, frame):
    suite = [
        gxe.ExpectTableRowCountToBeBetween(min_value=1),
        _well_formed(),
        gxe.ExpectColumnValuesToNotBeNull(column="low"),
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="high", column_B="low", or_equal=True),
    ]
    verdicts = {verdict.expectation.split("(")[0]: verdict for verdict in gate.judge("core_a__b", frame, suite)}
    rows, regex, present, pair = (verdicts[expectation.expectation_type] for expectation in suite)
    assert (rows.is_success, rows.observed) == (True, "3")
    assert (regex.is_success, regex.evaluated, regex.unexpected) == (False, 3, 1)
    assert (present.is_success, present.unexpected) == (True, 0)
    assert (pair.is_success, pair.unexpected) == (False, 1)
    assert regex.expectation.startswith("expect_column_values_to_match_regex(column=partner")


def test_critical_stops_and_warning_does_not(gate, frame):
    critical, warning = gate.judge("core_a__b", frame, [_well_formed(), _well_formed(severity=WARNING, mostly=0.9)])
    assert (critical.is_success, critical.severity, critical.stops) == (False, "critical", True)
    assert (warning.is_success, warning.severity, warning.stops) == (False, "warning", False)


def test_an_exception_inside_an_expectation_is_told_apart_from_bad_data(gate, frame):
    broken, bad = gate.judge("core_a__b", frame, [gxe.ExpectColumnValuesToNotBeNull(column="absent"), _well_formed()])
    assert "absent" in broken.exception
    assert broken.unexpected is None
    assert broken.stops
    assert broken.failing_rows == ()
    assert bad.exception is None
    assert bad.failing_rows


def test_failing_rows_are_those_that_fail_with_names_masked(gate, frame):
    suite = [_well_formed(), gxe.ExpectColumnValuesToNotBeNull(column="firm_name")]
    for verdict in gate.judge("core_a__b", frame, suite):
        (row,) = verdict.failing_rows
        assert row == {"firm_code": "***", "firm_name": None, "partner": "??", "low": 3.0, "high": 2.5}


def test_failing_rows_of_pairs_ranges_and_sets(gate, frame):
    suite = [
        gxe.ExpectColumnPairValuesAToBeGreaterThanB(column_A="high", column_B="low", or_equal=True),
        gxe.ExpectColumnValuesToBeBetween(column="low", max_value=2),
        gxe.ExpectColumnValuesToBeInSet(column="partner", value_set=["USA"]),
        gxe.ExpectColumnValuesToBeNull(column="firm_name"),
    ]
    shown = [[row["low"] for row in verdict.failing_rows] for verdict in gate.judge("core_a__b", frame, suite)]
    assert [sorted(rows) for rows in shown] == [[3.0], [3.0, 5.0], [3.0], [1.0, 5.0]]


def test_names_are_shown_where_the_setting_says_so(tmp_path, frame):
    (verdict,) = Gate("run-1", tmp_path, 20, True).judge("core_a__b", frame, [_well_formed()])
    assert verdict.failing_rows[0]["firm_code"] == "2"


@pytest.mark.parametrize("limit", [0, 2])
def test_no_more_rows_are_shown_than_the_setting_allows(tmp_path, spark, limit):
    frame = spark.createDataFrame([("?",)] * 50, "partner string")
    (verdict,) = Gate("run-1", tmp_path, limit, False).judge("core_a__b", frame, [_well_formed()])
    assert len(verdict.failing_rows) == limit
    assert verdict.unexpected == 50


def test_values_that_hold_quotes_and_backslashes_do_not_upset_the_failing_rows(gate, spark):
    frame = spark.createDataFrame([("it's",), ('say "x"',), ("back\\slash",), ("fine",)], "partner string")
    allowed = ["it's", 'say "x"', "back\\slash"]
    (verdict,) = gate.judge("core_a__b", frame, [gxe.ExpectColumnValuesToBeInSet(column="partner", value_set=allowed)])
    assert (verdict.unexpected, [row["partner"] for row in verdict.failing_rows]) == (1, ["fine"])


def test_an_empty_table_fails_its_number_of_rows(gate, spark):
    empty = spark.createDataFrame([], SCHEMA)
    rows, regex = gate.judge("core_a__b", empty, [gxe.ExpectTableRowCountToBeBetween(min_value=1), _well_formed()])
    assert rows.stops
    assert regex.is_success, "which is why every suite must bound the number of rows"


def test_data_docs_are_written_once_for_all_that_was_judged(tmp_path, frame):
    gate = Gate("run-1", tmp_path / "site", 20, False)
    gate.build_docs()
    assert not (tmp_path / "site" / "index.html").exists()
    gate.judge("core_a__b", frame, [_well_formed()])
    gate.judge("core_a__b", frame, [_well_formed()])
    gate.build_docs()
    assert (tmp_path / "site" / "index.html").exists()
    pages = [page.read_text(encoding="utf-8") for page in (tmp_path / "site").rglob("*.html")]
    assert not any("甲" in page for page in pages)
