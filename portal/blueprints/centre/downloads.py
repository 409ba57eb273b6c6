"""Downloads: asking for an export, the list of them, and handing their zips over."""

from __future__ import annotations

import secrets
from functools import partial
from typing import TYPE_CHECKING, Any

from flask import current_app, flash, jsonify, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_babel import ngettext
from flask_wtf import FlaskForm
from markupsafe import Markup
from werkzeug.wrappers import Response
from wtforms import HiddenField, StringField

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.centre import bp
from portal.errors import Expired, Invalid, Throttled, WrongMove
from portal.events import outbox, rooms
from portal.grid import Grid, Selection
from portal.queries.downloads import DOWNLOADS, get_download, list_left_out, shelf_of, what_to_export
from portal.queries.jobs import JOB_DOCUMENTS, get_job
from portal.queries.records import RECORDS
from portal.services import downloads
from portal.vocabulary import DownloadState
from portal.web import download_files, grids
from portal.web.fields import add_error
from portal.web.guards import centre

if TYPE_CHECKING:
    from portal.models.downloads import Download


class ExportForm(FlaskForm):
    """What an export is to be called; what a name may be is the service's rule."""

    name = StringField(_l("File name"))
    key = HiddenField()


# ── Asking ───────────────────────────────────────────────────────────────────────────────────────────────────────


@bp.get("/centre/records/export")
@centre(Permission.RECORDS_EXPORT)
def choose_records(actor: Actor) -> Response:
    """Somebody came back to the page of a selection that is no more: the list is where it begins."""
    return redirect(url_for(".records"))


@bp.post("/centre/records/export")
@centre(Permission.RECORDS_EXPORT)
def export_records(actor: Actor) -> Any:
    """Say what the selected records hold, ask for a name, and have them packed."""
    return _export(RECORDS, actor, back=url_for(".records"), action=url_for(".export_records"))


@bp.get("/centre/jobs/<int:job_id>/export")
@centre(Permission.RECORDS_EXPORT)
def choose_job_documents(actor: Actor, job_id: int) -> Response:
    """Somebody came back to the page of a selection that is no more: the job is where it begins."""
    return redirect(url_for(".job", job_id=get_job(job_id, actor=actor).id))


@bp.post("/centre/jobs/<int:job_id>/export")
@centre(Permission.RECORDS_EXPORT)
def export_job_documents(actor: Actor, job_id: int) -> Any:
    """Say what the selected documents of a job are, ask for a name, and have them packed."""
    job = get_job(job_id, actor=actor)
    back, action = url_for(".job", job_id=job.id), url_for(".export_job_documents", job_id=job.id)
    return _export(JOB_DOCUMENTS, actor, back=back, action=action, of=job.reference, job_id=job.id)


def _export(grid: Grid, actor: Actor, *, back: str, action: str, of: str = "", **within: Any) -> Any:
    decided = "decided" in request.form
    form = ExportForm() if decided else ExportForm(formdata=None)
    selection = asked = None
    code, headers, refusal = (422 if decided else 200), {}, ""
    try:
        selection = grids.selection(grid)
        if decided:
            shown = request.form.get("shown", default=0, type=int)
            downloads.request(
                grid,
                selection,
                within=within,
                name=form.name.data or "",
                key=form.key.data or "",
                description=_in_words(grid, selection, shown, actor, of=of, **within),
                days=current_app.config["DOWNLOAD_DAYS"],
                shown=shown,
                actor=actor,
            )
            flash(_will_be_there(" ".join((form.name.data or "").split())), "success")
            return redirect(back)
    except Throttled as error:
        code, headers = 429, {"Retry-After": str(error.retry_after)}
        add_error(form, error)
    except (Invalid, WrongMove) as error:
        code = 409 if isinstance(error, WrongMove) else 422
        add_error(form, error)
    try:
        if selection is not None:
            asked = what_to_export(grid, selection, actor=actor, most=downloads.most_of(grid), **within)
        else:
            refusal = " ".join(form.form_errors)
    except Invalid as error:
        code, refusal = 422, error.message
    form.key.data = form.key.data or secrets.token_urlsafe(24)
    page = render_template(
        "centre/download_new.html",
        form=form,
        asked=asked,
        selection=selection,
        words=_in_words(grid, selection, asked.rows, actor, of=of, **within) if selection and asked else "",
        refusal=refusal,
        back=back,
        action=action,
    )
    return page, code, headers


def _in_words(grid: Grid, selection: Selection, rows: int, actor: Actor, *, of: str, **within: Any) -> str:
    """What was chosen, as people say it: ``All 268 records that match: Search: duck``."""
    things = f"{rows:,} {grids.say(grid.thing if rows == 1 else grid.things)}"
    if not selection.is_all:
        said = _("%(things)s, ticked", things=things)
    else:
        view = grids.GridView(grid, actor, within, frozenset())
        view.question = selection.question
        narrowed = "; ".join(f"{label}: {value}" for label, value, _url in view.asked)
        said = _("All %(things)s that match: %(what)s", things=things, what=narrowed) if narrowed else ""
        said = said or _("All %(things)s", things=things)
        if selection.but:
            said += " " + ngettext("but %(num)s", "but %(num)s", len(selection.but))
    return _("%(chosen)s (job %(job)s)", chosen=said, job=of) if of else said


def _will_be_there(name: str) -> Markup:
    said = _("“%(name)s” will be in Downloads in a moment.", name=name)
    return Markup('{} <a href="{}">{}</a>').format(said, url_for(".downloads"), _("Show"))


# ── The list ─────────────────────────────────────────────────────────────────────────────────────────────────────


@bp.get("/centre/downloads", endpoint="downloads")
@centre(Permission.RECORDS_EXPORT)
def list_downloads(actor: Actor) -> Response:
    """List the exports of the centre, with their progress."""
    return grids.answer(DOWNLOADS, actor, template="centre/downloads.html", days=current_app.config["DOWNLOAD_DAYS"])


@bp.get("/centre/downloads/<int:download_id>")
@centre(Permission.RECORDS_EXPORT)
def download(actor: Actor, download_id: int) -> str:
    """Show an export: what it holds, what was left out and why, and whether it arrived."""
    room = rooms.centre_downloads(actor.centre_id or 0)
    seq = outbox.seq_of([room])[room]
    found = get_download(download_id, actor=actor)
    return render_template("centre/download.html", download=found, left_out=list_left_out(found), room=room, seq=seq)


@bp.get("/centre/downloads/<int:download_id>/toast")
@centre(Permission.RECORDS_EXPORT)
def download_toast(actor: Actor, download_id: int) -> Response:
    """What to say about an export to whoever asked for it; no message while it is still made."""
    found = get_download(download_id, actor=actor)
    said = {"message": "", "tone": "info", "href": url_for(".downloads"), "label": _("Show")}
    if found.state is DownloadState.COMPLETED:
        said |= {"message": _("“%(name)s” is ready in Downloads.", name=found.name), "tone": "good"}
    elif found.state is DownloadState.FAILED:
        said |= {"message": _("“%(name)s” could not be made. Downloads says why.", name=found.name), "tone": "bad"}
    return jsonify(said)


@bp.post("/centre/downloads/<int:download_id>/remove")
@centre(Permission.RECORDS_EXPORT)
def remove_download(actor: Actor, download_id: int) -> Response:
    """Take an export off the list and delete its file."""
    file = downloads.remove(download_id, actor=actor)
    shelf_of(current_app.config["PORTAL_DATA"]).forget(file)
    flash(_("The download is removed, and its file is deleted."), "success")
    return redirect(url_for(".downloads"))


@bp.post("/centre/downloads/<int:download_id>/again")
@centre(Permission.RECORDS_EXPORT)
def repeat_download(actor: Actor, download_id: int) -> Response:
    """Have a failed export made again."""
    found = get_download(download_id, actor=actor)
    downloads.again(found.id, days=current_app.config["DOWNLOAD_DAYS"], actor=actor)
    flash(_("“%(name)s” is made again.", name=found.name), "success")
    return redirect(url_for(".downloads"))


# ── The file ─────────────────────────────────────────────────────────────────────────────────────────────────────


@bp.get("/centre/downloads/<int:download_id>/file")
@centre(Permission.RECORDS_EXPORT)
def download_file(actor: Actor, download_id: int) -> Any:
    """Hand the zip over; what stands in the way is said on a page, and a broken zip never leaves."""
    found = get_download(download_id, actor=actor)
    try:
        downloads.require_ready(found)
        return _hand_over(found, actor)
    except download_files.Gone:
        code, why = _what_became_of(found, actor)
    except download_files.Unreadable:
        code, why = 503, downloads.NOT_NOW
    except (WrongMove, Expired) as error:
        code, why = _code_of(error), error.message
    headers = {"Retry-After": "5"} if code == 503 else {}
    return render_template("centre/download_gone.html", download=found, why=why), code, headers


def _hand_over(found: Download, actor: Actor) -> Response:
    path = shelf_of(current_app.config["PORTAL_DATA"]).path(found.file)
    if not download_files.is_sound(path, size=found.size, sha256=found.sha256):
        raise download_files.Gone
    return download_files.answer(
        path,
        size=found.size,
        sha256=found.sha256,
        name=found.name,
        begun=partial(downloads.begin_handing, found.id, actor=actor),
        beat=partial(downloads.beat_handing, found.id),
        ended=_ended(found.id, found.sha256, actor),
    )


def _what_became_of(found: Download, actor: Actor) -> tuple[int, str]:
    """The code and the sentence for a file that is not there: it expired or was removed just now, or it is lost."""
    if downloads.lost(found.id, sha256=found.sha256):
        return 409, downloads.LOST
    try:
        downloads.require_ready(get_download(found.id, actor=actor))
    except (WrongMove, Expired) as error:
        return _code_of(error), error.message
    # It was made again in the meantime.
    return 503, downloads.NOT_NOW


def _code_of(error: WrongMove | Expired) -> int:
    return 410 if isinstance(error, Expired) else 409


def _ended(download_id: int, sha256: str, actor: Actor) -> download_files.End:
    def say(start: int, sent: int, promised: int) -> None:
        downloads.end_handing(download_id, start=start, sent=sent, promised=promised, sha256=sha256, actor=actor)

    return say
