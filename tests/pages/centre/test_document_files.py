"""The bytes of documents: guarded at every request, whole or not at all, and named so that people find them again."""

import hashlib

import pytest
from werkzeug.http import parse_options_header

from portal.documents.storage import Store
from portal.queries.documents import store_root
from portal.web.document_files import disposition


def pdf(client, document_id):
    return client.get(f"/centre/documents/{document_id}/digital.pdf")


def page(client, document_id, form="digital", number=1):
    return client.get(f"/centre/documents/{document_id}/pages/{form}/{number}.jpg")


@pytest.fixture
def file_of(app, facts_of):
    """The path of a stored file of a document."""

    def act(document_id, form="digital", number=None):
        kept = facts_of(document_id).files[form]
        store = Store(store_root(app.config["PORTAL_DATA"]))
        return (
            store.path(kept["sha256"], ".pdf")
            if number is None
            else store.path(kept["pages"][number - 1]["sha256"], ".jpg")
        )

    return act


def test_the_pdf_is_the_one_that_was_issued(michael, drawn, facts_of):
    answer = pdf(michael, drawn.document_ids[0])
    assert answer.status_code == 200
    assert answer.mimetype == "application/pdf"
    kept = facts_of(drawn.document_ids[0]).files["digital"]
    assert hashlib.sha256(answer.get_data()).hexdigest() == kept["sha256"]
    assert answer.content_length == kept["size"]


def test_the_pdf_is_named_by_learner_kind_and_reference(michael, drawn, facts_of):
    reference = facts_of(drawn.document_ids[0]).reference
    groups = "-".join(reference[at : at + 4] for at in range(0, 20, 4))
    kind, options = parse_options_header(pdf(michael, drawn.document_ids[0]).headers["Content-Disposition"])
    assert kind == "attachment"
    assert options["filename"] == f"Donald Duck - Certificate - {groups}.pdf"


def test_nothing_of_a_document_stays_in_a_cache(michael, drawn):
    assert pdf(michael, drawn.document_ids[0]).headers["Cache-Control"] == "private, no-store"
    assert page(michael, drawn.document_ids[0]).headers["Cache-Control"] == "private, no-cache"


def test_a_picture_that_the_browser_has_is_not_sent_again(michael, drawn):
    first = page(michael, drawn.document_ids[0])
    again = michael.get(first.request.path, headers={"If-None-Match": first.headers["ETag"]})
    assert again.status_code == 304
    assert again.get_data() == b""


def test_a_rival_gets_no_byte_even_with_the_etag(michael, rita, drawn):
    first = page(michael, drawn.document_ids[0])
    assert rita.get(first.request.path, headers={"If-None-Match": first.headers["ETag"]}).status_code == 404
    assert pdf(rita, drawn.document_ids[0]).status_code == 404


def test_the_files_of_a_rival_look_like_none(rita, drawn, same_page):
    assert same_page(pdf(rita, drawn.document_ids[0])) == same_page(pdf(rita, 999999))
    assert same_page(page(rita, drawn.document_ids[0])) == same_page(page(rita, 999999))


def test_a_visitor_is_sent_to_sign_in(client, drawn):
    for address in (f"/centre/documents/{drawn.document_ids[0]}/digital.pdf", "/centre/documents/1/pages/print/1.jpg"):
        answer = client.get(address)
        assert answer.status_code == 302
        assert "/centre/login" in answer.headers["Location"]


@pytest.mark.parametrize("number", ["0", "99", "-1", str(2**63), "x"])
def test_a_page_that_is_not_there_is_not_found(michael, drawn, number):
    assert page(michael, drawn.document_ids[0], number=number).status_code == 404


@pytest.mark.parametrize("form", ["evil", "Digital", "..", "digital%2f.."])
def test_a_strange_form_is_not_found(michael, drawn, form):
    assert page(michael, drawn.document_ids[0], form=form).status_code == 404


@pytest.mark.parametrize("ident", ["0", "-1", str(2**63), str(2**70), "abc"])
def test_a_strange_number_is_not_found(michael, ident):
    assert pdf(michael, ident).status_code == 404
    assert page(michael, ident).status_code == 404
    assert michael.get(f"/centre/documents/{ident}/preview").status_code == 404


def test_what_is_not_drawn_has_no_bytes(michael, publish):
    ident = publish(rows=1).document_ids[0]
    assert pdf(michael, ident).status_code == 404
    assert page(michael, ident).status_code == 404


def test_a_lost_file_is_said_plainly(michael, drawn, file_of, words):
    file_of(drawn.document_ids[0]).unlink()
    answer = pdf(michael, drawn.document_ids[0])
    assert answer.status_code == 503
    assert "The file of this document cannot be read now" in words(answer)


def test_a_damaged_file_is_never_handed_out(michael, drawn, file_of):
    path = file_of(drawn.document_ids[0])
    path.write_bytes(path.read_bytes()[:-1] + b"!")
    assert pdf(michael, drawn.document_ids[0]).status_code == 503
    picture = file_of(drawn.document_ids[0], number=1)
    picture.write_bytes(b"nothing")
    assert page(michael, drawn.document_ids[0]).status_code == 503


@pytest.mark.parametrize(
    ("name", "shown", "plain"),
    [
        ("Siân Ó Néill.pdf", "Siân Ó Néill.pdf", "Sian O Neill.pdf"),
        ("王小明.pdf", "王小明.pdf", "document.pdf"),
        ("a/b\\c:d.pdf", "a-b-c-d.pdf", "a-b-c-d.pdf"),
        ('x"; filename="evil.exe.pdf', "x-; filename=-evil.exe.pdf", "x-; filename=-evil.exe.pdf"),
        ("x\r\nSet-Cookie: y=1.pdf", "x-Set-Cookie- y=1.pdf", "x-Set-Cookie- y=1.pdf"),
        ("gnp\u202efdp.pdf", "gnpfdp.pdf", "gnpfdp.pdf"),
        ("../../etc/passwd.pdf", "-..-etc-passwd.pdf", "-..-etc-passwd.pdf"),
    ],
)
def test_a_name_is_safe_in_a_header_and_on_a_disk(name, shown, plain):
    header = disposition(name, attachment=True)
    assert "\r" not in header and "\n" not in header
    assert header.split("; filename*=")[0] == f'attachment; filename="{plain.strip(" .-")}"'
    assert parse_options_header(header)[1]["filename"] == shown


def test_a_long_name_keeps_its_ending():
    name = parse_options_header(disposition("ü" * 500 + ".pdf", attachment=False))[1]["filename"]
    assert name.endswith(".pdf")
    assert len(name) <= 130
