"""Study d's tables on HS 848620 from a real UN Comtrade file, to the printed digit (notes: papers of Lu, Ju and Yu)."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from haiguan.jobs.runtime.lake import Lake
from haiguan.jobs.runtime.run import Request, dry_run, read_settings, run

pytestmark = pytest.mark.real_data

TABLE_5 = {
    "2016": ["USA 32.4", "JPN 29.6", "NLD 15.7", "SGP 9.2", "DEU 3.2"],
    "2017": ["USA 33.4", "JPN 27.6", "NLD 16.5", "SGP 10.9", "DEU 2.7"],
    "2018": ["USA 29.0", "JPN 27.4", "NLD 22.9", "SGP 8.8", "KOR 2.6"],
}
TABLE_4 = {"2016": ["72", "73", "27.3"], "2017": ["73", "74", "37.4"], "2018": ["65", "66", "42.4"]}


@pytest.fixture(scope="module")
def made(spark, real_data, tmp_path_factory):
    folder = tmp_path_factory.mktemp("semiconductors")
    settings = read_settings(
        None,
        [
            f"lake={folder / 'lake'}",
            f"reports={folder / 'reports'}",
            f"inputs.comtrade={real_data / 'comtrade'}",
            "run.studies=[concentration]",
            "spark.master=local[2]",
            "spark.driver_memory=2g",
            "spark.shuffle_partitions=2",
        ],
    )
    run(Request("haiguan run"), settings, Console(file=io.StringIO()))
    return settings, Lake(settings.lake).read_on_driver("result_studies__tables")


def _printed(cells, item: str) -> dict[str, list[str]]:
    of_item = cells[cells["item"] == item].sort_values(["row", "position"])
    return {label: rows.text.tolist() for label, rows in of_item.groupby("row_label")}


def test_table_5_is_the_paper_s(made):
    found = _printed(made[1], "table_5_848620")
    assert {year: found[year] for year in TABLE_5} == TABLE_5


def test_table_4_has_the_paper_s_values_with_all_reporters_and_its_counts_without_those_that_have_no_code(made):
    found = _printed(made[1], "table_4_848620")
    assert {year: found[year] for year in TABLE_4} == TABLE_4


def test_figure_3_is_the_sum_of_table_5_and_the_label_says_what_the_code_is(made):
    settings, _ = made
    points = Lake(settings.lake).read_on_driver("result_studies__figures").sort_values("x")
    shares = points.value.mul(100).round(1).tolist()
    assert shares[:3] == [90.1, 91.3, 90.6]
    assert set(points.column_label) == {"HS 848620, semiconductor-making machines (the paper: lithography)"}


def test_a_dry_run_afterwards_shows_nothing_to_do(made):
    screen = io.StringIO()
    plans = dry_run(Request("haiguan run --dry-run"), made[0], Console(file=screen, width=200))
    assert not any(plan.has_work for plan in plans)
    assert "nothing to do" in screen.getvalue()
