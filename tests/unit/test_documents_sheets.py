"""A sheet goes into the database and comes back the same; a brand takes only colours and file names."""

import json
from datetime import date

import pytest

from portal.documents import Brand, Sheet, Unit
from portal.documents.sheets import written_date

BRAND = Brand("A Board", "RN1", "#112233", "#445566", "a.png", ("1 Street",), "a@b.example", "A Person", "Chief")


def a_sheet(**changes) -> Sheet:
    values = {
        "kind": "transcript",
        "reference": "7Q4M-9XKD",
        "verify_url": "https://portal.example/v/7Q4M9XKD",
        "learner_name": "Łukasz Żółkiewski",
        "awarding_organisation": "A Board",
        "recognition_number": "RN1",
        "qualification_number": "603/9991/1",
        "qualification_title": "A  title",
        "level": "Level 1",
        "grade": "Pass",
        "awarded_on": date(2026, 10, 30),
        "expires_on": date(2029, 10, 29),
        "language": "Cymraeg",
        "replaces": None,
        "units": (Unit("D/625/7654", "One", "Level 1", 10, "Pass"), Unit("D/625/7655", "Two", "Level 1", 0, "Pass")),
        "centre_name": "Riverside College",
        "centre_number": "10042",
        "brand": BRAND,
    }
    return Sheet(**values | changes)


def test_a_sheet_survives_json():
    sheet = a_sheet()
    assert Sheet.from_dict(json.loads(json.dumps(sheet.to_dict()))) == sheet


def test_a_sheet_with_a_forgotten_value_is_refused():
    values = a_sheet().to_dict()
    del values["grade"]
    with pytest.raises(TypeError):
        Sheet.from_dict(values)


@pytest.mark.parametrize(("language", "printed"), [("English", ""), ("", ""), ("english ", ""), ("Cymraeg", "Cymraeg")])
def test_the_language_is_printed_where_it_was_not_english(language, printed):
    assert a_sheet(language=language).foreign_language == printed


def test_credits_are_added_up():
    assert a_sheet().total_credits == 10


def test_a_date_is_written_day_month_year():
    assert written_date(date(2026, 11, 2)) == "2 November 2026"


def test_an_unknown_kind_is_refused():
    with pytest.raises(ValueError, match="certificate, transcript, letter"):
        a_sheet(kind="invoice")


@pytest.mark.parametrize("colour", ["red", "#12345", "#12345g", "#123456; } @import url(x)", "[[[x]]]", "#123456\n"])
def test_a_brand_takes_only_colours(colour):
    with pytest.raises(ValueError, match="#rrggbb"):
        Brand("A", "RN1", colour, "#445566", None, (), "", "", "")


@pytest.mark.parametrize("logo", ["../a.png", "/etc/passwd", "a.svg", "http://portal.example/a.png", ".png", "a/b.png"])
def test_a_logo_is_a_file_name(logo):
    with pytest.raises(ValueError, match="PNG or JPEG"):
        Brand("A", "RN1", "#112233", "#445566", logo, (), "", "", "")
