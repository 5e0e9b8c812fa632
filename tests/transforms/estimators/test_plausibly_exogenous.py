"""Intervals for plausibly exogenous instruments against their formula data set, closed forms and linearmodels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import mroz
from linearmodels.iv import IV2SLS
from scipy.stats import norm, uniform

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.instrumented_equation import InstrumentedEquation, instrumented_equation
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.plausibly_exogenous import (
    direct_effect_curve,
    local_to_zero,
    sensitivity_curve,
    simulated_intervals,
    union_of_intervals,
)


def formula_data() -> pd.DataFrame:
    """200 rows from trigonometric formulas; 40 clusters of five."""
    i = np.arange(1, 201)
    z = np.sin(1.7 * i) + 0.3 * np.cos(0.9 * i)
    w, e = np.cos(2.3 * i), np.sin(3.1 * i + 0.5) + 0.4 * np.cos(5.7 * i)
    x = 0.8 * z + 0.3 * w + np.cos(4.3 * i) + 0.5 * e
    return pd.DataFrame({"y": 1 + 0.5 * x - 0.7 * w + e, "x": x, "w": w, "z": z, "cl": (i - 1) // 5})


def panel(seed: int = 0) -> pd.DataFrame:
    """Firms over five years, two instruments, one endogenous and one exogenous regressor."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame({"firm": np.repeat(np.arange(60), 5), "year": np.tile(np.arange(5), 60)})
    frame[["z1", "z2", "w", "v", "e"]] = random.normal(size=(300, 5))
    frame["x"] = 0.6 * frame["z1"] + 0.4 * frame["z2"] + 0.2 * frame["w"] + frame["v"] + 0.5 * frame["e"]
    return frame.assign(y=0.5 * frame["x"] - 0.7 * frame["w"] + frame["firm"] / 30 + frame["e"])


def clustered_formula_equation() -> InstrumentedEquation:
    return instrumented_equation(formula_data(), "y", ["w"], ["x"], ["z"], clusters=["cl"])


def test_two_stage_least_squares_of_formula_data() -> None:
    raw = instrumented_equation(formula_data(), "y", ["w"], ["x"], ["z"], clusters=["cl"], small_sample="none")
    assert raw.estimates.terms["estimate"].to_list() == pytest.approx([0.49191292, -0.69300764, 0.99311076], abs=5.1e-9)
    assert raw.estimates.terms["standard_error"].to_list() == pytest.approx(
        [0.02475799, 0.06510758, 0.05126236], abs=5.1e-9
    )
    scaled = clustered_formula_equation().estimates.terms
    assert scaled.loc["x", "standard_error"] == pytest.approx(0.0252003465, abs=5.1e-11)


@pytest.mark.parametrize(
    ("mean", "variance", "estimate", "error", "low", "high"),
    [
        (0.0, 0.0, 0.49191292, 0.0252003465, 0.44252115, 0.54130469),
        (0.0, 0.01, 0.49191292, 0.1280791813, 0.24088233, 0.74294350),
        (0.05, 0.01, 0.4291251412, 0.1280791813, 0.17809456, 0.68015572),
    ],
)
def test_local_to_zero_of_formula_data(
    mean: float, variance: float, estimate: float, error: float, low: float, high: float
) -> None:
    terms = local_to_zero(clustered_formula_equation(), {"z": mean}, {"z": variance}).terms.loc["x"]
    assert terms["estimate"] == pytest.approx(estimate, abs=5.1e-9)
    assert terms["standard_error"] == pytest.approx(error, abs=5.1e-11)
    assert terms[["ci_low", "ci_high"]].to_list() == pytest.approx([low, high], abs=5.1e-9)


def test_union_of_intervals_of_formula_data() -> None:
    union = union_of_intervals(clustered_formula_equation(), {"z": (-0.1, 0.1)})
    assert union.intervals.loc["x"].to_list() == pytest.approx([0.30331206, 0.66969581], abs=5.1e-9)
    assert union.corners["z"].unique().tolist() == [-0.1, 0.1]


def test_wooldridge_example_15_5() -> None:
    fit = instrumented_equation(
        mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["motheduc", "fatheduc"], covariance="iid"
    ).estimates
    assert fit.observations == 428
    assert fit.terms["estimate"].to_list() == pytest.approx([0.0613966, 0.0441704, -0.000899, 0.0481003], abs=5.1e-8)
    assert fit.terms["standard_error"].to_list() == pytest.approx(
        [0.0314367, 0.0134325, 0.0004017, 0.4003281], abs=5.1e-8
    )
    robust = instrumented_equation(
        mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["motheduc", "fatheduc"], small_sample="none"
    )
    assert robust.estimates.terms.loc["educ", "standard_error"] == pytest.approx(0.0331824, abs=5e-8)


def test_closed_form_with_effects_absorbed() -> None:
    """With one instrument, b - mu/pi and se^2 + omega/pi^2."""
    options = {"fixed_effects": ["firm", "year"], "clusters": ["firm"]}
    equation = instrumented_equation(panel(), "y", ["w"], ["x"], ["z1"], **options)
    pi = least_squares(panel(), "x", ["z1", "w"], **options).terms.loc["z1", "estimate"]
    reduced = least_squares(panel(), "y", ["z1", "w"], **options).terms.loc["z1", "estimate"]
    base = equation.estimates.terms.loc["x"]
    assert base["estimate"] == pytest.approx(reduced / pi, rel=1e-9)
    for mean, variance in ((0.0, 1e-5), (1e-4, 1e-5), (1e-3, 1e-4)):
        found = local_to_zero(equation, {"z1": mean}, {"z1": variance}).terms.loc["x"]
        assert found["estimate"] == pytest.approx(base["estimate"] - mean / pi, rel=1e-10)
        assert found["standard_error"] ** 2 == pytest.approx(base["standard_error"] ** 2 + variance / pi**2, rel=1e-10)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), first=st.floats(-0.3, 0.3), second=st.floats(-0.3, 0.3))
def test_at_any_direct_effect_it_is_two_stage_least_squares_of_the_rest(seed: int, first: float, second: float) -> None:
    frame = panel(seed)
    equation = instrumented_equation(frame, "y", ["w"], ["x"], ["z1", "z2"], clusters=["firm"], small_sample="none")
    rest = frame["y"] - first * frame["z1"] - second * frame["z2"]
    theirs = IV2SLS(rest, frame[["w"]].assign(constant=1.0), frame["x"], frame[["z1", "z2"]]).fit(
        cov_type="clustered", clusters=frame["firm"]
    )
    estimates, covariance = equation.at(np.array([first, second]))
    np.testing.assert_allclose(estimates, theirs.params[["x", "w"]], rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), theirs.std_errors[["x", "w"]], rtol=1e-8)


@pytest.mark.parametrize(("kind", "theirs"), [("robust", "robust"), ("iid", "unadjusted")])
def test_weights_are_those_of_linearmodels(kind: str, theirs: str) -> None:
    frame = panel(8).assign(weight=lambda f: 1 + f["year"] / 2)
    equation = instrumented_equation(
        frame, "y", ["w"], ["x"], ["z1", "z2"], weights="weight", covariance=kind, small_sample="none"
    )
    rest = frame["y"] - 0.1 * frame["z1"]
    exogenous, instruments = frame[["w"]].assign(constant=1.0), frame[["z1", "z2"]]
    fit = IV2SLS(rest, exogenous, frame["x"], instruments, weights=frame["weight"]).fit(cov_type=theirs)
    estimates, covariance = equation.at(np.array([0.1, 0.0]))
    np.testing.assert_allclose(estimates, fit.params[["x", "w"]], rtol=1e-8)
    np.testing.assert_allclose(np.sqrt(np.diag(covariance)), fit.std_errors[["x", "w"]], rtol=1e-8)


@pytest.mark.parametrize("options", [{"clusters": ["firm"]}, {"covariance": "robust"}, {"covariance": "iid"}])
def test_absorbed_effects_equal_explicit_dummies(options: dict) -> None:
    frame = panel(1)
    dummies = pd.get_dummies(frame["year"].astype(str), drop_first=True, dtype=float)
    absorbed = instrumented_equation(frame, "y", ["w"], ["x"], ["z1", "z2"], fixed_effects=["year"], **options)
    explicit = instrumented_equation(frame.join(dummies), "y", ["w", *dummies.columns], ["x"], ["z1", "z2"], **options)
    effects = np.array([0.1, -0.2])
    np.testing.assert_allclose(absorbed.at(effects)[0], explicit.at(effects)[0][:2], rtol=1e-9)
    np.testing.assert_allclose(absorbed.at(effects)[1], explicit.at(effects)[1][:2, :2], rtol=1e-8)


def test_two_instruments_follow_the_matrix_formula() -> None:
    frame = panel(2)
    equation = instrumented_equation(frame, "y", ["w"], ["x"], ["z1", "z2"], clusters=["firm"])
    X = np.column_stack([frame[["x", "w"]], np.ones(300)])
    Z = np.column_stack([frame[["z1", "z2", "w"]], np.ones(300)])
    A = np.linalg.solve(X.T @ Z @ np.linalg.solve(Z.T @ Z, Z.T @ X), X.T @ Z)[:2, :2]
    found = local_to_zero(equation, {"z1": 0.02, "z2": -0.01}, {"z1": 0.001, "z2": 0.002})
    b, V = equation.at(np.zeros(2))
    np.testing.assert_allclose(found.terms["estimate"], b - A @ [0.02, -0.01], rtol=1e-9)
    np.testing.assert_allclose(found.covariance, V + A @ np.diag([0.001, 0.002]) @ A.T, rtol=1e-9)
    assert found.terms.loc["w", "standard_error"] > equation.estimates.terms.loc["w", "standard_error"]


def test_a_finer_grid_does_not_widen_the_union() -> None:
    equation = instrumented_equation(panel(3), "y", ["w"], ["x"], ["z1", "z2"], clusters=["firm", "year"])
    union = union_of_intervals(equation, {"z1": (-0.1, 0.2), "z2": (0.0, 0.1)})
    assert len(union.corners) == 8
    margin = norm.ppf(0.975)
    for first in np.linspace(-0.1, 0.2, 9):
        for second in np.linspace(0, 0.1, 5):
            b, V = equation.at(np.array([first, second]))
            assert (b - margin * np.sqrt(np.diag(V)) >= union.intervals["ci_low"] - 1e-12).all()
            assert (b + margin * np.sqrt(np.diag(V)) <= union.intervals["ci_high"] + 1e-12).all()


def test_exact_instruments_leave_the_usual_interval() -> None:
    equation = clustered_formula_equation()
    fit = equation.estimates.terms.loc[["x", "w"]]
    margin = norm.ppf(0.975) * fit["standard_error"]
    usual = np.column_stack([fit["estimate"] - margin, fit["estimate"] + margin])
    np.testing.assert_allclose(union_of_intervals(equation, {}).intervals, usual, rtol=1e-12)
    np.testing.assert_allclose(union_of_intervals(equation, {"z": (0, 0)}).intervals, usual, rtol=1e-12)
    narrow = union_of_intervals(equation, {}, confidence=0.9).intervals.loc["x"]
    error = equation.estimates.terms.loc["x", "standard_error"]
    assert narrow["ci_high"] - narrow["ci_low"] == pytest.approx(2 * norm.ppf(0.95) * error, rel=1e-12)


def test_simulated_normal_priors_approach_local_to_zero() -> None:
    equation = clustered_formula_equation()
    exact = local_to_zero(equation, {"z": 0.05}, {"z": 0.01}).terms
    simulated = simulated_intervals(equation, {"z": norm(0.05, 0.1)}, draws=200_000)
    for name in ("x", "w"):
        error = exact.loc[name, "standard_error"]
        np.testing.assert_allclose(
            simulated.loc[name, ["estimate", "ci_low", "ci_high"]].to_numpy(float),
            exact.loc[name, ["estimate", "ci_low", "ci_high"]].to_numpy(float),
            atol=0.02 * error,
        )
        assert simulated.loc[name, "standard_error"] == pytest.approx(error, rel=0.01)


def test_a_one_sided_prior_moves_the_interval_one_way_and_draws_repeat() -> None:
    equation = clustered_formula_equation()
    prior = {"z": uniform(0, 0.2)}
    simulated = simulated_intervals(equation, prior)
    usual, union = equation.estimates.terms.loc["x"], union_of_intervals(equation, {"z": (0, 0.2)}).intervals.loc["x"]
    assert simulated.loc["x", "estimate"] == pytest.approx(usual["estimate"] - 0.1 / 0.7963333511, abs=0.005)
    assert union["ci_low"] < simulated.loc["x", "ci_low"]
    assert simulated.loc["x", "ci_high"] < union["ci_high"]
    pd.testing.assert_frame_equal(simulated, simulated_intervals(equation, prior))
    assert not simulated.equals(simulated_intervals(equation, prior, seed=1))


def test_curves_pass_through_the_known_points() -> None:
    equation = clustered_formula_equation()
    curve = direct_effect_curve(equation, "z", np.linspace(-0.1, 0.1, 5))
    of_x = curve[curve["term"] == "x"]
    np.testing.assert_allclose(np.diff(of_x["estimate"]), -0.05 / 0.7963333511, rtol=1e-8)
    assert [of_x["ci_low"].min(), of_x["ci_high"].max()] == pytest.approx([0.30331206, 0.66969581], abs=5.1e-9)
    sensitivity = sensitivity_curve(equation, "x", [0.0, 0.1, 0.2, 0.5])
    assert sensitivity.loc[0.1].to_list() == pytest.approx([0.30331206, 0.66969581, 0.24088233, 0.7429435], abs=5.1e-9)
    assert sensitivity[["union_high", "local_high"]].apply(lambda s: s.is_monotonic_increasing).all()
    assert sensitivity[["union_low", "local_low"]].apply(lambda s: s.is_monotonic_decreasing).all()


@settings(max_examples=10, deadline=None)
@given(scale=st.floats(1e-3, 1e4), seed=st.integers(0, 100))
def test_units_and_order_do_not_matter(scale: float, seed: int) -> None:
    def bounds(frame: pd.DataFrame, unit: float) -> np.ndarray:
        equation = instrumented_equation(
            frame, "y", ["w"], ["x"], ["z1", "z2"], fixed_effects=["firm"], clusters=["firm"]
        )
        return union_of_intervals(equation, {"z1": (-0.1 / unit, 0.1 / unit)}).intervals.to_numpy()

    frame = panel(4)
    moved = frame.assign(z1=frame["z1"] * scale).sample(frac=1, random_state=seed)
    np.testing.assert_allclose(bounds(moved, scale), bounds(frame, 1.0), rtol=1e-7)


def test_collinear_instruments_and_regressors_are_left_out_by_name() -> None:
    frame = panel(5).assign(copy=lambda f: f["z1"] - f["w"], again=lambda f: -f["w"])
    equation = instrumented_equation(frame, "y", ["w", "again"], ["x"], ["z1", "copy"])
    assert equation.instruments == ("z1",)
    assert equation.names == ("x", "w")
    assert any(warning.startswith("copy was left out") for warning in equation.estimates.warnings)
    assert any(warning.startswith("again was left out") for warning in equation.estimates.warnings)
    assert np.isfinite(equation.covariance).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((["w"], ["x"], []), "0 instruments cannot identify 1"),
        ((["w"], ["x"], ["copy"]), "0 independent instruments for 1 endogenous: copy was left out: it is collinear"),
        ((["w"], ["x"], ["fixed"]), "fixed was left out: it is absorbed by the fixed effects"),
        ((["w"], ["fixed"], ["z1"]), "fixed was left out: it is absorbed by the fixed effects"),
        ((["w"], [], ["z1"]), "No endogenous regressor is named"),
        ((["w"], ["x"], ["x"]), "'x' is named in more than one role"),
        ((["w"], ["x"], ["text"]), "Column 'text' must hold numbers"),
        ((["w"], ["x"], ["infinite"]), "Column 'infinite' has 1 infinite values"),
        ((["w"], ["x"], ["z3"]), "did you mean 'z2'"),
    ],
)
def test_bad_equations_are_refused(arguments: tuple, message: str) -> None:
    frame = panel(6).assign(copy=lambda f: 2 * f["w"], fixed=lambda f: f["firm"] / 3, text="a", infinite=1.0)
    frame.loc[0, "infinite"] = np.inf
    with pytest.raises(InputError, match=message):
        instrumented_equation(frame, "y", *arguments, fixed_effects=["firm"])


def test_an_instrument_that_does_not_move_the_regressor_is_refused() -> None:
    frame = panel(7).assign(alternating=np.tile([1.0, -1.0], 150))
    frame["x"] = frame["x"].to_numpy()[:150].repeat(2)  # equal within pairs: orthogonal to the signs
    with pytest.raises(InputError, match=r"first stage is singular: .* alternating do not move x"):
        instrumented_equation(frame, "y", [], ["x"], ["alternating"])


def test_bad_priors_are_refused() -> None:
    equation = clustered_formula_equation()
    with pytest.raises(InputError, match="no instrument 'zz'; did you mean 'z'"):
        union_of_intervals(equation, {"zz": (0, 1)})
    with pytest.raises(InputError, match="range of z ends below where it starts"):
        union_of_intervals(equation, {"z": (1, 0)})
    with pytest.raises(InputError, match="lowest direct effect of z must be a finite number"):
        union_of_intervals(equation, {"z": (-np.inf, 0)})
    with pytest.raises(InputError, match="must not be negative"):
        local_to_zero(equation, {}, {"z": -0.1})
    with pytest.raises(InputError, match="no instrument 'q'"):
        simulated_intervals(equation, {"q": norm(0, 1)})
    with pytest.raises(InputError, match="no term 'zz'"):
        sensitivity_curve(equation, "zz", [0.1])
    with pytest.raises(InputError, match="must not be negative"):
        sensitivity_curve(equation, "x", [-0.1])
