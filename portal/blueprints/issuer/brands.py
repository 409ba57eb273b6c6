"""Brands: the awarding organisations, their face, contacts and switches."""

from __future__ import annotations

from typing import Any

from flask import flash, redirect, render_template, url_for
from flask_babel import gettext as _

from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.blueprints.issuer import bp
from portal.blueprints.issuer.forms import BrandForm
from portal.errors import Invalid, Taken
from portal.queries.brand_list import get_brand, list_brands
from portal.services import centres
from portal.web.fields import add_error
from portal.web.guards import issuer


@bp.get("/issuer/brands")
@issuer(Permission.BRANDS_MANAGE)
def brands(actor: Actor) -> str:
    """Show all brands, each with its face."""
    return render_template("issuer/brands.html", brands=list_brands(actor=actor))


@bp.route("/issuer/brands/<int:brand_id>", methods=["GET", "POST"])
@issuer(Permission.BRANDS_MANAGE)
def edit_brand(actor: Actor, brand_id: int) -> Any:
    """Change a brand: what is issued from now on wears it."""
    found = get_brand(brand_id, actor=actor)
    form = BrandForm(obj=found)
    if form.validate_on_submit():
        values = {name: value for name, value in form.data.items() if name != "csrf_token"}
        texts = {name: "" if value is None and name != "validate_from" else value for name, value in values.items()}
        try:
            centres.update_brand(found.id, actor=actor, **texts)
        except (Invalid, Taken) as error:
            add_error(form, error)
        else:
            flash(_("Saved. Documents issued from now on wear it; those issued before stay as they are."), "success")
            return redirect(url_for(".brands"))
    return render_template("issuer/brand_form.html", form=form, brand=found), 422 if form.is_submitted() else 200
