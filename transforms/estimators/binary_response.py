"""Fitting a probit or logit: estimates, cluster-robust covariance, and all that marginal effects need afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import Literal

import numpy as np
import pandas as pd
from threadpoolctl import threadpool_limits

from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.covariance import intersection, positive_semidefinite
from haiguan.transforms.estimators.links import Link
from haiguan.transforms.estimators.maximum_likelihood import Maximum, maximise, sandwich
from haiguan.transforms.estimators.response_design import ResponseDesign
from haiguan.transforms.estimators.result import Estimates, coefficient_table

NamedCovariance = Literal["iid", "robust", "clustered"]


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
def fit_binary_response(design: ResponseDesign, link: Link, kind: NamedCovariance) -> BinaryResponse:
    """Maximum likelihood with the covariance that Stata's probit and logit report.

    Clustered: H^-1 M H^-1 G/(G-1), H the observed information, M the cross-products of cluster sums of scores; two
    cluster variables are added and their intersection subtracted, G being the smaller number (Cameron, Gelbach and
    Miller 2011). Robust: N/(N-1) in place of G/(G-1). Otherwise H^-1. Statistics are referred to the normal.
    One BLAS thread: the products are of small blocks, and the digits then do not depend on the machine.

    Args:
        design: rows and columns.
        link: probit or logit.
        kind: which covariance.
    """
    maximum = maximise(design.matrix, design.outcome, link, design.names, design.weights)
    standardised = _covariance(design, maximum, kind)
    transform = design.unstandardised()
    index = pd.Index(design.names, name="term")
    coefficients = pd.Series(transform @ maximum.coefficients, index=index, name="estimate")
    covariance = pd.DataFrame(transform @ standardised @ transform.T, index=index, columns=index.rename(None))
    return BinaryResponse(
        estimates=_estimates(design, link, maximum, coefficients, covariance, kind),
        coefficients=coefficients,
        covariance=covariance,
        link=link,
        design=design,
        standardised_coefficients=maximum.coefficients,
        standardised_covariance=standardised,
    )


def _covariance(design: ResponseDesign, maximum: Maximum, kind: NamedCovariance) -> np.ndarray:
    if kind == "iid":
        return maximum.inverse_information
    if kind == "robust":
        observations = len(design.outcome)
        return observations / (observations - 1) * sandwich(design.matrix, maximum, None)
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
    kind: NamedCovariance,
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
        statistics=_statistics(design, maximum),
        covariance_kind=inference.describe(kind, list(clusters)),
        warnings=(*design.warnings, *inference.cluster_warnings(clusters, len(coefficients))),
    )


def _statistics(design: ResponseDesign, maximum: Maximum) -> dict[str, float]:
    share = float(np.average(design.outcome, weights=design.weights))
    alone = len(design.outcome) * (share * np.log(share) + (1 - share) * np.log1p(-share))
    return {
        "log_likelihood": maximum.log_likelihood,
        "log_likelihood_constant": float(alone),
        "pseudo_r2": float(1 - maximum.log_likelihood / alone),
        "outcome_mean": share,
    }
