"""The dashboard of the back office."""

import re
from collections.abc import Callable
from typing import Any

from portal.models.documents import Document
from tests.conftest import Batch
from tests.world import Client


def test_the_figures_are_those_of_the_database(isla: Client, drawn: Batch) -> None:
    figures = isla.get("/issuer/figures").json
    assert figures["completed"] == len(drawn.document_ids)
    assert figures["pending"] == figures["failed"] == figures["cancelled"] == 0
    assert figures["jobs"] == figures["jobs_today"] == 1
    assert figures["centres"] == 2
    assert figures["uploads"] == figures["mails_failed"] == figures["mails_unknown"] == 0
    page = isla.get("/issuer/").text
    shown = dict(re.findall(r'data-figure="(\w+)">(\d+)<', page))
    assert shown == {name: str(value) for name, value in figures.items() if name in shown}
    assert set(shown) >= {"pending", "completed", "failed", "cancelled", "jobs_today", "centres", "uploads"}


def test_a_cancelled_document_is_counted(isla: Client, drawn: Batch, row: Callable[..., Any]) -> None:
    isla.submit(f"/issuer/documents/{drawn.document_ids[0]}/cancel", {"reason": "Issued in error."})
    assert row(Document, drawn.document_ids[0]).validity == "cancelled"
    assert isla.get("/issuer/figures").json["cancelled"] == 1


def test_the_newest_job_is_shown(isla: Client, drawn: Batch) -> None:
    page = isla.get("/issuer/").text
    assert f'<tr data-id="{drawn.job_id}">' in page
    assert 'data-room="issuer:home"' in page
    assert 'data-room="issuer:jobs"' in page


def test_an_empty_portal_says_what_to_do(isla: Client) -> None:
    assert "No job has been published yet" in isla.get("/issuer/").text
