"""Menus on a real Asterisk: callees of a campaign press keys, by telephone events and by SIP INFO, and
the path recorded is the path dictated; what they hear is what there was to be heard, packet by
packet; and no channel is left behind.

DIALGATE_IVR_CALLS: how many on each Asterisk, DIALGATE_IVR_PLATFORMS: on which, then one after the
other. ./dev soak ivr makes 1,000.
"""
import collections
import os
import statistics
from concurrent.futures import ThreadPoolExecutor

import pytest
from support import campaigns, menus
from support.asterisk import asterisk_of
from support.gateway import Gateway, free_port
from support.rtp import FRAME_MS, Sink
from support.waiting import wait_until

ALL = ["ari-22", "ami-22", "ari-16", "ami-16"]
PLATFORMS = os.environ.get("DIALGATE_IVR_PLATFORMS", " ".join(ALL)).split()
FETCHING = ("ari-22", "ami-16")  # sounds that were uploaded; the others share a folder
FETCH = "/sounds/{signature}/{language}/{file}"
ALONE = "DIALGATE_IVR_PLATFORMS" in os.environ
CALLS = int(os.environ.get("DIALGATE_IVR_CALLS", 2 * len(menus.WAYS)))
CONCURRENT = int(os.environ.get("DIALGATE_IVR_CONCURRENT", CALLS))
TRUNKS = ("trunk", "trunk-info")
LENGTH_MS = 200  # by so much may a sound's length be wrong


class Run:
    """Two campaigns, one for each way to press keys, from their first call to their last."""

    def __init__(self, platform, sink):
        plugin, version = platform.split("-")
        self.platform, self.asterisk = platform, asterisk_of(version)
        port = free_port()
        sounds = menus.Sounds(self.asterisk, f"test-{os.getpid()}-{platform}",
                              f"http://127.0.0.1:{port}" if platform in FETCHING else None)
        before = set(self.asterisk.channels())
        try:
            self.dial(Gateway({**self.asterisk.backend("local", plugin), **sounds.settings(),
                               "log": {"level": "info"}}, port=port), sounds)
        finally:
            sounds.remove()
        self.left = set(self.asterisk.channels()) - before
        self.streams = {number: sink.stream(*where) for number, where in audio_ports().items()
                        if number in self.records}

    def dial(self, gateway, sounds):
        with campaigns.Lines(self.asterisk) as lines, gateway:
            board = menus.Board(gateway, sounds)
            self.ids = board.ids
            numbers = {trunk: [menus.new_number(menus.WAYS[place % len(menus.WAYS)])
                               for place in range(CALLS // len(TRUNKS))] for trunk in TRUNKS}
            made = [campaigns.Campaign(gateway, numbers[trunk], trunk_value=trunk,
                                       agent_dest_type="ivr", agent_dest_value=str(board.first),
                                       concurrent_calls=CONCURRENT // len(TRUNKS), retry_times=0)
                    for trunk in TRUNKS]
            for campaign in made:
                campaign.await_end(90 + CALLS / 2)
            wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "the last calls")
            wait_until(lambda: gateway.metric("dialgate_ivr_sessions") == 0, 5, "the last session")
            wait_until(lambda: not lines.up, 30, "the last channel of the trunk to go")
            self.ended = {result: gateway.metric("dialgate_ivr_sessions_ended_total", result=result)
                          for result in ("hangup", "timeout", "unreached", "agent", "caller")}
            self.fetches = {status: gateway.metric("api_requests_total", status=str(status),
                                                   path=FETCH) or 0 for status in (200, 304, 404)}
            for campaign in made:
                campaign.check_counts()
            self.records = {doc["phone_number"]: doc for one in made for doc in one.cdrs()}
            self.wanted = [number for trunk in TRUNKS for number in numbers[trunk]]
            self.stats, self.log, self.most = board.stats(), gateway.log(), lines.most
            self.began = sorted(begin for begin, _ in lines.spans.values())

    def tell(self):
        """What was carried; pytest shows it with -s."""
        seconds = max(1, self.began[-1] - self.began[0])
        streams = list(self.streams.values())
        gaps = sorted(gap for stream in streams for gap in stream.gaps_ms())
        packets = sum(len(stream.packets) for stream in streams)
        print(f"\n{self.platform}: {len(self.records)} calls, {len(self.began) / seconds:.1f} per"
              f" second, {self.most} of the trunk's channels at once, {packets} packets of prompts;"
              f" between two of them {statistics.median(gaps):.1f} ms,"
              f" {gaps[len(gaps) * 99 // 100]:.1f} ms at the most for 99 of 100")


def audio_ports():
    """{number: (Asterisk's port for its audio, Unix time from which and until which it was that)}"""
    found, before = {}, {}
    with open(campaigns.invites_file(), encoding="ascii", errors="replace") as lines:
        for line in lines:
            words = line.split()
            if len(words) < 4:
                continue
            number, begin, port = words[-1], float(words[-2]), int(words[0])
            if port in before:
                found[before[port]] = (port, found[before[port]][1], begin)
            found[number], before[port] = (port, begin, float("inf")), number
    return found


@pytest.fixture(scope="module")
def runs():
    for platform in PLATFORMS:
        asterisk_of(platform.split("-")[1])
    with Sink(menus.SINK_PORT) as sink, ThreadPoolExecutor(1 if ALONE else len(ALL)) as pool:
        found = list(pool.map(lambda platform: Run(platform, sink), PLATFORMS))
        for run in found:
            run.tell()
        yield dict(zip(PLATFORMS, found))


@pytest.fixture(params=PLATFORMS)
def run(request, runs):
    return runs[request.param]


def test_every_caller_goes_the_way_of_his_keys(run):
    assert set(run.records) == set(run.wanted)
    wrong = []
    for number, record in run.records.items():
        way, ivr = menus.way_of(number), record["ivr"]
        found = menus.path_of(record, run.ids)
        if (found, ivr["keys"]) != (way.path, way.keys) or ivr["result"] not in way.results:
            wrong.append(f"{number} {record['channel']} {menus.keys.SCRIPTS[way.script]}:"
                         f" {ivr['keys']} {ivr['result']}: {found}")
    assert not wrong, "\n".join(wrong)


def test_prompts_are_heard_as_long_as_they_are(run):
    """Who presses nothing hears all of it, in as many packets and as much time."""
    whole = [number for number in run.records if menus.way_of(number).sounds]
    assert whole
    for number in whole:
        sounds = menus.way_of(number).sounds
        length = sum(menus.SOUNDS_MS[sound] for sound in sounds)
        stream = run.streams[number]
        assert abs(stream.audio_ms() - length) <= LENGTH_MS, (number, stream.audio_ms())
        first = menus.SOUNDS_MS[sounds[0]]
        assert abs(stream.span_ms(first // FRAME_MS) - first) <= LENGTH_MS, number
        assert [sound for sound in sounds if menus.hears(stream, sound)] == list(sounds), number


def test_a_key_ends_the_prompt(run):
    """Who knows his way hears none of it to the end."""
    length = menus.SOUNDS_MS["welcome"]
    for number, record in run.records.items():
        if menus.way_of(number).script == "01":
            choice = next(mark for mark in record["ivr"]["path"] if mark["event"] == "choice")
            assert choice["at"] < length
            assert 0 < run.streams[number].audio_ms() < length


def test_an_uploaded_sound_is_heard(run):
    """What comes out at the far end is, byte for byte, what was sent to the API."""
    for number in run.records:
        if menus.way_of(number).script == "04":
            assert menus.hears(run.streams[number], menus.UPLOADED), number


def test_an_uploaded_sound_is_fetched_and_kept(run):
    """Once, and then it is asked whether it is still the same."""
    hearers = sum(menus.way_of(number).script in ("04", "16") for number in run.records)
    assert not run.fetches[404]
    if run.platform not in FETCHING:
        assert not run.fetches[200]
    else:
        assert 1 <= run.fetches[200] <= max(3, hearers / 3), (run.fetches, hearers)


def test_statistics_are_the_sum_of_the_paths(run):
    expected = collections.defaultdict(collections.Counter)
    names = {"menu": "entries", "repeat": "repeats", "choice": "choices", "timeout": "timeouts",
             "invalid": "invalid", "joined": "joined", "unreached": "unreached",
             "recorded": "recorded"}
    for record in run.records.values():
        for mark in record["ivr"]["path"]:
            counts = expected[run.ids[mark["menu"]]]
            counts[names.get(mark["event"])] += 1
            counts["left"] += mark["event"] == "end" and record["ivr"]["result"] == "caller"
    for number, said in run.stats.items():
        for name in (*names.values(), "left"):
            assert said[name] == expected[number][name], (number, name)


def test_sessions_are_counted_by_their_end(run):
    results = collections.Counter(doc["ivr"]["result"] for doc in run.records.values())
    assert {name: count for name, count in run.ended.items() if count} == results


def test_nothing_stays_behind(run):
    assert not run.left
    assert not [line for line in run.log.splitlines() if " ERROR " in line]
