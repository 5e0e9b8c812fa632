"""Poisson with absorbed effects against dummies in statsmodels, and what the zeros separate."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from statsmodels.genmod.families import Poisson

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.poisson import poisson


@pytest.fixture(scope="module")
def trade() -> pd.DataFrame:
    draw = np.random.default_rng(12)
    n = 600
    frame = pd.DataFrame(
        {"exporter": draw.integers(0, 25, n), "year": draw.integers(0, 6, n), "distance": draw.normal(size=n)}
    )
    frame["tariff"] = 0.4 * frame["distance"] + draw.normal(size=n)
    mean = np.exp(
        0.5 - 0.6 * frame["distance"] + 0.3 * frame["tariff"] + 0.04 * frame["exporter"] + 0.1 * frame["year"]
    )
    return frame.assign(exports=draw.poisson(mean * draw.gamma(2, 0.5, n)).astype(float))


def reference(frame: pd.DataFrame):
    model = smf.glm("exports ~ distance + tariff + C(exporter) + C(year)", frame, family=Poisson())
    return model.fit(tol=1e-13, cov_type="cluster", cov_kwds={"groups": frame["exporter"], "use_correction": False})


def test_coefficients_errors_and_likelihood_are_those_of_dummies(trade):
    fit = poisson(
        trade,
        "exports",
        ["distance", "tariff"],
        fixed_effects=["exporter", "year"],
        clusters=["exporter"],
        small_sample="none",
    )
    dummies = reference(trade)
    np.testing.assert_allclose(fit.terms["estimate"], dummies.params[["distance", "tariff"]], rtol=1e-8)
    np.testing.assert_allclose(fit.terms["standard_error"], dummies.bse[["distance", "tariff"]], rtol=1e-6)
    assert fit.statistics["log_likelihood"] == pytest.approx(dummies.llf, rel=1e-10)
    assert fit.statistics["deviance"] == pytest.approx(dummies.deviance, rel=1e-10)


def test_the_factor_is_that_of_reghdfe(trade):
    asked = {"fixed_effects": ["exporter", "year"], "clusters": ["exporter"]}
    plain = poisson(trade, "exports", ["distance"], **asked, small_sample="none")
    scaled = poisson(trade, "exports", ["distance"], **asked)
    n, g, k = 600, 25, 1 + 6
    factor = np.sqrt((n - 1) / (n - k) * g / (g - 1))
    assert scaled.terms.loc["distance", "standard_error"] == pytest.approx(
        plain.terms.loc["distance", "standard_error"] * factor, rel=1e-12
    )


def test_without_effects_the_constant_is_estimated(trade):
    fit = poisson(trade, "exports", ["distance"], small_sample="none")
    plain = smf.glm("exports ~ distance", trade, family=Poisson()).fit(tol=1e-13, cov_type="HC0")
    np.testing.assert_allclose(
        fit.terms.loc[["constant", "distance"], "standard_error"], plain.bse[["Intercept", "distance"]], rtol=1e-7
    )


def test_levels_of_zeros_and_singletons_are_dropped_and_counted(trade):
    zeros = pd.DataFrame(
        {"exporter": [90, 90, 90], "year": [0, 1, 2], "distance": [0.1, 0.2, 0.3], "tariff": 0.5, "exports": 0.0}
    )
    alone = pd.DataFrame({"exporter": [91], "year": [0], "distance": [0.1], "tariff": [0.2], "exports": [4.0]})
    fit = poisson(
        pd.concat([trade, zeros, alone]), "exports", ["distance", "tariff"], fixed_effects=["exporter", "year"]
    )
    plain = poisson(trade, "exports", ["distance", "tariff"], fixed_effects=["exporter", "year"])
    assert (fit.observations, fit.singletons, fit.statistics["separated"]) == (600, 1, 3.0)
    assert "3 observations that the zeros of exports separate" in fit.warnings[0]
    pd.testing.assert_frame_equal(fit.terms, plain.terms, rtol=1e-8)


def test_a_regressor_that_separates_is_found():
    # Correia, Guimaraes and Zylkin (2019), their first example in spirit: z is positive only where y is zero.
    draw = np.random.default_rng(1)
    frame = pd.DataFrame({"x": draw.normal(size=200), "z": 0.0})
    frame["y"] = draw.poisson(np.exp(0.5 * frame["x"])).astype(float)
    frame.loc[frame.index[frame["y"] == 0][:10], "z"] = 1.0
    fit = poisson(frame, "y", ["x", "z"])
    plain = poisson(frame[frame["z"] == 0], "y", ["x"])
    assert fit.statistics["separated"] == 10
    assert fit.terms.loc["x", "estimate"] == pytest.approx(plain.terms.loc["x", "estimate"], rel=1e-7)
    assert any("z was left out" in text for text in fit.warnings)


def test_rows_in_any_order_and_outcomes_in_any_unit(trade):
    asked = {"fixed_effects": ["exporter", "year"], "clusters": ["exporter"]}
    plain = poisson(trade, "exports", ["distance", "tariff"], **asked).terms
    shuffled = poisson(trade.sample(frac=1, random_state=2), "exports", ["distance", "tariff"], **asked).terms
    scaled = poisson(trade.assign(exports=trade["exports"] * 1000), "exports", ["distance", "tariff"], **asked).terms
    pd.testing.assert_frame_equal(shuffled, plain, rtol=1e-7)
    pd.testing.assert_frame_equal(scaled, plain, rtol=1e-7)


@pytest.mark.parametrize(
    ("values", "complaint"),
    [(-1.0, "600 negative values"), (0.0, "zero throughout"), (np.inf, "infinite"), ("much", "must hold numbers")],
)
def test_outcomes_that_poisson_cannot_have_are_refused(trade, values, complaint):
    with pytest.raises(InputError, match=complaint):
        poisson(trade.assign(exports=values), "exports", ["distance"])
    with pytest.raises(InputError, match="no regressor"):
        poisson(trade, "exports", [])


def test_weights_multiply_the_scores_and_the_information(trade):
    weighted = trade.assign(weight=lambda f: 0.5 + np.abs(f["tariff"]))
    formula, weights = "exports ~ distance + tariff + C(exporter)", weighted["weight"] / weighted["weight"].mean()
    model = smf.glm(formula, weighted, family=Poisson(), var_weights=weights)
    theirs, X = model.fit(tol=1e-13), model.exog
    asked = {"fixed_effects": ["exporter"], "clusters": ["exporter"], "weights": "weight", "small_sample": "none"}
    ours = poisson(weighted, "exports", ["distance", "tariff"], **asked)
    np.testing.assert_allclose(ours.terms["estimate"], theirs.params[["distance", "tariff"]], rtol=1e-8)
    # statsmodels does not support clusters with these weights: the sandwich by hand.
    bread = np.linalg.inv((X * (weights * theirs.fittedvalues).to_numpy()[:, None]).T @ X)
    scores = X * (weights * (trade["exports"] - theirs.fittedvalues)).to_numpy()[:, None]
    sums = pd.DataFrame(scores).groupby(trade["exporter"].to_numpy()).sum().to_numpy()
    errors = pd.Series(np.sqrt(np.diag(bread @ sums.T @ sums @ bread)), model.exog_names)
    np.testing.assert_allclose(ours.terms["standard_error"], errors[["distance", "tariff"]], rtol=1e-7)
    assert ours.statistics["deviance"] == pytest.approx(theirs.deviance, rel=1e-9)
    larger = poisson(weighted.assign(weight=7 * weights), "exports", ["distance", "tariff"], **asked)
    pd.testing.assert_frame_equal(larger.terms, ours.terms, rtol=1e-8)
