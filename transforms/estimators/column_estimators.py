"""One column of a regression table: which estimator it names, what that takes, and how it is called."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.decomposition import oaxaca_blinder
from haiguan.transforms.estimators.estimator_settings import DirectEffectRanges, Production
from haiguan.transforms.estimators.event_study import event_study
from haiguan.transforms.estimators.grouped_two_step import grouped_two_step
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.instrumented_equation import InstrumentedEquation, instrumented_equation
from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.kinky_least_squares import KinkyLeastSquares, kinky_least_squares
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.mediation import mediation
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.plausibly_exogenous import local_to_zero, with_union_of_intervals
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.probit import logit, probit
from haiguan.transforms.estimators.production.ackerberg_caves_frazer import ackerberg_caves_frazer
from haiguan.transforms.estimators.production.bootstrap import bootstrap
from haiguan.transforms.estimators.production.function import ProductionFunction
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.olley_pakes import olley_pakes
from haiguan.transforms.estimators.production.panel import ProductionColumns
from haiguan.transforms.estimators.production.wooldridge import wooldridge
from haiguan.transforms.estimators.quantile import quantile_regression
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.specification import Column, EstimatorName

Expand = Callable[[Iterable[str]], list[str]]

LINEAR = frozenset({"regressors", "fixed_effects", "clusters", "covariance", "weights", "constant"})
INSTRUMENTED = LINEAR | {"endogenous", "instruments"}
BINARY = frozenset({"regressors", "fixed_effects", "clusters", "covariance", "weights"})
PANEL = frozenset({"regressors", "fixed_effects", "clusters"})
TAKEN: dict[EstimatorName, frozenset[str]] = {
    "least_squares": LINEAR,
    "two_stage_least_squares": INSTRUMENTED,
    "plausibly_exogenous": INSTRUMENTED - {"constant"} | {"direct_effects"},
    "kinky_least_squares": PANEL | {"endogenous", "covariance", "kinky"},
    "probit": BINARY,
    "logit": BINARY,
    "poisson": PANEL | {"weights"},
    "quantile_regression": frozenset({"regressors", "clusters", "quantile"}),
    "grouped_two_step": PANEL | {"grouped", "quantile"},
    "olley_pakes": frozenset({"production"}),
    "levinsohn_petrin": frozenset({"production"}),
    "ackerberg_caves_frazer": frozenset({"production"}),
    "wooldridge": frozenset({"production"}),
    "event_study": PANEL | {"event"},
    "mediation": PANEL | {"channel"},
    "oaxaca_blinder": frozenset({"regressors", "clusters", "decomposition"}),
}
SETTINGS = frozenset().union(*TAKEN.values())
SECTIONS = frozenset({"direct_effects", "kinky", "production", "event", "grouped", "channel", "decomposition"})


def takes(estimator: EstimatorName, setting: str) -> bool:
    """Whether an estimator takes a setting of a column.

    >>> takes("probit", "weights"), takes("quantile_regression", "fixed_effects")
    (True, False)
    """
    return setting in TAKEN[estimator]


def estimate_column(column: Column, sample: pd.DataFrame, expand: Expand = list) -> Estimates:
    """Estimates one column, whose inheritance is resolved, on its sample.

    Args:
        column: what to estimate.
        sample: its rows.
        expand: names of groups and variables to the columns they stand for.

    Raises:
        InputError: a setting that the estimator needs is missing or one that it does not take is given, the sample
            cannot carry the equation, or there is no equation called as `report` says.
    """
    _check_settings(column)
    estimates = _estimate(column, sample, expand)
    if column.report is None:
        return estimates
    if column.report not in estimates.related:
        raise InputError(unknown_name("equation to report called", column.report, estimates.related))
    return estimates.related[column.report]


def _check_settings(column: Column) -> None:
    if column.outcome is None:
        raise InputError("No outcome is named, neither here nor in what it inherits.")
    given = {name for name, value in column if name in SETTINGS and value is not None and value != ()}
    taken = TAKEN[column.estimator]
    faults = []
    if idle := sorted(given - taken):
        faults.append(f"The estimator {column.estimator} does not take {', '.join(idle)}; leave it out of this column.")
    if lacking := sorted((taken & SECTIONS) - given):
        faults.append(f"The estimator {column.estimator} needs the section `{lacking[0]}` in this column.")
    if faults:
        raise InputError(*faults)


def _estimate(column: Column, sample: pd.DataFrame, expand: Expand) -> Estimates:
    outcome, regressors = str(column.outcome), expand(column.regressors)
    panel: dict[str, Any] = {"fixed_effects": column.fixed_effects, "clusters": column.clusters}
    match column.estimator:
        case "least_squares":
            return least_squares(sample, outcome, regressors, **linear_settings(column), constant=column.constant)
        case "two_stage_least_squares":
            named = (regressors, expand(column.endogenous), expand(column.instruments))
            settings = linear_settings(column)
            return two_stage_least_squares(sample, outcome, *named, **settings, constant=column.constant)
        case "plausibly_exogenous":
            return _plausibly_exogenous(column, instrumented_column(column, sample, expand))
        case "kinky_least_squares":
            assert column.kinky
            correlation = column.kinky.correlation
            return kinky_column(column, sample, expand, [correlation]).at(correlation)
        case "probit" | "logit":
            return _binary_response(column, sample, outcome, regressors)
        case "poisson":
            convention = column.small_sample
            return poisson(sample, outcome, regressors, weights=column.weights, small_sample=convention, **panel)
        case "quantile_regression":
            share = 0.5 if column.quantile is None else column.quantile
            return quantile_regression(sample, outcome, regressors, quantile=share, clusters=column.clusters)
        case "grouped_two_step" | "event_study" | "mediation" | "oaxaca_blinder":
            return _of_a_panel(column, sample, outcome, regressors, panel)
        case _:
            return _production(column, sample, outcome)


def _of_a_panel(
    column: Column, sample: pd.DataFrame, outcome: str, regressors: list[str], panel: dict[str, Any]
) -> Estimates:
    if column.grouped:
        return grouped_two_step(
            sample, outcome, column.grouped.group, regressors, quantile=column.quantile,
            individual_regressors=column.grouped.individual_regressors, **panel,
        )  # fmt: skip
    if column.event:
        event = column.event
        return event_study(
            sample, outcome, event.unit, event.period, event.event_period, window=event.window,
            reference=event.reference, controls=regressors, **panel,
        ).equation  # fmt: skip
    if column.channel:
        if not regressors:
            raise InputError("A mediation needs a treatment: name it first among the regressors.")
        drawn: dict[str, Any] = {"draws": column.channel.draws, "seed": column.channel.seed}
        treatment, *controls = regressors
        return mediation(
            sample, outcome, treatment, column.channel.mediator, controls=controls, **drawn, **panel
        ).equation
    assert column.decomposition
    group, reference = column.decomposition.group, column.decomposition.reference
    return oaxaca_blinder(sample, outcome, group, regressors, reference=reference, clusters=column.clusters)


def _binary_response(column: Column, sample: pd.DataFrame, outcome: str, regressors: list[str]) -> Estimates:
    kind = column.covariance
    if kind is not None and kind not in ("iid", "robust", "clustered"):
        raise InputError(f"The estimator {column.estimator} takes iid, robust or clustered errors only.")
    asked: dict[str, Any] = {"clusters": column.clusters, "weights": column.weights, "covariance": kind}
    fit = probit if column.estimator == "probit" else logit
    return fit(sample, outcome, regressors, dummies=column.fixed_effects, **asked)


def instrumented_column(column: Column, sample: pd.DataFrame, expand: Expand = list) -> InstrumentedEquation:
    """The equation behind a column of plausibly exogenous instruments."""
    named = (expand(column.regressors), expand(column.endogenous), expand(column.instruments))
    return instrumented_equation(sample, str(column.outcome), *named, **linear_settings(column))


def _plausibly_exogenous(column: Column, equation: InstrumentedEquation) -> Estimates:
    effects = column.direct_effects
    if isinstance(effects, DirectEffectRanges):
        return with_union_of_intervals(equation, effects.ranges)
    assert effects
    return local_to_zero(equation, effects.means, effects.variances)


def kinky_column(
    column: Column, sample: pd.DataFrame, expand: Expand, correlations: Sequence[float]
) -> KinkyLeastSquares:
    """A column of kinky least squares over a grid of correlations.

    Raises:
        InputError: as `kinky_least_squares`, or not one endogenous regressor.
    """
    endogenous = expand(column.endogenous)
    if len(endogenous) != 1:
        raise InputError(f"Kinky least squares takes one endogenous regressor; {len(endogenous)} are named.")
    assert column.kinky
    return kinky_least_squares(
        sample,
        str(column.outcome),
        endogenous[0],
        expand(column.regressors),
        correlations=correlations,
        held=column.kinky.held,
        fixed_effects=column.fixed_effects,
        effects_as=column.kinky.effects_as,
        clusters=column.clusters,
        covariance=column.errors(),
        kurtosis=column.kinky.kurtosis,
        small_sample=column.small_sample if "small_sample" in column.model_fields_set else "none",
    )


def _production(column: Column, sample: pd.DataFrame, outcome: str) -> Estimates:
    settings = column.production
    assert settings
    if settings.survival and column.estimator != "olley_pakes":
        raise InputError(f"The estimator {column.estimator} has no correction for exit; leave `survival` out.")
    if settings.order != 1 and column.estimator != "ackerberg_caves_frazer":
        raise InputError(f"The estimator {column.estimator} is Cobb-Douglas; leave `order` out.")
    function = _production_function(column.estimator, sample, outcome, settings)
    return function.estimates or bootstrap(function, settings.draws, settings.seed).estimates


def _production_function(
    estimator: EstimatorName, sample: pd.DataFrame, outcome: str, settings: Production
) -> ProductionFunction:
    columns = ProductionColumns(
        firm=settings.firm,
        year=settings.year,
        output=outcome,
        free=settings.free,
        state=settings.state,
        proxy=settings.proxy,
        controls=settings.controls,
        dummies=settings.dummies,
    )
    match estimator:
        case "olley_pakes":
            return olley_pakes(sample, columns, survival=settings.survival, degree=settings.degree)
        case "levinsohn_petrin":
            return levinsohn_petrin(sample, columns, degree=settings.degree)
        case "ackerberg_caves_frazer":
            return ackerberg_caves_frazer(sample, columns, order=settings.order, degree=settings.degree)
        case _:
            return wooldridge(sample, columns, degree=settings.degree)


def linear_settings(column: Column) -> dict[str, Any]:
    """What a column says about effects, errors and weights, as linear estimators take it."""
    return {
        "fixed_effects": column.fixed_effects,
        "clusters": column.clusters,
        "weights": column.weights,
        "covariance": _sandwich(column),
        "small_sample": column.small_sample,
    }


def _sandwich(column: Column) -> Covariance | None:
    errors = column.errors()
    if errors == "parametric":
        raise InputError("Only kinky_least_squares has parametric errors; name iid, robust or clustered ones.")
    return errors
