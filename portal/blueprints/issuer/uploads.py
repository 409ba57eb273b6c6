"""Publishing a batch: choosing a file, the preflight to look at, and the decision."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any, BinaryIO

from flask import current_app, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from portal import clock, green
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.blueprints.issuer.forms import Button, UploadForm
from portal.documents.storage import OutOfSpace, Store, Stored
from portal.errors import Invalid, WrongMove
from portal.events import outbox, rooms
from portal.intake import MAX_BYTES, OPTIONAL, REQUIRED, Remark, report_csv
from portal.queries import brands as brand_queries
from portal.queries.centres import list_choices
from portal.queries.issuer_home import list_recent_uploads
from portal.queries.uploads import SUFFIX, get_upload, store_root
from portal.services import uploads
from portal.services.uploads import StoredFile
from portal.vocabulary import UploadState
from portal.web.document_files import disposition
from portal.web.fields import add_error
from portal.web.guards import issuer

SHOWN = 200
"""Faults (and warnings) on the page; the rest are in the report to download."""

LONGEST_FILE_NAME = 200
DECIDED = (UploadState.PUBLISHING, UploadState.PUBLISHED)

COLUMNS = {
    "enrolment_number": "AMS and eleven digits. The spreadsheet column must be text, or its zeros are lost.",
    "first_name": "As registered, at most 100 characters.",
    "middle_name": "As registered.",
    "last_name": "As registered, at most 100 characters.",
    "date_of_birth": "2001-12-31 or 31/12/2001.",
    "email": "Where the learner can be notified.",
    "awarding_organisation": "The full name of one of this portal's brands.",
    "qualification_number": "As on the register: 603/1234/5 or 603/1234/X.",
    "qualification_title": "As on the register, letter for letter, at most 255 characters.",
    "level": "For example Level 2.",
    "grade": "For example Pass.",
    "awarded_on": "The date of issue: 2001-12-31 or 31/12/2001.",
    "expires_on": "Empty where the award does not expire.",
    "language": "Language of assessment; English when empty.",
    "documents": "certificate;transcript;letter – all three when empty.",
    "units": "code|title|level|credits|grade, units joined by semicolons.",
}
"""What each column of a batch file holds (CONTRACT.md, Batch file)."""

EXAMPLE = {
    "enrolment_number": "AMS00000000001",
    "first_name": "Ada",
    "middle_name": "",
    "last_name": "Example",
    "date_of_birth": "2001-12-31",
    "email": "ada.example@college.example",
    "qualification_number": "603/1234/5",
    "qualification_title": "Level 2 Certificate in an Example",
    "level": "Level 2",
    "grade": "Pass",
    "awarded_on": "",
    "expires_on": "",
    "language": "English",
    "documents": "certificate;transcript;letter",
    "units": "A/501/1234|First unit|Level 2|4|Pass;A/501/1235|Second unit|Level 2|6|Merit",
}


@bp.route("/issuer/jobs/new", methods=["GET", "POST"])
@issuer(Permission.JOBS_PUBLISH)
def new_job(actor: Actor) -> Any:
    """Choose a centre and a batch file; its preflight follows."""
    form = UploadForm(list_choices(actor=actor))
    status = 200
    if form.is_submitted():
        status = 422
        if form.validate():
            try:
                stored = _keep(form.file.data)
                upload_id = uploads.receive(stored, centre_id=form.centre.data, actor=actor)
            except Invalid as error:
                add_error(form, error)
            except OutOfSpace:
                status = 503
                form.file.errors = [_("There is no space left to keep the file. Nothing was published. Try later.")]
            else:
                return redirect(url_for(".upload", upload_id=upload_id))
    page = render_template(
        "issuer/new_job.html",
        form=form,
        recent=list_recent_uploads(actor=actor),
        columns=[(name, name in REQUIRED, _(COLUMNS[name])) for name in _in_order()],
    )
    return page, status


@bp.get("/issuer/jobs/example.csv")
@issuer(Permission.JOBS_PUBLISH)
def example(actor: Actor) -> Response:
    """A batch file of one invented row, to begin with."""
    brand = brand_queries.find_default()
    row = EXAMPLE | {
        "awarding_organisation": brand.name if brand else "",
        "awarded_on": clock.today().isoformat(),
    }
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, _in_order())
    writer.writeheader()
    writer.writerow(row)
    return _file(text.getvalue().encode("utf-8-sig"), "batch-example.csv")


@bp.get("/issuer/uploads/<int:upload_id>")
@issuer(Permission.JOBS_PUBLISH)
def upload(actor: Actor, upload_id: int) -> str:
    """Show how far a batch file is: being checked, its faults and warnings, being published, the job."""
    return _page(actor, upload_id, Button())


@bp.get("/issuer/uploads/<int:upload_id>/figures")
@issuer(Permission.JOBS_PUBLISH)
def upload_figures(actor: Actor, upload_id: int) -> Response:
    """How many rows were read, for the open page."""
    return jsonify(rows=get_upload(upload_id, actor=actor).rows)


@bp.post("/issuer/uploads/<int:upload_id>/publish")
@issuer(Permission.JOBS_PUBLISH)
def publish(actor: Actor, upload_id: int) -> Any:
    """Publish a checked file, or its good rows; pressing twice publishes once."""
    found = get_upload(upload_id, actor=actor)
    form = Button()
    seen = request.form.get("seen", "")
    try:
        if seen != _seen(found) and found.state is UploadState.CHECKED:
            raise Invalid(_("The file was checked again since you looked at it. Look once more before you publish."))
        uploads.request_publish(upload_id, only_good_rows="only_good_rows" in request.form, actor=actor)
    except WrongMove as error:
        if get_upload(upload_id, actor=actor).state not in DECIDED:
            add_error(form, error)
            return _page(actor, upload_id, form), 409
    except Invalid as error:
        add_error(form, error)
        return _page(actor, upload_id, form), 422
    return redirect(url_for(".upload", upload_id=upload_id))


@bp.get("/issuer/uploads/<int:upload_id>/report.csv")
@issuer(Permission.JOBS_PUBLISH)
def report(actor: Actor, upload_id: int) -> Response:
    """Every fault and warning as a file to work through."""
    found = get_upload(upload_id, actor=actor)
    told = _Told(found.rows, _remarks(found.faults), _remarks(found.warnings))
    for kept, count, things in (
        (told.faults, found.fault_count, _("faults")),
        (told.warnings, found.warning_count, _("warnings")),
    ):
        if count > len(kept):
            kept.append(
                Remark(
                    0,
                    "",
                    _(
                        "The file has %(count)s %(things)s; the first %(kept)s are listed here.",
                        count=f"{count:,}",
                        things=things,
                        kept=f"{len(kept):,}",
                    ),
                )
            )
    name = f"{PurePath(found.file_name).stem or 'batch'} - preflight.csv"
    return _file(b"".join(report_csv(told)), name)


class _TooLarge(Invalid):
    """A file beyond what a batch may be."""


@dataclass(frozen=True, slots=True)
class _Told:
    """The kept part of a report, as ``report_csv`` hands it out."""

    rows: int
    faults: list[Remark]
    warnings: list[Remark]


def _page(actor: Actor, upload_id: int, form: Button) -> str:
    room = rooms.upload(upload_id)
    seq = outbox.seq_of([room])[room]
    found = get_upload(upload_id, actor=actor)
    return render_template(
        "issuer/upload.html",
        form=form,
        upload=found,
        seen=_seen(found),
        left_out=max(0, found.rows - found.good_rows),
        faults=_remarks(found.faults[:SHOWN]),
        warnings=_remarks(found.warnings[:SHOWN]),
        shown=SHOWN,
        room=room,
        seq=seq,
    )


def _seen(upload: Any) -> str:
    """What somebody decides upon, in short: it changes when another check finds something else."""
    return f"{upload.rows}/{upload.good_rows}/{upload.fault_count}"


def _keep(given: FileStorage) -> StoredFile:
    name = _plain_name(given.filename or "")
    stored = green.run_blocking(_store, given.stream, Store(store_root(current_app.config["PORTAL_DATA"])))
    if stored is None:
        raise Invalid(_("The file is empty. Choose a CSV file with a header and at least one row."), field="file")
    return StoredFile(name=name, sha256=stored.sha256, size=stored.size)


def _store(stream: BinaryIO, store: Store) -> Stored | None:
    """Keep what was sent, off the event loop; nothing for an empty file. Raises for more than 20 MB."""
    data = stream.read(MAX_BYTES + 1)
    if len(data) > MAX_BYTES:
        raise _TooLarge("The file is larger than 20 MB. Split it into smaller files.", field="file")
    return store.put(data, SUFFIX) if data else None


def _plain_name(name: str) -> str:
    """The name alone, without folders or what cannot be seen."""
    last = name.replace("\\", "/").rsplit("/", 1)[-1]
    shown = "".join(character for character in last if character.isprintable()).strip()
    return shown[-LONGEST_FILE_NAME:] or "batch.csv"


def _remarks(kept: list[Any]) -> list[Remark]:
    return [Remark(record, column, message) for record, column, message in kept]


def _in_order() -> list[str]:
    """The columns in the order in which people fill them in."""
    return [name for name in COLUMNS if name in REQUIRED or name in OPTIONAL]


def _file(data: bytes, name: str) -> Response:
    response = Response(data, mimetype="text/csv")
    response.headers["Content-Disposition"] = disposition(name, attachment=True)
    return response
