"""Style sheets and scripts: one sheet, addressed by version, kept for ever, and nothing outside the static folder."""

import gzip
import re
from pathlib import Path

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient

from config import ROOT
from portal.web import assets


@pytest.fixture
def app() -> Flask:
    """An application with nothing but its static files, as in production."""
    app = Flask("portal", root_path=str(ROOT / "portal"))
    assets.init_app(app)
    return app


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    return app.test_client()


@pytest.fixture
def sheet_address(app: Flask) -> str:
    with app.test_request_context("/"):
        return url_for("static", filename=assets.SHEET)


def test_an_address_with_a_version_is_kept_for_ever(client: FlaskClient, sheet_address: str) -> None:
    answer = client.get(sheet_address)
    assert answer.status_code == 200
    assert "immutable" in answer.headers["Cache-Control"]


def test_an_address_without_a_version_is_asked_for_again(client: FlaskClient) -> None:
    answer = client.get("/static/js/main.js")
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-cache"
    assert client.get("/static/js/main.js", headers={"If-None-Match": answer.headers["ETag"]}).status_code == 304


def test_a_page_of_an_older_release_still_finds_its_files(client: FlaskClient) -> None:
    answer = client.get("/static/v-000000000000/js/main.js", follow_redirects=True)
    assert answer.status_code == 200


def test_the_sheet_is_the_same_packed_and_unpacked(client: FlaskClient, sheet_address: str) -> None:
    plain = client.get(sheet_address)
    packed = client.get(sheet_address, headers={"Accept-Encoding": "gzip"})
    assert packed.headers["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.data) == plain.data
    assert plain.headers["ETag"] != packed.headers["ETag"]


def test_the_sheet_holds_every_component(app: Flask, client: FlaskClient, sheet_address: str) -> None:
    text = client.get(sheet_address).get_data(as_text=True)
    components = sorted((Path(str(app.static_folder)) / "css" / "components").glob("*.css"))
    assert components
    assert text.startswith("@layer tokens, base, layouts, components, pages;")
    assert text.count("@layer components {") >= len(components)


def test_every_address_in_the_sheet_leads_to_a_file(client: FlaskClient, sheet_address: str) -> None:
    found = set(re.findall(r'url\("([^"]+)"\)', client.get(sheet_address).get_data(as_text=True)))
    assert found
    for address in found:
        answer = client.get(sheet_address.rsplit("/", 1)[0] + "/" + address)
        assert answer.status_code == 200, address


@pytest.mark.parametrize(
    "path", ["../app.py", "%2e%2e/app.py", "/etc/hosts", "js/../../app.py", "css/../../../config.py"]
)
def test_nothing_outside_the_folder_is_served(client: FlaskClient, sheet_address: str, path: str) -> None:
    for base in ("/static/", sheet_address.removesuffix(assets.SHEET)):
        assert client.get(base + path, follow_redirects=True).status_code == 404


def test_the_version_changes_with_a_file(tmp_path: Path) -> None:
    (tmp_path / "a.css").write_text("a {}")
    before = assets.version_of(tmp_path)
    (tmp_path / "a.css").write_text("b {}")
    assert assets.version_of(tmp_path) != before


def test_in_development_a_changed_sheet_is_seen_at_once() -> None:
    app = Flask("portal", root_path=str(ROOT / "portal"))
    app.config["DEVELOPMENT"] = True
    assets.init_app(app)
    with app.test_request_context("/"):
        address = url_for("static", filename=assets.SHEET)
    assert app.test_client().get(address).headers["Cache-Control"] == "no-cache"
