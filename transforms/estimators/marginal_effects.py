"""Average marginal effects of probit and logit models, interactions included, with delta-method errors.

An effect is a derivative of P(y = 1) with respect to a continuous column, a difference (at one minus at zero) over a
zero-one column, or one of each. Wherever a column enters a product, the product moves with it, as with Stata's factor
variables. The index is linear, u = x'b, so all effects follow from derivatives of G and of the rows x:

    G(u);   G'(u) u_1;   G'(u) u_12 + G''(u) u_1 u_2     for no, one and two continuous columns,

each taken at the corners of the zero-one columns with alternating signs.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import product as every_combination

import numpy as np
import pandas as pd
from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.binary_response import BinaryResponse
from haiguan.transforms.estimators.links import Link
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.partitioned_matrix import ROWS_AT_ONCE
from haiguan.transforms.estimators.response_design import Product, ResponseDesign, is_zero_one, product_name
from haiguan.transforms.estimators.result import Estimates, coefficient_table
from threadpoolctl import threadpool_limits

Columns = Mapping[int, "np.ndarray | float"]


@dataclass(frozen=True)
class InteractionEffects:
    """Interaction effects on the probability, beside the coefficients that are often mistaken for them.

    Attributes:
        average: average interaction effects, one term per product of two columns ("a:b").
        comparison: index `term`; coefficient, coefficient_standard_error, coefficient_p_value of the product in the
            index; effect, standard_error, p_value on the probability; smallest, largest and share_positive over
            observations, since the effect varies and may change sign.
    """

    average: Estimates
    comparison: pd.DataFrame


@dataclass(frozen=True)
class _Effect:
    continuous: Product
    discrete: Product


@dataclass(frozen=True)
class _Contribution:
    """What a block of rows adds: effects row by row, and their gradient as weights of all columns plus corrections."""

    values: np.ndarray
    weights: np.ndarray
    corrections: np.ndarray


def average_marginal_effects(model: BinaryResponse, discrete: Collection[str] | None = None) -> Estimates:
    """The effect of each regressor on P(y = 1), averaged over the estimation sample.

    Covariates are taken as fixed, as Stata's `margins, dydx(*)` does: the error is that of the coefficients alone.

    Args:
        model: a fitted probit or logit.
        discrete: columns whose effect is a difference; None takes every zero-one column (`i.` in Stata).

    Raises:
        InputError: a column named as discrete is not a regressor or not zero-one.

    >>> import pandas as pd
    >>> from haiguan.transforms.estimators.probit import fit_probit
    >>> frame = pd.DataFrame({"entry": [0, 0, 1, 0, 1, 1, 0, 1], "density": [1.0, 2, 2, 3, 4, 5, 5, 6]})
    >>> effects = average_marginal_effects(fit_probit(frame, "entry", ["density"]))
    >>> effects.terms.loc["density", ["estimate", "standard_error"]].round(4).to_list()
    [0.1269, 0.0648]
    """
    variables = list(model.design.columns)
    differences = _discrete(model.design, discrete)
    effects = [_effect([variable], differences) for variable in variables]
    averages, gradient = _average(model, effects)
    return _effect_estimates(model, "average marginal effects", variables, averages, gradient)


def interaction_effects(model: BinaryResponse, discrete: Collection[str] | None = None) -> InteractionEffects:
    """The effect on P(y = 1) of each product of two columns, after Ai and Norton (Economics Letters 80, 2003).

    The coefficient of a product is not the interaction effect in a nonlinear model: that is the cross derivative
    (difference, for zero-one columns) of the probability, which can have the opposite sign. The "product" of a column
    with itself gives the curvature of the probability.

    Args:
        model: a fitted probit or logit with at least one product.
        discrete: as in `average_marginal_effects`.

    Raises:
        InputError: the model has no product of two columns.
    """
    products = [product for product in model.design.products if len(product) == 2]
    if not products:
        raise InputError(f"The {model.link.name} of {model.design.outcome_name} has no interaction: name a pair.")
    differences = _discrete(model.design, discrete)
    effects = [_effect(pair, differences) for pair in products]
    averages, gradient = _average(model, effects)
    names = [product_name(pair) for pair in products]
    average = _effect_estimates(model, "interaction effects", names, averages, gradient)
    by_row = [effect_by_observation(model, pair, discrete)["effect"] for pair in products]
    return InteractionEffects(average, _comparison(model.estimates.terms.loc[names], average.terms, by_row))


def effect_by_observation(
    model: BinaryResponse, variables: Sequence[str], discrete: Collection[str] | None = None
) -> pd.DataFrame:
    """The effect of one column, or of a pair, in every row of the estimation sample.

    Args:
        model: a fitted probit or logit.
        variables: one regressor, or the two of an interaction.
        discrete: as in `average_marginal_effects`.

    Returns:
        One row per observation, in sample order: probability (fitted) and effect, which Ai and Norton plot against it.

    Raises:
        InputError: a name is no regressor of the model, or there are more than two.
    """
    unknown = [name for name in variables if name not in model.design.columns]
    if unknown:
        raise InputError(*(unknown_name("regressor", name, model.design.columns) for name in unknown))
    if not 1 <= len(variables) <= 2:
        raise InputError(f"An effect is of one column or of a pair, not of {len(variables)}.")
    effect = _effect(variables, _discrete(model.design, discrete))
    index = model.design.matrix.dot(model.standardised_coefficients)
    blocks = [_contribution(model, effect, index[rows], rows).values for rows in _blocks(len(index))]
    return pd.DataFrame({"probability": model.link.probability(index, 0), "effect": np.concatenate(blocks)})


def _effect(variables: Sequence[str], differences: Collection[str]) -> _Effect:
    return _Effect(
        tuple(name for name in variables if name not in differences),
        tuple(name for name in variables if name in differences),
    )


def _discrete(design: ResponseDesign, discrete: Collection[str] | None) -> set[str]:
    zero_one = {name for name, values in design.columns.items() if is_zero_one(values)}
    if discrete is None:
        return zero_one
    faults = [
        f"{name} cannot have a discrete effect: it is not a zero-one regressor of the {design.outcome_name} equation."
        for name in discrete
        if name not in zero_one
    ]
    if faults:
        raise InputError(*faults)
    return set(discrete)


def _blocks(observations: int) -> Iterator[slice]:
    for start in range(0, observations, ROWS_AT_ONCE):
        yield slice(start, min(start + ROWS_AT_ONCE, observations))


@threadpool_limits.wrap(limits=1, user_api="blas")
def _average(model: BinaryResponse, effects: Sequence[_Effect]) -> tuple[np.ndarray, np.ndarray]:
    """Averages of the effects, and their gradient with respect to the standardised coefficients, (K + L) x effects."""
    matrix = model.design.matrix
    observations, size = matrix.shape
    averages, gradient = np.zeros(len(effects)), np.zeros((size, len(effects)))
    for rows in _blocks(observations):
        block = matrix.rows(rows)
        index = block.dot(model.standardised_coefficients)
        parts = [_contribution(model, effect, index, rows) for effect in effects]
        averages += [part.values.sum() for part in parts]
        gradient += block.weighted_sum(np.column_stack([part.weights for part in parts]))
        gradient[: len(model.design.products)] += np.column_stack([part.corrections for part in parts])
    return averages / observations, gradient / observations


def _contribution(model: BinaryResponse, effect: _Effect, index: np.ndarray, rows: slice) -> _Contribution:
    design = model.design
    coefficients = model.standardised_coefficients
    values, weights = np.zeros(len(index)), np.zeros(len(index))
    corrections = np.zeros(len(design.products))
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
                corrections[j] += sign * np.sum(factor * column)
    return _Contribution(values, weights, corrections)


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


def _effect_estimates(
    model: BinaryResponse, title: str, names: Sequence[str], averages: np.ndarray, gradient: np.ndarray
) -> Estimates:
    terms, covariance = coefficient_table(names, averages, gradient.T @ model.standardised_covariance @ gradient)
    fitted = model.estimates
    return Estimates(
        estimator=f"{title} of a {model.link.name}",
        outcome=fitted.outcome,
        terms=terms,
        covariance=covariance,
        observations=fitted.observations,
        observations_before=fitted.observations_before,
        singletons=fitted.singletons,
        missing=fitted.missing,
        clusters=fitted.clusters,
        fixed_effects=fitted.fixed_effects,
        statistics=fitted.statistics,
        covariance_kind=fitted.covariance_kind,
        warnings=fitted.warnings,
    )


def _comparison(coefficients: pd.DataFrame, effects: pd.DataFrame, by_row: Sequence[pd.Series]) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "coefficient": coefficients["estimate"],
            "coefficient_standard_error": coefficients["standard_error"],
            "coefficient_p_value": coefficients["p_value"],
            "effect": effects["estimate"],
            "standard_error": effects["standard_error"],
            "p_value": effects["p_value"],
            "smallest": [effect.min() for effect in by_row],
            "largest": [effect.max() for effect in by_row],
            "share_positive": [(effect > 0).mean() for effect in by_row],
        }
    )
