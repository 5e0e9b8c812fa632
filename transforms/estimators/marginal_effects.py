"""Average marginal effects of probit and logit models, interactions included, with delta-method errors.

The effect of a continuous column is a derivative of P(y = 1), that of a zero-one column a difference; wherever a column
enters a product the product moves with it, as with Stata's factor variables.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.binary_response import BinaryResponse
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.probability_effects import Effect, average_effects, blocks_of_rows, contribution
from haiguan.transforms.estimators.response_design import ResponseDesign, is_zero_one, product_name
from haiguan.transforms.estimators.result import Estimates, coefficient_table


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


def average_marginal_effects(model: BinaryResponse, discrete: Collection[str] | None = None) -> Estimates:
    """The effect of each regressor on P(y = 1), averaged over the estimation sample.

    Covariates are taken as fixed, as Stata's `margins, dydx(*)` does: the error is that of the coefficients alone.

    Args:
        model: a fitted probit or logit.
        discrete: columns whose effect is a difference; None takes every zero-one column (`i.` in Stata).

    Raises:
        InputError: there is no regressor, or a column named as discrete is none or not zero-one.

    >>> import pandas as pd
    >>> from haiguan.transforms.estimators.probit import fit_probit
    >>> frame = pd.DataFrame({"entry": [0, 0, 1, 0, 1, 1, 0, 1], "density": [1.0, 2, 2, 3, 4, 5, 5, 6]})
    >>> effects = average_marginal_effects(fit_probit(frame, "entry", ["density"]))
    >>> effects.terms.loc["density", ["estimate", "standard_error"]].round(4).to_list()
    [0.1269, 0.0648]
    """
    variables = list(model.design.columns)
    if not variables:
        raise InputError(f"The {model.link.name} of {model.design.outcome_name} has no regressor to report on.")
    differences = _discrete(model.design, discrete)
    effects = [Effect.of([variable], differences) for variable in variables]
    averages, gradient = average_effects(model, effects)
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

    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.probit import fit_probit
    >>> model = fit_probit(mroz.load(), "inlf", ["educ", "kidslt6", "educ:kidslt6"])
    >>> interaction_effects(model).comparison[["coefficient", "effect"]].round(3).to_numpy().tolist()
    [[0.021, 0.012]]
    """
    products = [product for product in model.design.products if len(product) == 2]
    if not products:
        raise InputError(f"The {model.link.name} of {model.design.outcome_name} has no interaction: name a pair.")
    differences = _discrete(model.design, discrete)
    effects = [Effect.of(pair, differences) for pair in products]
    averages, gradient = average_effects(model, effects)
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

    >>> from linearmodels.datasets import mroz
    >>> from haiguan.transforms.estimators.probit import fit_probit
    >>> model = fit_probit(mroz.load(), "inlf", ["educ", "kidslt6"])
    >>> effects = effect_by_observation(model, ["educ"])["effect"]
    >>> len(effects), effects.mean().round(3) == average_marginal_effects(model).terms.loc["educ", "estimate"].round(3)
    (753, np.True_)
    """
    unknown = [name for name in variables if name not in model.design.columns]
    if unknown:
        raise InputError(*(unknown_name("regressor", name, model.design.columns) for name in unknown))
    if not 1 <= len(variables) <= 2:
        raise InputError(f"An effect is of one column or of a pair, not of {len(variables)}.")
    effect = Effect.of(variables, _discrete(model.design, discrete))
    index = model.design.matrix.dot(model.standardised_coefficients)
    blocks = [contribution(model, effect, index[rows], rows).values for rows in blocks_of_rows(len(index))]
    return pd.DataFrame({"probability": model.link.probability(index, 0), "effect": np.concatenate(blocks)})


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
