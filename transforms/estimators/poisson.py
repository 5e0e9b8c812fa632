"""Poisson pseudo-maximum likelihood with absorbed fixed effects, as ppmlhdfe and fepois run it."""

from __future__ import annotations

import warnings as python_warnings
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
import pyfixest
from scipy.special import gammaln, xlogy

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.design import Design, build_design
from haiguan.transforms.estimators.linear import CONSTANT, gram, partialled, sample_counts
from haiguan.transforms.estimators.result import Estimates, coefficient_table
from haiguan.transforms.estimators.small_sample import Convention

RECTIFIER_TOLERANCE = 1e-4
RECTIFIER_ITERATIONS = 100


def poisson(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    small_sample: Convention = "reghdfe",
) -> Estimates:
    """Poisson pseudo-maximum likelihood with absorbed effects: E[y] = exp(b'x + a_i + d_t), y >= 0, not only counts.

    Observations that the zeros of the outcome separate have no finite estimate and carry no information: levels of an
    effect whose outcome is always zero, and what the iterative rectifier finds beyond (Correia, Guimaraes and Zylkin
    2019). They are dropped and counted, and singletons with them, until neither is left. Gravity equations for trade
    values are the usual case (Santos Silva and Tenreyro 2006).

    Args:
        data: one row per observation.
        outcome: column of zero or positive numbers.
        regressors: numeric columns, or products `a:b`.
        fixed_effects: columns to absorb, or crossings `a^b`.
        clusters: cluster variables; without any the errors are robust, which Poisson needs as the variance of trade
            values is not their mean.
        weights: a column of sampling weights (Stata's pweights); their scale does not matter.
        small_sample: how absorbed parameters count in the factor (N-1)/(N-K) G/(G-1); `none` for no factor.

    Returns:
        Estimates with z statistics; statistics log_likelihood, pseudo_r2 (McFadden), deviance, outcome_mean and
        separated (observations dropped because the zeros separate them).

    Raises:
        InputError: as `build_design`; a negative outcome, one that is zero throughout, or no convergence.

    >>> trade = pd.DataFrame({
    ...     "exporter": ["cn", "cn", "cn", "vn", "vn", "vn", "xx", "xx"], "distance": [1.0, 2, 3, 2, 3, 1, 1, 2],
    ...     "exports": [90.0, 40, 10, 20, 9, 50, 0, 0],
    ... })
    >>> fit = poisson(trade, "exports", ["distance"], fixed_effects=["exporter"])
    >>> round(float(fit.terms.loc["distance", "estimate"]), 3), fit.observations, fit.statistics["separated"]
    (-0.948, 6, 2.0)
    """
    kind = inference.resolve(None, clusters)
    sample = _Sample(data, outcome, tuple(dict.fromkeys(regressors)), tuple(fixed_effects), tuple(clusters), weights)
    design, separated = _without_separation(sample)
    names, fit = _maximum(design, sample)
    counted = inference.parameters(kind, len(names), design, small_sample)
    bread, scores = np.linalg.inv(gram(fit.columns, fit.weights)), fit.columns * fit.score[:, None]
    ones, weighted = np.ones(len(scores)), replace(design, weights=None)  # The scores hold the weights already.
    matrix, _ = inference.covariance_of(kind, bread, scores, ones, counted, weighted, data, small_sample)
    terms, covariance = coefficient_table(names, fit.beta, matrix)
    return Estimates(
        estimator="Poisson",
        outcome=outcome,
        terms=terms,
        covariance=covariance,
        statistics=_statistics(design, outcome, fit.fitted, separated),
        covariance_kind=inference.describe(kind, clusters),
        warnings=_warnings(design, sample, names, separated),
        **sample_counts(design),
    )


@dataclass(frozen=True)
class _Sample:
    """What an equation reads."""

    data: pd.DataFrame
    outcome: str
    regressors: tuple[str, ...]
    fixed_effects: tuple[str, ...]
    clusters: tuple[str, ...]
    weights: str | None

    def design(self, rows: np.ndarray) -> Design:
        """The arrays of the equation on some rows, without singletons."""
        return build_design(
            self.data.iloc[rows],
            [self.outcome, *self.regressors],
            fixed_effects=self.fixed_effects,
            clusters=self.clusters,
            weights=self.weights,
        )


def _without_separation(sample: _Sample) -> tuple[Design, int]:
    """The sample once separated observations and singletons are gone, and how many were separated."""
    if not sample.regressors:
        raise InputError(f"The Poisson equation of {sample.outcome!r} has no regressor; name at least one.")
    first = sample.design(np.arange(len(sample.data)))
    _check_outcome(first.columns([sample.outcome])[:, 0], sample.outcome)
    rows, separated = first.rows, 0
    while True:
        design = sample.design(rows)
        rows = rows[design.rows]
        lost = _in_zero_level(design, sample.outcome)
        if not lost.any():
            lost = _rectified(design, sample.outcome, sample.regressors)
        if not lost.any():
            return _counted(design, first, rows, separated), separated
        rows, separated = rows[~lost], separated + int(lost.sum())


def _check_outcome(values: np.ndarray, outcome: str) -> None:
    if negative := int((values < 0).sum()):
        raise InputError(f"Column {outcome!r} has {negative} negative values; a Poisson outcome is zero or positive.")
    if values.any() and np.ptp(values) == 0:
        raise InputError(f"The outcome {outcome!r} does not vary in the sample.")
    if not values.any():
        raise InputError(f"Column {outcome!r} is zero throughout the sample: there is nothing to explain.")


def _in_zero_level(design: Design, outcome: str) -> np.ndarray:
    """Observations in a level of some effect whose outcome is zero throughout."""
    values = design.columns([outcome])[:, 0]
    separated = np.zeros(len(values), dtype=bool)
    for codes in design.effects.T:
        separated |= np.bincount(codes, weights=values)[codes] == 0
    return separated


def _rectified(design: Design, outcome: str, regressors: Sequence[str]) -> np.ndarray:
    """Observations separated by a combination of regressors and effects: the iterative rectifier.

    A combination that is zero wherever the outcome is positive and nowhere negative separates the observations where it
    is positive. It is the limit of weighted regressions of its own positive part (Correia, Guimaraes and Zylkin 2019,
    section 4.2), whose large weights hold it at zero where the outcome is positive.
    """
    zero = design.columns([outcome])[:, 0] == 0
    combination = zero.astype(float)
    if not zero.any():
        return zero
    weights = np.where(zero, 1.0, (~zero).sum() / RECTIFIER_TOLERANCE**2)
    values = design.columns(regressors)
    scale = np.maximum(np.abs(values).max(axis=0), np.finfo(float).tiny)
    weighted = replace(design, weights=weights)
    for _ in range(RECTIFIER_ITERATIONS):
        residuals = partialled(weighted, np.column_stack([combination, values / scale]))
        slopes = np.linalg.lstsq(gram(residuals, weights)[1:, 1:], gram(residuals, weights)[1:, 0], rcond=1e-12)[0]
        fitted = combination - (residuals[:, 0] - residuals[:, 1:] @ slopes)
        fitted[np.abs(fitted) < RECTIFIER_TOLERANCE] = 0
        if (fitted[zero] >= 0).all():
            return zero & (fitted > 0)
        combination = np.where(zero, np.maximum(fitted, 0), 0.0)
    return np.zeros(len(zero), dtype=bool)


@dataclass(frozen=True)
class _Maximum:
    """The pseudo-likelihood's maximum.

    Attributes:
        beta: K coefficients.
        fitted: N expected outcomes.
        columns: N x K, net of the effects under the weights.
        weights: N, of the information: the expected outcome times the observation's weight.
        score: N, of each observation's linear index.
    """

    beta: np.ndarray
    fitted: np.ndarray
    columns: np.ndarray
    weights: np.ndarray
    score: np.ndarray


def _maximum(design: Design, sample: _Sample) -> tuple[list[str], _Maximum]:
    """The terms, and the maximum one exact step beyond where pyfixest stops.

    pyfixest takes information and scores from the step before its last, which is exact to six digits only.
    """
    fit = _fit(design, sample)
    names = _names(fit, sample.regressors)
    outcome, expected = design.columns([sample.outcome])[:, 0], fit._Y_hat_response.ravel()
    values = np.column_stack([np.ones(len(outcome)) if n == CONSTANT else design.columns([n])[:, 0] for n in names])
    given = np.ones(len(outcome)) if design.weights is None else design.weights
    working = np.log(expected) + (outcome - expected) / expected
    residuals = _net(design, np.column_stack([working, values]), given * expected)
    cross = gram(residuals, given * expected)
    beta = np.linalg.solve(cross[1:, 1:], cross[1:, 0])
    fitted = np.exp(working - (residuals[:, 0] - residuals[:, 1:] @ beta))
    columns = _net(design, values, given * fitted)
    return names, _Maximum(beta, fitted, columns, given * fitted, given * (outcome - fitted))


def _net(design: Design, values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    return partialled(replace(design, weights=weights), values) if design.effect_names else values


def _fit(design: Design, sample: _Sample) -> Any:
    regressors = [f"x{j}" for j in range(len(sample.regressors))]
    effects = [f"fe{j}" for j in range(design.effects.shape[1])]
    frame = pd.DataFrame(design.columns([sample.outcome, *sample.regressors]), columns=["y", *regressors])
    frame[effects] = design.effects
    frame["weight"] = 1.0 if design.weights is None else design.weights
    formula = f"y ~ {' + '.join(regressors)}" + (f" | {' + '.join(effects)}" if effects else "")
    try:
        with python_warnings.catch_warnings():
            python_warnings.simplefilter("ignore")
            return pyfixest.fepois(
                formula,
                frame,
                vcov="iid",
                weights=None if design.weights is None else "weight",
                ssc=pyfixest.ssc(k_adj=False, G_adj=False),
                fixef_rm="none",
                separation_check=[],
                iwls_tol=1e-12,
                iwls_maxiter=100,
                fixef_tol=1e-10,
                fixef_maxiter=100_000,
            )
    except (RuntimeError, ValueError, np.linalg.LinAlgError) as error:
        raise InputError(f"The Poisson equation of {sample.outcome!r} has no estimate: {error}") from error


def _counted(design: Design, first: Design, rows: np.ndarray, separated: int) -> Design:
    """The final sample with the counts of the first: what was dropped in between were singletons or separated."""
    return replace(
        design,
        rows=rows,
        observations_before=first.observations_before - separated,
        missing=first.missing,
        warnings=first.warnings,
    )


def _names(fit: Any, regressors: Sequence[str]) -> list[str]:
    known = {f"x{j}": name for j, name in enumerate(regressors)} | {"Intercept": CONSTANT}
    return [known[name] for name in fit._coefnames]


def _warnings(design: Design, sample: _Sample, names: Sequence[str], separated: int) -> tuple[str, ...]:
    dropped = f"{separated} observations that the zeros of {sample.outcome} separate were dropped."
    collinear = [f"{name} was left out: it is collinear." for name in sample.regressors if name not in names]
    few = inference.cluster_warnings(design.cluster_counts, len(names))
    return (*design.warnings, *([dropped] if separated else []), *collinear, *few)


def _statistics(design: Design, outcome: str, fitted: np.ndarray, separated: int) -> dict[str, float]:
    observed = design.columns([outcome])[:, 0]
    weights = np.ones(len(observed)) if design.weights is None else design.weights
    mean = float(np.average(observed, weights=weights))
    reached, alone, perfect = (
        float(weights @ (xlogy(observed, expected) - expected - gammaln(observed + 1)))
        for expected in (fitted, np.full_like(observed, mean), observed)
    )
    return {
        "log_likelihood": reached,
        "pseudo_r2": 1 - reached / alone,
        "deviance": 2 * (perfect - reached),
        "outcome_mean": mean,
        "separated": float(separated),
    }
