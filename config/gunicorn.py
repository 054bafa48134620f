"""For those who start gunicorn themselves; `contactsync web` tells it the same.

gunicorn -c config/gunicorn.py wsgi:app
"""

from __future__ import annotations

import os

from contactsync.settings import Settings
from contactsync.web.server import server_options

globals().update(server_options(Settings.from_environment(os.environ), os.environ))
