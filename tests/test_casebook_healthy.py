"""The log in docs/casebook/healthy.md: nothing in it calls for a change."""

from __future__ import annotations

from pathlib import Path

from sparring.doctor.diagnosing import diagnosed
from sparring.doctor.readers import read_log

CASEBOOK = Path(__file__).parents[1] / "docs" / "casebook"


def test_the_story_on_the_page_is_what_diagnose_says() -> None:
    found = diagnosed(read_log(CASEBOOK / "healthy.log"))
    assert {finding.severity for finding in found.report.findings} == {"info"}
    assert found.stories[0] in (CASEBOOK / "healthy.md").read_text()
