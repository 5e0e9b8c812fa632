"""Figures of studies, point by point; drawing them is the report's business."""

from __future__ import annotations

import pandas as pd

from haiguan.transforms.measures.concentration import ConcentrationSettings
from haiguan.transforms.schema import TABLES
from haiguan.transforms.studies.items import items
from haiguan.transforms.studies.tables import product_label


def result_studies__figures(
    files_study_figures: pd.DataFrame,
    measure_products__concentration: pd.DataFrame,
    *,
    concentration: ConcentrationSettings,
) -> pd.DataFrame:
    """One row per point: a series per product of the settings, a point per year."""
    points = []
    for study, item, content in items(files_study_figures):
        for position, product in enumerate(concentration.products, start=1):
            of_product = measure_products__concentration.query("product_code == @product").sort_values("year")
            for row, year in enumerate(of_product.itertuples(), start=1):
                points.append(
                    {
                        "study": study,
                        "item": item,
                        "title": content["title"],
                        "position": position,
                        "column_label": product_label(product, concentration),
                        "row": row,
                        "axis_label": content["axis"],
                        "x": float(year.year),
                        "value": float(getattr(year, content["series"])),
                        "note": content["note"],
                    }
                )
    return pd.DataFrame(points, columns=list(TABLES["result_studies__figures"].column_names))
