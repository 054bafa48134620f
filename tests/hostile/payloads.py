"""What somebody sends who wishes us no good, or whose program is broken: bodies, as hypothesis strategies."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar

from hypothesis import strategies as st
from marshmallow import ValidationError

from contactsync.intake import fields, times
from contactsync.intake.schemas import DOORS, MOST_ATTENDEES, TIMESTAMP
from contactsync.intake.shape import Part, Rows, Shape

Made = TypeVar("Made")
KINDS = [(door, type_) for door, types in DOORS.items() for type_ in types]

TEXTS = (
    "", " ", "x", "Ada", "O'Brien", "' OR Name != '", "\\", "\\'", "a\nb", "a\r\nX-Evil: 1", "a\tb", "%", "_", "\u2028",
    "=cmd|' /C calc'!A0", "+1", "-1", "@SUM(1)", "\t=1", "<script>alert(1)</script>", "javascript:alert(1)",
    "{{7*7}}", "${jndi:ldap://x}", "../../etc/passwd", "..%2f", "%00", "a/b", "a?b#c", "__proto__", "constructor", "@{ref.id}",
    "\u202eada", "\u200b", "\ufeff", "\uffff", "\U0001f468\u200d\U0001f469\u200d\U0001f467", "e\u0301", "\u00e9",
    "I\u0307", "\u0130", "\u0131", "ß", "SS", "\u1e9e", "ﬁ", "\ufdfa", "مرحبا", "שלום", "Z\u0335\u0321" * 40, "\x7f",
    "\x1f", "\x85",
    "\u0130" * 254, "\ufdfa" * 255, "\u0390" * 255, "ß" * 500, "x" * 64, "x" * 65, "x" * 255, "x" * 256, "x" * 1_000,
    "x" * 1_001, "\U0001f3aa" * 255, "\U0001f3aa" * 1_000, "x" * 32_000, "\ufdfa" * 32_000, "x" * 32_001,
    "\x00", "a\x00b", "\ud800", "\udfff\ud800", "null", "0", "1e5", "true", "None", "id:c-1", "email:a@b.example", "|", ".",
)  # fmt: skip

EMAILS = (
    "ada@example.com", "ADA@EXAMPLE.COM", "Ada@example.com ", "a'b@example.com", "a%b@example.com", "a_b@example.com",
    "\u0131@example.com", "\u0130@example.com", "straße@example.com", "strasse@example.com", "e\u0301@example.com",
    "\u00e9@example.com", "a@b", "@", "a@b@c.de", "\u0130" * 242 + "@example.com", "x" * 242 + "@example.com",
    "x" * 243 + "@example.com", "a\\@example.com", '"a b"@example.com', "a@xn--e1afmkfd.example", "a@пример.рф", "\ufb01@x.yz",
    "a\u202e@example.com", "a\u200b@example.com", "\uff41@example.com", "a@[127.0.0.1]", "a@b..c", "=1@example.com",
)  # fmt: skip

TIMES = (
    "2026-11-24T09:00:00Z", "0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59.999999999Z",
    "9999-12-31T23:59:59-12:00", "2016-12-31T23:59:60Z", "2026-02-29T00:00:00Z", "2026-11-24T24:00:00Z", "0000-00-00T00:00:00Z",
    "2026-11-24T09:00:00+99:99", "2026-11-24 09:00:00z", "2026-11-24", "2026-11-24T09:00", "2026-11-24T09:00:00", "1_6", "now",
    "2026-11-24T09:00:00-00:00", "3999-12-31T23:59:59-14:00", "1900-01-01T00:00:00+14:00", "٢٠٢٦-١١-٢٤T٠٩:٠٠:٠٠Z", "1614265330",
)  # fmt: skip

NUMBERS = (
    "0", "-0", "-0.0", "1", "1.5", "1e400", "-1e400", "1e308", "1.7976931348623157e308", "5e-324", "1e-400", "NaN", "Infinity",
    "-Infinity", "9" * 19, "9" * 20, "9" * 21, str(2**63 - 1), str(2**63), str(-(2**63)), "1" + "0" * 4_000, "1" + "0" * 5_000,
    "0." + "0" * 400 + "1", "1" * 300 + ".5", "01", "+1", ".5", "1.", "0x1", "1_000", "0.1e1",
)  # fmt: skip

LITERALS = (
    "null", "true", "false", "[]", "{}", '""', "[null]", '{"":0}', '"\\ud800"', '"\\u0000"',
    '"\\udc00\\ud800"', '"\\ud83d\\ude00"',
    "[" * 40 + "]" * 40, '{"a":' * 40 + "0" + "}" * 40, "[" * 400 + "]" * 400, "[" * 20_000, '{"a":1,"a":2}', "undefined",
    '{"__proto__":{"x":1}}', '"\\x41"', '"\t"', "'a'", "/**/1", '"\\u00', "\ufeff1",
)  # fmt: skip

texts = st.sampled_from(TEXTS) | st.text(max_size=12)
NEEDED = {"first_name", "last_name", "email", "company", "sync_as", "title", "starts_at"}
IDS = st.sampled_from(("c-1", "a/b", "'", "\u0130" * 255, "..", "%00", "@{x.id}")) | st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1, max_size=5
)

odd_literals = (
    st.sampled_from(NUMBERS)
    | st.sampled_from(LITERALS)
    | texts.map(json.dumps)
    | texts.map(lambda text: json.dumps(text, ensure_ascii=False))
    | st.integers().map(str)
    | st.floats().map(json.dumps)
)
"""JSON text of one value, or what would like to be some."""

names = st.sampled_from(("id", "email", "company", "events", "custom", "data", "type", "", "__proto__", "a.b")) | texts
any_literals = st.recursive(
    odd_literals,
    lambda inner: (
        st.lists(inner, max_size=4).map(lambda parts: f"[{','.join(parts)}]")
        | st.lists(st.tuples(names.map(json.dumps), inner), max_size=4).map(
            lambda pairs: "{" + ",".join(f"{name}:{value}" for name, value in pairs) + "}"
        )
    ),
    max_leaves=8,
)
"""Any JSON text; names may repeat at any depth."""


def mostly(usual: st.SearchStrategy[Made], *rare: st.SearchStrategy[Made]) -> st.SearchStrategy[Made]:
    """One in twenty times each of the rare ones."""
    return st.integers(0, 19).flatmap(lambda number: ([*rare] + [usual] * 20)[number])


def _likely(field: fields.Value) -> st.SearchStrategy[str]:
    """JSON text that a field may well take, at its limits."""
    if isinstance(field, Rows):
        most = min(field.most, MOST_ATTENDEES, 4)
        return st.lists(objects_of(field.shape), max_size=most).map(lambda rows: f"[{','.join(rows)}]")
    if isinstance(field, Part):
        return objects_of(field.shape)
    if isinstance(field, fields.Custom):
        named = st.sampled_from(
            [text for text in TEXTS if text.strip() and len(text) <= field.MOST_NAME and _storable(text)]
        )
        said = st.sampled_from([text for text in TEXTS if len(text) <= field.MOST_TEXT and _storable(text)]).map(
            json.dumps
        )
        scalars = st.sampled_from(("0", "-0", "-0.0", "1e308", "5e-324", "9" * 18, "true", "null", "1.5")) | said
        return st.dictionaries(named, scalars, max_size=4).map(_object)
    if isinstance(field, times.Truth):
        return st.sampled_from(("true", "false", "null"))
    kept: tuple[str, ...] = TEXTS
    if isinstance(field, fields.Email):
        kept = EMAILS
    elif isinstance(field, fields.Moment | times.LocalMoment):
        kept = TIMES
    elif isinstance(field, fields.OneOf | fields.WordOf):
        kept = ("lead", "contact", "LEAD", "scheduled", "No-Show", "cancelled", "ﬁ")
    elif isinstance(field, fields.Word):
        kept = ("registered", "No Show", "\u0130" * 30, "ß" * 63, "x" * 63, "x" * 64, "مرحبا", "a_b")
    elif isinstance(field, times.Zone):
        kept = ("Europe/Berlin", "UTC", "../../etc/passwd", "Europe", "posix/UTC", "EST5EDT", "Etc/GMT+12", "tzdata")
    elif isinstance(field, fields.Host):
        kept = (
            "example.com",
            "https://x@WWW.Example.com:80/a",
            "\u0130.example",
            "a" * 250 + ".de",
            "xn--.de",
            "ß.de",
            "1.1",
        )
    elif isinstance(field, fields.Address):
        kept = ("https://example.com", "javascript:alert(1)", "http://<script>", "HTTPS://" + "x" * 990)
    elif isinstance(field, fields.Text):
        most = field.most
        kept = (*TEXTS, "\ufdfa" * most, "\U0001f3aa" * most)
    return st.sampled_from([text for text in kept if _storable(text) and _takes(field, text)]).map(json.dumps)


def _takes(field: fields.Value, text: str) -> bool:
    try:
        field.read(text)
    except ValidationError:
        return False
    return True


def _storable(text: str) -> bool:
    return "\x00" not in text and text.encode("utf-8", "replace").decode("utf-8") == text


def _object(pairs: Mapping[str, str]) -> str:
    return "{" + ",".join(f"{json.dumps(name)}:{value}" for name, value in pairs.items()) + "}"


def objects_of(shape: Shape, *, whole: bool = False) -> st.SearchStrategy[str]:
    """JSON text of an object that has much to do with a shape: mostly what it may take, at times what it may not.

    `whole`: with all that a contact or a meeting needs before it is synced, and nothing that is wrong.
    """
    required: dict[str, st.SearchStrategy[str]] = {}
    optional: dict[str, st.SearchStrategy[str]] = {
        "shoe": st.sampled_from(("0", "[[[]]]", '{"a":{"b":[]}}', '"\\\\u0000"'))
    }
    for name, field in shape.fields.items():
        if not isinstance(field, fields.Value):
            continue
        if isinstance(field, fields.Identifier) and (field.required or name == "contact_id"):
            required[name] = IDS.map(json.dumps)
        elif (isinstance(field, Rows) and field.required) or (whole and name in NEEDED):
            required[name] = _likely(field)
        else:
            optional[name] = _likely(field)
    right = st.fixed_dictionaries(required, optional=optional)
    if whole:
        return right.map(_object)
    wrong = st.tuples(right, st.sampled_from([*required, *optional]), odd_literals).map(lambda m: {**m[0], m[1]: m[2]})
    return mostly(right.map(_object), wrong.map(_object))


def enveloped(type_: str, data: str, timestamp: str = '"2026-11-24T09:00:00Z"') -> bytes:
    """The body of a webhook around the JSON text of `data`."""
    return f'{{"type":{json.dumps(type_)},"timestamp":{timestamp},"data":{data}}}'.encode("utf-8", "surrogatepass")


def bodies(type_: str, shape: Shape) -> st.SearchStrategy[bytes]:
    """Bodies for one type: likely ones, absurd ones, and bytes."""
    one = objects_of(shape)
    many = st.lists(one, min_size=1, max_size=4).map(lambda rows: f"[{','.join(rows)}]")
    good = st.sampled_from([time for time in TIMES if _takes(TIMESTAMP, time)]).map(json.dumps)
    stamped = mostly(good, st.sampled_from(TIMES).map(json.dumps), odd_literals)
    likely = st.tuples(one | many, stamped).map(lambda made: enveloped(type_, *made))
    broken = st.tuples(likely, st.integers(0), st.binary(max_size=3)).map(_spoilt)
    charset = st.sampled_from(("utf-16", "utf-16-be", "utf-8-sig", "utf-32", "latin-1", "cp037"))
    other = st.tuples(likely, charset).map(lambda made: made[0].decode("utf-8", "replace").encode(made[1], "replace"))
    absurd = any_literals.map(lambda text: text.encode("utf-8", "surrogatepass"))
    return mostly(likely, broken, broken, other, absurd, absurd, st.binary(max_size=60))


def _spoilt(made: tuple[bytes, int, bytes]) -> bytes:
    body, at, more = made
    at %= len(body)
    return body[:at] + more + body[at + 1 :]


def all_bodies() -> st.SearchStrategy[tuple[str, bytes]]:
    """(door, body) over all types."""
    return st.one_of(*(st.tuples(st.just(door), bodies(type_, DOORS[door][type_])) for door, type_ in KINDS))


# ── worst cases, as large as the door lets in ──────────────────────────────────────────────────────────────────────

ROWS = ",".join(['{"id":1}'] * 500)
MANY = 230


@cache
def worst_cases() -> Mapping[str, tuple[str, bytes]]:
    """What costs most: by name, (door, body), each about a megabyte."""
    events = ",".join(f'{{"id":"c{number}","events":[{ROWS}]}}' for number in range(MANY))
    rosters = ",".join(f'{{"event_id":"e{number}","contacts":[{ROWS}]}}' for number in range(MANY))
    distinct = ",".join(
        f'{{"event_id":"d{number}","contacts":[{",".join(f"""{{"id":"{number}-{one}"}}""" for one in range(500))}]}}'
        for number in range(100)
    )
    attending = ",".join(f'{{"email":"a{number}@x.de"}}' for number in range(200))
    meetings = ",".join(f'{{"id":"m{number}","attendees":[{attending}]}}' for number in range(190))
    limits: dict[str, Any] = dict.fromkeys(
        ("first_name", "last_name", "title", "phone", "website", "note", "source"), "🎪" * 20
    )
    full = [
        {**limits, "id": f"f{number}", "email": f"{number}@x.de", "sync_as": "contact", "company": "\ufdfa" * 100,
         "custom": {f"k{one}": "x" for one in range(10)}, "events": [{"id": f"e{number}"}]}
        for number in range(500)
    ]  # fmt: skip
    same = ",".join(
        f'{{"id":"same","custom":{{{",".join(f"""{json.dumps(f"{number}.{one}")}:1""" for one in range(100))}}}}}'
        for number in range(500)
    )
    deep = '{"%s":' % ("k" * 100)
    return {
        "attendances": ("contacts", enveloped("contact.updated", f"[{events}]")),
        "attendances, the last wrong": ("contacts", enveloped("contact.updated", f'[{events},{{"id":[]}}]')),
        "rosters": ("events", enveloped("event.contacts_added", f"[{rosters}]")),
        "rosters of strangers": ("events", enveloped("event.contacts_removed", f"[{distinct}]")),
        "meetings": ("meetings", enveloped("meeting.created", f"[{meetings}]")),
        "500 full contacts": ("contacts", enveloped("contact.created", json.dumps(full, ensure_ascii=False))),
        "one contact 500 times": ("contacts", enveloped("contact.updated", f"[{same}]")),
        "unknown names": ("contacts", enveloped("contact.updated", _names('{"id":1,%s}'))),
        "custom names": ("contacts", enveloped("contact.updated", _names('{"id":1,"custom":{%s}}'))),
        "wrong custom names": ("contacts", enveloped("contact.updated", _names('{"id":1,"custom":{%s}}', "[]"))),
        "repeated names": (
            "contacts",
            enveloped("contact.updated", '{{"id":1,{}}}'.format(",".join(['"a":0'] * 150_000))),
        ),
        "numbers": (
            "contacts",
            enveloped("contact.updated", '{{"id":1,"x":[{}]}}'.format(",".join(["9" * 4_299] * 230))),
        ),
        "depth": ("contacts", b"[" * 1_000_000),
        "faults far inside": (
            "contacts",
            enveloped("contact.updated", deep * 500 + "[{}]".format(",".join(['"\\u0000"'] * 80_000)) + "}" * 500),
        ),
        "depth where nobody looks": (
            "contacts",
            enveloped("contact.deleted", '{{"id":1,"company":{}{}}}'.format("[" * 900, "]" * 900)),
        ),
    }


def _names(around: str, value: str = "0") -> str:
    return around % ",".join(f'"a{number}":{value}' for number in range(80_000))
