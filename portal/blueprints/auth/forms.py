"""The forms of the doors. What they ask for is checked by the services; a form knows only what must not be empty."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

from portal.errors import PortalError
from portal.services.accounts import LONGEST_ACCOUNT
from portal.services.passwords import LONGEST


class SignInForm(FlaskForm):
    """An email address (or a username) and a password."""

    email = StringField(
        _l("email address"),
        validators=[
            InputRequired(_l("Enter your email address.")),
            Length(max=LONGEST_ACCOUNT, message=_l("This is not an email address.")),
        ],
    )
    password = PasswordField(
        _l("password"),
        validators=[
            InputRequired(_l("Enter your password.")),
            Length(max=LONGEST, message=_l("A password has at most 256 characters.")),
        ],
    )


class ForgotForm(FlaskForm):
    """The address that the link is sent to."""

    email = StringField(
        _l("email address"),
        validators=[
            InputRequired(_l("Enter your email address.")),
            Length(max=LONGEST_ACCOUNT, message=_l("This is not an email address.")),
        ],
    )


class ChoosePasswordForm(FlaskForm):
    """A new password, twice."""

    password = PasswordField(_l("New password"), validators=[InputRequired(_l("Enter a new password."))])
    confirm = PasswordField(_l("Confirm password"), validators=[InputRequired(_l("Enter the new password again."))])

    def validate_confirm(self, field: PasswordField) -> None:
        """Both must be the same, or neither is taken."""
        if self.password.data and field.data != self.password.data:
            raise ValidationError(_l("The two passwords are not the same."))


class CodeForm(FlaskForm):
    """A code of the second step."""

    code = StringField(_l("Code"), validators=[InputRequired(_l("Enter the code."))])


class ButtonForm(FlaskForm):
    """Nothing but a button, and the token that says that it was pressed here."""


def add_error(form: FlaskForm, error: PortalError) -> None:
    """Show a broken rule where it belongs: at its field, or above the form."""
    field = form._fields.get(error.field or "")
    if field is None:
        form.form_errors.append(error.message)
    else:
        field.errors = [*field.errors, error.message]
