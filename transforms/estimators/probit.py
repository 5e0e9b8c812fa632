"""Probit and logit as Stata estimates them: observed information, clustered errors, perfect prediction reported."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.binary_response import BinaryResponse, NamedCovariance, fit_binary_response
from haiguan.transforms.estimators.links import Link, Logistic, Normal
from haiguan.transforms.estimators.marginal_effects import average_marginal_effects, interaction_effects
from haiguan.transforms.estimators.response_design import response_design
from haiguan.transforms.estimators.result import Estimates


def probit(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    dummies: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    covariance: NamedCovariance | None = None,
) -> Estimates:
    """Probit by maximum likelihood, with its average marginal effects.

    Covariance (see `binary_response.fit_binary_response`) and perfect prediction follow Stata's probit: a cell of a
    dummy, or of a zero-one regressor, in which the outcome is constant leaves the sample, and is named in `warnings`.

    Args:
        data: one row per observation.
        outcome: a column of zeros and ones.
        regressors: numeric columns, or products of them: "a:b", "a:a" for the square.
        dummies: columns of any type, or crossings "a^b", whose levels enter as dummies; not listed in `terms`.
            A dummy for each small group biases a probit (incidental parameters): take industries or years, not firms.
        clusters: no, one or several columns.
        weights: a column of sampling weights (Stata's pweights), whose scale does not matter; the errors are then
            robust or clustered, and effects are averaged by them.
        covariance: "iid" (inverse information), "robust" or "clustered"; by default clustered where clusters are named,
            else robust with weights and iid without, as Stata does.

    Returns:
        Estimates, with statistics log_likelihood, log_likelihood_constant, pseudo_r2 (McFadden) and outcome_mean;
        `related` holds "average marginal effects" and, where there are products of two columns, "interaction effects".

    Raises:
        InputError: a column is absent, not numeric or infinite; the outcome is not zero or one or does not vary; a
            combination of columns separates its zeros from its ones; only one cluster is left.

    Wooldridge's example 17.1 (Introductory Econometrics), labour force participation of married women:

    >>> from linearmodels.datasets import mroz
    >>> columns = ["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]
    >>> participation = probit(mroz.load(), "inlf", columns)
    >>> participation.terms.loc["educ", ["estimate", "standard_error"]].round(3).to_list()
    [0.131, 0.025]
    >>> participation.related["average marginal effects"].terms.loc["educ", "estimate"].round(3)
    np.float64(0.039)
    """
    return _with_effects(_fit(Normal(), data, outcome, regressors, dummies, clusters, weights, covariance))


def logit(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    dummies: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    covariance: NamedCovariance | None = None,
) -> Estimates:
    """Logit by maximum likelihood, with its average marginal effects; arguments and errors are those of `probit`.

    >>> from linearmodels.datasets import mroz
    >>> columns = ["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]
    >>> logit(mroz.load(), "inlf", columns).terms.loc["educ", ["estimate", "standard_error"]].round(3).to_list()
    [0.221, 0.043]
    """
    return _with_effects(_fit(Logistic(), data, outcome, regressors, dummies, clusters, weights, covariance))


def fit_probit(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    dummies: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    covariance: NamedCovariance | None = None,
) -> BinaryResponse:
    """The fitted model behind `probit`, with the same arguments: for effects by row and coefficients of dummies.

    >>> firms = pd.DataFrame({"entry": [0, 1, 0, 1, 1, 0, 1, 0], "size": [1.0, 2, 3, 4, 2, 1, 4, 3]})
    >>> firms["east"] = [0, 0, 0, 1, 1, 1, 1, 0]
    >>> list(fit_probit(firms, "entry", ["size"], dummies=["east"]).coefficients.index)
    ['constant', 'size', 'east=1']
    """
    return _fit(Normal(), data, outcome, regressors, dummies, clusters, weights, covariance)


def fit_logit(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    *,
    dummies: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    covariance: NamedCovariance | None = None,
) -> BinaryResponse:
    """The fitted model behind `logit`, with the same arguments.

    >>> firms = pd.DataFrame({"entry": [0, 1, 0, 1, 1, 0, 1, 0], "size": [1.0, 2, 3, 4, 2, 1, 4, 3]})
    >>> float(fit_logit(firms, "entry", ["size"]).coefficients["size"].round(2))
    0.91
    """
    return _fit(Logistic(), data, outcome, regressors, dummies, clusters, weights, covariance)


def _fit(
    link: Link,
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    dummies: Sequence[str],
    clusters: Sequence[str],
    weights: str | None,
    covariance: NamedCovariance | None,
) -> BinaryResponse:
    unclustered: NamedCovariance = "robust" if weights else "iid"
    kind = inference.resolve(covariance or ("clustered" if clusters else unclustered), clusters)
    if kind != "iid" and kind != "robust" and kind != "clustered":
        described = inference.describe(kind, ())
        raise InputError(f"Errors of a probit or logit are iid, robust or clustered, not {described}.")
    if weights and kind == "iid":
        raise InputError(f"With sampling weights ({weights!r}) errors are robust or clustered: iid has no meaning.")
    return fit_binary_response(response_design(data, outcome, regressors, dummies, clusters, weights), link, kind)


def _with_effects(model: BinaryResponse) -> Estimates:
    if not model.design.columns:
        return model.estimates
    related = {"average marginal effects": average_marginal_effects(model)}
    if any(len(product) == 2 for product in model.design.products):
        related["interaction effects"] = interaction_effects(model).average
    return replace(model.estimates, related=related)
