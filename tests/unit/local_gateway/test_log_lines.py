"""The lines of the decision log that the local gateway prints."""

from __future__ import annotations

import logging

from local_gateway.__main__ import AuthorizerFormatter


def test_nothing_of_a_clients_name_is_obeyed_by_a_terminal() -> None:
    record = logging.makeLogRecord({"msg": "deny: common_name_not_allowed", "principal": "a\u202eb\u2028c"})
    line = AuthorizerFormatter("%(message)s").format(record)
    assert line == r"deny: common_name_not_allowed (principal a\u202eb\u2028c)"
