"""Partialling fixed effects out of columns (Frisch-Waugh-Lovell), by pyfixest's compiled demeaners."""

from __future__ import annotations

import numpy as np
from pyfixest.core.demean import demean as alternating_projections
from pyfixest.core.demean import demean_within as preconditioned_lsmr

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.reduced_effects import conjugate_gradients

TOLERANCE = 1e-9
KRYLOV_TOLERANCE = 1e-11
ROUNDS_OF_PROJECTIONS = 20
ROUNDS_OF_GRADIENTS = 200
MAXIMUM_ITERATIONS = 10_000


def demean(
    columns: np.ndarray, effects: np.ndarray, weights: np.ndarray | None = None, tolerance: float = TOLERANCE
) -> np.ndarray:
    """Residuals of each column on the dummies of all effects.

    Columns are scaled to unit variance while iterating, so that the result does not depend on their units.

    Args:
        columns: N x K numbers.
        effects: N x M integer codes, each column from 0 without gaps; M = 0 returns the columns as they are.
        weights: N analytic weights, or None.
        tolerance: of the iterations, relative to the standard deviation of a column.

    Returns:
        N x K residuals, in column-major order.

    Raises:
        InputError: the iterations did not converge.

    >>> demean(np.array([[1.0], [3.0], [10.0]]), np.array([[0], [0], [1]])).ravel().round(9).tolist()
    [-1.0, 1.0, 0.0]
    """
    if effects.shape[1] == 0 or columns.shape[1] == 0:
        return columns
    scaled = columns - columns.mean(axis=0)
    scale = np.sqrt(np.einsum("ij,ij->j", scaled, scaled) / len(scaled))
    scale[scale == 0] = 1.0
    scaled /= scale
    residuals, converged = _iterate(scaled, effects, weights, tolerance)
    if not converged:
        raise InputError(
            f"The fixed effects could not be partialled out in {MAXIMUM_ITERATIONS:,} iterations: "
            "two of them are nearly the same; drop one."
        )
    residuals *= scale
    return residuals


def _iterate(
    columns: np.ndarray, effects: np.ndarray, weights: np.ndarray | None, tolerance: float
) -> tuple[np.ndarray, bool]:
    # Two effects such as firms and years need a dozen rounds of projections, three sparse ones hundreds, but conjugate
    # gradients tens. Where few observations connect the levels, both need tens of thousands, and LSMR with the additive
    # preconditioner, dear to set up on large well-mixed effects, a handful.
    residuals, converged = columns, False
    if effects.shape[1] <= 2:
        unweighted = np.ones(len(columns)) if weights is None else weights
        residuals, converged = alternating_projections(columns, effects, unweighted, tolerance, ROUNDS_OF_PROJECTIONS)
    krylov = min(tolerance, KRYLOV_TOLERANCE)
    if not converged and effects.shape[1] > 1:
        residuals, converged = conjugate_gradients(columns, effects, weights, krylov, ROUNDS_OF_GRADIENTS)
    if not converged:
        residuals, converged, _ = preconditioned_lsmr(
            columns, effects, weights, krylov, MAXIMUM_ITERATIONS, preconditioner="additive"
        )
    return residuals, converged
