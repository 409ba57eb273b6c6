"""Replacing a document: a corrected one with a new reference, both pointing at each other."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any

import pytest

from portal.models.documents import Document
from portal.models.jobs import Job
from portal.models.records import Record
from portal.vocabulary import Production, Validity
from tests.conftest import Batch
from tests.pages.issuer.conftest import words_of
from tests.world import Client

Row = Callable[[type, int], Any]


def form_of(page: Any) -> dict[str, str]:
    """The facts as the form has them."""
    main = page.text.partition("<main")[2]
    found = re.findall(r"<input[^>]*>", main)
    values = {}
    for tag in found:
        name, value = re.search(r'name="(\w+)"', tag), re.search(r'value="([^"]*)"', tag)
        if name and name[1] not in ("csrf_token", "whole_record"):
            values[name[1]] = html.unescape(value[1]) if value else ""
    return values


def _replace(isla: Client, ident: int, **changed: str) -> Any:
    path = f"/issuer/documents/{ident}/replace"
    return isla.submit(path, form_of(isla.get(path)) | {"reason": "The name was misspelt."} | changed)


def test_a_corrected_document_takes_its_place(
    isla: Client, drawn: Batch, row: Row, draw: Callable[[int], None], client: Client
) -> None:
    ident = drawn.document_ids[0]
    answer = _replace(isla, ident, first_name="Renée", grade="Merit")
    assert answer.status_code == 302
    new_id = int(answer.location.rsplit("/", 1)[1])
    old, new = row(Document, ident), row(Document, new_id)
    assert (old.validity, old.replaced_by_id, old.reason) == (Validity.REPLACED, new_id, "The name was misspelt.")
    assert (new.validity, new.replaces_id, new.production) == (Validity.VALID, ident, Production.PENDING)
    assert new.reference != old.reference
    corrected, printed = row(Record, new.record_id), row(Record, old.record_id)
    assert (corrected.first_name, corrected.grade) == ("Renée", "Merit")
    assert printed.first_name != "Renée"
    assert corrected.units == printed.units
    draw(drawn.job_id)
    told = client.get(f"/v/{old.reference}.json").json
    assert told["status"] == "replaced"
    assert told["replaced_by"].replace("-", "") == new.reference
    chain = isla.get(f"/issuer/documents/{new_id}").text
    assert f'href="/issuer/documents/{ident}"' in chain


def test_the_figures_of_the_job_count_the_new_document(isla: Client, drawn: Batch, row: Row) -> None:
    before = row(Job, drawn.job_id)
    _replace(isla, drawn.document_ids[0])
    after = row(Job, drawn.job_id)
    assert (after.requested, after.pending, after.completed) == (before.requested + 1, 1, before.completed)


def test_all_documents_of_a_record_are_replaced_together(isla: Client, drawn: Batch, row: Row) -> None:
    first = drawn.document_ids[0]
    record_id = row(Document, first).record_id
    siblings = [ident for ident in drawn.document_ids if row(Document, ident).record_id == record_id]
    assert len(siblings) > 1
    _replace(isla, first, last_name="Drake", whole_record="y")
    news = [row(Document, row(Document, ident).replaced_by_id) for ident in siblings]
    assert len({new.record_id for new in news}) == 1
    assert [new.kind for new in news] == [row(Document, ident).kind for ident in siblings]
    assert row(Record, news[0].record_id).last_name == "Drake"
    others = set(drawn.document_ids) - set(siblings)
    assert all(row(Document, ident).validity is Validity.VALID for ident in others)


def test_a_cancelled_sibling_stays_cancelled(isla: Client, drawn: Batch, row: Row) -> None:
    first, second = drawn.document_ids[:2]
    isla.submit(f"/issuer/documents/{second}/cancel", {"reason": "Issued in error."})
    _replace(isla, first, whole_record="y")
    assert row(Document, second).validity is Validity.CANCELLED


def test_the_public_reason_of_a_cancellation_outlives_its_replacement(isla: Client, drawn: Batch, row: Row) -> None:
    first = drawn.document_ids[0]
    isla.submit(f"/issuer/documents/{first}/cancel", {"reason": "Issued in error."})
    _replace(isla, first)
    assert row(Document, first).reason == "Issued in error."


def test_a_replacement_is_replaced_in_its_turn(isla: Client, drawn: Batch) -> None:
    first = drawn.document_ids[0]
    second = int(_replace(isla, first, first_name="One").location.rsplit("/", 1)[1])
    third = int(_replace(isla, second, first_name="Two").location.rsplit("/", 1)[1])
    for ident in (first, second, third):
        page = isla.get(f"/issuer/documents/{ident}").text
        for other in {first, second, third} - {ident}:
            assert f'href="/issuer/documents/{other}"' in page


def test_what_was_replaced_is_not_replaced_again(
    isla: Client, drawn: Batch, counts: Callable[[], dict[str, int]]
) -> None:
    first = drawn.document_ids[0]
    _replace(isla, first)
    before = counts()
    answer = _replace(isla, first)
    assert answer.status_code == 422
    assert "replaced already" in words_of(answer)
    assert counts() == before


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("first_name", "", "Enter a first name."),
        ("last_name", "  ", "Enter a last name."),
        ("first_name", "x" * 101, "at most 100"),
        ("last_name", "Tab\there\x07", "contains"),
        ("middle_name", "Turned \u202eround", "contains"),
        ("first_name", "Jodie \N{PARTY POPPER}", "No font can show"),
        ("grade", "", "Enter the grade."),
        ("grade", "x" * 101, "at most 100"),
        ("level", "x" * 51, "at most 50"),
        ("language", "x" * 51, "at most 50"),
        ("awarded_on", "", "Enter the day of the award."),
        ("awarded_on", "31/02/2026", "not in the calendar"),
        ("awarded_on", "yesterday", "is not a date"),
        ("awarded_on", "2099-01-01", "more than 31 days ahead"),
        ("awarded_on", "1901-01-01", "not after the date of birth"),
        ("expires_on", "2000-01-01", "not after the date of award"),
        ("expires_on", "2026-13-01", "not in the calendar"),
        ("reason", "", "Say why"),
        ("reason", "x" * 501, "At most 500"),
    ],
)
def test_a_wrong_correction_is_told_at_its_field(
    isla: Client, drawn: Batch, counts: Callable[[], dict[str, int]], field: str, value: str, sentence: str
) -> None:
    before = counts()
    answer = _replace(isla, drawn.document_ids[0], **{field: value})
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert f'id="{field}-error"' in answer.text
    assert counts() == before


def test_foreign_facts_cannot_be_corrected(isla: Client, drawn: Batch, row: Row) -> None:
    first = drawn.document_ids[0]
    answer = _replace(isla, first, enrolment_number="AMS99999999999", centre_id="2", qualification_title="PhD")
    new = row(Document, int(answer.location.rsplit("/", 1)[1]))
    record, source = row(Record, new.record_id), row(Record, row(Document, first).record_id)
    for name in ("enrolment_number", "centre_id", "qualification_title", "date_of_birth", "learner_id"):
        assert getattr(record, name) == getattr(source, name)
