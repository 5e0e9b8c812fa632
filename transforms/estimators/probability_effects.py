"""Derivatives and differences of P(y = 1) = G(u) with respect to regressors, row by row, and their gradients.

An effect is a derivative with respect to a continuous column, a difference (at one minus at zero) over a zero-one
column, or one of each. Wherever a column enters a product, the product moves with it. The index is linear, u = x'b, so
all effects follow from derivatives of G and of the rows x:

    G(u);   G'(u) u_1;   G'(u) u_12 + G''(u) u_1 u_2     for no, one and two continuous columns,

each taken at the corners of the zero-one columns with alternating signs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as every_combination

import numpy as np
from threadpoolctl import threadpool_limits

from haiguan.transforms.estimators.binary_response import BinaryResponse
from haiguan.transforms.estimators.links import Link
from haiguan.transforms.estimators.partitioned_matrix import ROWS_AT_ONCE
from haiguan.transforms.estimators.response_design import Product, ResponseDesign

Columns = Mapping[int, "np.ndarray | float"]


@dataclass(frozen=True)
class Effect:
    """Which derivative or difference of the probability.

    Attributes:
        continuous: up to two columns (a column twice for the curvature) with respect to which it is differentiated.
        discrete: zero-one columns over which the difference is taken.
    """

    continuous: Product
    discrete: Product

    @classmethod
    def of(cls, variables: Sequence[str], discrete: Collection[str]) -> Effect:
        """The effect of one or two columns, given which columns are discrete."""
        return cls(
            tuple(name for name in variables if name not in discrete),
            tuple(name for name in variables if name in discrete),
        )


@dataclass(frozen=True)
class Contribution:
    """What a block of rows adds to an effect.

    Attributes:
        values: the effect, row by row.
        total: the sum of the effect over the rows, by their sampling weights.
        weights: its derivative with respect to the index, by which the gradient sums the rows of the design; times the
            sampling weights.
        corrections: K sums to add to that, for the terms that the effect moves.
    """

    values: np.ndarray
    total: float
    weights: np.ndarray
    corrections: np.ndarray


def blocks_of_rows(observations: int) -> Iterator[slice]:
    """Slices of rows small enough for a block of the design to stay in the processor's cache."""
    for start in range(0, observations, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, observations))


@threadpool_limits.wrap(limits=1, user_api="blas")
def average_effects(model: BinaryResponse, effects: Sequence[Effect]) -> tuple[np.ndarray, np.ndarray]:
    """Effects averaged over the sample, by its weights where it has them, and what the delta method needs.

    Args:
        model: a fitted probit or logit.
        effects: M of them.

    Returns:
        M averages, and their (K + L) x M gradient with respect to the standardised coefficients.
    """
    matrix = model.design.matrix
    observations, size = matrix.shape
    averages, gradient = np.zeros(len(effects)), np.zeros((size, len(effects)))
    for rows in blocks_of_rows(observations):
        block = matrix.rows(rows)
        index = block.dot(model.standardised_coefficients)
        parts = [contribution(model, effect, index, rows) for effect in effects]
        averages += [part.total for part in parts]
        gradient += block.weighted_sum(np.column_stack([part.weights for part in parts]))
        gradient[: len(model.design.products)] += np.column_stack([part.corrections for part in parts])
    return averages / observations, gradient / observations


def contribution(model: BinaryResponse, effect: Effect, index: np.ndarray, rows: slice) -> Contribution:
    """What some rows add to an effect.

    Args:
        model: a fitted probit or logit.
        effect: which effect.
        index: the model's index in these rows.
        rows: which rows.
    """
    design = model.design
    coefficients = model.standardised_coefficients
    values, weights = np.zeros(len(index)), np.zeros(len(index))
    corrections = np.zeros(len(design.products))
    sampled = np.ones(len(index)) if design.weights is None else design.weights[rows]
    for setting in every_combination((1.0, 0.0), repeat=len(effect.discrete)):
        sign = (-1.0) ** setting.count(0.0)
        assigned = dict(zip(effect.discrete, setting, strict=True))
        shifts = _shifts(design, assigned, rows)
        shifted = index + sum(shift * coefficients[j] for j, shift in shifts.items())
        derivatives = _derivatives(design, effect.continuous, assigned, rows)
        value, weight, pieces = _chain_rule(model.link, shifted, derivatives, coefficients)
        values += sign * value
        weights += sign * weight
        for factor, columns in [(weight, shifts), *pieces]:
            for j, column in columns.items():
                corrections[j] += sign * np.sum(sampled * factor * column)
    return Contribution(values, float(sampled @ values), sampled * weights, corrections)


def _shifts(design: ResponseDesign, assigned: Mapping[str, float], rows: slice) -> Columns:
    """By how much the standardised terms change when columns are set to a value."""
    return {
        j: (design.product(product, assigned, rows) - design.centre[j]) / design.scale[j] - design.matrix.dense[rows, j]
        for j, product in enumerate(design.products)
        if not assigned.keys().isdisjoint(product)
    }


def _derivatives(
    design: ResponseDesign, variables: Product, assigned: Mapping[str, float], rows: slice
) -> list[Columns]:
    """Derivatives of the standardised terms: none; with respect to x; with respect to x, to z, and to both."""
    wanted = {0: [], 1: [variables], 2: [variables[:1], variables[1:], variables]}[len(variables)]
    return [
        {
            j: factor * design.product(rest, assigned, rows) / design.scale[j]
            for j, product in enumerate(design.products)
            for factor, rest in [_differentiated(product, by)]
            if factor
        }
        for by in wanted
    ]


def _differentiated(product: Product, by: Product) -> tuple[int, Product]:
    """The derivative of a product of columns: an integer factor and the product that is left."""
    factor, rest = 1, list(product)
    for variable in by:
        factor *= rest.count(variable)
        if not factor:
            return 0, ()
        rest.remove(variable)
    return factor, tuple(rest)


def _chain_rule(
    link: Link, index: np.ndarray, derivatives: Sequence[Columns], coefficients: np.ndarray
) -> tuple[np.ndarray, np.ndarray, list[tuple[np.ndarray, Columns]]]:
    """An effect at one corner: its values, its derivative with respect to the index, and with respect to the slopes."""
    if not derivatives:
        return link.probability(index, 0), link.probability(index, 1), []
    slopes = [sum(column * coefficients[j] for j, column in columns.items()) for columns in derivatives]
    first, second = link.probability(index, 1), link.probability(index, 2)
    if len(derivatives) == 1:
        return first * slopes[0], second * slopes[0], [(first, derivatives[0])]
    third = link.probability(index, 3)
    across, along = slopes[2], slopes[0] * slopes[1]
    pieces = [(second * slopes[1], derivatives[0]), (second * slopes[0], derivatives[1]), (first, derivatives[2])]
    return first * across + second * along, second * across + third * along, pieces
