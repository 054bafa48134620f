"""Ids of the event platform in paths, whatever characters they hold.

A WSGI server decodes the path before anybody sees it: `/contacts/a%2Fb/runs` arrives as `/contacts/a/b/runs`, and where
the id ends can no longer be told. `keep_escapes` gives the app the path with `/` and `%` inside a segment still escaped;
the converter `source_id` takes the escapes away.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes, urlsplit

from werkzeug.routing import BaseConverter, ValidationError

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

API = "/api/"
_LONGEST = 255  # as the database keeps them


class SourceId(BaseConverter):
    """One path segment holding an id of the event platform."""

    regex = "[^/]+"

    def to_python(self, value: str) -> str:
        """The id itself. What no contact or event can be called is not found."""
        source_id = value.replace("%2F", "/").replace("%25", "%")
        if len(source_id) > _LONGEST or "\x00" in source_id:
            raise ValidationError
        return source_id


def keep_escapes(app: WSGIApplication) -> WSGIApplication:
    """Wrap a WSGI app so that under /api/ an escaped slash stays one character of its segment."""

    def wrapped(environ: WSGIEnvironment, start_response: StartResponse) -> object:
        if environ.get("PATH_INFO", "").startswith(API):
            environ["PATH_INFO"] = _escaped(environ)
        return app(environ, start_response)

    return wrapped  # type: ignore[return-value] # what it returns is what the app returns


def _escaped(environ: WSGIEnvironment) -> str:
    decoded: str = environ["PATH_INFO"]
    raw = _raw_path(environ).encode("latin-1", "replace")
    if unquote_to_bytes(raw) != decoded.encode("latin-1", "replace"):
        # A server that does not pass the raw path on: ids work but for those with a slash.
        return decoded.replace("%", "%25")
    segments = [unquote_to_bytes(segment).replace(b"%", b"%25").replace(b"/", b"%2F") for segment in raw.split(b"/")]
    return b"/".join(segments).decode("latin-1")


def _raw_path(environ: WSGIEnvironment) -> str:
    """The path as it was sent, below the mount point. gunicorn says RAW_URI, others REQUEST_URI."""
    uri: str = environ.get("RAW_URI") or environ.get("REQUEST_URI") or ""
    path = uri.partition("?")[0] if uri.startswith("/") else urlsplit(uri).path
    return path.removeprefix(environ.get("SCRIPT_NAME", ""))
