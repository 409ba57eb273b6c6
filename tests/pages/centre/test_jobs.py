"""Jobs Issued: what stands in the list, how it is asked, and what it refuses."""

import re

import pytest

from tests.pages.centre.batches import UNDRAWABLE


def cell(body, column):
    found = re.search(rf'<td[^>]*data-column="{column}"[^>]*>(.*?)</td>', body, re.S)
    return " ".join(re.sub(r"<[^>]*>", " ", found[1]).split())


def ids_in(response):
    body = response.get_data(as_text=True)
    return [int(found) for found in re.findall(r'<tr class="grid__row" data-id="(\d+)"', body)]


def test_a_job_is_listed_as_the_guide_lists_it(michael, publish):
    job = publish(rows=2)
    page = michael.get("/centre/jobs")
    body = page.get_data(as_text=True)
    assert ids_in(page) == [job.job_id]
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d - 2 records", cell(body, "reference"))
    assert cell(body, "created_by") == "The portal"
    assert cell(body, "records") == str(len(job.document_ids))
    assert cell(body, "notified") == f"0/{len(job.document_ids)}"
    assert cell(body, "status").startswith("Pending")
    assert re.fullmatch(r"\d\d/\d\d/\d{4} \d\d:\d\d:\d\d", cell(body, "created_on"))
    assert f'href="/centre/jobs/{job.job_id}"' in body
    assert "View" in cell(body, "actions")


def test_a_drawn_job_is_completed(michael, drawn):
    assert cell(michael.get("/centre/jobs").get_data(as_text=True), "status") == "Completed"


def test_a_job_with_a_failed_document_says_so(michael, publish, draw):
    job = publish(csv=UNDRAWABLE)
    draw(job.job_id)
    assert cell(michael.get("/centre/jobs").get_data(as_text=True), "status") == "Failed 3 of 3"
    assert ids_in(michael.get("/centre/jobs?status=failed")) == [job.job_id]
    assert ids_in(michael.get("/centre/jobs?status=completed")) == []


def test_the_status_can_be_filtered_and_sorted(michael, publish, draw):
    done = publish(rows=1)
    draw(done.job_id)
    waiting = publish(rows=1)
    assert ids_in(michael.get("/centre/jobs?status=pending")) == [waiting.job_id]
    assert ids_in(michael.get("/centre/jobs?status=completed")) == [done.job_id]
    assert ids_in(michael.get("/centre/jobs?sort=status")) == [done.job_id, waiting.job_id]


def test_the_newest_job_comes_first(michael, publish):
    made = [publish(rows=1).job_id for _ in range(3)]
    assert ids_in(michael.get("/centre/jobs")) == made[::-1]


def test_a_rival_does_not_see_the_job(rita, publish, words):
    publish(rows=1)
    page = rita.get("/centre/jobs")
    assert ids_in(page) == []
    assert "No job has been issued to your centre yet" in words(page)


def test_a_live_row_is_drawn_as_the_page_draws_it(michael, publish):
    job = publish(rows=1)
    page = michael.get("/centre/jobs").get_data(as_text=True)
    rows = michael.get(f"/centre/jobs?ids={job.job_id}", headers={"X-Grid": "rows"}).json["rows"]
    row = rows[str(job.job_id)]
    assert row in page


def test_a_live_row_of_a_rival_is_not_given(rita, publish):
    job = publish(rows=1)
    rows = rita.get(f"/centre/jobs?ids={job.job_id}", headers={"X-Grid": "rows"}).json["rows"]
    assert rows == {str(job.job_id): None}


@pytest.mark.parametrize(
    "query", ["sort=evil", "status=evil", "evil=1", "page=0", "page=x", "records_from=x", "sort=id;drop"]
)
def test_what_the_list_cannot_answer_is_refused(michael, publish, query):
    publish(rows=1)
    page = michael.get(f"/centre/jobs?{query}")
    assert page.status_code == 422
    assert 'role="alert"' in page.get_data(as_text=True)


def test_the_list_costs_the_same_for_one_job_and_thirty(michael, publish, queries):
    publish(rows=1)
    with queries() as one:
        michael.get("/centre/jobs")
    for _ in range(29):
        publish(rows=1)
    with queries() as thirty:
        page = michael.get("/centre/jobs?size=50")
    assert len(ids_in(page)) == 30
    assert len(one) == len(thirty)
