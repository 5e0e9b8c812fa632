"""What the models of the Monte Carlo share.

A model takes a generator, draws a world whose truth is known in closed form, and returns one interval per line of the
table: the estimate and the ends of its 95 % interval, all less the truth. A test enters as an interval that is endless
where it keeps the truth and empty where it does not.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd

from haiguan.transforms.estimators.result import Estimates

TRUTH = 0.5
Interval = tuple[float, float, float]
Model = Callable[[np.random.Generator], tuple[Interval, ...]]


def panel(rng: np.random.Generator, clusters: int = 60, first_stage: float = 1.0) -> pd.DataFrame:
    """Cities of four firms over five years; regressor and error share city shocks; x is moved by z and by the error."""
    frame = pd.DataFrame({"city": np.repeat(np.arange(clusters), 20), "year": np.tile(np.arange(5), clusters * 4)})
    n, city = len(frame), frame["city"]
    frame["firm"] = np.arange(n) // 5
    cell = city * 5 + frame["year"]
    shock, other = rng.normal(size=(2, clusters * 5))
    frame["error"] = shock[cell] + rng.normal(size=n)
    frame["exogenous"] = other[cell] + rng.normal(size=n) + 0.5 * rng.normal(size=n // 5)[frame["firm"]]
    frame["z"] = rng.normal(size=clusters * 5)[cell] + rng.normal(size=n)
    frame["x"] = first_stage * frame["z"] + 0.6 * frame["error"] + rng.normal(size=n)
    frame["level"] = rng.normal(size=n // 5)[frame["firm"]] + 0.2 * frame["year"]
    return frame


def around(fit: Estimates | pd.DataFrame, term: str, truth: float = TRUTH) -> Interval:
    """The interval of a term less the truth."""
    terms = fit.terms if isinstance(fit, Estimates) else fit
    estimate, low, high = terms.loc[term, ["estimate", "ci_low", "ci_high"]] - truth
    return estimate, low, high


def tested(error: float, p_value: float) -> Interval:
    """A test of the truth as an interval, endless where it is kept and empty where it is not."""
    return (error, -np.inf, np.inf) if p_value > 0.05 else (error, np.inf, -np.inf)


def autoregression(rng: np.random.Generator, periods: int, persistence: float, units: int | None = None) -> np.ndarray:
    """Stationary autoregressions of variance one, periods x units."""
    shape = (periods,) if units is None else (periods, units)
    shocks = rng.normal(size=shape)
    shocks[1:] *= np.sqrt(1 - persistence**2)
    for t in range(1, periods):
        shocks[t] += persistence * shocks[t - 1]
    return shocks
