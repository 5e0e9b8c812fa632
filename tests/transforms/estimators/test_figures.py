"""Figures: the points they draw are the estimates."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import wage_panel

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.figures import (
    binned_means,
    binned_scatter,
    coefficient_plot,
    marginal_effect_curve,
    marginal_effects_along,
)
from haiguan.transforms.estimators.linear import least_squares

WAGES = wage_panel.load()
FIT = least_squares(WAGES, "lwage", ["union", "exper", "union:exper"], fixed_effects=["nr"], clusters=["nr"])


def test_coefficients_are_drawn_where_they_are():
    figure = coefficient_plot(
        {"Pooled": least_squares(WAGES, "lwage", ["union"]), "Within": FIT}, labels={"union": "Union"}
    )
    axes = figure.axes[0]
    drawn = {line.get_label(): line.get_xdata() for line in axes.get_lines() if not line.get_label().startswith("_")}
    np.testing.assert_array_equal(drawn["Within"], FIT.terms["estimate"])
    assert [label.get_text() for label in axes.get_yticklabels()] == ["Union", "exper", "union:exper"]


def test_unknown_term_is_named():
    with pytest.raises(InputError, match="did you mean 'union'"):
        coefficient_plot({"Within": FIT}, terms=["unoin"])


def test_the_line_of_a_binned_scatter_is_the_regression():
    points = binned_means(WAGES, "lwage", "hours", controls=["union"], fixed_effects=["nr"], weights="educ", bins=7)
    fit = least_squares(WAGES, "lwage", ["hours", "union"], fixed_effects=["nr"], weights="educ")
    assert points["slope"].iloc[0] == pytest.approx(fit.terms.loc["hours", "estimate"], rel=1e-8)
    assert points["observations"].sum() == len(WAGES)
    assert points["regressor"].is_monotonic_increasing
    line = binned_scatter(points, "Log wage", "Hours").axes[0].get_lines()[0]
    slope = np.diff(line.get_ydata()) / np.diff(line.get_xdata())
    assert slope.item() == pytest.approx(points["slope"].iloc[0])


def test_bins_do_not_depend_on_row_order():
    first = binned_means(WAGES, "lwage", "educ", bins=6)
    second = binned_means(WAGES.sample(frac=1, random_state=2), "lwage", "educ", bins=6)
    pd.testing.assert_frame_equal(first, second, rtol=1e-12)


def test_marginal_effects_are_those_of_the_recentred_equation():
    # The effect of union at ten years of experience is the coefficient once experience is counted from ten.
    curve = marginal_effects_along(FIT, "union", {"union:exper": 1}, [0, 10]).set_index("moderator")
    recentred = WAGES.assign(exper=WAGES["exper"] - 10)
    at_ten = least_squares(recentred, "lwage", ["union", "exper", "union:exper"], fixed_effects=["nr"], clusters=["nr"])
    expected = at_ten.terms.loc["union", ["estimate", "standard_error", "ci_low", "ci_high"]]
    np.testing.assert_allclose(curve.loc[10, ["effect", "standard_error", "ci_low", "ci_high"]], expected, rtol=1e-7)
    np.testing.assert_allclose(curve.loc[0, "effect"], FIT.terms.loc["union", "estimate"], rtol=1e-12)
    assert marginal_effect_curve(curve.reset_index(), "Experience", "Effect").axes[0].get_xlabel() == "Experience"
