"""A connection's settings: only Salesforce itself is ever shown a secret."""

from __future__ import annotations

import pytest
from contactsync_plugins.salesforce.settings import (
    PRODUCTION_LOGIN,
    SANDBOX_LOGIN,
    origin,
    read_access,
    wrong_settings,
)
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa

from contactsync.api import Misconfigured

GOOD = {"instance_url": "https://acme.my.salesforce.com", "client_id": "id"}
SECRET = {"client_secret": "very secret"}


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, password: bytes | None = None) -> str:
    sealing = serialization.BestAvailableEncryption(password) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, sealing).decode()


@pytest.mark.parametrize(
    ("url", "found"),
    [
        ("https://acme.my.salesforce.com", "https://acme.my.salesforce.com"),
        ("https://ACME.my.salesforce.com/", "https://acme.my.salesforce.com"),
        ("HTTPS://acme.my.salesforce.com:443", "https://acme.my.salesforce.com"),
        ("https://acme--uat.sandbox.my.salesforce.com", "https://acme--uat.sandbox.my.salesforce.com"),
        ("https://na1.salesforce.com", "https://na1.salesforce.com"),
        ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
        ("http://127.0.0.1:9000", "http://127.0.0.1:9000"),
        ("http://127.0.0.1:9000/", "http://127.0.0.1:9000"),
        ("http://localhost:80", "http://localhost"),
        ("http://127.8.9.1", "http://127.8.9.1"),
    ],
)
def test_an_address_of_salesforce_or_of_this_machine_is_taken(url: str, found: str) -> None:
    assert origin(url) == found


@pytest.mark.parametrize(
    "url",
    [
        "",
        "acme.my.salesforce.com",
        "ftp://acme.my.salesforce.com",
        "http://acme.my.salesforce.com",
        "https://evil.example",
        "https://evil.example/x.salesforce.com",
        "https://evil.example?x.salesforce.com",
        "https://evil.example#.salesforce.com",
        "https://evil.example\\.salesforce.com",
        "https://evilsalesforce.com",
        "https://salesforce.com.evil.example",
        "https://acme.my.salesforce.com@evil.example",
        "https://user:pass@acme.my.salesforce.com",
        "https://acme.my.salesforce.com:8443",
        "https://acme.my.salesforce.com/services/data",
        "https://acme.my.salesforce.com/?",
        "https://acme.my.salesforce.com.",
        "https://acme..salesforce.com",
        "https://.salesforce.com",
        "https://salesforce.com",
        "https://acme.my.salesforce.com\n.evil.example",
        " https://acme.my.salesforce.com",
        "https://acmé.my.salesforce.com",
        "https://acme.my.salesforce.com:port",
        "https://[::1]",
        "http://[::1]:9000",
        "http://10.0.0.1",
        "http://127.0.0.1.evil.example",
        "http://localhost.evil.example",
        "http://0.0.0.0:9000",
        "http://169.254.169.254",
        "https://127.0.0.1",
        "http://127.1",
        "https://acme.lightning.force.com",
    ],
)
def test_every_other_address_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        origin(url)


def test_the_address_of_the_screens_is_answered_with_the_apis() -> None:
    with pytest.raises(ValueError, match=r"https://acme\.my\.salesforce\.com"):
        origin("https://acme.lightning.force.com")


def test_good_settings_have_nothing_wrong() -> None:
    assert wrong_settings(GOOD, SECRET) == {}


@pytest.mark.parametrize(
    ("changes", "credentials", "name"),
    [
        ({"instance_url": ""}, SECRET, "instance_url"),
        ({"instance_url": "https://login.salesforce.com"}, SECRET, "instance_url"),
        ({"login_url": "https://evil.example"}, SECRET, "login_url"),
        ({"client_id": " "}, SECRET, "client_id"),
        ({}, {}, "client_secret"),
        ({"flow": "password"}, SECRET, "flow"),
        ({"flow": "jwt_bearer", "username": "u"}, {}, "private_key"),
        ({"flow": "jwt_bearer", "username": "u"}, {"private_key": "no key"}, "private_key"),
        ({"api_version": "66"}, SECRET, "api_version"),
        ({"read_timeout": "soon"}, SECRET, "read_timeout"),
        ({"read_timeout": "0"}, SECRET, "read_timeout"),
        ({"connect_timeout": "nan"}, SECRET, "connect_timeout"),
    ],
)
def test_what_is_wrong_is_named_by_its_setting(changes: dict[str, str], credentials: dict[str, str], name: str) -> None:
    assert list(wrong_settings({**GOOD, **changes}, credentials)) == [name]
    with pytest.raises(Misconfigured, match=name):
        read_access({**GOOD, **changes}, credentials)


def test_a_key_must_be_rsa_and_open() -> None:
    settings = {**GOOD, "username": "sync@acme.example"}
    rsa_key = rsa.generate_private_key(65537, 2048)
    assert wrong_settings(settings, {"private_key": pem(rsa_key)}) == {}
    assert "private_key" in wrong_settings(settings, {"private_key": pem(rsa_key, b"pass")})
    assert (
        "RSA" in wrong_settings(settings, {"private_key": pem(ec.generate_private_key(ec.SECP256R1()))})["private_key"]
    )
    assert "username" in wrong_settings(GOOD, {"private_key": pem(rsa_key)})


def test_a_sandbox_signs_in_as_one() -> None:
    assert read_access(GOOD, SECRET).audience == PRODUCTION_LOGIN
    sandbox = {**GOOD, "instance_url": "https://acme--uat.sandbox.my.salesforce.com"}
    assert read_access(sandbox, SECRET).audience == SANDBOX_LOGIN


def test_a_login_address_is_where_tokens_come_from_and_who_the_assertion_is_for() -> None:
    access = read_access({**GOOD, "login_url": "https://test.salesforce.com/"}, SECRET)
    assert access.token_url == "https://test.salesforce.com/services/oauth2/token"
    assert access.audience == "https://test.salesforce.com"
    assert read_access(GOOD, SECRET).token_url == "https://acme.my.salesforce.com/services/oauth2/token"


def test_nothing_secret_is_shown() -> None:
    assert "very secret" not in repr(read_access(GOOD, SECRET))
