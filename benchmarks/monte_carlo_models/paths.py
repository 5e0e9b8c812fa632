"""Channels, gaps between groups, and effects over time."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.monte_carlo_models.worlds import TRUTH, Interval, Model, around, autoregression, panel, tested
from haiguan.transforms.estimators.decomposition import oaxaca_blinder
from haiguan.transforms.estimators.event_study import event_study, lagged_responses
from haiguan.transforms.estimators.mediation import mediation


def channel(rng: np.random.Generator) -> tuple[Interval, ...]:
    """Access moves inputs by .5, inputs move exports by .6 and access by .2: .3 of .5 runs through inputs."""
    frame = panel(rng)
    other = panel(rng)["error"]
    frame["inputs"] = 0.5 * frame["exogenous"] + frame["level"] + other
    frame["y"] = 0.2 * frame["exogenous"] + 0.6 * frame["inputs"] + frame["level"] + frame["error"]
    asked = {"fixed_effects": ["firm", "year"], "clusters": ["city"]}
    found = mediation(frame, "y", "exogenous", "inputs", draws=500, **asked)
    sobel = around(found.effects, "indirect", 0.3)
    drawn = found.bootstrap
    return (
        around(found.effects, "total"),
        around(found.effects, "direct", 0.2),
        sobel,
        (sobel[0], drawn["ci_low"] - 0.3, drawn["ci_high"] - 0.3),
    )


def gap(rng: np.random.Generator) -> tuple[Interval, ...]:
    """Coastal firms are larger by one: at the inland slope of .5 that explains .5 of the gap.

    What is left is .2 by the constants and, by slopes that differ by .1, .1 at the coastal mean size of one.
    """
    frame = panel(rng)
    frame["place"] = np.where(rng.random(len(frame)) < 0.4, "coast", "inland")
    coast = frame["place"] == "coast"
    frame["size"] = frame["exogenous"] + coast
    frame["y"] = TRUTH * frame["size"] + coast * (0.2 + 0.1 * frame["size"]) + frame["error"]
    fit = oaxaca_blinder(frame, "y", "place", ["size"], reference="second", clusters=["city"])
    return around(fit, "explained"), around(fit, "unexplained", 0.3)


def events(rng: np.random.Generator) -> tuple[Interval, ...]:
    """Half of 200 firms open a plant in the fifth of ten years, which adds .5 at once and .1 a year from then on."""
    errors = autoregression(rng, 10, 0.5, 200)
    firm, year = np.tile(np.arange(200), 10), np.repeat(np.arange(10), 200)
    opened = np.where(firm < 100, 5.0, np.nan)
    distance = year - opened
    after = distance >= 0
    outcome = rng.normal(size=200)[firm] + 0.2 * year + errors.ravel()
    outcome[after] += TRUTH + 0.1 * distance[after]
    frame = pd.DataFrame({"firm": firm, "year": year, "opened": opened, "y": outcome})
    path = event_study(frame, "y", "firm", "year", "opened", window=(-5, 4))
    points = path.points.set_index("horizon")
    first = around(points, 0)
    return first, around(points, 4, TRUTH + 0.4), tested(first[0], path.statistics["pre_trend_p"])


def responses(rng: np.random.Generator) -> tuple[Interval, ...]:
    """Access of last year moves exports by .5; errors are an autoregression of the firm."""
    errors = autoregression(rng, 10, 0.5, 150)
    firm, year = np.tile(np.arange(150), 10), np.repeat(np.arange(10), 150)
    access = rng.normal(size=(10, 150))
    outcome = errors.copy()
    outcome[1:] += TRUTH * access[:-1]
    frame = pd.DataFrame({"firm": firm, "year": year, "access": access.ravel(), "y": outcome.ravel()})
    asked = {"horizons": [1], "fixed_effects": ["firm", "year"], "clusters": ["firm"]}
    path = lagged_responses(frame, "y", "access", "firm", "year", **asked)
    return (around(path.points.set_index("horizon"), 1),)


LINES: dict[Model, tuple[str, ...]] = {
    channel: (
        "mediation, total effect",
        "mediation, direct effect",
        "mediation, indirect effect, Sobel's error",
        "mediation, indirect effect, bootstrap",
    ),
    gap: ("Oaxaca-Blinder, explained, clustered", "Oaxaca-Blinder, unexplained, clustered"),
    events: ("event study, at the event", "event study, four years on", "event study, test of the years before"),
    responses: ("lagged responses, one year on",),
}
