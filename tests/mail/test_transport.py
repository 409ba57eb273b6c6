"""How a session ends, against real servers: what may be sent again, what may not, and what nobody can know."""

import socket
import ssl
import threading
import time
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

from portal.errors import Fenced, Invalid
from portal.mail import OutcomeKind, SmtpSettings, send

TO = "donald.duck@learner.example"

# A key and a certificate for "localhost" that protect nothing and that nobody but these tests trusts.
CERTIFICATE = Path(__file__).with_name("localhost-for-tests.pem")


def test_a_letter_that_the_server_takes_is_sent(run_catcher, message, mark):
    catcher = run_catcher()
    outcome = send(catcher.settings(), message, recipient=TO, before_data=mark)
    assert (outcome.kind, outcome.code) == (OutcomeKind.SENT, 250)
    assert "took the letter" in outcome.reason
    assert mark.made == 1
    (kept,) = catcher.files()
    assert kept.read_bytes().endswith(message.replace(b"\r\n", b"\n"))


def test_the_mark_is_made_once_and_directly_before_data(scripted, message):
    seen = []
    server = scripted(lambda talk: (talk.take_letter(), talk.say("250 ok"), talk.hear()))
    outcome = send(
        server.settings(),
        message,
        recipient=TO,
        before_data=lambda: (time.sleep(0.05), seen.append(list(server.heard))),
    )
    assert outcome.kind is OutcomeKind.SENT
    assert len(seen) == 1
    assert [line.split(" ")[0] for line in seen[0]] == ["ehlo", "mail", "rcpt"]
    assert server.heard[3].upper() == "DATA"


def test_a_mark_that_cannot_be_made_stops_the_letter(scripted, message):
    def fenced():
        raise Fenced("somebody else has this row")

    ended = threading.Event()

    def script(talk):
        talk.greet()
        talk.hear()
        talk.say("250 ok")
        talk.hear()
        talk.say("250 ok")
        talk.hear()
        ended.set()

    server = scripted(script)
    with pytest.raises(Fenced):
        send(server.settings(), message, recipient=TO, before_data=fenced)
    assert ended.wait(2)
    assert "DATA" not in [line.upper() for line in server.heard]


def test_no_server_means_later(message, mark):
    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    outcome = send(SmtpSettings(host="127.0.0.1", port=port), message, recipient=TO, before_data=mark)
    assert outcome.kind is OutcomeKind.RETRY
    assert outcome.reason == f"The mail server 127.0.0.1:{port} cannot be reached (connection refused)."
    assert mark.made == 0


def test_a_server_of_no_known_name_means_later(message, mark):
    outcome = send(SmtpSettings(host="mail.invalid", port=25), message, recipient=TO, before_data=mark)
    assert outcome.kind is OutcomeKind.RETRY
    assert "its name is not known" in outcome.reason or "network failure" in outcome.reason


@pytest.mark.parametrize("greeting", ["421 busy", "554 no mail today", "nonsense"])
def test_an_unwelcoming_greeting_is_not_about_the_letter(scripted, message, mark, greeting):
    outcome = send(scripted(lambda talk: talk.say(greeting)).settings(), message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made) == (OutcomeKind.RETRY, 0)


def test_a_silent_server_means_later(scripted, message, mark):
    server = scripted(lambda talk: time.sleep(2))
    began = time.monotonic()
    outcome = send(server.settings(timeout=0.3), message, recipient=TO, before_data=mark)
    assert outcome.kind is OutcomeKind.RETRY
    assert "no answer in time" in outcome.reason
    assert time.monotonic() - began < 1.5


def test_a_server_that_drips_its_words_is_cut_off_at_the_limit(scripted, message, mark):
    def drip(talk):
        for _ in range(100):
            talk.connection.sendall(b"2")
            time.sleep(0.1)

    began = time.monotonic()
    outcome = send(scripted(drip).settings(timeout=5, limit=0.6), message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made) == (OutcomeKind.RETRY, 0)
    assert time.monotonic() - began < 2


@pytest.mark.parametrize(
    ("stage", "answer", "kind"),
    [
        ("mail", "451 not now", OutcomeKind.RETRY),
        ("mail", "530 5.7.0 Must issue STARTTLS first", OutcomeKind.RETRY),
        ("mail", "550 not from you", OutcomeKind.REJECTED),
        ("rcpt", "450 mailbox busy", OutcomeKind.RETRY),
        ("rcpt", "550 5.1.1 no such user", OutcomeKind.REJECTED),
        ("data", "451 not now", OutcomeKind.RETRY),
        ("data", "554 not this", OutcomeKind.REJECTED),
        ("letter", "452 no room", OutcomeKind.RETRY),
        ("letter", "421 closing", OutcomeKind.RETRY),
        ("letter", "550 spam", OutcomeKind.REJECTED),
    ],
)
def test_a_definite_no_is_believed_at_every_stage(scripted, message, mark, stage, answer, kind):
    def script(talk):
        if stage == "letter":
            talk.take_letter()
        else:
            talk.greet()
            for each in ("mail", "rcpt", "data"):
                talk.hear()
                if each == stage:
                    break
                talk.say("250 ok")
        talk.say(answer)
        talk.hear()

    outcome = send(scripted(script).settings(), message, recipient=TO, before_data=mark)
    assert (outcome.kind, outcome.code) == (kind, int(answer[:3]))
    assert answer in outcome.reason
    assert mark.made == (1 if stage in {"data", "letter"} else 0)


@pytest.mark.parametrize("stage", ["greeting", "mail", "rcpt"])
def test_a_connection_lost_before_data_means_later(scripted, message, mark, stage):
    def script(talk):
        if stage == "greeting":
            return talk.hang_up()
        talk.greet()
        talk.hear()
        if stage == "rcpt":
            talk.say("250 ok")
            talk.hear()
        return talk.hang_up()

    outcome = send(scripted(script).settings(), message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made) == (OutcomeKind.RETRY, 0)


def test_a_connection_lost_before_the_first_byte_of_the_letter_means_later(scripted, message, mark):
    def script(talk):
        talk.greet()
        for _ in range(2):
            talk.hear()
            talk.say("250 ok")
        talk.hear()
        talk.hang_up()

    outcome = send(scripted(script).settings(), message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made) == (OutcomeKind.RETRY, 1)


def test_silence_after_the_letter_is_unknown(scripted, message, mark):
    server = scripted(lambda talk: (talk.take_letter(), time.sleep(2)))
    outcome = send(server.settings(answer_timeout=0.3), message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made) == (OutcomeKind.UNKNOWN, 1)
    assert "no answer in time" in outcome.reason
    assert "may or may not" in outcome.reason


def test_a_connection_cut_after_the_letter_is_unknown(scripted, message, mark):
    server = scripted(lambda talk: (talk.take_letter(), talk.hang_up()))
    outcome = send(server.settings(), message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made) == (OutcomeKind.UNKNOWN, 1)


def test_a_connection_reset_within_a_large_letter_is_unknown(scripted, mark):
    def script(talk):
        talk.up_to_data()
        talk.connection.recv(1000)
        talk.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
        talk.lines.close()
        talk.connection.close()

    outcome = send(scripted(script).settings(), b"x" * 70 + b"\r\n" * 3_000_000, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made) == (OutcomeKind.UNKNOWN, 1)


@pytest.mark.parametrize("answer", ["gibberish", "354 again?", "2" * 20_000])
def test_an_answer_that_nobody_understands_is_unknown(scripted, message, mark, answer):
    server = scripted(lambda talk: (talk.take_letter(), talk.say(answer), time.sleep(0.2)))
    outcome = send(server.settings(), message, recipient=TO, before_data=mark)
    assert outcome.kind is OutcomeKind.UNKNOWN


def test_a_session_past_its_limit_after_the_letter_is_unknown(scripted, message, mark):
    server = scripted(lambda talk: (talk.take_letter(), time.sleep(3)))
    began = time.monotonic()
    outcome = send(server.settings(limit=0.5), message, recipient=TO, before_data=mark)
    assert outcome.kind is OutcomeKind.UNKNOWN
    assert time.monotonic() - began < 2


def test_a_goodbye_that_fails_changes_nothing(scripted, message, mark):
    server = scripted(lambda talk: (talk.take_letter(), talk.say("250 ok"), talk.hang_up()))
    assert send(server.settings(), message, recipient=TO, before_data=mark).kind is OutcomeKind.SENT


def test_lines_that_begin_with_a_dot_arrive_whole(scripted, message, mark):
    taken = []
    server = scripted(lambda talk: (taken.append(talk.take_letter()), talk.say("250 ok"), talk.hear()))
    send(server.settings(), message, recipient=TO, before_data=mark)
    assert b"\r\n..dot\r\n" in taken[0]
    assert taken[0].replace(b"\r\n..", b"\r\n.").removesuffix(b".\r\n") == message


def test_a_lone_return_in_a_letter_cannot_end_it(scripted, mark):
    taken = []
    server = scripted(lambda talk: (taken.append(talk.take_letter()), talk.say("250 ok"), talk.hear()))
    smuggled = b"Subject: x\r\n\r\nend\n.\nMAIL FROM:<evil@x.example>\r.\r\nrest"
    send(server.settings(), smuggled, recipient=TO, before_data=mark)
    assert b"\r\n..\r\nMAIL FROM:<evil@x.example>\r\n..\r\nrest\r\n.\r\n" in taken[0]


@pytest.mark.parametrize(
    "address", ["a@b.example>\r\nRCPT TO:<c@d.example", "no-at", "ä@x.example", "a b@x.example", ""]
)
def test_no_session_begins_for_an_address_that_is_none(message, mark, address):
    with pytest.raises(Invalid):
        send(SmtpSettings(host="127.0.0.1", port=1), message, recipient=address, before_data=mark)


class _Keeper:
    def __init__(self):
        self.kept = []

    async def handle_DATA(self, server, session, envelope):
        self.kept.append((session.ssl is not None, session.authenticated, envelope.rcpt_tos))
        return "250 kept"


@pytest.fixture
def secure_server():
    """STARTTLS, then sign-in as portal with the password "right horse"; with the context of a client that trusts it."""
    server_side = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server_side.load_cert_chain(CERTIFICATE)
    client_side = ssl.create_default_context(cafile=CERTIFICATE)
    keeper = _Keeper()

    def check(server, session, envelope, mechanism, given):
        return AuthResult(success=(given.login, given.password) == (b"portal", b"right horse"), handled=False)

    with socket.create_server(("127.0.0.1", 0)) as door:
        port = door.getsockname()[1]
    running = Controller(
        keeper,
        hostname="127.0.0.1",
        port=port,
        server_hostname="localhost",
        tls_context=server_side,
        require_starttls=True,
        auth_required=True,
        authenticator=check,
    )
    running.start()
    yield running, keeper, client_side
    running.stop()


def test_a_letter_goes_encrypted_and_signed_in_where_that_is_set(secure_server, message, mark):
    running, keeper, trusted = secure_server
    settings = SmtpSettings(
        "localhost", running.port, "portal", "right horse", use_tls=True, sender="a@b.example", tls_context=trusted
    )
    assert send(settings, message, recipient=TO, before_data=mark).kind is OutcomeKind.SENT
    assert keeper.kept == [(True, True, [TO])]


def test_a_certificate_that_nobody_vouches_for_stops_the_letter(secure_server, message, mark):
    running, keeper, _ = secure_server
    settings = SmtpSettings("localhost", running.port, "portal", "right horse", use_tls=True, sender="a@b.example")
    outcome = send(settings, message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made, keeper.kept) == (OutcomeKind.RETRY, 0, [])
    assert "certificate is not trusted" in outcome.reason


def test_a_refused_sign_in_names_no_secret_and_loses_no_letter(secure_server, message, mark):
    running, keeper, trusted = secure_server
    settings = SmtpSettings(
        "localhost", running.port, "portal", "wrong horse", use_tls=True, sender="a@b.example", tls_context=trusted
    )
    outcome = send(settings, message, recipient=TO, before_data=mark)
    assert (outcome.kind, outcome.code, keeper.kept) == (OutcomeKind.RETRY, 535, [])
    assert "horse" not in outcome.reason + repr(settings) + repr(outcome)


def test_a_letter_never_goes_in_clear_where_encryption_is_asked_for(run_catcher, message, mark):
    catcher = run_catcher()
    outcome = send(catcher.settings(use_tls=True), message, recipient=TO, before_data=mark)
    assert (outcome.kind, mark.made, catcher.files()) == (OutcomeKind.RETRY, 0, [])
    assert "STARTTLS" in outcome.reason
