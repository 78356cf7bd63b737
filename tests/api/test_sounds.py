"""/sounds/...: with ivr.url the telephone system fetches uploaded sounds from the gateway, by addresses
that the gateway has signed."""
import hashlib
import hmac
import os
import wave

import pytest
from support.gateway import Gateway
from test_dialer_audio import tone, upload

SECRET = "a secret of thirty-two characters and more"


def signature(language, name, secret=SECRET):
    """As the gateway makes it, from its secret_key."""
    key = hmac.new(secret.encode(), b"dialgate sounds", hashlib.sha256).hexdigest()
    text = f"dialgate sound\n{language}\n{name}".encode()
    return hmac.new(key.encode(), text, hashlib.sha256).hexdigest()[:32]


def address(name, language="-", file=None, **more):
    return f"/sounds/{signature(language, name, **more)}/{language}/{file or name + '.wav'}"


@pytest.fixture(scope="module")
def sounds(tmp_path_factory):
    return tmp_path_factory.mktemp("sounds")


@pytest.fixture(scope="module")
def serving(sounds):
    """A gateway that serves the sounds to a telephone system which shares nothing with it."""
    with Gateway({"ivr": {"sounds": str(sounds), "url": "http://gateway.example:8000"},
                  "auth": {"secret_key": SECRET}}) as gateway:
        gateway.add_user("chief", "the chief's password", role="admin")
        yield gateway


@pytest.fixture(scope="module")
def chief(serving):
    token = serving.create_token("chief")
    with serving.client(signed_in=False) as client:
        client.token = token
        yield client


@pytest.fixture
def stranger(serving):
    with serving.client(signed_in=False) as client:
        yield client


def test_what_is_fetched_is_what_was_uploaded(chief, stranger, sounds):
    assert upload(chief, "welcome", tone()).status_code == 201
    reply = stranger.get(address("welcome"))
    assert reply.status_code == 200 and reply.headers["content-type"] == "audio/wav"
    assert reply.content == (sounds / "dialer" / "welcome.wav").read_bytes()
    assert reply.headers["cache-control"] == "max-age=10"
    head = stranger.request("HEAD", address("welcome"))
    assert (head.status_code, head.content) == (200, b"")
    assert int(head.headers["content-length"]) == len(reply.content)


def test_a_changed_sound_has_another_etag(chief, stranger):
    assert upload(chief, "news", tone()).status_code == 201
    etag = stranger.get(address("news")).headers["etag"]
    same = stranger.get(address("news"), headers={"If-None-Match": etag})
    assert (same.status_code, same.content, same.headers["etag"]) == (304, b"", etag)
    assert stranger.request("HEAD", address("news"), headers={"If-None-Match": etag}).status_code == 304
    assert upload(chief, "news", tone(seconds=0.1)).status_code == 201
    changed = stranger.get(address("news"), headers={"If-None-Match": etag})
    assert changed.status_code == 200 and changed.headers["etag"] != etag
    assert chief.delete("/api/audio/news").status_code == 200
    assert stranger.get(address("news")).status_code == 404


def test_languages(chief, stranger):
    lengths = {"": 0.1, "pt": 0.2, "pt_BR": 0.3}
    for language, seconds in lengths.items():
        assert upload(chief, "spoken", tone(seconds=seconds), language=language).status_code == 201

    def heard(language):
        return stranger.get(address("spoken", language)).content

    general, pt, brazil = heard("-"), heard("pt"), heard("pt_BR")
    assert len(general) < len(pt) < len(brazil)
    assert heard("pt_PT") == pt, "the language goes before the sound of all"
    assert heard("de") == general
    assert chief.delete("/api/audio/spoken?language=pt_BR").status_code == 200
    assert heard("pt_BR") == pt


@pytest.mark.parametrize("path", [
    address("welcome", secret="another secret of thirty-two characters"),
    f"/sounds/{'0' * 32}/-/welcome.wav",
    f"/sounds/{signature('-', 'welcome')[:-1]}/-/welcome.wav",
    f"/sounds/{signature('-', 'welcome').upper()}/-/welcome.wav",
    f"/sounds/{signature('-', 'welcome')}/de/welcome.wav",
    f"/sounds/{signature('-', 'welcome')}/-/other.wav",
    address("welcome", file="welcome"), address("welcome", file="welcome.wav.wav"),
    address("welcome", file="welcome.gsm"), address("welcome", file=".wav"),
    address("nobody"),
    address("../../secret", file="..%2F..%2Fsecret.wav"),
    address("welcome", language="..", file="welcome.wav"),
    address("x" * 101), address("welcome", language="x" * 21),
    address("a\0b", file="a%00b.wav"),
])
def test_others_are_not_found(chief, stranger, sounds, path):
    (sounds / "secret.wav").write_bytes(b"nobody's business")
    upload(chief, "welcome", tone(seconds=0.05))
    reply = stranger.get(path)
    assert reply.status_code in (400, 404) and b"business" not in reply.content
    assert reply.headers["content-type"].startswith("application/json")


def test_only_files_of_the_folder(stranger, sounds):
    folder = sounds / "dialer"
    folder.mkdir(exist_ok=True)
    (sounds / "outside.wav").write_bytes(b"nobody's business")
    (folder / "linked.wav").symlink_to(sounds / "outside.wav")
    (folder / "deep.wav").mkdir()
    os.mkfifo(folder / "pipe.wav")
    for name in ("linked", "deep", "pipe"):
        assert stranger.get(address(name)).status_code == 404


def test_what_others_have_put_there_may_be_too_large(stranger, sounds):
    folder = sounds / "dialer"
    folder.mkdir(exist_ok=True)
    with open(folder / "large.wav", "wb") as large:
        large.truncate((32 << 20) + 1)
    assert stranger.get(address("large")).status_code == 429


def test_without_an_address_nothing_is_served(gateway_without_address):
    with gateway_without_address.client(signed_in=False) as client:
        assert client.get(address("welcome")).status_code == 404


@pytest.fixture
def gateway_without_address(tmp_path):
    folder = tmp_path / "dialer"
    folder.mkdir()
    with wave.open(str(folder / "welcome.wav"), "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", ""))
    with Gateway({"ivr": {"sounds": str(tmp_path)}, "auth": {"secret_key": SECRET}}) as gateway:
        yield gateway


@pytest.mark.parametrize("url", ["gateway.example", "ftp://gateway.example", "http://", "http://a:b@c",
                                 "http://host/?x", "http://host/a&b", "http://host/.."])
def test_an_address_that_cannot_be_one(url):
    gateway = Gateway({"ivr": {"url": url}})
    try:
        result = gateway.cli("check", check=False)
        assert result.returncode == 1 and "url" in result.stderr
    finally:
        gateway.remove()
