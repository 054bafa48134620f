"""The demo: all processes on this machine, a stand-in for Salesforce, and a sample event posted as a platform would.

fresh folder under var/ → database → org → stand-in with a campaign and two users → web, worker, clock
→ event, contacts, roster and a meeting by signed webhooks → wait until all are synced → what arrived where
"""

from __future__ import annotations

import json
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import click
import requests
from rich.console import Console
from rich.table import Table

from contactsync.intake.signature import sign
from contactsync.settings import default_var
from contactsync.stopping import stop_on_signal

EVENT = "evt-dach-summit"
CLIENT = {"client_id": "demo", "client_secret": "demo-secret"}
PATIENCE_SECONDS = 90
START_SECONDS = 30


@dataclass
class Demo:
    """The running demo: where its processes are and what they were given."""

    folder: Path
    environment: dict[str, str]
    standin: str
    web: str
    secret: str = ""
    token: str = ""
    running: list[tuple[str, subprocess.Popen[bytes]]] = field(default_factory=list)

    def start(self, name: str, *arguments: str) -> None:
        """Start one of our processes; what it says goes to a file."""
        log = (self.folder / f"{name}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "contactsync", *arguments],
                env=self.environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                stdin=subprocess.DEVNULL,
                start_new_session=True,  # Ctrl-C is for us: we end them in order
            )
        self.running.append((name, process))

    def command(self, *arguments: str) -> str:
        """Run one of our commands to its end; its output."""
        done = subprocess.run(
            [sys.executable, "-m", "contactsync", *arguments],
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise DemoFailed(f"contactsync {' '.join(arguments)} failed:\n{done.stderr}")
        return done.stdout

    def stop(self) -> None:
        """End all processes, the last one first, and wait for them."""
        for _, process in reversed(self.running):
            with suppress(ProcessLookupError):
                process.send_signal(signal.SIGTERM)
        for _, process in self.running:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        self.running.clear()

    def dead(self) -> str | None:
        """The name of a process that has ended, though nobody asked it to."""
        return next((name for name, process in self.running if process.poll() is not None), None)

    def post(self, door: str, kind: str, items: object) -> None:
        """Sign and post one webhook."""
        now = time.time()
        sent_at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now))
        body = json.dumps({"type": kind, "timestamp": sent_at, "data": items}).encode()
        named = f"demo_{secrets.token_hex(8)}"
        headers = {
            "content-type": "application/json",
            "webhook-id": named,
            "webhook-timestamp": str(int(now)),
            "webhook-signature": sign(self.secret, named, int(now), body),
        }
        answer = requests.post(f"{self.web}/webhooks/demo/{door}", data=body, headers=headers, timeout=30)
        click.echo(f"  POST /webhooks/demo/{door}  {kind:<22} → {answer.status_code} {answer.json().get('status', '')}")
        if answer.status_code != 202:
            raise DemoFailed(f"the webhook was not accepted: {answer.text}")

    def contacts(self) -> list[dict[str, Any]]:
        """All contacts, as the API shows them."""
        headers = {"authorization": f"Bearer {self.token}"}
        answer = requests.get(f"{self.web}/api/v1/contacts?limit=200", headers=headers, timeout=30)
        answer.raise_for_status()
        items: list[dict[str, Any]] = answer.json()["items"]
        return items

    def meeting_status(self) -> str:
        """The sync status of the one meeting, "" before it is heard of."""
        headers = {"authorization": f"Bearer {self.token}"}
        answer = requests.get(f"{self.web}/api/v1/meetings/m-1", headers=headers, timeout=30)
        return str(answer.json()["sync"]["status"]) if answer.ok else ""

    def salesforce(self, kind: str) -> list[dict[str, Any]]:
        """All records of one kind that the stand-in holds."""
        answer = requests.get(f"{self.standin}/_standin/records", params={"object": kind}, timeout=30)
        answer.raise_for_status()
        held = answer.json()
        records: list[dict[str, Any]] = held[kind] if isinstance(held, dict) and kind in held else held["records"]
        return records


class DemoFailed(Exception):
    """The demo cannot go on; the message says why."""


def run_demo(*, once: bool) -> int:
    """Run the demo; answers the exit status. Without `once` it stays up until Ctrl-C or SIGTERM, which end it cleanly."""
    try:
        with stop_on_signal(_interrupt), _demo() as demo:
            _set_up(demo)
            _post_sample(demo)
            arrived = _wait_until_settled(demo)
            _show(demo)
            if once:
                return 0 if arrived else 1
            _stay(demo)
            return 0
    except (DemoFailed, requests.RequestException) as error:
        click.secho(f"The demo failed: {error}", fg="red", err=True)
        return 1
    except KeyboardInterrupt:
        return 1 if once else 0


def _interrupt() -> None:
    raise KeyboardInterrupt


@contextmanager
def _demo() -> Iterator[Demo]:
    folder = Path(os.environ.get("CONTACTSYNC_VAR") or default_var()).absolute() / "demo"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    web_port, standin_port = _port(8000), _port(9000)
    ours = ("DATABASE_URL", "REDIS_URL", "CONTACTSYNC_SECRET_KEYS", "CONTACTSYNC_CONFIG", "DYNO")
    inherited = {name: value for name, value in os.environ.items() if name not in ours}
    environment = inherited | {
        "CONTACTSYNC_VAR": str(folder),
        "PORT": str(web_port),
        "WEB_CONCURRENCY": "2",
        "CONTACTSYNC_SYNC_CLOCK_SECONDS": "1",
    }
    demo = Demo(folder, environment, f"http://127.0.0.1:{standin_port}", f"http://127.0.0.1:{web_port}")
    try:
        yield demo
    finally:
        demo.stop()


def _port(liked: int) -> int:
    """A port that is free on 127.0.0.1: the one people know, if it is."""
    for port in (liked, 0):
        with socket.socket() as probe, suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise DemoFailed("no port is free on 127.0.0.1")


def _set_up(demo: Demo) -> None:
    click.secho("Starting the stand-in for Salesforce, web, worker and clock …", bold=True)
    demo.start("standin", "standin", "--port", demo.standin.rsplit(":", 1)[1], "--client-id", CLIENT["client_id"],
               "--client-secret", CLIENT["client_secret"], "--latency-ms", "50")  # fmt: skip
    demo.command("db", "upgrade")
    org = json.loads(demo.command("org", "add", "demo", "--name", "Demo Events", "--json"))
    demo.secret, demo.token = org["webhook_secret"], org["api_token"]
    _wait_for(demo, f"{demo.standin}/services/data/")
    campaign_id = _seed(demo)
    demo.command("connect", "demo", "--target", "salesforce", "--instance-url", demo.standin, "--client-id",
                 CLIENT["client_id"], "--client-secret", CLIENT["client_secret"])  # fmt: skip
    demo.command("event", "connect", "demo", EVENT, "--campaign", campaign_id)
    for name in ("web", "worker", "clock"):
        demo.start(name, name)
    _wait_for(demo, f"{demo.web}/readyz")


def _seed(demo: Demo) -> str:
    """Put a campaign, two sales people and an Account that is already there into the stand-in; the campaign's id."""
    records = {
        "User": [
            _user("Grace", "Hopper", "grace@demo-events.example"),
            _user("Mary", "Jackson", "mary@demo-events.example"),
        ],
        "Campaign": [{"Name": "DACH Summit 2026", "IsActive": True}],
        "Account": [{"Name": "Analytical Engines", "Website": "https://www.analytical-engines.example"}],
    }
    answer = requests.post(f"{demo.standin}/_standin/records", json=records, timeout=30)
    answer.raise_for_status()
    return str(demo.salesforce("Campaign")[-1]["Id"])


def _user(first: str, last: str, email: str) -> Mapping[str, object]:
    return {"FirstName": first, "LastName": last, "Email": email, "Username": email}


def _sample() -> list[dict[str, Any]]:
    there = [{"id": EVENT, "status": "registered"}]
    return [
        {"id": "c-1", "first_name": "Ada", "last_name": "Lovelace", "email": "ada@analytical-engines.example",
         "company": {"id": "co-1", "name": "Analytical Engines Ltd", "domain": "analytical-engines.example"},
         "sync_as": "contact", "title": "Head of Computing", "phone": "+44 20 7946 0001",
         "owner_email": "grace@demo-events.example", "events": there},
        {"id": "c-2", "first_name": "Charles", "last_name": "Babbage", "email": "charles@difference.example",
         "company": "Difference Works", "sync_as": "lead", "note": "Asked for a quote at the booth.",
         "owner_email": "mary@demo-events.example", "events": there},
        {"id": "c-3", "first_name": "Mary", "last_name": "Somerville", "email": "mary@connexion.example",
         "company": {"name": "Connexion", "domain": "connexion.example"}, "sync_as": "contact", "events": there,
         "address": {"city": "Edinburgh", "country": "Scotland"}},
        {"id": "c-4", "first_name": "Émilie", "last_name": "du Châtelet", "email": "emilie@institutions-de-physique.org",
         "source": "leads_inbox", "sync_as": "lead", "events": [{"id": EVENT, "status": "attended"}]},
        {"id": "c-5", "first_name": "Sophie", "last_name": "Germain", "email": "sophie@theorem.example",
         "sync_as": "lead"},  # no company: incomplete, and nothing is sent
    ]  # fmt: skip


def _meeting() -> dict[str, Any]:
    return {
        "id": "m-1", "title": "Quote for a difference engine", "event_id": EVENT, "location": "Booth 12",
        "starts_at": "2026-11-24T14:00:00", "ends_at": "2026-11-24T14:30:00", "timezone": "Europe/Berlin",
        "host_email": "grace@demo-events.example", "notes": "Wants delivery before the spring.",
        "attendees": [{"contact_id": "c-1", "response": "accepted"}, {"contact_id": "c-2"}],
    }  # fmt: skip


def _post_sample(demo: Demo) -> None:
    click.secho("Posting a sample event, signed as an event platform would:", bold=True)
    demo.post("events", "event.created", {"id": EVENT, "name": "DACH Summit 2026", "starts_at": "2026-11-24T09:00:00Z"})
    demo.post("contacts", "contact.created", _sample())
    demo.post("events", "event.contacts_added",
              {"event_id": EVENT, "contacts": [{"email": "ada@analytical-engines.example", "status": "attended"}]})  # fmt: skip
    demo.post("meetings", "meeting.created", _meeting())


def _wait_for(demo: Demo, url: str) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if name := demo.dead():
            raise DemoFailed(f"{name} ended by itself; {demo.folder / name}.log says why")
        with suppress(requests.RequestException):
            if requests.get(url, timeout=2).ok:
                return
        time.sleep(0.1)
    raise DemoFailed(f"nothing answers at {url}; the logs are in {demo.folder}")


def _wait_until_settled(demo: Demo) -> bool:
    """Wait until every contact is where it should be, in Salesforce or named as incomplete; whether that came true."""
    complete = {item["id"] for item in _sample()} - {"c-5"}
    end = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < end:
        if name := demo.dead():
            raise DemoFailed(f"{name} ended by itself; {demo.folder / name}.log says why")
        status = {item["id"]: item["sync"]["status"] for item in demo.contacts()}
        settled = all(status.get(name) == "synced" for name in complete) and status.get("c-5") == "incomplete"
        if settled and demo.meeting_status() == "synced":
            people = {row["Id"] for kind in ("Lead", "Contact") for row in demo.salesforce(kind)}
            said = {item["sync"]["crm_id"] for item in demo.contacts() if item["id"] in complete}
            members, activities = demo.salesforce("CampaignMember"), demo.salesforce("Event")
            return said <= people and len(members) == len(complete) and len(activities) == 1
        time.sleep(0.2)
    return False


def _show(demo: Demo) -> None:
    owners = {row["Id"]: row["Name"] for row in demo.salesforce("User")}
    campaigns = {row["Id"]: row["Name"] for row in demo.salesforce("Campaign")}
    people = {row["Id"]: row for kind in ("Lead", "Contact") for row in demo.salesforce(kind)}
    members = {row.get("LeadId") or row.get("ContactId"): row for row in demo.salesforce("CampaignMember")}
    table = Table("Contact", "Sync status", "Became", "Salesforce ID", "Owner", "Campaign", "As",
                  title="What arrived in Salesforce (the stand-in)", title_justify="left")  # fmt: skip
    for item in sorted(demo.contacts(), key=lambda item: str(item["id"])):
        sync = item["sync"]
        record = people.get(sync["crm_id"], {})
        member = members.get(sync["crm_id"], {})
        missing = f" ({', '.join(sync['missing_fields'])} missing)" if sync.get("missing_fields") else ""
        table.add_row(
            f"{item['first_name']} {item['last_name']}",
            sync["status"] + missing,
            sync["crm_object"] or "–",
            sync["crm_id"] or "–",
            owners.get(record.get("OwnerId"), "–"),
            campaigns.get(member.get("CampaignId"), "–"),
            member.get("Status", "–"),
        )
    stands = json.loads(demo.command("status", "demo", "--json"))
    out = Console(width=None if sys.stdout.isatty() else 150, highlight=False)
    out.print(table)
    for activity in demo.salesforce("Event"):
        who = people.get(activity.get("WhoId"), {})
        others = len([row for row in demo.salesforce("EventRelation") if row.get("RelationId") in people])
        owner = owners.get(activity.get("OwnerId"), "–")
        click.echo(f"The meeting became an Activity: “{activity['Subject']}” ({activity['Id']}),")
        click.echo(f"  {activity['StartDateTime']}, of {owner} with {who.get('Name', '–')} and {others} more.")
    out.print(f"Calls to Salesforce: {stands['crm']['calls']}. Logs: {demo.folder}")


def _stay(demo: Demo) -> None:
    click.secho("Up and running until Ctrl-C:", bold=True)
    click.echo(f"  API and its documentation   {demo.web}/api/v1/docs")
    click.echo(f"  API token                   {demo.token}")
    click.echo(f"  Salesforce's stand-in       {demo.standin}/_standin/")
    click.echo("Send more:")
    exported = " ".join(f"{name}={demo.environment[name]}" for name in ("CONTACTSYNC_VAR", "PORT"))
    click.echo(f"  {exported} contactsync send payload.json --org demo --to contacts")
    while not (name := demo.dead()):
        time.sleep(0.5)
    raise DemoFailed(f"{name} ended by itself; {demo.folder / name}.log says why")
