"""The forms in which users are managed: the admin of a centre and the issuer fill in the same ones."""

from __future__ import annotations

from typing import Any

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import DataRequired, InputRequired, Length, ValidationError

from portal.services.passwords import LONGEST as LONGEST_PASSWORD
from portal.services.users import LONGEST_INFORMATION, LONGEST_NAME, LONGEST_PHONE
from portal.vocabulary import Post
from portal.web.fields import LONGEST_ADDRESS, ChoiceField, DayField, email, line, lines

TOO_LONG = _l("A password has at most 256 characters.")
NOT_THE_SAME = _l("The two passwords are not the same.")


def _username() -> StringField:
    return line(_l("Username"), LONGEST_ADDRESS, missing=_l("Enter a username; the email address is a good one."))


class CreateForm(FlaskForm):
    """A new user of a centre: with a password to hand over, or invited."""

    username = _username()
    first_name = line(_l("First Name"), LONGEST_NAME, missing=_l("Enter a first name."))
    last_name = line(_l("Last Name"), LONGEST_NAME, missing=_l("Enter a last name."))
    email = email(_l("Email"), missing=_l("Enter an email address."))
    password = PasswordField(_l("Password"), validators=[Length(max=LONGEST_PASSWORD, message=TOO_LONG)])
    confirm = PasswordField(_l("Confirm"), validators=[Length(max=LONGEST_PASSWORD, message=TOO_LONG)])
    invite = BooleanField(_l("Invite instead: the user sets the password through a link"))

    def validate_password(self, field: PasswordField) -> None:
        """Only needed where one is handed over."""
        if not self.invite.data and not field.data:
            raise ValidationError(_l("Enter a first password."))

    def validate_confirm(self, field: PasswordField) -> None:
        """Both must be the same, or neither is taken."""
        if not self.invite.data and self.password.data and field.data != self.password.data:
            raise ValidationError(NOT_THE_SAME)


class EditForm(FlaskForm):
    """Everything that can be changed of a user at once; ``seen`` says what it was when the page was opened."""

    seen = HiddenField()
    username = _username()
    first_name = line(_l("First Name"), LONGEST_NAME, missing=_l("Enter a first name."))
    middle_name = line(_l("Middle name"), LONGEST_NAME)
    last_name = line(_l("Last Name"), LONGEST_NAME, missing=_l("Enter a last name."))
    email = email(_l("Email"), missing=_l("Enter an email address."))
    phone = line(_l("Phone"), LONGEST_PHONE)
    active = BooleanField(_l("Active: this user can sign in"))
    admin = BooleanField(_l("Centre admin: this user manages the users of the centre"))


class PasswordForm(FlaskForm):
    """Another first password for somebody, twice."""

    password = PasswordField(
        _l("Password"),
        validators=[InputRequired(_l("Enter a first password.")), Length(max=LONGEST_PASSWORD, message=TOO_LONG)],
    )
    confirm = PasswordField(_l("Confirm"), validators=[InputRequired(_l("Enter the password again."))])

    def validate_confirm(self, field: PasswordField) -> None:
        """Both must be the same, or neither is taken."""
        if self.password.data and field.data != self.password.data:
            raise ValidationError(NOT_THE_SAME)


class LockForm(FlaskForm):
    """The User Lockout dialog (SPEC §13)."""

    until = DayField(_l("Lockout Date"), validators=[InputRequired(_l("Enter the day on which the lock ends."))])
    reason = ChoiceField(_l("Lockout Reason"), validators=[DataRequired(_l("Choose a reason."))])
    information = lines(_l("Additional Information"), LONGEST_INFORMATION)

    def __init__(self, reasons: tuple[str, ...], *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = [SelectChoice(reason, str(_l(reason))) for reason in reasons]
        self.reason.choices = [SelectChoice("", str(_l("Choose a reason"))), *offered]


class ContactsForm(FlaskForm):
    """The main contacts of a centre: name, email address and telephone of each post."""

    @classmethod
    def for_posts(cls) -> type[ContactsForm]:
        """The form with three fields for each post, named ``exams_name``, ``exams_email``, ``exams_phone``."""
        fields: dict[str, Any] = {}
        for post in Post:
            fields[f"{post}_name"] = line(_l("Name"), 200)
            fields[f"{post}_email"] = email(_l("Email"))
            fields[f"{post}_phone"] = line(_l("Phone"), LONGEST_PHONE)
        return type("ContactsOfCentre", (cls,), fields)
