"""Standard Webhooks signatures: the standard's own vectors, and everything that a hostile header may hold."""

from __future__ import annotations

import base64
import hmac
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from contactsync.domain.errors import RefusedInput, SignatureRefused
from contactsync.intake.signature import sign, verify

# The vector of the standard's reference libraries.
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
AT = 1_614_265_330
BODY = b'{"test": 2432232314}'
SIGNATURE = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
DECOY = "v1,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc="

NOW = datetime.fromtimestamp(AT, UTC)


def headers(family: str = "webhook", **parts: str | None) -> dict[str, str]:
    named = {"id": ID, "timestamp": str(AT), "signature": SIGNATURE, **parts}
    return {f"{family}-{name}": value for name, value in named.items() if value is not None}


def refusal(*arguments: object, **more: object) -> str:
    with pytest.raises(SignatureRefused) as refused:
        verify(*arguments, **more)  # type: ignore[arg-type]
    assert refused.value.__cause__ is None, "nothing raw is behind it"
    return refused.value.reason


def test_signs_as_the_reference_libraries_do():
    assert sign(SECRET, ID, AT, BODY) == SIGNATURE


@pytest.mark.parametrize("family", ["webhook", "svix"])
def test_takes_the_reference_vector_in_both_header_families(family):
    assert verify(headers(family), BODY, [SECRET], NOW) == ID


def test_the_two_families_are_never_mixed():
    mixed = {**headers("webhook", signature=None), "svix-signature": SIGNATURE}
    assert refusal(mixed, BODY, [SECRET], NOW) == "missing"


def test_a_whole_svix_family_counts_when_the_other_is_not_whole():
    assert verify({"webhook-id": "msg_other", **headers("svix")}, BODY, [SECRET], NOW) == ID


def test_a_wrong_webhook_family_is_not_saved_by_a_right_svix_family():
    assert refusal({**headers("webhook", signature=DECOY), **headers("svix")}, BODY, [SECRET], NOW) == "wrong"


@pytest.mark.parametrize(
    "secret",
    [
        "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",  # without its prefix
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS=",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr==",
        "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwBr",
    ],
)
def test_secrets_are_taken_with_and_without_prefix_and_padding(secret):
    assert verify(headers(signature=sign(secret, ID, AT, BODY)), BODY, [secret], NOW) == ID


def test_a_padded_secret_and_its_unpadded_form_sign_alike():
    padded, bare = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS=", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS"
    assert sign(padded, ID, AT, BODY) == sign(bare, ID, AT, BODY)


@pytest.mark.parametrize("decoys", [f"{DECOY} ", f"{DECOY.replace('v1', 'v2')} {DECOY} v1a,x  nonsense "])
def test_one_right_signature_among_decoys_is_enough(decoys):
    assert verify(headers(signature=decoys + SIGNATURE), BODY, [SECRET], NOW) == ID


@pytest.mark.parametrize(
    "signature",
    [
        SIGNATURE.replace("1OE=", "1OA="),
        SIGNATURE[:-1],
        SIGNATURE[:20],
        SIGNATURE.replace("v1,", "v2,"),
        SIGNATURE.replace("v1,", ""),
        SIGNATURE.replace(",", ",,"),
        SIGNATURE + ",",
        SIGNATURE.lower(),
        "v1,",
        "v1",
        ",",
        "v1,\udcff\U0001f600é",
        "v1,====",
    ],
)
def test_a_signature_that_is_not_exactly_right_is_wrong(signature):
    assert refusal(headers(signature=signature), BODY, [SECRET], NOW) == "wrong"


@pytest.mark.parametrize("body", [b"", b"{}", BODY + b" ", b'{"test":2432232314}', b"\xff\xfe"])
def test_only_the_very_bytes_that_were_signed_will_do(body):
    assert refusal(headers(), body, [SECRET], NOW) == "wrong"


@pytest.mark.parametrize("part", ["id", "timestamp", "signature"])
@pytest.mark.parametrize("value", [None, ""])
def test_a_missing_header_is_missing(part, value):
    assert refusal(headers(**{part: value}), BODY, [SECRET], NOW) == "missing"


@pytest.mark.parametrize(
    "timestamp",
    [
        "1614_265330",
        " 1614265330",
        "1614265330 ",
        "1614265330.0",
        "+1614265330",
        "-1",
        "0x60",
        "１６１４２６５３３０",
        "1e9",
        "9" * 13,
        "now",
    ],
)
def test_a_timestamp_is_one_to_twelve_ascii_digits(timestamp):
    content = f"{ID}.{timestamp}.".encode() + BODY
    key = base64.b64decode(SECRET.removeprefix("whsec_"))
    signature = f"v1,{base64.b64encode(hmac.digest(key, content, 'sha256')).decode()}"
    assert refusal(headers(timestamp=timestamp, signature=signature), BODY, [SECRET], NOW) == "malformed"


@pytest.mark.parametrize("webhook_id", ["a.b", "a b", "a\x00", "é", "x" * 256, "\udcff"])
def test_an_id_is_visible_ascii_without_a_dot(webhook_id):
    assert refusal(headers(id=webhook_id), BODY, [SECRET], NOW) == "malformed"
    with pytest.raises(RefusedInput):
        sign(SECRET, webhook_id, AT, BODY)


@pytest.mark.parametrize("off", [-300, -299, 0, 299, 300])
def test_a_time_up_to_the_tolerance_off_is_taken(off):
    assert verify(headers(), BODY, [SECRET], NOW + timedelta(seconds=off)) == ID


@pytest.mark.parametrize("off", [-301, 301, 86_400, -86_400])
def test_a_time_beyond_the_tolerance_is_stale_both_ways(off):
    assert refusal(headers(), BODY, [SECRET], NOW + timedelta(seconds=off)) == "stale"


def test_the_tolerance_is_the_callers():
    assert refusal(headers(), BODY, [SECRET], NOW + timedelta(seconds=11), 10) == "stale"


def test_any_of_several_secrets_may_have_signed():
    other = "whsec_" + base64.b64encode(b"another key, another key").decode()
    for secrets in ([SECRET, other], [other, SECRET]):
        assert verify(headers(), BODY, secrets, NOW) == ID
    assert refusal(headers(), BODY, [other, other], NOW) == "wrong"


@pytest.mark.parametrize("secret", ["", "whsec_", "whsec_c2hvcnQ=", "whsec_not base64 at all, no!", "whsec_\udcff"])
def test_a_secret_that_is_none_opens_nothing_and_signs_nothing(secret):
    anybodys = base64.b64encode(hmac.digest(b"", f"{ID}.{AT}.".encode() + BODY, "sha256")).decode()
    assert refusal(headers(signature=f"v1,{anybodys}"), BODY, [secret], NOW) == "wrong"
    with pytest.raises(RefusedInput, match="whsec_"):
        sign(secret, ID, AT, BODY)


def test_without_secrets_everything_is_refused():
    assert refusal(headers(), BODY, [], NOW) == "wrong"


def test_too_many_signatures_or_too_long_a_header_is_malformed():
    assert verify(headers(signature=" ".join([DECOY] * 15 + [SIGNATURE])), BODY, [SECRET], NOW) == ID
    assert refusal(headers(signature=" ".join([DECOY] * 16 + [SIGNATURE])), BODY, [SECRET], NOW) == "malformed"
    assert refusal(headers(signature=SIGNATURE + " " * 4097), BODY, [SECRET], NOW) == "malformed"


class Counting(str):
    """A secret that counts how often it is looked at."""

    looks: int = 0

    def removeprefix(self, prefix: str) -> str:
        type(self).looks += 1
        return super().removeprefix(prefix)


def test_every_secret_is_tried_even_after_one_has_matched():
    Counting.looks = 0
    verify(headers(), BODY, [Counting(SECRET)] * 5, NOW)
    assert Counting.looks == 5


def test_a_refusal_says_neither_secret_nor_body():
    with pytest.raises(SignatureRefused) as refused:
        verify(headers(signature=DECOY), BODY, [SECRET], NOW)
    assert SECRET not in str(refused.value)
    assert "2432232314" not in str(refused.value)


@given(
    st.dictionaries(
        st.sampled_from(
            [f"{family}-{part}" for family in ("webhook", "svix") for part in ("id", "timestamp", "signature")]
        ),
        st.one_of(st.text(), st.sampled_from([ID, str(AT), SIGNATURE, DECOY])),
    ),
    st.binary(),
)
@example(headers(), BODY + b"!")
@example(headers(signature="v1," * 50_001), BODY)
def test_whatever_the_headers_hold_the_answer_is_a_refusal_and_nothing_raw(some_headers, body):
    if body == BODY:
        return
    refusal(some_headers, body, [SECRET], NOW)
