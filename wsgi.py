"""For those who start gunicorn themselves: `gunicorn -c config/gunicorn.py wsgi:app`."""

from __future__ import annotations

import os

from contactsync.bootstrap import build
from contactsync.log import set_up_logging
from contactsync.reporting import report_errors
from contactsync.settings import Settings
from contactsync.web.app import create_app

set_up_logging()
settings = Settings.from_environment(os.environ)
report_errors(settings.reporting, "web")
app = create_app(build(settings))
