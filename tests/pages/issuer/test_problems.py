"""The queue of problems: answering, owner, replacement, closing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from portal import clock
from portal.access.actor import SYSTEM
from portal.database import db
from portal.models.documents import Document
from portal.models.mails import Mail
from portal.models.problems import Problem, ProblemMessage
from portal.models.records import Record
from portal.models.users import User
from portal.services import documents, problems
from portal.unit_of_work import unit_of_work
from portal.vocabulary import ProblemState, Role
from tests.conftest import Batch
from tests.services.people import People, as_actor
from tests.world import Client

ADDRESS = "/issuer/problems/{}"


@pytest.fixture
def problem(app: Flask, cast: People, drawn: Batch) -> int:
    """A problem with the certificate of Donald Duck, reported by a user of Riverside."""
    with app.app_context():
        made, _new = problems.report_document(
            drawn.document_ids[0], text="The name is wrong.", key="k" * 20, actor=as_actor(cast.anew)
        )
        return made


@pytest.fixture
def answers(app: Flask) -> Callable[[], list[Mail]]:
    """A function that reads the mails with answers."""

    def act() -> list[Mail]:
        with app.app_context():
            return list(db.session.scalars(select(Mail).where(Mail.letter == "problem_answered").order_by(Mail.id)))

    return act


def change(app: Flask, user_id: int, **values: Any) -> None:
    with app.app_context(), unit_of_work(SYSTEM):
        db.session.execute(update(User).where(User.id == user_id).values(**values))


def test_an_answer_is_seen_and_sent_to_the_reporter_once(
    isla: Client, cast: People, problem: int, row: Callable[..., Any], answers: Callable[[], list[Mail]]
) -> None:
    data = {"text": "We issue a new one.", "key": "a" * 20}
    for _ in range(2):
        assert isla.submit(ADDRESS.format(problem), data).status_code == 302
    found = row(Problem, problem)
    assert (found.state, found.owner_id, found.owner) == (ProblemState.ANSWERED, cast.issuer, "Ida Issuer")
    [mail] = answers()
    assert (mail.recipient, mail.reply_to) == ("anew.user@portal.example", "")
    assert mail.values["path"] == f"/centre/problems/{problem}"
    isla.submit(ADDRESS.format(problem), data | {"key": "b" * 20})
    assert len(answers()) == 2, "another form is another answer"


@pytest.mark.parametrize(
    "why",
    [{"deleted_at": clock.now()}, {"active": False}, {"email_confirmed_at": None}],
    ids=lambda why: next(iter(why)),
)
def test_somebody_who_may_not_come_in_any_more_gets_no_mail(
    app: Flask, isla: Client, cast: People, problem: int, answers: Callable[[], list[Mail]], why: dict[str, Any]
) -> None:
    change(app, cast.anew, **why)
    assert isla.submit(ADDRESS.format(problem), {"text": "Done.", "key": "a" * 20}).status_code == 302
    assert answers() == []


def test_a_closed_problem_is_answered_only_when_it_is_open_again(
    isla: Client, problem: int, row: Callable[..., Any], answers: Callable[[], list[Mail]]
) -> None:
    url = ADDRESS.format(problem)
    assert isla.submit(f"{url}/close").status_code == 302
    assert row(Problem, problem).state is ProblemState.CLOSED
    refused = isla.submit(url, {"text": "One more thing.", "key": "a" * 20})
    assert refused.status_code == 409 and "One more thing." in refused.text and "Reopen it to answer." in refused.text
    assert answers() == []
    isla.submit(f"{url}/reopen")
    assert isla.submit(url, {"text": "One more thing.", "key": "a" * 20}).status_code == 302
    assert row(Problem, problem).state is ProblemState.ANSWERED and len(answers()) == 1


@pytest.mark.parametrize("text", ["", " \r\n ", "\u200b", "x" * 5_001])
def test_an_answer_of_nothing_or_too_much_is_refused(
    app: Flask, isla: Client, problem: int, row: Callable[..., Any], text: str
) -> None:
    answer = isla.submit(ADDRESS.format(problem), {"text": text, "key": "a" * 20})
    assert answer.status_code == 422 and 'aria-invalid="true"' in answer.text
    assert row(Problem, problem).state is ProblemState.OPEN
    with app.app_context():
        assert db.session.scalar(select(func.count(ProblemMessage.id))) == 0


def test_somebody_takes_it_and_hands_it_on(
    app: Flask, isla: Client, cast: People, problem: int, row: Callable[..., Any]
) -> None:
    url = ADDRESS.format(problem)
    with app.app_context(), unit_of_work(SYSTEM):
        colleague = User(
            username="otto@body.example",
            email="otto@body.example",
            email_confirmed_at=clock.now(),
            first_name="Otto",
            last_name="Officer",
            role=Role.ISSUER,
            created_at=clock.now(),
        )
        db.session.add(colleague)
        db.session.flush()
        otto = colleague.id
    assert isla.submit(f"{url}/take").status_code == 302
    assert row(Problem, problem).owner == "Ida Issuer"
    assert f'data-id="{problem}"' in isla.get("/issuer/problems?owner=mine").text
    assert isla.submit(f"{url}/owner", {"owner": str(otto)}).status_code == 302
    assert row(Problem, problem).owner == "Otto Officer"
    assert f'data-id="{problem}"' not in isla.get("/issuer/problems?owner=mine").text
    assert f'data-id="{problem}"' in isla.get("/issuer/problems?owner=others").text
    assert isla.submit(f"{url}/owner", {"owner": "0"}).status_code == 302
    assert row(Problem, problem).owner_id is None
    assert f'data-id="{problem}"' in isla.get("/issuer/problems?owner=nobody").text
    change(app, otto, active=False)
    for nobody in (str(cast.anew), str(cast.connor), str(otto), "", "x", "-1", "987654", str(2**70)):
        assert isla.submit(f"{url}/owner", {"owner": nobody}).status_code == 422, nobody
    assert row(Problem, problem).owner_id is None


def test_the_service_itself_takes_staff_only(app: Flask, cast: People, problem: int) -> None:
    from portal.errors import NotFound

    with app.app_context():
        for somebody in (cast.anew, cast.connor, 987654, -1, 2**70):
            with pytest.raises(NotFound):
                problems.assign(problem, owner_id=somebody, actor=as_actor(cast.issuer))


def test_a_replacement_of_the_same_award_is_linked_by_its_reference(
    app: Flask, isla: Client, michael: Client, problem: int, drawn: Batch, row: Callable[..., Any]
) -> None:
    with app.app_context():
        new = documents.replace(drawn.document_ids[0], corrections={"first_name": "Donna"}, actor=SYSTEM)
    reference = row(Document, new).reference
    typed = f" {reference[:4].lower()}-{reference[4:]} "
    assert isla.submit(f"{ADDRESS.format(problem)}/replacement", {"reference": typed}).status_code == 302
    assert row(Problem, problem).replacement_id == new
    record_id = row(Document, new).record_id
    assert f'href="/centre/records/{record_id}"' in michael.get(f"/centre/problems/{problem}").text
    assert f'href="/issuer/documents/{new}"' in isla.get(ADDRESS.format(problem)).text


def test_nothing_else_can_be_linked(
    app: Flask, isla: Client, cast: People, problem: int, drawn: Batch, publish: Any, row: Callable[..., Any]
) -> None:
    rivals = publish(rows=1, centre_id=cast.hillside)
    with app.app_context():
        mine = row(Record, row(Document, drawn.document_ids[0]).record_id)
        of_others = next(
            one
            for one in drawn.document_ids
            if row(Document, one).record_id != row(Document, drawn.document_ids[0]).record_id
        )
        documents.cancel([drawn.document_ids[1]], reason="Wrong.", actor=SYSTEM)
    assert mine.centre_id == cast.riverside
    wrong = {
        "": "no reference number",
        "nonsense": "no reference number",
        "x" * 500: "no reference number",
        "0" * 20: "no document with this reference",
        row(Document, rivals.document_ids[0]).reference: "no document with this reference",
        row(Document, of_others).reference: "another learner or another award",
        row(Document, drawn.document_ids[0]).reference: "the document that the problem is about",
        row(Document, drawn.document_ids[1]).reference: "not valid itself",
    }
    for typed, sentence in wrong.items():
        answer = isla.submit(f"{ADDRESS.format(problem)}/replacement", {"reference": typed})
        assert answer.status_code == 422 and sentence in answer.text, typed
    assert row(Problem, problem).replacement_id is None


def test_a_centre_can_answer_take_close_and_link_nothing(
    app: Flask, michael: Client, cast: People, problem: int, row: Callable[..., Any]
) -> None:
    from portal.errors import NotAllowed

    for path in ("", "/take", "/owner", "/replacement", "/close", "/reopen"):
        assert michael.submit(ADDRESS.format(problem) + path, {"text": "x", "key": "a" * 20}).status_code == 403
    with app.app_context():
        actor = as_actor(cast.michael)
        for act in (
            lambda: problems.answer(problem, text="x", key="a" * 20, actor=actor),
            lambda: problems.assign(problem, owner_id=None, actor=actor),
            lambda: problems.link_replacement(problem, typed="x", actor=actor),
            lambda: problems.close(problem, actor=actor),
            lambda: problems.reopen(problem, actor=actor),
        ):
            with pytest.raises(NotAllowed):
                act()
    assert row(Problem, problem).state is ProblemState.OPEN


def test_a_brand_without_an_address_has_the_queue_alone(app: Flask, isla: Client, cast: People, drawn: Batch) -> None:
    from portal.models.brands import Brand

    with app.app_context():
        with unit_of_work(SYSTEM):
            db.session.execute(update(Brand).values(contact_email="", support_email=""))
        made, is_new = problems.report_document(
            drawn.document_ids[0], text="Wrong.", key="k" * 20, actor=as_actor(cast.anew)
        )
        assert is_new and db.session.scalar(select(func.count(Mail.id))) == 0
    assert f'data-id="{made}"' in isla.get("/issuer/problems").text
