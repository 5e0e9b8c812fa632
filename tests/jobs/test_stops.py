"""What stops a run of an archive: planted on request, told with what to do about it, and survived once that is done."""

from __future__ import annotations

import re
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pandas as pd
import pytest
from archive_files import ALL_YEARS, Line, coding, read_archive
from deltalake import DeltaTable

from haiguan.jobs import cli
from haiguan.jobs.simulate import simulate

YEAR = 2004
DECLARATIONS = "core_customs__declarations"
_SPARK = ["spark.master=local[2]", "spark.driver_memory=2g", "spark.shuffle_partitions=2"]
_EDITION, _LABELS = f"run.editions={{{YEAR}: monthly}}", "clean.ignore_labels={partner: [火星]}"


@pytest.fixture(scope="module")
def archive_of_2004(spark, tmp_path_factory) -> Path:
    """A year with records of a partner that there is not, and a second time as the file of listed firms."""
    out = tmp_path_factory.mktemp("stops") / "files"
    simulate(spark, out, ALL_YEARS.model_copy(update={"declarations": 1_000, "years": (YEAR, YEAR)}))
    return out


@pytest.fixture(scope="module")
def in_yuan(archive_of_2004) -> tuple[str, str]:
    """Values in a currency worth a dollar, with its rates of every month but December."""
    path = archive_of_2004.parent / "rates.csv"
    months = "".join(f"CNY,{YEAR},{month},1\n" for month in range(1, 12))
    path.write_text(f"currency_code,year,month,usd_per_unit\n{months}", encoding="utf-8")
    return "value.currency=CNY", f"inputs.exchange_rates={path}"


@pytest.fixture
def haiguan(archive_of_2004, capsys):
    """Runs the command up to a table with some settings; returns the exit code and what it said."""
    folder = archive_of_2004.parent

    def typed(table: str, *settings: str) -> tuple[int, str]:
        places = [
            f"lake={folder / 'lake'}",
            f"reports={folder / 'reports'}",
            f"inputs.customs={archive_of_2004}/customs",
        ]
        assignments = [word for setting in (*places, *_SPARK, *settings) for word in ("--set", setting)]
        code = cli.guarded(lambda: cli.app(["run", "--to", table, *assignments], standalone_mode=False))
        said = capsys.readouterr()
        return code, " ".join((said.out + said.err).split())

    return typed


def test_a_second_edition_of_a_year_stops_the_run_with_both_totals(haiguan, archive_of_2004):
    rows = {"listed": 0, "monthly": 0}
    for line in read_archive(archive_of_2004 / "customs"):
        rows[line.layout["edition"]] += 1
    code, said = haiguan("raw_customs__declarations")
    assert code == 2
    assert f"two editions cover {YEAR} (listed: {rows['listed']:,} rows" in said
    assert f"; monthly: {rows['monthly']:,} rows" in said
    assert f"--set 'run.editions={{{YEAR}: listed}}' or monthly" in said


def test_unknown_labels_stop_the_run_with_file_and_line(haiguan, archive_of_2004, in_yuan):
    defects = pd.read_csv(archive_of_2004 / "truth" / "defects.csv")
    planted = defects[defects.rule == "ignored_label"]
    code, said = haiguan(DECLARATIONS, _EDITION, *in_yuan)
    assert code == 2
    first = planted.sort_values(["file", "line"]).iloc[0]
    assert f"{first.file}, line {first.line:.0f}: `火星` ({len(planted)} records) is no known partner" in said
    assert "under clean.ignore_labels.partner to leave such records out" in said


def _month(line: Line) -> str:
    """The month that a record tells, or else that of its file."""
    told = re.fullmatch(r"\d{4}(0[1-9]|1[0-2])", line.fields["period_text"] if line.fields else "")
    return told[1] if told else line.file[-6:-4]


def _has_value(line: Line) -> bool:
    return bool(re.fullmatch(r"\d+(\.\d+)?", line.fields["value_text"].strip()))


def test_months_without_an_exchange_rate_stop_the_run_at_the_gate_and_are_told(haiguan, archive_of_2004, in_yuan):
    chosen = (_EDITION, _LABELS, *in_yuan)
    code, said = haiguan(DECLARATIONS, *chosen)
    assert code == 3
    assert "quarantine_customs__declarations: the gate did not let the new rows pass" in said
    assert haiguan(DECLARATIONS, *chosen, "gates.quarantined_share=0.5")[0] == 0
    lines = [line for line in read_archive(archive_of_2004 / "customs") if line.layout["edition"] == "monthly"]
    december = [line for line in lines if _month(line) == "12" and line.fields and _has_value(line)]
    lake = archive_of_2004.parent / "lake"
    found = DeltaTable(str(lake / "quarantine" / "customs__declarations")).to_pandas()
    rules = found.rules.explode()
    assert (rules == "missing_exchange_rate").sum() == len(december)
    planted = pd.read_csv(archive_of_2004 / "truth" / "defects.csv").rule.value_counts()
    assert (rules == "ignored_label").sum() == planted["ignored_label"]
    published = DeltaTable(str(lake / "core" / "customs__declarations")).to_pandas()
    assert set(published.month) == set(range(1, 12))
    assert set(published.exchange_rate_rule) == {"monthly"}


def test_the_file_of_listed_firms_is_read_where_it_is_named(haiguan, archive_of_2004):
    """It tells the records in which nothing is wrong by securities, without months."""
    code, _ = haiguan(DECLARATIONS, f"run.editions={{{YEAR}: listed}}")
    assert code == 0
    defects = pd.read_csv(archive_of_2004 / "truth" / "defects.csv")
    wrong = set(zip(defects.file, defects.line, strict=True))
    lines = [line for line in read_archive(archive_of_2004 / "customs") if line.layout["edition"] == "monthly"]
    good = [line for line in lines if (line.file, line.number) not in wrong]
    cents = Decimal("0.01")
    expected = sum(Decimal(line.fields["value_text"]).quantize(cents, ROUND_HALF_EVEN) for line in good)
    found = DeltaTable(str(archive_of_2004.parent / "lake" / "core" / "customs__declarations")).to_pandas()
    assert (len(found), found.value_usd.sum()) == (len(good), expected)
    assert found.firm_code.str.fullmatch(r"\d{6}").all()
    assert found.month.isna().all()
    assert set(found.unit_code) <= {*coding("unit_by_code").values()}
    assert {"ordinary", "processing_imported"} <= set(found.regime)
