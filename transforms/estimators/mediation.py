"""Mediation in three steps: how much of an effect runs through a channel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.covariance import cluster_sums
from haiguan.transforms.estimators.design import Design, build_design
from haiguan.transforms.estimators.linear import least_squares, partial_out, sample_counts
from haiguan.transforms.estimators.result import Estimates, coefficient_table

ENDS = pd.Index(["ci_low", "ci_high"])


@dataclass(frozen=True)
class Mediation:
    """Three equations on one sample, and what they say together.

    Attributes:
        total: outcome on treatment.
        mediator: mediator on treatment.
        direct: outcome on treatment and mediator.
        effects: index total, direct, indirect; columns as `Estimates.terms`. The indirect effect is the product of the
            treatment's effect on the mediator and the mediator's on the outcome, with Sobel's error; total = direct +
            indirect holds exactly.
        indirect_share: indirect over total effect.
        bootstrap: of the indirect effect: standard_error, ci_low, ci_high (95 %, percentiles) and draws; empty without
            draws.
    """

    total: Estimates
    mediator: Estimates
    direct: Estimates
    effects: pd.DataFrame
    indirect_share: float
    bootstrap: pd.Series

    @property
    def equation(self) -> Estimates:
        """The direct equation, with the indirect effect among its statistics and the other two as related equations."""
        indirect = self.effects.loc["indirect"]
        statistics = {
            "indirect_effect": float(indirect["estimate"]),
            "indirect_effect_standard_error": float(indirect["standard_error"]),
            "indirect_effect_p_value": float(indirect["p_value"]),
            "indirect_share": self.indirect_share,
            **{f"indirect_effect_{end}": float(self.bootstrap[end]) for end in self.bootstrap.index.intersection(ENDS)},
        }
        return replace(
            self.direct,
            estimator="mediation, direct effect",
            statistics={**self.direct.statistics, **statistics},
            related={"total effect": self.total, "effect on the mediator": self.mediator},
        )


def mediation(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    mediator: str,
    *,
    controls: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    draws: int = 500,
    seed: int = 0,
) -> Mediation:
    """The three-step procedure (Baron and Kenny 1986) with Sobel's test (1982) and a bootstrap of the indirect effect.

    The mediator is taken as good as randomly assigned given treatment, controls and effects; without that the second
    step is no causal effect, and studies that stop at "treatment moves the mediator" claim less.

    The product of two estimates is not normal: the bootstrap's percentiles are the better interval. It draws clusters
    of the first cluster variable (observations where there is none) from the columns with the effects partialled out
    once, which is exact for effects nested in the clusters and neglects the sampling error of the others.

    Args:
        data: one row per observation.
        outcome: numeric column.
        treatment: numeric column.
        mediator: numeric column; rows without it leave all three equations.
        controls: numeric columns of all three equations.
        fixed_effects: columns to absorb, or crossings `a^b`.
        clusters: cluster variables.
        draws: of the bootstrap; 0 for none.
        seed: of the bootstrap.

    Raises:
        InputError: as `least_squares`; treatment or mediator absorbed or collinear.

    >>> draw = np.random.default_rng(0)
    >>> patents = pd.DataFrame({"access": draw.normal(size=500)})
    >>> patents["inputs"] = 0.5 * patents["access"] + draw.normal(size=500)
    >>> patents["exports"] = 0.3 * patents["access"] + 0.6 * patents["inputs"] + draw.normal(size=500)
    >>> found = mediation(patents, "exports", "access", "inputs", draws=100)
    >>> found.effects["estimate"].round(1).to_dict()
    {'total': 0.6, 'direct': 0.3, 'indirect': 0.3}
    """
    asked: dict[str, Any] = {"fixed_effects": tuple(fixed_effects), "clusters": tuple(clusters)}
    design = build_design(data, [outcome, treatment, mediator, *controls], **asked)
    sample = data.iloc[design.rows]
    total = least_squares(sample, outcome, [treatment, *controls], **asked)
    first = least_squares(sample, mediator, [treatment, *controls], **asked)
    direct = least_squares(sample, outcome, [treatment, mediator, *controls], **asked)
    total, first, direct = (_on_sample(equation, design) for equation in (total, first, direct))
    _check_estimated(((total, treatment), (first, treatment), (direct, treatment), (direct, mediator)))
    indirect, variance = _sobel(first, direct, treatment, mediator)
    effects = _effects(total, direct, treatment, indirect, variance)
    drawn = _bootstrap(design, (outcome, treatment, mediator, *controls), draws, seed)
    return Mediation(total, first, direct, effects, indirect / float(effects["estimate"].to_numpy()[0]), drawn)


def _on_sample(equation: Estimates, design: Design) -> Estimates:
    """An equation with the counts of the common sample, which was cut before it was estimated."""
    counts = sample_counts(design)
    return replace(equation, warnings=(*design.warnings, *equation.warnings), **counts)


def _check_estimated(wanted: Sequence[tuple[Estimates, str]]) -> None:
    faults = [
        f"{name!r} has no coefficient in the equation of {equation.outcome!r}: {' '.join(equation.warnings)}"
        for equation, name in wanted
        if name not in equation.terms.index
    ]
    if faults:
        raise InputError(*faults)


def _sobel(first: Estimates, direct: Estimates, treatment: str, mediator: str) -> tuple[float, float]:
    """The indirect effect a b and its variance a2 var(b) + b2 var(a)."""
    a, a_error = first.terms.loc[treatment, ["estimate", "standard_error"]].to_numpy(float)
    b, b_error = direct.terms.loc[mediator, ["estimate", "standard_error"]].to_numpy(float)
    return float(a * b), float(a**2 * b_error**2 + b**2 * a_error**2)


def _effects(total: Estimates, direct: Estimates, treatment: str, indirect: float, variance: float) -> pd.DataFrame:
    sobel, _ = coefficient_table(["indirect"], np.array([indirect]), np.array([[variance]]))
    rows = pd.concat([total.terms.loc[[treatment]], direct.terms.loc[[treatment]], sobel])
    return rows.set_axis(pd.Index(["total", "direct", "indirect"], name="effect"))


def _bootstrap(design: Design, columns: Sequence[str], draws: int, seed: int) -> pd.Series:
    """Draws of a b from cross products per cluster: every draw is a weighted sum of small matrices."""
    if not draws:
        return pd.Series(dtype=float)
    outcome, *regressors = columns
    equation = partial_out(design, outcome, regressors, centred=True)
    values = np.column_stack([equation.outcome, equation.regressors])
    codes = next(iter(design.clusters.values()), np.arange(len(values)))
    products = _cross_products(values, codes)
    generator, equal = np.random.default_rng(seed), np.full(len(products), 1 / len(products))
    width = values.shape[1]
    found = [
        _indirect((generator.multinomial(len(products), equal) @ products).reshape(width, width)) for _ in range(draws)
    ]
    low, high = np.quantile(found, [0.025, 0.975])
    return pd.Series({"standard_error": np.std(found, ddof=1), "ci_low": low, "ci_high": high, "draws": float(draws)})


def _cross_products(values: np.ndarray, codes: np.ndarray) -> np.ndarray:
    """Per cluster, in the order of their content so that the order of rows does not matter: clusters x (K x K)."""
    width = values.shape[1]
    products = np.column_stack([cluster_sums(values * values[:, [j]], codes) for j in range(width)])
    return products[np.lexsort(products.T)]


def _indirect(gram: np.ndarray) -> float:
    """A b from the cross products of outcome, treatment, mediator and controls, in that order."""
    treatment_and_controls = [1, *range(3, len(gram))]
    first = np.linalg.lstsq(
        gram[np.ix_(treatment_and_controls, treatment_and_controls)], gram[treatment_and_controls, 2]
    )
    direct = np.linalg.lstsq(gram[1:, 1:], gram[1:, 0])
    return float(first[0][0] * direct[0][1])
