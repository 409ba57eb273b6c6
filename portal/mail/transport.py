"""One SMTP session for one message, and an honest word about how it ended. Keeps no queue and never tries again.

The one moment that matters is the DATA command. Before it nothing can have arrived, so failing is safe to repeat.
After the text has begun to flow, only the server's own answer tells; without it the outcome is ``unknown``.
"""

import smtplib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum

from portal.mail import wording

Lookup = Callable[[str], bool | None]
"""Asks the mail server's side for a Message-ID: True it was taken, False it was not, None nobody can say.

Ask no sooner than ``SmtpSettings.limit`` seconds after an ``unknown``: a slow server may still be storing.
"""

IMPLICIT_TLS_PORT = 465

# Answers that speak of our own set-up (sign-in or encryption wanted), not of this letter: RFC 4954 §6, RFC 3207 §4.
SETUP_CODES = frozenset({530, 534, 535, 538})


class OutcomeKind(StrEnum):
    """How a session ended, seen from the letter."""

    SENT = "sent"
    RETRY = "retry"
    REJECTED = "rejected"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Outcome:
    """``reason`` is a sentence for a person; ``code`` the server's deciding answer, if there was one.

    ``sent`` the server has taken it; ``retry`` it has not, and may later; ``rejected`` it has not and will not;
    ``unknown`` it may have: look it up or ask a person, never send it blindly again.
    """

    kind: OutcomeKind
    reason: str
    code: int | None = None


@dataclass(frozen=True)
class SmtpSettings:
    """Where and how to send. Times are in seconds.

    ``timeout`` bounds each wait, ``answer_timeout`` the wait for the last answer (servers scan before they answer; RFC
    5321 §4.5.3.2.6 would wait ten minutes), ``limit`` the whole session: a claim on an outbox row should outlive it.
    ``use_tls`` means STARTTLS, and TLS from the first byte on port 465. ``sender``: ``address`` or ``Name <address>``.
    """

    host: str
    port: int
    username: str = ""
    password: str = field(default="", repr=False)
    use_tls: bool = False
    sender: str = "portal@localhost"
    timeout: float = 20
    answer_timeout: float = 60
    limit: float = 90
    tls_context: ssl.SSLContext | None = field(default=None, repr=False, compare=False)

    @property
    def place(self) -> str:
        """The server as a person names it."""
        return f"{self.host}:{self.port}"


def send(
    settings: SmtpSettings,
    message: bytes,
    *,
    recipient: str,
    before_data: Callable[[], None],
    after_data: Callable[[], None] = lambda: None,
) -> Outcome:
    """Send ``message`` to one recipient and say how it ended; failures of the network or the server never raise.

    ``before_data`` is called once, when the server has accepted sender and recipient, directly before DATA: commit the
    mark there, and take it back with any outcome but ``unknown``. If it raises, the session ends without DATA and the
    exception goes on to the caller. ``after_data`` is called when the letter is out and the answer is not yet in:
    there a test dies.
    ``message`` comes from ``message.build``. Raises ``Invalid`` for a recipient that is no address.
    """
    recipient = wording.address(recipient)
    sender = wording.mailbox(settings.sender).addr_spec
    try:
        with _session(settings, sender) as smtp:
            _sign_in(smtp, settings)
            _address_it(smtp, sender, recipient, len(message))
            before_data()
            _open_data(smtp)
            return _give(smtp, settings, message, after_data)
    except _Ended as ended:
        return ended.outcome


class _Ended(Exception):
    """The session cannot go on; this is its outcome. It never leaves this module."""

    def __init__(self, outcome: Outcome) -> None:
        super().__init__(outcome.reason)
        self.outcome = outcome


@contextmanager
def _session(settings: SmtpSettings, sender: str) -> Iterator[smtplib.SMTP]:
    """Connect, and see to it that the session ends within ``limit`` whatever the server does or leaves undone."""
    hello = sender.rpartition("@")[2]
    smtp: smtplib.SMTP
    if settings.use_tls and settings.port == IMPLICIT_TLS_PORT:
        smtp = smtplib.SMTP_SSL(local_hostname=hello, timeout=settings.timeout, context=_tls(settings))
    else:
        smtp = smtplib.SMTP(local_hostname=hello, timeout=settings.timeout)
    # smtplib checks a certificate against this name, but sets it only where it connects in its constructor; there a
    # server that drips its greeting could not be cut off.
    smtp._host = settings.host  # type: ignore[attr-defined]
    watch = threading.Timer(settings.limit, _cut, (smtp,))
    watch.daemon = True
    watch.start()
    try:
        with _step(f"The mail server {settings.place} cannot be reached"):
            code, words = smtp.connect(settings.host, settings.port)
        if code != 220:
            raise _Ended(_retry(f"The mail server {settings.place} does not take mail now", code, words))
        yield smtp
    finally:
        watch.cancel()
        _leave(smtp)


def _sign_in(smtp: smtplib.SMTP, settings: SmtpSettings) -> None:
    """Greet, encrypt, authenticate. No answer here speaks of the letter, so all failures may be tried again."""
    with _step("The mail server broke off during the greeting"):
        smtp.ehlo_or_helo_if_needed()
        if settings.use_tls and settings.port != IMPLICIT_TLS_PORT:
            try:
                smtp.starttls(context=_tls(settings))
            except smtplib.SMTPNotSupportedError:
                raise _Ended(
                    _retry("The mail server offers no encryption (STARTTLS), and we send only with it")
                ) from None
            smtp.ehlo_or_helo_if_needed()
    if not settings.username:
        return
    with _step("The mail server broke off during our sign-in"):
        try:
            smtp.login(settings.username, settings.password)
        except smtplib.SMTPNotSupportedError:
            raise _Ended(_retry("The mail server offers no sign-in, but a user name for it is set")) from None
        except smtplib.SMTPAuthenticationError as error:
            # The server's words may repeat what we sent, so they are not passed on.
            raise _Ended(_retry("The mail server refused our sign-in", error.smtp_code)) from None


def _address_it(smtp: smtplib.SMTP, sender: str, recipient: str, size: int) -> None:
    """MAIL and RCPT. A 5xx here is about this letter and final."""
    with _step("The mail server broke off before the letter was handed over"):
        options = [f"size={size}"] if smtp.has_extn("size") else []
        _expect_ok(smtp.mail(sender, options), "The mail server refused our sender address")
        _expect_ok(smtp.rcpt(recipient), "The mail server refused the address")


def _open_data(smtp: smtplib.SMTP) -> None:
    """Send DATA and wait to be let in. Not a byte of the letter has gone yet, so a loss here is no riddle."""
    with _step("The mail server broke off before the letter was handed over"):
        code, words = smtp.docmd("DATA")
    if code != 354:
        raise _Ended(_refusal("The mail server did not want the letter", code, words))


def _give(smtp: smtplib.SMTP, settings: SmtpSettings, message: bytes, after_data: Callable[[], None]) -> Outcome:
    """Hand the letter over and hear the answer; from here on silence means ``unknown``."""
    connection = smtp.sock
    if connection is None:
        return _riddle("connection closed")
    whole = True
    try:
        connection.settimeout(settings.timeout)
        try:
            connection.sendall(_dotted(message))
        except ConnectionError:
            # A server that has read enough may answer and hang up in the middle: that answer still counts.
            whole = False
        after_data()
        connection.settimeout(settings.answer_timeout)
        code, words = smtp.getreply()
    except (OSError, smtplib.SMTPException) as error:
        smtp.close()
        return _riddle(_cause(error))
    if 200 <= code < 300 and whole:
        return Outcome(OutcomeKind.SENT, _sentence("The mail server took the letter", code, words), code)
    if 400 <= code < 600:
        return _refusal("The mail server did not take the letter", code, words)
    return _riddle("an answer that cannot be understood")


def _riddle(cause: str) -> Outcome:
    return Outcome(
        OutcomeKind.UNKNOWN,
        f"No answer came after the letter was handed over ({cause}); the mail server may or may not have taken it.",
    )


@contextmanager
def _step(failing: str) -> Iterator[None]:
    """Turn whatever a step before the letter can die of into ``retry``: nothing has been handed over."""
    try:
        yield
    except ssl.SSLCertVerificationError as error:
        raise _Ended(_retry(f"The mail server's certificate is not trusted ({error.verify_message})")) from None
    except (OSError, UnicodeError, smtplib.SMTPException) as error:
        raise _Ended(_retry(f"{failing} ({_cause(error)})")) from None


def _expect_ok(answer: tuple[int, bytes], failing: str) -> None:
    code, words = answer
    if not 200 <= code < 300:
        raise _Ended(_refusal(failing, code, words))


def _refusal(failing: str, code: int, words: bytes) -> Outcome:
    """A definite no: for ever if 5xx about the letter, for now otherwise."""
    if 500 <= code < 600 and code not in SETUP_CODES:
        return Outcome(OutcomeKind.REJECTED, _sentence(failing, code, words), code)
    return _retry(failing, code, words)


def _retry(failing: str, code: int | None = None, words: bytes = b"") -> Outcome:
    return Outcome(OutcomeKind.RETRY, _sentence(failing, code, words), code)


def _sentence(start: str, code: int | None, words: bytes) -> str:
    said = wording.line(words.decode("utf-8", "replace"), limit=200).rstrip(".")
    answer = " ".join(part for part in (str(code) if code and code > 0 else "", said) if part)
    return f"{start}: {answer}." if answer else f"{start}."


def _cause(error: Exception) -> str:
    """The reason in three words; the error's own text is for programmers and may hold what was sent."""
    if isinstance(error, smtplib.SMTPResponseException):
        return f"it answered {error.smtp_code}"
    known: tuple[tuple[type[Exception], str], ...] = (
        (socket.gaierror, "its name is not known"),
        (UnicodeError, "its name is not known"),
        (TimeoutError, "no answer in time"),
        (ConnectionRefusedError, "connection refused"),
        (ssl.SSLError, "encryption failed"),
        (smtplib.SMTPServerDisconnected, "connection closed"),
        (ConnectionError, "connection closed"),
        (smtplib.SMTPException, "an answer that cannot be understood"),
    )
    # smtplib wraps a time-out of the socket into "disconnected"; the difference matters to whoever mends it.
    if isinstance(error.__context__, TimeoutError):
        error = error.__context__
    return next((words for kind, words in known if isinstance(error, kind)), "network failure")


def _dotted(message: bytes) -> bytes:
    """Double the leading dots and end with the lone one (RFC 5321 §4.5.2)."""
    lines = message.replace(b"\r\n", b"\n").replace(b"\r", b"\n").removesuffix(b"\n").split(b"\n")
    return b"".join(b"." + each + b"\r\n" if each.startswith(b".") else each + b"\r\n" for each in lines) + b".\r\n"


def _leave(smtp: smtplib.SMTP) -> None:
    """Say goodbye if there is still somebody to say it to. What QUIT comes to changes no outcome."""
    if smtp.sock is not None:
        with suppress(OSError, smtplib.SMTPException):
            smtp.sock.settimeout(2)
            smtp.quit()
    smtp.close()


def _cut(smtp: smtplib.SMTP) -> None:
    """End a session that takes too long. Shutting the socket wakes the thread that waits on it."""
    connection = smtp.sock
    if connection is not None:
        with suppress(OSError):
            connection.shutdown(socket.SHUT_RDWR)


def _tls(settings: SmtpSettings) -> ssl.SSLContext:
    return settings.tls_context or ssl.create_default_context()
