"""Tiny lakes, written through Delta alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from haiguan.jobs.runtime import delta
from haiguan.jobs.runtime.lake import Lake
from haiguan.transforms.schema import TABLES

Row = dict[str, Any]


@pytest.fixture
def product() -> Callable[..., Row]:
    """Makes a row of measure_products__concentration."""

    def row(year: int, code: str, value: str, share: float = 0.5, exporters: int = 3) -> Row:
        shares = {"share_1": share, "share_3": 0.75, "share_5": 1.0, "herfindahl": 0.4}
        counts = {"exporters": exporters, "exporters_with_iso": exporters - 1}
        return {"year": year, "product_code": code, "value_usd": Decimal(value), **counts, **shares}

    return row


@pytest.fixture
def publish() -> Callable[..., None]:
    """Writes rows into a table of a lake, as one commit of a run; `replacing`: condition of those they replace."""

    def write(
        lake: Lake, name: str, rows: Sequence[Mapping[str, Any]], run_id: str = "run-1", replacing: str | None = None
    ) -> None:
        delta.append(lake.path(name), TABLES[name], rows, run_id, replacing)

    return write


@pytest.fixture
def lake(tmp_path: Path, publish: Callable[..., None], product: Callable[..., Row]) -> Lake:
    """Two tables: concentration of two products in two years (version 2), and countries with Chinese names."""
    made = Lake(str(tmp_path / "lake"))
    publish(
        made,
        "measure_products__concentration",
        [product(2004, "848620", "100.10"), product(2003, "848620", "70.25"), product(2003, "010210", "0.07")],
    )
    publish(
        made,
        "core_countries__codes",
        [
            {
                "country_code": "JPN",
                "country_name": "Japan",
                "customs_code": "116",
                "country_labels": ["日本", "日本国"],
            },
            {"country_code": "XSA", "country_name": "Areas, n.e.s.", "customs_code": None, "country_labels": ["其他"]},
            {"country_code": "AFG", "country_name": "Afghanistan", "customs_code": "001", "country_labels": ["阿富汗"]},
        ],
    )
    return made
