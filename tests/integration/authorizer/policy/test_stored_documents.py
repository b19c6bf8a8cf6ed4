"""Documents of every kind and faults at every location, in real stores, compared with a model of what is in force.

``properties/authorizer/test_decisions_over_time`` has a finer model of time and CRLs, and stores in memory.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import partial
from random import Random
from typing import TYPE_CHECKING, NamedTuple, Protocol

import pytest

from mtls_authorizer.policy.current_policy import CurrentPolicy
from mtls_authorizer.policy.settings import load_settings
from mtls_authorizer.rules.document.reader import LARGEST_DOCUMENT
from mtls_authorizer.stores.opener import open_store
from mtls_authorizer.stores.store import StoreError
from tests.aws.server import ACCOUNT
from tests.clocks import Clock
from tests.fixtures.aws import ONCE
from tests.pki.kept_lists import CA, HTML, OTHER, EventAuthorizer, client, crl, index_of
from tests.refreshing import LONG_WAITS
from tests.servers.faulty_proxy import answer, garbage, only_if, reset

if TYPE_CHECKING:
    from pathlib import Path

    from tests.aws.server import AwsServer
    from tests.servers.faulty_proxy import Exchanging, Fault, FaultyProxy

INTERVAL, STEPS = 60, 20
CONFIGURATION = ("application", "environment", "profile")

TRUSTSTORES = [CA.pem, CA.pem + OTHER.pem, OTHER.pem]
CRLS = [crl(number, *range(1, number + 1)) for number in range(1, 5)]
"""CRLs that revoke the serial numbers up to their own number."""

NAMES, SERIAL_NUMBERS = range(3), range(1, 6)
CLIENTS = {(name, serial): client(serial, common_name=f"c{name}") for name in NAMES for serial in SERIAL_NUMBERS}


def _rules(version: int) -> bytes:
    name = f"c{version % len(NAMES)}"
    return json.dumps({"rules": [{"name": f"v{version}", "match": {"common_name": name}}]}).encode()


_RULES = re.compile(rb'\s*\{"rules": \[\{"name": "v(\d+)", "match": \{"common_name": "c\d"\}\}\]\}\s*')


def version_of(content: bytes) -> int | None:
    """Return the version of a document that ``_rules`` made, None for every other content."""
    found = _RULES.fullmatch(content)
    return int(found[1]) if found and len(content) <= LARGEST_DOCUMENT else None


def not_rules(rules: bytes) -> list[bytes]:
    """Return documents that contain rules, but are invalid."""
    return [
        *(rules[:-1], rules + rules, rules + b"\0", b"\xef\xbb\xbf" + rules, gzip.compress(rules)),
        *(rules.decode().encode("utf-16"), rules.decode().encode("utf-16-le")),
        rules.replace(b'{"rules"', b'{"rules": [], "rules"'),
        rules.replace(b'"common_name"', b'"common_name": NaN, "serial_number"'),
        *(rules.replace(b"}]}", b"}], %b}" % more) for more in (b'"rules": null', b'"Deny": []', b'"deny": []')),
        *(b"[" * 100_000 + rules, b'{"rules": ' * 100_000, rules.ljust(LARGEST_DOCUMENT + 1)),
    ]


OTHER_KINDS = [
    *(b"", b"null", b"{}", b"[]", b'"', b"0", b"1e999", HTML),
    *(CA.certificate, CA.pem + OTHER.pem[:-20]),
    *(CA.pem.replace(b"CERTIFICATE", b"PRIVATE KEY"), CA.pem.decode().encode("utf-16")),
    *(index_of(CRLS[0]), gzip.compress(CRLS[0]), CRLS[0][:-1], CRLS[0] + b"\n"),
]
_HEAD = b'HTTP/1.1 200 OK\r\nETag: "x"\r\nContent-Length: 99\r\n\r\n'
# No 304, which would be the truth about another version.
FAULTS: list[Fault] = [
    *(answer(status) for status in (204, 206, 301, 307, 403, 404, 412, 500, 503)),
    *(answer(200), answer(200, HTML), answer(200, b"{}"), answer(302, Location="http://127.0.0.1:1/")),
    *(garbage(_HEAD), garbage(_HEAD + b'{"rules"'), garbage(), reset()),
]


class Place(Protocol):
    """The location of a document."""

    @property
    def uri(self) -> str:
        """Return its URI."""

    def put(self, content: bytes) -> bytes:
        """Store a document, and return it: a parameter can only contain some text."""

    def remove(self) -> None:
        """Delete the document."""

    def is_asked_by(self, exchanging: Exchanging) -> bool:
        """Return whether a request is about it."""


class InBucket(NamedTuple):
    aws: AwsServer
    key: str

    @property
    def uri(self) -> str:
        return f"s3://bucket/{self.key}"

    def put(self, content: bytes) -> bytes:
        self.aws.put_object(self.uri, content)
        return content

    def remove(self) -> None:
        self.aws.client("s3").delete_object(Bucket="bucket", Key=self.key)

    def is_asked_by(self, exchanging: Exchanging) -> bool:
        return exchanging.place == f"/bucket/{self.key}"


class InParameters(NamedTuple):
    aws: AwsServer
    random: Random
    names: tuple[str, ...]
    label: str | None = None

    @property
    def uri(self) -> str:
        return "ssm://" + ",".join(self.names) + (f":{self.label}" if self.label else "")

    def put(self, content: bytes) -> bytes:
        text = content.decode(errors="replace").replace("\0", "?")[:4000]
        kind = self.random.choice(["String", "StringList", "SecureString"])
        end = self.random.randrange(1, max(2, len(text)))
        parts = [text[:end] or " ", text[end:] or " "] if len(self.names) > 1 else [text or " "]
        if self.random.random() < 0.3:
            self.remove()  # so that the versions restart
        ssm = self.aws.client("ssm")
        for name, part in zip(self.names, parts, strict=True):
            put = ssm.put_parameter(Name=name, Value=part, Type=kind, Overwrite=True)
            if self.label:
                ssm.label_parameter_version(Name=name, ParameterVersion=put["Version"], Labels=[self.label])
        return "".join(parts).encode()

    def remove(self) -> None:
        self.aws.client("ssm").delete_parameters(Names=[self.names[-1]])

    def is_asked_by(self, exchanging: Exchanging) -> bool:
        return self.names[0].encode() in exchanging.body


class InAppConfig(NamedTuple):
    aws: AwsServer
    random: Random

    @property
    def uri(self) -> str:
        return "appconfig://" + "/".join(CONFIGURATION)

    def put(self, content: bytes) -> bytes:
        self.aws.app_config_data.deploy(CONFIGURATION, content, self.random.choice([None, "v1"]))
        return content

    def remove(self) -> None:
        self.put(b"")

    def is_asked_by(self, exchanging: Exchanging) -> bool:
        return exchanging.place.startswith("/configuration")


class InFile(NamedTuple):
    path: Path

    @property
    def uri(self) -> str:
        return self.path.as_uri()

    def put(self, content: bytes) -> bytes:
        new = self.path.with_name("new")
        new.write_bytes(content)
        new.replace(self.path)
        return content

    def remove(self) -> None:
        self.path.unlink(missing_ok=True)

    def is_asked_by(self, _exchanging: Exchanging) -> bool:
        return False


class Model(NamedTuple):
    """What is in force: the versions of rules and shadow rules, the truststore, and the number of the CRL."""

    rules: int | None = None
    shadow: int | None = None
    truststore: bytes | None = None
    crl: int | None = None

    def allows(self, name: int, serial_number: int) -> bool:
        is_listed = self.rules is not None and name == self.rules % len(NAMES)
        is_trusted = self.truststore is not None and CA.pem in self.truststore
        return is_listed and is_trusted and self.crl is not None and serial_number > self.crl


class Environment:
    """An execution environment, and the stores of its documents, which change at random."""

    def __init__(self, rules: Place, places: dict[str, Place], proxy: FaultyProxy, random: Random) -> None:
        self.places = {"rules": rules, **places}
        self.stored: dict[str, bytes] = {}
        self.history: dict[str, list[bytes]] = {kind: [] for kind in self.places}
        self.proxy, self.random, self.clock = proxy, random, Clock()
        self.faulty: str | None = None
        self.version = 0
        self.expected = Model()
        self.policy: CurrentPolicy | None = None
        self.settings = load_settings(
            {
                "AUTHORIZER_RULES_URI": rules.uri,
                "AUTHORIZER_SHADOW_RULES_URI": places["shadow"].uri,
                "TRUSTSTORE_URI": places["truststore"].uri,
                "CRL_URIS": places["crl"].uri,
                "AUTHORIZER_RULES_REFRESH_SECONDS": str(INTERVAL),
                "CRL_REFRESH_SECONDS": str(INTERVAL),
                "S3_BUCKET_OWNER": ACCOUNT,
                "LOG_DECISIONS": "none",
            }
        )
        for kind in self.places:
            self.change(kind, "valid")

    def step(self) -> None:
        """Change a document or the network. Then reload everything, or start another environment."""
        choose = self.random.choice
        actions = ["invalid", "elsewhere", "again", "removed", "fault", "recovery", *["valid"] * 3]
        self.change(choose([*self.places, "rules"]), choose(actions))
        what = choose(["reload"] * 8 + ["start", "restore"]) if self.policy else "start"
        if what == "start":
            self.start()
        elif what == "restore":
            self.restore()
        else:
            self.reload()
        if self.policy is None:
            self.recover()
            self.change("rules", "valid")

    def change(self, kind: str, action: str) -> None:
        choose = self.random.choice
        match action:
            case "valid":
                self.put(kind, self.valid(kind))
            case "invalid":
                is_rules = kind in {"rules", "shadow"} and choose([True, False])
                self.put(kind, choose(not_rules(_rules(self.version)) if is_rules else OTHER_KINDS))
            case "elsewhere":
                self.put(kind, choose(list(self.stored.values())))
            case "again":
                self.put(kind, choose(self.history[kind]))
            case "removed":
                self.places[kind].remove()
                self.stored.pop(kind, None)
            case "fault":
                place, fault = self.places[kind], choose(FAULTS)
                if not isinstance(place, InFile):
                    self.proxy.break_with(only_if(place.is_asked_by, fault))
                    self.faulty = kind
            case "recovery":
                self.recover()

    def valid(self, kind: str) -> bytes:
        """Return a valid document. An index is missing or invalid: others have tests of their own."""
        self.version += 1
        if kind in {"rules", "shadow"}:
            padding = self.random.choice([0, 0, 0, 0, 0, LARGEST_DOCUMENT])
            return _rules(self.version).ljust(padding)
        return self.random.choice({"truststore": TRUSTSTORES, "crl": CRLS, "index": [HTML]}[kind])

    def put(self, kind: str, content: bytes) -> None:
        if kind == "index" and content.startswith(b"\x89CRLIDX\n"):
            content = content[:-1]
        self.stored[kind] = self.places[kind].put(content)
        self.history[kind].append(content)

    def recover(self) -> None:
        self.proxy.recover()
        self.faulty = None

    def readable(self, kind: str) -> bytes:
        """Return what can be read at a location, nothing if that fails."""
        return b"" if kind == self.faulty else self.stored.get(kind, b"")

    def after_loading(self, before: Model) -> Model:
        """Return what is in force after everything was loaded: each document stays until a valid one follows."""
        new = self.readable("truststore")
        truststore = new if new in TRUSTSTORES else before.truststore
        is_trusted = truststore is not None and CA.pem in truststore
        encoded = self.readable("crl")
        number = CRLS.index(encoded) + 1 if encoded in CRLS and is_trusted and self.faulty != "index" else None
        # An older CRL follows none.
        numbers = [each for each in (before.crl, number) if each is not None]
        return Model(
            version_of(self.readable("rules")) or before.rules,
            version_of(self.readable("shadow")) or before.shadow,
            truststore,
            max(numbers, default=None),
        )

    def start(self) -> None:
        make = partial(
            CurrentPolicy,
            self.settings,
            opener=partial(open_store, timeouts=ONCE, bucket_owner=ACCOUNT),
            clock=self.clock,
            wait_seconds=LONG_WAITS,
        )
        self.policy, self.expected = None, self.after_loading(Model())
        if self.expected.rules is None:
            with pytest.raises((StoreError, ValueError), match=re.escape(self.places["rules"].uri)):
                make()
            return
        self.policy = make()
        self.authorizer = EventAuthorizer(self.policy)

    def reload(self) -> None:
        self.clock.advance(INTERVAL)
        self.expected = self.after_loading(self.expected)

    def restore(self) -> None:
        assert self.policy is not None
        self.expected = self.after_loading(self.expected)
        if version_of(self.readable("rules")) is not None:
            self.policy.restore()
            return
        with pytest.raises((StoreError, ValueError), match=re.escape(self.places["rules"].uri)):
            self.policy.restore()
        self.policy = None

    def check(self) -> None:
        """Compare what is in force, and the decisions, with the model."""
        if self.policy is None:
            return
        clients = self.random.sample(list(CLIENTS), 4)
        allowed = {each: self.authorizer.deny_reason(CLIENTS[each]) is None for each in clients}
        in_force = self.policy.get()
        rules, shadow_rules = (each and each.rules[0].name for each in (in_force.rules, in_force.shadow_rules))
        expected = self.expected
        assert rules == f"v{expected.rules}"
        assert shadow_rules == (None if expected.shadow is None else f"v{expected.shadow}")
        assert allowed == {each: expected.allows(*each) for each in clients}


def test_no_document_of_another_kind_takes_effect(proxy: FaultyProxy, tmp_path: Path) -> None:
    """The stores do not interpret contents: requests to AWS for each of them would take ten times as long."""
    places: dict[str, Place] = {kind: InFile(tmp_path / kind) for kind in ("shadow", "truststore", "crl")}
    places["index"] = InFile(tmp_path / "crl.index")
    environment = Environment(InFile(tmp_path / "rules"), places, proxy, Random(0))  # noqa: S311 -- to be repeatable
    environment.start()
    for content in [*not_rules(_rules(9)), *OTHER_KINDS, *reversed(TRUSTSTORES), *CRLS, _rules(9)]:
        for kind in environment.places:
            environment.put(kind, content)
        environment.reload()
        environment.check()


@pytest.mark.parametrize("store", ["s3", "file", "ssm", "ssm in two parts", "ssm with a label", "appconfig"])
def test_each_document_stays_in_force_until_a_valid_one_can_be_read_and_no_longer(
    aws: AwsServer, proxy: FaultyProxy, tmp_path: Path, store: str
) -> None:
    random = Random(store)  # noqa: S311 -- to be repeatable
    aws.app_config_data.interval_seconds = 0
    rules: dict[str, Place] = {
        "s3": InBucket(aws, "rules.json"),
        "file": InFile(tmp_path / "rules.json"),
        "ssm": InParameters(aws, random, ("/rules",)),
        "ssm in two parts": InParameters(aws, random, ("/rules/1", "/rules/2")),
        "ssm with a label": InParameters(aws, random, ("/rules",), "live"),
        "appconfig": InAppConfig(aws, random),
    }
    shadow: list[Place] = [InParameters(aws, random, ("/shadow",)), InBucket(aws, "shadow/rules.json")]
    places: dict[str, Place] = {
        "shadow": random.choice(shadow),
        "truststore": InBucket(aws, "truststore.pem"),
        "crl": InBucket(aws, "ca.crl"),
        "index": InBucket(aws, "ca.crl.index"),
    }
    environment = Environment(rules[store], places, proxy, random)
    environment.start()
    environment.check()
    for _step in range(STEPS):
        environment.step()
        environment.check()
