"""Products with sparse dummies against the same products of one dense matrix, over several blocks of rows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array, hstack

from haiguan.transforms.estimators.partitioned_matrix import ROWS_AT_ONCE, PartitionedMatrix, dummy_matrix


@pytest.fixture(scope="module")
def pair() -> tuple[PartitionedMatrix, np.ndarray]:
    random = np.random.default_rng(0)
    observations = 2 * ROWS_AT_ONCE + 17
    dense = random.normal(size=(observations, 3))
    codes = random.integers(-1, 4, (observations, 2))  # -1: the reference level, without a column
    blocks = [dummy_matrix(column, 4) for column in codes.T]
    matrix = PartitionedMatrix(dense, csr_array(hstack(blocks, format="csr")))
    explicit = [(codes[:, f] == level).astype(float) for f in range(2) for level in range(4)]
    return matrix, np.column_stack([dense, *explicit])


def test_products(pair: tuple[PartitionedMatrix, np.ndarray]) -> None:
    matrix, full = pair
    random = np.random.default_rng(1)
    weights, coefficients = random.random(len(full)), random.normal(size=11)
    np.testing.assert_allclose(matrix.dot(coefficients), full @ coefficients, rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(matrix.weighted_sum(weights), full.T @ weights, rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(matrix.gram(weights), full.T @ (full * weights[:, None]), rtol=1e-10, atol=1e-9)
    np.testing.assert_allclose(matrix.mean_squares(), (full**2).mean(axis=0), rtol=1e-12)


def test_cluster_products(pair: tuple[PartitionedMatrix, np.ndarray]) -> None:
    matrix, full = pair
    random = np.random.default_rng(2)
    scores, codes = random.normal(size=len(full)), np.arange(len(full)) % 7
    sums = np.vstack([(full * scores[:, None])[codes == g].sum(axis=0) for g in range(7)])
    np.testing.assert_allclose(matrix.cluster_products(scores, codes), sums.T @ sums, rtol=1e-9, atol=1e-8)


def test_selections(pair: tuple[PartitionedMatrix, np.ndarray]) -> None:
    matrix, full = pair
    columns = np.array([True, False, True, *[True, False] * 4])
    rows, vector = slice(5, 25), np.arange(6.0)
    selected = matrix.select(columns)
    np.testing.assert_allclose(selected.dot(vector), full[:, columns] @ vector, atol=1e-12)
    np.testing.assert_allclose(selected.rows(rows).dot(vector), full[rows][:, columns] @ vector, atol=1e-12)
    assert selected.shape == (len(full), 6)
