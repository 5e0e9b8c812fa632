"""Figures that a regression table may ask for: coefficients, paths around an event, curves over what is postulated."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field, Tag

from haiguan.transforms.estimators.tagged import Settings, by_key


class Coefficients(Settings):
    """The same terms in all columns, with their intervals: `{coefficients: [union, married]}`."""

    coefficients: tuple[str, ...] = Field(min_length=1)


class Horizons(Settings):
    """The path of a column that is an event study: `{horizons: dynamic}`."""

    horizons: str


class Correlations(Settings):
    """A column of kinky least squares over a grid of correlations: `{correlations: kinky, grid: [-0.2, 0, 0.2]}`."""

    correlations: str
    grid: tuple[float, ...] = Field(min_length=2)


class Sensitivity(Settings):
    """Intervals of a plausibly exogenous column as direct effects grow: `{sensitivity: access, sizes: [0, 0.1]}`."""

    sensitivity: str
    sizes: tuple[float, ...] = Field(min_length=2)


FigureSettings = Annotated[
    Annotated[Coefficients, Tag("coefficients")]
    | Annotated[Horizons, Tag("horizons")]
    | Annotated[Correlations, Tag("correlations")]
    | Annotated[Sensitivity, Tag("sensitivity")],
    by_key("coefficients", "horizons", "correlations", "sensitivity"),
]


def interval_curve(curve: pd.DataFrame, bands: Sequence[tuple[str, str]], across: str, upright: str) -> Figure:
    """Bands of intervals over the index of a curve, darker where they overlap, and its estimate where it has one.

    Args:
        curve: index: what is postulated; the columns of the bands, and perhaps `estimate`.
        bands: lower and upper column of each band.
        across: label of the horizontal axis.
        upright: label of the vertical axis.

    >>> curve = pd.DataFrame({"estimate": [1.0, 0.8], "ci_low": [0.5, 0.2], "ci_high": [1.5, 1.4]}, index=[0.0, 0.1])
    >>> interval_curve(curve, [("ci_low", "ci_high")], "correlation", "union").axes[0].get_xlabel()
    'correlation'
    """
    figure = Figure(figsize=(5.0, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.axhline(0, color="0.6", linewidth=0.8)
    for low, high in bands:
        axes.fill_between(curve.index, curve[low], curve[high], color="#1f4e79", alpha=0.18, linewidth=0)
    if "estimate" in curve:
        axes.plot(curve.index, curve["estimate"], color="#1f4e79", linewidth=1.4)
    axes.set(xlabel=across, ylabel=upright)
    return figure
