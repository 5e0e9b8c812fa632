"""How many records each firm, year and direction has, without holding more than one block of firms in memory.

A cell is a firm, a year and a direction. The number of its records grows with the root of its value; the running sum of
those roots over all cells, which the plan keeps for every block, tells any task how many records its cells have, so
that the records of the world add up to the number that was asked for.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from haiguan.transforms.simulation.draws import Draws, Floats, Ids
from haiguan.transforms.simulation.firms import Firms, simulate_firms

IMPORT, EXPORT = 0, 1
BLOCK = 1 << 14  # firms
_DECLARATIONS_PER_FIRM_AND_YEAR = 8


@dataclass(frozen=True)
class Plan:
    """What is known of a world before any record is drawn.

    Attributes:
        draws: the random numbers.
        years: the years, in order.
        firms: number of firms.
        spare: records beyond the one that each cell has.
        cells: years x blocks x directions, number of cells.
        before: years x blocks x directions, sum of the weights of all cells before.
        weight: sum of the weights of all cells.
        cents: years x directions, value of the good records in cents of a US dollar.
    """

    draws: Draws
    years: tuple[int, ...]
    firms: int
    spare: int
    cells: Ids
    before: Ids
    weight: int
    cents: Ids

    @property
    def blocks(self) -> int:
        """Number of blocks of firms."""
        return -(-self.firms // BLOCK)

    @property
    def records(self) -> Ids:
        """Years x blocks x directions: number of good records."""
        starts = shares(self.before.ravel(), self)
        return np.diff(np.r_[starts, self.spare]).reshape(self.before.shape) + self.cells

    def block(self, number: int, years: int) -> Firms:
        """The firms of a block over the first years of the world."""
        ids = np.arange(number * BLOCK, min((number + 1) * BLOCK, self.firms), dtype=np.int64)
        return simulate_firms(self.draws, ids, self.years[:years])


def firms_of(declarations: int, years: tuple[int, ...]) -> int:
    """Number of firms of a world with so many declarations."""
    return max(1, declarations // (_DECLARATIONS_PER_FIRM_AND_YEAR * len(years)))


def plan_world(draws: Draws, declarations: int, years: tuple[int, ...]) -> Plan:
    """Spreads the declarations over the cells of a world, block by block."""
    firms = firms_of(declarations, years)
    empty = np.zeros((len(years), -(-firms // BLOCK), 2), dtype=np.int64)
    drawn = Plan(draws, years, firms, 0, empty, empty, 1, empty[:, 0])
    cells, weights, value = np.zeros_like(empty), np.zeros_like(empty), np.zeros_like(empty[:, 0])
    for number in range(drawn.blocks):
        block = drawn.block(number, len(years))
        for direction, cents in ((IMPORT, block.import_cents), (EXPORT, block.export_cents)):
            cells[:, number, direction] = (cents > 0).sum(axis=0)
            weights[:, number, direction] = cell_weights(cents).sum(axis=0)
            value[:, direction] += cents.sum(axis=0)
    before = (np.cumsum(weights) - weights.ravel()).reshape(weights.shape)
    spare = declarations - int(cells.sum())
    return Plan(draws, years, firms, spare, cells, before, max(int(weights.sum()), 1), value)


def cell_weights(cents: Ids) -> Ids:
    """Weight of each cell; whole numbers, so that their sums do not depend on the order."""
    return np.sqrt(cents).astype(np.int64)


def shares(before: Ids | Floats, plan: Plan) -> Ids:
    """How many of the spare records the cells have whose weights add up to `before`."""
    return np.floor(before / plan.weight * plan.spare).astype(np.int64)
