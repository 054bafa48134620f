"""The kinds of value that payloads hold: marshmallow fields, each with one pure `read`.

`read(value)` answers the value as contactsync keeps it, `missing` when it counts as absent (an empty string does), None
when it was cleared at the source, and raises ValidationError. Messages say what to do and never repeat the value: it is
personal data (I8).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from enum import Enum
from typing import Any, ClassVar

from marshmallow import ValidationError, fields, missing

from contactsync.intake.strict_json import MOST_ERRORS, path_of

REQUIRED = "Required, and missing or empty."
NOT_TEXT = "Must be text, in quotes."


class OnNull(Enum):
    """What null does, in the words of the documentation."""

    CLEARS = "cleared"
    ABSENT = "as absent"
    REFUSED = "refused"


class Value(fields.Field[Any]):
    """A field of a payload: what it means, whether it must be there, what null does."""

    shown: str  # the type, in the words of the documentation

    def __init__(self, meaning: str, *, required: bool = False, on_null: OnNull = OnNull.CLEARS) -> None:
        super().__init__(required=required, allow_none=True)
        self.meaning = meaning
        self.on_null = OnNull.REFUSED if required else on_null

    def deserialize(
        self,
        value: object,
        attr: str | None = None,  # noqa: ARG002
        data: Mapping[str, Any] | None = None,  # noqa: ARG002
        **_: object,
    ) -> object:
        """Marshmallow's way in: the same `read`, and a required value that counts as absent is an error."""
        cleaned = value if value is missing else self.read(value)
        if cleaned is missing and self.required:
            raise ValidationError(REQUIRED)
        return cleaned

    def read(self, value: object) -> object:
        """The value as it is kept, `missing`, or None; raises ValidationError."""
        raise NotImplementedError

    def null(self) -> object:
        """What null counts as here."""
        if self.on_null is OnNull.REFUSED:
            raise ValidationError(REQUIRED)
        return None if self.on_null is OnNull.CLEARS else missing


class Text(Value):
    """Text, stripped; empty or blank counts as absent."""

    shown = "text"

    def __init__(
        self, meaning: str, *, most: int = 1_000, required: bool = False, on_null: OnNull = OnNull.CLEARS
    ) -> None:
        super().__init__(meaning, required=required, on_null=on_null)
        self.most = most

    def read(self, value: object) -> object:
        """Stripped text of at most `most` characters."""
        if type(value) is not str:
            if value is None:
                return self.null()
            raise ValidationError(NOT_TEXT)
        value = value.strip()
        if len(value) > self.most:
            raise ValidationError(f"Too long: at most {self.most:,} characters.")
        if not value:
            return missing
        return value if self.any_text else self.checked(value)

    any_text = True

    def __init_subclass__(cls) -> None:
        """Whether a kind of text has something to check, found out once: most texts have not."""
        cls.any_text = cls.checked is Text.checked

    def checked(self, value: str) -> str:
        """The text as it is kept; kinds of text say what they take."""
        return value


class Identifier(Text):
    """An id of the event platform: text or a whole number."""

    shown = "text or whole number"

    def __init__(self, meaning: str, *, required: bool = False, on_null: OnNull = OnNull.CLEARS) -> None:
        super().__init__(meaning, most=255, required=required, on_null=on_null)

    def read(self, value: object) -> object:
        """The id as text."""
        if type(value) is int:
            if abs(value) >= 10**20:
                raise ValidationError("Too large for a number: send it as text, in quotes.")
            return str(value)
        if value is not None and type(value) is not str:
            raise ValidationError("Must be text or a whole number.")
        return super().read(value)


class Email(Text):
    """An e-mail address, as it was typed: upper and lower case stay."""

    shown = "e-mail address"
    _FORM = re.compile(r"[^@\s\x00-\x1f\x7f<>,;]+@[^@\s\x00-\x1f\x7f<>,;.]+(?:\.[^@\s\x00-\x1f\x7f<>,;.]+)+")

    _SIGNS = re.compile("[\u212a\u212b\u2126]")
    """In lower case they are k, å and ω: the address of somebody else."""

    def __init__(self, meaning: str, *, on_null: OnNull = OnNull.CLEARS) -> None:
        super().__init__(meaning, most=254, on_null=on_null)

    def checked(self, value: str) -> str:
        """One @, a dot in the domain, no spaces: more would refuse addresses that work."""
        if not value.isascii() and self._SIGNS.search(value):
            raise ValidationError(
                "Holds a sign that only looks like a letter (Kelvin, Ångström, Ohm): write the letter."
            )
        if not self._FORM.fullmatch(value):
            raise ValidationError("Not an e-mail address: one @, a dot in the domain, no spaces, nothing around it.")
        return value


class Moment(Text):
    """A time, kept in UTC with six digits after the second, so that times sort as text."""

    shown = "time (RFC 3339)"
    _FORM = re.compile(
        r"[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,9})?(Z|z|[+-][0-9]{2}:[0-9]{2})?"
    )

    def __init__(self, meaning: str, *, required: bool = False, on_null: OnNull = OnNull.CLEARS) -> None:
        super().__init__(meaning, most=64, required=required, on_null=on_null)

    def checked(self, value: str) -> str:
        """`2026-11-24T04:53:11+01:00` → `2026-11-24T03:53:11.000000Z`."""
        form = self._FORM.fullmatch(value)
        if form is None:
            raise ValidationError("Not a time such as 2026-11-24T10:00:00Z or 2026-11-24T11:00:00+01:00 (RFC 3339).")
        if form[1] is None:
            raise ValidationError("Has no offset from UTC: end it with Z, or with one such as +01:00.")
        try:
            moment = datetime.fromisoformat(value.upper()).astimezone(UTC)
        except (ValueError, OverflowError):
            raise ValidationError("No such time: check day, hour and offset.") from None
        return f"{moment.isoformat(timespec='microseconds')[:26]}Z"


class Word(Text):
    """A status or the like, lower-case, spaces and hyphens as underscores: `No-Show` is `no_show`."""

    shown = "word"
    _FORM = re.compile(r"\w+")
    _SPELT: ClassVar[Mapping[str, str]] = {"canceled": "cancelled"}

    def __init__(self, meaning: str, *, on_null: OnNull = OnNull.CLEARS) -> None:
        super().__init__(meaning, most=63, on_null=on_null)

    def checked(self, value: str) -> str:
        """One word of letters, digits and underscores."""
        word = "_".join(value.lower().replace("-", " ").split())
        if not self._FORM.fullmatch(word) or len(word) > self.most:
            raise ValidationError("Must be a word such as registered, attended or no_show.")
        return self._SPELT.get(word, word)


class OneOf(Text):
    """One of few words, in any case."""

    def __init__(self, meaning: str, *words: str) -> None:
        super().__init__(meaning)
        self.words = words
        self.shown = " or ".join(f"`{word}`" for word in words)

    def checked(self, value: str) -> str:
        """The word, lower-case."""
        word = value.lower()
        if word not in self.words:
            raise ValidationError(f"Must be {' or '.join(self.words)}.")
        return word


class WordOf(Word):
    """One of few words, spelt as a Word may be."""

    def __init__(self, meaning: str, *words: str) -> None:
        super().__init__(meaning)
        self.words = words
        self.shown = f"{', '.join(f'`{word}`' for word in words[:-1])} or `{words[-1]}`"

    def checked(self, value: str) -> str:
        """The word, spelt as a Word is."""
        try:
            word = super().checked(value)
        except ValidationError:
            word = ""
        if word not in self.words:
            raise ValidationError(f"Must be {', '.join(self.words[:-1])} or {self.words[-1]}.")
        return word


class Address(Text):
    """The address of a web page."""

    shown = "http or https address"
    _FORM = re.compile(r"https?://[^\s\x00-\x1f\x7f/]\S*", re.IGNORECASE)

    def checked(self, value: str) -> str:
        """Only what a browser may open safely: it becomes a link."""
        if not self._FORM.fullmatch(value):
            raise ValidationError("Must begin with http:// or https://.")
        return value


class Host(Text):
    """A host name; from a whole address the host is taken."""

    shown = "host name"
    _FORM = re.compile(
        r"(?:[a-z][a-z0-9+.-]*://)?"  # https://
        r"(?:[^\s/?#@]*@)?"  # somebody@
        r"(?:www\.)?"
        r"((?:[^\s./:@?#\\]+\.)+[^\s./:@?#\\]+)\.?"  # the host
        r"(?::[0-9]*)?(?:[/?#].*)?"  # :port/path
    )

    def __init__(self, meaning: str) -> None:
        super().__init__(meaning, most=1_000)

    def checked(self, value: str) -> str:
        """`https://www.Example.com/about` → `example.com`."""
        form = self._FORM.fullmatch(value.lower())
        if form is None or len(form[1]) > 253:
            raise ValidationError("Not a host name such as example.com.")
        return form[1]


class Custom(Value):
    """Custom fields: an object of texts, numbers, true, false and null, none of them another object or a list."""

    shown = "object of text, numbers, true, false, null"
    MOST_NAME = 100
    MOST_TEXT = 32_000

    def read(self, value: object) -> object:
        """The same object with its texts stripped, without the blank ones."""
        if type(value) is not dict:
            if value is None:
                return self.null()
            raise ValidationError("Must be an object.")
        kept: dict[str, Any] = {}
        errors: dict[str, list[str]] = {}
        for name, held in value.items():
            try:
                cleaned = self._scalar(name, held)
            except ValidationError as error:
                errors[path_of("", name)] = list(error.messages)
                if len(errors) >= MOST_ERRORS:
                    break
                continue
            if cleaned is not missing:
                kept[name] = cleaned
        if errors:
            raise ValidationError(errors)
        return kept

    def _scalar(self, name: str, held: object) -> object:
        if not name.strip() or len(name) > self.MOST_NAME:
            raise ValidationError(f"The name of a custom field has 1 to {self.MOST_NAME} characters.")
        if isinstance(held, str):
            text = held.strip()
            if len(text) > self.MOST_TEXT:
                raise ValidationError(f"Too long: at most {self.MOST_TEXT:,} characters.")
            return text or missing
        if isinstance(held, dict | list):
            raise ValidationError("Must be one value, neither an object nor a list.")
        if type(held) is int and abs(held) >= 2**63:
            raise ValidationError("Too large for a number: send it as text, in quotes.")
        return held
