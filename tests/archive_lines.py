"""What a line of the simulated archive says and which rules it breaks, read by plain Python, apart from the product."""

from __future__ import annotations

import re
from collections.abc import Iterator
from decimal import ROUND_HALF_EVEN, Decimal

from archive_files import Line, coding

CENT = Decimal("0.01")
PLAIN = re.compile(r"\d+(\.\d+)?")


def broken_rules_of(
    line: Line, known_products: set[tuple[str, str]], mapped: set[tuple[str, str]], partner_of: dict[str, str]
) -> Iterator[str]:
    """The rules that the line breaks."""
    text = {name.removesuffix("_text"): value.strip() for name, value in line.fields.items()}
    yield from _broken_period(line, text["period"])
    if not text["direction"]:
        yield "blank_direction"
    if not re.fullmatch(r"\d{5}\d[0-9A-Za-z]{4}", text["firm_code"]):
        yield "malformed_firm_code"
    code = text["product"]
    if line.layout["product_is_number"] and len(code) in (7, 9):
        code = f"0{code}"
    if re.fullmatch(r"\d{10}", code):
        yield "cut_to_eight"
        code = code[:8]
    if not re.fullmatch(r"\d{8}", code):
        yield "malformed_product"
    elif code[:2] in ("98", "99"):
        yield "special_use"
    elif (line.layout["hs_revision"], code[:6]) not in known_products:
        yield "unknown_product"
    elif (line.layout["hs_revision"], code[:6]) not in mapped:
        yield "unmapped_code"
    if not text["partner"]:
        yield "blank_partner"
    elif text["partner"] not in partner_of:
        yield "ignored_label"
    elif partner_of[text["partner"]] == "CHN":
        yield "partner_is_declarant"
    if not PLAIN.fullmatch(amount_of(line, "value")):
        yield "malformed_value"
    elif not float(amount_of(line, "value")):
        yield "zero_value"
    if not text["regime"]:
        yield "blank_regime"
    assert coding("ownership_by_name")[text["ownership"]]
    if not re.fullmatch(r"\d{5}", text.get("district", "00000")):
        yield "unknown_district"
    if "quantity" in text:
        yield from _broken_quantity(amount_of(line, "quantity"))
        assert coding("unit_by_name")[text["unit"]]


def _broken_period(line: Line, period: str) -> Iterator[str]:
    month = re.search(rf"{line.year}-?(\d\d)(?:cn)?\.csv", line.file)
    if line.layout.get("period_rule") == "file_name":
        if period != f"{line.year}{month[1]}":
            yield "period_overruled"
    elif not re.fullmatch(r"\d{4}" if line.year == 2011 else r"\d{4}(0[1-9]|1[0-2])", period):
        yield "malformed_period"
    elif int(period[:4]) != line.year:
        yield "year_mismatch"
    elif month and period[4:] != month[1]:
        yield "month_mismatch"


def _broken_quantity(quantity: str) -> Iterator[str]:
    if quantity in ("", "0"):
        yield "zero_quantity" if quantity else "missing_quantity"
    elif not PLAIN.fullmatch(quantity):
        yield "malformed_quantity"


def amount_of(line: Line, field: str) -> str:
    """The amount without the blanks and commas that its layout allows."""
    text = line.fields[f"{field}_text"].strip()
    return re.sub(r"(?<=\d),(?=\d{3})", "", text) if "thousands_separator" in line.layout else text


def direction_of(line: Line) -> str:
    """export or import."""
    return {"进口": "import", "出口": "export", "1": "import", "0": "export"}[line.fields["direction_text"]]


def regime_of(line: Line) -> str:
    """The regime of its label, by the codings of its layout and year."""
    known = coding("regime_by_name") | {label.lstrip("0"): code for label, code in coding("regime_by_code").items()}
    if line.year >= 2012:
        known |= {"1": "ordinary", "23": "processing_unspecified"}
    if line.year == 2009:
        known |= {"1": "ordinary", "2": "processing_unspecified"}
    return known[line.fields["regime_text"].lstrip("0")]


def cents_of(line: Line) -> Decimal:
    """Its value, rounded to cents half to even."""
    return Decimal(amount_of(line, "value")).quantize(CENT, rounding=ROUND_HALF_EVEN)
