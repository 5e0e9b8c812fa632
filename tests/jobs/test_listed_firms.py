"""The simulated files of listed firms, and settings of a simulation that cannot be."""

from __future__ import annotations

import re
from collections import Counter
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path

import pandas as pd
import pytest
from archive_files import ALL_YEARS, Line, coding, partners, read_archive
from pyspark.sql import SparkSession

from haiguan.jobs.simulate import SimulateSettings, simulate
from haiguan.transforms.errors import InputError
from haiguan.transforms.simulation.rules import REJECTING


@pytest.fixture(scope="module")
def listed(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("listed") / "world"
    few = {"declarations": 1_500, "years": (2015, 2016), "edition": "listed", "also": ()}
    simulate(spark, out, ALL_YEARS.model_copy(update=few))
    return out


def test_files_of_listed_firms_tell_the_same_by_their_securities(listed: Path) -> None:
    lines = list(read_archive(listed / "customs"))
    defects = pd.read_csv(listed / "truth" / "defects.csv")
    rejected = set(defects[defects.rule.isin(REJECTING)][["file", "line"]].itertuples(index=False, name=None))
    good = [line for line in lines if (line.file, line.number) not in rejected]
    assert {line.file for line in lines} == {"2015/listed_2015.dta", "2016/listed_2016.dta"}
    assert {line.layout["edition"] for line in lines} == {"listed"}
    assert all(re.fullmatch(r"\d{6}", line.fields["firm_code_text"]) for line in good)
    assert {"quantity_text" in line.fields for line in good if line.year == 2016} == {False}
    value: Counter[tuple[object, ...]] = Counter()
    for line in good:
        text = line.fields
        key = (line.year, text["firm_code_text"], partners()[text["partner_text"]], _regime(line))
        value[key] += Decimal(text["value_text"]).quantize(Decimal("0.01"), ROUND_HALF_EVEN)
    flows = pd.read_parquet(listed / "truth" / "flows.parquet")
    keys = ["year", "firm_code", "partner_code", "regime"]
    assert flows.groupby(keys).value_usd.sum().to_dict() == dict(value)
    of_2015 = [line for line in good if line.year == 2015]
    units = Counter(coding("unit_by_code")[line.fields["unit_text"]] for line in of_2015)
    assert flows[flows.year == 2015].groupby("unit_code").declarations.sum().to_dict() == units


def _regime(line: Line) -> str:
    return coding("regime_by_code")[line.fields["regime_text"]]


def test_no_more_firms_are_listed_than_six_digits_tell_apart(spark: SparkSession, tmp_path: Path) -> None:
    many = ALL_YEARS.model_copy(update={"declarations": 9_000_000, "years": (2016, 2016), "edition": "listed"})
    with pytest.raises(InputError, match="no more than 1,000,000 firms"):
        simulate(spark, tmp_path / "world", many)
    assert not (tmp_path / "world").exists()


@pytest.mark.parametrize(
    ("told", "said"),
    [({"also": ["zero_value"]}, "not planted on request"), ({"edition": "listed"}, "no second edition")],
)
def test_wrong_settings_are_a_sentence(told: dict, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        SimulateSettings.model_validate(ALL_YEARS.model_dump() | told)
