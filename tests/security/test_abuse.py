"""What somebody with bad intentions does first, and what the portal does then.

The numbers (abuse 15 …) are those of the list of abuse cases that the portal was planned with; who may go where is in
``test_matrix``, what nobody should send in ``test_bad_input``, sockets are in tests/realtime, drawn text in
tests/documents.
"""

from __future__ import annotations

import csv
import io
import logging
import re
from collections.abc import Callable, Iterator
from datetime import date
from http.cookies import SimpleCookie
from typing import Any
from urllib.parse import quote, urlsplit

import html5lib
import pytest
import zxingcpp
from flask_babel import gettext, ngettext
from PIL import Image
from sqlalchemy import event, select, update
from sqlalchemy.exc import OperationalError

import config
from portal import clock, reference
from portal.access.actor import SYSTEM
from portal.database import db
from portal.documents.images import SUFFIX
from portal.documents.storage import Store
from portal.mail import letters
from portal.models.documents import Document
from portal.models.facts import RoomChange
from portal.models.mails import Mail
from portal.models.records import Record
from portal.models.users import User
from portal.queries.documents import store_root
from portal.queries.mails import letter_of
from portal.realtime import server
from portal.services import centres, documents, tokens, users
from portal.services.users import Person
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Production
from portal.web.guards import public
from portal.web.limits import GUESSES
from tests.security.conftest import Town, csv_rows, day, says_something, statements, words_of
from tests.security.test_matrix import cells
from tests.services.people import PASSWORD, as_actor
from tests.world import World

MICHAEL = "michael.white@portal.example"
NEW_PASSWORD = "copper meadow window 77"
IMG = "<img src=x onerror=alert(1)>"
SCRIPT = '"><script>alert(1)</script>'
BRACES = "{{7*7}}{% raw %}"
MARKUP = (IMG, SCRIPT, BRACES)


@pytest.fixture
def put_back(world: World, town: Town) -> Iterator[None]:
    """For tests that change what others look at: their own rows are theirs, brands and people are put back."""
    with town.app.app_context():
        tables = [table for table in db.metadata.sorted_tables if table.name in ("brand", "user", "centre")]
        kept = {table: [dict(row._mapping) for row in db.session.execute(select(table))] for table in tables}
        db.session.close()
    yield
    with town.app.app_context(), unit_of_work(SYSTEM):
        for table, rows in kept.items():
            for row in rows:
                db.session.execute(update(table).where(table.c.id == row["id"]).values(**row))


@pytest.fixture
def acting(town: Town) -> Callable[..., Any]:
    """A function that does something as somebody, by a service."""

    def act(verb: Callable[..., Any], *args: Any, who: str = "issuer", **values: Any) -> Any:
        with town.app.app_context():
            actor = SYSTEM if who == "system" else as_actor(town.user_ids[who])
            done = verb(*args, actor=actor, **values)
            db.session.close()
            return done

    return act


def log_in(browser: Any, email: str = MICHAEL, password: str = PASSWORD, **options: Any) -> Any:
    return browser.submit("/centre/login", {"email": email, "password": password}, **options)


def cookie_of(browser: Any) -> str:
    return str(browser.get_cookie("portal").value)


# ── 15: text that wants to be markup ─────────────────────────────────────────────────────────────────────────────


@pytest.fixture(scope="module")
def hostile(town: Town) -> dict[str, Any]:
    """A centre, its people, a job, a cancelled document and a file, all with names that are markup or formulas."""
    with town.app.app_context():
        issuer = as_actor(town.user_ids["issuer"])
        centre_id = centres.create_centre(
            number="10666", name=f"{IMG} College", brand_id=1, address=f"{SCRIPT}\nRoad", actor=issuer
        )
        person = Person(email="markup@hostile.example", first_name=IMG[:90], last_name=SCRIPT)
        users.create_centre_admin(centre_id, person, password=NEW_PASSWORD, actor=issuer)
        user_id = db.session.scalars(select(User.id).where(User.email == person.email)).one()
        with unit_of_work(SYSTEM):
            user = db.session.get_one(User, user_id)
            user.email_confirmed_at, user.must_change_password = clock.now(), False
    names = [
        "Donald,,Duck",
        f"{IMG},,Duck",
        f'"{SCRIPT.replace(chr(34), chr(34) * 2)}",,{BRACES}',
        "=cmd()|' /C calc'!A0,,@SUM",
    ]
    lines = csv_rows(1, 4).decode().splitlines()
    rows = [lines[0]]
    for number, name in enumerate(names):
        cells_ = next(csv.reader([lines[1]]))
        cells_[0] = f"AMS0000066600{number}"
        first, middle, last = next(csv.reader([name]))
        cells_[1], cells_[2], cells_[3] = first, middle, last
        text = io.StringIO()
        csv.writer(text).writerow(cells_)
        rows.append(text.getvalue().strip())
    drawn = town.publish("\n".join(rows).encode(), centre_id)
    with town.app.app_context():
        documents.cancel([drawn[2].id], reason=f"{SCRIPT} {IMG}", actor=as_actor(town.user_ids["issuer"]))
    town.user_ids["markup"] = user_id
    return {"centre_id": centre_id, "user_id": user_id, "documents": drawn, "job_id": drawn[0].job_id}


def faults_of_markup(text: str) -> list[str]:
    """Everything on a page that a script could have been smuggled in by."""
    page = html5lib.parse(text, namespaceHTMLElements=False)
    found = []
    for element in page.iter():
        if not isinstance(element.tag, str):
            continue
        if (
            element.tag == "script"
            and (element.text or "").strip()
            and element.get("type") not in ("application/json",)
        ):
            found.append(f"a script within the page: {element.text[:60]}")
        if element.tag == "style" or element.tag in ("object", "embed", "applet", "base"):
            found.append(f"<{element.tag}>")
        for name, value in element.attrib.items():
            if str(name).lower().startswith("on") or str(name).lower() == "style" or str(name) == "srcdoc":
                found.append(f"{element.tag} {name}={value[:60]}")
            if str(name) in ("href", "src", "action", "formaction") and not value.startswith(("/", "#", "?")):
                if value and not value.startswith(("mailto:", "http://localhost/")):
                    found.append(f"{element.tag} {name}={value[:60]}")
    return found


@pytest.mark.once
def test_names_that_are_markup_stay_text_on_every_page(town: Town, hostile: dict[str, Any]) -> None:
    drawn = hostile["documents"]
    ids = {"document_id": drawn[2].id, "record_id": drawn[2].record_id, "text": drawn[2].reference}
    ids |= {"job_id": hostile["job_id"], "centre_id": hostile["centre_id"], "user_id": hostile["user_id"]}
    adapter = town.app.url_map.bind("localhost")
    seen, looked = set(), 0
    for who in ("markup", "issuer", "nobody"):
        browser = town.browser(who)
        for rule, whose, _url in cells(town, "GET"):
            if whose != "own" or rule.endpoint.startswith("gallery."):
                continue
            values = {"form": "digital", "number": 1, "slug": "seg", "token": "x", "name": "x", "door": "centre"}
            values |= {"code": 404, "brand_id": 1} | town.own | ids
            url = adapter.build(rule.endpoint, {name: values[name] for name in rule.arguments})
            for query in (
                "",
                f"?q={quote(IMG)}",
                f"?reference={quote(SCRIPT)}",
                f"?back={quote(SCRIPT)}&next={quote(IMG)}",
            ):
                GUESSES.forget()
                answer = browser.get(url + query)
                if answer.mimetype == "text/html" and answer.status_code < 300 or answer.status_code >= 400:
                    assert not faults_of_markup(answer.text), f"{url}{query} as {who}: {faults_of_markup(answer.text)}"
                    assert "<img src=x" not in answer.text and "<script>alert" not in answer.text, url
                    assert "49{% raw" not in answer.text and "{{7*7}}" not in answer.text.replace(BRACES, ""), url
                    seen |= {
                        name
                        for name in ("&lt;img src=x onerror", "&lt;script&gt;alert", "{{7*7}}")
                        if name in answer.text
                    }
                    looked += 1
                answer.close()
    assert seen == {"&lt;img src=x onerror", "&lt;script&gt;alert", "{{7*7}}"}, f"the names were shown nowhere: {seen}"
    assert looked > 100


def test_rows_that_are_fetched_again_are_escaped_too(town: Town, hostile: dict[str, Any]) -> None:
    issuer, ids = town.browser("issuer"), [document.id for document in hostile["documents"]]
    found = issuer.get(f"/issuer/documents?ids={','.join(map(str, ids))}", headers={"X-Grid": "rows"})
    text = "".join(row for row in found.json["rows"].values() if row)
    assert "&lt;img src=x" in text and "<img src=x" not in text and "<script>alert" not in text
    fragment = town.browser("markup").get("/centre/records", headers={"X-Grid": "fragment"}).text
    assert "&lt;img src=x" in fragment and not faults_of_markup(fragment)


def test_names_that_are_formulas_are_only_text_in_a_spreadsheet(town: Town, hostile: dict[str, Any]) -> None:
    for who, url in (
        ("markup", "/centre/records"),
        ("issuer", "/issuer/documents"),
        ("issuer", f"/issuer/jobs/{hostile['job_id']}"),
    ):
        answer = town.browser(who).get(f"{url}?format=csv")
        assert answer.mimetype == "text/csv" and "attachment" in answer.headers["Content-Disposition"]
        rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
        assert len(rows) > 3
        assert any("cmd()" in cell for row in rows for cell in row)
        for row in rows:
            assert not [cell for cell in row if cell.startswith(("=", "+", "@", "-", "\t", "\r"))], row


def test_no_mail_carries_the_markup_of_a_name(town: Town, hostile: dict[str, Any]) -> None:
    acting_issuer = town.browser("issuer")
    data = {"first_name": IMG, "last_name": SCRIPT, "email": "invited@hostile.example", "way": "invite"}
    assert acting_issuer.submit(f"/issuer/centres/{hostile['centre_id']}/admins/new", data).status_code == 302
    read = 0
    with town.app.test_request_context():
        environment = letters.environment(gettext, ngettext)
        for mail in db.session.scalars(select(Mail)):
            letter = letter_of(
                mail,
                token_text=lambda token_id: tokens.text_of(token_id, town.app.config["SECRET_KEY"]),
                public_url="https://certificates.example",
                environment=environment,
            )
            if letter is None:
                continue
            assert "<img src=x" not in letter.html and "<script" not in letter.html
            assert "\n" not in letter.subject and "\r" not in letter.subject
            links = re.findall(r"https?://[^\s\"'<>]+", letter.html + letter.text)
            assert all(link.startswith("https://certificates.example") for link in links), links
            read += 1
        db.session.close()
    assert read >= 1


# ── 23: open redirects, and hosts that are not ours ──────────────────────────────────────────────────────────────

ELSEWHERE = (
    "//evil.example", "////evil.example", "/\\evil.example", "/%09/evil.example", "\\\\evil.example",
    "https:evil.example", "https://evil.example", "http:///evil.example", "javascript:alert(1)",
    "data:text/html,x", "/%0d%0aSet-Cookie:x=1",
    "/\r\nLocation: //evil.example", "evil.example", "@evil.example", "///\\;@evil.example", "/centre/jobs",
)  # fmt: skip


def assert_stays_here(answer: Any) -> None:
    place = answer.headers.get("Location")
    if place is not None:
        assert place.startswith("/") and not place.startswith(("//", "/\\")), place
        assert not urlsplit(place).netloc and not re.search(r"[\x00-\x20\\]", place), place
        assert "evil.example" not in place.split("?")[0], place


@pytest.mark.parametrize("place", ELSEWHERE)
def test_nobody_is_sent_elsewhere(town: Town, place: str) -> None:
    visitor, admin, issuer = town.browser("nobody"), town.browser("admin"), town.browser("issuer")
    query = dict.fromkeys(("next", "back", "door", "url", "return_to", "redirect"), place)
    for path in ("/centre/login", "/issuer/login", "/centre/jobs", "/issuer/", "/verify/", "/confirm"):
        for browser in (visitor, admin, issuer):
            assert_stays_here(browser.get(path, query_string=query))
    assert_stays_here(visitor.get("/verify/", query_string={"reference": place}))
    found = log_in(town.browser("nobody"), query_string=query)
    assert found.status_code == 302
    assert_stays_here(found)
    assert found.location in ("/centre/", "/centre/jobs"), found.location
    for path in (f"/issuer/users/{town.other['user_id']}/unlock", f"/issuer/documents/{town.own['document_id']}/retry"):
        answer = issuer.submit(path, query_string=query)
        assert answer.status_code == 302
        assert_stays_here(answer)
    assert_stays_here(admin.submit("/logout", query_string=query))
    assert_stays_here(visitor.submit("/confirm/resend", query_string=query))


def test_a_forged_host_is_in_no_answer_mail_or_document(town: Town) -> None:
    forged = {
        "Host": "evil.example",
        "X-Forwarded-Host": "evil.example",
        "X-Forwarded-Proto": "https",
        "Forwarded": "host=evil.example",
    }
    for who in ("nobody", "admin", "issuer"):
        browser = town.browser(who)
        if who != "nobody":
            browser.get("/healthz")
            browser.set_cookie("portal", cookie_of(browser), domain="evil.example")
        for rule, whose, url in cells(town, "GET"):
            if whose == "own":
                answer = browser.get(url, headers=forged)
                if town.guard(rule)[0] == {"admin": "centre", "issuer": "issuer"}.get(who):
                    # An export that is not packed yet and a QR of nothing to set up answer so to anybody.
                    assert answer.status_code in (200, 302, 404, 409), url
                    assert "/login" not in answer.headers.get("Location", ""), url
                assert "evil.example" not in str(answer.headers), url
                if answer.mimetype.startswith("text/") or answer.is_json:
                    assert "evil.example" not in answer.text, url
                answer.close()
    visitor = town.browser("nobody")
    visitor.submit(
        "/centre/forgot", {"email": "rita.rival@portal.example"}, headers={"X-Forwarded-Host": "evil.example"}
    )
    with town.app.test_request_context(headers=forged):
        mail = db.session.scalars(select(Mail).where(Mail.recipient == "rita.rival@portal.example")).first()
        assert mail is not None
        letter = letter_of(
            mail,
            token_text=lambda token_id: tokens.text_of(token_id, town.app.config["SECRET_KEY"]),
            public_url=town.app.config["PUBLIC_URL"],
            environment=letters.environment(gettext, ngettext),
        )
        db.session.close()
    assert letter is not None and "evil" not in letter.text + letter.html
    assert f"{town.app.config['PUBLIC_URL']}/reset/" in letter.text
    picture = town.browser("admin").get(f"/centre/documents/{town.own['document_id']}/pages/digital/1.jpg")
    codes = [code.text for code in zxingcpp.read_barcodes(Image.open(io.BytesIO(picture.data)).convert("L"))]
    assert codes == [f"{town.app.config['PUBLIC_URL']}/v/{town.own['text']}"]


# ── Headers and cookies ──────────────────────────────────────────────────────────────────────────────────────────


def faults_of_headers(answer: Any, *, static: bool = False) -> list[str]:
    """What is missing in the headers of an answer."""
    headers = answer.headers
    policy = dict(
        part.strip().split(" ", 1) for part in headers.get("Content-Security-Policy", "").split(";") if " " in part
    )
    wanted = {
        "X-Content-Type-Options": "nosniff",
        "Referrer-Policy": "no-referrer",
        "X-Frame-Options": "DENY",
        "Cross-Origin-Opener-Policy": "same-origin",
        "X-Robots-Tag": "noindex, nofollow",
    }
    faults = [f"{name}: {headers.get(name)}" for name, value in wanted.items() if headers.get(name) != value]
    for name, value in (
        ("default-src", "'none'"),
        ("frame-ancestors", "'none'"),
        ("base-uri", "'none'"),
        ("form-action", "'self'"),
    ):
        if policy.get(name) != value:
            faults.append(f"CSP {name} {policy.get(name)}")
    if "unsafe" in headers.get("Content-Security-Policy", "") or "*" in headers.get("Content-Security-Policy", ""):
        faults.append("CSP allows too much")
    if any(name.startswith("Access-Control-") for name in headers.keys()):
        faults.append("another site may read this")
    if not static and not re.search("no-store|private|no-cache|max-age=300", headers.get("Cache-Control", "")):
        faults.append(f"Cache-Control: {headers.get('Cache-Control')}")
    for cookie in headers.getlist("Set-Cookie"):
        faults += [
            f"a cookie without {flag}: {cookie[:40]}"
            for flag in ("HttpOnly", "SameSite=Lax", "Path=/")
            if flag not in cookie
        ]
        if "domain=" in cookie.lower():
            faults.append("a cookie for other hosts")
    if "werkzeug" in headers.get("Server", "").lower() or "X-Powered-By" in headers:
        faults.append("tells what it is made of")
    return faults


@pytest.mark.once
def test_every_answer_wears_every_header(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    wrong, codes = [], set()

    def look(answer: Any, what: str, *, static: bool = False) -> None:
        codes.add(answer.status_code)
        if faults := faults_of_headers(answer, static=static):
            wrong.append(f"{what} ({answer.status_code}): {faults}")
        answer.close()

    for who in ("nobody", "admin", "issuer"):
        browser = town.browser(who)
        for _rule, _whose, url in cells(town, "GET"):
            look(browser.get(url), f"GET {url} as {who}")
            look(browser.options(url), f"OPTIONS {url}")
            look(browser.put(url), f"PUT {url}")
        for _rule, _whose, url in cells(town, "POST"):
            look(browser.post(url), f"POST {url} without a token")
        for url in (
            "/static/js/live.js",
            "/static/css/verify.css",
            "/static/none.js",
            "/static/../config.py",
            "/centre",
            "/verify",
        ):
            look(browser.get(url), url, static=True)
        look(browser.get("/issuer/jobs?page=0"), "a bad question")
        look(browser.get("/issuer/jobs?page=0", headers={"X-Grid": "rows"}), "a bad question for rows")
        look(browser.submit("/centre/login", {"email": "x" * 300_000}), "too much")
        look(browser.get("/none"), "nothing")
        look(browser.get("/v/%FF"), "no text")
        for _ in range(40):
            answer = browser.get("/v/none")
        look(answer, "too many")
        GUESSES.forget()

    @public
    def broken(actor: Any) -> str:
        raise RuntimeError("a secret of the machine")

    monkeypatch.setitem(town.app.view_functions, "public.privacy", broken)
    answer = town.browser("nobody").get("/privacy")
    assert answer.status_code == 500 and "secret of the machine" not in answer.text and says_something(answer)
    look(answer, "our own fault")
    assert not wrong, "\n".join(wrong[:20])
    assert {200, 302, 308, 400, 403, 404, 405, 413, 422, 429, 500} <= codes, codes


def test_cookies_are_for_us_alone_over_https(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PUBLIC_URL", "https://certificates.example")
    monkeypatch.setenv("SECRET_KEY", "not-a-secret-only-for-checks-and-tests")
    loaded = config.load("web")
    assert loaded["SESSION_COOKIE_SECURE"] and loaded["SESSION_COOKIE_HTTPONLY"]
    assert loaded["SESSION_COOKIE_SAMESITE"] == "Lax"
    # The prefix makes browsers insist on Secure, Path=/ and no Domain (RFC 6265bis §4.1.3.2).
    assert loaded["SESSION_COOKIE_NAME"].startswith("__Host-")
    assert not loaded["DEMO"] and not loaded["DEVELOPMENT"] and not loaded.get("TESTING")


def test_the_start_stops_without_a_secret(monkeypatch: pytest.MonkeyPatch, tmp_path: Any) -> None:
    monkeypatch.delenv("SECRET_KEY", raising=False)
    monkeypatch.setenv("PORTAL_DATA", str(tmp_path))
    for role in ("web", "worker", "cli"):
        with pytest.raises(config.MissingSetting, match="SECRET_KEY is not set"):
            config.load(role)


def test_forms_work_over_https_though_browsers_send_no_referrer(town: Town, put_back: None) -> None:
    browser = town.app.test_client()
    secure = {"base_url": "https://localhost"}
    assert browser.get("/centre/login", **secure).headers["Referrer-Policy"] == "no-referrer"
    assert log_in(browser, **secure).status_code == 302
    assert browser.post("/logout", **secure).status_code == 400, "the token is asked for all the same"


# ── 4, 5, 6: sessions ────────────────────────────────────────────────────────────────────────────────────────────


def is_in(browser: Any) -> bool:
    answer = browser.get("/centre/")
    assert answer.status_code in (200, 302)
    return bool(answer.status_code == 200)


def carrying(town: Town, cookie: str) -> Any:
    browser = town.app.test_client()
    browser.set_cookie("portal", cookie)
    return browser


def test_a_cookie_from_before_the_login_is_nobodys_afterwards(town: Town, put_back: None) -> None:
    victim = town.app.test_client()
    victim.get("/centre/login")
    planted = cookie_of(victim)
    assert log_in(victim).status_code == 302 and is_in(victim)
    assert cookie_of(victim) != planted
    assert not is_in(carrying(town, planted))


def test_whoever_signs_in_on_a_planted_session_takes_nothing_of_it(town: Town, put_back: None) -> None:
    attacker = town.browser("rival")
    attacker.get("/centre/")
    planted = cookie_of(attacker)
    victim = carrying(town, planted)
    assert log_in(victim).status_code == 302
    assert "Michael" in victim.get("/centre/").text
    assert not is_in(carrying(town, planted)), "the session of the attacker goes on in the victim's browser"


def test_a_copy_of_the_cookie_is_worthless_after_logging_out(town: Town, put_back: None) -> None:
    browser = town.app.test_client()
    log_in(browser)
    copy = cookie_of(browser)
    assert is_in(carrying(town, copy))
    assert browser.submit("/logout").status_code == 302
    for _ in range(2):
        assert not is_in(carrying(town, copy))


def test_a_new_password_ends_every_session(town: Town, put_back: None) -> None:
    here, there, thief = town.browser("user"), town.browser("user"), town.browser("user")
    assert is_in(here) and is_in(there) and is_in(thief)
    email = "anew.user@portal.example"
    visitor = town.app.test_client()
    visitor.submit("/centre/forgot", {"email": email})
    with town.app.app_context():
        mail = db.session.scalars(select(Mail).where(Mail.recipient == email).order_by(Mail.id.desc())).first()
        assert mail is not None
        link = f"{mail.values['path']}/{tokens.text_of(mail.values['token_id'], town.app.config['SECRET_KEY'])}"
        db.session.close()
    visitor.get(link)
    answer = visitor.submit("/reset", {"password": NEW_PASSWORD, "confirm": NEW_PASSWORD})
    assert answer.status_code == 302, words_of(answer)
    assert not is_in(here) and not is_in(there) and not is_in(thief)
    assert log_in(town.app.test_client(), email).status_code == 422
    assert log_in(town.app.test_client(), email, NEW_PASSWORD).location == "/centre/"


END: dict[str, Callable[..., Any]] = {
    "locked": lambda act, town, who: act(users.lock, who, until=day(3), reason=users.LOCK_REASONS[0]),
    "made inactive": lambda act, town, who: act(users.set_active, who, False),
    "deleted": lambda act, town, who: act(users.remove, who),
    "made admin": lambda act, town, who: act(users.set_admin, who, True),
    "given another address": lambda act, town, who: act(users.change_email, who, email="new.address@portal.example"),
    "given a password": lambda act, town, who: act(users.give_password, who, password=NEW_PASSWORD),
}


@pytest.mark.parametrize("what", END)
def test_whoever_is_changed_is_out_with_the_next_click(
    town: Town, acting: Callable[..., Any], put_back: None, what: str
) -> None:
    browser, other = town.browser("user"), town.browser("rival")
    assert is_in(browser) and is_in(other)
    END[what](acting, town, town.user_ids["user"])
    for path in ("/centre/", "/centre/jobs", f"/centre/documents/{town.own['document_id']}/pages/digital/1.jpg"):
        assert browser.get(path).status_code == 302, f"{path} is open to somebody who was {what}"
        assert browser.get(path, headers={"X-Grid": "rows"}).status_code == 401
    assert is_in(other)


def test_a_session_of_older_rights_is_over_even_where_its_row_was_left(town: Town, put_back: None) -> None:
    browser = town.browser("user")
    assert is_in(browser)
    with town.app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(User).where(User.id == town.user_ids["user"]).values(auth_epoch=User.auth_epoch + 1))
    assert not is_in(browser)


# ── What the public sees ─────────────────────────────────────────────────────────────────────────────────────────


def public_texts(town: Town, text: str) -> Iterator[tuple[str, str]]:
    """Everything that somebody without an account can read about a document, and the rival of its centre."""
    visitor, rival = town.browser("nobody"), town.browser("rival")
    yield "page", visitor.get(f"/v/{text}").text
    yield "fragment", visitor.get(f"/v/{text}", headers={"X-Fragment": "1"}).text
    yield "JSON", visitor.get(f"/v/{text}.json").text
    yield "the rival's check", rival.get("/centre/validate", query_string={"reference": text}).text
    with town.app.app_context():
        yield "socket", str(server.status_of(text))
        changes = db.session.scalars(select(RoomChange)).all()
        yield "news", " ".join(f"{change.room} {change.ids}" for change in changes if change.room.startswith("verify:"))
        for change in changes:
            assert all(isinstance(ident, int) for ident in change.ids or ()), "news hold ids and nothing else"
        db.session.close()


def test_the_public_never_learns_a_birthday_an_enrolment_number_or_an_address(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    from portal.queries import verification

    monkeypatch.setattr(server, "verify_status", lambda text: verification.check(text).as_json())
    looked = 0
    for text in town.references[str(town.people.riverside)]:
        with town.app.app_context():
            record = db.session.scalars(select(Record).join(Document).where(Document.reference == text)).one()
            born: date = record.date_of_birth
            db.session.close()
        secrets = [record.enrolment_number, record.enrolment_number.removeprefix("AMS").lstrip("0"), record.email]
        secrets += [f"{born:%Y-%m-%d}", f"{born:%d/%m/%Y}", f"{born.day} {born:%B %Y}", f"{born.day} {born:%b %Y}"]
        texts = dict(public_texts(town, text))
        for where, answer in texts.items():
            shown = [secret for secret in secrets if secret and secret in answer]
            assert not shown, f"{where} shows {shown}"
            looked += 1
        assert record.first_name in texts["page"] and record.first_name in texts["socket"]
    assert looked >= 6


def test_the_document_itself_is_shown_where_its_brand_wants_that_only(
    town: Town, acting: Callable[..., Any], put_back: None
) -> None:
    visitor, text = town.browser("nobody"), town.own["text"]
    etag = visitor.get(f"/v/{text}/pages/1.jpg").headers.get("ETag")
    assert visitor.get(f"/v/{text}.json").json["sha256"] and "verify__page" in visitor.get(f"/v/{text}").text
    acting(centres.update_brand, 1, public_document=False)
    page, data = visitor.get(f"/v/{text}"), visitor.get(f"/v/{text}.json").json
    assert page.status_code == 200 and 'data-status="valid"' in page.text
    assert "verify__page" not in page.text and ".jpg" not in page.text
    assert data["status"] == "valid" and data["sha256"] is None
    for headers in ({}, {"If-None-Match": etag or "*"}, {"Range": "bytes=0-10"}):
        assert visitor.get(f"/v/{text}/pages/1.jpg", headers=headers).status_code == 404
    with town.app.app_context():
        assert server.status_of(text).get("sha256") is None
    # The centre still sees what was issued to it.
    assert (
        town.browser("admin").get(f"/centre/documents/{town.own['document_id']}/pages/digital/1.jpg").status_code == 200
    )


def test_a_picture_that_was_changed_on_the_disk_is_shown_to_nobody(town: Town) -> None:
    document = town.publish(csv_rows(11, 11), town.people.riverside)[0]
    store = Store(store_root(town.app.config["PORTAL_DATA"]))
    path = store.path(document.files["digital"]["pages"][0]["sha256"], SUFFIX)
    urls = (f"/v/{document.reference}/pages/1.jpg", f"/centre/documents/{document.id}/pages/digital/1.jpg")
    browser = town.browser("admin")
    assert [browser.get(url).status_code for url in urls] == [200, 200]
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert [browser.get(url).status_code for url in urls] == [503, 503]
    path.unlink()
    answers = [browser.get(url) for url in urls]
    assert [answer.status_code for answer in answers] == [503, 503] and all(map(says_something, answers))
    assert browser.get(f"/v/{document.reference}.json").json["status"] == "valid"


@pytest.mark.parametrize("production", [Production.PENDING, Production.FAILED])
def test_what_is_not_drawn_does_not_exist_for_the_public(town: Town, production: Production) -> None:
    document = town.publish(csv_rows(9, 9), town.people.riverside, draw=False)[0]
    with town.app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(Document).where(Document.id == document.id).values(production=production))
    record = town.row(Record, document.record_id)
    names = (record.last_name, record.enrolment_number, record.qualification_title)
    visitor = town.browser("nobody")
    for text in (document.reference, reference.new()):
        answers = [visitor.get(f"/v/{text}{end}") for end in ("", ".json", "/pages/1.jpg")]
        assert [answer.status_code for answer in answers] == [404, 404, 404]
        assert answers[1].json["status"] == "unknown"
        told = {name for name, value in answers[1].json.items() if value is not None}
        assert told == {"reference", "status", "checked_at"}
        assert all(name not in answers[0].text for name in names)
        assert 'data-status="unknown"' in answers[0].text


def test_a_document_from_before_the_brand_checks_gets_that_answer(
    town: Town, acting: Callable[..., Any], put_back: None
) -> None:
    visitor, text = town.browser("nobody"), town.own["text"]
    issued = town.row(Document, town.own["document_id"]).issued_on
    acting(centres.update_brand, 1, validate_from=issued)
    page, data = visitor.get(f"/v/{text}"), visitor.get(f"/v/{text}.json")
    assert page.status_code == data.status_code == 200
    assert data.json["status"] == "unavailable" and f"{issued:%B %Y}" in data.json["reason"]
    assert 'data-status="unavailable"' in page.text and 'data-status="valid"' not in page.text
    assert "can be validated here only when they were issued after" in words_of(page)
    acting(centres.update_brand, 1, validate_from=date(issued.year - 1, 6, 23))
    assert visitor.get(f"/v/{text}.json").json["status"] == "valid"


def test_a_status_that_cannot_be_read_is_never_valid(town: Town) -> None:
    text, document_id = town.own["text"], town.own["document_id"]
    browsers = {who: town.browser(who) for who in ("nobody", "admin", "issuer")}
    urls = [(rule, url) for rule, whose, url in cells(town, "GET") if whose == "own"]

    def fail(_connection: Any, _cursor: Any, statement: str, *_rest: Any) -> None:
        raise OperationalError(statement, {}, Exception("the disk is on fire"))

    with town.app.app_context():
        event.listen(db.engine, "before_cursor_execute", fail)
    try:
        page, data = browsers["nobody"].get(f"/v/{text}"), browsers["nobody"].get(f"/v/{text}.json")
        image = browsers["nobody"].get(f"/v/{text}/pages/1.jpg")
        assert page.status_code == data.status_code == 503
        assert data.json["status"] == "unavailable" and data.json["learner"] is None
        assert 'data-status="unavailable"' in page.text and 'data-status="valid"' not in page.text
        assert image.status_code in (404, 503) and image.mimetype == "text/html"
        with town.app.app_context():
            assert server.status_of(text)["status"] in ("unavailable",)
        for who, browser in browsers.items():
            for rule, url in urls:
                answer = browser.get(url)
                assert answer.status_code != 500, f"{url} as {who}"
                if answer.status_code == 503 and not rule.endpoint.startswith(("verify.", "public.readyz")):
                    assert answer.headers.get("Retry-After"), url
                assert "on fire" not in (answer.text if answer.mimetype != "image/jpeg" else "")
                assert (
                    'data-status="valid"' not in (answer.text if answer.mimetype == "text/html" else "")
                    or "gallery" in url
                )
                answer.close()
        # Nobody gains a right by the database being away.
        for url in ("/centre/", "/issuer/", f"/centre/documents/{document_id}/digital.pdf"):
            assert browsers["nobody"].get(url).status_code in (302, 503)
            assert browsers["admin"].get(url).status_code == 503
    finally:
        with town.app.app_context():
            event.remove(db.engine, "before_cursor_execute", fail)
    assert browsers["nobody"].get(f"/v/{text}.json").json["status"] == "valid"


# ── 8, 9: guessing ───────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("path", ["/v/{}", "/v/{}.json", "/v/{}/pages/1.jpg", "/verify/?reference={}X"])
def test_guessing_references_comes_to_an_end(town: Town, path: str) -> None:
    visitor = town.browser("nobody")
    codes = [visitor.get(path.format(reference.new())).status_code for _ in range(GUESSES.most)]
    assert set(codes) <= {404, 422}
    with town.unchanged():
        stopped = visitor.get(path.format(reference.new()))
    assert stopped.status_code == 429 and int(stopped.headers["Retry-After"]) >= 1
    assert says_something(stopped)
    # Who holds a document is not punished for the guesses of the same network, nor is another network.
    assert visitor.get(f"/v/{town.own['text']}.json").json["status"] == "valid"
    elsewhere = visitor.get(path.format(reference.new()), environ_overrides={"REMOTE_ADDR": "198.51.100.7"})
    assert elsewhere.status_code in (404, 422)
    forged = visitor.get(path.format(reference.new()), headers={"X-Forwarded-For": "198.51.100.8"})
    assert forged.status_code == 429, "a header begins the count anew"


def test_references_tell_nothing_about_each_other(town: Town) -> None:
    made = [reference.new() for _ in range(2_000)]
    assert len({*made}) == len({one[:8] for one in made}) == 2_000
    assert made != sorted(made)
    counts = [sum(one.count(symbol) for one in made) for symbol in reference.ALPHABET]
    expected = sum(counts) / len(counts)
    # Chi-squared with 31 degrees of freedom stays below 75 but once in a hundred thousand times.
    assert sum((count - expected) ** 2 / expected for count in counts) < 75


# ── 24: secrets in logs ──────────────────────────────────────────────────────────────────────────────────────────


def test_no_secret_is_written_to_the_log(town: Town, put_back: None, caplog: pytest.LogCaptureFixture) -> None:
    secrets = {PASSWORD, NEW_PASSWORD, "a wrong password 123", town.app.config["SECRET_KEY"]}
    email = "michael.white@portal.example"
    with caplog.at_level(logging.DEBUG):
        browser = town.app.test_client()
        browser.get("/centre/login")
        log_in(browser, email, "a wrong password 123")
        log_in(browser, email)
        secrets.add(cookie_of(browser))
        with browser.session_transaction() as session:
            secrets |= {session["sid"]} | ({session["csrf_token"]} if "csrf_token" in session else set())
        browser.get("/centre/")
        visitor = town.app.test_client()
        visitor.submit("/centre/forgot", {"email": email})
        with town.app.app_context():
            mail = db.session.scalars(select(Mail).where(Mail.recipient == email).order_by(Mail.id.desc())).first()
            assert mail is not None
            token = tokens.text_of(mail.values["token_id"], town.app.config["SECRET_KEY"]) or ""
            db.session.close()
        secrets.add(token)
        visitor.get(f"/reset/{token}x")
        visitor.get(f"/reset/{token}")
        secrets.add(cookie_of(visitor))
        visitor.submit("/reset", {"password": "short", "confirm": "short"})
        visitor.submit("/reset", {"password": NEW_PASSWORD, "confirm": NEW_PASSWORD})
        visitor.get(f"/reset/{token}")
        log_in(visitor, email, NEW_PASSWORD)
        secrets.add(cookie_of(visitor))
    assert token and len(secrets) >= 8
    text = "\n".join(f"{record.getMessage()} {record.args}" for record in caplog.records) + caplog.text
    found = [secret for secret in secrets if secret in text]
    assert not found, f"{len(found)} secrets stand in the log"
    # Nor in any table: only hashes of what opens something are kept.
    with town.app.app_context():
        for table in db.metadata.sorted_tables:
            rows = " ".join(repr(tuple(row)) for row in db.session.execute(select(table)))
            kept = [secret for secret in secrets if secret in rows]
            assert not kept, f"the table {table.name} keeps a secret"
        db.session.close()


# ── What a page costs ────────────────────────────────────────────────────────────────────────────────────────────

MOST_STATEMENTS = 5
"""Of any page that is not named below; the session itself costs one."""

COSTS = {
    # Four figures' rooms, the jobs in progress, the month and the newest jobs.
    "centre.dashboard": 6,
    # The list and how many match, and how many are to be chased.
    "centre.records": 6,
    "centre.job": 6,
    # The record with its ledger and its exports; what a notice would do, and what was sent before.
    "centre.record": 6,
    "centre.notify_job": 8,
    "centre.notify_record": 8,
    "issuer.job": 7,
    "issuer.centre": 8,
    "issuer.centre_jobs": 8,
    "issuer.document": 7,
    "issuer.problem": 6,
    "verify.document": 1,
    "verify.document_json": 1,
    "verify.page_image": 1,
    "verify.form": 1,
    "public.healthz": 0,
}
"""Pages that may ask more, and those that the whole world asks for."""


def costs_of(town: Town) -> dict[str, int]:
    """How many statements each page says to the database."""
    found = {}
    for who in ("admin", "issuer", "nobody"):
        browser = town.browser(who)
        for rule, whose, url in cells(town, "GET"):
            door = town.guard(rule)[0]
            if whose == "own" and door == {"admin": "centre", "issuer": "issuer", "nobody": "public"}[who]:
                with town.app.app_context(), statements() as said:
                    browser.get(url).close()
                found[rule.endpoint] = len(
                    [one for one in said if not one.lstrip().upper().startswith(("BEGIN", "PRAGMA"))]
                )
    return found


def test_no_page_asks_the_database_more_often_than_it_may_nor_more_with_more_rows(town: Town) -> None:
    few = costs_of(town)
    dear = {name: cost for name, cost in few.items() if cost > COSTS.get(name, MOST_STATEMENTS)}
    assert not dear, f"load what a page shows together: {dear}"
    jobs = [town.publish(csv_rows(1, 12), town.people.riverside, draw=False)[0].job_id for _ in range(3)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(town.own, "job_id", jobs[0])
        many = costs_of(town)
    grown = {name: (few[name], many[name]) for name in few if many[name] > few[name]}
    assert not grown, f"more rows cost more statements: {grown}"


def test_pages_of_developers_and_of_the_demo_are_not_there_where_people_are_served(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    from portal.app import create_app

    for name in ("PORTAL_DEMO", "PORTAL_DEVELOPMENT", "FLASK_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SECRET_KEY", "not-a-secret-only-for-checks-and-tests")
    monkeypatch.setenv("PORTAL_DATA", str(tmp_path))
    app = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'served.db'}"})
    assert not app.debug and not app.testing
    shown = [rule.rule for rule in app.url_map.iter_rules() if rule.rule.startswith(("/demo", "/gallery", "/console"))]
    assert not shown, f"mails hold links that open accounts: {shown}"


def test_nobody_may_raise_what_no_page_answers(town: Town) -> None:
    """Every HTTP error has a page of ours, so that none of the framework's own is ever seen."""
    for code in (*range(400, 418), 418, 421, 422, 423, 424, 428, 429, 431, 451, *range(500, 506)):
        if code in (402, 407):
            continue
        answer = town.browser("nobody").get(f"/gallery/error/{code}")
        assert answer.status_code == code and "<main" in answer.text, code
        assert says_something(answer) and not faults_of_headers(answer), code


def test_cookies_that_are_set_name_no_other_host(town: Town) -> None:
    browser = town.app.test_client()
    cookies = SimpleCookie()
    for answer in (browser.get("/centre/login"), log_in(browser)):
        for line in answer.headers.getlist("Set-Cookie"):
            cookies.load(line)
    assert {"portal", "portal-device"} <= cookies.keys()
    for morsel in cookies.values():
        assert morsel["httponly"] and morsel["samesite"] == "Lax" and not morsel["domain"] and morsel["path"] == "/"
