"""contactsync brings the contacts and meetings of events into a CRM: signed webhooks in, one way, without duplicates."""

from __future__ import annotations

__version__ = "0.1.0"
