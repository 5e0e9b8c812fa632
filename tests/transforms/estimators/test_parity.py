"""Published values, digit by digit; docs/estimators.md prints what this test computes.

`HAIGUAN_WRITE_DOCS=1 pytest tests/transforms/estimators/test_parity.py` writes the table anew.
"""

from __future__ import annotations

import os

import pytest
from published_values import BEGIN, CASES, END, PAGE, Case, agrees, parity_table


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.estimator}; {case.source}")
def test_rounds_to_what_is_published(case: Case) -> None:
    computed = case.computed()
    wrong = {
        name: (printed, computed[name])
        for name, printed in case.published.items()
        if not agrees(printed, computed[name])
    }
    assert not wrong


def test_the_documented_table_is_the_computed_one() -> None:
    page = PAGE.read_text(encoding="utf-8")
    before, rest = page.split(BEGIN)
    printed, after = rest.split(END)
    if os.environ.get("HAIGUAN_WRITE_DOCS"):
        PAGE.write_text(f"{before}{BEGIN}\n{parity_table()}\n{END}{after}", encoding="utf-8")
    else:
        assert printed.strip() == parity_table()
