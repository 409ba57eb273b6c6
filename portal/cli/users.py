"""``flask users``: make the first account of the awarding body."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import AppGroup

from portal.access.actor import SYSTEM
from portal.errors import PortalError
from portal.services import tokens, users
from portal.vocabulary import TokenPurpose

group = AppGroup("users", help="Accounts.")


@group.command("create-issuer")
@click.argument("email")
@click.option("--first-name", default="", help="Otherwise taken from the address.")
@click.option("--last-name", default="", help="Otherwise taken from the address.")
@click.option(
    "--password",
    default="",
    prompt=True,
    prompt_required=False,
    hide_input=True,
    confirmation_prompt=True,
    help="A first password, asked for when none is written; at the first login another has to be chosen.",
)
def create_issuer(email: str, first_name: str, last_name: str, password: str) -> None:
    """Make an account for staff of the awarding body; without a password, print a link to choose one."""
    parts = email.partition("@")[0].replace(".", " ").replace("_", " ").title().split() or ["Issuer"]
    person = users.Person(email, first_name or parts[0], last_name or " ".join(parts[1:]) or "Issuer")
    try:
        created = users.create_issuer(person, password=password, tell=False, actor=SYSTEM)
    except PortalError as error:
        raise click.ClickException(error.message) from error
    config = current_app.config
    click.echo(f"The account {email.strip().lower()} is made. Sign in at {config['PUBLIC_URL']}/issuer/login.")
    if created.invitation_id is not None:
        token = tokens.text_of(created.invitation_id, config["SECRET_KEY"])
        path = tokens.PATHS[TokenPurpose.INVITE]
        click.echo(f"Choose the password here, once, within 7 days: {config['PUBLIC_URL']}{path}/{token}")
