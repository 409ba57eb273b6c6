"""Making and managing accounts."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta

import pytest
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import OperationalError

from portal import clock
from portal.access import sessions
from portal.access.actor import SYSTEM
from portal.database import db
from portal.errors import Expired, Invalid, NotAllowed, NotFound, Taken, Throttled, WrongMove
from portal.events import outbox, rooms
from portal.models.audit import AuditEntry
from portal.models.centres import Centre
from portal.models.documents import Document
from portal.models.downloads import Download
from portal.models.jobs import Job
from portal.models.learners import Learner
from portal.models.mails import Mail
from portal.models.problems import Problem
from portal.models.users import User
from portal.queries import users as reading
from portal.services import accounts, erasure, passwords, problems, throttles, tokens, users
from portal.tasks import sweeper
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Door, MailState, Role, TokenPurpose, UserStatus
from tests.services.people import PASSWORD, VISITOR, as_actor, fresh

SECRET = "a secret of the tests"
NEW = "thimble lantern harbour 7"
TOMORROW = clock.today() + timedelta(days=1)
SUSPENDED = "Staff member has been suspended"


@pytest.fixture
def people(app, cast):
    with app.app_context():
        yield cast


def person(email="petra.new@portal.example", first="Petra", last="New", **more):
    return users.Person(email, first, last, **more)


def sign_in(account, door=Door.CENTRE, password=PASSWORD):
    return accounts.sign_in(account=account, password=password, door=door, actor=VISITOR)


def second_admin(people):
    with unit_of_work(SYSTEM):
        db.session.get_one(User, people.anew).role = Role.CENTRE_ADMIN
    return people.anew


def letters_to(address):
    return list(db.session.scalars(select(Mail.letter).where(Mail.recipient == address).order_by(Mail.id)))


def why_access_changed():
    found = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "AccessChanged").order_by(AuditEntry.id))
    return [entry.detail["why"] for entry in found]


class TestCreating:
    def test_an_admin_makes_a_user_of_the_own_centre_and_passes_the_password_on(self, people):
        made = users.create_centre_user(people.riverside, person(), password=NEW, actor=as_actor(people.michael))
        user = fresh(made.user_id)
        assert (user.role, user.centre_id, user.username) == (Role.CENTRE_USER, people.riverside, user.email)
        assert user.email_confirmed_at is not None
        assert user.must_change_password
        assert made.invitation_id is None
        assert letters_to(user.email) == ["account_created"]
        assert NEW not in str(db.session.scalars(select(Mail.values)).all())
        entry = sign_in(user.email, password=NEW)
        assert entry.change_token_id is not None

    def test_without_a_password_an_invitation_is_sent_and_proves_the_address(self, people):
        made = users.create_centre_user(people.riverside, person(), actor=as_actor(people.michael))
        user = fresh(made.user_id)
        assert (user.password_hash, user.email_confirmed_at) == ("", None)
        (mail,) = db.session.scalars(select(Mail)).all()
        assert mail.letter == "invitation"
        assert mail.values["inviter"] == "Michael White"
        assert mail.values["centre"] == "Riverside College"
        assert mail.values["path"] == "/invite"
        link = tokens.text_of(made.invitation_id, SECRET)
        door = accounts.choose_password(link, purpose=TokenPurpose.INVITE, password=NEW, secret=SECRET, actor=VISITOR)
        assert door is Door.CENTRE
        assert sign_in(user.email, password=NEW).token

    def test_the_issuer_makes_the_first_admin_of_a_centre(self, people):
        made = users.create_centre_admin(people.hillside, person(), password=NEW, actor=as_actor(people.issuer))
        assert fresh(made.user_id).role is Role.CENTRE_ADMIN

    def test_a_centre_admin_may_make_another_admin_among_the_own_users(self, people):
        made = users.create_centre_user(people.riverside, person(), admin=True, actor=as_actor(people.michael))
        assert fresh(made.user_id).role is Role.CENTRE_ADMIN

    def test_nobody_makes_users_of_another_centre(self, people):
        with pytest.raises(NotFound):
            users.create_centre_user(people.hillside, person(), password=NEW, actor=as_actor(people.michael))

    @pytest.mark.parametrize("who", ["anew", "connor"])
    def test_who_has_not_the_right_makes_nobody(self, people, who):
        actor = as_actor(getattr(people, who))
        with pytest.raises(NotAllowed):
            users.create_centre_user(people.riverside, person(), password=NEW, actor=actor)

    def test_a_centre_admin_makes_no_issuer_and_no_first_admin(self, people):
        with pytest.raises(NotAllowed):
            users.create_issuer(person(), password=NEW, actor=as_actor(people.michael))
        with pytest.raises(NotAllowed):
            users.create_centre_admin(people.riverside, person(), password=NEW, actor=as_actor(people.michael))

    def test_the_account_of_a_learner_on_file(self, people):
        with unit_of_work(SYSTEM):
            donald = Learner(
                enrolment_number="AMS00009824708",
                first_name="Donald",
                last_name="Duck",
                date_of_birth=date(1985, 1, 10),
                created_at=clock.now(),
            )
            db.session.add(donald)
        made = users.create_learner(donald.id, email="donald@portal.example", password=NEW, actor=SYSTEM)
        assert fresh(made.user_id).full_name == "Donald Duck"
        assert sign_in("donald@portal.example", Door.LEARNER, NEW).token
        with pytest.raises(Taken):
            users.create_learner(donald.id, email="donald2@portal.example", password=NEW, actor=SYSTEM)

    @pytest.mark.parametrize(
        "taken", ["rita.rival@portal.example", "RITA.Rival@portal.example", "anew.user@portal.example"]
    )
    def test_a_taken_address_is_refused_in_the_same_words_wherever_it_is_used(self, people, taken):
        with pytest.raises(Taken) as refused:
            users.create_centre_user(people.riverside, person(taken), actor=as_actor(people.michael))
        assert (refused.value.message, refused.value.field) == (users.TAKEN, "email")

    def test_what_is_a_username_of_one_is_no_address_of_another(self, people):
        with unit_of_work(SYSTEM):
            db.session.get_one(User, people.rita).username = "petra.new@portal.example"
        with pytest.raises(Taken):
            users.create_centre_user(people.riverside, person(), actor=as_actor(people.michael))

    def test_of_two_at_the_same_moment_one_gets_the_address(self, people, app):
        actor = as_actor(people.michael)
        start, ends = threading.Barrier(4), []

        def go():
            with app.app_context():
                start.wait()
                try:
                    users.create_centre_user(people.riverside, person(), actor=actor)
                    ends.append("made")
                except Taken:
                    ends.append("taken")

        threads = [threading.Thread(target=go) for _ in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sorted(ends) == ["made", "taken", "taken", "taken"]

    @pytest.mark.parametrize(
        ("values", "field"),
        [
            ({"email": ""}, "email"),
            ({"email": "a@b"}, "email"),
            ({"email": "a@b@c"}, "email"),
            ({"email": "a b@c.uk"}, "email"),
            ({"email": "a@b.c\r\nBcc: x@y.z"}, "email"),
            ({"email": "a" * 250 + "@b.uk"}, "email"),
            ({"email": "x" * 1_000_000}, "email"),
            ({"email": "a\0@b.uk"}, "email"),
            ({"first": ""}, "first_name"),
            ({"first": "   "}, "first_name"),
            ({"last": "x" * 101}, "last_name"),
            ({"last": "x" * 1_000_000}, "last_name"),
            ({"first": "turn\u202eed"}, "first_name"),
            ({"first": "nul\0"}, "first_name"),
            ({"first": "half \ud800"}, "first_name"),
            ({"first": "two\nlines"}, "first_name"),
            ({"username": "ab"}, "username"),
            ({"username": "with space"}, "username"),
            ({"username": "x" * 255}, "username"),
            ({"phone": "0" * 41}, "phone"),
        ],
    )
    def test_unreadable_input_makes_nobody(self, people, values, field):
        with pytest.raises(Invalid) as refused:
            users.create_centre_user(people.riverside, person(**values), actor=as_actor(people.michael))
        assert refused.value.field == field

    def test_a_name_is_kept_as_it_is_written(self, people):
        made = users.create_centre_user(
            people.riverside,
            person(first="  Zo\u0065\u0308  <script> ", last="O'Brien-Nuñez"),
            actor=as_actor(people.michael),
        )
        assert fresh(made.user_id).full_name == "Zo\u00eb <script> O'Brien-Nuñez"

    def test_no_transaction_waits_for_the_hash(self, people, monkeypatch):
        genuine = passwords._in_a_place

        def watched(*args):
            assert not db.session().in_transaction()
            return genuine(*args)

        monkeypatch.setattr(passwords, "_in_a_place", watched)
        actor = as_actor(people.michael)
        made = users.create_centre_user(people.riverside, person(), password=NEW, actor=actor)
        users.give_password(made.user_id, password=NEW + "!", actor=actor)


class TestLocking:
    def test_a_locked_user_is_out_at_once_and_free_by_themself_on_the_day(self, people, monkeypatch):
        entry = sign_in("anew.user@portal.example")
        users.lock(
            people.anew, until=TOMORROW, reason=SUSPENDED, information="See\nfile 7", actor=as_actor(people.michael)
        )
        assert sessions.find(entry.token) is None
        user = fresh(people.anew)
        assert (user.status_at(clock.now()), user.auth_epoch) == (UserStatus.LOCKED, 2)
        assert (user.lock_reason, user.lock_information) == (SUSPENDED, "See\nfile 7")
        assert clock.as_uk(user.locked_until).hour == 0
        assert why_access_changed() == ["locked"]
        with pytest.raises(accounts.Locked):
            sign_in("anew.user@portal.example")
        after = user.locked_until + timedelta(seconds=1)
        monkeypatch.setattr(clock, "now", lambda: after)
        assert sign_in("anew.user@portal.example").token

    def test_a_lock_can_be_taken_off_earlier(self, people):
        users.lock(people.anew, until=TOMORROW, reason=SUSPENDED, actor=as_actor(people.michael))
        users.unlock(people.anew, actor=as_actor(people.michael))
        user = fresh(people.anew)
        assert (user.locked_until, user.lock_reason) == (None, "")
        assert sign_in("anew.user@portal.example").token

    @pytest.mark.parametrize(
        "until", [clock.today(), clock.today() - timedelta(days=1), date(9999, 12, 31), date.max, date.min]
    )
    def test_a_lock_ends_in_a_future_that_people_live_in(self, people, until):
        with pytest.raises(Invalid) as refused:
            users.lock(people.anew, until=until, reason=SUSPENDED, actor=as_actor(people.michael))
        assert refused.value.field == "until"

    @pytest.mark.parametrize(
        ("values", "field"),
        [({"reason": "Because"}, "reason"), ({"reason": ""}, "reason"), ({"information": "x" * 5_001}, "information")],
    )
    def test_a_lock_has_a_reason_of_the_list_and_a_text_of_some_length(self, people, values, field):
        with pytest.raises(Invalid) as refused:
            users.lock(people.anew, **{"until": TOMORROW, "reason": SUSPENDED} | values, actor=as_actor(people.michael))
        assert refused.value.field == field

    def test_the_awarding_body_can_shut_out_the_only_admin_of_a_centre(self, people):
        entry = sign_in("michael.white@portal.example")
        users.lock(people.michael, until=TOMORROW, reason=SUSPENDED, actor=as_actor(people.issuer))
        assert sessions.find(entry.token) is None


ACTS = {
    "lock": lambda user_id, actor: users.lock(user_id, until=TOMORROW, reason=SUSPENDED, actor=actor),
    "inactive": lambda user_id, actor: users.set_active(user_id, False, actor=actor),
    "delete": lambda user_id, actor: users.remove(user_id, actor=actor),
    "admin right": lambda user_id, actor: users.set_admin(user_id, False, actor=actor),
}
OTHER_ACTS = {
    "unlock": lambda user_id, actor: users.unlock(user_id, actor=actor),
    "active": lambda user_id, actor: users.set_active(user_id, True, actor=actor),
    "admin": lambda user_id, actor: users.set_admin(user_id, True, actor=actor),
    "details": lambda user_id, actor: users.change_details(user_id, first_name="A", last_name="B", actor=actor),
    "email": lambda user_id, actor: users.change_email(user_id, email="x.y@portal.example", actor=actor),
    "password": lambda user_id, actor: users.give_password(user_id, password=NEW, actor=actor),
    "invite": lambda user_id, actor: users.invite_again(user_id, actor=actor),
    "restore": lambda user_id, actor: users.restore(user_id, actor=actor),
    "read": lambda user_id, actor: reading.get_user(user_id, actor=actor),
}


class TestRights:
    @pytest.mark.parametrize("act", [*ACTS, *OTHER_ACTS])
    def test_users_of_another_centre_are_not_there(self, people, act):
        before = fresh(people.rita).auth_epoch
        for user_id in (people.rita, people.issuer, people.connor, 10**6, 0, -1, 2**70):
            with pytest.raises(NotFound):
                (ACTS | OTHER_ACTS)[act](user_id, as_actor(people.michael))
        rita = fresh(people.rita)
        assert (rita.auth_epoch, rita.active, rita.first_name) == (before, True, "Rita")

    @pytest.mark.parametrize("who", ["anew", "connor"])
    @pytest.mark.parametrize("act", [*ACTS, *OTHER_ACTS])
    def test_who_manages_nobody_manages_nobody(self, people, act, who):
        with pytest.raises(NotAllowed):
            (ACTS | OTHER_ACTS)[act](people.michael, as_actor(getattr(people, who)))

    @pytest.mark.parametrize("act", ACTS)
    def test_nobody_does_it_to_themself(self, people, act):
        second_admin(people)
        with pytest.raises(WrongMove):
            ACTS[act](people.michael, as_actor(people.michael))
        user = fresh(people.michael)
        assert (user.active, user.deleted_at, user.locked_until, user.role) == (True, None, None, Role.CENTRE_ADMIN)
        assert user.auth_epoch == 1

    @pytest.mark.parametrize("act", ACTS)
    def test_an_admin_does_it_to_another_admin(self, people, act):
        second_admin(people)
        ACTS[act](people.anew, as_actor(people.michael))
        assert fresh(people.anew).auth_epoch == 2

    @pytest.mark.parametrize("act", ["delete", "admin right"])
    def test_not_even_the_issuer_leaves_a_centre_without_an_admin(self, people, act):
        with pytest.raises(WrongMove):
            ACTS[act](people.michael, as_actor(people.issuer))
        second_admin(people)
        ACTS[act](people.michael, as_actor(people.issuer))

    @pytest.mark.parametrize("act", ["lock", "inactive", "delete"])
    def test_the_last_issuer_stays(self, people, act):
        with pytest.raises(WrongMove):
            ACTS[act](people.issuer, SYSTEM)

    def test_an_admin_who_is_locked_does_not_count_as_one(self, people):
        second_admin(people)
        users.lock(people.anew, until=TOMORROW, reason=SUSPENDED, actor=as_actor(people.michael))
        with pytest.raises(WrongMove):
            users.remove(people.michael, actor=as_actor(people.issuer))

    @pytest.mark.parametrize("act", ACTS)
    def test_two_admins_cannot_do_it_to_each_other(self, people, app, act):
        second_admin(people)
        both = {people.michael: as_actor(people.anew), people.anew: as_actor(people.michael)}
        start, ends = threading.Barrier(2), []

        def go(user_id, actor):
            with app.app_context():
                start.wait()
                try:
                    ACTS[act](user_id, actor)
                    ends.append("done")
                except WrongMove:
                    ends.append("refused")

        threads = [threading.Thread(target=go, args=pair) for pair in both.items()]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sorted(ends) == ["done", "refused"]


class TestEnding:
    @pytest.mark.parametrize(
        ("act", "why"),
        [("lock", "locked"), ("inactive", "inactive"), ("delete", "deleted"), ("admin right", "role changed")],
    )
    def test_every_session_ends(self, people, act, why):
        second_admin(people)
        entry = sign_in("anew.user@portal.example")
        ACTS[act](people.anew, as_actor(people.michael))
        assert sessions.find(entry.token) is None
        assert why_access_changed() == [why]

    def test_an_inactive_user_can_be_made_active_again(self, people):
        users.set_active(people.anew, False, actor=as_actor(people.michael))
        with pytest.raises(accounts.Refused):
            sign_in("anew.user@portal.example")
        users.set_active(people.anew, True, actor=as_actor(people.michael))
        assert sign_in("anew.user@portal.example").token

    def test_a_deleted_user_can_be_brought_back_for_thirty_days(self, people, monkeypatch):
        michael = as_actor(people.michael)
        with unit_of_work(SYSTEM):
            link = tokens.issue(TokenPurpose.RESET, people.anew)
        text = tokens.text_of(link.id, SECRET)
        users.remove(people.anew, actor=michael)
        with pytest.raises(NotFound):
            users.remove(people.anew, actor=michael)
        with pytest.raises(NotFound):
            users.restore(people.anew, actor=as_actor(people.rita))
        users.restore(people.anew, actor=michael)
        assert sign_in("anew.user@portal.example").token
        # A link of the time before does not come back with them.
        with pytest.raises(Expired):
            tokens.peek(text, TokenPurpose.RESET, SECRET)
        users.remove(people.anew, actor=michael)
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=31))
        with pytest.raises(NotFound):
            users.restore(people.anew, actor=michael)


class TestChangingTheAddress:
    def test_the_user_is_out_until_the_new_address_is_confirmed_and_the_old_one_is_told(self, people):
        entry = sign_in("anew.user@portal.example")
        users.change_email(people.anew, email="A.New@Portal.example", actor=as_actor(people.michael))
        user = fresh(people.anew)
        assert (user.email, user.username) == ("a.new@portal.example", "anew.user@portal.example")
        assert user.email_confirmed_at is None
        assert sessions.find(entry.token) is None
        assert letters_to("a.new@portal.example") == ["email_confirmation"]
        assert letters_to("anew.user@portal.example") == ["email_changed"]
        with pytest.raises(accounts.Unconfirmed):
            sign_in("a.new@portal.example")
        token_id = db.session.scalar(select(Mail).where(Mail.letter == "email_confirmation")).values["token_id"]
        accounts.confirm_email(tokens.text_of(token_id, SECRET), secret=SECRET, actor=VISITOR)
        assert sign_in("a.new@portal.example").token
        assert sign_in("anew.user@portal.example").token

    def test_links_sent_to_the_old_address_open_nothing(self, people):
        with unit_of_work(SYSTEM):
            reset = tokens.issue(TokenPurpose.RESET, people.anew)
        text = tokens.text_of(reset.id, SECRET)
        users.change_email(people.anew, email="a.new@portal.example", actor=as_actor(people.michael))
        with pytest.raises(Expired):
            tokens.peek(text, TokenPurpose.RESET, SECRET)

    def test_a_second_change_voids_the_link_of_the_first(self, people):
        for address in ("first@portal.example", "second@portal.example"):
            users.change_email(people.anew, email=address, actor=as_actor(people.michael))
        first = db.session.scalar(select(Mail).where(Mail.recipient == "first@portal.example"))
        assert tokens.text_of(first.values["token_id"], SECRET) is None
        # An address that was never proved is not told about the next.
        assert letters_to("first@portal.example") == ["email_confirmation"]

    def test_everybody_may_change_the_own(self, people):
        for who in (people.anew, people.connor, people.issuer):
            users.change_email(who, email=f"mine{who}@portal.example", actor=as_actor(who))
            assert fresh(who).email == f"mine{who}@portal.example"

    def test_the_same_address_changes_nothing(self, people):
        users.change_email(people.anew, email="ANEW.user@portal.example", actor=as_actor(people.michael))
        assert fresh(people.anew).auth_epoch == 1

    def test_a_taken_address_is_refused(self, people):
        for taken in ("rita.rival@portal.example", "michael.white@portal.example"):
            with pytest.raises(Taken) as refused:
                users.change_email(people.anew, email=taken, actor=as_actor(people.michael))
            assert refused.value.message == users.TAKEN

    def test_somebody_invited_gets_the_invitation_at_the_new_address(self, people):
        made = users.create_centre_user(people.riverside, person(), actor=as_actor(people.michael))
        users.change_email(made.user_id, email="petra@portal.example", actor=as_actor(people.michael))
        assert letters_to("petra@portal.example") == ["invitation"]
        assert tokens.text_of(made.invitation_id, SECRET) is None

    def test_an_invitation_can_be_sent_again_a_few_times(self, people):
        made = users.create_centre_user(people.riverside, person(), actor=as_actor(people.michael))
        for _ in range(2):
            users.invite_again(made.user_id, actor=as_actor(people.michael))
        with pytest.raises(WrongMove):
            users.invite_again(made.user_id, actor=as_actor(people.michael))
        with pytest.raises(WrongMove):
            users.invite_again(people.anew, actor=as_actor(people.michael))
        assert letters_to("petra.new@portal.example") == ["invitation"] * 3


class TestChangingTheOwn:
    def test_the_page_of_users_changes_neither_the_own_address_nor_the_own_username(self, people):
        michael, email = as_actor(people.michael), "michael.white@portal.example"
        for wanted, field in (
            (person("thief@portal.example", "Mike", "White", username=email), "email"),
            (person(email, "Mike", "White", username="thief"), "username"),
        ):
            with pytest.raises(WrongMove) as refused:
                users.change(people.michael, wanted, active=True, admin=True, actor=michael)
            assert refused.value.field == field
        user = fresh(people.michael)
        assert (user.email, user.username, user.first_name) == (email, email, "Michael")
        users.change(people.michael, person(email, "Mike", "White"), active=True, admin=True, actor=michael)
        assert fresh(people.michael).first_name == "Mike"

    @pytest.mark.parametrize("current", ["", "not the password"])
    def test_another_address_needs_the_password_and_the_rest_waits_for_it(self, people, current):
        wanted = person("a.new@portal.example", "Anya", "Other", phone="1")
        with pytest.raises(Invalid) as refused:
            users.change_own(wanted, current=current, actor=as_actor(people.anew))
        assert refused.value.field == "current"
        assert (fresh(people.anew).first_name, fresh(people.anew).email) == ("Anew", "anew.user@portal.example")

    def test_nothing_is_changed_when_the_address_is_taken(self, people):
        wanted = person("rita.rival@portal.example", "Anya", "Other", phone="1")
        with pytest.raises(Taken):
            users.change_own(wanted, current=PASSWORD, actor=as_actor(people.anew))
        user = fresh(people.anew)
        assert (user.full_name, user.phone, user.auth_epoch) == ("Anew User", "", 1)

    def test_all_of_it_is_changed_at_once(self, people):
        wanted = person("A.New@portal.example", "Anya", "Other", phone="1", username="boss")
        assert users.change_own(wanted, current=PASSWORD, actor=as_actor(people.anew)) is True
        user = fresh(people.anew)
        assert (user.full_name, user.phone, user.email) == ("Anya Other", "1", "a.new@portal.example")
        assert user.username == "anew.user@portal.example"
        assert users.change_own(wanted, actor=as_actor(people.anew)) is False


class TestThrottles:
    def used_up(self, limit, subject):
        with unit_of_work(SYSTEM):
            while not throttles.take(limit, str(subject)):
                pass

    def ways(self, people):
        michael, anew = as_actor(people.michael), as_actor(people.anew)
        new = person("somebody.new@portal.example", "Anew", "User", username="anew.user@portal.example")
        return {
            "invite": lambda email: users.create_centre_user(people.riverside, person(email), actor=michael),
            "create": lambda email: users.create_centre_user(
                people.riverside, person(email), password=NEW, actor=michael
            ),
            "admin": lambda email: users.change(
                people.anew, replace(new, email=email), active=True, admin=False, actor=michael
            ),
            "username": lambda email: users.change(
                people.anew,
                replace(new, email="anew.user@portal.example", username=email),
                active=True,
                admin=False,
                actor=michael,
            ),
            "email": lambda email: users.change_email(people.anew, email=email, actor=michael),
            "own": lambda email: users.change_own(replace(new, email=email), current=PASSWORD, actor=anew),
        }

    @pytest.mark.parametrize("way", ["invite", "create", "admin", "username", "email", "own"])
    def test_asking_which_addresses_exist_ends_after_some_tries(self, people, way, monkeypatch):
        monkeypatch.setattr(throttles, "ACCOUNTS", replace(throttles.ACCOUNTS, most=2))
        ask = self.ways(people)[way]
        for taken in ("rita.rival@portal.example", "connor.random@portal.example"):
            with pytest.raises(Taken):
                ask(taken)
        for address in ("michael.white@portal.example", "free.address@portal.example"):
            with pytest.raises(Throttled) as refused:
                ask(address)
            assert refused.value.message.startswith(throttles.ACCOUNTS.sentence)
            assert refused.value.retry_after > 60

    def test_who_hands_passwords_over_may_enter_a_whole_staff(self, people, monkeypatch):
        monkeypatch.setattr(throttles, "ACCOUNTS", replace(throttles.ACCOUNTS, most=1))
        michael = as_actor(people.michael)
        for number in range(3):
            users.create_centre_user(
                people.riverside, person(f"staff{number}@portal.example"), password=NEW, actor=michael
            )

    def test_names_can_be_changed_as_often_as_one_likes(self, people):
        self.used_up(throttles.ACCOUNTS, people.michael)
        michael, email = as_actor(people.michael), "anew.user@portal.example"
        users.change(people.anew, person(email, "Anya", "User"), active=True, admin=False, actor=michael)
        users.change_own(person("michael.white@portal.example", "Mike", "White"), actor=michael)
        assert (fresh(people.anew).first_name, fresh(people.michael).first_name) == ("Anya", "Mike")

    @pytest.mark.parametrize("way", ["invite", "admin", "email", "own"])
    def test_one_address_gets_a_few_mails_whoever_has_them_sent(self, people, way):
        email = "victim@elsewhere.example"
        self.used_up(throttles.LINK_MAILS, email)
        with pytest.raises(Throttled) as refused:
            self.ways(people)[way](email)
        assert refused.value.message.startswith(throttles.LINK_MAILS.sentence)
        assert letters_to(email) == []
        assert fresh(people.anew).email == "anew.user@portal.example"

    def test_passwords_given_again_and_again_fill_nobodys_letter_box(self, people):
        users.change_email(people.anew, email="victim@elsewhere.example", actor=as_actor(people.michael))
        self.used_up(throttles.LINK_MAILS, "victim@elsewhere.example")
        with pytest.raises(Throttled):
            users.give_password(people.anew, password=NEW, actor=as_actor(people.michael))
        assert fresh(people.anew).must_change_password is False


def test_a_manager_at_work_keeps_nobody_from_signing_in(people, app):
    """Whoever signs in has the own row and writes a line that points at the centre: it must not wait for the centre."""
    if db.engine.dialect.name != "postgresql":
        pytest.skip("SQLite has one writer at a time")
    with unit_of_work(SYSTEM):
        users._take_turns(db.session.get_one(User, people.anew))
        with db.engine.begin() as other:
            other.execute(text("SET LOCAL lock_timeout = '2s'"))
            other.execute(
                insert(AuditEntry).values(
                    at=clock.now(), actor_name="A", role="", action="SignedIn", subject="", detail={}, address="",
                    centre_id=people.riverside, actor_id=people.anew,
                )
            )  # fmt: skip
            # Another manager waits all the same.
            with pytest.raises(OperationalError):
                other.execute(select(Centre.id).where(Centre.id == people.riverside).with_for_update(key_share=True))


def test_the_list_of_a_centre_shows_its_users_only(people):
    names = [user.full_name for user in reading.list_of_centre(people.riverside, actor=as_actor(people.michael))]
    assert names == ["Anew User", "Michael White"]
    assert reading.list_of_centre(people.riverside, actor=as_actor(people.rita)) == []
    assert reading.get_user(people.anew, actor=as_actor(people.michael)).centre.brand.slug == "seg"


class TestChangingEverything:
    def test_all_or_nothing_is_changed(self, people):
        second_admin(people)
        wanted = person("rita.rival@portal.example", "Anya", "Other", username="anya", phone="1")
        with pytest.raises(Taken):
            users.change(people.anew, wanted, active=False, admin=False, actor=as_actor(people.michael))
        user = fresh(people.anew)
        assert (user.first_name, user.username, user.active) == ("Anew", "anew.user@portal.example", True)
        assert (user.role, user.auth_epoch) == (Role.CENTRE_ADMIN, 1)

    def test_a_username_of_somebody_else_is_refused_at_its_field(self, people):
        wanted = person("anew.user@portal.example", "Anew", "User", username="rita.rival@portal.example")
        with pytest.raises(Taken) as refused:
            users.change(people.anew, wanted, active=True, admin=False, actor=as_actor(people.michael))
        assert (refused.value.field, refused.value.message) == ("username", users.TAKEN)

    def test_what_somebody_signs_in_with_is_nobody_elses_other_name(self, people):
        michael = as_actor(people.michael)
        rita = "rita.rival@portal.example"
        with unit_of_work(SYSTEM):
            db.session.get_one(User, people.rita).email = "rita@elsewhere.example"
        # The address is the rival's username only; no column of the database refuses it.
        for act in (
            lambda: users.create_centre_user(people.riverside, person(rita, username="petra"), actor=michael),
            lambda: users.change_email(people.anew, email=rita, actor=michael),
            lambda: users.change(
                people.anew,
                person("anew.user@portal.example", username="rita@elsewhere.example"),
                active=True,
                admin=False,
                actor=michael,
            ),
        ):
            with pytest.raises(Taken):
                act()

    @pytest.mark.parametrize("who", ["anew", "connor", "rita"])
    def test_only_who_manages_the_user_changes_it(self, people, who):
        with pytest.raises((NotAllowed, NotFound)):
            users.change(people.michael, person(), active=False, admin=False, actor=as_actor(getattr(people, who)))
        assert fresh(people.michael).active

    def test_of_two_admins_who_take_each_others_right_one_keeps_it(self, people, app):
        second_admin(people)
        both = {people.michael: as_actor(people.anew), people.anew: as_actor(people.michael)}
        wanted = {one: users.Person(fresh(one).email, "A", "B") for one in both}
        start, ends = threading.Barrier(2), []

        def go(user_id, actor):
            with app.app_context():
                start.wait()
                try:
                    users.change(user_id, wanted[user_id], active=False, admin=False, actor=actor)
                    ends.append("done")
                except WrongMove:
                    ends.append("refused")

        threads = [threading.Thread(target=go, args=pair) for pair in both.items()]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert sorted(ends) == ["done", "refused"]


class TestLocksThatEnd:
    def test_the_lists_are_told_when_the_day_comes(self, people, monkeypatch):
        users.lock(people.anew, until=TOMORROW, reason=SUSPENDED, information="x", actor=as_actor(people.michael))
        room = rooms.centre_users(people.riverside)
        before = outbox.seq_of([room])[room]
        assert users.end_locks() == 0
        assert outbox.seq_of([room])[room] == before
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=2))
        assert users.end_locks() == 1
        user = fresh(people.anew)
        assert (user.locked_until, user.lock_reason, user.lock_information) == (None, "", "")
        assert outbox.seq_of([room])[room] == before + 1
        assert users.end_locks() == 0
        assert sign_in("anew.user@portal.example").token

    def test_the_sweeper_does_it(self, people):
        with unit_of_work(SYSTEM):
            db.session.get_one(User, people.anew).locked_until = clock.now() - timedelta(seconds=1)
        sweeper.sweep()
        assert fresh(people.anew).locked_until is None


class TestErasing:
    @pytest.fixture
    def gone(self, people, monkeypatch):
        """Anew did this and that, was deleted, and 31 days went by."""
        michael, anew = as_actor(people.michael), as_actor(people.anew)
        sign_in("anew.user@portal.example")
        with pytest.raises(accounts.Refused):
            sign_in("anew.user@portal.example", password="something wrong")
        with unit_of_work(SYSTEM):
            db.session.get_one(User, people.anew).phone = "01632 960777"
            job = Job(
                centre_id=people.riverside,
                created_by_id=people.anew,
                created_by="Anew User",
                created_at=clock.now(),
                reference="1 record",
            )
            db.session.add(job)
        users.change_details(people.anew, first_name="Anew", last_name="User", phone="01632 960777", actor=anew)
        users.give_password(people.anew, password=NEW, actor=michael)
        with unit_of_work(SYSTEM):
            db.session.execute(update(Mail).values(state=MailState.SENT))
        users.remove(people.anew, actor=michael)
        assert erasure.erase_due() == 0
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=30, minutes=1))
        return people.anew

    def everything(self):
        """All rows of all tables as text."""
        db.session.close()
        return {
            table.name: " ".join(repr(tuple(row)) for row in db.session.execute(select(table)))
            for table in db.metadata.sorted_tables
        }

    def test_nothing_of_the_person_is_left_anywhere(self, gone):
        traces = ("Anew", "anew.user@", "01632 960777")
        assert any(trace in rows for rows in self.everything().values() for trace in traces)
        assert erasure.erase_due() == 1
        left = [(name, trace) for name, rows in self.everything().items() for trace in traces if trace in rows]
        assert left == []
        user = fresh(gone)
        assert (user.full_name, user.password_hash, user.email_confirmed_at) == ("Deleted user", "", None)
        assert user.erased_at is not None
        assert erasure.erase_due() == 0

    def changed(self, people, **values):
        with unit_of_work(SYSTEM):
            for name, value in values.items():
                setattr(db.session.get_one(User, people.anew), name, value)

    def refused(self, account):
        with pytest.raises(accounts.Refused):
            sign_in(account, password="something wrong")

    @pytest.fixture
    def much(self, people, monkeypatch):
        """Anew had other names and addresses, told of a problem and took an export; Rita has one of the addresses."""
        michael, anew = as_actor(people.michael), as_actor(people.anew)
        self.changed(people, username="anewold" + "x" * 150, first_name="Anewold")
        self.refused("anewold" + "x" * 150)
        self.refused("anew.user@portal.example")
        self.changed(people, username="anewer")
        self.refused("anewer")
        for address in ("anew.second@portal.example", "anew.third@portal.example"):
            users.change_email(people.anew, email=address, actor=SYSTEM)
            self.changed(people, email_confirmed_at=clock.now(), username="anewest")
            self.refused(address)
        with unit_of_work(SYSTEM) as record:
            moment = clock.now()
            problem = Problem(
                centre_id=people.riverside, request_key="k",
                brand_id=db.session.get_one(Centre, people.riverside).brand_id, subject="A download",
                text="It is empty.", reporter_id=people.anew, reporter=anew.name, created_at=moment, moved_at=moment,
            )  # fmt: skip
            export = Download(
                centre_id=people.riverside, created_by="Michael White", created_at=moment, name="Autumn",
                request_key="k", downloaded_by_id=people.anew, downloaded_by="Anewold User",
            )  # fmt: skip
            namesake = Download(
                centre_id=people.riverside, created_by="Michael White", created_at=moment, name="Spring",
                request_key="l", downloaded_by_id=people.michael, downloaded_by="Deleted Namesake",
            )  # fmt: skip
            db.session.add_all([problem, export, namesake])
            db.session.flush()
            problems._tell_awarding_body(record, problem, anew)
            problems._tell_reporter(record, problem, "Mended.", key="1")
        with unit_of_work(SYSTEM):
            db.session.execute(update(Mail).values(state=MailState.SENT))
            unknown = Mail.letter.in_(["email_changed", "problem_answered"])
            db.session.execute(update(Mail).where(unknown).values(state=MailState.UNKNOWN))
        self.changed(people, first_name="Deleted", last_name="Namesake", username="w" * 130)
        users.remove(people.anew, actor=michael)
        users.change_email(people.rita, email="anew.second@portal.example", actor=SYSTEM)
        with unit_of_work(SYSTEM):
            db.session.get_one(User, people.rita).username = "w" * 131
            db.session.execute(update(Mail).where(Mail.state == MailState.QUEUED).values(state=MailState.SENT))
        self.refused("anew.second@portal.example")
        self.refused("w" * 131)
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=30, minutes=1))
        return people.anew

    def test_nothing_is_left_under_earlier_names_and_in_the_mails_of_others(self, much, people):
        traces = ("Anew", "anewold", "anewer", "anewest", "anew.user@", "anew.third@")
        assert erasure.erase_due() == 1
        left = [(name, trace) for name, rows in self.everything().items() for trace in traces if trace in rows]
        assert left == []
        lines = db.session.scalars(
            select(AuditEntry).where(AuditEntry.action == "SignInRefused").order_by(AuditEntry.id)
        ).all()
        assert [(line.subject, line.address) for line in lines] == [
            *[(f"user {much}", "")] * 5,
            ("anew.second@portal.example", VISITOR.address),
            ("w" * 120, VISITOR.address),
        ]
        # What is Rita's or Michael's stays, also where it looks the same.
        assert letters_to("anew.second@portal.example") == ["email_confirmation"]
        taken = db.session.execute(select(Download.name, Download.downloaded_by).order_by(Download.id)).all()
        assert taken == [("Autumn", "Deleted user"), ("Spring", "Deleted Namesake")]

    def test_what_was_said_about_a_problem_stays_and_nobody_is_written_to_again(self, much):
        erasure.erase_due()
        reported, answered = db.session.scalars(
            select(Mail).where(Mail.letter.startswith("problem_")).order_by(Mail.id)
        ).all()
        assert (reported.recipient, reported.reply_to) == ("support@seg.example", "")
        assert (reported.values["reporter"], reported.values["text"]) == ("Deleted user", "It is empty.")
        assert (answered.recipient, answered.values["name"]) == ("", "Deleted user")
        assert answered.values["text"] == "Mended."
        assert db.session.scalars(select(Mail.id).where(Mail.state == MailState.UNKNOWN)).all() == []
        assert db.session.scalar(select(func.count()).where(Mail.state == MailState.FAILED)) == 3

    def test_what_they_did_stays_as_done_by_one_and_the_same(self, gone):
        before = db.session.scalar(select(func.count()).where(AuditEntry.actor_id == gone))
        assert before > 0
        erasure.erase_due()
        entries = db.session.scalars(select(AuditEntry).where(AuditEntry.actor_id == gone)).all()
        assert len(entries) == before
        assert {(entry.actor_name, entry.address) for entry in entries} == {("Deleted user", "")}
        assert db.session.scalars(select(Job.created_by).where(Job.created_by_id == gone)).all() == ["Deleted user"]
        assert db.session.scalar(select(AuditEntry.action).order_by(AuditEntry.id.desc())) == "UserErased"

    def test_nobody_comes_back_from_it_and_the_address_is_free(self, gone, people):
        erasure.erase_due()
        michael = as_actor(people.michael)
        with pytest.raises(NotFound):
            users.restore(gone, actor=michael)
        with pytest.raises(accounts.Refused):
            sign_in(f"deleted user {gone}", password="anything at all 1")
        made = users.create_centre_user(
            people.riverside, person("anew.user@portal.example"), password=NEW, actor=michael
        )
        assert made.user_id != gone

    def test_whoever_was_restored_at_the_last_moment_is_left_alone(self, gone, monkeypatch):
        with unit_of_work(SYSTEM):
            db.session.get_one(User, gone).deleted_at = None
        assert erasure.erase_due() == 0
        erasure._erase(gone)
        assert fresh(gone).full_name == "Anew User"


def test_documents_can_be_checked_after_their_users_are_erased(app, drawn, monkeypatch):
    with app.app_context():
        document = db.session.get_one(Document, drawn.document_ids[0])
        reference = document.reference
        with unit_of_work(SYSTEM):
            for user in db.session.scalars(select(User).where(User.role != Role.ISSUER)):
                user.deleted_at = clock.now() - timedelta(days=31)
            db.session.execute(update(Job).values(created_by_id=db.session.scalar(select(User.id).limit(1))))
        while erasure.erase_due(most=2):
            pass
        assert db.session.scalar(select(func.count()).where(User.erased_at.is_not(None))) == 4
    visitor = app.test_client()
    assert visitor.get(f"/v/{reference}.json").json["status"] == "valid"
    assert visitor.get(f"/v/{reference}").status_code == 200
