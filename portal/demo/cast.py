"""The cast of the demo: the people and places that every story is about. The password is for the demo only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

from portal.vocabulary import Post, Role

PASSWORD = "portal-demo-2026"  # noqa: S105

BRANDS: dict[str, dict[str, Any]] = {
    "seg": {
        "name": "Skills and Education Group Awards",
        "recognition_number": "RN5112",
        "portal_name": "Skills & Education Group",
        "primary_colour": "#0f4c5c",
        "accent_colour": "#b8863b",
        "logo": "seg.svg",
        "address": "Robins Wood House\nRobins Wood Road\nNottingham NG8 3NH",
        "contact_email": "customersupport@skillsedugroup.example",
        "support_email": "centresupport@skillsedugroup.example",
        "signatory_name": "Dr Eleanor Hart",
        "signatory_title": "Responsible Officer",
    },
    "biiab": {
        "name": "BIIAB Qualifications Ltd",
        "recognition_number": "RN5118",
        "portal_name": "BIIAB",
        "primary_colour": "#3d2c6b",
        "accent_colour": "#c2553a",
        "logo": "biiab.svg",
        "address": "Robins Wood House\nRobins Wood Road\nNottingham NG8 3NH",
        "contact_email": "customersupport@biiab.example",
        "support_email": "centresupport@biiab.example",
        "signatory_name": "Dr Eleanor Hart",
        "signatory_title": "Responsible Officer",
        "validate_from": date(2021, 6, 23),
    },
}

RIVERSIDE = "10042"
HILLSIDE = "10077"

CENTRES = {
    RIVERSIDE: ("Riverside College", "seg", "1 Weir Street\nRiverside RV1 4AA", "exams@riverside.example"),
    HILLSIDE: ("Hillside Academy", "biiab", "Beacon Lane\nHillside HS7 2BB", "exams@hillside.example"),
}


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with a sign-in."""

    email: str
    first_name: str
    last_name: str
    role: Role
    centre: str | None = None


ISSUER = Person("issuer@portal.example", "Isla", "Moreton", Role.ISSUER)
MICHAEL = Person("michael.white@riverside.example", "Michael", "White", Role.CENTRE_ADMIN, RIVERSIDE)
ANEW = Person("anew.user@riverside.example", "Anew", "User", Role.CENTRE_USER, RIVERSIDE)
SIMON = Person("simon.sick@riverside.example", "Simon", "Sick", Role.CENTRE_USER, RIVERSIDE)
INGRID = Person("ingrid.idle@riverside.example", "Ingrid", "Idle", Role.CENTRE_USER, RIVERSIDE)
"""Inactive."""
UMA = Person("uma.unread@riverside.example", "Uma", "Unread", Role.CENTRE_USER, RIVERSIDE)
"""Invited, and has not confirmed her address."""
RITA = Person("rita.rival@hillside.example", "Rita", "Rival", Role.CENTRE_ADMIN, HILLSIDE)
CONNOR = Person("connor.random@learner.example", "Connor", "Random", Role.LEARNER)

PEOPLE = (MICHAEL, ANEW, SIMON, INGRID, RITA)
"""Users of centres; the issuer, the learner and the invited have rules of their own."""

CONTACTS = {
    Post.EXAMS: ("Michael White", "michael.white@riverside.example", "01632 960 101"),
    Post.FINANCE: ("Farah Fielding", "finance@riverside.example", "01632 960 102"),
    Post.CENTRE: ("Dr Helen Marsh", "principal@riverside.example", ""),
    Post.QUALITY: ("Quentin Ashby", "quality@riverside.example", "01632 960 104"),
}
"""The main contacts of Riverside College; nobody is known as its Head of Curriculum."""

CONNORS_ENROLMENT = "AMS00009824711"
