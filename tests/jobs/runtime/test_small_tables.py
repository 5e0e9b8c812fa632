"""Small tables of the user's: read as they are, refused with every fault and its line."""

from __future__ import annotations

import pytest

from haiguan.jobs.runtime.small_tables import small_rows
from haiguan.transforms.errors import InputError

TOTALS = "year,month,direction,regime,value_usd,source\n2003,1,export,ordinary,1.50,yearbook\n2003,,import,,7,\n"


def test_rows_are_text_in_the_declared_columns(tmp_path):
    (tmp_path / "totals.csv").write_text(TOTALS, encoding="utf-8-sig")
    rows = small_rows("national", str(tmp_path))
    assert rows == [["2003", "1", "export", "ordinary", "1.50"], ["2003", "", "import", "", "7"]]


def test_every_fault_is_named_with_its_line(tmp_path):
    (tmp_path / "totals.csv").write_text(
        "year,month,direction,regime,value_usd\n2003,13,export,,5\n2003,1,out,,-5\n", encoding="utf-8"
    )
    with pytest.raises(InputError) as refused:
        small_rows("national", str(tmp_path / "totals.csv"))
    assert len(refused.value.faults) == 3
    assert "totals.csv, line 2: month is `13`" in refused.value.faults[0]
    assert "line 3: direction is `out`" in refused.value.faults[1]


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "rates.csv").write_text("currency_code,year,usd_per_unit\nCNY,2003,0.12\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 1: month not there"):
        small_rows("exchange_rates", [str(tmp_path / "rates.csv")])


def test_no_file_is_a_fault(tmp_path):
    with pytest.raises(InputError, match=r"inputs\.national: no file"):
        small_rows("national", str(tmp_path / "*.csv"))
