"""Two-stage least squares with absorbed fixed effects, and everything a referee asks about its instruments."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.anderson_rubin import anderson_rubin
from haiguan.transforms.estimators.design import Design, build_design, check_lists
from haiguan.transforms.estimators.identification import Instruments, identification_statistics, obstacle
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.linear import (
    Equation,
    Solution,
    equation_of,
    estimates_of,
    partialled,
    regress,
    select_columns,
    solve,
)
from haiguan.transforms.estimators.result import Estimates
from haiguan.transforms.estimators.small_sample import Convention


def two_stage_least_squares(
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
    constant: bool | None = None,
) -> Estimates:
    """Two-stage least squares with absorbed fixed effects, as Stata's ivreghdfe with `small`.

    b = (X'P X)^-1 X'P y on partialled-out columns, P projecting on the excluded instruments and the exogenous
    regressors; the covariance is the sandwich with P X and the structural residuals.

    Args:
        data: one row per observation.
        outcome: numeric column.
        regressors: exogenous regressors, columns or products `a:b`.
        endogenous: regressors that are instrumented.
        instruments: excluded instruments, at least as many as endogenous regressors.
        fixed_effects: columns to absorb, or crossings `a^b`.
        clusters: one or more cluster variables, or crossings.
        weights: a column of analytic weights.
        covariance: as for least_squares.
        small_sample: how absorbed parameters count; `reghdfe` stands for ivreghdfe here.
        constant: whether to report the constant; by default only where nothing is absorbed.

    Returns:
        Estimates with the endogenous regressors first. Statistics: r2 (effects count as explained), r2_within (what
        ivreghdfe prints as R2; both may be negative), kleibergen_paap_f, _lm and _lm_p_value, cragg_donald_f,
        effective_f (one endogenous regressor: Montiel Olea and Pflueger 2013), anderson_rubin_f and _p_value, with
        one endogenous regressor anderson_rubin_low and _high, and where there are more instruments than endogenous
        regressors sargan (iid) or hansen_j (else) with _p_value. Related: the first stages and the reduced form.

    Raises:
        InputError: unusable columns, too few instruments, or a singular first stage.

    >>> i = np.arange(1, 201)
    >>> e = np.sin(3.1 * i + 0.5) + 0.4 * np.cos(5.7 * i)
    >>> z, w = np.sin(1.7 * i) + 0.3 * np.cos(0.9 * i), np.cos(2.3 * i)
    >>> x = 0.8 * z + 0.3 * w + np.cos(4.3 * i) + 0.5 * e
    >>> frame = pd.DataFrame({"y": 1 + 0.5 * x - 0.7 * w + e, "x": x, "w": w, "z": z, "city": (i - 1) // 5})
    >>> fit = two_stage_least_squares(frame, "y", ["w"], ["x"], ["z"], clusters=["city"])
    >>> fit.terms.loc["x", ["estimate", "standard_error"]].round(6).to_list()
    [0.491913, 0.0252]
    >>> round(fit.statistics["kleibergen_paap_f"], 5)
    66.61546
    """
    check_roles(outcome, regressors, endogenous, instruments, fixed_effects=fixed_effects, clusters=clusters)
    kind = inference.resolve(covariance, clusters)
    convention: Convention = "ivreghdfe" if small_sample == "reghdfe" else small_sample
    terms = [outcome, *endogenous, *regressors, *instruments]
    design = build_design(data, terms, fixed_effects=fixed_effects, clusters=clusters, weights=weights)
    reported = not fixed_effects if constant is None else constant
    system = partial_out_system(design, outcome, regressors, endogenous, instruments, bool(fixed_effects) or reported)
    fit = second_stage(system, design, data, kind, convention, reported)
    related = first_stages(system, design, data, kind, convention, reported)
    identified = with_identification(fit, system, design, data, kind, convention, reported)
    return replace(identified, related=related)


def check_roles(
    outcome: str,
    regressors: Sequence[str],
    endogenous: Sequence[str],
    instruments: Sequence[str],
    **others: Sequence[str],
) -> None:
    """Refuses an equation with instruments whose names cannot stand as they do, whichever estimator is to solve it.

    Args:
        outcome: name of the left-hand side.
        regressors: exogenous ones.
        endogenous: regressors that are instrumented.
        instruments: excluded.
        others: further lists of names, by what they are (fixed effects, clusters).

    Raises:
        InputError: text where a list belongs, a column in two roles, no endogenous regressor, too few instruments.
    """
    check_lists(regressors=regressors, endogenous=endogenous, instruments=instruments, **others)
    names = [outcome, *regressors, *endogenous, *instruments]
    faults = [
        f"{name!r} is named in more than one role (outcome, regressor, endogenous, instrument)."
        for name in sorted({name for name in names if names.count(name) > 1})
    ]
    if not endogenous:
        faults.append("No endogenous regressor is named: without one there is nothing to instrument.")
    if len(instruments) < len(endogenous):
        faults.append(f"{len(instruments)} instruments cannot identify {len(endogenous)} endogenous regressors.")
    if faults:
        raise InputError(*faults)


@dataclass(frozen=True)
class System:
    """A structural equation and its instruments, partialled out, collinear columns left out.

    Attributes:
        outcome: name.
        endogenous: K names.
        exogenous: names kept.
        instruments: L names kept.
        names: of the columns of `values` and `residuals`.
        values: N x all, as they were.
        residuals: N x all, fixed effects or mean partialled out.
        centred: whether anything was partialled out.
        warnings: on columns left out.
    """

    outcome: str
    endogenous: tuple[str, ...]
    exogenous: tuple[str, ...]
    instruments: tuple[str, ...]
    names: tuple[str, ...]
    values: np.ndarray
    residuals: np.ndarray
    centred: bool
    warnings: tuple[str, ...]

    @property
    def first_stage_size(self) -> int:
        """Slopes of a first stage: excluded instruments and exogenous regressors."""
        return len(self.instruments) + len(self.exogenous)

    def positions(self, names: Sequence[str]) -> list[int]:
        """Where columns stand."""
        return [self.names.index(name) for name in names]

    def equation(self, design: Design, outcome: str, names: Sequence[str]) -> Equation:
        """A least-squares equation between columns of the system."""
        chosen = self.positions([outcome, *names])
        values, residuals = self.values[:, chosen], self.residuals[:, chosen]
        return equation_of(design, outcome, tuple(names), values, residuals, centred=self.centred)

    def instruments_only(self, design: Design) -> Instruments:
        """Outcome, endogenous regressors and instruments with the exogenous regressors partialled out too."""
        names = [self.outcome, *self.endogenous, *self.instruments]
        columns = self.residuals[:, self.positions(names)]
        if design.weights is not None:
            columns = columns * np.sqrt(design.weights)[:, None]
        if self.exogenous:
            controls = self.residuals[:, self.positions(self.exogenous)]
            scaled = controls if design.weights is None else controls * np.sqrt(design.weights)[:, None]
            columns = columns - scaled @ np.linalg.lstsq(scaled, columns, rcond=None)[0]
        last = 1 + len(self.endogenous)
        return Instruments(columns[:, 0], columns[:, 1:last], columns[:, last:])


def partial_out_system(
    design: Design,
    outcome: str,
    regressors: Sequence[str],
    endogenous: Sequence[str],
    instruments: Sequence[str],
    centred: bool,
) -> System:
    """Partials effects out of all columns at once and leaves collinear exogenous regressors and instruments out.

    Raises:
        InputError: an endogenous regressor is absorbed or collinear, or too few instruments are left.
    """
    values = design.matrix
    residuals = partialled(design, values) if centred else values
    ordered = [*regressors, *instruments]
    where = [design.names.index(name) for name in ordered]
    about = values - np.average(values, axis=0, weights=design.weights) if centred else values
    variation = np.average(about**2, axis=0, weights=design.weights) * len(values)
    kept, warnings = select_columns(ordered, residuals[:, where], variation[where], design)
    names = [ordered[j] for j in kept]
    left = [name for name in instruments if name in names]
    if len(left) < len(endogenous):
        raise InputError(
            f"Only {len(left)} independent instruments for {len(endogenous)} endogenous: {' '.join(warnings)}"
        )
    exogenous = [name for name in regressors if name in names]
    second = [*exogenous, *endogenous]
    places = [design.names.index(name) for name in second]
    independent, faults = select_columns(second, residuals[:, places], variation[places], design)
    if len(independent) < len(second):
        raise InputError(*faults)
    return System(
        outcome, tuple(endogenous), tuple(exogenous), tuple(left), design.names, values, residuals, centred, warnings
    )


def second_stage(
    system: System, design: Design, data: pd.DataFrame, kind: Covariance, convention: Convention, reported: bool
) -> Estimates:
    """The structural equation, solved with projected regressors.

    Raises:
        InputError: the first stage is singular.
    """
    equation = system.equation(design, system.outcome, [*system.endogenous, *system.exogenous])
    excluded = system.residuals[:, system.positions([*system.instruments, *system.exogenous])]
    width = len(system.endogenous)
    fitted, _, _ = solve(excluded, equation.regressors[:, :width], design.weights)
    projected = np.hstack([excluded @ fitted, equation.regressors[:, width:]])
    _check_first_stage(system, projected, equation.regressors, design)
    beta, bread, _ = solve(projected, equation.outcome, design.weights)
    residuals = equation.outcome - equation.regressors @ beta
    solution = Solution(replace(equation, regressors=projected), beta, bread, residuals)
    return estimates_of("two-stage least squares", system.outcome, solution, design, data, kind, convention, reported)


def _check_first_stage(system: System, projected: np.ndarray, regressors: np.ndarray, design: Design) -> None:
    order = [*range(len(system.endogenous), regressors.shape[1]), *range(len(system.endogenous))]
    names = [*system.exogenous, *system.endogenous]
    kept, _ = select_columns(names, projected[:, order], (regressors**2).sum(axis=0)[order], design)
    lost = [names[j] for j in range(len(names)) if j not in kept]
    if lost:
        raise InputError(
            f"The first stage is singular: once the controls are partialled out, {', '.join(system.instruments)} "
            f"do not move {', '.join(lost)}."
        )


def with_identification(
    fit: Estimates,
    system: System,
    design: Design,
    data: pd.DataFrame,
    kind: Covariance,
    convention: Convention,
    reported: bool,
) -> Estimates:
    """The second stage with what identifies it among its statistics and warnings; it has no likelihood."""
    partial = system.instruments_only(design)
    slopes = system.first_stage_size + (reported and not design.effect_names)
    counted = inference.parameters(kind, slopes, design, convention)
    statistics, warnings = _tests_of_instruments(partial, kind, counted, design, data)
    structural = {name: value for name, value in fit.statistics.items() if name != "log_likelihood"}
    return replace(
        fit,
        statistics={**structural, **statistics},
        warnings=(*fit.warnings, *system.warnings, *warnings),
    )


def _tests_of_instruments(
    partial: Instruments, kind: Covariance, counted: int, design: Design, data: pd.DataFrame
) -> tuple[dict[str, float], tuple[str, ...]]:
    """Statistics of identification and the Anderson-Rubin test, or why there are none; and warnings."""
    if reason := obstacle(partial, kind, design, data):
        return {}, (reason,)
    statistics, warnings = identification_statistics(partial, kind, counted, design, data)
    rubin, rubin_warnings = anderson_rubin(partial, kind, counted, design, data)
    return statistics | rubin, warnings + rubin_warnings


def first_stages(
    system: System, design: Design, data: pd.DataFrame, kind: Covariance, convention: Convention, reported: bool
) -> dict[str, Estimates]:
    """The first stage of each endogenous regressor and the reduced form, on the sample of the second stage."""
    right = [*system.instruments, *system.exogenous]
    named = {f"first stage of {name}": name for name in system.endogenous} | {"reduced form": system.outcome}
    return {
        label: regress(system.equation(design, name, right), name, design, data, kind, convention, reported)
        for label, name in named.items()
    }
