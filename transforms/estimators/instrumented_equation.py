"""An equation with instruments, solved once for every direct effect the instruments might have on the outcome.

In y = X b + Z g + e, two-stage least squares of y - Z g is linear in g: with c = (1, -g') its coefficients are B c, the
columns of B being the two-stage coefficients of y and of each instrument on X, and its covariance is that of B c. Both
are kept, so that intervals over many values of g cost nothing more.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.design import Design, build_design
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.instruments import (
    System,
    check_roles,
    partial_out_system,
    second_stage,
    with_identification,
)
from haiguan.transforms.estimators.linear import solve
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.small_sample import Convention


@dataclass(frozen=True)
class InstrumentedEquation:
    """Two-stage least squares as a function of the instruments' direct effects.

    Attributes:
        names: K terms without the constant, endogenous ones first.
        endogenous: how many of them are.
        instruments: L excluded instruments.
        coefficients: K x (1 + L), the two-stage coefficients of the outcome and of each instrument on the terms.
        covariance: (1 + L) K x (1 + L) K, of the columns of `coefficients` stacked.
        estimates: two-stage least squares proper, as `two_stage_least_squares` gives it: all direct effects zero.
    """

    names: tuple[str, ...]
    endogenous: int
    instruments: tuple[str, ...]
    coefficients: np.ndarray
    covariance: np.ndarray
    estimates: Estimates

    def at(self, effects: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """K coefficients and their K x K covariance if the instruments have these L direct effects."""
        combination = np.concatenate([[1.0], -effects])
        stacked = np.kron(combination, np.eye(len(self.names)))
        return self.coefficients @ combination, stacked @ self.covariance @ stacked.T

    def bias(self) -> np.ndarray:
        """K x L: by how much a direct effect of one of each instrument moves the coefficients (the matrix A)."""
        return self.coefficients[:, 1:]

    def per_instrument(self, values: Mapping[str, float], what: str) -> np.ndarray:
        """L numbers from a mapping by instrument, zero where it names none.

        Raises:
            InputError: a name is no instrument, or a value is not finite.
        """
        unknown = [name for name in values if name not in self.instruments]
        if unknown:
            raise InputError(*(unknown_name("instrument", name, self.instruments) for name in unknown))
        infinite = [name for name, value in values.items() if not np.isfinite(value)]
        if infinite:
            raise InputError(f"The {what} of {', '.join(infinite)} must be a finite number.")
        return np.array([float(values.get(name, 0.0)) for name in self.instruments])


def instrumented_equation(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    endogenous: Sequence[str],
    instruments: Sequence[str],
    *,
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    covariance: Covariance | None = None,
    small_sample: Convention = "reghdfe",
) -> InstrumentedEquation:
    """Prepares an equation for the methods of Conley, Hansen and Rossi, with fixed effects partialled out.

    The arguments, the sample and the covariance are those of `two_stage_least_squares`.

    Args:
        data: one row per observation.
        outcome: numeric column.
        regressors: exogenous regressors, columns or products `a:b`.
        endogenous: regressors that are instrumented.
        instruments: excluded instruments, at least as many.
        fixed_effects: columns to absorb, or crossings `a^b`.
        clusters: one or more cluster variables.
        weights: a column of analytic weights.
        covariance: as in `least_squares`; by default clustered where clusters are named, else robust.
        small_sample: how absorbed parameters count; `reghdfe` stands for ivreghdfe here.

    Raises:
        InputError: unusable columns, a column in two roles, too few instruments, or a singular first stage.

    Wooldridge's example 15.5 (Introductory Econometrics), the return to education:

    >>> from linearmodels.datasets import mroz
    >>> women, parents, experience = mroz.load(), ["motheduc", "fatheduc"], ["exper", "expersq"]
    >>> equation = instrumented_equation(women, "lwage", experience, ["educ"], parents, covariance="iid")
    >>> equation.estimates.terms.loc["educ", ["estimate", "standard_error"]].round(4).to_list()
    [0.0614, 0.0314]
    """
    check_roles(outcome, regressors, endogenous, instruments, fixed_effects=fixed_effects, clusters=clusters)
    kind = inference.resolve(covariance, clusters)
    convention: Convention = "ivreghdfe" if small_sample == "reghdfe" else small_sample
    names = [outcome, *regressors, *endogenous, *instruments]
    design = build_design(data, names, fixed_effects=fixed_effects, clusters=clusters, weights=weights)
    system = partial_out_system(design, outcome, regressors, endogenous, instruments, centred=True)
    fit = second_stage(system, design, data, kind, convention, reported=not fixed_effects)
    estimates = with_identification(fit, system, design, data, kind, convention, reported=not fixed_effects)
    coefficients, joint = _joint(system, design, data, kind, convention)
    terms = (*system.endogenous, *system.exogenous)
    return InstrumentedEquation(terms, len(system.endogenous), system.instruments, coefficients, joint, estimates)


def _joint(
    system: System, design: Design, data: pd.DataFrame, kind: Covariance, convention: Convention
) -> tuple[np.ndarray, np.ndarray]:
    """Two-stage coefficients of the outcome and of each instrument, and the covariance of all of them stacked."""
    terms = system.residuals[:, system.positions([*system.endogenous, *system.exogenous])]
    projected = _projected(system, terms, design)
    targets = system.residuals[:, system.positions([system.outcome, *system.instruments])]
    solved = [solve(projected, target, design.weights) for target in targets.T]
    coefficients, bread = np.column_stack([beta for beta, _, _ in solved]), solved[0][1]
    residuals = targets - terms @ coefficients
    counted = inference.parameters(kind, terms.shape[1] + (not design.effect_names), design, convention)
    if kind == "iid":
        weighted = residuals if design.weights is None else residuals * design.weights[:, None]
        divisor = design.observations - (0 if convention == "none" else counted)
        return coefficients, np.kron(residuals.T @ weighted / divisor, bread)
    scores = np.column_stack([projected * residual[:, None] for residual in residuals.T])
    stacked, ones = np.kron(np.eye(residuals.shape[1]), bread), np.ones(design.observations)
    return coefficients, inference.covariance_of(kind, stacked, scores, ones, counted, design, data, convention)[0]


def _projected(system: System, terms: np.ndarray, design: Design) -> np.ndarray:
    """The terms, endogenous ones replaced by their first-stage fits."""
    width = len(system.endogenous)
    first_stage = system.residuals[:, system.positions([*system.instruments, *system.exogenous])]
    fits = [first_stage @ solve(first_stage, column, design.weights)[0] for column in terms[:, :width].T]
    return np.column_stack([*fits, terms[:, width:]])
