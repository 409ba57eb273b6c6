"""``flask demo``: the named cast and its story."""

import click
from flask.cli import AppGroup

from portal.demo import story
from portal.tasks import documents, downloads

group = AppGroup("demo", help="A named cast and a story to look at.")


@group.command("load")
def load() -> None:
    """Put the cast and the story into an empty database; a second time nothing happens."""
    fresh = story.load(draw=documents.draw, pack=downloads.pack)
    click.echo("The demo is ready." if fresh else "The demo was loaded before; nothing was changed.")
