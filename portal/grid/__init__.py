"""The grid engine: one declaration answers a list's page, fragment, live rows, selection and CSV.

It knows no noun and no HTTP. A list is declared in ``portal.queries``; ``portal.web.grids`` answers for it.
"""

from portal.grid.declaration import Action, Asked, Bulk, Column, Grid
from portal.grid.filters import DateRange, Filter, Key, NumberRange, OneOf, Text, YesNo
from portal.grid.question import BadQuery, Question
from portal.grid.reading import Page, count, read_page, read_rows, selected, stream
from portal.grid.selection import Selection

__all__ = [
    "Action",
    "Asked",
    "BadQuery",
    "Bulk",
    "Column",
    "DateRange",
    "Filter",
    "Grid",
    "Key",
    "NumberRange",
    "OneOf",
    "Page",
    "Question",
    "Selection",
    "Text",
    "YesNo",
    "count",
    "read_page",
    "read_rows",
    "selected",
    "stream",
]
