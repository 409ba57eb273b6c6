"""Main contacts: whom the awarding body knows at a centre, by post. One of them asks for the admin right."""

from sqlalchemy import ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt, WordColumn
from portal.vocabulary import Post


class Contact(Base):
    """The person who holds a post at a centre."""

    __tablename__ = "contact"
    __table_args__ = (UniqueConstraint("centre_id", "post", name="uq_contact_centre_id_post"),)

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    centre_id: Mapped[int] = mapped_column(ForeignKey("centre.id"))
    post: Mapped[Post] = mapped_column(WordColumn(Post))
    name: Mapped[str] = mapped_column(String(200))
    email: Mapped[str] = mapped_column(String(254))
    phone: Mapped[str] = mapped_column(String(40), default="")
