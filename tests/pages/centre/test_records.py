"""Records across jobs: found by everything that people know of them."""

import pytest

from tests.pages.centre.batches import batch
from tests.pages.centre.test_jobs import cell, ids_in


def test_a_record_of_any_job_is_listed(michael, publish):
    publish(rows=2)
    publish(rows=1)
    assert len(ids_in(michael.get("/centre/records"))) == 3


def test_a_row_shows_the_learner_the_award_and_each_document(michael, drawn, facts_of):
    body = michael.get("/centre/records?q=Donald").get_data(as_text=True)
    assert cell(body, "student") == "Donald Duck"
    assert cell(body, "enrolment_number") == "AMS00009824708"
    assert cell(body, "issued_on") == "02/11/2026"
    first, second = (facts_of(ident).reference for ident in drawn.document_ids[:2])
    groups = ["-".join(one[at : at + 4] for at in range(0, 20, 4)) for one in (first, second)]
    assert cell(body, "documents").replace("- ", "-") == f"Certificate {groups[0]} Transcript {groups[1]}"


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("q=duck", 1),
        ("q=AMS00009824708", 1),
        ("q=602/7438/9", 1),
        ("q=MOT+Test+Centre", 1),
        ("enrolment_number=AMS00009824709", 1),
        ("student=whitlock", 1),
        ("issued_on_from=2026-11-02&issued_on_to=02/11/2026", 2),
        ("issued_on_from=2026-11-03", 0),
        ("validity=valid", 2),
        ("status=pending", 0),
        ("notified=none", 2),
        ("notified=sent", 0),
    ],
)
def test_records_are_found_by_what_people_know(michael, drawn, query, found):
    page = michael.get(f"/centre/records?{query}")
    assert page.status_code == 200
    assert len(ids_in(page)) == found


def test_a_reference_finds_the_record(michael, drawn, facts_of):
    document = facts_of(drawn.document_ids[-1])
    typed = "-".join(document.reference[at : at + 4] for at in range(0, 20, 4)).lower()
    assert ids_in(michael.get(f"/centre/records?q={typed}")) == [document.record_id]


def test_a_cancelled_document_is_found_and_tagged(michael, drawn, cancel, facts_of):
    cancel(drawn.document_ids[0])
    page = michael.get("/centre/records?validity=cancelled")
    assert ids_in(page) == [facts_of(drawn.document_ids[0]).record_id]
    assert "Cancelled" in cell(page.get_data(as_text=True), "documents")


def test_preview_opens_the_digital_document(michael, drawn):
    body = michael.get("/centre/records?q=Donald").get_data(as_text=True)
    assert f'href="/centre/documents/{drawn.document_ids[0]}/preview?form=digital"' in body


def test_the_csv_holds_every_reference(michael, drawn, facts_of):
    text = michael.get("/centre/records?format=csv").get_data(as_text=True)
    for ident in drawn.document_ids:
        one = facts_of(ident).reference
        assert "-".join(one[at : at + 4] for at in range(0, 20, 4)) in text


def test_a_rival_sees_none(rita, drawn, words):
    page = rita.get("/centre/records")
    assert ids_in(page) == []
    assert "No record has been issued to your centre yet" in words(page)


@pytest.mark.parametrize("query", ["sort=evil", "status=evil", "status=valid", "issued_on_from=yesterday", "x=1"])
def test_what_the_list_cannot_answer_is_refused(michael, query):
    assert michael.get(f"/centre/records?{query}").status_code == 422


def test_the_list_costs_the_same_for_one_record_and_many(michael, publish, queries):
    publish(rows=1)
    with queries() as one:
        michael.get("/centre/records")
    publish(csv=batch(30))
    with queries() as many:
        page = michael.get("/centre/records?size=50")
    assert len(ids_in(page)) >= 30
    assert len(one) == len(many)


def test_the_list_hears_of_every_change_of_its_records(michael, app, publish, draw, cancel, cast, facts_of):
    from portal.events import outbox

    room = f"centre:{cast.riverside}:records"
    job = publish(rows=1)
    assert f'data-room="{room}" data-seq="1"' in michael.get("/centre/records").get_data(as_text=True)
    draw(job.job_id)
    cancel(job.document_ids[0])
    with app.app_context():
        steps = outbox.since(room, 0)
    assert steps[0].ids is None
    assert {ident for step in steps[1:] for ident in step.ids} == {facts_of(job.document_ids[0]).record_id}


@pytest.mark.parametrize(
    "query",
    [
        "job=abc",
        "job=-1",
        "job=1.5",
        "job=9999999999999999999999",
        "type=diploma",
        "type=certificate'--",
        "status=valid",
        "validity=completed",
        "notified=bounced2",
        "reference=" + "7" * 201,
        "reference=%00",
        "student=%ED%A0%80",
        "qualification=" + "+".join(f"w{n}" for n in range(11)),
        "enrolment_number=%FF",
        "published_on_from=2026-02-30",
        "published_on_from=2026-03-01&published_on_to=2026-02-01",
        "issued_on_to=0000-00-00",
        "issued_on_from=99999-01-01",
        "sort=reference",
        "sort=documents",
        "sort=search_text",
        "centre_id=2",
    ],
)
def test_what_no_record_can_be_asked_is_refused_with_a_sentence(michael, drawn, query, words):
    answer = michael.get(f"/centre/records?{query}")
    assert answer.status_code == 422
    assert 'class="grid__fault"' in answer.get_data(as_text=True)


@pytest.mark.parametrize(
    "value", ["%25", "_", "%5C", "%27", "%22)", "(a%2B)%2B%24", "%27%3B+DROP+TABLE+record", "%5BA-Z%5D"]
)
@pytest.mark.parametrize("name", ["q", "student", "enrolment_number", "qualification", "reference"])
def test_signs_are_text_and_find_nothing(michael, drawn, name, value):
    answer = michael.get(f"/centre/records?{name}={value}")
    assert answer.status_code == 200
    assert ids_in(answer) == []


def test_the_panel_offers_every_filter(michael, drawn):
    body = michael.get("/centre/records").get_data(as_text=True)
    for name in (
        "student enrolment_number qualification issued_on_from issued_on_to reference type status validity notified "
        "published_on_from published_on_to"
    ).split():
        assert f'name="{name}"' in body, name


def test_a_link_from_a_job_is_kept_while_searching(michael, drawn):
    body = michael.get(f"/centre/records?job={drawn.job_id}").get_data(as_text=True)
    assert f'<input type="hidden" name="job" value="{drawn.job_id}">' in body
    assert ids_in(michael.get(f"/centre/records?job={drawn.job_id + 1}")) == []


def test_a_job_leads_to_its_records(michael, drawn, publish):
    publish(csv=batch(2))
    body = michael.get(f"/centre/jobs/{drawn.job_id}").get_data(as_text=True)
    assert f'href="/centre/records?job={drawn.job_id}"' in body
    assert len(ids_in(michael.get(f"/centre/records?job={drawn.job_id}"))) == 2
