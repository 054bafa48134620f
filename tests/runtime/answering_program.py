"""A worker whose work is nothing: `python answering_program.py <redis url> <how>`. It says what happens as log lines.

how: `hangs` (never comes back), `until-asked` (works until it is asked to stop, and then one more second), `raises`.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

from contactsync.bell import Bell, answer_bells
from contactsync.log import logger, set_up_logging
from contactsync.redis_server import RemoteRedis

log = logger("answering")


def main(url: str, how: str) -> None:
    def answer(org_id: int, stop: Callable[[], bool]) -> bool:
        log.info("answering", org=org_id)
        if how == "raises":
            raise LookupError("ada@example.com")
        while how == "hangs" or not stop():
            time.sleep(0.01)
        time.sleep(1)
        log.info("batch finished", org=org_id)
        return True

    set_up_logging()
    place = RemoteRedis(url)
    log.info("waiting")
    answer_bells(place, answer, Bell(place).ring)
    log.info("ended")


main(*sys.argv[1:])
