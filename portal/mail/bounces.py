"""Reports of mails that came back (RFC 3464): which mail it was, and why, in a sentence for people. Trusts nothing.

A report is a stranger's mail. All that is taken from it is a Message-ID, which proves that its sender saw our mail, and
the server's words, which stay words.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import Message
from email.parser import HeaderParser

from portal.mail import wording

LARGEST = 5 * 1024 * 1024
"""Bytes of a report that are looked at; servers send the whole letter back, and ours are small."""

DEEPEST = 10
"""Parts within parts that are looked into."""

MOST_NAMES = 20

NAMES = re.compile(r"<[^<>\s@]{1,120}@[^<>\s@]{1,120}>")
STATUS = re.compile(r"\b([245])\.(\d{1,3})\.(\d{1,3})\b")

WHY = {
    "1.1": "The address does not exist.",
    "1.2": "The part of the address after the @ does not exist.",
    "1.3": "The address is not written as an address should be.",
    "1.6": "The mailbox has moved and left no new address.",
    "1.10": "The address does not exist.",
    "2.0": "The mailbox does not take mail.",
    "2.1": "The mailbox is closed.",
    "2.2": "The mailbox is full.",
    "2.3": "The mailbox does not take a mail of this size.",
    "4.1": "The address’s mail server did not answer.",
    "4.4": "The part of the address after the @ takes no mail.",
    "4.7": "The address’s mail server did not take the mail for days.",
    "4.6": "The mail went round in circles between servers.",
    "7.0": "The address’s mail server refused the mail.",
    "7.1": "The address’s mail server refused the mail.",
}
"""What enhanced status codes mean (RFC 3463, and 5.1.10 of Exchange), without their class."""

OTHERWISE = "The mail could not be delivered."


@dataclass(frozen=True)
class Bounce:
    """A mail that came back for good. ``message_ids`` are what the report calls it, the most certain first."""

    message_ids: tuple[str, ...]
    reason: str


def read(raw: bytes) -> Bounce | None:
    """Read one message of the mailbox; ``None`` for anything but the report of a final failure."""
    if len(raw) > LARGEST:
        return None
    report = message_from_bytes(raw, policy=policy.compat32)
    parts = list(_parts(report))
    failed = [
        block for part in parts if part.get_content_type() == "message/delivery-status" for block in _blocks(part)
    ]
    final = next((block for block in failed if _is_final(block)), None)
    if final is None:
        return None
    names = tuple(dict.fromkeys(_names(report, parts)))[:MOST_NAMES]
    return Bounce(names, _reason(final)) if names else None


def _parts(message: Message, depth: int = 0) -> Iterator[Message]:
    """The parts of the report itself; what is inside the returned letter is not looked into."""
    yield message
    if depth < DEEPEST and message.get_content_maintype() == "multipart":
        for part in message.get_payload() if message.is_multipart() else ():
            if isinstance(part, Message):
                yield from _parts(part, depth + 1)


def _blocks(part: Message) -> Iterator[Message]:
    """The groups of fields of a delivery status: one about the mail, then one for each recipient."""
    payload = part.get_payload()
    if isinstance(payload, list):
        yield from (block for block in payload if isinstance(block, Message))
    elif isinstance(payload, str):
        for text in re.split(r"\r?\n\r?\n", payload):
            yield HeaderParser().parsestr(text)


def _is_final(block: Message) -> bool:
    """Whether a group says that a recipient will never get it. A delay (4.x.x) is no failure until it says so."""
    action = str(block.get("Action", "")).strip().lower()
    status = STATUS.search(str(block.get("Status", "")))
    if action:
        return action.split()[0] == "failed"
    return status is not None and status[1] == "5"


def _names(report: Message, parts: list[Message]) -> Iterator[str]:
    """What the returned letter calls itself; then what the report says that it answers."""
    for part in parts:
        kind = part.get_content_type()
        if kind == "message/rfc822" and part.is_multipart():
            for letter in part.get_payload():
                if isinstance(letter, Message):
                    yield from NAMES.findall(str(letter.get("Message-ID", "")))
        elif kind in ("text/rfc822-headers", "message/rfc822-headers", "message/rfc822"):
            head = HeaderParser().parsestr(_text(part))
            yield from NAMES.findall(str(head.get("Message-ID", "")))
    for header in ("Original-Message-ID", "In-Reply-To", "References"):
        yield from NAMES.findall(str(report.get(header, "")))


def _text(part: Message) -> str:
    payload = part.get_payload(decode=True)
    if isinstance(payload, bytes):
        return payload.decode("utf-8", "replace").lstrip()
    inner = part.get_payload()
    return str(inner[0]) if isinstance(inner, list) and inner else ""


def _reason(block: Message) -> str:
    """``The mailbox is full (552 5.2.2 Over quota).``: our sentence, and the server's own words."""
    said = str(block.get("Diagnostic-Code", ""))
    said = wording.line(said.partition(";")[2] or said, limit=200).strip().rstrip(".")
    # Some servers report 5.0.0 and put what they know into their words.
    codes = STATUS.findall(f"{block.get('Status', '')} {said}")
    sentence = next((WHY[code] for _, *rest in codes if (code := ".".join(rest)) in WHY), OTHERWISE)
    return f"{sentence[:-1]} ({said})." if said else sentence
