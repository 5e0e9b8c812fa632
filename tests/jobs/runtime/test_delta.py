"""Delta tables as declared: types, comments, constraints; new slices taken in by one commit that touches no other."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pytest
from deltalake import DeltaTable, write_deltalake

from haiguan.jobs.runtime import delta
from haiguan.transforms.schema import TABLES, Column, Table
from haiguan.transforms.schema.columns import pick

SALES = Table(
    "core_made__sales",
    "a sale",
    pick("year firm_code direction value_usd flags"),
    key=("year", "firm_code"),
    slice=("year",),
    optional=frozenset({"value_usd"}),
)


def _rows(table: Table, *rows: tuple) -> pa.Table:
    return pa.Table.from_pylist(
        [dict(zip(table.column_names, row, strict=True)) for row in rows], schema=delta.arrow_schema(table)
    )


def _sale(year: int, firm: str) -> tuple:
    return (year, firm, "export", None, [])


@pytest.fixture
def adopt(tmp_path):
    """Stages rows of a table beside the published ones and adopts them."""
    numbers = iter(range(100))

    def adopted(rows: pa.Table, slices=None, table: Table = SALES) -> int:
        target = tmp_path / "sales"
        if not delta.exists(target):
            delta.create(target, table)
        staged = target / "staged" / f"run-{next(numbers)}"
        delta.create(staged, table)
        if rows.num_rows:
            write_deltalake(str(staged), rows, mode="append")
        return delta.adopt(target, staged, table, slices, "run-1")

    adopted.path = tmp_path / "sales"
    return adopted


def _firms(path: Path, version: int | None = None) -> list[tuple]:
    rows = delta.read(path, ["year", "firm_code"], version).to_pylist()
    return sorted((row["year"], row["firm_code"]) for row in rows)


def _files(path: Path, year: int) -> set[str]:
    return {uri for uri in DeltaTable(str(path)).file_uris() if f"year={year}" in uri}


@pytest.mark.parametrize("name", TABLES)
def test_every_declared_table_can_be_stored_for_old_readers(tmp_path, name):
    table = TABLES[name]
    delta.create(tmp_path / "t", table)
    stored = DeltaTable(str(tmp_path / "t"))
    assert stored.protocol().min_reader_version == 1
    fields = json.loads(stored.schema().to_json())["fields"]
    assert [field["name"] for field in fields] == list(table.column_names)
    assert [field["metadata"]["comment"] for field in fields] == [column.label for column in table.columns]
    assert {field["name"] for field in fields if field["nullable"]} == table.optional
    assert stored.metadata().description == table.grain
    assert stored.metadata().partition_columns == ([] if table.layer == "ops" else list(table.slice))
    constraints = {k.removeprefix("delta.constraints.") for k in stored.metadata().configuration if "constraints" in k}
    assert constraints == set(table.checks)
    assert delta.is_as_declared(tmp_path / "t", table)


def test_the_declared_types_are_those_stored(tmp_path):
    delta.create(tmp_path / "t", SALES)
    types = {f["name"]: f["type"] for f in json.loads(DeltaTable(str(tmp_path / "t")).schema().to_json())["fields"]}
    assert types == {
        "year": "integer",
        "firm_code": "string",
        "direction": "string",
        "value_usd": "decimal(18,2)",
        "flags": {"type": "array", "elementType": "string", "containsNull": True},
    }


@pytest.mark.parametrize(
    "change",
    [
        {"grain": "another"},
        {"key": ("year", "firm_code", "direction")},
        {"slice": ()},
        {"optional": frozenset()},
        {"columns": pick("year firm_code value_usd flags")},
        {"columns": (*SALES.columns[:-1], Column("flags", "array<string>", "another label"))},
    ],
    ids=lambda change: next(iter(change)),
)
def test_all_that_is_declared_of_the_stored_table_counts(change):
    assert delta.declaration_hash(replace(SALES, **change)) != delta.declaration_hash(SALES)


def test_adopting_replaces_the_slice_and_leaves_the_files_of_others(adopt):
    adopt(_rows(SALES, _sale(2003, "a"), _sale(2004, "b")), [{"year": 2003}, {"year": 2004}])
    untouched = _files(adopt.path, 2004)
    version = adopt(_rows(SALES, _sale(2003, "c"), _sale(2003, "d")), [{"year": 2003}])
    assert _firms(adopt.path) == [(2003, "c"), (2003, "d"), (2004, "b")]
    assert _files(adopt.path, 2004) == untouched
    assert _firms(adopt.path, version - 1) == [(2003, "a"), (2004, "b")]


def test_adopting_is_one_commit_that_bears_the_run(adopt):
    first = adopt(_rows(SALES, _sale(2003, "a")), [{"year": 2003}])
    second = adopt(_rows(SALES, _sale(2003, "b")), [{"year": 2003}])
    assert second == first + 1
    assert DeltaTable(str(adopt.path)).history(1)[0]["userMetadata"] == "run-1"


def test_a_slice_without_rows_is_emptied(adopt):
    adopt(_rows(SALES, _sale(2003, "a"), _sale(2004, "b")), [{"year": 2003}, {"year": 2004}])
    adopt(_rows(SALES), [{"year": 2003}])
    assert _firms(adopt.path) == [(2004, "b")]


def test_without_slices_the_whole_table_is_replaced(adopt):
    adopt(_rows(SALES, _sale(2003, "a"), _sale(2004, "b")))
    adopt(_rows(SALES, _sale(2003, "c")))
    assert _firms(adopt.path) == [(2003, "c")]


def test_rows_of_a_slice_that_is_not_replaced_are_refused(adopt):
    adopt(_rows(SALES, _sale(2003, "a"), _sale(2004, "b")), [{"year": 2003}, {"year": 2004}])
    with pytest.raises(ValueError, match=r"core_made__sales: rows of year \('2004',\) are not among the slices"):
        adopt(_rows(SALES, _sale(2003, "c"), _sale(2004, "b")), [{"year": 2003}])
    assert _firms(adopt.path) == [(2003, "a"), (2004, "b")]


@pytest.mark.parametrize("study", ["a b", "创新", "a%20b", "x=1", "50%", "a+b", "it's"])
def test_slices_by_text_as_people_write_it(adopt, study):
    table = Table("result_made__cells", "a cell", pick("study value_usd"), key=("study",), slice=("study",))
    table = replace(table, optional=frozenset({"value_usd"}))
    adopt(_rows(table, (study, None), ("other", None)), [{"study": study}, {"study": "other"}], table)
    adopt(_rows(table, (study, None)), [{"study": study}], table)
    assert sorted(delta.read(adopt.path).to_pydict()["study"]) == sorted([study, "other"])


def test_a_changed_declaration_is_taken_over_in_the_commit_of_the_new_rows(adopt):
    adopt(_rows(SALES, _sale(2003, "a"), _sale(2004, "b")), [{"year": 2003}, {"year": 2004}])
    changed = replace(SALES, columns=pick("year firm_code regime value_usd"))
    before = DeltaTable(str(adopt.path)).version()
    adopt(_rows(changed, (2003, "c", "ordinary", None)), None, changed)
    stored = DeltaTable(str(adopt.path))
    for version in range(before, stored.version() + 1):
        assert len(_firms(adopt.path, version)) > 0, "a reader sees an empty table"
    assert _firms(adopt.path) == [(2003, "c")]
    assert delta.is_as_declared(adopt.path, changed)
    assert [field.name for field in stored.schema().fields] == list(changed.column_names)
    constraints = {k for k in stored.metadata().configuration if k.startswith("delta.constraints.")}
    assert constraints == {"delta.constraints.year_allowed", "delta.constraints.regime_allowed"}
    assert stored.protocol().min_reader_version == 1


def test_what_has_been_adopted_is_known_by_the_log(adopt):
    adopt(_rows(SALES, _sale(2003, "a")), [{"year": 2003}])
    assert delta.has_adopted(adopt.path, adopt.path / "staged" / "run-0")
    assert not delta.has_adopted(adopt.path, adopt.path / "staged" / "run-")
    assert not (adopt.path / "staged" / "run-0" / "_delta_log").exists()


def test_operations_rows_are_added_and_replaced_by_a_condition(tmp_path):
    table = TABLES["ops_runs__ledger"]
    rows = [
        {"table_name": name, "slice_id": "year=2003", "step": "out", "rule": "", "records": 1, "run_id": "r"}
        for name in ("a", "b")
    ]
    stamped = [{**row, "recorded_at": "2026-01-01T00:00:00Z"} for row in rows]
    for row in stamped:
        row["recorded_at"] = pa.scalar(row["recorded_at"]).cast(pa.timestamp("us", tz="UTC")).as_py()
    delta.append(tmp_path / "t", table, stamped, "r")
    delta.append(tmp_path / "t", table, [{**stamped[0], "records": 5}], "r", replacing="table_name = 'a'")
    found = delta.read(tmp_path / "t", ["table_name", "records"]).to_pylist()
    assert sorted((row["table_name"], row["records"]) for row in found) == [("a", 5), ("b", 1)]
