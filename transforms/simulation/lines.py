"""Customs records as the lines of their files: the wording of each edition, and what a defect does to it."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from haiguan.transforms.simulation.catalogue import Partners, Products
from haiguan.transforms.simulation.editions import CustomsFile, edition_of
from haiguan.transforms.simulation.plan import EXPORT, Plan
from haiguan.transforms.simulation.records import lookup
from haiguan.transforms.simulation.vocabulary import OWNERSHIPS, PLACES, REGIMES, ZONES

ENCODING = "GB18030"
# The fields of both editions, in the order of their headings; the yearly edition has those of _YEARLY_ONLY too.
_SHARED = "period direction firm_code firm_name ownership product partner value quantity unit regime".split()
_YEARLY_ONLY = "address district office transit".split()
# Bytes that no GB18030 text holds: a byte beyond the range of leading bytes, and a leading byte that nothing follows.
_BROKEN_INSIDE = ("FF", "FFFE")
_BROKEN_END = "B9"


def customs_lines(records: DataFrame, plan: Plan, products: Products, partners: Partners) -> DataFrame:
    """The lines of all customs files, headings not included.

    Args:
        records: what `simulate_records` returned.
        plan: the layout of the world.
        products: what is traded.
        partners: with whom.

    Returns:
        file_index, line, text: the bytes of the line in GB18030, as a string that Spark's text writer writes as is.
    """
    fields = _broken_fields(_fields(records, products, partners), plan, products)
    return fields.select("file_index", "line", _line().cast("string").alias("text"))


def heading_line(file: CustomsFile) -> bytes:
    """The first line of a file, without its line break."""
    return ",".join(file.edition.headings).encode("gb18030")


def value_text(cents: Column, fine: Column) -> Column:
    """Dollars as plain digits with as many decimals as needed."""
    units = cents * 100 + fine
    text = F.concat(F.floor(units / 10_000).cast("string"), F.lit("."), F.lpad((units % 10_000).cast("string"), 4, "0"))
    return _trimmed(text)


def _trimmed(decimal: Column) -> Column:
    return F.regexp_replace(decimal, r"\.?0+$", "")


def _fields(records: DataFrame, products: Products, partners: Partners) -> DataFrame:
    """The text of every field, as it would be without a defect."""
    is_numeric, chance = F.col("is_numeric"), F.col("chance")
    is_export = F.col("direction") == EXPORT
    labels = [label for names in partners.labels for label in names]
    counts = [len(names) for names in partners.labels]
    first_label = [sum(counts[:index]) for index in range(len(counts))]
    partner_label = lookup(
        labels, lookup(first_label, F.col("partner")) + F.floor(chance * chance * lookup(counts, F.col("partner")))
    )
    customs_code = lookup(partners.customs_codes, F.col("partner"))
    quantity = F.concat(
        F.floor(F.col("thousandths") / 1000).cast("string"),
        F.lit("."),
        F.lpad((F.col("thousandths") % 1000).cast("string"), 3, "0"),
    )
    is_usual = chance < 0.8
    return records.select(
        "file_index",
        "line",
        "rule",
        "variant",
        "is_numeric",
        "hs_revision",
        "year",
        "month",
        (F.col("year") * 100 + F.col("month")).cast("string").alias("period"),
        F.when(is_numeric, F.when(is_export, "0").otherwise("1"))
        .otherwise(F.when(is_export, "出口").otherwise("进口"))
        .alias("direction"),
        F.when(F.col("is_lower_case"), F.lower("firm_code")).otherwise(F.col("firm_code")).alias("firm_code"),
        "firm_name",
        F.when(is_usual, lookup([kind.labels[0] for kind in OWNERSHIPS], F.col("ownership")))
        .otherwise(lookup([kind.labels[1] for kind in OWNERSHIPS], F.col("ownership")))
        .alias("ownership"),
        _numbered(F.col("product_code"), is_numeric).alias("product"),
        F.when(is_numeric, customs_code).otherwise(partner_label).alias("partner"),
        value_text(F.col("cents"), F.col("fine")).alias("value"),
        F.coalesce(_trimmed(quantity), F.lit("")).alias("quantity"),
        F.when(is_usual, lookup([unit.labels[0] for unit in products.units], F.col("product")))
        .otherwise(lookup([unit.labels[1] for unit in products.units], F.col("product")))
        .alias("unit"),
        F.when(is_numeric, lookup([regime.code for regime in REGIMES], F.col("regime")))
        .otherwise(lookup([regime.label for regime in REGIMES], F.col("regime")))
        .alias("regime"),
        "address",
        F.concat(
            lookup([place.code for place in PLACES], F.col("place")), lookup([zone for zone, _ in ZONES], F.col("zone"))
        ).alias("district"),
        lookup([place.office for place in PLACES], F.col("place")).alias("office"),
        F.when(chance < 0.25, "110").otherwise(customs_code).alias("transit"),
    )


def _numbered(code: Column, is_numeric: Column) -> Column:
    """A code that went through a column of numbers has lost its leading zeros."""
    return F.when(is_numeric, code.cast("bigint").cast("string")).otherwise(code)


def _broken_fields(fields: DataFrame, plan: Plan, products: Products) -> DataFrame:
    """Each field as delivered: where a rule breaks it, what stands there instead."""
    period, code, product = F.col("period"), F.col("firm_code"), F.col("product")
    value, quantity = F.col("value"), F.col("quantity")
    month = F.lpad(F.col("month").cast("string"), 2, "0")
    numeric = F.col("is_numeric")
    broken = {
        "period": _broken(
            F.when(
                F.col("rule") == "year_mismatch",
                F.concat((F.col("year") + F.when(F.col("variant") % 2 == 0, -1).otherwise(1)).cast("string"), month),
            ).otherwise(period),
            "malformed_period",
            F.concat(F.col("year").cast("string"), F.lit("13")),
            F.substring(period, 1, 5),
            F.lit("不详"),
        ),
        "direction": _broken(F.col("direction"), "blank_direction", F.lit(""), F.lit(" ")),
        "firm_code": _broken(
            code,
            "malformed_firm_code",
            F.substring(code, 1, 9),
            F.concat(code, F.lit("1")),
            F.concat(F.substring(code, 1, 5), F.lit("-"), F.substring(code, 6, 4)),
            F.lit("无"),
            F.lit(""),
        ),
        "product": _broken(
            _broken(product, "unknown_product", F.lit("77010000"), *_strangers(plan, products)),
            "malformed_product",
            F.concat(F.substring(product, 1, 4), F.lit("AB"), F.substring(product, 7, 2)),
            F.concat(F.rpad(product, 8, "0"), F.lit("1")),
            F.when(numeric, F.lit("无")).otherwise(F.substring(product, 1, 7)),
        ),
        "partner": _broken(F.col("partner"), "blank_partner", F.lit(""), F.lit(" ")),
        "value": _broken(
            value, "malformed_value", F.lit("暂无"), F.lit("1,234.5"), F.lit("1.2e6"), F.concat(F.lit("-"), value)
        ),
        "quantity": _broken(
            quantity,
            "malformed_quantity",
            F.lit("若干"),
            F.lit("1,000"),
            F.lit("1.5e3"),
            F.concat(F.lit("-"), quantity),
        ),
        "regime": _broken(F.col("regime"), "blank_regime", F.lit(""), F.lit(" ")),
    }
    return fields.withColumns(broken)


def _broken(sound: Column, rule: str, *variants: Column) -> Column:
    """The field, and in records under the rule one of its variants in turn."""
    chosen = F.get(F.array(*variants), F.col("variant") % len(variants))
    return F.when(F.col("rule") == rule, chosen).otherwise(sound)


def _strangers(plan: Plan, products: Products) -> list[Column]:
    """A code of another revision that the record's own does not have, where the code tables hold one."""
    revisions = sorted({edition_of(year).hs_revision for year in plan.years})
    last = [
        F.when(F.col("hs_revision") == revision, F.concat(F.lit(products.strangers[revision][-1]), F.lit("00")))
        for revision in revisions
        if products.strangers[revision]
    ]
    return [_numbered(F.coalesce(*last, F.lit("77020000")), F.col("is_numeric"))] if last else []


def _line() -> Column:
    """The bytes of the whole line."""
    rule, variant = F.col("rule"), F.col("variant")
    texts = {name: _quoted(F.col(name)) for name in _SHARED} | {
        name: F.when(F.col("is_numeric"), _quoted(F.col(name))) for name in _YEARLY_ONLY
    }
    fields = list(texts.values())
    name_at = list(texts).index("firm_name")
    before, name, after = fields[:name_at], fields[name_at], fields[name_at + 1 :]
    cut_short = F.concat_ws(",", *fields[:8])
    with_stray_field = F.concat_ws(",", *before, F.lit("经营"), name, *after)
    text = (
        F.when((rule == "unsplittable_line") & (variant % 2 == 0), cut_short)
        .when(rule == "unsplittable_line", with_stray_field)
        .otherwise(F.concat_ws(",", *fields))
    )
    return F.when(rule == "undecodable_line", _undecodable(before, name, after)).otherwise(F.encode(text, ENCODING))


def _undecodable(before: list[Column], name: Column, after: list[Column]) -> Column:
    """A line with bytes in the firm's name that stand for nothing: after its third character, or at its end."""
    kinds = [F.unhex(F.lit(code)) for code in (*_BROKEN_INSIDE, _BROKEN_END)]
    kind = F.col("variant") % len(kinds)
    at = F.when(kind == len(kinds) - 1, F.length(name)).otherwise(F.lit(3))
    head = F.concat_ws(",", *before, F.substring(name, F.lit(1), at))
    tail = F.concat(F.substring(name, at + 1, F.length(name)), F.lit(","), F.concat_ws(",", *after))
    return F.concat(F.encode(head, ENCODING), F.get(F.array(*kinds), kind), F.encode(tail, ENCODING))


def _quoted(field: Column) -> Column:
    return F.when(F.contains(field, F.lit(",")), F.concat(F.lit('"'), field, F.lit('"'))).otherwise(field)
