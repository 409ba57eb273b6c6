"""Pages of the gallery: the components, the frames, a dialog that is also a page."""

from types import SimpleNamespace as Made
from typing import Any

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, url_for
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.blueprints.gallery.forms import NoticeForm, SampleForm
from portal.web.guards import public

bp = Blueprint("gallery", __name__, url_prefix="/gallery")

STATUSES = (
    "Valid", "Expired", "Cancelled", "Replaced", "Unknown", "Unavailable", "Pending", "Processing", "Completed",
    "Failed", "Active", "Locked", "Inactive", "queued", "sent", "bounced", "registered", "viewed", "Placed", "Accepted",
    "Printed", "Dispatched", "Open", "Answered", "Closed", "Stopped", "Something new",
)  # fmt: skip

MENUS = {
    "centre": ("dashboard jobs records downloads store orders users validate",
               "Dashboard, Jobs Issued, Records, Downloads, Store, Orders, Users, Validate"),
    "issuer": ("dashboard jobs documents centres brands users orders problems audit",
               "Dashboard, Jobs, Documents, Centres, Brands, Users, Orders, Problems, Audit trail"),
    "learner": ("dashboard documents store orders connections", "Dashboard, Documents, Store, Orders, Connections"),
    "public": ("", ""),
    "door": ("", ""),
}  # fmt: skip


@bp.get("")
@public
def components(actor: Actor) -> str:
    """Show every component in every state."""
    empty = SampleForm(formdata=None)
    wrong = SampleForm(formdata=None, prefix="wrong-", meta={"csrf": False})
    wrong.validate()
    return render_template(
        "gallery/components.html", statuses=STATUSES, form=empty, wrong=wrong, documents=_documents(), frames=MENUS
    )


@bp.get("/frames/<name>")
@public
def frames(actor: Actor, name: str) -> str:
    """Show the frame of a door around a sample page."""
    if name not in MENUS:
        abort(404)
    form = NoticeForm(formdata=None)
    template = "gallery/door.html" if name == "door" else "gallery/frame.html"
    return render_template(template, name=name, frame=_frame(name), form=form)


@bp.get("/figures")
@public
def figures(actor: Actor) -> Response:
    """The figures of the gallery's summary bar."""
    return jsonify(requested=268, pending=20, failed=1, completed=247)


@bp.route("/notify", methods=["GET", "POST"])
@public
def notify(actor: Actor) -> str | Response:
    """A page that the gallery also opens in its dialog."""
    form = NoticeForm()
    if form.validate_on_submit():
        flash("Saved. Nobody was notified: this is the gallery.", "success")
        return redirect(url_for(".components"))
    return render_template("gallery/notify.html", form=form)


@bp.get("/preview")
@public
def preview(actor: Actor) -> str:
    """The Document Viewer as a page, and in the dialog."""
    return render_template("gallery/preview.html", documents=_documents())


@bp.get("/error/<int:code>")
@public
def error(actor: Actor, code: int) -> str:
    """Raise an error, to see its page."""
    abort(code if 400 <= code < 600 else 404)


def _frame(name: str) -> Made:
    icons, labels = MENUS[name]
    items = zip(icons.split(), labels.split(", "), strict=True) if icons else ()
    menu = [Made(label=label, url=f"#{icon}", icon=icon, current=at == 1) for at, (icon, label) in enumerate(items)]
    known = name in ("centre", "issuer", "learner")
    return Made(
        door=name,
        portal_name={"issuer": "Issuer Portal", "learner": "Learner Portal", "public": "Smart Verify"}.get(
            name, "Centre Portal"
        ),
        brand=Made(
            name="Skills and Education Group Awards", slug="seg", logo="seg.svg", contact_email="support@awards.example"
        ),
        user=Made(first_name="Michael", full_name="Michael White", initials="MW") if known else None,
        centre=Made(name="Riverside College", number="10042") if name == "centre" else None,
        menu=menu,
        footer=[
            Made(label=label, url="#") for label in ("Help", "Contact", "Privacy notice", "Accessibility statement")
        ],
        basket_count=2,
        basket_url="#basket" if name in ("centre", "learner") else None,
        profile_url="#profile",
        logout_url="#logout",
    )


def _documents() -> list[dict[str, Any]]:
    def pages(*names: str) -> list[dict[str, Any]]:
        return [
            {"src": url_for("static", filename=f"img/sample/{name}.svg"), "width": 840, "height": 1188}
            for name in names
        ]

    digital, printed = "Digital certificate", "Print view — logo and border are part of the paper"

    def document(
        kind: str, label: str, form: str, state: str, *names: str, download: str | None = None
    ) -> dict[str, Any]:
        return {
            "kind": kind,
            "label": label,
            "pages": pages(*names),
            "download_url": download,
            "form_label": form,
            "state": state,
        }

    return [
        document("certificate", "Certificate", digital, "ready", "certificate", download="#download"),
        document("certificate", "Certificate, print view", printed, "cancelled", "certificate-print"),
        document("transcript", "Transcript", digital, "expired", "transcript-1", "transcript-2"),
        document("letter", "Individual Letter", digital, "loading"),
        document("letter", "Broken", digital, "error"),
    ]
