"""The dashboard: figures that are right, the newest jobs, and nothing that leads nowhere."""

import re

MOST_QUERIES = 8


def figures_on(response):
    return dict(re.findall(r'data-figure="(\w+)">(\d+)<', response.get_data(as_text=True)))


def test_an_empty_centre_is_told_what_will_come(michael, words):
    page = michael.get("/centre/")
    assert page.status_code == 200
    counted = ("jobs", "records", "downloads", "not_notified", "pending", "failed", "problems")
    assert figures_on(page) == dict.fromkeys(counted, "0")
    assert "No job has been issued yet" in words(page)


def test_the_figures_count_what_was_issued(michael, publish):
    publish(rows=2)
    page = michael.get("/centre/")
    shown = figures_on(page)
    assert shown["jobs"] == "1"
    assert shown["records"] == "2"
    assert int(shown["pending"]) == michael.get("/centre/figures").json["pending"] > 0
    assert shown["not_notified"] == "2"


def test_the_figures_of_a_rival_are_not_counted(rita, publish):
    publish(rows=2)
    assert set(rita.get("/centre/figures").json.values()) == {0}


def test_the_page_says_which_room_and_step_it_was_read_at(michael, publish, cast):
    publish(rows=1)
    body = michael.get("/centre/").get_data(as_text=True)
    assert f'data-room="centre:{cast.riverside}:home" data-seq="1"' in body
    assert f'data-room="centre:{cast.riverside}:jobs" data-seq="1"' in body


def test_the_latest_jobs_stand_below_newest_first_and_at_most_five(michael, publish):
    made = [publish(rows=1).job_id for _ in range(6)]
    shown = re.findall(r'<tr data-id="(\d+)">', michael.get("/centre/").get_data(as_text=True))
    assert [int(ident) for ident in shown] == made[:0:-1]


def test_every_link_of_the_dashboard_leads_to_a_page(michael, publish):
    publish(rows=1)
    body = michael.get("/centre/").get_data(as_text=True)
    links = {link.replace("&amp;", "&") for link in re.findall(r'<a [^>]*href="(/centre[^"]*)"', body)}
    assert {"/centre/jobs", "/centre/records", "/centre/validate", "/centre/jobs?status=pending"} <= links
    assert {link: michael.get(link).status_code for link in links} == dict.fromkeys(links, 200)


def test_the_dashboard_costs_the_same_for_one_job_and_many(michael, publish, queries):
    publish(rows=1)
    with queries() as one:
        michael.get("/centre/")
    for _ in range(4):
        publish(rows=1)
    with queries() as many:
        michael.get("/centre/")
    assert len(one) == len(many) <= MOST_QUERIES
