"""A cold start as on Lambda, once: import the authorizer, and handle one event.

``python one_event.py [--log] EVENT.json FOLDER...``: the folders contain the unpacked authorizer and layer. Prints the
response as JSON on one line, then the kernel's status of the process; with --log, the decision is logged, to nowhere.
"""

from __future__ import annotations

import json
import sys

if __name__ == "__main__":
    if sys.argv[1] == "--log":
        del sys.argv[1]
        import logging
        import os

        logging.basicConfig(level=logging.INFO, filename=os.devnull)
    sys.path[1:1] = sys.argv[2:]
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 -- pathlib would be part of what is measured
        event = json.load(file)

    from mtls_authorizer.handler import handler

    print(json.dumps(handler(event, None)))
    with open("/proc/self/status", encoding="utf-8") as status:  # noqa: PTH123 -- as above
        print(status.read())
