"""What people, programs and attackers send that nobody should: never a 500, always a sentence, and nothing changed.

The marks (S6, R3, C12 …) are those of the list of bad inputs that the portal was planned with; what an engine does with
each value stands in its own tests (tests/grid, tests/unit/test_intake*), here it goes through the real addresses.
"""

from __future__ import annotations

import io
import re
import time
import zipfile
from collections.abc import Callable
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal import reference
from portal.database import db
from portal.intake import MAX_BYTES
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.records import Record
from portal.models.uploads import Upload
from portal.models.users import User
from portal.vocabulary import UploadState, Validity
from portal.web.limits import GUESSES, LOOKS
from tests.security.conftest import Town, csv_rows, day, says_something, words_of
from tests.security.test_matrix import cells

SHAPES = ({}, {"X-Grid": "fragment"}, {"X-Grid": "count"})
BIG = 2**63


@pytest.fixture(scope="module")
def grids(town: Town) -> list[tuple[str, str]]:
    """Every list of the portal, with somebody who may see it."""
    found = []
    for who in ("admin", "issuer"):
        browser = town.browser(who)
        for rule, whose, url in cells(town, "GET"):
            if whose == "own" and town.guard(rule)[0] == ("centre" if who == "admin" else "issuer"):
                answer = browser.get(url, headers={"X-Grid": "count"})
                if answer.is_json and "count" in (answer.json or {}) and "query" in answer.json:
                    found.append((who, url))
                answer.close()
    assert len(found) >= 12, found
    return found


@pytest.fixture(scope="module")
def browsers(town: Town) -> dict[str, Any]:
    """Browsers that are signed in once for the whole file."""
    return {who: town.browser(who) for who in ("nobody", "user", "admin", "rival", "issuer")}


def ask(browser: Any, url: str, query: str, headers: dict[str, str]) -> Any:
    answer = browser.get(f"{url}?{query}", headers=headers)
    assert answer.status_code < 500, f"{url}?{query[:200]} {headers}: {answer.status_code}"
    return answer


# ── S: search, filters, sorting, paging ──────────────────────────────────────────────────────────────────────────

ANSWERED = {
    "S1 wildcards": ["q=%25", "q=_", "q=%5C", "q=%25%25%25", "q=%5C%25_"],
    "S2 SQL": ["q=%27%3B%20DROP%20TABLE%20user", "q=%22)", "q=%27%20OR%201%3D1--", "q=)%20UNION%20SELECT%201--"],
    "S5 a bomb for regular expressions": ["q=(a%2B)%2B%24", f"q={'(a*)*' * 30}"],
    "S7 far away": ["page=1000000000", "page=9999999999", "page=2&size=100"],
    "S8 too many rows": ["size=100000", "size=999999999999999999999999999"],
    "S12 twice": ["q=zzzz&q=a", "page=1&page=abc", "sort=&sort=__class__"],
    "markup": ["q=%3Cscript%3Ealert(1)%3C/script%3E", "q=%7B%7B7*7%7D%7D", "q=%25s%25n%24%7Bx%7D"],
    "scripts": ["q=%F0%9F%91%A9%E2%80%8D%F0%9F%91%A9", "q=%D8%B9%D8%B1%D8%A8%D9%8A", "q=%C4%B0", "q=%E2%80%AEabc"],
    "nothing": ["q=", "q=%20%20", "page=", "&&&", "utm_source=mail&fbclid=1"],
}

REFUSED = {
    "S3 too long": [f"q={'a' * 201}", f"q={'a' * 10_001}", f"q={'%C3%A9' * 900}"],
    "S4 no text": ["q=%00", "q=a%00b", "q=%ED%A0%80", "q=%FF", "q=%C3", "q=%F8%88%80%80%80"],
    "S6 sorts": ["sort=password_hash", "sort=id%3B--", "sort=__class__", "sort=--at", "sort=-", "sort=1,2"],
    "S7 pages": ["page=0", "page=-1", "page=abc", "page=1.5", "page=1e3", f"page={BIG}", "page=%D9%A1", "page=0x1"],
    "S8 sizes": ["size=0", "size=-5", "size=abc", "size=%EF%BC%95"],
    "S10 other people's": ["centre_id=2", "centre=2&actor=1", "user_id=1", "is_admin=1", "within=2", "role_id=3"],
    "S11 too much": ["&".join(f"p{n}=1" for n in range(101)), "q=" + "+".join(f"w{n}" for n in range(11))],
    "formats": ["format=xlsx", "format=../../etc/passwd", "format=CSV"],
    "unknown": ["=", "password_hash=x", "__proto__=1", "q[]=a", "q[$ne]=1", "%00=1", "select=*", "callback=alert"],
}


@pytest.mark.parametrize("mark", ANSWERED)
def test_odd_questions_are_answered(town: Town, grids: Any, browsers: Any, mark: str) -> None:
    with town.unchanged():
        for who, url in grids:
            for query in ANSWERED[mark]:
                for headers in SHAPES:
                    began = time.perf_counter()
                    answer = ask(browsers[who], url, query, headers)
                    assert answer.status_code == 200, f"{url}?{query[:80]} {headers}: {answer.status_code}"
                    assert time.perf_counter() - began < 10, f"{url}?{query[:80]} takes too long"
                    assert "<script>alert" not in answer.text


# What is refused is refused before the database is asked.
@pytest.mark.once
@pytest.mark.parametrize("mark", REFUSED)
def test_questions_that_nobody_can_answer_are_refused_with_a_sentence(
    town: Town, grids: Any, browsers: Any, mark: str
) -> None:
    with town.unchanged():
        for who, url in grids:
            for query in REFUSED[mark]:
                for headers in SHAPES:
                    answer = ask(browsers[who], url, query, headers)
                    assert answer.status_code == 422, f"{url}?{query[:80]} {headers}: {answer.status_code}"
                    assert says_something(answer), f"{url}?{query[:80]} {headers}"
                    assert "<tr data-id" not in answer.text, "a refusal shows no rows"


def test_filters_refuse_what_they_cannot_read(town: Town, grids: Any, browsers: Any) -> None:
    tried = 0
    with town.unchanged():
        for who, url in grids:
            page = browsers[who].get(url).text
            for name in sorted(set(re.findall(r'name="(\w+)_from"', page))):
                kind = re.search(rf'<input[^>]*name="{name}_from"[^>]*>', page)
                assert kind is not None
                for query in range_faults(name, is_date="date" in kind[0]):
                    answer = ask(browsers[who], url, query, {})
                    assert answer.status_code == 422 and says_something(answer), f"{url}?{query}"
                    tried += 1
            for name in sorted(set(re.findall(r'<select[^>]*name="(\w+)"', page)) - {"size", "sort"}):
                for value in ("nonsense", "Completed' ", "1", "VALID", "valid;--", "None", "%00"):
                    answer = ask(browsers[who], url, f"{name}={value}", {})
                    assert answer.status_code == 422 and says_something(answer), f"{url}?{name}={value}"
                    tried += 1
    assert tried > 100, "no filter was found; have the controls of the panel changed?"


def range_faults(name: str, *, is_date: bool) -> list[str]:
    if not is_date:
        return [f"{name}_from={value}" for value in ("abc", "1.5", "1e3", BIG, "9" * 300, "%D9%A1", "--1")] + [
            f"{name}_from=9&{name}_to=1"
        ]
    days = ("0000-00-00", "99999-01-01", "2026-02-30", "31/02/2001", "1899-12-31", "3000-01-01", "yesterday", "%D9%A1")
    return [f"{name}_from={value}" for value in days] + [f"{name}_from=2026-02-02&{name}_to=2026-02-01"]


@pytest.mark.parametrize(
    "query", ["ids=", "ids=,", "ids=abc", f"ids={BIG}", "ids=-1", "ids=1.5", "ids=%D9%A1", "ids=%00"]
)
def test_rows_are_asked_for_by_their_numbers_only(town: Town, grids: Any, browsers: Any, query: str) -> None:
    with town.unchanged():
        for who, url in grids:
            answer = ask(browsers[who], url, query, {"X-Grid": "rows"})
            assert answer.status_code in (200, 422), url
            assert answer.is_json and ("error" in answer.json or answer.json["rows"] == {}), url


def test_more_rows_than_a_page_has_are_refused(grids: Any, browsers: Any) -> None:
    for who, url in grids:
        ids = ",".join(str(number) for number in range(1, 202))
        assert ask(browsers[who], url, f"ids={ids}", {"X-Grid": "rows"}).status_code == 422
        assert ask(browsers[who], url, "", {"X-Grid": "nonsense"}).status_code == 422


def test_no_question_brings_a_row_of_a_rival(town: Town, grids: Any, browsers: Any) -> None:
    secrets = {one for some in town.references.values() for one in some}
    secrets -= set(town.references[str(town.people.riverside)])
    with town.app.app_context():
        theirs = db.session.get_one(Record, town.other["record_id"])
        secrets |= {theirs.enrolment_number, theirs.learner_name}
    everything = ",".join(str(number) for number in range(1, 150))
    for who, url in grids:
        if who == "admin":
            for query in ("q=AMS", "size=100", "sort=-created_on", "format=csv", f"ids={everything}"):
                headers = {"X-Grid": "rows"} if query.startswith("ids") else {}
                text = browsers["admin"].get(f"{url}?{query}", headers=headers).text
                shown = {one for one in secrets if one in text or reference.formatted(one) in text}
                assert not shown, f"{url}?{query} shows {shown}"


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.lists(
        st.tuples(
            st.one_of(
                st.sampled_from(["q", "page", "size", "sort", "format", "status", "kind", "ids"]), st.text(max_size=12)
            ),
            st.one_of(st.text(max_size=60), st.integers().map(str), st.binary(max_size=12)),
        ),
        max_size=6,
    ),
    st.sampled_from([*SHAPES, {"X-Grid": "rows"}]),
)
def test_whatever_is_asked_of_a_list_it_answers(
    grids: Any, browsers: Any, pairs: list[tuple[str, Any]], headers: dict[str, str]
) -> None:
    query = urlencode(pairs, errors="surrogatepass")
    for who, url in grids:
        answer = ask(browsers[who], url, query, headers)
        assert answer.status_code in (200, 422)
        answer.close()


# ── Numbers in addresses ─────────────────────────────────────────────────────────────────────────────────────────

NUMBERS = ("0", "-1", "00", str(BIG - 1), str(BIG), str(BIG * 10**20), "9" * 4400, "abc", "1.0", "1e3", "0x1", "+1")
NUMBERS += (
    "%00",
    "1%00",
    "%EF%BC%99" * 7,
    "%D9%A9" * 7,
    "%C2%B2",
    "1%20",
    "%201",
    "1;drop",
    "1%2F..%2F1",
    "..%2f1",
    "None",
)


@pytest.mark.parametrize("number", NUMBERS)
def test_what_is_no_number_of_a_thing_finds_nothing(town: Town, browsers: Any, number: str) -> None:
    with town.unchanged():
        for method in ("GET", "POST"):
            for rule, whose, url in cells(town, method):
                guard = town.guard(rule)
                if whose != "absent" or guard[0] not in ("centre", "issuer") or "987654" not in url:
                    continue
                browser = browsers["admin" if guard[0] == "centre" else "issuer"]
                odd = url.replace("987654", number)
                answer = browser.get(odd) if method == "GET" else browser.submit(odd)
                assert answer.status_code in (404, 405), f"{method} {odd[:80]}: {answer.status_code}"
                answer.close()


@pytest.mark.parametrize("number", ["0", "2", "99", str(BIG), "9" * 4400, "-1", "a", "%00"])
def test_pages_that_a_document_does_not_have(town: Town, browsers: Any, number: str) -> None:
    for who, start in (("admin", "/centre"), ("issuer", "/issuer")):
        for form in ("digital", "print", "nonsense", "%00", ".."):
            url = f"{start}/documents/{town.own['document_id']}/pages/{form}/{number}.jpg"
            assert browsers[who].get(url).status_code == 404, url
    assert browsers["nobody"].get(f"/v/{town.own['text']}/pages/{number}.jpg").status_code == 404


def test_unknown_names_in_addresses_are_not_found(town: Town, browsers: Any) -> None:
    paths = [
        "/brand/none.css",
        "/brand/%00.css",
        "/brand/..%2F..%2Fconfig.css",
        "/brand/%F0%9F%91%A9.css",
        "/brand/seg.cs",
    ]
    paths += ["/demo/mail/..%2F..%2Fportal.db", "/demo/mail/%00", "/demo/mail/../../portal.db", "/demo/mail/none/raw"]
    paths += ["/static/..%2f..%2fconfig.py", "/static/%00", "/static/../app.py", "/static/css/", "/static", "/static/"]
    paths += ["/admin/forgot", "/centre//jobs", "/centre/jobs/", "/.git/config", "/.env", "/wp-login.php", "/console"]
    paths += [f"/brand/{'x' * 5_000}.css", f"/{'x' * 5_000}", "/%FF%FE", "/centre/%2e%2e/issuer/"]
    with town.unchanged():
        for path in paths:
            for who in ("nobody", "issuer"):
                answer = browsers[who].get(path)
                assert answer.status_code in (404, 308), f"{path[:60]}: {answer.status_code}"
                assert "SECRET" not in answer.text and says_something(answer)


# ── R: references ────────────────────────────────────────────────────────────────────────────────────────────────

NO_REFERENCES = {
    "R2 one wrong": lambda good: [
        good[:-1] + ("0" if good[-1] != "0" else "1"),
        good[::-1],
        good[1] + good[0] + good[2:],
    ],
    "R3 length": lambda good: ["1", good[:-1], good + "0", "A" * 10_000, good * 3],
    "R3 letters": lambda good: [
        "\U0001f469" * 20,
        "é" * 20,
        "\x00" * 20,
        good[:10] + "\x00" + good[10:],
        "U" * 20,
        "?" * 20,
    ],
    "R4 attacks": lambda good: [
        "' OR 1=1--",
        "<script>alert(1)</script>",
        "{{7*7}}",
        "../../etc/passwd",
        "%s%s%n",
        "${jndi}",
    ],
    "R9 another portal": lambda good: ["https://staging.example/v/" + good, "staging.example", good + "@evil"],
    "R10 endings": lambda good: [good + ".pdf", good + ".html", good + ".", "." + good, good + "%2e", good + ".JSON"],
}


@pytest.mark.parametrize("mark", NO_REFERENCES)
def test_what_is_no_reference_is_unknown_everywhere(town: Town, browsers: Any, mark: str) -> None:
    visitor = browsers["nobody"]
    with town.unchanged():
        for text in NO_REFERENCES[mark](town.own["text"]):
            GUESSES.forget()
            part = quote(text[:4_000], safe="")
            page, data, image = (visitor.get(f"/v/{part}{end}") for end in ("", ".json", "/pages/1.jpg"))
            assert {page.status_code, image.status_code} == {404}, (text[:60], page.status_code, image.status_code)
            assert data.status_code == 404, text[:60]
            assert "<script>alert" not in page.text
            if data.is_json and "status" in data.json:
                assert data.json["status"] == "unknown" and data.json["learner"] is None
            GUESSES.forget()
            asked = visitor.get("/verify/", query_string={"reference": text[:4_000]})
            assert asked.status_code == 422, text[:60]
            assert "is not a reference number" in words_of(asked) and "<script>alert" not in asked.text
            own = browsers["admin"].get("/centre/validate", query_string={"reference": text[:4_000]})
            assert own.status_code == 200 and 'data-status="unknown"' in own.text, text[:60]


def test_unknown_and_malformed_references_look_alike(town: Town, browsers: Any) -> None:
    def page(text: str) -> str:
        answer = browsers["nobody"].get(f"/v/{text}")
        assert answer.status_code == 404
        words = re.sub(r"\d\d:\d\d:\d\d|\d\d/\d\d/\d{4}", "", words_of(answer))
        return words.replace(reference.formatted(text), "").replace(text, "")

    assert page(reference.new()) == page("A" * 20) == page("nonsense")


def test_a_reference_is_forgiven_what_people_do_to_it(town: Town, browsers: Any) -> None:
    good = town.own["text"]
    wide = "".join(chr(ord(symbol) + 0xFEE0) for symbol in good)
    forgiving = good.replace("0", "O").replace("1", "l")
    for text in (
        good,
        good.lower(),
        reference.formatted(good),
        f"  {' '.join(good)} ",
        wide,
        forgiving,
        f"\u2014{good}",
    ):
        data = browsers["nobody"].get(f"/v/{quote(text, safe='')}.json")
        assert data.json["status"] == "valid", text
        asked = browsers["nobody"].get("/verify/", query_string={"reference": text})
        assert asked.status_code == 302 and asked.location == f"/v/{good}"


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH", "TRACE"])
def test_a_reference_can_only_be_read(town: Town, browsers: Any, method: str) -> None:
    with town.unchanged():
        for path in ("/verify/", f"/v/{town.own['text']}", f"/v/{town.own['text']}.json"):
            assert browsers["nobody"].open(path, method=method).status_code == 405
        assert browsers["nobody"].head(f"/v/{town.own['text']}").status_code == 200
        assert browsers["nobody"].get(f"/v/{town.own['text']}/").status_code == 404


@pytest.mark.parametrize(
    "query", ["", "reference", "reference=", "reference=%20", "reference=%FF", "reference=%00", "reference[]=1"]
)
def test_the_form_for_references_takes_anything(browsers: Any, query: str) -> None:
    answer = browsers["nobody"].get(f"/verify/?{query}")
    assert answer.status_code in (200, 422) and says_something(answer)


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    st.one_of(
        st.text(max_size=60), st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ -oOiIlL", min_size=18, max_size=26)
    )
)
def test_no_text_at_all_is_valid_by_accident(town: Town, browsers: Any, text: str) -> None:
    GUESSES.forget()
    LOOKS.forget()
    known = reference.normalise(text) in {one for some in town.references.values() for one in some}
    part = quote(text, safe="", errors="replace")
    for end in ("", ".json"):
        answer = browsers["nobody"].get(f"/v/{part}{end}")
        assert answer.status_code in ((200,) if known else (404, 308, 405)), text
    answer = browsers["nobody"].get("/verify/", query_string={"reference": text})
    assert answer.status_code in (200, 302, 422)


# ── Forms of the back office ─────────────────────────────────────────────────────────────────────────────────────

FOREIGN = {
    "id": "1", "is_admin": "1", "role": "issuer", "centre_id": "2", "brand_id": "2", "price": "0", "job_id": "1",
    "email_confirmed": "1", "email_confirmed_at": "2026-01-01", "auth_epoch": "0", "password_hash": "x",
    "production": "completed", "validity": "valid", "reference": "00000000000000000000", "replaced_by_id": "1",
    "record_id": "1", "learner_id": "1", "enrolment_number": "AMS00000000001", "date_of_birth": "2000-01-01",
    "files": "{}", "claim_token": "1", "slug": "evil", "archived": "1", "logo": "../../x", "created_at": "2020-01-01",
    "deleted_at": "2020-01-01", "locked_until": "2020-01-01", "__class__": "x",
}  # fmt: skip
"""Fields that no form of ours has, though our tables have such columns."""

CENTRE = {"number": "10999", "name": "Meadow College", "brand": "1", "address": "", "contact_email": ""}
BRAND = {"name": "Skills and Education Group Awards", "recognition_number": "RN5112", "portal_name": "Portal"}
BRAND |= {"primary_colour": "#1d4f91", "accent_colour": "#c8912b", "public_document": "y"}
ADMIN = {"first_name": "Ada", "last_name": "Admin", "email": "ada@meadow.example", "way": "invite"}
REPLACE = {"first_name": "Donald", "last_name": "Duck", "level": "Level 3", "grade": "Pass", "language": "English"}
REPLACE |= {"awarded_on": "2026-11-02", "reason": "The name was wrong."}
LOCK = {"until": "", "reason": "Staff member has been suspended", "information": ""}

HOSTILE = ("a\x00b", "a\x1bb", "a\u202eb", "a\u2066b")
"""What cannot be seen or turns the direction of text."""

DAYS = ("31/02/2027", "2027-13-01", "0000-00-00", "99999-01-01", "9999-12-31", "tomorrow", "1800-01-01", "\u0661")

NO_CHOICES = ("", "0", "-1", "987654", "abc", str(BIG), "9" * 4400, "1.5", "\u0661\u0661")
NO_ADDRESSES = ("a", "a@b", "a@b@c.uk", "a b@c.uk", f"{'x' * 255}@c.uk", "a@b.uk\r\nBcc: x@y.uk")
NO_COLOURS = ("", "red", "#12345", "#1d4f91;}", "#gggggg", "url(x)", "#" + "\u0661" * 6)
SOMEBODYS = ("michael.white@portal.example", "MICHAEL.White@portal.example")
NO_PASSWORDS = ("", "short", "password1234", "skillsandeducation1", "ada@meadow.example", "x" * 257, "a\x00" * 8)
NO_PASSWORDS += ("x" * 100_000,)

WRONG: list[tuple[str, dict[str, str], str, tuple[Any, ...]]] = [
    ("/issuer/documents/{document_id}/cancel", {}, "reason", ("", "   ", "x" * 501, *HOSTILE)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "first_name", ("", "  ", "x" * 101, "x" * 100_000, *HOSTILE)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "last_name", ("", "x" * 101, *HOSTILE)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "middle_name", ("x" * 101, *HOSTILE)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "grade", ("", "x" * 101, *HOSTILE)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "level", ("", "x" * 51, *HOSTILE)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "language", ("x" * 51, *HOSTILE)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "awarded_on", ("", *DAYS)),
    ("/issuer/documents/{document_id}/replace", REPLACE, "expires_on", (*set(DAYS) - {"9999-12-31"}, "1999-01-01")),
    ("/issuer/documents/{document_id}/replace", REPLACE, "reason", ("", "x" * 501, *HOSTILE)),
    ("/issuer/centres/new", CENTRE, "number", ("", " ", "x" * 21, "10 42", "10042", "<b>", "1\u0660", *HOSTILE)),
    ("/issuer/centres/new", CENTRE, "name", ("", "  ", "x" * 201, *HOSTILE)),
    ("/issuer/centres/new", CENTRE, "brand", NO_CHOICES),
    ("/issuer/centres/new", CENTRE, "address", ("x" * 2_001, *HOSTILE)),
    ("/issuer/centres/new", CENTRE, "contact_email", NO_ADDRESSES),
    ("/issuer/centres/{centre_id}/edit", CENTRE, "name", ("", "x" * 201, *HOSTILE)),
    ("/issuer/centres/{centre_id}/edit", CENTRE, "brand", ("", "0", "987654", "abc", str(BIG))),
    ("/issuer/centres/{centre_id}/admins/new", ADMIN, "email", ("", *NO_ADDRESSES, *SOMEBODYS)),
    ("/issuer/centres/{centre_id}/admins/new", ADMIN, "first_name", ("", "x" * 101, *HOSTILE)),
    ("/issuer/centres/{centre_id}/admins/new", ADMIN, "way", ("", "magic")),
    ("/issuer/centres/{centre_id}/admins/new", ADMIN | {"way": "password"}, "password", NO_PASSWORDS),
    ("/issuer/brands/1", BRAND, "name", ("", "x" * 201, "BIIAB Qualifications Ltd", *HOSTILE)),
    ("/issuer/brands/1", BRAND, "recognition_number", ("", "x" * 21)),
    ("/issuer/brands/1", BRAND, "primary_colour", NO_COLOURS),
    ("/issuer/brands/1", BRAND, "accent_colour", ("", "#1234567", "</style>")),
    ("/issuer/brands/1", BRAND, "support_email", ("a", "a@b@c.uk")),
    ("/issuer/brands/1", BRAND, "notice_line", ("x" * 501, *HOSTILE)),
    ("/issuer/brands/1", BRAND, "validate_from", DAYS),
    ("/issuer/users/{user_id}/lock", LOCK | {"until": "{later}"}, "reason", ("", "Because I can", "x" * 5_000)),
    ("/issuer/users/{user_id}/lock", LOCK, "until", ("", "{today}", "{yesterday}", *DAYS)),
    ("/issuer/users/{user_id}/lock", LOCK | {"until": "{later}"}, "information", ("x" * 5_001, *HOSTILE)),
    ("/issuer/jobs/new", {"centre": "1"}, "centre", ("", "0", "-1", "987654", "abc", str(BIG))),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "good", "name", "values"),
    WRONG,
    ids=[f"{path.strip('/').replace('/', '-')}-{name}" for path, _, name, _ in WRONG],
)
def test_a_form_with_one_wrong_field_changes_nothing_and_says_why(
    town: Town, browsers: Any, path: str, good: dict[str, str], name: str, values: tuple[str, ...]
) -> None:
    days = {"{today}": day(0).isoformat(), "{yesterday}": day(-1).isoformat(), "{later}": day(9).isoformat()}
    url = path.format(**town.own)
    # How often an address was tried is counted, whether it is one or not.
    with town.unchanged(but=frozenset({"throttle"})):
        for value in values:
            data = {key: days.get(text, text) for key, text in {**good, name: value}.items()}
            answer = browsers["issuer"].submit(url, data | FOREIGN if name != "id" else data)
            assert answer.status_code in (413, 422), f"{url} {name}={value[:40]!r}: {answer.status_code}"
            assert says_something(answer)


def test_fields_that_a_form_does_not_have_are_never_bound(town: Town, browsers: Any) -> None:
    people, issuer = town.people, browsers["issuer"]
    answer = issuer.submit(
        f"/issuer/centres/{people.hillside}/edit", FOREIGN | CENTRE | {"name": "Hillside Academy II"}
    )
    assert answer.status_code == 302
    centre = town.row(Centre, people.hillside)
    assert (centre.id, centre.number, centre.name, centre.brand_id) == (
        people.hillside,
        "10077",
        "Hillside Academy II",
        1,
    )

    answer = issuer.submit("/issuer/brands/2", FOREIGN | BRAND | {"name": "BIIAB Qualifications Ltd"})
    assert answer.status_code == 302, words_of(answer)
    brand = town.row(Brand, 2)
    assert (brand.slug, brand.archived, brand.logo) == ("biiab", False, "")

    answer = issuer.submit(f"/issuer/centres/{people.hillside}/admins/new", FOREIGN | ADMIN)
    assert answer.status_code == 302, words_of(answer)
    with town.app.app_context():
        made = db.session.query(User).filter_by(email="ada@meadow.example").one()
    assert (made.role.value, made.centre_id, made.learner_id) == ("centre_admin", people.hillside, None)
    assert made.email_confirmed_at is None and made.password_hash != "x" and made.auth_epoch >= 1

    ident = town.other["document_id"]
    before = town.row(Document, ident)
    answer = issuer.submit(f"/issuer/documents/{ident}/cancel", FOREIGN | {"reason": "Issued by mistake."})
    assert answer.status_code == 302
    after = town.row(Document, ident)
    assert after.validity is Validity.CANCELLED
    for name in ("reference", "files", "job_id", "record_id", "centre_id", "replaced_by_id", "production"):
        assert getattr(after, name) == getattr(before, name), name


SELECTIONS: list[dict[str, Any]] = [
    {}, {"id": ""}, {"id": "abc"}, {"id": "-1"}, {"id": str(BIG)}, {"id": "1,x"}, {"id": "\u0661"}, {"ids": "," * 50},
    {"id": ",".join(map(str, range(1, 10_002)))}, {"id": "987654"}, {"id": ["{own}", "987654"]},
    {"selection": "all", "query": "centre_id=2"}, {"selection": "all", "query": "q=%00"},
    {"selection": "all", "upto": "abc"},
    {"selection": "all", "upto": ","}, {"selection": "all", "upto": "-1"}, {"selection": "all", "upto": str(BIG)},
    {"selection": "all", "upto": "1,2"}, {"selection": "all", "query": "x" * 8_001},
    {"selection": "all", "query": "%FF=%FF"},
    {"selection": "all", "but": "abc"}, {"selection": "all", "query": "sort=password_hash"}, {"selection": "nonsense"},
]  # fmt: skip


@pytest.mark.parametrize("fields", SELECTIONS, ids=lambda fields: str(fields)[:50])
@pytest.mark.parametrize("decided", [False, True])
def test_a_forged_selection_cancels_nothing(town: Town, browsers: Any, fields: dict[str, Any], decided: bool) -> None:
    own = str(town.own["document_id"])
    data = {
        name: [text.replace("{own}", own) for text in value] if isinstance(value, list) else value
        for name, value in fields.items()
    }
    with town.unchanged():
        answer = browsers["issuer"].submit(
            "/issuer/documents/cancel", data | ({"decided": "1", "reason": "Because."} if decided else {})
        )
        assert answer.status_code in (404, 422), answer.status_code
        assert says_something(answer)


@pytest.mark.parametrize(
    "kind", ["application/json", "text/plain", "application/xml", "application/octet-stream", "multipart/form-data", ""]
)
def test_a_body_of_another_kind_is_no_form(town: Town, browsers: Any, kind: str) -> None:
    with town.unchanged():
        for path in ("/issuer/centres/new", f"/issuer/documents/{town.own['document_id']}/cancel", "/issuer/jobs/new"):
            for body in (b"", b"{}", b'{"reason": ["x"]}', b"\xff\x00", b"--x\r\n", b"[" * 5_000):
                answer = browsers["issuer"].post(path, data=body, content_type=kind or None)
                assert answer.status_code in (400, 413, 415), f"{path} {kind} {body[:10]!r}: {answer.status_code}"


@pytest.mark.parametrize("path", ["/issuer/centres/new", "/issuer/jobs/new"])
def test_a_form_of_too_much_is_refused(town: Town, browsers: Any, path: str) -> None:
    with town.unchanged():
        assert browsers["issuer"].submit(path, {"address": "x" * 300_000}).status_code == 413
        parts = {f"f{number}": "x" for number in range(1_100)}
        answer = browsers["issuer"].submit(path, parts, content_type="multipart/form-data")
        assert answer.status_code == 413
        big = {"centre": "1", "address": "x" * 1_100_000}
        assert browsers["issuer"].submit(path, big, content_type="multipart/form-data").status_code == 413


HEADERS = [
    ("Accept", "\xff;q=x"), ("Accept-Language", "x" * 5_000), ("Accept-Language", "cy;q=9,*;q=,;;"),
    ("If-None-Match", '"x'),
    ("If-Modified-Since", "never"), ("Range", "bytes=9-1"), ("Range", "bytes=" + "0-0," * 500),
    ("Content-Length", "abc"),
    ("Cookie", "portal=\xff\xfe; portal=; =;;"), ("Cookie", "portal=" + "x" * 5_000), ("Authorization", "Basic !!!"),
    ("X-Forwarded-For", "x" * 5_000), ("User-Agent", "\xff" * 5_000), ("Host", "[::1"), ("X-Grid", "\xff"),
    ("X-Fragment", "\xff"), ("X-HTTP-Method-Override", "DELETE"),
    ("Content-Type", f"multipart/form-data; boundary={'x' * 999}"),
]  # fmt: skip


@pytest.mark.once
@pytest.mark.parametrize(("name", "value"), HEADERS, ids=[f"{name} {value[:20]!a}" for name, value in HEADERS])
def test_odd_headers_break_nothing(town: Town, browsers: Any, name: str, value: str) -> None:
    with town.unchanged():
        for who, path in (
            ("admin", "/centre/records"),
            ("issuer", "/issuer/"),
            ("nobody", f"/v/{town.own['text']}"),
            ("admin", f"/centre/documents/{town.own['document_id']}/pages/digital/1.jpg"),
            ("nobody", "/static/js/live.js"),
            ("nobody", "/centre/login"),
        ):
            answer = browsers[who].get(path, headers={name: value})
            assert answer.status_code in (200, 206, 302, 416, 422), f"{path}: {answer.status_code}"
            answer.close()


# ── C: batch files, through the page and the worker ──────────────────────────────────────────────────────────────

GOOD = csv_rows(1, 2)
HEADER, ROW = csv_rows(1, 1).decode().splitlines()
BUSINESS = ("job", "record", "document", "learner", "qualification", "centre", "user", "brand", "mail")


def with_cell(column: str, value: str) -> bytes:
    """The first row with another value in a column."""
    names, cells_ = HEADER.split(","), ROW.split(",")
    text = '"' + value.replace('"', '""') + '"'
    cells_[names.index(column)] = text
    return f"{HEADER}\n{','.join(cells_)}\n".encode("utf-8", "surrogatepass")


def zipped() -> bytes:
    data = io.BytesIO()
    with zipfile.ZipFile(data, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", "<x/>" * 9_000)
    return data.getvalue()


NO_BIRTHDAYS = ("31/02/2001", "2001-13-01", "01/01/1800", "2099-01-01", "29/02/2001", "")

FAULTY: dict[str, bytes] = {
    "C2 header only": f"{HEADER}\n".encode(),
    "C3 a column is missing": GOOD.replace(b"grade,", b"mark,", 1),
    "C4 a column twice": GOOD.replace(b"middle_name", b"first_name", 1),
    "C7 UTF-16": GOOD.decode().encode("utf-16"),
    "C7 Latin-1": with_cell("first_name", "Renée").decode().encode("latin-1"),
    "C10 a quote that never ends": f'{HEADER}\n{ROW}\n"AMS00009824708,{ROW}'.encode(),
    "C11 too few": f"{HEADER}\nAMS00009824708,Donald\n".encode(),
    "C11 too many": f"{HEADER}\n{ROW}{',x' * 40}\n".encode(),
    "C12 NUL": with_cell("first_name", "Do\x00nald"),
    "C13 half a character": with_cell("first_name", "Do\ud800nald"),
    "C13 bytes": GOOD.replace(b"Donald", b"Do\xffnald", 1),
    "C14 a long name": with_cell("first_name", "x" * 201),
    "C14 a very long name": with_cell("first_name", "x" * 1_000_000),
    "C15 a long field": with_cell("units", "x" * 131_073),
    "C16 too many rows": (HEADER + "\n" + (ROW + "\n") * 10_001).encode(),
    "C22 direction": with_cell("last_name", "Du\u202eck"),
    **{f"C23 {value}": with_cell("date_of_birth", value) for value in NO_BIRTHDAYS},
    **{f"C23 awarded {value}": with_cell("awarded_on", value) for value in ("2099-01-01", "9999-99-99", "1e5")},
    **{f"C24 {value}": with_cell("email", value) for value in NO_ADDRESSES[1:]},
    "C25 twice": f"{HEADER}\n{ROW}\n{ROW}\n".encode(),
    "C26 somebody else": with_cell("date_of_birth", "1971-01-01"),
    "C29 a workbook": zipped(),
    "C29 a picture": b"\x89PNG\r\n\x1a\n" + bytes(500),
    "C29 a PDF": b"%PDF-1.7\n" + bytes(500),
    "C30 semicolons": GOOD.replace(b",", b";"),
    "C30 tabs": GOOD.replace(b",", b"\t"),
    "C31 a damaged number": with_cell("enrolment_number", "1E+11"),
    "C31 zeros lost": with_cell("enrolment_number", "AMS9824708"),
    "another body's qualification": with_cell("awarding_organisation", "Evil Awards"),
    "an unknown kind": with_cell("documents", "certificate;passport"),
    "HTML": b"<!doctype html><html><body>Please sign in</body></html>",
    "one endless line": b"a" * 300_000,
    "only commas": b"," * 100_000,
    "only quotes": b'"' * 100_001,
}  # fmt: skip


@pytest.mark.parametrize("mark", FAULTY)
def test_a_faulty_file_is_told_and_nothing_of_it_is_published(
    town: Town, browsers: Any, send: Callable[..., Any], mark: str
) -> None:
    before = town.snapshot()
    answer = send(FAULTY[mark])
    assert answer.status_code == 302, words_of(answer)
    upload_id = int(answer.location.rsplit("/", 1)[1])
    town.work(upload_id)
    upload = town.row(Upload, upload_id)
    assert upload.state in (UploadState.CHECKED, UploadState.REFUSED), upload.failure
    assert upload.fault_count >= 1 and "did not work" not in upload.failure, upload.failure
    issuer = browsers["issuer"]
    page, report = issuer.get(f"/issuer/uploads/{upload_id}"), issuer.get(f"/issuer/uploads/{upload_id}/report.csv")
    assert page.status_code == report.status_code == 200
    assert str(upload.faults[0][2])[:30] in words_of(page)
    seen = f"{upload.rows}/{upload.good_rows}/{upload.fault_count}"
    refused = issuer.submit(f"/issuer/uploads/{upload_id}/publish", {"seen": seen})
    assert refused.status_code in (409, 422) and says_something(refused)
    town.work(upload_id)
    after = town.snapshot()
    assert {name: after[name] for name in BUSINESS} == {name: before[name] for name in BUSINESS}


@pytest.mark.parametrize("data", [b"", pytest.param(b"x" * (MAX_BYTES + 1), id="20 MB and one byte")])
def test_a_file_that_is_none_is_refused_at_the_door(town: Town, send: Callable[..., Any], data: bytes) -> None:
    with town.unchanged():
        answer = send(data)
        assert answer.status_code in (413, 422) and says_something(answer)


def test_more_than_anybody_may_send_is_not_read(town: Town, send: Callable[..., Any]) -> None:
    with town.unchanged():
        assert send(b"x" * (21 * 1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    "name", ["../../etc/cron.d/x.csv", "..\\..\\x.csv", "a\r\nSet-Cookie: x=1.csv", "a\x00.csv", "x" * 1_000 + ".csv",
             '"; filename=evil.exe', "<img src=x onerror=alert(1)>.csv", "\u202evsc.exe", "CON", "."]
)  # fmt: skip
def test_the_name_of_a_file_is_only_a_name(town: Town, browsers: Any, send: Callable[..., Any], name: str) -> None:
    answer = send(GOOD, name=name)
    assert answer.status_code in (302, 422)
    if answer.status_code == 422:
        assert says_something(answer)
        return
    upload_id = int(answer.location.rsplit("/", 1)[1])
    upload = town.row(Upload, upload_id)
    assert "/" not in upload.file_name and "\\" not in upload.file_name and upload.file_name.isprintable()
    assert len(upload.file_name) <= 200
    page = browsers["issuer"].get(f"/issuer/uploads/{upload_id}")
    assert page.status_code == 200 and "<img src=x" not in page.text
    report = browsers["issuer"].get(f"/issuer/uploads/{upload_id}/report.csv")
    disposition = report.headers["Content-Disposition"]
    assert "\n" not in disposition and disposition.count("filename=") == 1 and "Set-Cookie" not in report.headers


@pytest.mark.parametrize(
    "fields", [{}, {"seen": "9/9/9"}, {"seen": "x" * 5_000}, {"only_good_rows": "1"}, {"seen": "\x00"}]
)
def test_a_decision_about_what_was_not_seen_publishes_nothing(
    town: Town, browsers: Any, fields: dict[str, str]
) -> None:
    with town.unchanged():
        answer = browsers["issuer"].submit(f"/issuer/uploads/{town.own['upload_id']}/publish", fields | FOREIGN)
        assert answer.status_code in (409, 422) and says_something(answer)


def test_pressing_publish_twice_publishes_once(town: Town, browsers: Any, send: Callable[..., Any]) -> None:
    upload_id = int(send(csv_rows(7, 8)).location.rsplit("/", 1)[1])
    town.work(upload_id)
    upload = town.row(Upload, upload_id)
    before = int(town.snapshot()["job"].split()[0])
    data = {"seen": f"{upload.rows}/{upload.good_rows}/{upload.fault_count}"}
    for _ in range(3):
        assert browsers["issuer"].submit(f"/issuer/uploads/{upload_id}/publish", data).status_code == 302
        town.work(upload_id)
    assert int(town.snapshot()["job"].split()[0]) == before + 1
    assert town.row(Upload, upload_id).state is UploadState.PUBLISHED
