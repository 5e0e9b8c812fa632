"""Report: what ran, on what, the account from file to panel, the gates, the tables and the figures, on one page."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from haiguan.jobs.reporting.account import accounts
from haiguan.jobs.reporting.customs import customs_of
from haiguan.jobs.reporting.flow import flow_of
from haiguan.jobs.reporting.latex import document
from haiguan.jobs.reporting.page import render, standalone
from haiguan.jobs.reporting.products import products_of
from haiguan.jobs.reporting.record import read_record
from haiguan.jobs.reporting.results import Study, studies_of
from haiguan.jobs.runtime.graph import build_graph
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.settings import Settings
from haiguan.jobs.runtime.stages import STAGES

PAGE, DATA_DOCS = "index.html", "data_docs/index.html"


def write_report(lake: Lake, run_id: str, reports: Path, settings: Settings) -> Path:
    """Writes the page of a run and, beside it, the files of every table and figure in the lake.

    The page lies at `<reports>/<run_id>/index.html` and, being the newest, at `<reports>/index.html` too; tables at
    `<reports>/<run_id>/tables/<study>/<item>.{csv,tex,html}`, figures at `figures/<study>/<item>.{svg,png}`. The same
    lake gives the same bytes.

    Args:
        lake: whose state is shown.
        run_id: of the run that the page is about.
        reports: folder of reports.
        settings: of the run; the studies that they name say how regression tables are printed.

    Returns:
        The path of the newest page.

    Raises:
        LookupError: the lake knows nothing of the run.
    """
    graph = build_graph(STAGES)
    record = read_record(lake, run_id)
    studies = studies_of(lake, record, graph, settings)
    balanced, flow, customs = accounts(record, graph), flow_of(record, graph), customs_of(lake, record, settings)
    products = products_of(lake, record, settings)
    folder = reports / run_id
    _write_results(folder, studies)
    has_docs = (reports / DATA_DOCS).is_file()
    for page, beside, up in ((folder / PAGE, "", "../"), (reports / PAGE, f"{run_id}/", "")):
        docs = f"{up}{DATA_DOCS}" if has_docs else None
        text = render(record, balanced, flow, studies, customs, products, beside, docs)
        page.write_text(text, encoding="utf-8")
    return reports / PAGE


def _write_results(folder: Path, studies: Iterable[Study]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    written = []
    for study in studies:
        for table in study.tables:
            path = folder / "tables" / study.name / table.item
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path.with_name(f"{table.item}.csv"), table.csv)
            _write(path.with_name(f"{table.item}.tex"), table.tex)
            _write(path.with_name(f"{table.item}.html"), table.html or standalone(table))
            written.append(f"{study.name}/{table.item}.tex")
        for figure in study.figures:
            path = folder / "figures" / study.name / figure.item
            path.parent.mkdir(parents=True, exist_ok=True)
            _write(path.with_name(f"{figure.item}.svg"), figure.svg)
            path.with_name(f"{figure.item}.png").write_bytes(figure.png)
    if written:
        _write(folder / "tables" / "all_tables.tex", document(written))


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
