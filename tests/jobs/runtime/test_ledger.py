"""The account of a slice adds up: in = quarantined + merged + out."""

from __future__ import annotations

from decimal import Decimal
from types import SimpleNamespace

import pytest

from haiguan.jobs.runtime.ledger import Measured, account, measure
from haiguan.jobs.runtime.manifest import Fingerprint, Published
from haiguan.transforms.schema import Table
from haiguan.transforms.schema.columns import pick

CORE = Table(
    "core_made__records",
    "a record",
    pick("year line value_usd rounding_usd flags"),
    key=("year", "line"),
    slice=("year",),
    accounts_for="raw_made__lines",
)
QUARANTINE = Table(
    "quarantine_made__records", "a record", pick("year line rules value_usd"), key=("year", "line"), slice=("year",)
)
FLOWS = Table("core_made__flows", "a flow", pick("year value_usd"), key=("year",), slice=("year",), merges=CORE.name)
YEARS = {year: {"year": year} for year in (2003, 2004)}


def _node(table: Table) -> SimpleNamespace:
    return SimpleNamespace(name=table.name, table=table)


def _published(records: int, amount: str | None = None) -> Published:
    return Published(YEARS[2003], Fingerprint("", "", ""), "", 1, records, amount and Decimal(amount))


def _measured(records: int, amount: str | None, rules=None) -> Measured:
    return Measured({"year=2003": (YEARS[2003], records, amount and Decimal(amount))}, rules or {})


def _steps(rows) -> list[tuple]:
    return [(row["step"], row["rule"], row["records"], row["amount_usd"]) for row in rows]


def test_records_and_dollars_by_slice_and_flag(spark):
    rows = [
        (2003, 2, "1.10", "0.004", ["odd", "late"]),
        (2003, 3, "2.20", "-0.001", ["odd"]),
        (2004, 2, "5.00", "0", []),
    ]
    frame = spark.createDataFrame(rows, "year int, line bigint, value string, rounding string, flags array<string>")
    frame = frame.selectExpr(
        "year",
        "line",
        "CAST(value AS decimal(18,2)) value_usd",
        "CAST(rounding AS decimal(18,6)) rounding_usd",
        "flags",
    )
    measured = measure(frame, CORE, [(YEARS[2003], 2), (YEARS[2004], 1)])
    assert measured.records == 3
    assert measured.slices == {
        "year=2003": (YEARS[2003], 2, Decimal("3.30")),
        "year=2004": (YEARS[2004], 1, Decimal("5.00")),
    }
    assert measured.rules == {
        "flagged": {"year=2003": {"odd": (2, Decimal("3.30")), "late": (1, Decimal("1.10"))}},
        "rounded": {"year=2003": {"rounding": (2, Decimal("0.003"))}},
    }


def test_a_rejected_record_is_counted_once_under_its_first_rule(spark):
    rows = [(2003, 2, ["a", "b"], Decimal("1.00")), (2003, 3, ["b"], None), (2003, 4, ["b", "a"], Decimal("2.00"))]
    frame = spark.createDataFrame(rows, "year int, line bigint, rules array<string>, value_usd decimal(18,2)")
    measured = measure(frame, QUARANTINE, [(YEARS[2003], 3)])
    assert measured.rules == {"quarantined": {"year=2003": {"a": (1, Decimal(1)), "b": (2, Decimal(2))}}}


def test_an_empty_table_has_no_slices(spark):
    empty = spark.createDataFrame([], "year int, line bigint, rules array<string>, value_usd decimal(18,2)")
    assert measure(empty, QUARANTINE, []) == Measured({}, {"quarantined": {}})


def test_in_is_quarantined_and_out():
    rejected = {"quarantined": {"year=2003": {"malformed": (2, None)}, "year=2004": {"malformed": (9, None)}}}
    measured = {QUARANTINE.name: _measured(2, None, rejected), CORE.name: _measured(8, "4.00")}
    rows = account(_node(CORE), YEARS[2003], [_published(10)], measured, [])
    assert _steps(rows) == [
        ("in", "", 10, None),
        ("quarantined", "malformed", 2, None),
        ("out", "", 8, Decimal("4.00")),
    ]
    assert {row["slice_id"] for row in rows} == {"year=2003"}


def test_in_is_merged_and_out_and_the_dollars_stay():
    rows = account(_node(FLOWS), YEARS[2003], [_published(10, "4.00")], {FLOWS.name: _measured(3, "4.00")}, [])
    assert _steps(rows) == [
        ("in", "", 10, Decimal("4.00")),
        ("merged", "", 7, Decimal(0)),
        ("out", "", 3, Decimal("4.00")),
    ]


def test_a_slice_of_which_nothing_is_left_still_has_an_account():
    rows = account(_node(FLOWS), YEARS[2004], [_published(10, "4.00")], {FLOWS.name: Measured({}, {})}, [])
    assert _steps(rows) == [("in", "", 10, Decimal("4.00")), ("merged", "", 10, Decimal(0))]


@pytest.mark.parametrize(("year", "records"), [(2003, [3]), (2004, [])])
def test_what_a_function_left_out_belongs_to_its_slice(year, records):
    step = {"year": 2003, "step": "dropped", "rule": "zero", "records": 3, "amount_usd": None}
    rows = account(_node(CORE), YEARS[year], [], {CORE.name: Measured({}, {})}, [step])
    assert [row["records"] for row in rows if row["step"] == "dropped"] == records


def test_a_table_that_accounts_for_nothing_has_no_account():
    table = Table("measure_made__x", "a row", pick("year value_usd"), key=("year",), slice=("year",))
    assert account(_node(table), YEARS[2003], None, {table.name: _measured(3, "4.00")}, []) == []


def test_flows_in_quarantine_and_flows_added_by_splitting_are_accounted_for():
    rejected = Measured(
        {"year=2003": (YEARS[2003], 2, Decimal("0.50"))}, {"quarantined": {"year=2003": {"odd": (2, Decimal("0.50"))}}}
    )
    came = [_published(10, "4.00")]
    for out, step in ((3, ("merged", "", 5, Decimal(0))), (11, ("split", "", 3, Decimal(0)))):
        rows = account(_node(FLOWS), YEARS[2003], came, {"q": rejected, FLOWS.name: _measured(out, "3.50")}, [])
        assert _steps(rows) == [
            ("in", "", 10, Decimal("4.00")),
            step,
            ("quarantined", "odd", 2, Decimal("0.50")),
            ("out", "", out, Decimal("3.50")),
        ]
