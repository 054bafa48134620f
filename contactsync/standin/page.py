"""The look page: what the stand-in holds and the last calls it got, as one plain HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from itertools import islice
from typing import TYPE_CHECKING

from contactsync.standin.store import Record

if TYPE_CHECKING:  # site.py reaches this page through admin.py
    from contactsync.standin.site import Site

ROWS_SHOWN = 50
CALLS_SHOWN = 40
_COLUMNS = {
    "Account": ("Id", "Name", "Website", "OwnerId", "CreatedDate"),
    "Campaign": ("Id", "Name", "Status", "StartDate", "CreatedDate"),
    "CampaignMember": ("Id", "CampaignId", "Name", "Email", "Type", "Status", "HasResponded"),
    "CampaignMemberStatus": ("Id", "CampaignId", "Label", "IsDefault", "HasResponded"),
    "Contact": ("Id", "Name", "Email", "Title", "AccountId", "OwnerId", "LastModifiedDate"),
    "Event": (
        "Id",
        "Subject",
        "StartDateTime",
        "EndDateTime",
        "IsAllDayEvent",
        "WhoId",
        "WhatId",
        "OwnerId",
        "Location",
    ),
    "EventRelation": ("Id", "EventId", "RelationId", "Status", "CreatedDate"),
    "Group": ("Id", "Name", "Type"),
    "Lead": ("Id", "Name", "Email", "Company", "Title", "OwnerId", "Status", "LastModifiedDate"),
    "User": ("Id", "Name", "Email", "Username", "IsActive", "UserType"),
}
_STYLE = """
body{font:15px/1.5 system-ui,sans-serif;max-width:75rem;margin:2rem auto;padding:0 1rem;color:#1d2733;background:#fff}
p.note{background:#fff4d6;border-left:4px solid #d99000;padding:.6rem 1rem}
table{border-collapse:collapse;width:100%;font-size:13px;margin:.4rem 0 1.4rem}
th,td{text-align:left;padding:.25rem .6rem;border-bottom:1px solid #dde3ea;vertical-align:top;overflow-wrap:break-word}
th{color:#52606d;font-weight:600}
h2{margin:1.6rem 0 .2rem;font-size:1.1rem}
div.wide{overflow-x:auto}
@media(prefers-color-scheme:dark){body{color:#dfe6ee;background:#12181f}p.note{background:#3a2f10}th,td{border-color:#2a3541}
th{color:#9fb0c0}}
"""


def render(site: Site) -> str:
    """The whole page. Call under the org's lock."""
    org = site.org
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width,initial-scale=1'>",
        f"<title>Salesforce stand-in</title><style>{_STYLE}</style></head><body>",
        "<h1>Salesforce stand-in</h1>",
        "<p class='note'>A development tool. It speaks Salesforce's REST wire on this machine only, keeps it all in ",
        "memory, and is no Salesforce. As JSON: <a href='/_standin/records'>records</a>, ",
        "<a href='/_standin/calls'>calls</a>, <a href='/_standin/options'>options</a>, ",
        "<a href='/_standin/faults'>faults</a>.</p>",
        f"<p>{site.log.counts['api']} API calls and {site.log.counts['token']} token calls, {site.log.rows} rows; ",
        f"{site.api.calls_used} of {org.options.daily_limit} calls of the day used.</p>",
        _rules(site),
    ]
    for name, columns in _COLUMNS.items():
        records = org.store.live.get(name, {})
        if records:
            newest = list(islice(reversed(list(records.values())), ROWS_SHOWN))
            parts += [f"<h2>{name} ({len(records)})</h2>", _records(newest, columns)]
    parts += ["<h2>Last calls</h2>", _calls(site), "</body></html>"]
    return "".join(parts)


def _rules(site: Site) -> str:
    """What an administrator has set, and who is signed in, where there is any of it."""
    org = site.org
    live = sum(not grant.revoked for grant in site.gate.grants.grants)
    counts = {
        "Duplicate rules": len(org.duplicate_rules),
        "validation rules": len(org.validation_rules),
        "planned faults": sum(plan.times > 0 for plan in site.faults.plans),
        "signed-in apps": live,
    }
    told = ", ".join(f"{name}: {count}" for name, count in counts.items() if count)
    return f"<p>{told}.</p>" if told else ""


def _records(records: Iterable[Record], columns: Sequence[str]) -> str:
    return _table(columns, ([record.get(column) for column in columns] for record in records))


def _calls(site: Site) -> str:
    rows = []
    for call in islice(reversed(site.log.calls), CALLS_SHOWN):
        subs = "; ".join(f"{sub['method']} {str(sub['url'])[:80]} → {sub['status']}" for sub in call.subrequests)
        status = "no answer" if call.status is None else call.status
        what = f"{call.method} {call.path[:200]}"
        rows.append([call.n, call.at[11:19], what, subs, call.rows, status, f"{call.duration_ms} ms", call.fault])
    return _table(("No", "At (UTC)", "Call", "Subrequests", "Rows", "Status", "Took", "Fault"), rows)


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    head = "".join(f"<th scope='col'>{escape(column)}</th>" for column in columns)
    body = "".join(f"<tr>{''.join(f'<td>{_cell(value)}</td>' for value in row)}</tr>" for row in rows)
    return f"<div class='wide'><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>"


def _cell(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    text = "" if value is None else str(value)
    if text.endswith(".000+0000"):
        text = f"{text[:10]} {text[11:19]}"
    return escape(text)
