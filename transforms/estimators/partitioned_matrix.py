"""A design matrix whose few dense columns stand beside many sparse dummies, and the products that estimation needs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_array

ROWS_AT_ONCE = 8_192


def dummy_matrix(codes: np.ndarray, levels: int) -> csr_array:
    """One row per observation, one column per level, a single one in each row (codes -1: an empty row)."""
    present = codes >= 0
    pointer = np.concatenate([[0], np.cumsum(present)])
    return csr_array((np.ones(int(pointer[-1])), codes[present], pointer), shape=(len(codes), levels))


@dataclass(frozen=True)
class PartitionedMatrix:
    """[X, D]: X dense (N x K), D sparse dummies (N x L). No N x L array is ever made.

    Attributes:
        dense: N x K.
        dummies: N x L, compressed by row.
    """

    dense: np.ndarray
    dummies: csr_array

    @property
    def shape(self) -> tuple[int, int]:
        """N and K + L."""
        return self.dense.shape[0], self.dense.shape[1] + self.dummies.shape[1]

    @cached_property
    def _transposed_dummies(self) -> csr_array:
        return self.dummies.T.tocsr()

    def dot(self, coefficients: np.ndarray) -> np.ndarray:
        """[X, D] b, N numbers."""
        split = self.dense.shape[1]
        return self.dense @ coefficients[:split] + self.dummies @ coefficients[split:]

    def rows(self, rows: slice) -> PartitionedMatrix:
        """A block of rows."""
        return PartitionedMatrix(self.dense[rows], self.dummies[rows])

    def weighted_sum(self, weights: np.ndarray) -> np.ndarray:
        """[X, D]'w: K + L numbers, or as many rows where w has several columns."""
        return np.concatenate([self.dense.T @ weights, self._transposed_dummies @ weights])

    def mean_squares(self) -> np.ndarray:
        """Mean square of each of the K + L columns."""
        sparse = np.asarray(self.dummies.sum(axis=0)).ravel()
        return np.concatenate([np.einsum("ij,ij->j", self.dense, self.dense), sparse]) / len(self.dense)

    def gram(self, weights: np.ndarray) -> np.ndarray:
        """[X, D]' diag(w) [X, D], w >= 0, dense (K + L) x (K + L); blocks of rows keep the weighted copies in cache."""
        split, size = self.dense.shape[1], self.shape[1]
        roots = np.sqrt(np.clip(weights, 0, None))
        total = np.zeros((size, size))
        for start in range(0, len(weights), ROWS_AT_ONCE):
            rows = slice(start, start + ROWS_AT_ONCE)
            dense = self.dense[rows] * roots[rows, None]
            total[:split, :split] += dense.T @ dense
            if split < size:
                dummies = _scale_rows(self.dummies[rows], roots[rows])
                transposed = dummies.T.tocsr()
                total[split:, :split] += transposed @ dense
                total[split:, split:] += (transposed @ dummies).toarray()
        total[:split, split:] = total[split:, :split].T
        return total

    def cluster_products(self, scores: np.ndarray, codes: np.ndarray) -> np.ndarray:
        """Sum over clusters g of (sum of s_i x_i in g)(sum of s_i x_i in g)', (K + L) x (K + L).

        Args:
            scores: N factors s_i.
            codes: N integer codes of the clusters, from 0 without gaps.
        """
        clusters = dummy_matrix(codes, int(codes.max()) + 1).T.tocsr()
        dense = clusters @ (self.dense * scores[:, None])
        sparse = (clusters @ _scale_rows(self.dummies, scores)).tocsr()
        cross = dense.T @ sparse
        return np.block([[dense.T @ dense, cross], [cross.T, (sparse.T @ sparse).toarray()]])

    def select(self, columns: np.ndarray) -> PartitionedMatrix:
        """The columns where the mask of length K + L is true."""
        split = self.dense.shape[1]
        return PartitionedMatrix(self.dense[:, columns[:split]], csr_array(self.dummies[:, columns[split:]]))


def _scale_rows(matrix: csr_array, factors: np.ndarray) -> csr_array:
    repeated = np.repeat(factors, np.diff(matrix.indptr))
    return csr_array((matrix.data * repeated, matrix.indices, matrix.indptr), shape=matrix.shape)
