"""Binary outcomes, counts, quantiles and outcomes by group."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.monte_carlo_models.worlds import TRUTH, Interval, Model, around, panel
from haiguan.transforms.estimators.grouped_two_step import grouped_two_step
from haiguan.transforms.estimators.poisson import poisson
from haiguan.transforms.estimators.probit import logit, probit
from haiguan.transforms.estimators.quantile import quantile_regression


def binary(rng: np.random.Generator) -> tuple[Interval, ...]:
    """Coefficient, average marginal effect and average interaction effect of a probit and their logit counterparts."""
    frame = panel(rng)
    # A probit identifies coefficients in units of the error, whose variance is 2 here.
    normal = frame["error"] / np.sqrt(2)
    frame["w"] = rng.normal(size=len(frame))
    index = TRUTH * frame["exogenous"] - 0.3 * frame["w"] + 0.2 * frame["exogenous"] * frame["w"] - 0.3
    frame["y"] = (index + normal > 0).astype(float)
    fit = probit(frame, "y", ["exogenous", "w", "exogenous:w"], clusters=["city"])
    slope, other = TRUTH + 0.2 * frame["w"], -0.3 + 0.2 * frame["exogenous"]
    marginal = float((slope * norm.pdf(index)).mean())
    interaction = float(((0.2 - slope * other * index) * norm.pdf(index)).mean())
    return (
        around(fit, "exogenous"),
        around(fit.related["average marginal effects"], "exogenous", marginal),
        around(fit.related["interaction effects"], "exogenous:w", interaction),
    )


def binary_logit(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng)
    share = norm.cdf(frame["error"] / np.sqrt(2))
    index = TRUTH * frame["exogenous"] - 0.3
    frame["y"] = (index + np.log(share / (1 - share)) > 0).astype(float)
    fit = logit(frame, "y", ["exogenous"], clusters=["city"])
    chance = 1 / (1 + np.exp(-index))
    marginal = float((TRUTH * chance * (1 - chance)).mean())
    return around(fit, "exogenous"), around(fit.related["average marginal effects"], "exogenous", marginal)


def counts(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng)
    mean = np.exp(TRUTH * frame["exogenous"] + 0.5 * frame["level"]) * np.exp(0.5 * frame["error"] - 0.25)
    frame = frame.assign(y=rng.poisson(mean).astype(float))
    fit = poisson(frame, "y", ["exogenous"], fixed_effects=["firm", "year"], clusters=["city"])
    return (around(fit, "exogenous"),)


def quantiles(rng: np.random.Generator) -> tuple[Interval, ...]:
    """The spread grows with the regressor: the slope at a quantile is .5 + .3 of the standard normal's."""
    frame = panel(rng)
    frame["x"] = norm.cdf(frame["exogenous"] / 1.5) * 2
    frame["y"] = TRUTH * frame["x"] + (1 + 0.3 * frame["x"]) * frame["error"] / np.sqrt(2)
    truths = {quantile: TRUTH + 0.3 * norm.ppf(quantile) for quantile in (0.5, 0.9)}
    return tuple(
        around(quantile_regression(frame, "y", ["x"], quantile=q, clusters=["city"]), "x", truth)
        for q, truth in truths.items()
    )


def grouped(rng: np.random.Generator) -> tuple[Interval, ...]:
    """100 cities of 30 firms; access shifts the mean by .5, and widens the distribution."""
    city = np.repeat(np.arange(100), 30)
    access, shock = rng.uniform(0, 2, 100), rng.normal(size=100) / 2
    size = rng.normal(size=3_000) + access[city]
    noise = (1 + 0.2 * access[city]) * rng.normal(size=3_000)
    outcome = TRUTH * access[city] + 0.3 * size + shock[city] + noise
    frame = pd.DataFrame({"city": city, "access": access[city], "size": size, "y": outcome})
    truths = {None: TRUTH, 0.75: TRUTH + 0.2 * norm.ppf(0.75)}
    return tuple(
        around(
            grouped_two_step(frame, "y", "city", ["access"], individual_regressors=["size"], quantile=quantile),
            "access",
            truth,
        )
        for quantile, truth in truths.items()
    )


LINES: dict[Model, tuple[str, ...]] = {
    binary: ("probit, clustered", "probit, average marginal effect", "probit, average interaction effect"),
    binary_logit: ("logit, clustered", "logit, average marginal effect"),
    counts: ("Poisson, firm and year effects, clustered",),
    quantiles: ("quantile regression, median, clustered", "quantile regression, ninth decile, clustered"),
    grouped: ("grouped two-step, mean", "grouped two-step, upper quartile"),
}
