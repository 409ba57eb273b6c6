"""My Profile, the same at each door: details, password, picture, sessions, second step. A door registers these pages.

Each section is a page with an address of its own, so that all of it works without JavaScript.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, session, url_for
from flask_babel import gettext as _
from flask_wtf import FlaskForm
from werkzeug.exceptions import Forbidden, NotFound
from werkzeug.wrappers import Response

from portal import green
from portal.access.actor import Actor
from portal.access.permissions import Permission
from portal.access.sessions import Current
from portal.documents.storage import OutOfSpace, Store
from portal.errors import Invalid, Taken, Throttled, WrongMove
from portal.events import rooms
from portal.pictures import MOST_BYTES, NotAPicture, Unusable, read_header
from portal.queries import pictures as kept_pictures
from portal.queries.profiles import second_step_of
from portal.queries.sessions import list_own
from portal.services import accounts, pictures, second_step, users
from portal.vocabulary import Door
from portal.web import errors, picture_files, second_step_pictures, sessions
from portal.web.fields import add_error
from portal.web.profile_forms import BeginForm, Button, CodeForm, DetailsForm, OffForm, PasswordForm, PictureForm

Guard = Callable[[Permission], Callable[[Callable[..., Any]], Callable[..., Any]]]
View = Callable[..., Any]

PATHS: list[tuple[str, str, str, Permission]] = []
"""Address behind the door, endpoint, methods, right: filled by ``page``."""

VIEWS: dict[str, View] = {}


def register(blueprint: Blueprint, guard: Guard) -> None:
    """Give a door these pages; ``guard`` is what its views wear."""
    for path, name, methods, permission in PATHS:
        blueprint.add_url_rule(
            f"/{blueprint.name}{path}", name, guard(permission)(VIEWS[name]), methods=methods.split()
        )


def page(path: str, methods: str = "GET", permission: Permission = Permission.PROFILE_CHANGE) -> Callable[[View], View]:
    """Note a view for ``register``; it is called like its endpoint."""

    def note(view: View) -> View:
        PATHS.append((path, view.__name__, methods, permission))
        VIEWS[view.__name__] = view
        return view

    return note


@page("/profile", "GET POST")
def profile(actor: Actor) -> Any:
    """Personal Details."""
    form = DetailsForm(request.form, obj=_current().user)
    if form.validate_on_submit():
        try:
            return _save_details(form, actor)
        except (Invalid, Taken) as error:
            add_error(form, error)
        except Throttled as error:
            add_error(form, error)
            return *_page("details", form, actor, wrong=429), {"Retry-After": str(error.retry_after)}
    return _page("details", form, actor)


@page("/profile/password", "GET POST")
def password(actor: Actor) -> Any:
    """Change Password; every other session ends, this one goes on."""
    form = PasswordForm(request.form)
    if form.validate_on_submit():
        try:
            entry = accounts.change_password(
                current=form.current.data or "",
                new=form.new.data or "",
                actor=actor,
                agent=request.user_agent.string,
            )
        except Invalid as error:
            add_error(form, error)
        else:
            session.clear()
            sessions.forget()
            session[sessions.COOKIE_KEY] = entry.token
            flash(_("Your password is changed. Every other browser is logged out."), "success")
            return redirect(url_for(".password"))
    return _page("password", form, actor)


@page("/profile/picture", "GET POST")
def profile_picture(actor: Actor) -> Any:
    """Add or change the picture."""
    form = PictureForm()
    status = 422
    if form.validate_on_submit():
        pictures.count_upload(actor)
        try:
            return _keep_picture(actor)
        except NotAPicture as error:
            status = 415
            add_error(form, error)
        except Unusable as error:
            add_error(form, error)
        except _TooLarge as error:
            status = 413
            add_error(form, error)
        except OutOfSpace:
            return errors.answer(503, _("There is no space left to keep the picture. Try again later."))
    return _page("picture", form, actor, wrong=status)


@page("/profile/picture/remove", "POST")
def remove_picture(actor: Actor) -> Response:
    """Show the initials again."""
    unused = pictures.remove(actor=actor)
    _delete(actor, unused)
    flash(_("Your picture is removed."), "success")
    return redirect(url_for(".profile"))


@page("/users/<int:user_id>/picture", permission=Permission.PROFILE_SEE)
def picture(actor: Actor, user_id: int) -> Response:
    """The picture of somebody whom the actor may see."""
    return picture_files.send(user_id, kept_pictures.get_picture(user_id, actor=actor))


@page("/profile/sessions", permission=Permission.PROFILE_CHANGE)
def own_sessions(actor: Actor) -> Any:
    """Which browsers are signed in."""
    return _page("sessions", Button(), actor, browsers=list_own(actor, here=_current().session_id))


@page("/profile/sessions/<int:session_id>/end", "POST")
def end_session(actor: Actor, session_id: int) -> Response:
    """Sign one browser out."""
    accounts.end_own_session(session_id, actor=actor)
    flash(_("That browser is logged out."), "success")
    return redirect(url_for(".own_sessions"))


@page("/profile/sessions/end", "POST")
def end_sessions(actor: Actor) -> Response:
    """Sign out everywhere, here too."""
    accounts.sign_out_everywhere(actor=actor)
    session.clear()
    sessions.forget()
    flash(_("You are logged out everywhere."), "success")
    return redirect(url_for(f"auth.{_door()}_login"))


@page("/profile/second-step")
def own_second_step(actor: Actor) -> Any:
    """How the second step stands, and setting it up."""
    _require_second_step(actor)
    return _second_step(actor, CodeForm())


@page("/profile/second-step/begin", "POST", Permission.SECOND_STEP)
def begin_second_step(actor: Actor) -> Any:
    """Make the secret that the app has to know, by the password."""
    form = BeginForm(request.form)
    if form.validate_on_submit():
        try:
            begun = second_step.begin_own(form.current.data or "", secret_key=_secret(), actor=actor)
        except (Invalid, WrongMove) as error:
            add_error(form, error)
        else:
            session[second_step_pictures.BEGUN] = begun
            return redirect(url_for(".own_second_step"))
    return _second_step(actor, CodeForm(formdata=None), begin=form)


@page("/profile/second-step/qr.svg", permission=Permission.SECOND_STEP)
def second_step_qr(actor: Actor) -> Response:
    """The secret as a picture for the camera of a telephone, while it is being set up."""
    shared = _shared(actor)
    if shared is None:
        raise NotFound
    return second_step_pictures.qr(shared.uri)


@page("/profile/second-step/confirm", "POST", Permission.SECOND_STEP)
def confirm_second_step(actor: Actor) -> Any:
    """Switch it on by a first code; every other session ends, this one goes on."""
    begun = session.get(second_step_pictures.BEGUN)
    return _with_codes(actor, partial(second_step.confirm, begun=begun, session_id=_current().session_id), ending=True)


@page("/profile/second-step/codes", "POST")
def renew_codes(actor: Actor) -> Any:
    """Make new recovery codes."""
    _require_second_step(actor)
    return _with_codes(actor, second_step.renew_codes)


@page("/profile/second-step/codes.txt", "POST")
def save_codes(actor: Actor) -> Response:
    """The codes that the page showed a moment ago, as a file; only what is really a code of this user."""
    _require_second_step(actor)
    codes = second_step.readable_codes(actor.user_id or 0, request.form.getlist("code"), secret_key=_secret())
    if not codes:
        raise Invalid(_("These recovery codes are not good any more. Make new ones."))
    lines = [_("Recovery codes for %(portal)s", portal=second_step_pictures.portal_name()), ""]
    lines += [*codes, "", _("Each lets you in once.")]
    response = Response("\r\n".join(lines) + "\r\n", mimetype="text/plain")
    response.headers["Content-Disposition"] = 'attachment; filename="recovery-codes.txt"'
    response.headers["Cache-Control"] = "no-store"
    return response


@page("/profile/second-step/off", "POST")
def switch_off_second_step(actor: Actor) -> Any:
    """Switch it off, by the password and a code."""
    _require_second_step(actor)
    form = OffForm(request.form)
    if form.validate_on_submit():
        try:
            second_step.switch_off(
                password=form.current.data or "",
                code=form.code.data or "",
                secret_key=_secret(),
                compulsory=_compulsory(actor),
                actor=actor,
            )
        except (Invalid, WrongMove) as error:
            add_error(form, error)
        else:
            flash(_("The second step is switched off."), "success")
            return redirect(url_for(".own_second_step" if actor.may(Permission.SECOND_STEP) else ".profile"))
    return _second_step(actor, CodeForm(formdata=None), off=form)


class _TooLarge(Invalid):
    """A file beyond what a picture may be."""


def _page(section: str, form: FlaskForm, actor: Actor, *, wrong: int = 422, **values: Any) -> Any:
    """One section beside the card; ``wrong`` is the status where the form was sent and not taken."""
    found = _current()
    body = render_template(
        f"profile/{section}.html",
        section=section,
        form=form,
        user=found.user,
        face=kept_pictures.own_picture(actor),
        may_have_second_step=_may_have_second_step(actor),
        room=rooms.desk(found.user.id),
        seq=found.desk_seq,
        **values,
    )
    return body, wrong if form.is_submitted() else 200


def _save_details(form: DetailsForm, actor: Actor) -> Response:
    email = (form.email.data or "").strip().lower()
    names = ("first_name", "middle_name", "last_name", "phone")
    person = users.Person(email=email, **{name: form[name].data or "" for name in names})
    if users.change_own(person, current=form.current.data or "", actor=actor):
        session.clear()
        sessions.forget()
        flash(
            _("We have sent a link to %(address)s. Open it to confirm the address, then log in again.", address=email),
            "success",
        )
        return redirect(url_for(f"auth.{_door()}_login"))
    flash(_("Your details are saved."), "success")
    return redirect(url_for(".profile"))


def _keep_picture(actor: Actor) -> Response:
    given = request.files.get("picture")
    data = given.stream.read(MOST_BYTES + 1) if given is not None else b""
    if len(data) > MOST_BYTES:
        raise _TooLarge(_("The file is larger than 5 MB. Choose a smaller picture."), field="picture")
    if not data and not (given is not None and given.filename):
        raise Unusable(_("Choose a picture."), field="picture")
    read_header(data)
    store = _store()
    suffix = kept_pictures.upload_suffix(actor.user_id or 0)
    stored = green.run_blocking(store.put, data, suffix)
    _delete(actor, pictures.give(stored.sha256, actor=actor))
    flash(_("Your picture is on its way. It appears here in a moment."), "success")
    return redirect(url_for(".profile"))


def _delete(actor: Actor, unused: pictures.Unused) -> None:
    store, user_id = _store(), actor.user_id or 0
    for sha256 in unused.uploads:
        store.path(sha256, kept_pictures.upload_suffix(user_id)).unlink(missing_ok=True)
    for sha256 in unused.made:
        store.path(sha256, kept_pictures.made_suffix(user_id)).unlink(missing_ok=True)


def _store() -> Store:
    return Store(kept_pictures.store_root(current_app.config["PORTAL_DATA"]))


def _may_have_second_step(actor: Actor) -> bool:
    """Whether somebody's role has one, or somebody still has one: of the time before the admin right was taken."""
    return actor.may(Permission.SECOND_STEP) or second_step_of(actor).on_since is not None


def _require_second_step(actor: Actor) -> None:
    if not _may_have_second_step(actor):
        raise Forbidden


def _second_step(
    actor: Actor, form: FlaskForm, *, begin: BeginForm | None = None, off: OffForm | None = None, wrong: int = 422
) -> Any:
    """The section as it stands; ``begin`` makes a secret, ``form`` takes a code, ``off`` switches it off."""
    state = second_step_of(actor)
    shared = _shared(actor) if state.begun else None
    body, status = _page(
        "second_step",
        form,
        actor,
        state=state,
        qr=url_for(".second_step_qr"),
        groups=second_step_pictures.groups(shared.secret) if shared else "",
        begin=begin or BeginForm(formdata=None),
        off=off or OffForm(formdata=None),
        compulsory=_compulsory(actor),
    )
    return body, wrong if request.method == "POST" else status


def _with_codes(actor: Actor, act: Callable[..., list[str]], *, ending: bool = False) -> Any:
    """Do something that gives recovery codes, and show them: this once. ``ending``: it ended the other sessions."""
    form = CodeForm(request.form)
    if form.validate_on_submit():
        try:
            codes = act(form.code.data or "", secret_key=_secret(), actor=actor)
        except (Invalid, WrongMove) as error:
            add_error(form, error)
        else:
            session.pop(second_step_pictures.BEGUN, None)
            save = url_for(".save_codes")
            body, _status = _page("codes", CodeForm(formdata=None), actor, codes=codes, save=save, ended=ending)
            return body
    return _second_step(actor, form)


def _shared(actor: Actor) -> second_step.Shared | None:
    return second_step.find_shared(
        actor.user_id or 0,
        session.get(second_step_pictures.BEGUN),
        portal=second_step_pictures.portal_name(),
        secret_key=_secret(),
    )


def _compulsory(actor: Actor) -> bool:
    return str(actor.role) in current_app.config["TWO_STEP_REQUIRED"]


def _current() -> Current:
    found = sessions.current()
    assert found is not None, "the guard let nobody in without a session"
    return found


def _door() -> str:
    return Door(request.blueprint or "").value


def _secret() -> str:
    secret: str = current_app.config["SECRET_KEY"]
    return secret
