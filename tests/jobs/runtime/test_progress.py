"""What a person is told: plain lines where nobody watches a terminal, and what remains."""

from __future__ import annotations

import io
import re
from dataclasses import dataclass, field

import pytest
from rich.console import Console

from haiguan.expectations.gate import Verdict
from haiguan.jobs.runtime.progress import Progress, describe


@dataclass
class Due:
    slice: dict = field(default_factory=dict)


@pytest.fixture
def screen():
    return io.StringIO()


@pytest.fixture
def progress(screen) -> Progress:
    return Progress(Console(file=screen, width=60))


def test_lines_bear_the_time_and_are_not_wrapped(progress, screen):
    progress.say("x" * 100)
    assert re.fullmatch(r"\d\d:\d\d:\d\d x{100}\n", screen.getvalue())


def test_brackets_are_text_and_no_markup(progress, screen):
    progress.say("[bold]2003[/bold]")
    assert "[bold]2003[/bold]" in screen.getvalue()


def test_published_slices_with_rows_and_seconds(progress, screen):
    progress.expect(3)
    progress.published("clean", "core_customs__declarations", [Due({"year": 2003})], 1234567, 2.34)
    progress.published("clean", "core_customs__flows", [Due({"year": 2003}), Due({"year": 2004})], 5, 0.1)
    progress.published("panel", "panel_customs__firm_year", [Due({})], 5, 0.1)
    first, second, third = screen.getvalue().splitlines()
    assert re.search(r"core_customs__declarations +1,234,567 rows +2.3 s +2 to do  year=2003$", first)
    assert second.endswith("1 to do  year=2003 .. year=2004 (2)")
    assert third.endswith("0 to do")


@pytest.mark.parametrize(
    ("verdict", "said"),
    [
        (Verdict("e", "critical", False, exception="no such column"), "says nothing of the data: no such column"),
        (Verdict("e", "critical", False, evaluated=2000, unexpected=1500), "e: 1,500 of 2,000 rows do not meet it"),
        (Verdict("e", "critical", False, observed="0"), "e: observed 0"),
    ],
    ids=["exception", "rows", "table"],
)
def test_a_failed_expectation_is_a_sentence(verdict, said):
    assert said in describe(verdict)


def test_warnings_alone_are_told_while_the_run_goes_on(progress, screen):
    progress.judged(
        "core_a__b",
        [
            Verdict("odd", "warning", False, observed="1"),
            Verdict("fatal", "critical", False),
            Verdict("fine", "warning", True),
        ],
    )
    assert "core_a__b: warning: odd: observed 1" in screen.getvalue()
    assert "fatal" not in screen.getvalue()
    assert "fine" not in screen.getvalue()


def test_nothing_is_drawn_outside_a_terminal(progress, screen):
    with progress.building("clean", "core_a__b", 3):
        assert screen.getvalue() == ""


def test_at_a_terminal_the_table_at_work_is_shown():
    screen = io.StringIO()
    progress = Progress(Console(file=screen, width=80, force_terminal=True))
    progress.expect(4)
    with progress.building("clean", "core_a__b", 3):
        pass
    progress.say("done")
    assert "clean: core_a__b, 3 slices (4 tables to do)" in screen.getvalue()
    assert not re.search(r"\d\d:\d\d:\d\d", screen.getvalue())


def test_removed_slices_are_told(progress, screen):
    progress.removed("core_a__b", [{"year": 2003}])
    assert "core_a__b: removed year=2003, whose input is gone" in screen.getvalue()
