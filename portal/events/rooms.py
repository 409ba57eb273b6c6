"""The names of the rooms: whom a live change concerns. Who may watch one is decided in ``portal.realtime.rooms``."""

ISSUER_JOBS = "issuer:jobs"
ISSUER_DOCUMENTS = "issuer:documents"
ISSUER_CENTRES = "issuer:centres"
ISSUER_USERS = "issuer:users"
ISSUER_AUDIT = "issuer:audit"
ISSUER_HOME = "issuer:home"
ISSUER_PROBLEMS = "issuer:problems"


def centre_jobs(centre_id: int) -> str:
    """The Jobs Issued grid of a centre; ids are jobs."""
    return f"centre:{centre_id}:jobs"


def centre_records(centre_id: int) -> str:
    """The Records grid of a centre; ids are records."""
    return f"centre:{centre_id}:records"


def centre_home(centre_id: int) -> str:
    """The figures of a centre's dashboard."""
    return f"centre:{centre_id}:home"


def centre_users(centre_id: int) -> str:
    """The Users grid of a centre; ids are users."""
    return f"centre:{centre_id}:users"


def centre_downloads(centre_id: int) -> str:
    """The Downloads grid of a centre; ids are downloads."""
    return f"centre:{centre_id}:downloads"


def centre_problems(centre_id: int) -> str:
    """The Problems grid of a centre; ids are problems."""
    return f"centre:{centre_id}:problems"


def problem(problem_id: int) -> str:
    """One problem with its conversation."""
    return f"problem:{problem_id}"


def desk(user_id: int) -> str:
    """One user's own finished work, for a toast on whatever page they are; ids are downloads."""
    return f"desk:{user_id}"


def job(job_id: int) -> str:
    """The rows and figures of one job; ids are documents."""
    return f"job:{job_id}"


def upload(upload_id: int) -> str:
    """The preflight page of one batch file."""
    return f"upload:{upload_id}"


def verify(reference: str) -> str:
    """The public page of one document."""
    return f"verify:{reference}"


def user(user_id: int) -> str:
    """What concerns one user: the end of a session."""
    return f"user:{user_id}"
