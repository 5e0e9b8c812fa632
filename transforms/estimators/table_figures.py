"""Figures that a regression table may ask for, each by the name of the column that it shows.

Coefficients, paths around an event or after a regressor moved, binned scatters, marginal effects along a moderator,
placebo distributions, and curves over what is postulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import pandas as pd
from matplotlib.figure import Figure
from pydantic import Field, Tag

from haiguan.transforms.estimators.placebo import Compared
from haiguan.transforms.estimators.plot import Plot, draw_plot, layer
from haiguan.transforms.estimators.tagged import Settings, by_key


class Labelled(Settings):
    """What every figure may say about itself; by default the printed names of the table.

    Attributes:
        title: above the figure; by default the title of the column, if it shows one.
        across: label of the horizontal axis.
        upright: label of the vertical axis.
    """

    title: str | None = None
    across: str | None = None
    upright: str | None = None


class Coefficients(Labelled):
    """The same terms in all columns, with their intervals: `{coefficients: [union, married]}`."""

    coefficients: tuple[str, ...] = Field(min_length=1)


class Horizons(Labelled):
    """The path of a column that is an event study: `{horizons: dynamic}`."""

    horizons: str


class Lags(Labelled):
    """A column of least squares again, with the outcome h periods later: `{lags: within, unit: firm, period: year}`.

    Attributes:
        lags: the column.
        unit: column of the unit.
        period: column of the period, whole numbers.
        regressor: whose responses are drawn; by default the first.
        horizons: distances in periods; a negative one is a placebo.
    """

    lags: str
    unit: str
    period: str
    regressor: str | None = None
    horizons: tuple[int, ...] = Field(default=(0, 1, 2, 3, 4, 5), min_length=1)


class BinnedScatter(Labelled):
    """Outcome and regressor of a column of least squares in bins, all else partialled out: `{binned_scatter: within}`.

    Attributes:
        binned_scatter: the column.
        regressor: the one on the horizontal axis; by default the first.
        bins: how many, of the same number of observations each.
    """

    binned_scatter: str
    regressor: str | None = None
    bins: int = Field(default=20, ge=2)


class MarginalEffects(Labelled):
    """The effect of a regressor along another: `{marginal_effects: within, regressor: union, moderator: exper}`.

    Attributes:
        marginal_effects: a column of least squares, with or without instruments, that has products of the two.
        regressor: whose effect is drawn.
        moderator: along which it is drawn.
        values: of the moderator; by default those that it takes where they are few, else from its first to its
            ninety-ninth percentile.
    """

    marginal_effects: str
    regressor: str
    moderator: str
    values: tuple[float, ...] | None = Field(default=None, min_length=1)


class PlaceboDraws(Labelled):
    """The estimates of a column of least squares with a regressor dealt out anew: `{placebo: within, blocks: [city]}`.

    Attributes:
        placebo: the column.
        regressor: the one dealt out anew; by default the first.
        blocks: columns whose combinations share its value.
        strata: columns within which it is exchanged.
        draws: number of permutations.
        seed: of the draws.
        by: whether the distribution is that of the `estimate` or of the `statistic`.
    """

    placebo: str
    regressor: str | None = None
    blocks: tuple[str, ...] = ()
    strata: tuple[str, ...] = ()
    draws: int = Field(default=500, ge=20)
    seed: int = 0
    by: Compared = "estimate"


class Correlations(Labelled):
    """A column of kinky least squares over a grid of correlations: `{correlations: kinky, grid: [-0.2, 0, 0.2]}`."""

    correlations: str
    grid: tuple[float, ...] = Field(min_length=2)


class Sensitivity(Labelled):
    """Intervals of a plausibly exogenous column as direct effects grow: `{sensitivity: access, sizes: [0, 0.1]}`."""

    sensitivity: str
    sizes: tuple[float, ...] = Field(min_length=2)


FigureSettings = Annotated[
    Annotated[Coefficients, Tag("coefficients")]
    | Annotated[Horizons, Tag("horizons")]
    | Annotated[Lags, Tag("lags")]
    | Annotated[BinnedScatter, Tag("binned_scatter")]
    | Annotated[MarginalEffects, Tag("marginal_effects")]
    | Annotated[PlaceboDraws, Tag("placebo")]
    | Annotated[Correlations, Tag("correlations")]
    | Annotated[Sensitivity, Tag("sensitivity")],
    # Lags have horizons too, so they are told apart first.
    by_key(
        "coefficients", "lags", "horizons", "binned_scatter", "marginal_effects", "placebo", "correlations",
        "sensitivity",
    ),
]  # fmt: skip


def columns_of_figure(figure: FigureSettings) -> list[str]:
    """The columns of the data that a figure reads beside those of its column of the table."""
    if isinstance(figure, Lags):
        return [figure.unit, figure.period]
    return [*figure.blocks, *figure.strata] if isinstance(figure, PlaceboDraws) else []


def interval_plot(
    curve: pd.DataFrame, bands: Sequence[tuple[str, str]], across: str, upright: str, labels: Sequence[str] = ()
) -> Plot:
    """A curve as layers: a band each, its estimate within the first where it has one.

    Args:
        curve: index: what is postulated; the columns of the bands, and perhaps `estimate`.
        bands: lower and upper column of each band.
        across: label of the horizontal axis.
        upright: label of the vertical axis.
        labels: of the bands, for the legend.
    """
    estimates = [curve.get("estimate"), *[None] * (len(bands) - 1)]
    named = [*labels, *[""] * (len(bands) - len(labels))]
    drawn = [
        layer("band", curve.index, estimate, curve[low], curve[high], label)
        for (low, high), estimate, label in zip(bands, estimates, named, strict=True)
    ]
    return Plot(across, upright, tuple(drawn))


def interval_curve(curve: pd.DataFrame, bands: Sequence[tuple[str, str]], across: str, upright: str) -> Figure:
    """Bands of intervals over the index of a curve, and its estimate where it has one; arguments of `interval_plot`.

    >>> curve = pd.DataFrame({"estimate": [1.0, 0.8], "ci_low": [0.5, 0.2], "ci_high": [1.5, 1.4]}, index=[0.0, 0.1])
    >>> interval_curve(curve, [("ci_low", "ci_high")], "correlation", "union").axes[0].get_xlabel()
    'correlation'
    """
    return draw_plot(interval_plot(curve, bands, across, upright))
