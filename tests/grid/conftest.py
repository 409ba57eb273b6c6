"""A small application with nothing in it but the grid, on SQLite or (PORTAL_TEST_DB=postgresql) on PostgreSQL."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from flask import Flask
from jinja2 import ChoiceLoader, DictLoader, StrictUndefined
from sqlalchemy import event

import portal
from portal.database import db, prepare
from portal.extensions import babel, csrf
from portal.web import grids
from tests.grid.library import BOOKS, CELLS, Librarian, LibraryBase

SHEETS = ["icon", "button", "field", "status", "empty_state", "progress", "grid"]
PAGE = """{% from "components/grid.html" import grid as draw %}<!doctype html><html lang="en"><head><title>Books</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
{% for sheet in ["tokens", "base", "layouts"] %}<link rel="stylesheet" href="/static/css/{{ sheet }}.css">{% endfor %}
{% for sheet in sheets %}<link rel="stylesheet" href="/static/css/components/{{ sheet }}.css">{% endfor %}
<link rel="icon" href="/static/img/favicon.svg"><script type="module" src="/static/js/main.js"></script></head>
<body class="frame"><main class="main"><h1>Library</h1>{{ draw(grid) }}</main></body></html>"""

DATABASE = os.environ.get("PORTAL_TEST_DB", "sqlite")


@pytest.fixture
def app(request, tmp_path):
    url = f"sqlite:///{tmp_path}/grid.db" if DATABASE == "sqlite" else request.getfixturevalue("postgres_url")
    folder = Path(portal.__file__).parent
    app = Flask("grid_test", template_folder=str(folder / "templates"), static_folder=str(folder / "static"))
    app.config.update(SQLALCHEMY_DATABASE_URI=url, SECRET_KEY="only for tests", TESTING=True)
    app.jinja_loader = ChoiceLoader([DictLoader({"page.html": PAGE, "grids/test_books.html": CELLS}), app.jinja_loader])
    app.jinja_env.undefined = StrictUndefined
    app.jinja_env.trim_blocks = app.jinja_env.lstrip_blocks = True
    app.jinja_env.add_extension("jinja2.ext.do")
    db.init_app(app)
    babel.init_app(app)
    csrf.init_app(app)
    app.extensions["grid_test_actor"] = Librarian(1)

    @app.get("/books")
    def books():
        return grids.answer(
            BOOKS, app.extensions["grid_test_actor"], template="page.html", seq_of=_seq_of, sheets=SHEETS
        )

    @app.get("/books/<int:id>")
    def show(id):
        return f"{id}"

    @app.post("/books/<int:id>/lend")
    def lend(id):
        return f"{id}"

    @app.post("/books/export")
    def export():
        return "exported"

    with app.app_context():
        prepare(db.engine)
        LibraryBase.metadata.drop_all(db.engine)
        LibraryBase.metadata.create_all(db.engine)
        yield app
        db.session.remove()
        LibraryBase.metadata.drop_all(db.engine)
        db.engine.dispose()


def _seq_of(rooms):
    return dict.fromkeys(rooms, 41)


@pytest.fixture
def session(app):
    return db.session()


@pytest.fixture
def client(app):
    return app.test_client()


@pytest.fixture
def statements(app):
    """Every statement sent to the database from here on."""
    seen: list[str] = []

    def note(_connection, _cursor, statement, *_rest):
        seen.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    yield seen
    event.remove(db.engine, "before_cursor_execute", note)
