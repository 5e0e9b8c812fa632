"""Quantile regression against statsmodels and simulation, and the grouped two-step on a hand-made table."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.quantile import quantile_regression


def sample(seed: int, n: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    frame = pd.DataFrame({"size": draw.normal(size=n), "age": draw.uniform(0, 10, n), "city": np.arange(n) // 10})
    spread = 1 + 0.1 * frame["age"]
    common = np.repeat(draw.normal(0, 0.7, n // 10), 10)
    return frame.assign(
        exports=1 + 0.5 * frame["size"] - 0.2 * frame["age"] + spread * (draw.standard_t(5, n) + common)
    )


@pytest.mark.parametrize("quantile", [0.1, 0.5, 0.8])
def test_coefficients_are_those_of_statsmodels(quantile):
    frame = sample(3)
    fit = quantile_regression(frame, "exports", ["size", "age"], quantile=quantile)
    reference = sm.QuantReg(frame["exports"], sm.add_constant(frame[["size", "age"]])).fit(
        q=quantile, p_tol=1e-12, max_iter=20000
    )
    np.testing.assert_allclose(fit.terms["estimate"], reference.params[["size", "age", "const"]], atol=1e-5)
    assert fit.statistics["pseudo_r1"] == pytest.approx(reference.prsquared, abs=1e-3)


def test_at_a_solution_as_many_residuals_vanish_as_there_are_coefficients():
    frame = sample(4)
    beta = quantile_regression(frame, "exports", ["size", "age"], quantile=0.3).terms["estimate"]
    residuals = frame["exports"] - frame[["size", "age"]] @ beta[["size", "age"]] - beta["constant"]
    assert (residuals.abs() < 1e-8).sum() == 3
    assert (residuals < -1e-8).mean() == pytest.approx(0.3, abs=0.01)


def test_equivariance_to_scale_shift_and_order():
    frame = sample(5)
    plain = quantile_regression(frame, "exports", ["size"], quantile=0.7, clusters=["city"]).terms
    moved = frame.assign(exports=1e6 * frame["exports"] + 3e6, size=frame["size"] / 1000).sample(frac=1, random_state=1)
    other = quantile_regression(moved, "exports", ["size"], quantile=0.7, clusters=["city"]).terms
    assert other.loc["size", "estimate"] == pytest.approx(1e9 * plain.loc["size", "estimate"], rel=1e-8)
    assert other.loc["size", "standard_error"] == pytest.approx(1e9 * plain.loc["size", "standard_error"], rel=1e-6)


def test_clustered_errors_are_those_of_repeated_samples():
    fits = [quantile_regression(sample(seed), "exports", ["age"], clusters=["city"]).terms for seed in range(150)]
    spread = np.std([fit["estimate"] for fit in fits], axis=0)
    np.testing.assert_allclose(np.mean([fit["standard_error"] for fit in fits], axis=0), spread, rtol=0.2)


def test_bad_questions_are_refused():
    frame = sample(6)
    with pytest.raises(InputError, match="between 0 and 1"):
        quantile_regression(frame, "exports", ["size"], quantile=1.0)
    with pytest.raises(InputError, match="too few for standard errors"):
        quantile_regression(frame.head(20), "exports", ["size"], quantile=0.02)
    with pytest.raises(InputError, match="No regressor is left"):
        quantile_regression(frame.assign(size=1.0), "exports", ["size"])
    fit = quantile_regression(frame.assign(double=2 * frame["size"]), "exports", ["size", "double"])
    assert fit.warnings == ("double was left out: it is collinear with the regressors before it.",)
