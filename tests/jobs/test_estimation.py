"""`haiguan estimate`: a published textbook table from a CSV and a YAML, and every kind of panel read alike."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pyreadstat
import pytest
from deltalake import write_deltalake
from linearmodels.datasets import wage_panel

from haiguan.jobs.estimation import read_panel, read_specification, run_specification
from haiguan.transforms.errors import InputError
from haiguan.transforms.estimators.specification import EstimatorName
from haiguan.transforms.estimators.table_figures import FigureSettings
from haiguan.transforms.estimators.tagged import models_by_tag

PAGE = Path(__file__).parents[2] / "docs" / "estimators.md"
EXAMPLE = Path(__file__).parents[2] / "conf" / "studies" / "example" / "union_wages.yaml"


@pytest.fixture
def panel(tmp_path: Path) -> Path:
    wage_panel.load().to_csv(tmp_path / "wage_panel.csv", index=False)
    return tmp_path / "wage_panel.csv"


def test_the_example_reproduces_the_textbook(panel, tmp_path):
    # Wooldridge, Econometric Analysis of Cross Section and Panel Data, chapter 14: fixed effects and year dummies.
    files = run_specification(EXAMPLE, panel, tmp_path / "out", {"code": "1a2b3c"})
    assert [file.name for file in files] == [f"union_wages.{ending}" for ending in ("csv", "tex", "html", "json", "md")]
    content = json.loads((tmp_path / "out" / "union_wages.json").read_text(encoding="utf-8"))
    terms = content["columns"][2]["terms"]
    printed = {name: (round(term["estimate"], 4), round(term["standard_error"], 4)) for name, term in terms.items()}
    assert printed == {"union": (0.0800, 0.0193), "married": (0.0467, 0.0183), "expersq": (-0.0052, 0.0007)}
    assert content["provenance"]["data"].startswith("wage_panel.csv SHA-256 ")
    assert content["provenance"]["code"] == "1a2b3c"


def test_the_example_is_about_twenty_lines():
    lines = [line for line in EXAMPLE.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    assert len(lines) <= 22


def test_a_second_run_writes_the_same_bytes(panel, tmp_path):
    first = [file.read_bytes() for file in run_specification(EXAMPLE, panel, tmp_path / "a")]
    assert first == [file.read_bytes() for file in run_specification(EXAMPLE, panel, tmp_path / "b")]


def test_figures_are_written_beside_the_table(panel, tmp_path):
    spec = tmp_path / "spec.yaml"
    figures = "figures: {terms: {coefficients: [union, married]}}"
    spec.write_text(f"{EXAMPLE.read_text(encoding='utf-8')}{figures}\n", encoding="utf-8")
    first, second = (run_specification(spec, panel, tmp_path / name)[-2:] for name in "ab")
    assert [path.name for path in first] == ["union_wages_terms.svg", "union_wages_terms.png"]
    assert first[0].read_text(encoding="utf-8").lstrip().startswith("<?xml")
    assert first[1].read_bytes().startswith(b"\x89PNG")
    assert [path.read_bytes() for path in first] == [path.read_bytes() for path in second]


def page_section(heading: str) -> str:
    return PAGE.read_text(encoding="utf-8").split(f"# {heading}\n", 1)[1].split("\n#", 1)[0]


def test_the_figures_of_the_page_are_drawn_as_it_says(panel, tmp_path):
    (example,) = re.findall(r"```yaml\n(.*?)```", page_section("Figures"), re.DOTALL)
    spec = tmp_path / "spec.yaml"
    spec.write_text(example, encoding="utf-8")
    table = read_specification(spec)
    drawn = [path.name for path in run_specification(spec, panel, tmp_path / "out")][5:]
    assert drawn == [f"union_wages_{name}.{ending}" for name in table.figures for ending in ("svg", "png")]
    later = (tmp_path / "out" / "union_wages_later.svg").read_text(encoding="utf-8")
    assert "Before and after" in later
    assert "Periods after the regressor (years)" in later


def test_the_page_has_every_figure_and_every_estimator():
    shown = set(re.findall(r"^\| `{(\w+):", page_section("Figures"), re.MULTILINE))
    assert shown == set(models_by_tag(FigureSettings))
    commands = {"plausibly_exogenous": "union_of_intervals"}
    beside = page_section("Beside Stata and R")
    lacking = [name for name in get_args(EstimatorName) if f"`{commands.get(name, name)}" not in beside]
    assert lacking == []


SMALL = pd.DataFrame({"firm": ["01", "02"], "value_usd": [1.5, 2.25], "year": [2003, 2004], "not_read": [0, 0]})


def written(folder: Path, ending: str) -> Path:
    path = folder / f"panel{ending}"
    match ending:
        case ".csv":
            SMALL.to_csv(path, index=False)
        case ".parquet":
            exact = SMALL.assign(value_usd=[Decimal("1.50"), Decimal("2.25")])
            pq.write_table(pa.Table.from_pandas(exact), path)
        case ".dta":
            pyreadstat.write_dta(SMALL, path)
        case _:
            write_deltalake(path, SMALL)
    return path


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".dta", ""])
def test_every_kind_of_panel_is_read_alike(tmp_path, ending):
    frame = read_panel(written(tmp_path, ending), {"value_usd", "year"})
    assert frame.columns.to_list() == ["value_usd", "year"]
    assert frame["value_usd"].tolist() == [1.5, 2.25]
    assert frame["year"].tolist() == [2003, 2004]


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".dta", ""])
def test_unknown_columns_are_named_with_the_nearest_of_the_file(tmp_path, ending):
    with pytest.raises(InputError, match="no column 'value_cny'; did you mean 'value_usd'"):
        read_panel(written(tmp_path, ending), {"value_cny"})


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("absent.csv", None, "no such file"),
        ("panel.xlsx", b"x", "cannot tell its format"),
        ("panel.csv", b"", "is not a CSV file"),
        ("panel.csv", "firm,城市\n".encode("gb18030"), "is not a CSV file in UTF-8"),
        ("panel.parquet", b"no", "is not a Parquet file"),
        ("panel.dta", b"no", "is not a Stata file"),
    ],
)
def test_unreadable_panels_are_named(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=reason):
        read_panel(tmp_path / name, {"firm"})


def test_a_folder_without_delta_is_named(tmp_path):
    with pytest.raises(InputError, match="no Delta table"):
        read_panel(tmp_path, {"firm"})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cannot be read"),
        ("table: [", "is not YAML"),
        ("- table", "must hold keys and values"),
        ("table: t\ncolums: []", "did you mean 'columns'"),
    ],
)
def test_unreadable_specifications_are_named(tmp_path, content, reason):
    spec = tmp_path / "spec.yaml"
    if content is not None:
        spec.write_text(content, encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        read_specification(spec)
