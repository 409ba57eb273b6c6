"""The words of the notice to learners, brand by brand: written with placeholders, seen as the learner sees them."""

from __future__ import annotations

from typing import Any

from flask import current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from werkzeug.wrappers import Response
from wtforms import StringField, TextAreaField

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.errors import Invalid
from portal.mail import placeholders
from portal.queries.brand_list import get_brand
from portal.queries.mails import sample_notice, standard_notice_words
from portal.services import notices
from portal.web.fields import add_error
from portal.web.guards import issuer

# A preview is a page of its own in a frame: no script, no network, an origin of its own; its styles stand inline.
PREVIEW_CSP = (
    "sandbox; default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'"
)


class NoticeForm(FlaskForm):
    """Subject, text, sign-off and the address of the guide. What they may hold is the service's rule."""

    subject = StringField(_l("Subject"))
    text = TextAreaField(_l("Text"))
    sign_off = StringField(_l("Sign-off"))
    guide_url = StringField(_l("Address of the learner guide"))

    @property
    def words(self) -> dict[str, str]:
        """What was typed; what a form leaves out is not taken from what was there before."""
        return {name: request.form.get(name, "") for name in ("subject", "text", "sign_off", "guide_url")}


@bp.route("/issuer/brands/<int:brand_id>/notice", methods=["GET", "POST"])
@issuer(Permission.BRANDS_MANAGE)
def notice_words(actor: Actor, brand_id: int) -> Any:
    """Show the words that a brand's notices have, and change them; the portal's own are one press away."""
    brand = get_brand(brand_id, actor=actor)
    subject, text = standard_notice_words(brand)
    form = NoticeForm(
        subject=brand.notice_subject or subject,
        text=brand.notice_text or text,
        sign_off=brand.notice_sign_off,
        guide_url=brand.guide_url,
    )
    if form.validate_on_submit():
        try:
            _keep(form, brand, standard=(subject, text), actor=actor)
        except Invalid as error:
            add_error(form, error)
        else:
            return redirect(url_for(".notice_words", brand_id=brand.id))
    page = render_template(
        "issuer/notice_words.html",
        form=form,
        brand=brand,
        own=bool(brand.notice_subject or brand.notice_text or brand.notice_sign_off),
        places=placeholders.NAMES,
        required=placeholders.REQUIRED,
    )
    return page, 422 if form.is_submitted() else 200


def _keep(form: NoticeForm, brand: Any, *, standard: tuple[str, str], actor: Actor) -> None:
    if request.form.get("act") == "standard":
        notices.set_words(brand.id, subject="", text="", sign_off="", guide_url=brand.guide_url, actor=actor)
        flash(_("The notice has the portal’s standard words again."), "success")
        return
    words = form.words
    if not words["subject"].strip():
        raise Invalid(_("Write a subject, or go back to the standard words."), field="subject")
    if not words["text"].strip():
        raise Invalid(_("Write the text, or go back to the standard words."), field="text")
    for name, own in zip(("subject", "text"), standard, strict=True):
        if words[name].replace("\r\n", "\n").strip() == own:
            # What was left as it is goes on following the portal's own words.
            words[name] = ""
    notices.set_words(brand.id, actor=actor, **words)
    flash(_("Saved. Notices that are sent from now on have these words."), "success")


@bp.post("/issuer/brands/<int:brand_id>/notice/preview")
@issuer(Permission.BRANDS_MANAGE)
def preview_notice(actor: Actor, brand_id: int) -> Response:
    """Show the words that are being written as the mail that they make: for the frame beside the form."""
    brand = get_brand(brand_id, actor=actor)
    form = NoticeForm()
    code, kind = 200, "html" if request.form.get("show") != "plain" else "plain"
    try:
        words = notices.checked_words(**form.words)
        if not words["text"]:
            raise Invalid(_("Write the text, or go back to the standard words."), field="text")
        letter = sample_notice(brand, public_url=current_app.config["PUBLIC_URL"], **words)
        shown = letter.html if kind == "html" else f"{letter.subject}\n\n{letter.text}"
    except Invalid as error:
        code, kind, shown = 422, "plain", error.message
    headers = {"Content-Security-Policy": PREVIEW_CSP, "X-Frame-Options": "SAMEORIGIN"}
    return Response(shown, status=code, mimetype=f"text/{kind}", headers=headers)
