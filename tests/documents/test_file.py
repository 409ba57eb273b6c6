"""The file itself: the same for ever, whole, quiet, and with a code that leads to its check."""

import io
import subprocess
import sys
from dataclasses import replace

import pikepdf
import pypdfium2
import pytest
import zxingcpp
from PIL import Image

from portal.documents import draw, images, page_images
from tests.documents.samples import HOSTILE, PLAIN, SEG

KINDS = ("certificate", "transcript", "letter")
FORMS = ("print", "digital")
ALL = [(kind, form) for kind in KINDS for form in FORMS]


def opened(pdf: bytes) -> pikepdf.Pdf:
    return pikepdf.open(io.BytesIO(pdf))


@pytest.mark.parametrize(("kind", "form"), ALL)
def test_the_same_values_give_the_same_bytes(kind, form):
    sheet = replace(PLAIN, kind=kind, learner_name="ஆதிரா محمد 王")
    assert draw(sheet, form) == draw(replace(sheet), form)


def test_another_process_gives_the_same_bytes():
    program = (
        "import hashlib, sys; from tests.documents.samples import PLAIN, replaced; from portal.documents import draw\n"
        "for first in sys.argv[1:]: draw(replaced(learner_name=first), 'digital')\n"
        "print(hashlib.sha256(draw(PLAIN, 'digital')).hexdigest())"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", program, *before],
            capture_output=True,
            text=True,
            check=True,
            env={"PYTHONHASHSEED": seed},
        ).stdout
        for seed, before in (("1", []), ("2", ["Ḃridget Þór", "王 Zoë"]))
    ]
    assert runs[0] == runs[1] != ""


@pytest.mark.parametrize(("kind", "form"), ALL)
def test_the_file_is_sound_and_its_fonts_are_inside(kind, form):
    with opened(draw(replace(PLAIN, kind=kind), form)) as pdf:
        assert pdf.check_pdf_syntax() == []
        fonts = [
            item
            for item in pdf.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor"
        ]
        assert fonts
        assert all("/FontFile2" in font for font in fonts)
        named = [item for item in pdf.objects if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/Font"]
        assert all("/FontDescriptor" in font or "/DescendantFonts" in font for font in named)


@pytest.mark.parametrize(("kind", "form"), ALL)
def test_the_file_says_its_language_and_title(kind, form):
    with opened(draw(replace(PLAIN, kind=kind, learner_name="Zoë Ŵ"), form)) as pdf:
        assert pdf.Root.Lang == "en-GB"
        assert pdf.Root.ViewerPreferences.DisplayDocTitle
        assert "Zoë Ŵ" in str(pdf.docinfo["/Title"])
        assert pdf.Root.MarkInfo.Marked
        assert str(pdf.docinfo["/CreationDate"]).startswith("D:20261102")
        assert len(pdf.trailer.ID) == 2


@pytest.mark.parametrize("name", ["Samantha Whitlock", *HOSTILE])
def test_nothing_in_the_file_acts(name):
    """Abuse case 17: no script, no action, no attachment; the only address is the one that checks the document."""
    for kind in KINDS:
        with opened(draw(replace(PLAIN, kind=kind, learner_name=name), "digital")) as pdf:
            addresses = []
            for item in pdf.objects:
                if not isinstance(item, pikepdf.Dictionary | pikepdf.Stream):
                    continue
                for key in (
                    "/JS",
                    "/JavaScript",
                    "/OpenAction",
                    "/AA",
                    "/Launch",
                    "/EmbeddedFile",
                    "/RichMedia",
                    "/AcroForm",
                ):
                    assert key not in item
                    assert item.get("/S") != key
                    assert item.get("/Type") != key
                action = item.get("/A")
                if isinstance(action, pikepdf.Dictionary) and "/URI" in action:
                    addresses.append(str(action.URI))
            assert addresses == [PLAIN.verify_url]


@pytest.mark.parametrize(("kind", "form"), ALL)
def test_the_code_on_the_page_leads_to_the_check(kind, form):
    picture = Image.open(io.BytesIO(page_images(draw(replace(PLAIN, kind=kind), form))[0]))
    assert picture.format == "JPEG"
    assert images.SUFFIX == ".jpg"
    assert picture.width == 1240
    assert [code.text for code in zxingcpp.read_barcodes(picture.convert("L"))] == [PLAIN.verify_url]


def test_the_code_is_read_from_a_small_grey_copy():
    picture = Image.open(io.BytesIO(page_images(draw(PLAIN, "digital"), width=700)[0])).convert("L")
    assert [code.text for code in zxingcpp.read_barcodes(picture)] == [PLAIN.verify_url]


def test_every_page_has_its_picture():
    sheet = replace(PLAIN, kind="transcript", units=PLAIN.units * 60)
    pdf = draw(sheet, "digital")
    assert len(page_images(pdf, width=300)) == len(pypdfium2.PdfDocument(pdf)) >= 2


@pytest.mark.parametrize("width", [0, -1, 100_000])
def test_a_picture_of_a_mad_size_is_refused(width):
    with pytest.raises(ValueError, match="pixels wide"):
        page_images(draw(PLAIN, "print"), width=width)


def test_the_print_view_brings_no_border_and_no_colour():
    with opened(draw(PLAIN, "print")) as pdf:
        assert "/XObject" not in pdf.pages[0].Resources
    picture = Image.open(io.BytesIO(page_images(draw(PLAIN, "print"), width=400)[0])).convert("RGB")
    edge = picture.crop((0, 0, 400, 60))
    assert edge.getextrema() == ((255, 255), (255, 255), (255, 255))


def test_the_digital_form_shows_the_brand():
    with opened(draw(PLAIN, "digital")) as pdf:
        assert "/A" in pdf.pages[0].Resources.XObject
    other = replace(SEG, primary="#5a1a3c")
    assert draw(PLAIN, "digital") != draw(replace(PLAIN, brand=other), "digital")


def test_an_unknown_form_is_refused():
    with pytest.raises(ValueError, match="print or digital"):
        draw(PLAIN, "poster")
