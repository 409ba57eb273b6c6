"""Reading the main contacts of a centre, in the order in which the guide names their posts."""

from __future__ import annotations

from sqlalchemy import select

from portal.access import scope
from portal.access.actor import Actor
from portal.database import db
from portal.models.centres import Centre
from portal.models.contacts import Contact
from portal.vocabulary import Post


def contacts_of(centre_id: int, *, actor: Actor) -> dict[Post, Contact | None]:
    """Who holds each post; nobody where nobody is known, and of a centre of somebody else. One query."""
    centre = scope.centres(actor).where(Centre.id == centre_id).with_only_columns(Centre.id)
    known = {
        contact.post: contact for contact in db.session.scalars(select(Contact).where(Contact.centre_id.in_(centre)))
    }
    return {post: known.get(post) for post in Post}
