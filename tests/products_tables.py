"""Small tables of product codes for tests."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from haiguan.transforms.products.published import LINKS
from haiguan.transforms.products.translation import HarmoniseSettings


def links(text: str, kind: str, file: str = "made") -> pd.DataFrame:
    """Pairs of codes, one per line: source revision and code, target revision and code, perhaps a weight."""
    rows = []
    for words in map(str.split, text.strip().splitlines()):
        source, code, target, other, *weight = words
        rows.append((source, code, target, other, kind, float(weight[0]) if weight else float("nan"), False, file))
    return pd.DataFrame(rows, columns=LINKS)


def together(*frames: pd.DataFrame) -> pd.DataFrame:
    return pd.concat(frames, ignore_index=True)


def harmonise(
    to: str | None = "HS1996",
    method: str = "conversion",
    shares: str = "estimated",
    family_revisions: Sequence[str] = ("HS1996", "HS2002"),
    family_codes_at_most: int | None = None,
) -> HarmoniseSettings:
    return HarmoniseSettings(
        to=to,
        method=method,
        shares=shares,
        family_revisions=tuple(family_revisions),
        family_codes_at_most=family_codes_at_most,
    )
