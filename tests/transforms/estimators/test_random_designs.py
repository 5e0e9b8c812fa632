"""Estimators on random designs against other programs and against dummies and steps written out.

The designs are unbalanced, with singletons, clusters that nest an effect, weights and missing values.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar

from haiguan.transforms.estimators.event_study import event_study
from haiguan.transforms.estimators.mediation import mediation
from haiguan.transforms.estimators.placebo import placebo
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.production.example import example_firms
from haiguan.transforms.estimators.production.levinsohn_petrin import levinsohn_petrin
from haiguan.transforms.estimators.production.olley_pakes import olley_pakes
from haiguan.transforms.estimators.production.panel import ProductionColumns
from haiguan.transforms.estimators.quantile import quantile_regression

SEEDS = st.integers(0, 10_000)
FEW = settings(max_examples=8, deadline=None)
REWEIGHTINGS = 20_000


def design(seed: int, *, missing: bool = False) -> pd.DataFrame:
    """Firms of one to eight years in seven cities; a treatment and a mediator that vary over time."""
    rng = np.random.default_rng(seed)
    firms = int(rng.integers(20, 35))
    frame = pd.DataFrame({"firm": np.repeat(np.arange(firms), rng.integers(1, 9, firms))})
    n = len(frame)
    frame["year"] = 2000 + frame.groupby("firm").cumcount() + frame["firm"] % 2
    frame["city"] = frame["firm"] % 7
    frame["x"], frame["w"] = rng.normal(size=(2, n))
    frame["m"] = 0.5 * frame["x"] + 0.2 * frame["w"] + rng.normal(size=n)
    frame["y"] = 0.4 * frame["x"] + 0.6 * frame["m"] + 0.05 * frame["firm"] + rng.normal(size=n)
    frame["weight"] = rng.uniform(0.3, 3.0, n)
    frame["exports"] = rng.poisson(np.exp(0.3 * frame["x"] - 0.2 * frame["w"] + 0.02 * frame["firm"] + 0.5))
    if missing:
        frame.loc[rng.random(n) < 0.1, "w"] = np.nan
    return frame


def without_singletons(frame: pd.DataFrame, effects: list[str]) -> pd.DataFrame:
    while True:
        alone = np.any([frame.groupby(name)[name].transform("size") == 1 for name in effects], axis=0)
        if not alone.any():
            return frame
        frame = frame[~alone]


def written_out(frame: pd.DataFrame, columns: list[str], effects: list[str]) -> np.ndarray:
    """The columns and a dummy for every level, one of each further effect left out."""
    dummies = [
        pd.get_dummies(frame[name], dtype=float).iloc[:, min(place, 1) :].to_numpy()
        for place, name in enumerate(effects)
    ]
    return np.column_stack([frame[columns].to_numpy(float), *dummies])


def clustered(matrix: np.ndarray, residuals: np.ndarray, groups: pd.Series) -> np.ndarray:
    """The raw sandwich of a linear equation."""
    bread = np.linalg.pinv(matrix.T @ matrix, hermitian=True)
    sums = pd.DataFrame(matrix * residuals[:, None]).groupby(groups.to_numpy()).sum().to_numpy()
    return bread @ sums.T @ sums @ bread


@FEW
@given(seed=SEEDS, missing=st.booleans(), weights=st.booleans())
def test_poisson_is_the_generalised_linear_model_with_dummies(seed, missing, weights):
    frame = design(seed, missing=missing)
    asked = {"weights": "weight"} if weights else {}
    fit = poisson(frame, "exports", ["x", "w"], fixed_effects=["firm"], clusters=["city"], small_sample="none", **asked)
    sample = frame.dropna()
    while True:
        kept = without_singletons(sample[sample.groupby("firm")["exports"].transform("sum") > 0], ["firm"])
        if len(kept) == len(sample):
            break
        sample = kept
    matrix = written_out(sample, ["x", "w"], ["firm"])
    weight = sample["weight"] / sample["weight"].mean() if weights else np.ones(len(sample))
    model = sm.GLM(sample["exports"], matrix, family=sm.families.Poisson(), freq_weights=weight)
    other = model.fit(tol=1e-14, maxiter=200)
    assert fit.observations == len(sample)
    np.testing.assert_allclose(fit.terms["estimate"], other.params[:2], rtol=1e-8, atol=1e-10)
    information = matrix * np.asarray(weight * other.mu)[:, None]
    bread = np.linalg.inv(matrix.T @ information)
    scores = matrix * np.asarray(weight * (sample["exports"] - other.mu))[:, None]
    sums = pd.DataFrame(scores).groupby(sample["city"].to_numpy()).sum().to_numpy()
    np.testing.assert_allclose(fit.covariance, (bread @ sums.T @ sums @ bread)[:2, :2], rtol=1e-7, atol=1e-11)


@FEW
@given(seed=SEEDS, missing=st.booleans(), share=st.sampled_from([0.2, 0.5, 0.75]))
def test_quantile_regression_is_that_of_statsmodels(seed, missing, share):
    frame = design(seed, missing=missing)
    fit = quantile_regression(frame, "y", ["x", "w"], quantile=share)
    sample = frame.dropna()
    matrix = sm.add_constant(sample[["x", "w"]])
    other = sm.QuantReg(sample["y"], matrix).fit(q=share, p_tol=1e-12, max_iter=REWEIGHTINGS)

    def loss(beta: np.ndarray) -> float:
        residuals = (sample["y"] - matrix @ beta).to_numpy()
        return float((residuals * (share - (residuals < 0))).sum())

    ours = fit.terms["estimate"][["constant", "x", "w"]].to_numpy()
    assert fit.observations == len(sample)
    assert fit.statistics["pseudo_r1"] == pytest.approx(1 - loss(ours) / _alone(sample["y"], share), rel=1e-8)
    # Reweighting stops near the vertex, or not at all; the linear programme stands on it and is never worse.
    assert loss(ours) <= loss(other.params.to_numpy()) * (1 + 1e-12)
    assume(other.iterations < REWEIGHTINGS)
    np.testing.assert_allclose(ours, other.params, atol=1e-3)
    assert loss(ours) == pytest.approx(loss(other.params.to_numpy()), rel=1e-5)


def _alone(outcome: pd.Series, share: float) -> float:
    residuals = outcome - np.quantile(outcome, share, method="inverted_cdf")
    return float((residuals * (share - (residuals < 0))).sum())


@FEW
@given(seed=SEEDS, missing=st.booleans(), weights=st.booleans())
def test_placebo_draws_are_refits_with_every_assignment(seed, missing, weights):
    frame = design(seed, missing=missing)
    frame["half"] = frame["city"] % 4
    frame["treated"] = (frame["half"] == 0).astype(float)
    asked = {"controls": ["w"], "fixed_effects": ["year"], "clusters": ["firm"]}
    found = placebo(
        frame, "y", "treated", blocks=["half"], draws=40, seed=seed, weights="weight" if weights else None, **asked
    )
    sample = without_singletons(frame.dropna(), ["year"])
    refits = np.array([_refit(sample, (sample["half"] == dealt).astype(float), weights) for dealt in range(4)])
    drawn = found.draws.to_numpy()
    nearest = np.abs(drawn[:, None, 0] - refits[None, :, 0]).argmin(axis=1)
    np.testing.assert_allclose(drawn, refits[nearest], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(found.statistic, refits[0, 1], rtol=1e-8)
    reached = (np.abs(drawn) >= np.abs(refits[0]) * (1 - 1e-9)).sum(axis=0)
    assert [found.p_value, found.p_value_statistic] == ((1 + reached) / 41).tolist()


def _refit(sample: pd.DataFrame, treated: pd.Series, weights: bool) -> tuple[float, float]:
    """Coefficient and raw clustered t statistic with a column for every dummy."""
    matrix = written_out(sample.assign(treated=treated), ["treated", "w"], ["year"])
    root = np.sqrt(sample["weight"] / sample["weight"].mean()).to_numpy() if weights else np.ones(len(sample))
    beta = np.linalg.lstsq(matrix * root[:, None], sample["y"] * root, rcond=None)[0]
    residuals = root * (sample["y"] - matrix @ beta)
    variance = clustered(matrix * root[:, None], residuals.to_numpy(), sample["firm"])[0, 0]
    return float(beta[0]), float(beta[0] / np.sqrt(variance))


@FEW
@given(seed=SEEDS, missing=st.booleans())
def test_an_event_study_is_least_squares_on_dummies_made_by_hand(seed, missing):
    frame = design(seed, missing=missing)
    frame["opened"] = np.where(frame["firm"] % 3 == 0, np.nan, 2002 + frame["firm"] % 3)
    path = event_study(frame, "y", "firm", "year", "opened", window=(-2, 2), controls=["w"])
    sample = without_singletons(frame.dropna(subset=["w"]), ["firm", "year"])
    distance = (sample["year"] - sample["opened"]).clip(-2, 2)
    dummies = pd.DataFrame({k: (distance == k).astype(float) for k in (-2, 0, 1, 2)})
    matrix = written_out(
        sample.assign(**{str(k): dummies[k] for k in dummies}), ["-2", "0", "1", "2", "w"], ["firm", "year"]
    )
    assume(np.linalg.matrix_rank(matrix) == matrix.shape[1])
    beta = np.linalg.lstsq(matrix, sample["y"], rcond=None)[0]
    points = path.points.set_index("horizon")
    np.testing.assert_allclose(points.loc[[-2, 0, 1, 2], "estimate"], beta[:4], rtol=1e-8, atol=1e-9)
    assert points.loc[-1, ["estimate", "standard_error"]].tolist() == [0, 0]
    variance = clustered(matrix, (sample["y"] - matrix @ beta).to_numpy(), sample["firm"])
    n, firms, counted = len(sample), sample["firm"].nunique(), 5 + sample["year"].nunique()
    errors = np.sqrt(np.diag(variance)[:4] * (n - 1) / (n - counted) * firms / (firms - 1))
    np.testing.assert_allclose(points.loc[[-2, 0, 1, 2], "standard_error"], errors, rtol=1e-7)


@FEW
@given(seed=SEEDS, missing=st.booleans())
def test_mediation_is_its_regressions_by_hand(seed, missing):
    frame = design(seed, missing=missing)
    found = mediation(frame, "y", "x", "m", controls=["w"], fixed_effects=["firm", "year"], clusters=["firm"], draws=0)
    sample = without_singletons(frame.dropna(), ["firm", "year"])
    n, firms, years = len(sample), sample["firm"].nunique(), sample["year"].nunique()

    def regression(outcome: str, columns: list[str]) -> tuple[np.ndarray, np.ndarray]:
        matrix = written_out(sample, columns, ["firm", "year"])
        beta = np.linalg.lstsq(matrix, sample[outcome], rcond=None)[0]
        variance = np.diag(clustered(matrix, (sample[outcome] - matrix @ beta).to_numpy(), sample["firm"]))
        return beta, variance * (n - 1) / (n - len(columns) - years) * firms / (firms - 1)

    (total, _), (first, first_variance), (direct, direct_variance) = (
        regression("y", ["x", "w"]), regression("m", ["x", "w"]), regression("y", ["x", "m", "w"])
    )  # fmt: skip
    by_hand = [total[0], direct[0], first[0] * direct[1]]
    np.testing.assert_allclose(found.effects["estimate"], by_hand, rtol=1e-8, atol=1e-10)
    sobel = np.sqrt(first[0] ** 2 * direct_variance[1] + direct[1] ** 2 * first_variance[0])
    assert found.effects.loc["indirect", "standard_error"] == pytest.approx(sobel, rel=1e-7)
    assert found.indirect_share == pytest.approx(first[0] * direct[1] / total[0], rel=1e-8)


def steps(firms: pd.DataFrame, proxy: str) -> tuple[float, np.ndarray, np.ndarray]:
    """Labour's coefficient, output net of labour, and what powers of capital and the proxy predict of it."""
    powers = [firms["capital"] ** i * firms[proxy] ** j for i in range(3) for j in range(3 - i)]
    matrix = np.column_stack([firms["labour"], *powers])
    beta = np.linalg.lstsq(matrix, firms["output"], rcond=None)[0]
    return float(beta[0]), firms["output"].to_numpy() - beta[0] * firms["labour"].to_numpy(), matrix[:, 1:] @ beta[1:]


def innovation(capital: float, firms: pd.DataFrame, net: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """What a square in lagged productivity leaves of productivity at some coefficient of capital."""
    by_firm = pd.DataFrame({"firm": firms["firm"], "omega": predicted - capital * firms["capital"]})
    lagged = by_firm.groupby("firm")["omega"].shift(1).to_numpy()
    has = ~np.isnan(lagged)
    basis = np.column_stack([np.ones(has.sum()), lagged[has], lagged[has] ** 2])
    now = (net - capital * firms["capital"].to_numpy())[has]
    return now - basis @ np.linalg.lstsq(basis, now, rcond=None)[0]


@settings(max_examples=4, deadline=None)
@given(seed=SEEDS)
def test_olley_and_pakes_is_its_steps_by_hand(seed):
    firms = example_firms(firms=60, years=6, seed=seed, leave=False)
    columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "investment")
    found = olley_pakes(firms, columns, degree=2).coefficients
    labour, net, predicted = steps(firms, "investment")
    assert found["labour"] == pytest.approx(labour, rel=1e-7)

    def squares(capital: float) -> float:
        return float((innovation(capital, firms, net, predicted) ** 2).sum())

    near = minimize_scalar(squares, bounds=(found["capital"] - 0.3, found["capital"] + 0.3), method="bounded")
    assert squares(found["capital"]) <= near.fun * (1 + 1e-9)
    slope = (squares(found["capital"] + 1e-4) - squares(found["capital"] - 1e-4)) / 2e-4
    assert slope == pytest.approx(0, abs=1e-3 * squares(found["capital"]))


@settings(max_examples=4, deadline=None)
@given(seed=SEEDS)
def test_levinsohn_and_petrin_is_its_steps_by_hand(seed):
    firms = example_firms(firms=60, years=6, seed=seed, leave=False)
    columns = ProductionColumns("firm", "year", "output", ("labour",), ("capital",), "materials")
    found = levinsohn_petrin(firms, columns, degree=2).coefficients
    labour, net, predicted = steps(firms, "materials")
    assert found["labour"] == pytest.approx(labour, rel=1e-7)
    capital = firms["capital"].to_numpy()
    has = firms.groupby("firm").cumcount().to_numpy() > 0
    moment = innovation(found["capital"], firms, net, predicted) @ (capital - capital.mean())[has]
    assert moment == pytest.approx(0, abs=1e-5)
