"""Least squares against dummies written out by hand, and the laws that it must keep."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from linearmodels.datasets import wage_panel
from linearmodels.panel import PanelOLS

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.linear import least_squares


def random_panel(seed: int, *, weights: bool = False, missing: bool = False) -> pd.DataFrame:
    """Unbalanced: firms of one to nine years in cities, so that there are singletons and nested clusters."""
    rng = np.random.default_rng(seed)
    firms = int(rng.integers(15, 40))
    frame = pd.DataFrame({"firm": np.repeat(np.arange(firms), rng.integers(1, 10, firms))})
    n = len(frame)
    frame["year"] = 2000 + rng.integers(0, 8, n)
    frame["city"] = frame["firm"] % 7
    frame["region"] = rng.integers(0, 6, n)
    frame["x"] = rng.normal(size=n) + 0.3 * frame["firm"] % 3
    frame["w"] = rng.normal(size=n) * (1 + frame["year"] % 3)
    frame["y"] = 0.5 * frame["x"] - 0.2 * frame["w"] + 0.1 * frame["firm"] + rng.normal(size=n) * (1 + abs(frame["x"]))
    frame["weight"] = rng.uniform(0.2, 3.0, n) if weights else 1.0
    if missing:
        frame.loc[rng.random(n) < 0.1, "w"] = np.nan
    return frame


def without_singletons(frame: pd.DataFrame, effects: list[str]) -> pd.DataFrame:
    while True:
        alone = np.zeros(len(frame), dtype=bool)
        for effect in effects:
            alone |= (frame.groupby(effect)[effect].transform("size") == 1).to_numpy()
        if not alone.any():
            return frame
        frame = frame[~alone]


def by_hand(
    frame: pd.DataFrame, effects: list[str], clusters: list[str]
) -> tuple[np.ndarray, np.ndarray, pd.DataFrame]:
    """Coefficients and raw cluster-robust covariance of x and w, with a column for every dummy."""
    frame = without_singletons(frame.dropna(), effects)
    dummies = pd.get_dummies(frame[effects].astype(str), dtype=float).to_numpy()
    X = np.column_stack([frame["x"], frame["w"], dummies])
    root = np.sqrt(frame["weight"] / frame["weight"].mean()).to_numpy()[:, None]
    pseudo = np.linalg.pinv(X * root, rcond=1e-12)
    beta = pseudo @ (frame["y"].to_numpy() * root[:, 0])
    residuals = (frame["y"].to_numpy() - X @ beta) * root[:, 0]
    influence = pseudo[:2].T * residuals[:, None]

    def summed(keys: list[str]) -> np.ndarray:
        sums = (
            pd.DataFrame(influence).groupby(frame[keys].astype(str).agg("|".join, axis=1).to_numpy()).sum().to_numpy()
        )
        return sums.T @ sums

    covariance = sum(summed([key]) for key in clusters) - (summed(clusters) if len(clusters) == 2 else 0)
    return beta[:2], covariance, frame


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    weights=st.booleans(),
    missing=st.booleans(),
    cluster=st.sampled_from(["firm", "city", "region"]),
)
def test_equals_dummies_written_out(seed, weights, missing, cluster):
    frame = random_panel(seed, weights=weights, missing=missing)
    beta, covariance, sample = by_hand(frame, ["firm", "year"], [cluster])
    fit = least_squares(
        frame,
        "y",
        ["x", "w"],
        fixed_effects=["firm", "year"],
        clusters=[cluster],
        weights="weight",
        small_sample="none",
    )
    assert fit.observations == len(sample)
    assert fit.singletons == len(frame.dropna()) - len(sample)
    assert fit.missing == len(frame) - len(frame.dropna())
    np.testing.assert_allclose(fit.terms["estimate"], beta, rtol=1e-8)
    np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-7, atol=1e-12)


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_two_way_clusters_add_and_subtract(seed):
    frame = random_panel(seed)
    _, covariance, _ = by_hand(frame, ["firm"], ["firm", "region"])
    fit = least_squares(
        frame, "y", ["x", "w"], fixed_effects=["firm"], clusters=["firm", "region"], small_sample="none"
    )
    if np.linalg.eigvalsh(covariance).min() > 0:
        np.testing.assert_allclose(fit.covariance, covariance, rtol=1e-7)
    assert np.linalg.eigvalsh(fit.covariance).min() >= -1e-12
    assert fit.degrees_of_freedom == 5


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 10_000))
def test_crossed_effects_are_cells(seed):
    frame = random_panel(seed)
    frame["cell"] = frame["region"].astype(str) + "/" + frame["year"].astype(str)
    crossed = least_squares(frame, "y", ["x"], fixed_effects=["firm", "region^year"], clusters=["firm"])
    cells = least_squares(frame, "y", ["x"], fixed_effects=["firm", "cell"], clusters=["firm"])
    pd.testing.assert_frame_equal(crossed.terms, cells.terms)
    assert crossed.fixed_effects["region^year"] == cells.fixed_effects["cell"]


def test_nested_firm_effects_count_once_as_reghdfe_does():
    # N 516 etc. are of no matter: K is k + T where the cluster is the firm (one for the nested effect, T - 1 years).
    panel = wage_panel.load()
    terms, n, k = ["married", "union", "expersq"], len(panel), 3 + panel["year"].nunique()
    groups = panel["nr"].nunique()
    settings_ = {"fixed_effects": ["nr", "year"], "clusters": ["nr"]}
    raw = least_squares(panel, "lwage", terms, small_sample="none", **settings_)
    fit = least_squares(panel, "lwage", terms, **settings_)
    factor = (n - 1) / (n - k) * groups / (groups - 1)
    np.testing.assert_allclose(fit.covariance, raw.covariance * factor, rtol=1e-12)


def test_agrees_with_linearmodels_without_factor():
    panel = wage_panel.load()
    fit = least_squares(
        panel, "lwage", ["married", "union"], fixed_effects=["nr", "year"], clusters=["nr"], small_sample="none"
    )
    other = PanelOLS.from_formula(
        "lwage ~ married + union + EntityEffects + TimeEffects", panel.set_index(["nr", "year"])
    ).fit(
        cov_type="clustered",
        cluster_entity=True,
        debiased=False,
        group_debias=False,
        auto_df=False,
        count_effects=False,
    )
    np.testing.assert_allclose(fit.terms["estimate"], other.params, rtol=1e-10)
    np.testing.assert_allclose(fit.terms["standard_error"], other.std_errors, rtol=1e-10)


def test_row_order_does_not_matter():
    frame = random_panel(7)
    shuffled = frame.sample(frac=1, random_state=1)
    arguments = {"fixed_effects": ["firm", "year"], "clusters": ["city", "region"]}
    first = least_squares(frame, "y", ["x", "w"], **arguments)
    second = least_squares(shuffled, "y", ["x", "w"], **arguments)
    np.testing.assert_allclose(first.terms, second.terms, rtol=1e-9)


@pytest.mark.parametrize("scale", [1e-9, 1e9])
def test_units_only_move_the_decimal_point(scale):
    frame = random_panel(3)
    frame["scaled"] = frame["x"] * scale
    arguments = {"fixed_effects": ["firm", "year"], "clusters": ["firm"]}
    plain = least_squares(frame, "y", ["x", "w"], **arguments).terms
    scaled = least_squares(frame, "y", ["scaled", "w"], **arguments).terms
    assert scaled.loc["scaled", "estimate"] * scale == pytest.approx(plain.loc["x", "estimate"], rel=1e-9)
    assert scaled.loc["scaled", "statistic"] == pytest.approx(plain.loc["x", "statistic"], rel=1e-9)
    assert scaled.loc["w", "estimate"] == pytest.approx(plain.loc["w", "estimate"], rel=1e-9)


PROGRAM = """
from linearmodels.datasets import wage_panel
from haiguan.transforms.estimators.linear import least_squares
panel = wage_panel.load()
panel["group"] = panel["nr"] // 100
fit = least_squares(panel, "lwage", ["married", "union"], fixed_effects=["nr", "group^year"], clusters=["nr"])
print(fit.terms.map(float.hex).to_csv())
"""


def test_hash_seed_and_threads_do_not_matter():
    # pyfixest 0.60 counts nested effects in the order of a set of strings, and so by the hash seed.
    variants = [{"PYTHONHASHSEED": seed, "RAYON_NUM_THREADS": threads} for seed, threads in (("0", "1"), ("2", "2"))]
    printed = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM], env={**os.environ, **variant}, capture_output=True, text=True, check=True
        ).stdout
        for variant in variants
    }
    assert len(printed) == 1


def test_poorly_connected_effects_reach_the_same_answer():
    # Movers are rare, so alternating projections would need tens of thousands of rounds.
    rng = np.random.default_rng(5)
    n = 6_000
    firm = np.repeat(np.arange(n // 5), 5)
    buyer = np.where(rng.random(n) < 0.02, rng.integers(0, n // 50, n), firm // 12)
    frame = pd.DataFrame({"firm": firm, "buyer": buyer, "x": rng.normal(size=n) + np.cumsum(rng.normal(size=n)) / 50})
    frame["y"] = 0.25 * frame["x"] + np.sin(firm) + np.cos(buyer)
    fit = least_squares(frame, "y", ["x"], fixed_effects=["firm", "buyer"], covariance="iid")
    assert fit.terms.loc["x", "estimate"] == pytest.approx(0.25, abs=1e-7)


def test_constant_with_absorbed_effects_is_the_one_at_their_mean():
    frame = random_panel(11)
    fit = least_squares(frame, "y", ["x"], fixed_effects=["firm"], clusters=["city"], constant=True)
    sample = without_singletons(frame, ["firm"])
    slope = fit.terms.loc["x", "estimate"]
    assert fit.terms.loc["constant", "estimate"] == pytest.approx(sample["y"].mean() - slope * sample["x"].mean())


def test_columns_left_out_are_named():
    frame = random_panel(2)
    frame["twice"], frame["by_firm"] = 2 * frame["x"] - frame["w"], frame["firm"] ** 2
    fit = least_squares(frame, "y", ["x", "w", "twice", "by_firm"], fixed_effects=["firm"], clusters=["firm"])
    assert list(fit.terms.index) == ["x", "w"]
    assert any("twice" in text and "collinear" in text for text in fit.warnings)
    assert any("by_firm" in text and "absorbed" in text for text in fit.warnings)


def test_products_of_columns():
    frame = random_panel(2)
    frame["product"] = frame["x"] * frame["w"]
    named = least_squares(frame, "y", ["x", "w", "x:w"]).terms.loc["x:w"]
    made = least_squares(frame, "y", ["x", "w", "product"]).terms.loc["product"]
    np.testing.assert_allclose(named, made, rtol=1e-12)


@pytest.mark.parametrize(
    ("change", "arguments", "reason"),
    [
        ({}, {"regressors": ["xx"]}, "There is no column 'xx'; did you mean 'x'"),
        ({"x": "text"}, {}, "'x' must hold numbers"),
        ({"x": np.inf}, {}, "infinite"),
        ({"y": 1.0}, {}, "'y' does not vary"),
        ({"x": 1.0}, {}, "No regressor is left"),
        ({"city": 1}, {"clusters": ["city"]}, "'city' has only one cluster"),
        ({"x": np.nan}, {}, "lack 'x'"),
        ({"weight": -1.0}, {"weights": "weight"}, "negative"),
        ({"firm": range(30)}, {"fixed_effects": ["firm"]}, "singleton of firm"),
        ({}, {"covariance": "clusterd"}, "did you mean 'clustered'"),
        ({}, {"small_sample": "rehdfe"}, "did you mean 'reghdfe'"),
        ({}, {"regressors": "xw"}, "regressors must be a list of names, not 'xw'"),
        ({}, {"regressors": [1]}, "regressors holds 1, which is no name"),
        ({}, {"regressors": [], "fixed_effects": ["year"]}, "No regressor is left"),
        ({}, {"covariance": "iid", "clusters": ["city"]}, "drop one"),
    ],
)
def test_bad_input_is_named(change, arguments, reason):
    frame = random_panel(1).head(30).assign(**change)
    with pytest.raises(InputError, match=reason):
        least_squares(frame, "y", **{"regressors": ["x"], **arguments})


def test_an_empty_sample_is_named():
    with pytest.raises(InputError, match="sample is empty"):
        least_squares(random_panel(1).head(0), "y", ["x"])


def test_missing_clusters_and_zero_weights_are_counted():
    frame = random_panel(1)
    frame["city"] = frame["city"].astype(float).where(frame.index > 2)
    frame.loc[5:6, "weight"] = 0.0
    fit = least_squares(frame, "y", ["x"], clusters=["city"], weights="weight")
    assert fit.observations == len(frame) - 5
    assert "3 observations lack their cluster (city) and were dropped." in fit.warnings
    assert "2 observations of zero weight (weight) were dropped." in fit.warnings


def test_few_clusters_are_named():
    frame = random_panel(1).assign(half=lambda f: f["firm"] % 2)
    fit = least_squares(frame, "y", ["x", "w", "x:w"], clusters=["half"])
    assert any(text.startswith("Only 2 clusters of half") for text in fit.warnings)
    assert any(text.startswith("Fewer clusters of half (2) than regressors") for text in fit.warnings)
    assert not fit.terms.isna().to_numpy().any()
    assert "f_statistic" not in fit.statistics


def test_no_number_is_ever_nan():
    frame = random_panel(1)
    frame["x"] = frame["x"] * 1e200
    with np.errstate(over="ignore", invalid="ignore"), pytest.raises(InputError, match="x"):
        least_squares(frame, "y", ["x"], covariance="iid")


def test_a_perfect_fit_is_printed_without_nan():
    frame = random_panel(1).assign(y=lambda f: 2 * f["x"])
    fit = least_squares(frame, "y", ["x"], covariance="iid")
    assert fit.terms.loc["x", "estimate"] == pytest.approx(2)
    assert not fit.terms.isna().to_numpy().any()
