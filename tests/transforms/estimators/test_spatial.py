"""Conley and Driscoll-Kraay errors against sums over pairs and against linearmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from linearmodels.panel import PooledOLS

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.spatial import Conley, DriscollKraay, conley_meat, default_lags

RNG = np.random.default_rng(8)
PLACES = pd.DataFrame({"lat": RNG.uniform(22, 40, 25), "lon": RNG.uniform(100, 120, 25)})
SAMPLE = (
    PLACES.loc[np.repeat(np.arange(25), 4)].reset_index(drop=True).assign(year=np.tile([2000, 2001, 2002, 2004], 25))
)
SCORES = RNG.normal(size=(100, 2))


def kilometres(sample: pd.DataFrame) -> np.ndarray:
    lat, lon = np.radians(sample["lat"].to_numpy()), np.radians(sample["lon"].to_numpy())
    cosine = np.sin(lat)[:, None] * np.sin(lat) + np.cos(lat)[:, None] * np.cos(lat) * np.cos(lon[:, None] - lon)
    return 6371.01 * np.arccos(np.clip(cosine, -1, 1))


@pytest.mark.parametrize("kernel", ["uniform", "bartlett"])
@pytest.mark.parametrize("period", [None, "year"])
def test_conley_is_the_sum_over_pairs(kernel, period):
    distance = kilometres(SAMPLE)
    weights = (distance <= 600) * (1 - distance / 600 if kernel == "bartlett" else 1.0)
    if period:
        weights = weights * (SAMPLE["year"].to_numpy()[:, None] == SAMPLE["year"].to_numpy())
    meat = conley_meat(SCORES, Conley("lat", "lon", 600, kernel, period), SAMPLE)
    np.testing.assert_allclose(meat, SCORES.T @ weights @ SCORES, rtol=1e-5)


def test_conley_of_no_reach_is_clustered_by_place():
    frame = SAMPLE.assign(x=SCORES[:, 0], y=SCORES.sum(axis=1), place=np.repeat(np.arange(25), 4))
    conley = least_squares(frame, "y", ["x"], covariance=Conley("lat", "lon", 0.001), small_sample="none")
    clustered = least_squares(frame, "y", ["x"], clusters=["place"], small_sample="none")
    np.testing.assert_allclose(conley.covariance, clustered.covariance, rtol=1e-10)
    assert conley.covariance_kind == "Conley, 0.001 km, uniform kernel"


def test_driscoll_kraay_agrees_with_linearmodels():
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(20), 15), "year": np.tile(np.arange(15), 20)})
    frame["x"], frame["constant"] = rng.normal(size=300), 1.0
    frame["y"] = frame["x"] + np.sin(frame["year"]) + rng.normal(size=300)
    fit = least_squares(frame, "y", ["x"], covariance=DriscollKraay("year", lags=3), small_sample="none")
    other = PooledOLS(*(frame.set_index(["firm", "year"])[names] for names in ("y", ["x", "constant"]))).fit(
        cov_type="kernel", kernel="bartlett", bandwidth=3, debiased=False
    )
    np.testing.assert_allclose(fit.terms["standard_error"], other.std_errors, rtol=1e-9)


def test_lags_of_xtscc():
    assert [default_lags(periods) for periods in (10, 100, 200)] == [2, 4, 4]


@pytest.mark.parametrize(
    ("covariance", "reason"),
    [
        (Conley("lat", "longitude", 100), "did you mean 'lon'"),
        (Conley("lat", "lon", 100), "of every observation"),
        (DriscollKraay("quarter"), "whole numbers"),
        (DriscollKraay("day"), "whole numbers"),
        (DriscollKraay("code"), "spans 990,000 periods"),
    ],
)
def test_bad_places_and_periods_are_named(covariance, reason):
    frame = SAMPLE.assign(x=SCORES[:, 0], y=SCORES[:, 1], quarter=2000.25)
    frame["day"], frame["code"] = pd.Timestamp("2004-05-01"), 10_000 * np.arange(100)
    frame.loc[3, "lat"] = np.nan
    with pytest.raises(InputError, match=reason):
        least_squares(frame, "y", ["x"], covariance=covariance)
