"""How the report writes numbers, amounts, times and sizes."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

NOTHING = "–"
FIGURE_SPACE = "\u2007"
_MAGNITUDES = ((12, "trillion"), (9, "billion"), (6, "million"))
_SIZES = ("bytes", "kB", "MB", "GB", "TB")


def count(number: int | None) -> str:
    """A count with thousands separators; a dash where there is none.

    >>> count(1234567), count(None)
    ('1,234,567', '–')
    """
    return NOTHING if number is None else f"{number:,}"


def dollars(amount: Decimal | None, decimals: int = 2) -> str:
    """An amount to the cent, to finer digits only where it has them; padded so that points stand below each other.

    Args:
        amount: US dollars.
        decimals: the most that a number of the same column has.

    >>> dollars(Decimal("1234567.5")), dollars(Decimal("-0.004000")), dollars(None)
    ('1,234,567.50', '-0.004', '–')
    """
    if amount is None:
        return NOTHING
    whole, fraction = f"{amount:,.6f}".split(".")
    return f"{whole}.{fraction.rstrip('0').ljust(2, '0')}".ljust(len(whole) + 1 + decimals, FIGURE_SPACE)


def decimals_of(amount: Decimal | None) -> int:
    """How many decimals `dollars` writes.

    >>> decimals_of(Decimal("5.125000")), decimals_of(Decimal(7))
    (3, 2)
    """
    return 2 if amount is None else len(dollars(amount).split(".")[1])


def taken_count(number: int | None) -> str:
    """A count that an account takes away: with a minus sign; nothing where there is none.

    >>> taken_count(1234), taken_count(0)
    ('−1,234', '')
    """
    return count(-number).replace("-", "−") if number else ""


def taken(amount: Decimal | None, decimals: int = 2) -> str:
    """An amount that an account takes away: with a minus sign, empty where it is zero, a dash where it is not known.

    >>> taken(Decimal("1234.5")), taken(Decimal(0)), taken(None)
    ('−1,234.50', '', '–')
    """
    return dollars(None if amount is None else -amount, decimals).replace("-", "−") if amount != 0 else ""


def short_dollars(amount: Decimal | None) -> str:
    """An amount as read at a glance: four digits and their magnitude.

    >>> short_dollars(Decimal("442848624384")), short_dollars(Decimal("12345.6")), short_dollars(Decimal("999999999"))
    ('US$ 442.8 billion', 'US$ 12,346', 'US$ 1.0 billion')
    """
    if amount is None:
        return NOTHING
    for power, name in _MAGNITUDES:
        if round(abs(amount) / 10**power, 1) >= 1:
            return f"US$ {amount / 10**power:,.1f} {name}"
    return f"US$ {amount:,.0f}"


def duration(seconds: float | None) -> str:
    """Seconds as hours, minutes and seconds.

    >>> duration(115.9), duration(8.25), duration(7322)
    ('1 min 56 s', '8.2 s', '2 h 2 min')
    """
    if seconds is None:
        return NOTHING
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def size(number: int | None) -> str:
    """A file's size in decimal units.

    >>> size(512), size(510672)
    ('512 bytes', '510.7 kB')
    """
    if number is None:
        return NOTHING
    scaled, unit = float(number), 0
    while scaled >= 1000 and unit < len(_SIZES) - 1:
        scaled, unit = scaled / 1000, unit + 1
    return f"{scaled:.1f} {_SIZES[unit]}" if unit else f"{number} bytes"


def moment(time: datetime | None) -> str:
    """A time to the minute, UTC."""
    return NOTHING if time is None else f"{time.day} {time:%B %Y, %H:%M} UTC"


def percent(share: float | None) -> str:
    """A share in per cent; a dash where there is none.

    >>> percent(0.1234), percent(None)
    ('12.3 %', '–')
    """
    return NOTHING if share is None else f"{100 * share:.1f} %"


def ratio(number: float | None) -> str:
    """A ratio with four decimals; a dash where there is none.

    >>> ratio(1.00004), ratio(None)
    ('1.0000', '–')
    """
    return NOTHING if number is None else f"{number:.4f}"


def words(name: str) -> str:
    """A rule or study as words: underscores are spaces."""
    return name.replace("_", " ")


def plural(number: int, singular: str, many: str | None = None) -> str:
    """A count and its noun.

    >>> plural(1, "file"), plural(2300, "entry", "entries")
    ('1 file', '2,300 entries')
    """
    return f"{number:,} {singular if number == 1 else many or singular + 's'}"
