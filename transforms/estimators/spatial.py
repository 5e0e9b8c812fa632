"""Covariances for errors correlated across near places (Conley) or across everybody in a period (Driscoll-Kraay)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from scipy.sparse import csr_array
from sklearn.neighbors import BallTree

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.covariance import cluster_sums, intersection

EARTH_RADIUS_KM = 6371.01
MOST_PERIODS = 100_000


@dataclass(frozen=True)
class Conley:
    """Errors correlated between places less than `cutoff_km` apart (Conley 1999).

    Attributes:
        latitude: column, degrees.
        longitude: column, degrees.
        cutoff_km: great-circle distance beyond which errors are uncorrelated.
        kernel: `uniform` weighs all pairs within the cutoff alike, `bartlett` declines linearly to zero there.
        period: column; where given, only pairs of the same period are taken as correlated.

    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> cities = pd.DataFrame({"lat": [30.0, 30.1, 35.0, 35.1, 40.0, 40.1], "lon": [110.0, 110, 115, 115, 120, 120]})
    >>> cities = cities.assign(access=[1.0, 2, 4, 4, 6, 7], exports=[1.0, 2, 2, 3, 7, 5])
    >>> kinds = ["robust", Conley("lat", "lon", cutoff_km=1), Conley("lat", "lon", cutoff_km=50)]
    >>> fits = [least_squares(cities, "exports", ["access"], covariance=kind) for kind in kinds]
    >>> [round(float(fit.terms.loc["access", "standard_error"]), 4) for fit in fits]
    [0.2275, 0.2275, 0.0888]
    """

    latitude: str
    longitude: str
    cutoff_km: float
    kernel: Literal["uniform", "bartlett"] = "uniform"
    period: str | None = None


@dataclass(frozen=True)
class DriscollKraay:
    """Errors correlated across all units within a period and over `lags` periods (Driscoll and Kraay 1998).

    Attributes:
        period: column of whole numbers (years).
        lags: of the Bartlett kernel; None takes floor(4 (T/100)^(2/9)), as Stata's xtscc.

    >>> from linearmodels.datasets import wage_panel
    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> kind = DriscollKraay("year", lags=1)
    >>> fit = least_squares(wage_panel.load(), "lwage", ["union"], fixed_effects=["nr"], covariance=kind)
    >>> fit.covariance_kind, fit.degrees_of_freedom
    ('Driscoll-Kraay over year', 7)
    """

    period: str
    lags: int | None = None


def conley_meat(scores: np.ndarray, kind: Conley, sample: pd.DataFrame) -> np.ndarray:
    """Sum of k(d_ij) s_i s_j' over pairs of observations; scores are added up by place first.

    Args:
        scores: N x K.
        kind: cutoff, kernel and the columns to read.
        sample: N rows with those columns.

    Raises:
        InputError: places without coordinates, or with some that are no numbers.
    """
    places = sample[[kind.latitude, kind.longitude]].apply(pd.to_numeric, errors="coerce").astype(float)
    if not np.isfinite(places.to_numpy()).all():
        raise InputError(
            f"Conley errors need {kind.latitude!r} and {kind.longitude!r}, in degrees, of every observation."
        )
    place, unique = pd.factorize(pd.MultiIndex.from_frame(places))
    weights = _kernel_weights(np.radians(np.array(unique.to_list(), dtype=float)), kind)
    period = pd.factorize(sample[kind.period])[0] if kind.period else np.zeros(len(sample), dtype=np.int64)
    cells = intersection([place, period])
    first = pd.Series(np.arange(len(cells))).groupby(cells).first().to_numpy()
    sums = cluster_sums(scores, cells)
    return sum(
        (part.T @ (weights[where][:, where] @ part) for where, part in _by_period(place[first], period[first], sums)),
        start=np.zeros((scores.shape[1],) * 2),
    )


def _by_period(place: np.ndarray, period: np.ndarray, sums: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    for now in range(period.max() + 1):
        here = period == now
        yield place[here], sums[here]


def _kernel_weights(radians: np.ndarray, kind: Conley) -> csr_array:
    radius = kind.cutoff_km / EARTH_RADIUS_KM
    neighbours, distances = BallTree(radians, metric="haversine").query_radius(radians, radius, return_distance=True)
    shares = np.concatenate(distances) / radius
    values = 1 - shares if kind.kernel == "bartlett" else np.ones(len(shares))
    pointers = np.concatenate([[0], np.cumsum([len(found) for found in neighbours])])
    return csr_array((values, np.concatenate(neighbours), pointers), shape=(len(radians),) * 2)


def driscoll_kraay_meat(scores: np.ndarray, kind: DriscollKraay, sample: pd.DataFrame) -> np.ndarray:
    """Bartlett-weighted autocovariances of the sums of scores per period; periods without data count as zero.

    Raises:
        InputError: periods that are missing or not whole numbers, or only one of them.
    """
    periods = _whole_periods(sample[kind.period])
    sums = cluster_sums(scores, periods - periods.min())
    lags = default_lags(len(np.unique(periods))) if kind.lags is None else kind.lags
    meat = sums.T @ sums
    for lag in range(1, min(lags, len(sums) - 1) + 1):
        cross = sums[lag:].T @ sums[:-lag]
        meat += (1 - lag / (lags + 1)) * (cross + cross.T)
    return meat


def default_lags(periods: int) -> int:
    """floor(4 (T/100)^(2/9)), the rule of Newey and West (1994) that Stata's xtscc takes."""
    return int(np.floor(4 * (periods / 100) ** (2 / 9)))


def _whole_periods(column: pd.Series) -> np.ndarray:
    numeric = pd.api.types.is_numeric_dtype(column)
    values = column.to_numpy(dtype=float, na_value=np.nan) if numeric else np.full(len(column), np.nan)
    if np.isnan(values).any() or (values != np.floor(values)).any():
        raise InputError(f"Driscoll-Kraay errors need whole numbers in {column.name!r} for every observation.")
    if np.ptp(values) == 0:
        raise InputError(f"Driscoll-Kraay errors need several periods, but {column.name!r} has one in the sample.")
    if np.ptp(values) > MOST_PERIODS:
        raise InputError(
            f"Driscoll-Kraay errors: {column.name!r} spans {np.ptp(values):,.0f} periods; number them 1, 2, 3."
        )
    return values.astype(np.int64)
