"""Customs records as facts: who traded what with whom for how much, and in which file the record stands.

The good records of one block of firms in one year, as arrays; `planting` adds what is wrong.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, fields, replace

import numpy as np

from haiguan.transforms.simulation.catalogue import UNMAPPED_CODES, Partners, Products
from haiguan.transforms.simulation.draws import Draws, Floats, Ids, pick
from haiguan.transforms.simulation.editions import SEASON, Edition, Layout, Piece, layout_of, pieces_of
from haiguan.transforms.simulation.firms import Firms, are_intermediaries, security_codes
from haiguan.transforms.simulation.plan import EXPORT, IMPORT, Plan, cell_weights, shares
from haiguan.transforms.simulation.rules import (
    IMPORT_FLAG,
    OUTLIER,
    REJECTING,
    RULES,
    SPECIAL_USE,
    UNMAPPED,
    planted_in_year,
)
from haiguan.transforms.simulation.vocabulary import PLACES, REGIMES, WEIGHED

# Of chapters that the HS Convention leaves to its contracting parties.
SPECIAL_CODES = (98010010, 98040000, 99000000, 99010090)
SUFFIXES = ("10", "90", "00", "20", "99", "11", "19", "30")
MISSING = -1
_ORDINARY = 0
_NEW_FLOW = 0.12  # chance that a record begins another flow: a flow has about five months
_SHARE_PASSING = 0.3  # flows that are of one year only
_SHARE_FINE = 0.15  # records told to a tenth of a cent or finer
_HALF_CENT = 50  # in ten-thousandths of a dollar
_SHARE_ORDINARY_OF_INTERMEDIARIES = 0.85
_CLIENTS, _ATTEMPTS = 12, 16  # firms that an intermediary trades for at most, draws until one is no intermediary


@dataclass(frozen=True)
class World:
    """All that the tasks which make a world's records need to know.

    Attributes:
        plan: firms and numbers of records.
        products: what is traded.
        partners: with whom.
        without: rules under which nothing is planted.
        edition: which files the records are told in.
    """

    plan: Plan
    products: Products
    partners: Partners
    without: Collection[str] = frozenset()
    edition: Edition = "archive"

    def pieces(self, year_index: int) -> tuple[Piece, ...]:
        """The files of a year, before any is repeated."""
        return pieces_of(self.plan.years[year_index], int(self.plan.records[year_index].sum()), self.edition)

    def layout(self, year: int) -> Layout:
        """The layout of a year's records; of two in one year that of the first months."""
        return layout_of(year, 1, self.edition)

    def firm_codes(self, firms: Firms, year: int) -> list[str]:
        """The code of each firm in the files of a year."""
        return security_codes(firms) if self.edition == "listed" else firms.codes(self.plan.draws, year)

    def planted(self, rule: str, year_index: int) -> int:
        """How many records of a year break a rule."""
        if rule in self.without:
            return 0
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


def product_codes(world: World, hs_revision: str, records: Records) -> Ids:
    """The eight digits of each record's product, as a number."""
    headings = np.array(world.products.codes[hs_revision]).astype(np.int64)
    codes = headings[records.product] * 100 + np.array(SUFFIXES).astype(np.int64)[records.suffix]
    for rule, others in ((SPECIAL_USE, SPECIAL_CODES), (UNMAPPED, _unmapped(hs_revision))):
        chosen = records.rule == RULES.index(rule)
        codes[chosen] = np.array(others)[records.variant[chosen] % len(others)]
    return codes


def _unmapped(hs_revision: str) -> tuple[int, ...]:
    """Codes of eight digits, as numbers, that are in no conversion table."""
    return tuple(int(code) * 100 for code in UNMAPPED_CODES.get(hs_revision, ("0",)))


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


def good_records(world: World, year_index: int, block: int, firms: Firms) -> Records:
    """The good records of a block of firms in a year, without flags and quantities, firm by firm."""
    draws, year = world.plan.draws, world.plan.years[year_index]
    cells = _cells(world.plan, year_index, block, firms)
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
    maker = producers(world.plan, firms, row, flow) * 2 + direction
    product, partner = _goods(world, firm, maker, flow, direction, cells.records[cell])
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
        suffix=(draws.uniform("suffix", flow) ** 2 * _suffixes_of(draws, product)).astype(np.int64),
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


def _suffixes_of(draws: Draws, product: Ids) -> Ids:
    """Into how many codes of eight digits each product falls."""
    return 1 + (draws.uniform("suffixes", product) ** 2 * len(SUFFIXES)).astype(np.int64)


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


def producers(plan: Plan, firms: Firms, row: Ids, flow: Ids) -> Ids:
    """The number of the firm whose goods each record carries, in or out.

    It is the firm's own, or where that is an intermediary, the one of a short list of others for which it trades; those
    are no intermediaries, and need not trade by themselves. A flow is of one of them.
    """
    number = firms.ids[row].copy()
    through = np.flatnonzero(firms.is_intermediary[row])
    slot = (plan.draws.uniform("client slot", flow[through]) ** 2 * _CLIENTS).astype(np.int64)
    intermediary = number[through]
    sought = np.arange(len(through))
    for attempt in range(_ATTEMPTS):
        drawn = plan.draws.below(plan.firms, "client", intermediary[sought], slot[sought] * _ATTEMPTS + attempt)
        number[through[sought]] = drawn
        sought = sought[are_intermediaries(plan.draws, drawn)]
    # In the smallest worlds there may be nobody else: the goods are then its own.
    number[through[sought]] = intermediary[sought]
    return number


def _goods(world: World, firm: Ids, maker: Ids, flow: Ids, direction: Ids, records: Ids) -> tuple[Ids, Ids]:
    """Product and partner of each flow: every firm has short lists of them, by direction.

    The products are from the list of the one whose goods they are, the partners from that of the firm that declares.
    """
    draws = world.plan.draws
    breadth = np.ceil(np.sqrt(1 + records * _NEW_FLOW)).astype(np.int64)
    product_slot = (draws.uniform("product slot", flow) ** 2 * breadth).astype(np.int64)
    partner_slot = (draws.uniform("partner slot", flow) ** 2 * breadth).astype(np.int64)
    product = (draws.uniform("product", maker, product_slot) ** 2 * len(world.products.units)).astype(np.int64)
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


def with_quantity(world: World, firms: Firms, records: Records) -> Records:
    """The records with their quantities: whole units of what is counted, kilograms and the like to the gram."""
    draws, products = world.plan.draws, world.products
    price = np.array(products.price_cents, dtype=np.float64)[records.product]
    quality = np.exp(draws.uniform("quality", firms.ids[records.firm]) - 0.5 + 0.2 * draws.normal("deal", records.id))
    exact = np.floor(records.cents * 1000 / (price * quality)).astype(np.int64)
    whole = np.maximum(np.rint(exact / 1000).astype(np.int64), 1) * 1000
    is_weighed = np.array([unit.code in WEIGHED for unit in products.units])[records.product]
    sold = np.where(is_weighed, np.maximum(exact, 1), whole)
    sold[records.rule == RULES.index("zero_quantity")] = 0
    sold[records.rule == RULES.index("missing_quantity")] = MISSING
    outlying = np.flatnonzero(records.rule == RULES.index(OUTLIER))
    larger = (records.variant[outlying] % 2 == 0) | (sold[outlying] < 1000)  # no file tells less than a thousandth
    sold[outlying] = np.where(larger, sold[outlying] * 1000, sold[outlying] // 1000)
    return replace(records, thousandths=sold)
