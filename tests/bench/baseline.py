"""What a plain integration does: one job per contact, simple-salesforce as its README shows it. Only to compare with."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from simple_salesforce.api import Salesforce
from simple_salesforce.format import format_soql

from tests.bench.installation import CLIENT, Standin


class _Plain(HTTPAdapter):
    """simple-salesforce builds https addresses alone; the stand-in speaks http."""

    def send(self, request: requests.PreparedRequest, *args: Any, **options: Any) -> requests.Response:
        request.url = (request.url or "").replace("https://", "http://", 1)
        return super().send(request, *args, **options)


def log_in(standin: Standin) -> Salesforce:
    """One session for all jobs: kind to the baseline."""
    client, secret = CLIENT
    form = {"grant_type": "client_credentials", "client_id": client, "client_secret": secret}
    answer = requests.post(f"{standin.url}/services/oauth2/token", data=form, timeout=60)
    answer.raise_for_status()
    session = requests.Session()
    session.mount("https://127.0.0.1", _Plain())
    host = standin.url.removeprefix("http://")
    return Salesforce(instance=host, session_id=answer.json()["access_token"], session=session, version="60.0")


def seconds_per_contact(standin: Standin, contacts: Sequence[Mapping[str, Any]]) -> float:
    """How long the jobs of these contacts take, one after the other, for one of them."""
    salesforce = log_in(standin)
    started = time.monotonic()
    for contact in contacts:
        sync_one(salesforce, contact, standin.campaign_id)
    return (time.monotonic() - started) / len(contacts)


def sync_one(salesforce: Salesforce, contact: Mapping[str, Any], campaign_id: str) -> None:
    """Look for each record, then create it or update it: six to eight calls for a new contact."""
    company = contact["company"]
    account_id = _found(salesforce, "SELECT Id FROM Account WHERE Name = {}", company["name"])
    if account_id is None:
        account_id = salesforce.Account.create({"Name": company["name"], "Website": company["domain"]})["id"]
    fields = {
        "FirstName": contact["first_name"],
        "LastName": contact["last_name"],
        "Email": contact["email"],
        "Title": contact["title"],
        "Phone": contact["phone"],
        "AccountId": account_id,
        "OwnerId": _found(salesforce, "SELECT Id FROM User WHERE Email = {}", contact["owner_email"]),
    }
    contact_id = _found(salesforce, "SELECT Id FROM Contact WHERE Email = {}", contact["email"])
    if contact_id is None:
        contact_id = salesforce.Contact.create(fields)["id"]
    else:
        salesforce.Contact.update(contact_id, fields)
    asked = "SELECT Id FROM CampaignMember WHERE CampaignId = {} AND ContactId = {}"
    if _found(salesforce, asked, campaign_id, contact_id) is None:
        member = {"CampaignId": campaign_id, "ContactId": contact_id, "Status": "Registered"}
        salesforce.CampaignMember.create(member)


def _found(salesforce: Salesforce, soql: str, *values: str) -> str | None:
    records = salesforce.query(format_soql(soql, *values))["records"]
    return str(records[0]["Id"]) if records else None
