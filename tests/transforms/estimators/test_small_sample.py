"""How many parameters count, against the levels counted by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from haiguan.transforms.estimators.demean import demean
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.singletons import without_singletons
from haiguan.transforms.estimators.small_sample import count_parameters, mobility_groups

FIRM, YEAR = np.repeat(np.arange(6), 4), np.tile(np.arange(4), 6)
PANEL = np.column_stack([FIRM, YEAR])


@pytest.mark.parametrize(
    ("nested", "convention", "expected"),
    [
        # Two slopes, F = 6 firms, T = 4 years.
        ([False, False], "reghdfe", 2 + 6 + 3),  # k + F + T - 1
        ([True, False], "reghdfe", 2 + 4),  # clustered by firm: k + T
        ([True, False], "ivreghdfe", 2 + 3),  # one less
        ([True, True], "reghdfe", 2 + 1),
        ([True, True], "ivreghdfe", 2 + 1),
        ([False, False], "fixest", 2 + 6 + 3),
        ([True, False], "fixest", 2 + 4),
    ],
)
def test_parameters_counted(nested, convention, expected):
    assert count_parameters(2, PANEL, nested, convention) == expected


def test_mobility_groups_are_the_redundant_levels_of_reghdfe_only():
    # Two halves of the firms that never share a region: one more redundant level than fixest takes.
    region = np.where(FIRM < 3, YEAR % 2, 2 + YEAR % 2)
    effects = np.column_stack([FIRM, region])
    assert mobility_groups(FIRM, region) == 2
    assert count_parameters(1, effects, [False, False], "reghdfe") == 1 + 6 + 4 - 2
    assert count_parameters(1, effects, [False, False], "fixest") == 1 + 6 + 4 - 1


def test_parameters_are_the_rank_of_the_dummies_where_nothing_is_nested():
    rng = np.random.default_rng(1)
    effects = np.column_stack([rng.integers(0, 12, 60), rng.integers(0, 9, 60)])
    effects = np.column_stack([pd.factorize(codes)[0] for codes in effects.T])
    dummies = np.hstack([np.eye(codes.max() + 1)[codes] for codes in effects.T])
    assert count_parameters(0, effects, [False, False]) == np.linalg.matrix_rank(dummies)


def test_iid_errors_are_those_of_the_regression_on_dummies():
    rng = np.random.default_rng(2)
    frame = pd.DataFrame({"firm": FIRM, "year": YEAR, "x": rng.normal(size=24), "y": rng.normal(size=24)})
    fit = least_squares(frame, "y", ["x"], fixed_effects=["firm", "year"], covariance="iid")
    X = np.column_stack([frame["x"], np.eye(6)[FIRM], np.eye(4)[YEAR][:, 1:]])
    residuals = frame["y"] - X @ np.linalg.lstsq(X, frame["y"], rcond=None)[0]
    variance = residuals @ residuals / (24 - 10) * np.linalg.inv(X.T @ X)[0, 0]
    assert fit.terms.loc["x", "standard_error"] == pytest.approx(np.sqrt(variance), rel=1e-9)
    assert fit.degrees_of_freedom == 14


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=25))
def test_what_stays_has_no_singleton_and_is_the_largest_such_set(rows):
    effects = np.array(rows)
    kept = without_singletons(effects)
    remaining = effects[kept]
    for codes in remaining.T:
        assert (np.bincount(codes)[codes] > 1).all()
    # No observation that was dropped shares both of its levels with what stays, or it would have stayed.
    for dropped in effects[~kept]:
        assert not all(dropped[j] in remaining[:, j] for j in range(2))


def test_weighted_demeaning_leaves_weighted_means_of_zero():
    rng = np.random.default_rng(3)
    weights = rng.uniform(0.1, 5, 24)
    residuals = demean(rng.normal(size=(24, 2)), PANEL, weights)
    for codes in PANEL.T:
        np.testing.assert_allclose(np.bincount(codes, residuals[:, 0] * weights), 0, atol=1e-7)
