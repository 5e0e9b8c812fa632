"""Figures that the regression tables of studies ask for, point by point; drawing them is the report's business."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from haiguan.transforms.estimators.drawn_figures import plots_of
from haiguan.transforms.estimators.plot import Plot
from haiguan.transforms.estimators.specification import Table
from haiguan.transforms.estimators.table_columns import estimate_columns
from haiguan.transforms.estimators.table_figures import Coefficients
from haiguan.transforms.schema import TABLES
from haiguan.transforms.studies.estimates import table_and_panel
from haiguan.transforms.studies.items import items


def result_studies__plots(
    files_study_plots: pd.DataFrame, panel_customs__firm_year: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row per point of each layer of the figures under `figures:` of the regression tables whose panel there is.

    Figures of coefficients have no points here: the estimates are theirs.

    Raises:
        InputError: a specification is faulty, names a panel that no stage makes, or asks for a figure that cannot be.
    """
    panels = {"panel_customs__firm_year": panel_customs__firm_year}
    rows = [row for study, item, content in items(files_study_plots) for row in _rows(study, item, content, panels)]
    return pd.DataFrame(rows, columns=list(TABLES["result_studies__plots"].column_names))


def _rows(
    study: str, item: str, content: Mapping[str, Any], panels: Mapping[str, pd.DataFrame | None]
) -> Iterator[dict[str, Any]]:
    found = table_and_panel(study, item, content, panels)
    if found is None:
        return
    table, panel = found
    if all(isinstance(settings, Coefficients) for settings in table.figures.values()):
        return
    for name, plot in plots_of(table, panel, estimate_columns(table, panel)).items():
        head = {"study": study, "item": f"{item}_{name}", "title": title_of(table, plot), "note": " ".join(table.notes)}
        yield from ({**head, **row} for row in _points(plot))


def title_of(table: Table, plot: Plot) -> str:
    """What stands above a figure of a table: the table's title and the figure's."""
    return ": ".join(part for part in (table.title, plot.title) if part)


def _points(plot: Plot) -> Iterator[dict[str, Any]]:
    for position, part in enumerate(plot.layers, start=1):
        for row, point in enumerate(part.points.to_dict("records"), start=1):
            yield {
                "position": position,
                "column_label": part.label,
                "row": row,
                "mark": part.mark,
                "across_label": plot.across,
                "axis_label": plot.upright,
                **{str(name): None if pd.isna(number) else number for name, number in point.items()},
            }
