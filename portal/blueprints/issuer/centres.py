"""Centres: the list, one with its users and jobs, creating and changing them, and their first admin."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _
from werkzeug.wrappers import Response

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.blueprints.issuer.forms import AdminForm, CentreForm
from portal.errors import Invalid, Taken, Throttled
from portal.queries.brand_list import list_choices
from portal.queries.centre_list import CENTRES, figures_of
from portal.queries.centres import get_centre
from portal.queries.contacts import contacts_of
from portal.queries.issuer_jobs import CENTRE_JOBS
from portal.queries.user_list import CENTRE_USERS
from portal.services import centres, contacts, users
from portal.services.contacts import Holder
from portal.services.users import Person
from portal.vocabulary import Post
from portal.web import grids
from portal.web.fields import add_error
from portal.web.guards import issuer
from portal.web.user_forms import ContactsForm


@bp.get("/issuer/centres", endpoint="centres")
@issuer(Permission.CENTRES_MANAGE)
def list_centres(actor: Actor) -> Response:
    """List all centres."""
    return grids.answer(CENTRES, actor, template="issuer/centres.html")


@bp.get("/issuer/centres/<int:centre_id>")
@issuer(Permission.CENTRES_MANAGE)
def centre(actor: Actor, centre_id: int) -> Response:
    """Show a centre with its users."""
    return _centre_page(CENTRE_USERS, "users", centre_id, actor)


@bp.get("/issuer/centres/<int:centre_id>/jobs")
@issuer(Permission.CENTRES_MANAGE)
def centre_jobs(actor: Actor, centre_id: int) -> Response:
    """Show a centre with the jobs published to it."""
    return _centre_page(CENTRE_JOBS, "jobs", centre_id, actor)


@bp.route("/issuer/centres/new", methods=["GET", "POST"])
@issuer(Permission.CENTRES_MANAGE)
def new_centre(actor: Actor) -> Any:
    """Create a centre."""
    form = CentreForm(list_choices(actor=actor))
    if form.validate_on_submit():
        try:
            centre_id = centres.create_centre(
                number=form.number.data or "",
                name=form.name.data or "",
                brand_id=form.brand.data,
                address=form.address.data or "",
                contact_email=form.contact_email.data or "",
                actor=actor,
            )
        except (Invalid, Taken) as error:
            add_error(form, error)
        else:
            flash(_("The centre is created. Its first admin comes next."), "success")
            return redirect(url_for(".new_admin", centre_id=centre_id))
    return render_template("issuer/centre_form.html", form=form, centre=None), 422 if form.is_submitted() else 200


@bp.route("/issuer/centres/<int:centre_id>/edit", methods=["GET", "POST"])
@issuer(Permission.CENTRES_MANAGE)
def edit_centre(actor: Actor, centre_id: int) -> Any:
    """Change a centre; its number stays."""
    found = get_centre(centre_id, actor=actor)
    form = CentreForm(list_choices(actor=actor, including=found.brand_id), obj=found, data={"brand": found.brand_id})
    del form.number
    if form.validate_on_submit():
        try:
            centres.update_centre(
                found.id,
                name=form.name.data or "",
                brand_id=form.brand.data,
                address=form.address.data or "",
                contact_email=form.contact_email.data or "",
                actor=actor,
            )
        except (Invalid, Taken) as error:
            add_error(form, error)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".centre", centre_id=found.id))
    return render_template("issuer/centre_form.html", form=form, centre=found), 422 if form.is_submitted() else 200


@bp.route("/issuer/centres/<int:centre_id>/admins/new", methods=["GET", "POST"])
@issuer(Permission.CENTRES_MANAGE)
def new_admin(actor: Actor, centre_id: int) -> Any:
    """Create an admin of a centre, the first one too."""
    found = get_centre(centre_id, actor=actor)
    form = AdminForm()
    if form.validate_on_submit():
        person = Person(
            email=form.email.data or "", first_name=form.first_name.data or "", last_name=form.last_name.data or ""
        )
        password = form.password.data if form.way.data == "password" else ""
        try:
            users.create_centre_admin(found.id, person, password=password or "", actor=actor)
        except (Invalid, Taken) as error:
            add_error(form, error)
        except Throttled as error:
            add_error(form, error)
            page = render_template("issuer/admin_form.html", form=form, centre=found)
            return page, 429, {"Retry-After": str(error.retry_after)}
        else:
            flash(
                _("The admin is created. Hand over the first password in person or by telephone.")
                if password
                else _("The invitation is on its way to %(address)s.", address=person.email),
                "success",
            )
            return redirect(url_for(".centre", centre_id=found.id))
    return render_template("issuer/admin_form.html", form=form, centre=found), 422 if form.is_submitted() else 200


@bp.route("/issuer/centres/<int:centre_id>/contacts", methods=["GET", "POST"])
@issuer(Permission.CENTRES_MANAGE)
def edit_contacts(actor: Actor, centre_id: int) -> Any:
    """Say who the main contacts of a centre are."""
    found = get_centre(centre_id, actor=actor)
    known = contacts_of(found.id, actor=actor)
    held = {f"{post}_{name}": getattr(one, name) for post, one in known.items() if one for name in contacts.LONGEST}
    form = ContactsForm.for_posts()(data=held)
    if form.validate_on_submit():
        said = {post: {name: form[f"{post}_{name}"].data or "" for name in contacts.LONGEST} for post in Post}
        try:
            contacts.change_contacts(found.id, {post: Holder(**one) for post, one in said.items()}, actor=actor)
        except Invalid as error:
            add_error(form, error)
        else:
            flash(_("Saved."), "success")
            return redirect(url_for(".centre", centre_id=found.id))
    page = render_template("issuer/contacts_form.html", form=form, centre=found, posts=list(Post))
    return page, 422 if form.is_submitted() else 200


def _centre_page(grid: Any, tab: str, centre_id: int, actor: Actor) -> Response:
    found = get_centre(centre_id, actor=actor)
    return grids.answer(
        grid,
        actor,
        template="issuer/centre.html",
        within={"centre_id": found.id},
        centre=found,
        tab=tab,
        figures=figures_of(found, actor=actor),
        contacts=contacts_of(found.id, actor=actor),
    )
