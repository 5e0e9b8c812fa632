"""The results of the studies in the lake, printed and drawn, each with the versions and the code that it came from."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

import pandas as pd

from haiguan.jobs.reporting.figures import DrawnFigure, draw_coefficients, draw_figures, draw_plots
from haiguan.jobs.reporting.record import Record
from haiguan.jobs.reporting.tables import PrintedTable, descriptive_tables, in_order, regression_tables
from haiguan.jobs.runtime.graph import Node
from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.manifest import slice_id
from haiguan.jobs.runtime.settings import Settings
from haiguan.jobs.runtime.sources import study_items
from haiguan.transforms.estimators.specification import Table, read_table
from haiguan.transforms.schema import TABLES
from haiguan.transforms.studies.estimates import specification_of
from haiguan.transforms.studies.items import items

ESTIMATE_ROWS, CELLS, POINTS = "result_studies__estimates", "result_studies__tables", "result_studies__figures"
PLOT_POINTS = "result_studies__plots"


Result = TypeVar("Result", PrintedTable, DrawnFigure)


@dataclass(frozen=True)
class Study:
    """The tables and figures of one study, in the order of their names."""

    name: str
    tables: tuple[PrintedTable, ...]
    figures: tuple[DrawnFigure, ...]


def studies_of(lake: Lake, record: Record, graph: Mapping[str, Node], settings: Settings) -> list[Study]:
    """Reads, prints and draws every result in the lake."""
    results = (ESTIMATE_ROWS, CELLS, POINTS, PLOT_POINTS)
    estimates, cells, points, plots = (_read(lake, record, table) for table in results)
    origins = {table: _origins(table, record, graph) for table in results}
    specifications = _specifications(settings)
    estimates = in_order(estimates, specifications)
    printing = {key: specification.print for key, specification in specifications.items()}
    tables = [
        *regression_tables(estimates, origins[ESTIMATE_ROWS], printing),
        *descriptive_tables(cells, origins[CELLS]),
    ]
    figures = [
        *draw_coefficients(estimates, origins[ESTIMATE_ROWS], specifications),
        *draw_figures(points, origins[POINTS]),
        *draw_plots(plots, origins[PLOT_POINTS]),
    ]
    names = sorted({result.study for result in tables} | {figure.study for figure in figures})
    return [Study(name, _of_study(name, tables), _of_study(name, figures)) for name in names]


def _read(lake: Lake, record: Record, table: str) -> pd.DataFrame:
    """The results of the studies that the manifest knows as published."""
    if table not in record.slices:
        return pd.DataFrame(columns=list(TABLES[table].column_names))
    results = lake.read_on_driver(table)
    return results[results["study"].map(lambda study: slice_id({"study": study})).isin(record.slices[table])]


def _of_study(name: str, results: Iterable[Result]) -> tuple[Result, ...]:
    own = [result for result in results if result.study == name]
    return tuple(sorted(own, key=lambda result: _natural(result.item)))


def _natural(item: str) -> list[tuple[int, str]]:
    """Sorts table_10 after table_9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", item) if part]


def _specifications(settings: Settings) -> dict[tuple[str, str], Table]:
    """Study and item -> the specification of a regression table, which says how it is printed."""
    texts = study_items(settings, "estimates")
    return {
        (study, item): read_table(specification_of(item, content), f"studies/{study}/{item}.yaml")
        for study, item, content in items(texts)
    }


def _origins(table: str, record: Record, graph: Mapping[str, Node]) -> dict[str, str]:
    """Study -> the sentence that says which run, code and table versions its results came from."""
    return {
        text.removeprefix("study="): _origin(table, text, record, graph)
        for text in record.slices.get(table, {})
        if text.startswith(slice_id({"study": ""}))
    }


def _origin(table: str, text: str, record: Record, graph: Mapping[str, Node]) -> str:
    made = record.slices[table][text]
    read = [name for name in graph if name in _ancestors(table, graph) and record.version(name) is not None]
    versions = ", ".join(f"{name} version {record.version(name)}" for name in reversed(read))
    made_from = f", made from {versions}" if versions else ""
    return f"Source: {table} version {made.version}{made_from}; code {made.code_revision}; run {made.run_id}."


def _ancestors(table: str, graph: Mapping[str, Node]) -> set[str]:
    """The tables that it descends from, those left out that no file of a trader, survey or office feeds."""
    read = graph[table].inputs if table in graph else ()
    return {name for direct in read for name in ({direct} & _fed(graph)) | _ancestors(direct, graph)}


def _fed(graph: Mapping[str, Node]) -> set[str]:
    """Raw tables and all that descends from them."""
    fed: set[str] = set()
    for name, node in graph.items():
        if name.startswith("raw_") or fed & set(node.inputs):
            fed.add(name)
    return fed
