"""The outbox as the awarding body reads it: which mails went out, which did not, and why."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select

from portal.access import scope
from portal.access.actor import Actor
from portal.grid import Action, Column, DateRange, Grid, OneOf, Text
from portal.grid.wording import N_
from portal.models.centres import Centre
from portal.models.mails import Mail
from portal.vocabulary import MailState

LETTERS = {
    "documents_waiting": N_("Documents wait for a learner"),
    "account_created": N_("Account created"),
    "invitation": N_("Invitation"),
    "email_confirmation": N_("Confirmation of an address"),
    "email_changed": N_("Address changed"),
    "password_reset": N_("Link for a new password"),
    "password_changed": N_("Password changed"),
    "problem_reported": N_("Problem reported"),
    "problem_answered": N_("Problem answered"),
    "second_step_set": N_("Second step switched on"),
    "second_step_removed": N_("Second step taken off"),
}


def _mails(actor: Actor, **_within: Any) -> Select[Any]:
    # The trail of one centre is its admin's to see, what goes out in everybody's mail is not.
    return scope.mails(actor).outerjoin(Centre, Centre.id == Mail.centre_id)


MAILS = Grid(
    name="mails",
    title=N_("Mails"),
    thing=N_("mail"),
    things=N_("mails"),
    key=Mail.id,
    select=_mails,
    default_sort="-written_on",
    cells="grids/issuer_mails.html",
    also={"failure": Mail.failure, "bounced_at": Mail.bounced_at},
    columns=[
        Column("to", N_("To"), Mail.recipient, sort=True, search=True, filter=Text()),
        Column("letter", N_("What"), Mail.letter, sort=True, filter=OneOf(LETTERS.items())),
        Column("centre", N_("Centre"), Centre.name, sort=True, search=True, filter=Text()),
        Column("state", N_("Status"), Mail.state, sort=True, filter=OneOf(MailState), cell="state", kind="status"),
        # Ids follow the moment of writing, and the key's own index gives this order.
        Column("written_on", N_("Written on"), Mail.created_at, sort=(Mail.id,), filter=DateRange(), kind="date"),
        Column("sent_on", N_("Sent on"), Mail.sent_at, sort=True, filter=DateRange(), kind="date"),
    ],
    actions=[
        Action(
            "arrived",
            N_("It arrived"),
            "check",
            "issuer.mail_arrived",
            {"mail_id": "id"},
            method="post",
            when=lambda row: row.state is MailState.UNKNOWN,
            confirm=N_("Say that this mail arrived? It is then counted as sent, and never sent again."),
        ),
        Action(
            "send",
            N_("Send again"),
            "retry",
            "issuer.send_mail_again",
            {"mail_id": "id"},
            method="post",
            when=lambda row: row.state is MailState.UNKNOWN,
            confirm=N_("Send this mail once more? If it did arrive, the reader gets it twice."),
        ),
    ],
    empty=N_("No mail has been written yet."),
)
