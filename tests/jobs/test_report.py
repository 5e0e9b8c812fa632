"""The report of a tiny lake whose every number is written here: what the page says, and the files beside it."""

from __future__ import annotations

import doctest
import importlib
import re
import shutil
import subprocess
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from report_lake import (
    ESTIMATES,
    FILE,
    GATES,
    LEDGER,
    MANIFEST,
    NASTY,
    POINTS,
    ROWS,
    RUN,
    published,
    replaced,
    report,
    rows_of,
    started_and_ended,
    step,
    text_of,
    verdict,
)

from haiguan.jobs.report import write_report
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import read_settings
from haiguan.transforms.schema import TABLES


@pytest.fixture(scope="module")
def reports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return report(tmp_path_factory.mktemp("report"))


@pytest.fixture(scope="module")
def page(reports: Path) -> str:
    return (reports / "index.html").read_text(encoding="utf-8")


def test_the_first_screen_says_whether_it_worked_and_what_came_in_and_out(page: str):
    first = text_of(page)[: text_of(page).index("Results Study")]
    assert "Done: every gate passed, every account adds up" in first
    assert "haiguan run" in first
    assert "Took 1 min 15 s" in first
    assert "Exit code 0" in first
    assert "Code c0ffee+" in first
    assert "came in from 1 file 1,010 records US$ 5,031 went to quarantine 10 records US$ 30 came out 1,000" in first
    assert "0.335***" in first


def test_the_account_of_a_table_with_quarantine_reads_from_top_to_bottom(page: str):
    assert rows_of(page, "account-core_customs__declarations") == [
        ["", "Rows", "US dollars"],
        ["in, from raw_customs__declarations", "1,010", "5,030.754"],
        ["rejected: blank partner", "−7", "−30.25"],
        ["rejected: malformed value", "−3", "–"],
        ["rounded to the cent", "", "−0.004"],
        ["out", "1,000", "5,000.50"],
        ["left over", "0", "–"],
        ["of these flagged: zero quantity", "40", "12.00"],
        ["not read again: repeated file", "1,010", "5,030.754"],
    ]
    assert "A dash stands where no amount could be read; sums hold the amounts that could." in page


def test_dollars_are_accounted_for_as_far_as_the_panel(page: str):
    """The panel's dollars are its exports and imports: 4,000.25, and 1,000.25 were dropped of 5,000.50."""
    assert rows_of(page, "account-panel_customs__firm_year")[1:] == [
        ["in, from core_customs__annual_flows", "600", "5,000.50"],
        ["dropped: no imports", "−9", "−1,000.25"],
        ["out", "2", "4,000.25"],
        ["left over", "–", "0.00"],
    ]


def test_missing_rows_are_named(tmp_path: Path):
    of_core = {"table_name": "core_customs__declarations", "step": "out"}
    page = (report(tmp_path, ops_runs__ledger=replaced(LEDGER, of_core, records=999)) / "index.html").read_text()
    assert "Done: every gate passed, 1 account not adding up" in page
    assert "year=2004: 1 row came in but are not accounted for." in page
    assert '<h1 class="bad">' in page
    assert rows_of(page, "account-core_customs__declarations")[6] == ["left over", "1", "–"]


def test_a_missing_cent_is_named(tmp_path: Path):
    of_flows = {"table_name": "core_customs__annual_flows", "step": "out"}
    ledger = replaced(LEDGER, of_flows, amount_usd=Decimal("5000.51"))
    page = (report(tmp_path, ops_runs__ledger=ledger) / "index.html").read_text()
    assert "year=2004: US$ 0.01 more are accounted for than came in." in page
    assert rows_of(page, "account-core_customs__annual_flows")[-1] == ["left over", "0", "-0.01"]


def test_a_table_that_is_behind_its_input_is_named(tmp_path: Path):
    raw = {"name": "raw_customs__declarations"}
    page = (report(tmp_path, ops_runs__manifest=replaced(MANIFEST, raw, records=1011)) / "index.html").read_text()
    assert "raw_customs__declarations now holds 1,011 rows, but core_customs__declarations was made from 1,010." in page


def test_an_account_that_cannot_be_checked_is_not_said_to_add_up(tmp_path: Path):
    codes = "core_products__codes"
    manifest = [*MANIFEST, published(codes, "", 1, 5, None)]
    ledger = [*LEDGER, step(codes, "", "dropped", "no_name", 3, None), step(codes, "", "out", "", 5, None)]
    tables: dict[str, Any] = {codes: []}
    page = (report(tmp_path, ops_runs__manifest=manifest, ops_runs__ledger=ledger, **tables) / "index.html").read_text()
    assert "Done: every gate passed, 3 of 4 accounts checked and adding up" in page
    assert "What came in is not recorded, so rows and dollars cannot be added up." in page
    assert rows_of(page, f"account-{codes}")[-1] == ["left over", "–", "–"]


def test_slices_stand_side_by_side_after_their_sum(tmp_path: Path):
    flows = [row for row in LEDGER if row["table_name"] == "core_customs__annual_flows"]
    more = [{**row, "slice_id": "year=2005", "records": row["records"] * 2} for row in flows]
    page = (report(tmp_path, ops_runs__ledger=[*LEDGER, *more]) / "index.html").read_text()
    rows = rows_of(page, "account-core_customs__annual_flows")
    assert rows[0] == ["", "all", "year=2004", "year=2005"]
    assert rows[2][1::2] == ["3,000", "1,000", "2,000"]
    assert rows[3][1::2] == ["−1,200", "−400", "−800"]
    assert rows[5][1::2] == ["0", "0", "0"]


def test_what_came_in_for_all_slices_together_is_compared_with_their_sum(tmp_path: Path):
    raw, core = "raw_trade__comtrade", "core_trade__flows"
    file_id = sha256(b"world.csv").hexdigest()[:16]
    manifest = [
        *MANIFEST,
        published(raw, f"file_id={file_id}", 1, 30, None),
        published(core, "year=2016", 1, 10, "1.00"),
        published(core, "year=2017", 1, 20, "2.00"),
    ]
    ledger = [
        *LEDGER,
        step(core, "", "in", "", 30, None),
        step(core, "year=2016", "out", "", 10, "1.00"),
        step(core, "year=2017", "out", "", 20, "2.00"),
    ]
    tables: dict[str, Any] = {raw: [], core: []}
    page = (report(tmp_path, ops_runs__manifest=manifest, ops_runs__ledger=ledger, **tables) / "index.html").read_text()
    assert rows_of(page, f"account-{core}")[1:] == [
        ["in, from raw_trade__comtrade", "30", "3.00"],
        ["out", "30", "3.00"],
        ["left over", "0", "–"],
    ]


def test_a_run_that_a_gate_stopped_says_so_and_by_what(tmp_path: Path):
    failed = verdict(
        "core_customs__declarations", "expect_few_in_quarantine", "critical", False, evaluated=1010, unexpected=808
    )
    manifest = [*started_and_ended(exit_code=3), *MANIFEST[2:]]
    page = (report(tmp_path, ops_runs__manifest=manifest, ops_runs__gates=[*GATES, failed]) / "index.html").read_text()
    assert "A gate stopped the run: the published tables are as they were" in page
    assert '<a href="#gate-core_customs__declarations">core_customs__declarations: 1 expectation not met</a>' in page
    assert rows_of(page, "gate-core_customs__declarations")[1] == [
        "expect_few_in_quarantine", "year=2004", "critical", "no", "808", "1,010", "",
    ]  # fmt: skip


def test_warnings_of_gates_are_counted_and_do_not_stop(tmp_path: Path):
    warned = verdict("core_customs__declarations", "expect_names", "warning", False, evaluated=1000, unexpected=4)
    page = (report(tmp_path, ops_runs__gates=[*GATES, warned]) / "index.html").read_text()
    assert '<h1 class="watch">Done: 1 expectation not met, every account adds up</h1>' in page
    assert ["core_customs__declarations", "2", "1", "0", "1"] in rows_of(page, "gates")


def test_a_run_that_had_nothing_to_do_shows_the_whole_lake(tmp_path: Path):
    later = "20040103T030405Z-fed987"
    manifest = [*MANIFEST, *started_and_ended(run_id=later, day=1)]
    page = (report(tmp_path, run_id=later, ops_runs__manifest=manifest) / "index.html").read_text()
    assert "nothing: every table was up to date" in page
    assert rows_of(page, "account-core_customs__annual_flows")[1][1:] == ["1,000", "5,000.50"]
    assert f"run {RUN}." in text_of(page)


def test_a_run_that_the_lake_does_not_know_is_refused(tmp_path: Path):
    with pytest.raises(LookupError, match="nobody"):
        report(tmp_path, run_id="nobody")


def test_a_lake_with_nothing_in_it_has_a_page(tmp_path: Path):
    lake = Lake(str(tmp_path / "lake"))
    table = "ops_runs__manifest"
    delta.append(lake.path(table), TABLES[table], started_and_ended(exit_code=2), RUN)
    page = write_report(lake, RUN, tmp_path / "reports", read_settings(None, [])).read_text()
    assert "The run stopped: bad input or settings" in page


def test_the_input_is_listed_with_what_identifies_it(page: str):
    assert rows_of(page, "input")[1] == [
        FILE, "customs", "yearly", "1,010", "1.2 kB", "2", "2 January 2004, 03:04 UTC", "ab" * 32,
    ]  # fmt: skip


def test_a_regression_table_carries_its_counts_and_where_it_comes_from(page: str):
    rows = rows_of(page, "exports-table_1")
    assert rows[:7] == [
        ["", "(1)", "(2)"],
        ["", "Column 1", "Column 2"],
        ["", "ln exports", "ln exports"],
        ["ln imports", "0.335***", "-0.250"],
        ["", "(0.008)", "(0.200)"],
        ["Products exported", "", "1,234.500**"],
        ["", "", "(600.000)"],
    ]
    assert ["Observations", "12,345", "12,345"] in rows
    assert ["Observations before singletons were dropped", "12,400", "12,400"] in rows
    assert ["Singletons dropped", "55", "55"] in rows
    assert ["Clusters (Firm)", "321", "321"] in rows
    source = "result_studies__estimates version 6, made from panel_customs__firm_year version 5, "
    assert source + "core_customs__annual_flows version 4, core_customs__declarations version 3" in text_of(page)
    assert f"code c0ffee+; run {RUN}." in text_of(page)


def test_terms_stand_as_the_study_lists_them_whatever_the_order_of_the_rows(tmp_path: Path):
    of_one_column = [row for row in ESTIMATES if row["position"] == 2]
    page = (report(tmp_path, result_studies__estimates=of_one_column[::-1]) / "index.html").read_text()
    labels = [row[0] for row in rows_of(page, "exports-table_1")]
    assert labels[3:7] == ["ln imports", "", "Products exported", ""]


def test_what_comes_from_data_is_escaped(reports: Path, page: str):
    beside = reports / RUN / "tables" / "concentration"
    assert "<script" not in page
    assert ['<script>alert("R&D_50%")</script>', "[9]", NASTY] in rows_of(page, "concentration-table_4")
    assert "<script" not in (beside / "table_4.html").read_text()
    latex = (beside / "table_4.tex").read_text()
    assert r"\caption{Exporters of \$1 \& more}" in latex
    assert r"R\&D\_50\%" in latex
    assert "{[9]}" in latex


def test_latex_has_as_many_cells_in_every_line_as_columns(reports: Path):
    for path in (reports / RUN / "tables").rglob("table_*.tex"):
        latex = path.read_text()
        columns = re.search(r"\\begin{tabular}{(\w+)}", latex)
        lines = [line for line in latex.splitlines() if line.endswith(r" \\")]
        assert columns is not None
        assert {len(re.findall(r"(?<!\\)&", line)) for line in lines} == {len(columns[1]) - 1}


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="no LaTeX here")
def test_latex_compiles(reports: Path, tmp_path: Path):
    command = [
        "pdflatex",
        "-interaction=nonstopmode",
        "-halt-on-error",
        f"-output-directory={tmp_path}",
        "all_tables.tex",
    ]
    done = subprocess.run(command, cwd=reports / RUN / "tables", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]


def test_the_csv_of_a_regression_has_full_precision(reports: Path):
    lines = (reports / RUN / "tables" / "exports" / "table_1.csv").read_text().splitlines()
    assert lines[0].startswith("position,column_label,outcome,estimator,term,estimate,standard_error")
    assert len(lines) == 4
    assert lines[1].startswith("1,Column 1,ln_exports,least squares,ln_imports,0.335,0.008")


def test_the_csv_of_a_table_has_its_cells(reports: Path):
    text = (reports / RUN / "tables" / "concentration" / "table_4.csv").read_text()
    assert text.splitlines()[:2] == [",Exporters,Value_usd", '2016,72,"1,234.5"']


def test_every_link_leads_somewhere(reports: Path):
    for page in (reports / "index.html", reports / RUN / "index.html"):
        text = page.read_text()
        links = re.findall(r'href="([^"]+)"', text)
        identifiers = set(re.findall(r' id="([^"]+)"', text))
        assert len(links) > 10
        for link in links:
            assert link[1:] in identifiers if link.startswith("#") else (page.parent / link).is_file(), link


def test_the_page_needs_nothing_but_itself(page: str):
    assert not re.search(r"<(script|link|img|iframe)|src=|@import|url\((?!#)", page)
    addresses = set(re.findall(r'https?://[^"\s<]+', page))
    assert addresses <= {"http://www.w3.org/2000/svg", "http://www.w3.org/1999/xlink"}


def test_the_same_lake_gives_the_same_bytes(reports: Path, tmp_path: Path):
    """Also where the rows were written in another order."""
    turned = {table: rows[::-1] for table, rows in ROWS.items()}
    again = report(tmp_path, **turned)
    files = sorted(path.relative_to(reports) for path in reports.rglob("*") if path.is_file())
    assert files == sorted(path.relative_to(again) for path in again.rglob("*") if path.is_file())
    assert [name for name in files if (reports / name).read_bytes() != (again / name).read_bytes()] == []


def test_a_figure_has_a_point_for_every_row_and_its_labels_as_they_are(reports: Path, page: str):
    svg = (reports / RUN / "figures" / "concentration" / "figure_3.svg").read_text()
    markers = re.findall(r'<use [^>]*style="fill: #1f4e79', svg)
    assert len(markers) == len(POINTS)
    assert "Share of the five largest: HS 848620 costs $5 to $6" in page
    assert (reports / RUN / "figures" / "exports" / "table_1.png").read_bytes().startswith(b"\x89PNG")


def test_a_figure_that_a_regression_table_asks_for_is_drawn_layer_by_layer(page: str, reports: Path):
    drawn = (reports / RUN / "figures" / "exports" / "table_1_imports.svg").read_text()
    assert drawn.count('style="fill: #1f4e79') >= 3
    for text in ("ln imports", "ln exports", "Means of 3 bins", "Slope 2.000"):
        assert text in drawn
    assert "Exports &amp; imports: 进口 bins" in page
    assert "result_studies__plots version 9, made from panel_customs__firm_year version 5" in page


def test_the_flow_has_a_box_for_every_table_that_files_feed(page: str):
    boxes = re.findall(r"<title>(\w+)</title>\s*<rect", page)
    assert boxes[0] == "customs"
    assert set(boxes[1:]) == {table for table in ROWS if not table.startswith("ops_")} - {
        "result_studies__tables",
        "result_studies__figures",
    }


@pytest.mark.parametrize("name", ["formats", "latex", "tables"])
def test_examples_in_docstrings(name: str):
    results = doctest.testmod(importlib.import_module(f"haiguan.jobs.reporting.{name}"))
    assert results.attempted > 0
    assert results.failed == 0
