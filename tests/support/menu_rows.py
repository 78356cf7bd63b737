"""The rows of the API for menus and sounds, asked in turn by both of its names and over both versions
of HTTP."""
import itertools

from .client import VERSIONS

BASES = ("/api", "/adial/api")
ACTION_SENT = ("dtmf_digit", "action_type", "action_value", "next")


def sent(action):
    """An action as it is sent, from one that was shown."""
    return {name: action[name] for name in ACTION_SENT}


class Rows:
    """turn: which name comes first."""

    def __init__(self, gateway, token, turn=0):
        self.clients = [gateway.client(version, signed_in=False) for version in VERSIONS]
        for client in self.clients:
            client.token = token
        one, other = list(zip(self.clients, BASES))[::-1 if turn else 1]
        self.turns = itertools.cycle([one, other, other, one])  # pairs of rows do not keep in step

    def __enter__(self):
        return self

    def __exit__(self, *_):
        for client in self.clients:
            client.close()

    def ask(self, method, path, status=200, **options):
        """The data of the answer."""
        client, base = next(self.turns)
        reply = client.request(method, base + path, **options)
        assert reply.status_code == status, (method, base + path, reply.status_code, reply.text)
        assert reply.json()["success"] is (status < 400), reply.text
        return reply.json().get("data")

    def upload(self, name, wav, language=""):
        return self.ask("POST", "/audio", 201, content=wav, headers={"Content-Type": "audio/wav"},
                        params={"name": name, "language": language})

    def menus(self):
        """The ids of all."""
        return [one["id"] for one in self.ask("GET", "/ivr", params={"per_page": 100})]

    def valid(self):
        """Whether the menus that are stored are; and the faults."""
        found = self.ask("POST", "/ivr/validate", json={})
        return found["valid"], [(one["menu_id"], one["type"]) for one in found["findings"]
                                if one["severity"] == "error"]


def sound_comes_and_goes(rows, name, wav):
    """One of the gateway's, which a menu made meanwhile plays: both are shown, checked, changed and
    deleted, and those that were there stay as they are."""
    before = rows.menus()
    assert rows.valid() == (True, [])
    shown = rows.upload(name, wav)
    shown = {key: shown[key] for key in ("name", "bytes", "duration_ms", "updated_at")}
    assert shown["name"] == name and shown["bytes"] == len(wav)
    assert rows.ask("GET", f"/audio/{name}") == shown
    assert shown in rows.ask("GET", "/audio")

    made = rows.ask("POST", "/ivr", 201, json={"name": "spare", "audio_file": name, "actions": [
        {"dtmf_digit": "1", "action_type": "hangup", "action_value": ""}]})
    one = made["id"]
    assert one not in before and not [fault for fault in made["findings"]
                                      if fault["severity"] == "error"]
    assert rows.menus() == [one, *before], "newest first"
    back = {"dtmf_digit": "2", "action_type": "goto_ivr", "action_value": str(one), "next": "hangup"}
    actions = [*map(sent, made["actions"]), back]
    changed = rows.ask("PUT", f"/ivr/{one}", json={"timeout": 7, "actions": actions})
    assert (changed["timeout"], [sent(action) for action in changed["actions"]]) == (7, actions)
    del changed["findings"]
    assert rows.ask("GET", f"/ivr/{one}") == changed
    exported = rows.ask("GET", "/ivr/export")["menus"]
    assert [menu["id"] for menu in exported] == [*before[::-1], one], "the oldest first"
    assert exported[-1] == changed

    assert rows.valid() == (True, [])
    rows.ask("DELETE", f"/audio/{name}")
    rows.ask("GET", f"/audio/{name}", 404)
    assert rows.valid() == (False, [(one, "missing_audio")])
    rows.ask("DELETE", f"/ivr/{one}")
    rows.ask("GET", f"/ivr/{one}", 404)
    assert rows.menus() == before and rows.valid() == (True, [])


def delete_all(rows, sounds):
    """Every menu, and the sounds: (name, language), which are all there are in these languages."""
    menus = rows.menus()
    assert menus
    for one in menus:
        rows.ask("DELETE", f"/ivr/{one}")
        rows.ask("GET", f"/ivr/{one}", 404)
    assert rows.menus() == []
    for language in {language for _, language in sounds}:
        query = {"language": language}
        names = [name for name, spoken in sounds if spoken == language]
        assert [one["name"] for one in rows.ask("GET", "/audio", params=query)] == sorted(names)
        for name in names:
            rows.ask("DELETE", f"/audio/{name}", params=query)
            rows.ask("GET", f"/audio/{name}", 404, params=query)
        assert rows.ask("GET", "/audio", params=query) == []
