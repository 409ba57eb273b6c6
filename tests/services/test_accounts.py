"""Signing in and out, sessions, links to set a password or to confirm an address."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from sqlalchemy import select

from portal import clock
from portal.access import sessions
from portal.access.actor import SYSTEM, Actor
from portal.database import db
from portal.errors import Expired, Invalid, NotAllowed, Throttled
from portal.models.audit import AuditEntry
from portal.models.mails import Mail
from portal.models.sign_in import OneTimeToken, UserSession
from portal.services import accounts, passwords, sign_in_upkeep, throttles, tokens, users
from portal.unit_of_work import unit_of_work
from portal.vocabulary import Door, TokenPurpose
from tests.services.people import PASSWORD, VISITOR, as_actor, fresh

SECRET = "a secret of the tests"
NEW = "thimble lantern harbour 7"
MICHAEL = "michael.white@portal.example"


@pytest.fixture
def people(app, cast):
    with app.app_context():
        yield cast


def sign_in(account=MICHAEL, password=PASSWORD, door=Door.CENTRE, actor=VISITOR, **more):
    return accounts.sign_in(account=account, password=password, door=door, actor=actor, **more)


def change(user_id, **values):
    with unit_of_work(VISITOR):
        user = db.session.get_one(accounts.User, user_id)
        for name, value in values.items():
            setattr(user, name, value)


def audited(action):
    return list(db.session.scalars(select(AuditEntry).where(AuditEntry.action == action).order_by(AuditEntry.id)))


def mails_to(address):
    return [mail.letter for mail in db.session.scalars(select(Mail).where(Mail.recipient == address).order_by(Mail.id))]


def link_for(purpose, user_id, **more):
    with unit_of_work(VISITOR):
        token = tokens.issue(purpose, user_id, **more)
    text = tokens.text_of(token.id, SECRET)
    assert text is not None
    return text


def choose(link, password=NEW, purpose=TokenPurpose.RESET):
    return accounts.choose_password(link, purpose=purpose, password=password, secret=SECRET, actor=VISITOR)


class TestSigningIn:
    def test_a_session_is_a_random_token_of_which_the_hash_is_kept(self, people):
        entry = sign_in(agent="A browser\r\nwith a break")
        assert len(entry.token) >= 43
        (row,) = db.session.scalars(select(UserSession)).all()
        assert entry.token not in (row.token_hash, row.agent)
        assert row.token_hash == sessions.token_hash(entry.token)
        assert timedelta(hours=11, minutes=59) < row.expires_at - clock.now() <= timedelta(hours=12)
        assert row.agent == "A browserwith a break"
        assert sessions.find(entry.token).user.id == people.michael
        assert fresh(people.michael).last_sign_in_at is not None

    @pytest.mark.parametrize("account", [MICHAEL, "  Michael.White@PORTAL.example ", "MICHAEL.WHITE@portal.example"])
    def test_case_and_spaces_of_the_address_do_not_matter(self, people, account):
        assert sign_in(account).user_id == people.michael

    def test_the_username_is_as_good_as_the_address(self, people):
        change(people.michael, username="mwhite")
        assert sign_in("MWhite").user_id == people.michael
        assert sign_in(MICHAEL).user_id == people.michael

    @pytest.mark.parametrize(
        "account", ["michael.white+1@portal.example", "mich\u0430el.white@portal.example", "' OR 1=1--", "%", "x" * 254]
    )
    def test_what_only_looks_like_an_account_is_none(self, people, account):
        with pytest.raises(accounts.Refused) as refused:
            sign_in(account)
        assert refused.value.message == accounts.WRONG

    @pytest.mark.parametrize("account", ["", "   ", "x" * 255, "a\0b", "a\nb"])
    def test_what_cannot_be_an_account_is_refused_before_hashing(self, people, account, monkeypatch):
        monkeypatch.setattr(passwords, "matches", lambda *_: pytest.fail("it was hashed"))
        with pytest.raises(Invalid) as refused:
            sign_in(account)
        assert refused.value.field == "email"

    def test_everybody_comes_in_by_the_own_door_only(self, people):
        doors = {
            "ida.issuer@portal.example": Door.ISSUER,
            MICHAEL: Door.CENTRE,
            "anew.user@portal.example": Door.CENTRE,
            "connor.random@portal.example": Door.LEARNER,
        }
        for account, own in doors.items():
            for door in Door:
                if door is own:
                    assert sign_in(account, door=door).token
                else:
                    with pytest.raises(accounts.Refused) as refused:
                        sign_in(account, door=door)
                    assert refused.value.message == accounts.WRONG

    @pytest.mark.parametrize(
        "why",
        [
            "wrong password",
            "unknown",
            "inactive",
            "deleted",
            "other door",
            "locked, wrong",
            "unconfirmed, wrong",
            "none",
        ],
    )
    def test_who_is_refused_learns_nothing(self, people, why):
        account, password, door = MICHAEL, PASSWORD, Door.CENTRE
        if why == "unknown":
            account = "nobody@portal.example"
        elif why == "other door":
            door = Door.ISSUER
        elif why == "inactive":
            change(people.michael, active=False)
        elif why == "deleted":
            change(people.michael, deleted_at=clock.now())
        elif why == "none":
            change(people.michael, password_hash="")
        else:
            password = "not the password"
            if "locked" in why:
                change(people.michael, locked_until=clock.now() + timedelta(days=3))
            if "unconfirmed" in why:
                change(people.michael, email_confirmed_at=None)
        with pytest.raises(accounts.Refused) as refused:
            sign_in(account, password, door)
        assert type(refused.value) is accounts.Refused
        assert refused.value.message == accounts.WRONG
        assert refused.value.field is None
        assert db.session.scalars(select(UserSession)).all() == []
        (entry,) = audited("SignInRefused")
        assert entry.address == VISITOR.address
        assert PASSWORD not in str(entry.detail) + entry.subject
        assert "not the password" not in str(entry.detail) + entry.subject

    def test_a_password_typed_as_the_account_is_not_kept(self, people):
        with pytest.raises(accounts.Refused):
            sign_in(account=PASSWORD, password=PASSWORD)
        (entry,) = audited("SignInRefused")
        assert entry.subject == "an unknown account"

    def test_the_owner_of_a_locked_account_is_told_until_when_and_why(self, people):
        day = clock.now() + timedelta(days=3)
        change(people.michael, locked_until=day, lock_reason="Long term sick", lock_information="A secret note.")
        with pytest.raises(accounts.Locked) as refused:
            sign_in()
        assert f"until {clock.uk_date(day)}: Long term sick." in refused.value.message
        assert "secret" not in refused.value.message
        with pytest.raises(accounts.Refused) as refused:
            sign_in(password="not the right one")
        assert "Long term sick" not in refused.value.message

    def test_a_password_handed_over_lets_in_for_72_hours(self, people, monkeypatch):
        made = users.create_centre_user(
            people.riverside, users.Person("petra@portal.example", "Petra", "New"), password=NEW, actor=SYSTEM
        )
        begun = clock.now()
        monkeypatch.setattr(clock, "now", lambda: begun + accounts.HANDED_OVER_FOR - timedelta(minutes=1))
        assert sign_in("petra@portal.example", NEW).change_token_id
        monkeypatch.setattr(clock, "now", lambda: begun + accounts.HANDED_OVER_FOR + timedelta(minutes=1))
        with pytest.raises(accounts.PasswordExpired) as refused:
            sign_in("petra@portal.example", NEW)
        assert "72 hours" in refused.value.message
        with pytest.raises(accounts.Refused) as wrong:
            sign_in("petra@portal.example", "another one altogether")
        assert "72 hours" not in wrong.value.message
        # Another one that is handed over begins anew; one's own has no end.
        users.give_password(made.user_id, password="meadow ribbon kettle 5", actor=SYSTEM)
        entry = sign_in("petra@portal.example", "meadow ribbon kettle 5")
        link = tokens.text_of(entry.change_token_id, SECRET)
        accounts.choose_password(
            link, purpose=TokenPurpose.RESET, password="own words of petra 9", secret=SECRET, actor=VISITOR
        )
        monkeypatch.setattr(clock, "now", lambda: begun + timedelta(days=90))
        assert sign_in("petra@portal.example", "own words of petra 9").token

    def test_a_lock_ends_by_itself(self, people):
        change(people.michael, locked_until=clock.now() - timedelta(seconds=1))
        assert sign_in().token

    def test_the_owner_of_an_unconfirmed_address_is_told(self, people):
        change(people.michael, email_confirmed_at=None)
        with pytest.raises(accounts.Unconfirmed) as refused:
            sign_in()
        assert refused.value.user_id == people.michael

    def test_the_session_of_before_ends(self, people):
        first = sign_in()
        before = sessions.find(first.token).session_id
        second = sign_in("rita.rival@portal.example", ending=before)
        assert sessions.find(first.token) is None
        assert sessions.find(second.token).user.id == people.rita
        assert len(audited("SignedOut")) == 1

    def test_an_unfinished_transaction_never_waits_for_a_hash(self, people, monkeypatch):
        seen = []

        def verify(_hash, _password):
            seen.append(db.session().in_transaction())
            return False

        monkeypatch.setattr(passwords, "_verify", verify)
        for account in (MICHAEL, "nobody@portal.example"):
            with pytest.raises(accounts.Refused):
                sign_in(account)
        assert seen == [False, False]

    def test_a_password_changed_while_it_was_checked_is_the_old_one(self, people, app, monkeypatch):
        genuine = passwords._verify

        def verify(hashed, password):
            right = genuine(hashed, password)
            with app.app_context():
                change(people.michael, password_hash="something else")
            return right

        monkeypatch.setattr(passwords, "_verify", verify)
        with pytest.raises(accounts.Refused):
            sign_in()
        assert db.session.scalars(select(UserSession)).all() == []

    def test_a_weaker_hash_is_made_anew(self, people):
        weak = passwords.PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash(PASSWORD)
        change(people.michael, password_hash=weak)
        sign_in()
        assert fresh(people.michael).password_hash.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
        assert sign_in().token


class TestThrottle:
    def fail(self, times, account=MICHAEL, **more):
        for _ in range(times):
            with pytest.raises(accounts.Refused):
                sign_in(account, "wrong password", **more)

    @pytest.mark.parametrize("account", [MICHAEL, "nobody@portal.example"])
    def test_the_sixth_try_in_a_minute_waits_even_with_the_right_password(self, people, account):
        self.fail(5, account)
        with pytest.raises(Throttled) as refused:
            sign_in(account)
        assert 0 < refused.value.retry_after <= 60

    def test_ten_in_a_quarter_of_an_hour(self, people, monkeypatch):
        now = clock.now()
        self.fail(5)
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=2))
        self.fail(5)
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=4))
        with pytest.raises(Throttled) as refused:
            sign_in()
        assert 600 < refused.value.retry_after <= 900
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(minutes=16))
        assert sign_in().token

    def test_username_and_address_of_one_account_count_together(self, people):
        change(people.michael, username="mwhite")
        self.fail(3)
        self.fail(2, "mwhite")
        with pytest.raises(Throttled):
            sign_in("mwhite")

    def test_others_are_not_held_up(self, people):
        self.fail(5)
        assert sign_in("anew.user@portal.example").token

    def test_a_known_device_comes_in_although_strangers_used_the_tries_up(self, people):
        self.fail(5)
        device = accounts.Device("a-browser", {people.michael: 1})
        assert sign_in(device=device).token

    def test_a_known_device_has_its_own_limit(self, people):
        device = accounts.Device("a-browser", {people.michael: 1})
        self.fail(5, device=device)
        with pytest.raises(Throttled):
            sign_in(device=device)
        assert sign_in().token

    def test_a_device_is_forgotten_when_rights_change(self, people):
        change(people.michael, auth_epoch=2)
        self.fail(5)
        with pytest.raises(Throttled):
            sign_in(device=accounts.Device("a-browser", {people.michael: 1}))

    def test_a_device_of_one_account_opens_no_other(self, people):
        self.fail(5, "rita.rival@portal.example")
        with pytest.raises(Throttled):
            sign_in("rita.rival@portal.example", device=accounts.Device("a-browser", {people.michael: 1}))

    def test_who_signed_in_begins_anew(self, people):
        for _ in range(4):
            self.fail(4)
            assert sign_in().token

    def test_a_network_has_a_hundred_wrong_tries_an_hour(self, people, monkeypatch):
        monkeypatch.setattr(passwords, "_verify", lambda *_: False)
        for number in range(100):
            self.fail(1, f"nobody{number}@portal.example")
        with pytest.raises(Throttled) as refused:
            sign_in("another@portal.example")
        assert "network" in refused.value.message
        with pytest.raises(accounts.Refused):
            sign_in("another@portal.example", actor=Actor(None, "Visitor", address="198.51.100.1"))

    def test_good_ones_do_not_use_the_network_up(self, people, monkeypatch):
        monkeypatch.setattr(passwords, "_verify", lambda *_: True)
        for _ in range(110):
            sign_in()

    def test_many_tries_at_the_same_moment_do_not_slip_through(self, people, app, monkeypatch):
        checked = []
        monkeypatch.setattr(passwords, "_verify", lambda *_: checked.append(1) and False)
        start = threading.Barrier(12)

        def go():
            with app.app_context():
                start.wait()
                with pytest.raises((accounts.Refused, Throttled)):
                    sign_in()

        threads = [threading.Thread(target=go) for _ in range(12)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(checked) == 5


class TestSessions:
    def test_signing_out_ends_the_session_for_every_copy_of_its_cookie(self, people):
        entry = sign_in()
        other = sign_in()
        accounts.sign_out(sessions.find(entry.token).session_id, actor=as_actor(people.michael))
        assert sessions.find(entry.token) is None
        assert sessions.find(other.token) is not None
        assert len(audited("SignedOut")) == 1

    def test_signing_out_twice_is_signing_out_once(self, people):
        found = sessions.find(sign_in().token).session_id
        for _ in range(2):
            accounts.sign_out(found, actor=as_actor(people.michael))
        assert len(audited("SignedOut")) == 1

    def test_a_session_ends_after_twelve_hours_however_busy(self, people, monkeypatch):
        entry = sign_in()
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=11, minutes=59))
        assert sessions.find(entry.token) is not None
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(hours=12, seconds=1))
        assert sessions.find(entry.token) is None

    def test_what_is_over_is_deleted(self, people, monkeypatch):
        sign_in()
        link_for(TokenPurpose.RESET, people.michael)
        now = clock.now()
        monkeypatch.setattr(clock, "now", lambda: now + timedelta(days=32))
        with unit_of_work(VISITOR):
            sign_in_upkeep.forget_old()
        for model in (UserSession, OneTimeToken, throttles.Throttle):
            assert db.session.scalars(select(model)).all() == []


class TestForgotten:
    def ask(self, account=MICHAEL, actor=VISITOR):
        accounts.request_reset(account=account, actor=actor)

    def test_a_link_is_sent_and_the_row_holds_no_token(self, people):
        self.ask("  MICHAEL.White@portal.example")
        (mail,) = db.session.scalars(select(Mail)).all()
        assert (mail.letter, mail.recipient) == ("password_reset", MICHAEL)
        (token,) = db.session.scalars(select(OneTimeToken)).all()
        assert mail.values == {
            "name": "Michael White",
            "token_id": token.id,
            "path": "/reset",
            "valid_for_seconds": 3600,
        }
        text = tokens.text_of(token.id, SECRET)
        kept = f"{mail.values} {token.nonce} {token.token_hash}"
        assert text.split(".")[1] not in kept
        assert tokens.text_of(token.id, "another secret") != text

    @pytest.mark.parametrize("why", ["unknown", "inactive", "deleted"])
    def test_nobody_gets_a_mail_who_could_not_use_it(self, people, why):
        change(people.michael, active=why != "inactive", deleted_at=clock.now() if why == "deleted" else None)
        self.ask("nobody@portal.example" if why == "unknown" else MICHAEL)
        assert db.session.scalars(select(Mail)).all() == []
        assert db.session.scalars(select(OneTimeToken)).all() == []

    def test_at_most_three_mails_an_hour_go_to_one_address(self, people):
        change(people.michael, username="mwhite")
        for account in (MICHAEL, "mwhite", MICHAEL, "mwhite", MICHAEL, MICHAEL):
            self.ask(account)
        assert mails_to(MICHAEL) == ["password_reset"] * 3

    def test_an_unproved_address_is_asked_to_be_confirmed_instead(self, people):
        change(people.michael, email_confirmed_at=None)
        self.ask()
        assert mails_to(MICHAEL) == ["email_confirmation"]

    def test_a_network_that_asks_for_very_many_waits(self, people):
        for number in range(30):
            self.ask(f"nobody{number}@portal.example")
        with pytest.raises(Throttled):
            self.ask()
        assert mails_to(MICHAEL) == []


class TestLinks:
    def test_a_link_sets_the_password_once_and_ends_every_session(self, people):
        entry = sign_in()
        link = link_for(TokenPurpose.RESET, people.michael)
        assert choose(link) is Door.CENTRE
        assert sessions.find(entry.token) is None
        assert db.session.scalars(select(UserSession)).all() == []
        assert fresh(people.michael).auth_epoch == 2
        assert [entry.detail["why"] for entry in audited("AccessChanged")] == ["password chosen"]
        assert mails_to(MICHAEL) == ["password_changed"]
        with pytest.raises(accounts.Refused):
            sign_in()
        assert sign_in(password=NEW).token
        with pytest.raises(Expired):
            choose(link)

    def test_a_refused_password_leaves_the_link_good(self, people):
        link = link_for(TokenPurpose.RESET, people.michael)
        for weak in ("short", "skillsandeducation1", MICHAEL, "passwordpassword", "x" * 257, "nul\0 nul nul nul"):
            with pytest.raises(Invalid):
                choose(link, weak)
        assert choose(link) is Door.CENTRE

    def test_a_new_link_voids_the_older_one(self, people):
        older = link_for(TokenPurpose.RESET, people.michael)
        newer = link_for(TokenPurpose.RESET, people.michael)
        with pytest.raises(Expired):
            choose(older)
        choose(newer)

    def test_links_of_others_stay_good(self, people):
        ritas = link_for(TokenPurpose.RESET, people.rita)
        choose(link_for(TokenPurpose.RESET, people.michael))
        choose(ritas)

    @pytest.mark.parametrize(
        "spoil",
        [
            lambda link: link[:-1],
            lambda link: link + "A",
            lambda link: link[:-1] + ("A" if link[-1] != "A" else "B"),
            lambda link: "0" + link,
            lambda link: "+" + link,
            lambda link: " " + link,
            lambda link: link.replace(".", ""),
            lambda link: f"{2**63}." + link.split(".")[1],
            lambda link: f"{10**70}." + link.split(".")[1],
            lambda link: "999." + link.split(".")[1],
            lambda link: "-1." + link.split(".")[1],
            lambda link: "١." + link.split(".")[1],
            lambda link: link.split(".")[0] + ".",
            lambda link: link.split(".")[0] + ".\ud800",
            lambda link: "",
            lambda link: "." * 80,
            lambda link: "x" * 100_000,
            lambda link: link + "\0",
        ],
    )
    def test_a_link_that_is_not_ours_is_no_link(self, people, spoil):
        link = spoil(link_for(TokenPurpose.RESET, people.michael))
        with pytest.raises(Expired):
            tokens.peek(link, TokenPurpose.RESET, SECRET)
        with pytest.raises(Expired):
            choose(link)
        assert fresh(people.michael).auth_epoch == 1

    def test_a_link_of_one_purpose_serves_no_other(self, people):
        for given in TokenPurpose:
            link = link_for(given, people.michael)
            for asked in TokenPurpose:
                if asked is not given:
                    with pytest.raises(Expired):
                        tokens.peek(link, asked, SECRET)

    def test_a_link_of_another_secret_is_no_link(self, people):
        with pytest.raises(Expired):
            tokens.peek(link_for(TokenPurpose.RESET, people.michael), TokenPurpose.RESET, "another secret")

    def test_a_link_ends_in_time(self, people):
        link = link_for(TokenPurpose.RESET, people.michael)
        with unit_of_work(VISITOR):
            token = db.session.scalars(select(OneTimeToken)).one()
            token.expires_at = clock.now() - timedelta(seconds=1)
        with pytest.raises(Expired):
            choose(link)
        assert tokens.text_of(token.id, SECRET) is None

    @pytest.mark.parametrize("values", [{"active": False}, {"deleted_at": clock.now()}])
    def test_a_link_of_somebody_who_is_gone_is_no_link(self, people, values):
        link = link_for(TokenPurpose.RESET, people.michael)
        change(people.michael, **values)
        with pytest.raises(Expired):
            choose(link)

    def test_of_two_at_the_same_moment_one_uses_the_link(self, people, app):
        link = link_for(TokenPurpose.RESET, people.michael)
        start, ends = threading.Barrier(4), []

        def go(number):
            with app.app_context():
                start.wait()
                try:
                    choose(link, f"thimble lantern harbour {number}")
                    ends.append(number)
                except Expired:
                    pass

        threads = [threading.Thread(target=go, args=(number,)) for number in range(4)]
        for one in threads:
            one.start()
        for one in threads:
            one.join()
        assert len(ends) == 1
        assert fresh(people.michael).auth_epoch == 2
        assert sign_in(password=f"thimble lantern harbour {ends[0]}").token


class TestFirstPassword:
    def test_a_given_password_only_opens_the_page_to_choose_another(self, people):
        change(people.michael, must_change_password=True)
        entry = sign_in()
        assert entry.token == ""
        assert db.session.scalars(select(UserSession)).all() == []
        link = tokens.text_of(entry.change_token_id, SECRET)
        with pytest.raises(Invalid) as refused:
            choose(link, PASSWORD)
        assert "other than" in refused.value.message
        choose(link)
        assert sign_in(password=NEW).token
        assert not fresh(people.michael).must_change_password


class TestConfirming:
    def test_the_link_confirms_the_address(self, people):
        change(people.michael, email_confirmed_at=None)
        link = link_for(TokenPurpose.CONFIRM, people.michael, detail={"email": MICHAEL})
        assert accounts.confirm_email(link, secret=SECRET, actor=VISITOR) is Door.CENTRE
        assert sign_in().token
        with pytest.raises(Expired):
            accounts.confirm_email(link, secret=SECRET, actor=VISITOR)

    def test_a_link_to_an_earlier_address_confirms_nothing(self, people):
        link = link_for(TokenPurpose.CONFIRM, people.michael, detail={"email": MICHAEL})
        change(people.michael, email="other@portal.example", email_confirmed_at=None)
        with pytest.raises(Expired):
            accounts.confirm_email(link, secret=SECRET, actor=VISITOR)
        assert fresh(people.michael).email_confirmed_at is None

    def test_the_link_is_sent_again_at_most_three_times_an_hour(self, people):
        accounts.resend_confirmation(people.michael, actor=VISITOR)
        assert mails_to(MICHAEL) == []
        change(people.michael, email_confirmed_at=None)
        for _ in range(5):
            accounts.resend_confirmation(people.michael, actor=VISITOR)
        assert mails_to(MICHAEL) == ["email_confirmation"] * 3
        accounts.resend_confirmation(10**9, actor=VISITOR)


class TestChangingThePassword:
    def test_every_other_session_ends_and_this_browser_gets_a_new_one(self, people):
        old = sign_in()
        entry = accounts.change_password(current=PASSWORD, new=NEW, actor=as_actor(people.michael))
        assert sessions.find(old.token) is None
        assert sessions.find(entry.token).user.id == people.michael
        assert mails_to(MICHAEL) == ["password_changed"]

    def test_the_current_one_must_be_right_and_is_throttled(self, people):
        actor = as_actor(people.michael)
        for _ in range(5):
            with pytest.raises(Invalid) as refused:
                accounts.change_password(current="a wrong one", new=NEW, actor=actor)
            assert refused.value.field == "current"
        with pytest.raises(Throttled):
            accounts.change_password(current=PASSWORD, new=NEW, actor=actor)

    def test_a_visitor_has_none_to_change(self, people):
        with pytest.raises(NotAllowed):
            accounts.change_password(current=PASSWORD, new=NEW, actor=VISITOR)
