"""Users, roles, sessions, links and counted tries, on both databases."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.errors import RefusedInput
from contactsync.domain.roles import Role
from contactsync.store import invitations, orgs, sessions, sign_ins, unsent, users
from contactsync.store.engine import open_engine, reading, writing
from contactsync.store.tables_console import console_session, console_user, failed_sign_in, invitation
from contactsync.store.vault import Vault


@pytest.fixture
def db(engine):
    with writing(engine) as conn:
        yield conn


@pytest.fixture
def lite(sqlite_url):
    """For what the database has no part in."""
    engine = open_engine(sqlite_url)
    with writing(engine) as conn:
        yield conn
    engine.dispose()


@pytest.fixture
def acme(db, now) -> orgs.Org:
    return orgs.add_org(db, "acme", "Acme Events", now)


@pytest.fixture
def other(db, now) -> orgs.Org:
    return orgs.add_org(db, "other", "Other Events", now)


@pytest.fixture
def ana(db, now) -> users.User:
    return users.add_user(db, " Ana@Example.com ", now, "Ana Lovelace")


# ── users and roles ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_user_is_found_by_an_address_however_it_is_written(db, ana):
    assert ana.email == "ana@example.com"
    assert users.find_user(db, "ANA@example.COM") == users.user_by_id(db, ana.id) == ana
    assert users.find_user(db, "bob@example.com") is None


@pytest.mark.parametrize(
    "email",
    ["", "bob", "bob@", "@bob.example", "a b@bob.example", "bob@example", "a\0@example.com", "a" * 400 + "@b.co"],
)
def test_what_is_no_address_is_refused_with_a_hint_and_without_repeating_it(lite, now, email):
    with pytest.raises(RefusedInput) as refused:
        users.add_user(lite, email, now)
    assert "ana@example.com" in refused.value.fields["email"]
    assert "bob" not in str(refused.value)


def test_an_address_is_one_user_and_who_comes_second_is_told(db, now, ana):
    with pytest.raises(RefusedInput, match="already") as refused:
        users.add_user(db, "ANA@example.com", now)
    assert ana.email not in str(refused.value)


@pytest.mark.parametrize("name", ["x" * 256, "two\nlines", "steers\x1b[31m"])
def test_a_name_that_cannot_be_shown_on_a_line_is_refused(lite, now, name):
    with pytest.raises(RefusedInput, match="name"):
        users.add_user(lite, "bob@example.com", now, name)


def test_a_role_holds_in_its_org_alone_and_an_operator_is_admin_everywhere(db, now, acme, other, ana):
    users.set_role(db, ana.id, acme.id, Role.VIEWER)
    users.set_role(db, ana.id, acme.id, Role.EDITOR)
    chief = users.add_user(db, "chief@example.com", now, operator=True)
    assert users.role_in(db, ana, acme.id) is Role.EDITOR
    assert users.role_in(db, ana, other.id) is None
    assert users.orgs_of(db, ana) == ((acme, Role.EDITOR),)
    assert users.orgs_of(db, chief) == ((acme, Role.ADMIN), (other, Role.ADMIN))
    assert [(one.user.email, one.role) for one in users.members(db, acme.id)] == [("ana@example.com", Role.EDITOR)]
    assert not users.members(db, other.id)


def test_who_is_disabled_may_nothing_anywhere(db, now, acme, ana):
    users.add_user(db, "chief@example.com", now, operator=True)
    users.set_role(db, ana.id, acme.id, Role.VIEWER)
    users.set_operator(db, ana.id, operator=True)
    users.set_disabled(db, ana.id, now)
    gone = users.user_by_id(db, ana.id)
    assert (users.role_in(db, gone, acme.id), users.orgs_of(db, gone)) == (None, ())


@pytest.mark.parametrize("role", [Role.EDITOR, None])
def test_the_last_admin_of_an_org_cannot_be_taken_away(db, now, acme, ana, role):
    users.set_role(db, ana.id, acme.id, Role.ADMIN)
    bob = users.add_user(db, "bob@example.com", now)
    users.set_role(db, bob.id, acme.id, Role.ADMIN)
    users.set_disabled(db, bob.id, now)  # who cannot sign in is no admin to rely on
    with pytest.raises(RefusedInput, match="last admin"):
        users.set_role(db, ana.id, acme.id, role)
    with pytest.raises(RefusedInput, match="last admin"):
        users.set_disabled(db, ana.id, now)
    users.set_disabled(db, bob.id, None)
    users.set_role(db, ana.id, acme.id, role)
    assert users.kept_role(db, ana.id, acme.id) is role


def test_the_last_operator_cannot_be_taken_away(db, now, ana):
    users.set_operator(db, ana.id, operator=True)
    with pytest.raises(RefusedInput, match="last operator"):
        users.set_operator(db, ana.id, operator=False)
    with pytest.raises(RefusedInput, match="last operator"):
        users.set_disabled(db, ana.id, now)
    users.add_user(db, "chief@example.com", now, operator=True)
    users.set_operator(db, ana.id, operator=False)
    assert not users.user_by_id(db, ana.id).operator


def test_two_admins_who_remove_each_other_at_once_leave_one(engine, now):
    with writing(engine) as db:
        acme = orgs.add_org(db, "acme", "Acme Events", now)
        both = [users.add_user(db, f"{name}@example.com", now) for name in ("ana", "bob")]
        for each in both:
            users.set_role(db, each.id, acme.id, Role.ADMIN)
    at_once, refused = threading.Barrier(2), []

    def remove(who):
        at_once.wait(10)
        try:
            with writing(engine) as db:
                users.set_role(db, who.id, acme.id, None)
        except RefusedInput as error:
            refused.append(error)

    threads = [threading.Thread(target=remove, args=(each,)) for each in both]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    with reading(engine) as db:
        assert len(users.members(db, acme.id)) == 1
    assert len(refused) == 1


def test_an_identity_elsewhere_is_one_users_for_good(db, now, ana):
    assert users.keep_subject(db, ana.id, "https://id.example 1")
    assert users.keep_subject(db, ana.id, "https://id.example 1")
    assert not users.keep_subject(db, ana.id, "https://id.example 2")
    assert users.user_of_subject(db, "https://id.example 1") == ana


# ── sessions ───────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.fixture
def token(db, ana, now) -> str:
    return sessions.begin(db, ana.id, now)


def stored(db) -> str:
    return str(db.execute(sa.select(console_session)).all())


def test_a_session_is_found_by_its_token_which_is_not_in_the_database(db, ana, now, token):
    found = sessions.find(db, token, now)
    assert (found.user, found.notices, found.expires_at) == (ana, (), now + sessions.LONGEST)
    assert token not in stored(db)
    assert token not in repr(found)
    assert found.csrf not in repr(found)
    assert all(sessions.find(db, wrong, now) is None for wrong in ("", token[:-1], token + "x", "é", "x" * 9000))


def test_a_session_ends_when_it_is_not_used_for_hours_and_after_days_at_all(db, now, token):
    assert sessions.find(db, token, now + sessions.IDLE - timedelta(seconds=1))
    assert sessions.find(db, token, now + sessions.IDLE) is None
    at = now
    while at + timedelta(hours=11) < now + sessions.LONGEST:
        at += timedelta(hours=11)
        sessions.touch(db, sessions.find(db, token, at), at)
    assert sessions.find(db, token, now + sessions.LONGEST - timedelta(seconds=1))
    assert sessions.find(db, token, now + sessions.LONGEST) is None


def test_a_user_who_is_disabled_has_no_session(db, ana, now, token):
    users.set_disabled(db, ana.id, now)
    assert sessions.find(db, token, now) is None


def test_after_a_rotation_the_token_before_is_good_for_a_minute_once_the_new_one_was_shown(db, now, token):
    found = sessions.find(db, token, now)
    new = sessions.rotate(db, found, now)
    soon = now + timedelta(seconds=2)
    sessions.touch(db, sessions.find(db, new, soon), soon)
    assert sessions.find(db, token, now + timedelta(seconds=59)).id == found.id
    assert sessions.find(db, token, now + timedelta(seconds=60)) is None
    assert sessions.find(db, new, now + timedelta(seconds=60)).csrf == found.csrf  # forms that are open still go


def test_a_rotation_whose_answer_never_arrived_signs_nobody_out(db, now, token):
    sessions.rotate(db, sessions.find(db, token, now), now)
    later = now + timedelta(hours=2)
    found = sessions.find(db, token, later)
    assert sessions.is_due(found, later)
    new = sessions.rotate(db, found, later)
    assert sessions.find(db, token, later)  # nor would it this time
    assert sessions.find(db, new, later).id == found.id


def test_of_two_requests_at_once_one_changes_the_token(db, now, token):
    found = sessions.find(db, token, now)
    later = now + sessions.ROTATE_AFTER
    assert sessions.is_due(found, later)
    new = sessions.rotate(db, found, later)
    assert sessions.rotate(db, found, later) is None
    assert not sessions.is_due(sessions.find(db, new, later), later)
    assert not sessions.is_due(sessions.find(db, token, later), later)


def test_a_user_can_be_signed_out_everywhere_but_here(db, ana, now, token):
    elsewhere = sessions.begin(db, ana.id, now)
    here = sessions.find(db, token, now)
    assert sessions.end_all_of(db, ana.id, except_id=here.id) == 1
    assert sessions.find(db, elsewhere, now) is None
    sessions.end(db, token)
    assert sessions.find(db, token, now) is None


def test_whose_forms_a_session_had_is_known_after_it_ended_and_lets_nobody_in(db, ana, now, token):
    csrf = sessions.find(db, token, now).csrf
    elsewhere = sessions.begin(db, ana.id, now)
    sessions.end(db, token)
    assert sessions.end_all_of(db, ana.id) == 1
    assert [sessions.find(db, one, now) for one in (token, elsewhere)] == [None, None]
    assert sessions.count_of(db, ana.id, now) == 0
    assert [sessions.whose(db, one) for one in (csrf, csrf[:-1], "", "\x00", "é")] == [ana.id, None, None, None, None]
    assert token not in stored(db)


def test_an_unsent_form_is_its_users_alone_sealed_and_gone_in_an_hour(db, ana, now):
    vault = Vault(["a key for this test"])
    other = users.add_user(db, "other@example.com", now)
    form = unsent.Unsent(
        "/o/acme/x", "/o/acme", "console_x.y", (("name", "Ünï\x00😀"), ("name", "b")), (("p", "file"),)
    )
    key = unsent.keep(db, vault, ana.id, form, now)
    assert unsent.find(db, vault, ana.id, key, now) == form
    assert unsent.find(db, vault, other.id, key, now) is None
    assert unsent.find(db, Vault(["another"]), ana.id, key, now) is None
    unsent.drop(db, other.id, key)
    assert unsent.find(db, vault, ana.id, key, now + unsent.LIFETIME) is None
    assert (unsent.clear(db, now), unsent.clear(db, now + unsent.LIFETIME)) == (0, 1)


def test_what_has_run_out_is_cleared_away_by_the_next_sign_in(db, ana, now, token):
    sessions.begin(db, ana.id, now + sessions.LONGEST + sessions.KEPT)
    assert db.execute(sa.select(sa.func.count()).select_from(console_session)).scalar() == 1


def test_a_notice_is_said_once_and_only_the_last_few_are_kept(db, now, token):
    found = sessions.find(db, token, now)
    for number in range(sessions.MOST_NOTICES + 2):
        sessions.put_notice(db, found.id, "good", f"Done {number}.")
    found = sessions.find(db, token, now)
    taken = sessions.take_notices(db, found)
    assert taken == found.notices
    assert [words for _, words in taken] == [f"Done {number}." for number in range(2, sessions.MOST_NOTICES + 2)]
    assert sessions.take_notices(db, found) == ()


# ── links ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_link_is_good_once_and_its_token_is_not_in_the_database(db, ana, now):
    token = invitations.invite(db, ana.id, now)
    assert token not in str(db.execute(sa.select(invitation)).all())
    assert invitations.invited(db, token, now) == ana.id
    assert invitations.take(db, token, now) == ana.id
    assert invitations.take(db, token, now) is None
    assert invitations.invited(db, token, now) is None


def test_a_link_runs_out_after_seven_days_and_another_one_replaces_it(db, ana, now):
    first = invitations.invite(db, ana.id, now)
    second = invitations.invite(db, ana.id, now)
    assert invitations.invited(db, first, now) is None
    assert invitations.invited(db, second, now + invitations.LIFETIME - timedelta(seconds=1)) == ana.id
    assert invitations.take(db, second, now + invitations.LIFETIME) is None


def test_a_link_of_who_is_disabled_opens_nothing(db, ana, now):
    token = invitations.invite(db, ana.id, now)
    users.set_disabled(db, ana.id, now)
    assert invitations.take(db, token, now) is None


def test_a_list_of_users_says_who_has_not_chosen_a_password_yet(db, ana, now, acme):
    users.set_role(db, ana.id, acme.id, Role.VIEWER)
    invitations.invite(db, ana.id, now)
    (member,) = users.members(db, acme.id)
    assert (member.ready, member.invited_until) == (False, now + invitations.LIFETIME)
    users.set_password(db, ana.id, "a hash")
    assert users.members(db, acme.id)[0].ready


# ── tries ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def tries(db, email, place, number, at):
    return [sign_ins.count_try(db, sign_ins.counts_of(email, place), at) for _ in range(number)]


def test_after_a_few_tries_the_next_has_to_wait_a_quarter_of_an_hour_from_the_first(db, now):
    most = sign_ins.MOST_HERE
    answers = tries(db, "ana@example.com", "192.0.2.1", most + 1, now)
    assert answers == [None] * most + [now + sign_ins.WINDOW]
    assert tries(db, "ana@example.com", "192.0.2.1", 1, now + sign_ins.WINDOW) == [None]


def test_guessing_at_one_place_keeps_nobody_out_at_another(db, now):
    tries(db, "ana@example.com", "192.0.2.1", sign_ins.MOST_EMAIL + 1, now)
    assert tries(db, "ana@example.com", "192.0.2.2", 1, now) == [None]


def test_one_place_may_not_try_many_addresses_and_many_places_not_one(db, now):
    many = [tries(db, f"a{number}@example.com", "192.0.2.1", 1, now)[0] for number in range(sign_ins.MOST_FROM + 1)]
    assert many.index(now + sign_ins.WINDOW) == sign_ins.MOST_FROM
    places = [tries(db, "bob@example.com", f"198.51.100.{n}", 1, now)[0] for n in range(sign_ins.MOST_EMAIL + 1)]
    assert places.index(now + sign_ins.WINDOW) == sign_ins.MOST_EMAIL


def test_a_right_password_takes_its_try_back(db, now):
    counts = sign_ins.counts_of("ana@example.com", "192.0.2.1")
    for _ in range(sign_ins.MOST_EMAIL + 1):
        assert sign_ins.count_try(db, counts, now) is None
        sign_ins.take_back(db, counts)


def test_of_many_tries_at_once_no_more_are_made_than_may_be(engine, now):
    counts, made = sign_ins.counts_of("ana@example.com", "192.0.2.1"), []

    def attempt():
        for _ in range(4):
            with writing(engine) as db:
                made.append(sign_ins.count_try(db, counts, now))

    threads = [threading.Thread(target=attempt) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert made.count(None) == sign_ins.MOST_HERE
    assert len(made) == 16


def test_who_tried_is_kept_as_digests_and_forgotten(db, now):
    tries(db, "ana@example.com", "192.0.2.1", 1, now)
    kept = str(db.execute(sa.select(failed_sign_in)).all())
    assert "ana" not in kept
    assert "192.0" not in kept
    tries(db, "bob@example.com", "192.0.2.9", 1, now + sign_ins.WINDOW)
    assert db.execute(sa.select(sa.func.count()).select_from(failed_sign_in)).scalar() == 3


@pytest.mark.parametrize(
    ("place", "network"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        ("nonsense", "nonsense"),
    ],
)
def test_an_ipv6_address_counts_as_its_network(place, network):
    assert sign_ins.network_of(place) == network


def test_who_has_a_whole_network_of_ipv6_locks_nobody_out_everywhere(db, now):
    for number in range(sign_ins.MOST_EMAIL + 1):
        tries(db, "ana@example.com", f"2001:db8:1:{number:x}::1", 1, now)
    assert tries(db, "ana@example.com", "192.0.2.1", 1, now) == [None]


def test_no_row_of_a_user_holds_a_plain_secret(db, ana, now, token):
    invitations.invite(db, ana.id, now)
    assert token not in str(db.execute(sa.select(console_user)).all())
