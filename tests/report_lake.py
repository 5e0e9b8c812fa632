"""A tiny lake whose every number is written here, its report, and what can be read on its page."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

from haiguan.jobs.report import write_report
from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import read_settings
from haiguan.transforms.schema import TABLES

RUN = "20040102T030405Z-abc123"
START = datetime(2004, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
FILE = "2004/imports & exports.csv"
FILE_ID = sha256(FILE.encode()).hexdigest()[:16]
NASTY = '<script>alert("R&D_50%")</script>'


def manifest_row(entry: str, name: str, slice_id: str, status: str, second: int, **facts: Any) -> dict[str, Any]:
    recorded = {"run_id": RUN, "recorded_at": START + timedelta(seconds=second)}
    return {**recorded, "entry": entry, "name": name, "slice_id": slice_id, "status": status, **facts}


def published(
    table: str, slice_id: str, version: int, records: int, amount: str | None, **facts: Any
) -> dict[str, Any]:
    value = None if amount is None else Decimal(amount)
    known = {"delta_version": version, "records": records, "amount_usd": value, "reason": "new", **facts}
    return manifest_row("slice", table, slice_id, "published", version, **known)


def started_and_ended(exit_code: int | None = 0, run_id: str = RUN, day: int = 0) -> list[dict[str, Any]]:
    facts = {"code_revision": "c0ffee+", "run_id": run_id}
    start = manifest_row("run", "haiguan run", "", "started", day * 86400, details='{"lake": "here"}', **facts)
    end = manifest_row("run", "haiguan run", "", "ended", day * 86400 + 75, exit_code=exit_code, seconds=75.2, **facts)
    return [start] if exit_code is None else [start, end]


MANIFEST = [
    *started_and_ended(),
    manifest_row(
        "input",
        "customs",
        FILE,
        "read",
        1,
        fingerprint="ab" * 32,
        bytes=1234,
        modified_at=START,
        details='{"layout": "yearly", "copies": 2}',
    ),
    published("raw_customs__declarations", f"year=2004/file_id={FILE_ID}", 2, 1010, None),
    published("core_customs__declarations", "year=2004", 3, 1000, "5000.50"),
    published("quarantine_customs__declarations", "year=2004", 3, 10, "30.25"),
    published("core_customs__annual_flows", "year=2004", 4, 600, "5000.50"),
    published("panel_customs__firm_year", "", 5, 2, None),
    published("result_studies__estimates", "study=exports", 6, 4, None),
    published("result_studies__tables", "study=concentration", 7, 4, None),
    published("result_studies__figures", "study=concentration", 8, 3, None),
    published("result_studies__plots", "study=exports", 9, 6, None),
]


def step(table: str, slice_id: str, name: str, rule: str, records: int, amount: str | None) -> dict[str, Any]:
    value = None if amount is None else Decimal(amount)
    row = {"table_name": table, "slice_id": slice_id, "step": name, "rule": rule, "records": records}
    return {**row, "amount_usd": value, "run_id": RUN, "recorded_at": START}


LEDGER = [
    step("core_customs__declarations", "year=2004", "in", "", 1010, None),
    step("core_customs__declarations", "year=2004", "quarantined", "blank_partner", 7, "30.25"),
    step("core_customs__declarations", "year=2004", "quarantined", "malformed_value", 3, None),
    step("core_customs__declarations", "year=2004", "flagged", "zero_quantity", 40, "12.00"),
    step("core_customs__declarations", "year=2004", "rounded", "rounding", 5, "0.0040"),
    step("core_customs__declarations", "year=2004", "out", "", 1000, "5000.50"),
    step("core_customs__declarations", "year=2004", "repeated", "repeated_file", 1010, "5030.754"),
    step("core_customs__annual_flows", "year=2004", "in", "", 1000, "5000.50"),
    step("core_customs__annual_flows", "year=2004", "merged", "", 400, "0"),
    step("core_customs__annual_flows", "year=2004", "out", "", 600, "5000.50"),
    step("panel_customs__firm_year", "", "dropped", "no_imports", 9, "1000.25"),
    step("panel_customs__firm_year", "", "out", "", 2, None),
]


def verdict(table: str, expectation: str, severity: str, is_success: bool, **facts: Any) -> dict[str, Any]:
    row = {"run_id": RUN, "table_name": table, "slice_id": "year=2004", "expectation": expectation}
    return {**row, "severity": severity, "is_success": is_success, "recorded_at": START, **facts}


GATES = [
    verdict("core_customs__declarations", "expect_key_to_be_unique", "critical", True, observed="0"),
    verdict("core_customs__annual_flows", "expect_value_to_be_kept", "critical", True, evaluated=600, unexpected=0),
]

PANEL = [
    {
        "firm_code": code,
        "year": 2004,
        "export_value_usd": Decimal(exports),
        "import_value_usd": Decimal(imports),
        "export_valuation": "FOB",
        "import_valuation": "CIF",
        "exchange_rate_rule": "none",
        "ln_exports": 1.0,
        "ln_imports": 1.0,
        "export_products": 1,
        "export_partners": 1,
    }
    for code, exports, imports in (("1100000001", "3000.00", "900.00"), ("1100000002", "100.00", "0.25"))
]


def estimate(position: int, term: str, value: float, error: float, p_value: float) -> dict[str, Any]:
    statistics = {"statistics": {"r2": 0.5}, "clusters": {"firm_code": 321}, "fixed_effects": {"firm_code": 321}}
    return {
        "study": "exports",
        "item": "table_1",
        "title": "Exports & imports",
        "position": position,
        "column_label": f"Column {position}",
        "outcome": "ln_exports",
        "estimator": "least squares",
        "term": term,
        "estimate": value,
        "standard_error": error,
        "statistic": value / error,
        "p_value": p_value,
        "ci_low": value - 2 * error,
        "ci_high": value + 2 * error,
        "observations": 12345,
        "observations_before": 12400,
        "singletons": 55,
        "covariance_kind": "clustered by firm_code",
        "statistics": json.dumps({**statistics, "degrees_of_freedom": 320, "missing": 0, "warnings": []}),
        "note": "A note.",
    }


ESTIMATES = [
    estimate(1, "ln_imports", 0.335, 0.008, 0.0),
    estimate(2, "ln_imports", -0.25, 0.2, 0.2),
    estimate(2, "export_products", 1234.5, 600.0, 0.04),
]


def cell(row: int, position: int, text: str) -> dict[str, Any]:
    head = {"study": "concentration", "item": "table_4", "title": "Exporters of $1 & more", "note": "100 % of them."}
    labels = {"row_label": ["2016", NASTY][row - 1], "column_label": ["Exporters", "Value_usd"][position - 1]}
    return {**head, **labels, "row": row, "position": position, "value": None, "text": text}


CELLS = [cell(1, 1, "72"), cell(1, 2, "1,234.5"), cell(2, 1, "[9]"), cell(2, 2, NASTY)]

POINTS = [
    {
        "study": "concentration",
        "item": "figure_3",
        "title": "Share of the five largest",
        "position": 1,
        "column_label": "HS 848620 costs $5 to $6",
        "row": row,
        "axis_label": "Share of world exports",
        "x": x,
        "value": value,
        "note": "Every reporter.",
    }
    for row, (x, value) in enumerate([(2016.0, 0.90), (2017.0, 0.91), (2018.0, 0.92)], start=1)
]

PLOTS = [
    {
        "study": "exports",
        "item": "table_1_imports",
        "title": "Exports & imports: 进口 bins",
        "position": position,
        "column_label": label,
        "row": row,
        "mark": mark,
        "across_label": "ln imports",
        "axis_label": "ln exports",
        "x": float(row),
        "value": 2.0 * row,
        "low": None,
        "high": None,
        "note": "A note.",
    }
    for position, label, mark in ((1, "Means of 3 bins", "points"), (2, "Slope 2.000", "line"))
    for row in (1, 2, 3)
]

ROWS: dict[str, list[dict[str, Any]]] = {
    "ops_runs__manifest": MANIFEST,
    "ops_runs__ledger": LEDGER,
    "ops_runs__gates": GATES,
    "raw_customs__declarations": [],
    "core_customs__declarations": [],
    "quarantine_customs__declarations": [],
    "core_customs__annual_flows": [],
    "panel_customs__firm_year": PANEL,
    "result_studies__estimates": ESTIMATES,
    "result_studies__tables": CELLS,
    "result_studies__figures": POINTS,
    "result_studies__plots": PLOTS,
}


def make_lake(folder: Path, changed: Mapping[str, Sequence[Mapping[str, Any]]] | None = None) -> Lake:
    lake = Lake(str(folder / "lake"))
    for table, rows in {**ROWS, **(changed or {})}.items():
        delta.append(lake.path(table), TABLES[table], rows, RUN)
    return lake


def report(folder: Path, run_id: str = RUN, **changed: Sequence[Mapping[str, Any]]) -> Path:
    """The folder of the reports on a lake in which some tables have other rows."""
    reports = folder / "reports"
    (reports / "data_docs").mkdir(parents=True)
    (reports / "data_docs" / "index.html").write_text("docs")
    write_report(make_lake(folder, changed), run_id, reports, read_settings(None, []))
    return reports


def replaced(rows: Sequence[Mapping[str, Any]], found: Mapping[str, Any], **new: Any) -> list[dict[str, Any]]:
    """The rows, those that agree with `found` changed; there must be one."""
    hits = [all(row[key] == value for key, value in found.items()) for row in rows]
    assert sum(hits) == 1
    return [{**row, **new} if hit else dict(row) for row, hit in zip(rows, hits, strict=True)]


class _Reader(HTMLParser):
    """Collects the texts of the cells of every table row, by the id of the element that the row is in."""

    def __init__(self) -> None:
        super().__init__()
        self.place = ""
        self.is_in_cell = False
        self.rows: dict[str, list[list[str]]] = {}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.place = dict(attributes).get("id") or self.place
        if tag == "tr":
            self.rows.setdefault(self.place, []).append([])
        elif tag in ("td", "th"):
            self.rows[self.place][-1].append("")
            self.is_in_cell = True

    def handle_endtag(self, tag: str) -> None:
        self.is_in_cell = self.is_in_cell and tag not in ("td", "th")

    def handle_data(self, data: str) -> None:
        if self.is_in_cell:
            self.rows[self.place][-1][-1] += data


def rows_of(page: str, place: str) -> list[list[str]]:
    """The cells of the tables in the element with that id, stripped."""
    reader = _Reader()
    reader.feed(page)
    return [[text.strip() for text in row] for row in reader.rows[place]]


def text_of(page: str) -> str:
    """What a reader reads: no tags, one space between words."""
    body = re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(re.sub(r"<[^>]+>", " ", body)))
