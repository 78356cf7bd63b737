"""Contact Center API: the bearer tokens of /api/v2/* (JSON Web Tokens), true and forged. Shown on
GET /api/v2/status/{call_id}, which answers 404 to a good token and 401 to any other."""
import base64
import hashlib
import hmac
import json
import subprocess
import time

import jwt
import pytest
from shapes import bad_credentials, not_authenticated, refused
from support.gateway import Gateway
from support.waiting import wait_until

URL = "/api/v2/status/12345678"
ISSUER, AUDIENCE = "https://issuer.example", "callers"


def secret_of(gateway):
    return gateway.settings["auth"]["secret_key"]


def claims(**more):
    now = int(time.time())
    all_of_them = {"sub": "tester", "iat": now, "exp": now + 600, **more}
    return {name: value for name, value in all_of_them.items() if value is not None}


def part(value):
    text = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(text).rstrip(b"=").decode()


def by_hand(header, payload, key=b"", digest=hashlib.sha256):
    """Signed with HMAC whatever the header says."""
    body = f"{part(header)}.{part(payload)}"
    return f"{body}.{part(hmac.new(key, body.encode(), digest).digest())}"


def good(client, token):
    refused(client.get(URL, token=token), 404, "Call not found")


def bad(client, token):
    bad_credentials(client.get(URL, token=token))


# ---- Signed with the gateway's own secret ----

def test_made_elsewhere(gateway, client):
    good(client, jwt.encode(claims(), secret_of(gateway)))
    good(client, jwt.encode(claims(jti="1", type="access", scopes=["x"]), secret_of(gateway)))
    good(client, jwt.encode(claims(iat=None), secret_of(gateway)))
    good(client, jwt.encode(claims(nbf=int(time.time()) - 60), secret_of(gateway)))


def test_header_without_a_type(gateway, client):
    good(client, by_hand({"alg": "HS256"}, claims(), secret_of(gateway).encode()))


def test_wrong_key(gateway, client):
    for key in ("another-secret-of-good-length-0123456789", "", "x", secret_of(gateway) + "x",
                secret_of(gateway)[:-1], secret_of(gateway)[::-1]):
        bad(client, by_hand({"alg": "HS256", "typ": "JWT"}, claims(), key.encode()))


@pytest.mark.parametrize("algorithm", ["none", "None", "NONE", "nOnE", "", None, 5, []])
def test_no_algorithm(gateway, client, algorithm):
    header = {"alg": algorithm, "typ": "JWT"}
    for signature in ("", part(b"x"), by_hand(header, claims(),
                                              secret_of(gateway).encode()).split(".")[2]):
        bad(client, f"{part(header)}.{part(claims())}.{signature}")
    bad(client, f"{part(header)}.{part(claims())}")
    bad(client, f"{part({'typ': 'JWT'})}.{part(claims())}.")


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_another_algorithm(gateway, client, algorithm):
    bad(client, jwt.encode(claims(), secret_of(gateway), algorithm=algorithm))


@pytest.mark.parametrize("name", ["RS256", "ES256", "PS256", "hs256", "HS256 ", "HMAC"])
def test_misnamed_algorithm(gateway, client, name):
    bad(client, by_hand({"alg": name, "typ": "JWT"}, claims(), secret_of(gateway).encode()))


@pytest.mark.parametrize("wrong", [
    {"exp": None}, {"exp": 0}, {"exp": 1}, {"exp": -1}, {"exp": "soon"}, {"exp": True},
    {"exp": {}}, {"sub": None}, {"sub": ""}, {"sub": 5}, {"sub": ["tester"]}, {"sub": {}},
    {"nbf": 4102444800}, {"nbf": "later"}, {"sub": "nobody-here"}, {"sub": "tester\n"},
    {"sub": "TESTER"}, {"sub": "tester "}], ids=str)
def test_claims(gateway, client, wrong):
    bad(client, by_hand({"alg": "HS256", "typ": "JWT"}, claims(**wrong),
                        secret_of(gateway).encode()))


def test_expired(gateway, client):
    now = int(time.time())
    bad(client, jwt.encode(claims(iat=now - 3600, exp=now - 1800), secret_of(gateway)))
    # Also when it was good, and known as such, a moment ago.
    token = jwt.encode(claims(exp=now + 2), secret_of(gateway))
    good(client, token)
    wait_until(lambda: client.get(URL, token=token).status_code == 401, 10, "its expiry")
    assert time.time() >= now + 2


def test_damaged(gateway, client):
    token = jwt.encode(claims(), secret_of(gateway))
    good(client, token)
    head, body, signature = token.split(".")
    changed = part({**claims(), "sub": "admin"})
    for wrong in (f"{head}.{changed}.{signature}", f"{head}.{body}.{signature[:-1]}",
                  f"{head}.{body}.", f"{head}.{body}", head, f"{head}.{body}.{signature}.x",
                  f".{body}.{signature}", f"{head}..{signature}", "..", "...",
                  f"{head}.{body}.{signature}=", f"{head}.{body}.{signature[:-4]}AAAA",
                  f"{part(b'no json')}.{body}.{signature}", f"{head}.{part(b'[]')}.{signature}",
                  token.swapcase(), token + ".", token.replace(".", " "), "é" * 9):
        bad(client, wrong.encode() if "é" in wrong else wrong)


def test_payloads_that_are_no_claims(gateway, client):
    for payload in (b"", b"[]", b"null", b"5", b'"x"', b"{", b'{"sub":"tester"',
                    b'{"sub":"tester","exp":4102444800,"sub":"other"}', b"\xff\xfe"):
        bad(client, by_hand({"alg": "HS256"}, payload, secret_of(gateway).encode()))


def test_key_hints_are_not_followed(gateway, client):
    """kid, jku, jwk and x5u of a header name no key of ours."""
    for hint in ({"kid": "../../../../dev/null"}, {"kid": "' UNION SELECT 'x"},
                 {"jku": "http://127.0.0.1:1/keys"}, {"x5u": "http://127.0.0.1:1/x"},
                 {"jwk": {"kty": "oct", "k": part(b"x")}}):
        header = {"alg": "HS256", "typ": "JWT", **hint}
        for key in (b"", b"x"):
            bad(client, by_hand(header, claims(), key))


def test_other_kinds_of_token(gateway, client):
    for token in ("f" * 64, secret_of(gateway), "tester", "0" * 8192):
        bad(client, token)
    reply = client.get(f"{URL}?access_token={client.token}&token={client.token}", token=None)
    not_authenticated(reply)
    not_authenticated(client.get(URL, token=None, headers={"X-API-Key": client.token}))


def test_users_shut_out(gateway, client):
    """A user who is disabled is out at once; enabled again, the same token opens."""
    gateway.cli("user", "add", "leaver", stdin="leaver-password", check=False)
    with gateway.client(client.version, signed_in=False) as own:
        own.sign_in("leaver", "leaver-password")
        for _ in range(50):
            good(own, own.token)
        gateway.cli("user", "disable", "leaver")
        bad(own, own.token)
        bad(client, own.token)
        gateway.cli("user", "enable", "leaver")
        good(own, own.token)


# ---- Issuer and audience ----

@pytest.fixture(scope="module")
def strict():
    with Gateway({"auth": {"jwt_issuer": ISSUER, "jwt_audience": AUDIENCE}}) as running:
        running.add_user("tester", "tester-password")
        yield running


@pytest.fixture
def strict_client(strict, http_version):
    with strict.client(http_version, signed_in=False) as client:
        client.sign_in("tester", "tester-password")
        yield client


def test_issuer_and_audience(strict, strict_client):
    def token(**more):
        return jwt.encode(claims(**{"iss": ISSUER, "aud": AUDIENCE, **more}), secret_of(strict))
    good(strict_client, strict_client.token)
    good(strict_client, token())
    good(strict_client, token(aud=["others", AUDIENCE]))
    for wrong in ({"iss": None}, {"iss": ""}, {"iss": ISSUER + "/"}, {"iss": "other"},
                  {"aud": None}, {"aud": ""}, {"aud": "other"}, {"aud": ["others"]}, {"aud": []},
                  {"aud": AUDIENCE.upper()}):
        bad(strict_client, token(**wrong))


def test_numbers_as_issuer_and_audience(strict, strict_client):
    for wrong in ({"iss": 5}, {"iss": [ISSUER]}, {"aud": 5}, {"aud": {AUDIENCE: 1}}):
        payload = claims(**{"iss": ISSUER, "aud": AUDIENCE, **wrong})
        bad(strict_client, by_hand({"alg": "HS256", "typ": "JWT"}, payload,
                                   secret_of(strict).encode()))


# ---- Tokens that somebody else signs ----

def key_pair(folder, kind):
    private, public = folder / f"{kind}.pem", folder / f"{kind}.pub"
    options = {"rsa": ["-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"],
               "ec": ["-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"]}[kind]
    subprocess.run(["openssl", "genpkey", *options, "-out", private], check=True,
                   capture_output=True)
    subprocess.run(["openssl", "pkey", "-in", private, "-pubout", "-out", public], check=True,
                   capture_output=True)
    return private.read_text(), public


@pytest.fixture(scope="module", params=[("RS256", "rsa"), ("ES256", "ec")],
                ids=["RS256", "ES256"])
def foreign(request, tmp_path_factory):
    """A gateway that checks with a public key; `sign` makes what it takes."""
    algorithm, kind = request.param
    private, public = key_pair(tmp_path_factory.mktemp(kind), kind)
    settings = {"auth": {"algorithm": algorithm, "public_key": str(public), "secret_key": None}}
    with Gateway(settings) as running:
        running.algorithm, running.public = algorithm, public.read_bytes()
        running.sign = lambda payload: jwt.encode(payload, private, algorithm=algorithm)
        yield running


@pytest.fixture
def foreign_client(foreign, http_version):
    with foreign.client(http_version, signed_in=False) as client:
        yield client


def test_public_key(foreign, foreign_client):
    """A subject need not be a user of ours then."""
    good(foreign_client, foreign.sign(claims(sub="someone-of-theirs")))
    for wrong in ({"exp": None}, {"exp": 1}, {"nbf": 4102444800}, {"sub": None}):
        bad(foreign_client, foreign.sign(claims(**wrong)))
    head, body, signature = foreign.sign(claims()).split(".")
    bad(foreign_client, f"{head}.{part(claims(sub='admin'))}.{signature}")


def test_public_key_as_a_secret(foreign, foreign_client):
    """The public key is known to everybody: it must never serve as an HMAC secret."""
    for key in (foreign.public, foreign.public.strip(), foreign.public.replace(b"\n", b"\r\n"),
                b"", b"x"):
        for name, digest in (("HS256", hashlib.sha256), ("HS512", hashlib.sha512),
                             (foreign.algorithm, hashlib.sha256)):
            bad(foreign_client, by_hand({"alg": name, "typ": "JWT"}, claims(), key, digest))
    bad(foreign_client, f"{part({'alg': 'none'})}.{part(claims())}.")


def test_another_private_key(foreign, foreign_client, tmp_path):
    for kind, algorithm in (("rsa", "RS256"), ("ec", "ES256")):
        private, _ = key_pair(tmp_path, kind)
        bad(foreign_client, jwt.encode(claims(), private, algorithm=algorithm))


def test_nothing_is_issued(foreign, foreign_client):
    """There is no key of ours to sign with."""
    foreign.cli("user", "add", "somebody", stdin="somebodys-password", check=False)
    reply = foreign_client.post("/api/v2/token", token=None, data={
        "username": "somebody", "password": "somebodys-password"})
    assert reply.status_code in (401, 501, 503), reply.text
    assert "detail" in reply.json()


def test_disabled_users_of_ours(foreign, foreign_client):
    foreign.cli("user", "add", "both", stdin="password-of-both", check=False)
    token = foreign.sign(claims(sub="both"))
    good(foreign_client, token)
    foreign.cli("user", "disable", "both")
    bad(foreign_client, token)
    foreign.cli("user", "enable", "both")
    good(foreign_client, token)
