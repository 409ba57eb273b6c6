"""Documents: values in, bytes of a PDF out. Worker only; knows no model, no request and no database.

``sheets`` what a document says · ``drawing`` draw it · ``images`` pictures of its pages · ``storage`` keep its bytes ·
``coverage`` which characters can be shown · ``qr`` · and beneath: ``certificate transcript letter`` the layouts,
``furniture`` what they share, ``art`` the ornament, ``letterhead`` a brand's own HTML, ``typesetting fonts pdf``.

Importing this package loads no font and no PDF library: those come with ``draw``, ``page_images`` and ``preload``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from portal.documents.coverage import unsupported_characters
from portal.documents.sheets import Brand, Sheet, Unit
from portal.documents.storage import Damaged, OutOfSpace, Store, Stored

if TYPE_CHECKING:
    from portal.documents.drawing import draw, preload
    from portal.documents.images import page_images

__all__ = [
    "Brand",
    "Damaged",
    "OutOfSpace",
    "Sheet",
    "Store",
    "Stored",
    "Unit",
    "draw",
    "page_images",
    "preload",
    "unsupported_characters",
]


def __getattr__(name: str) -> Any:
    """Load the heavy parts when they are first asked for, so that a web process never holds them."""
    if name in ("draw", "preload"):
        from portal.documents import drawing

        return getattr(drawing, name)
    if name == "page_images":
        from portal.documents import images

        return images.page_images
    raise AttributeError(name)
