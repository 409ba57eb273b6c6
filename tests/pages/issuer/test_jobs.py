"""The jobs of all centres, and one of them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.documents import Document
from portal.models.jobs import Job
from portal.unit_of_work import unit_of_work
from tests.conftest import Batch
from tests.pages.issuer.conftest import words_of
from tests.services.people import People
from tests.world import Client


@pytest.fixture
def with_failures(app: Flask, publish: Callable[..., Batch]) -> Batch:
    """A job of which two documents could not be drawn."""
    batch = publish(rows=1)
    with app.app_context(), unit_of_work(SYSTEM):
        chosen = batch.document_ids[:2]
        db.session.execute(
            update(Document).where(Document.id.in_(chosen)).values(production="failed", failure="No font has it.")
        )
        db.session.execute(
            update(Job).where(Job.id == batch.job_id).values(pending=Job.pending - 2, failed=Job.failed + 2)
        )
    return batch


def test_jobs_of_every_centre_are_listed(isla: Client, publish: Callable[..., Batch], cast: People) -> None:
    here, there = publish(rows=1), publish(rows=2, centre_id=cast.hillside)
    page = isla.get("/issuer/jobs").text
    assert f'data-id="{here.job_id}"' in page
    assert f'data-id="{there.job_id}"' in page
    narrowed = isla.get("/issuer/jobs?centre=10077").text
    assert f'data-id="{here.job_id}"' not in narrowed
    assert f'data-id="{there.job_id}"' in narrowed


def test_a_job_shows_its_figures_and_documents(isla: Client, drawn: Batch) -> None:
    page = isla.get(f"/issuer/jobs/{drawn.job_id}").text
    count = str(len(drawn.document_ids))
    assert dict(re.findall(r'data-figure="(\w+)">(\d+)<', page)) == {
        "requested": count, "pending": "0", "failed": "0", "completed": count,
    }  # fmt: skip
    assert page.count("<tr class=") == len(drawn.document_ids)
    for action in ("view", "preview", "replace", "cancel"):
        assert page.count(f'data-action="{action}"') == len(drawn.document_ids)
    assert isla.get(f"/issuer/jobs/{drawn.job_id}/figures").json["completed"] == len(drawn.document_ids)


def test_failed_documents_of_a_job_are_drawn_again(
    isla: Client, with_failures: Batch, row: Callable[..., Any], draw: Callable[[int], None]
) -> None:
    page = isla.get(f"/issuer/jobs/{with_failures.job_id}")
    assert "Retry 2 failed documents" in words_of(page)
    assert "No font has it." in words_of(page)
    answer = isla.submit(f"/issuer/jobs/{with_failures.job_id}/retry", follow_redirects=True)
    assert "2 documents are drawn again." in words_of(answer)
    assert row(Job, with_failures.job_id).failed == 0
    draw(with_failures.job_id)
    assert row(Job, with_failures.job_id).completed == len(with_failures.document_ids)


def test_one_failed_document_is_drawn_again_alone(isla: Client, with_failures: Batch, row: Callable[..., Any]) -> None:
    first, second = with_failures.document_ids[:2]
    answer = isla.submit(f"/issuer/documents/{first}/retry?back=job")
    assert answer.location == f"/issuer/jobs/{with_failures.job_id}"
    assert row(Document, first).production == "pending"
    assert row(Document, second).production == "failed"


def test_retrying_what_has_not_failed_changes_nothing(isla: Client, drawn: Batch, row: Callable[..., Any]) -> None:
    answer = isla.submit(f"/issuer/documents/{drawn.document_ids[0]}/retry", follow_redirects=True)
    assert "has not failed" in words_of(answer)
    assert row(Document, drawn.document_ids[0]).production == "completed"
    answer = isla.submit(f"/issuer/jobs/{drawn.job_id}/retry", follow_redirects=True)
    assert "No document of this job has failed." in words_of(answer)


@pytest.mark.parametrize("query", ["sort=reason", "status=lost", "created_on_from=31/02/2026", "page=0", "colour=red"])
def test_a_question_that_cannot_be_answered_is_a_422(isla: Client, query: str) -> None:
    answer = isla.get(f"/issuer/jobs?{query}")
    assert answer.status_code == 422
    assert "grid__fault" in answer.text
