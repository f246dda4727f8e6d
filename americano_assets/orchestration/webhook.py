"""What whoever is on call is told of a run: one JSON line on standard error, and a message to a webhook.

The webhook's address is a secret: whoever has it may write into somebody's channel, so neither it nor the host's own
words appear in a line or in an error.
"""

import json
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import UTC, datetime

TRIES = 2
_ANSWER_SECONDS = 5.0
_PAUSE_SECONDS = 2.0

Notice = Mapping[str, str | int | None]


def log_line(notice: Notice) -> None:
    """One JSON line on standard error, stamped with the time."""
    line = {"time": datetime.now(UTC).isoformat(timespec="milliseconds"), **notice}
    print(json.dumps(line), file=sys.stderr, flush=True)


def post(url: str, notice: Notice, *, pause_seconds: float = _PAUSE_SECONDS) -> str | None:
    """Send a notice as a JSON body; tried twice, five seconds each.

    Returns:
        Why nobody took it, without the address; None where it was taken.
    """
    why = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause_seconds)
        try:
            # Headers and opener are our own: a redirect is refused, because it would carry the message elsewhere.
            request = urllib.request.Request(
                url,
                data=json.dumps(notice).encode(),
                headers={"Content-Type": "application/json", "User-Agent": "americano"},
                method="POST",
            )
            with _OPENER.open(request, timeout=_ANSWER_SECONDS):
                return None
        except urllib.error.HTTPError as error:
            why = f"it answered {error.code}"
        except urllib.error.URLError as error:
            why = f"not reached ({_name(error.reason)})"
        except (OSError, ValueError) as error:  # an answer cut off, or an address that is none
            why = f"not reached ({_name(error)})"
    return why


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        """None: the redirect is an error like any other status."""


_OPENER = urllib.request.build_opener(_NoRedirect())


def _name(reason: object) -> str:
    """The kind of an error alone: its text may name the host."""
    return type(reason).__name__
