"""What a defect does to the text of a record."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from haiguan.transforms.simulation.draws import Draws
from haiguan.transforms.simulation.editions import Layout
from haiguan.transforms.simulation.records import Records, World
from haiguan.transforms.simulation.rules import RULES
from haiguan.transforms.simulation.texts import Text, replaced

# Bytes that no text holds: a byte beyond the range of leading bytes, and a leading byte that nothing follows.
BROKEN_BYTES = {"\x01": b"\xff", "\x02": b"\xff\xfe", "\x03": b"\xb9"}
_NOWHERE = "77010000"
NO_COUNTRY = ("火星", "998")
"""A label and a customs code of a partner that no layout knows."""
_SHARE_THOUSANDS, _SHARE_PADDED = 0.3, 0.1
_AMOUNTS_AS_TEXT = "monthly_2006"

Breaker = Callable[[str, int], str]


def broken(
    fields: Mapping[str, Text], records: Records, layout: Layout, world: World, is_text: bool
) -> dict[str, Text]:
    """The fields as delivered: where a rule breaks one, what stands there instead.

    Args:
        fields: each field without a defect.
        records: the records.
        layout: how they are delivered.
        world: the world.
        is_text: whether a number can be told by letters.
    """
    found = dict(fields)
    lettered = frozenset() if is_text else layout.numbers
    for rule, (field, breaker) in _breakers(layout, world, lettered).items():
        rows = np.flatnonzero(records.rule == RULES.index(rule))
        if len(rows) and field in found:
            texts, variants = found[field].take(rows).to_pylist(), records.variant[rows].tolist()
            found[field] = replaced(found[field], rows, [breaker(*pair) for pair in zip(texts, variants, strict=True)])
    return found


def dressed(fields: Mapping[str, Text], records: Records, layout: Layout, draws: Draws) -> dict[str, Text]:
    """Amounts as some layouts have them: with commas between the thousands, or blanks around them."""
    if layout.name != _AMOUNTS_AS_TEXT:
        return dict(fields)
    found = dict(fields)
    for field in ("value", "quantity"):
        drawn = draws.uniform(f"dress of {field}", records.id)
        rows = np.flatnonzero(drawn < _SHARE_THOUSANDS + _SHARE_PADDED)
        texts = zip(found[field].take(rows).to_pylist(), (drawn[rows] < _SHARE_THOUSANDS).tolist(), strict=True)
        found[field] = replaced(
            found[field], rows, [_with_commas(text) if by_comma else f" {text} " for text, by_comma in texts]
        )
    return found


def cut_line(values: list[str], variant: int, name_at: int) -> list[str]:
    """A line that cannot be split: cut short, or with a stray field before the firm's name."""
    return values[:8] if variant % 2 == 0 else [*values[:name_at], "经营", *values[name_at:]]


def _breakers(layout: Layout, world: World, numbers: frozenset[str]) -> dict[str, tuple[str, Breaker]]:
    """Rule -> the field that it breaks, and how."""
    stranger = next(iter(world.products.strangers[layout.hs_revision][-1:]), _NOWHERE[:6]) + "00"
    unknown = [_NOWHERE, stranger.lstrip("0") if "product" in layout.numbers else stranger]
    return {
        "undecodable_line": ("firm_name", _undecodable),
        "malformed_period": ("period", _malformed_period_number if "period" in numbers else _malformed_period),
        "year_mismatch": ("period", lambda text, variant: f"{int(text[:4]) + (1 if variant % 2 else -1)}{text[4:]}"),
        "period_overruled": ("period", _other_month),
        "cut_to_eight": ("product", lambda text, variant: text + ("00", "90")[variant % 2]),
        "unknown_district": ("district", lambda _, variant: ("不详", "境外")[variant % 2]),
        "month_mismatch": ("period", _other_month),
        "blank_direction": ("direction", _blank),
        "malformed_firm_code": ("firm_code", _malformed_firm_code),
        "malformed_product": ("product", _malformed_number if "product" in layout.numbers else _malformed_product),
        "unknown_product": ("product", lambda _, variant: unknown[variant % 2]),
        "blank_partner": ("partner", _blank),
        "ignored_label": ("partner", lambda text, _: NO_COUNTRY[text.isdigit()]),
        "malformed_value": ("value", _no_number if "value" in numbers else _malformed_amount),
        "blank_regime": ("regime", _blank),
        "malformed_quantity": ("quantity", _negative if "quantity" in numbers else _malformed_amount),
    }


def _blank(text: str, variant: int) -> str:
    return ("", " ")[variant % 2]


def _other_month(text: str, variant: int) -> str:
    return f"{text[:4]}{int(text[4:]) % 12 + 1:02d}"


def _malformed_period(text: str, variant: int) -> str:
    return (f"{text[:4]}13", text[:-1], "不详")[variant % 3]


def _malformed_period_number(text: str, variant: int) -> str:
    return (f"{text[:4]}13", text[:-1], "")[variant % 3]


def _malformed_firm_code(text: str, variant: int) -> str:
    return (text[:-1], f"{text}1", f"{text[:5]}-{text[5:9]}", "无", "")[variant % 5]


def _malformed_product(text: str, variant: int) -> str:
    return (f"{text[:4]}AB{text[6:]}", f"{text}1", text[:7])[variant % 3]


def _malformed_number(text: str, variant: int) -> str:
    return (text.ljust(8, "1") + "111", text[:5])[variant % 2]


def _malformed_amount(text: str, variant: int) -> str:
    return ("暂无", "1.2e6", f"-{text}", "12.3.4")[variant % 4]


def _no_number(text: str, variant: int) -> str:
    return ("", _negative(text, variant))[variant % 2]


def _negative(text: str, variant: int) -> str:
    return f"-{text}"


def _undecodable(text: str, variant: int) -> str:
    """Marks for BROKEN_BYTES in a name: after its third character, or at its end."""
    mark = list(BROKEN_BYTES)[variant % len(BROKEN_BYTES)]
    at = len(text) if variant % len(BROKEN_BYTES) == len(BROKEN_BYTES) - 1 else 3
    return text[:at] + mark + text[at:]


def _with_commas(text: str) -> str:
    head, point, rest = text.partition(".")
    return f"{int(head):,}{point}{rest}" if head.isdigit() else text
