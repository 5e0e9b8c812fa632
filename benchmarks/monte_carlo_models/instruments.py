"""Equations whose regressor the error moves: good, weak and not quite exogenous instruments, kinky least squares."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.stats import norm

from benchmarks.monte_carlo_models.worlds import TRUTH, Interval, Model, around, panel, tested
from haiguan.transforms.estimators.instrumented_equation import InstrumentedEquation, instrumented_equation
from haiguan.transforms.estimators.instruments import two_stage_least_squares
from haiguan.transforms.estimators.kinky_least_squares import kinky_least_squares
from haiguan.transforms.estimators.plausibly_exogenous import local_to_zero, simulated_intervals, union_of_intervals


def instrumented(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng).assign(y=lambda f: TRUTH * f["x"] + f["level"] + f["error"])
    fit = two_stage_least_squares(frame, "y", [], ["x"], ["z"], fixed_effects=["firm", "year"], clusters=["city"])
    return (around(fit, "x"),)


def overidentified(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng)
    frame["z2"] = frame["z"] + rng.normal(size=len(frame))
    frame["x"] += 0.3 * frame["z2"]
    frame["y"] = TRUTH * frame["x"] + frame["error"]
    fit = two_stage_least_squares(frame, "y", [], ["x"], ["z", "z2"], clusters=["city"])
    found = around(fit, "x")
    return found, tested(found[0], fit.statistics["hansen_j_p_value"])


def weak_instrument(rng: np.random.Generator) -> tuple[Interval, ...]:
    frame = panel(rng, first_stage=0.03).assign(y=lambda f: TRUTH * f["x"] + f["error"])
    found = around(two_stage_least_squares(frame, "y", [], ["x"], ["z"], clusters=["city"]), "x")
    # The Anderson-Rubin test is against zero, which is the truth once the effect is taken off.
    null = two_stage_least_squares(frame.assign(y=frame["error"]), "y", [], ["x"], ["z"], clusters=["city"])
    return found, tested(found[0], null.statistics["anderson_rubin_p_value"])


def directly(frame: pd.DataFrame, effect: float) -> InstrumentedEquation:
    """An instrument that also moves the outcome itself."""
    frame["y"] = TRUTH * frame["x"] + effect * frame["z"] + frame["level"] + frame["error"]
    return instrumented_equation(frame, "y", [], ["x"], ["z"], fixed_effects=["firm", "year"], clusters=["city"])


def drawn_direct_effect(rng: np.random.Generator) -> tuple[Interval, ...]:
    equation = directly(panel(rng), rng.normal(0.05, 0.1))
    local = local_to_zero(equation, {"z": 0.05}, {"z": 0.01})
    drawn = simulated_intervals(equation, {"z": norm(0.05, 0.1)}, draws=2_000, seed=int(rng.integers(1 << 30)))
    return around(local, "x"), around(drawn, "x"), around(equation.estimates, "x")


def bounded_direct_effect(effect: float) -> Model:
    """The union of intervals over -0.1 to 0.1 where the direct effect is somewhere in it."""

    def model(rng: np.random.Generator) -> tuple[Interval, ...]:
        equation = directly(panel(rng), effect)
        low, high = union_of_intervals(equation, {"z": (-0.1, 0.1)}).intervals.loc["x"] - TRUTH
        return ((equation.estimates.terms.loc["x", "estimate"] - TRUTH, low, high),)

    return model


def kinky(rng: np.random.Generator) -> tuple[Interval, ...]:
    # Corr(x, error) = .6 * 2 / sqrt(2 * (2 + .36 * 2 + 1)).
    frame = panel(rng).assign(y=lambda f: TRUTH * f["x"] + f["error"])
    correlation = 0.6 * 2 / np.sqrt(2 * (2 + 0.36 * 2 + 1))
    fit = kinky_least_squares(frame, "y", "x", [], correlations=[correlation], clusters=["city"])
    return (around(fit.at(correlation), "x"),)


def kinky_independent(rng: np.random.Generator) -> tuple[Interval, ...]:
    # Corr(x, error) = .6 / sqrt(1 + .36).
    error, rest = rng.normal(size=(2, 1_200))
    x = 0.6 * error + rest
    frame, correlation = pd.DataFrame({"x": x, "y": TRUTH * x + error}), 0.6 / np.sqrt(1.36)
    fits = (
        kinky_least_squares(frame, "y", "x", [], correlations=[correlation], covariance=kind)
        for kind in ("robust", "parametric")
    )
    return tuple(around(fit.at(correlation), "x") for fit in fits)


LINES: dict[Model, tuple[str, ...]] = {
    instrumented: ("2SLS, firm and year effects, clustered",),
    overidentified: ("2SLS, two instruments, clustered", "Hansen's test of the two instruments"),
    weak_instrument: ("2SLS, weak instrument", "Anderson-Rubin test, weak instrument"),
    drawn_direct_effect: (
        "local to zero, direct effects drawn from the prior",
        "simulated priors, the same direct effects",
        "2SLS that ignores these direct effects",
    ),
    bounded_direct_effect(0.1): ("union of intervals, direct effect at the end of its range",),
    bounded_direct_effect(0.0): ("union of intervals, no direct effect",),
    kinky: ("kinky least squares at the true correlation, clustered",),
    kinky_independent: ("the same, independent rows, robust errors", "the same, independent rows, parametric errors"),
}
