"""The files that pages need: scripts and styles, from the package, for anybody, kept by browsers."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from importlib.resources import files

from flask import Blueprint, Response

from contactsync.web.console.addresses import PREFIX
from contactsync.web.errors import Refusal

_KINDS: Mapping[str, str] = {"css": "text/css", "js": "text/javascript", "svg": "image/svg+xml", "txt": "text/plain"}
_FOR_EVER = "public, max-age=31536000, immutable"


def read_assets() -> dict[str, bytes]:
    """Name → content of everything in `static`."""
    folder = files(__package__ or "").joinpath("static")
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.name.rpartition(".")[2] in _KINDS}


def digests_of(assets: Mapping[str, bytes]) -> dict[str, str]:
    """Name → a mark of the content, for the address."""
    return {name: hashlib.sha256(content).hexdigest()[:12] for name, content in assets.items()}


def asset_pages(assets: Mapping[str, bytes]) -> Blueprint:
    """Serves them. Also brings the templates along."""
    blueprint = Blueprint(f"{PREFIX}assets", __name__, template_folder="templates")
    digests = digests_of(assets)

    @blueprint.get("/assets/<v>/<name>")
    def asset_file(v: str, name: str) -> Response:
        content = assets.get(name)
        if content is None:
            raise Refusal(404, "not_found", "There is no such file.")
        response = Response(content, mimetype=_KINDS[name.rpartition(".")[2]])
        response.headers["Cache-Control"] = _FOR_EVER if v == digests[name] else "no-cache"
        response.headers["Cross-Origin-Resource-Policy"] = "same-origin"
        return response

    return blueprint
