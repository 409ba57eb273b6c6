"""The demo's mail server: real SMTP on this machine, and a Maildir where accepted messages stay. It sends nothing on.

    python -m portal.demo.mail_catcher --port 2525 --maildir var/mail

It can also behave badly on purpose (``--fault``), so that what follows from a bad mail server can be tried for real.
"""

import argparse
import asyncio
import itertools
import os
import signal
import sys
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from portal.mail import maildir
from portal.mail.maildir import lookup

__all__ = ["Catcher", "Fault", "lookup", "main", "serve"]

LARGEST = 20 * 1024 * 1024
"""Bytes of one message; our letters have a few thousand."""


class Fault(StrEnum):
    """What the catcher does to a message, or to a connection."""

    OK = "ok"
    """Keep it and say so."""
    TEMPORARY = "4xx"
    """Refuse the message for now."""
    TEMPORARY_ADDRESS = "4xx_rcpt"
    """Refuse the address for now."""
    PERMANENT = "5xx"
    """Refuse the address for ever."""
    PERMANENT_DATA = "5xx_data"
    """Refuse the message for ever."""
    SLOW = "slow"
    """Wait before each answer."""
    DROP_BEFORE_DATA = "drop_before_data"
    """Hang up on hearing the address."""
    DROP_AFTER_DATA = "drop_after_data"
    """Keep it and hang up without a word."""
    DROP_BEFORE_STORE = "drop_before_store"
    """Take it in, lose it and hang up without a word."""
    REFUSE = "refuse"
    """Hang up on the greeting."""


class Catcher:
    """What aiosmtpd asks at each step of a session. ``faults`` are taken in turn, one per connection, over and over."""

    def __init__(self, place: Path, *, faults: list[Fault] | None = None, delay: float = 30) -> None:
        maildir.make(place)
        self._place = place
        self._faults = itertools.cycle(faults or [Fault.OK])
        self._delay = delay

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        """Greet, and decide how this connection will fare."""
        session.host_name = hostname
        session.fault = next(self._faults)  # type: ignore[attr-defined]
        if session.fault is Fault.REFUSE:  # type: ignore[attr-defined]
            await _hang_up(server)
        return responses

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take any sender."""
        await self._wait(session)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 2.1.0 Sender accepted"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Take any address, unless this is the connection that refuses it."""
        await self._wait(session)
        if _fault(session) is Fault.PERMANENT:
            return "550 5.1.1 No such address here"
        if _fault(session) is Fault.TEMPORARY_ADDRESS:
            return "450 4.2.0 Try this address later"
        if _fault(session) is Fault.DROP_BEFORE_DATA:
            await _hang_up(server)
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 Address accepted"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Keep the message, and only then say so."""
        await self._wait(session)
        fault = _fault(session)
        if fault is Fault.TEMPORARY:
            return "451 4.3.0 Try again later"
        if fault is Fault.PERMANENT_DATA:
            return "554 5.7.1 Not wanted here"
        if fault is not Fault.DROP_BEFORE_STORE:
            name = await asyncio.to_thread(maildir.deliver, self._place, _stamped(session, envelope))
        if fault in {Fault.DROP_AFTER_DATA, Fault.DROP_BEFORE_STORE}:
            await _hang_up(server)
        return f"250 2.0.0 Kept as {name}"

    async def _wait(self, session: Session) -> None:
        if _fault(session) is Fault.SLOW:
            await asyncio.sleep(self._delay)


async def serve(catcher: Catcher, *, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until SIGTERM or SIGINT; prints one line as soon as mail can come. Port 0 takes a free one."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for wanted in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(wanted, stop.set)
    server = await loop.create_server(
        lambda: SMTP(catcher, data_size_limit=LARGEST, hostname="portal-demo", ident="mail catcher", loop=loop),
        host,
        port,
    )
    taken = server.sockets[0].getsockname()[1]
    print(f"Mail catcher ready on {host}:{taken}", flush=True)
    await stop.wait()
    server.close()


def main(arguments: list[str] | None = None) -> int:
    """Run the catcher; returns the exit status."""
    asked = argparse.ArgumentParser(prog="python -m portal.demo.mail_catcher", description="The demo's mail server.")
    asked.add_argument("--port", type=int, required=True, help="0 takes a free port")
    asked.add_argument("--host", default="127.0.0.1")
    asked.add_argument("--maildir", type=Path, required=True, help="folder that keeps the messages")
    asked.add_argument(
        "--fault",
        default=os.environ.get("MAIL_CATCHER_FAULT", "ok"),
        help="one or more of " + ", ".join(Fault) + "; several with commas take turns, one per connection",
    )
    asked.add_argument("--delay", type=float, default=30, help="seconds that slow waits before each answer")
    given = asked.parse_args(arguments)
    try:
        faults = [Fault(each.strip()) for each in given.fault.split(",")]
    except ValueError:
        asked.error(f"--fault knows only {', '.join(Fault)}")
    try:
        catcher = Catcher(given.maildir, faults=faults, delay=given.delay)
        asyncio.run(serve(catcher, host=given.host, port=given.port))
    except OSError as error:
        print(f"The mail catcher cannot start: {error.strerror or error}.", file=sys.stderr)
        return 1
    return 0


def _fault(session: Session) -> Fault:
    """The fate of this connection; a client that says HELO, not EHLO, fares well."""
    return getattr(session, "fault", Fault.OK)


async def _hang_up(server: SMTP) -> None:
    """Cut the connection without a word. aiosmtpd then cancels the task that waits here."""
    if isinstance(server.transport, asyncio.WriteTransport):
        server.transport.abort()
    await asyncio.sleep(60)


def _stamped(session: Session, envelope: Envelope) -> bytes:
    """The message with what a server that delivers writes on top: who it was really from and to, and when."""
    content = envelope.original_content or b""
    top = [
        f"Return-Path: <{envelope.mail_from}>",
        *(f"Delivered-To: {address}" for address in envelope.rcpt_tos),
        f"Received: from {session.host_name} by portal-demo; {format_datetime(datetime.now(UTC))}",
    ]
    return "".join(f"{each}\n" for each in top).encode("ascii", "replace") + content.replace(b"\r\n", b"\n")


if __name__ == "__main__":
    sys.exit(main())
