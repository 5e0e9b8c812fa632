from __future__ import annotations

import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from haiguan.jobs.analyst.commands import app
from haiguan.transforms.errors import InputError

CONCENTRATION = "measure_products__concentration"


@pytest.fixture
def haiguan(lake):
    """Types a command on the lake."""

    def typed(*words: str):
        result = CliRunner().invoke(app, [*words, "--set", f"lake={lake.root}"])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return result

    return typed


def test_tables_are_printed_one_a_line(haiguan):
    lines = [line.split() for line in haiguan("tables").stdout.splitlines()]
    assert lines[2][:6] == ["measure", CONCENTRATION, "3", "2", "2", "run-1"]


def test_a_description_shows_columns_units_and_warning(haiguan):
    said = haiguan("describe", CONCENTRATION).stdout
    assert "product as reported x year" in said
    assert "Reporters without an ISO code count in exporters" in said
    line = next(line for line in said.splitlines() if line.startswith("value_usd"))
    assert re.split(r"  +", line.strip()) == ["value_usd", "decimal(18,2)", "US dollars", "Value in current US dollars"]


def test_a_description_without_a_lake_says_so(tmp_path):
    said = CliRunner().invoke(app, ["describe", CONCENTRATION, "--set", f"lake={tmp_path / 'none'}"])
    assert said.exit_code == 0
    assert "not in this lake" in said.stdout
    assert "there is no lake here" in said.stdout


def test_an_answer_is_printed_up_to_a_number_of_rows(haiguan):
    query = "SELECT country_code, customs_code FROM core_countries__codes ORDER BY ALL"
    said = haiguan("sql", query, "--rows", "2").stdout.splitlines()
    assert [line.split() for line in said[:3]] == [["country_code", "customs_code"], ["AFG", "001"], ["JPN", "116"]]
    assert said[3].startswith("the first 2 rows")
    assert haiguan("sql", query).stdout.splitlines()[3].split() == ["XSA", "NULL"]


def test_an_answer_is_written_whole(haiguan, tmp_path):
    target = tmp_path / "answer.dta"
    said = haiguan(
        "sql", f"SELECT product_code, count(*) AS n FROM {CONCENTRATION} GROUP BY ALL ORDER BY ALL", "--to", str(target)
    )
    assert said.stdout == f"{target}: 2 rows\n"
    assert pd.read_stata(target)["product_code"].tolist() == ["010210", "848620"]


def test_stata_names_made_of_others_are_told(haiguan, tmp_path):
    said = haiguan("sql", 'SELECT 1 AS "sum(x)"', "--to", str(tmp_path / "t.dta")).stdout
    assert "sum(x) -> sum_x_" in said


def test_export_and_history_and_unlock_answer(haiguan, tmp_path):
    target = tmp_path / "t.csv"
    assert (
        haiguan("export", CONCENTRATION, "--to", str(target), "--where", "year = 2004").stdout == f"{target}: 1 rows\n"
    )
    assert haiguan("history", CONCENTRATION).stdout.splitlines()[1].split()[0] == "2"
    assert "nobody holds this lake" in haiguan("unlock").stdout


def test_a_difference_ends_with_0_unless_asked(haiguan, lake):
    assert haiguan("diff", CONCENTRATION, "1", "2").exit_code == 0
    assert haiguan("diff", CONCENTRATION, "1", "2", "--exit-code").exit_code == 1
    same = haiguan("diff", CONCENTRATION, "2", "latest", "--exit-code", "--other-lake", str(lake.root))
    assert (same.exit_code, same.stdout.splitlines()[0]) == (0, f"{CONCENTRATION}: equal, row for row")


def test_a_difference_shows_the_rows(haiguan, publish, product, lake):
    publish(lake, CONCENTRATION, [product(2004, "848620", "100.11")], "run-2", replacing="year = 2004")
    said = haiguan("diff", CONCENTRATION, "2", "3").stdout
    assert "keys with other values: 1" in said
    assert "changed: year=2004, product_code=848620: value_usd 100.10 -> 100.11" in said


@pytest.mark.parametrize("command", ["tables", "unlock", "history core_countries__codes", "sql SELECT"])
def test_a_missing_lake_is_a_sentence(tmp_path, command):
    result = CliRunner().invoke(app, [*command.split(), "--set", f"lake={tmp_path / 'none'}"])
    assert isinstance(result.exception, InputError)
    assert "there is no lake here" in str(result.exception)
