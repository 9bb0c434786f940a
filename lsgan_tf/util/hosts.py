"""Whether the host of a download answers."""

from __future__ import annotations

import urllib.error
import urllib.request

_TIMEOUT = 5.0  # seconds; downloaders of libraries would retry for minutes


def unreachable(address: str) -> str | None:
    """Return why the host of an address does not answer; None if it does, even with an error."""
    try:
        request = urllib.request.Request(address, method="HEAD")
        urllib.request.urlopen(request, timeout=_TIMEOUT).close()
    except urllib.error.HTTPError as error:
        error.close()
    except (OSError, ValueError) as error:
        return " ".join(str(getattr(error, "reason", error)).split())
    return None
