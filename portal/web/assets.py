"""Style sheets, scripts and pictures: addressed by version, kept by browsers for ever; all component sheets as one.

No build step: the sheets stay files, read once when the process starts. In development they are read at every request.
"""

from __future__ import annotations

import gzip
import hashlib
import posixpath
import re
from functools import lru_cache, partial
from pathlib import Path

from flask import Flask, Response, request

SHEET = "css/portal.css"
"""The one sheet that every page links: tokens, fonts, base, layouts and all components, in this order."""

FOREVER = "public, max-age=31536000, immutable"
READABLE = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml"}
ADDRESS = re.compile(r"url\(\"(?!data:)([^\"#]+)\"\)")


def init_app(app: Flask) -> None:
    """Let ``url_for("static", …)`` give addresses with the version in their path, which relative imports then carry."""
    folder = Path(str(app.static_folder))
    changing = bool(app.config.get("DEVELOPMENT"))
    version = version_of(folder)

    def serve(filename: str, version: str | None = None) -> Response:
        path = folder / filename
        if filename == SHEET:
            response = _packed(sheet(folder), "text/css")
        elif path.suffix in READABLE and not changing and _inside(path, folder):
            response = _packed(_read(path), READABLE[path.suffix])
        else:
            response = app.send_static_file(filename)
        if version is not None and not changing:
            response.headers["Cache-Control"] = FOREVER
        return response

    if changing:
        sheet.cache_clear()
        app.before_request(sheet.cache_clear)
    app.view_functions["static"] = serve
    # An address that names an older version still answers: a page that was open during a release goes on.
    app.add_url_rule(f"/static/v-{version}/<path:filename>", endpoint="static", defaults={"version": version})
    app.add_url_rule("/static/v-<version>/<path:filename>", endpoint="static", build_only=False, alias=True)


def version_of(folder: Path) -> str:
    """Twelve characters that change when any file in the folder does; the same in every process."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(path.relative_to(folder).as_posix().encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


@lru_cache
def sheet(folder: Path) -> bytes:
    """All sheets in their order, without comments; addresses in them are set right for where the one sheet stands."""
    names = [f"css/{name}.css" for name in ("tokens", "fonts", "base", "layouts")]
    names += sorted(path.relative_to(folder).as_posix() for path in (folder / "css" / "components").glob("*.css"))
    parts = []
    for name in names:
        text = re.sub(r"/\*.*?\*/", "", (folder / name).read_text(encoding="utf-8"), flags=re.S)
        text = ADDRESS.sub(partial(_seen_from_css, posixpath.dirname(name)), text)
        parts.append(re.sub(r"\s*\n\s*", "\n", text).strip())
    return "\n".join(parts).encode()


def _seen_from_css(here: str, found: re.Match[str]) -> str:
    return f'url("{posixpath.relpath(posixpath.join(here, found[1]), posixpath.dirname(SHEET))}")'


def _inside(path: Path, folder: Path) -> bool:
    return path.is_file() and path.resolve().is_relative_to(folder.resolve())


@lru_cache(maxsize=256)
def _read(path: Path) -> bytes:
    return path.read_bytes()


@lru_cache(maxsize=256)
def _zipped(body: bytes) -> bytes:
    return gzip.compress(body, mtime=0)


def _packed(body: bytes, mimetype: str) -> Response:
    zipped = request.accept_encodings.quality("gzip") > 0
    response = Response(_zipped(body) if zipped else body, mimetype=mimetype)
    response.headers["Vary"] = "Accept-Encoding"
    if zipped:
        response.headers["Content-Encoding"] = "gzip"
    response.set_etag(hashlib.sha256(body).hexdigest()[:16] + ("-g" if zipped else ""))
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(request)
    return response
