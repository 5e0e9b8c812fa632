"""What a specification may say, what it inherits, and how a wrong one is answered."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.sample_filter import rows_kept
from haiguan.transforms.estimators.spatial import Conley
from haiguan.transforms.estimators.specification import columns_read, read_table, resolved_columns
from haiguan.transforms.estimators.variables import with_variables

MINIMAL = {"table": "t", "outcome": "y", "regressors": ["x"], "columns": [{}]}


def faults(**changes: object) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        read_table({**MINIMAL, **changes}, "t.yaml")
    return caught.value.faults


def condition(content: object) -> object:
    return read_table({**MINIMAL, "sample": content}).sample


FRAME = pd.DataFrame({"year": [1999, 2003, 2008, 2010], "city": ["a", "b", None, "a"], "x": [1.0, np.nan, 3.0, 5.0]})


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ({"column": "year", "comparison": ">=", "value": 2003}, [False, True, True, True]),
        ({"column": "year", "comparison": "between", "value": [1999, 2003]}, [True, True, False, False]),
        ({"column": "city", "comparison": "in", "value": ["a", "c"]}, [True, False, False, True]),
        ({"column": "city", "comparison": "not in", "value": ["a"]}, [False, True, False, False]),
        ({"column": "city", "comparison": "!=", "value": "a"}, [False, True, False, False]),
        ({"column": "city", "comparison": "missing"}, [False, False, True, False]),
        # Stata would keep the missing x, which it takes as larger than any number.
        ({"column": "x", "comparison": ">", "value": 2}, [False, False, True, True]),
        ({"not": {"column": "x", "comparison": ">", "value": 2}}, [True, True, False, False]),
        (
            {
                "all": [
                    {
                        "any": [
                            {"column": "city", "comparison": "==", "value": "a"},
                            {"column": "city", "comparison": "missing"},
                        ]
                    },
                    {"not": {"column": "year", "comparison": "<", "value": 2000}},
                ]
            },
            [False, False, True, True],
        ),
    ],
)
def test_samples(content, kept):
    assert rows_kept(FRAME, condition(content)).tolist() == kept


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ({"column": "yaer", "comparison": "==", "value": 1}, "did you mean 'year'"),
        ({"column": "city", "comparison": "==", "value": 1}, "holds text but is compared with a number"),
        ({"column": "year", "comparison": "in", "value": ["1999"]}, "holds numbers but is compared with text"),
    ],
)
def test_a_filter_that_does_not_fit_the_data_is_named(content, reason):
    with pytest.raises(InputError, match=reason):
        rows_kept(FRAME, condition(content))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"outcom": "y"}, "t.yaml: There is no key 'outcom'; did you mean 'outcome'?"),
        (
            {"columns": [{"fixed_efects": []}]},
            "columns.0: There is no key 'fixed_efects'; did you mean 'fixed_effects'?",
        ),
        ({"print": {"decimal": 2}}, "print: There is no key 'decimal'; did you mean 'decimals'?"),
        ({"columns": []}, "columns: tuple should have at least 1 item"),
        ({"columns": [{"estimator": "olss"}]}, "estimator"),
        ({"sample": {"column": "x", "comparison": "in", "value": 3}}, "takes a list of values"),
        ({"sample": {"column": "x", "comparison": "missing", "value": 3}}, "takes no value"),
        ({"sample": {"colum": "x"}}, "needs one of the keys column, all, any, not"),
        ({"sample": {"column": "x", "comparision": ">"}}, "no key 'comparision'; did you mean 'comparison'"),
        ({"variables": {"v": {"lag": "x", "units": "firm", "period": "t"}}}, "no key 'units'; did you mean 'unit'"),
        ({"sample": "x > 3"}, "needs one of the keys"),
        ({"variables": {"v": {"logg": "x"}}}, "needs one of the keys log, power"),
        ({"table": "../etc"}, "table"),
        ({"print": {"stars": {"*": 5}}}, "stars"),
        ({"columns": [{"name": "a"}, {"name": "a"}]}, "two columns have the same name"),
    ],
)
def test_wrong_specifications_are_answered(changes, reason):
    assert any(reason in fault for fault in faults(**changes))


def test_all_faults_are_found_at_once():
    assert len(faults(outcom="y", titel="t", columns=[{"clusterz": []}])) == 3


def test_columns_inherit_and_samples_add_up():
    table = read_table(
        {
            **MINIMAL,
            "clusters": ["firm"],
            "sample": {"column": "year", "comparison": ">=", "value": 2000},
            "columns": [
                {"name": "base", "fixed_effects": ["firm", "year"]},
                {"name": "split", "inherits": "base", "sample": {"column": "city", "comparison": "==", "value": "a"}},
                {"inherits": "split", "outcome": "z", "clusters": []},
            ],
        }
    )
    base, split, last = resolved_columns(table)
    assert (base.outcome, base.clusters, base.fixed_effects) == ("y", ("firm",), ("firm", "year"))
    assert rows_kept(FRAME, split.sample).tolist() == [False, False, False, True]
    assert (last.outcome, last.clusters, last.fixed_effects) == ("z", (), ("firm", "year"))
    assert rows_kept(FRAME, last.sample).tolist() == [False, False, False, True]


@pytest.mark.parametrize(
    ("columns", "reason"),
    [
        ([{"inherits": "bas"}, {"name": "base"}], "did you mean 'base'"),
        (
            [{"name": "a", "inherits": "b"}, {"name": "b", "inherits": "a"}],
            "inherit in a circle: a from b from a|circle",
        ),
    ],
)
def test_wrong_inheritance_is_named(columns, reason):
    with pytest.raises(InputError, match=reason):
        resolved_columns(read_table({**MINIMAL, "columns": columns}))


def test_conley_settings():
    settings = {"conley": {"latitude": "lat", "longitude": "lon", "cutoff_km": 100}}
    table = read_table({**MINIMAL, "covariance": settings})
    assert resolved_columns(table)[0].errors() == Conley("lat", "lon", 100)
    assert columns_read(table) == {"y", "x", "lat", "lon"}


def test_columns_read_leaves_out_what_the_table_makes():
    table = read_table(
        {
            **MINIMAL,
            "regressors": ["x", "controls", "lx:w", "t"],
            "fixed_effects": ["prov^year"],
            "groups": {"controls": ["c1", "c2"]},
            "variables": {"lx": {"log": "level"}, "t": {"dummies": "quarter"}},
            "ladder": {"candidates": ["city"]},
        }
    )
    assert columns_read(table) == {"y", "x", "c1", "c2", "w", "prov", "year", "level", "quarter", "city"}


PANEL = pd.DataFrame(
    {
        "firm": [1, 1, 1, 2, 2],
        "year": [2000, 2001, 2003, 2000, 2001],
        "v": [1.0, 2.0, 4.0, 0.0, 10.0],
        "z": [2.0, 0, 1, 1, 1],
    }
)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [
        ({"log": "v"}, [0, np.log(2), np.log(4), np.nan, np.log(10)]),
        ({"log": "v", "plus": 1}, np.log([2, 3, 5, 1, 11])),
        ({"power": "v"}, [1, 4, 16, 0, 100]),
        ({"product": ["v", "z"]}, [2, 0, 4, 0, 10]),
        ({"ratio": ["v", "z"]}, [0.5, np.nan, 4, 0, 10]),
        ({"difference": ["v", "z"]}, [-1, 2, 3, -1, 9]),
        # 2002 is absent, so 2003 has no lag.
        ({"lag": "v", "unit": "firm", "period": "year"}, [np.nan, 1, np.nan, np.nan, 0]),
        ({"lag": "v", "unit": "firm", "period": "year", "periods": -1}, [2, np.nan, np.nan, 10, np.nan]),
        ({"indicator": {"column": "v", "comparison": ">=", "value": 2}}, [0, 1, 1, 0, 1]),
        ({"centre": "v"}, [-2.4, -1.4, 0.6, -3.4, 6.6]),
        ({"group_mean": "v", "by": ["firm"]}, [7 / 3, 7 / 3, 7 / 3, 5, 5]),
    ],
)
def test_variables(variable, expected):
    table = read_table({**MINIMAL, "variables": {"made": variable}})
    np.testing.assert_allclose(with_variables(PANEL, table.variables)[0]["made"], expected, rtol=1e-12)


def test_winsorising_takes_the_percentiles_of_stata():
    # _pctile of 1..10: p5 1, p10 1.5, p25 3, p99.5 10.
    frame = pd.DataFrame({"v": np.arange(1.0, 11.0)})
    tables = {p: read_table({**MINIMAL, "variables": {"w": {"winsorise": "v", "percent": p}}}) for p in (5, 10, 25)}
    lowest = {p: with_variables(frame, table.variables)[0]["w"].min() for p, table in tables.items()}
    assert lowest == {5: 1.0, 10: 1.5, 25: 3.0}


@pytest.mark.parametrize(
    ("variables", "reason"),
    [
        ({"v": {"log": "z"}}, "has the name of a column"),
        ({"l": {"log": "vv"}}, "Variable 'l': There is no column 'vv'; did you mean 'v'"),
        ({"d": {"dummies": "year", "base": 1990}}, "1990 is no value of 'year'"),
        ({"l": {"lag": "v", "unit": "firm", "period": "z"}}, "one row per firm and z"),
    ],
)
def test_wrong_variables_are_named(variables, reason):
    with pytest.raises(InputError, match=reason):
        with_variables(PANEL, read_table({**MINIMAL, "variables": variables}).variables)
