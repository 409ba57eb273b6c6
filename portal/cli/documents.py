"""``flask documents``: cancel one, or ask what one is worth."""

from __future__ import annotations

import json

import click
from flask.cli import AppGroup

from portal.access.actor import SYSTEM
from portal.errors import PortalError
from portal.queries import verification
from portal.queries.documents import get_by_reference
from portal.services import documents
from portal.vocabulary import VerifyStatus

group = AppGroup("documents", help="Single documents, by reference number.")


@group.command("cancel")
@click.argument("reference")
@click.option("--reason", required=True, help="Why; everyone who checks the document reads it.")
def cancel(reference: str, reason: str) -> None:
    """Cancel the document with this REFERENCE."""
    try:
        document = get_by_reference(reference, actor=SYSTEM)
        changed = documents.cancel([document.id], reason=reason, actor=SYSTEM)
    except PortalError as error:
        raise click.ClickException(error.message or "There is no document with this reference.") from error
    click.echo("The document is cancelled." if changed else "The document was cancelled already.")


@group.command("status")
@click.argument("reference")
def status(reference: str) -> None:
    """Print what the document with this REFERENCE is worth now, as JSON; exit 1 when it is unknown."""
    answer = verification.check(reference)
    click.echo(json.dumps(answer.as_json(), ensure_ascii=False))
    raise SystemExit(1 if answer.status is VerifyStatus.UNKNOWN else 0)
