"""What the tests of documents draw: invented people, real titles, hostile names; and how their words are read back."""

import csv
import subprocess
from dataclasses import replace
from datetime import date
from pathlib import Path

import pypdfium2

from portal.documents import Brand, Sheet, Unit

DATA = Path(__file__).parent.parent / "data"

SEG = Brand(
    name="Skills and Education Group Awards",
    recognition_number="RN5112",
    primary="#14365d",
    accent="#b08d3c",
    logo=None,
    address_lines=("1 Example Street", "Nottingham", "NG1 1AA"),
    contact="support@awards.example",
    signatory_name="Eleanor Marsh",
    signatory_title="Responsible Officer",
)

PLAIN = Sheet(
    kind="certificate",
    reference="7Q4M-9XKD-2FH8-WZ3C-K7",
    verify_url="https://portal.example/v/7Q4M9XKD2FH8WZ3CK7",
    learner_name="Samantha Jane Whitlock",
    awarding_organisation=SEG.name,
    recognition_number=SEG.recognition_number,
    qualification_number="603/2915/9",
    qualification_title="SEG Awards Level 2 Award In MOT Testing (Classes 4 and 7) (VRQ)",
    level="Level 2",
    grade="Merit",
    awarded_on=date(2026, 11, 2),
    expires_on=None,
    language="English",
    replaces=None,
    units=(Unit("H/527/3821", "Chainsaw maintenance & cross-cutting", "Level 1", 8, "Merit"),),
    centre_name="Riverside College",
    centre_number="10042",
    brand=SEG,
)

LONGEST_TITLE = "Award in " + "Knowledge of the Service and Repair of Electrically Propelled  Vehicles " * 4
HOSTILE = (
    "<img src=/etc/passwd>",
    '<font color="[[[getattr(pow,Word(__globals__))]]]">Ada</font>',
    "{{7*7}} {% include 'x' %} ${7*7}",
    "<pdf:nextpage/> <link href=http://portal.example/x.css>",
    ") Tj ET /JS (app.alert(1)) BT (",
    'Robert"); DROP TABLE Students;--',
    '=HYPERLINK("http://portal.example")',
)


def rows(name: str) -> list[dict[str, str]]:
    """The rows of a data file."""
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def people() -> list[tuple[str, str]]:
    """The full name and the title of every row of the batch of names from all over the world."""
    full = []
    for row in rows("world-names.csv"):
        names = (row["first_name"], row["middle_name"], row["last_name"])
        full.append((" ".join(filter(None, names)), row["qualification_title"]))
    return full


def squashed(text: str) -> str:
    """Text without its blanks: a wrapped line is cut where a blank or a hyphen stood."""
    return "".join(text.replace("\x02", "-").split())


def words_by_poppler(pdf: bytes, *, reading_order: bool = False) -> str:
    """What pdftotext finds; in the order of the file, or as it thinks that people read."""
    order = [] if reading_order else ["-raw"]
    done = subprocess.run(["pdftotext", *order, "-", "-"], input=pdf, capture_output=True, check=True)
    text = done.stdout.decode("utf-8")
    return text.translate(dict.fromkeys(map(ord, "\u202a\u202b\u202c\u200e\u200f")))


def words_by_pdfium(pdf: bytes) -> str:
    """What pdfium, the reader of most browsers, finds."""
    document = pypdfium2.PdfDocument(pdf)
    try:
        return "\n".join(page.get_textpage().get_text_bounded() for page in document)
    finally:
        document.close()


def replaced(**changes: object) -> Sheet:
    """The plain certificate with some values changed."""
    return replace(PLAIN, **changes)
