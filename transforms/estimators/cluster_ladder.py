"""A cluster ladder: which levels of clustering a reader wants to see beside the one that a table takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from pydantic import Field

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.design import CROSSING, PRODUCT, codes_of, complete_rows, values_of
from haiguan.transforms.estimators.naming import unknown_name
from haiguan.transforms.estimators.small_sample import is_nested
from haiguan.transforms.estimators.tagged import Settings

OWN, VARIES, BOTH = "As in the table", "Where the regressor varies", "Two-way"


class Ladder(Settings):
    """Which rungs a ladder has: `{candidates: [firm, city, city^year], two_way: [city, year]}`.

    Attributes:
        candidates: columns or crossings among which the level is looked for at which the first regressor varies.
        two_way: both cluster variables of the last rung; by default the table's and the one found, where neither
            nests the other.
        rungs: further cluster variables, by label.
    """

    candidates: tuple[str, ...] = ()
    two_way: tuple[str, str] | None = None
    rungs: dict[str, tuple[str, ...]] = Field(default={})

    def columns(self) -> list[str]:
        """The columns of the data that it reads, crossings as they are."""
        return [*self.candidates, *(self.two_way or ()), *(name for names in self.rungs.values() for name in names)]


@dataclass(frozen=True)
class Rung:
    """One rung of a cluster ladder in one column: the standard error of its first regressor at that level.

    Attributes:
        label: of the rung.
        term: whose error it is.
        standard_error: at that level.
        clusters: per cluster variable; empty where the errors are not clustered.
        covariance_kind: of the error.
    """

    label: str
    term: str
    standard_error: float
    clusters: Mapping[str, int]
    covariance_kind: str


def levels_of(ladder: Ladder, clusters: Sequence[str], term: str, sample: pd.DataFrame) -> dict[str, tuple[str, ...]]:
    """The cluster variables of each rung, by label; none where the regressor varies from row to row.

    A term that is no column of the data (a distance to an event) has no level to be found.

    The table's own rung is left to the caller, who has its estimates.

    Args:
        ladder: what was asked for.
        clusters: of the table's column.
        term: the regressor whose errors the ladder shows.
        sample: the rows estimated on.
    """
    rungs: dict[str, tuple[str, ...]] = {}
    if ladder.candidates and all(part in sample for part in term.split(PRODUCT)):
        found = level_of_variation(sample, term, ladder.candidates)
        rungs[VARIES] = (found,) if found else ()
    two_way = ladder.two_way or _two_way(sample, [*clusters, *rungs.get(VARIES, ())])
    return rungs | ({BOTH: two_way} if two_way else {}) | ladder.rungs


def level_of_variation(sample: pd.DataFrame, term: str, candidates: Sequence[str]) -> str | None:
    """The coarsest column or crossing within whose levels a regressor never changes, or None if it does in all.

    Errors are to be clustered there at least: within it the regressor is one draw (Moulton 1990; Abadie, Athey, Imbens
    and Wooldridge 2023).

    Args:
        sample: the rows estimated on.
        term: a column, or a product `a:b`.
        candidates: columns, or crossings `a^b`.

    Raises:
        InputError: unknown columns.

    >>> firms = pd.DataFrame({"firm": [1, 2, 3, 4], "city": list("aabb"), "country": ["x"] * 4, "access": [1, 1, 2, 2]})
    >>> level_of_variation(firms, "access", ["firm", "city", "country"])
    'city'
    """
    parts = [part for name in candidates for part in name.split(CROSSING)]
    unknown = [unknown_name("column", part, sample.columns) for part in parts if part not in sample]
    if unknown:
        raise InputError(*unknown)
    holding = {}
    for name in candidates:
        rows = complete_rows(sample, [term], [name])
        values, codes = pd.factorize(values_of(sample, rows, term))[0], codes_of(sample, rows, name)
        if len(rows) and is_nested(codes, values):
            holding[name] = int(codes.max()) + 1
    return min(holding, key=lambda name: holding[name], default=None)


def _two_way(sample: pd.DataFrame, names: Sequence[str]) -> tuple[str, ...]:
    """The two cluster variables, or nothing where there are not two or one nests the other: then they are one."""
    if len(set(names)) != 2:
        return ()
    rows = complete_rows(sample, [], names)
    first, second = (codes_of(sample, rows, name) for name in names)
    return () if is_nested(first, second) or is_nested(second, first) else (names[0], names[1])
