"""Probit and logit against published tables, statsmodels with its factors undone, and by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import mroz

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.probit import fit_logit, fit_probit, logit, probit

WOMEN = mroz.load()
COLUMNS = ["nwifeinc", "educ", "exper", "expersq", "age", "kidslt6", "kidsge6"]


def simulated(seed: int, observations: int = 300, clusters: int = 25) -> pd.DataFrame:
    """Two continuous regressors, a zero-one one, two factors, clusters with a common shock."""
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(
        {
            "x": random.normal(3, 2, observations),
            "z": random.exponential(1, observations),
            "d": random.integers(0, 2, observations),
            "year": random.integers(2000, 2004, observations),
            "city": random.choice(["a", "b", "c"], observations),
            "firm": np.concatenate([np.arange(clusters), random.integers(0, clusters, observations - clusters)]),
        }
    )
    shock = random.normal(0, 0.5, clusters)[frame["firm"]]
    index = -0.6 + 0.2 * frame["x"] - 0.4 * frame["z"] + 0.5 * frame["d"] + shock + random.normal(size=observations)
    return frame.assign(y=(index > 0).astype(int))


def test_wooldridge_example_17_1() -> None:
    fit = probit(WOMEN, "inlf", COLUMNS)
    coefficients = [-0.012024, 0.130905, 0.123348, -0.001887, -0.052853, -0.868329, 0.036005, 0.270077]
    errors = [0.004840, 0.025254, 0.018716, 0.000600, 0.008477, 0.118522, 0.043477, 0.508593]
    assert fit.terms["estimate"].to_list() == pytest.approx(coefficients, abs=1.01e-6)
    assert fit.terms["standard_error"].to_list() == pytest.approx(errors, abs=1e-6)
    assert fit.statistics["log_likelihood"] == pytest.approx(-401.3023, abs=5e-5)
    assert fit.statistics["pseudo_r2"] == pytest.approx(0.2206, abs=5e-5)
    assert (fit.observations, fit.covariance_kind) == (753, "iid")


def test_average_marginal_effects_of_wooldridge_example_17_1() -> None:
    effects = probit(WOMEN, "inlf", COLUMNS).related["average marginal effects"].terms
    assert effects.loc[["educ", "exper", "kidslt6"], "estimate"].to_list() == pytest.approx(
        [0.039370, 0.037097, -0.261155], abs=1e-6
    )
    assert effects.loc[["educ", "kidslt6"], "standard_error"].to_list() == pytest.approx([0.007222, 0.031860], abs=1e-6)


@pytest.mark.parametrize("link", ["probit", "logit"])
@settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_agrees_with_statsmodels_once_its_factors_are_undone(link: str, seed: int) -> None:
    frame = simulated(seed)
    columns = ["x", "z", "d"]
    ours = {kind: _run(link, frame, kind) for kind in ("iid", "robust", "clustered")}
    X = sm.add_constant(frame[columns])[[*columns, "const"]]
    model = (sm.Probit if link == "probit" else sm.Logit)(frame["y"], X)
    observations, parameters = len(frame), 4
    options = {"disp": 0, "method": "newton", "tol": 1e-12}
    theirs = {
        "iid": (model.fit(**options), 1.0),
        "robust": (model.fit(cov_type="HC0", **options), observations / (observations - 1)),
        "clustered": (
            model.fit(cov_type="cluster", cov_kwds={"groups": frame["firm"]}, **options),
            (observations - parameters) / (observations - 1),
        ),
    }
    for kind, (fit, factor) in theirs.items():
        np.testing.assert_allclose(ours[kind].terms["estimate"], fit.params, rtol=1e-8, atol=1e-9)
        np.testing.assert_allclose(ours[kind].terms["standard_error"], fit.bse * np.sqrt(factor), rtol=1e-8)
    assert ours["clustered"].clusters == {"firm": 25}
    effects = ours["iid"].related["average marginal effects"].terms
    margins = theirs["iid"][0].get_margeff(dummy=True)
    np.testing.assert_allclose(effects["estimate"], margins.margeff, rtol=1e-8)
    np.testing.assert_allclose(effects["standard_error"], margins.margeff_se, rtol=1e-7)


def _run(link: str, frame: pd.DataFrame, kind: str) -> Any:
    estimator = probit if link == "probit" else logit
    clusters = ["firm"] if kind == "clustered" else []
    return estimator(frame, "y", ["x", "z", "d"], covariance=kind, clusters=clusters)


def test_two_way_clusters_add_and_subtract_the_intersection() -> None:
    frame = simulated(3)
    ours = probit(frame, "y", ["x", "d"], clusters=["firm", "year"])
    X = sm.add_constant(frame[["x", "d"]])[["x", "d", "const"]]
    model = sm.Probit(frame["y"], X)
    fit = model.fit(disp=0, tol=1e-12)
    scores, bread = model.score_obs(fit.params), np.linalg.inv(-model.hessian(fit.params))

    def middle(groups: list[str]) -> np.ndarray:
        sums = pd.DataFrame(scores).groupby([frame[name] for name in groups]).sum().to_numpy()
        return sums.T @ sums

    meat = middle(["firm"]) + middle(["year"]) - middle(["firm", "year"])
    values, vectors = np.linalg.eigh(bread @ meat @ bread * 4 / 3)
    expected = (vectors * np.clip(values, 0, None)) @ vectors.T
    np.testing.assert_allclose(ours.covariance, expected, rtol=1e-7, atol=1e-12)
    assert ours.clusters == {"firm": 25, "year": 4}


def test_dummies_equal_explicit_columns() -> None:
    frame = simulated(5)
    fit = fit_probit(frame, "y", ["x"], dummies=["year", "city"], clusters=["firm"])
    explicit = pd.get_dummies(frame[["year", "city"]].astype(str), drop_first=True, prefix_sep="=").astype(float)
    dense = fit_probit(frame.join(explicit), "y", ["x", *explicit.columns], clusters=["firm"])
    assert set(fit.coefficients.index) == set(dense.coefficients.index)
    np.testing.assert_allclose(fit.coefficients, dense.coefficients[fit.coefficients.index], rtol=1e-9, atol=1e-10)
    order = fit.covariance.index
    np.testing.assert_allclose(fit.covariance, dense.covariance.loc[order, order], rtol=1e-8, atol=1e-12)
    assert fit.estimates.fixed_effects == {"year": 4, "city": 3}
    assert list(fit.estimates.terms.index) == ["x", "constant"]


def test_crossed_dummies_are_the_cells_in_sorted_order() -> None:
    frame = simulated(6)
    fit = fit_logit(frame, "y", ["x"], dummies=["city^d"])
    cells = [f"city^d={city}^{d}" for city, d in product("abc", (0, 1))]
    assert list(fit.coefficients.index) == ["constant", "x", *cells[1:]]
    joined = frame.assign(cell=frame["city"] + frame["d"].astype(str))
    same = fit_logit(joined, "y", ["x"], dummies=["cell"])
    np.testing.assert_allclose(fit.coefficients, same.coefficients, rtol=1e-10)


def test_cells_without_variation_leave_the_sample_and_are_named() -> None:
    frame = pd.DataFrame(
        {
            "entry": [0, 1, 0, 1, 1, 1, 0, 0, 1, 0],
            "density": [1.0, 2.0, 3.0, 1.5, 2.5, 0.5, 2.2, 0.7, 1.1, 1.9],
            "region": ["north"] * 4 + ["west"] * 2 + ["south"] * 4,
        }
    )
    fit = probit(frame, "entry", ["density"], dummies=["region"])
    kept = frame[frame["region"] != "west"]
    X = sm.add_constant(kept[["density"]].assign(south=(kept["region"] == "south").astype(float)))
    reference = sm.Probit(kept["entry"], X).fit(disp=0, tol=1e-12)
    assert fit.terms.loc["density", "estimate"] == pytest.approx(reference.params["density"], rel=1e-8)
    assert fit.terms.loc["density", "standard_error"] == pytest.approx(reference.bse["density"], rel=1e-8)
    assert (fit.observations, fit.observations_before, fit.singletons) == (8, 10, 0)
    assert fit.warnings == ("2 observations dropped: entry never varies where region is west (always 1).",)
    assert fit.fixed_effects == {"region": 2}


def test_a_zero_one_regressor_that_predicts_perfectly_goes_with_its_rows() -> None:
    frame = simulated(17)
    frame["plan"] = ((frame["x"] > 4) & (frame["y"] == 1)).astype(int)
    fit = probit(frame, "y", ["x", "plan", "plan:x"])
    with_plan = int(frame["plan"].sum())
    assert list(fit.terms.index) == ["x", "constant"]
    assert fit.observations == 300 - with_plan
    assert f"{with_plan} observations dropped: y never varies where plan is 1 (always 1)." in fit.warnings
    pd.testing.assert_frame_equal(fit.terms, probit(frame[frame["plan"] == 0], "y", ["x"]).terms)


def test_a_dummy_level_of_one_row_is_a_singleton() -> None:
    frame = pd.concat([simulated(7), simulated(7).head(1).assign(city="d")])
    fit = probit(frame, "y", ["x"], dummies=["city"])
    assert (fit.observations, fit.observations_before, fit.singletons) == (300, 301, 1)
    assert fit.warnings == ("1 observations dropped: alone in a level of city.",)


def test_complete_separation_by_one_column_is_an_error() -> None:
    frame = simulated(8)
    frame["leak"] = frame["y"] * 10 + frame["x"] / 100
    with pytest.raises(InputError, match="leak predicts 'y' perfectly"):
        probit(frame, "y", ["x", "leak"])


@pytest.mark.parametrize("estimator", [probit, logit])
def test_separation_by_a_combination_is_an_error_that_names_it(estimator) -> None:
    random = np.random.default_rng(0)
    frame = pd.DataFrame(random.normal(size=(200, 3)), columns=["first", "second", "third"])
    frame["y"] = (frame["first"] + frame["second"] > 0).astype(int)
    with pytest.raises(InputError, match="has no maximum") as raised:
        estimator(frame, "y", ["first", "second", "third"])
    assert "first" in str(raised.value)
    assert "second" in str(raised.value)


def test_a_zero_one_regressor_that_is_the_outcome_leaves_nothing() -> None:
    frame = simulated(9)
    with pytest.raises(InputError, match="never varies within the levels of copy"):
        probit(frame.assign(copy=frame["y"]), "y", ["x", "copy"])


def test_collinear_and_constant_columns_are_left_out_by_name() -> None:
    frame = simulated(10)
    frame = frame.assign(twice=2 * frame["x"] - 3, one=1.0, height=frame["city"].map({"a": 5.0, "b": 7.0, "c": 1.0}))
    fit = probit(frame, "y", ["x", "twice", "one", "height"], dummies=["city"])
    assert list(fit.terms.index) == ["x", "constant"]
    assert fit.warnings == (
        "one was left out: it does not vary.",
        "twice was left out: the dummies and the regressors before it determine it.",
        "height was left out: the dummies and the regressors before it determine it.",
    )
    plain = probit(frame, "y", ["x"], dummies=["city"])
    pd.testing.assert_frame_equal(fit.terms, plain.terms, rtol=1e-9)


def test_nested_dummies_lose_the_redundant_ones() -> None:
    frame = simulated(11)
    frame["province"] = frame["city"].map({"a": "p", "b": "p", "c": "q"})
    fit = fit_probit(frame, "y", ["x"], dummies=["city", "province"])
    assert fit.estimates.warnings == (
        "1 dummies were left out, as the dummies before them determine them: province=q.",
    )
    plain = fit_probit(frame, "y", ["x"], dummies=["city"])
    np.testing.assert_allclose(fit.coefficients, plain.coefficients, rtol=1e-9)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000), scale=st.floats(1e-4, 1e5), shift=st.floats(-100, 100))
def test_rescaling_and_reordering_change_nothing_else(seed: int, scale: float, shift: float) -> None:
    frame = simulated(seed, observations=200)
    options = {"dummies": ["city"], "clusters": ["firm"]}
    base = probit(frame, "y", ["x", "z"], **options)
    moved = probit(frame.sample(frac=1, random_state=seed), "y", ["x", "z"], **options)
    np.testing.assert_allclose(moved.terms, base.terms, rtol=1e-7, atol=1e-9)
    rescaled = probit(frame.assign(x=shift + scale * frame["x"]), "y", ["x", "z"], **options)
    assert rescaled.terms.loc["x", "estimate"] * scale == pytest.approx(base.terms.loc["x", "estimate"], rel=1e-7)
    assert rescaled.terms.loc["x", "statistic"] == pytest.approx(base.terms.loc["x", "statistic"], rel=1e-6)
    np.testing.assert_allclose(rescaled.terms.loc["z"], base.terms.loc["z"], rtol=1e-6, atol=1e-9)


def test_powers_of_a_year_do_not_spoil_the_conditioning() -> None:
    frame = simulated(12).assign(trend=lambda f: f["year"] - 2001.5)
    raw = probit(frame, "y", ["year", "year:year"])
    centred = probit(frame, "y", ["trend", "trend:trend"])
    assert raw.statistics["log_likelihood"] == pytest.approx(centred.statistics["log_likelihood"], rel=1e-12)
    for name in ("estimate", "standard_error"):
        assert raw.terms.loc["year:year", name] == pytest.approx(centred.terms.loc["trend:trend", name], rel=1e-5)


def test_missing_values_are_counted() -> None:
    frame = simulated(13).astype({"y": float})
    frame.loc[:4, "x"] = np.nan
    frame.loc[5:6, "y"] = np.nan
    fit = probit(frame, "y", ["x"])
    assert (fit.observations, fit.missing) == (293, 7)
    assert np.isfinite(fit.terms.to_numpy()).all()


def test_rows_without_a_cluster_are_dropped_and_said() -> None:
    frame = simulated(23).astype({"firm": float})
    frame.loc[:2, "firm"] = np.nan
    fit = probit(frame, "y", ["x"], clusters=["firm"])
    assert (fit.observations, fit.missing) == (297, 3)
    assert fit.warnings == ("3 observations lack their cluster (firm) and were dropped.",)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"y": 2}, "'y' must be 0 or 1, but 2 was found"),
        ({"y": 1}, "'y' does not vary: it is 1 in all 300 rows"),
        ({"x": "text"}, "Column 'x' must hold numbers"),
        ({"x": np.inf}, "Column 'x' has 300 infinite values"),
        ({"firm": 1}, "'firm' has only one cluster"),
        ({"x": np.nan}, "No complete observation is left"),
    ],
)
def test_bad_columns_are_named(change: dict, message: str) -> None:
    with pytest.raises(InputError, match=message):
        probit(simulated(14).assign(**change), "y", ["x"], clusters=["firm"])


def test_unknown_columns_and_covariances_get_the_nearest_name() -> None:
    with pytest.raises(InputError, match="did you mean 'city'"):
        probit(simulated(15), "y", ["x"], dummies=["citty"])
    with pytest.raises(InputError, match="did you mean 'robust'"):
        probit(simulated(15), "y", ["x"], covariance="robst")
    with pytest.raises(InputError, match="at least one cluster variable"):
        probit(simulated(15), "y", ["x"], covariance="clustered")


def test_an_outcome_among_its_regressors_and_a_last_cluster_are_refused() -> None:
    frame = simulated(18)
    with pytest.raises(InputError, match="'y' is also a regressor"):
        probit(frame, "y", ["x", "y"])
    frame["region"] = np.where(frame["city"] == "a", "kept", "lost")
    frame.loc[frame["region"] == "lost", "y"] = 1
    with pytest.raises(InputError, match="region has only one cluster"):
        probit(frame, "y", ["x"], dummies=["city"], clusters=["region"])


def test_rounding_noise_is_no_variation() -> None:
    frame = simulated(19)
    noise = np.where(frame["d"] == 1, 0.1 + 0.2, 0.3)
    assert probit(frame.assign(noise=noise), "y", ["x", "noise"]).warnings == ("noise was left out: it does not vary.",)


@pytest.mark.parametrize("unit", [1e-200, 1e200])
def test_numbers_beyond_floating_point_are_refused(unit: float) -> None:
    with pytest.raises(InputError, match=r"'x' reaches .* change its unit"):
        probit(simulated(20).assign(x=lambda f: f["x"] * unit), "y", ["x", "z"])


def test_an_interaction_that_separates_one_group_is_named() -> None:
    frame = simulated(21)
    frame.loc[frame["d"] == 1, "y"] = (frame["x"] > 3).astype(int)
    frame["above"] = frame["x"] - 3
    with pytest.raises(InputError, match="above:d predicts 'y' perfectly"):
        probit(frame, "y", ["above", "d", "above:d"])
    with pytest.raises(InputError, match=r"combination of .*x:d.* predicts"):
        probit(frame, "y", ["x", "d", "x:d"])


def test_near_separation_is_still_estimated() -> None:
    frame = simulated(22)
    frame["y"] = (frame["x"] > 3).astype(int)
    frame.loc[:1, "y"] = 1 - frame.loc[:1, "y"]
    X = sm.add_constant(frame[["x", "z"]])[["x", "z", "const"]]
    reference = sm.Probit(frame["y"], X).fit(disp=0, maxiter=200, tol=1e-14)
    np.testing.assert_allclose(probit(frame, "y", ["x", "z"]).terms["estimate"], reference.params, rtol=1e-6)


def test_fewer_clusters_than_coefficients_is_said() -> None:
    fit = probit(simulated(16), "y", ["x", "z", "d"], clusters=["city"])
    assert any("Fewer clusters of city" in sentence for sentence in fit.warnings)
    assert np.isfinite(fit.terms.to_numpy()).all()


@pytest.mark.parametrize("link", ["probit", "logit"])
def test_sampling_weights_are_those_of_rows_written_out(link: str) -> None:
    frame = simulated(8)
    frame["weight"] = np.random.default_rng(8).integers(0, 4, len(frame)).astype(float)
    frame["row"] = np.arange(len(frame))
    copies = frame.loc[frame.index.repeat(frame["weight"].astype(int))]
    estimator = probit if link == "probit" else logit
    arguments = {"dummies": ["year"], "clusters": ["row"]}
    ours = estimator(frame, "y", ["x", "d", "x:d"], weights="weight", **arguments)
    written = estimator(copies, "y", ["x", "d", "x:d"], **arguments)
    pd.testing.assert_frame_equal(ours.terms, written.terms, rtol=1e-8)
    for name in ("average marginal effects", "interaction effects"):
        pd.testing.assert_frame_equal(ours.related[name].terms, written.related[name].terms, rtol=1e-7)
    assert ours.statistics["pseudo_r2"] == pytest.approx(written.statistics["pseudo_r2"])
    robust = estimator(frame, "y", ["x", "d", "x:d"], weights="weight", dummies=["year"])
    pd.testing.assert_frame_equal(robust.terms, ours.terms, rtol=1e-8)
    assert robust.covariance_kind == "robust"
    with pytest.raises(InputError, match="robust or clustered: iid has no meaning"):
        estimator(frame, "y", ["x"], weights="weight", covariance="iid")


def test_weighted_logit_is_the_generalised_linear_model() -> None:
    frame = simulated(9).assign(weight=lambda f: 0.5 + f["z"])
    X = sm.add_constant(frame[["x", "z"]])[["x", "z", "const"]]
    model = sm.GLM(frame["y"], X, family=sm.families.Binomial(), var_weights=frame["weight"])
    theirs = model.fit(tol=1e-14, cov_type="HC0")
    ours = logit(frame, "y", ["x", "z"], weights="weight")
    np.testing.assert_allclose(ours.terms["estimate"], theirs.params, rtol=1e-8)
    factor = np.sqrt(len(frame) / (len(frame) - 1))
    np.testing.assert_allclose(ours.terms["standard_error"], theirs.bse * factor, rtol=1e-7)
