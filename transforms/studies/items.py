"""The items of a study: each table and figure is a YAML text that says what it shows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import yaml


def items(files: pd.DataFrame) -> list[tuple[str, str, dict[str, Any]]]:
    """Study, name and content of each item, in the order of study and name.

    Args:
        files: study, item, text: one row per YAML file.
    """
    ordered = files.sort_values(["study", "item"])
    return [(row.study, row.item, yaml.safe_load(row.text)) for row in ordered.itertuples()]
