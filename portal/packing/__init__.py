"""The packing engine: a zip of stored files that can be gone on with after any crash, and the folder it lies in.

Names and bytes in, a zip out. It knows no noun, no database and no web.
"""

from portal.packing.digest import Digest
from portal.packing.names import entry_name
from portal.packing.shelf import Shelf
from portal.packing.zips import BrokenZip, NoSpace, Pack, copy_beginning

__all__ = ["BrokenZip", "Digest", "NoSpace", "Pack", "Shelf", "copy_beginning", "entry_name"]
