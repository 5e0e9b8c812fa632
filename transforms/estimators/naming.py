"""How a wrong name is answered: what was found, what is known, and the nearest valid name."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


def unknown_name(kind: str, found: str, known: Iterable[str]) -> str:
    """One sentence on a name that does not exist.

    >>> unknown_name("column", "prov_code", ["year", "province_code"])
    "There is no column 'prov_code'; did you mean 'province_code'?"
    >>> unknown_name("column", "zzz", ["year", "firm"])
    "There is no column 'zzz'; known are: firm, year."
    """
    names = sorted(map(str, known))
    nearest = get_close_matches(found, names, n=1, cutoff=0.5)
    remedy = f"; did you mean {nearest[0]!r}?" if nearest else f"; known are: {', '.join(names[:30])}."
    return f"There is no {kind} {found!r}{remedy}"
