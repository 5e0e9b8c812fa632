"""The figures of a regression table, drawn from its columns."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.figure import Figure

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.column_estimators import instrumented_column, kinky_column
from haiguan.transforms.estimators.event_study import path_of, plot_path
from haiguan.transforms.estimators.figures import coefficient_plot
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.plausibly_exogenous import sensitivity_curve
from haiguan.transforms.estimators.specification import EstimatorName, Table
from haiguan.transforms.estimators.table_columns import EstimatedColumn, Expansion, sample_of, with_columns_made
from haiguan.transforms.estimators.table_figures import (
    Coefficients,
    Correlations,
    FigureSettings,
    Horizons,
    interval_curve,
)


def draw_figures(table: Table, data: pd.DataFrame, columns: Sequence[EstimatedColumn]) -> dict[str, Figure]:
    """The figures that a table asks for, by name.

    Args:
        table: the specification.
        data: the frame that its columns were estimated on.
        columns: what was estimated.

    Raises:
        InputError: a figure of a column that there is not, or of another estimator; as the curve's function.
    """
    if not table.figures:
        return {}
    frame, expand = with_columns_made(table, data)
    figures = {}
    for name, settings in table.figures.items():
        try:
            figures[name] = _drawn(settings, table, columns, frame, expand)
        except InputError as error:
            raise InputError(*(f"Table {table.table!r}, figures.{name}: {fault}" for fault in error.faults)) from error
    return figures


def _drawn(
    settings: FigureSettings, table: Table, columns: Sequence[EstimatedColumn], frame: pd.DataFrame, expand: Expansion
) -> Figure:
    labels = table.print.labels
    if isinstance(settings, Coefficients):
        titles = [column.column.title or f"({place})" for place, column in enumerate(columns, start=1)]
        fits = [column.estimates for column in columns]
        return coefficient_plot(dict(zip(titles, fits, strict=True)), expand(settings.coefficients), labels)
    if isinstance(settings, Horizons):
        found = _named(columns, settings.horizons, "event_study")
        assert found.column.event
        path = path_of(found.estimates, found.column.event.window, found.column.event.reference)
        return plot_path(path, title=found.column.title or "")
    if isinstance(settings, Correlations):
        column = _named(columns, settings.correlations, "kinky_least_squares").column
        kinky = kinky_column(column, sample_of(column, frame), expand, settings.grid)
        upright = labels.get(kinky.endogenous, kinky.endogenous)
        return interval_curve(kinky.curve, [("ci_low", "ci_high")], "postulated correlation", upright)
    column = _named(columns, settings.sensitivity, "plausibly_exogenous").column
    equation = instrumented_column(column, sample_of(column, frame), expand)
    curve = sensitivity_curve(equation, equation.names[0], settings.sizes)
    bands = [("union_low", "union_high"), ("local_low", "local_high")]
    return interval_curve(curve, bands, "size of direct effects", labels.get(equation.names[0], equation.names[0]))


def _named(columns: Sequence[EstimatedColumn], name: str, estimator: EstimatorName) -> EstimatedColumn:
    named = {column.column.name: column for column in columns if column.column.name}
    if name not in named:
        raise InputError(unknown_name("column called", name, named))
    if named[name].column.estimator != estimator:
        raise InputError(f"Column {name!r} is {named[name].column.estimator}; the figure is one of {estimator}.")
    return named[name]
