"""The Document Viewer: the documents of one record, in two forms, and what is said over one that is no longer good."""

import re
from datetime import date

import pytest

from portal import clock
from tests.pages.centre.batches import UNDRAWABLE


def preview(client, document_id, form="digital"):
    return client.get(f"/centre/documents/{document_id}/preview?form={form}")


def test_the_documents_of_the_record_can_be_chosen(michael, drawn):
    body = preview(michael, drawn.document_ids[1]).get_data(as_text=True)
    assert re.findall(r'class="viewer__tab"[^>]*>.*?<span>([^<]+)</span>', body) == ["Certificate", "Transcript"]
    assert 'data-selected="1"' in body


def test_the_part_for_the_dialog_stands_in_the_page(michael, drawn):
    body = preview(michael, drawn.document_ids[0], "print").get_data(as_text=True)
    assert "data-dialog-content" in body
    assert 'data-dialog-title="Donald Duck – Print view"' in body


def test_every_picture_of_the_page_can_be_fetched(michael, drawn):
    for form in ("print", "digital"):
        pictures = re.findall(
            r'<img src="(/centre/documents/[^"]*)"', preview(michael, drawn.document_ids[0], form).text
        )
        assert pictures
        for address in pictures:
            picture = michael.get(address)
            assert picture.status_code == 200
            assert picture.mimetype == "image/jpeg"
            assert picture.get_data().startswith(b"\xff\xd8")


def test_the_print_view_is_labelled_and_not_handed_out(michael, drawn, words):
    page = preview(michael, drawn.document_ids[0], "print")
    assert "Print view – logo and border are part of the paper" in words(page)
    assert "digital.pdf" not in page.get_data(as_text=True)


def test_the_digital_document_is_labelled_and_can_be_downloaded(michael, drawn, words):
    page = preview(michael, drawn.document_ids[0])
    assert "Digital certificate" in words(page)
    assert f'href="/centre/documents/{drawn.document_ids[0]}/digital.pdf"' in page.get_data(as_text=True)
    assert "For internal audit and regulatory use" in words(page)


def test_without_a_form_the_digital_document_is_shown(michael, drawn):
    page = michael.get(f"/centre/documents/{drawn.document_ids[0]}/preview")
    assert "/pages/digital/1.jpg" in page.get_data(as_text=True)


def test_a_cancelled_document_says_so_over_every_page(michael, drawn, cancel, words):
    cancel(drawn.document_ids[0], "Issued in error.")
    page = preview(michael, drawn.document_ids[0])
    assert "viewer__document--cancelled" in page.get_data(as_text=True)
    assert f"Certificate cancelled on {clock.uk_date(clock.now())} Issued in error. Do not rely on it." in words(page)
    # The other document of the record is untouched.
    assert "viewer__document--ready" in page.get_data(as_text=True)


def test_a_replaced_document_names_the_new_one(michael, drawn, replace, facts_of, words):
    new = facts_of(replace(drawn.document_ids[0]))
    page = preview(michael, drawn.document_ids[0])
    assert "viewer__document--replaced" in page.get_data(as_text=True)
    assert f'href="/centre/records/{new.record_id}"' in page.get_data(as_text=True)
    assert "A newer document stands in its place" in words(page)


def test_an_expired_document_says_since_when(michael, drawn, monkeypatch, words):
    monkeypatch.setattr(clock, "today", lambda: date(2031, 1, 1))
    page = preview(michael, drawn.document_ids[0])
    assert "viewer__document--expired" in page.get_data(as_text=True)
    assert "Certificate expired on 01/11/2029" in words(page)


def test_a_document_that_waits_says_so(michael, publish, words):
    page = preview(michael, publish(rows=1).document_ids[0])
    assert page.status_code == 200
    assert "This document is being drawn" in words(page)


def test_a_document_that_failed_says_why(michael, publish, draw, words):
    job = publish(csv=UNDRAWABLE)
    draw(job.job_id)
    assert "This document could not be drawn" in words(preview(michael, job.document_ids[0]))


@pytest.mark.parametrize("form", ["evil", "PRINT", "", "print%00", "../print"])
def test_a_strange_form_is_not_found(michael, drawn, form):
    assert preview(michael, drawn.document_ids[0], form).status_code == 404


def test_the_viewer_of_a_rival_looks_like_none(rita, drawn, same_page):
    theirs, nobodys = preview(rita, drawn.document_ids[0]), preview(rita, 999999)
    assert theirs.status_code == nobodys.status_code == 404
    assert same_page(theirs) == same_page(nobodys)


def test_the_viewer_costs_the_same_for_one_document_and_three(michael, publish, draw, queries):
    job = publish(rows=2)
    draw(job.job_id)
    with queries() as two:
        preview(michael, job.document_ids[0])
    with queries() as three:
        preview(michael, job.document_ids[-1])
    assert len(two) == len(three) <= 6
