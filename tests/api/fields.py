"""The fields of a call's request: what is taken, and what becomes of it; what is refused.

Used for POST /api/v2/interaction/{number} and POST /api/v2/calls alike.
"""
from dataclasses import dataclass, field
from typing import Optional

MANY = {f"v{i}": str(i) for i in range(64)}


@dataclass(frozen=True)
class Taken:
    """body is taken; `shown` is then in the call's status, `kept` in its record."""
    name: str
    body: Optional[dict]
    shown: dict = field(default_factory=dict)
    kept: dict = field(default_factory=dict)


@dataclass(frozen=True)
class Refused:
    """body is refused with 422; `path` follows "body" in loc."""
    name: str
    body: object
    path: tuple


DEFAULTS_SHOWN = {"context": "outbound-ivr", "extension": "s", "caller_id": "Outbound Call"}
DEFAULTS_KEPT = {"priority": 1, "ring_ms": 30000, "variables": {}, "attempt_number": 1}

TAKEN = [
    Taken("nothing", {}, DEFAULTS_SHOWN, DEFAULTS_KEPT),
    Taken("all-null", dict.fromkeys(("context", "extension", "priority", "timeout", "caller_id",
                                     "variables")), DEFAULTS_SHOWN, DEFAULTS_KEPT),
    Taken("unknown-keys", {"nonsense": [1, {"a": None}], "Context": 5, "number": "x"},
          DEFAULTS_SHOWN, DEFAULTS_KEPT),
    Taken("documented", {"context": "sales", "extension": "100", "priority": 2, "timeout": 45000,
                         "caller_id": "CompanyName <+1987654321>",
                         "variables": {"customer_id": "4711", "_kept": "on", "A1": ""}},
          {"context": "sales", "extension": "100", "caller_id": "CompanyName <+1987654321>"},
          {"priority": 2, "ring_ms": 45000,
           "variables": {"customer_id": "4711", "_kept": "on", "A1": ""}}),
    Taken("context-of-the-configuration", {"context": "outbound-ivr"}, DEFAULTS_SHOWN),
    Taken("context-50", {"context": "c" * 50}, {"context": "c" * 50}),
    Taken("extension-1", {"extension": "1"}, {"extension": "1"}),
    Taken("extension-50", {"extension": "e" * 50}, {"extension": "e" * 50}),
    Taken("extension-characters", {"extension": "*72#_A-9.+"}, {"extension": "*72#_A-9.+"}),
    Taken("priority-1", {"priority": 1}, {}, {"priority": 1}),
    Taken("priority-10", {"priority": 10}, {}, {"priority": 10}),
    Taken("priority-text", {"priority": "7"}, {}, {"priority": 7}),
    Taken("priority-real", {"priority": 3.0}, {}, {"priority": 3}),
    Taken("timeout-1", {"timeout": 1}, {}, {"ring_ms": 1}),
    Taken("timeout-600000", {"timeout": 600000}, {}, {"ring_ms": 600000}),
    Taken("caller-1", {"caller_id": "7"}, {"caller_id": "7"}),
    Taken("caller-50", {"caller_id": "c" * 50}, {"caller_id": "c" * 50}),
    Taken("caller-50-characters", {"caller_id": "ü" * 50}, {"caller_id": "ü" * 50}),
    Taken("caller-number", {"caller_id": "+4930123456"}, {"caller_id": "+4930123456"}),
    Taken("caller-quotes", {"caller_id": '"A & B; C" <123>'}, {"caller_id": '"A & B; C" <123>'}),
    Taken("variables-none", {"variables": {}}, {}, {"variables": {}}),
    Taken("variables-64", {"variables": MANY}, {}, {"variables": MANY}),
    Taken("variables-text", {"variables": {"a": "ü, ${x} | \" \\ ; $[1+1]"}}, {},
          {"variables": {"a": "ü, ${x} | \" \\ ; $[1+1]"}}),
    Taken("variables-512", {"variables": {"a": "x" * 512}}, {}, {"variables": {"a": "x" * 512}}),
]

REFUSED = [
    Refused("context-empty", {"context": ""}, ("context",)),
    Refused("context-51", {"context": "c" * 51}, ("context",)),
    Refused("context-number", {"context": 5}, ("context",)),
    Refused("context-list", {"context": ["sales"]}, ("context",)),
    Refused("context-blank", {"context": "out bound"}, ("context",)),
    Refused("context-not-allowed", {"context": "from-internal"}, ("context",)),
    Refused("context-case", {"context": "Sales"}, ("context",)),
    Refused("extension-empty", {"extension": ""}, ("extension",)),
    Refused("extension-51", {"extension": "e" * 51}, ("extension",)),
    Refused("extension-number", {"extension": 100}, ("extension",)),
    Refused("extension-comma", {"extension": "s,1"}, ("extension",)),
    Refused("priority-0", {"priority": 0}, ("priority",)),
    Refused("priority-negative", {"priority": -1}, ("priority",)),
    Refused("priority-11", {"priority": 11}, ("priority",)),
    Refused("priority-word", {"priority": "one"}, ("priority",)),
    Refused("priority-empty", {"priority": ""}, ("priority",)),
    Refused("priority-fraction", {"priority": 1.5}, ("priority",)),
    Refused("priority-list", {"priority": [1]}, ("priority",)),
    Refused("timeout-0", {"timeout": 0}, ("timeout",)),
    Refused("timeout-negative", {"timeout": -30000}, ("timeout",)),
    Refused("timeout-600001", {"timeout": 600001}, ("timeout",)),
    Refused("timeout-word", {"timeout": "30s"}, ("timeout",)),
    Refused("timeout-huge", {"timeout": 2 ** 62}, ("timeout",)),
    Refused("caller-empty", {"caller_id": ""}, ("caller_id",)),
    Refused("caller-51", {"caller_id": "c" * 51}, ("caller_id",)),
    Refused("caller-number", {"caller_id": 12345}, ("caller_id",)),
    Refused("caller-object", {"caller_id": {}}, ("caller_id",)),
    Refused("variables-list", {"variables": ["a"]}, ("variables",)),
    Refused("variables-text", {"variables": "a=b"}, ("variables",)),
    Refused("variables-number", {"variables": {"a": 1}}, ("variables", "a")),
    Refused("variables-null", {"variables": {"a": None}}, ("variables", "a")),
    Refused("variables-bool", {"variables": {"a": True}}, ("variables", "a")),
    Refused("variables-object", {"variables": {"a": {}}}, ("variables", "a")),
    Refused("variables-65", {"variables": {**MANY, "more": "1"}}, ("variables",)),
    Refused("variables-513", {"variables": {"a": "x" * 513}}, ("variables", "a")),
]

# Not an object at all.
NO_OBJECT = [[], ["context"], "context", 5, True]

NUMBERS = ["1234567", "+123456", "1234567890", "+1234567890", "+493012345678", "0" * 20,
           "+" + "9" * 19]
NO_NUMBERS = ["123456", "+12345", "1" * 21, "+" + "1" * 20, "+", "++1234567", "1234567+",
              "123+4567", "12345a7", "123 4567", " 1234567", "1234567 ", "123-4567", "(123)4567",
              "１２３４５６７", "٠١٢٣٤٥٦٧", "sip:1234567", "1234567@example", "1234567,1", "1234567;",
              "1234567\n", "1234567\r\nX: y", "anonymous", "*1234567", "#1234567", "0x1234567"]


def ids(cases):
    return [case.name for case in cases]


def check_effect(gateway, client, call_id, case):
    """The call is as the request asked for it."""
    call = client.get(f"/api/v2/status/{call_id}").json()
    assert {key: call[key] for key in case.shown} == case.shown
    if case.kept:
        record, = gateway.stored("calls", id=call_id)
        assert {key: record[key] for key in case.kept} == case.kept
