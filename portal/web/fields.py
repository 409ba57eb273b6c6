"""Fields that the forms of every door are made of: one line, several lines, a day, one of a list, an email address."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import DateField, SelectField, StringField, TextAreaField
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp, StopValidation

from portal.errors import PortalError
from portal.intake.cells import FORBIDDEN, CellFault, calendar_day

ADDRESS = r"[^@\s]{1,64}@[^@\s]+\.[^@\s.]{2,63}"
LONGEST_ADDRESS = 254


def add_error(form: FlaskForm, error: PortalError) -> None:
    """Show a broken rule where it belongs: at its field, or above the form."""
    field = form._fields.get(error.field or "")
    if field is None:
        form.form_errors.append(error.message)
    else:
        field.errors = [*field.errors, error.message]


class Readable:
    """Refuse what cannot be seen or turns the direction of text; ``lines`` allows line breaks."""

    def __init__(self, *, lines: bool = False) -> None:
        self.lines = lines

    def __call__(self, _form: Any, field: Any) -> None:
        text = field.data or ""
        if self.lines:
            text = text.replace("\r\n", "").replace("\n", "")
        if FORBIDDEN.search(text):
            raise StopValidation(str(_l("This holds characters that cannot be shown. Remove them.")))


class ChoiceField(SelectField):
    """One of a list; what is none of it gets a sentence."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the choice; what cannot be one is none."""
        try:
            super().process_formdata(valuelist)
        except ValueError:
            self.data = None

    def pre_validate(self, form: Any) -> None:
        """Only what was offered can be chosen."""
        if not any(match for _value, _label, match, *_rest in self.iter_choices()):
            raise StopValidation(str(_l("Choose one of the list.")))


class DayField(DateField):
    """A day as browsers send it or as people write it."""

    def process_formdata(self, valuelist: list[str]) -> None:
        """Read the day, or say what is wrong with it; nothing is no day."""
        text = (valuelist[0] if valuelist else "").strip()
        self.data: date | None = None
        if not text:
            # A space is no day either: ``InputRequired`` asks what was sent.
            self.raw_data = []
        if text:
            try:
                self.data = calendar_day(text, what=str(_l("date")))
            except CellFault as fault:
                raise ValueError(str(fault)) from None

    def _value(self) -> str:
        if self.raw_data:
            return str(self.raw_data[0])
        return self.data.isoformat() if self.data else ""


def tidy(text: str | None) -> str | None:
    """Trimmed and composed, as it will be kept."""
    return unicodedata.normalize("NFC", text).strip() if text else text


def line(label: Any, longest: int, *, missing: Any = None, rules: Iterable[Any] = ()) -> StringField:
    """One line of text; ``missing`` is what is said when it is left out, None where it may be."""
    # Sent at all, and not only spaces: what a form leaves out is not taken from what was there before.
    needed = [InputRequired(missing), DataRequired(missing)] if missing else [Optional()]
    too_long = Length(max=longest, message=_l("At most %(most)s characters.", most=longest))
    return StringField(label, filters=[tidy], validators=[*needed, Readable(), too_long, *rules])


def lines(label: Any, longest: int, *, missing: Any = None) -> TextAreaField:
    """Several lines of text."""
    needed = [InputRequired(missing), DataRequired(missing)] if missing else [Optional()]
    too_long = Length(max=longest, message=_l("At most %(most)s characters.", most=longest))
    return TextAreaField(label, filters=[tidy], validators=[*needed, Readable(lines=True), too_long])


def email(label: Any, *, missing: Any = None) -> StringField:
    """An email address."""
    right = Regexp(rf"^{ADDRESS}$", message=_l("Write an email address like name@college.example."))
    return line(label, LONGEST_ADDRESS, missing=missing, rules=[right])
