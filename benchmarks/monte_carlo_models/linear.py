"""Linear equations: fixed effects, clusters of every kind, errors in space and time, bootstrap and permutation."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.monte_carlo_models.worlds import TRUTH, Interval, Model, around, autoregression, panel, tested
from haiguan.transforms.estimators.correlation import correlation_table
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.placebo import placebo
from haiguan.transforms.estimators.spatial import Conley, DriscollKraay
from haiguan.transforms.estimators.wild_bootstrap import wild_cluster_bootstrap


def effects(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng).assign(y=lambda f: TRUTH * f["exogenous"] + f["level"] + f["error"])
    absorbed = ["firm", "year"]
    clustered = least_squares(frame, "y", ["exogenous"], fixed_effects=absorbed, clusters=["city"])
    robust = least_squares(frame, "y", ["exogenous"], fixed_effects=absorbed, covariance="robust")
    return around(clustered, "exogenous"), around(robust, "exogenous")


def weighted(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng)
    frame["size"] = np.exp(rng.normal(size=len(frame)))
    frame["y"] = TRUTH * frame["exogenous"] + frame["level"] + frame["error"] / np.sqrt(frame["size"])
    asked = {"fixed_effects": ["firm", "year"], "clusters": ["city"], "weights": "size"}
    return (around(least_squares(frame, "y", ["exogenous"], **asked), "exogenous"),)


def two_ways(rng: np.random.Generator) -> tuple[Interval, ...]:
    # 40 cities and 40 products, two firms in each pair; regressor and error have a component of either.
    city, product = np.repeat(np.arange(40), 80), np.tile(np.arange(40), 80)
    x, error = (rng.normal(size=40)[city] + rng.normal(size=40)[product] + rng.normal(size=3200) for _ in range(2))
    frame = pd.DataFrame({"city": city, "product": product, "x": x, "y": TRUTH * x + error})
    fits = (least_squares(frame, "y", ["x"], clusters=by) for by in (["city", "product"], ["city"]))
    return tuple(around(fit, "x") for fit in fits)


def few_clusters(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng, clusters=8).assign(y=lambda f: TRUTH * f["exogenous"] + f["error"])
    fit = least_squares(frame, "y", ["exogenous"], clusters=["city"])
    # The bootstrap tests against zero, which is the truth once the effect is taken off.
    null = frame.assign(y=frame["error"])
    test = wild_cluster_bootstrap(null, "y", ["exogenous"], "exogenous", cluster="city", draws=999)
    found = around(fit, "exogenous")
    return found, tested(found[0], test.p_value)


def correlated(rng: np.random.Generator) -> tuple[Interval, ...]:
    x, other = rng.normal(size=(2, 100))
    frame = pd.DataFrame({"x": x, "y": TRUTH * x + np.sqrt(1 - TRUTH**2) * other})
    row = correlation_table(frame, ["x", "y"]).iloc[0]
    return ((row["correlation"] - TRUTH, row["ci_low"] - TRUTH, row["ci_high"] - TRUTH),)


def permuted(rng: np.random.Generator) -> tuple[Interval, ...]:
    """A treatment that a lottery gave to half of the cities and that does nothing."""
    frame = panel(rng)
    frame["treated"] = (rng.permutation(60) < 30)[frame["city"]].astype(float)
    frame["y"] = frame["error"] + frame["level"]
    asked = {"fixed_effects": ["year"], "clusters": ["city"], "blocks": ["city"]}
    found = placebo(frame, "y", "treated", draws=199, seed=int(rng.integers(1 << 30)), **asked)
    return (tested(found.estimates.terms.loc["treated", "estimate"], found.p_value),)


def spatial(rng: np.random.Generator) -> tuple[Interval, ...]:
    """600 places; regressor and error are means of shocks within 50 km, so that places 100 km apart share none."""
    places, sources = (rng.uniform(0, 1_000, (count, 2)) for count in (600, 2_000))
    near = (np.linalg.norm(places[:, None] - sources[None], axis=2) < 50).astype(float)
    near /= np.sqrt(np.maximum(near.sum(axis=1, keepdims=True), 1))
    x, error = near @ rng.normal(size=2_000), near @ rng.normal(size=2_000)
    degrees = places / 111.19  # Along the equator and the meridian, over a thousand kilometres near the equator.
    frame = pd.DataFrame({"x": x, "y": TRUTH * x + error, "latitude": degrees[:, 0], "longitude": degrees[:, 1]})
    conley = {kernel: Conley("latitude", "longitude", 100, kernel) for kernel in ("uniform", "bartlett")}
    kinds = (*conley.values(), "robust")
    return tuple(around(least_squares(frame, "y", ["x"], covariance=kind), "x") for kind in kinds)


def common_shocks(periods: int) -> Model:
    """30 firms that share shocks of an autoregression (0.5), in the regressor as in the error."""

    def model(rng: np.random.Generator) -> tuple[Interval, ...]:
        year, firm = np.repeat(np.arange(periods), 30), np.tile(np.arange(30), periods)
        x, error = (autoregression(rng, periods, 0.5)[year] + rng.normal(size=len(year)) for _ in range(2))
        frame = pd.DataFrame({"year": year, "firm": firm, "x": x, "y": TRUTH * x + rng.normal(size=30)[firm] + error})
        asked = {"fixed_effects": ["firm"], "covariance": DriscollKraay("year")}
        return (around(least_squares(frame, "y", ["x"], **asked), "x"),)

    return model


LINES: dict[Model, tuple[str, ...]] = {
    effects: ("least squares, firm and year effects, clustered, 60 clusters", "the same with robust errors only"),
    weighted: ("weighted least squares, firm and year effects, clustered",),
    two_ways: ("least squares, clustered two ways, 40 by 40", "the same clustered one way"),
    few_clusters: ("least squares, clustered, 8 clusters", "wild cluster bootstrap, 8 clusters"),
    spatial: (
        "least squares, Conley errors, uniform kernel",
        "the same, Bartlett's kernel",
        "the same with robust errors only",
    ),
    common_shocks(200): ("least squares, Driscoll-Kraay errors, 200 periods",),
    common_shocks(30): ("the same, 30 periods",),
    correlated: ("correlation of 100 pairs",),
    permuted: ("placebo by permutation, 60 cities",),
}
