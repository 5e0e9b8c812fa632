"""Annual flows: records summed up by key in one HS revision, and not a cent lost."""

from __future__ import annotations

from decimal import Decimal

import pandas as pd
import pytest
from products_tables import harmonise, links, together

from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.flows import core_customs__annual_flows
from haiguan.transforms.errors import InputError
from haiguan.transforms.products.concordance import core_products__concordance
from haiguan.transforms.products.families import core_products__families
from haiguan.transforms.products.national_codes import read_changes
from haiguan.transforms.products.published import LINKS
from haiguan.transforms.schema import TABLES

CODES = {"HS1996": ("010101", "010102"), "HS2002": ("010101", "010109", "010110")}
CONVERSION = """
    HS2002 010101 HS1996 010101
    HS2002 010110 HS1996 010101
"""
WEIGHTS = """
    HS2002 010101 HS1996 010101 1
    HS2002 010110 HS1996 010101 0.25
    HS2002 010110 HS1996 010102 0.75
"""
#          month firm  revision product  partner regime      unit        quantity value
RECORDS = """
           1     A     HS2002   01010110 USA     ordinary    kilogram    5        100.10
           2     A     HS2002   01011020 USA     ordinary    kilogram    7        0.01
           2     A     HS2002   01010110 USA     ordinary    piece       7        2.00
           3     A     HS2002   01010110 DEU     ordinary    kilogram    -        3.00
           4     A     HS2002   01011030 DEU     ordinary    kilogram    2        4.00
           5     B     HS1996   01010111 USA     border      kilogram    1        99999999999.99
           6     B     HS2002   01010999 USA     border      kilogram    1        7.77
"""
NO_CHANGES = pd.DataFrame(columns=LINKS)
CHANGES = """
    2003 01010110 2004 01010111
    2003 01011020 2004 01011025 0.25
    2003 01011020 2004 01011026 0.75
"""
EIGHT_DIGITS = """
    2003 01010110 1.00
    2003 01011020 3.00
    2004 01010111 2.00
    2004 01011025 4.00
    2004 01011026 8.00
    2004 01010110 16.00
    2004 02011000 32.00
"""


@pytest.fixture(scope="module")
def tables(spark):
    """concordance, codes and families."""
    codes = spark.createDataFrame(
        [(revision, code, None) for revision, listed in CODES.items() for code in listed],
        TABLES["core_products__codes"].ddl,
    )
    made = core_products__concordance(together(links(CONVERSION, "conversion"), links(WEIGHTS, "weights")))
    family = core_products__families(made, codes.toPandas().iloc[:0], harmonise=harmonise())
    concordance = spark.createDataFrame(made, TABLES["core_products__concordance"].ddl)
    return concordance, codes, spark.createDataFrame(family, TABLES["core_products__families"].ddl)


@pytest.fixture(scope="module")
def flows_of(tables, value):
    """The flows of declarations by the tables above, and by changes of codes of eight digits where they are given."""

    def make(declarations, harmonised, changes=NO_CHANGES, value=value):
        return core_customs__annual_flows(declarations, *tables, changes, harmonise=harmonised, value=value)

    return make


@pytest.fixture(scope="module")
def declarations(spark):
    rows = []
    names = "month firm_code hs_revision product_code partner_code regime unit_code quantity value_usd".split()
    for words in map(str.split, RECORDS.strip().splitlines()):
        record = dict(zip(names, words, strict=True))
        record["quantity"] = None if record["quantity"] == "-" else Decimal(record["quantity"])
        rule = "annual" if record["month"] in ("1", "4") else "monthly"
        fixed = {"year": 2003, "direction": "export", "exchange_rate_rule": rule}
        rows.append({**record, "value_usd": Decimal(record["value_usd"]), **fixed})
    columns = [
        *[f"{name} string" for name in names[:-2]],
        "quantity decimal(18,3), value_usd decimal(18,2), year int, direction string, exchange_rate_rule string",
    ]
    return spark.createDataFrame(rows, ", ".join(columns))


def _found(outcome):
    """Flows and flows in quarantine: firm, product, partner, unit -> quantity, value, declarations, and what else."""
    return [
        {
            (row.firm_code, row.product_code, row.partner_code, row.unit_code): (
                None if row.quantity is None else str(row.quantity),
                str(row.value_usd),
                row.declarations,
                row[last],
            )
            for row in frame.collect()
        }
        for frame, last in ((outcome.table, "is_apportioned"), (outcome.quarantine, "nearest_codes"))
    ]


UNKNOWN = {("B", "01010999", "USA", "kilogram"): ("1.000", "7.77", 1, ["010101", "010110"])}


def test_conversion_sums_up_what_becomes_one_code(declarations, flows_of):
    flows, rejected = _found(flows_of(declarations.repartition(5), harmonise()))
    assert flows == {
        ("A", "010101", "USA", "kilogram"): ("12.000", "100.11", 2, False),
        ("A", "010101", "USA", "piece"): ("7.000", "2.00", 1, False),  # units are never mixed
        ("A", "010101", "DEU", "kilogram"): (None, "7.00", 2, False),  # one record has no quantity
        ("B", "010101", "USA", "kilogram"): ("1.000", "99999999999.99", 1, False),
    }
    assert rejected == UNKNOWN


def test_weights_split_value_and_quantity_and_say_so(declarations, flows_of):
    settings = harmonise(method="weights")
    flows, rejected = _found(flows_of(declarations.repartition(3), settings))
    assert flows == {
        ("A", "010101", "USA", "kilogram"): ("6.750", "100.10", 2, True),
        ("A", "010102", "USA", "kilogram"): ("5.250", "0.01", 1, True),  # a cent goes where most of it belongs
        ("A", "010101", "USA", "piece"): ("7.000", "2.00", 1, False),
        ("A", "010101", "DEU", "kilogram"): (None, "4.00", 2, True),
        ("A", "010102", "DEU", "kilogram"): ("1.500", "3.00", 1, True),
        ("B", "010101", "USA", "kilogram"): ("1.000", "99999999999.99", 1, False),
    }
    assert rejected == UNKNOWN


def test_families_give_the_codes_of_a_family_one_synthetic_code(declarations, flows_of):
    flows, rejected = _found(flows_of(declarations, harmonise(method="families")))
    assert {key[1] for key in flows} == {"F96010101"}
    assert flows["A", "F96010101", "USA", "kilogram"] == ("12.000", "100.11", 2, False)
    assert rejected == UNKNOWN


def test_a_cut_off_refuses_large_families(declarations, flows_of):
    settings = harmonise(method="families", family_codes_at_most=1)
    outcome = flows_of(declarations, settings)
    assert outcome.table.count() == 0
    rules = {row.product_code: row.rules for row in outcome.quarantine.collect()}
    assert rules == {
        code: ["unmapped_code" if code == "01010999" else "large_family"]
        for code in ("01010110", "01011020", "01011030", "01010111", "01010999")
    }


def test_codes_stay_as_reported_where_no_revision_is_named(declarations, flows_of):
    flows, rejected = _found(flows_of(declarations, harmonise(to=None)))
    assert flows["A", "01011020", "USA", "kilogram"] == ("7.000", "0.01", 1, False)
    assert len(flows) == 7
    assert rejected == {}


def test_flows_say_how_they_are_valued_and_converted_and_are_no_more_for_it(declarations, flows_of, value):
    flows = flows_of(declarations, harmonise()).table.collect()
    assert [(row.valuation, row.exchange_rate_rule) for row in flows] == [("FOB", "none")] * 4


@pytest.mark.parametrize("method", ["conversion", "weights"])
def test_of_another_currency_flows_say_whether_all_rates_were_of_the_month(declarations, flows_of, method):
    pesos = ValueSettings(currency="CLP", exchange_rate="monthly", valuation={"export": "CIF", "import": "FOB"})
    outcome = flows_of(declarations, harmonise(method=method), value=pesos)
    names = "firm_code product_code partner_code unit_code valuation exchange_rate_rule".split()
    found = {tuple(row) for row in outcome.table.select(*names).collect()}
    assert found == {
        ("A", "010101", "USA", "kilogram", "CIF", "mixed"),
        ("A", "010101", "USA", "piece", "CIF", "monthly"),
        ("A", "010101", "DEU", "kilogram", "CIF", "mixed"),
        ("B", "010101", "USA", "kilogram", "CIF", "monthly"),
        *(
            {
                ("A", "010102", "USA", "kilogram", "CIF", "monthly"),
                ("A", "010102", "DEU", "kilogram", "CIF", "annual"),
            }
            if method == "weights"
            else set()
        ),
    }
    (rejected,) = outcome.quarantine.collect()
    assert (rejected.valuation, rejected.exchange_rate_rule) == ("CIF", "monthly")


@pytest.fixture(scope="module")
def of_two_years(declarations):
    """Codes of eight digits in 2003 and 2004, in the columns of the declarations."""
    names = ["year", "product_code", "value_usd"]
    rows = [words.split() for words in EIGHT_DIGITS.strip().splitlines()]
    made = [(int(year), code, Decimal(amount)) for year, code, amount in rows]
    frame = declarations.sparkSession.createDataFrame(made, "year int, product_code string, value_usd decimal(18,2)")
    return frame.crossJoin(declarations.where("month = '5'").drop(*names))


def _changes():
    return read_changes(
        [
            ["source_year", "source_code", "target_year", "target_code", "weight"],
            *[[*words, ""][:5] for words in map(str.split, CHANGES.strip().splitlines())],
        ],
        "changes.csv",
    )


def _of_years(outcome):
    names = ["year", "product_code", "hs_revision", "national_code_year"]
    return {tuple(row[name] for name in names): str(row.value_usd) for row in outcome.table.collect()}


def test_codes_of_eight_digits_are_brought_to_those_of_a_year(of_two_years, flows_of):
    outcome = flows_of(of_two_years, harmonise(to="2003"), _changes())
    assert _of_years(outcome) == {
        (2003, "01010110", "HS2002", 2003): "1.00",
        (2003, "01011020", "HS2002", 2003): "3.00",
        (2004, "01010110", "HS2002", 2003): "2.00",
        (2004, "01011020", "HS2002", 2003): "12.00",
        (2004, "02011000", "HS2002", 2003): "32.00",  # no table mentions it, so it is the same
    }
    (given_up,) = outcome.quarantine.collect()
    assert (given_up.year, given_up.product_code, given_up.hs_revision) == (2004, "01010110", "HS1996")
    assert (given_up.rules, given_up.value_usd) == (["unmapped_code"], Decimal("16.00"))
    assert given_up.nearest_codes[0] == "01010111"


def test_weights_split_codes_of_eight_digits(of_two_years, flows_of):
    flows = _of_years(flows_of(of_two_years, harmonise(to="2004", method="weights"), _changes()))
    assert {code: amount for (year, code, _, _), amount in flows.items() if year == 2003} == {
        "01010111": "1.00",
        "01011025": "0.75",
        "01011026": "2.25",
    }


def test_a_slice_has_the_families_of_eight_digits_that_all_years_have(of_two_years, flows_of):
    settings = harmonise(to="2003", method="families")
    flows = _of_years(flows_of(of_two_years, settings, _changes()))
    joined, given_up = {"F0301010110", "F0301011020", "F0302011000"}, "F0401010110"
    assert {code for _, code, _, _ in flows} == {*joined, given_up}
    assert {key[2:] for key in flows} == {("families", None)}
    for year in (2003, 2004):
        alone = _of_years(flows_of(of_two_years.where(f"year = {year}"), settings, _changes()))
        assert alone == {key: amount for key, amount in flows.items() if key[0] == year}


def test_codes_of_eight_digits_need_a_table_for_every_year(of_two_years, flows_of):
    with pytest.raises(InputError, match=r"records of 2004, and .* no table for conversion from 2004 to 2002"):
        flows_of(of_two_years, harmonise(to="2002"), _changes())
    with pytest.raises(InputError, match="records of 2003, and conversions run to an earlier year: set it to 2003"):
        flows_of(of_two_years, harmonise(to="2004"), _changes())
