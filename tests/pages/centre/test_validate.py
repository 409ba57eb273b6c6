"""Validate Record: the status now, as everybody else is told it, and an honest answer where there is none."""

import re
from datetime import date

import pytest
from sqlalchemy.exc import OperationalError

from portal import clock, reference
from portal.queries import verification


def ask(client, text):
    return client.get("/centre/validate", query_string={"reference": text})


def verdict(response):
    return re.search(r'data-verdict data-status="(\w+)"', response.get_data(as_text=True))[1]


@pytest.fixture
def drawn_reference(drawn, facts_of):
    return facts_of(drawn.document_ids[0]).reference


def test_the_empty_form_gives_no_answer(michael):
    page = michael.get("/centre/validate")
    assert page.status_code == 200
    assert "data-verdict" not in page.get_data(as_text=True)
    assert '<label class="field__label" for="reference">' in page.get_data(as_text=True)


def test_a_genuine_document_is_valid_with_its_facts(michael, drawn_reference, words):
    page = ask(michael, drawn_reference)
    assert verdict(page) == "valid"
    for fact in ("Donald Duck", "602/7438/9", "Level 3", "02/11/2026", "Skills and Education Group Awards"):
        assert fact in words(page)
    assert "View the record" in words(page)


@pytest.mark.parametrize(
    "typed", [str.lower, reference.formatted, lambda text: " ".join(text), lambda text: f" {text}\n"]
)
def test_however_it_is_typed(michael, drawn_reference, typed):
    assert verdict(ask(michael, typed(drawn_reference))) == "valid"


def test_a_rival_is_told_what_anybody_is_told_and_is_led_nowhere(rita, drawn_reference, words):
    page = ask(rita, drawn_reference)
    assert verdict(page) == "valid"
    assert "View the record" not in words(page)
    assert "/centre/records/" not in page.get_data(as_text=True)


def test_a_cancelled_document_says_when_and_why(michael, drawn, drawn_reference, cancel, words):
    cancel(drawn.document_ids[0], "Issued in error.")
    page = ask(michael, drawn_reference)
    assert verdict(page) == "cancelled"
    assert f"Cancelled on {clock.uk_date(clock.now())}: Issued in error. Do not rely on it." in words(page)


def test_a_replaced_document_leads_to_the_new_one(michael, drawn, drawn_reference, replace, draw, facts_of):
    new = replace(drawn.document_ids[0])
    draw(drawn.job_id)
    page = ask(michael, drawn_reference)
    assert verdict(page) == "replaced"
    link = f'href="/centre/validate?reference={reference.formatted(facts_of(new).reference)}"'
    assert link in page.get_data(as_text=True)
    assert verdict(ask(michael, facts_of(new).reference)) == "valid"


def test_an_expired_document_says_when(michael, drawn_reference, monkeypatch, words):
    monkeypatch.setattr(clock, "today", lambda: date(2031, 1, 1))
    page = ask(michael, drawn_reference)
    assert verdict(page) == "expired"
    assert "its validity ended on 01/11/2029" in words(page)


def test_an_unknown_reference_is_said_plainly(michael, words):
    made_up = reference.new()
    page = ask(michael, made_up)
    assert verdict(page) == "unknown"
    assert f"No document has the reference number {reference.formatted(made_up)}" in words(page)


@pytest.mark.parametrize(
    "typed", ["hello", "7Q4M-9XKD", "<script>alert(1)</script>", "x" * 5000, "\x00", "\u202e", "' OR 1=1"]
)
def test_what_cannot_be_a_reference_is_said_plainly(michael, typed, words):
    page = ask(michael, typed)
    assert page.status_code == 200
    assert verdict(page) == "unknown"
    assert "This cannot be a reference number" in words(page)
    assert "<script>alert" not in page.get_data(as_text=True)


def test_a_document_that_is_not_drawn_is_unknown(michael, publish, facts_of):
    assert verdict(ask(michael, facts_of(publish(rows=1).document_ids[0]).reference)) == "unknown"


def test_a_document_from_before_the_first_day_gets_that_answer(michael, app, drawn_reference, words):
    from portal.access.actor import SYSTEM
    from portal.database import db
    from portal.models.brands import Brand
    from portal.unit_of_work import unit_of_work

    with app.app_context(), unit_of_work(SYSTEM):
        db.session.query(Brand).filter_by(slug="seg").update({"validate_from": date(2026, 12, 1)})
    page = ask(michael, drawn_reference)
    assert verdict(page) == "unavailable"
    assert "only when they were issued after 1 December 2026" in words(page)


def test_a_status_that_cannot_be_read_is_never_valid(michael, drawn_reference, monkeypatch, words):
    def broken(_text):
        raise OperationalError("SELECT", {}, Exception("away"))

    monkeypatch.setattr(verification, "check", broken)
    page = ask(michael, drawn_reference)
    assert page.status_code == 200
    assert verdict(page) == "unavailable"
    assert "The status cannot be read at this moment" in words(page)
    assert "Check again" in words(page)


def test_the_page_listens_to_the_document(michael, drawn_reference):
    assert f'data-room="verify:{drawn_reference}"' in ask(michael, drawn_reference).get_data(as_text=True)


def test_the_answer_costs_a_fixed_number_of_queries(michael, drawn_reference, queries):
    with queries() as asked:
        ask(michael, drawn_reference)
    assert len(asked) <= 5
