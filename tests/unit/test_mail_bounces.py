"""Reports of mails that came back, as real servers write them: which mail it was, and why, or nothing at all."""

from __future__ import annotations

import pytest

from portal.mail import bounces, maildir

OURS = "<0f1e2d3c4b5a69788796a5b4c3d2e1f0@portal.invalid>"

LETTER = f"""Return-Path: <portal@certificates.example>
From: The Digital Certificate Team <portal@certificates.example>
To: Donald Duck <donald@home.org.uk>
Subject: Your documents are waiting
Message-ID: {OURS}

Your record ...
"""


def postfix(
    action: str = "failed", status: str = "5.1.1", said: str = "550 5.1.1 <donald@home.org.uk>: unknown"
) -> str:
    return f"""Return-Path: <>
Date: Mon, 23 Nov 2026 10:00:00 +0000 (GMT)
From: MAILER-DAEMON@mx.certificates.example (Mail Delivery System)
Subject: Undelivered Mail Returned to Sender
To: portal@certificates.example
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="4F2A61000C.1700000000/mx.certificates.example"
Message-Id: <20261123100000.4F2A61000D@mx.certificates.example>

This is a MIME-encapsulated message.

--4F2A61000C.1700000000/mx.certificates.example
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

I'm sorry to have to inform you that your message could not be delivered to one or more recipients.

--4F2A61000C.1700000000/mx.certificates.example
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.certificates.example
X-Postfix-Queue-ID: 4F2A61000C
X-Postfix-Sender: rfc822; portal@certificates.example
Arrival-Date: Mon, 23 Nov 2026 09:59:59 +0000 (GMT)

Final-Recipient: rfc822; donald@home.org.uk
Original-Recipient: rfc822;donald@home.org.uk
Action: {action}
Status: {status}
Remote-MTA: dns; mx.home.org.uk
Diagnostic-Code: smtp; {said}

--4F2A61000C.1700000000/mx.certificates.example
Content-Description: Undelivered Message
Content-Type: message/rfc822

{LETTER}
--4F2A61000C.1700000000/mx.certificates.example--
"""


EXIM = f"""Return-path: <>
From: Mail Delivery System <Mailer-Daemon@mx.certificates.example>
To: portal@certificates.example
Subject: Mail delivery failed: returning message to sender
Auto-Submitted: auto-replied
X-Failed-Recipients: donald@home.org.uk
References: {OURS}
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary=1700000000-eximdsn-1804289383

--1700000000-eximdsn-1804289383
Content-type: text/plain; charset=us-ascii

This message was created automatically by mail delivery software.

  donald@home.org.uk
    host mx.home.org.uk [192.0.2.25]
    SMTP error from remote mail server after RCPT TO:<donald@home.org.uk>:
    552 5.2.2 Mailbox full

--1700000000-eximdsn-1804289383
Content-type: message/delivery-status

Reporting-MTA: dns; mx.certificates.example

Action: failed
Final-Recipient: rfc822;donald@home.org.uk
Status: 5.0.0
Remote-MTA: dns; mx.home.org.uk
Diagnostic-Code: smtp; 552 5.2.2 Mailbox full

--1700000000-eximdsn-1804289383
Content-type: text/rfc822-headers

{LETTER.partition(chr(10) + chr(10))[0]}

--1700000000-eximdsn-1804289383--
"""

EXCHANGE = f"""From: Microsoft Outlook
\t<MicrosoftExchange329e71ec88ae4615bbc36ab6ce41109e@home.org.uk>
To: "portal@certificates.example" <portal@certificates.example>
Date: Mon, 23 Nov 2026 10:00:00 +0000
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d"
Content-Language: en-GB
Message-ID: <4c1a9a4e-8a1a-4d5e-9a41-0f6a1c2f8a11@DB9PR01MB0001.eurprd01.prod.exchangelabs.com>
In-Reply-To: {OURS}
References: {OURS}
Subject: Undeliverable: Your documents are waiting
X-MS-Exchange-Message-Is-Ndr:
MIME-Version: 1.0

--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d
Content-Type: multipart/alternative; boundary="inner"

--inner
Content-Type: text/plain; charset="us-ascii"

Your message to donald@home.org.uk couldn't be delivered.

--inner
Content-Type: text/html; charset="us-ascii"

<html><body>couldn't be delivered</body></html>

--inner--

--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d
Content-Type: message/delivery-status

Reporting-MTA: dns;DB9PR01MB0001.eurprd01.prod.exchangelabs.com
Received-From-MTA: dns;mx.certificates.example
Arrival-Date: Mon, 23 Nov 2026 09:59:58 +0000

Final-Recipient: rfc822;donald@home.org.uk
Action: failed
Status: 5.1.10
Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient donald@home.org.uk
 not found by SMTP address lookup

--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d
Content-Type: message/rfc822

{LETTER}
--9b1deb4d-3b7d-4bad-9bdd-2b0d7b3dcb6d--
"""


def read(text: str) -> bounces.Bounce | None:
    return bounces.read(text.replace("\n", "\r\n").encode())


@pytest.mark.parametrize(
    ("report", "reason"),
    [
        (postfix(), "The address does not exist (550 5.1.1 <donald@home.org.uk>: unknown)."),
        (EXIM, "The mailbox is full (552 5.2.2 Mailbox full)."),
        (
            EXCHANGE,
            (
                "The address does not exist (550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient donald@home.org.uk "
                "not found by SMTP address lookup)."
            ),
        ),
    ],
    ids=["postfix", "exim", "exchange"],
)
def test_the_report_of_a_server_says_which_mail_and_why(report: str, reason: str) -> None:
    found = read(report)
    assert found is not None
    assert found.message_ids[0] == OURS
    assert found.reason == reason
    assert bounces.read(report.encode()) == found, "line ends make no difference"


@pytest.mark.parametrize(
    ("status", "words"),
    [
        ("5.2.2", "mailbox is full"),
        ("5.1.2", "after the @ does not exist"),
        ("5.7.1", "refused the mail"),
        ("5.9.9", "could not be delivered"),
        ("4.4.7", "for days"),
    ],
)
def test_the_status_becomes_a_sentence(status: str, words: str) -> None:
    assert words in read(postfix(status=status, said="x")).reason


def test_a_delay_is_no_failure() -> None:
    assert read(postfix(action="delayed", status="4.4.1")) is None
    assert read(postfix(action="delivered", status="2.0.0")) is None
    assert read(postfix(action="relayed", status="2.0.0")) is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Subject: On holiday\nIn-Reply-To: " + OURS + "\n\nI am away until Monday.",
        "Subject: Undelivered\nContent-Type: text/plain\n\nAction: failed\nStatus: 5.1.1\nMessage-ID: " + OURS,
        postfix().replace("message/delivery-status", "text/plain"),
        postfix().replace(OURS, "no name at all"),
        "Content-Type: multipart/report; boundary=\n\n--\n",
        "Content-Type: multipart/report; boundary=x\n\n" + "--x\nContent-Type: multipart/mixed; boundary=x\n\n" * 400,
        "\x00\xff" * 500,
    ],
)
def test_what_is_no_report_is_nothing(text: str) -> None:
    assert bounces.read(text.encode("utf-8", "replace")) is None


def test_a_servers_words_stay_words() -> None:
    reason = read(postfix(said="550 <script>alert(1)</script>\n X-Header: y \x1b[31m" + "z" * 4_000)).reason
    assert "\n" not in reason and "\x1b" not in reason and len(reason) <= 300
    assert bounces.read(b"x" * (bounces.LARGEST + 1)) is None


def test_a_letter_that_quotes_another_name_is_not_that_letter() -> None:
    other = "<ffffffffffffffffffffffffffffffff@portal.invalid>"
    found = read(postfix().replace("Your record ...", f"Message-ID: {other}"))
    assert found.message_ids == (OURS,)


def test_the_mailbox_is_read_once_whatever_its_files_are_called(tmp_path) -> None:
    maildir.make(tmp_path)
    for name in ("1700000000.V801I2M1.mx,S=12", "odd name", "zz:2,"):
        (tmp_path / "new" / name).write_bytes(name.encode())
    (tmp_path / "new" / "link").symlink_to("/etc/passwd")
    seen = list(maildir.list_unread(tmp_path, most=10, largest=4))
    assert [name for name, _ in seen] == ["1700000000.V801I2M1.mx,S=12", "odd name", "zz:2,"]
    assert max(len(raw) for _, raw in seen) == 5, "a byte more than is looked at says that there is more"
    for name, _ in seen:
        maildir.put_aside(tmp_path, name)
    assert not list(maildir.list_unread(tmp_path, most=10, largest=4))
    assert sorted(path.name for path in (tmp_path / "cur").iterdir())[0] == "1700000000.V801I2M1.mx,S=12:2,S"
    assert list(maildir.list_unread(tmp_path / "nowhere", most=1, largest=1)) == []
