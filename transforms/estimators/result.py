"""The result object that every estimator returns, and the coefficient table inside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri, stdtr, stdtrit

from haiguan.transforms.errors import InputError

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimates:
    """One estimated equation, complete enough to print, to test and to trace.

    Attributes:
        estimator: what was run, in the field's words ("least squares", "two-stage least squares", "probit").
        outcome: name of the left-hand side.
        terms: index `term`; columns estimate, standard_error, statistic (t or z), p_value, ci_low, ci_high (95 %).
        covariance: terms x terms, in the order of `terms`.
        observations: N used in estimation.
        observations_before: N before singletons (and perfectly predicted cells) were dropped.
        singletons: how many observations were dropped as singletons, iteratively.
        missing: how many rows of the data lacked a value that the equation needs, and were left out.
        clusters: clusters per cluster variable; empty where errors are not clustered.
        fixed_effects: levels per absorbed effect.
        degrees_of_freedom: of the t distribution; None where the normal is used.
        statistics: r2, r2_within, r2_adjusted, log_likelihood, kleibergen_paap_f, ...: only what the estimator defines.
        covariance_kind: "iid", "robust", "clustered by firm", ...: as printed below a table.
        warnings: named facts the reader must know (collinear columns dropped, few clusters), one sentence each.
        related: equations estimated on the way, by name ("first stage of price", "reduced form").
    """

    estimator: str
    outcome: str
    terms: pd.DataFrame
    covariance: pd.DataFrame
    observations: int
    observations_before: int
    singletons: int = 0
    missing: int = 0
    clusters: Mapping[str, int] = field(default_factory=dict)
    fixed_effects: Mapping[str, int] = field(default_factory=dict)
    degrees_of_freedom: int | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    covariance_kind: str = "iid"
    warnings: tuple[str, ...] = ()
    related: Mapping[str, Estimates] = field(default_factory=dict)


def coefficient_table(
    names: Sequence[str], estimates: np.ndarray, covariance: np.ndarray, degrees_of_freedom: int | None = None
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The `terms` and `covariance` frames of `Estimates`, from arrays.

    Args:
        names: K names of terms.
        estimates: K estimates.
        covariance: K x K covariance of the estimates.
        degrees_of_freedom: of the t distribution; None takes the normal.

    Returns:
        terms (index `term`) and covariance (terms x terms). A term whose standard error is zero has an infinite
        statistic (zero if the estimate is zero too), so that no NaN is ever printed.

    Raises:
        InputError: an estimate or its variance is NaN.

    >>> terms, _ = coefficient_table(["x"], np.array([1.0]), np.array([[0.25]]), degrees_of_freedom=30)
    >>> terms.round(4).loc["x", ["statistic", "p_value", "ci_low"]].to_list()
    [2.0, 0.0546, -0.0211]
    """
    index = pd.Index(list(names), name="term")
    estimates = np.asarray(estimates, dtype=float)
    lost = index[np.isnan(estimates) | np.isnan(np.diag(covariance))]
    if len(lost):
        raise InputError(f"No number came out for {', '.join(lost)}: rescale columns of extreme size.")
    errors = np.sqrt(np.clip(np.diag(covariance), 0, None))
    infinite = np.where(estimates == 0, 0.0, np.copysign(np.inf, estimates))
    statistic = np.divide(estimates, errors, out=infinite, where=errors > 0)
    critical = critical_value(degrees_of_freedom)
    terms = pd.DataFrame(
        {
            "estimate": estimates,
            "standard_error": errors,
            "statistic": statistic,
            "p_value": two_sided_p_value(statistic, degrees_of_freedom),
            "ci_low": estimates - critical * errors,
            "ci_high": estimates + critical * errors,
        },
        index=index,
    )
    return terms, pd.DataFrame(np.asarray(covariance), index=index, columns=index.rename(None))


def two_sided_p_value(statistic: np.ndarray, degrees_of_freedom: int | None = None) -> np.ndarray:
    """P(|T| > |statistic|) under Student's t, or the normal where `degrees_of_freedom` is None."""
    below = -np.abs(statistic)
    return 2 * (ndtr(below) if degrees_of_freedom is None else stdtr(degrees_of_freedom, below))


def critical_value(degrees_of_freedom: int | None = None, confidence: float = CONFIDENCE) -> float:
    """The two-sided critical value at `confidence` of Student's t, or of the normal."""
    upper = (1 + confidence) / 2
    return float(ndtri(upper) if degrees_of_freedom is None else stdtrit(degrees_of_freedom, upper))
