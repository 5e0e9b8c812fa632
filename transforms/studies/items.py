"""The items of a study: each table and figure is a YAML text that says what it shows."""

from __future__ import annotations

from typing import Any

import pandas as pd
import yaml
from haiguan.transforms.errors import InputError

ESTIMATES, TABLE, FIGURE = "estimates", "table", "figure"


def items_of_kind(files_studies: pd.DataFrame, kind: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Study, name and content of the items of one kind, in the order of study and name.

    Args:
        files_studies: study, item, text: one row per YAML file.
        kind: `estimates`, `table` or `figure`.

    Raises:
        InputError: an item is of no known kind.
    """
    found = []
    for row in files_studies.sort_values(["study", "item"]).itertuples():
        content = yaml.safe_load(row.text)
        if content.get("kind") not in (ESTIMATES, TABLE, FIGURE):
            raise InputError(f"studies/{row.study}/{row.item}.yaml: `kind` must be estimates, table or figure")
        if content["kind"] == kind:
            found.append((row.study, row.item, content))
    return found
