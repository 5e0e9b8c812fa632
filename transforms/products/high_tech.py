"""Lists of high-technology products: the US Census Bureau's Schedule B with its flag, and lists of a user's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pandas as pd

from haiguan.transforms.errors import InputError
from haiguan.transforms.products.published import ATTRIBUTES, Rows, revision_of

EXPECTED = (
    "the US Census Bureau's Schedule B of a year with its flag of advanced technology (fixed width, or headings "
    "schedB10 and hitech_atp; the year in the file's name), or a list of your own (hs_revision, product_code and "
    "perhaps list)"
)
_FIXED_WIDTH = re.compile(r"(\d{10})\s.*\s(\d\d)\s*")
_NO_FLAG = "00"


def read_list(rows: Rows, file: str, revision: str | None) -> pd.DataFrame | None:
    """The attributes that a list gives to codes of six digits, in columns ATTRIBUTES; None where it is none.

    `high_tech_us` is `all` where every line of Schedule B below the code is flagged, and `part` where some are;
    `high_tech_<list>` (list `cn` where none is named) is `listed`, for a code or for a national code below it.

    Args:
        rows: cells as text; a file without separators has one cell a row.
        file: its name.
        revision: HS revision in force in the year that the name tells; None where it tells none.

    Raises:
        InputError: a Schedule B without a year in its name, or a code or revision that is none.
    """
    flagged = _schedule_b(rows)
    if flagged is not None:
        if revision is None:
            raise InputError(
                f"{file}: which year's Schedule B this is, its name must tell; rename it, as schedule_b_2019"
            )
        return _shares(flagged, file, revision)
    headings = [cell.strip().lower() for cell in rows[0]] if rows else []
    if not {"hs_revision", "product_code"} <= set(headings):
        return None
    return _own_list([dict(zip(headings, line, strict=False)) for line in rows[1:] if any(line)], file)


def _schedule_b(rows: Rows) -> list[tuple[str, str]] | None:
    """Ten-digit code and flag of every line; None where it is something else."""
    headings = [cell.strip().lower() for cell in rows[0]] if rows else []
    if {"schedb10", "hitech_atp"} <= set(headings):
        code, flag = headings.index("schedb10"), headings.index("hitech_atp")
        return [(line[code].strip(), line[flag].strip()) for line in rows[1:] if any(line)]
    found = [_FIXED_WIDTH.fullmatch(",".join(line)) for line in rows if any(line)]
    if not found or not all(found):
        return None
    return [(match.group(1), match.group(2)) for match in found if match]


def _shares(lines: Sequence[tuple[str, str]], file: str, revision: str) -> pd.DataFrame:
    frame = pd.DataFrame(sorted(set(lines)), columns=["code", "flag"])
    is_flagged = (frame.flag != _NO_FLAG).groupby(frame.code.str[:6])
    share = is_flagged.mean()
    made = [
        (revision, code, "high_tech_us", "all" if of_code == 1 else "part", False, file)
        for code, of_code in share[share > 0].items()
    ]
    return pd.DataFrame(made, columns=ATTRIBUTES)


def _own_list(lines: Sequence[dict[str, str]], file: str) -> pd.DataFrame:
    made, faults = [], []
    for at, cells in enumerate(lines, start=2):
        revision, code = revision_of(cells["hs_revision"]), cells["product_code"].replace(".", "").strip()
        if revision is None or not re.fullmatch(r"\d{6}|\d{8}|\d{10}", code):
            faults.append(f"{file}, line {at}: `{cells['hs_revision']}`, `{code}` is no HS revision and code of it")
            continue
        made.append((revision, code[:6], f"high_tech_{cells.get('list', '').strip() or 'cn'}", "listed", False, file))
    if faults:
        raise InputError(*faults[:20])
    return pd.DataFrame(made, columns=ATTRIBUTES)
