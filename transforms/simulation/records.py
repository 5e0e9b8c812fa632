"""Customs records as facts: who traded what with whom for how much, and in which file the record stands.

The records of one block of firms in one year, good and defective, as arrays; what a defect does to the text comes
later, in `defects`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np

from haiguan.transforms.simulation.catalogue import Partners, Products
from haiguan.transforms.simulation.draws import Draws, Floats, Ids, pick
from haiguan.transforms.simulation.editions import SEASON, Piece, pieces_of
from haiguan.transforms.simulation.firms import Firms
from haiguan.transforms.simulation.plan import EXPORT, IMPORT, Plan, cell_weights, shares
from haiguan.transforms.simulation.rules import FLAGS, IMPORT_FLAG, REJECTING, RULES, applies, planted_in_year, spread
from haiguan.transforms.simulation.vocabulary import PLACES, REGIMES, WEIGHED

SUFFIXES = ("10", "90", "00", "20", "99", "11", "19", "30")
MISSING = -1
_ORDINARY = 0
_NEW_FLOW = 0.12  # chance that a record begins another flow: a flow has about five months
_SHARE_PASSING = 0.3  # flows that are of one year only
_SHARE_FINE = 0.15  # records told to a tenth of a cent or finer
_HALF_CENT = 50  # in ten-thousandths of a dollar
_SHARE_ORDINARY_OF_INTERMEDIARIES = 0.85


@dataclass(frozen=True)
class World:
    """All that the tasks which make a world's records need to know.

    Attributes:
        plan: firms and numbers of records.
        products: what is traded.
        partners: with whom.
    """

    plan: Plan
    products: Products
    partners: Partners

    def pieces(self, year_index: int) -> tuple[Piece, ...]:
        """The files of a year, before any is repeated."""
        return pieces_of(self.plan.years[year_index], int(self.plan.records[year_index].sum()))

    def planted(self, rule: str, year_index: int) -> int:
        """How many records of a year break a rule."""
        good = self.plan.records[year_index]
        eligible = good[:, IMPORT] if rule == IMPORT_FLAG else good
        return planted_in_year(rule, self.pieces(year_index), int(eligible.sum()))


@dataclass(frozen=True)
class Records:
    """Arrays over records.

    Attributes:
        id: number that is the record's own.
        firm: row in the block of firms.
        direction: IMPORT or EXPORT.
        month: from 1.
        piece: number of the file among those of its year.
        flow: number of its flow: one firm, product, partner and regime.
        product: row of the products.
        suffix: row of SUFFIXES, the seventh and eighth digits.
        partner: row of the partners.
        regime: row of REGIMES.
        office: row of PLACES, whose customs office cleared it.
        cents: value in cents of a US dollar.
        fine: ten-thousandths of a dollar that rounding takes away; 0 where amounts are told as numbers.
        thousandths: quantity in thousandths of its unit; MISSING where there is none.
        rule: row of RULES; MISSING: nothing is wrong.
        variant: number among those under the same rule in the year.
        chance: draw for choices of wording.
    """

    id: Ids
    firm: Ids
    direction: Ids
    month: Ids
    piece: Ids
    flow: Ids
    product: Ids
    suffix: Ids
    partner: Ids
    regime: Ids
    office: Ids
    cents: Ids
    fine: Ids
    thousandths: Ids
    rule: Ids
    variant: Ids
    chance: Floats

    def take(self, rows: Ids | np.ndarray) -> Records:
        """Some of the records, in this order."""
        return Records(*(getattr(self, field.name)[rows] for field in fields(self)))

    @property
    def is_published(self) -> np.ndarray:
        """Which records no rejecting rule holds back."""
        return (self.rule < 0) | (self.rule >= len(REJECTING))


@dataclass(frozen=True)
class _Cells:
    """Arrays over the cells of a block and year: firm, direction, value, records."""

    firm: Ids
    direction: Ids
    cents: Ids
    records: Ids


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
    good = _good(world, year_index, firms, _cells(world.plan, year_index, block, firms))
    flagged = _flagged(world, year_index, block, good)
    return _in_order(_with_quantity(world, firms, _with_defects(world, year_index, block, flagged)))


def simulate_good_records(world: World, year_index: int, block: int, firms: Firms) -> Records:
    """The good records of a block alone, without flags, firm by firm."""
    return _with_quantity(world, firms, _good(world, year_index, firms, _cells(world.plan, year_index, block, firms)))


def _cells(plan: Plan, year_index: int, block: int, firms: Firms) -> _Cells:
    """Imports first, then exports, by firm."""
    parts = []
    for direction, traded in ((IMPORT, firms.import_cents), (EXPORT, firms.export_cents)):
        cents = traded[:, year_index]
        firm = np.flatnonzero(cents).astype(np.int64)
        weights = cell_weights(cents[firm])
        ends = plan.before[year_index, block, direction] + np.cumsum(weights)
        records = shares(ends, plan) - shares(ends - weights, plan) + 1
        parts.append(_Cells(firm, np.full_like(firm, direction), cents[firm], records))
    return _Cells(*(np.concatenate([getattr(part, field.name) for part in parts]) for field in fields(_Cells)))


def _good(world: World, year_index: int, firms: Firms, cells: _Cells) -> Records:
    draws, year = world.plan.draws, world.plan.years[year_index]
    first = np.cumsum(cells.records) - cells.records
    cell = np.repeat(np.arange(len(cells.firm)), cells.records)
    number = np.arange(len(cell), dtype=np.int64) - first[cell]
    row, direction = cells.firm[cell], cells.direction[cell]
    firm = firms.ids[row] * 2 + direction
    record = draws.ids("record", firm, number * 10_000 + year)
    flow, step = _flows(draws, firm, number, record, year)
    month = 1 + (pick(draws.uniform("first month", flow, np.full_like(flow, year)), list(SEASON)) + step) % 12
    cents = _cents(draws, record, cells, cell, number)
    fine_draw = draws.uniform("fine", record)
    fine = (fine_draw / _SHARE_FINE * (2 * _HALF_CENT + 1)).astype(np.int64) - _HALF_CENT
    piece = _pieces(world.pieces(year_index), month, draws.uniform("piece", record))
    is_text = np.array([piece.is_text for piece in world.pieces(year_index)])[piece]
    is_taken_back = is_text & ((np.abs(fine) < _HALF_CENT) | (cents % 2 == 0))
    product, partner = _goods(world, firm, flow, direction, cells.records[cell])
    own = firms.places(year)[row]
    elsewhere = draws.below(len(PLACES), "office", flow)
    chance = draws.uniform("chance", record)
    return Records(
        id=record,
        firm=row,
        direction=direction,
        month=month,
        piece=piece,
        flow=flow,
        product=product,
        suffix=draws.below(len(SUFFIXES), "suffix", flow),
        partner=partner,
        regime=_regimes(draws, firms, row, firm, flow, year),
        office=np.where(draws.uniform("clears elsewhere", flow) < 0.15, elsewhere, own),
        cents=cents,
        fine=np.where((fine_draw < _SHARE_FINE) & is_taken_back, fine, 0),
        thousandths=np.zeros_like(record),
        rule=np.full_like(record, MISSING),
        variant=np.full_like(record, MISSING),
        chance=chance,
    )


def _flows(draws: Draws, firm: Ids, number: Ids, record: Ids, year: int) -> tuple[Ids, Ids]:
    """The flow that each record is part of, and which of the flow's months it is, from 0 to 11.

    A flow of a firm goes on from year to year under the same number in the firm's list; some last a year only.
    """
    begins = (number == 0) | (draws.uniform("new flow", record) < _NEW_FLOW)
    at = np.arange(len(number), dtype=np.int64)
    start = np.maximum.accumulate(np.where(begins, at, 0))
    running = np.cumsum(begins)
    first_of_cell = np.maximum.accumulate(np.where(number == 0, running, 0))
    turn, step = np.divmod(at - start, 12)
    slot = running - first_of_cell + 1_000_003 * turn
    passes = draws.uniform("passing", firm, slot) < _SHARE_PASSING
    return draws.ids("flow", firm, slot * 10_000 + np.where(passes, year, 0)), step


def _cents(draws: Draws, record: Ids, cells: _Cells, cell: Ids, number: Ids) -> Ids:
    """Cents of each record, which add up to the total of its cell.

    The total is cut at jittered cubes of an even grid, so that a few records carry most of it; each keeps at least a
    cent.
    """
    count = cells.records[cell]
    spare = cells.cents[cell] - count
    jittered = (number + draws.uniform("cut", record) - 0.5) / count
    cut = np.where(number == 0, 0.0, jittered * jittered * jittered)
    upper = np.where(number + 1 == count, 1.0, np.r_[cut[1:], 1.0])
    return np.floor(spare * upper).astype(np.int64) - np.floor(spare * cut).astype(np.int64) + 1


def _goods(world: World, firm: Ids, flow: Ids, direction: Ids, records: Ids) -> tuple[Ids, Ids]:
    """Product and partner of each flow: every firm has short lists of them, by direction."""
    draws = world.plan.draws
    breadth = np.ceil(np.sqrt(1 + records * _NEW_FLOW)).astype(np.int64)
    product_slot = (draws.uniform("product slot", flow) ** 2 * breadth).astype(np.int64)
    partner_slot = (draws.uniform("partner slot", flow) ** 2 * breadth).astype(np.int64)
    product = (draws.uniform("product", firm, product_slot) ** 2 * len(world.products.units)).astype(np.int64)
    chosen = draws.uniform("partner", firm, partner_slot)
    sold, bought = pick(chosen, list(world.partners.export_weights)), pick(chosen, list(world.partners.import_weights))
    return product, np.where(direction == EXPORT, sold, bought)


def _regimes(draws: Draws, firms: Firms, row: Ids, firm: Ids, flow: Ids, year: int) -> Ids:
    """Regime of each flow, from a list of up to three of the firm's, which some firms change for another."""
    has_switched = (year >= firms.switches[row]).astype(np.int64)
    slot = (draws.uniform("regime slot", flow) * draws.uniform("regimes", firm) * 3).astype(np.int64)
    chosen = draws.uniform("regime", firm, slot * 2 + has_switched)
    sold = pick(chosen, [regime.export_weight for regime in REGIMES])
    bought = pick(chosen, [regime.import_weight for regime in REGIMES])
    regime = np.where(firm % 2 == EXPORT, sold, bought)
    is_ordinary = draws.uniform("ordinary", flow) < _SHARE_ORDINARY_OF_INTERMEDIARIES
    return np.where(firms.is_intermediary[row] & is_ordinary, _ORDINARY, regime)


def _pieces(pieces: tuple[Piece, ...], month: Ids, uniform: Floats) -> Ids:
    return month - 1 if pieces[0].month else (uniform * len(pieces)).astype(np.int64)


def _flagged(world: World, year_index: int, block: int, good: Records) -> Records:
    """Puts the flags on good records, at most one on each."""
    plan, pieces = world.plan, world.pieces(year_index)
    counts = plan.records[year_index]
    rule, variant, partner = good.rule.copy(), good.variant.copy(), good.partner.copy()
    possible = {flag: np.array([applies(flag, piece) for piece in pieces]) for flag in FLAGS}
    for flag in FLAGS:
        of = counts[:, :1] if flag == IMPORT_FLAG else counts
        start, end = int(of[:block].sum()), int(of[: block + 1].sum())
        name = f"{flag} of {plan.years[year_index]}"
        places, numbers = spread(plan.draws, name, world.planted(flag, year_index), int(of.sum()), start, end)
        rows = numbers - start
        free = (rule[rows] < 0) & possible[flag][good.piece[rows]]
        rule[rows[free]], variant[rows[free]] = RULES.index(flag), places[free]
    partner[rule == RULES.index(IMPORT_FLAG)] = len(world.partners.codes) - 1
    return replace(good, rule=rule, variant=variant, partner=partner)


def _with_defects(world: World, year_index: int, block: int, good: Records) -> Records:
    """The good records and, after them, defective ones: copies of good ones with an amount of their own."""
    plan, pieces = world.plan, world.pieces(year_index)
    counts = plan.records[year_index]
    start, end, total = int(counts[:block].sum()), int(counts[: block + 1].sum()), int(counts.sum())
    sources, rules, variants, places_of = [np.arange(len(good.id))], [good.rule], [good.variant], [good.piece]
    for index, rule in enumerate(REJECTING):
        name = f"{rule} of {plan.years[year_index]}"
        places, numbers = spread(plan.draws, name, world.planted(rule, year_index), total, start, end)
        sources.append(numbers - start)
        rules.append(np.full_like(places, index))
        variants.append(places)
        places_of.append(_possible_pieces(plan.draws, rule, pieces, good.piece[numbers - start], numbers))
    copied = good.take(np.concatenate(sources))
    defective = np.arange(len(copied.id)) >= len(good.id)
    fresh = plan.draws.ids("defective", copied.id, np.concatenate(rules))
    piece = np.concatenate(places_of)
    amount = 10_000 + plan.draws.below(5_000_000, "defective cents", fresh)
    return replace(
        copied,
        id=np.where(defective, fresh, copied.id),
        cents=np.where(defective, amount, copied.cents),
        fine=np.where(defective, 0, copied.fine),
        rule=np.concatenate(rules),
        variant=np.concatenate(variants),
        piece=piece,
        month=piece + 1 if pieces[0].month else copied.month,
    )


def _possible_pieces(draws: Draws, rule: str, pieces: tuple[Piece, ...], piece: Ids, number: Ids) -> Ids:
    """The files of defective records: where the record's own cannot have the defect, one that can."""
    possible = np.array([number for number, piece in enumerate(pieces) if applies(rule, piece)], dtype=np.int64)
    if not len(possible):
        return piece
    other = possible[draws.below(len(possible), "other piece", number)]
    return np.where(np.isin(piece, possible), piece, other)


def _with_quantity(world: World, firms: Firms, records: Records) -> Records:
    """Quantities: whole units of what is counted, kilograms and the like to the gram."""
    draws, products = world.plan.draws, world.products
    price = np.array(products.price_cents, dtype=np.float64)[records.product]
    quality = np.exp(draws.uniform("quality", firms.ids[records.firm]) - 0.5 + 0.2 * draws.normal("deal", records.id))
    exact = np.floor(records.cents * 1000 / (price * quality)).astype(np.int64)
    whole = np.maximum(np.rint(exact / 1000).astype(np.int64), 1) * 1000
    is_weighed = np.array([unit.code in WEIGHED for unit in products.units])[records.product]
    sold = np.where(is_weighed, np.maximum(exact, 1), whole)
    sold[records.rule == RULES.index("zero_quantity")] = 0
    sold[records.rule == RULES.index("missing_quantity")] = MISSING
    return replace(records, thousandths=sold)


def _in_order(records: Records) -> Records:
    return records.take(np.lexsort((records.id, records.piece)))
