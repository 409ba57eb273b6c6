"""The forms of the back office. A form knows what a field may hold; what follows from it is for the services."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField, FileRequired
from wtforms import BooleanField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, Optional, Regexp, ValidationError

from portal.services.documents import LONGEST_REASON
from portal.services.users import LONGEST_NAME
from portal.web.fields import ChoiceField, DayField, email, line, lines, tidy

COLOUR = r"#[0-9a-fA-F]{6}"


class NotAfter:
    """Refuse days that no record of ours can have."""

    def __call__(self, _form: Any, field: Any) -> None:
        if field.data and not 1900 <= field.data.year <= 2200:
            raise ValidationError(str(_l("This day is too far away.")))


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
