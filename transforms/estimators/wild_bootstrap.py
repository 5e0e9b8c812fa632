"""The wild cluster bootstrap: a test of one coefficient where the clusters are too few for the normal theory."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.demean import demean
from haiguan.transforms.estimators.design import Design, build_design
from haiguan.transforms.estimators.linear import select_columns
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.small_sample import is_nested

MOST_DUMMIES = 1_000
DRAWS_AT_ONCE = 1_000


@dataclass(frozen=True)
class BootstrapTest:
    """A test of one coefficient against zero.

    Attributes:
        term: the coefficient.
        statistic: the clustered t.
        p_value: two-sided.
        draws: bootstrap samples; all sign patterns where those are fewer than the draws asked for.
        observations: N.
        clusters: G.
    """

    term: str
    statistic: float
    p_value: float
    draws: int
    observations: int
    clusters: int


def wild_cluster_bootstrap(
    data: pd.DataFrame,
    outcome: str,
    regressors: Sequence[str],
    term: str,
    *,
    cluster: str,
    fixed_effects: Sequence[str] = (),
    draws: int = 9_999,
    seed: int = 20_080_414,
    signs: Literal["rademacher", "webb", "mammen"] = "rademacher",
) -> BootstrapTest:
    """The restricted wild cluster bootstrap-t of a least-squares coefficient (Cameron, Gelbach and Miller 2008).

    The library wildboottest draws. Effects nested in the cluster are partialled out beforehand, which the bootstrap
    cannot tell from dummies; the others enter as dummies, since signs that vary within their levels do not commute
    with demeaning.

    Args:
        data: one row per observation.
        outcome: numeric column.
        regressors: numeric columns, or products `a:b`.
        term: the regressor tested.
        cluster: one cluster variable, or a crossing.
        fixed_effects: columns to absorb, or crossings.
        draws: bootstrap samples.
        seed: of the signs.
        signs: distribution of the multipliers; `webb` for fewer than about ten clusters.

    Raises:
        InputError: the term is no regressor or is left out as collinear, there are too few observations, more than
            1,000 dummies would be needed, or wildboottest is not installed.

    >>> i = np.arange(1, 201)
    >>> frame = pd.DataFrame({"x": np.cos(2.3 * i), "e": np.sin(3.1 * i), "city": (i - 1) // 20})
    >>> frame["y"] = 0.05 * frame["x"] + frame["e"]
    >>> test = wild_cluster_bootstrap(frame, "y", ["x"], "x", cluster="city", draws=9999)
    >>> test.draws, test.clusters, 0 < test.p_value < 1
    (1024, 10, True)
    """
    if term not in regressors:
        raise InputError(unknown_name("regressor", term, regressors))
    design = build_design(data, [outcome, *regressors], fixed_effects=fixed_effects, clusters=[cluster])
    codes = design.clusters[cluster]
    y, X, position = _bootstrap_matrices(design, outcome, term, codes)
    if len(y) <= X.shape[1]:
        raise InputError(f"{len(y)} observations cannot carry {X.shape[1]} parameters: use fewer or more data.")
    boot = _wild_bootstrap(y, X, position, codes, draws, seed, signs)
    return BootstrapTest(
        term=term,
        statistic=float(np.squeeze(boot.t_stat)),
        p_value=float(boot.pvalue),
        draws=int(boot.B),
        observations=design.observations,
        clusters=design.cluster_counts[cluster],
    )


def _bootstrap_matrices(
    design: Design, outcome: str, term: str, codes: np.ndarray
) -> tuple[np.ndarray, np.ndarray, int]:
    """Outcome, regressors with dummies of the effects that no cluster nests, and the place of the term."""
    nested = [is_nested(effect, codes) for effect in design.effects.T]
    regressors = [name for name in design.names if name != outcome]
    free = design.effects[:, ~np.array(nested, dtype=bool)]
    needed = int((free.max(axis=0) + 1).sum()) if free.size else 0
    if needed > MOST_DUMMIES:
        raise InputError(
            f"The wild cluster bootstrap needs {needed:,} dummies for effects not nested in "
            f"{next(iter(design.clusters))}; at most {MOST_DUMMIES:,} fit. Cluster at a level that nests more."
        )
    absorbed = [np.ones((design.observations, 1)), *(np.eye(codes_.max() + 1)[codes_] for codes_ in free.T)]
    dummies = np.hstack(absorbed)
    columns = np.hstack([design.columns([outcome]), dummies, design.columns(regressors)])
    residuals = demean(columns, design.effects[:, np.array(nested, dtype=bool)])
    # Constant and dummies come first: what they determine has no coefficient of its own.
    names = [*(f"dummy {j}" for j in range(dummies.shape[1])), *regressors]
    kept, warnings = select_columns(names, residuals[:, 1:], (columns[:, 1:] ** 2).sum(axis=0), design)
    place = names.index(term)
    if place not in kept:
        raise InputError(f"The bootstrap cannot test {term!r}: {_sentence_on(term, warnings)}")
    return residuals[:, 0], residuals[:, [1 + j for j in kept]], kept.index(place)


def _sentence_on(term: str, warnings: Sequence[str]) -> str:
    return next(text for text in warnings if text.startswith(f"{term} was left out"))


def _wild_bootstrap(
    y: np.ndarray, X: np.ndarray, position: int, codes: np.ndarray, draws: int, seed: int, signs: str
) -> Any:
    try:
        from wildboottest.wildboottest import WildboottestCL
    except ImportError as error:
        raise InputError("The wild cluster bootstrap needs a package: pip install wildboottest.") from error
    selector = np.zeros(X.shape[1])
    selector[position] = 1
    boot = WildboottestCL(X=X, Y=y, cluster=codes, R=selector, B=draws, seed=seed, parallel=False)
    boot.get_scores(bootstrap_type="11", impose_null=True, adj=True, cluster_adj=True)
    boot.get_weights(weights_type=signs)
    boot.get_numer()
    boot.denom = _denominators(boot)
    boot.get_tboot()
    boot.get_vcov()
    boot.get_tstat()
    boot.get_pvalue(pval_type="two-tailed")
    return boot


def _denominators(boot: Any) -> np.ndarray:
    """The clustered variance of the coefficient in every draw, as one product of matrices.

    The library's own loop is compiled anew by numba at every call, which takes a second.
    """
    projection = boot.R @ boot.tXXinv
    cross = np.array([projection @ products @ boot.tXXinv for products in boot.tXgXg_list])
    moved = cross @ boot.scores_mat
    blocks = np.array_split(boot.v, max(boot.v.shape[1] // DRAWS_AT_ONCE, 1), axis=1)
    sums = [np.square(boot.Cg[:, None] * signs - moved @ signs).sum(axis=0) for signs in blocks]
    return boot.ssc * np.concatenate(sums)
