"""Every table that a stage publishes has a suite that bounds its rows and the nulls of its key."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import great_expectations.expectations as gxe
import pytest

from haiguan.expectations.declared import Bounds, declared, quarantine_share
from haiguan.expectations.exact import ExpectExactSumToEqual, ExpectKeyToBeUnique
from haiguan.expectations.gate import Gate
from haiguan.expectations.suites import SUITES
from haiguan.jobs.runtime.graph import build_graph
from haiguan.jobs.runtime.stages import STAGES
from haiguan.transforms.schema import TABLES

BOUNDS = Bounds(records_in=100, amount_in=Decimal("5.00"), quarantined=4, quarantined_share=0.05, key_sample_above=10)
PUBLISHED = {
    table.name for node in build_graph(STAGES).values() for table in (node.table, node.quarantine) if table is not None
}


@pytest.fixture
def gate(tmp_path) -> Gate:
    return Gate("run-1", tmp_path, 20, True)


def _of_kind(suite, kind):
    return [expectation for expectation in suite if isinstance(expectation, kind)]


def _rows(suite) -> list[tuple]:
    equal = [(e.value, e.value) for e in _of_kind(suite, gxe.ExpectTableRowCountToEqual)]
    between = [(e.min_value, e.max_value) for e in _of_kind(suite, gxe.ExpectTableRowCountToBeBetween)]
    return equal + between


def test_suites_cover_exactly_the_tables_that_stages_publish():
    assert set(SUITES) == PUBLISHED


def test_a_suite_carries_the_name_of_its_table():
    assert [name for name, suite in SUITES.items() if suite.__name__ != name or not suite.__doc__] == []


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_bounds_the_rows_and_the_nulls_of_the_key(name):
    suite, table = SUITES[name](BOUNDS), TABLES[name]
    assert _rows(suite)
    least = max(low for low, _ in _rows(suite))
    assert least >= 1 or table.may_be_empty
    not_null = {e.column for e in _of_kind(suite, gxe.ExpectColumnValuesToNotBeNull) if e.mostly == 1}
    assert set(table.key) <= not_null
    assert [e.key for e in _of_kind(suite, ExpectKeyToBeUnique)] == [list(table.key)]


@pytest.mark.parametrize("name", SUITES)
def test_every_suite_names_columns_of_its_table_and_values_as_declared(name):
    suite, table = SUITES[name](BOUNDS), TABLES[name]
    named = {getattr(e, attribute, None) for e in suite for attribute in ("column", "column_A", "column_B")}
    assert named - {None} <= set(table.column_names)
    coded = {e.column: tuple(e.value_set) for e in _of_kind(suite, gxe.ExpectColumnValuesToBeInSet)}
    assert coded.items() >= {c.name: c.values for c in table.columns if c.values}.items()


def test_only_quarantine_may_be_empty_and_what_may_not_occur():
    may = {name for name in SUITES if TABLES[name].may_be_empty}
    quarantines = {name for name in SUITES if name.startswith("quarantine_")}
    assert may == {
        *quarantines,
        "core_customs__unit_values",
        "core_customs__repeated_rows",
        "core_customs__coverage",
    }


def test_records_in_are_records_out_and_quarantined():
    assert _rows(declared(TABLES["core_customs__declarations"], BOUNDS)) == [(96, 96)]


def test_flows_and_those_in_quarantine_are_worth_what_their_declarations_are():
    suite = declared(TABLES["core_customs__annual_flows"], replace(BOUNDS, quarantined_amount=Decimal("0.75")))
    assert _rows(suite) == [(1, None)]  # weights may make two rows of one
    assert [e.value for e in _of_kind(suite, ExpectExactSumToEqual)] == ["4.25"]


@pytest.mark.parametrize(
    ("share", "records_in", "at_most"), [(0.05, 100, 5), (0.05, 119, 5), (0.29, 100, 29), (0.07, 100, 7), (0.0, 9, 0)]
)
def test_share_of_quarantine_is_rounded_down_and_exact(share, records_in, at_most):
    bounds = replace(BOUNDS, quarantined_share=share, records_in=records_in)
    assert _rows(quarantine_share(TABLES["quarantine_trade__flows"], bounds)) == [(0, at_most)]


def test_a_good_year_does_not_hide_a_bad_one(spark, gate):
    name = "quarantine_customs__declarations"
    rows = [(2003, "f", "a.csv", line, "l", ["r"], None, "") for line in range(2, 8)]
    frame = spark.createDataFrame(rows, TABLES[name].ddl)
    bounds = replace(BOUNDS, records_in=1100, records_by_slice={"year=2003": 100, "year=2004": 1000})
    (share,) = [v for v in gate.judge(name, frame, SUITES[name](bounds)) if not v.is_success]
    assert share.observed == "year=2003: 6 rows, at most 5"
    assert share.stops
    more = replace(bounds, records_by_slice={"year=2003": 120, "year=2004": 980})
    assert all(v.is_success for v in gate.judge(name, frame, SUITES[name](more)))


@pytest.mark.parametrize("exporters", [1, 5, 49])
def test_equal_exporters_pass_the_gate_whatever_the_rounding_of_doubles(spark, gate, exporters):
    name = "measure_products__concentration"
    share = 1 / exporters
    rows = [(2003, "010101", exporters, exporters, Decimal(exporters), share, 1.0, 1.0, sum([share**2] * exporters))]
    frame = spark.createDataFrame(rows, TABLES[name].ddl)
    failed = [v for v in gate.judge(name, frame, SUITES[name](BOUNDS)) if not v.is_success]
    assert failed == []


def test_an_index_above_the_largest_share_is_stopped(spark, gate):
    name = "measure_products__concentration"
    frame = spark.createDataFrame([(2003, "010101", 2, 2, Decimal(2), 0.5, 1.0, 1.0, 0.6)], TABLES[name].ddl)
    failed = [v for v in gate.judge(name, frame, SUITES[name](BOUNDS)) if v.stops]
    assert len(failed) == 1
    assert "herfindahl" in failed[0].expectation


@pytest.mark.parametrize(
    ("changed", "unmet"),
    [({}, 0), ({"export_border_usd": 1}, 1), ({"import_lease_usd": 1}, 1), ({"import_processing_usd": 4}, 1)],
)
def test_values_by_regime_that_do_not_add_up_are_stopped(spark, gate, changed, unmet):
    name = "core_customs__firm_year"
    amounts = {c.name: Decimal(changed.get(c.name, 0)) for c in TABLES[name].columns if c.name.endswith("_usd")}
    whole = {"value_usd": 5, "export_value_usd": 2, "import_value_usd": 3}
    parts = {"export_ordinary_usd": 2, "import_processing_unstated_usd": 3}
    given = {"import_processing_usd": 3, **changed}
    row = {**amounts, **{column: Decimal(value) for column, value in {**whole, **parts, **given}.items()}}
    told = {"year": 2003, "firm_code": "A", "export_valuation": "FOB", "import_valuation": "CIF"}
    counts = dict.fromkeys("export_products export_partners import_products import_partners declarations".split(), 1)
    values = {**row, **told, **counts, "exchange_rate_rule": "none"}
    frame = spark.createDataFrame([[values.get(c) for c in TABLES[name].column_names]], TABLES[name].ddl)
    bounds = replace(BOUNDS, quarantined=0)
    assert len([verdict for verdict in gate.judge(name, frame, SUITES[name](bounds)) if verdict.stops]) == unmet
