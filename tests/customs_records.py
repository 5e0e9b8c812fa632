"""Raw records of customs files for tests: everything right unless a field is replaced."""

from __future__ import annotations

from haiguan.transforms.schema import TABLES

_SOUND = {
    "year": 2003,
    "file_id": "f",
    "file": "2003/data200301.csv",
    "layout": "words",
    "copies": 1,
    "period_text": "200301",
    "direction_text": "出口",
    "firm_code_text": "4403940277",
    "firm_name_text": "嘉明",
    "ownership_text": "国有",
    "product_text": "01011010",
    "partner_text": "美国",
    "value_text": "100",
    "quantity_text": "5",
    "unit_text": "千克",
    "regime_text": "一般贸易",
}


def raw_row(line: int, **replaced: object) -> dict[str, object]:
    """A row of raw_customs__declarations; fields that are not named are null."""
    blank = dict.fromkeys(TABLES["raw_customs__declarations"].column_names)
    return {**blank, **_SOUND, "line": line, **replaced}
