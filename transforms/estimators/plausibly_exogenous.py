"""Inference with instruments that are only plausibly exogenous (Conley, Hansen and Rossi 2012).

The model is y = X b + Z g + e: the instruments Z may have a direct effect g on the outcome, which the data cannot tell
but which a range, or a distribution, can describe. Review of Economics and Statistics 94(1), 260-272.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product as every_combination
from typing import Protocol

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.instrumented_equation import InstrumentedEquation
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.result import CONFIDENCE, Estimates, coefficient_table, critical_value


class Distribution(Protocol):
    """What can be drawn from: any frozen distribution of scipy.stats."""

    def rvs(self, size: int, random_state: np.random.Generator) -> np.ndarray:
        """`size` independent draws."""


@dataclass(frozen=True)
class UnionOfIntervals:
    """The union of confidence intervals over a range of direct effects.

    Attributes:
        intervals: index `term`; ci_low, ci_high: the union covers b with at least the nominal probability as long as
            the direct effects lie in their range.
        corners: one row per corner of the range and term: a column per instrument (its direct effect), term, estimate,
            standard_error, ci_low, ci_high.
    """

    intervals: pd.DataFrame
    corners: pd.DataFrame


def union_of_intervals(
    equation: InstrumentedEquation, ranges: Mapping[str, tuple[float, float]], confidence: float = CONFIDENCE
) -> UnionOfIntervals:
    """The union over all direct effects in a box of the intervals of two-stage least squares of y - Z g.

    Only the corners of the box are computed: b is linear in g and its standard error convex, so that the lowest and the
    highest end of all intervals are found there, and no finer grid can widen the union.

    Args:
        equation: from `instrumented_equation`.
        ranges: lowest and highest direct effect per instrument; zero for instruments not named.
        confidence: of each interval.

    Raises:
        InputError: an unknown instrument, or an end that is not finite or in the wrong order.

    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
    >>> equation = instrumented_equation(mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["fatheduc"])
    >>> union_of_intervals(equation, {"fatheduc": (-0.01, 0.01)}).intervals.loc["educ"].round(4).to_list()
    [-0.0391, 0.1765]
    """
    low = equation.per_instrument({name: ends[0] for name, ends in ranges.items()}, "lowest direct effect")
    high = equation.per_instrument({name: ends[1] for name, ends in ranges.items()}, "highest direct effect")
    if (low > high).any():
        reversed_ = [n for n, wrong in zip(equation.instruments, low > high, strict=True) if wrong]
        raise InputError(f"The range of {', '.join(reversed_)} ends below where it starts; swap its ends.")
    corners = [np.array(c) for c in every_combination(*(sorted({a, b}) for a, b in zip(low, high, strict=True)))]
    frame = pd.concat([_interval_at(equation, corner, confidence) for corner in corners], ignore_index=True)
    grouped = frame.groupby("term", sort=False)
    intervals = pd.DataFrame({"ci_low": grouped["ci_low"].min(), "ci_high": grouped["ci_high"].max()})
    return UnionOfIntervals(intervals, frame)


def with_union_of_intervals(
    equation: InstrumentedEquation, ranges: Mapping[str, tuple[float, float]], confidence: float = CONFIDENCE
) -> Estimates:
    """Two-stage least squares with the union of intervals of the endogenous regressors among its statistics.

    The arguments and errors are those of `union_of_intervals`. Statistics: union_low and union_high, with several
    endogenous regressors "union_low of x" and so on.

    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
    >>> equation = instrumented_equation(mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["fatheduc"])
    >>> round(with_union_of_intervals(equation, {"fatheduc": (-0.01, 0.01)}).statistics["union_low"], 4)
    -0.0391
    """
    intervals = union_of_intervals(equation, ranges, confidence).intervals
    endogenous = equation.names[: equation.endogenous]
    unions = {
        end.replace("ci", "union") + (f" of {name}" if len(endogenous) > 1 else ""): float(intervals.loc[name, end])
        for name in endogenous
        for end in ("ci_low", "ci_high")
    }
    return replace(
        equation.estimates,
        estimator="plausibly exogenous, union of intervals",
        statistics={**equation.estimates.statistics, **unions},
    )


def direct_effect_curve(
    equation: InstrumentedEquation, instrument: str, effects: Sequence[float], confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """Two-stage least squares at each of a grid of direct effects of one instrument, the others having none.

    Args:
        equation: from `instrumented_equation`.
        instrument: whose direct effect varies.
        effects: the grid.
        confidence: of the intervals.

    Returns:
        One row per point and term: a column per instrument (its direct effect), term, estimate, standard_error, ci_low,
        ci_high.

    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
    >>> equation = instrumented_equation(mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["fatheduc"])
    >>> curve = direct_effect_curve(equation, "fatheduc", [0.0, 0.01])
    >>> curve.loc[curve.term == "educ", "estimate"].round(4).to_list()
    [0.0702, 0.0333]
    """
    points = [equation.per_instrument({instrument: effect}, "direct effect") for effect in effects]
    return pd.concat([_interval_at(equation, point, confidence) for point in points], ignore_index=True)


def local_to_zero(
    equation: InstrumentedEquation, means: Mapping[str, float], variances: Mapping[str, float]
) -> Estimates:
    """Direct effects drawn from a normal prior of small variance: b ~ N(b_2sls - A mu, V + A Omega A').

    A moves coefficients with direct effects; with one endogenous regressor and one instrument of first stage pi it is
    1/pi, so that the estimate is b - mu/pi and its variance that of b plus omega/pi^2.

    Intervals and p-values use the normal, whatever the number of clusters.

    Args:
        equation: from `instrumented_equation`.
        means: mu per instrument; zero where not named.
        variances: the diagonal of Omega (variances, not standard deviations) per instrument; zero where not named.

    Raises:
        InputError: an unknown instrument, or a negative variance.

    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
    >>> equation = instrumented_equation(mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["fatheduc"])
    >>> local = local_to_zero(equation, {"fatheduc": 0.005}, {"fatheduc": 0.0001})
    >>> local.terms.loc["educ", ["estimate", "standard_error"]].round(4).to_list()
    [0.0517, 0.0516]
    """
    mean, variance = equation.per_instrument(means, "mean"), equation.per_instrument(variances, "variance")
    if (variance < 0).any():
        raise InputError(f"The variances of direct effects must not be negative, but {variance.min():g} was given.")
    bias = equation.bias()
    size = len(equation.names)
    terms, covariance = coefficient_table(
        equation.names,
        equation.coefficients[:, 0] - bias @ mean,
        equation.covariance[:size, :size] + (bias * variance) @ bias.T,
    )
    return replace(
        equation.estimates,
        estimator="plausibly exogenous, local to zero",
        terms=terms,
        covariance=covariance,
        degrees_of_freedom=None,
        statistics={},
    )


def simulated_intervals(
    equation: InstrumentedEquation,
    priors: Mapping[str, Distribution],
    *,
    draws: int = 20_000,
    seed: int = 20_120_201,
    confidence: float = CONFIDENCE,
) -> pd.DataFrame:
    """Direct effects from any prior: percentiles of simulated b_2sls - A g + N(0, V) (p. 265).

    Args:
        equation: from `instrumented_equation`.
        priors: a distribution per instrument, drawn independently; no direct effect where not named.
        draws: number of draws.
        seed: of the draws.
        confidence: the central share of the draws that the interval holds.

    Returns:
        Index `term`; estimate (median), standard_error (standard deviation), ci_low, ci_high.

    Raises:
        InputError: an unknown instrument.

    >>> from scipy.stats import uniform
    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
    >>> equation = instrumented_equation(mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["fatheduc"])
    >>> simulated = simulated_intervals(equation, {"fatheduc": uniform(0, 0.02)})
    >>> simulated.loc["educ", ["ci_low", "ci_high"]].round(2).to_list()
    [-0.05, 0.11]
    """
    equation.per_instrument(dict.fromkeys(priors, 0.0), "prior")
    generator = np.random.default_rng(seed)
    effects = np.column_stack(
        [
            priors[name].rvs(size=draws, random_state=generator) if name in priors else np.zeros(draws)
            for name in equation.instruments
        ]
    )
    size = len(equation.names)
    noise = generator.multivariate_normal(np.zeros(size), equation.covariance[:size, :size], draws, method="eigh")
    simulated = equation.coefficients[:, 0] - effects @ equation.bias().T + noise
    tail = (1 - confidence) / 2
    low, middle, high = np.quantile(simulated, [tail, 0.5, 1 - tail], axis=0)
    return pd.DataFrame(
        {"estimate": middle, "standard_error": simulated.std(axis=0, ddof=1), "ci_low": low, "ci_high": high},
        index=pd.Index(equation.names, name="term"),
    )


def sensitivity_curve(
    equation: InstrumentedEquation, term: str, sizes: Sequence[float], confidence: float = CONFIDENCE
) -> pd.DataFrame:
    """How far the intervals of one term widen as the instruments may be less and less exogenous (the paper's figures).

    Args:
        equation: from `instrumented_equation`.
        term: the coefficient of interest.
        sizes: grid of d >= 0; direct effects of all instruments lie in [-d, d], or are normal with
            standard deviation d.
        confidence: of the intervals.

    Returns:
        Index `size`; union_low, union_high (union of intervals), local_low, local_high (local to zero). The conclusion
        holds up to the first size at which an interval reaches zero.

    Raises:
        InputError: an unknown term, or a negative size.

    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.instrumented_equation import instrumented_equation
    >>> equation = instrumented_equation(mroz.load(), "lwage", ["exper", "expersq"], ["educ"], ["fatheduc"])
    >>> sensitivity_curve(equation, "educ", [0.0, 0.01]).round(4).to_numpy().tolist()
    [[-0.0002, 0.1407, -0.0002, 0.1407], [-0.0391, 0.1765, -0.0308, 0.1713]]
    """
    if term not in equation.names:
        raise InputError(unknown_name("term", term, equation.names))
    if any(size < 0 for size in sizes):
        raise InputError(f"Sizes of direct effects must not be negative, but {min(sizes):g} was given.")
    rows = []
    for size in sizes:
        union = union_of_intervals(equation, dict.fromkeys(equation.instruments, (-size, size)), confidence)
        local = local_to_zero(equation, {}, dict.fromkeys(equation.instruments, size**2)).terms.loc[term]
        margin = critical_value(confidence=confidence) * local["standard_error"]
        rows.append([*union.intervals.loc[term], local["estimate"] - margin, local["estimate"] + margin])
    columns = ["union_low", "union_high", "local_low", "local_high"]
    return pd.DataFrame(rows, columns=columns, index=pd.Index(list(sizes), name="size"))


def _interval_at(equation: InstrumentedEquation, effects: np.ndarray, confidence: float) -> pd.DataFrame:
    estimates, covariance = equation.at(effects)
    errors = np.sqrt(np.clip(np.diag(covariance), 0, None))
    margin = critical_value(confidence=confidence) * errors
    return pd.DataFrame(
        dict(zip(equation.instruments, effects, strict=True))
        | {
            "term": equation.names,
            "estimate": estimates,
            "standard_error": errors,
            "ci_low": estimates - margin,
            "ci_high": estimates + margin,
        }
    )
