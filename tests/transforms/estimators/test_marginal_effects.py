"""Marginal and interaction effects against closed forms, finite differences and saturated models."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, ndtr
from scipy.stats import norm

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.binary_response import BinaryResponse
from haiguan.transforms.estimators.marginal_effects import (
    average_marginal_effects,
    effect_by_observation,
    interaction_effects,
)
from haiguan.transforms.estimators.probit import fit_logit, fit_probit, probit

# Zeros and ones per cell of two dummies (d, s): entry rates 2, 10, 10 and 25 per cent.
CELLS = {(0, 0): (98, 2), (0, 1): (90, 10), (1, 0): (180, 20), (1, 1): (75, 25)}
TERMS = ["x", "z", "d", "s", "x:z", "x:x", "x:d", "d:s"]


def cells() -> pd.DataFrame:
    rows = [(d, s, y) for (d, s), counts in CELLS.items() for y in (0, 1) for _ in range(counts[y])]
    return pd.DataFrame(rows, columns=["d", "s", "y"])


def simulated(seed: int = 0, observations: int = 400) -> pd.DataFrame:
    random = np.random.default_rng(seed)
    frame = pd.DataFrame(random.normal(1, 1, (observations, 2)), columns=["x", "z"])
    frame[["d", "s"]] = random.integers(0, 2, (observations, 2))
    frame["year"], frame["firm"] = random.integers(0, 3, observations), random.integers(0, 30, observations)
    index = 0.3 * frame["x"] - 0.5 * frame["z"] + 0.4 * frame["x"] * frame["z"] - 0.3 * frame["d"] * frame["x"]
    return frame.assign(y=(index + random.normal(size=observations) > 0).astype(int))


def probability_of(model: BinaryResponse, cdf: Callable) -> Callable:
    """P(y = 1) by row, as a plain function of all coefficients and of changed columns: the brute-force reference."""

    def probability(frame: pd.DataFrame, coefficients: pd.Series) -> np.ndarray:
        index = np.zeros(len(frame))
        for name, value in coefficients.items():
            if "=" in name:
                column, level = name.split("=")
                index += value * (frame[column].astype(str) == level).to_numpy()
            elif name == "constant":
                index += value
            else:
                index += value * np.prod([frame[part].to_numpy(float) for part in name.split(":")], axis=0)
        return cdf(index)

    return probability


def brute_force(model: BinaryResponse, cdf: Callable, frame: pd.DataFrame, variables: tuple[str, ...]) -> Callable:
    """The average effect as a function of the coefficients, by differences of probabilities alone."""
    probability = probability_of(model, cdf)

    def average(coefficients: pd.Series) -> float:
        points = [(1.0, frame)]
        for name in variables:
            if name in ("d", "s"):
                moves = [(1.0, lambda v: v * 0 + 1), (-1.0, lambda v: v * 0)]
            else:
                h = 1e-3
                moves = [(0.5 / h, lambda v, h=h: v + h), (-0.5 / h, lambda v, h=h: v - h)]
            points = [(w * m, f.assign(**{name: move(f[name])})) for w, f in points for m, move in moves]
        return float(sum(weight * probability(point, coefficients).mean() for weight, point in points))

    return average


def delta_method_error(average: Callable, model: BinaryResponse) -> float:
    gradient = []
    for name, value in model.coefficients.items():
        h = 1e-4 * max(1.0, abs(value))
        up, down = model.coefficients.copy(), model.coefficients.copy()
        up[name] += h
        down[name] -= h
        gradient.append((average(up) - average(down)) / (2 * h))
    return float(np.sqrt(np.array(gradient) @ model.covariance.to_numpy() @ np.array(gradient)))


@pytest.mark.parametrize(("fit", "cdf"), [(fit_probit, ndtr), (fit_logit, expit)])
def test_average_effects_and_errors_by_finite_differences(fit: Callable, cdf: Callable) -> None:
    frame = simulated()
    model = fit(frame, "y", TERMS, dummies=["year"], clusters=["firm"])
    effects = average_marginal_effects(model).terms
    assert list(effects.index) == ["x", "z", "d", "s"]
    for name in effects.index:
        average = brute_force(model, cdf, frame, (name,))
        assert effects.loc[name, "estimate"] == pytest.approx(average(model.coefficients), rel=1e-5)
        assert effects.loc[name, "standard_error"] == pytest.approx(delta_method_error(average, model), rel=1e-5)


@pytest.mark.parametrize(("fit", "cdf"), [(fit_probit, ndtr), (fit_logit, expit)])
@pytest.mark.parametrize("pair", ["x:z", "x:x", "x:d", "d:s"])
def test_interaction_effects_and_errors_by_finite_differences(fit: Callable, cdf: Callable, pair: str) -> None:
    frame = simulated(1)
    model = fit(frame, "y", TERMS, dummies=["year"])
    found = interaction_effects(model)
    average = brute_force(model, cdf, frame, tuple(pair.split(":")))
    terms = found.average.terms
    assert list(terms.index) == ["x:z", "x:x", "x:d", "d:s"]
    assert terms.loc[pair, "estimate"] == pytest.approx(average(model.coefficients), rel=2e-5, abs=1e-8)
    assert terms.loc[pair, "standard_error"] == pytest.approx(delta_method_error(average, model), rel=2e-4)


@pytest.mark.parametrize("fit", [fit_probit, fit_logit])
def test_a_saturated_model_gives_differences_of_cell_means(fit: Callable) -> None:
    rate = {cell: ones / (zeros + ones) for cell, (zeros, ones) in CELLS.items()}
    size = {cell: sum(counts) for cell, counts in CELLS.items()}
    model = fit(cells(), "y", ["d", "s", "d:s"])
    found = interaction_effects(model)
    difference = rate[1, 1] - rate[1, 0] - rate[0, 1] + rate[0, 0]
    error = np.sqrt(sum(rate[c] * (1 - rate[c]) / size[c] for c in CELLS))
    assert found.average.terms.loc["d:s", "estimate"] == pytest.approx(difference, rel=1e-9)
    assert found.average.terms.loc["d:s", "standard_error"] == pytest.approx(error, rel=1e-9)
    shares = {s: (size[0, s] + size[1, s]) / sum(size.values()) for s in (0, 1)}
    of_d = sum(shares[s] * (rate[1, s] - rate[0, s]) for s in (0, 1))
    assert average_marginal_effects(model).terms.loc["d", "estimate"] == pytest.approx(of_d, rel=1e-9)


def test_the_effect_can_have_the_opposite_sign_of_the_coefficient() -> None:
    comparison = interaction_effects(fit_probit(cells(), "y", ["d", "s", "d:s"])).comparison.loc["d:s"]
    # Ai and Norton's point: .25 - .10 - .10 + .02 = .07 > 0, while the normal quantiles bend the other way
    quantiles = norm.ppf([0.25, 0.1, 0.1, 0.02])
    assert comparison["coefficient"] == pytest.approx(quantiles @ [1, -1, -1, 1], rel=1e-9)
    assert comparison["coefficient"] < 0 < comparison["effect"]
    assert comparison["effect"] == pytest.approx(0.07, rel=1e-9)
    assert comparison["share_positive"] == 1


def test_effects_by_observation_average_to_the_average_effect() -> None:
    model = fit_probit(simulated(2), "y", TERMS)
    by_row = effect_by_observation(model, ["x", "z"])
    found = interaction_effects(model)
    assert by_row["effect"].mean() == pytest.approx(found.average.terms.loc["x:z", "estimate"], rel=1e-12)
    assert found.comparison.loc["x:z", "share_positive"] == (by_row["effect"] > 0).mean()
    assert by_row["probability"].between(0, 1).all()
    index = model.coefficients["constant"] + sum(
        model.coefficients[name] * np.prod([model.design.columns[part] for part in name.split(":")], axis=0)
        for name in TERMS
    )
    np.testing.assert_allclose(by_row["probability"], ndtr(index), rtol=1e-9)


def test_continuous_effects_are_the_density_times_the_coefficient() -> None:
    frame = simulated(3)
    model = fit_probit(frame, "y", ["x", "z"])
    b = model.coefficients
    density = norm.pdf(b["constant"] + b["x"] * frame["x"] + b["z"] * frame["z"]).mean()
    effects = average_marginal_effects(model).terms["estimate"]
    np.testing.assert_allclose(effects, [density * b["x"], density * b["z"]], rtol=1e-10)


def test_large_samples_are_averaged_over_several_blocks() -> None:
    frame = simulated(8, observations=20_000)
    model = fit_probit(frame, "y", ["x", "d", "x:d"], dummies=["year"])
    effects = average_marginal_effects(model).terms["estimate"]
    for name in ("x", "d"):
        assert effects[name] == pytest.approx(brute_force(model, ndtr, frame, (name,))(model.coefficients), rel=1e-5)
    assert len(effect_by_observation(model, ["x"])) == 20_000


def test_a_zero_one_column_can_be_taken_as_continuous() -> None:
    model = fit_probit(simulated(4), "y", ["x", "d"])
    smooth = average_marginal_effects(model, discrete=[]).terms["estimate"]
    assert smooth["d"] / smooth["x"] == pytest.approx(model.coefficients["d"] / model.coefficients["x"], rel=1e-10)
    stepped = average_marginal_effects(model).terms["estimate"]
    assert stepped["d"] != smooth["d"]


def test_effects_do_not_depend_on_units_or_order() -> None:
    frame = simulated(5)
    base = average_marginal_effects(fit_probit(frame, "y", TERMS, clusters=["firm"])).terms
    other = frame.assign(x=frame["x"] * 1000).sample(frac=1, random_state=0)
    moved = average_marginal_effects(fit_probit(other, "y", TERMS, clusters=["firm"])).terms
    moved.loc["x", ["estimate", "standard_error", "ci_low", "ci_high"]] *= 1000
    np.testing.assert_allclose(moved, base, rtol=1e-7, atol=1e-10)


def test_related_estimates_hold_both_kinds_of_effects() -> None:
    frame = simulated(6)
    assert set(probit(frame, "y", TERMS).related) == {"average marginal effects", "interaction effects"}
    assert set(probit(frame, "y", ["x"]).related) == {"average marginal effects"}
    assert probit(frame, "y", [], dummies=["year"]).related == {}
    assert set(probit(frame, "y", ["x", "z", "x:z:d"]).related) == {"average marginal effects"}


def test_bad_requests_are_refused() -> None:
    model = fit_probit(simulated(7), "y", ["x", "d"])
    with pytest.raises(InputError, match="has no interaction"):
        interaction_effects(model)
    with pytest.raises(InputError, match="no regressor to report"):
        average_marginal_effects(fit_probit(simulated(7), "y", [], dummies=["year"]))
    with pytest.raises(InputError, match="x cannot have a discrete effect"):
        average_marginal_effects(model, discrete=["x"])
    with pytest.raises(InputError, match="did you mean 'd'"):
        effect_by_observation(model, ["dd"])
