"""What happens is told to whoever may know it, in order, and whoever missed it is told what was missed."""

import time

import pytest

from portal.realtime.ring import Ticker
from portal.redis_door import door
from tests.realtime.stage import Stage, new_reference
from tests.servers.ports import wait_until


def test_what_happens_is_told_in_order_and_without_a_gap(stage: Stage):
    with stage.browser(stage.user()) as anna:
        start = anna.watch(stage.job_room)["seq"]
        for number in range(1, 31):
            stage.drawn(number)
        anna.hears(stage.job_room, 30)
        assert anna.ids(stage.job_room) == list(range(1, 31))
        changes = anna.changes(stage.job_room)
        assert [change["from"] for change in changes] == [start, *(change["seq"] for change in changes[:-1])]
        assert changes[-1]["seq"] == start + 30


@pytest.mark.alone
def test_a_ring_that_was_lost_costs_two_seconds_at_most_and_steps_come_together(stage: Stage):
    with stage.browser(stage.user()) as anna:
        start = anna.watch(stage.job_room)["seq"]
        for number in range(1, 6):
            stage.drawn(number, ring=False)
        anna.hears(stage.job_room, 1, 2, 3, 4, 5)
        assert anna.changes(stage.job_room)[-1]["seq"] == start + 5
        assert len(anna.changes(stage.job_room)) < 5


def test_two_browsers_hear_the_same(stage: Stage):
    anna = stage.user()
    with stage.browser(anna) as desk, stage.browser(anna) as laptop, stage.browser(stage.issuer()) as issuer:
        for browser in (desk, laptop, issuer):
            browser.watch(stage.job_room)
        stage.drawn(41, 42)
        for browser in (desk, laptop, issuer):
            browser.hears(stage.job_room, 41, 42)


def test_a_rival_centre_hears_nothing(stage: Stage):
    with stage.browser(stage.user()) as anna, stage.browser(stage.rival()) as rita:
        anna.watch(stage.job_room)
        for room in (stage.job_room, f"centre:{stage.riverside}:jobs", f"centre:{stage.riverside}:home", "issuer:jobs"):
            assert rita.watch(room) == {"ok": False, "error": "not allowed"}
        assert rita.watch(f"job:{stage.rival_job}")["ok"]
        stage.drawn(51)
        anna.hears(stage.job_room, 51)
        time.sleep(0.2)
        assert rita.heard == []


def test_an_unknown_room_and_somebody_elses_look_the_same(stage: Stage):
    with stage.browser(stage.user()) as anna:
        refusals = [
            anna.watch(room)
            for room in (
                f"job:{stage.rival_job}",
                "job:999999",
                "job:07",
                "nonsense",
                "",
                "centre:1:nothing",
                "x" * 5000,
            )
        ]
        assert refusals == [{"ok": False, "error": "not allowed"}] * len(refusals)


def test_what_was_missed_is_told_on_coming_back(stage: Stage):
    anna = stage.user()
    with stage.browser(anna) as browser:
        seq = browser.watch(stage.job_room)["seq"]
    stage.drawn(61)
    stage.drawn(62, 63)
    with stage.browser(anna) as browser:
        missed = browser.watch(stage.job_room, seq)
        assert missed == {"ok": True, "room": stage.job_room, "from": seq, "seq": seq + 2, "ids": [61, 62, 63]}
        stage.drawn(64)
        browser.hears(stage.job_room, 64)
        assert browser.changes(stage.job_room)[0]["from"] == seq + 2


def test_more_than_is_remembered_means_reading_the_grid_again(stage: Stage):
    with stage.browser(stage.user()) as anna:
        seq = anna.watch(stage.job_room)["seq"]
        answer = anna.watch(stage.job_room, seq + 1000)
        assert (answer["from"], answer["seq"], answer["ids"]) == (None, seq, None)


def test_a_room_that_is_left_is_silent(stage: Stage):
    with stage.browser(stage.user()) as anna, stage.browser(stage.user()) as other:
        for browser in (anna, other):
            browser.watch(stage.job_room)
        assert anna.ask("unwatch", {"rooms": [stage.job_room]}) == {"ok": True}
        stage.drawn(71)
        other.hears(stage.job_room, 71)
        time.sleep(0.1)
        assert anna.ids(stage.job_room) == []


def test_many_rooms_are_confirmed_by_one_question(stage: Stage):
    with stage.browser(stage.user()) as anna:
        rooms = {stage.job_room: 0, f"centre:{stage.riverside}:jobs": 0, f"job:{stage.rival_job}": 0}
        answer = anna.ask("watch", {"rooms": rooms})
        assert answer["ok"] and answer["signed_in"]
        assert [answer["rooms"][room]["ok"] for room in rooms] == [True, True, False]


@pytest.mark.alone
def test_the_open_verify_page_turns_for_a_visitor_within_a_second(stage: Stage):
    reference = new_reference()
    with stage.browser() as visitor:
        room = f"verify:{reference}"
        answer = visitor.watch(room)
        assert answer["ok"] and answer["status"]["status"] in {"unknown", "unavailable"}
        began = time.monotonic()
        stage.cancelled(reference)
        wait_until(lambda: visitor.changes(room), seconds=1, what="news of the cancelled document", every=0.01)
        assert time.monotonic() - began < 1
        assert "status" in visitor.changes(room)[0]


def test_a_visitor_may_watch_a_few_verify_rooms_and_nothing_else(stage: Stage):
    with stage.browser() as visitor:
        for room in (stage.job_room, f"centre:{stage.riverside}:jobs", "issuer:home", "user:1"):
            assert visitor.watch(room)["error"] == "not allowed"
        assert visitor.watch("verify:ABCDEFGHJKMNPQRSTVWX")["error"] == "not allowed"
        answers = [visitor.watch(f"verify:{new_reference()}") for _ in range(6)]
        assert [answer["ok"] for answer in answers] == [True] * 5 + [False]


def test_a_user_watches_the_own_user_room_only(stage: Stage):
    anna, bob = stage.user(), stage.user()
    with stage.browser(anna) as browser:
        assert browser.watch(f"user:{anna.id}")["ok"]
        assert browser.watch(f"user:{bob.id}") == {"ok": False, "error": "not allowed"}


def test_ticks_come_at_most_five_a_second_and_the_last_one_always(stage: Stage):
    with stage.browser(stage.user()) as anna, stage.browser(stage.rival()) as rita:
        anna.watch(stage.job_room)
        door.init_app(stage.redis_url)
        began = time.monotonic()
        with Ticker(stage.job_room) as tick:
            for done in range(1, 201):
                tick({"done": done, "total": 200})
                time.sleep(0.005)
        seconds = time.monotonic() - began
        ticks = lambda: [data for event, data, _ in anna.heard if event == "tick"]  # noqa: E731
        wait_until(lambda: ticks() and ticks()[-1]["done"] == 200, seconds=2, what="the last tick", every=0.01)
        assert 3 <= len(ticks()) <= seconds * 5 + 2
        assert ticks()[-1] == {"room": stage.job_room, "done": 200, "total": 200}
        assert rita.heard == []


@pytest.mark.parametrize("transport", ["polling", "websocket"])
def test_both_transports_carry_the_news(stage: Stage, transport: str):
    with stage.browser(stage.user(), transports=transport) as anna:
        anna.watch(stage.job_room)
        stage.drawn(81)
        anna.hears(stage.job_room, 81)
