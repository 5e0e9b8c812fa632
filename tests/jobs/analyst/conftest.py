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
def country() -> Callable[..., Row]:
    """Makes a row of core_countries__codes."""

    def row(code: str, name: str, customs_code: str | None, *labels: str) -> Row:
        codes = {"country_code": code, "customs_code": customs_code, "further_customs_codes": []}
        return {**codes, "country_name": name, "country_labels": list(labels)}

    return row


@pytest.fixture
def lake(
    tmp_path: Path, publish: Callable[..., None], product: Callable[..., Row], country: Callable[..., Row]
) -> Lake:
    """Two tables: concentration of two products in two years (version 2), and countries with Chinese names."""
    made = Lake(str(tmp_path / "lake"))
    made.make()
    publish(
        made,
        "measure_products__concentration",
        [product(2004, "848620", "100.10"), product(2003, "848620", "70.25"), product(2003, "010210", "0.07")],
    )
    publish(
        made,
        "core_countries__codes",
        [
            country("JPN", "Japan", "116", "日本", "日本国"),
            country("XSA", "Areas, n.e.s.", None, "其他"),
            country("AFG", "Afghanistan", "001", "阿富汗"),
        ],
    )
    return made
