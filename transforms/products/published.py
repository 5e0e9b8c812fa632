"""Tables of HS codes as others publish them: what each one is, and what it says of codes.

Pure parsing of rows of text. Known by their headings: the correlation and conversion tables of the UN Statistics
Division, estimated weights in the Growth Lab's layout, tables of a user's own, HS to BEC (UNSD), HS to ISIC (WITS), and
attributes by code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.schema.columns import HS_REVISIONS

Rows = Sequence[Sequence[str]]

LINKS = ["source_revision", "source_code", "target_revision", "target_code", "kind", "weight", "is_padded", "file"]
ATTRIBUTES = ["hs_revision", "product_code", "attribute", "attribute_code", "is_padded", "file"]
KINDS = ("conversion", "correlation", "weights")

EXPECTED = (
    "a correlation and conversion table of the UN Statistics Division (.xls, .xlsx: two headings such as HS 2012 and "
    "HS 2007), estimated weights (headings such as H4, H3, weight), a table of your own (source_revision, source_code, "
    "target_revision, target_code and any of weight, kind), UN Comtrade's classificationH<n>.json, HS to BEC (headings "
    "such as HS 2017, BEC), HS to ISIC of WITS, or attributes by code (hs_revision, product_code and one column each)"
)

FIRST_YEAR_OF_HS = 1988

_YEAR_OF_INDEX = dict(enumerate(revision[2:] for revision in HS_REVISIONS))
_REVISION = re.compile(r"(?:from|to)?\s*(?:HS|H)\s*-?\s*(\d{4}|\d{2}|\d)\s*(?:product code)?", re.IGNORECASE)
_CODE = re.compile(r"\d{5,6}")
_USER_LINK = ("source_revision", "source_code", "target_revision", "target_code")


@dataclass(frozen=True)
class Published:
    """What one or several published tables say.

    Attributes:
        links: columns LINKS; one row per pair of codes of two revisions, weight NaN where the table has none.
        attributes: columns ATTRIBUTES; one row per code, attribute and value.
        incomplete: file -> number of rows that have one of two codes only.
    """

    links: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=LINKS))
    attributes: pd.DataFrame = field(default_factory=lambda: pd.DataFrame(columns=ATTRIBUTES))
    incomplete: dict[str, int] = field(default_factory=dict)


def together(parts: Sequence[Published]) -> Published:
    """Several tables as one, in their order."""
    return Published(
        links=_stacked([part.links for part in parts], LINKS),
        attributes=_stacked([part.attributes for part in parts], ATTRIBUTES),
        incomplete={file: rows for part in parts for file, rows in part.incomplete.items()},
    )


def _stacked(frames: Sequence[pd.DataFrame], columns: list[str]) -> pd.DataFrame:
    filled = [frame for frame in frames if len(frame)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=columns)


def revision_of(text: str) -> str | None:
    """The HS revision that a text names (HS 2012, HS12, H4, From HS 2017, 2012); None where it names none."""
    stripped = re.sub(r"\s+", " ", str(text)).strip()
    found = _REVISION.fullmatch(stripped) or re.fullmatch(r"()(?:19|20)\d{2}", stripped)
    if not found:
        return None
    digits = found.group(1) or stripped
    year = _YEAR_OF_INDEX.get(int(digits)) if len(digits) == 1 else _four_digits(digits)
    return f"HS{year}" if f"HS{year}" in HS_REVISIONS else None


def revision_in_force(year: int) -> str | None:
    """The HS revision of a year, as the first members adopted it; None before 1988, the first codes being of 1992."""
    begun = [revision for revision in HS_REVISIONS if int(revision[2:]) <= year]
    if begun:
        return begun[-1]
    return HS_REVISIONS[0] if year >= FIRST_YEAR_OF_HS else None


def _four_digits(digits: str) -> str:
    if len(digits) == 4:
        return digits
    return f"19{digits}" if digits > "50" else f"20{digits}"


def read_table(rows: Rows, file: str) -> Published | None:
    """What a table says; None where it is of no known kind.

    Args:
        rows: cells as text, blank where empty.
        file: name of the file, for messages and the links' origin.

    Raises:
        InputError: a table of a known kind with a revision, kind or weight that cannot be.
    """
    readers: tuple[Callable[[Rows, str], Published | None], ...] = (
        _own_links,
        _estimated_weights,
        _united_nations_links,
        _bec,
        _isic,
        _own_attributes,
    )
    for reader in readers:
        found = reader(rows, file)
        if found is not None:
            return found
    return None


def headings_of(rows: Rows) -> list[str]:
    """The headings of a table, in small letters."""
    return [cell.strip().lower().lstrip("\ufeff") for cell in rows[0]] if rows else []


def _padded(code: str) -> str:
    return code.strip().zfill(6)


def _links(pairs: list[tuple[str, str, float]], source: str, target: str, kind: str, file: str) -> pd.DataFrame:
    made = [
        (source, _padded(a), target, _padded(b), kind, weight, len(a.strip()) < 6 or len(b.strip()) < 6, file)
        for a, b, weight in pairs
    ]
    return pd.DataFrame(made, columns=LINKS)


def _united_nations_links(rows: Rows, file: str) -> Published | None:
    """Correlation or conversion: below headings that name two revisions; a conversion has no column Relationship."""
    for at, row in enumerate(rows[:12]):
        named = [(place, revision) for place, cell in enumerate(row) if (revision := revision_of(cell))]
        if len(named) == 2:
            (first, source), (second, target) = named
            is_correlation = any("relationship" in cell.lower() for cell in row)
            cells = [(line[first].strip(), line[second].strip()) for line in rows[at + 1 :] if len(line) > second]
            are_codes = [[bool(_CODE.fullmatch(cell)) for cell in pair] for pair in cells]
            pairs = [(*pair, float("nan")) for pair, codes in zip(cells, are_codes, strict=True) if all(codes)]
            kind = "correlation" if is_correlation else "conversion"
            alone = sum(any(codes) and not all(codes) for codes in are_codes)
            return Published(_links(pairs, source, target, kind, file), incomplete={file: alone} if alone else {})
    return None


def _estimated_weights(rows: Rows, file: str) -> Published | None:
    """Growth Lab: headings H4, H3, weight and perhaps group_id."""
    headings = headings_of(rows)
    if len(headings) < 3 or headings[2] != "weight":
        return None
    source, target = revision_of(headings[0]), revision_of(headings[1])
    if source is None or target is None:
        return None
    pairs = [(line[0], line[1], share_of(line[2], file, at)) for at, line in enumerate(rows[1:], start=2) if any(line)]
    return Published(_links([p for p in pairs if p[2] > 0], source, target, "weights", file))


def share_of(text: str, file: str, line: int) -> float:
    """The share that a cell says.

    Raises:
        InputError: none between 0 and 1.
    """
    try:
        weight = float(text)
    except ValueError:
        weight = -1.0
    if not 0 <= weight <= 1 + 1e-9:
        raise InputError(f"{file}, line {line}: weight `{text}` is no share between 0 and 1; correct it")
    return weight


def _own_links(rows: Rows, file: str) -> Published | None:
    """A user's table: without kind, a weight makes it weights; a pair that is alone for its source also converts."""
    headings = headings_of(rows)
    if not set(_USER_LINK) <= set(headings):
        return None
    parsed = [_own_link(dict(zip(headings, line, strict=False)), file, at) for at, line in numbered(rows)]
    return Published(_with_implied(pd.DataFrame(parsed, columns=LINKS)))


def numbered(rows: Rows) -> list[tuple[int, Sequence[str]]]:
    """The rows below the headings with their line numbers, blank ones left out."""
    return [(at, line) for at, line in enumerate(rows[1:], start=2) if any(cell.strip() for cell in line)]


def _own_link(cells: dict[str, str], file: str, line: int) -> tuple:
    source, target = (_own_revision(cells[name], name, file, line) for name in ("source_revision", "target_revision"))
    codes = [cells[name].strip() for name in ("source_code", "target_code")]
    bad = [code for code in codes if not _CODE.fullmatch(code)]
    if bad:
        raise InputError(f"{file}, line {line}: `{bad[0]}` is no code of six digits; correct it")
    weight = share_of(cells["weight"], file, line) if cells.get("weight", "").strip() else float("nan")
    kind = cells.get("kind", "").strip() or ("weights" if weight == weight else "")
    if kind not in (*KINDS, ""):
        raise InputError(f"{file}, line {line}: kind `{kind}` must be one of {', '.join(KINDS)}")
    is_padded = any(len(code) < 6 for code in codes)
    return (source, _padded(codes[0]), target, _padded(codes[1]), kind, weight, is_padded, file)


def _own_revision(text: str, column: str, file: str, line: int) -> str:
    revision = revision_of(text)
    if revision is None:
        raise InputError(f"{file}, line {line}: {column} `{text}` must be one of {', '.join(HS_REVISIONS)}")
    return revision


def _with_implied(links: pd.DataFrame) -> pd.DataFrame:
    """Pairs without a kind are correlations; a conversion and a correlation whose source has one target imply another.

    A conversion runs from a later to an earlier revision only.
    """
    by_source = ["source_revision", "target_revision", "source_code"]
    plain = links[links.kind == ""]
    alone = plain[~plain.duplicated(by_source, keep=False) & (plain.source_revision > plain.target_revision)]
    parts = [
        links[links.kind != ""],
        links[links.kind.isin(["", "conversion"])].assign(kind="correlation"),
        alone.assign(kind="conversion"),
    ]
    return pd.concat(parts, ignore_index=True)


def _attributes(found: list[tuple[str, str, str, str]], file: str) -> pd.DataFrame:
    made = [
        (revision, _padded(code), attribute, value.strip(), len(code) < 6, file)
        for revision, code, attribute, value in found
    ]
    return pd.DataFrame(made, columns=ATTRIBUTES)


def _bec(rows: Rows, file: str) -> Published | None:
    """UNSD: headings such as HS 2017, BEC; codes may be dotted. Its list of BEC's names says nothing of HS codes."""
    headings = headings_of(rows)
    if headings[:2] == ["pfcode", "cmdcode"]:
        return Published()
    if len(headings) < 2 or not headings[1].startswith("bec"):
        return None
    revision = revision_of(headings[0])
    if revision is None:
        return None
    cells = [(line[0].replace(".", "").strip(), line[1]) for _, line in numbered(rows) if len(line) > 1]
    return Published(
        attributes=_attributes([(revision, a, "bec", b) for a, b in cells if _CODE.fullmatch(a) and b.strip()], file)
    )


def _isic(rows: Rows, file: str) -> Published | None:
    """WITS: HS product code and description, ISIC Revision 3 code and description. Combined revisions say nothing."""
    headings = headings_of(rows)
    if len(headings) < 3 or not headings[2].startswith("isic revision 3"):
        return None
    if "combined" in headings[0]:
        return Published()
    revision = "HS1992" if headings[0].startswith("hs 1988/92") else revision_of(headings[0])
    if revision is None:
        return None
    found = [(revision, line[0].strip(), "isic3", line[2]) for _, line in numbered(rows) if len(line) > 2]
    return Published(attributes=_attributes([row for row in found if _CODE.fullmatch(row[1])], file))


def _own_attributes(rows: Rows, file: str) -> Published | None:
    """A user's table: hs_revision, product_code, and a column for each attribute."""
    headings = headings_of(rows)
    if not {"hs_revision", "product_code"} <= set(headings) or len(headings) < 3:
        return None
    found, faults = [], []
    for at, line in numbered(rows):
        cells = dict(zip(headings, line, strict=False))
        revision, code = revision_of(cells["hs_revision"]), cells["product_code"].replace(".", "").strip()
        if revision is None or not _CODE.fullmatch(code):
            faults.append(f"{file}, line {at}: `{cells['hs_revision']}`, `{code}` is no HS revision and six-digit code")
            continue
        named = [(name, value) for name, value in cells.items() if name not in ("hs_revision", "product_code")]
        found += [(revision, code, name, value) for name, value in named if value.strip()]
    if faults:
        raise InputError(*faults[:20])
    return Published(attributes=_attributes(found, file))
