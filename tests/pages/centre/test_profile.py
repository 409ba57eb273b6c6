"""My Profile: what is held about oneself, and who changes it."""


def test_an_admin_sees_what_is_held(michael, words):
    page = words(michael.get("/centre/profile"))
    for fact in ("Michael", "White", "michael.white@portal.example", "Riverside College", "10042", "Centre admin"):
        assert fact in page
    assert "kept by the awarding body" in page


def test_a_user_is_sent_to_the_admin_of_the_centre(anew, words):
    page = words(anew.get("/centre/profile"))
    assert "Centre user" in page
    assert "kept by the admin of your centre" in page


def test_the_password_is_changed_by_a_link(michael):
    assert 'href="/centre/forgot"' in michael.get("/centre/profile").get_data(as_text=True)


def test_nobody_else_is_shown(rita, words):
    assert "Michael" not in words(rita.get("/centre/profile"))
