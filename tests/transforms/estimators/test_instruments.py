"""Two-stage least squares and its tests of the instruments, against published values and other libraries."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import mroz
from linearmodels.iv import IV2SLS, IVGMM

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.identification import Instruments, rank_statistics
from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.linear import least_squares

WORKING = mroz.load().query("inlf == 1").assign(constant=1.0, group=lambda frame: np.arange(len(frame)) % 37)
ARGUMENTS = (WORKING, "lwage", ["exper", "expersq"], ["educ"], ["motheduc", "fatheduc"])


def simulated(seed: int, firms: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(firms), rng.integers(1, 9, firms))})
    n = len(frame)
    frame["year"], frame["city"] = rng.integers(0, 6, n), frame["firm"] % 11
    for name in ("z1", "z2", "z3", "w", "e", "v1", "v2"):
        frame[name] = rng.normal(size=n)
    frame["x1"] = 0.6 * frame["z1"] + 0.3 * frame["z2"] + 0.2 * frame["w"] + frame["v1"] + 0.5 * frame["e"]
    frame["x2"] = 0.5 * frame["z3"] - 0.4 * frame["z2"] + frame["v2"] - 0.3 * frame["e"]
    frame["y"] = frame["x1"] - 0.5 * frame["x2"] + 0.3 * frame["w"] + frame["e"] + 0.1 * frame["firm"]
    return frame


def dummies(frame: pd.DataFrame) -> pd.DataFrame:
    return pd.get_dummies(frame[["firm", "year"]].astype(str), dtype=float).iloc[:, :-1]


@pytest.mark.parametrize("kind", ["robust", "clustered"])
def test_agrees_with_linearmodels(kind):
    fit = two_stage_least_squares(*ARGUMENTS, clusters=["group"] * (kind == "clustered"), small_sample="none")
    other = IV2SLS(
        WORKING["lwage"],
        WORKING[["exper", "expersq", "constant"]],
        WORKING[["educ"]],
        WORKING[["motheduc", "fatheduc"]],
    ).fit(cov_type=kind, **({"clusters": WORKING["group"]} if kind == "clustered" else {}))
    np.testing.assert_allclose(fit.terms["estimate"], other.params[fit.terms.index], rtol=1e-10)
    np.testing.assert_allclose(fit.terms["standard_error"], other.std_errors[fit.terms.index], rtol=1e-10)
    assert fit.statistics["r2"] == pytest.approx(other.rsquared, rel=1e-10)


@pytest.mark.parametrize("kind", ["robust", "clustered"])
def test_hansen_is_the_objective_of_two_step_gmm(kind):
    groups = {"clusters": WORKING["group"]} if kind == "clustered" else {}
    other = IVGMM(
        WORKING["lwage"],
        WORKING[["exper", "expersq", "constant"]],
        WORKING[["educ"]],
        WORKING[["motheduc", "fatheduc"]],
        weight_type=kind,
        **groups,
    ).fit(iter_limit=2, cov_type=kind, **groups)
    fit = two_stage_least_squares(*ARGUMENTS, clusters=["group"] * (kind == "clustered"))
    assert fit.statistics["hansen_j"] == pytest.approx(other.j_stat.stat, rel=1e-6)
    assert fit.statistics["hansen_j_p_value"] == pytest.approx(other.j_stat.pval, rel=1e-6)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_absorbed_effects_equal_dummies(seed):
    frame = simulated(seed)
    frame = frame[frame.groupby("firm")["firm"].transform("size") > 1].reset_index(drop=True)
    wide = pd.concat([frame, dummies(frame)], axis=1)
    names = list(dummies(frame).columns)
    arguments = {
        "endogenous": ["x1", "x2"],
        "instruments": ["z1", "z2", "z3"],
        "clusters": ["city"],
        "small_sample": "none",
    }
    absorbed = two_stage_least_squares(frame, "y", ["w"], fixed_effects=["firm", "year"], **arguments)
    explicit = two_stage_least_squares(wide, "y", ["w", *names], **arguments)
    if absorbed.singletons == 0:
        np.testing.assert_allclose(absorbed.terms, explicit.terms.loc[["x1", "x2", "w"]], rtol=1e-7)
        for name in ("hansen_j", "kleibergen_paap_lm", "r2"):
            assert absorbed.statistics[name] == pytest.approx(explicit.statistics[name], rel=1e-7)


def test_exactly_identified_is_reduced_form_over_first_stage():
    frame = simulated(4)
    fit = two_stage_least_squares(frame, "y", ["w"], ["x1"], ["z1"], fixed_effects=["firm"], clusters=["firm"])
    reduced, first = fit.related["reduced form"].terms.loc["z1"], fit.related["first stage of x1"].terms.loc["z1"]
    assert fit.terms.loc["x1", "estimate"] == pytest.approx(reduced["estimate"] / first["estimate"])
    assert fit.statistics["effective_f"] == pytest.approx(fit.statistics["kleibergen_paap_f"])
    assert fit.statistics["anderson_rubin_f"] == pytest.approx(reduced["statistic"] ** 2, rel=1e-3)


def test_kleibergen_paap_is_the_clustered_first_stage_wald_but_for_one_degree_of_freedom():
    frame = simulated(4)
    fit = two_stage_least_squares(
        frame, "y", ["w"], ["x1"], ["z1", "z2"], fixed_effects=["firm", "year"], clusters=["firm"]
    )
    first = least_squares(frame, "x1", ["z1", "z2", "w"], fixed_effects=["firm", "year"], clusters=["firm"])
    wald = first.terms.loc[["z1", "z2"], "estimate"] @ np.linalg.solve(
        first.covariance.loc[["z1", "z2"], ["z1", "z2"]], first.terms.loc[["z1", "z2"], "estimate"]
    )
    n, k = fit.observations, 3 + frame["year"].nunique()
    assert fit.statistics["kleibergen_paap_f"] == pytest.approx(wald / 2 * (n - k + 1) / (n - k), rel=1e-9)


@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000), kind=st.sampled_from(["robust", "clustered"]), missing=st.booleans())
def test_random_designs_agree_with_linearmodels(seed, kind, missing):
    frame = simulated(seed).assign(weight=lambda f: 1 + f["year"], one=1.0)
    if missing:
        frame.loc[::7, "z2"] = np.nan
    sample = frame.dropna()
    fit = two_stage_least_squares(
        frame, "y", ["w"], ["x1", "x2"], ["z1", "z2", "z3"], weights="weight",
        clusters=["city"] * (kind == "clustered"), small_sample="none",
    )  # fmt: skip
    named = (sample["y"], sample[["w", "one"]], sample[["x1", "x2"]], sample[["z1", "z2", "z3"]])
    clusters = {"clusters": sample["city"]} if kind == "clustered" else {}
    theirs = IV2SLS(*named, weights=sample["weight"]).fit(cov_type=kind, debiased=False, **clusters)
    order = ["x1", "x2", "w", "one"]
    np.testing.assert_allclose(fit.terms["estimate"], theirs.params[order], rtol=1e-8)
    np.testing.assert_allclose(fit.terms["standard_error"], theirs.std_errors[order], rtol=1e-8)
    assert fit.observations == len(sample)


def test_rank_statistic_of_two_endogenous_regressors_under_iid_is_cragg_donald():
    fit = two_stage_least_squares(simulated(9), "y", ["w"], ["x1", "x2"], ["z1", "z2", "z3"], covariance="iid")
    assert fit.statistics["kleibergen_paap_f"] == pytest.approx(fit.statistics["cragg_donald_f"], rel=1e-9)


def test_rank_statistic_follows_the_kronecker_formula_of_the_paper():
    # Kleibergen and Paap (2006), eq. 11: A_perp, B_perp and vec(Theta) written out, heteroskedastic scores.
    rng = np.random.default_rng(3)
    Z, n = rng.normal(size=(300, 4)), 300
    X = Z @ rng.normal(size=(4, 2)) * 0.3 + rng.normal(size=(300, 2)) * (1 + abs(Z[:, :1]))
    pi = np.linalg.solve(Z.T @ Z, Z.T @ X)
    V = X - Z @ pi
    G, F = np.linalg.cholesky(Z.T @ Z / n).T, np.linalg.inv(np.linalg.cholesky(X.T @ X / n).T)
    theta = G @ pi @ F
    U, _, W = np.linalg.svd(theta)
    U12, U22, V12, V22 = U[:1, 1:], U[1:, 1:], W.T[:1, 1:], W.T[1:, 1:]

    def root(M):
        values, vectors = np.linalg.eigh(M)
        return vectors @ np.diag(np.sqrt(values)) @ vectors.T

    A = np.vstack([U12, U22]) @ np.linalg.inv(U22) @ root(U22 @ U22.T)
    B = root(V22 @ V22.T) @ np.linalg.inv(V22.T) @ np.hstack([V12.T, V22.T])
    scores = np.einsum("ij,ik->ijk", V, Z).reshape(n, -1)
    bread = np.kron(np.eye(2), np.linalg.inv(Z.T @ Z))
    spread = np.kron(F.T, G) @ bread @ scores.T @ scores @ bread @ np.kron(F.T, G).T
    lam = np.kron(B, A.T) @ theta.T.ravel()
    expected = lam @ np.linalg.solve(np.kron(B, A.T) @ spread @ np.kron(B, A.T).T, lam)
    wald, _ = rank_statistics(Instruments(np.zeros(n), X, Z), "robust", None, None)
    assert wald == pytest.approx(expected, rel=1e-9)


def test_anderson_rubin_interval_is_where_the_test_does_not_reject():
    frame = simulated(12)
    names = ["z1", "z2"]
    fit = two_stage_least_squares(frame, "y", ["w"], ["x1"], names, clusters=["city"])
    for bound in ("anderson_rubin_low", "anderson_rubin_high"):
        moved = frame.assign(y=frame["y"] - fit.statistics[bound] * frame["x1"])
        at_bound = two_stage_least_squares(moved, "y", ["w"], ["x1"], names, clusters=["city"])
        assert at_bound.statistics["anderson_rubin_p_value"] == pytest.approx(0.05, abs=1e-9)


def test_irrelevant_instruments_give_an_unbounded_set_and_a_warning():
    frame = simulated(5).assign(noise=lambda f: np.sin(37.0 * np.arange(len(f))))
    fit = two_stage_least_squares(frame, "y", ["w"], ["x1"], ["noise"])
    assert np.isinf(fit.statistics["anderson_rubin_low"])
    assert any("not a bounded interval" in text for text in fit.warnings)
    assert any(text.startswith("Weak instruments") for text in fit.warnings)


def test_weights_are_those_of_the_scaled_equation():
    frame = simulated(6).assign(weight=lambda f: 1 + f["year"])
    fit = two_stage_least_squares(frame, "y", ["w"], ["x1"], ["z1", "z2"], weights="weight", covariance="robust")
    root = np.sqrt(frame["weight"] / frame["weight"].mean())
    scaled = frame[["y", "x1", "w", "z1", "z2"]].mul(root, axis=0).assign(one=root)
    other = two_stage_least_squares(
        scaled, "y", ["w", "one"], ["x1"], ["z1", "z2"], constant=False, covariance="robust"
    )
    np.testing.assert_allclose(fit.terms["estimate"], other.terms["estimate"], rtol=1e-9)
    np.testing.assert_allclose(fit.terms["standard_error"], other.terms["standard_error"], rtol=1e-9)
    for name in ("kleibergen_paap_f", "effective_f", "hansen_j", "anderson_rubin_high"):
        assert fit.statistics[name] == pytest.approx(other.statistics[name], rel=1e-9)


@pytest.mark.parametrize(
    ("endogenous", "instruments", "change", "reason"),
    [
        (["x1", "x2"], ["z1"], {}, "1 instruments cannot identify 2"),
        (["x1"], ["w"], {}, "'w' is named in more than one role"),
        ([], ["z1"], {}, "No endogenous regressor is named"),
        (["x1"], ["z1"], {"z1": lambda f: 2 * f["w"]}, "Only 0 independent instruments"),
        (["x1"], ["z1"], {"x1": lambda f: 2 * f["w"]}, "x1 was left out"),
        (["x1", "x2"], ["z1", "z2"], {"x2": lambda f: f["x1"] + 0.0, "x1": lambda f: f["x1"]}, "collinear"),
    ],
)
def test_bad_instruments_are_named(endogenous, instruments, change, reason):
    with pytest.raises(InputError, match=reason):
        two_stage_least_squares(simulated(1).assign(**change), "y", ["w"], endogenous, instruments)


def test_a_singular_first_stage_is_named():
    frame = simulated(1)
    residual = frame["x1"] - np.polyval(np.polyfit(frame["z1"], frame["x1"], 1), frame["z1"])
    with pytest.raises(InputError, match="first stage is singular"):
        two_stage_least_squares(frame.assign(x1=residual), "y", [], ["x1"], ["z1"])
