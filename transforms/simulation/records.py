"""Customs records as facts: who traded what with whom for how much, and where in the files the record stands.

One row per record, good or defective; what a defect does to the text comes later, in `lines`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.simulation.catalogue import Partners, Products
from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.editions import SEASON, edition_of
from haiguan.transforms.simulation.plan import EXPORT, IMPORT, Plan
from haiguan.transforms.simulation.rules import IMPORT_FLAG, QUANTITY_FLAGS
from haiguan.transforms.simulation.vocabulary import (
    ENGLISH_NAMES,
    INTERMEDIARY_FORMS,
    INTERMEDIARY_TRADES,
    LEGAL_FORMS,
    OWNERSHIPS,
    PLACES,
    REGIMES,
    ROADS,
    SYLLABLES,
    TRADES,
    ZONES,
)

RECORD = (
    "rule variant year month is_numeric hs_revision file_index file line direction firm_code is_lower_case firm_name "
    "address place zone ownership product product_code partner regime cents fine thousandths chance"
).split()

_SEPARATOR = "\t"
_SUFFIXES = ("10", "90", "00", "20", "99", "11", "19", "30")
_SHARE_INTERMEDIARY = 0.12
_SHARE_ENGLISH = 0.02
_SHARE_LETTERED = 0.1  # firms whose serial has letters; all have beyond 9,999 of a kind
_SHARE_FINE = 0.15  # records told to a tenth of a cent or finer
_HALF_CENT = 50  # in ten-thousandths of a dollar


def simulate_records(cells: DataFrame, plan: Plan, products: Products, partners: Partners, draws: Draws) -> DataFrame:
    """All customs records of a world.

    Args:
        cells: `plan.cells` as a Spark frame.
        plan: the layout of the world.
        products: what is traded.
        partners: with whom.
        draws: the random numbers.

    Returns:
        One row per record, in the columns of RECORD: rule (null: nothing is wrong) and variant; where it stands; what
        is traded, with product, partner, regime, place, zone and ownership by their index; cents, fine
        (ten-thousandths of a dollar that rounding takes away), thousandths (of the unit; null where missing); the
        draw `chance` for choices of wording.
    """
    numbered = _with_flags(_numbered(cells, plan, draws), plan, draws)
    placed = _placed(numbered, plan, draws)
    traded = _with_goods(_with_amount(placed, draws), plan, products, partners, draws)
    return _with_firm(traded, draws).select(*RECORD)


def lookup(values: Sequence[str] | Sequence[int] | Sequence[bool], index: Column) -> Column:
    """The value at an index that counts from 0.

    The values reach Spark as one text, which it splits once when it plans: a literal for each of them would have to be
    carried through every rule of the planner.
    """
    kind = {str: "string", int: "bigint", bool: "boolean"}[type(values[0])]
    words = F.split(F.lit(_SEPARATOR.join(map(str, values))), _SEPARATOR, -1)
    return F.get(words.cast(f"array<{kind}>"), index.cast("int"))


def _below(uniform: Column, number: Column | int) -> Column:
    """A whole number from 0 to below `number`."""
    return F.floor(uniform * number)


def _skewed(uniform: Column) -> Column:
    """A draw that favours what comes first."""
    return uniform * uniform


def _numbered(cells: DataFrame, plan: Plan, draws: Draws) -> DataFrame:
    """One row per record, with its number in the cell, in the world (first + number) and in the year."""
    number = F.explode(F.sequence(F.lit(0).cast("bigint"), F.col("records") - 1))
    record = F.col("cell"), F.col("number")
    return cells.select("*", number.alias("number")).select(
        "*",
        (F.col("first") + F.col("number")).alias("good_number"),
        draws.column("chance", *record).alias("chance"),
        lookup(plan.years, F.col("year_index")).alias("year"),
    )


def _with_flags(records: DataFrame, plan: Plan, draws: Draws) -> DataFrame:
    """Puts the flags on exactly so many good records each, never two on one.

    The numbers of the good records are cut into as many blocks as a flag has records, and one record of each block is
    drawn among those whose number leaves the flag's remainder modulo the number of flags.
    """
    flags = (*QUANTITY_FLAGS, IMPORT_FLAG)
    ends = (plan.good_records,) * len(QUANTITY_FLAGS) + (plan.imports,)
    rule = F.col("rule")
    for remainder, (flag, end) in enumerate(zip(flags, ends, strict=True)):
        drawn = _drawn_number(F.col("good_number"), end // plan.flagged, remainder, len(flags), draws, flag)
        is_flagged = F.col("good_number").between(0, end // plan.flagged * plan.flagged - 1) & (
            F.col("good_number") == drawn
        )
        rule = F.when(is_flagged, flag).otherwise(rule)
    return records.withColumn("rule", rule)


def _drawn_number(number: Column, block: int, remainder: int, modulus: int, draws: Draws, name: str) -> Column:
    start = number - number % block
    step = _below(draws.column(name, start), (block - modulus + 1) // modulus)
    return start + F.pmod(F.lit(remainder) - start, F.lit(modulus)) + step * modulus


def _placed(records: DataFrame, plan: Plan, draws: Draws) -> DataFrame:
    """File, line and month of each record."""
    year = F.col("year_index")
    start, multiplier, shift, size = (
        lookup([getattr(permutation, name) for permutation in plan.permutations], year)
        for name in ("start", "multiplier", "shift", "size")
    )
    position = start + (multiplier * (F.col("first_in_year") + F.col("number")) + shift) % size
    months = [file.piece if file.edition.is_monthly else 0 for file in plan.files]
    drawn = reduce(
        lambda chain, month: chain.when(F.col("chance") < sum(SEASON[:month]) / sum(SEASON), month),
        range(2, 13),
        F.when(F.col("chance") < SEASON[0] / sum(SEASON), 1),
    )
    month_of_file = lookup(months, F.col("file_index"))
    editions = [edition_of(year) for year in plan.years]
    return (
        records.withColumn("position", position)
        .withColumn("file_index", _file_index([file.end for file in plan.files]))
        .select(
            "*",
            lookup([file.path for file in plan.files], F.col("file_index")).alias("file"),
            (F.col("position") - lookup([file.start for file in plan.files], F.col("file_index")) + 2).alias("line"),
            F.when(month_of_file > 0, month_of_file).otherwise(drawn).alias("month"),
            lookup([edition.is_numeric for edition in editions], year).alias("is_numeric"),
            lookup([edition.hs_revision for edition in editions], year).alias("hs_revision"),
        )
    )


def _file_index(ends: list[int]) -> Column:
    first, *others = range(len(ends))
    chain = F.when(F.col("position") < ends[first], first)
    return reduce(lambda so_far, index: so_far.when(F.col("position") < ends[index], index), others, chain)


def _with_amount(records: DataFrame, draws: Draws) -> DataFrame:
    """Cents of each record, which add up to the total of its cell, and what rounding takes away from the text.

    The total is cut at jittered cubes of an even grid, so that a few records carry most of it; each keeps at least a
    cent. Half cents only go where rounding half to even takes them back.
    """
    number, count = F.col("number"), F.col("records")
    spare = F.col("total_cents") - count
    cents = F.floor(spare * _cut(number + 1, count, draws)) - F.floor(spare * _cut(number, count, draws)) + 1
    fine_draw = draws.column("fine", F.col("cell"), number)
    fine = _below(fine_draw / _SHARE_FINE, 2 * _HALF_CENT + 1) - _HALF_CENT
    is_taken_back = (F.abs(fine) < _HALF_CENT) | (F.col("cents") % 2 == 0)
    return records.withColumn("cents", cents).withColumn(
        "fine", F.when((fine_draw < _SHARE_FINE) & is_taken_back, fine).otherwise(F.lit(0).cast("bigint"))
    )


def _cut(number: Column, count: Column, draws: Draws) -> Column:
    jittered = (number + draws.column("cut", F.col("cell"), number) - 0.5) / count
    return F.when(number == 0, 0.0).when(number == count, 1.0).otherwise(jittered * jittered * jittered)


def _with_goods(records: DataFrame, plan: Plan, products: Products, partners: Partners, draws: Draws) -> DataFrame:
    """Product, partner, regime and quantity: each firm has its own short lists of them, by direction."""
    record, firm = (F.col("cell"), F.col("number")), (F.col("firm"), F.col("direction"))
    breadth = F.ceil(F.sqrt(F.col("records")))
    product_slot, partner_slot = (
        _below(_skewed(draws.column(name, *record)), breadth) for name in ("product_slot", "partner_slot")
    )
    product = _below(_skewed(draws.column("product", *firm, product_slot)), len(products.units))
    foreign = _below(_skewed(_skewed(draws.column("partner", *firm, partner_slot))), len(partners.codes) - 1)
    regime_slot = _below(draws.column("regime", *record) * draws.column("regimes", *firm), 3)
    return records.select(
        "*",
        product.alias("product"),
        F.when(F.col("rule") == IMPORT_FLAG, len(partners.codes) - 1).otherwise(foreign).alias("partner"),
        _regime(draws.column("regime_of_firm", *firm, regime_slot)).alias("regime"),
        _below(draws.column("suffix", *firm, product_slot), len(_SUFFIXES)).alias("suffix"),
    ).select(
        "*",
        F.concat(_code(plan, products), lookup(_SUFFIXES, F.col("suffix"))).alias("product_code"),
        _thousandths(products, draws).alias("thousandths"),
    )


def _code(plan: Plan, products: Products) -> Column:
    revisions = sorted({edition_of(year).hs_revision for year in plan.years})
    return F.coalesce(
        *(
            F.when(F.col("hs_revision") == revision, lookup(products.codes[revision], F.col("product")))
            for revision in revisions
        )
    )


def _thousandths(products: Products, draws: Draws) -> Column:
    """Quantity in thousandths of its unit: whole units of what is counted, kilograms and the like to the gram."""
    cents, price = F.col("cents"), lookup(products.price_cents, F.col("product"))
    is_weighed = lookup([unit.code in ("kilogram", "tonne", "litre") for unit in products.units], F.col("product"))
    quality = F.exp(draws.column("quality", F.col("firm")) - 0.5)
    exact = F.floor(cents * 1000 / (price * quality))
    whole = F.greatest(F.round(exact / 1000).cast("bigint"), F.lit(1)) * 1000
    sold = F.when(is_weighed, F.greatest(exact, F.lit(1))).otherwise(whole)
    return (
        F.when(F.col("rule") == "zero_quantity", 0)
        .when(F.col("rule") != "missing_quantity", sold)
        .when(F.col("rule").isNull(), sold)
    )


def _regime(uniform: Column) -> Column:
    return F.when(F.col("direction") == EXPORT, _weighted(uniform, [regime.export_weight for regime in REGIMES])).when(
        F.col("direction") == IMPORT, _weighted(uniform, [regime.import_weight for regime in REGIMES])
    )


def _weighted(uniform: Column, weights: list[float]) -> Column:
    ends = [sum(weights[: index + 1]) / sum(weights) for index in range(len(weights))]
    last = len(weights) - 1
    chain = F.when(uniform < ends[0], 0)
    return reduce(lambda so_far, index: so_far.when(uniform < ends[index], index), range(1, last), chain).otherwise(
        last
    )


def _with_firm(records: DataFrame, draws: Draws) -> DataFrame:
    """Code, name and address of the firm."""
    serial = F.col("serial")
    lettered = F.concat(
        F.char(F.lit(65) + serial.cast("int") / F.lit(46_656)),
        F.lpad(F.conv((serial % 46_656).cast("string"), 10, 36), 3, "0"),
    )
    in_digits = (draws.column("lettered", F.col("firm")) >= _SHARE_LETTERED) & (serial < 10_000)
    code = F.concat(
        lookup([place.code for place in PLACES], F.col("place")),
        lookup([zone for zone, _ in ZONES], F.col("zone")),
        lookup([ownership.digit for ownership in OWNERSHIPS], F.col("ownership")),
        F.when(in_digits, F.lpad(serial.cast("string"), 4, "0")).otherwise(lettered),
    )
    return records.select(
        "*",
        code.alias("firm_code"),
        (draws.column("case", F.col("cell"), F.col("number")) < 0.2).alias("is_lower_case"),
        _firm_name(draws).alias("firm_name"),
        _address(draws).alias("address"),
    )


def _firm_name(draws: Draws) -> Column:
    firm = F.col("firm")

    def word(name: str, words: Sequence[str]) -> Column:
        return lookup(words, _below(draws.column(name, firm), len(words)))

    core = F.concat(word("syllable_1", SYLLABLES), word("syllable_2", SYLLABLES))
    place = lookup([place.name for place in PLACES], F.col("place"))
    is_intermediary = draws.column("intermediary", firm) < _SHARE_INTERMEDIARY
    business = F.when(
        is_intermediary, F.concat(word("trade", INTERMEDIARY_TRADES), word("form", INTERMEDIARY_FORMS))
    ).otherwise(F.concat(word("trade", TRADES), word("form", LEGAL_FORMS)))
    style = draws.column("style", firm)
    return (
        F.when(style < _SHARE_ENGLISH, word("english", ENGLISH_NAMES))
        .when(style < 0.15, F.concat(core, F.lit("（"), place, F.lit("）"), business))
        .otherwise(F.concat(place, F.when(style < 0.6, "市").otherwise(""), core, business))
    )


def _address(draws: Draws) -> Column:
    firm = F.col("firm")
    return F.concat(
        lookup([place.name for place in PLACES], F.col("place")),
        F.lit("市"),
        lookup(ROADS, _below(draws.column("road", firm), len(ROADS))),
        (_below(draws.column("house", firm), 900) + 1).cast("string"),
        F.lit("号"),
    )
