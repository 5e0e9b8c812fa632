"""Regression tables: what is printed, what the files hold, and how a column's fault is told."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from linearmodels.datasets import mroz, wage_panel

from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.linear import least_squares
from haiguan.transforms.estimators.regression_table import RegressionTable, number, regression_table
from haiguan.transforms.estimators.specification import read_table
from haiguan.transforms.estimators.table_formats import as_csv, as_html, as_json, as_latex, as_markdown, files_of

WAGES = wage_panel.load()
SPECIFICATION = {
    "table": "wages",
    "title": "Wages & unions",
    "outcome": "lwage",
    "regressors": ["union", "married"],
    "clusters": ["nr"],
    "variables": {"years": {"dummies": "year"}},
    "groups": {"controls": ["expersq", "years"]},
    "columns": [
        {"title": "Pooled", "regressors": ["union", "married", "controls"]},
        {
            "title": "Within",
            "fixed_effects": ["nr", "year"],
            "sample": {"column": "year", "comparison": ">", "value": 1981},
        },
    ],
    "print": {"omit": ["controls"], "labels": {"union": "Union_member", "controls": "Controls", "nr": "person"}},
    "ladder": {"rungs": {"Both": ["nr", "year"]}},
}


@pytest.fixture(scope="module")
def table() -> RegressionTable:
    return regression_table(read_table(SPECIFICATION), WAGES, {"data": "wage_panel version 3", "code": "1a2b3c"})


def cells(table: RegressionTable) -> dict[str, tuple[str, ...]]:
    return {row.label: row.cells for row in table.rows if row.label}


def test_rows_of_a_table(table):
    printed = cells(table)
    assert [row.label for row in table.rows if row.kind == "estimate"] == ["Union_member", "married", "constant"]
    assert printed["Controls"] == ("Yes", "No")
    assert printed["person effects"] == ("No", "Yes")
    assert printed["Observations"] == ("4,360", "3,270")
    assert printed["Clusters (person)"] == ("545", "545")
    assert printed["  clusters"] == ("545 person and 8 year", "545 person and 6 year")


def test_parts_of_a_decomposition_are_no_products():
    column = {"estimator": "oaxaca_blinder", "regressors": ["educ"], "decomposition": {"group": "union"}}
    printed = regression_table(read_table({"table": "t", "outcome": "lwage", "columns": [column]}), WAGES)
    assert "explained: educ" in cells(printed)


def test_printed_numbers_are_the_estimates(table):
    fit = least_squares(
        WAGES[WAGES["year"] > 1981], "lwage", ["union", "married"], fixed_effects=["nr", "year"], clusters=["nr"]
    )
    union = fit.terms.loc["union"]
    assert cells(table)["Union_member"][1].rstrip("*") == f"{union['estimate']:.3f}"
    assert table.rows[1].cells[1] == f"({union['standard_error']:.3f})"


def test_notes_say_sample_errors_and_versions(table):
    notes = " ".join(table.notes)
    assert "clustered by nr" in notes
    assert "(1) all rows; (2) year > 1981" in notes
    assert "data: wage_panel version 3; code: 1a2b3c." in notes


@pytest.mark.parametrize(
    ("brackets", "pattern"),
    [("statistic", r"\(\d+\.\d{3}\)"), ("p_value", r"\(2\.2e-09\)"), ("interval", r"\[0\.\d{3}, 0\.\d{3}\]")],
)
def test_what_stands_below_an_estimate(brackets, pattern):
    content = {**SPECIFICATION, "print": {"brackets": brackets, "terms": ["union"], "stars": {}}}
    printed = regression_table(read_table(content), WAGES)
    assert re.fullmatch(pattern, printed.rows[1].cells[0])
    assert not any("*" in cell for row in printed.rows for cell in row.cells)


def test_stars_are_those_set():
    content = {**SPECIFICATION, "columns": [{}], "print": {"stars": {"†": 0.9999, "+": 0.9998}}}
    assert regression_table(read_table(content), WAGES).rows[0].cells[0].endswith("+")


@pytest.mark.parametrize(
    ("value", "decimals", "printed"),
    [
        (0.0004, 3, "0.00040"),
        (1234567.891, 1, "1,234,567.9"),
        (-3.2e-9, 3, "-3.2e-09"),
        (0.0, 2, "0.00"),
        (np.inf, 2, "inf"),
    ],
)
def test_numbers_as_printed(value, decimals, printed):
    assert number(value, decimals) == printed


def test_json_is_complete_and_in_full_precision(table):
    content = json.loads(as_json(table))
    fit = table.columns[1].estimates
    column = content["columns"][1]
    assert column["terms"]["union"]["estimate"] == fit.terms.loc["union", "estimate"]
    np.testing.assert_array_equal(column["covariance"], fit.covariance)
    assert column["settings"]["sample"] == {"column": "year", "comparison": ">", "value": 1981}
    assert content["provenance"] == {"data": "wage_panel version 3", "code": "1a2b3c"}
    assert "NaN" not in as_json(table)


def test_infinite_bounds_stay_json():
    frame = mroz.load().query("inlf == 1").assign(noise=lambda f: np.sin(37.0 * np.arange(len(f))))
    column = {"estimator": "two_stage_least_squares", "endogenous": ["educ"], "instruments": ["noise"]}
    printed = regression_table(read_table({"table": "t", "outcome": "lwage", "columns": [column]}), frame)
    content = json.loads(as_json(printed), parse_constant=pytest.fail)
    assert content["columns"][0]["statistics"]["anderson_rubin_low"] == "-inf"


def test_csv_reads_back_in_full_precision(table):
    lines = list(csv.DictReader(io.StringIO(as_csv(table))))
    union = next(line for line in lines if line["kind"] == "term" and line["name"] == "union" and line["column"] == "2")
    assert float(union["standard_error"]) == table.columns[1].estimates.terms.loc["union", "standard_error"]
    counts = {line["name"]: line["value"] for line in lines if line["kind"] == "count" and line["column"] == "1"}
    assert float(counts["observations"]) == 4360
    ladder = [line for line in lines if line["kind"].startswith("ladder")]
    assert float(ladder[0]["standard_error"]) == table.columns[0].ladder[0].standard_error


def test_latex_is_balanced_and_escaped(table):
    text = as_latex(table)
    assert text.count("{") == text.count("}")
    assert r"Union\_member" in text
    assert r"Wages \& unions" in text
    body = text[text.index(r"\toprule") : text.index(r"\bottomrule")]
    rows = [line for line in body.splitlines() if line.endswith(r"\\")]
    assert {line.replace(r"\&", "").count("&") for line in rows} == {2}
    assert [text.count(f"\\begin{{{name}}}") - text.count(f"\\end{{{name}}}") for name in ("table", "tabular")] == [
        0,
        0,
    ]


def compiled(program: str, preamble: str, content: dict, folder: Path) -> subprocess.CompletedProcess:
    printed = regression_table(read_table(content), WAGES, {"data": "wage_panel_50%_sample & more"})
    body = f"\\documentclass{{article}}\\usepackage{{booktabs}}{preamble}\\begin{{document}}"
    (folder / "page.tex").write_text(f"{body}\n{as_latex(printed)}\\end{{document}}\n", encoding="utf-8")
    options = ["-interaction=nonstopmode", "-halt-on-error", "page.tex"]
    return subprocess.run([program, *options], cwd=folder, capture_output=True, text=True, errors="replace")


def has_style(name: str) -> bool:
    found = shutil.which("kpsewhich") and subprocess.run(["kpsewhich", name], capture_output=True, text=True).stdout
    return bool(found)


@pytest.mark.skipif(not (shutil.which("pdflatex") and has_style("booktabs.sty")), reason="no LaTeX with booktabs")
def test_latex_compiles_as_it_is(tmp_path):
    content = {**SPECIFICATION, "tests": {"A_1 ≠ 2, [b]": {"jointly": ["union"]}}, "title": r"50% of 3_2 ^ {} \ ~ #"}
    run = compiled("pdflatex", "", content, tmp_path)
    assert run.returncode == 0, run.stdout[-1500:]


@pytest.mark.skipif(not (shutil.which("xelatex") and has_style("xeCJK.sty")), reason="no XeLaTeX with xeCJK")
def test_latex_with_chinese_labels_compiles_with_xelatex(tmp_path):
    content = {**SPECIFICATION, "title": "工会与工资"}
    run = compiled("xelatex", r"\usepackage{xeCJK}", content, tmp_path)
    assert run.returncode == 0, run.stdout[-1500:]


def test_html_is_one_rectangular_table_with_its_styles_inline(table):
    class Rows(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.widths: list[int] = []

        def handle_starttag(self, tag, attributes):
            if tag == "tr":
                self.widths.append(0)
            if tag == "td":
                assert "style" in dict(attributes)
                self.widths[-1] += int(dict(attributes).get("colspan", 1))

    rows = Rows()
    rows.feed(as_html(table))
    assert set(rows.widths) == {3}
    assert "Wages &amp; unions" in as_html(table)


def test_markdown_rows_have_one_width(table):
    lines = [line for line in as_markdown(table).splitlines() if line.startswith("|")]
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {4}


def test_files_are_the_same_every_time(table):
    again = regression_table(read_table(SPECIFICATION), WAGES, dict(table.provenance))
    assert files_of(again) == files_of(table)
    assert list(files_of(table)) == ["wages.csv", "wages.tex", "wages.html", "wages.json", "wages.md"]


def test_any_estimator_and_any_equation_on_the_way():
    content = {
        "table": "mroz",
        "outcome": "lwage",
        "columns": [
            {"name": "iv", "estimator": "two_stage_least_squares", "endogenous": ["educ"], "instruments": ["motheduc"]},
            {"inherits": "iv", "report": "first stage of educ"},
            {"estimator": "probit", "outcome": "inlf", "regressors": ["educ"], "report": "average marginal effects"},
            {"estimator": "poisson", "outcome": "hours", "regressors": ["educ"]},
            {"estimator": "quantile_regression", "outcome": "hours", "regressors": ["educ"], "quantile": 0.75},
            {"estimator": "logit", "outcome": "inlf", "regressors": ["educ"]},
        ],
    }
    printed = regression_table(read_table(content), mroz.load())
    assert len(printed.columns) == 6
    assert printed.columns[1].estimates.terms.index[0] == "motheduc"
    assert cells(printed)["Kleibergen-Paap rk Wald F"][0] != ""


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (
            {"columns": [{}, {"regressors": ["unoin"]}]},
            "Table 'wages', column (2): There is no column 'unoin'; did you mean 'union'",
        ),
        ({"columns": [{"outcome": None}]}, "column (1): No outcome is named"),
        ({"columns": [{"instruments": ["educ"]}]}, "least_squares does not take instruments"),
        ({"columns": [{"estimator": "quantile_regression", "weights": "hours"}]}, "does not take weights"),
        ({"columns": [{"estimator": "kinky_least_squares", "endogenous": ["union"]}]}, "needs the section `kinky`"),
        ({"columns": [{"report": "first stage"}]}, "equation to report"),
        ({"columns": [{"sample": {"column": "year", "comparison": ">", "value": 2050}}]}, "no row passed the filters"),
        ({"print": {"terms": ["maried"]}}, "print.terms: There is no term 'maried'; did you mean 'married'"),
        ({"print": {"statistics": ["r2_witin"]}}, "did you mean 'r2_within'"),
        ({"groups": {"years": ["expersq"]}}, "'years' names both a group and a variable"),
        ({"groups": {"a": ["b"], "b": ["a"]}}, "Group 'a' holds the group 'b'"),
    ],
)
def test_faults_name_the_column_of_the_table(change, reason):
    with pytest.raises(InputError, match=re.escape(reason)):
        regression_table(read_table({**SPECIFICATION, **change}), WAGES)


def test_faults_of_all_columns_are_told_at_once():
    content = {**SPECIFICATION, "columns": [{"regressors": ["a1"]}, {"regressors": ["union"]}, {"outcome": "b1"}]}
    with pytest.raises(InputError) as caught:
        regression_table(read_table(content), WAGES)
    assert [fault[:26] for fault in caught.value.faults] == ["Table 'wages', column (1):", "Table 'wages', column (3):"]


def test_warnings_of_a_column_stand_in_the_notes():
    frame = pd.concat([WAGES, (2 * WAGES["union"]).rename("twice")], axis=1)
    printed = regression_table(read_table({**SPECIFICATION, "columns": [{"regressors": ["union", "twice"]}]}), frame)
    assert "Column (1): twice was left out: it is collinear with the regressors before it." in printed.notes
