"""A brand's own stationery: the HTML template of logo and address, drawn once by xhtml2pdf, to lie under pages.

xhtml2pdf runs only here, only on a brand's settings, and may read nothing but the logos, the fonts and no network.
"""

from __future__ import annotations

import dataclasses
import io
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

import jinja2
import pikepdf
from reportlab import rl_config
from xhtml2pdf import pisa
from xhtml2pdf.config.resources import ResourceAccessPolicy

from portal.documents import fonts
from portal.documents.sheets import Brand

ASSETS = Path(__file__).parent / "assets"
TEMPLATES = Path(__file__).parent.parent / "templates" / "documents"

# ReportLab begins each page by choosing a font that it never uses; it would be named here without being embedded.
PREAMBLE = b"BT /F1 12 Tf 14.4 TL ET"

# A logo of more than this many pixels says nothing more on paper.
MOST_PIXELS = 6_000_000


class LetterheadFailed(RuntimeError):
    """The stationery of a brand cannot be drawn: its logo is missing, is no picture, or is refused."""


@lru_cache(maxsize=1)
def _templates() -> jinja2.Environment:
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES), autoescape=True, undefined=jinja2.StrictUndefined, auto_reload=False
    )


def policy() -> ResourceAccessPolicy:
    """What xhtml2pdf may read: the folders of logos and fonts, with small limits, and never the network."""
    closed = ResourceAccessPolicy.server(ASSETS, allow_remote=False)
    return dataclasses.replace(
        closed,
        extra_roots=(fonts.FOLDER,),
        allow_remote_pdf_backgrounds=False,
        max_image_pixels=MOST_PIXELS,
        max_render_seconds=20.0,
    )


def render(kind: str, brand: Brand) -> bytes:
    """The stationery of a brand for one kind of document, as a PDF of one page."""
    if brand.logo and not (ASSETS / brand.logo).is_file():
        raise LetterheadFailed(f"The logo {brand.logo} is not in portal/documents/assets.")
    html = (
        _templates().get_template("letterhead.html").render(kind=kind, brand=brand, assets=ASSETS, fonts=fonts.FOLDER)
    )
    out = io.BytesIO()
    before = rl_config.invariant, rl_config.useA85
    rl_config.invariant, rl_config.useA85 = 1, 0
    try:
        result = pisa.CreatePDF(html, dest=out, encoding="utf-8", resource_policy=policy())
    finally:
        rl_config.invariant, rl_config.useA85 = before
    if result.err:
        logging.getLogger(__name__).error("xhtml2pdf reported %s errors for the brand %s", result.err, brand.name)
        raise LetterheadFailed(f"The letterhead of {brand.name} cannot be drawn.")
    return out.getvalue()


@lru_cache(maxsize=64)
def objects(kind: str, brand: Brand) -> tuple[bytes, ...]:
    """The stationery as PDF objects for ``pdf.Art``: they call each other ``@0@``, ``@1@`` …; the last is the form."""
    with pikepdf.open(io.BytesIO(render(kind, brand))) as document:
        if len(document.pages) != 1:
            raise LetterheadFailed(f"The letterhead of {brand.name} does not fit on one page.")
        page = document.pages[0]
        content = page.obj["/Contents"].read_bytes().replace(PREAMBLE, b"")
        page.obj["/Contents"] = document.make_stream(content)
        embedded = page.obj["/Resources"]["/Font"]
        for name in [name for name in embedded.keys() if name.encode("ascii") + b" " not in content]:
            del embedded[name]
        form = document.make_indirect(page.as_form_xobject())
        return _Copy().of(form)


class _Copy:
    """Everything that an object needs, in an order where the object itself comes last."""

    def __init__(self) -> None:
        self.places: dict[tuple[int, int], int] = {}
        self.waiting: list[Any] = []

    def of(self, top: Any) -> tuple[bytes, ...]:
        self._visit(top)
        return tuple(self._body(item) for item in self.waiting)

    def _visit(self, item: Any) -> None:
        if getattr(item, "is_indirect", False):
            if item.objgen in self.places:
                return
            self.places[item.objgen] = -1
        for child in _children(item):
            self._visit(child)
        if getattr(item, "is_indirect", False):
            self.places[item.objgen] = len(self.waiting)
            self.waiting.append(item)

    def _body(self, item: Any) -> bytes:
        if isinstance(item, pikepdf.Stream):
            data = item.read_raw_bytes()
            return _dictionary(item, self.places)[:-2] + b" /Length %d >>stream\n" % len(data) + data + b"\nendstream"
        return _written(item, self.places, inner=False)


def _children(item: Any) -> list[Any]:
    if isinstance(item, pikepdf.Stream):
        return [item.stream_dict.get(key) for key in sorted(item.stream_dict.keys()) if key != "/Length"]
    if isinstance(item, pikepdf.Dictionary):
        return [item.get(key) for key in sorted(item.keys())]
    return list(item) if isinstance(item, pikepdf.Array) else []


def _dictionary(item: Any, places: dict[tuple[int, int], int]) -> bytes:
    holder = item.stream_dict if isinstance(item, pikepdf.Stream) else item
    parts = [
        key.encode("ascii") + b" " + _written(holder.get(key), places)
        for key in sorted(holder.keys())
        if not (isinstance(item, pikepdf.Stream) and key == "/Length")
    ]
    return b"<< " + b" ".join(parts) + b" >>"


def _written(item: Any, places: dict[tuple[int, int], int], *, inner: bool = True) -> bytes:
    if inner and getattr(item, "is_indirect", False):
        return b"@%d@" % places[item.objgen]
    if isinstance(item, pikepdf.Dictionary):
        return _dictionary(item, places)
    if isinstance(item, pikepdf.Array):
        return b"[ " + b" ".join(_written(part, places) for part in item) + b" ]"
    if isinstance(item, pikepdf.Object):
        return item.unparse(resolved=True)
    return _plain(item)


def _plain(item: Any) -> bytes:
    """Numbers and truth values, which pikepdf gives as Python's own."""
    if item is None:
        return b"null"
    if isinstance(item, bool):
        return b"true" if item else b"false"
    return str(item).encode("ascii")
