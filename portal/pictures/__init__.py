"""Profile pictures: what a file says about itself, and a small clean picture made of it.

Bytes in, bytes out. Here: reading headers (any process) and making pictures (the worker only). Not here: whose picture
it is, and where it lies.
"""

from portal.pictures.header import MOST_BYTES, MOST_PIXELS, Header, NotAPicture, Unusable, read_header

MIMETYPE = "image/webp"

__all__ = ["MIMETYPE", "MOST_BYTES", "MOST_PIXELS", "Header", "NotAPicture", "Unusable", "read_header"]
