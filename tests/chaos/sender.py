"""Senders as real ones are: what is not taken goes out again under the same webhook-id, and they write down every answer."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor

import requests

from contactsync.intake.signature import sign
from tests.chaos.judge import Answer
from tests.chaos.stream import Delivery

TAKEN = (200, 202, 422)
AT_ONCE = 16
PATIENCE = 6.0
"""Seconds for which a sender waits for an answer."""

FIRST_PAUSE, LONGEST_PAUSE = 0.1, 1.0


class Senders:
    """Sends deliveries over HTTP. `secrets`: by org. `statuses`: how often which status was answered; 0: no answer came."""

    def __init__(self, url: str, secrets: Mapping[str, str], *, give_up_after: float) -> None:
        self._url = url
        self._secrets = secrets
        self._until = time.monotonic() + give_up_after
        self._lock = threading.Lock()
        self._thread = threading.local()
        self._best: dict[int, Answer] = {}
        self.statuses: Counter[int] = Counter()
        self.retried: Counter[int] = Counter()
        self.unanswered: Counter[str] = Counter()
        self.sends = 0

    def send_all(
        self, sends: Iterable[tuple[Delivery, ...]], pace: float, before: Callable[[int], None]
    ) -> list[Answer]:
        """Send them in their order, about `pace` a second, and wait until all are taken. `before`: told how many went out."""
        started, position = time.monotonic(), 0
        room = threading.Semaphore(AT_ONCE * 2)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            waiting: list[Future[None]] = []
            for together in sends:
                before(position)
                for delivery in together:
                    room.acquire()
                    future = pool.submit(self._send, delivery)
                    future.add_done_callback(lambda _: room.release())
                    waiting.append(future)
                position += 1
                ahead = started + position / pace - time.monotonic()
                if ahead > 0:
                    time.sleep(ahead)
            for future in waiting:
                future.result()
        return [self._best[index] for index in sorted(self._best)]

    def _send(self, delivery: Delivery) -> None:
        pause, last = FIRST_PAUSE, 0
        with self._lock:
            self.sends += 1
        while True:
            status = self._post(delivery)
            with self._lock:
                self.statuses[status] += 1
            if status in TAKEN or time.monotonic() > self._until:
                last = status
                break
            with self._lock:
                self.retried[status] += 1
            time.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)
        with self._lock:
            held = self._best.get(delivery.index)
            if held is None or held.status not in (200, 202):
                self._best[delivery.index] = Answer(delivery, last)

    def _post(self, delivery: Delivery) -> int:
        body, now = delivery.body, int(time.time())
        headers = {
            "content-type": "application/json",
            "webhook-id": delivery.webhook_id,
            "webhook-timestamp": str(now),
            "webhook-signature": sign(self._secrets[delivery.org], delivery.webhook_id, now, body),
        }
        if not hasattr(self._thread, "session"):
            self._thread.session = requests.Session()
        try:
            answer = self._thread.session.post(
                f"{self._url}/webhooks/{delivery.org}/{delivery.door}", data=body, headers=headers, timeout=PATIENCE
            )
        except requests.RequestException as error:
            with self._lock:
                self.unanswered[type(error).__name__] += 1
            return 0
        return int(answer.status_code)
