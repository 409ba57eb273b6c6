"""The letters: what each says, and that no name, title or text can be more than words in it."""

import re
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from html.parser import HTMLParser

import pytest

from portal.errors import Invalid
from portal.mail import Letterhead, build, letters

HEAD = Letterhead(
    brand="Skills and Education Group Awards",
    portal="Learner Portal",
    home="https://portal.example/learner",
    contact="help@portal.example",
    colour="#C9A227",
)
LINK = "https://portal.example/learner/login?a=1&b=2"

HOSTILE = [
    "<script>alert(1)</script>",
    "</p></div><img src=x onerror=alert(1)>",
    "Donald\r\nBcc: everyone@x.example\r\n\r\n<h1>Hello</h1>",
    "Donald\u2028Bcc: everyone@x.example",
    "{{ 7*7 }} {% raw %} %(name)s 100% %s",
    '" onmouseover="alert(1)',
    "javascript:alert(1)",
    "\x00\x07\x1b[31m\ud800",
    "\u202eevil.exe",
    "A" * 5_000,
    "李雷 Ζωή Дональд ডোনাল্ড محمد",
]


def _all(value: str) -> dict[str, letters.Letter]:
    """Every letter, with the same value wherever a person's words may stand."""
    hour, to = timedelta(hours=1), "donald.duck@learner.example"
    head = {"letterhead": HEAD}
    return {
        "password_reset": letters.password_reset(to=to, name=value, link=LINK, valid_for=hour, **head),
        "email_confirmation": letters.email_confirmation(to=to, name=value, link=LINK, valid_for=hour, **head),
        "documents_waiting": letters.documents_waiting(
            to=to,
            learner=value,
            qualification=value,
            link=LINK,
            enrolment_number=value,
            guide_link=LINK,
            notice=value,
            **head,
        ),
        "account_created": letters.account_created(to=to, name=value, username=value, link=LINK, **head),
        "invitation": letters.invitation(
            to=to, name=value, inviter=value, centre=value, link=LINK, valid_for=timedelta(days=7), **head
        ),
        "password_changed": letters.password_changed(
            to=to, name=value, changed_at=datetime(2026, 7, 1, 12, tzinfo=UTC), link=LINK, **head
        ),
        "email_changed": letters.email_changed(to=to, name=value, changed_at=datetime(2026, 7, 1, tzinfo=UTC), **head),
        "second_step_set": letters.second_step_set(
            to=to, name=value, changed_at=datetime(2026, 7, 1, tzinfo=UTC), **head
        ),
        "second_step_removed": letters.second_step_removed(
            to=to, name=value, changed_at=datetime(2026, 7, 1, tzinfo=UTC), by_others=True, **head
        ),
        "problem_reported": letters.problem_reported(
            to=to,
            number=12,
            reporter=value,
            centre=value,
            about=value,
            text=value,
            link=LINK,
            **head,
        ),
        "problem_answered": letters.problem_answered(
            to=to, name=value, number=12, about=value, text=value, link=LINK, **head
        ),
    }


class _Outline(HTMLParser):
    """The elements and attributes of a page, without its words."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple] = []
        self.open: list[str] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, tuple(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _outline(html: str) -> list[tuple]:
    read = _Outline()
    read.feed(html)
    assert read.open == []
    return read.seen


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_words_stay_words_in_every_letter(value):
    plain = _all("Donald")
    for name, letter in _all(value).items():
        assert _outline(letter.html) == _outline(plain[name].html), name
        assert "\n" not in letter.subject and "\r" not in letter.text + letter.html
        assert not re.search(
            "[\x00-\x08\x0b-\x1f\x7f\u2028\u202e\ud800-\udfff]", letter.subject + letter.text + letter.html
        )
        assert letter.text.count("\n") <= plain[name].text.count("\n") + (4 if name.startswith("problem_") else 0)


@pytest.mark.parametrize("value", HOSTILE)
def test_hostile_words_start_no_header_in_any_message(value):
    for letter in _all(value).values():
        raw = build(letter, message_id="<1@x.example>", sender="Portal <a@b.example>", date=datetime.now(UTC))
        mail = message_from_bytes(raw, policy=policy.default)
        assert mail.defects == []
        assert mail["Bcc"] is None
        assert [a.addr_spec for a in mail["To"].addresses] == ["donald.duck@learner.example"]
        assert mail.get_body(("plain",)).get_content().replace("\r\n", "\n") == letter.text
        assert mail.get_body(("html",)).get_content().replace("\r\n", "\n") == letter.html


def test_the_notice_carries_all_that_the_guide_asks_for():
    letter = letters.documents_waiting(
        to="donald.duck@learner.example",
        learner="Donald Duck",
        qualification="SEG Awards ABC Level 2 Award in MOT Testing (Classes 4 & 7)",
        link="https://portal.example/learner/login",
        enrolment_number="AMS00009824708",
        guide_link="https://portal.example/learner/help",
        notice="Paper certificates can be ordered from the summer.",
        letterhead=HEAD,
    )
    for part in (letter.text, letter.html.replace("&amp;", "&")):
        for words in (
            "Donald Duck",
            "SEG Awards ABC Level 2 Award in MOT Testing (Classes 4 & 7)",
            "https://portal.example/learner/login",
            "AMS00009824708",
            "https://portal.example/learner/help",
            "Paper certificates can be ordered from the summer.",
            "The Digital Certificate Team",
        ):
            assert words in part


def test_a_brand_without_a_notice_line_leaves_no_hole():
    letter = letters.documents_waiting(
        to="a@b.example",
        learner="Donald Duck",
        qualification="An award",
        link=LINK,
        enrolment_number="AMS00009824708",
        guide_link=LINK,
        letterhead=HEAD,
    )
    assert "Please note" not in letter.text + letter.html
    assert "\n\n\n" not in letter.text


@pytest.mark.parametrize("name", sorted(_all("Donald")))
def test_every_text_reads_as_evenly_spaced_paragraphs(name):
    letter = _all("Donald")[name]
    assert "\n\n\n" not in letter.text and " \n" not in letter.text.replace("-- \n", "")
    assert "{" not in letter.text and "%(" not in letter.text + letter.html


def test_links_stand_alone_on_a_line_of_the_text_and_whole_in_the_html():
    letter = _all("Donald")["password_reset"]
    assert LINK in letter.text.split("\n")
    assert f'href="{LINK.replace("&", "&amp;")}"' in letter.html


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(hours=1), "within 1 hour."),
        (timedelta(hours=72), "within 3 days."),
        (timedelta(days=1), "within 1 day."),
        (timedelta(minutes=90), "within 90 minutes."),
    ],
)
def test_a_life_span_is_told_in_its_largest_whole_unit(span, words):
    letter = letters.password_reset(to="a@b.example", name="", link=LINK, valid_for=span, letterhead=HEAD)
    assert words in letter.text and words in letter.html


def test_times_are_shown_in_uk_time():
    assert "01/07/2026 13:00:00 (UK time)" in _all("Donald")["password_changed"].text


def test_a_mail_never_carries_a_password():
    letter = _all("Donald")["account_created"]
    assert "never sent by email" in letter.text


@pytest.mark.parametrize("name", ["problem_reported", "problem_answered"])
def test_what_was_written_about_a_problem_is_quoted_and_no_subject_tells_it(name):
    letter = _all("Connor Random\nis <b>wrong</b>")[name]
    assert "> Connor Random\n> is <b>wrong</b>\n" in letter.text
    assert "Connor Random\nis &lt;b&gt;wrong&lt;/b&gt;" in letter.html
    assert "Connor" not in letter.subject and "12" in letter.subject


def test_a_reporters_words_are_marked_as_theirs_on_every_line():
    letter = letters.problem_reported(
        to="a@b.example",
        reporter="Anew User",
        number=12,
        centre="Riverside College",
        about="Certificate 7Q4M",
        text="First\r\n\r\nSecond",
        link=LINK,
        letterhead=HEAD,
    )
    assert "> First\n>\n> Second\n" in letter.text
    assert "First\n\nSecond</blockquote>" in letter.html


@pytest.mark.parametrize(
    "link",
    ["javascript:alert(1)", "//evil.example", "/learner", "https://x.example/\r\nBcc: a", "https://", "ftp://x/"],
)
def test_a_letter_refuses_a_link_that_is_none(link):
    with pytest.raises(Invalid):
        letters.password_reset(to="a@b.example", name="", link=link, valid_for=timedelta(hours=1), letterhead=HEAD)


def test_the_words_go_through_the_catalogue():
    seen = []

    def shout(message: str) -> str:
        seen.append(message)
        return re.sub(r"%\(.*?\)s|[^%]", lambda found: found[0] if found[0][0] == "%" else found[0].upper(), message)

    letter = letters.email_confirmation(
        to="a@b.example",
        name="<Zoë>",
        link=LINK,
        valid_for=timedelta(hours=1),
        letterhead=Letterhead(brand="B", portal="P", home="https://x.example"),
        environment=letters.environment(shout),
    )
    assert letter.subject == "CONFIRM YOUR EMAIL ADDRESS"
    assert "HELLO <Zoë>," in letter.text and "HELLO &lt;Zoë&gt;," in letter.html
    assert "Hello %(name)s," in seen


def test_the_button_can_be_read_on_every_brand_colour():
    def luminance(colour: str) -> float:
        channels = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    for grey in range(0, 256, 5):
        for colour in (f"#{grey:02x}{grey:02x}{grey:02x}", f"#{grey:02x}8040", f"#2060{grey:02x}"):
            dark, light = sorted((luminance(colour), luminance(letters.wording.ink_on(colour))))
            assert (light + 0.05) / (dark + 0.05) >= 4.2, colour


@pytest.mark.parametrize("colour", ["red", "#fff", "#fffff;", "#123456;background:url(x)", "#12345g"])
def test_a_colour_cannot_carry_a_style(colour):
    with pytest.raises(Invalid):
        letters.email_changed(
            to="a@b.example",
            name="",
            changed_at=datetime.now(UTC),
            letterhead=Letterhead(brand="B", portal="P", home="https://x.example", colour=colour),
        )
