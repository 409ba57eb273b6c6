"""From a letter to the bytes of a message (RFC 5322): plain text first, HTML second, ASCII only on the wire."""

import hashlib
import re
from datetime import datetime
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from functools import lru_cache

from portal.errors import Invalid
from portal.mail import wording
from portal.mail.letters import Letter

# Lines end in CRLF and nothing leaves ASCII, so no server on the way has a reason to change or refuse a byte.
WIRE = policy.SMTP.clone(cte_type="7bit")

SAFE_LINE = 900
"""Bytes of the longest line that is sent unencoded; RFC 5321 §4.5.3.1.6 allows 998."""

PLAIN_NAME = re.compile(r"[A-Za-z][A-Za-z' -]{0,40}")
"""A name that stands on one line as it is, so there is no folding that could go wrong."""

MESSAGE_ID = re.compile(r"<[A-Za-z0-9._+=/-]{1,120}@[A-Za-z0-9.-]{1,120}>\Z")


def message_id_for(key: str, domain: str) -> str:
    """Name a message ``<key@domain>``. The same outbox row gives the same name at every attempt.

    ``key`` is the row's own id, unguessable enough that nobody else writes it.
    """
    return _checked_id(f"<{key}@{domain}>")


def build(letter: Letter, *, message_id: str, sender: str, date: datetime) -> bytes:
    """Write the message. The same arguments give the same bytes, so every attempt sends the very same mail.

    ``sender`` is ``address`` or ``Name <address>``; ``date`` is aware, when the letter was written, not when it is
    sent. Raises ``Invalid`` for an address no server takes. No value can start a header of its own.
    """
    if date.tzinfo is None:
        raise ValueError("the date of a mail needs a time zone")
    mail = EmailMessage(policy=WIRE)
    mail["From"] = _sender(sender)
    mail["To"] = _shown(wording.mailbox(wording.address(letter.to), name=letter.name))
    if letter.reply_to:
        mail["Reply-To"] = wording.mailbox(wording.address(letter.reply_to))
    mail["Subject"] = wording.line(letter.subject, limit=200)
    mail["Date"] = format_datetime(date)
    mail["Message-ID"] = _checked_id(message_id)
    # Holiday replies and ticket systems leave a mail alone that says it was not written by hand (RFC 3834).
    mail["Auto-Submitted"] = "auto-generated"
    mail["X-Auto-Response-Suppress"] = "All"
    _add_words(mail, letter)
    # A boundary out of the message's own name keeps the bytes equal; "=_" occurs in no encoded part (RFC 2045 §6.7).
    mail.set_boundary("=_" + hashlib.sha256(message_id.encode()).hexdigest()[:40])
    return mail.as_bytes()


def _add_words(mail: EmailMessage, letter: Letter) -> None:
    """Put both parts in. Of two alternatives the last is the best, so the HTML follows the text (RFC 2046 §5.1.4)."""
    text, html = _lines(letter.text), _lines(letter.html)
    mail.set_content(text, cte=_encoding(text))
    mail.add_alternative(html, subtype="html", cte=_encoding(html))


def _lines(words: str) -> str:
    """Only ``\\n`` ends a line: a lone CR in a body is how mails are smuggled past a server. No other control."""
    words = words.replace("\r\n", "\n").replace("\r", "\n")
    words = words.encode("utf-8", "replace").decode("utf-8")
    return "".join(c for c in words if c in "\n\t" or (c >= " " and c != "\x7f"))


def _encoding(words: str) -> str | None:
    """Plain where it can be; else None, and the email package picks the shorter of its two encodings."""
    longest = max(map(len, words.split("\n")), default=0)
    return "7bit" if words.isascii() and longest <= SAFE_LINE else None


@lru_cache(maxsize=16)
def _sender(sender: str) -> Address:
    """The sender of one deployment is the same in every mail, so it is looked at once."""
    return _shown(wording.mailbox(sender))


def _shown(mailbox: Address) -> Address:
    """Leave the name away where the email package would not read its own header back as one and the same mailbox.

    Folding a long name that is not ASCII has broken addresses in several versions of Python; the address matters more.
    """
    if PLAIN_NAME.fullmatch(mailbox.display_name):
        return mailbox
    probe = EmailMessage(policy=WIRE)
    probe["To"] = mailbox
    raw = probe.as_bytes().partition(b"\r\n\r\n")[0]
    read = message_from_bytes(raw + b"\r\n\r\n", policy=policy.SMTP)["To"]
    whole = read is not None and [a.addr_spec for a in read.addresses] == [mailbox.addr_spec]
    if whole and _words(read.addresses[0].display_name) == _words(mailbox.display_name):
        return mailbox
    return Address(addr_spec=mailbox.addr_spec)


def _words(name: str) -> str:
    return "".join(name.split())


def _checked_id(message_id: str) -> str:
    if not MESSAGE_ID.match(message_id):
        raise Invalid("A message id is <key@domain> in plain letters, digits and ._+=/-.")
    return message_id
