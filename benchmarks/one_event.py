"""What Lambda does at a cold start, once: import the authorizer, answer one event.

``python one_event.py EVENT.json FOLDER...``: the folders are where the authorizer and the layer are unpacked. Prints
the answer as JSON on one line, then what the kernel says of the process.
"""

from __future__ import annotations

import json
import sys

if __name__ == "__main__":
    sys.path[1:1] = sys.argv[2:]
    with open(sys.argv[1], encoding="utf-8") as file:  # noqa: PTH123 -- pathlib would be part of what is measured
        event = json.load(file)

    from mtls_authorizer.handler import handler

    print(json.dumps(handler(event, None)))
    with open("/proc/self/status", encoding="utf-8") as status:  # noqa: PTH123 -- as above
        print(status.read())
