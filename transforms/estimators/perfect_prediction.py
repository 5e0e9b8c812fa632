"""Observations whose outcome a regressor predicts perfectly: no maximum of a probit's likelihood exists with them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class PerfectPrediction:
    """What has to leave the sample before a binary response model has a maximum.

    Attributes:
        kept: N booleans, the observations that stay.
        cells: one row per dropped cell: column, level, outcome (0 or 1, the same in the whole cell), observations.
    """

    kept: np.ndarray
    cells: pd.DataFrame

    def sentences(self, outcome: str) -> tuple[str, ...]:
        """One sentence per column: which cells were dropped, what they predict, how many observations that took."""
        return tuple(
            f"{int(cells.observations.sum()):,} observations dropped: {outcome} never varies where {column} is "
            f"{_listed(cells)}."
            for column, cells in self.cells.groupby("column", sort=False)
        )


def drop_perfectly_predicted(outcome: np.ndarray, cells: Mapping[str, pd.Categorical]) -> PerfectPrediction:
    """Drops every cell of a dummy in which the outcome is constant, until none is left, as Stata's probit does.

    Dropping a cell of one column may leave the outcome constant in a cell of another, hence the repetition. All columns
    are judged on the same observations in each pass, so the result does not depend on their order.

    Args:
        outcome: N zeros and ones.
        cells: the columns that enter as dummies (zero-one regressors have two levels), N rows each.

    >>> region = pd.Categorical(["north", "north", "south", "south"])
    >>> dropped = drop_perfectly_predicted(np.array([0.0, 1.0, 1.0, 1.0]), {"region": region})
    >>> dropped.kept.tolist(), dropped.sentences("entry")
    ([True, True, False, False], ('2 observations dropped: entry never varies where region is south (always 1).',))
    """
    kept = np.ones(len(outcome), dtype=bool)
    found: list[pd.DataFrame] = []
    while True:
        constant = [_constant_cells(column, values, outcome, kept) for column, values in cells.items()]
        if not any(len(part) for part in constant):
            break
        for (_, values), part in zip(cells.items(), constant, strict=True):
            kept &= ~np.isin(values.codes, part["code"])
        found += constant
    columns = ["column", "level", "outcome", "observations"]
    frame = pd.concat(found)[columns] if found else pd.DataFrame(columns=columns)
    return PerfectPrediction(kept, frame.reset_index(drop=True))


def separating_columns(outcome: np.ndarray, columns: Mapping[str, np.ndarray]) -> list[str]:
    """Names of the columns of which a threshold splits the zeros of the outcome from its ones.

    Ties at the threshold itself (quasi-complete separation) count: there is no maximum then either.
    """
    ones = outcome == 1
    return [
        name
        for name, values in columns.items()
        if values[ones].min() >= values[~ones].max() or values[ones].max() <= values[~ones].min()
    ]


def _constant_cells(column: str, values: pd.Categorical, outcome: np.ndarray, kept: np.ndarray) -> pd.DataFrame:
    codes = np.asarray(values.codes)[kept]
    observations = np.bincount(codes, minlength=len(values.categories))
    successes = np.bincount(codes, weights=outcome[kept], minlength=len(values.categories))
    code = np.flatnonzero((observations > 0) & ((successes == 0) | (successes == observations)))
    return pd.DataFrame(
        {
            "column": column,
            "code": code,
            "level": values.categories[code].astype(str),
            "outcome": (successes[code] > 0).astype(int),
            "observations": observations[code],
        }
    )


def _listed(cells: pd.DataFrame, most: int = 5) -> str:
    shown = [f"{cell.level} (always {cell.outcome})" for cell in cells.head(most).itertuples()]
    further = len(cells) - len(shown)
    return ", ".join(shown) + (f" and {further:,} more" if further else "")
