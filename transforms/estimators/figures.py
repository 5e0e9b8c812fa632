"""Figures of estimates: coefficients with their intervals, binned scatters, marginal effects along a moderator.

Each returns a matplotlib Figure that no window owns; save it with `savefig`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.design import build_design
from haiguan.transforms.estimators.linear import partialled
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.plot import COLOURS, MARKERS, ZERO_LINE, Mark, Plot, draw_plot, layer
from haiguan.transforms.estimators.result import Estimates, critical_value

# A moderator that takes so few values has an interval at each instead of a band.
FEW_VALUES = 6


def coefficient_plot(
    estimates: Mapping[str, Estimates], terms: Sequence[str] | None = None, labels: Mapping[str, str] | None = None
) -> Figure:
    """Estimates and 95 % intervals of the same terms in several equations, one row per term.

    Args:
        estimates: by the name that the legend shows; those without any of the terms are left out.
        terms: top to bottom; by default all, in order of appearance, without the constant.
        labels: printed names of terms.

    Raises:
        InputError: a term that no equation has.

    >>> from linearmodels.datasets import wage_panel
    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> wages, terms = wage_panel.load(), ["union", "married"]
    >>> equations = {"pooled": least_squares(wages, "lwage", terms),
    ...              "within": least_squares(wages, "lwage", terms, fixed_effects=["nr"])}
    >>> [label.get_text() for label in coefficient_plot(equations).axes[0].get_yticklabels()]
    ['union', 'married']
    """
    found = list(dict.fromkeys(term for fit in estimates.values() for term in fit.terms.index))
    shown = [term for term in found if term != "constant"] if terms is None else list(terms)
    unknown = [term for term in shown if term not in found]
    if unknown:
        raise InputError(*(unknown_name("term", term, found) for term in unknown))
    shown_fits = {name: fit for name, fit in estimates.items() if fit.terms.index.isin(shown).any()}
    figure = Figure(figsize=(6.5, 1.0 + 0.45 * len(shown)), layout="constrained")
    axes = figure.subplots()
    axes.axvline(0, color=ZERO_LINE, linewidth=0.8)
    for place, (name, fit) in enumerate(shown_fits.items()):
        present = [row for row, term in enumerate(shown) if term in fit.terms.index]
        drawn = fit.terms.loc[[shown[row] for row in present]]
        heights = np.array(present) + 0.6 * ((place + 0.5) / len(shown_fits) - 0.5)
        colour = COLOURS[place % len(COLOURS)]
        axes.hlines(heights, drawn["ci_low"], drawn["ci_high"], color=colour, linewidth=1.2)
        axes.plot(drawn["estimate"], heights, MARKERS[place % len(MARKERS)], color=colour, markersize=4.5, label=name)
    axes.set_yticks(range(len(shown)), [(labels or {}).get(term, term) for term in shown])
    axes.set_ylim(len(shown) - 0.5, -0.5)
    axes.set_xlabel("Estimate and 95 % confidence interval")
    if len(shown_fits) > 1:
        figure.legend(loc="outside upper center", ncols=min(4, len(shown_fits)), frameon=False)
    return figure


def binned_means(
    data: pd.DataFrame,
    outcome: str,
    regressor: str,
    *,
    controls: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    weights: str | None = None,
    bins: int = 20,
) -> pd.DataFrame:
    """Means of outcome and regressor in equal-sized bins of the regressor, controls and effects partialled out.

    The means of both are added back, so that a line through the points has the slope of the regression.

    Args:
        data: one row per observation.
        outcome: numeric column.
        regressor: numeric column.
        controls: numeric columns to partial out.
        fixed_effects: columns to absorb, or crossings.
        weights: a column of analytic weights.
        bins: how many.

    Returns:
        One row per bin, in order: columns regressor, outcome, observations, slope (of the whole regression).

    >>> frame = pd.DataFrame({"x": np.arange(100.0), "y": 3 * np.arange(100.0) + 1})
    >>> points = binned_means(frame, "y", "x", bins=4)
    >>> points["regressor"].tolist(), round(float(points["slope"].iloc[0]), 9)
    ([12.0, 37.0, 62.0, 87.0], 3.0)
    """
    design = build_design(data, [outcome, regressor, *controls], fixed_effects=fixed_effects, weights=weights)
    values = design.matrix
    means = np.average(values, axis=0, weights=design.weights)
    residuals = partialled(design, values)
    root = np.ones((len(values), 1)) if design.weights is None else np.sqrt(design.weights)[:, None]
    others = residuals[:, 2:]
    pair = residuals[:, :2] - others @ np.linalg.lstsq(others * root, residuals[:, :2] * root, rcond=None)[0]
    weight = root[:, 0] ** 2
    slope = float((pair[:, 1] * weight) @ pair[:, 0] / ((pair[:, 1] * weight) @ pair[:, 1]))
    order = np.lexsort((pair[:, 0], pair[:, 1]))
    groups = np.array_split(order, min(bins, len(order)))
    return pd.DataFrame(
        {
            "regressor": [np.average(pair[g, 1], weights=weight[g]) + means[1] for g in groups],
            "outcome": [np.average(pair[g, 0], weights=weight[g]) + means[0] for g in groups],
            "observations": [len(g) for g in groups],
            "slope": slope,
        }
    )


def binned_scatter(points: pd.DataFrame, outcome: str, regressor: str) -> Figure:
    """The points of `binned_means` and the regression line through them; axes labelled as given.

    >>> points = binned_means(pd.DataFrame({"x": np.arange(40.0), "y": 3 * np.arange(40.0)}), "y", "x", bins=4)
    >>> binned_scatter(points, "Exports", "Imports").axes[0].get_xlabel()
    'Imports'
    """
    return draw_plot(binned_plot(points, outcome, regressor))


def binned_plot(points: pd.DataFrame, outcome: str, regressor: str, *, labels: tuple[str, str] = ("", "")) -> Plot:
    """The points of `binned_means` and the regression line, as layers; labels of both for the legend."""
    middle = np.average(points[["regressor", "outcome"]], axis=0, weights=points["observations"])
    ends = points["regressor"].iloc[[0, -1]].to_numpy()
    line = middle[1] + points["slope"].iloc[0] * (ends - middle[0])
    means = layer("points", points["regressor"], points["outcome"], label=labels[0])
    return Plot(regressor, outcome, (means, layer("line", ends, line, label=labels[1])))


def marginal_effects_along(
    estimates: Estimates, term: str, interactions: Mapping[str, int], values: Sequence[float]
) -> pd.DataFrame:
    """D y / d x along a moderator m, for y = b x + c1 x m + c2 x m^2 + ..., with 95 % intervals.

    Args:
        estimates: of a linear equation.
        term: x.
        interactions: power of the moderator by the name of its product with x (`{"x:m": 1}`).
        values: of the moderator.

    Returns:
        One row per value: columns moderator, effect, standard_error, ci_low, ci_high (delta method, exact here).

    Raises:
        InputError: a term that the equation does not have.

    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> x, m = np.tile([0.0, 1.0, 2.0], 4), np.repeat([0.0, 1.0, 2.0, 3.0], 3)
    >>> firms = pd.DataFrame({"x": x, "m": m, "y": 1 + 2 * x + 0.5 * x * m - m + 0.1 * np.cos(9 * np.arange(12))})
    >>> fit = least_squares(firms, "y", ["x", "m", "x:m"])
    >>> marginal_effects_along(fit, "x", {"x:m": 1}, [0.0, 2.0])["effect"].round(1).tolist()
    [2.0, 3.0]
    """
    names = [term, *interactions]
    unknown = [name for name in names if name not in estimates.terms.index]
    if unknown:
        raise InputError(*(unknown_name("term", name, estimates.terms.index) for name in unknown))
    moderator = np.asarray(values, dtype=float)
    gradient = np.column_stack([moderator**power for power in (0, *interactions.values())])
    covariance = estimates.covariance.loc[names, names].to_numpy()
    effect = gradient @ estimates.terms.loc[names, "estimate"].to_numpy()
    error = np.sqrt(np.clip(np.einsum("ij,jk,ik->i", gradient, covariance, gradient), 0, None))
    critical = critical_value(estimates.degrees_of_freedom)
    return pd.DataFrame(
        {
            "moderator": moderator,
            "effect": effect,
            "standard_error": error,
            "ci_low": effect - critical * error,
            "ci_high": effect + critical * error,
        }
    )


def marginal_effect_curve(curve: pd.DataFrame, moderator: str, effect: str) -> Figure:
    """The curve of `marginal_effects_along` with its intervals; axes labelled as given.

    >>> curve = pd.DataFrame({"moderator": [0, 1], "effect": [1, 2], "ci_low": [0.5, 1.0], "ci_high": [1.5, 3.0]})
    >>> marginal_effect_curve(curve, "size", "effect of access").axes[0].get_ylabel()
    'effect of access'
    """
    return draw_plot(effect_plot(curve, moderator, effect))


def effect_plot(curve: pd.DataFrame, moderator: str, effect: str) -> Plot:
    """The curve of `marginal_effects_along` as a layer: a band, or an interval each where the values are few."""
    mark: Mark = "intervals" if len(curve) <= FEW_VALUES else "band"
    drawn = layer(mark, curve["moderator"], curve["effect"], curve["ci_low"], curve["ci_high"])
    return Plot(moderator, effect, (drawn,))
