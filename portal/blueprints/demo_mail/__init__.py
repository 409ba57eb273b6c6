"""The demo's letter box: every mail that the catcher kept, with its headers, its text, its HTML. A demo only."""

import re
from email.message import EmailMessage
from pathlib import Path

from flask import Blueprint, Response, abort, current_app, render_template, request, url_for

from portal.access.actor import Actor
from portal.mail import maildir
from portal.web.guards import public

DEMO_ONLY = True
"""``create_app`` leaves this blueprint out where no demo runs: mails hold the links that open accounts."""

PAGE_SIZE = 50
WEB_ADDRESS = re.compile(r"https?://[^\s<>\"']+[^\s<>\"'.,;:!?)]")
HEAD_BEGINS = re.compile(r"<head\b[^>]*>", re.IGNORECASE)

# A mail is a stranger's page: no script, no network, an origin of its own. Its styles stand inline, for mail programs
# read no other; its links open beside the page, not in the frame.
MAIL_CSP = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; style-src 'unsafe-inline'; "
    "img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'"
)

bp = Blueprint("demo_mail", __name__, url_prefix="/demo/mail")


@bp.get("")
@public
def list_mails(actor: Actor) -> str:
    """Show the mails, newest first, fifty to a page."""
    page = max(1, request.args.get("page", 1, type=int))
    total = maildir.count(_maildir())
    return render_template(
        "demo_mail/list.html",
        mails=maildir.list_newest(_maildir(), limit=PAGE_SIZE, skip=(page - 1) * PAGE_SIZE),
        total=total,
        newer_url=url_for(".list_mails", page=page - 1) if page > 1 else None,
        older_url=url_for(".list_mails", page=page + 1) if page * PAGE_SIZE < total else None,
    )


@bp.get("/<name>")
@public
def show_mail(actor: Actor, name: str) -> str:
    """Show one mail: what it says, and the headers it came with."""
    mail = _get(name)
    return render_template(
        "demo_mail/show.html",
        name=name,
        subject=str(mail["Subject"] or ""),
        headers=[(key, str(value)) for key, value in mail.items()],
        text=_with_links(_part(mail, "plain")),
        has_html=bool(_part(mail, "html")),
    )


@bp.get("/<name>/html")
@public
def html_part(actor: Actor, name: str) -> Response:
    """The HTML of a mail alone, for the frame on its page."""
    words = _part(_get(name), "html")
    if not words:
        abort(404)
    headers = {"Content-Security-Policy": MAIL_CSP, "X-Frame-Options": "SAMEORIGIN"}
    return Response(_opening_elsewhere(words), mimetype="text/html", headers=headers)


@bp.get("/<name>/raw")
@public
def raw_mail(actor: Actor, name: str) -> Response:
    """The mail as a file, as the catcher kept it."""
    raw = maildir.find_bytes(_maildir(), name)
    if raw is None:
        abort(404)
    headers = {"Content-Disposition": f'attachment; filename="{name}.eml"'}
    return Response(raw, mimetype="message/rfc822", headers=headers)


def _maildir() -> Path:
    return Path(current_app.config["PORTAL_DATA"]) / "mail"


def _get(name: str) -> EmailMessage:
    mail = maildir.find(_maildir(), name)
    if mail is None:
        abort(404)
    return mail


def _part(mail: EmailMessage, kind: str) -> str:
    """The words of one of the two parts; empty if the mail has none or its charset is unknown."""
    body = mail.get_body((kind,))
    if body is None:
        return ""
    try:
        return str(body.get_content())
    except (LookupError, UnicodeError, KeyError):
        return ""


def _with_links(text: str) -> list[tuple[str, bool]]:
    """Cut a text into pieces; True marks those that are web addresses."""
    pieces, at = [], 0
    for found in WEB_ADDRESS.finditer(text):
        pieces += [(text[at : found.start()], False), (found[0], True)]
        at = found.end()
    return [*pieces, (text[at:], False)]


def _opening_elsewhere(words: str) -> str:
    """Let links open in a tab of their own: the portal's pages refuse to stand in a frame."""
    opening = '<base target="_blank">'
    head = HEAD_BEGINS.search(words)
    if head is None:
        return f"<!doctype html><html><head><title>Mail</title>{opening}</head>{words}</html>"
    return words[: head.end()] + opening + words[head.end() :]
