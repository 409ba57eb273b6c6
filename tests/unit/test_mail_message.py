"""The bytes of a message: one and the same at every attempt, fit for any server, read back as they were meant."""

from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from portal.errors import Invalid
from portal.mail import Letter, build, message_id_for

WRITTEN = datetime(2026, 11, 23, 18, 0, tzinfo=UTC)
ID = "<7f3a@portal.example>"


def _letter(**changes) -> Letter:
    return Letter(**({"to": "a@b.example", "subject": "Hello", "text": "Hi\n", "html": "<p>Hi</p>\n"} | changes))


def _build(**changes) -> bytes:
    return build(_letter(**changes), message_id=ID, sender="The Portal <portal@portal.example>", date=WRITTEN)


def _read(raw: bytes):
    return message_from_bytes(raw, policy=policy.default)


def test_every_attempt_sends_the_same_bytes():
    assert _build(text="Zoë\n") == _build(text="Zoë\n")


def test_the_headers_say_what_they_have_to():
    mail = _read(_build(reply_to="c@d.example"))
    assert mail["Message-ID"] == ID
    assert mail["Date"].datetime == WRITTEN
    assert mail["From"].addresses[0].display_name == "The Portal"
    assert mail["Reply-To"] == "c@d.example"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["MIME-Version"] == "1.0"


def test_the_text_comes_first_and_the_html_second():
    mail = _read(_build())
    assert mail.get_content_type() == "multipart/alternative"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]


def test_english_words_stand_readable_on_the_wire():
    raw = _build(text=f"https://portal.example/reset/{'x' * 80}\n")
    assert b"/reset/" + b"x" * 80 + b"\r\n" in raw


@pytest.mark.parametrize(
    "text", ["Zoë\n", "李雷" * 4000, "x" * 20_000, "a\rb\r\n.\r\nc\n", "tab\there\x00\x1b\n", "\ud800\n", ""]
)
def test_no_byte_of_a_body_needs_a_clever_server(text):
    raw = _build(text=text, html=f"<p>{text}</p>")
    raw.decode("ascii")
    lines = raw.split(b"\r\n")
    assert max(map(len, lines)) <= 998
    assert not any(b"\n" in line or b"\r" in line or b"\x00" in line for line in lines)


@settings(max_examples=80, deadline=None)
@given(name=some.text(max_size=120), subject=some.text(max_size=240))
def test_whatever_stands_in_a_name_or_subject_the_headers_stay_what_they_are(name, subject):
    mail = _read(_build(name=name, subject=subject))
    assert [a.addr_spec for a in mail["To"].addresses] == ["a@b.example"]
    assert sorted(mail.keys()) == sorted(
        ["From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted", "X-Auto-Response-Suppress", "MIME-Version"]
        + ["Content-Type"]
    )


@pytest.mark.parametrize(
    "name", ["Zoë Brontë", 'Duck, "Donald" <boss@x.example>', "李雷", "Ålesund Ålesund, Ålesund (Ålesund) " * 2]
)
def test_a_name_is_shown_as_it_is_written(name):
    shown = _read(_build(name=name))["To"].addresses[0].display_name
    assert "".join(shown.split()) == "".join(name.split())


def test_a_subject_in_any_script_is_read_back():
    subject = "Eich dogfennau – 您的文件 – " + "Ωμέγα " * 20
    assert _read(_build(subject=subject))["Subject"] == subject.strip()


def test_an_international_domain_is_written_in_punycode():
    assert _read(_build(to="zoe@bücher.example"))["To"] == "zoe@xn--bcher-kva.example"


@pytest.mark.parametrize("field", ["to", "reply_to"])
@pytest.mark.parametrize(
    "address", ["zoë@x.example", "a@b.example\r\nBcc: c@d.example", "a@b.example, c@d.example", "x"]
)
def test_a_message_is_not_written_for_an_address_that_is_none(field, address):
    with pytest.raises(Invalid):
        _build(**{field: address})


def test_a_message_id_is_made_of_the_key_and_nothing_else():
    assert message_id_for("7f3a", "portal.example") == ID
    for key in ("a b", "a>\r\nBcc: x", "", "é"):
        with pytest.raises(Invalid):
            message_id_for(key, "portal.example")
