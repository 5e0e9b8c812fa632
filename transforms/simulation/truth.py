"""What is true of a world, known before any file of it is written.

Everything comes from the arrays of the simulated records; none of it goes through the text of a file.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa

from haiguan.transforms.simulation.contacts import proper_names
from haiguan.transforms.simulation.draws import Ids
from haiguan.transforms.simulation.editions import Piece, repeated_files, revision_of
from haiguan.transforms.simulation.firms import NOISE_CORRELATION, NOISE_SD, PLANTED_B, Firms
from haiguan.transforms.simulation.plan import EXPORT, IMPORT, Plan
from haiguan.transforms.simulation.records import Records, World, producers, product_codes
from haiguan.transforms.simulation.rules import NOT_LEGIBLE, REPEATED_BLOCK, REPEATED_FILE, RULES, SPECIAL_USE, UNMAPPED
from haiguan.transforms.simulation.texts import Text, decimal, where, words
from haiguan.transforms.simulation.vocabulary import OWNERSHIPS, PLACES, REGIMES, ZONES
from haiguan.transforms.simulation.wording import regime_told

DIRECTIONS = {IMPORT: "import", EXPORT: "export"}


def totals(plan: Plan) -> pd.DataFrame:
    """Records and value of the good records: year, direction, records, value_usd (text with two decimals)."""
    records = plan.records.sum(axis=1)
    rows = [
        (year, name, int(records[index, direction]), _dollars(int(plan.cents[index, direction])))
        for index, year in enumerate(plan.years)
        for direction, name in DIRECTIONS.items()
    ]
    return pd.DataFrame(rows, columns=["year", "direction", "records", "value_usd"])


def published_totals(year: int, declared: Declared) -> pd.DataFrame:
    """The same of a year's records that no rule holds back, those of repeated blocks included."""
    rows = [
        (year, name, int(records), _dollars(int(cents)))
        for name, (records, cents) in zip(DIRECTIONS.values(), declared.published, strict=True)
    ]
    return pd.DataFrame(rows, columns=["year", "direction", "records", "value_usd"])


def coefficients() -> dict[str, object]:
    """The planted regression of ln exports on ln imports with firm and year effects."""
    return {
        "equation": "ln_exports ~ ln_imports | firm_code + year",
        "term": "ln_imports",
        "value": PLANTED_B,
        "noise_sd": NOISE_SD,
        "noise_correlation_between_consecutive_years": NOISE_CORRELATION,
    }


def annual_flows(world: World, year: int, firms: Firms, records: Records) -> pa.Table:
    """The published records of a block of firms summed up by what a declaration can be told apart by.

    Returns:
        year, firm_code, product_code (eight digits), hs_revision, partner_code, regime, direction, unit_code; quantity,
        value_usd, declarations. Ordered by these.
    """
    good = records.take(records.is_published)
    products = world.products
    told, regimes = np.unique(np.array(regime_told(world.layout(year))), return_inverse=True)
    units, unit_codes = np.unique(np.array([unit.code for unit in products.units]), return_inverse=True)
    table = pa.table(
        {
            "firm": good.firm,
            "product": product_codes(world, revision_of(year), good),
            "partner": good.partner,
            "regime": regimes[good.regime],
            "direction": good.direction,
            "unit": unit_codes[good.product],
            "cents": good.cents,
            "thousandths": pa.array(good.thousandths, mask=good.thousandths < 0),
        }
    )
    keys = ["firm", "product", "partner", "regime", "direction", "unit"]
    sums = table.group_by(keys).aggregate([("cents", "sum"), ("thousandths", "sum"), ("cents", "count")])
    sums = sums.sort_by([(key, "ascending") for key in keys]).combine_chunks()
    column = {name: sums[name].combine_chunks() for name in sums.column_names}
    constant = pa.repeat
    return pa.table(
        {
            "year": constant(pa.scalar(year, pa.int32()), len(sums)),
            "firm_code": words(world.firm_codes(firms, year), column["firm"]),
            "product_code": words([f"{code:08d}" for code in column["product"].to_pylist()], np.arange(len(sums))),
            "hs_revision": constant(revision_of(year), len(sums)),
            "partner_code": words(world.partners.codes, column["partner"]),
            "regime": words(told.tolist(), column["regime"]),
            "direction": words([DIRECTIONS[IMPORT], DIRECTIONS[EXPORT]], column["direction"]),
            "unit_code": words(units.tolist(), column["unit"]),
            "quantity": decimals(column["thousandths_sum"], 3),
            "value_usd": decimals(column["cents_sum"], 2),
            "declarations": column["cents_count"],
        }
    )


def firm_years(world: World, year_index: int, firms: Firms) -> pa.Table:
    """The firms of a block that trade in a year: who and where they are, and what has just changed.

    Returns:
        year, firm (its number, the same in all years), firm_code, firm_name, place_code (four digits), zone, ownership,
        is_intermediary, is_renamed, has_moved, has_new_code, has_switched_regime (in this year), import_usd,
        export_usd.
    """
    year, draws = world.plan.years[year_index], world.plan.draws
    imports, exports = firms.import_cents[:, year_index], firms.export_cents[:, year_index]
    rows = np.flatnonzero((imports > 0) | (exports > 0))
    moves = firms.moves[rows] == year
    return pa.table(
        {
            "year": pa.repeat(pa.scalar(year, pa.int32()), len(rows)),
            "firm": firms.ids[rows],
            "firm_code": words(world.firm_codes(firms, year), rows),
            "firm_name": words(proper_names(draws, firms, year), rows),
            "place_code": words([place.code for place in PLACES], firms.places(year)[rows]),
            "zone": words([zone for zone, _ in ZONES], firms.zones(year)[rows]),
            "ownership": words([kind.labels[0] for kind in OWNERSHIPS], firms.ownerships(year)[rows]),
            "is_intermediary": firms.is_intermediary[rows],
            "is_renamed": firms.renamed[rows] == year,
            "has_moved": moves,
            "has_new_code": moves & firms.is_recoded[rows],
            "has_switched_regime": firms.switches[rows] == year,
            "import_usd": decimals(pa.array(imports[rows]), 2),
            "export_usd": decimals(pa.array(exports[rows]), 2),
        }
    )


def carried(world: World, year: int, firms: Firms, records: Records) -> pa.Table:
    """Whose goods the intermediaries of a block have declared: their published records summed up by producer.

    Returns:
        year, direction, firm and firm_code of the intermediary, producer (its number: for imports the firm that the
        goods were for), value_usd, declarations. Ordered by firm, producer and direction.
    """
    good = records.take(records.is_published & firms.is_intermediary[records.firm])
    table = pa.table(
        {
            "firm": good.firm,
            "producer": producers(world.plan, firms, good.firm, good.flow),
            "direction": good.direction,
            "cents": good.cents,
        }
    )
    keys = ["firm", "producer", "direction"]
    sums = table.group_by(keys).aggregate([("cents", "sum"), ("cents", "count")])
    sums = sums.sort_by([(key, "ascending") for key in keys]).combine_chunks()
    column = {name: sums[name].combine_chunks() for name in sums.column_names}
    return pa.table(
        {
            "year": pa.repeat(pa.scalar(year, pa.int32()), len(sums)),
            "direction": words([DIRECTIONS[IMPORT], DIRECTIONS[EXPORT]], column["direction"]),
            "firm": firms.ids[column["firm"].to_numpy()],
            "firm_code": words(world.firm_codes(firms, year), column["firm"]),
            "producer": column["producer"],
            "value_usd": decimals(column["cents_sum"], 2),
            "declarations": column["cents_count"],
        }
    )


@dataclass(frozen=True)
class Declared:
    """Sums over the declared records of a year, defective ones included where their amount can be told, each once.

    Attributes:
        by_month: months x directions x REGIMES, cents.
        by_product: products x partners x directions, cents, without what is told in chapters for special uses and
            monetary gold and coin, which statistics of trade leave out.
        published: directions x (records, cents), of all records that no rule holds back, repeated blocks included.
    """

    by_month: Ids
    by_product: Ids
    published: Ids

    @classmethod
    def nothing(cls, world: World) -> Declared:
        """Sums over no records."""
        shape = (len(world.products.units), len(world.partners.codes), len(DIRECTIONS))
        by_month = np.zeros((12, len(DIRECTIONS), len(REGIMES)), dtype=np.int64)
        return cls(by_month, np.zeros(shape, dtype=np.int64), np.zeros((len(DIRECTIONS), 2), dtype=np.int64))

    def add(self, records: Records) -> None:
        """Adds the records of a block."""
        good = records.take(records.is_published)
        np.add.at(self.published, good.direction, np.stack([np.ones_like(good.cents), good.cents], axis=1))
        uncounted = [RULES.index(rule) for rule in (*NOT_LEGIBLE, REPEATED_BLOCK)]
        legible = records.take(~np.isin(records.rule, uncounted))
        np.add.at(self.by_month, (legible.month - 1, legible.direction, legible.regime), legible.cents)
        usual = legible.take(~np.isin(legible.rule, [RULES.index(rule) for rule in (SPECIAL_USE, UNMAPPED)]))
        np.add.at(self.by_product, (usual.product, usual.partner, usual.direction), usual.cents)


def national_trade(world: World, year: int, declared: Declared) -> pd.DataFrame:
    """What a statistics office publishes of a year: year, month, direction, regime, value_usd."""
    told = regime_told(world.layout(year))
    rows = []
    for month in range(12):
        for direction, name in DIRECTIONS.items():
            for regime in sorted(set(told)):
                columns = [index for index, found in enumerate(told) if found == regime]
                cents = int(declared.by_month[month, direction, columns].sum())
                if cents:
                    rows.append((year, month + 1, name, regime, _dollars(cents)))
    return pd.DataFrame(rows, columns=["year", "month", "direction", "regime", "value_usd"])


def defects(pieces: tuple[Piece, ...], records: Records, lines: Ids) -> pa.Table:
    """Every planted defect and flag of one record: file (below the input's root), line, layout, rule, amount_usd.

    The amount is what the line's value field says, as text, where that is a plain number; null where the rule broke the
    value, and where the line cannot be split into fields.
    """
    rows = np.flatnonzero(records.rule >= 0)
    chosen = records.take(rows)
    is_hidden = np.isin(chosen.rule, [RULES.index(rule) for rule in NOT_LEGIBLE])
    amount = decimal(chosen.cents * 100 + chosen.fine, 4)
    return pa.table(
        {
            "file": words([path_of(piece) for piece in pieces], chosen.piece),
            "line": lines[rows],
            "layout": words([piece.layout.name for piece in pieces], chosen.piece),
            "rule": words(RULES, chosen.rule),
            "amount_usd": where(is_hidden, pa.nulls(len(rows), pa.string()), amount),
        }
    )


def planted_counts(planted: pd.DataFrame) -> pd.DataFrame:
    """Planted defects and flags by year, layout and rule: records, and amount_usd where it is known."""
    amounts = planted.assign(amount_usd=planted["amount_usd"].map(lambda text: Decimal(text or 0)))
    sums = amounts.groupby(["year", "layout", "rule"], as_index=False).agg(
        records=("rule", "size"), amount_usd=("amount_usd", "sum")
    )
    return sums.assign(amount_usd=sums["amount_usd"].map(str))


def path_of(piece: Piece) -> str:
    """Path of a file below the input's root; that of a file in an archive goes through the archive."""
    return f"{piece.archive}/{piece.path}" if piece.archive else piece.path


def first_line(piece: Piece) -> int:
    """The number of a file's first record: lines follow a heading, rows follow nothing."""
    return 2 if piece.is_text else 1


def repeated(pieces: tuple[Piece, ...]) -> list[tuple[str, str]]:
    """File and rule of each file that repeats another one."""
    return [(copy, REPEATED_FILE) for copy in repeated_files(pieces)]


def _dollars(cents: int) -> str:
    return f"{Decimal(cents) / 100:.2f}"


def decimals(units: Text, places: int) -> pa.Array:
    """Whole numbers of the last place as decimal(18, places)."""
    whole = units.cast(pa.decimal128(19, 0))
    return pa.Array.from_buffers(pa.decimal128(18, places), len(whole), whole.buffers(), whole.null_count)
