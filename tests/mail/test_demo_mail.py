"""The demo's letter box: it shows what was kept, trusts nothing in it, and opens no other file."""

import html5lib
import pytest

from portal.app import create_app
from portal.database import db
from portal.mail import Letter, build, maildir

LINK = "https://portal.example/learner/reset/abc?x=1"


@pytest.fixture(scope="module")
def app(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SECRET_KEY", "not-a-secret-only-for-checks-and-tests")
        patch.setenv("PORTAL_DATA", str(folder))
        made = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{folder / 'demo.db'}", "DEMO": True})
    with made.app_context():
        db.create_all()
    return made


@pytest.fixture
def post(app, tmp_path):
    app.config["PORTAL_DATA"] = tmp_path
    maildir.make(tmp_path / "mail")
    return tmp_path / "mail"


@pytest.fixture
def client(app, post):
    return app.test_client()


def _keep(post, written, **changes) -> str:
    words = {
        "to": "donald.duck@learner.example",
        "subject": "Set a new password",
        "text": f"Open this:\n\n{LINK}\n\nor (https://portal.example/a).\n",
        "html": f'<!doctype html><html><head><title>x</title></head><body><a href="{LINK}">Go</a></body></html>',
    }
    letter = Letter(**(words | changes))
    raw = build(letter, message_id=f"<{len(changes)}@x.example>", sender="Portal <a@b.example>", date=written)
    return maildir.deliver(post, raw.replace(b"\r\n", b"\n"))


def _strict(answer) -> None:
    html5lib.HTMLParser(strict=True).parse(answer.text)


def test_an_empty_box_says_how_to_fill_it(client):
    answer = client.get("/demo/mail")
    assert answer.status_code == 200
    assert "No mail yet" in answer.text
    _strict(answer)


def test_the_newest_mail_stands_on_top(client, post, written):
    names = [_keep(post, written, subject=f"Mail {number}") for number in range(52)]
    page = client.get("/demo/mail").text
    assert page.index("Mail 51") < page.index("Mail 50")
    assert page.count("<tr data-id=") == 50
    assert "/demo/mail?page=2" in page
    second = client.get("/demo/mail?page=2").text
    assert names[0] in second and names[1] in second and second.count("<tr data-id=") == 2


def test_a_mail_is_shown_with_headers_and_links_that_can_be_followed(client, post, written):
    answer = client.get(f"/demo/mail/{_keep(post, written)}")
    assert answer.status_code == 200
    assert f'<a href="{LINK}" rel="noopener noreferrer">{LINK}</a>' in answer.text
    assert '<a href="https://portal.example/a" rel="noopener noreferrer">' in answer.text
    assert "Auto-Submitted" in answer.text
    assert "donald.duck@learner.example" in answer.text
    _strict(answer)


def test_the_html_part_has_no_rights_in_the_portal(client, post, written):
    name = _keep(post, written)
    answer = client.get(f"/demo/mail/{name}/html")
    policy = answer.headers["Content-Security-Policy"]
    assert policy.startswith("sandbox allow-popups")
    assert "allow-scripts" not in policy and "allow-same-origin" not in policy
    assert "default-src 'none'" in policy and "frame-ancestors 'self'" in policy
    assert answer.headers["X-Frame-Options"] == "SAMEORIGIN"
    assert '<head><base target="_blank">' in answer.text
    frame = client.get(f"/demo/mail/{name}").text
    assert f'src="/demo/mail/{name}/html"' in frame
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in frame


def test_hostile_words_of_a_mail_stay_words(client, post, written):
    evil = "<script>alert(1)</script>"
    name = _keep(post, written, subject=evil, text=f'{evil}\nhttps://x.example/"onclick=alert(1)\n')
    for page in (client.get("/demo/mail"), client.get(f"/demo/mail/{name}")):
        assert evil not in page.text
        assert "&lt;script&gt;alert(1)" in page.text
        assert "&#34;onclick" in page.text or page.request.path == "/demo/mail"
        _strict(page)


def test_the_message_can_be_downloaded_as_it_came(client, post, written):
    name = _keep(post, written)
    answer = client.get(f"/demo/mail/{name}/raw")
    assert answer.data == (post / "new" / name).read_bytes()
    assert answer.headers["Content-Disposition"] == f'attachment; filename="{name}.eml"'
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


@pytest.mark.parametrize("tail", ["", "/html", "/raw"])
@pytest.mark.parametrize(
    "name", ["1700000000.M000000P1Q1.portal", "..", "%2e%2e%2fsecret", "..%2f..%2fdemo.db", "secret", "%00", "a%0ab"]
)
def test_a_name_that_is_none_of_its_own_opens_nothing(client, post, name, tail):
    (post / "secret").write_text("secret")
    answer = client.get(f"/demo/mail/{name}{tail}", follow_redirects=True)
    assert answer.status_code == 404
    assert "secret" not in answer.text.replace(name, "")


@pytest.mark.parametrize(
    "raw", [b"", b"\xff\xfe", b"Subject: =?x?q?=ff?=\nContent-Type: text/plain; charset=no\n\nx", b"To: \xff\n\n"]
)
def test_a_broken_mail_is_shown_as_far_as_it_goes(client, post, raw):
    name = maildir.deliver(post, raw)
    assert client.get("/demo/mail").status_code == 200
    assert client.get(f"/demo/mail/{name}").status_code == 200
    assert client.get(f"/demo/mail/{name}/html").status_code == 404


def test_outside_a_demo_there_is_no_letter_box(tmp_path, monkeypatch):
    monkeypatch.setenv("SECRET_KEY", "not-a-secret-only-for-checks-and-tests")
    monkeypatch.setenv("PORTAL_DATA", str(tmp_path))
    real = create_app({"SQLALCHEMY_DATABASE_URI": f"sqlite:///{tmp_path / 'x.db'}", "DEMO": False})
    assert not [rule for rule in real.url_map.iter_rules() if rule.rule.startswith("/demo")]
