"""Brands: the awarding organisations that one deployment issues for."""

from datetime import date

from sqlalchemy import String, Text
from sqlalchemy.orm import Mapped, mapped_column

from portal.database import Base, BigInt


class Brand(Base):
    """An awarding organisation with its name, colours, contacts and switches: configuration, kept as a row."""

    __tablename__ = "brand"

    id: Mapped[int] = mapped_column(BigInt, primary_key=True)
    slug: Mapped[str] = mapped_column(String(40), unique=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    """The awarding organisation's full name, as batch files and certificates write it."""
    recognition_number: Mapped[str] = mapped_column(String(20))
    portal_name: Mapped[str] = mapped_column(String(120))
    primary_colour: Mapped[str] = mapped_column(String(7), default="#1d4f91")
    accent_colour: Mapped[str] = mapped_column(String(7), default="#c8912b")
    logo: Mapped[str] = mapped_column(String(80), default="")
    """File name in ``static/img/brands``."""
    address: Mapped[str] = mapped_column(Text, default="")
    contact_email: Mapped[str] = mapped_column(String(254), default="")
    support_email: Mapped[str] = mapped_column(String(254), default="")
    signatory_name: Mapped[str] = mapped_column(String(120), default="")
    signatory_title: Mapped[str] = mapped_column(String(120), default="")
    notice_line: Mapped[str] = mapped_column(Text, default="")
    notice_subject: Mapped[str] = mapped_column(String(200), default="")
    """The subject of the notice to learners; empty for the portal's own words."""
    notice_text: Mapped[str] = mapped_column(Text, default="")
    """The body of the notice, with its placeholders; empty for the portal's own words."""
    notice_sign_off: Mapped[str] = mapped_column(String(120), default="")
    """Empty for "The Digital Certificate Team"."""
    guide_url: Mapped[str] = mapped_column(String(300), default="")
    """The learner guide that notices point at; empty for the portal's own help page."""
    validate_from: Mapped[date | None]
    """Documents issued on or before this day get the "too old to be validated" answer; empty for no limit."""
    public_document: Mapped[bool] = mapped_column(default=True)
    """Whether Smart Verify shows the document itself; otherwise facts only."""
    archived: Mapped[bool] = mapped_column(default=False)
