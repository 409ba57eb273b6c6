"""Documents of every centre: the list, one of them, cancelling one and a selection."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask

from portal.models.documents import Document
from portal.queries import issuer_documents
from portal.vocabulary import Validity
from tests.conftest import Batch
from tests.pages.centre.batches import batch
from tests.pages.issuer.conftest import words_of
from tests.services.people import People
from tests.world import Client

Row = Callable[[type, int], Any]

REASON = "Issued in error: the assessment was not complete."


def test_documents_of_every_centre_are_listed(
    isla: Client, publish: Callable[..., Batch], cast: People, row: Row
) -> None:
    here, there = publish(rows=1), publish(rows=2, centre_id=cast.hillside)
    assert _ids(isla.get("/issuer/documents")) == {*here.document_ids, *there.document_ids}
    assert _ids(isla.get("/issuer/documents?centre=hillside")) == set(there.document_ids)
    assert _ids(isla.get("/issuer/documents?kind=certificate&centre=10042")) == {here.document_ids[0]}
    reference = row(Document, here.document_ids[0]).reference
    assert _ids(isla.get(f"/issuer/documents?q={reference[:8].lower()}")) == {here.document_ids[0]}


def test_a_document_shows_its_facts_its_record_and_what_can_be_done(isla: Client, drawn: Batch, row: Row) -> None:
    ident = drawn.document_ids[0]
    page = isla.get(f"/issuer/documents/{ident}")
    found = row(Document, ident)
    assert f"/v/{found.reference}" in page.text
    for sibling in drawn.document_ids[1:2]:
        assert f'href="/issuer/documents/{sibling}"' in page.text
    for act in ("preview", "replace", "cancel"):
        assert f'href="/issuer/documents/{ident}/{act}"' in page.text
    assert f'data-room="job:{drawn.job_id}"' in page.text


def test_the_viewer_shows_both_forms_and_hands_out_both(isla: Client, drawn: Batch) -> None:
    ident = drawn.document_ids[0]
    for form in ("digital", "print"):
        page = isla.get(f"/issuer/documents/{ident}/preview?form={form}").text
        assert f"/issuer/documents/{ident}/pages/{form}/1.jpg" in page
        assert isla.get(f"/issuer/documents/{ident}/pages/{form}/1.jpg").mimetype == "image/jpeg"
        assert isla.get(f"/issuer/documents/{ident}/{form}.pdf").get_data().startswith(b"%PDF")
    assert isla.get(f"/issuer/documents/{ident}/preview?form=gold").status_code == 404
    assert isla.get(f"/issuer/documents/{ident}/pages/digital/99.jpg").status_code == 404
    assert isla.get(f"/issuer/documents/{ident}/gold.pdf").status_code == 404


# ── Cancelling one ───────────────────────────────────────────────────────────────────────────────────────────────


def test_one_document_is_cancelled_with_its_reason(isla: Client, drawn: Batch, row: Row, client: Client) -> None:
    ident = drawn.document_ids[0]
    answer = isla.submit(f"/issuer/documents/{ident}/cancel", {"reason": f"  {REASON}  "})
    assert answer.location == f"/issuer/documents/{ident}"
    found = row(Document, ident)
    assert (found.validity, found.reason) == (Validity.CANCELLED, REASON)
    assert row(Document, drawn.document_ids[1]).validity is Validity.VALID
    page = words_of(isla.get(f"/issuer/documents/{ident}"))
    assert REASON in page
    assert "Cancelled a document Ida Issuer" in page
    assert client.get(f"/v/{found.reference}.json").json["status"] == "cancelled"


@pytest.mark.parametrize(
    ("back", "place"), [("documents", "/issuer/documents"), ("job", "/issuer/jobs/"), ("//evil.example", "/issuer/doc")]
)
def test_one_comes_back_to_where_one_was_and_nowhere_else(isla: Client, drawn: Batch, back: str, place: str) -> None:
    url = f"/issuer/documents/{drawn.document_ids[0]}/cancel?back={back}"
    assert isla.submit(url, {"reason": REASON}).location.startswith(place)


@pytest.mark.parametrize(
    ("reason", "sentence"),
    [
        ("", "Say why."),
        ("   \r\n ", "Say why."),
        ("x" * 501, "At most 500 characters."),
        ("Nul\x00inside", "cannot be shown"),
        ("Bell\x07", "cannot be shown"),
        ("Turned \u202eround", "cannot be shown"),
    ],
)
def test_a_reason_that_nobody_could_read_is_refused(
    isla: Client, drawn: Batch, row: Row, counts: Callable[[], dict[str, int]], reason: str, sentence: str
) -> None:
    before = counts()
    answer = isla.submit(f"/issuer/documents/{drawn.document_ids[0]}/cancel", {"reason": reason})
    assert answer.status_code == 422
    assert sentence in words_of(answer)
    assert 'id="reason-error"' in answer.text
    assert row(Document, drawn.document_ids[0]).validity is Validity.VALID
    assert counts() == before


def test_the_longest_reason_and_markup_are_taken_as_they_are(isla: Client, drawn: Batch, row: Row) -> None:
    reason = ("<b>&amp;</b> " * 50)[:500].strip()
    isla.submit(f"/issuer/documents/{drawn.document_ids[0]}/cancel", {"reason": reason})
    assert row(Document, drawn.document_ids[0]).reason == reason
    assert "<b>&amp;</b>" not in isla.get(f"/issuer/documents/{drawn.document_ids[0]}").text


def test_cancelling_twice_keeps_the_first_reason(isla: Client, drawn: Batch, row: Row) -> None:
    ident = drawn.document_ids[0]
    isla.submit(f"/issuer/documents/{ident}/cancel", {"reason": REASON})
    answer = isla.submit(f"/issuer/documents/{ident}/cancel", {"reason": "Another."}, follow_redirects=True)
    assert "cancelled already" in words_of(answer)
    assert row(Document, ident).reason == REASON


def test_foreign_fields_change_nothing(isla: Client, drawn: Batch, row: Row) -> None:
    ident = drawn.document_ids[0]
    isla.submit(f"/issuer/documents/{ident}/cancel", {"reason": REASON, "centre_id": "2", "is_admin": "1", "id": "99"})
    assert row(Document, ident).centre_id == row(Document, drawn.document_ids[1]).centre_id


# ── Cancelling a selection ───────────────────────────────────────────────────────────────────────────────────────


def test_ticked_documents_are_cancelled_after_a_page_that_says_how_many(isla: Client, drawn: Batch, row: Row) -> None:
    chosen = drawn.document_ids[:2]
    asked = isla.submit("/issuer/documents/cancel", {"ids": ",".join(map(str, chosen))})
    assert asked.status_code == 200
    assert "Cancel 2 documents" in words_of(asked)
    assert all(row(Document, ident).validity is Validity.VALID for ident in chosen)
    answer = _decide(isla, asked)
    assert answer.location == "/issuer/documents"
    assert all(row(Document, ident).reason == REASON for ident in chosen)
    assert row(Document, drawn.document_ids[2]).validity is Validity.VALID


def test_all_that_match_are_those_of_the_question_and_the_moment(
    isla: Client, publish: Callable[..., Batch], cast: People, row: Row
) -> None:
    here, there = publish(rows=2), publish(rows=1, centre_id=cast.hillside)
    asked = isla.submit(
        "/issuer/documents/cancel",
        {"selection": "all", "query": "centre=10042&kind=certificate", "upto": str(here.document_ids[-1])},
    )
    assert "Cancel 2 documents" in words_of(asked)
    late = publish(rows=1)
    _decide(isla, asked)
    cancelled = {
        ident
        for ident in (*here.document_ids, *there.document_ids, *late.document_ids)
        if row(Document, ident).validity is Validity.CANCELLED
    }
    assert len(cancelled) == 2
    assert cancelled <= set(here.document_ids)


def test_what_is_cancelled_or_replaced_already_is_said_and_left_out(isla: Client, drawn: Batch, row: Row) -> None:
    first, second, third = drawn.document_ids[:3]
    isla.submit(f"/issuer/documents/{first}/cancel", {"reason": "First."})
    isla.submit(f"/issuer/documents/{second}/replace", _facts(isla, second))
    asked = isla.submit("/issuer/documents/cancel", {"ids": f"{first},{second},{third}"})
    words = words_of(asked)
    assert "Cancel 1 document" in words
    assert "1 of the selected documents is cancelled already." in words
    assert "1 of the selected documents was replaced" in words
    _decide(isla, asked)
    assert row(Document, first).reason == "First."
    assert row(Document, second).validity is Validity.REPLACED
    assert row(Document, third).validity is Validity.CANCELLED


def test_nothing_left_to_cancel_is_said(isla: Client, drawn: Batch) -> None:
    first = drawn.document_ids[0]
    isla.submit(f"/issuer/documents/{first}/cancel", {"reason": "First."})
    asked = isla.submit("/issuer/documents/cancel", {"ids": str(first)})
    assert asked.status_code == 200
    assert "Nothing to cancel" in words_of(asked)


def test_a_selection_without_a_reason_changes_nothing(isla: Client, drawn: Batch, row: Row) -> None:
    answer = isla.submit("/issuer/documents/cancel", {"ids": str(drawn.document_ids[0]), "decided": "1", "reason": " "})
    assert answer.status_code == 422
    assert "Say why." in words_of(answer)
    assert row(Document, drawn.document_ids[0]).validity is Validity.VALID


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"ids": ""},
        {"ids": "abc"},
        {"ids": "-1"},
        {"ids": "99999999999999999999"},
        {"selection": "all", "query": "colour=red"},
        {"selection": "all", "query": "x" * 9000},
        {"selection": "all", "query": "", "upto": "later"},
        {"selection": "all", "query": "q=nobody-has-this-name"},
    ],
)
def test_a_selection_that_cannot_be_read_is_a_422(isla: Client, drawn: Batch, fields: dict[str, str]) -> None:
    assert isla.submit("/issuer/documents/cancel", fields).status_code == 422


def test_a_selection_with_a_stranger_in_it_is_a_404(isla: Client, drawn: Batch, row: Row) -> None:
    ids = f"{drawn.document_ids[0]},999999"
    assert isla.submit("/issuer/documents/cancel", {"ids": ids, "decided": "1", "reason": REASON}).status_code == 404
    assert row(Document, drawn.document_ids[0]).validity is Validity.VALID


def test_too_many_at_once_are_refused(isla: Client, drawn: Batch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuer_documents, "MOST_CANCELLED", 3)
    answer = isla.submit("/issuer/documents/cancel", {"selection": "all", "query": ""})
    assert answer.status_code == 422
    assert "At most 3 rows can be taken at once." in words_of(answer)


def test_coming_back_to_a_selection_that_is_no_more_leads_to_the_list(isla: Client) -> None:
    assert isla.get("/issuer/documents/cancel").location == "/issuer/documents"


def test_a_page_of_documents_costs_the_same_for_one_and_for_many(
    isla: Client, publish: Callable[..., Batch], app: Flask
) -> None:
    from tests.house.test_pages import statements

    def cost(path: str) -> int:
        with app.app_context(), statements() as said:
            assert isla.get(path).status_code == 200
        return len(said)

    publish(rows=1)
    paths = ("/issuer/", "/issuer/jobs", "/issuer/documents", "/issuer/centres", "/issuer/users", "/issuer/audit")
    few = [cost(path) for path in paths]
    publish(csv=batch(8))
    assert [cost(path) for path in paths] == few


def _ids(answer: Any) -> set[int]:
    return {int(ident) for ident in re.findall(r'<tr class="grid__row" data-id="(\d+)"', answer.text)}


def _decide(isla: Client, asked: Any) -> Any:
    ids = re.search(r'name="ids" value="([\d,]+)"', asked.text)
    assert ids
    return isla.submit("/issuer/documents/cancel", {"ids": ids[1], "decided": "1", "reason": REASON})


def _facts(isla: Client, ident: int, **changed: str) -> dict[str, str]:
    from tests.pages.issuer.test_replace import form_of

    return form_of(isla.get(f"/issuer/documents/{ident}/replace")) | {"reason": "Corrected."} | changed
