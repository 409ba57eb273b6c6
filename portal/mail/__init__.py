"""The mail engine: letters (what a mail says), messages (its bytes), transport (one SMTP session, one honest outcome).

It knows no tables and keeps no queue: the outbox belongs to the models and the tasks that call it.
"""

from portal.mail.letters import Letter, Letterhead
from portal.mail.message import build, message_id_for
from portal.mail.transport import Lookup, Outcome, OutcomeKind, SmtpSettings, send

__all__ = [
    "Letter",
    "Letterhead",
    "Lookup",
    "Outcome",
    "OutcomeKind",
    "SmtpSettings",
    "build",
    "message_id_for",
    "send",
]
