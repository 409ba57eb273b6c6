"""The only clock. Times are kept in UTC and shown in UK time; the date that judges validity is the UK date."""

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

UK = ZoneInfo("Europe/London")


def now() -> datetime:
    """This moment, aware, in UTC."""
    return datetime.now(UTC)


def today() -> date:
    """Today's date as people in the United Kingdom write it."""
    return now().astimezone(UK).date()


def as_uk(moment: datetime) -> datetime:
    """The same moment on a UK clock."""
    return moment.astimezone(UK)


def uk_text(moment: datetime | None) -> str:
    """``18/08/2020 13:03:59``, UK time; empty for no moment. Source: the user guide's grids."""
    return as_uk(moment).strftime("%d/%m/%Y %H:%M:%S") if moment else ""


def uk_date(day: date | None) -> str:
    """``18/08/2020``; empty for no date."""
    if day is None:
        return ""
    if isinstance(day, datetime):
        day = as_uk(day).date()
    return day.strftime("%d/%m/%Y")
