"""Filters and globals of every template: UK time, references in groups, the words of statuses."""

from flask import Flask
from flask_babel import gettext

from portal import clock, reference


def init_app(app: Flask) -> None:
    """Add them to the application's Jinja environment."""
    app.jinja_env.filters.update(
        uk_time=clock.uk_text,
        uk_date=clock.uk_date,
        reference=reference.formatted,
        translated=translated,
    )
    app.jinja_env.globals.update(today=lambda: clock.today())


def translated(text: object) -> str:
    """A text from a row or the settings in the reader's language; it stays text.

    In a template ``_(variable)`` would count as markup, and a percent sign in it as a placeholder.
    """
    return gettext(str(text)) if text else ""
