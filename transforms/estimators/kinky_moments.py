"""The moments behind kinky least squares: what is feasible, the estimate at one correlation, and its covariances.

With S = X'X/N, D the standard deviations of the columns of X, r the vector of correlations with the error (zero for
exogenous columns), b and s2 the least squares coefficients and residual variance (divisor N),

    s2(r) = s2 / (1 - r'D S^-1 D r),      b(r) = b - s(r) S^-1 D r,      feasible where r'D S^-1 D r < 1.

Fixed effects are partialled out of y and X. Counted as regressors, they leave D at the standard deviations of the whole
columns: the rows of S^-1 and of the influence function that belong to X are the same as with all dummies present.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import combinations_with_replacement

import numpy as np

from haiguan.transforms.estimators.linear import solve


@dataclass(frozen=True)
class KinkyFit:
    """The estimate at one vector of correlations.

    Attributes:
        correlations: P, of the postulated columns.
        coefficients: K.
        mixture: M, the weights with which the residuals mix the components: e = components @ mixture.
        residual_variance: s2(r).
        shift: K, the vector D r.
        bread: K x K, (S - D r r'D)^-1 / N.
    """

    correlations: np.ndarray
    coefficients: np.ndarray
    mixture: np.ndarray
    residual_variance: float
    shift: np.ndarray
    bread: np.ndarray


@dataclass(frozen=True)
class KinkyMoments:
    """One equation, its columns ordered so that those with a postulated correlation come first.

    The residuals at any correlation mix the same few components, and the scores therefore a fixed basis of columns: a
    whole curve takes one pass over the rows.

    Attributes:
        outcome: N, fixed effects (or the mean) partialled out, in units of its standard deviation.
        regressors: N x K, likewise; the first P have a postulated correlation, the first of all along the grid.
        levels: N x P, the postulated columns about their means as the correlation is understood, whole or within; in
            the units of `regressors`.
        held: P - 1 correlations that stay constant along the grid.
    """

    outcome: np.ndarray
    regressors: np.ndarray
    levels: np.ndarray
    held: np.ndarray

    @property
    def observations(self) -> int:
        """N."""
        return len(self.outcome)

    @cached_property
    def second_moments(self) -> np.ndarray:
        """S."""
        return self.regressors.T @ self.regressors / self.observations

    @cached_property
    def deviations(self) -> np.ndarray:
        """The P standard deviations in D that matter."""
        return np.sqrt((self.levels**2).mean(axis=0))

    @cached_property
    def least_squares(self) -> np.ndarray:
        """The K coefficients b."""
        return solve(self.regressors, self.outcome, None)[0]

    @cached_property
    def directions(self) -> np.ndarray:
        """K x 2, S^-1 D times the unit vector of the first column, and times the correlations held."""
        shifts = np.zeros((self.regressors.shape[1], 2))
        shifts[0, 0] = self.deviations[0]
        shifts[1 : len(self.deviations), 1] = self.held * self.deviations[1:]
        return np.linalg.solve(self.second_moments, shifts)

    @cached_property
    def components(self) -> np.ndarray:
        """N x M: the residuals of least squares, and what moves them as correlations differ from zero."""
        moving = self.directions if self.held.any() else self.directions[:, :1]
        return np.column_stack([self.outcome - self.regressors @ self.least_squares, self.regressors @ moving])

    @cached_property
    def least_squares_variance(self) -> float:
        """s2, the mean squared residual of least squares."""
        return float((self.components[:, 0] ** 2).mean())

    def feasible(self) -> tuple[float, float] | None:
        """The open interval of correlations along the grid for which s2(r) is positive; None where it is empty."""
        size = len(self.deviations)
        scaled = np.linalg.inv(self.second_moments)[:size, :size] * np.outer(self.deviations, self.deviations)
        square, linear = scaled[0, 0], scaled[0, 1:] @ self.held
        discriminant = linear**2 - square * (self.held @ scaled[1:, 1:] @ self.held - 1)
        if discriminant <= 0:
            return None
        root = np.sqrt(discriminant)
        return max(float((-linear - root) / square), -1.0), min(float((-linear + root) / square), 1.0)

    def fit(self, correlation: float) -> KinkyFit:
        """The estimate at a feasible correlation."""
        correlations = np.array([correlation, *self.held])
        shift = np.zeros(self.regressors.shape[1])
        shift[: len(correlations)] = correlations * self.deviations
        direction = self.directions @ [correlation, 1.0]
        variance = self.least_squares_variance / (1 - shift @ direction)
        deviation = np.sqrt(variance)
        return KinkyFit(
            correlations=correlations,
            coefficients=self.least_squares - deviation * direction,
            mixture=np.array([1.0, deviation * correlation, deviation])[: self.components.shape[1]],
            residual_variance=float(variance),
            shift=shift,
            bread=np.linalg.inv(self.second_moments - np.outer(shift, shift)) / self.observations,
        )

    @property
    def _pairs(self) -> list[tuple[int, int]]:
        return list(combinations_with_replacement(range(self.components.shape[1]), 2))

    @cached_property
    def score_basis(self) -> np.ndarray:
        """N x B: regressors times components, products of two components, squared levels."""
        columns = [self.regressors * component[:, None] for component in self.components.T]
        products = [self.components[:, m] * self.components[:, n] for m, n in self._pairs]
        return np.column_stack([*columns, *products, self.levels**2])

    def score_loadings(self, fit: KinkyFit) -> np.ndarray:
        """B x K: the scores are score_basis @ score_loadings.

        x_i e_i - D r e_i^2 / (2 s) - (s / 2) R D^-1 (x_i o x_i), R = diag(r): the last two terms are what the
        estimation of s(r) and of D adds. Scores have mean zero; their sum times the bread is the first-order error of
        b(r). At r = 0 they are the scores of least squares.
        """
        size, deviation = len(fit.coefficients), np.sqrt(fit.residual_variance)
        squares = [fit.mixture[m] * fit.mixture[n] * (1 if m == n else 2) for m, n in self._pairs]
        of_levels = np.zeros((len(fit.correlations), size))
        np.fill_diagonal(of_levels, -deviation / 2 * fit.correlations / self.deviations)
        return np.vstack(
            [np.kron(fit.mixture[:, None], np.eye(size)), np.outer(squares, -fit.shift / (2 * deviation)), of_levels]
        )

    def parametric_covariance(self, fit: KinkyFit, kurtosis: float | None = None) -> np.ndarray:
        """Covariance under independent, symmetric errors, for one postulated correlation r.

        The error, and the part of the regressor that is unrelated to it, are independent; the fourth moments of the
        scores then follow from the kurtosis of the residuals and that of the regressor. With normal variables and no
        other regressor it is s2(r) / (N D^2), the variance of an efficient instrument's estimate.

        Args:
            fit: the estimate.
            kurtosis: of the postulated regressor; None computes it.
        """
        r, scale = float(fit.correlations[0]), np.sqrt(np.diag(self.second_moments))
        scale[0] = self.deviations[0]
        moments = self.second_moments / np.outer(scale, scale)
        of_error = _kurtosis(self.components @ fit.mixture)
        of_regressor = _kurtosis(self.levels[:, 0]) if kurtosis is None else kurtosis
        loading = np.zeros(len(scale))
        loading[0] = r
        with_squares = loading * (of_error * (1 + r**2) + 1 - r**2) + 2 * r * (moments[:, 0] - r * loading)
        middle = moments + (of_error - 1) * np.outer(loading, loading)
        middle[0, :] -= r / 2 * with_squares
        middle[:, 0] -= r / 2 * with_squares
        middle[0, 0] += r**2 / 4 * (of_error + of_regressor + 2 * (of_error * r**2 + 1 - r**2))
        middle *= fit.residual_variance * np.outer(scale, scale)
        return fit.bread @ middle @ fit.bread * self.observations


def _kurtosis(values: np.ndarray) -> float:
    return float((values**4).mean() / (values**2).mean() ** 2)
