"""Partialling out several sparse fixed effects: one eliminated exactly, the others by conjugate gradients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_array, csr_array, hstack

NEGLIGIBLE = 1e-10
NOISE = 1e-3  # A column of which the largest effect leaves less than this share is solved to that share's accuracy.


def conjugate_gradients(
    columns: np.ndarray, effects: np.ndarray, weights: np.ndarray | None, tolerance: float, iterations: int
) -> tuple[np.ndarray, bool]:
    """Residuals of each column on the dummies of all effects, and whether the iterations converged.

    The effect with most levels is eliminated: its dummies are orthogonal, so that what it leaves of the normal
    equations of the others (the Schur complement O'WO - O'WF (F'WF)^-1 F'WO) is known from tables of counts, which hold
    a pair of levels once however many observations share it. Conjugate gradients solve that, each equation divided by
    its diagonal, in about half of the iterations that all effects together would need.

    Args:
        columns: N x K numbers.
        effects: N x M integer codes, each column from 0 without gaps, M at least 2.
        weights: N analytic weights, or None.
        tolerance: the largest correlation of residuals and dummies that counts as zero.
        iterations: the most that are tried.

    Returns:
        N x K residuals, in column-major order, and whether all columns converged.

    >>> effects = np.array([[0, 0], [0, 1], [1, 0], [1, 1], [2, 1]])
    >>> left, converged = conjugate_gradients(np.array([[1.0], [2], [3], [5], [9]]), effects, None, 1e-12, 10)
    >>> converged, left.ravel().round(9).tolist()
    (True, [0.25, -0.25, -0.25, 0.25, 0.0])
    """
    reduced = _reduced(effects, weights)
    left = reduced.less_largest(columns)
    sizes = np.maximum(np.linalg.norm(left, axis=0), NOISE * np.linalg.norm(columns, axis=0))
    solution, converged = _solve(reduced, reduced.sums(left), sizes, tolerance, iterations)
    return reduced.less_largest(reduced.less_others(columns, solution)), converged


@dataclass(frozen=True)
class _Reduced:
    """The normal equations of all effects but the largest, net of the largest.

    Attributes:
        largest: N codes of the largest effect.
        totals: per level of it, the sum of the weights.
        others: M - 1 arrays of N codes, numbered on from one effect to the next.
        levels: of all other effects together.
        weights: N, or None.
        products: levels x levels, O'WO.
        shared: levels of the largest x levels, (F'WF)^-1/2 F'WO.
        diagonal: levels, of O'WO less that of shared'shared.
    """

    largest: np.ndarray
    totals: np.ndarray
    others: tuple[np.ndarray, ...]
    levels: int
    weights: np.ndarray | None
    products: csr_array
    shared: csr_array
    diagonal: np.ndarray

    def times(self, values: np.ndarray) -> np.ndarray:
        """The reduced matrix times levels x K."""
        return self.products @ values - self.shared.T @ (self.shared @ values)

    def less_largest(self, columns: np.ndarray) -> np.ndarray:
        """Columns less their means by level of the largest effect: N x K."""
        left = np.empty(columns.shape, order="F")
        for j, column in enumerate(columns.T):
            sums = np.bincount(self.largest, self._weighted(column), len(self.totals))
            np.subtract(column, (sums / self.totals)[self.largest], out=left[:, j])
        return left

    def less_others(self, columns: np.ndarray, solution: np.ndarray) -> np.ndarray:
        """Columns less what the solution (levels x K) says of the other effects: N x K."""
        left = np.array(columns, order="F")
        for j, coefficients in enumerate(solution.T):
            for codes in self.others:
                left[:, j] -= coefficients[codes]
        return left

    def sums(self, columns: np.ndarray) -> np.ndarray:
        """Weighted sums of columns by level of the other effects: levels x K."""
        sums = np.zeros((self.levels, columns.shape[1]))
        for j, column in enumerate(columns.T):
            weighted = self._weighted(column)
            for codes in self.others:
                sums[:, j] += np.bincount(codes, weighted, self.levels)
        return sums

    def _weighted(self, column: np.ndarray) -> np.ndarray:
        return column if self.weights is None else column * self.weights


def _reduced(effects: np.ndarray, weights: np.ndarray | None) -> _Reduced:
    order = np.argsort(-effects.max(axis=0), kind="stable")
    largest, *others = (np.ascontiguousarray(effects[:, j]) for j in order)
    starts = np.cumsum([0, *(int(codes.max()) + 1 for codes in others)])
    totals = np.bincount(largest, weights).astype(float)
    counts = hstack([_table(largest, codes, weights) for codes in others], format="csr")
    shared = csr_array(counts.multiply((1 / np.sqrt(totals))[:, None]))
    placed = tuple(codes + start for codes, start in zip(others, starts[:-1], strict=True))
    products = _products(placed, int(starts[-1]), weights)
    diagonal = products.diagonal() - np.bincount(shared.indices, shared.data**2, int(starts[-1]))
    return _Reduced(largest, totals, placed, int(starts[-1]), weights, products, shared, diagonal)


def _table(rows: np.ndarray, columns: np.ndarray, weights: np.ndarray | None, shape: tuple | None = None) -> csr_array:
    """The sum of the weights of every pair of levels that occurs."""
    values = np.ones(len(rows)) if weights is None else weights
    shape = shape or (int(rows.max()) + 1, int(columns.max()) + 1)
    return csr_array(coo_array((values, (rows.astype(np.int32), columns.astype(np.int32))), shape=shape))


def _products(others: tuple[np.ndarray, ...], levels: int, weights: np.ndarray | None) -> csr_array:
    """O'WO: the sums of the weights on its diagonal, and the tables of every two effects."""
    sums = sum(np.bincount(codes, weights, levels).astype(float) for codes in others)
    diagonal = np.arange(levels)
    products = csr_array((sums, (diagonal, diagonal)), shape=(levels, levels))
    for place, first in enumerate(others):
        for second in others[place + 1 :]:
            table = _table(first, second, weights, (levels, levels))
            products = products + table + table.T
    return csr_array(products)


def _solve(
    reduced: _Reduced, right: np.ndarray, sizes: np.ndarray, tolerance: float, iterations: int
) -> tuple[np.ndarray, bool]:
    """Levels x K coefficients of the other effects by conjugate gradients; columns that are done stand still."""
    total = reduced.products.diagonal()
    # A level whose dummy the largest effect spans has nothing left to solve.
    free = reduced.diagonal > NEGLIGIBLE * total
    inverse = np.divide(1.0, reduced.diagonal, out=np.zeros(len(total)), where=free)[:, None]
    solution, left = np.zeros_like(right), np.where(free[:, None], right, 0.0)
    direction = inverse * left
    energy = np.einsum("ij,ij->j", left, direction)
    for _ in range(iterations):
        running = energy > (tolerance * sizes) ** 2
        if not running.any():
            return solution, True
        image = reduced.times(direction)
        curvature = np.einsum("ij,ij->j", direction, image)
        step = np.divide(energy, curvature, out=np.zeros_like(energy), where=running & (curvature > 0))
        solution += step * direction
        left -= step * image
        scaled = inverse * left
        renewed = np.einsum("ij,ij->j", left, scaled)
        direction = scaled + np.divide(renewed, energy, out=np.zeros_like(energy), where=energy > 0) * direction
        energy = np.where(running, renewed, energy)
    return solution, False
