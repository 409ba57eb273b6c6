"""The folder of the demo's mail."""

import pytest

from portal.mail import maildir

MAIL = b"From: a@b.example\nTo: c@d.example\nSubject: =?utf-8?q?Caf=C3=A9?=\nMessage-ID: <1@x>\n\nHi\n"


@pytest.fixture
def post(tmp_path):
    maildir.make(tmp_path)
    return tmp_path


def test_a_message_is_kept_whole_and_found_by_its_name(post):
    name = maildir.deliver(post, MAIL)
    assert maildir.find_bytes(post, name) == MAIL
    assert maildir.find(post, name)["Subject"] == "Café"
    assert list((post / "tmp").iterdir()) == []


def test_the_newest_comes_first(post):
    names = [maildir.deliver(post, MAIL) for _ in range(12)]
    assert [kept.name for kept in maildir.list_newest(post, limit=5)] == names[:-6:-1]
    assert [kept.name for kept in maildir.list_newest(post, limit=5, skip=10)] == names[1::-1]
    assert maildir.count(post) == 12


@pytest.mark.parametrize(
    "name",
    [
        "",
        "..",
        "../secret",
        "/etc/passwd",
        "a/b",
        "1700000000.M000000P1Q1.portal\n",
        "1700000000.M000000P1Q1.portal/..",
        "\x00",
    ],
)
def test_no_name_but_its_own_opens_a_file(post, name):
    (post / "secret").write_text("secret")
    assert maildir.find_bytes(post, name) is None
    assert maildir.find(post, name) is None


def test_a_folder_without_mail_is_empty(tmp_path):
    assert maildir.list_newest(tmp_path / "none", limit=5) == []
    assert maildir.count(tmp_path / "none") == 0


def test_files_of_other_programs_are_left_alone(post):
    (post / "new" / ".DS_Store").write_text("x")
    (post / "new" / "hello").write_text("x")
    assert maildir.list_newest(post, limit=5) == []


def test_broken_messages_do_not_break_the_list(post):
    for raw in (b"", b"\xff\xfe\x00", b"From: \xff\r\nSubject: =?x?q?=\n\n"):
        maildir.deliver(post, raw)
    assert len(maildir.list_newest(post, limit=5)) == 3
