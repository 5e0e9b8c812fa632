"""Coded fields of customs declarations: from the labels of a layout to the codes of the schema."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

CODED_FIELDS = ("direction", "regime", "ownership", "unit", "partner")

UNKNOWN_LABEL_RULES: dict[str, str] = {
    f"unknown_{field}": f"is_readable AND {field}_text <> '' AND is_unknown_{field} AND NOT has_ignored_label"
    for field in CODED_FIELDS
}
"""Rule -> SQL condition: a label that no coding knows. A blank one is a record's fault, not an unknown label."""

LABEL_OF_RULE: dict[str, str] = {f"unknown_{field}": f"{field}_text" for field in CODED_FIELDS}
"""Rule -> the delivered field that holds the label."""

PERIOD_FORMATS = (
    "yyyyMM",
    "yyyyMMdd",
    "yyyy-MM",
    "yyyy-MM-dd",
    "yyyy/M/d",
    "yyyy",
    "yyMM",
    "dMMyyyy",
    "dd/MM/yyyy",
    "MM/dd/yyyy",
)
"""How a period may be written; years of two digits are those from 1970 to 2069."""

_PERIOD_PARTS = {
    "yyyy": "(?<year>[0-9]{4})",
    "yy": "(?<year>[0-9]{2})",
    "MM": "(?<month>0[1-9]|1[0-2])",
    "M": "(?<month>0?[1-9]|1[0-2])",
    "dd": "(?:0[1-9]|[12][0-9]|3[01])",
    "d": "(?:0?[1-9]|[12][0-9]|3[01])",
}
_PARTS = ("year", "month")
_NUMBERS = ("value_text", "quantity_text")
_LEADING_ZEROS = "^0+(?=[0-9]+$)"


def bare_label(label: str) -> str:
    """A label as it is looked up: a number without its leading zeros, which tables of numbers have lost."""
    return re.sub(_LEADING_ZEROS, "", label)


def coded(
    records: DataFrame, labels: DataFrame, layouts: DataFrame, ignored: Mapping[str, tuple[str, ...]]
) -> DataFrame:
    """The records with the codes of their labels and the properties of their layout.

    Adds direction, regime, ownership, unit and partner (null where the label is unknown), `is_unknown_<field>` for
    each, `has_ignored_label`, and what `described` adds.

    Args:
        records: with `layout`, `year`, `file_month` and a trimmed `<field>_text` for each coded field.
        labels: core_customs__labels.
        layouts: core_customs__layouts.
        ignored: field -> labels whose records are rejected on purpose.
    """
    by_year = _by_year(labels)
    known = described(records, layouts).drop("edition")
    looked_up = reduce(lambda frame, field: _looked_up(frame, by_year, field), CODED_FIELDS, known)
    return looked_up.withColumn("has_ignored_label", _is_ignored(ignored))


def described(records: DataFrame, layouts: DataFrame) -> DataFrame:
    """The records with the properties of their layout, numbers and periods read as it says.

    Adds record_year and month, is_month_refused and is_period_overruled, and the columns of core_customs__layouts that
    describe records. Numbers lose their thousands separators and get a decimal point.

    Args:
        records: with `layout`, `year`, `file_month`, period_text, value_text and quantity_text, trimmed and not null.
        layouts: core_customs__layouts.
    """
    return _dated(with_plain_numbers(records, layouts))


def with_plain_numbers(records: DataFrame, layouts: DataFrame, names: Sequence[str] = _NUMBERS) -> DataFrame:
    """The records with the properties of their layout, and trimmed numbers without separators and with a point."""
    joined = records.join(F.broadcast(_by_year(layouts)), ["layout", "year"], "left")
    return joined.withColumns({name: _plain_number(name) for name in names})


def _by_year(spans: DataFrame) -> DataFrame:
    """Rows for spans of years as rows for each year."""
    years = F.explode(F.sequence("first_year", "last_year"))
    return spans.withColumn("year", years).drop("first_year", "last_year")


def _looked_up(records: DataFrame, labels: DataFrame, field: str) -> DataFrame:
    of_field = labels.where(F.col("field") == field).select(
        "layout",
        "year",
        _bare(F.col("label")).alias(f"{field}_label"),
        F.col("code").alias(field),
        F.lit(False).alias(f"is_unknown_{field}"),
    )
    return (
        records.withColumn(f"{field}_label", _bare(F.col(f"{field}_text")))
        .join(F.broadcast(of_field), ["layout", "year", f"{field}_label"], "left")
        .withColumn(f"is_unknown_{field}", F.col(f"is_unknown_{field}").isNull())
    )


def _bare(label: Column) -> Column:
    """`bare_label` in Spark."""
    return F.when(label.startswith("0"), F.regexp_replace(label, _LEADING_ZEROS, "")).otherwise(label)


def _plain_number(name: str) -> Column:
    """A number without its layout's thousands separators, where they stand every three digits, and with a point."""
    text = F.col(name)
    decimal = F.col("decimal_separator")
    grouped = reduce(
        lambda chain, separator: chain.when(_is_grouped(text, separator), F.translate(text, separator, "")),
        (",", " ", "'"),
        F.when(_is_grouped(text, "."), F.translate(text, ".", "")),
    ).otherwise(text)
    # a point is no decimal comma: such a number must stay malformed
    return F.when(decimal == ",", F.translate(grouped, ",.", ".?")).otherwise(grouped)


def _is_grouped(text: Column, separator: str) -> Column:
    pattern = rf"^[0-9]{{1,3}}(?:\Q{separator}\E[0-9]{{3}})+(?:[.,][0-9]+)?$"
    return (F.col("thousands_separator") == separator) & text.rlike(pattern)


def _dated(records: DataFrame) -> DataFrame:
    """record_year and month by the layout's rule.

    The file's name holds where the layout says so, and the record where it does not; what disagrees is overruled, or
    refused where the layout has the two agree.
    """
    said = records.withColumns(
        {f"said_{part}": F.coalesce(*[_period_part(part, name) for name in PERIOD_FORMATS]) for part in _PARTS}
    )
    by_name = F.col("period_rule") == "file_name"
    has_other_month = F.coalesce(F.col("file_month") != F.col("said_month"), F.lit(False))
    is_no_such_year = by_name & (F.col("period_text") != "") & ~F.col("said_year").eqNullSafe(F.col("year"))
    is_other = has_other_month | is_no_such_year
    return said.withColumns(
        {
            "record_year": F.when(by_name, F.col("year")).otherwise(F.col("said_year")),
            "month": F.when(by_name, F.coalesce("file_month", "said_month")).otherwise(
                F.coalesce("said_month", "file_month")
            ),
            "is_month_refused": is_other & (F.col("period_rule") == "must_agree"),
            "is_period_overruled": is_other & (F.col("period_rule") != "must_agree"),
        }
    ).drop("said_year", "said_month")


def _period_part(part: str, name: str) -> Column:
    """Year or month of a period written in one of the formats; null where it is not."""
    pattern = re.sub("yyyy|yy|MM|M|dd|d", lambda found: _PERIOD_PARTS[found[0]], name)
    groups = re.findall(r"\(\?<(\w+)>", pattern)
    if part not in groups:
        return F.lit(None).cast("int")
    number = F.regexp_extract("period_text", f"^{pattern}$", groups.index(part) + 1).cast("int")
    century = F.when(number >= 70, number + 1900).otherwise(number + 2000)
    fits = F.array_contains("period_formats", name) & F.col("period_text").rlike(f"^{pattern}$")
    return F.when(fits, century if part == "year" and "yyyy" not in name else number)


def _is_ignored(ignored: Mapping[str, tuple[str, ...]]) -> Column:
    """Whether one of the labels is left out on purpose: in the settings, or by a null code in the layout."""
    listed = [F.col(f"{field}_text").isin(list(labels)) for field, labels in sorted(ignored.items()) if labels]
    coded_null = [~F.col(f"is_unknown_{field}") & F.col(field).isNull() for field in CODED_FIELDS]
    return reduce(lambda one, other: one | other, [*listed, *coded_null])
