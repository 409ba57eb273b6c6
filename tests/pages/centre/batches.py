"""Batches that the tests of these pages publish."""

HEADER = (
    "enrolment_number,first_name,last_name,date_of_birth,awarding_organisation,qualification_number,"
    "qualification_title,level,grade,awarded_on\n"
)


def batch(count: int, *, first_name: str = "Ada", title: str = "SEG Awards Level 2 Award in Testing") -> bytes:
    """A batch of so many learners with three documents each."""
    rows = [
        f"AMS{place:011d},{first_name},Learner{place},1990-01-02,Skills and Education Group Awards,603/1234/5,"
        f"{title},Level 2,Pass,2026-11-02\n"
        for place in range(70_001, 70_001 + count)
    ]
    return (HEADER + "".join(rows)).encode()


UNDRAWABLE = batch(1, first_name="Jodie \N{PARTY POPPER}")
"""One learner with a picture in the name, which no font of ours can draw."""
