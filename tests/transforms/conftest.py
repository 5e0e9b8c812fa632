"""Settings of cleaning as conf/base.yaml has them, and frames of declared tables."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from haiguan.conf import __file__ as conf_folder
from haiguan.transforms.customs.amounts import ValueSettings
from haiguan.transforms.customs.firm_codes import FirmCodeSettings
from haiguan.transforms.customs.firms import IntermediarySettings
from haiguan.transforms.customs.unit_values import UnitValueSettings
from haiguan.transforms.places.divisions import PlaceSettings
from haiguan.transforms.schema import TABLES


@pytest.fixture(scope="session")
def base_settings() -> dict:
    return yaml.safe_load((Path(conf_folder).parent / "base.yaml").read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def places(base_settings) -> PlaceSettings:
    return PlaceSettings.model_validate(base_settings["places"])


@pytest.fixture(scope="session")
def firm_codes(base_settings) -> FirmCodeSettings:
    return FirmCodeSettings.model_validate(base_settings["firm_codes"])


@pytest.fixture(scope="session")
def intermediaries(base_settings) -> IntermediarySettings:
    return IntermediarySettings.model_validate(base_settings["intermediaries"])


@pytest.fixture(scope="session")
def value(base_settings) -> ValueSettings:
    return ValueSettings.model_validate(base_settings["value"])


@pytest.fixture(scope="session")
def customs_settings(base_settings, places, firm_codes, intermediaries, value) -> dict:
    """The sections that core_customs__declarations reads beside `clean`."""
    return {
        "places": places,
        "firm_codes": firm_codes,
        "intermediaries": intermediaries,
        "value": value,
        "unit_values": UnitValueSettings.model_validate(base_settings["unit_values"]),
    }


@pytest.fixture(scope="session")
def table(spark):
    """Rows (tuples or dictionaries) as a frame with the columns of a declared table."""

    def make(name: str, rows: list):
        columns = TABLES[name].column_names
        complete = [[row.get(c) for c in columns] if isinstance(row, dict) else row for row in rows]
        return spark.createDataFrame(complete, TABLES[name].ddl)

    return make
