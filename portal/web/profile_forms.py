"""The forms of My Profile. What they ask for is checked by the services; a form knows only what must not be empty."""

from __future__ import annotations

from flask_babel import lazy_gettext as _l
from flask_wtf import FlaskForm
from flask_wtf.file import FileField
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired, Length, ValidationError

NEEDED = _l("Enter a name.")


class DetailsForm(FlaskForm):
    """Personal Details."""

    first_name = StringField(_l("First Name"), validators=[InputRequired(NEEDED), Length(max=100)])
    middle_name = StringField(_l("Middle name"), validators=[Length(max=100)])
    last_name = StringField(_l("Last Name"), validators=[InputRequired(NEEDED), Length(max=100)])
    phone = StringField(_l("Phone number"), validators=[Length(max=40)])
    email = StringField(
        _l("Email address"), validators=[InputRequired(_l("Enter your email address.")), Length(max=254)]
    )
    current = PasswordField(_l("Current password"))


class PasswordForm(FlaskForm):
    """Change Password."""

    current = PasswordField(_l("Current password"), validators=[InputRequired(_l("Enter your current password."))])
    new = PasswordField(_l("New password"), validators=[InputRequired(_l("Enter a new password."))])
    confirm = PasswordField(_l("Confirm password"), validators=[InputRequired(_l("Enter the new password again."))])

    def validate_confirm(self, field: PasswordField) -> None:
        """Both must be the same, or neither is taken."""
        if self.new.data and field.data != self.new.data:
            raise ValidationError(_l("The two passwords are not the same."))


class PictureForm(FlaskForm):
    """A file; what is in it is looked at by the page."""

    picture = FileField(_l("Picture"))


class CodeForm(FlaskForm):
    """A code of the second step."""

    code = StringField(_l("Code"), validators=[InputRequired(_l("Enter the code."))])


class OffForm(CodeForm):
    """Switching the second step off: the password and a code."""

    # The page has another field for a code beside this one.
    code = StringField(_l("Code"), validators=[InputRequired(_l("Enter the code."))], id="off-code")
    current = PasswordField(_l("Current password"), validators=[InputRequired(_l("Enter your current password."))])


class BeginForm(FlaskForm):
    """Setting the second step up: the password, as a session may be in other hands."""

    current = PasswordField(_l("Current password"), validators=[InputRequired(_l("Enter your current password."))])


class Button(FlaskForm):
    """Nothing but a button, and the token that says that it was pressed here."""
