"""Creating and changing centres and brands."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

from sqlalchemy import select

from portal import clock
from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.errors import Invalid, Taken
from portal.events.catalogue import BrandChanged, CentreChanged
from portal.models.brands import Brand
from portal.models.centres import Centre
from portal.unit_of_work import unit_of_work

NUMBER = re.compile(r"[0-9A-Za-z-]{1,20}")
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
SLUG = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")

LEAST_CONTRAST = 4.5
"""Of the main colour with white text on it (WCAG 2.2, 1.4.3)."""

BRAND_FIELDS = frozenset(
    {
        "name",
        "recognition_number",
        "portal_name",
        "primary_colour",
        "accent_colour",
        "address",
        "contact_email",
        "support_email",
        "signatory_name",
        "signatory_title",
        "notice_line",
        "validate_from",
        "public_document",
        "logo",
    }
)
"""What can be changed of a brand."""


def create_centre(
    *, number: str, name: str, brand_id: int, address: str = "", contact_email: str = "", actor: Actor
) -> int:
    """Create a centre; give its id. A number is used once only."""
    actor.require(Permission.CENTRES_MANAGE)
    number, name = _number(number), _line(name, "name", 200)
    with unit_of_work(actor) as record:
        if db.session.scalar(select(Centre.id).where(Centre.number == number)) is not None:
            raise Taken(f"There is a centre {number} already.", field="number")
        scope.load(select(Brand), brand_id)
        centre = Centre(
            number=number,
            name=name,
            brand_id=brand_id,
            address=address.strip()[:2000],
            contact_email=contact_email.strip().lower()[:254],
            created_at=clock.now(),
        )
        db.session.add(centre)
        db.session.flush()
        record(CentreChanged(centre_id=centre.id))
    return centre.id


def update_centre(
    centre_id: int, *, name: str, brand_id: int, address: str = "", contact_email: str = "", actor: Actor
) -> None:
    """Change a centre. Documents keep what was printed on them; its number never changes."""
    actor.require(Permission.CENTRES_MANAGE)
    name = _line(name, "name", 200)
    with unit_of_work(actor) as record:
        centre = scope.load(scope.centres(actor), centre_id, lock=True)
        scope.load(select(Brand), brand_id)
        centre.name, centre.brand_id = name, brand_id
        centre.address = address.strip()[:2000]
        centre.contact_email = contact_email.strip().lower()[:254]
        record(CentreChanged(centre_id=centre.id))


def create_brand(*, slug: str, actor: Actor, **values: Any) -> int:
    """Create a brand; give its id."""
    actor.require(Permission.BRANDS_MANAGE)
    if not SLUG.fullmatch(slug):
        raise Invalid("The short name has small letters, digits and dashes only.", field="slug")
    values = _brand_values(values)
    with unit_of_work(actor) as record:
        if db.session.scalar(select(Brand.id).where((Brand.slug == slug) | (Brand.name == values["name"]))) is not None:
            raise Taken("There is a brand of this name already.", field="name")
        brand = Brand(slug=slug, **values)
        db.session.add(brand)
        db.session.flush()
        record(BrandChanged(brand_id=brand.id))
    return brand.id


def update_brand(brand_id: int, *, actor: Actor, **values: Any) -> None:
    """Change a brand: what is issued from now on wears the new face, what was issued stays as it is."""
    actor.require(Permission.BRANDS_MANAGE)
    values = _brand_values(values)
    with unit_of_work(actor) as record:
        brand = scope.load(scope.brands(actor), brand_id, lock=True)
        taken = select(Brand.id).where(Brand.name == values.get("name", brand.name), Brand.id != brand.id)
        if db.session.scalar(taken) is not None:
            raise Taken("There is a brand of this name already.", field="name")
        for name, value in values.items():
            setattr(brand, name, value)
        record(BrandChanged(brand_id=brand.id))


def _brand_values(values: dict[str, Any]) -> dict[str, Any]:
    if unknown := set(values) - BRAND_FIELDS:
        raise Invalid(f"A brand has no {', '.join(sorted(unknown))}.")
    values = {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}
    for name in ("name", "recognition_number", "portal_name"):
        if name in values:
            values[name] = _line(values[name], name, 200 if name == "name" else 120)
    for name in ("primary_colour", "accent_colour"):
        if name in values and not COLOUR.fullmatch(values[name]):
            raise Invalid("Write a colour as # and six digits, for example #1d4f91.", field=name)
    if "primary_colour" in values and contrast_with_white(values["primary_colour"]) < LEAST_CONTRAST:
        raise Invalid("This colour is too light: white text on it could not be read.", field="primary_colour")
    day = values.get("validate_from")
    if day is not None and not isinstance(day, date):
        raise Invalid("This is not a date.", field="validate_from")
    return values


def contrast_with_white(colour: str) -> float:
    """The contrast of a colour (``#1d4f91``) with white, 1 to 21. Source: WCAG 2.2, relative luminance."""

    def linear(channel: int) -> float:
        share = channel / 255
        return share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4

    red, green, blue = (linear(int(colour[at : at + 2], 16)) for at in (1, 3, 5))
    return 1.05 / (0.2126 * red + 0.7152 * green + 0.0722 * blue + 0.05)


def _number(text: str) -> str:
    text = text.strip()
    if not NUMBER.fullmatch(text):
        raise Invalid("A centre number has letters, digits and dashes, at most 20.", field="number")
    return text


def _line(text: str, field: str, longest: int) -> str:
    text = " ".join(text.split())
    if not text:
        raise Invalid("This is needed.", field=field)
    if len(text) > longest or not text.isprintable():
        raise Invalid(f"Write this in at most {longest} characters on one line.", field=field)
    return text
