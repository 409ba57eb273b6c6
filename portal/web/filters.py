"""Filters and globals of every template: UK time, references in groups, the words of statuses."""

from flask import Flask

from portal import clock, reference


def init_app(app: Flask) -> None:
    """Add them to the application's Jinja environment."""
    app.jinja_env.filters.update(
        uk_time=clock.uk_text,
        uk_date=clock.uk_date,
        reference=reference.formatted,
    )
    app.jinja_env.globals.update(today=lambda: clock.today())
