"""Documents drawn in a second by one core, beside a bare xhtml2pdf call for a certificate of the same words.

The peer is let off lightly: no border, no emblem, one font file, nothing hashed, nothing deterministic. Every document
has another name and another address in its code, so that nothing can be kept from one to the next but what is the
same in life. Figures are medians of processor time. ``run()`` gives ``{"figure", "value", "unit", "peer", "peer_value",
"ratio"}``.
"""

from __future__ import annotations

import csv
import html
import io
import statistics
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

from xhtml2pdf import pisa
from xhtml2pdf.config.resources import ResourceAccessPolicy

from portal.documents import Brand, Sheet, Unit, draw, page_images, preload
from portal.documents.fonts import FOLDER

NAMES = Path(__file__).parent.parent / "tests" / "data" / "world-names.csv"
DOCUMENTS = 150
PEER_DOCUMENTS = 20

BRAND = Brand(
    "Skills and Education Group Awards", "RN5112", "#14365d", "#b08d3c", None,
    ("1 Example Street", "Nottingham", "NG1 1AA"), "support@awards.example", "Eleanor Marsh", "Responsible Officer",
)  # fmt: skip

CERTIFICATE = """<html><head><style>
@font-face {{ font-family: G; src: url("{font}"); }} @page {{ size: a4; margin: 72pt; }}
body {{ font-family: G; font-size: 12pt; text-align: center; }}
.name {{ font-size: 34pt; }} .title {{ font-size: 22pt; }}
td {{ text-align: center; }}</style></head><body>
<p class="title">{organisation}</p><p>Recognition number {recognition}</p><p>certifies that</p>
<p class="name">{name}</p><p>has been awarded</p><p class="title">{title}</p>
<table><tr><td>Qualification number</td><td>Level</td><td>Grade</td><td>Date of issue</td></tr>
<tr><td>{number}</td><td>{level}</td><td>{grade}</td><td>2 November 2026</td></tr></table>
<pdf:barcode value="{address}" type="qr" barwidth="84pt" barheight="84pt" />
<p>Reference {reference}</p><p>{signatory}</p><p>Centre {centre}</p></body></html>"""


def sheets(count: int, kind: str, *, world: bool = False) -> list[Sheet]:
    """So many different sheets, with eight units each; of people with Latin names, or of all the world."""
    with NAMES.open(encoding="utf-8-sig", newline="") as file:
        people = [row for row in csv.DictReader(file) if world or row["last_name"][:1] < "\u0250"]
    units = tuple(
        Unit(f"K/574/{3000 + n}", f"Vehicle inspection standards {n}", "Level 3", n, "Merit") for n in range(8)
    )
    made = []
    for index in range(count):
        person = people[index % len(people)]
        names = (person["first_name"], person["middle_name"], person["last_name"])
        made.append(
            Sheet(
                kind=kind,  # type: ignore[arg-type]
                reference=f"7Q4M-9XKD-2FH8-{index:04}-K7",
                verify_url=f"https://portal.example/v/7Q4M9XKD2FH8{index:04}K7",
                learner_name=f"{' '.join(filter(None, names))} {index}",
                awarding_organisation=BRAND.name,
                recognition_number=BRAND.recognition_number,
                qualification_number=person["qualification_number"],
                qualification_title=person["qualification_title"],
                level=person["level"],
                grade=person["grade"],
                awarded_on=date(2026, 11, 2),
                expires_on=None,
                language=person["language"],
                replaces=None,
                units=units,
                centre_name="Riverside College",
                centre_number="10042",
                brand=BRAND,
            )
        )
    return made


def bare(sheet: Sheet) -> bytes:
    """The same words through xhtml2pdf, as the guide of that library does it."""
    values = {
        "font": FOLDER / "EBGaramond_400Regular.ttf",
        "organisation": sheet.awarding_organisation,
        "recognition": sheet.recognition_number,
        "name": sheet.learner_name,
        "title": sheet.qualification_title,
        "number": sheet.qualification_number,
        "level": sheet.level,
        "grade": sheet.grade,
        "address": sheet.verify_url,
        "reference": sheet.reference,
        "signatory": sheet.brand.signatory_name,
        "centre": sheet.centre_name,
    }
    out = io.BytesIO()
    written = CERTIFICATE.format(**{key: html.escape(str(value)) for key, value in values.items()})
    pisa.CreatePDF(written, dest=out, resource_policy=ResourceAccessPolicy.server(FOLDER, allow_remote=False))
    return out.getvalue()


def milliseconds(act: Callable[[Sheet], object], some: list[Sheet]) -> float:
    """The median processor time of one document, in milliseconds."""
    times = []
    for sheet in some:
        started = time.process_time()
        act(sheet)
        times.append((time.process_time() - started) * 1000)
    return statistics.median(times)


def run() -> list[dict[str, Any]]:
    """Documents per second and core of each kind and form, and pages turned into pictures."""
    preload()
    certificates = sheets(PEER_DOCUMENTS + 5, "certificate")
    milliseconds(bare, certificates[:5])
    peer = 1000 / milliseconds(bare, certificates[5:])
    figures = []
    for kind in ("certificate", "transcript", "letter"):
        some = sheets(DOCUMENTS + 30, kind)
        for form in ("digital", "print"):
            milliseconds(lambda sheet, form=form: draw(sheet, form), some[:30])
            taken = milliseconds(lambda sheet, form=form: draw(sheet, form), some[30:])
            figures.append(_figure(f"{kind}s drawn, {form}", 1000 / taken, peer))
    some = sheets(DOCUMENTS, "certificate", world=True)
    taken = milliseconds(lambda sheet: draw(sheet, "digital"), some)
    figures.append(_figure("certificates drawn, digital, names in twelve scripts", 1000 / taken, peer))
    pdfs = [draw(sheet, "digital") for sheet in certificates]
    taken = milliseconds(lambda sheet: page_images(pdfs[certificates.index(sheet)]), certificates)
    figures.append(_figure("page images of a digital certificate, 1,240 pixels", 1000 / taken, peer))
    return figures


def _figure(name: str, value: float, peer: float) -> dict[str, Any]:
    return {
        "figure": name,
        "value": round(value, 1),
        "unit": "per second and core",
        "peer": "bare xhtml2pdf, the same words",
        "peer_value": round(peer, 1),
        "ratio": round(value / peer, 1),
    }


if __name__ == "__main__":
    for row in run():
        print(
            f"{row['figure']:<52}{row['value']:>8} {row['unit']}   {row['peer']} {row['peer_value']}   x{row['ratio']}"
        )
