"""``flask jobs``: publish a batch file, or only check it."""

from __future__ import annotations

import json
from pathlib import Path

import click
from flask import current_app
from flask.cli import AppGroup

from portal import clock
from portal.access.actor import SYSTEM
from portal.documents.coverage import unsupported_characters
from portal.errors import PortalError
from portal.intake import MAX_BYTES, preflight, report_json
from portal.queries.centres import get_by_number
from portal.queries.held import HeldOnFile
from portal.services import jobs

group = AppGroup("jobs", help="Batches of documents for a centre.")

FILE = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
CENTRE = click.option("--centre", "number", required=True, help="The centre's number.")


@group.command("preflight")
@FILE
@CENTRE
def preflight_file(file: Path, number: str) -> None:
    """Check FILE and print what is wrong with it as JSON; exit 1 when there are faults."""
    with file.open("rb") as stream:
        report = preflight(stream, HeldOnFile(_centre(number)), today=clock.today(), unsupported=unsupported_characters)
    click.echo(json.dumps(report_json(report), ensure_ascii=False))
    raise SystemExit(1 if report.faults else 0)


@group.command("publish")
@FILE
@CENTRE
@click.option("--good-rows", is_flag=True, help="Publish the good rows of a file that has faults.")
def publish(file: Path, number: str, good_rows: bool) -> None:
    """Publish FILE to a centre; print one line of JSON as soon as the job is committed."""
    if file.stat().st_size > MAX_BYTES:
        raise click.ClickException("The file is larger than 20 MB.")
    centre_id = _centre(number)
    with file.open("rb") as stream:
        report = preflight(stream, HeldOnFile(centre_id), today=clock.today(), unsupported=unsupported_characters)
        if report.faults and not good_rows:
            click.echo(json.dumps(report_json(report), ensure_ascii=False), err=True)
            raise click.ClickException(
                f"The file has {len(report.faults):,} fault{'' if len(report.faults) == 1 else 's'}; nothing was "
                "published. Mend them, or publish only the good rows with --good-rows."
            )
        try:
            published = jobs.publish(report.good(), centre_id=centre_id, file_name=file.name, actor=SYSTEM)
        except PortalError as error:
            raise click.ClickException(error.message) from error
    url = f"{current_app.config['PUBLIC_URL']}/issuer/jobs/{published.job_id}"
    click.echo(json.dumps({"job": str(published.job_id), "url": url, "documents": published.documents}))


def _centre(number: str) -> int:
    try:
        return get_by_number(number, actor=SYSTEM).id
    except PortalError:
        raise click.ClickException(f"There is no centre {number}.") from None
