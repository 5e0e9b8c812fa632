"""Newton's method for the likelihood of a binary response, which is concave, and the covariances of its maximum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import LinAlgError, cho_factor, cho_solve

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.links import Link
from haiguan.transforms.estimators.partitioned_matrix import PartitionedMatrix

MAXIMUM_ITERATIONS = 40
TOLERANCE = 1e-9


@dataclass(frozen=True)
class Maximum:
    """Where the log-likelihood is highest.

    Attributes:
        coefficients: K + L numbers.
        inverse_information: inverse of the observed information at the maximum, (K + L) x (K + L).
        scores: N derivatives of the weighted log-likelihood contributions with respect to the index.
        log_likelihood: at the maximum.
    """

    coefficients: np.ndarray
    inverse_information: np.ndarray
    scores: np.ndarray
    log_likelihood: float


@dataclass(frozen=True)
class _Likelihood:
    """The weighted log-likelihood of N signed outcomes as a function of the index."""

    signs: np.ndarray
    weights: np.ndarray | None
    link: Link

    def total(self, index: np.ndarray) -> float:
        return float(self._weighted(self.link.log_likelihood(self.signs * index)).sum())

    def scores(self, index: np.ndarray) -> np.ndarray:
        return self._weighted(self.signs * self.link.score(self.signs * index))

    def information(self, index: np.ndarray) -> np.ndarray:
        return self._weighted(self.link.information(self.signs * index))

    def _weighted(self, values: np.ndarray) -> np.ndarray:
        return values if self.weights is None else values * self.weights


def maximise(
    matrix: PartitionedMatrix,
    outcome: np.ndarray,
    link: Link,
    names: Sequence[str],
    weights: np.ndarray | None = None,
) -> Maximum:
    """Maximum likelihood by Newton's method with step halving, from zero coefficients.

    It has converged when a full Newton step moves no observation's index by more than TOLERANCE (relative to the
    largest index). The gain in likelihood would not do as a criterion: where some combination of regressors separates
    zeros from ones it vanishes while the coefficients still run away to infinity.

    Args:
        matrix: the design, of full column rank.
        outcome: N zeros and ones, both present.
        link: probit or logit.
        names: of the K + L columns, for the error.
        weights: N sampling weights, or None.

    Raises:
        InputError: the likelihood has no maximum; the columns that run away are named.
    """
    likelihood = _Likelihood(2.0 * outcome - 1.0, weights, link)
    scale = 1.0 / np.sqrt(matrix.mean_squares())
    index: np.ndarray = np.zeros(len(outcome))
    step = coefficients = np.zeros(matrix.shape[1])
    for _ in range(MAXIMUM_ITERATIONS):
        try:
            step = scale * _newton_step(matrix, likelihood, index, scale)
        except LinAlgError:
            break
        change = matrix.dot(step)
        if not np.isfinite(change).all():
            break
        length = _step_length(likelihood, index, change)
        coefficients, index = coefficients + length * step, index + length * change
        if length == 1.0 and np.abs(change).max() <= TOLERANCE * (1.0 + np.abs(index).max()):
            return _at_maximum(matrix, likelihood, coefficients)
    raise _no_maximum(step / scale, names, link)


def sandwich(matrix: PartitionedMatrix, maximum: Maximum, clusters: np.ndarray | None) -> np.ndarray:
    """H^-1 M H^-1 without small-sample factor, H the observed information.

    Args:
        matrix: the design.
        maximum: from `maximise`.
        clusters: N integer codes of the clusters within which scores are summed; None takes each observation alone.
    """
    scores = maximum.scores
    middle = matrix.gram(scores**2) if clusters is None else matrix.cluster_products(scores, clusters)
    return maximum.inverse_information @ middle @ maximum.inverse_information


def _newton_step(
    matrix: PartitionedMatrix, likelihood: _Likelihood, index: np.ndarray, scale: np.ndarray
) -> np.ndarray:
    information = matrix.gram(likelihood.information(index)) * np.outer(scale, scale)
    gradient = matrix.weighted_sum(likelihood.scores(index)) * scale
    return cho_solve(cho_factor(information), gradient)


def _step_length(likelihood: _Likelihood, index: np.ndarray, change: np.ndarray) -> float:
    """The first of 1, 1/2, 1/4, ... that does not lower the log-likelihood (beyond rounding)."""
    before = likelihood.total(index)
    allowance = 1e-12 * (1.0 + abs(before))
    length = 1.0
    while length > 1e-6 and likelihood.total(index + length * change) < before - allowance:
        length /= 2
    return length


def _at_maximum(matrix: PartitionedMatrix, likelihood: _Likelihood, coefficients: np.ndarray) -> Maximum:
    index = matrix.dot(coefficients)
    information = matrix.gram(likelihood.information(index))
    scale = 1.0 / np.sqrt(np.diag(information))
    inverse = cho_solve(cho_factor(information * np.outer(scale, scale)), np.diag(scale)) * scale[:, None]
    return Maximum(
        coefficients=coefficients,
        inverse_information=(inverse + inverse.T) / 2,
        scores=likelihood.scores(index),
        log_likelihood=likelihood.total(index),
    )


def _no_maximum(direction: np.ndarray, names: Sequence[str], link: Link) -> InputError:
    sizes = np.abs(direction)
    runaway = [names[j] for j in np.argsort(-sizes, kind="stable") if sizes[j] >= 0.1 * sizes.max()][:5]
    return InputError(
        f"The {link.name} has no maximum: some combination of {', '.join(runaway)} predicts the outcome of some "
        "observations perfectly; leave one of these columns out, or coarsen it."
    )
