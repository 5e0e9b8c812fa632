"""The result object that every estimator returns."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd


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
        clusters: clusters per cluster variable; empty where errors are not clustered.
        fixed_effects: levels per absorbed effect.
        degrees_of_freedom: of the t distribution; None where the normal is used.
        statistics: r2, r2_within, r2_adjusted, log_likelihood, kleibergen_paap_f, ...: only what the estimator defines.
        covariance_kind: "iid", "robust", "clustered by firm", ...: as printed below a table.
        warnings: named facts the reader must know (collinear columns dropped, few clusters), one sentence each.
    """

    estimator: str
    outcome: str
    terms: pd.DataFrame
    covariance: pd.DataFrame
    observations: int
    observations_before: int
    singletons: int = 0
    clusters: Mapping[str, int] = field(default_factory=dict)
    fixed_effects: Mapping[str, int] = field(default_factory=dict)
    degrees_of_freedom: int | None = None
    statistics: Mapping[str, float] = field(default_factory=dict)
    covariance_kind: str = "iid"
    warnings: tuple[str, ...] = ()
