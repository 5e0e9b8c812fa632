"""Kinky least squares against its formula data set, explicit dummies, and errors of known correlation."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.kinky_least_squares import kinky_least_squares, largest_kurtosis
from haiguan.transforms.estimators.linear import least_squares


def formula_data() -> pd.DataFrame:
    """200 rows from trigonometric formulas; 40 clusters of five."""
    i = np.arange(1, 201)
    z = np.sin(1.7 * i) + 0.3 * np.cos(0.9 * i)
    w, e = np.cos(2.3 * i), np.sin(3.1 * i + 0.5) + 0.4 * np.cos(5.7 * i)
    x = 0.8 * z + 0.3 * w + np.cos(4.3 * i) + 0.5 * e
    return pd.DataFrame({"y": 1 + 0.5 * x - 0.7 * w + e, "x": x, "w": w, "z": z, "cl": (i - 1) // 5})


def panel(seed: int = 0) -> pd.DataFrame:
    """Firms that stay in one of eight cities, over five years."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(60), 5), "year": np.tile(np.arange(5), 60)})
    frame["city"] = frame["firm"] % 8
    frame[["w", "v", "e", "own"]] = random.normal(size=(300, 4))
    frame["x"] = (
        frame["city"] / 4 + 0.3 * frame["year"] + 0.5 * frame["w"] + frame["v"] + 0.4 * frame["e"] + frame["own"]
    )
    return frame.assign(y=0.5 * frame["x"] - 0.2 * frame["w"] + 0.3 * frame["city"] + frame["e"])


VECTORS = {
    # correlation: coefficients of x and w, then errors of x and w: robust, clustered, parametric
    0.0: [(0.77740005, -0.77897896), (0.04422103, 0.07077709), (0.03268133, 0.06549681), (0.04938786, 0.07103148)],
    0.1: [(0.70559534, -0.75735576), (0.04699949, 0.07126618), (0.02911139, 0.06349683), (0.04958853, 0.07143373)],
    0.3: [(0.55225757, -0.71117977), (0.05383829, 0.07489710), (0.02203139, 0.06368825), (0.05114015, 0.07490821)],
    -0.2: [(0.92334181, -0.82292772), (0.03969085, 0.07222730), (None, None), (0.05034906, 0.07269160)],
}
KINDS = [{"covariance": "robust"}, {"clusters": ["cl"]}, {"covariance": "parametric"}]


@pytest.mark.parametrize(("position", "options"), list(enumerate(KINDS, start=1)))
@pytest.mark.parametrize("correlation", VECTORS)
def test_formula_data(position: int, options: dict, correlation: float) -> None:
    fit = kinky_least_squares(formula_data(), "y", "x", ["w"], correlations=[correlation], **options).at(correlation)
    assert fit.terms["estimate"].to_list() == pytest.approx(VECTORS[correlation][0], abs=5.1e-9)
    errors = VECTORS[correlation][position]
    if None not in errors:
        assert fit.terms["standard_error"].to_list() == pytest.approx(errors, abs=5.1e-9)


def test_residual_variance_and_kurtosis_of_formula_data() -> None:
    kinky = kinky_least_squares(formula_data(), "y", "x", ["w"], correlations=[0.1, 0.3])
    assert kinky.curve["residual_variance"].to_list() == pytest.approx([0.48472034, 0.52948994], abs=5e-9)
    assert largest_kurtosis(formula_data(), ["x", "w"]) == pytest.approx(2.522837, abs=5e-7)


def test_at_zero_it_is_least_squares() -> None:
    options = {"fixed_effects": ["city", "year"], "clusters": ["firm"]}
    for small_sample in ("none", "reghdfe"):
        kinky = kinky_least_squares(
            panel(), "y", "x", ["w"], correlations=[0], small_sample=small_sample, **options
        ).at(0)
        ordinary = least_squares(panel(), "y", ["x", "w"], small_sample=small_sample, **options)
        columns = ["estimate", "standard_error"]
        np.testing.assert_allclose(kinky.terms[columns], ordinary.terms[columns], rtol=1e-9)


def with_known_error(seed: int, effects: bool) -> tuple[pd.DataFrame, dict[str, float], np.ndarray]:
    """Data whose error is orthogonal to w and to the dummies, and has known sample correlations with x and with q."""
    frame = panel(seed).rename(columns={"v": "q"})
    dummies = (
        pd.get_dummies(frame[["city", "year"]].astype(str), dtype=float).to_numpy() if effects else np.ones((300, 1))
    )
    blocked = np.column_stack([dummies, frame["w"]])
    e = frame["e"].to_numpy() + 0.3 * frame["q"].to_numpy()
    e = e - blocked @ np.linalg.lstsq(blocked, e, rcond=None)[0]
    truth = np.array([0.5, -0.2, 0.9])
    frame["y"] = frame[["x", "w", "q"]].to_numpy() @ truth + (0.3 * frame["city"] if effects else 2.0) + e
    correlations = {name: float(np.corrcoef(frame[name], e)[0, 1]) for name in ("x", "q")}
    return frame, correlations, truth


@pytest.mark.parametrize("effects", [False, True])
@settings(max_examples=8, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_at_the_true_correlations_it_finds_the_true_coefficients_exactly(effects: bool, seed: int) -> None:
    frame, correlations, truth = with_known_error(seed, effects)
    kinky = kinky_least_squares(
        frame,
        "y",
        "x",
        ["w", "q"],
        correlations=[correlations["x"]],
        held={"q": correlations["q"]},
        fixed_effects=["city", "year"] if effects else [],
    )
    found = kinky.at(correlations["x"]).terms["estimate"]
    np.testing.assert_allclose(found[["x", "w", "q"]], truth, rtol=1e-8)


@pytest.mark.parametrize("options", [{"covariance": "robust"}, {"clusters": ["firm"]}, {"covariance": "parametric"}])
def test_effects_as_regressors_equal_explicit_dummies(options: dict) -> None:
    frame = panel(1)
    dummies = pd.get_dummies(frame[["city", "year"]].astype(str), drop_first=True, dtype=float)
    explicit = kinky_least_squares(
        frame.join(dummies), "y", "x", ["w", *dummies.columns], correlations=[-0.2, 0.1], **options
    )
    short = kinky_least_squares(
        frame, "y", "x", ["w"], correlations=[-0.2, 0.1], fixed_effects=["city", "year"], **options
    )
    assert short.feasible == pytest.approx(explicit.feasible, rel=1e-9)
    for r in (-0.2, 0.1):
        columns = ["estimate", "standard_error"]
        np.testing.assert_allclose(
            short.at(r).terms.loc[["x", "w"], columns], explicit.at(r).terms.loc[["x", "w"], columns], rtol=1e-8
        )
        assert short.at(r).statistics["residual_variance"] == pytest.approx(
            explicit.at(r).statistics["residual_variance"], rel=1e-9
        )


def test_absorbed_effects_equal_demeaned_data() -> None:
    frame = panel(2)
    within = frame - frame.groupby("firm").transform("mean").reindex(columns=frame.columns, fill_value=0)
    within["firm"] = frame["firm"]
    options = {"correlations": [0.15], "clusters": ["firm"]}
    absorbed = kinky_least_squares(frame, "y", "x", ["w"], fixed_effects=["firm"], effects_as="absorbed", **options).at(
        0.15
    )
    by_hand = kinky_least_squares(within, "y", "x", ["w"], **options).at(0.15)
    columns = ["estimate", "standard_error"]
    np.testing.assert_allclose(absorbed.terms[columns], by_hand.terms[columns], rtol=1e-9)
    whole = kinky_least_squares(frame, "y", "x", ["w"], fixed_effects=["firm"], **options).at(0.15)
    assert abs(whole.terms.loc["x", "estimate"] - absorbed.terms.loc["x", "estimate"]) > 0.01


def test_the_slope_is_the_closed_form_of_one_endogenous_regressor() -> None:
    frame = formula_data()
    r2 = least_squares(frame, "x", ["w"]).statistics["r2"]
    kinky = kinky_least_squares(frame, "y", "x", ["w"], correlations=[0.25])
    s2 = kinky_least_squares(frame, "y", "x", ["w"], correlations=[0]).curve["residual_variance"].item()
    error = np.sqrt(s2 / (1 - 0.25**2 / (1 - r2)))
    expected = 0.77740005 - 0.25 * error / (frame["x"].std(ddof=0) * (1 - r2))
    assert kinky.curve["estimate"].item() == pytest.approx(expected, abs=1e-8)
    assert kinky.feasible == pytest.approx((-np.sqrt(1 - r2), np.sqrt(1 - r2)), rel=1e-9)


def weighted_kinky(frame: pd.DataFrame, weights: np.ndarray, correlations: np.ndarray) -> np.ndarray:
    """The estimates with each row counted `weights` times, written out for two regressors."""
    weights = weights / weights.sum()
    values = frame[["y", "x", "w"]].to_numpy() - weights @ frame[["y", "x", "w"]].to_numpy()
    y, X = values[:, 0], values[:, 1:]
    S = X.T @ (X * weights[:, None])
    shift = correlations * np.sqrt(np.diag(S))
    b = np.linalg.solve(S, X.T @ (weights * y))
    s2 = weights @ (y - X @ b) ** 2 / (1 - shift @ np.linalg.solve(S, shift))
    return b - np.sqrt(s2) * np.linalg.solve(S, shift)


@pytest.mark.parametrize(("r", "held"), [(-0.4, 0.0), (0.2, 0.0), (0.2, -0.3)])
def test_robust_errors_are_those_of_the_infinitesimal_jackknife(r: float, held: float) -> None:
    frame, correlations = formula_data(), np.array([r, held])
    h, derivatives = 1e-5, []
    for i in range(len(frame)):
        change = np.zeros(len(frame))
        change[i] = h
        up, down = (weighted_kinky(frame, 1 + sign * change, correlations) for sign in (1, -1))
        derivatives.append((up - down) / (2 * h))
    fit = kinky_least_squares(frame, "y", "x", ["w"], correlations=[r], held={"w": held} if held else {}).at(r)
    np.testing.assert_allclose(fit.terms["standard_error"], np.linalg.norm(derivatives, axis=0), rtol=1e-6)


def test_parametric_errors_of_normal_data_are_those_of_an_efficient_instrument() -> None:
    # Without other regressors, and with the kurtosis of the normal, the variance is s2(r) / (N s_x^2) at every r.
    quantiles = np.linspace(0.0005, 0.9995, 1000)
    random = np.random.default_rng(0)
    e, v = (random.permutation(norm.ppf(quantiles)) for _ in range(2))
    frame = pd.DataFrame({"x": v + 0.5 * e, "y": v + 1.5 * e})
    r = float(np.corrcoef(frame["x"], e)[0, 1])
    kinky = kinky_least_squares(frame, "y", "x", [], correlations=[r], covariance="parametric", kurtosis=3.0)
    simple = np.sqrt(kinky.curve["residual_variance"].item() / (1000 * frame["x"].var(ddof=0)))
    assert kinky.curve["standard_error"].item() == pytest.approx(simple, rel=0.01)


def test_the_default_grid_is_the_feasible_part_of_minus_one_to_one() -> None:
    kinky = kinky_least_squares(formula_data(), "y", "x", ["w"])
    assert list(kinky.curve.index) == [round(r / 100, 2) for r in range(-97, 98)]
    assert np.isfinite(kinky.curve.to_numpy()).all()
    assert (kinky.curve["estimate"].diff().dropna() < 0).all()
    assert kinky.at(-0.97).statistics["correlation"] == -0.97


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1e-3, 1e4), seed=st.integers(0, 100))
def test_units_and_order_do_not_matter(scale: float, seed: int) -> None:
    frame = panel(3)
    options = {"correlations": [-0.1, 0.2], "fixed_effects": ["city"], "clusters": ["firm"]}
    base = kinky_least_squares(frame, "y", "x", ["w"], **options).curve
    other = frame.assign(x=frame["x"] * scale).sample(frac=1, random_state=seed)
    curve = kinky_least_squares(other, "y", "x", ["w"], **options).curve
    for column in ("estimate", "standard_error", "ci_low", "ci_high"):
        np.testing.assert_allclose(curve[column] * scale, base[column], rtol=1e-7, atol=1e-10)


def test_rare_dummies_have_a_large_kurtosis_and_wide_parametric_errors() -> None:
    frame = panel(4).assign(rare=lambda f: (f.index < 3).astype(int))
    largest = largest_kurtosis(frame, ["x", "w"], ["rare"])
    share = 0.01
    assert largest == pytest.approx((1 - 3 * share * (1 - share)) / (share * (1 - share)), rel=1e-9)
    assert largest_kurtosis(frame.assign(one=1.0), ["one", "w"]) == largest_kurtosis(frame, ["w"])
    with pytest.raises(InputError, match="None of one varies"):
        largest_kurtosis(frame.assign(one=1.0), ["one"])
    options = {"correlations": [0.0, 0.1, 0.2], "covariance": "parametric"}
    own = kinky_least_squares(frame, "y", "x", ["w"], **options).curve["standard_error"]
    wide = kinky_least_squares(frame, "y", "x", ["w"], kurtosis=largest, **options).curve["standard_error"]
    assert wide[0.0] == pytest.approx(own[0.0], rel=1e-12)
    assert (wide / own)[[0.1, 0.2]].is_monotonic_increasing
    assert wide[0.2] > 1.3 * own[0.2]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"correlations": [0.1, 0.99]},
            "correlation of 0.99 between 'x' and the error is not feasible.*-0.97.* to 0.97",
        ),
        ({"correlations": [1.5]}, "correlation of 1.5"),
        ({"covariance": "iid"}, "robust, clustered or parametric"),
        ({"covariance": "parametric", "clusters": ["cl"]}, "cannot be clustered"),
        ({"covariance": "parametric", "held": {"w": 0.1}}, "allow one endogenous regressor, but w"),
        ({"held": {"ww": 0.1}}, "did you mean 'w'"),
        ({"held": {"w": 1.0}}, "correlation held of w must lie between -1 and 1"),
        ({"fixed_effects": ["x"]}, "singleton"),
        ({"effects_as": "absorb"}, "did you mean 'absorbed'"),
        ({"correlations": []}, "grid of correlations is empty"),
        ({"correlations": [float("nan")]}, "correlation of nan"),
    ],
)
def test_bad_requests_are_refused(options: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        kinky_least_squares(formula_data(), "y", "x", ["w"], **options)


def test_an_endogenous_regressor_that_others_determine_is_refused() -> None:
    frame = formula_data().assign(twice=lambda f: 2 * f["w"], by_cluster=lambda f: f["cl"] / 7)
    with pytest.raises(InputError, match="twice was left out: it is collinear"):
        kinky_least_squares(frame, "y", "twice", ["w"])
    with pytest.raises(InputError, match="by_cluster was left out: it is absorbed by the fixed effects"):
        kinky_least_squares(frame, "y", "by_cluster", ["w"], fixed_effects=["cl"])
    with pytest.raises(InputError, match="Column 'x' must hold numbers"):
        kinky_least_squares(frame.assign(x="a"), "y", "x", ["w"])


def test_held_correlations_that_contradict_each_other_are_refused() -> None:
    frame = formula_data().assign(twin=lambda f: f["w"] + 0.1 * f["z"])
    with pytest.raises(InputError, match="no correlation of 'x' is feasible"):
        kinky_least_squares(frame, "y", "x", ["w", "twin"], held={"w": 0.6, "twin": -0.6})


def test_an_outcome_without_error_is_refused() -> None:
    with pytest.raises(InputError, match="determine 'y' exactly"):
        kinky_least_squares(formula_data().assign(y=lambda f: f["x"] - 2 * f["w"]), "y", "x", ["w"])


def test_a_correlation_off_the_grid_is_refused() -> None:
    kinky = kinky_least_squares(formula_data(), "y", "x", ["w"], correlations=[0, 0.1])
    with pytest.raises(InputError, match=r"0\.05 is not on the grid"):
        kinky.at(0.05)
