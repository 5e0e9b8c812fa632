"""Small customs files for tests: one record per line, everything right unless a field is replaced."""

from __future__ import annotations

from pathlib import Path

HEADINGS = (
    "日期",
    "进口或出口",
    "企业编码",
    "经营单位",
    "企业性质",
    "税号编码",
    "起运国或目的国",
    "金额",
    "数量",
    "贸易方式",
)
_RECORD = {
    "日期": "200301",
    "进口或出口": "出口",
    "企业编码": "4403940277",
    "经营单位": "深圳嘉明包装公司",
    "企业性质": "外商独资企业",
    "税号编码": "61091000",
    "起运国或目的国": "美国",
    "金额": "100.25",
    "数量": "10",
    "贸易方式": "一般贸易",
}


def record(**replaced: str) -> str:
    """One line of a monthly file of 2003."""
    return ",".join({**_RECORD, **replaced}[heading] for heading in HEADINGS)


def write_month(path: Path, lines: list[str], encoding: str = "GB18030", end: str = "\n") -> Path:
    """A monthly file; its name must hold the year and month, such as data200301.csv."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(("\n".join([",".join(HEADINGS), *lines]) + end).encode(encoding))
    return path
