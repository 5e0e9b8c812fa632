"""Descriptive tables of studies, cell by cell."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.measures.concentration import ConcentrationSettings
from haiguan.transforms.schema import TABLES
from haiguan.transforms.studies.items import items

BILLION = 1e9


def result_studies__tables(
    files_study_tables: pd.DataFrame,
    measure_products__concentration: pd.DataFrame,
    measure_products__exporters: pd.DataFrame,
    *,
    concentration: ConcentrationSettings,
) -> pd.DataFrame:
    """One row per cell of each descriptive table: the number in full precision and as it is printed."""
    cells = [
        {"study": study, "item": f"{item}_{suffix}" if suffix else item, **cell}
        for study, item, content in items(files_study_tables)
        for suffix, cell in _cells(content, measure_products__concentration, measure_products__exporters, concentration)
    ]
    return pd.DataFrame(cells, columns=list(TABLES["result_studies__tables"].column_names))


def _cells(
    content: dict[str, Any], measures: pd.DataFrame, exporters: pd.DataFrame, settings: ConcentrationSettings
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Suffix of the item (a product, where the table is one per product) and the cell."""
    layout = content["layout"]
    if layout == "change_in_share":
        yield from (("", cell) for cell in _change_in_share(content, measures, settings))
        return
    for product in _shown(measures, settings):
        of_product = measures[measures.product_code == product].sort_values("year")
        if layout == "exporters_by_year":
            cells = _exporters_by_year(content, of_product, settings)
        elif layout == "largest_exporters":
            cells = _largest_exporters(content, exporters[exporters.product_code == product], product, settings)
        else:
            raise InputError(
                f"studies: no table is laid out as `{layout}`; there are exporters_by_year, "
                "largest_exporters and change_in_share"
            )
        yield from ((product, cell) for cell in cells)


def _shown(measures: pd.DataFrame, settings: ConcentrationSettings) -> list[str]:
    """The products of the settings that the measures hold.

    Raises:
        InputError: they hold none of them.
    """
    found = [product for product in settings.products if (measures.product_code == product).any()]
    if not found:
        raise InputError(
            f"concentration.products: none of {', '.join(settings.products)} is exported in the files of "
            f"inputs.comtrade; these hold {', '.join(sorted(measures.product_code.unique())[:5])} ..."
        )
    return found


def product_label(product: str, settings: ConcentrationSettings) -> str:
    """Code and name of a product as a title shows them."""
    name = settings.product_labels.get(product)
    return f"HS {product}, {name}" if name else f"HS {product}"


def _exporters_by_year(content: dict, measures: pd.DataFrame, settings: ConcentrationSettings) -> Iterator[dict]:
    headings = ("Exporters, those with an ISO code", "Exporters, all", "World exports (US$ billion)")
    for row, year in enumerate(measures.itertuples(), start=1):
        values = (year.exporters_with_iso, year.exporters, year.value_usd / BILLION)
        texts = (str(year.exporters_with_iso), str(year.exporters), f"{year.value_usd / BILLION:,.1f}")
        for position, (heading, value, text) in enumerate(zip(headings, values, texts, strict=True), start=1):
            yield _cell(
                content, year.product_code, settings, row, str(year.year), position, heading, float(value), text
            )


def _largest_exporters(
    content: dict, exporters: pd.DataFrame, product: str, settings: ConcentrationSettings
) -> Iterator[dict]:
    listed = exporters[exporters["rank"] <= content["largest"]].sort_values(["year", "rank"])
    for row, (year, of_year) in enumerate(listed.groupby("year", sort=True), start=1):
        for place in of_year.itertuples():
            name = place.reporter_code or place.reporter_name
            text = f"{name} {100 * place.export_share:.1f}"
            yield _cell(
                content, product, settings, row, str(year), place.rank, f"No. {place.rank}", place.export_share, text
            )


def _change_in_share(content: dict, measures: pd.DataFrame, settings: ConcentrationSettings) -> Iterator[dict]:
    rows = []
    for product in _shown(measures, settings):
        of_product = measures[measures.product_code == product].sort_values("year")
        first, last = of_product.iloc[0], of_product.iloc[-1]
        rows.append((last.share_5 - first.share_5, product, first, last))
    for row, (change, product, first, last) in enumerate(sorted(rows, key=lambda item: (-item[0], item[1])), start=1):
        numbers = {
            f"Share of five, {last.year}": (last.share_5, f"{last.share_5:.3f}"),
            f"Share of five, {first.year}": (first.share_5, f"{first.share_5:.3f}"),
            "Change": (change, f"{change:+.3f}"),
            f"World exports {last.year} (US$ billion)": (last.value_usd / BILLION, f"{last.value_usd / BILLION:,.2f}"),
        }
        for position, (heading, (value, text)) in enumerate(numbers.items(), start=1):
            yield _cell(
                content, "", settings, row, product_label(product, settings), position, heading, float(value), text
            )


def _cell(
    content: dict,
    product: str,
    settings: ConcentrationSettings,
    row: int,
    row_label: str,
    position: int,
    column_label: str,
    value: float,
    text: str,
) -> dict[str, Any]:
    return {
        "title": content["title"].format(product=product_label(product, settings)),
        "row": row,
        "row_label": row_label,
        "position": position,
        "column_label": column_label,
        "value": value,
        "text": text,
        "note": content["note"],
    }
