"""Who gets a socket, how long it lasts, and what a stranger's bytes may do to it: nothing."""

import json
import time
from datetime import timedelta

import pytest

from portal import clock
from portal.access.actor import SYSTEM
from portal.realtime import server
from portal.services import users
from portal.vocabulary import Role
from portal.web import sessions
from tests.realtime.stage import Browser, RawSocket, Stage, new_reference

SECONDS_ON_A_BUSY_MACHINE = 1.0


@pytest.mark.alone
def test_a_locked_user_is_out_within_a_second(stage: Stage):
    anna, bob = stage.user(), stage.user()
    with stage.browser(anna) as locked, stage.browser(anna) as other_tab, stage.browser(bob) as colleague:
        for browser in (locked, other_tab, colleague):
            browser.watch(stage.job_room)
        began = time.monotonic()
        stage.lock(anna)
        for browser in (locked, other_tab):
            assert browser.ended.wait(SECONDS_ON_A_BUSY_MACHINE - (time.monotonic() - began))
            assert browser.events()[-1] == "signed_out"
        stage.drawn(91)
        colleague.hears(stage.job_room, 91)
        assert locked.ids(stage.job_room) == other_tab.ids(stage.job_room) == []


DONE = {
    "locked": lambda who, actor: users.lock(
        who, until=clock.today() + timedelta(days=2), reason=users.LOCK_REASONS[0], actor=actor
    ),
    "inactive": lambda who, actor: users.set_active(who, False, actor=actor),
    "deleted": lambda who, actor: users.remove(who, actor=actor),
    "role changed": lambda who, actor: users.set_admin(who, True, actor=actor),
    "email changed": lambda who, actor: users.change_email(who, email=f"new{who}@riverside.example", actor=actor),
    "password given": lambda who, actor: users.give_password(who, password="thimble lantern 77", actor=actor),
}


@pytest.mark.alone
def test_whatever_is_done_to_a_user_ends_every_socket_and_every_request(stage: Stage):
    seconds = {}
    for what, act in DONE.items():
        user = stage.user(Role.CENTRE_USER)
        cookie = f"Cookie: {stage.cookie(user)}\r\n"
        with stage.browser(user) as socket:
            socket.watch(stage.job_room)
            assert stage.get("/centre/jobs", cookie).startswith(b"HTTP/1.1 200"), what
            with stage.writing():
                act(user.id, SYSTEM)
            began = time.monotonic()
            assert socket.ended.wait(SECONDS_ON_A_BUSY_MACHINE), f"a user who was {what} stayed on the socket"
            seconds[what] = round(time.monotonic() - began, 3)
            stage.drawn(92)
            assert stage.get("/centre/jobs", cookie).startswith(b"HTTP/1.1 302"), what
            assert socket.ids(stage.job_room) == []
    print("seconds until the socket closed:", seconds)


@pytest.mark.alone
def test_a_session_that_ends_without_a_fact_ends_its_socket_too(stage: Stage):
    anna = stage.user()
    with stage.browser(anna) as browser:
        stage.lock(anna, tell=False)
        assert browser.ended.wait(2.5)


def test_a_locked_user_comes_back_as_a_visitor_only(stage: Stage):
    anna = stage.user()
    cookie = stage.cookie(anna)
    stage.lock(anna)
    browser = Browser(stage.url, cookie)
    answer = browser.ask("watch", {"rooms": {stage.job_room: 0}})
    browser.close()
    assert answer["signed_in"] is False
    assert answer["rooms"][stage.job_room] == {"ok": False, "error": "not allowed"}


@pytest.mark.parametrize(
    "origin",
    [
        "https://evil.example",
        "null",
        "http://127.0.0.1",
        "http://127.0.0.1:{port}.evil.example",
        "https://127.0.0.1:{port}",
    ],
)
@pytest.mark.parametrize("transport", ["websocket", "polling"])
def test_a_page_of_another_site_gets_no_socket(stage: Stage, origin: str, transport: str):
    origin = origin.format(port=stage.port)
    cookie = stage.cookie(stage.user())
    if transport == "websocket":
        assert RawSocket(stage, cookie, origin=origin).status == 400
    else:
        answer = stage.get("/socket.io/?EIO=4&transport=polling", f"Cookie: {cookie}\r\nOrigin: {origin}\r\n")
        assert answer.startswith(b"HTTP/1.1 400")


@pytest.mark.parametrize("origin", ["missing", ""])
def test_without_an_origin_nobody_joins(stage: Stage, origin: str):
    stranger = RawSocket(stage, stage.cookie(stage.user()), origin=origin)
    assert stranger.status == 101
    assert stranger.joined.startswith("44")
    stranger.send(f'421["watch",{{"room":"{stage.job_room}","since":0}}]')
    assert stranger.is_closed()


def test_the_same_host_is_welcome_by_any_of_its_names(stage: Stage):
    friend = RawSocket(stage, stage.cookie(stage.user()), origin=f"http://127.0.0.1:{stage.port}")
    assert friend.joined.startswith("40")
    friend.close()


BROKEN = [
    "",
    "x",
    "hello",
    "9",
    "4",
    "42",
    "42{",
    '42{"a":1}',
    "42[]",
    "42[null]",
    "42[7]",
    '42[["watch"]]',
    '42[{"watch":1}]',
    '42["watch"',
    "42" + "[" * 8000,
    '42["watch",' + "9" * 5000 + "]",
    '42["watch",{"room":"job:1","since":' + "9" * 90 + "}]",
    '42["no_such_event",1]',
    '42["changed",{"room":"job:1","seq":1}]',
    '42["connect"]',
    '42["disconnect"]',
    '4399["ack of nothing"]',
    '451-["watch",{"_placeholder":true,"num":0}]',
    '459999999999-["watch"]',
    "40/admin,",
    "41/admin,",
    "44",
    "47",
    '42["watch",{"room":"\\ud800","since":0}]',
    b"\x00\x01\x02",
    b"4",
]


def test_broken_frames_do_no_harm(stage: Stage):
    anna = RawSocket(stage, stage.cookie(stage.user()))
    before = len(stage.log().splitlines())
    for frame in BROKEN:
        anna.send(frame)
    assert anna.is_alive()
    assert "Traceback" not in "\n".join(stage.log().splitlines()[before:])
    anna.close()


WRONG_QUESTIONS = [
    None,
    1,
    "job:1",
    [],
    {},
    {"room": None},
    {"room": 7, "since": 0},
    {"room": ["job:1"], "since": 0},
    {"room": {"job": 1}, "since": 0},
    {"room": "job:1"},
    {"room": "job:1", "since": None},
    {"room": "job:1", "since": "0"},
    {"room": "job:1", "since": -1},
    {"room": "job:1", "since": 1.5},
    {"room": "job:1", "since": True},
    {"room": "job:1", "since": 2**63},
    {"rooms": None},
    {"rooms": ["job:1"]},
    {"rooms": {"job:1": "x"}},
    {"rooms": {f"job:{number}": 0 for number in range(100)}},
]


def test_a_wrong_question_gets_an_answer_and_the_socket_lives(stage: Stage):
    anna = RawSocket(stage, stage.cookie(stage.user()))
    for number, question in enumerate(WRONG_QUESTIONS):
        assert anna.ask("watch", question, number) == {"ok": False, "error": "malformed"}, question
    assert anna.ask("unwatch", {"rooms": 7}, 98) == {"ok": False, "error": "malformed"}
    assert anna.is_alive()
    anna.close()


def test_at_most_twenty_rooms_a_socket(stage: Stage):
    with stage.browser(stage.user()) as anna:
        answers = [anna.watch(f"verify:{new_reference()}")["ok"] for _ in range(22)]
        assert answers == [True] * 20 + [False] * 2


def test_who_asks_too_much_is_ended(stage: Stage):
    chatty = RawSocket(stage, stage.cookie(stage.user()))
    for _ in range(100):
        chatty.send('42["watch",{"rooms":{}}]')
    assert chatty.is_closed()


def test_who_floods_below_the_protocol_is_ended(stage: Stage):
    chatty = RawSocket(stage)
    try:
        for _ in range(1000):
            chatty.send("x")
    except OSError:
        pass
    assert chatty.is_closed()


def test_too_big_a_message_ends_the_socket(stage: Stage):
    greedy = RawSocket(stage)
    try:
        greedy.send('42["watch","' + "x" * 20_000 + '"]')
    except OSError:
        pass
    assert greedy.is_closed()
    assert RawSocket(stage).status == 101


def test_the_oldest_of_too_many_sockets_steps_aside(stage: Stage):
    cookie = stage.cookie(stage.user())
    sockets = [RawSocket(stage, cookie) for _ in range(21)]
    assert sockets[0].read().startswith('42["step_aside"')
    assert sockets[0].is_closed()
    assert all(sockets[number].is_alive() for number in (1, 20))
    for each in sockets:
        each.close()


def test_a_connection_that_never_joins_is_ended(stage: Stage):
    silent = RawSocket(stage, join=False)
    began = time.monotonic()
    assert silent.is_closed(seconds=server.STRANGERS_STAY + 4)
    assert time.monotonic() - began > server.STRANGERS_STAY - 1


def test_polling_with_a_guessed_session_is_refused(stage: Stage):
    answer = stage.get("/socket.io/?EIO=4&transport=polling&sid=AAAAAAAAAAAAAAAAAAAA")
    assert answer.startswith(b"HTTP/1.1 400")


def test_the_server_says_how_late_its_loop_is(stage: Stage):
    # Asked in this process, where nothing runs, it answers with zeros and does not fail.
    assert set(server.hub_lag()) == {"p50", "p99", "max"}
    assert json.dumps(server.figures()) is not None


def test_the_cookie_key_is_the_one_the_doors_write():
    assert server.COOKIE_KEY == sessions.COOKIE_KEY
