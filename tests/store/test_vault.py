"""Secrets at rest open only for what they were sealed for, with a key that is there."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contactsync.domain.errors import Misconfigured, SealBroken
from contactsync.store.vault import Vault

OLD, NEW = "the key of last year", "the key of this year"


@given(st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_any_secret_comes_back_with_any_key(secret, key):
    vault = Vault([key])
    assert vault.open(7, "webhook secret", vault.seal(7, "webhook secret", secret)) == secret


def test_sealing_twice_gives_two_texts_without_the_secret_in_them():
    vault = Vault([NEW])
    first, second = (vault.seal(7, "webhook secret", "whsec_hush") for _ in range(2))
    assert first != second
    assert "hush" not in first


@pytest.mark.parametrize(("org_id", "purpose"), [(8, "webhook secret"), (7, "CRM token")])
def test_a_text_sealed_for_another_org_or_purpose_does_not_open(org_id, purpose):
    vault = Vault([NEW])
    sealed = vault.seal(7, "webhook secret", "whsec_hush")
    with pytest.raises(SealBroken, match=f"the {purpose} of org {org_id} was sealed for something else"):
        vault.open(org_id, purpose, sealed)


def test_an_old_key_still_opens_and_the_first_key_seals():
    before = Vault([OLD]).seal(7, "CRM token", "hush")
    rotating = Vault([NEW, OLD])
    assert rotating.open(7, "CRM token", before) == "hush"
    assert Vault([NEW]).open(7, "CRM token", rotating.seal(7, "CRM token", "later")) == "later"


def test_a_resealed_text_needs_the_old_key_no_more():
    before = Vault([OLD]).seal(7, "CRM token", "hush")
    after = Vault([NEW, OLD]).reseal(7, "CRM token", before)
    assert Vault([NEW]).open(7, "CRM token", after) == "hush"


@pytest.mark.parametrize("sealed", [Vault([OLD]).seal(7, "CRM token", "hush"), "not sealed at all", "", "ünreadable"])
def test_what_no_key_opens_names_the_setting_and_what_to_do(sealed):
    with pytest.raises(SealBroken, match="CONTACTSYNC_SECRET_KEYS: no key opens the CRM token of org 7; add the key"):
        Vault([NEW]).open(7, "CRM token", sealed)


@pytest.mark.parametrize("keys", [[], [""], [NEW, ""]])
def test_a_vault_without_a_key_is_refused(keys):
    with pytest.raises(Misconfigured, match="CONTACTSYNC_SECRET_KEYS"):
        Vault(keys)


def test_a_vault_shows_nothing_of_its_keys():
    assert NEW not in f"{Vault([NEW])!r} {Vault([NEW])} {vars(Vault([NEW]))}"
