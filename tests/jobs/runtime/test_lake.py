"""The lake: rows are staged under the constraints of their table and published in one commit that touches no others."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pytest
from deltalake import DeltaTable

from haiguan.jobs.analyst.query import connect
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import FORMAT, Lake, enforce, in_slices
from haiguan.jobs.runtime.session import HANDS_OVER_ARROW
from haiguan.transforms.errors import InputError
from haiguan.transforms.schema import TABLES, Table
from haiguan.transforms.schema.columns import pick

NAME = "core_made__sales"
SALES = Table(
    NAME,
    "a sale",
    pick("year firm_code direction value_usd flags"),
    key=("year", "firm_code"),
    slice=("year",),
    optional=frozenset({"value_usd"}),
)
SCHEMA = "year int, firm_code string, direction string, value_usd decimal(18,2), flags array<string>"


@pytest.fixture(params=["spark", "arrow"])
def lake(request, spark, tmp_path, monkeypatch) -> Iterator[Lake]:
    """A lake whose rows are written by Spark, and one whose rows Spark hands over to Arrow, in batches of two."""
    monkeypatch.setitem(TABLES, NAME, SALES)
    made = Lake(str(tmp_path / "lake"))
    made.make()
    handed_over = {HANDS_OVER_ARROW: "true", "spark.sql.execution.arrow.maxRecordsPerBatch": "2"}
    for key, value in handed_over.items() if request.param == "arrow" else ():
        spark.conf.set(key, value)
    yield made
    for key in handed_over:
        spark.conf.unset(key)


def _sale(year: int = 2003, firm: str | None = "a", direction: str = "export", value: str | None = "1.50") -> tuple:
    return year, firm, direction, None if value is None else Decimal(value), ["odd"]


def _frame(spark, *rows: tuple):
    return spark.createDataFrame(list(rows), SCHEMA)


def _publish(spark, lake: Lake, *rows: tuple, slices=None, table: Table = SALES) -> int:
    staged = lake.stage(spark, _frame(spark, *rows).select(*table.column_names), table, "run-7")
    return lake.publish(staged, slices, "run-7")


def _firms(frame) -> list[tuple]:
    return sorted((row.year, row.firm_code) for row in frame.collect())


def test_staged_rows_are_not_published_until_they_are(spark, lake):
    first = _publish(spark, lake, _sale(2003, "a"), _sale(2004, "b"))
    staged = lake.stage(spark, _frame(spark, _sale(2003, "c")), SALES, "run-8")
    assert _firms(lake.read(spark, NAME)) == [(2003, "a"), (2004, "b")]
    assert _firms(lake.read_staged(spark, staged)) == [(2003, "c")]
    lake.publish(staged, [{"year": 2003}], "run-8")
    assert _firms(lake.read(spark, NAME)) == [(2003, "c"), (2004, "b")]
    assert _firms(lake.read(spark, NAME, first)) == [(2003, "a"), (2004, "b")]
    assert lake.read(spark, NAME).collect()[0].flags == ["odd"]
    assert spark.sql(f"DESCRIBE HISTORY delta.`{lake.path(NAME)}`").first().userMetadata == "run-8"


def test_the_records_of_staged_slices_are_counted(spark, lake, monkeypatch):
    def counted(frame, table: Table) -> list[tuple]:
        found = lake.staged_records(lake.stage(spark, frame.select(*table.column_names), table, "run-7"))
        return sorted((tuple(values.items()), records) for values, records in found)

    sales = _frame(spark, _sale(2003, "a"), _sale(2003, "b"), _sale(2004, "c"))
    assert counted(sales, SALES) == [((("year", 2003),), 2), ((("year", 2004),), 1)]
    assert counted(sales.limit(0), SALES) == []
    unsliced = Table("core_made__firms", "a sale", pick("firm_code"), key=("firm_code",))
    monkeypatch.setitem(TABLES, unsliced.name, unsliced)
    assert counted(sales, unsliced) == [((), 3)]
    assert counted(sales.limit(0), unsliced) == []


def test_a_table_that_was_staged_only_is_not_published(spark, lake):
    staged = lake.stage(spark, _frame(spark, _sale(2003, "a")), SALES, "run-7")
    assert not lake.exists(NAME)
    lake.publish(staged, [{"year": 2003}], "run-7")
    assert lake.exists(NAME)


def test_spark_sees_comments_types_and_not_null(spark, lake):
    _publish(spark, lake, _sale())
    described = {
        row.col_name: (row.data_type, row.comment)
        for row in spark.sql(f"DESCRIBE TABLE delta.`{lake.path(NAME)}`").collect()
    }
    for column in SALES.columns:
        assert described[column.name] == (column.type, column.label)


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (_sale(firm=None), "NOT NULL constraint violated for column: firm_code"),
        (_sale(direction="sideways"), "direction_allowed"),
        (_sale(year=1066), "year_allowed"),
    ],
    ids=["null", "value", "check"],
)
def test_spark_refuses_to_stage_what_the_declaration_forbids(spark, lake, bad, said):
    _publish(spark, lake, _sale())
    with pytest.raises(Exception, match=said):
        lake.stage(spark, _frame(spark, _sale(), bad), SALES, "run-8")
    assert _firms(lake.read(spark, NAME)) == [(2003, "a")]


def test_every_row_is_in_the_folder_of_its_slice_once(spark, lake):
    sales = [_sale(2000 + number % 3, f"firm {number}", value=f"{number}.05") for number in range(50)]
    _publish(spark, lake, *sales)
    table = DeltaTable(str(lake.path(NAME)))
    assert {file.split("/")[-2] for file in table.file_uris()} == {"year=2000", "year=2001", "year=2002"}
    stored = table.to_pyarrow_table().select(["year", "firm_code", "direction", "value_usd", "flags"])
    assert sorted(tuple(row.values()) for row in stored.to_pylist()) == sorted(sales)


def test_removed_slices_hold_nothing(spark, lake):
    _publish(spark, lake, _sale(2003, "a"), _sale(2004, "b"), _sale(2005, "c"))
    lake.remove_slices(spark, SALES, [{"year": 2003}, {"year": 2005}], "run-8")
    assert _firms(lake.read(spark, NAME)) == [(2004, "b")]


def test_a_pandas_frame_is_staged_as_declared(spark, lake):
    name, table = "result_studies__figures", TABLES["result_studies__figures"]
    row = {"study": "s", "item": "i", "title": "t", "position": 1, "column_label": "c", "row": 1, "x": 0.5, "note": ""}
    rest = {column: None for column in table.column_names if column not in row}
    frame = pd.DataFrame([{**row, **rest, "value": 2.0}]).fillna("")
    lake.publish(lake.stage(spark, frame, table, "run-7"), [{"study": "s"}], "run-7")
    assert lake.read_on_driver(name).value.tolist() == [2.0]


def test_decimals_are_doubles_on_the_driver(spark, lake):
    _publish(spark, lake, _sale(value="1.25"))
    assert lake.read_on_driver(NAME).value_usd.tolist() == [1.25]


def test_a_pandas_frame_of_other_columns_is_our_fault(spark, lake):
    frame = pd.DataFrame({"year": [2003], "firm_code": ["a"], "direction": ["export"], "flags": [[]], "extra": [1]})
    with pytest.raises(TypeError, match="extra: made, not declared; value_usd: made nothing"):
        lake.stage(spark, frame, SALES, "run-7")


def test_amounts_of_any_size_are_found_by_readers_that_skip_files(spark, lake):
    _publish(spark, lake, _sale(2003, "a", value="9007199254740993.21"), _sale(2004, "b", value="1.00"))
    with connect() as connection:
        rows = f"delta_scan('{lake.path(NAME)}') WHERE value_usd = 9007199254740993.21::DECIMAL(18,2)"
        found = connection.execute(f"SELECT firm_code FROM {rows}").fetchall()
    assert found == [("a",)]
    stored = DeltaTable(str(lake.path(NAME))).get_add_actions(flatten=True)
    assert {name for name in pa.table(stored).column_names if name.startswith("min.")} == {"min.firm_code"}


@pytest.mark.parametrize("odd", ["a%20b", "[1]", "a*"])
def test_a_lake_whose_path_spark_or_delta_would_misread_is_refused(tmp_path, odd):
    with pytest.raises(InputError, match="means something else"):
        Lake(str(tmp_path / odd))


def test_a_frame_that_is_not_as_declared_is_our_fault(spark):
    frame = _frame(spark, _sale()).selectExpr("year", "firm_code", "direction", "1.5 AS value_usd", "1 AS extra")
    with pytest.raises(TypeError, match=r"extra: made, not declared; flags: .* made nothing; value_usd: declared"):
        enforce(frame, SALES)


def test_leftovers_of_a_killed_run_are_removed_and_adopted_files_are_not(spark, lake):
    staged = lake.stage(spark, _frame(spark, _sale(2003, "a")), SALES, "run-7")
    log = shutil.copytree(staged.path / "_delta_log", lake.root / "kept_log")
    lake.publish(staged, None, "run-7")
    shutil.copytree(log, staged.path / "_delta_log")
    abandoned = lake.stage(spark, _frame(spark, _sale(2003, "b")), SALES, "run-8")
    lake.clear_leftovers()
    assert not abandoned.path.exists()
    assert not (staged.path / "_delta_log").exists()
    assert _firms(lake.read(spark, NAME)) == [(2003, "a")]


def test_files_of_a_run_that_was_killed_before_it_wrote_their_log_are_removed(lake):
    delta.create(lake.path(NAME), SALES)
    path = lake.path(NAME) / "staged" / "run-7"
    delta.reserve(path)
    (path / "part-00000.parquet").write_bytes(b"PAR1")
    lake.clear_leftovers()
    assert not path.exists()


def test_discarding_keeps_files_whose_adoption_was_interrupted(spark, lake, monkeypatch):
    staged = lake.stage(spark, _frame(spark, _sale(2003, "a")), SALES, "run-7")
    dropped = lake.stage(spark, _frame(spark, _sale(2003, "b")), SALES, "run-7")

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(delta.shutil, "rmtree", interrupted)
        with pytest.raises(KeyboardInterrupt):
            lake.publish(staged, None, "run-7")
    lake.discard([staged, dropped])
    assert _firms(lake.read(spark, NAME)) == [(2003, "a")]
    assert not dropped.path.exists()


def test_a_table_is_rebuilt_under_a_changed_declaration(spark, lake, monkeypatch):
    _publish(spark, lake, _sale(2003, "a"), _sale(2004, "b"))
    changed = replace(SALES, columns=pick("year firm_code value_usd"))
    assert lake.is_as_declared(SALES)
    assert not lake.is_as_declared(changed)
    monkeypatch.setitem(TABLES, NAME, changed)
    staged = lake.stage(spark, _frame(spark, _sale(2003, "c")).drop("direction", "flags"), changed, "run-8")
    lake.publish(staged, [{"year": 2003}, {"year": 2004}], "run-8")
    assert lake.read(spark, NAME).columns == ["year", "firm_code", "value_usd"]
    assert _firms(lake.read(spark, NAME)) == [(2003, "c")]
    assert lake.is_as_declared(changed)
    stored = DeltaTable(str(lake.path(NAME)))
    assert stored.protocol().min_reader_version == 1


def test_later_writes_of_others_work_on_adopted_files(spark, lake):
    _publish(spark, lake, _sale(2003, "a"), _sale(2004, "b"))
    frame = _frame(spark, _sale(2003, "z"))
    frame.write.format("delta").mode("overwrite").option("replaceWhere", "year = 2003").save(str(lake.path(NAME)))
    spark.sql(f"DELETE FROM delta.`{lake.path(NAME)}` WHERE year = 2004")
    assert _firms(lake.read(spark, NAME)) == [(2003, "z")]


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.docx").write_text("")
    with pytest.raises(InputError, match=r"holds something that is no lake.*--set lake=DIR"):
        Lake(str(tmp_path))
    assert [path.name for path in Path(tmp_path).iterdir()] == ["thesis.docx"]


@pytest.mark.parametrize(
    ("marker", "said"), [(json.dumps({"format": FORMAT + 1}), "newer haiguan"), ("{}", "not what haiguan writes")]
)
def test_a_lake_of_a_newer_version_is_refused(tmp_path, marker, said):
    (tmp_path / "haiguan.json").write_text(marker)
    with pytest.raises(InputError, match=said):
        Lake(str(tmp_path))


@pytest.mark.parametrize("root", ["{}/a lake", "file://{}/湖"])
def test_a_lake_is_made_where_there_is_nothing(tmp_path, root):
    lake = Lake(root.format(tmp_path))
    assert lake.published() == []
    assert not lake.root.exists()
    lake.make()
    assert Lake(root.format(tmp_path)).root == lake.root
    assert lake.root.is_dir()
    assert lake.root.parent == tmp_path


def test_a_lake_on_another_scheme_is_refused():
    with pytest.raises(InputError, match="hdfs: is not one"):
        Lake("hdfs://cluster/lake")


def test_rows_of_slices(spark):
    frame = spark.createDataFrame([(2003, "a"), (2003, "b"), (2004, "a")], "year int, file_id string")
    found = frame.where(in_slices([{"year": 2003, "file_id": "b"}, {"year": 2004, "file_id": "b"}])).collect()
    assert [tuple(row) for row in found] == [(2003, "b")]
    assert frame.where(in_slices([])).count() == 0


def test_a_table_is_read_from_the_files_of_its_log_whatever_its_folder_is_called(spark, tmp_path, monkeypatch):
    monkeypatch.setitem(TABLES, NAME, SALES)
    lake = Lake(str(tmp_path / "湖 a lake"))
    lake.make()
    first = _publish(spark, lake, _sale(2003, "a"), _sale(2004, "b"))
    _publish(spark, lake, _sale(2004, "c"), slices=[{"year": 2004}])
    assert _firms(lake.read(spark, NAME)) == [(2003, "a"), (2004, "c")]
    assert _firms(lake.read(spark, NAME, first)) == [(2003, "a"), (2004, "b")]
    assert _firms(lake.read(spark, NAME).where("year = 2004")) == [(2004, "c")]
    _publish(spark, lake, slices=None)
    assert _firms(lake.read(spark, NAME)) == []


def test_rows_that_others_have_marked_as_deleted_are_not_read(spark, lake):
    _publish(spark, lake, *[_sale(2003, firm) for firm in "abc"])
    at = f"delta.`{lake.path(NAME)}`"
    spark.sql(f"ALTER TABLE {at} SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')")
    spark.sql(f"DELETE FROM {at} WHERE firm_code = 'b'")
    assert _firms(lake.read(spark, NAME)) == [(2003, "a"), (2003, "c")]
