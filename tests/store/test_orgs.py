"""Orgs, webhook secrets, API tokens, policies and mappings."""

from __future__ import annotations

import base64
import hashlib
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contactsync.domain.errors import RefusedInput, SealBroken
from contactsync.domain.policy import Policies, SeveralMatches
from contactsync.store import orgs, tables
from contactsync.store.engine import writing
from contactsync.store.vault import Vault

DAY = timedelta(days=1)


@pytest.fixture
def conn(engine):
    with writing(engine) as conn:
        yield conn


@pytest.fixture
def acme(conn, now) -> orgs.Org:
    return orgs.add_org(conn, "acme", "Acme Events", now)


@pytest.fixture
def other(conn, now) -> orgs.Org:
    return orgs.add_org(conn, "other", "Other Events", now)


# ── orgs ───────────────────────────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("slug", ["a", "7", "acme", "acme-events-2026", "a" * 63])
def test_an_org_is_found_by_its_slug(conn, now, slug):
    added = orgs.add_org(conn, slug, "  Acme Events ", now)
    assert orgs.find_org(conn, slug) == added
    assert (added.slug, added.name) == (slug, "Acme Events")


@pytest.mark.parametrize("slug", ["", "-", "-a", "a-", "Acme", "a_b", "a.b", "a/b", "ä", "a\n", "a" * 64])
def test_a_slug_that_cannot_stand_in_a_url_is_refused_with_what_to_write(conn, now, slug):
    with pytest.raises(RefusedInput, match="lower-case letters, digits and hyphens") as refused:
        orgs.add_org(conn, slug, "Acme Events", now)
    assert set(refused.value.fields) == {"slug"}


@pytest.mark.parametrize("name", ["", "  ", "x" * 256])
def test_an_org_has_a_name(conn, now, name):
    with pytest.raises(RefusedInput, match="write a name") as refused:
        orgs.add_org(conn, "acme", name, now)
    assert set(refused.value.fields) == {"name"}


def test_a_taken_slug_is_refused_and_the_transaction_goes_on(conn, now):
    first = orgs.add_org(conn, "acme", "Acme Events", now)
    with pytest.raises(RefusedInput, match="there is an org 'acme' already: choose another one"):
        orgs.add_org(conn, "acme", "Acme Again", now)
    second = orgs.add_org(conn, "acme-again", "Acme Again", now)
    assert orgs.list_orgs(conn) == (first, second)


def test_an_unknown_slug_is_nobodys(conn):
    assert orgs.find_org(conn, "acme") is None


# ── webhook secrets ────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_webhook_secret_is_32_random_bytes_in_the_standard_form(conn, now, vault, acme):
    _, secret = orgs.add_secret(conn, vault, acme.id, now)
    assert secret.startswith("whsec_")
    assert len(base64.b64decode(secret.removeprefix("whsec_"), validate=True)) == 32
    assert orgs.secrets(conn, vault, acme.id, now) == (secret,)


def test_several_secrets_hold_at_once_the_newest_first(conn, now, vault, acme, other):
    (_, first), (_, second) = (orgs.add_secret(conn, vault, acme.id, now) for _ in range(2))
    orgs.add_secret(conn, vault, other.id, now)
    assert orgs.secrets(conn, vault, acme.id, now) == (second, first)


def test_an_expired_secret_holds_no_more(conn, now, vault, acme):
    _, secret = orgs.add_secret(conn, vault, acme.id, now, expires_at=now + DAY)
    assert orgs.secrets(conn, vault, acme.id, now + DAY - timedelta(microseconds=1)) == (secret,)
    assert orgs.secrets(conn, vault, acme.id, now + DAY) == ()


def test_a_revoked_secret_holds_no_more_and_stays_in_the_list(conn, now, vault, acme):
    secret_id, _ = orgs.add_secret(conn, vault, acme.id, now)
    orgs.revoke_secret(conn, acme.id, secret_id, now)
    assert orgs.secrets(conn, vault, acme.id, now) == ()
    assert [(one.id, one.revoked_at, one.active(now)) for one in orgs.list_secrets(conn, acme.id)] == [
        (secret_id, now, False)
    ]


def test_a_secret_revoked_for_later_holds_until_then(conn, now, vault, acme):
    secret_id, secret = orgs.add_secret(conn, vault, acme.id, now)
    orgs.revoke_secret(conn, acme.id, secret_id, now, at=now + DAY)
    assert orgs.secrets(conn, vault, acme.id, now) == (secret,)
    assert orgs.secrets(conn, vault, acme.id, now + DAY) == ()


def test_another_orgs_secret_cannot_be_revoked(conn, now, vault, acme, other):
    secret_id, secret = orgs.add_secret(conn, vault, acme.id, now)
    with pytest.raises(RefusedInput, match=f"this org has none with the id {secret_id}"):
        orgs.revoke_secret(conn, other.id, secret_id, now)
    assert orgs.secrets(conn, vault, acme.id, now) == (secret,)


def test_secrets_whose_key_is_gone_say_so(conn, now, vault, acme):
    orgs.add_secret(conn, vault, acme.id, now)
    with pytest.raises(SealBroken, match="no key opens the webhook secret of org"):
        orgs.secrets(conn, Vault(["another key altogether"]), acme.id, now)


def test_a_secret_moved_to_another_org_does_not_open(conn, now, vault, acme, other):
    orgs.add_secret(conn, vault, acme.id, now)
    conn.execute(sa.update(tables.webhook_secret).values(org_id=other.id))
    with pytest.raises(SealBroken, match="sealed for something else"):
        orgs.secrets(conn, vault, other.id, now)


# ── API tokens ─────────────────────────────────────────────────────────────────────────────────────────────────────


def test_a_token_says_whose_it_is(conn, now, acme, other):
    _, token = orgs.add_token(conn, acme.id, "from a script", now)
    orgs.add_token(conn, other.id, "", now)
    assert token.startswith("cst_")
    assert orgs.holder_of_token(conn, token, now).org == acme


def test_only_the_hash_of_a_token_is_kept(conn, now, acme):
    _, token = orgs.add_token(conn, acme.id, "", now)
    kept = conn.execute(sa.select(tables.api_token.c.token_hash)).scalar_one()
    assert kept == hashlib.sha256(token.encode()).hexdigest()


@pytest.mark.parametrize("change", [lambda t: t[:-1], lambda t: t + "x", lambda t: t[:-1] + "\udcff", lambda t: ""])
def test_what_is_no_token_is_nobodys(conn, now, acme, change):
    _, token = orgs.add_token(conn, acme.id, "", now)
    assert orgs.holder_of_token(conn, change(token), now) is None


def test_expired_and_revoked_tokens_are_nobodys(conn, now, acme):
    _, expiring = orgs.add_token(conn, acme.id, "", now, expires_at=now + DAY)
    token_id, revoked = orgs.add_token(conn, acme.id, "", now)
    orgs.revoke_token(conn, acme.id, token_id, now)
    assert orgs.holder_of_token(conn, expiring, now).org == acme
    assert orgs.holder_of_token(conn, revoked, now) is None
    assert orgs.holder_of_token(conn, expiring, now + DAY) is None


def test_tokens_are_listed_by_label_and_another_orgs_cannot_be_revoked(conn, now, acme, other):
    token_id, _ = orgs.add_token(conn, acme.id, "from a script", now, expires_at=now + DAY)
    with pytest.raises(RefusedInput, match="this org has none with the id"):
        orgs.revoke_token(conn, other.id, token_id, now)
    assert orgs.list_tokens(conn, acme.id) == (orgs.Issued(token_id, "from a script", now, now + DAY, None),)
    assert orgs.list_tokens(conn, other.id) == ()


# ── what an org chose ──────────────────────────────────────────────────────────────────────────────────────────────


def test_a_new_org_has_the_usual_policies(conn, acme):
    assert orgs.policies(conn, acme.id) == Policies()


def test_policies_that_are_not_named_stay(conn, acme):
    orgs.set_policies(conn, acme.id, {"several_matches": "stop"})
    orgs.set_policies(conn, acme.id, {"create_accounts": False})
    assert orgs.policies(conn, acme.id) == Policies(several_matches=SeveralMatches.STOP, create_accounts=False)


def test_only_what_differs_from_the_usual_policies_is_kept(conn, acme):
    orgs.set_policies(conn, acme.id, {"several_matches": "stop", "create_accounts": False})
    orgs.set_policies(conn, acme.id, {"create_accounts": True})
    assert conn.execute(sa.select(tables.org.c.policies)).scalar_one() == {"several_matches": "stop"}


def test_wrong_policies_change_nothing(conn, acme):
    with pytest.raises(RefusedInput) as refused:
        orgs.set_policies(conn, acme.id, {"several_matches": "guess", "create_accounts": False})
    assert "several_matches" in refused.value.fields
    assert orgs.policies(conn, acme.id) == Policies()


def test_each_kind_of_an_orgs_mapping_is_kept_by_itself(conn, acme, other):
    lead, contact = ({"rules": [{"source": "title", "target": target}]} for target in ("Title", "Role__c"))
    for kind, rules in (("lead", contact), ("contact", contact), ("lead", lead)):
        orgs.set_mapping_json(conn, acme.id, kind, rules)
    assert orgs.mapping_json(conn, acme.id) == {"lead": lead, "contact": contact}
    assert orgs.mapping_json(conn, other.id) == {}
