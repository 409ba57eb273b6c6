"""What can go wrong, in the words of the trade. Only ``portal.web.errors`` turns these into HTTP."""


class PortalError(Exception):
    """A rule of the portal was broken; the message is a sentence for the person who did it."""

    def __init__(self, message: str = "", *, field: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.field = field


class NotFound(PortalError):
    """It does not exist, or not for this actor: the two look the same."""


class NotAllowed(PortalError):
    """The actor may see this, but may not do that."""


class WrongMove(PortalError):
    """A status cannot move that way."""


class Taken(PortalError):
    """This value is used already; ``field`` is the form field to mark."""


class Invalid(PortalError):
    """The input breaks a rule; ``field`` says where."""


class Expired(PortalError):
    """A link or a file whose time is over, or that was used before."""


class Throttled(PortalError):
    """Too many tries; ``retry_after`` is in seconds."""

    def __init__(self, message: str = "", *, retry_after: int = 60) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class Fenced(PortalError):
    """Another process has taken this work over; stop and clean up."""
