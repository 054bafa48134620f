"""Alembic's folder. `contactsync db upgrade` runs it; `alembic revision -m "what it does"` starts a new migration."""
