"""Mail servers on a bad day: every mail arrives once, or says why it did not."""

import time

import pytest

from portal.services import mails
from portal.vocabulary import MailState
from tests.faults import invariants
from tests.faults.work import arrived, mail_of, measured, queue_mail
from tests.machine import Machine
from tests.servers.ports import wait_until

pytestmark = pytest.mark.patient

QUEUED, SENDING, SENT, FAILED, UNKNOWN = MailState


def states(machine: Machine, mail_id: int, last: MailState, *, seconds: float = 60) -> list[tuple[MailState, str]]:
    """The resting states that a mail comes through until the last one, with their reasons."""
    seen: list[tuple[MailState, str]] = []

    def ended() -> bool:
        mail = mail_of(machine, mail_id)
        tried = mail.state is not SENDING and (mail.state is not QUEUED or mail.failure)
        if tried and (not seen or seen[-1][0] is not mail.state):
            seen.append((mail.state, mail.failure))
        return mail.state is last

    wait_until(ended, seconds=seconds, what=f"{last} of a mail", every=0.05)
    return seen


def test_a_mail_waits_for_a_server_that_is_down(machine: Machine):
    machine.kill("mail")
    mail = queue_mail(machine)
    wait_until(lambda: mail_of(machine, mail).failure, seconds=60, what="a try")
    assert "cannot be reached (connection refused)" in mail_of(machine, mail).failure
    assert mail_of(machine, mail).state is QUEUED
    machine.start_mail()
    began = time.monotonic()
    states(machine, mail, SENT, seconds=60)
    measured("mail_sent_seconds_after_the_server_was_back", round(time.monotonic() - began, 1))
    assert arrived(machine, mail) == 1
    invariants.check(machine)


@pytest.mark.parametrize(
    ("fates", "wanted", "reason", "tries", "copies"),
    [
        (("4xx", "ok"), [QUEUED, SENT], "451", 2, 1),
        (("5xx", "ok"), [FAILED], "550", 1, 0),
        (("drop_after_data", "ok"), [UNKNOWN, SENT], "No answer came", 1, 1),
        # Its tries are counted anew once it is known that it did not arrive.
        (("drop_before_store", "ok"), [UNKNOWN, QUEUED, SENT], "No answer came", 1, 1),
    ],
)
def test_a_mail_server_that_misbehaves(machine: Machine, fates, wanted, reason, tries, copies):
    machine.kill("mail")
    machine.start_mail(*fates)
    mail = queue_mail(machine)
    seen = states(machine, mail, wanted[-1])
    came_through = [state for state, _ in seen]
    # From "look it up" back to "send it" takes a moment that a look may miss.
    assert came_through == wanted or came_through == [state for state in wanted if state is not QUEUED], seen
    assert reason in seen[0][1]
    assert mail_of(machine, mail).attempts == tries
    assert arrived(machine, mail) == copies
    if wanted[-1] is FAILED:
        with machine.here():
            assert mail not in mails.list_due()
            assert mails.claim(mail) is None
    invariants.check(machine)
