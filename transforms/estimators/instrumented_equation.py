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
from haiguan.transforms.estimators.linear import partialled, sample_counts, select_columns, solve
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.result import Estimates, coefficient_table
from haiguan.transforms.estimators.small_sample import Convention


@dataclass(frozen=True)
class InstrumentedEquation:
    """Two-stage least squares as a function of the instruments' direct effects.

    Attributes:
        names: K terms, endogenous ones first.
        instruments: L excluded instruments.
        coefficients: K x (1 + L), the two-stage coefficients of the outcome and of each instrument on the terms.
        covariance: (1 + L) K x (1 + L) K, of the columns of `coefficients` stacked.
        estimates: two-stage least squares proper, all direct effects zero; statistics and p-values use the normal.
    """

    names: tuple[str, ...]
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
    endogenous: Sequence[str],
    instruments: Sequence[str],
    exogenous: Sequence[str] = (),
    *,
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    covariance: Covariance | None = None,
    small_sample: Convention = "reghdfe",
) -> InstrumentedEquation:
    """Prepares an equation for the methods of Conley, Hansen and Rossi, with fixed effects partialled out.

    Args:
        data: one row per observation.
        outcome: numeric column.
        endogenous: regressors to instrument; columns or products `a:b`.
        instruments: excluded instruments, at least as many.
        exogenous: other regressors.
        fixed_effects: columns to absorb, or crossings `a^b`.
        clusters: one or more cluster variables.
        covariance: as in `least_squares`; by default clustered where clusters are named, else robust.
        small_sample: as in `least_squares`.

    Raises:
        InputError: those of `design.build_design`; an endogenous regressor is collinear, absorbed, or unrelated to the
            instruments; fewer usable instruments than endogenous regressors.

    Wooldridge's example 15.5 (Introductory Econometrics), the return to education:

    >>> from linearmodels.datasets import mroz
    >>> women, parents, experience = mroz.load(), ["motheduc", "fatheduc"], ["exper", "expersq"]
    >>> equation = instrumented_equation(women, "lwage", ["educ"], parents, experience, covariance="iid")
    >>> equation.estimates.terms.loc["educ", ["estimate", "standard_error"]].round(4).to_list()
    [0.0614, 0.0314]
    """
    kind = inference.resolve(covariance, clusters)
    design = build_design(
        data, [outcome, *endogenous, *exogenous, *instruments], fixed_effects=fixed_effects, clusters=clusters
    )
    columns = _columns(design, outcome, endogenous, instruments, exogenous)
    projected = _projected(columns, design)
    coefficients, bread, residuals = _solve(projected, columns)
    slopes = len(columns.names) + (not fixed_effects)
    counted = inference.parameters(kind, slopes, design, small_sample)
    joint = _joint_covariance(kind, bread, projected, residuals, counted, design, data, small_sample)
    size = len(columns.names)
    terms, frame = coefficient_table(columns.names, coefficients[:, 0], joint[:size, :size])
    estimates = Estimates(
        estimator="two-stage least squares",
        outcome=outcome,
        terms=terms,
        covariance=frame,
        covariance_kind=inference.describe(kind, clusters),
        warnings=(*design.warnings, *columns.warnings, *inference.cluster_warnings(design.cluster_counts, slopes)),
        **sample_counts(design),
    )
    return InstrumentedEquation(columns.names, columns.instruments, coefficients, joint, estimates)


@dataclass(frozen=True)
class _Columns:
    """N x ... columns, all partialled out; `terms` are the endogenous ones, then the exogenous ones."""

    names: tuple[str, ...]
    instruments: tuple[str, ...]
    outcome: np.ndarray
    terms: np.ndarray
    exogenous: np.ndarray
    excluded: np.ndarray
    warnings: tuple[str, ...]


def _columns(
    design: Design, outcome: str, endogenous: Sequence[str], instruments: Sequence[str], exogenous: Sequence[str]
) -> _Columns:
    names = [outcome, *exogenous, *endogenous, *instruments]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(f"{', '.join(twice)} cannot be in the equation twice: as outcome, regressor or instrument.")
    values = design.columns(names)
    variation = np.einsum("ij,ij->j", values - values.mean(axis=0), values - values.mean(axis=0))
    residuals = dict(zip(names, partialled(design, values).T, strict=True))
    variations = dict(zip(names, variation, strict=True))

    def independent(candidates: Sequence[str]) -> tuple[list[str], tuple[str, ...]]:
        block = np.column_stack([residuals[name] for name in candidates])
        kept, warnings = select_columns(candidates, block, np.array([variations[n] for n in candidates]), design)
        return [candidates[j] for j in kept], warnings

    regressors, warnings = independent([*exogenous, *endogenous])
    lost = [name for name in endogenous if name not in regressors]
    if lost:
        raise InputError(*(w for w in warnings if w.startswith(tuple(f"{name} was left out" for name in lost))))
    others = [name for name in regressors if name not in endogenous]
    first_stage, instrument_warnings = independent([*others, *instruments])
    usable = [name for name in first_stage if name not in others]
    if len(usable) < len(endogenous):
        reasons = " ".join(instrument_warnings)
        raise InputError(
            f"{len(endogenous)} endogenous regressors need as many instruments, but {len(usable)} are usable. {reasons}"
        )

    def stacked(chosen: Sequence[str]) -> np.ndarray:
        return np.column_stack([np.empty((design.observations, 0)), *(residuals[name] for name in chosen)])

    return _Columns(
        names=(*endogenous, *others),
        instruments=tuple(usable),
        outcome=residuals[outcome],
        terms=stacked([*endogenous, *others]),
        exogenous=stacked(others),
        excluded=stacked(usable),
        warnings=(*warnings, *instrument_warnings),
    )


def _projected(columns: _Columns, design: Design) -> np.ndarray:
    """The terms, endogenous ones replaced by their first-stage fits."""
    regressors = np.column_stack([columns.exogenous, columns.excluded])
    endogenous = columns.terms[:, : len(columns.names) - columns.exogenous.shape[1]]
    fits = [target - solve(regressors, target, None)[2] for target in endogenous.T]
    variation = np.einsum("ij,ij->j", endogenous, endogenous)
    projected = np.column_stack([columns.exogenous, *fits])
    others = np.einsum("ij,ij->j", columns.exogenous, columns.exogenous)
    names = [*columns.names[endogenous.shape[1] :], *columns.names[: endogenous.shape[1]]]
    kept, _ = select_columns(names, projected, np.concatenate([others, variation]), design)
    unrelated = [names[j] for j in range(len(others), len(names)) if j not in kept]
    if unrelated:
        raise InputError(
            f"The first stage is singular: {', '.join(columns.instruments)} do not move {', '.join(unrelated)}."
        )
    return np.column_stack([*fits, columns.exogenous])


def _solve(projected: np.ndarray, columns: _Columns) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Two-stage coefficients of the outcome and of each instrument, (X'PX)^-1, and N x (1 + L) residuals."""
    targets = np.column_stack([columns.outcome, columns.excluded])
    solved = [solve(projected, target, None) for target in targets.T]
    coefficients = np.column_stack([beta for beta, _, _ in solved])
    return coefficients, solved[0][1], targets - columns.terms @ coefficients


def _joint_covariance(
    kind: Covariance,
    bread: np.ndarray,
    projected: np.ndarray,
    residuals: np.ndarray,
    counted: int,
    design: Design,
    data: pd.DataFrame,
    small_sample: Convention,
) -> np.ndarray:
    """Covariance of all columns of coefficients stacked; their scores are stacked likewise."""
    equations = residuals.shape[1]
    if kind == "iid":
        divisor = design.observations - (0 if small_sample == "none" else counted)
        return np.kron(residuals.T @ residuals / divisor, bread)
    scores = np.column_stack([projected * residual[:, None] for residual in residuals.T])
    stacked_bread = np.kron(np.eye(equations), bread)
    ones = np.ones(design.observations)
    return inference.covariance_of(kind, stacked_bread, scores, ones, counted, design, data, small_sample)[0]
