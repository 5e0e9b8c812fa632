"""The figures of a regression table, made from its columns."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.column_estimators import instrumented_column, kinky_column, linear_settings
from haiguan.transforms.estimators.design import PRODUCT
from haiguan.transforms.estimators.event_study import lagged_responses, path_of, path_plot
from haiguan.transforms.estimators.figures import (
    FEW_VALUES,
    binned_means,
    binned_plot,
    coefficient_plot,
    effect_plot,
    marginal_effects_along,
)
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.placebo import placebo, placebo_plot
from haiguan.transforms.estimators.plausibly_exogenous import sensitivity_curve
from haiguan.transforms.estimators.plot import Plot, draw_plot, in_style
from haiguan.transforms.estimators.regression_table import number
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.specification import Column, EstimatorName, Printing, Table
from haiguan.transforms.estimators.table_columns import EstimatedColumn, Expansion, sample_of, with_columns_made
from haiguan.transforms.estimators.table_figures import (
    BinnedScatter,
    Coefficients,
    Correlations,
    FigureSettings,
    Horizons,
    Lags,
    MarginalEffects,
    PlaceboDraws,
    interval_plot,
)

LEAST_SQUARES: tuple[EstimatorName, ...] = ("least_squares",)
LINEAR: tuple[EstimatorName, ...] = ("least_squares", "two_stage_least_squares")
EVENT_STUDY: tuple[EstimatorName, ...] = ("event_study",)
KINKY: tuple[EstimatorName, ...] = ("kinky_least_squares",)
PLAUSIBLY_EXOGENOUS: tuple[EstimatorName, ...] = ("plausibly_exogenous",)
GRID = 50
# Spaces that no line of a label breaks at.
INTERVAL = "95\u00a0%\u00a0interval"


def draw_figures(table: Table, data: pd.DataFrame, columns: Sequence[EstimatedColumn]) -> dict[str, Figure]:
    """The figures that a table asks for, by name.

    Args:
        table: the specification.
        data: the frame that its columns were estimated on.
        columns: what was estimated.

    Raises:
        InputError: a figure of a column that there is not, or of another estimator; as the function that computes it.
    """
    plots = plots_of(table, data, columns)
    with in_style():
        drawn = {name: draw_plot(plot) for name, plot in plots.items()}
        return {name: drawn[name] if name in drawn else draw_terms(table, name, columns) for name in table.figures}


def draw_terms(table: Table, name: str, columns: Sequence[EstimatedColumn]) -> Figure:
    """The figure of coefficients that a table asks for by this name.

    Raises:
        InputError: a term that no column has.
    """
    settings = table.figures[name]
    assert isinstance(settings, Coefficients)
    titles = [column.column.title or f"({place})" for place, column in enumerate(columns, start=1)]
    fits = dict(zip(titles, [column.estimates for column in columns], strict=True))
    with _telling(table, name):
        terms = [term for entry in settings.coefficients for term in _terms_of(entry, table, fits.values())]
        figure = coefficient_plot(fits, terms, {term: table.print.label_of(term) for term in terms})
    axes = figure.axes[0]
    if settings.title:
        figure.set_figheight(figure.get_figheight() + 0.3)
    axes.set(title=settings.title or "", xlabel=settings.across or axes.get_xlabel(), ylabel=settings.upright or "")
    return figure


def _terms_of(entry: str, table: Table, fits: Iterable[Estimates]) -> list[str]:
    """The terms that a name stands for: itself, the members of a group, or the values of a variable."""
    names = table.groups.get(entry, (entry,))
    found = dict.fromkeys(term for fit in fits for term in fit.terms.index)
    return [term for name in names for term in ([t for t in found if t.startswith(f"{name}=")] or [name])]


@contextmanager
def _telling(table: Table, name: str) -> Iterator[None]:
    try:
        yield
    except InputError as error:
        raise InputError(*(f"Table {table.table!r}, figures.{name}: {fault}" for fault in error.faults)) from error


def plots_of(table: Table, data: pd.DataFrame, columns: Sequence[EstimatedColumn]) -> dict[str, Plot]:
    """The figures of a table as data, by name; coefficients are left out, as the estimates are their data.

    Args:
        table: the specification.
        data: the frame that its columns were estimated on.
        columns: what was estimated.

    Raises:
        InputError: as `draw_figures`.
    """
    plots: dict[str, Plot] = {}
    if not table.figures:
        return plots
    drawing = _Drawing(table.print, columns, *with_columns_made(table, data))
    for name, settings in table.figures.items():
        if not isinstance(settings, Coefficients):
            with _telling(table, name):
                plots[name] = drawing.plot(settings)
    return plots


@dataclass(frozen=True)
class _Drawing:
    """What the figures of one table are made from.

    Attributes:
        printing: labels.
        columns: what was estimated.
        frame: the data with the variables of the table.
        expand: what its names stand for.
    """

    printing: Printing
    columns: Sequence[EstimatedColumn]
    frame: pd.DataFrame
    expand: Expansion

    def plot(self, settings: FigureSettings) -> Plot:
        """The figure, with the labels that it asks for."""
        column, plot = self._column_and_plot(settings)
        return replace(
            plot,
            title=(column.title or "") if settings.title is None else settings.title,
            across=plot.across if settings.across is None else settings.across,
            upright=plot.upright if settings.upright is None else settings.upright,
        )

    def _column_and_plot(self, settings: FigureSettings) -> tuple[Column, Plot]:
        match settings:
            case Horizons():
                found = self._named(settings.horizons, EVENT_STUDY)
                return found.column, self._horizons(found)
            case Lags():
                column = self._named(settings.lags, LEAST_SQUARES).column
                return column, self._lags(settings, column)
            case BinnedScatter():
                found = self._named(settings.binned_scatter, LEAST_SQUARES)
                return found.column, self._binned(settings, found)
            case MarginalEffects():
                found = self._named(settings.marginal_effects, LINEAR)
                return found.column, self._marginal_effects(settings, found)
            case PlaceboDraws():
                column = self._named(settings.placebo, LEAST_SQUARES).column
                return column, self._placebo(settings, column)
            case Correlations():
                column = self._named(settings.correlations, KINKY).column
                return column, self._correlations(settings, column)
        assert not isinstance(settings, Coefficients)
        column = self._named(settings.sensitivity, PLAUSIBLY_EXOGENOUS).column
        return column, self._sensitivity(settings.sizes, column)

    def _named(self, name: str, estimators: Sequence[EstimatorName]) -> EstimatedColumn:
        named = {column.column.name: column for column in self.columns if column.column.name}
        if name not in named:
            raise InputError(unknown_name("column called", name, named))
        if (found := named[name].column.estimator) not in estimators:
            raise InputError(f"Column {name!r} is {found}; the figure is one of {' or '.join(estimators)}.")
        return named[name]

    def _regressor(self, named: str | None, column: Column) -> tuple[str, list[str]]:
        """The regressor of a figure, by default the first, and the others."""
        regressors = self.expand(column.regressors)
        chosen = named or next(iter(regressors), "")
        if chosen not in regressors:
            raise InputError(unknown_name("regressor", chosen, regressors))
        return chosen, [name for name in regressors if name != chosen]

    def _outcome(self, column: Column) -> str:
        return self.printing.label_of(str(column.outcome))

    def _horizons(self, found: EstimatedColumn) -> Plot:
        event = found.column.event
        assert event
        across = f"{self.printing.label_of(event.period)} relative to the event"
        path = path_of(found.estimates, event.window, event.reference)
        return path_plot(path, across, f"Effect on {self._outcome(found.column)}, {INTERVAL}")

    def _lags(self, settings: Lags, column: Column) -> Plot:
        regressor, controls = self._regressor(settings.regressor, column)
        path = lagged_responses(
            sample_of(column, self.frame), str(column.outcome), regressor, settings.unit, settings.period,
            horizons=settings.horizons, controls=controls, **linear_settings(column),
        )  # fmt: skip
        upright = f"{self._effect(regressor, column)}, {INTERVAL}"
        return path_plot(path, f"Periods after the regressor ({self.printing.label_of(settings.period)})", upright)

    def _binned(self, settings: BinnedScatter, found: EstimatedColumn) -> Plot:
        column = found.column
        regressor, controls = self._regressor(settings.regressor, column)
        if regressor not in found.estimates.terms.index:
            raise InputError(f"{regressor!r} has no coefficient to draw: {' '.join(found.estimates.warnings)}")
        points = binned_means(
            sample_of(column, self.frame), str(column.outcome), regressor, controls=controls,
            fixed_effects=column.fixed_effects, weights=column.weights, bins=settings.bins,
        )  # fmt: skip
        term = found.estimates.terms.loc[regressor]
        estimate, error = (number(term[part], self.printing.decimals) for part in ("estimate", "standard_error"))
        net = ", net of the other terms" if controls or column.fixed_effects else ""
        labels = (f"Means of {len(points)} bins{net}", f"Slope {estimate} (standard error {error})")
        return binned_plot(points, self._outcome(column), self.printing.label_of(regressor), labels=labels)

    def _marginal_effects(self, settings: MarginalEffects, found: EstimatedColumn) -> Plot:
        regressor, moderator = settings.regressor, settings.moderator
        products = _products(found.estimates, regressor, moderator)
        values = settings.values or _support(sample_of(found.column, self.frame), moderator)
        curve = marginal_effects_along(found.estimates, regressor, products, values)
        upright = f"{self._effect(regressor, found.column)}, {INTERVAL}"
        return effect_plot(curve, self.printing.label_of(moderator), upright)

    def _placebo(self, settings: PlaceboDraws, column: Column) -> Plot:
        regressor, controls = self._regressor(settings.regressor, column)
        found = placebo(
            sample_of(column, self.frame), str(column.outcome), regressor, controls=controls,
            fixed_effects=column.fixed_effects, clusters=column.clusters, weights=column.weights,
            blocks=settings.blocks, strata=settings.strata, draws=settings.draws, seed=settings.seed,
        )  # fmt: skip
        kind = "estimates" if settings.by == "estimate" else "t statistics"
        plot = placebo_plot(found, f"Placebo {kind} of {self.printing.label_of(regressor)}", by=settings.by)
        return replace(plot, upright="Permutations")

    def _correlations(self, settings: Correlations, column: Column) -> Plot:
        kinky = kinky_column(column, sample_of(column, self.frame), self.expand, settings.grid)
        across = f"Postulated correlation of {self.printing.label_of(kinky.endogenous)} with the error"
        upright = f"{self._effect(kinky.endogenous, column)}, {INTERVAL}"
        return interval_plot(kinky.curve, [("ci_low", "ci_high")], across, upright)

    def _sensitivity(self, sizes: Sequence[float], column: Column) -> Plot:
        equation = instrumented_column(column, sample_of(column, self.frame), self.expand)
        curve = sensitivity_curve(equation, equation.names[0], sizes)
        bands = [("union_low", "union_high"), ("local_low", "local_high")]
        across, upright = "Size of the direct effect of the instruments", self._effect(equation.names[0], column)
        return interval_plot(curve, bands, across, upright, ["Union of 95 % intervals", "Local to zero, 95 % interval"])

    def _effect(self, regressor: str, column: Column) -> str:
        return f"Effect of {self.printing.label_of(regressor)} on {self._outcome(column)}"


def _products(estimates: Estimates, regressor: str, moderator: str) -> dict[str, int]:
    """The power of the moderator in each product of the two.

    Raises:
        InputError: there is no such product, or the effect of the regressor moves with something else too.
    """
    if regressor == moderator:
        raise InputError(f"The moderator of {regressor!r} must be another regressor.")
    found = {}
    for term in estimates.terms.index:
        parts = Counter(term.split(PRODUCT))
        if len(parts) > 1 and regressor in parts:
            if parts[regressor] > 1 or set(parts) != {regressor, moderator}:
                raise InputError(f"The effect of {regressor!r} depends on more than {moderator!r}: see {term!r}.")
            found[term] = parts[moderator]
    if not found:
        raise InputError(unknown_name("term", f"{regressor}{PRODUCT}{moderator}", estimates.terms.index))
    return found


def _support(sample: pd.DataFrame, moderator: str) -> list[float]:
    """The values of the moderator where they are few, else a grid without the outermost hundredths."""
    if moderator not in sample:
        raise InputError(unknown_name("column", moderator, sample.columns))
    values = np.unique(sample[moderator].dropna().to_numpy(dtype=float))
    if len(values) <= FEW_VALUES:
        return values.tolist()
    low, high = np.percentile(sample[moderator].dropna().to_numpy(dtype=float), [1, 99])
    return np.linspace(low, high, GRID).tolist()
