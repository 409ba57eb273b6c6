"""Keeping the main contacts of centres: the awarding body knows who speaks for a centre."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select

from portal.access import scope
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.database import db
from portal.errors import Invalid
from portal.events.catalogue import CentreChanged
from portal.models.contacts import Contact
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Post

LONGEST = {"name": 200, "email": 254, "phone": 40}
"""Characters."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Who holds a post; without a name nobody does."""

    name: str = ""
    email: str = ""
    phone: str = ""


def change_contacts(centre_id: int, holders: Mapping[Post, Holder], *, actor: Actor) -> None:
    """Say who holds the posts of a centre; posts that are not named stay as they are.

    Raises ``Invalid`` with the field ``<post>_name`` for an address or a telephone number of nobody.
    """
    actor.require(Permission.CENTRES_MANAGE)
    holders = {post: _tidy(post, holder) for post, holder in holders.items()}
    with unit_of_work(actor) as record:
        centre = scope.load(scope.centres(actor), centre_id, lock=True)
        for post, holder in holders.items():
            if not holder.name:
                db.session.execute(delete(Contact).where(Contact.centre_id == centre.id, Contact.post == post))
                continue
            contact = db.session.scalars(select(Contact).filter_by(centre_id=centre.id, post=post)).one_or_none()
            if contact is None:
                contact = Contact(centre_id=centre.id, post=post)
                db.session.add(contact)
            contact.name, contact.email, contact.phone = holder.name, holder.email, holder.phone
        record(CentreChanged(centre_id=centre.id))


def _tidy(post: Post, holder: Holder) -> Holder:
    values = {name: " ".join(getattr(holder, name).split()) for name in LONGEST}
    for name, most in LONGEST.items():
        if len(values[name]) > most:
            raise Invalid(f"At most {most} characters.", field=f"{post}_{name}")
    if not values["name"] and (values["email"] or values["phone"]):
        raise Invalid("Enter the name of this contact.", field=f"{post}_name")
    return Holder(values["name"], values["email"].lower(), values["phone"])
