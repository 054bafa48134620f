"""For gunicorn: `gunicorn wsgi:app`."""

from __future__ import annotations

import os

from contactsync.bootstrap import build
from contactsync.settings import Settings
from contactsync.web.app import create_app

app = create_app(build(Settings.from_environment(os.environ)))
