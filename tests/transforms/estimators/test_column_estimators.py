"""Every estimator from a column of a table gives what its function gives."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.column_estimators import estimate_column
from haiguan.transforms.estimators.decomposition import oaxaca_blinder
from haiguan.transforms.estimators.event_study import event_study
from haiguan.transforms.estimators.grouped_two_step import grouped_two_step
from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
from haiguan.transforms.estimators.kinky_least_squares import kinky_least_squares
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.mediation import mediation
from haiguan.transforms.estimators.plausibly_exogenous import local_to_zero, union_of_intervals
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.probit import logit, probit
from haiguan.transforms.estimators.production.ackerberg_caves_frazer import ackerberg_caves_frazer
from haiguan.transforms.estimators.production.bootstrap import bootstrap
from haiguan.transforms.estimators.production.example import example_firms
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.olley_pakes import olley_pakes
from haiguan.transforms.estimators.production.panel import ProductionColumns
from haiguan.transforms.estimators.production.wooldridge import wooldridge
from haiguan.transforms.estimators.quantile import quantile_regression
from haiguan.transforms.estimators.specification import columns_read, read_table, resolved_columns


def made_panel() -> pd.DataFrame:
    draw = np.random.default_rng(4)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(60), 6), "year": np.tile(np.arange(2000, 2006), 60)})
    n = len(frame)
    frame["city"] = frame["firm"] % 15
    frame["west"] = np.where(frame["city"] < 7, "west", "east")
    for name in ("z", "w", "e", "v"):
        frame[name] = draw.normal(size=n)
    frame["access"] = draw.normal(size=15)[frame["city"]]
    frame["x"] = 0.8 * frame["z"] + 0.3 * frame["w"] + frame["v"] + 0.4 * frame["e"]
    frame["y"] = 0.5 * frame["x"] - 0.2 * frame["w"] + frame["access"] + 0.1 * frame["firm"] + frame["e"]
    frame["entry"] = (frame["y"] > frame["y"].median()).astype(int)
    frame["trade"] = draw.poisson(np.exp(0.3 * frame["x"])).astype(float)
    frame["opened"] = np.where(frame["firm"] < 30, 2003.0, np.nan)
    return frame.assign(weight=draw.uniform(0.5, 2.0, n))


PANEL = made_panel()
WITHIN: dict[str, Any] = {"fixed_effects": ["firm", "year"], "clusters": ["city"]}
INSTRUMENTED = {"regressors": ["w"], "endogenous": ["x"], "instruments": ["z"]}


def instrumented() -> Any:
    return instrumented_equation(PANEL, "y", ["w"], ["x"], ["z"], **WITHIN)


CASES = {
    "plausibly_exogenous": (
        {**INSTRUMENTED, **WITHIN, "direct_effects": {"variances": {"z": 0.01}, "means": {"z": 0.05}}},
        lambda: local_to_zero(instrumented(), {"z": 0.05}, {"z": 0.01}),
    ),
    "kinky_least_squares": (
        {"regressors": ["w"], "endogenous": ["x"], **WITHIN, "kinky": {"correlation": 0.1, "effects_as": "absorbed"}},
        lambda: kinky_least_squares(
            PANEL, "y", "x", ["w"], correlations=[0.1], effects_as="absorbed", **WITHIN
        ).at(0.1),
    ),
    "probit": (
        {"outcome": "entry", "regressors": ["x", "w"], "clusters": ["city"], "weights": "weight"},
        lambda: probit(PANEL, "entry", ["x", "w"], clusters=["city"], weights="weight"),
    ),
    "logit": (
        {"outcome": "entry", "regressors": ["x"], "fixed_effects": ["year"], "covariance": "robust"},
        lambda: logit(PANEL, "entry", ["x"], dummies=["year"], covariance="robust"),
    ),
    "poisson": (
        {"outcome": "trade", "regressors": ["x"], **WITHIN, "weights": "weight"},
        lambda: poisson(PANEL, "trade", ["x"], weights="weight", **WITHIN),
    ),
    "quantile_regression": (
        {"regressors": ["x", "w"], "quantile": 0.25, "clusters": ["city"]},
        lambda: quantile_regression(PANEL, "y", ["x", "w"], quantile=0.25, clusters=["city"]),
    ),
    "grouped_two_step": (
        {"regressors": ["access"], "grouped": {"group": "city", "individual_regressors": ["x"]}, "quantile": 0.5},
        lambda: grouped_two_step(PANEL, "y", "city", ["access"], individual_regressors=["x"], quantile=0.5),
    ),
    "event_study": (
        {
            "regressors": ["w"], "fixed_effects": ["firm", "year"],
            "event": {"unit": "firm", "period": "year", "event_period": "opened", "window": [-2, 2]},
        },
        lambda: event_study(PANEL, "y", "firm", "year", "opened", window=(-2, 2), controls=["w"]).equation,
    ),
    "mediation": (
        {"regressors": ["access", "w"], "clusters": ["city"], "channel": {"mediator": "x", "draws": 0}},
        lambda: mediation(PANEL, "y", "access", "x", controls=["w"], clusters=["city"], draws=0).direct,
    ),
    "oaxaca_blinder": (
        {"regressors": ["x", "w"], "decomposition": {"group": "west", "reference": "first"}, "clusters": ["firm"]},
        lambda: oaxaca_blinder(PANEL, "y", "west", ["x", "w"], reference="first", clusters=["firm"]),
    ),
}  # fmt: skip


def column(estimator: str, content: dict[str, Any]) -> Any:
    """The frame holds no column but those that the specification says it reads."""
    table = read_table({"table": "t", "outcome": "y", "columns": [{"estimator": estimator, **content}]})
    return resolved_columns(table)[0], PANEL[[name for name in PANEL if name in columns_read(table)]]


@pytest.mark.parametrize("estimator", CASES)
def test_a_column_gives_what_the_function_gives(estimator):
    content, direct = CASES[estimator]
    fit, expected = estimate_column(*column(estimator, content)), direct()
    pd.testing.assert_frame_equal(fit.terms, expected.terms)
    assert fit.observations == expected.observations
    assert fit.covariance_kind == expected.covariance_kind


def test_a_union_of_intervals_stands_among_the_statistics():
    effects = {"direct_effects": {"ranges": {"z": [-0.1, 0.1]}}}
    fit = estimate_column(*column("plausibly_exogenous", {**INSTRUMENTED, **WITHIN, **effects}))
    expected = union_of_intervals(instrumented(), {"z": (-0.1, 0.1)}).intervals.loc["x"]
    assert [fit.statistics["union_low"], fit.statistics["union_high"]] == expected.tolist()
    pd.testing.assert_frame_equal(fit.terms, instrumented().estimates.terms)


def test_the_other_equations_of_a_mediation_can_be_reported():
    content = {"regressors": ["access"], "channel": {"mediator": "x", "draws": 40}, "clusters": ["city"]}
    direct = estimate_column(*column("mediation", content))
    total = estimate_column(*column("mediation", {**content, "report": "total effect"}))
    pd.testing.assert_frame_equal(total.terms, least_squares(PANEL, "y", ["access"], clusters=["city"]).terms)
    difference = total.terms.loc["access", "estimate"] - direct.terms.loc["access", "estimate"]
    assert direct.statistics["indirect_effect"] == pytest.approx(difference)
    assert direct.statistics["indirect_effect_ci_low"] < direct.statistics["indirect_effect_ci_high"]


FIRMS = example_firms(firms=150, years=6, seed=5)
INPUTS = {"firm": "firm", "year": "year", "free": ["labour"], "state": ["capital"], "draws": 20, "degree": 2}
MATERIALS = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
INVESTMENT = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "investment", dummies=("year",))
PRODUCTION = {
    "olley_pakes": (
        {"proxy": "investment", "dummies": ["year"], "survival": "survival"},
        lambda: bootstrap(olley_pakes(FIRMS, INVESTMENT, survival="survival", degree=2), 20).estimates,
    ),
    "levinsohn_petrin": (
        {"proxy": "materials"}, lambda: bootstrap(levinsohn_petrin(FIRMS, MATERIALS, degree=2), 20).estimates,
    ),
    "ackerberg_caves_frazer": (
        {"proxy": "materials", "order": 2},
        lambda: bootstrap(ackerberg_caves_frazer(FIRMS, MATERIALS, order=2, degree=2), 20).estimates,
    ),
    "wooldridge": ({"proxy": "materials"}, lambda: wooldridge(FIRMS, MATERIALS, degree=2).estimates),
}  # fmt: skip


@pytest.mark.parametrize("estimator", PRODUCTION)
def test_a_production_function_from_a_column(estimator):
    more, direct = PRODUCTION[estimator]
    content = {"estimator": estimator, "outcome": "output", "production": {**INPUTS, **more}}
    table = read_table({"table": "t", "columns": [content]})
    wanted = columns_read(table)
    fit = estimate_column(resolved_columns(table)[0], FIRMS[[name for name in FIRMS if name in wanted]])
    pd.testing.assert_frame_equal(fit.terms, direct().terms)


@pytest.mark.parametrize(
    ("estimator", "content", "reason"),
    [
        ("kinky_least_squares", {"kinky": {"correlation": 0.1}}, "takes one endogenous regressor; 0 are named"),
        ("least_squares", {"regressors": ["x"], "covariance": "parametric"}, "Only kinky_least_squares"),
        ("probit", {"regressors": ["x"], "covariance": {"driscoll_kraay": {"period": "year"}}}, "iid, robust or"),
        ("mediation", {"channel": {"mediator": "x"}}, "needs a treatment"),
        ("wooldridge", {"production": {**INPUTS, "proxy": "w", "survival": "e"}}, "no correction for exit"),
        ("wooldridge", {"production": {**INPUTS, "proxy": "w", "order": 2}}, "is Cobb-Douglas"),
        ("wooldridge", {"regressors": ["x"], "production": {**INPUTS, "proxy": "w"}}, "does not take regressors"),
        ("event_study", {}, "needs the section `event`"),
        ("least_squares", {"regressors": ["x"], "kinky": {"correlation": 0.1}}, "does not take kinky"),
        ("logit", {"regressors": ["x"], "constant": False}, "does not take constant"),
    ],
)
def test_what_an_estimator_lacks_or_does_not_take_is_named(estimator, content, reason):
    with pytest.raises(InputError, match=reason):
        estimate_column(column(estimator, content)[0], PANEL)
