"""Labels, periods and numbers as layouts write them."""

from __future__ import annotations

import pytest

from haiguan.transforms.customs.coding import CODED_FIELDS, PERIOD_FORMATS, bare_label, coded
from haiguan.transforms.schema import TABLES

# format, text, year, month
PERIODS = [
    ("yyyyMM", "200301", 2003, 1),
    ("yyyyMM", "200313", None, None),
    ("yyyyMMdd", "20031231", 2003, 12),
    ("yyyy-MM", "2003-07", 2003, 7),
    ("yyyy-MM-dd", "2003-07-31", 2003, 7),
    ("yyyy-MM-dd", "2003-07-32", None, None),
    ("yyyy/M/d", "2003/7/1", 2003, 7),
    ("yyyy", "2003", 2003, 1),
    ("yyMM", "0312", 2003, 12),
    ("yyMM", "9912", 1999, 12),
    ("dMMyyyy", "2012003", 2003, 1),
    ("dMMyyyy", "31122003", 2003, 12),
    ("dd/MM/yyyy", "07/12/2003", 2003, 12),
    ("MM/dd/yyyy", "07/12/2003", 2003, 7),
    ("yyyyMM", "2003-01", None, None),
]
# rule, text, year, month, refused, overruled; the file is of January 2003
RULES = [
    ("must_agree", "200301", 2003, 1, False, False),
    ("must_agree", "200302", 2003, 2, True, False),
    ("must_agree", "", None, 1, False, False),
    ("record", "200302", 2003, 2, False, True),
    ("file_name", "200301", 2003, 1, False, False),
    ("file_name", "200302", 2003, 1, False, True),
    ("file_name", "200401", 2003, 1, False, True),
    ("file_name", "spring", 2003, 1, False, True),
    ("file_name", "", 2003, 1, False, False),
]
# thousands separator, decimal separator, text, plain
NUMBERS = [
    (",", ".", "1,234,567.50", "1234567.50"),
    (",", ".", "12,34", "12,34"),
    (",", ".", "1234.5", "1234.5"),
    (None, ".", "1,234", "1,234"),
    (".", ",", "1.234,5", "1234.5"),
    (None, ",", "1234,5", "1234.5"),
    (None, ",", "1234.5", "1234?5"),
    (" ", ",", "1 234,5", "1234.5"),
    ("'", ".", "1'234.5", "1234.5"),
]
# year, label, code
REGIMES = [(2003, "0110", "ordinary"), (2003, "110", "ordinary"), (2003, "23", "lease"), (2004, "23", "border")]


@pytest.fixture(scope="module")
def found(spark) -> list:
    """One record per case, of layouts made for them, coded in one go."""

    def layout(name, formats=("yyyyMM",), rule="must_agree", thousands=None, decimal="."):
        start = (name, "e", 2003, 2004, "HS2002", list(formats), rule, 8, False)
        return (*start, None, "own", None, thousands, decimal)

    layouts = [
        *[layout(name, [name]) for name in PERIOD_FORMATS],
        *[layout(rule, rule=rule) for rule in ("must_agree", "record", "file_name")],
        *[layout(f"{one}{other}", thousands=one, decimal=other) for one, other in {row[:2] for row in NUMBERS}],
    ]
    labels = [
        ("must_agree", "regime", "0110", "ordinary", 2003, 2004),
        ("must_agree", "regime", "23", "lease", 2003, 2003),
        ("must_agree", "regime", "23", "border", 2004, 2004),
    ]
    blank = {f"{field}_text": "" for field in (*CODED_FIELDS, "value", "quantity", "period")}
    records = [
        *[{"layout": name, "period_text": text, "file_month": None} for name, text, _, _ in PERIODS],
        *[{"layout": rule, "period_text": text} for rule, text, *_ in RULES],
        *[{"layout": f"{one}{other}", "value_text": text} for one, other, text, _ in NUMBERS],
        *[{"layout": "must_agree", "year": year, "regime_text": label} for year, label, _ in REGIMES],
    ]
    schema = ", ".join(["id int", "layout string", "year int", "file_month int", *[f"{name} string" for name in blank]])
    frame = spark.createDataFrame(
        [{"id": n, "year": 2003, "file_month": 1, **blank, **record} for n, record in enumerate(records)], schema
    )
    tables = [
        spark.createDataFrame(rows, TABLES[name].ddl)
        for name, rows in (("core_customs__labels", labels), ("core_customs__layouts", layouts))
    ]
    return coded(frame, *tables, {}).orderBy("id").collect()


def test_periods_are_read_as_their_format_says(found):
    told = [(row.record_year, row.month) for row in found[: len(PERIODS)]]
    expected = [(year, None if name == "yyyy" else month) for name, _, year, month in PERIODS]
    assert told == expected


def test_the_rule_of_the_layout_says_which_month_holds(found):
    rows = found[len(PERIODS) : len(PERIODS) + len(RULES)]
    told = [(row.record_year, row.month, row.is_month_refused, row.is_period_overruled) for row in rows]
    assert told == [tuple(rule[2:]) for rule in RULES]


def test_numbers_lose_the_separators_that_their_layout_has_and_no_others(found):
    start = len(PERIODS) + len(RULES)
    assert [row.value_text for row in found[start : start + len(NUMBERS)]] == [row[-1] for row in NUMBERS]


def test_labels_hold_in_their_years_and_leading_zeros_do_not_count(found):
    assert [row.regime for row in found[-len(REGIMES) :]] == [code for _, _, code in REGIMES]


@pytest.mark.parametrize(
    ("label", "bare"), [("0110", "110"), ("000", "0"), ("0", "0"), ("04a", "04a"), ("进口", "进口")]
)
def test_bare_labels(label, bare):
    assert bare_label(label) == bare
