"""The rules for each cell of a row, and for cells of one row against each other. Not here: what is on file.

Each rule takes the text of a cell and gives its value, or raises ``CellFault`` with a sentence that says what to do.
Source of the rules: CONTRACT.md (Batch file); SPEC.md, Documents and Issuer's back office.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import date, timedelta
from functools import partial
from typing import Any

from portal.intake.remarks import shown
from portal.vocabulary import Kind

REQUIRED = (
    "enrolment_number",
    "first_name",
    "last_name",
    "date_of_birth",
    "awarding_organisation",
    "qualification_number",
    "qualification_title",
    "level",
    "grade",
    "awarded_on",
)
OPTIONAL = ("middle_name", "email", "expires_on", "language", "documents", "units")

LONGEST_NAME = 100
LONGEST_TITLE = 255
LONGEST_LEVEL = 50
LONGEST_GRADE = 100
LONGEST_LANGUAGE = 50
LONGEST_UNIT_CODE = 30
LONGEST_EMAIL = 254
MOST_UNITS = 1_000
MOST_DAYS_AHEAD = 31
EARLIEST_BIRTH = date(1900, 1, 1)
DEFAULT_LANGUAGE = "English"

KINDS = tuple(kind.value for kind in Kind)

# ASCII digits are spelt out, because \d also takes the digits of other scripts.
ENROLMENT = re.compile(r"AMS[0-9]{11}")
SCIENTIFIC = re.compile(r"[0-9]+([.,][0-9]+)?[eE]\+?[0-9]+")
ONLY_DIGITS = re.compile(r"[0-9]+")
QUALIFICATION = re.compile(r"[0-9]{3}/[0-9]{4}/[0-9X]")
ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
UK_DATE = re.compile(r"([0-9]{2})/([0-9]{2})/([0-9]{4})")
CREDITS = re.compile(r"[0-9]{1,3}")
UNIT_CODE = re.compile(r"[A-Za-z0-9][A-Za-z0-9/. _-]*")

LINE_BREAKS = re.compile("\r\n|[\r\n\u2028\u2029]")
# Controls, what turns the direction of text around behind the reader's back, and halves of characters.
FORBIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

LOCAL_PART = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+)*")
DOMAIN_LABEL = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
TOP_LABEL = re.compile(r"[a-z]{2,63}|xn--[a-z0-9-]{1,59}")


class CellFault(Exception):
    """The cell breaks a rule; the message is for the person who made the file."""


@dataclass(frozen=True, slots=True)
class UnitRow:
    """One unit of a qualification, as it stands on a transcript."""

    code: str
    title: str
    level: str
    credits: int
    grade: str


@dataclass(frozen=True, slots=True)
class Row:
    """One good row: a learner's award. Text is trimmed and in NFC; spaces inside of it stay as registered."""

    record: int
    enrolment_number: str
    first_name: str
    middle_name: str
    last_name: str
    date_of_birth: date
    email: str | None
    awarding_organisation: str
    qualification_number: str
    qualification_title: str
    level: str
    grade: str
    awarded_on: date
    expires_on: date | None
    language: str
    documents: tuple[str, ...]
    units: tuple[UnitRow, ...]


class Cells:
    """The rules of one file: which brands there are, what day it is, which characters can be shown.

    ``unsupported`` takes some characters and gives those that no font has; each is asked about once.
    """

    def __init__(
        self, *, brands: AbstractSet[str], today: date, unsupported: Callable[[str], AbstractSet[str]] | None
    ) -> None:
        self._brands = {_composed(brand): brand for brand in brands}
        self._today = today
        self._unsupported = unsupported
        self._can_be_shown: set[str] = set()
        text = self._text
        self._rules: dict[str, Callable[[str], Any]] = {
            "enrolment_number": enrolment_number,
            "first_name": partial(text, what="first name", longest=LONGEST_NAME),
            "middle_name": partial(text, what="middle name", longest=LONGEST_NAME, needed=False),
            "last_name": partial(text, what="last name", longest=LONGEST_NAME),
            "date_of_birth": self._date_of_birth,
            "email": email,
            "awarding_organisation": self._awarding_organisation,
            "qualification_number": qualification_number,
            "qualification_title": partial(text, what="qualification title", longest=LONGEST_TITLE),
            "level": partial(text, what="level", longest=LONGEST_LEVEL),
            "grade": partial(text, what="grade", longest=LONGEST_GRADE),
            "awarded_on": self._awarded_on,
            "expires_on": self._expires_on,
            "language": self._language,
            "documents": documents,
            "units": self._units,
        }

    def read(self, cells: dict[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
        """The values of a row and its faults, both by column; a column is in exactly one of the two.

        A column that the file does not have counts as an empty cell.
        """
        values: dict[str, Any] = {}
        faults: dict[str, str] = {}
        for column, rule in self._rules.items():
            try:
                values[column] = rule(cells.get(column, "").strip())
            except CellFault as fault:
                faults[column] = str(fault)
        for column, message in _dates_in_order(values):
            faults[column] = message
            del values[column]
        return values, faults

    def _text(self, text: str, *, what: str, longest: int, needed: bool = True) -> str:
        if not text:
            if needed:
                raise CellFault(f"The {what} is missing. Fill it in.")
            return ""
        if len(text) > longest:
            raise CellFault(f"The {what} has {len(text):,} characters; at most {longest} are allowed. Shorten it.")
        if text.isascii() and text.isprintable():
            return text
        text = _composed(LINE_BREAKS.sub(" ", text))
        if found := FORBIDDEN.search(text):
            raise CellFault(f"The {what} contains {_described(found[0])}. Remove it.")
        if len(text) > longest:
            raise CellFault(f"The {what} has {len(text):,} characters; at most {longest} are allowed. Shorten it.")
        if not any(unicodedata.category(character)[0] in "LNPS" for character in text):
            raise CellFault(f"The {what} has only characters that cannot be seen. Fill it in.")
        if unseen := self._not_in_any_font(text):
            raise CellFault(f"No font can show {_described(unseen)}, which is in the {what}. Replace it.")
        return text

    def _not_in_any_font(self, text: str) -> str:
        """The first character that no font has, or an empty string."""
        if self._unsupported is None:
            return ""
        unknown = {character for character in text if not character.isascii()} - self._can_be_shown
        if not unknown:
            return ""
        missing = self._unsupported("".join(sorted(unknown)))
        self._can_be_shown |= unknown - missing
        return next((character for character in text if character in missing), "")

    def _awarding_organisation(self, text: str) -> str:
        if not text:
            raise CellFault("The awarding organisation is missing. Fill in its full name.")
        try:
            return self._brands[_composed(text)]
        except KeyError:
            names = ", ".join(sorted(self._brands)) or "none yet"
            raise CellFault(
                f"“{shown(text)}” is not an awarding organisation of this portal. Write its full name: {names}."
            ) from None

    def _date_of_birth(self, text: str) -> date:
        day = calendar_day(text, what="date of birth")
        if day > self._today:
            raise CellFault(f"The date of birth {shown(text)} is in the future. Correct it.")
        if day < EARLIEST_BIRTH:
            raise CellFault(f"The date of birth {shown(text)} is before {EARLIEST_BIRTH.year}. Correct it.")
        return day

    def _awarded_on(self, text: str) -> date:
        day = calendar_day(text, what="date of award")
        if day > self._today + timedelta(days=MOST_DAYS_AHEAD):
            raise CellFault(f"The date of award {shown(text)} is more than {MOST_DAYS_AHEAD} days ahead. Correct it.")
        return day

    def _expires_on(self, text: str) -> date | None:
        return calendar_day(text, what="date of expiry") if text else None

    def _language(self, text: str) -> str:
        return self._text(text, what="language", longest=LONGEST_LANGUAGE, needed=False) or DEFAULT_LANGUAGE

    def _units(self, text: str) -> tuple[UnitRow, ...]:
        if not text:
            return ()
        # One semicolon too many at the end is a habit of programs that join lists.
        parts = text.removesuffix(";").split(";")
        if len(parts) > MOST_UNITS:
            raise CellFault(f"There are {len(parts):,} units; at most {MOST_UNITS:,} are allowed.")
        return tuple(self._unit(number, part) for number, part in enumerate(parts, 1))

    def _unit(self, number: int, text: str) -> UnitRow:
        fields = [field.strip() for field in text.split("|")]
        if len(fields) != 5:
            raise CellFault(
                f"Unit {number} has {len(fields)} {'field' if len(fields) == 1 else 'fields'}; it must have five: "
                "code|title|level|credits|grade."
            )
        code, title, level, credits, grade = fields
        if len(code) > LONGEST_UNIT_CODE or not UNIT_CODE.fullmatch(code):
            raise CellFault(f"“{shown(code)}” is not the code of a unit (unit {number}). Write it like A/501/1234.")
        if not CREDITS.fullmatch(credits):
            raise CellFault(
                f"The credits of unit {number} are “{shown(credits)}”; they must be a whole number from 0 to 999."
            )
        return UnitRow(
            code=code,
            title=self._text(title, what=f"title of unit {number}", longest=LONGEST_TITLE),
            level=self._text(level, what=f"level of unit {number}", longest=LONGEST_LEVEL),
            credits=int(credits),
            grade=self._text(grade, what=f"grade of unit {number}", longest=LONGEST_GRADE),
        )


def enrolment_number(text: str) -> str:
    """AMS and eleven digits."""
    if ENROLMENT.fullmatch(text):
        return text
    if not text:
        raise CellFault("The enrolment number is missing. Write AMS and eleven digits.")
    if SCIENTIFIC.fullmatch(text):
        raise CellFault(
            f"“{shown(text)}” is what a spreadsheet made of an enrolment number. Format the column as text and write "
            "AMS and eleven digits again."
        )
    if ONLY_DIGITS.fullmatch(text):
        raise CellFault(
            f"“{shown(text)}” has lost its AMS, and perhaps zeros at its start, as happens in spreadsheets. "
            "Write AMS and eleven digits."
        )
    raise CellFault(f"“{shown(text)}” is not an enrolment number. Write AMS and eleven digits.")


def qualification_number(text: str) -> str:
    """A number in the form of Ofqual's register: 603/1234/5 or 603/1234/X."""
    if not text:
        raise CellFault("The qualification number is missing. Write it like 603/1234/5.")
    if not QUALIFICATION.fullmatch(text):
        raise CellFault(f"“{shown(text)}” is not a qualification number. Write it like 603/1234/5 or 603/1234/X.")
    return text


def calendar_day(text: str, *, what: str) -> date:
    """A day written yyyy-mm-dd or dd/mm/yyyy."""
    if iso := ISO_DATE.fullmatch(text):
        year, month, day = iso.groups()
    elif british := UK_DATE.fullmatch(text):
        day, month, year = british.groups()
    elif not text:
        raise CellFault(f"The {what} is missing. Write it like 2001-12-31 or 31/12/2001.")
    else:
        raise CellFault(f"The {what} “{shown(text)}” is not a date. Write it like 2001-12-31 or 31/12/2001.")
    try:
        return date(int(year), int(month), int(day))
    except ValueError:
        raise CellFault(f"The {what} {shown(text)} is not in the calendar. Correct it.") from None


def email(text: str) -> str | None:
    """An address that mail can be sent to, its domain in ASCII; None for an empty cell."""
    if not text:
        return None
    if LINE_BREAKS.search(text) or FORBIDDEN.search(text):
        raise CellFault("The email address contains a line break or a control character. Write one plain address.")
    local, at, domain = text.rpartition("@")
    plain = _ascii_domain(domain) if at and len(text) <= LONGEST_EMAIL else None
    if (
        plain is None
        or len(local) > 64
        or not LOCAL_PART.fullmatch(local)
        or len(local) + 1 + len(plain) > LONGEST_EMAIL
    ):
        raise CellFault(
            f"“{shown(text)}” is not an email address. Write one like name@college.example, or leave it empty."
        )
    return f"{local}@{plain}"


def documents(text: str) -> tuple[str, ...]:
    """Which kinds of documents are asked for, in the order of the trade; all of them for an empty cell."""
    if not text:
        return KINDS
    asked = {part.strip().lower() for part in text.split(";")} - {""}
    if not asked:
        raise CellFault(
            "No document type is named. Write one or more of certificate;transcript;letter, or leave it empty."
        )
    if unknown := sorted(asked.difference(KINDS)):
        raise CellFault(
            f"“{shown(unknown[0])}” is not a document type. Write one or more of certificate;transcript;letter."
        )
    return tuple(kind for kind in KINDS if kind in asked)


def _dates_in_order(values: dict[str, Any]) -> list[tuple[str, str]]:
    """Faults of dates that are right by themselves and wrong together."""
    faults = []
    born, awarded, expires = (values.get(column) for column in ("date_of_birth", "awarded_on", "expires_on"))
    if born and awarded and awarded <= born:
        faults.append(
            ("awarded_on", "The date of award is not after the date of birth. Correct the one that is wrong.")
        )
    if awarded and expires and expires <= awarded:
        faults.append(
            ("expires_on", "The date of expiry is not after the date of award. Correct the one that is wrong.")
        )
    return faults


def _ascii_domain(domain: str) -> str | None:
    """The domain as mail servers write it, or None if it is none. A name in another script becomes punycode."""
    labels = []
    for label in unicodedata.normalize("NFKC", domain).lower().split("."):
        if not label.isascii():
            if any(unicodedata.category(character)[0] not in "LMN" and character != "-" for character in label):
                return None
            label = f"xn--{label.encode('punycode').decode()}"
        if not DOMAIN_LABEL.fullmatch(label):
            return None
        labels.append(label)
    if len(labels) < 2 or not TOP_LABEL.fullmatch(labels[-1]):
        return None
    return ".".join(labels)


def _composed(text: str) -> str:
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def _described(character: str) -> str:
    """A character by its number and name, without showing it."""
    code = f"U+{ord(character):04X}"
    if "\u202a" <= character <= "\u202e" or "\u2066" <= character <= "\u2069":
        return f"a hidden character that turns the direction of text around ({code})"
    if FORBIDDEN.match(character):
        return f"a control character ({code})"
    return f"the character {code} {unicodedata.name(character, '')}".rstrip()
