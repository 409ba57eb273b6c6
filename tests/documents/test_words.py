"""Every word of a document can be read back from it, in any script, and nothing leaves the paper."""

from dataclasses import replace
from datetime import date

import pytest

from portal.documents import Sheet, Unit, draw, drawing
from portal.documents.pdf import HEIGHT, WIDTH
from tests.documents.samples import (
    HOSTILE,
    LONGEST_TITLE,
    PLAIN,
    people,
    rows,
    squashed,
    words_by_pdfium,
    words_by_poppler,
)

FRAME = 48.5  # Points from the edge of the paper to the innermost line of a certificate's border.
RIGHT_TO_LEFT = {"محمد الأحمد", "דוד כהן"}
FORMS = ("print", "digital")
KINDS = ("certificate", "transcript", "letter")
EVERYTHING = {
    "language": "Cymraeg",
    "expires_on": date(2029, 11, 1),
    "replaces": "7Q4M-9XKD-2FH8-WZ3C-K8",
}


def forty_units() -> tuple[Unit, ...]:
    titles = ("Vehicle inspection standards", 'Introductory awareness of Autism Spectrum "Conditions" ' * 3)
    return tuple(Unit(f"K/574/{3000 + n}", titles[n % 2].strip(), "Level 3", n, "Merit") for n in range(40))


def assert_in_frame(sheet, form):
    margin = FRAME if sheet.kind == "certificate" else 20.0
    for page in drawing.compose(sheet, form):
        for words in page.words():
            left, bottom, right, top = words.ink()
            assert margin <= left <= right <= WIDTH - margin, words.line.text
            assert margin <= bottom <= top <= HEIGHT - margin, words.line.text
            assert all(glyph.number for run in words.line.runs for glyph in run.glyphs)


@pytest.mark.parametrize(("name", "title"), people(), ids=[name for name, _ in people()])
def test_everybody_is_shown_whole(name, title):
    for kind in KINDS:
        sheet = replace(PLAIN, kind=kind, learner_name=name, qualification_title=title)
        for form in FORMS:
            assert_in_frame(sheet, form)
            pdf = draw(sheet, form)
            for words in (words_by_pdfium(pdf), words_by_poppler(pdf, reading_order=name in RIGHT_TO_LEFT)):
                assert squashed(name) in squashed(words)
                assert squashed(title) in squashed(words)


@pytest.mark.parametrize(
    "name",
    [
        "প্রিয়া ব্যানার্জি", "ਗੁਰਪ੍ਰੀਤ ਸਿੰਘ", "પ્રિયા પટેલ", "ప్రియా రెడ్డి", "ಪ್ರಿಯಾ ಗೌಡ", "പ്രിയ നായർ", "සුනිල් පෙරේරා", "สมชาย ใจดี",
        "ສົມຊາຍ", "သန်းဌေး", "ភូមិ សុខ", "გიორგი", "Արամ", "አበበ በቀለ", "ପ୍ରିୟା", "髙﨑 田中", "علی\u200cرضا", "فاطمة الزهراء",
        "e\u0301lodie Nguye\u0302\u0303n", "王 Wang 小明",
    ],
)  # fmt: skip
def test_more_scripts_are_shown_whole(name):
    sheet = replace(PLAIN, learner_name=name)
    assert_in_frame(sheet, "digital")
    pdf = draw(sheet, "digital")
    assert squashed(name) in squashed(words_by_poppler(pdf, reading_order=True))
    assert squashed(name) in squashed(words_by_pdfium(pdf))


def test_a_sample_of_real_titles_is_printed_as_registered():
    for row in rows("qualifications.csv")[::40]:
        sheet = replace(PLAIN, qualification_title=row["title"], level=row["level"])
        assert_in_frame(sheet, "digital")
        assert squashed(row["title"]) in squashed(words_by_poppler(draw(sheet, "digital")))


def test_a_title_on_one_line_keeps_its_double_blanks():
    title = "BIIAB  Level 4 Diploma in Management"
    sheet = replace(PLAIN, qualification_title=title)
    lines = [words.line.text for page in drawing.compose(sheet, "digital") for words in page.words()]
    assert title in lines


def fullest(kind: str) -> Sheet:
    """The longest value of everything at once."""
    return replace(
        PLAIN,
        kind=kind,
        learner_name=" ".join(["W" * 100, "Mm-" * 33, "Q" * 100]),
        qualification_title=LONGEST_TITLE[:255],
        awarding_organisation="The Worshipful and Ancient " * 4 + "Company",
        grade="Distinction with honours and commendation",
        level="Entry Level (Entry 3)",
        centre_name="A College with a very long name indeed " * 3,
        units=forty_units(),
        brand=replace(PLAIN.brand, signatory_name="Professor Dame Eleanor Marsh-Featherstonehaugh OBE"),
        **EVERYTHING,
    )


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("form", FORMS)
def test_the_longest_of_everything_stays_on_the_paper(kind, form):
    sheet = fullest(kind)
    assert_in_frame(sheet, form)
    words = squashed(words_by_poppler(draw(sheet, form)))
    for text in (sheet.learner_name, sheet.qualification_title, sheet.awarding_organisation, sheet.grade):
        assert squashed(text) in words


@pytest.mark.parametrize("kind", KINDS)
def test_lines_of_a_crowded_page_do_not_touch(kind):
    for sheet in (fullest(kind), replace(fullest(kind), learner_name="Ŵ" + "yj" * 80)):
        for page in drawing.compose(sheet, "digital"):
            boxes = [(words.ink(), words.line.text) for words in page.words() if words.line.text.strip()]
            for index, (one, said) in enumerate(boxes):
                for other, said_too in boxes[index + 1 :]:
                    across = min(one[2], other[2]) - max(one[0], other[0])
                    down = min(one[3], other[3]) - max(one[1], other[1])
                    assert across < 0.5 or down < 1.2, (said, said_too)


@pytest.mark.parametrize("form", FORMS)
def test_a_certificate_says_what_ofqual_asks(form):
    """General Condition I3, and the reference's groups of four as everywhere in the portal."""
    words = words_by_poppler(draw(replace(PLAIN, **EVERYTHING), form))
    joined = " ".join(words.split())
    for fact in (
        "Skills and Education Group Awards",
        "Samantha Jane Whitlock",
        "603/2915/9",
        PLAIN.qualification_title,
        "Level 2",
        "Merit",
        "2 November 2026",
        "7Q4M-9XKD-2FH8-WZ3C-K7",
        "This certificate is a replacement. It replaces the certificate with reference 7Q4M-9XKD-2FH8-WZ3C-K8.",
        "Language of assessment: Cymraeg",
        "Valid until 1 November 2029",
    ):
        assert fact in joined


def test_an_original_in_english_says_neither_replacement_nor_language():
    words = words_by_poppler(draw(PLAIN, "digital"))
    assert "replace" not in words.lower()
    assert "Language" not in words
    assert "Valid until" not in words


@pytest.mark.parametrize("kind", ["transcript", "letter"])
def test_replacement_and_language_are_told_on_every_kind(kind):
    joined = " ".join(words_by_poppler(draw(replace(PLAIN, kind=kind, **EVERYTHING), "digital")).split())
    assert f"This {kind} is a replacement. It replaces the {kind} with reference 7Q4M-9XKD-2FH8-WZ3C-K8." in joined
    assert "Cymraeg" in joined
    assert "1 November 2029" in joined


def test_a_long_transcript_repeats_its_head_and_counts_its_pages():
    sheet = replace(PLAIN, kind="transcript", units=forty_units())
    pages = drawing.compose(sheet, "digital")
    assert len(pages) >= 2
    for number, page in enumerate(pages, 1):
        said = [words.line.text for words in page.words()]
        assert {"Code", "Unit", "Level", "Credits", "Grade"} <= set(said)
        assert f"Page {number} of {len(pages)}" in said
        assert f"Reference {sheet.reference}" in said
        assert sheet.learner_name in said
    said = [words.line.text for page in pages for words in page.words()]
    assert [unit.code for unit in sheet.units] == [text for text in said if text.startswith("K/574/")]
    assert str(sum(range(40))) in said
    assert "Total credits" in said


def test_a_transcript_without_units_has_its_table_all_the_same():
    sheet = replace(PLAIN, kind="transcript", units=())
    assert "Total credits" in words_by_poppler(draw(sheet, "print"))


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("kind", KINDS)
def test_a_hostile_name_is_only_a_name(name, kind):
    sheet = replace(PLAIN, kind=kind, learner_name=name, centre_name=name, units=())
    pages = drawing.compose(sheet, "digital")
    assert len(pages) == 1
    assert squashed(name) in squashed(words_by_poppler(draw(sheet, "digital")))
