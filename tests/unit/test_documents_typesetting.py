"""Text is wrapped and shrunk until it fits; nothing is ever clipped, no glyph is ever missing."""

import csv
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies

from portal.documents import fonts, unsupported_characters
from portal.documents import typesetting as setting

DATA = Path(__file__).parent.parent / "data"
NAME = setting.Style("serif", ("lnum",))
TITLE = setting.Style("serif-600", ("lnum",))
BOX = {"width": 439.0, "height": 104.0}


def rows(name):
    with (DATA / name).open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


def assert_whole(block, text, *, width, height):
    assert "".join("".join(line.text for line in block.lines).split()) == "".join(text.split())
    assert block.height <= height + 0.01
    for line in block.lines:
        assert line.width * block.size / 1000 <= width + 0.5
        for run in line.runs:
            assert all(glyph.number for glyph in run.glyphs)
        shown = sum(len(meant) for run in line.runs for *_, meant in run.clusters)
        assert shown == len(line.text)


def test_every_title_fits_a_certificate():
    for row in rows("qualifications.csv"):
        block = setting.fit(row["title"], TITLE, largest=22, smallest=13, leading=1.22, **BOX)
        assert_whole(block, row["title"], **BOX)
        assert block.size >= 13


def test_a_long_title_keeps_its_double_blanks():
    title = "Skills and Education Group Awards  ABC Level 2 Award"
    block = setting.fit(title, TITLE, largest=12, smallest=9, width=439, height=40)
    assert [line.text for line in block.lines] == [title]


@pytest.mark.parametrize(
    "name",
    ["A" * 300, " ".join(["W" * 100, "M" * 100, "Q" * 98]), "Ab-" * 100, "王" * 300, "محمد " * 60, "மு" * 150,
     "สม" * 150],
    ids=["one word", "three words", "hyphens", "Chinese", "Arabic", "Tamil", "Thai"],
)  # fmt: skip
def test_a_name_of_three_times_a_hundred_characters_fits(name):
    block = setting.fit(name, NAME, largest=38, smallest=16, one_line_from=25, leading=1.1, **BOX)
    assert_whole(block, name, **BOX)
    assert block.size >= 5


def test_a_short_name_is_large():
    block = setting.fit("Ada Lovelace", NAME, largest=38, smallest=16, **BOX)
    assert block.size == 38
    assert len(block.lines) == 1


def test_lines_are_of_even_length():
    block = setting.fit("one two three four five six seven", NAME, largest=30, smallest=30, width=300, height=90)
    widths = [line.width for line in block.lines]
    assert len(widths) == 2
    assert min(widths) > 0.6 * max(widths)


@pytest.mark.parametrize(
    ("text", "file"),
    [
        ("Żółkiewski", "EBGaramond"), ("Щербаков", "EBGaramond"), ("الأحمد", "Amiri"), ("כהן", "NotoSerifHebrew"),
        ("शर्मा", "NotoSerifDevanagari"), ("ஆதிரா", "NotoSansTamil"), ("สมชาย", "NotoSansThaiLooped"),
        ("王小明", "NotoSerifSC"), ("田中さくら", "ShipporiMincho"), ("김민준", "NanumMyeongjo"),
        ("አበበ", "NotoSansEthiopic"),
    ],
)  # fmt: skip
def test_each_script_has_its_own_face(text, file):
    line = setting.shape(text, NAME)
    assert {run.face.name.split("-")[0] for run in line.runs} == {file}


def test_han_characters_are_japanese_beside_kana_and_chinese_alone():
    assert setting.shape("田", NAME).runs[0].face.name.startswith("NotoSerifSC")
    assert setting.shape("田の", NAME).runs[0].face.name.startswith("ShipporiMincho")


def test_arabic_letters_join():
    alone = [setting.shape(letter, NAME).runs[0].glyphs[0].number for letter in "محمد"]
    joined = [glyph.number for glyph in setting.shape("محمد", NAME).runs[0].glyphs]
    assert len(joined) == 4
    assert set(joined).isdisjoint(alone[1:3])


def test_a_right_to_left_word_stands_left_of_the_one_before_it():
    line = setting.shape("דוד Levi כהן", NAME)
    assert "".join(run.clusters[0][2] for run in line.runs if run.clusters[0][2].strip())[0] == "ן"
    assert [run.face.name[:4] for run in line.runs].count("EBGa") >= 1


def test_tamil_vowel_signs_are_reordered():
    # The sign of "ெ" is written before its consonant though it is typed after it.
    line = setting.shape("கெ", NAME)
    first, second = (glyph.number for glyph in line.runs[0].glyphs)
    assert second == setting.shape("க", NAME).runs[0].glyphs[0].number
    assert first != second


def test_a_character_that_no_font_has_is_refused():
    with pytest.raises(setting.UndrawableText, match="U\\+1F600"):
        setting.shape("Ada 😀", NAME)


@pytest.mark.parametrize("control", ["\x00", "\x07", "\x1b", "\x85"])
def test_a_control_character_is_refused(control):
    with pytest.raises(setting.UndrawableText, match="control character"):
        setting.shape(f"Ada{control}Lovelace", NAME)


ANYTHING = strategies.text(strategies.characters(exclude_categories=("Cc", "Cs")), min_size=1, max_size=100)


@settings(max_examples=150, deadline=None)
@given(ANYTHING)
def test_whatever_preflight_lets_pass_is_set_whole(text):
    supported = "".join(character for character in text if not unsupported_characters(character)).strip() or "-"
    block = setting.fit(supported, NAME, largest=38, smallest=16, one_line_from=25, leading=1.1, **BOX)
    assert_whole(block, supported, **BOX)


WORLD = strategies.text("aŁế'-  \u00a0\u0301\u200d\u200fمحمَّدשָׁלוכெமுप्रिสมชាယ王さ김()3.\u200c", min_size=1, max_size=300)


@settings(max_examples=150, deadline=None)
@given(WORLD)
def test_scripts_may_be_mixed_in_any_way(text):
    block = setting.fit(text, NAME, largest=38, smallest=16, one_line_from=25, leading=1.1, **BOX)
    assert_whole(block, text.strip("\u00a0 "), **BOX)
    for line in block.lines:
        seen = [part for run in line.runs for *_, part in run.clusters]
        assert sorted("".join(seen)) == sorted(line.text)


def test_line_breaks_become_blanks():
    assert setting.tidy("a\r\nb\tc") == "a b c"


def test_every_listed_font_is_there():
    assert len(fonts.faces()) == len({face.name for face in fonts.faces()}) >= 20


def test_a_subset_holds_only_what_was_asked_for():
    face = fonts.primary("serif")
    glyph = face.font.get_nominal_glyph(ord("A"))
    cut = fonts.subset(face, [glyph])
    assert set(cut.numbers) >= {0, glyph}
    assert len(cut.data) < 4000
