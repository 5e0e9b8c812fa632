"""Linear hypotheses on the coefficients of an estimated equation: joint tests and combinations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import chdtrc, fdtrc

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.result import Estimates, coefficient_table


@dataclass(frozen=True)
class WaldTest:
    """A Wald test of linear restrictions.

    Attributes:
        statistic: F (Wald over the number of restrictions) where the estimates use Student's t, else chi-squared.
        restrictions: how many are linearly independent.
        degrees_of_freedom: of the denominator; None where the statistic is a chi-squared.
        p_value: of the test.
    """

    statistic: float
    restrictions: int
    degrees_of_freedom: int | None
    p_value: float

    @property
    def name(self) -> str:
        """F or chi-squared: what the statistic is."""
        return "chi-squared" if self.degrees_of_freedom is None else "F"


def joint_test(estimates: Estimates, terms: Sequence[str]) -> WaldTest:
    """The test that all of some coefficients are zero, as Stata's `test x1 x2`.

    Args:
        estimates: an equation with its covariance.
        terms: of the equation.

    Raises:
        InputError: unknown terms, none, or more than the covariance has rank for (few clusters).

    Wooldridge's example 4.9 (Introductory Econometrics), parents' education and birth weight:

    >>> from linearmodels.datasets import birthweight
    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> births = birthweight.load().rename(columns=str.strip).apply(pd.to_numeric, errors="coerce")
    >>> regressors = ["cigs", "parity", "faminc"]
    >>> parents = ["motheduc", "fatheduc"]
    >>> test = joint_test(least_squares(births, "bwght", [*regressors, *parents], covariance="iid"), parents)
    >>> round(test.statistic, 4), test.restrictions, test.degrees_of_freedom, round(test.p_value, 3)
    (1.4373, 2, 1185, 0.238)
    """
    return restrictions_test(estimates, [{term: 1.0} for term in terms], [0.0] * len(terms))


def equality_test(estimates: Estimates, terms: Sequence[str]) -> WaldTest:
    """The test that some coefficients are the same, as Stata's `test x1 = x2 = x3`.

    Raises:
        InputError: as `joint_test`, or fewer than two terms.

    >>> from linearmodels.datasets import wage_panel
    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> fit = least_squares(wage_panel.load(), "lwage", ["union", "married"], fixed_effects=["nr"], covariance="iid")
    >>> equality_test(fit, ["union", "married"]).p_value < 0.001
    True
    """
    if len(terms) < 2:
        raise InputError("A test of equality needs two terms at least.")
    first, *others = terms
    return restrictions_test(estimates, [{first: 1.0, other: -1.0} for other in others], [0.0] * len(others))


def restrictions_test(
    estimates: Estimates, combinations: Sequence[Mapping[str, float]], values: Sequence[float]
) -> WaldTest:
    """The test that combinations of coefficients have given values; restrictions said twice count once.

    Args:
        estimates: an equation with its covariance.
        combinations: weights by term, one mapping per restriction.
        values: the value of each combination under the hypothesis.

    Raises:
        InputError: as `joint_test`.

    >>> from linearmodels.datasets import wage_panel
    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> fit = least_squares(wage_panel.load(), "lwage", ["union", "married"], fixed_effects=["nr"], covariance="iid")
    >>> restrictions_test(fit, [{"union": 1.0}], [float(fit.terms.loc["union", "estimate"])]).p_value
    1.0
    """
    if not combinations:
        raise InputError("A test needs one term at least.")
    matrix = np.vstack([_weights(estimates, combination) for combination in combinations])
    gap = matrix @ estimates.terms["estimate"].to_numpy() - np.asarray(values, dtype=float)
    spread = matrix @ estimates.covariance.to_numpy() @ matrix.T
    restrictions = int(np.linalg.matrix_rank(matrix))
    free = estimates.degrees_of_freedom
    if np.linalg.matrix_rank(_correlation(spread), hermitian=True) < restrictions:
        raise InputError(f"{restrictions} restrictions are more than the covariance has rank for; test fewer at once.")
    wald = float(gap @ np.linalg.pinv(spread, rcond=1e-12, hermitian=True) @ gap)
    if free is None:
        return WaldTest(wald, restrictions, None, float(chdtrc(restrictions, wald)))
    return WaldTest(wald / restrictions, restrictions, free, float(fdtrc(restrictions, free, wald / restrictions)))


def with_combination(estimates: Estimates, name: str, weights: Mapping[str, float]) -> Estimates:
    """The estimates with a linear combination of their coefficients as a further term, as Stata's `lincom`.

    Args:
        estimates: an equation with its covariance.
        name: of the new term.
        weights: by term.

    Raises:
        InputError: unknown terms, or a term of that name.

    >>> from linearmodels.datasets import wage_panel
    >>> from haiguan.transforms.estimators.linear import least_squares
    >>> fit = least_squares(wage_panel.load(), "lwage", ["union", "married"], fixed_effects=["nr"], covariance="iid")
    >>> fit = with_combination(fit, "both", {"union": 1, "married": 1})
    >>> float(fit.terms.loc["both", "estimate"].round(9)) == float(fit.terms["estimate"].iloc[:2].sum().round(9))
    True
    """
    if name in estimates.terms.index:
        raise InputError(f"The combination {name!r} has the name of a term; choose another.")
    grown = np.vstack([np.eye(len(estimates.terms)), _weights(estimates, weights)])
    terms, covariance = coefficient_table(
        [*estimates.terms.index, name],
        grown @ estimates.terms["estimate"].to_numpy(),
        grown @ estimates.covariance.to_numpy() @ grown.T,
        estimates.degrees_of_freedom,
    )
    # What was there keeps its intervals, which need not be those of the covariance (percentiles of a bootstrap).
    return replace(estimates, terms=pd.concat([estimates.terms, terms.loc[[name]]]), covariance=covariance)


def _weights(estimates: Estimates, combination: Mapping[str, float]) -> np.ndarray:
    names = list(estimates.terms.index)
    unknown = [unknown_name("term", name, names) for name in combination if name not in names]
    if unknown:
        raise InputError(*unknown)
    return np.array([float(combination.get(name, 0.0)) for name in names])


def _correlation(spread: np.ndarray) -> np.ndarray:
    scale = np.sqrt(np.where(np.diag(spread) > 0, np.diag(spread), 1.0))
    return spread / np.outer(scale, scale)
