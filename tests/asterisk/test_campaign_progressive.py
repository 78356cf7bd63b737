"""Progressive pacing to a queue of two agents: never more callees than agents who are free, by the
manager interface, alone or as ARI's companion; ARI alone cannot tell, and such a campaign is refused.
"""
import time

import pytest
from support import campaigns
from support.asterisk import asterisk_of
from support.gateway import Gateway
from support.waiting import wait_until

AGENTS = 2
QUIET = 5  # seconds: several looks at the queue
CAMPAIGN = {"agent_dest_type": "queue", "agent_dest_value": "single", "pacing": "progressive",
            "concurrent_calls": 20, "retry_times": 0}


def settings(backend):
    asterisk = asterisk_of("22")
    found = asterisk.backend("local", "ami" if backend == "ami" else "ari")
    if backend == "companion":
        found["backend.pbx"]["companion"] = "manager"
        found["backend.manager"] = asterisk.ami()
    return found


@pytest.mark.parametrize("backend", ["ami", "companion"])
def test_never_more_than_free_agents(backend):
    asterisk, numbers = asterisk_of("22"), campaigns.new_numbers(8, "001")
    with Gateway(settings(backend)) as gateway:
        campaign = campaigns.Campaign(gateway, numbers, **CAMPAIGN)

        def dialled():
            return sum(len(times) for times in campaigns.invites(numbers).values())

        def talking():
            """Customers who are joined with the queue."""
            return [doc["call_id"] for doc in campaign.numbers().values()
                    if doc["status"] == "answered" and asterisk.bridged_with(doc["call_id"])]

        wait_until(lambda: len(talking()) == AGENTS, 40, "both agents to talk", every=0.3)
        time.sleep(QUIET)
        assert dialled() == AGENTS
        assert "agents" in {one["code"] for one in campaign.why()["reasons"]}

        asterisk.cli(f"channel request hangup {asterisk.name_of(talking()[0])}")
        wait_until(lambda: dialled() == AGENTS + 1, 40, "the next number", every=0.3)
        wait_until(lambda: len(talking()) == AGENTS, 40, "both agents to talk again", every=0.3)
        time.sleep(QUIET)
        assert dialled() == AGENTS + 1
        campaign.order("stop")
        wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "the end of all calls")


def test_nobody_tells_who_is_free():
    with Gateway(settings("ari")) as gateway:
        with pytest.raises(AssertionError, match="the backend cannot tell"):
            campaigns.Campaign(gateway, campaigns.new_numbers(1, "001"), **CAMPAIGN)
