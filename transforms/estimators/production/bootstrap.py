"""Standard errors of a production function by drawing firms."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.production.function import ProductionFunction
from haiguan.transforms.estimators.result import Estimates, coefficient_table

_ENOUGH = 0.9
_FEW_FIRMS = 50


@dataclass(frozen=True)
class Bootstrap:
    """Draws of the coefficients, and the estimates with errors from them.

    Attributes:
        estimates: normal intervals; the covariance is that of the draws.
        draws: draws that converged x terms.
    """

    estimates: Estimates
    draws: pd.DataFrame


def bootstrap(function: ProductionFunction, draws: int = 200, seed: int = 0) -> Bootstrap:
    """Draws firms with replacement, whole histories, and estimates every stage again on each draw.

    A firm drawn c times is the same as a firm with weight c, so a draw is a vector of weights: the polynomial bases,
    lags and instruments of the panel are computed once. The search of each draw starts from the point estimate.

    Args:
        function: the point estimate.
        draws: number of draws, at least 20.
        seed: of the generator.

    Raises:
        InputError: fewer than 20 draws or than two firms; fewer than nine in ten draws converged.

    >>> from haiguan.transforms.estimators.production.ackerberg_caves_frazer import ackerberg_caves_frazer
    >>> from haiguan.transforms.estimators.production.example import example_firms
    >>> from haiguan.transforms.estimators.production.panel import ProductionColumns
    >>> columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    >>> function = ackerberg_caves_frazer(example_firms(firms=300, seed=1, leave=False), columns)
    >>> terms = bootstrap(function, draws=50, seed=1).estimates.terms
    >>> bool(terms.loc["labour", "ci_low"] < 0.6 < terms.loc["labour", "ci_high"])
    True
    """
    panel = function.panel
    if draws < 20 or panel.firms < 2:
        raise InputError(
            f"{draws} draws of {panel.firms} firms give no standard error; at least 20 draws of 2 firms are needed"
        )
    # The matrices are small: BLAS threads cost more in waiting for each other than they save.
    with threadpool_limits(1):
        converged = _converged(function, draws, np.random.default_rng(seed))
    if len(converged) < _ENOUGH * draws:
        raise InputError(
            f"{draws - len(converged)} of {draws} bootstrap draws of column '{panel.columns.output}' did not converge: "
            "the coefficients are not identified in this sample; widen it or use fewer terms"
        )
    return Bootstrap(
        _estimates(function, converged, draws), pd.DataFrame(converged, columns=function.coefficients.index)
    )


def _converged(function: ProductionFunction, draws: int, generator: np.random.Generator) -> np.ndarray:
    equal = np.full(function.panel.firms, 1 / function.panel.firms)
    found = [_draw(function, generator.multinomial(function.panel.firms, equal)) for _ in range(draws)]
    return np.array([draw for draw in found if draw is not None]).reshape(-1, len(function.coefficients))


def _draw(function: ProductionFunction, counts: np.ndarray) -> np.ndarray | None:
    try:
        coefficients = function.refit(counts[function.panel.firm].astype(float))
    except (InputError, np.linalg.LinAlgError):
        return None
    return coefficients if np.isfinite(coefficients).all() else None


def _estimates(function: ProductionFunction, converged: np.ndarray, draws: int) -> Estimates:
    panel = function.panel
    names = list(function.coefficients.index)
    terms, covariance = coefficient_table(
        names, function.coefficients.to_numpy(), np.atleast_2d(np.cov(converged, rowvar=False))
    )
    failed = draws - len(converged)
    doubts = [f"{failed} of {draws} draws did not converge and were left out"] * bool(failed)
    doubts += [f"only {panel.firms} firms: the bootstrap's errors are rough"] * (panel.firms < _FEW_FIRMS)
    return Estimates(
        estimator=function.estimator,
        outcome=panel.columns.output,
        terms=terms,
        covariance=covariance,
        observations=len(panel.frame),
        observations_before=len(panel.frame),
        missing=panel.incomplete,
        clusters={panel.columns.firm: panel.firms},
        statistics={
            **function.statistics,
            "observations_with_lag": float(len(panel.now)),
            "draws": float(len(converged)),
        },
        covariance_kind=f"bootstrap by {panel.columns.firm}, {len(converged)} draws",
        warnings=(*function.warnings, *doubts),
    )
