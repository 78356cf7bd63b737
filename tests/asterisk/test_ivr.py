"""Menus on a real Asterisk: callees of a campaign press keys, by telephone events and by SIP INFO, and
the path recorded is the path dictated, and that of a dry run; what they hear is what there was to be
heard, packet by packet, and what they say is in their recordings; and no channel is left behind. The
rows of the API for menus and sounds are asked meanwhile.

DIALGATE_IVR_CALLS: how many on each Asterisk, DIALGATE_IVR_PLATFORMS: on which, then one after the
other. ./dev soak ivr makes 1,000.
"""
import array
import collections
import io
import os
import re
import statistics
import wave
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest
from support import campaigns, menu_rows, menus
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
BEEP_MS = 1000   # takes less: the tone at the beginning of a recording, with its orders
KEPT_S = 10      # Asterisk asks then whether a sound that it has fetched is still the same
RECORDING = "08"


class Kin(campaigns.Lines):
    """Which channels belong together, by what all events say of them. Others use the same Asterisk."""

    NAMED = re.compile(r"^(Channel|Uniqueid|Linkedid|CallerIDNum|ConnectedLineNum): *(.+?)\r?$", re.M)

    def __init__(self, asterisk):
        self.ids = collections.defaultdict(set)      # {unique id: those it has to do with}
        self.parties = collections.defaultdict(set)  # {unique id: phone numbers}
        super().__init__(asterisk)

    def _take(self, block):
        super()._take(block)
        said = dict(self.NAMED.findall(block))
        one = said.get("Uniqueid")
        if one:
            self.ids[one] |= {one, said.get("Linkedid", one)}
            if said.get("Channel", "").startswith("Snoop/"):
                self.ids[one].add(said["Channel"][len("Snoop/"):].rpartition("-")[0])
            self.parties[one] |= {said.get("CallerIDNum"), said.get("ConnectedLineNum")}

    def of(self, numbers, calls):
        """The channels of these."""
        found = {one for one, parties in list(self.parties.items()) if parties & numbers}
        known, before = found | calls, -1
        while len(known) != before:
            before = len(known)
            known |= {name for ids in list(self.ids.values()) if ids & known for name in ids}
        return known


class Run:
    """Two campaigns, one for each way to press keys, from their first call to their last."""

    def __init__(self, platform, sink):
        plugin, version = platform.split("-")
        self.platform, self.asterisk = platform, asterisk_of(version)
        port = free_port()
        sounds = menus.Sounds(self.asterisk, f"test-{os.getpid()}-{platform}",
                              f"http://127.0.0.1:{port}" if platform in FETCHING else None)
        settings = self.asterisk.backend("local", plugin)
        if plugin == "ami":
            settings["backend.pbx"]["recordings"] = str(
                Path(self.asterisk.env["LOG_FILE"]).parents[1] / "spool/monitor")
        before = set(self.asterisk.channels()) if ALONE else None
        try:
            self.dial(Gateway({**settings, **sounds.settings(), "log": {"level": "info"}},
                              port=port), sounds)
        finally:
            sounds.remove()
        if ALONE:
            self.left |= set(self.asterisk.channels()) - before
        self.streams = {number: sink.stream(*where) for number, where in audio_ports().items()
                        if number in self.records}

    def dial(self, gateway, sounds):
        with Kin(self.asterisk) as lines, gateway:
            board = menus.Board(gateway, sounds)
            self.ids = board.ids
            numbers = {trunk: [menus.new_number(menus.WAYS[place % len(menus.WAYS)])
                               for place in range(CALLS // len(TRUNKS))] for trunk in TRUNKS}
            made = [campaigns.Campaign(gateway, numbers[trunk], trunk_value=trunk,
                                       agent_dest_type="ivr", agent_dest_value=str(board.first),
                                       concurrent_calls=CONCURRENT // len(TRUNKS), retry_times=0)
                    for trunk in TRUNKS]
            self.wanted = [number for trunk in TRUNKS for number in numbers[trunk]]
            self.ask_meanwhile(gateway, board)
            for campaign in made:
                campaign.await_end(90 + CALLS / 2)
            wait_until(lambda: gateway.metric("dialgate_calls_live") == 0, 30, "the last calls")
            wait_until(lambda: gateway.metric("dialgate_ivr_sessions") == 0, 5, "the last session")
            self.ended = {result: gateway.metric("dialgate_ivr_sessions_ended_total", result=result)
                          for result in ("hangup", "timeout", "unreached", "agent", "caller")}
            self.fetches = {status: gateway.metric("api_requests_total", status=str(status),
                                                   path=FETCH) or 0 for status in (200, 304, 404)}
            for campaign in made:
                campaign.check_counts()
            self.records = {doc["phone_number"]: doc for one in made for doc in one.cdrs()}
            self.stats, self.most = board.stats(), lines.most
            self.began = sorted(begin for begin, _ in lines.spans.values())
            self.recordings = {number: recording(gateway, doc) for number, doc in self.records.items()
                               if menus.way_of(number).script == RECORDING}
            ours = lines.of(set(self.wanted), {doc["call_id"] for doc in self.records.values()})
            self.seen = len(ours & set(lines.ids))
            with suppress(AssertionError):
                wait_until(lambda: not ours & set(self.asterisk.channels()), 30, "the last channel")
            self.left = ours & set(self.asterisk.channels())
            with board.rows() as rows:
                menu_rows.delete_all(rows, [one[:2] for one in sounds.uploads()])
            self.files_left, self.log = sounds.uploaded(), gateway.log()

    def ask_meanwhile(self, gateway, board):
        """The rows of the API, while callers are in the menus."""
        wait_until(lambda: gateway.metric("dialgate_ivr_sessions") > 0, 30, "the first caller")
        with board.rows(turn=PLATFORMS.index(self.platform) % 2) as rows:
            self.dry = board.dry_runs(rows)
            menu_rows.sound_comes_and_goes(rows, "spare", menus.wav_of(menus.noise("wrong")))

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


def recording(gateway, record):
    """What the API shows of the only one of a call, and its file; it is deleted then."""
    path = f"/api/v2/recordings/{(record.get('recordings') or ['none'])[0]}"
    with gateway.client() as client:
        shown, file = client.get(path), client.get(f"{path}/file")
        deleted = client.delete(path), client.get(path)
    return shown, file, [reply.status_code for reply in deleted]


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


def test_a_dry_run_goes_the_same_way(run):
    assert set(run.dry) == {way.script for way in menus.WAYS} - {"09", "11", "15"}
    for number, record in run.records.items():
        way = menus.way_of(number)
        if way.script in run.dry:
            path, result = run.dry[way.script]
            assert path == menus.path_of(record, run.ids) and result in way.results, number


def test_prompts_are_heard_as_long_as_they_are(run):
    """Who presses nothing hears all of it, in as many packets and as much time."""
    alone = [number for number in run.records if menus.way_of(number).alone]
    assert alone
    for number in alone:
        sounds = menus.way_of(number).sounds
        length = sum(menus.SOUNDS_MS[sound] for sound in sounds)
        stream = run.streams[number]
        assert abs(stream.audio_ms() - length) <= LENGTH_MS, (number, stream.audio_ms())
        first = menus.SOUNDS_MS[sounds[0]]
        assert abs(stream.span_ms(first // FRAME_MS) - first) <= LENGTH_MS, number


def test_sounds_are_heard_to_their_end(run):
    """Those of Asterisk, those that were uploaded, byte for byte, and of these those in the language
    of the menu: no others."""
    heard_in = collections.Counter()
    for number in run.records:
        way, stream = menus.way_of(number), run.streams[number]
        heard = {sound for sound in menus.SOUNDS_MS if way.sounds and menus.hears(stream, sound)}
        # what comes before and after them may be heard whole as well
        assert heard - {"welcome"} == set(way.sounds) - {"welcome"}, (number, heard)
        assert heard >= set(way.sounds), (number, heard)
        for sound in way.sounds:
            took = menus.heard_ms(stream, sound)
            assert abs(took - menus.SOUNDS_MS[sound]) <= LENGTH_MS, (number, sound, took)
        heard_in[way.script] += bool(heard)
    assert all(heard_in[script] for script in ("00", "04", "14", "16", "20"))


def test_a_key_ends_the_prompt(run):
    """Who knows his way hears none of it to the end."""
    length = menus.SOUNDS_MS["welcome"]
    for number, record in run.records.items():
        if menus.way_of(number).script == "01":
            choice = next(mark for mark in record["ivr"]["path"] if mark["event"] == "choice")
            assert choice["at"] < length
            assert 0 < run.streams[number].audio_ms() < length


def test_an_uploaded_sound_is_fetched_and_kept(run):
    """By a few at the same time, and by nobody after them; then it is asked whether it is the same."""
    hearers = collections.Counter(sound for number in run.records
                                  for sound in menus.way_of(number).sounds if sound in menus.UPLOADS)
    assert set(hearers) == {menus.UPLOADED, *menus.SPOKEN}
    assert not run.fetches[404]
    if run.platform not in FETCHING:
        assert not run.fetches[200] and not run.fetches[304]
        return
    most = sum(min(max(3, heard / 3), heard) for heard in hearers.values())
    assert len(hearers) <= run.fetches[200] <= most, (run.fetches, hearers)
    if run.began[-1] - run.began[0] > 3 * KEPT_S:
        assert run.fetches[304]


def test_what_a_caller_says_is_recorded(run):
    """From the tone to the key that ends it: he hums."""
    assert run.recordings
    for number, (shown, file, deleted) in run.recordings.items():
        record = run.records[number]
        begin, end = (next(mark for mark in record["ivr"]["path"] if mark["event"] == event)
                      for event in ("choice", "recorded"))
        assert (shown.status_code, file.status_code, deleted) == (200, 200, [200, 404]), number
        assert record["recordings"] == [end.get("file")] == [shown.json()["id"]], (number, end)
        assert shown.json()["call_id"] == record["call_id"]
        assert shown.json()["bytes"] == len(file.content)
        with wave.open(io.BytesIO(file.content)) as wav:
            assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (8000, 1, 2)
            samples = array.array("h", wav.readframes(wav.getnframes()))
        took, length = end["at"] - begin["at"], len(samples) / 8
        assert abs(shown.json()["duration_ms"] - length) < 10
        assert took - BEEP_MS - LENGTH_MS <= length <= took + LENGTH_MS, (number, took, length)
        hum = sum(abs(sample) == menus.keys.HUM_LEVEL for sample in samples) / 8
        assert hum >= length - BEEP_MS and hum > length / 2, (number, hum, length)


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
    assert run.seen > len(run.records)  # their agents' are known as well
    assert not run.left and not run.files_left
    assert not [line for line in run.log.splitlines() if " ERROR " in line]
