"""Correlations with their intervals against scipy."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import scipy.stats
from statsmodels.stats.outliers_influence import variance_inflation_factor

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.correlation import correlation_table, variance_inflation


@pytest.fixture(scope="module")
def series() -> pd.DataFrame:
    draw = np.random.default_rng(2)
    spending = draw.normal(size=19)
    frame = pd.DataFrame(
        {"spending": spending, "exports": 0.6 * spending + draw.normal(size=19), "share": draw.uniform(size=19)}
    )
    frame.loc[3, "share"] = np.nan
    return frame


def test_pearson_is_that_of_scipy(series):
    table = correlation_table(series, list(series), confidence=0.9)
    assert table["observations"].tolist() == [19, 18, 18]
    for row in table.itertuples():
        pair = series[[row.first, row.second]].dropna()
        reference = scipy.stats.pearsonr(pair[row.first], pair[row.second])
        interval = reference.confidence_interval(0.9)
        assert (row.correlation, row.p_value) == pytest.approx((reference.statistic, reference.pvalue), abs=1e-10)
        assert (row.ci_low, row.ci_high) == pytest.approx((interval.low, interval.high), abs=1e-10)


def test_spearman_is_that_of_scipy(series):
    row = correlation_table(series, ["spending", "exports"], method="spearman").iloc[0]
    reference = scipy.stats.spearmanr(series["spending"], series["exports"])
    assert (row["correlation"], row["p_value"]) == pytest.approx((reference.statistic, reference.pvalue), abs=1e-10)


def test_intervals_cover_as_often_as_they_say():
    draw = np.random.default_rng(0)
    covered = 0
    for _ in range(300):
        x = draw.normal(size=30)
        frame = pd.DataFrame({"x": x, "y": 0.6 * x + 0.8 * draw.normal(size=30)})
        row = correlation_table(frame, ["x", "y"]).iloc[0]
        covered += row["ci_low"] < 0.6 < row["ci_high"]
    assert covered / 300 == pytest.approx(0.95, abs=0.035)


def test_a_perfect_correlation_has_no_width():
    row = correlation_table(pd.DataFrame({"a": [1, 2, 3, 4], "b": [2, 4, 6, 8]}), ["a", "b"]).iloc[0]
    assert row["ci_low"] == pytest.approx(1, abs=1e-6)
    assert row["ci_high"] == pytest.approx(1, abs=1e-6)
    assert row["p_value"] < 1e-10


def test_variance_inflation_is_that_of_statsmodels(series):
    complete = series.dropna()
    matrix = complete.assign(constant=1.0).to_numpy()
    expected = [variance_inflation_factor(matrix, place) for place in range(3)]
    np.testing.assert_allclose(variance_inflation(series, list(series))["variance_inflation"], expected, rtol=1e-8)
    twice = series.assign(double=2 * series["spending"])
    assert np.isinf(variance_inflation(twice, ["spending", "double"])["variance_inflation"]).all()


def test_unusable_columns_are_refused(series):
    with pytest.raises(InputError, match="'flat' does not vary"):
        correlation_table(series.assign(flat=1.0), ["spending", "flat"])
    with pytest.raises(InputError, match="both known in 3 rows"):
        correlation_table(series.head(3), ["spending", "exports"])
    with pytest.raises(InputError, match="must hold numbers"):
        correlation_table(series.assign(name="x"), ["spending", "name"])
    with pytest.raises(InputError, match="infinite"):
        correlation_table(series.assign(spending=np.inf), ["spending", "exports"])
    with pytest.raises(InputError, match="two columns"):
        correlation_table(series, ["spending"])
