"""Conjugate gradients on what one effect leaves of the others, against dummies written out."""

from __future__ import annotations

import numpy as np
import pytest

from haiguan.transforms.estimators.demean import demean
from haiguan.transforms.estimators.reduced_effects import conjugate_gradients


def by_dummies(columns: np.ndarray, effects: np.ndarray, weights: np.ndarray | None) -> np.ndarray:
    dummies = np.hstack([np.eye(codes.max() + 1)[codes] for codes in effects.T])
    root = np.ones((len(columns), 1)) if weights is None else np.sqrt(weights)[:, None]
    return columns - dummies @ np.linalg.lstsq(root * dummies, root * columns, rcond=None)[0]


def world(seed: int, levels: tuple[int, ...], rows: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    effects = np.column_stack([np.unique(rng.integers(0, n, rows), return_inverse=True)[1] for n in levels])
    return rng.normal(size=(rows, 3)) + np.sin(effects[:, :1]), effects, rng.uniform(0.1, 2, rows)


@pytest.mark.parametrize("levels", [(80, 12), (60, 40, 30), (5, 90, 20, 8)])
@pytest.mark.parametrize("weighted", [False, True])
def test_residuals_are_those_of_dummies(levels, weighted):
    columns, effects, weights = world(len(levels), levels)
    weights = weights if weighted else None
    left, converged = conjugate_gradients(columns, effects, weights, 1e-12, 200)
    assert converged
    np.testing.assert_allclose(left, by_dummies(columns, effects, weights), atol=1e-9)


def test_levels_that_the_largest_effect_spans_and_separate_groups_do_no_harm():
    columns, effects, _ = world(7, (60, 30))
    firm = effects[:, 0]
    nested, apart = firm % 6, (firm % 2) * 10 + effects[:, 1] % 10
    effects = np.column_stack([firm, nested, np.unique(apart, return_inverse=True)[1]])
    left, converged = conjugate_gradients(columns, effects, None, 1e-12, 200)
    assert converged
    np.testing.assert_allclose(left, by_dummies(columns, effects, None), atol=1e-9)


def test_a_column_that_the_largest_effect_spans_leaves_nothing():
    columns, effects, _ = world(8, (60, 40, 30))
    columns[:, 0] = np.sin(effects[:, 0])
    left, converged = conjugate_gradients(columns, effects, None, 1e-11, 200)
    assert converged
    assert np.abs(left[:, 0]).max() < 1e-12
    assert np.abs(left[:, 1]).max() > 0.1


def test_a_chain_is_left_to_another_method_and_solved():
    # Every firm has two buyers, and a buyer only its two neighbours: a path that gradients walk along step by step.
    firm = np.repeat(np.arange(3_000), 2)
    effects = np.column_stack([firm, firm + np.tile([0, 1], 3_000)])
    columns = np.random.default_rng(1).normal(size=(6_000, 1))
    columns = np.vstack([columns, columns[:20] + 1])
    effects = np.vstack([effects, effects[:20]])
    assert not conjugate_gradients(columns, effects, None, 1e-11, 200)[1]
    left = demean(columns, effects)
    sums = [np.abs(np.bincount(codes, left[:, 0])).max() for codes in effects.T]
    assert max(sums) < 1e-6
