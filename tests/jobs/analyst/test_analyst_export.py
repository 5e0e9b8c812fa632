from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from random import Random

import duckdb
import pandas as pd
import pyarrow.parquet as pq
import pyreadstat
import pytest

from haiguan.jobs.analyst.export import Facts, export_table, write_rows
from haiguan.jobs.analyst.query import answer
from haiguan.transforms.errors import InputError

CONCENTRATION = "measure_products__concentration"
COUNTRIES = "core_countries__codes"


def test_stata_gets_labels_leading_zeros_and_amounts(lake, tmp_path):
    written = export_table(lake, CONCENTRATION, tmp_path / "t.dta")
    frame, meta = pyreadstat.read_dta(tmp_path / "t.dta")
    assert (written.rows, written.notes) == (3, ())
    assert frame["product_code"].tolist() == ["010210", "848620", "848620"]
    assert frame["value_usd"].tolist() == [0.07, 70.25, 100.1]
    assert meta.column_names_to_labels["value_usd"] == "Value in current US dollars"
    assert meta.file_label == f"{CONCENTRATION} v2: product as reported x year"


def test_stata_gets_chinese_text_lists_joined_and_empty_for_null(lake, tmp_path):
    export_table(lake, COUNTRIES, tmp_path / "t.dta")
    frame, _ = pyreadstat.read_dta(tmp_path / "t.dta")
    assert frame["country_code"].tolist() == ["AFG", "JPN", "XSA"]
    assert frame["country_labels"].tolist() == ["阿富汗", "日本 日本国", "其他"]
    assert frame["customs_code"].tolist() == ["001", "116", ""]


def test_stata_gets_times_truths_and_long_texts(lake, publish, tmp_path):
    at = datetime(2026, 3, 4, 5, 6, 7, 123456, tzinfo=timezone.utc)
    verdict = {"run_id": "r", "table_name": "t", "slice_id": "", "expectation": "e", "severity": "critical"}
    told = {"is_success": True, "observed": "观" * 3000, "recorded_at": at}
    publish(lake, "ops_runs__gates", [{**verdict, **told}])
    export_table(lake, "ops_runs__gates", tmp_path / "t.dta")
    row = pd.read_stata(tmp_path / "t.dta").iloc[0]
    assert row["is_success"] == 1
    assert row["observed"] == "观" * 3000
    assert row["recorded_at"] == pd.Timestamp("2026-03-04 05:06:07.123")
    assert (row["exception"], pd.isna(row["unexpected"])) == ("", True)


def test_amounts_become_the_nearest_doubles(tmp_path):
    draw = Random(7)
    cents = [draw.randrange(-(10**17), 10**17) for _ in range(500)] + [draw.randrange(10**9) for _ in range(500)]
    amounts = [Decimal(cent).scaleb(-2) for cent in cents]
    rows = duckdb.sql(f"SELECT unnest([{', '.join(map(str, amounts))}]::DECIMAL(18,2)[]) AS value_usd")
    write_rows(rows, tmp_path / "t.dta", Facts("amounts", None, {}))
    assert pd.read_stata(tmp_path / "t.dta")["value_usd"].tolist() == [float(amount) for amount in amounts]


def test_an_empty_table_can_be_exported(lake, publish, tmp_path):
    publish(lake, "quarantine_trade__flows", [])
    for ending in ("csv", "parquet", "dta"):
        assert export_table(lake, "quarantine_trade__flows", tmp_path / f"t.{ending}").rows == 0
    assert pd.read_stata(tmp_path / "t.dta").empty


def test_csv_keeps_every_digit_and_joins_lists(lake, tmp_path):
    export_table(lake, CONCENTRATION, tmp_path / "t.csv")
    lines = (tmp_path / "t.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith('"year","product_code","exporters"')
    assert lines[1].startswith('2003,"010210",3,2,0.07,0.5,')
    export_table(lake, COUNTRIES, tmp_path / "c.csv")
    lines = (tmp_path / "c.csv").read_text(encoding="utf-8").splitlines()
    assert lines[2:] == ['"JPN","Japan","116","",,"日本 日本国"', '"XSA","Areas, n.e.s.",,"",,"其他"']


def test_parquet_keeps_types_and_says_where_it_comes_from(lake, tmp_path):
    export_table(lake, CONCENTRATION, tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet")
    assert table["value_usd"].to_pylist() == [Decimal("0.07"), Decimal("70.25"), Decimal("100.10")]
    assert table.schema.field("value_usd").metadata[b"comment"] == b"Value in current US dollars"
    assert table.schema.metadata[b"haiguan.version"] == b"2"
    assert table.schema.metadata[b"haiguan.run"] == b"run-1"


@pytest.mark.parametrize("ending", ["csv", "parquet", "dta"])
def test_the_same_version_gives_the_same_file_however_it_is_stored(lake, publish, product, tmp_path, ending):
    export_table(lake, CONCENTRATION, tmp_path / f"first.{ending}")
    publish(lake, CONCENTRATION, [product(2005, "848620", "1.00")], "run-2")
    export_table(lake, CONCENTRATION, tmp_path / f"second.{ending}", version=2)
    assert (tmp_path / f"first.{ending}").read_bytes() == (tmp_path / f"second.{ending}").read_bytes()


def test_rows_can_be_chosen(lake, tmp_path):
    assert export_table(lake, CONCENTRATION, tmp_path / "t.csv", where="year = 2003").rows == 2


@pytest.mark.parametrize(
    ("target", "where", "said"),
    [
        ("t.xls", None, r"one of \.csv, \.parquet, \.dta"),
        ("none/t.csv", None, "there is no folder"),
        ("t.csv", "yeer = 2003", '--where yeer = 2003: .*"yeer" not found'),
        ("t.csv", "year = ", "syntax error"),
    ],
)
def test_a_wrong_export_leaves_no_file(lake, tmp_path, target, where, said):
    with pytest.raises(InputError, match=said):
        export_table(lake, CONCENTRATION, tmp_path / target, where=where)
    assert [path.name for path in tmp_path.iterdir()] == ["lake"]


def test_a_failed_export_leaves_the_earlier_file(lake, tmp_path):
    (tmp_path / "t.csv").write_text("earlier", encoding="utf-8")
    with answer(lake, "SELECT {'a': 1} AS pair, 1 AS fine") as rows, pytest.raises(InputError, match=r"pair: a \.csv"):
        write_rows(rows, tmp_path / "t.csv", Facts("q", None, {}))
    assert (tmp_path / "t.csv").read_text(encoding="utf-8") == "earlier"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lake", "t.csv"]


def test_an_infinity_is_not_written_as_missing(lake, tmp_path):
    with answer(lake, "SELECT 'inf'::DOUBLE AS share_1") as rows, pytest.raises(InputError, match="share_1"):
        write_rows(rows, tmp_path / "t.dta", Facts("q", None, {}))
