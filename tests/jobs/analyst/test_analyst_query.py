from __future__ import annotations

from decimal import Decimal

import pytest

from haiguan.jobs.analyst.query import answer
from haiguan.transforms.errors import InputError


def rows(lake, query):
    with answer(lake, query) as found:
        return found.fetchall()


def test_every_published_table_is_a_view(lake):
    query = "SELECT year, sum(value_usd) FROM measure_products__concentration GROUP BY year ORDER BY year"
    assert rows(lake, query) == [(2003, Decimal("70.32")), (2004, Decimal("100.10"))]


def test_chinese_text_and_lists_come_through(lake):
    query = "SELECT country_code FROM core_countries__codes WHERE list_contains(country_labels, '日本国')"
    assert rows(lake, query) == [("JPN",)]


def test_a_query_may_make_what_it_needs_in_memory(lake):
    assert rows(lake, "CREATE TABLE kept AS SELECT 41 AS n; SELECT n + 1 FROM kept") == [(42,)]


def test_a_pivot_is_a_query(lake):
    pivot = "PIVOT measure_products__concentration ON year USING sum(value_usd) GROUP BY product_code"
    assert sorted(rows(lake, pivot)) == [
        ("010210", Decimal("0.07"), None),
        ("848620", Decimal("70.25"), Decimal("100.10")),
    ]


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("SELEC 1", "syntax error"),
        ("SELECT * FROM core_country__codes", "core_countries__codes"),
        ("SELECT yeer FROM measure_products__concentration", "year"),
        ("SELECT 'text'::INT", "text"),
        ("CREATE TABLE t (n INT)", "asks for no rows"),
    ],
)
def test_a_wrong_query_is_shown_with_what_is_wrong(lake, query, said):
    with pytest.raises(InputError) as raised:
        rows(lake, query)
    assert str(raised.value).startswith(query)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "query",
    [
        "COPY (SELECT 1) TO '{folder}/out.csv'",
        "INSERT INTO core_countries__codes SELECT * FROM core_countries__codes",
        "ATTACH '{folder}/out.db' AS made",
        "SELECT 1; EXPORT DATABASE '{folder}/out'",
    ],
)
def test_a_query_writes_nothing(lake, tmp_path, query):
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(InputError, match="queries only read"):
        rows(lake, query.format(folder=tmp_path))
    assert sorted(tmp_path.rglob("*")) == before
