"""Companies by name and domain: what counts as the same one, and which spellings the CRM is asked for."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping

KEY_LENGTH = 600
"""A company's key is at most so many characters long."""

VARIANTS = 6
"""The CRM is asked for at most so many spellings of one name: every one makes the question longer."""

# How the last words of a company's name are spelt → the one spelling we compare. Only spellings of the *same* legal form
# stand together: "Acme Ltd" and "Acme Inc" are two companies, and so are "Acme" and "Acme Inc".
_FORMS: Mapping[tuple[str, ...], tuple[str, ...]] = {
    ("incorporated",): ("inc",),
    ("corporation",): ("corp",),
    ("company",): ("co",),
    ("limited",): ("ltd",),
    ("proprietary",): ("pty",),
    ("private",): ("pvt",),
    ("limited", "liability", "company"): ("llc",),
    ("limited", "liability", "partnership"): ("llp",),
    ("limited", "partnership"): ("lp",),
    ("public", "limited", "company"): ("plc",),
    ("aktiengesellschaft",): ("ag",),
    ("gesellschaft", "mit", "beschränkter", "haftung"): ("gmbh",),
    ("kommanditgesellschaft",): ("kg",),
    ("aktiebolag",): ("ab",),
    ("a", "s"): ("as",),
    ("aktieselskab",): ("as",),
    ("osakeyhtiö",): ("oy",),
    ("besloten", "vennootschap"): ("bv",),
    ("naamloze", "vennootschap"): ("nv",),
    ("société", "anonyme"): ("sa",),
    ("sociedad", "anónima"): ("sa",),
    ("sà", "rl"): ("sarl",),
    ("sàrl",): ("sarl",),
    ("société", "à", "responsabilité", "limitée"): ("sarl",),
    ("società", "per", "azioni"): ("spa",),
    ("società", "a", "responsabilità", "limitata"): ("srl",),
    ("株式会社",): ("kk",),
    ("kabushiki", "kaisha"): ("kk",),
}
_SHORT_FORMS = frozenset(word for form in _FORMS.values() for word in form) | {"bv", "nv", "gmbh", "oy", "se", "kft"}
_LONGEST_FORM = max(len(words) for words in _FORMS)

# How the commonest forms stand at the end of names in a CRM, for asking; a name with any other form is asked as written.
_SPELLINGS: Mapping[str, tuple[str, ...]] = {
    "inc": (" Inc", " Inc.", ", Inc.", " Incorporated"),
    "corp": (" Corp", " Corp.", " Corporation"),
    "co": (" Co", " Co.", " Company"),
    "ltd": (" Ltd", " Ltd.", " Limited", ", Ltd."),
    "llc": (" LLC", ", LLC", " L.L.C."),
    "llp": (" LLP", ", LLP"),
    "plc": (" plc", " P.L.C."),
    "sa": (" SA", " S.A."),
    "spa": (" SpA", " S.p.A."),
    "srl": (" Srl", " S.r.l."),
    "sarl": (" SARL", " Sàrl", " S.à r.l."),
    "bv": (" BV", " B.V."),
    "nv": (" NV", " N.V."),
    "as": (" AS", " A/S"),
    "ag": (" AG",),
    "gmbh": (" GmbH",),
}

_AND = re.compile(r"\s*&\s*")
_AND_WORD = re.compile(r"\band\b", re.IGNORECASE)
_MARKS = re.compile("[™®©℠]")  # NFKC would make letters of the first
_APOSTROPHES = re.compile(r"['’‘`´]")
_INITIALS = re.compile(r"\b(?:\w\.){2,}\w?(?!\w)|\b(?:\w\.)+\w\b(?!\w)")
_NOT_WORDS = re.compile(r"[\W_]+")
_SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_HOST = re.compile(r"^(?=.{3,253}$)[^\s./@:]{1,63}(?:\.[^\s./@:]{1,63})+$")
_PORT = re.compile(r":\d*$")


def normalised_name(name: str) -> str:
    """A company's name as it is compared: two names with one normalised name are one company.

    Case, accents' encoding, punctuation and spacing do not count, "&" is "and", and the spellings of one legal form are
    one ("Inc.", "Incorporated"). Legal forms that differ stay different. Empty only for a blank name.
    """
    folded = _collapsed(name).casefold()
    return " ".join(_with_short_forms(_words(folded))) or folded


def name_variants(name: str) -> tuple[str, ...]:
    """The exact spellings of a company's name worth asking a CRM for that compares case-insensitively, as written first."""
    written = _collapsed(name)
    if not written:
        return ()
    spellings = [written, *_other_forms(written)]
    if "&" in written:
        spellings.append(" ".join(_AND.sub(" and ", written).split()))
    else:
        spellings.append(_AND_WORD.sub("&", written))
    spellings.append(" ".join(_words(written)) or written)
    distinct: dict[str, str] = {}
    for spelling in spellings:
        distinct.setdefault(spelling.casefold(), spelling)
    return tuple(distinct.values())[:VARIANTS]


def _other_forms(written: str) -> Iterator[str]:
    """The name with the legal form at its end in its other usual spellings."""
    compared = _with_short_forms(_words(written.casefold()))
    if len(compared) < 2 or compared[-1] not in _SPELLINGS:
        return
    parts = written.split()
    for end in range(len(parts) - 1, 0, -1):
        before = " ".join(parts[:end])
        if _with_short_forms(_words(before.casefold())) == compared[:-1]:
            for spelling in _SPELLINGS[compared[-1]]:
                yield f"{before.rstrip(' ,')}{spelling}"
            return


def normalised_domain(text: str | None) -> str | None:
    """The host name in a domain or web address, lower-case, without "www."; None when there is none.

    >>> normalised_domain("https://www.Acme.com/about")
    'acme.com'
    """
    if not text:
        return None
    host = unicodedata.normalize("NFKC", text).strip().casefold()
    host = _SCHEME.sub("", host)
    host = re.split(r"[/?#\\]", host, maxsplit=1)[0].rpartition("@")[2]
    host = _PORT.sub("", host).rstrip(".")
    if host.count(".") > 1:
        host = host.removeprefix("www.")
    return host if _HOST.match(host) else None


def company_key(said: Mapping[str, object]) -> str | None:
    """What identifies a company within an org: `id:<its id>`, else `name:<normalised name>`; None when neither was said.

    `said`: the company of a payload, {"id", "name", …}.
    """
    identity = _text(said.get("id"))
    if identity:
        return f"id:{identity}"[:KEY_LENGTH]
    name = normalised_name(_text(said.get("name")))
    return f"name:{name}"[:KEY_LENGTH] if name else None


def _text(value: object) -> str:
    return "" if value is None else str(value).strip()


def _collapsed(name: str) -> str:
    return " ".join(unicodedata.normalize("NFKC", _MARKS.sub(" ", name)).split())


def _words(name: str) -> list[str]:
    """The words of a name: "&" is one, apostrophes join, and so do the dots of initials ("S.p.A." → "SpA")."""
    name = _APOSTROPHES.sub("", _AND.sub(" and ", name))
    name = _INITIALS.sub(lambda found: found.group().replace(".", ""), name)
    return _NOT_WORDS.sub(" ", name).split()


def _with_short_forms(words: list[str]) -> list[str]:
    """The words with the legal forms at their end in the compared spelling; the first word is never one."""
    rest, tail = list(words), list[str]()
    while len(rest) > 1:
        for length in range(min(_LONGEST_FORM, len(rest) - 1), 0, -1):
            form = _FORMS.get(tuple(rest[-length:]))
            if form is not None:
                del rest[-length:]
                tail[:0] = form
                break
        else:
            if rest[-1] not in _SHORT_FORMS:
                break
            tail.insert(0, rest.pop())
    return rest + tail
