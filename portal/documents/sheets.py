"""What a document says: plain values, frozen, JSON-able. No drawing, and no knowledge of where they come from."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, get_args

Kind = Literal["certificate", "transcript", "letter"]
Form = Literal["print", "digital"]

KINDS: tuple[Kind, ...] = get_args(Kind)
FORMS: tuple[Form, ...] = get_args(Form)
ASSESSED_IN_ENGLISH = frozenset({"", "english", "en", "en-gb"})

_COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
_ASSET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*\.(?:png|jpg|jpeg)")


@dataclass(frozen=True, slots=True)
class Brand:
    """How an awarding organisation looks on paper.

    ``primary`` and ``accent`` are ``#rrggbb``; ``logo`` is the name of a PNG or JPEG in ``portal/documents/assets``,
    or None for a drawn emblem. Anything else is a ValueError, so no colour or path reaches a template unchecked.
    """

    name: str
    recognition_number: str
    primary: str
    accent: str
    logo: str | None
    address_lines: tuple[str, ...]
    contact: str
    signatory_name: str
    signatory_title: str

    def __post_init__(self) -> None:
        for colour in (self.primary, self.accent):
            if not _COLOUR.fullmatch(colour):
                raise ValueError(f"A colour is written #rrggbb, not {colour!r}.")
        if self.logo is not None and not _ASSET.fullmatch(self.logo):
            raise ValueError(f"A logo is the name of a PNG or JPEG file, not {self.logo!r}.")


@dataclass(frozen=True, slots=True)
class Unit:
    """One unit of a qualification; ``credits`` is a whole number, zero where the unit carries none."""

    code: str
    title: str
    level: str
    credits: int
    grade: str


@dataclass(frozen=True, slots=True)
class Sheet:
    """Everything one document prints. ``reference`` and ``replaces`` are already in groups of four with dashes.

    Whoever holds a reference may see all of it, so no date of birth and no enrolment number stands here.
    """

    kind: Kind
    reference: str
    verify_url: str
    learner_name: str
    awarding_organisation: str
    recognition_number: str
    qualification_number: str
    qualification_title: str
    level: str
    grade: str
    awarded_on: date
    expires_on: date | None
    language: str
    replaces: str | None
    units: tuple[Unit, ...] = field(repr=False)
    centre_name: str
    centre_number: str
    brand: Brand = field(repr=False)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"A document is one of {', '.join(KINDS)}, not {self.kind!r}.")

    @property
    def foreign_language(self) -> str:
        """The language of assessment where it must be printed (Ofqual, Condition I3): any but English; else empty."""
        return "" if self.language.strip().lower() in ASSESSED_IN_ENGLISH else self.language

    @property
    def total_credits(self) -> int:
        """The sum of the units' credits."""
        return sum(unit.credits for unit in self.units)

    def to_dict(self) -> dict[str, Any]:
        """Only JSON types; dates as yyyy-mm-dd."""
        values = dataclasses.asdict(self)
        for name in ("awarded_on", "expires_on"):
            values[name] = values[name].isoformat() if values[name] else None
        return values

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Sheet:
        """The inverse of :meth:`to_dict`; an unknown or missing key is a TypeError."""
        values = dict(values)
        for name in ("awarded_on", "expires_on"):
            values[name] = date.fromisoformat(values[name]) if values[name] else None
        values["units"] = tuple(Unit(**unit) for unit in values["units"])
        brand = dict(values["brand"])
        brand["address_lines"] = tuple(brand["address_lines"])
        values["brand"] = Brand(**brand)
        return cls(**values)


def written_date(day: date) -> str:
    """``2 November 2026``: day, month and year, as Condition I3 asks, in words that no reader can swap round."""
    return f"{day.day} {MONTHS[day.month - 1]} {day.year}"


MONTHS = (
    "January February March April May June July August September October November December".split()  # The words of I3.
)
