"""Placebo by permutation: the estimate against those of a treatment dealt out at random."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from scipy.sparse import csr_array, diags_array, hstack
from threadpoolctl import threadpool_limits

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators import inference
from haiguan.transforms.estimators.design import CROSSING, Design, build_design
from haiguan.transforms.estimators.linear import ABSORBED, least_squares
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.plot import Plot, draw_plot, layer
from haiguan.transforms.estimators.result import Estimates

BATCH_VALUES = 4_000_000
MOST_OTHER_LEVELS = 5_000

Compared = Literal["estimate", "statistic"]


@dataclass(frozen=True)
class Placebo:
    """The estimate and its permutation distribution.

    Attributes:
        estimates: the equation with the true treatment.
        draws: grain draw: estimate and statistic of the permuted treatment.
        p_value: share of estimates at least as large in absolute value as the true one, the true one counted among
            them.
        p_value_statistic: the same for the t statistic, which is the better test where treatment effects differ.
        treatment: name of the treatment.
        statistic: the t statistic of the true treatment, like those of the draws without the small-sample factor.
    """

    estimates: Estimates
    draws: pd.DataFrame
    p_value: float
    p_value_statistic: float
    treatment: str
    statistic: float


def placebo(
    data: pd.DataFrame,
    outcome: str,
    treatment: str,
    *,
    controls: Sequence[str] = (),
    fixed_effects: Sequence[str] = (),
    clusters: Sequence[str] = (),
    weights: str | None = None,
    blocks: Sequence[str] = (),
    strata: Sequence[str] = (),
    draws: int = 500,
    seed: int = 0,
) -> Placebo:
    """Estimates under random assignment of the treatment (Fisher 1935; Young 2019, Quarterly Journal of Economics 134).

    Outcome and controls are partialled out once; each draw partials out only the permuted treatment
    (Frisch-Waugh-Lovell), many draws at a time. Deal the treatment out at the level at which it was assigned: by row
    only where it was.

    Args:
        data: one row per observation.
        outcome: numeric column.
        treatment: numeric column.
        controls: numeric columns, not permuted.
        fixed_effects: columns to absorb, or crossings `a^b`.
        clusters: cluster variables of the t statistic; robust without any.
        weights: a column of analytic weights, which stay with their rows.
        blocks: columns whose combinations share one value of the treatment, which is dealt out whole (the city, or the
            city and the industry); rows where none is named.
        strata: columns within whose combinations values are exchanged (the year, the province).
        draws: number of permutations.
        seed: of the generator.

    Raises:
        InputError: as `least_squares`; a treatment that varies within a block, a block that crosses strata, no draws,
            or several effects of thousands of levels each.

    >>> draw = np.random.default_rng(0)
    >>> firms = pd.DataFrame({"city": np.arange(600) // 10, "access": np.repeat(draw.normal(size=60), 10)})
    >>> firms["exports"] = 0.5 * firms["access"] + draw.normal(size=600)
    >>> found = placebo(firms, "exports", "access", blocks=["city"], clusters=["city"], draws=199)
    >>> found.p_value, len(found.draws)
    (0.005, 199)
    """
    if draws < 1:
        raise InputError(f"{draws} draws give no placebo distribution; ask for some hundred.")
    names = list(dict.fromkeys(controls))
    present = _with_known_blocks(data, [*blocks, *strata])
    terms = [treatment, *names]
    absorbed: dict[str, Any] = {"fixed_effects": tuple(fixed_effects), "clusters": tuple(clusters), "weights": weights}
    estimates = least_squares(present, outcome, terms, **absorbed)
    if treatment not in estimates.terms.index:
        raise InputError(f"{treatment!r} has no coefficient to compare with: {' '.join(estimates.warnings)}")
    names = [name for name in names if name in estimates.terms.index]
    terms = [treatment, *names]
    design = build_design(present, [outcome, *terms], **absorbed)
    assignment = _assignment(design, present, treatment, blocks, strata)
    found, true = _permuted(design, assignment, (outcome, treatment, *names), draws, seed)
    p_values = (1 + (np.abs(found) >= np.abs(true) * (1 - 1e-9)).sum(axis=0)) / (draws + 1)
    frame = pd.DataFrame(found, columns=["estimate", "statistic"])
    counted = replace(estimates, missing=estimates.missing + len(data) - len(present))
    return Placebo(counted, frame, float(p_values[0]), float(p_values[1]), treatment, float(true[1]))


def plot_placebo(found: Placebo, *, bins: int | None = None) -> Figure:
    """Histogram of the placebo estimates, with a line at the true one; a bin per five draws unless said, 10 to 40.

    >>> table = pd.DataFrame({"exports": [1.0, 2, 2, 4, 3, 6], "access": [0.0, 0, 0, 1, 1, 1]})
    >>> len(plot_placebo(placebo(table, "exports", "access", draws=20)).axes)
    1
    """
    return draw_plot(placebo_plot(found, f"placebo estimates of {found.treatment}", bins=bins))


def placebo_plot(found: Placebo, across: str, *, by: Compared = "estimate", bins: int | None = None) -> Plot:
    """The placebo distribution as layers: bars, and a dashed line at the true estimate or t statistic."""
    true, p_value = found.estimates.terms.loc[found.treatment, "estimate"], found.p_value
    if by == "statistic":
        true, p_value = found.statistic, found.p_value_statistic
    counts, edges = np.histogram(found.draws[by], bins=bins or int(np.clip(len(found.draws) // 5, 10, 40)))
    bars = layer(
        "bars", (edges[:-1] + edges[1:]) / 2, counts, edges[:-1], edges[1:], f"{len(found.draws)} permutations"
    )
    named = "Estimate" if by == "estimate" else "t statistic"
    line = layer("upright", [true], label=f"{named} {true:.3g}, permutation p = {p_value:.3f}")
    return Plot(across, "draws", (bars, line))


def _with_known_blocks(data: pd.DataFrame, columns: Sequence[str]) -> pd.DataFrame:
    unknown = [unknown_name("column", name, data.columns) for name in columns if name not in data]
    if unknown:
        raise InputError(*unknown)
    return data.dropna(subset=list(columns))


@dataclass(frozen=True)
class _Assignment:
    """What is dealt out: one value per block, exchanged among the blocks of a stratum.

    Attributes:
        values: per block, blocks sorted by stratum.
        strata: per block.
        block: per observation, its block.
    """

    values: np.ndarray
    strata: np.ndarray
    block: np.ndarray

    def draw(self, generator: np.random.Generator) -> np.ndarray:
        """The treatment of every observation under one permutation."""
        pieces = np.split(self.values, np.flatnonzero(np.diff(self.strata)) + 1)
        return np.concatenate([generator.permutation(piece) for piece in pieces])[self.block]


def _assignment(
    design: Design, data: pd.DataFrame, treatment: str, blocks: Sequence[str], strata: Sequence[str]
) -> _Assignment:
    values = design.columns([treatment])[:, 0]
    stratum = _sorted_codes(design, data, strata) if strata else np.zeros(len(values), dtype=np.int64)
    own = _sorted_codes(design, data, blocks) if blocks else _canonical_order(design, data, strata)
    firsts = np.unique(own, return_index=True)[1]
    if (values != values[firsts][own]).any():
        raise InputError(f"Column {treatment!r} varies within the blocks of {', '.join(blocks)}; name finer blocks.")
    if (stratum != stratum[firsts][own]).any():
        raise InputError(f"Blocks of {', '.join(blocks)} cross the strata of {', '.join(strata)}; name coarser strata.")
    by_stratum = np.argsort(stratum[firsts], kind="stable")
    place = np.empty_like(by_stratum)
    place[by_stratum] = np.arange(len(by_stratum))
    return _Assignment(values[firsts][by_stratum], stratum[firsts][by_stratum], place[own])


def _sorted_codes(design: Design, data: pd.DataFrame, columns: Sequence[str]) -> np.ndarray:
    """Codes of combinations of columns in their sorted order, which the order of rows does not move."""
    rows = data[list(columns)].iloc[design.rows]
    return rows.groupby(list(columns), sort=True).ngroup().to_numpy()


def _canonical_order(design: Design, data: pd.DataFrame, strata: Sequence[str]) -> np.ndarray:
    """Each row a block of its own, numbered by content so that the order of rows does not move the draws."""
    columns = [part for name in (*design.effect_names, *design.clusters, *strata) for part in name.split(CROSSING)]
    groups = [_sorted_codes(design, data, list(dict.fromkeys(columns)))] if columns else []
    order = np.lexsort([*groups, *design.matrix.T])
    number = np.empty_like(order)
    number[order] = np.arange(len(order))
    return number


@dataclass(frozen=True)
class _Projection:
    """Partials effects and controls out of many columns at once.

    The largest effect goes by group means; what the others add is solved exactly in the space of their levels, which
    costs a few sums per column where iterating would cost dozens.

    Attributes:
        largest: indicator matrix of the largest effect, N x levels, each column divided by the root of its size.
        others: indicator matrix of all other effects, N x levels.
        root: N roots of the weights, which both matrices and all columns are multiplied by.
        inverse: generalised inverse of the others' cross product, net of the largest effect.
        controls: orthonormal basis of the controls, net of all effects.
    """

    largest: csr_array
    others: csr_array
    root: np.ndarray
    inverse: np.ndarray
    controls: np.ndarray

    def residuals(self, columns: np.ndarray) -> np.ndarray:
        """Columns less effects and controls, times the roots of the weights."""
        left = self._less_effects(columns * self.root[:, None])
        return left - self.controls @ (self.controls.T @ left)

    def _less_largest(self, columns: np.ndarray) -> np.ndarray:
        return columns - self.largest @ (self.largest.T @ columns)

    def _less_effects(self, columns: np.ndarray) -> np.ndarray:
        left = self._less_largest(columns)
        if not self.others.shape[1]:
            return left
        return left - self._less_largest(self.others @ (self.inverse @ (self.others.T @ left)))


def _projection(design: Design, controls: Sequence[str]) -> _Projection:
    effects = design.effects if design.effect_names else np.zeros((design.observations, 1), dtype=np.int64)
    ordered = effects[:, np.argsort(-effects.max(axis=0), kind="stable")]
    root = np.ones(design.observations) if design.weights is None else np.sqrt(design.weights)
    sizes = np.bincount(ordered[:, 0], weights=root**2)
    largest = _indicators(ordered[:, 0], root) @ diags_array(1 / np.sqrt(sizes))
    empty = csr_array((design.observations, 0))
    others = hstack([empty, *(_indicators(codes, root) for codes in ordered.T[1:])], format="csr")
    if others.shape[1] > MOST_OTHER_LEVELS:
        raise InputError(
            f"The effects other than the largest have {others.shape[1]} levels; a placebo carries {MOST_OTHER_LEVELS}."
        )
    shared = (largest.T @ others).toarray()
    inverse = np.linalg.pinv((others.T @ others).toarray() - shared.T @ shared, rcond=1e-12, hermitian=True)
    bare = _Projection(largest, others, root, inverse, np.empty((design.observations, 0)))
    left, singular, _ = np.linalg.svd(bare.residuals(design.columns(controls)), full_matrices=False)
    return replace(bare, controls=left[:, singular > 1e-10 * singular.max(initial=0)])


def _indicators(codes: np.ndarray, values: np.ndarray) -> csr_array:
    rows = np.arange(len(codes))
    return csr_array((values, (rows, codes)), shape=(len(codes), int(codes.max()) + 1))


def _permuted(
    design: Design, assignment: _Assignment, terms: Sequence[str], draws: int, seed: int
) -> tuple[np.ndarray, np.ndarray]:
    """Coefficient and t statistic of every permutation (draws x 2) and of the true treatment (2)."""
    outcome, treatment, *controls = terms
    projection = _projection(design, controls)
    left = projection.residuals(design.columns([outcome]))[:, 0]
    batches = _batches(assignment, design.observations, draws, np.random.default_rng(seed))
    # The products are thin: waiting BLAS threads would double the time.
    with threadpool_limits(1):
        found = np.vstack([_estimate(design, projection, left, batch) for batch in batches])
    return found, _estimate(design, projection, left, design.columns([treatment]))[0]


def _batches(
    assignment: _Assignment, observations: int, draws: int, generator: np.random.Generator
) -> Iterator[np.ndarray]:
    size = max(1, BATCH_VALUES // observations)
    for start in range(0, draws, size):
        yield np.column_stack([assignment.draw(generator) for _ in range(min(size, draws - start))])


def _estimate(design: Design, projection: _Projection, outcome: np.ndarray, treatments: np.ndarray) -> np.ndarray:
    """Coefficient and t statistic of each treatment, without the small-sample factor that all share: draws x 2."""
    left = projection.residuals(treatments)
    variation = np.einsum("ij,ij->j", left, left)
    if (variation <= ABSORBED * np.einsum("ij,ij->j", treatments, treatments)).any():
        raise InputError("The fixed effects absorb the treatment in some permutation: deal it out in finer blocks.")
    slopes = left.T @ outcome / variation
    kind: inference.Covariance = "clustered" if design.clusters else "robust"
    errors = [
        np.sqrt(
            inference.meat(kind, column[:, None] * (outcome - slope * column)[:, None], design, pd.DataFrame())[0, 0]
        )
        for column, slope in zip(left.T, slopes, strict=True)
    ]
    return np.column_stack([slopes, slopes * variation / np.array(errors)])
