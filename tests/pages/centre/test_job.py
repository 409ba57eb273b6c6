"""One job: its figures, its documents, and what is said about each."""

import re
from datetime import date

import pytest

from portal import clock
from tests.pages.centre.batches import UNDRAWABLE, batch
from tests.pages.centre.test_jobs import cell, ids_in


def figures_on(response):
    return dict(re.findall(r'data-figure="(\w+)">(\d+)<', response.get_data(as_text=True)))


def test_the_summary_bar_adds_up(michael, publish, draw):
    job = publish(rows=2)
    count = len(job.document_ids)
    before = figures_on(michael.get(f"/centre/jobs/{job.job_id}"))
    assert before == {"requested": f"{count}", "pending": f"{count}", "failed": "0", "completed": "0"}
    draw(job.job_id)
    after = figures_on(michael.get(f"/centre/jobs/{job.job_id}"))
    assert after == {"requested": f"{count}", "pending": "0", "failed": "0", "completed": f"{count}"}


def test_the_figures_alone_are_what_the_page_shows(michael, drawn):
    alone = michael.get(f"/centre/jobs/{drawn.job_id}/figures").json
    page = michael.get(f"/centre/jobs/{drawn.job_id}")
    assert {name: str(value) for name, value in alone.items()} == figures_on(page)


def test_every_document_is_a_row(michael, drawn):
    assert sorted(ids_in(michael.get(f"/centre/jobs/{drawn.job_id}"))) == list(drawn.document_ids)


def test_a_row_says_what_the_document_is(michael, drawn, facts_of):
    body = michael.get(f"/centre/jobs/{drawn.job_id}?q=Donald&kind=certificate").get_data(as_text=True)
    document = facts_of(drawn.document_ids[0])
    assert cell(body, "qualification") == "SEG Awards ABC Level 3 Award In MOT Test Centre Management (VRQ) 602/7438/9"
    assert cell(body, "kind") == "Certificate"
    assert cell(body, "student") == "Donald Duck AMS00009824708"
    groups = "-".join(document.reference[at : at + 4] for at in range(0, 20, 4))
    assert cell(body, "reference").replace(" ", "") == groups
    assert cell(body, "notified") == "not notified"
    assert cell(body, "status") == "Completed"


def test_view_and_preview_lead_to_the_record_and_the_print_view(michael, drawn, facts_of):
    body = michael.get(f"/centre/jobs/{drawn.job_id}").get_data(as_text=True)
    for ident in drawn.document_ids:
        assert f'href="/centre/records/{facts_of(ident).record_id}"' in body
        assert f'href="/centre/documents/{ident}/preview?form=print"' in body


def test_nothing_can_be_previewed_before_it_is_drawn(michael, publish):
    job = publish(rows=1)
    assert 'data-action="preview"' not in michael.get(f"/centre/jobs/{job.job_id}").get_data(as_text=True)


def test_a_failed_row_says_why(michael, publish, draw, words):
    job = publish(csv=UNDRAWABLE)
    draw(job.job_id)
    page = michael.get(f"/centre/jobs/{job.job_id}")
    assert cell(page.get_data(as_text=True), "status").startswith("Failed")
    assert "U+1F389" in words(page)
    assert 'data-action="preview"' not in page.get_data(as_text=True)


def test_a_cancelled_document_is_tagged(michael, drawn, cancel):
    ident = drawn.document_ids[0]
    cancel(ident)
    rows = michael.get(f"/centre/jobs/{drawn.job_id}?ids={ident}", headers={"X-Grid": "rows"}).json["rows"]
    assert cell(rows[str(ident)], "status") == "Completed Cancelled"


def test_an_expired_document_is_tagged(michael, drawn, monkeypatch):
    monkeypatch.setattr(clock, "today", lambda: date(2031, 1, 1))
    body = michael.get(f"/centre/jobs/{drawn.job_id}").get_data(as_text=True)
    assert cell(body, "status") == "Completed Expired"


def test_part_of_a_reference_finds_its_document(michael, drawn, facts_of):
    reference = facts_of(drawn.document_ids[1]).reference
    typed = f"{reference[4:8]}-{reference[8:12]}".lower()
    assert ids_in(michael.get(f"/centre/jobs/{drawn.job_id}?q={typed}")) == [drawn.document_ids[1]]


def test_a_search_for_signs_alone_finds_nothing_and_breaks_nothing(michael, drawn):
    page = michael.get(f"/centre/jobs/{drawn.job_id}?q=%25%5F")
    assert page.status_code == 200
    assert ids_in(page) == []


def test_a_document_of_another_job_is_not_drawn_into_this_list(michael, publish):
    one, other = publish(rows=1), publish(rows=1)
    stray = other.document_ids[0]
    rows = michael.get(f"/centre/jobs/{one.job_id}?ids={stray}", headers={"X-Grid": "rows"}).json["rows"]
    assert rows == {str(stray): None}


@pytest.mark.parametrize("tail", ["", "/figures"])
def test_the_job_of_a_rival_looks_like_none(rita, publish, same_page, tail):
    job = publish(rows=1)
    theirs = rita.get(f"/centre/jobs/{job.job_id}{tail}")
    nobodys = rita.get(f"/centre/jobs/999999{tail}")
    assert theirs.status_code == nobodys.status_code == 404
    assert same_page(theirs) == same_page(nobodys)


@pytest.mark.parametrize("ident", ["0", "-1", str(2**63), str(2**64), "abc", "1.5", "%00", "1%20or%201=1"])
def test_a_strange_number_is_not_found(michael, ident):
    assert michael.get(f"/centre/jobs/{ident}").status_code == 404
    assert michael.get(f"/centre/jobs/{ident}/figures").status_code == 404


@pytest.mark.parametrize("query", ["sort=evil", "kind=evil", "form=print", "status=valid"])
def test_what_the_list_cannot_answer_is_refused(michael, publish, query):
    job = publish(rows=1)
    assert michael.get(f"/centre/jobs/{job.job_id}?{query}").status_code == 422


def test_a_page_costs_the_same_for_few_documents_and_many(michael, publish, queries):
    few, many = publish(csv=batch(1)), publish(csv=batch(11))
    with queries() as one:
        michael.get(f"/centre/jobs/{few.job_id}")
    with queries() as thirty:
        page = michael.get(f"/centre/jobs/{many.job_id}?size=50")
    assert len(ids_in(page)) >= 30
    assert len(one) == len(thirty)


def test_names_are_text_and_never_markup(michael, publish):
    job = publish(csv=batch(1, first_name="<img src=x onerror=alert(1)>", title="<b>Award</b> & more"))
    body = michael.get(f"/centre/jobs/{job.job_id}").get_data(as_text=True)
    assert "<img src=x" not in body
    assert "&lt;img src=x onerror=alert(1)&gt; Learner70001" in body
    assert "&lt;b&gt;Award&lt;/b&gt; &amp; more" in body
