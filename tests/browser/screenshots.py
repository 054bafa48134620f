"""Pictures of every page: `make screenshots` starts the demo, walks the console and puts them into docs/screenshots.

Each page twice as wide as a phone and on a phone, light and dark: `<page>-<desktop|phone>-<light|dark>.webp`. Ends with 1 when
a page does not answer well, or there is no picture of a route of the console.
"""

from __future__ import annotations

import argparse
import base64
import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from tests.browser.conftest import CHROMIUM
from tests.browser.walk import WALK, Place, addresses
from tests.fixtures.waiting import wait_until

FOLDER = Path(__file__).parents[2] / "docs" / "screenshots"
SIZES = {"desktop": {"width": 1280, "height": 800}, "phone": {"width": 390, "height": 844}}
TALLEST = 2400


@contextmanager
def demo() -> Iterator[dict[str, str]]:
    """The demo, running: {"site", "user", "password"} as it prints them."""
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "demo.log"
        with log.open("wb") as out:
            running = subprocess.Popen(
                [sys.executable, "-m", "contactsync", "demo"],
                env={**os.environ, "CONTACTSYNC_VAR": folder, "PYTHONUNBUFFERED": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        try:
            yield wait_until(lambda: _printed(running, log), 120, f"the demo is up: {log.read_text('utf-8')}")
        finally:
            running.send_signal(signal.SIGINT)
            running.wait(30)


def _printed(running: subprocess.Popen[bytes], log: Path) -> dict[str, str]:
    text = log.read_text("utf-8")
    assert running.poll() is None, f"the demo ended:\n{text}"
    patterns = {"site": r"Console\s+(http\S+)", "user": r"sign in as\s+(\S+)", "password": r"the password\s+(\S+)"}
    found = {name: re.search(pattern, text) for name, pattern in patterns.items()}
    return {name: match[1] for name, match in found.items() if match} if all(found.values()) else {}


def sign_in(browser: Browser, said: dict[str, str], size: str, scheme: str) -> Page:
    """A page of somebody who is signed in."""
    context = browser.new_context(
        viewport=SIZES[size],  # type: ignore[arg-type]
        color_scheme=scheme,  # type: ignore[arg-type]
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    page = context.new_page()
    page.goto(said["site"])
    page.get_by_label("E-mail address").fill(said["user"])
    page.get_by_label("Password").fill(said["password"])
    page.keyboard.press("Enter")
    page.wait_for_url("**/o/**")
    return page


def take(page: Page, place: Place, address: str, file: Path) -> None:
    """One picture; a phone's is as long as the page is, up to a limit."""
    if place.signed_out:
        page.context.clear_cookies()
    answer = page.goto(address)
    assert answer is not None and answer.status == place.status, f"{address} answers {answer and answer.status}"
    page.wait_for_load_state("networkidle")
    size = page.viewport_size or {"width": 1280, "height": 800}
    tall = min(TALLEST, page.evaluate("document.documentElement.scrollHeight"))
    assert page.evaluate("document.documentElement.scrollWidth") <= size["width"], f"{address} is wider than its window"
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], tall)})
    taken = page.context.new_cdp_session(page).send("Page.captureScreenshot", {"format": "webp", "quality": 82})
    file.write_bytes(base64.b64decode(taken["data"]))  # a fifth of what it is as PNG: there are 170
    page.set_viewport_size(size)


def walk(said: dict[str, str], folder: Path, only: str, say: Callable[[str], None] = print) -> list[str]:
    """Take all pictures; answers what went wrong."""
    wrong: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        for size in SIZES:
            for scheme in ("light", "dark"):
                page = sign_in(browser, said, size, scheme)
                found = addresses(page, page.url)
                for place in sorted(WALK, key=lambda place: place.signed_out):  # cookies go at the end
                    if not re.search(only, place.name):
                        continue
                    try:
                        take(page, place, found[place.name], folder / f"{place.name}-{size}-{scheme}.webp")
                    except (AssertionError, KeyError) as error:
                        wrong.append(f"{place.name} ({size}, {scheme}): {error!r}")
                page.context.close()
                say(f"{size}, {scheme}: done")
        browser.close()
    return wrong


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description="Pictures of every page of the console.")
    parser.add_argument("--to", type=Path, default=FOLDER, help="the folder for the pictures")
    parser.add_argument("--only", default="", help="a regular expression for the names of pages")
    parser.add_argument("--of", nargs=3, metavar=("SITE", "USER", "PASSWORD"), help="an installation that runs already")
    said = parser.parse_args()
    said.to.mkdir(parents=True, exist_ok=True)
    if said.of:
        wrong = walk(dict(zip(("site", "user", "password"), said.of, strict=True)), said.to, said.only)
    else:
        with demo() as printed:
            wrong = walk(printed, said.to, said.only)
    for line in wrong:
        sys.stderr.write(f"{line}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
