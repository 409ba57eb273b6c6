"""Reading and checking a batch file: bytes in, rows and remarks out.

Here: the form of the file (CONTRACT.md, Batch file), the rules for each cell, what is compared with what is on file,
and the report. Not here: tables, queries, pages. What is on file comes in through ``Held``.
"""

from portal.intake.cells import OPTIONAL, REQUIRED, Row, UnitRow
from portal.intake.preflight import Held, HeldLearner, Report, preflight
from portal.intake.records import MAX_BYTES, MAX_ROWS
from portal.intake.remarks import Remark, report_csv, report_json

__all__ = [
    "MAX_BYTES",
    "MAX_ROWS",
    "OPTIONAL",
    "REQUIRED",
    "Held",
    "HeldLearner",
    "Remark",
    "Report",
    "Row",
    "UnitRow",
    "preflight",
    "report_csv",
    "report_json",
]
