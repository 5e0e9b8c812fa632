"""Regression tables of studies: every coefficient of every column, with what is needed to print and to trace it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.specification import Table, read_table
from haiguan.transforms.estimators.table_columns import EstimatedColumn, estimate_columns
from haiguan.transforms.schema import TABLES
from haiguan.transforms.studies.items import items


def result_studies__estimates(
    files_study_estimates: pd.DataFrame, panel_customs__firm_year: pd.DataFrame | None = None
) -> pd.DataFrame:
    """One row per term of each column of the regression tables whose panel there is.

    `statistics` holds, as JSON, the statistics, clusters, fixed effects, degrees of freedom, rows left out as
    incomplete, and warnings of the column's equation.

    Raises:
        InputError: a specification is faulty, or names a panel that no stage makes.
    """
    panels = {"panel_customs__firm_year": panel_customs__firm_year}
    rows = [row for study, item, content in items(files_study_estimates) for row in _rows(study, item, content, panels)]
    return pd.DataFrame(rows, columns=list(TABLES["result_studies__estimates"].column_names))


def specification_of(item: str, content: Mapping[str, Any]) -> dict[str, Any]:
    """The regression table inside an item of a study, as transforms/estimators reads it."""
    return {"table": item, **{key: value for key, value in content.items() if key not in ("kind", "panel")}}


def table_and_panel(
    study: str, item: str, content: Mapping[str, Any], panels: Mapping[str, pd.DataFrame | None]
) -> tuple[Table, pd.DataFrame] | None:
    """The regression table of an item of a study and the panel that it names; None where the panel is not made.

    Raises:
        InputError: no stage makes a panel of that name; or all faults of the table, with the name of its file.
    """
    where = f"studies/{study}/{item}.yaml"
    if content["panel"] not in panels:
        raise InputError(f"{where}: there is no panel `{content['panel']}`; there are {', '.join(panels)}")
    panel = panels[content["panel"]]
    return None if panel is None else (read_table(specification_of(item, content), where), panel)


def _rows(
    study: str, item: str, content: Mapping[str, Any], panels: Mapping[str, pd.DataFrame | None]
) -> Iterator[dict[str, Any]]:
    found = table_and_panel(study, item, content, panels)
    if found is None:
        return
    table, panel = found
    for position, column in enumerate(estimate_columns(table, panel), start=1):
        for term, numbers in column.estimates.terms.iterrows():
            yield {
                "study": study,
                "item": item,
                "title": table.title,
                "position": position,
                "column_label": column.column.title or f"({position})",
                "term": term,
                "note": " ".join(table.notes),
                **{str(name): number for name, number in numbers.items()},
                **_of_equation(column),
            }


def _of_equation(column: EstimatedColumn) -> dict[str, Any]:
    fit: Estimates = column.estimates
    return {
        "outcome": fit.outcome,
        "estimator": fit.estimator,
        "observations": fit.observations,
        "observations_before": fit.observations_before,
        "singletons": fit.singletons,
        "covariance_kind": fit.covariance_kind,
        "statistics": json.dumps(
            {
                "statistics": dict(fit.statistics),
                "clusters": dict(fit.clusters),
                "fixed_effects": dict(fit.fixed_effects),
                "degrees_of_freedom": fit.degrees_of_freedom,
                "missing": fit.missing,
                "warnings": list(fit.warnings),
            },
            sort_keys=True,
        ),
    }
