"""The forms of the back office. A form knows what a field may hold; what follows from it is for the services."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from datetime import date
from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, DateField, PasswordField, RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp, StopValidation, ValidationError

from portal.errors import PortalError
from portal.intake.cells import FORBIDDEN, CellFault, calendar_day
from portal.services.documents import LONGEST_REASON
from portal.services.users import LOCK_REASONS, LONGEST_INFORMATION, LONGEST_NAME

COLOUR = r"#[0-9a-fA-F]{6}"
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


class NotAfter:
    """Refuse days that no record of ours can have."""

    def __call__(self, _form: Any, field: Any) -> None:
        if field.data and not 1900 <= field.data.year <= 2200:
            raise ValidationError(str(_l("This day is too far away.")))


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


class Button(FlaskForm):
    """Nothing but a button, and the token that says that it was pressed here."""


class UploadForm(FlaskForm):
    """A batch file and the centre that it is for."""

    centre = ChoiceField(_l("Centre"), coerce=int)
    file = FileField(_l("Batch file"), validators=[FileRequired(_l("Choose a CSV file."))])

    def __init__(self, centres: list[tuple[int, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.centre.choices = [(0, str(_l("Choose a centre"))), *centres]

    def validate_centre(self, field: ChoiceField) -> None:
        """The first choice is none."""
        if not field.data:
            raise ValidationError(str(_l("Choose the centre.")))


class CancelForm(FlaskForm):
    """Why documents are cancelled."""

    reason = lines(_l("Reason"), LONGEST_REASON, missing=_l("Say why. The reason is shown to everyone who checks."))


class ReplaceForm(FlaskForm):
    """The facts that a replacement may correct, and why it is made. The rules are those of batch files."""

    first_name = StringField(_l("First name"), filters=[tidy], validators=[DataRequired(_l("Enter a first name."))])
    middle_name = StringField(_l("Middle name"), filters=[tidy])
    last_name = StringField(_l("Last name"), filters=[tidy], validators=[DataRequired(_l("Enter a last name."))])
    level = StringField(_l("Level"), filters=[tidy], validators=[DataRequired(_l("Enter the level."))])
    grade = StringField(_l("Grade"), filters=[tidy], validators=[DataRequired(_l("Enter the grade."))])
    language = StringField(_l("Language of assessment"), filters=[tidy])
    awarded_on = DayField(_l("Awarded on"), validators=[InputRequired(_l("Enter the day of the award."))])
    expires_on = DayField(_l("Expires on (if ever)"), validators=[Optional()])
    reason = lines(_l("Why it is replaced"), LONGEST_REASON, missing=_l("Say why the document is replaced."))
    whole_record = BooleanField(_l("Replace every document of this record"))


class CentreForm(FlaskForm):
    """A centre."""

    number = line(
        _l("Centre number"),
        20,
        missing=_l("Enter the centre's number."),
        rules=[Regexp(r"^[0-9A-Za-z-]+$", message=_l("A centre number has letters, digits and dashes only."))],
    )
    name = line(_l("Name"), 200, missing=_l("Enter the centre's name."))
    brand = ChoiceField(_l("Brand"), coerce=int, validators=[DataRequired(_l("Choose a brand."))])
    address = lines(_l("Address"), 2_000)
    contact_email = email(_l("Contact address"))

    def __init__(self, brands: list[tuple[int, str]], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.brand.choices = brands


class AdminForm(FlaskForm):
    """The first admin of a centre: invited, or handed a first password."""

    first_name = line(_l("First name"), LONGEST_NAME, missing=_l("Enter a first name."))
    last_name = line(_l("Last name"), LONGEST_NAME, missing=_l("Enter a last name."))
    email = email(_l("Email"), missing=_l("Enter an email address."))
    way = RadioField(
        _l("How they get in"),
        choices=[
            SelectChoice("invite", _l("Send an invitation: they choose their own password")),
            SelectChoice("password", _l("Hand over a first password, to be changed at the first sign-in")),
        ],
        default="invite",
        validators=[DataRequired(_l("Choose how they get in."))],
    )
    password = PasswordField(_l("First password"), validators=[Length(max=256, message=_l("At most 256 characters."))])

    def validate_password(self, field: PasswordField) -> None:
        """Only needed where one is handed over."""
        if self.way.data == "password" and not field.data:
            raise ValidationError(str(_l("Enter a first password.")))


class BrandForm(FlaskForm):
    """An awarding organisation: its name, face, contacts and switches."""

    name = line(_l("Full name"), 200, missing=_l("Enter the full name."))
    recognition_number = line(_l("Recognition number"), 20, missing=_l("Enter the recognition number."))
    portal_name = line(_l("Name of the portal"), 120, missing=_l("Enter the name of the portal."))
    primary_colour = line(
        _l("Main colour"),
        7,
        missing=_l("Enter a colour."),
        rules=[Regexp(rf"^{COLOUR}$", message=_l("Write a colour as # and six digits, for example #1d4f91."))],
    )
    accent_colour = line(
        _l("Accent colour"),
        7,
        missing=_l("Enter a colour."),
        rules=[Regexp(rf"^{COLOUR}$", message=_l("Write a colour as # and six digits, for example #c8912b."))],
    )
    address = lines(_l("Address"), 1_000)
    contact_email = email(_l("Contact address"))
    support_email = email(_l("Support address for centres"))
    signatory_name = line(_l("Signed by"), 120)
    signatory_title = line(_l("Office of who signs"), 120)
    notice_line = lines(_l("Line in notices to learners"), 500)
    validate_from = DayField(_l("Documents can be validated when issued after"), validators=[Optional(), NotAfter()])
    public_document = BooleanField(_l("Smart Verify shows the document itself"))


class LockForm(FlaskForm):
    """The User Lockout dialog (SPEC §13)."""

    until = DayField(_l("Lockout Date"), validators=[InputRequired(_l("Enter the day on which the lock ends."))])
    reason = ChoiceField(
        _l("Lockout Reason"),
        choices=[
            SelectChoice("", _l("Choose a reason")),
            *(SelectChoice(reason, _l(reason)) for reason in LOCK_REASONS),
        ],
        validators=[DataRequired(_l("Choose a reason."))],
    )
    information = lines(_l("Additional Information"), LONGEST_INFORMATION)
