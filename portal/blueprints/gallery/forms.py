"""A form with one field of each kind, as the gallery shows them."""

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    DateField,
    EmailField,
    FileField,
    PasswordField,
    RadioField,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired, Length, Regexp


class SampleForm(FlaskForm):
    """One field of each kind."""

    first_name = StringField("First Name", [InputRequired("Enter a first name.")])
    email = EmailField(
        "Email address",
        [InputRequired("Enter an email address."), Regexp(r"\S+@\S+\.\S+$", message="Enter a whole email address.")],
    )
    password = PasswordField(
        "Password", [InputRequired("Enter a password."), Length(12, message="Use 12 characters or more.")]
    )
    lockout_date = DateField("Lockout Date", [InputRequired("Choose a date in the future.")])
    reason = SelectField(
        "Lockout Reason", choices=["Staff member is on long term sick", "Learner has outstanding debt"]
    )
    more = TextAreaField("Additional Information")
    batch = FileField("Batch file")
    pay = RadioField(
        "How to pay",
        choices=[SelectChoice("account", "On account"), SelectChoice("card", "By card")],
        default="account",
    )
    admin = BooleanField("Is Admin")


class NoticeForm(FlaskForm):
    """The Notify Student dialog."""

    email = EmailField(
        "Email",
        [InputRequired("Enter an email address."), Regexp(r"\S+@\S+\.\S+$", message="Enter a whole email address.")],
    )
