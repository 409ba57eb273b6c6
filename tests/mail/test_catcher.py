"""The demo's mail server: what it keeps, how it fails on purpose, and that a look-up settles what nobody could know."""

import mailbox
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from portal.demo import mail_catcher
from portal.mail import Letter, OutcomeKind, build, send
from portal.mail.maildir import lookup

TO = "donald.duck@learner.example"
MESSAGE_ID = "<7f3a@portal.example>"
ROOT = Path(__file__).resolve().parents[2]


def _send(catcher, message, mark, **more):
    return send(catcher.settings(**more), message, recipient=TO, before_data=mark).kind


def test_any_program_that_reads_a_maildir_reads_the_post(run_catcher, message, mark):
    catcher = run_catcher()
    _send(catcher, message, mark)
    (kept,) = list(mailbox.Maildir(catcher.maildir, create=False))
    assert kept["Message-ID"] == MESSAGE_ID
    assert kept["Delivered-To"] == TO
    assert kept["Return-Path"] == "<portal@portal.example>"
    assert [part.get_content_type() for part in kept.walk()][1:] == ["text/plain", "text/html"]


def test_it_stops_when_it_is_told(run_catcher):
    assert run_catcher().stop() == 0


@pytest.mark.parametrize(
    ("fault", "kind", "kept", "marked"),
    [
        ("4xx", OutcomeKind.RETRY, 0, 1),
        ("5xx", OutcomeKind.REJECTED, 0, 0),
        ("refuse", OutcomeKind.RETRY, 0, 0),
        ("drop_after_data", OutcomeKind.UNKNOWN, 1, 1),
        ("drop_before_store", OutcomeKind.UNKNOWN, 0, 1),
    ],
)
def test_each_fault_is_what_its_name_says(run_catcher, message, mark, fault, kind, kept, marked):
    catcher = run_catcher("--fault", fault)
    assert _send(catcher, message, mark) is kind
    assert len(catcher.files()) == kept
    assert mark.made == marked
    assert lookup(catcher.maildir, MESSAGE_ID) is bool(kept)


def test_a_slow_server_is_waited_for_as_long_as_is_set(run_catcher, message, mark):
    catcher = run_catcher("--fault", "slow", "--delay", "0.4")
    assert _send(catcher, message, mark, timeout=0.2) is OutcomeKind.RETRY
    assert _send(catcher, message, mark, timeout=2) is OutcomeKind.SENT


def test_faults_take_turns_and_each_attempt_carries_the_same_message_id(run_catcher, message, mark):
    catcher = run_catcher("--fault", "4xx,refuse,drop_before_store,ok")
    ended = [_send(catcher, message, mark) for _ in range(4)]
    assert ended == [OutcomeKind.RETRY, OutcomeKind.RETRY, OutcomeKind.UNKNOWN, OutcomeKind.SENT]
    (kept,) = catcher.files()
    assert f"\nMessage-ID: {MESSAGE_ID}\n" in kept.read_text()


def test_a_look_up_tells_one_message_from_one_that_quotes_it(run_catcher, mark):
    catcher = run_catcher()
    quoting = Letter(to=TO, subject=MESSAGE_ID, text=f"Message-ID: {MESSAGE_ID}\n", html=f"<p>{MESSAGE_ID}</p>")
    _send(
        catcher,
        build(quoting, message_id="<other@x.example>", sender="a@b.example", date=datetime(2026, 11, 23, tzinfo=UTC)),
        mark,
    )
    assert lookup(catcher.maildir, "<other@x.example>") is True
    assert lookup(catcher.maildir, MESSAGE_ID) is False


def test_a_look_up_that_cannot_look_says_so(tmp_path):
    assert mail_catcher.lookup(tmp_path / "nowhere", MESSAGE_ID) is None


def test_a_killed_catcher_leaves_only_whole_messages(run_catcher, message, mark):
    catcher = run_catcher()
    _send(catcher, message, mark)
    catcher.process.send_signal(signal.SIGKILL)
    catcher.process.wait(timeout=5)
    again = run_catcher()
    _send(again, message, mark)
    assert len(again.files()) == 2
    assert list((again.maildir / "tmp").iterdir()) == []


def test_a_taken_port_is_a_plain_sentence(run_catcher, tmp_path):
    catcher = run_catcher()
    second = subprocess.run(
        [sys.executable, "-m", "portal.demo.mail_catcher", "--port", str(catcher.port), "--maildir", str(tmp_path)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=10,
    )
    assert second.returncode == 1
    assert second.stderr.startswith("The mail catcher cannot start: ")
    assert "Traceback" not in second.stderr


@pytest.mark.alone
def test_fifty_letters_go_within_a_second(run_catcher, message, mark):
    """What one worker has to manage; the best of three forgives a busy machine."""
    catcher = run_catcher()
    best = 99.0
    for _ in range(3):
        began = time.monotonic()
        assert {_send(catcher, message, mark) for _ in range(50)} == {OutcomeKind.SENT}
        best = min(best, time.monotonic() - began)
    assert best < 1
