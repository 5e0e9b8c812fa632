"""Kinky least squares (Kiviet 2020): inference that replaces instruments by a postulated endogeneity correlation.

Least squares is biased by a known amount once the correlation r between an endogenous regressor and the error is
postulated; taking it off gives a consistent estimate for every r, and the curve shows which r a conclusion needs.

The formulas are in `kinky_moments` (Kiviet 2020; Kripfganz and Kiviet, Stata Journal 21, 2021, give Stata's kinkyreg).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.design import Design, build_design
from haiguan.transforms.estimators.inference import Covariance
from haiguan.transforms.estimators.kinky_moments import KinkyFit, KinkyMoments
from haiguan.transforms.estimators.linear import ABSORBED, partial_out, sample_counts
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.result import Estimates, coefficient_table
from haiguan.transforms.estimators.small_sample import Convention

EffectsAs = Literal["regressors", "absorbed"]
EFFECTS_AS = ("regressors", "absorbed")
GRID = tuple(np.round(np.linspace(-1.0, 1.0, 201), 2).tolist())
ROUNDING = 1e-9
MARGIN = 1e-6


@dataclass(frozen=True)
class KinkyLeastSquares:
    """Estimates over a grid of postulated correlations.

    Attributes:
        endogenous: the regressor whose correlation with the error is postulated.
        estimates: the whole equation per correlation, in increasing order.
        curve: index `correlation`; of the endogenous regressor: estimate, standard_error, statistic, p_value, ci_low,
            ci_high; and residual_variance.
        feasible: the open interval of correlations that the data allow.
    """

    endogenous: str
    estimates: Mapping[float, Estimates]
    curve: pd.DataFrame
    feasible: tuple[float, float]

    def at(self, correlation: float) -> Estimates:
        """The equation at one correlation of the grid.

        Raises:
            InputError: the correlation is not on the grid.
        """
        nearest = min(self.estimates, key=lambda value: abs(value - correlation))
        if abs(nearest - correlation) > ROUNDING:
            raise InputError(f"The correlation {correlation:g} is not on the grid; the nearest is {nearest:g}.")
        return self.estimates[nearest]


def kinky_least_squares(
    data: pd.DataFrame,
    outcome: str,
    endogenous: str,
    exogenous: Sequence[str],
    *,
    correlations: Sequence[float] | None = None,
    held: Mapping[str, float] | None = None,
    fixed_effects: Sequence[str] = (),
    effects_as: EffectsAs = "regressors",
    clusters: Sequence[str] = (),
    covariance: Covariance | Literal["parametric"] | None = None,
    kurtosis: float | None = None,
    small_sample: Convention = "none",
) -> KinkyLeastSquares:
    """Kinky least squares over a grid of correlations between one regressor and the error.

    The correlation is one of the endogenous regressor as it stands. Fixed effects can be counted among the regressors
    (the correlation then refers to the whole variation of the regressor, as in Stata's kinkyreg with dummies in its
    list of regressors) or taken as absorbed beforehand (the correlation refers to the variation within effects). Either
    way no dummy matrix is made: b(r) differs only in the standard deviation that D holds.

    Robust and clustered errors come from the influence function of b(r), which accounts for the estimation of s(r) and
    D. Parametric errors hold for independent, symmetric errors whose kurtosis, and that of the regressor, enter.

    Args:
        data: one row per observation.
        outcome: numeric column.
        endogenous: the regressor of interest; a column or a product `a:b`.
        exogenous: the other regressors.
        correlations: the grid; None takes -1, -.99, ..., 1 as far as feasible.
        held: correlations of other regressors with the error, held constant along the grid; zero where not named.
        fixed_effects: columns, or crossings `a^b`.
        effects_as: "regressors" or "absorbed".
        clusters: one or more cluster variables.
        covariance: "iid" is not defined here; "robust", "clustered", a spatial one, or "parametric"; by default
            clustered where clusters are named, else robust.
        kurtosis: of the endogenous regressor, for parametric errors; None computes it. Stata's kinkyreg takes the
            largest of all regressors (see `largest_kurtosis`).
        small_sample: factor on robust and clustered errors as in `least_squares`; Kiviet has none.

    Raises:
        InputError: those of `design.build_design`; the endogenous regressor is collinear or absorbed; the regressors
            fit the outcome exactly; a correlation is infeasible; parametric errors with clusters or with `held`.

    >>> i = np.arange(1, 201)
    >>> w, e = np.cos(2.3 * i), np.sin(3.1 * i + 0.5) + 0.4 * np.cos(5.7 * i)
    >>> x = 0.8 * (np.sin(1.7 * i) + 0.3 * np.cos(0.9 * i)) + 0.3 * w + np.cos(4.3 * i) + 0.5 * e
    >>> frame = pd.DataFrame({"y": 1 + 0.5 * x - 0.7 * w + e, "x": x, "w": w})
    >>> kinky = kinky_least_squares(frame, "y", "x", ["w"], correlations=[0.0, 0.1, 0.3])
    >>> kinky.curve[["estimate", "standard_error"]].round(4).to_numpy().tolist()
    [[0.7774, 0.0442], [0.7056, 0.047], [0.5523, 0.0538]]
    """
    postulated = dict(held or {})
    if effects_as not in EFFECTS_AS:
        raise InputError(unknown_name("way to take fixed effects", effects_as, EFFECTS_AS))
    kind = _resolve(covariance, clusters, endogenous, exogenous, postulated)
    design = build_design(data, [outcome, endogenous, *exogenous], fixed_effects=fixed_effects, clusters=clusters)
    equation = _equation(design, outcome, endogenous, exogenous, postulated, effects_as)
    moments, feasible = equation.moments, _feasible(equation.moments, endogenous)
    fits = {r: moments.fit(r) for r in _grid(correlations, feasible, endogenous)}
    if kind == "parametric":
        matrices = {r: moments.parametric_covariance(fit, kurtosis) for r, fit in fits.items()}
    else:
        matrices = _sandwiches(kind, moments, fits, design, data, small_sample)
    described = _describe(kind, clusters)
    estimates = {r: _estimates(design, outcome, equation, fit, matrices[r], described) for r, fit in fits.items()}
    return KinkyLeastSquares(endogenous, estimates, _curve(estimates, endogenous), feasible)


def largest_kurtosis(data: pd.DataFrame, columns: Sequence[str], dummies: Sequence[str] = ()) -> float:
    """The largest kurtosis of some columns and of the dummies of some others, which kinkyreg takes by default.

    A dummy that is one in a share p of the rows has kurtosis 1/(p (1 - p)) - 3: rare levels make it, and with it the
    standard errors away from r = 0, very large.

    Raises:
        InputError: those of `design.build_design`; no column varies.

    >>> frame = pd.DataFrame({"x": [-1.0, 1.0] * 5, "city": ["a"] * 2 + ["b"] * 8})
    >>> round(largest_kurtosis(frame, ["x"], ["city"]), 10)
    3.25
    """
    design = build_design(data, columns, fixed_effects=dummies)
    centred = design.matrix - design.matrix.mean(axis=0)
    variances = (centred**2).mean(axis=0)
    of_columns = (centred**4).mean(axis=0)[variances > 0] / variances[variances > 0] ** 2
    shares = np.array([share for codes in design.effects.T for share in np.bincount(codes) / len(codes) if share < 1])
    of_dummies = 1 / (shares * (1 - shares)) - 3
    if not of_columns.size + of_dummies.size:
        raise InputError(f"None of {', '.join([*columns, *dummies])} varies, so that none has a kurtosis.")
    return float(np.concatenate([of_columns, of_dummies]).max())


@dataclass(frozen=True)
class _Equation:
    names: tuple[str, ...]
    moments: KinkyMoments
    units: np.ndarray
    outcome_unit: float
    warnings: tuple[str, ...]


def _resolve(
    covariance: Covariance | Literal["parametric"] | None,
    clusters: Sequence[str],
    endogenous: str,
    exogenous: Sequence[str],
    held: Mapping[str, float],
) -> Covariance | Literal["parametric"]:
    unknown = [name for name in held if name not in exogenous or name == endogenous]
    if unknown:
        raise InputError(*(unknown_name("other regressor to hold a correlation of", n, exogenous) for n in unknown))
    outside = [name for name, value in held.items() if not -1 < value < 1]
    if outside:
        raise InputError(f"The correlation held of {', '.join(outside)} must lie between -1 and 1, exclusive.")
    if covariance != "parametric":
        if covariance == "iid":
            raise InputError("Errors of kinky least squares are robust, clustered or parametric; iid is not defined.")
        return inference.resolve(covariance, clusters)
    if clusters:
        raise InputError(f"Parametric errors cannot be clustered ({', '.join(clusters)}); drop one of the two.")
    if any(held.values()):
        raise InputError(f"Parametric errors allow one endogenous regressor, but {', '.join(held)} are held too.")
    return "parametric"


def _equation(
    design: Design,
    outcome: str,
    endogenous: str,
    exogenous: Sequence[str],
    held: Mapping[str, float],
    effects_as: EffectsAs,
) -> _Equation:
    others = [name for name in exogenous if name not in held]
    equation = partial_out(design, outcome, [*others, *held, endogenous], centred=True)
    postulated = [endogenous, *held]
    lost = [name for name in postulated if name not in equation.names]
    if lost:
        starts = tuple(f"{name} was left out" for name in lost)
        raise InputError(*(warning for warning in equation.warnings if warning.startswith(starts)))
    names = (*postulated, *(name for name in equation.names if name not in postulated))
    regressors = equation.regressors[:, [equation.names.index(name) for name in names]]
    if effects_as == "absorbed":
        levels = regressors[:, : len(postulated)]
    else:
        whole = design.columns(postulated)
        levels = whole - whole.mean(axis=0)
    units, unit = np.sqrt((regressors**2).mean(axis=0)), float(np.sqrt((equation.outcome**2).mean()))
    moments = KinkyMoments(
        outcome=equation.outcome / unit,
        regressors=regressors / units,
        levels=levels / units[: len(postulated)],
        held=np.array(list(held.values()), dtype=float),
    )
    if moments.least_squares_variance <= ABSORBED:
        raise InputError(f"The regressors determine {outcome!r} exactly: there is no error to be correlated with.")
    few = inference.cluster_warnings(design.cluster_counts, len(names))
    return _Equation(names, moments, unit / units, unit, (*design.warnings, *equation.warnings, *few))


def _feasible(moments: KinkyMoments, endogenous: str) -> tuple[float, float]:
    feasible = moments.feasible()
    if feasible is None:
        raise InputError(
            f"With the correlations held, no correlation of {endogenous!r} is feasible; hold smaller ones."
        )
    return feasible


def _grid(correlations: Sequence[float] | None, feasible: tuple[float, float], endogenous: str) -> list[float]:
    """The correlations asked for, in increasing order, or the feasible part of the default grid."""
    low, high = feasible
    if correlations is None:
        return [r for r in GRID if low + MARGIN < r < high - MARGIN]
    if not len(correlations):
        raise InputError("The grid of correlations is empty; name one at least, or none at all for the default grid.")
    outside = [r for r in correlations if not low < r < high]
    if outside:
        raise InputError(
            f"A correlation of {', '.join(f'{r:g}' for r in outside)} between {endogenous!r} and the error is not "
            f"feasible: the data allow {low:.4f} to {high:.4f}, exclusive."
        )
    return sorted({float(r) for r in correlations})


def _sandwiches(
    kind: Covariance,
    moments: KinkyMoments,
    fits: Mapping[float, KinkyFit],
    design: Design,
    data: pd.DataFrame,
    small_sample: Convention,
) -> dict[float, np.ndarray]:
    """Covariances from one meat of the basis of all scores."""
    slopes = moments.regressors.shape[1] + (not design.effect_names)
    counted = inference.parameters(kind, slopes, design, small_sample)
    basis, ones = moments.score_basis, np.ones(design.observations)
    unit = np.eye(basis.shape[1])
    meat, _ = inference.covariance_of(kind, unit, basis, ones, counted, design, data, small_sample)
    sides = {r: moments.score_loadings(fit) @ fit.bread for r, fit in fits.items()}
    return {r: side.T @ meat @ side for r, side in sides.items()}


def _describe(kind: Covariance | Literal["parametric"], clusters: Sequence[str]) -> str:
    return "parametric" if kind == "parametric" else inference.describe(kind, clusters)


def _estimates(
    design: Design, outcome: str, equation: _Equation, fit: KinkyFit, matrix: np.ndarray, covariance_kind: str
) -> Estimates:
    units = equation.units
    terms, covariance = coefficient_table(equation.names, fit.coefficients * units, matrix * np.outer(units, units))
    return Estimates(
        estimator="kinky least squares",
        outcome=outcome,
        terms=terms,
        covariance=covariance,
        statistics={
            "correlation": float(fit.correlations[0]),
            "residual_variance": fit.residual_variance * equation.outcome_unit**2,
        },
        covariance_kind=covariance_kind,
        warnings=equation.warnings,
        **sample_counts(design),
    )


def _curve(estimates: Mapping[float, Estimates], endogenous: str) -> pd.DataFrame:
    rows = [
        fit.terms.loc[endogenous].to_dict() | {"residual_variance": fit.statistics["residual_variance"]}
        for fit in estimates.values()
    ]
    return pd.DataFrame(rows, index=pd.Index(list(estimates), name="correlation"))
