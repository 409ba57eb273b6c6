"""Who may go where: every address × every method × everybody × the own thing, a rival's, and none at all.

What is expected follows from the guard that a view wears; what the views do inside is for their own tests. An address
with a parameter that ``EXAMPLES`` does not know fails the run: nothing is left out by being new.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from werkzeug.routing import Rule

from portal.access.actor import ANYONE
from portal.access.permissions import Permission
from portal.access.roles import door_of, permissions_of
from portal.database import db
from portal.events import rooms as names
from portal.realtime.rooms import may_watch
from portal.vocabulary import Door, Role
from tests.security.conftest import NOT_HERE, PRINCIPALS, Town, without_token
from tests.services.people import as_actor

IDS = (
    "job_id",
    "document_id",
    "record_id",
    "centre_id",
    "user_id",
    "upload_id",
    "download_id",
    "problem_id",
    "mail_id",
)
"""Parameters that name a row of somebody."""

OF_A_CENTRE = {"job_id", "document_id", "record_id", "download_id", "problem_id", "user_id"}
"""Those of them that a centre may ask for by number; of another centre they are not there."""

EXAMPLES: dict[str, Any] = {
    "form": "digital",
    "number": 1,
    "slug": "seg",
    "token": "1.none",
    "name": "none",
    "door": "centre",
    "code": 404,
    "brand_id": 1,
    "session_id": NOT_HERE,
}
"""What stands in the other parameters of an address."""

ABSENT: dict[str, Any] = {**dict.fromkeys(IDS, NOT_HERE), "text": "00000000000000000000", "brand_id": NOT_HERE}

PUBLIC_LOOKS = {
    "auth.open_reset": 410,
    "auth.open_invite": 410,
    "auth.open_confirm": 410,
    "auth.reset": 410,
    "auth.invite": 410,
    "auth.confirm": 410,
    "auth.second_step": 410,
    "auth.set_up_second_step": 410,
    "auth.second_step_qr": 410,
    "demo_mail.show_mail": 404,
    "demo_mail.html_part": 404,
    "demo_mail.raw_mail": 404,
    "gallery.error": 404,
    "gallery.frames": 404,
}
"""What public pages answer to the examples above; all others 200."""

PUBLIC_ACTS = {
    "auth.centre_login": 422,
    "auth.issuer_login": 422,
    "auth.learner_login": 422,
    "auth.forgot": 422,
    "auth.reset": 410,
    "auth.invite": 410,
    "auth.confirm": 410,
    "auth.second_step": 410,
    "auth.set_up_second_step": 410,
    "auth.begin_second_step": 410,
    "auth.resend_confirmation": 302,
    "auth.logout": 302,
    "gallery.notify": 200,
}
"""What public forms answer when nothing is filled in."""

CLICK = 0
"""Instead of an answer: an act of one click, which somebody who may does; tests of its own say what comes of it."""

PROFILE_ACTS = {
    "profile": 422,
    "password": 422,
    "profile_picture": 422,
    "remove_picture": CLICK,
    "end_session": 404,
    "end_sessions": CLICK,
    "begin_second_step": 422,
    "confirm_second_step": 422,
    "renew_codes": 422,
    "save_codes": 422,
    "switch_off_second_step": 422,
}
"""The same at both doors. The session that the addresses name is nobody's."""

DOOR_ACTS = {
    **{f"{door}.{name}": code for door in ("centre", "issuer") for name, code in PROFILE_ACTS.items()},
    "issuer.remove_second_step": 302,
    "centre.new_user": 422,
    "centre.edit_user": 422,
    "centre.give_password": 422,
    "centre.lock_user": 422,
    "centre.unlock_user": CLICK,
    "centre.invite_again": CLICK,
    "centre.delete_user": CLICK,
    "centre.restore_user": CLICK,
    "issuer.edit_user": 422,
    "issuer.give_password": 422,
    "issuer.delete_user": CLICK,
    "issuer.restore_user": CLICK,
    "centre.notify_record": 422,
    "centre.notify_records": 422,
    "centre.notify_documents": 422,
    "issuer.notice_words": 422,
    "issuer.preview_notice": 422,
    "issuer.mail_arrived": 302,
    "issuer.send_mail_again": 302,
    "centre.problem": 422,
    "centre.report_record": 422,
    "centre.report_document": 422,
    "centre.report_download": 422,
    "centre.export_records": 422,
    "centre.export_job_documents": 422,
    "centre.remove_download": CLICK,
    "centre.repeat_download": 409,
    "centre.export_audit": CLICK,
    "issuer.problem": 422,
    "issuer.take_problem": 302,
    "issuer.assign_problem": 422,
    "issuer.link_replacement": 422,
    "issuer.close_problem": 302,
    "issuer.reopen_problem": 302,
    "issuer.export_audit": 200,
    "issuer.edit_contacts": 302,
    "issuer.new_job": 422,
    "issuer.new_centre": 422,
    "issuer.edit_centre": 422,
    "issuer.new_admin": 422,
    "issuer.edit_brand": 422,
    "issuer.cancel_document": 422,
    "issuer.cancel_documents": 422,
    "issuer.replace_document": 422,
    "issuer.retry_document": 302,
    "issuer.retry_job": 302,
    "issuer.publish": 422,
    "issuer.lock_user": 422,
    "issuer.unlock_user": 302,
    "issuer.invite_again": 302,
}
"""What the forms behind the doors answer to those who may, when nothing is filled in."""

DOOR_LOOKS = {"centre.second_step_qr": 404, "issuer.second_step_qr": 404} | {
    "centre.deleted_user": 404,
    "issuer.deleted_user": 404,
    "issuer.choose_to_cancel": 302,
    "centre.choose_records": 302,
    "centre.choose_job_documents": 302,
    "centre.download_file": 409,
    "centre.choose_to_notify": 302,
}

NEEDS_ONE = {"own_second_step", "renew_codes", "save_codes", "switch_off_second_step"}
"""Pages for whoever may have a second step or has one; the centre's user here has none."""

ROLES = {"learner": Role.LEARNER, "user": Role.CENTRE_USER, "admin": Role.CENTRE_ADMIN, "rival": Role.CENTRE_ADMIN}
ROLES["issuer"] = Role.ISSUER
HOMES = {"auth.centre_login": Door.CENTRE, "auth.issuer_login": Door.ISSUER}
"""Landing pages that whoever is in already does not see."""

Cell = tuple[Rule, str, str]
"""An address, whose thing, and the address filled in."""


def cells(town: Town, method: str) -> Iterator[Cell]:
    """Every address that answers a method, for the own thing, a rival's and none; once where it names no thing."""
    adapter = town.app.url_map.bind("localhost")
    for rule in town.rules():
        if method not in (rule.methods or ()):
            continue
        missing = rule.arguments - EXAMPLES.keys() - town.own.keys()
        assert not missing, f"say in tests/security/test_matrix.py what {sorted(missing)} of {rule.rule} may be"
        belonging = rule.arguments & (set(IDS) | {"text", "brand_id"})
        for whose, ids in (("own", town.own), ("other", town.other), ("absent", ABSENT)):
            if whose != "own" and not belonging:
                continue
            values = {**EXAMPLES, **town.own, **ids}
            yield rule, whose, adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments}, method)


def expected(town: Town, rule: Rule, whose: str, who: str, method: str) -> int:
    """The answer that follows from the guard, who knocks, and whose thing it is."""
    guard = town.guard(rule)
    acting = method == "POST"
    role = ROLES.get(who)
    if guard == ("public",):
        if rule.endpoint in PUBLIC_LOOKS and not acting:
            return PUBLIC_LOOKS[rule.endpoint]
        if whose == "absent" and rule.endpoint.startswith("verify."):
            return 404
        if not acting and role and HOMES.get(rule.endpoint) is door_of(role):
            return 302
        return PUBLIC_ACTS[rule.endpoint] if acting else 200
    assert guard != ("signed_in",), "say here what a page for anybody who is signed in answers"
    door, permission = Door(guard[0]), Permission(guard[1])
    if role is None:
        return 302
    if door_of(role) is not door or permission not in permissions_of(role):
        return 403
    if role is Role.CENTRE_USER and rule.endpoint.partition(".")[2] in NEEDS_ONE:
        return 403
    if whose == "absent":
        return 404
    mine = "other" if who == "rival" else "own"
    if door is Door.CENTRE and rule.arguments & OF_A_CENTRE and whose != mine:
        return 404
    return DOOR_ACTS[rule.endpoint] if acting else DOOR_LOOKS.get(rule.endpoint, 200)


@pytest.mark.parametrize("who", PRINCIPALS)
def test_whoever_looks_sees_what_the_guard_says_and_changes_nothing(town: Town, who: str) -> None:
    browser = town.browser(who)
    wrong, tried = [], 0
    with town.unchanged():
        for method in ("GET", "HEAD"):
            for rule, whose, url in cells(town, method):
                answer = browser.open(url, method=method)
                wanted = expected(town, rule, whose, who, method)
                if answer.status_code != wanted:
                    wrong.append(f"{method} {url} ({whose}): {answer.status_code}, not {wanted}")
                if wanted == 302 and who in ("nobody", "locked", "deleted"):
                    assert answer.location.startswith(f"/{town.guard(rule)[0]}/login"), answer.location
                assert method == "GET" or not answer.data, url
                tried += 1
                answer.close()
    assert not wrong, "\n".join(wrong)
    assert tried > 200, "the matrix has lost its cells"


@pytest.mark.parametrize("who", ["user", "admin", "rival"])
def test_what_is_a_rivals_looks_like_what_is_not_there_to_the_byte(town: Town, who: str) -> None:
    browser = town.browser(who)
    browser.get("/centre/")
    compared = 0
    theirs = "own" if who == "rival" else "other"
    urls: dict[str, dict[str, str]] = {}
    for rule, whose, url in cells(town, "GET"):
        guard = town.guard(rule)
        if guard[0] == "centre" and rule.arguments & OF_A_CENTRE and Permission(guard[1]) in permissions_of(ROLES[who]):
            urls.setdefault(rule.rule, {})[whose] = url
    for rule_text, by_owner in urls.items():
        for headers in ({}, {"X-Grid": "fragment"}, {"X-Grid": "count"}, {"Accept": "application/json"}):
            answers = [browser.get(by_owner[whose], headers=headers) for whose in (theirs, "absent")]
            foreign, absent = answers
            assert foreign.status_code == absent.status_code == 404, rule_text
            assert without_token(foreign.text) == without_token(absent.text), rule_text
            assert foreign.headers.items() == absent.headers.items() or sorted(foreign.headers) == sorted(
                absent.headers
            ), rule_text
            compared += 1
    assert compared >= 4 * 6


@pytest.mark.parametrize("who", [who for who in PRINCIPALS if who != "issuer"])
def test_whether_something_exists_is_not_told_to_those_at_the_wrong_door(town: Town, who: str) -> None:
    browser = town.browser(who)
    browser.get("/centre/")
    answers: dict[str, dict[str, str]] = {}
    for rule, whose, url in cells(town, "GET"):
        if town.guard(rule)[0] == "issuer" and rule.arguments & set(IDS):
            answer = browser.get(url)
            answers.setdefault(rule.rule, {})[whose] = without_token(answer.text)
            answer.close()
    assert len(answers) >= 10
    for rule_text, bodies in answers.items():
        assert bodies["own"] == bodies["other"] == bodies["absent"], rule_text


@pytest.mark.parametrize("who", PRINCIPALS)
def test_a_form_without_the_token_of_its_page_is_refused(town: Town, who: str) -> None:
    browser = town.browser(who)
    wrong, tried = [], 0
    with town.unchanged():
        for _rule, whose, url in cells(town, "POST"):
            for data in ({}, {"csrf_token": ""}, {"csrf_token": "IjEi.aaaa.bbbb"}):
                answer = browser.post(url, data=data | {"reason": "Because."})
                if answer.status_code != 400:
                    wrong.append(f"POST {url} ({whose}) with {data}: {answer.status_code}")
                tried += 1
    assert not wrong, "\n".join(wrong)
    assert tried > 60


def test_the_token_of_another_browser_is_no_token(town: Town) -> None:
    mine, theirs = town.browser("issuer"), town.browser("issuer")
    theirs.submit("/gallery/notify")
    with theirs.session_transaction() as session:
        stolen = session["csrf_token"]
    mine.get("/issuer/centres/new")
    with town.unchanged():
        assert mine.post("/issuer/centres/new", data={"csrf_token": stolen, "number": "1"}).status_code == 400


@pytest.mark.parametrize("who", [who for who in PRINCIPALS if who != "issuer"])
def test_whoever_may_not_act_changes_nothing(town: Town, who: str) -> None:
    wrong, tried = [], 0
    browser = town.browser(who)
    # A visitor's try is audited nowhere; what public forms count is counted in the table of the throttles.
    with town.unchanged(but=frozenset({"throttle"})):
        for rule, whose, url in cells(town, "POST"):
            if town.guard(rule) == ("public",) and rule.endpoint in ("auth.logout",):
                continue
            wanted = expected(town, rule, whose, who, "POST")
            if wanted == CLICK:
                continue
            answer = browser.submit(url)
            if answer.status_code != wanted:
                wrong.append(f"POST {url} ({whose}): {answer.status_code}, not {wanted}")
            tried += 1
    assert not wrong, "\n".join(wrong)
    assert tried > 25


def test_the_issuer_reaches_every_act_and_nothing_of_what_is_not_there(town: Town) -> None:
    wrong, tried = [], 0
    browser = town.browser("issuer")
    for rule, whose, url in cells(town, "POST"):
        if rule.endpoint == "auth.logout":
            continue
        wanted = expected(town, rule, whose, "issuer", "POST")
        if wanted == CLICK:
            continue
        before = town.snapshot() if whose == "absent" else None
        answer = browser.submit(url)
        if answer.status_code != wanted:
            wrong.append(f"POST {url} ({whose}): {answer.status_code}, not {wanted}")
        if before is not None and before != town.snapshot():
            wrong.append(f"POST {url} changed something")
        tried += 1
    assert not wrong, "\n".join(wrong)
    assert tried > 25


@pytest.mark.once
@pytest.mark.parametrize("who", ["nobody", "admin", "issuer"])
def test_other_methods_are_refused(town: Town, who: str) -> None:
    browser = town.browser(who)
    wrong = []
    with town.unchanged():
        for rule in town.rules():
            url = next(url for found, _, url in cells(town, min(rule.methods or ())) if found is rule)
            answers = set()
            for other in town.rules():
                if other.rule == rule.rule:
                    answers |= other.methods or set()
            for method in {"POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND"} - answers:
                if (code := browser.open(url, method=method).status_code) != 405:
                    wrong.append(f"{method} {url}: {code}")
            # What may be done at an address is no secret, and nothing is done by asking.
            if (code := browser.options(url).status_code) not in (200, 405):
                wrong.append(f"OPTIONS {url}: {code}")
    assert not wrong, "\n".join(wrong)


def test_a_sort_of_answer_for_programs_is_401_and_not_a_login_page(town: Town) -> None:
    for who in ("nobody", "locked", "deleted"):
        browser = town.browser(who)
        for rule, whose, url in cells(town, "GET"):
            if town.guard(rule) != ("public",):
                answer = browser.get(url, headers={"X-Grid": "fragment"})
                assert answer.status_code == 401, f"{url} ({whose}) as {who}: {answer.status_code}"


def room_names(town: Town, things: dict[str, Any]) -> dict[str, str]:
    """The name of each room that concerns somebody's things."""
    centre_id, job_id, upload_id = things["centre_id"], things["job_id"], things["upload_id"]
    return {
        "centre_jobs": names.centre_jobs(centre_id),
        "centre_records": names.centre_records(centre_id),
        "centre_home": names.centre_home(centre_id),
        "centre_users": names.centre_users(centre_id),
        "centre_downloads": names.centre_downloads(centre_id),
        "centre_problems": names.centre_problems(centre_id),
        "problem": names.problem(things["problem_id"]),
        "desk": names.desk(things["user_id"]),
        "job": names.job(job_id),
        "upload": names.upload(upload_id),
        "user": names.user(things["user_id"]),
        "verify": names.verify(things["text"]),
    }


OF_THE_CENTRE = {
    "centre_jobs",
    "centre_records",
    "centre_home",
    "centre_downloads",
    "centre_problems",
    "problem",
    "job",
}
WATCHED = {
    "nobody": {"verify"},
    "learner": {"verify"},
    "user": {"verify", "user", "desk"} | OF_THE_CENTRE,
    "admin": {"verify", "centre_users"} | OF_THE_CENTRE,
    "rival": {"verify"},
    "issuer": {"verify", "job", "upload", "problem"},
}
"""Which rooms of Riverside (whose user is the one called "user") each may watch; the rival the same of Hillside."""

RIVALS = {"verify", "user", "desk", "centre_users"} | OF_THE_CENTRE


def test_every_room_is_in_the_matrix(town: Town) -> None:
    functions = {name for name, value in vars(names).items() if callable(value)}
    assert functions == room_names(town, town.own).keys(), "say in tests/security/test_matrix.py who may watch a room"


@pytest.mark.parametrize("who", WATCHED)
def test_a_room_opens_to_whom_it_concerns_only(town: Town, who: str) -> None:
    with town.app.app_context():
        actor = ANYONE if who == "nobody" else as_actor(town.user_ids[who])
        own = {name for name, room in room_names(town, town.own).items() if may_watch(actor, room)}
        other = {name for name, room in room_names(town, town.other).items() if may_watch(actor, room)}
        absent = {name for name, room in room_names(town, ABSENT).items() if may_watch(actor, room)}
        issuers = {room for name, room in vars(names).items() if name.startswith("ISSUER_") and may_watch(actor, room)}
        db.session.close()
    assert own == WATCHED[who]
    assert other == (RIVALS if who == "rival" else WATCHED["issuer"] if who == "issuer" else {"verify"})
    assert absent == {"verify"}, "a room of nothing opens only where everybody holding a reference may wait"
    everything = {room for name, room in vars(names).items() if name.startswith("ISSUER_")}
    assert issuers == (everything if who == "issuer" else set())
