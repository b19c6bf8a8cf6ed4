"""The index that pip downloads from, and whether it answers. pip waits for as long as its configuration says."""

from __future__ import annotations

import os
import re
import ssl
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPException
from threading import Thread
from typing import Final
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

SECONDS: Final = 6
"""How long an index may take to answer: it must not keep users waiting."""

# With these settings, pip does not use the index, or does not connect to it itself.
_OTHERWISE = re.compile(r"(?m)\.(?:no-index|proxy)=")
_INDEX = re.compile(r"--index-url <url> .*?\(default (https?://[^)\s]+)\)")


def find_index() -> str | None:
    """Return the URL of the index that pip is configured to connect to, without credentials."""
    # The defaults in pip's help are those of its configuration.
    with ThreadPoolExecutor() as pool:
        configuration, usage = pool.map(_ask_pip, ("config list", "download --help"))
    if _OTHERWISE.search(configuration) or not (index := _INDEX.search(usage)):
        return None
    url = urlsplit(index[1])
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl()


def answers(url: str) -> bool:
    """Return whether a server answers within SECONDS, whatever it answers."""
    answered: list[bool] = []
    # On a thread, because the timeout of a request applies to each address and each read, and not to resolving names.
    request = Thread(target=lambda: answered.append(_request(url)), daemon=True)
    request.start()
    request.join(SECONDS)
    return answered == [True]


def _request(url: str) -> bool:
    """Return whether a server answers, or fails with an error that pip explains."""
    try:
        # Half of the time, for a second address if the first one is silent.
        urlopen(Request(url, method="HEAD"), timeout=SECONDS / 2).close()  # noqa: S310 -- http or https
    except HTTPError as answer:
        answer.close()
    except OSError as error:
        reason = error.reason if isinstance(error, URLError) else error
        return isinstance(reason, ssl.SSLError)  # pip knows which certificates to trust
    except (HTTPException, ValueError):
        return True  # not HTTP, or an invalid URL
    return True


def _ask_pip(question: str) -> str:
    command = [sys.executable, "-m", "pip", "--disable-pip-version-check", *question.split()]
    environment = os.environ | {"COLUMNS": "10000"}  # one line for each option
    result = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 -- no shell
    return result.stdout
