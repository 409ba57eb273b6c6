"""One record: all its facts, its documents, and what became of them."""

import pytest


@pytest.fixture
def record_id(drawn, facts_of):
    return facts_of(drawn.document_ids[0]).record_id


def test_every_fact_is_shown(michael, record_id, words):
    page = words(michael.get(f"/centre/records/{record_id}"))
    for fact in (
        "Donald Duck",
        "AMS00009824708",
        "10/01/1985",
        "donald.duck@learner.example",
        "SEG Awards ABC Level 3 Award In MOT Test Centre Management (VRQ)",
        "602/7438/9",
        "Level 3",
        "Pass",
        "Skills and Education Group Awards",
        "02/11/2026",
        "01/11/2029",
        "English",
        "Vehicle inspection standards",
        "not notified",
        "Riverside College (10042)",
    ):
        assert fact in page, fact


def test_each_document_has_its_status_and_its_ways(michael, record_id, drawn):
    body = michael.get(f"/centre/records/{record_id}").get_data(as_text=True)
    for ident in drawn.document_ids[:2]:
        assert f'<tr data-id="{ident}">' in body
        assert f'href="/centre/documents/{ident}/preview?form=digital"' in body
        assert f'href="/centre/documents/{ident}/preview?form=print"' in body
        assert f'href="/centre/documents/{ident}/digital.pdf"' in body


def test_a_document_of_another_record_is_not_shown(michael, record_id, drawn):
    body = michael.get(f"/centre/records/{record_id}").get_data(as_text=True)
    assert f'data-id="{drawn.document_ids[-1]}"' not in body


def test_a_pending_document_offers_nothing_to_open(michael, publish, facts_of, words):
    record = facts_of(publish(rows=1).document_ids[0]).record_id
    page = michael.get(f"/centre/records/{record}")
    assert "/preview" not in page.get_data(as_text=True)
    assert "not drawn yet" in words(page)


def test_the_history_says_what_happened(michael, record_id, drawn, cancel, words):
    cancel(drawn.document_ids[0], "The assessment was not complete.")
    page = words(michael.get(f"/centre/records/{record_id}"))
    story = page[page.index("History") :]
    assert story.index("Certificate cancelled: The assessment was not complete.") < story.index("Certificate issued")
    assert story.index("Certificate issued") < story.index("Published to your centre")
    assert "on " in page and "Cancelled" in page


def test_a_replacement_points_both_ways(michael, record_id, drawn, replace, facts_of, draw, words):
    old = drawn.document_ids[0]
    new = replace(old, first_name="Donna")
    draw(drawn.job_id)
    new_record = facts_of(new).record_id
    before = michael.get(f"/centre/records/{record_id}")
    assert "Certificate replaced by" in words(before)
    assert f'href="/centre/records/{new_record}"' in before.get_data(as_text=True)
    after = michael.get(f"/centre/records/{new_record}")
    assert "Donna Duck" in words(after)
    assert "Certificate issued, replaces" in words(after)
    assert f'href="/centre/records/{record_id}"' in after.get_data(as_text=True)


def test_the_page_listens_to_its_own_record(michael, record_id, cast):
    body = michael.get(f"/centre/records/{record_id}").get_data(as_text=True)
    assert f'data-room="centre:{cast.riverside}:records"' in body
    assert f'data-ids="{record_id}"' in body


def test_the_record_of_a_rival_looks_like_none(rita, record_id, same_page):
    theirs, nobodys = rita.get(f"/centre/records/{record_id}"), rita.get("/centre/records/999999")
    assert theirs.status_code == nobodys.status_code == 404
    assert same_page(theirs) == same_page(nobodys)


@pytest.mark.parametrize("ident", ["0", "-1", str(2**63), "abc", "1e3"])
def test_a_strange_number_is_not_found(michael, ident):
    assert michael.get(f"/centre/records/{ident}").status_code == 404


def test_a_record_costs_the_same_whatever_became_of_it(michael, record_id, drawn, replace, cancel, queries):
    with queries() as plain:
        michael.get(f"/centre/records/{record_id}")
    cancel(drawn.document_ids[1])
    replace(drawn.document_ids[0])
    with queries() as eventful:
        michael.get(f"/centre/records/{record_id}")
    assert len(plain) == len(eventful) <= 8


@pytest.fixture
def told(app, cast, record_id, drawn):
    """A record whose learner was told twice, registered and looked, and which was exported and fetched."""
    from datetime import timedelta

    from portal import clock
    from portal.access.actor import SYSTEM
    from portal.database import db
    from portal.models.downloads import Download, DownloadItem
    from portal.models.notices import Notice
    from portal.models.records import Record
    from portal.unit_of_work import unit_of_work
    from portal.vocabulary import DownloadState, NoticeState

    moment = clock.now()
    with app.app_context(), unit_of_work(SYSTEM):
        same = {"record_id": record_id, "centre_id": cast.riverside, "requested_by": "Michael White"}
        db.session.add_all(
            [
                Notice(
                    **same,
                    address="old@learner.example",
                    intent="one",
                    state=NoticeState.BOUNCED,
                    reason="No such mailbox.",
                    requested_at=moment + timedelta(minutes=1),
                    settled_at=moment + timedelta(minutes=2),
                    bounced_at=moment + timedelta(minutes=3),
                ),
                Notice(
                    **same,
                    address="new@learner.example",
                    intent="two",
                    state=NoticeState.SENT,
                    requested_at=moment + timedelta(minutes=4),
                    settled_at=moment + timedelta(minutes=5),
                ),
            ]
        )
        record = db.session.get_one(Record, record_id)
        record.notice, record.notified_at = NoticeState.VIEWED, moment + timedelta(minutes=5)
        record.registered_at, record.viewed_at = moment + timedelta(minutes=6), moment + timedelta(minutes=7)
        export = Download(
            centre_id=cast.riverside,
            created_by="Anew User",
            created_at=moment + timedelta(minutes=8),
            name="Autumn audit",
            request_key="k",
            state=DownloadState.COMPLETED,
            downloaded_at=moment + timedelta(minutes=9),
            downloaded_by="Michael White",
        )
        db.session.add(export)
        db.session.flush()
        db.session.add(DownloadItem(download_id=export.id, position=1, document_id=drawn.document_ids[0]))
    return record_id


def test_the_history_tells_who_did_what_newest_first(michael, told, words):
    page = words(michael.get(f"/centre/records/{told}"))
    story = page[page.index("History") :]
    lines = [
        "Michael White downloaded “Autumn audit”",
        "Anew User exported the documents: “Autumn audit”",
        "The learner viewed the documents for the first time",
        "The learner registered",
        "Michael White notified the learner at new@learner.example",
        "The notice to old@learner.example came back: No such mailbox.",
        "Michael White notified the learner at old@learner.example",
        "Certificate issued",
        "Published to your centre",
    ]
    places = [story.index(line) for line in lines]
    assert places == sorted(places)


def test_an_export_of_another_record_is_no_part_of_the_history(michael, told, facts_of, drawn, words):
    other = facts_of(drawn.document_ids[-1]).record_id
    assert other != told
    assert "Autumn audit" not in words(michael.get(f"/centre/records/{other}"))


def test_a_full_history_costs_as_much_as_an_empty_one(michael, record_id, request, queries):
    with queries() as plain:
        michael.get(f"/centre/records/{record_id}")
    request.getfixturevalue("told")
    with queries() as eventful:
        michael.get(f"/centre/records/{record_id}")
    assert len(plain) == len(eventful) <= 8
