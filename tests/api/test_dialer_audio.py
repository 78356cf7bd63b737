"""/api/audio: sounds are uploaded, converted, listed and deleted; menus are checked against them."""
import io
import math
import struct
import wave

import pytest
from dialer import done, local_time, refused, success
from support.gateway import Gateway

LISTED = "Audio files retrieved successfully"
VIEWED = "Audio file retrieved successfully"
UPLOADED = "Audio file uploaded successfully"
DELETED = "Audio file deleted successfully"
WAV = {"Content-Type": "audio/wav"}


def tone(rate=44100, channels=2, seconds=0.5):
    """A WAV of 16 bit with 440 Hz on all channels."""
    out = io.BytesIO()
    with wave.open(out, "wb") as wav:
        wav.setnchannels(channels)
        wav.setsampwidth(2)
        wav.setframerate(rate)
        wav.writeframes(b"".join(
            struct.pack("<h", int(16000 * math.sin(2 * math.pi * 440 * place / rate))) * channels
            for place in range(int(rate * seconds))))
    return out.getvalue()


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return tmp_path_factory.mktemp("sounds")


@pytest.fixture(scope="module")
def shared(sounds):
    """A gateway that shares a folder of sounds with nobody but this test. Its umask, as a service's,
    is strict; what it puts there another user is to read all the same."""
    settings = {"ivr": {"sounds": str(sounds)},
                "server": {"max_body": 100000, "max_upload": 500000}}
    with Gateway(settings, umask=0o077) as gateway:
        gateway.add_user("chief", "the chief's password", role="admin")
        yield gateway


@pytest.fixture(scope="module")
def chief(shared):
    token = shared.create_token("chief")
    with shared.client(signed_in=False) as client:
        client.token = token
        yield client


def upload(client, name, content, base="/api", language=""):
    more = f"&language={language}" if language else ""
    return client.post(f"{base}/audio?name={name}{more}", content=content, headers=WAV)


@pytest.mark.parametrize("language", ["", "de"])
def test_life_of_a_sound(chief, sounds, base, language):
    query = f"?language={language}" if language else ""
    sent = success(upload(chief, "welcome", tone(), base, language), UPLOADED, 201)
    assert (sent.pop("sent_rate"), sent.pop("sent_channels")) == (44100, 2)
    assert sent["name"] == "welcome" and abs(sent["duration_ms"] - 500) <= 2
    local_time(sent["updated_at"])
    path = sounds / language / "dialer" / "welcome.wav"
    with wave.open(str(path)) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (8000, 1, 2)
        assert abs(wav.getnframes() - 4000) <= 16
    assert path.stat().st_size == sent["bytes"] and path.stat().st_mode & 0o777 == 0o644
    assert path.parent.stat().st_mode & 0o777 == 0o755
    assert success(chief.get(f"{base}/audio/welcome{query}"), VIEWED) == sent
    assert success(chief.get(f"{base}/audio{query}"), LISTED) == [sent]
    shorter = success(upload(chief, "welcome", tone(seconds=0.1), base, language), UPLOADED, 201)
    assert shorter["bytes"] < sent["bytes"]
    assert [entry.name for entry in path.parent.iterdir()] == ["welcome.wav"], "no rest is left"
    done(chief.delete(f"{base}/audio/welcome{query}"), DELETED)
    for reply in (chief.get(f"{base}/audio/welcome{query}"),
                  chief.delete(f"{base}/audio/welcome{query}")):
        refused(reply, 404, "Audio file not found")
    assert success(chief.get(f"{base}/audio{query}"), LISTED) == []


@pytest.mark.parametrize("name", ["", "..", "a.wav", "a%2Fb", "..%2F..%2Fetc%2Fx", "a%5Cb", "-a", "a b",
                                  "a%0Ab", "ä", "a" * 101, ".hidden"])
def test_names(chief, sounds, name):
    refused(upload(chief, name, tone(seconds=0.05)), 400,
            "Invalid name. Must be 1 to 100 letters, digits, _ and -", ["name"])
    assert not list(sounds.rglob("*.wav"))


@pytest.mark.parametrize("name", ["..%2F..%2Fetc%2Fpasswd", "a%2Fb", "-a", "a.wav"])
def test_names_in_the_path(chief, name):
    for reply in (chief.get(f"/api/audio/{name}"), chief.delete(f"/api/audio/{name}")):
        assert reply.status_code in (400, 404)


@pytest.mark.parametrize("language", ["..", "a%2Fb", "x" * 21])
def test_languages(chief, language):
    refused(upload(chief, "a", tone(seconds=0.05), language=language), 400,
            "Invalid language. Must be a name like en or pt_BR", ["language"])


def changed(offset, value, size=2):
    """A WAV of one channel with a number of its head replaced."""
    wav = tone(channels=1, seconds=0.05)
    return wav[:offset] + value.to_bytes(size, "little") + wav[offset + size:]


DAMAGED = {
    "compressed": changed(20, 0x55), "no channel": changed(22, 0), "nine channels": changed(22, 9),
    "channels": changed(22, 65535), "no rate": changed(24, 0, 4), "rate": changed(24, 0xFFFFFFFF, 4),
    "no bits": changed(34, 0), "head": changed(16, 0xFFFFFFF0, 4), "cut": changed(0, 0x58464952, 4)[:60],
    "no wave": changed(8, 0x45564158, 4)}


@pytest.mark.parametrize("fault", DAMAGED)
def test_damaged_heads(chief, sounds, fault):
    reply = upload(chief, "damaged", DAMAGED[fault])
    refused(reply, 400, "The file cannot be played", ["file"])
    assert len(reply.json()["errors"]["file"].split()) > 2
    assert not list(sounds.rglob("*damaged*"))


def test_larger_than_other_bodies(chief):
    """max_upload counts, not max_body."""
    success(upload(chief, "long", tone(seconds=2)), UPLOADED, 201)
    done(chief.delete("/api/audio/long"), DELETED)


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all" * 100, tone(seconds=0.05)[:40],
                                     tone(seconds=0), tone(rate=1000, seconds=1),
                                     b"ID3" + tone(seconds=0.05)])
def test_what_is_no_wav(chief, sounds, content):
    refused(upload(chief, "bad", content), 400, "The file cannot be played", ["file"])
    assert not list(sounds.rglob("*bad*"))


def test_wrong_type(chief):
    refused(chief.post("/api/audio?name=a", content=tone(seconds=0.05),
                       headers={"Content-Type": "audio/mpeg"}), 400,
            "Invalid content-type. Must be: audio/wav", ["content-type"])


def test_too_large(chief, sounds):
    reply = upload(chief, "large", tone(seconds=4))
    assert reply.status_code == 413
    assert reply.json()["success"] is False and " " in reply.json()["message"]
    assert not list(sounds.rglob("*large*"))


def test_a_link_leads_nowhere(chief, sounds):
    folder = sounds / "dialer"
    folder.mkdir(exist_ok=True)
    (folder / "link.wav").symlink_to("/etc/passwd")
    refused(chief.get("/api/audio/link"), 404, "Audio file not found")
    assert success(chief.get("/api/audio"), LISTED) == []
    done(chief.delete("/api/audio/link"), DELETED)


def test_menus_are_checked_against_files(chief):
    def menu(*files):
        return {"name": "main", "audio_file": "&".join(files),
                "actions": [{"dtmf_digit": "1", "action_type": "playback",
                             "action_value": "here&gone2"}]}
    success(upload(chief, "here", tone(seconds=0.05)), UPLOADED, 201)
    made = success(chief.post("/api/ivr", json=menu("here.wav", "gone1", "sound:hello")),
                   "IVR menu created successfully", 201)
    assert [(one["type"], one["dtmf_digit"], one["message"]) for one in made["findings"]] == [
        ("missing_audio", None, "There is no audio file gone1"),
        ("missing_audio", "1", "There is no audio file gone2")]
    found = success(chief.post("/api/ivr/validate", json={}), "IVR menus validated successfully")
    assert found["valid"] is False
    done(chief.delete("/api/audio/here"), DELETED)


def test_menus_are_checked_in_their_language(chief):
    for language in ("", "pt", "pt_BR"):
        success(upload(chief, f"in{language}", tone(seconds=0.05), language=language), UPLOADED, 201)

    def missing(language):
        menu = {"name": "main", "audio_file": "in&inpt&inpt_BR", "language": language,
                "actions": [{"dtmf_digit": "1", "action_type": "hangup"}]}
        made = success(chief.post("/api/ivr", json=menu), "IVR menu created successfully", 201)
        return [one["message"] for one in made["findings"] if one["type"] == "missing_audio"]

    assert missing("pt_BR") == [], "the language, that before its _, and the sound of all"
    assert missing("pt") == ["There is no audio file inpt_BR in pt, nor for all languages"]
    assert missing("en") == [f"There is no audio file {name} in en, nor for all languages"
                             for name in ("inpt", "inpt_BR")]
    assert missing(None) == ["There is no audio file inpt", "There is no audio file inpt_BR"]
    for language in ("", "pt", "pt_BR"):
        done(chief.delete(f"/api/audio/in{language}?language={language}"), DELETED)


def test_without_a_folder(admin, base):
    for reply in (admin.get(base + "/audio"), admin.get(base + "/audio/x"),
                  upload(admin, "x", tone(seconds=0.05), base)):
        refused(reply, 503, "No folder of sounds is configured (ivr.sounds)")
