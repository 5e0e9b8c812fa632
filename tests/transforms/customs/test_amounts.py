"""Values in other currencies: the rate of the month where it is known, else of the year, and it is said which."""

from __future__ import annotations

from decimal import Decimal

import pytest

from haiguan.transforms.customs.amounts import ValueSettings, core_countries__exchange_rates, with_amounts
from haiguan.transforms.errors import InputError

RATES = [
    ("cny", "2003", "", "0.1208"),
    ("CNY", "2003", "2", "0.1250"),
    ("CNY", "2004", "1", "0.1300"),
    ("EUR", "2003", "", "1.13"),
]
#         year  month value
RECORDS = [(2003, 1, "1000"), (2003, 2, "1000"), (2003, None, "0.05"), (2004, 1, "10"), (2004, 2, "10"), (2003, 1, "?")]


@pytest.fixture(scope="module")
def converted(spark):
    rates = core_countries__exchange_rates(
        spark.createDataFrame(RATES, "currency_code string, year string, month string, usd_per_unit string")
    )
    rows = [(n, *record, "export", "") for n, record in enumerate(RECORDS)]
    schema = "n int, year int, month int, value_text string, direction string, quantity_text string"
    records = spark.createDataFrame(rows, schema)

    def made(currency: str, rule: str, with_rates: bool = True) -> list[tuple]:
        value = ValueSettings(currency=currency, exchange_rate=rule, valuation={"export": "FOB", "import": "CIF"})
        found = with_amounts(records, rates if with_rates else None, value).orderBy("n").collect()
        return [(row.value_usd, row.exchange_rate_rule) for row in found]

    return made


def test_the_month_holds_where_its_rate_is_known(converted):
    assert converted("CNY", "monthly") == [
        (Decimal("120.80"), "annual"),
        (Decimal("125.00"), "monthly"),
        (Decimal("0.01"), "annual"),
        (Decimal("1.30"), "monthly"),
        (None, None),
        (None, "annual"),
    ]


def test_the_year_holds_where_the_settings_say_so(converted):
    assert converted("CNY", "annual")[:2] == [(Decimal("120.80"), "annual")] * 2


def test_dollars_need_no_rates(converted):
    assert converted("USD", "monthly", with_rates=False)[0] == (Decimal("1000.00"), "none")


def test_another_currency_without_rates_is_refused(converted):
    with pytest.raises(InputError, match=r"value\.currency is CLP, and there are no exchange rates"):
        converted("CLP", "monthly", with_rates=False)
