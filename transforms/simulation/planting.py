"""Puts flags on good records and adds defective ones: where something is wrong, and what.

What a defect does to the text comes later, in `defects`.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from haiguan.transforms.simulation.draws import Draws, Ids
from haiguan.transforms.simulation.editions import Piece, revision_of
from haiguan.transforms.simulation.firms import Firms
from haiguan.transforms.simulation.records import SUFFIXES, Records, World, good_records, with_quantity
from haiguan.transforms.simulation.rules import (
    FLAGS,
    IDENTICAL_ROW,
    IMPORT_FLAG,
    OUTLIER,
    REJECTING,
    REPEATED_BLOCK,
    RULES,
    ZERO_VALUE,
    applies,
    spread,
)
from haiguan.transforms.simulation.vocabulary import WEIGHED

_BLOCK_ROWS = 15  # rows of a repeated block
_MANY_RECORDS = 30  # of a product of eight digits, in a block, a year and a direction


def simulate_records(world: World, year_index: int, block: int, firms: Firms) -> Records:
    """The records of a block of firms in a year, in the order in which they stand in their files.

    Args:
        world: the world.
        year_index: which of its years.
        block: number of the block.
        firms: its firms, over the years up to this one at least.

    Returns:
        Records ordered by file, and within it at random.
    """
    good = good_records(world, year_index, block, firms)
    flagged = _flagged(world, year_index, block, good)
    return _in_order(with_quantity(world, firms, _with_defects(world, year_index, block, flagged)))


def _flagged(world: World, year_index: int, block: int, good: Records) -> Records:
    """Puts the flags on good records, at most one on each."""
    plan, pieces = world.plan, world.pieces(year_index)
    counts = plan.records[year_index]
    rule, variant, partner = good.rule.copy(), good.variant.copy(), good.partner.copy()
    possible = {flag: np.array([applies(flag, piece) for piece in pieces]) for flag in FLAGS}
    has_more = np.zeros_like(good.id, dtype=bool)  # the value of the record before it beside its own
    for flag in FLAGS:
        of = counts[:, :1] if flag == IMPORT_FLAG else counts
        start, end = int(of[:block].sum()), int(of[: block + 1].sum())
        name = f"{flag} of {plan.years[year_index]}"
        places, numbers = spread(plan.draws, name, world.planted(flag, year_index), int(of.sum()), start, end)
        rows = numbers - start
        if flag == OUTLIER:
            places, rows = _among_many(world, plan.years[year_index], good, places, rows)
        free = (rule[rows] < 0) & possible[flag][good.piece[rows]] & ~has_more[rows]
        if flag in (ZERO_VALUE, IDENTICAL_ROW):
            free &= _is_like_the_next(good, rule, has_more, rows)
        if flag == ZERO_VALUE:
            has_more[rows[free] + 1] = True
        if flag == IDENTICAL_ROW:
            free &= _is_even_with_the_next(good, rows)
            rows = rows + 1
        rule[rows[free]], variant[rows[free]] = RULES.index(flag), places[free]
    partner[rule == RULES.index(IMPORT_FLAG)] = len(world.partners.codes) - 1
    return _doubled(_without_value(replace(good, rule=rule, variant=variant, partner=partner)))


def _among_many(world: World, year: int, good: Records, places: Ids, rows: Ids) -> tuple[Ids, Ids]:
    """For each record the next one of a weighed product with many records, which a unit value can lie far out of.

    Products that share a code in that year have a price each, so that no unit value is far from all of them.
    """
    _, cell, count = np.unique(_cell_of_product(good), return_inverse=True, return_counts=True)
    is_weighed = np.array([unit.code in WEIGHED for unit in world.products.units])
    _, code, sharing = np.unique(world.products.codes[revision_of(year)], return_inverse=True, return_counts=True)
    can_be_told = is_weighed & (sharing[code] == 1)
    many = np.flatnonzero((count[cell] >= _MANY_RECORDS) & can_be_told[good.product])
    if not len(many):
        return places[:0], rows[:0]
    chosen, first = np.unique(many[np.searchsorted(many, rows) % len(many)], return_index=True)
    return places[first], chosen


def _cell_of_product(good: Records) -> Ids:
    return (good.product * len(SUFFIXES) + good.suffix) * 2 + good.direction


def _is_like_the_next(good: Records, rule: Ids, has_more: np.ndarray, rows: Ids) -> np.ndarray:
    """Which records have a next one of the same firm and direction that is under no rule and has its own value."""
    after = np.minimum(rows + 1, len(rule) - 1)
    same = (good.firm[rows] == good.firm[after]) & (good.direction[rows] == good.direction[after]) & (rows < after)
    return same & (rule[rows] < 0) & (rule[after] < 0) & ~has_more[after]


def _is_even_with_the_next(good: Records, rows: Ids) -> np.ndarray:
    """Which records can share their value evenly with the next one."""
    after = np.minimum(rows + 1, len(good.cents) - 1)
    return (good.cents[rows] + good.cents[after]) % 2 == 0


def _without_value(good: Records) -> Records:
    """Each record that is to have no value without one; the next one of its firm has it beside its own."""
    rows = np.flatnonzero(good.rule == RULES.index(ZERO_VALUE))
    cents, fine = good.cents.copy(), good.fine.copy()
    cents[rows + 1] += cents[rows]
    cents[rows], fine[rows], fine[rows + 1] = 0, 0, 0
    return replace(good, cents=cents, fine=fine)


def _doubled(good: Records) -> Records:
    """Each record that is to be identical with the one before it made so; the two share their value evenly."""
    second = np.flatnonzero(good.rule == RULES.index(IDENTICAL_ROW))
    half = (good.cents[second - 1] + good.cents[second]) // 2
    source = np.arange(len(good.id))
    source[second] -= 1
    cents, fine = good.cents.copy(), good.fine.copy()
    cents[second], cents[second - 1] = half, half
    fine[second], fine[second - 1] = 0, 0
    return replace(good.take(source), cents=cents, fine=fine, rule=good.rule, variant=good.variant)


def _with_defects(world: World, year_index: int, block: int, good: Records) -> Records:
    """The good records and, after them, defective ones: copies of good ones with an amount of their own."""
    plan, pieces = world.plan, world.pieces(year_index)
    counts = plan.records[year_index]
    start, end, total = int(counts[:block].sum()), int(counts[: block + 1].sum()), int(counts.sum())
    sources: list[np.ndarray] = [np.arange(len(good.id))]
    rules, variants, places_of = [good.rule], [good.variant], [good.piece]
    for index, rule in enumerate(REJECTING):
        name = f"{rule} of {plan.years[year_index]}"
        places, numbers = spread(plan.draws, name, world.planted(rule, year_index), total, start, end)
        sources.append(numbers - start)
        rules.append(np.full_like(places, index))
        variants.append(places)
        places_of.append(_possible_pieces(plan.draws, rule, pieces, good.piece[numbers - start], numbers))
    has_again = block == 0 and REPEATED_BLOCK not in world.without
    again = _repeated_rows(good, pieces) if has_again else np.zeros(0, dtype=np.int64)
    sources.append(again)
    rules.append(np.full_like(again, RULES.index(REPEATED_BLOCK)))
    variants.append(np.arange(len(again)))
    places_of.append(np.ones_like(again))
    copied = good.take(np.concatenate(sources))
    defective = (np.arange(len(copied.id)) >= len(good.id)) & (np.concatenate(rules) < len(REJECTING))
    fresh = plan.draws.ids("defective", copied.id, np.concatenate(rules))
    piece = np.concatenate(places_of)
    amount = 10_000 + plan.draws.below(5_000_000, "defective cents", fresh)
    return replace(
        copied,
        id=np.where(defective, fresh, copied.id),
        cents=np.where(defective, amount, copied.cents),
        fine=np.where(defective, 0, copied.fine),
        # One thing is wrong with a record, so a copy of a re-import has a partner abroad.
        partner=np.where(defective & (copied.partner == len(world.partners.codes) - 1), 0, copied.partner),
        rule=np.concatenate(rules),
        variant=np.concatenate(variants),
        piece=piece,
        month=piece + 1 if pieces[0].month else copied.month,
    )


def _repeated_rows(good: Records, pieces: tuple[Piece, ...]) -> Ids:
    """The first rows of a year's first piece, which its second piece repeats where there are pieces at all."""
    if pieces[0].month or len(pieces) == 1 or pieces[0].container != pieces[1].container:
        return np.zeros(0, dtype=np.int64)
    rows = np.flatnonzero((good.piece == 0) & (good.rule < 0))
    return rows[np.argsort(good.id[rows])][:_BLOCK_ROWS]


def _possible_pieces(draws: Draws, rule: str, pieces: tuple[Piece, ...], piece: Ids, number: Ids) -> Ids:
    """The files of defective records: where the record's own cannot have the defect, one that can."""
    possible = np.array([number for number, piece in enumerate(pieces) if applies(rule, piece)], dtype=np.int64)
    if not len(possible):
        return piece
    other = possible[draws.below(len(possible), "other piece", number)]
    return np.where(np.isin(piece, possible), piece, other)


def _in_order(records: Records) -> Records:
    return records.take(np.lexsort((records.id, records.piece)))
