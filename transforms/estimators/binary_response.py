"""Fitting a probit or logit: estimates, cluster-robust covariance, and all that marginal effects need afterwards."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from haiguan.transforms.estimators.covariance import intersection, positive_semidefinite
from haiguan.transforms.estimators.links import Link
from haiguan.transforms.estimators.maximum_likelihood import Maximum, maximise, sandwich
from haiguan.transforms.estimators.response_design import ResponseDesign
from haiguan.transforms.estimators.result import Estimates, coefficient_table


@dataclass(frozen=True)
class BinaryResponse:
    """A fitted probit or logit.

    Attributes:
        estimates: the constant and the regressors; dummies are counted in `fixed_effects`, not listed.
        coefficients: index `term`: all coefficients, dummies ("column=level") included.
        covariance: of all coefficients.
        link: probit or logit.
        design: what was fitted.
        standardised_coefficients: coefficients of the standardised columns of the design.
        standardised_covariance: their covariance.
    """

    estimates: Estimates
    coefficients: pd.Series
    covariance: pd.DataFrame
    link: Link
    design: ResponseDesign
    standardised_coefficients: np.ndarray
    standardised_covariance: np.ndarray


@threadpool_limits.wrap(limits=1, user_api="blas")
def fit_binary_response(design: ResponseDesign, link: Link, robust: bool) -> BinaryResponse:
    """Maximum likelihood with the covariance that Stata's probit and logit report.

    Clustered: H^-1 M H^-1 G/(G-1), H the observed information, M the cross-products of cluster sums of scores; two
    cluster variables are added and their intersection subtracted, G being the smaller number (Cameron, Gelbach and
    Miller 2011). Robust: N/(N-1) in place of G/(G-1). Otherwise H^-1. Statistics are referred to the normal.
    One BLAS thread: the products are of small blocks, and the digits then do not depend on the machine.

    Args:
        design: rows and columns.
        link: probit or logit.
        robust: heteroskedasticity-robust errors where the design has no clusters.
    """
    maximum = maximise(design.matrix, design.outcome, link, design.names)
    standardised = _covariance(design, maximum, robust)
    transform = design.unstandardised()
    index = pd.Index(design.names, name="term")
    coefficients = pd.Series(transform @ maximum.coefficients, index=index, name="estimate")
    covariance = pd.DataFrame(transform @ standardised @ transform.T, index=index, columns=index.rename(None))
    return BinaryResponse(
        estimates=_estimates(design, link, maximum, coefficients, covariance, robust),
        coefficients=coefficients,
        covariance=covariance,
        link=link,
        design=design,
        standardised_coefficients=maximum.coefficients,
        standardised_covariance=standardised,
    )


def _covariance(design: ResponseDesign, maximum: Maximum, robust: bool) -> np.ndarray:
    if not design.clusters:
        observations = len(design.outcome)
        factor = observations / (observations - 1)
        return factor * sandwich(design.matrix, maximum, None) if robust else maximum.inverse_information
    codes = list(design.clusters.values())
    total = np.zeros_like(maximum.inverse_information)
    for size in range(1, len(codes) + 1):
        for chosen in combinations(codes, size):
            total += (-1) ** (size + 1) * sandwich(design.matrix, maximum, intersection(chosen))
    fewest = min(int(code.max()) + 1 for code in codes)
    total *= fewest / (fewest - 1)
    return total if len(codes) == 1 else positive_semidefinite(total)


def _estimates(
    design: ResponseDesign,
    link: Link,
    maximum: Maximum,
    coefficients: pd.Series,
    covariance: pd.DataFrame,
    robust: bool,
) -> Estimates:
    shown = [*design.names[1 : len(design.products)], design.names[0]]
    terms, covariance = coefficient_table(
        shown, coefficients[shown].to_numpy(), covariance.loc[shown, shown].to_numpy()
    )
    clusters = {name: int(codes.max()) + 1 for name, codes in design.clusters.items()}
    return Estimates(
        estimator=link.name,
        outcome=design.outcome_name,
        terms=terms,
        covariance=covariance,
        observations=len(design.outcome),
        observations_before=design.observations_before,
        singletons=design.singletons,
        missing=design.missing,
        clusters=clusters,
        fixed_effects=design.levels,
        statistics=_statistics(design.outcome, maximum),
        covariance_kind=_covariance_kind(clusters, robust),
        warnings=(*design.warnings, *_few_clusters(clusters, len(coefficients))),
    )


def _statistics(outcome: np.ndarray, maximum: Maximum) -> dict[str, float]:
    share = float(outcome.mean())
    alone = len(outcome) * (share * np.log(share) + (1 - share) * np.log1p(-share))
    return {
        "log_likelihood": maximum.log_likelihood,
        "log_likelihood_constant": float(alone),
        "pseudo_r2": float(1 - maximum.log_likelihood / alone),
        "mean_outcome": share,
    }


def _covariance_kind(clusters: Mapping[str, int], robust: bool) -> str:
    if clusters:
        return f"clustered by {' and '.join(clusters)}"
    return "robust" if robust else "iid"


def _few_clusters(clusters: Mapping[str, int], parameters: int) -> tuple[str, ...]:
    return tuple(
        f"{name} has {number:,} clusters for {parameters:,} coefficients: tests of all of them jointly are impossible."
        for name, number in clusters.items()
        if number <= parameters
    )
