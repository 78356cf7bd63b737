"""A gateway on PostgreSQL: every way to name the database, what is refused with a sentence, and
everything moved from a file into PostgreSQL and back."""
import json
import os
import subprocess

import pytest
from mobile import DEV_KEY, SETTINGS, add, ask
from support import postgres
from support.gateway import Gateway
from support.postgres import Postgres
from support.waiting import wait_until

PATIENT = {"connect_ms": "20s"}
MOCK = {"ring_ms": 1, "answer_ms": 1, "talk_ms": 1}


@pytest.fixture(name="server", scope="module")
def make_server():
    """One that speaks TLS too, with a certificate for localhost."""
    server = Postgres(fsync=False)
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout",
         server.data / "server.key", "-out", server.data / "server.crt"],
        check=True, capture_output=True)
    owner = server.data.stat()
    for name in ("server.key", "server.crt"):
        os.chown(server.data / name, owner.st_uid, owner.st_gid)
        (server.data / name).chmod(0o600)
    server.configure(ssl="on")
    with server:
        yield server


@pytest.fixture(name="url", scope="module")
def make_url(server):
    return server.create_database()


def section(url, **keys):
    return {"storage": postgres.storage(url, **PATIENT, **keys), "backend.mock": MOCK}


def start_refused(gateway):
    """What a gateway that does not start has said."""
    with pytest.raises(AssertionError, match="ended with status"):
        gateway.start()
    gateway.give_up()
    log = gateway.log()
    gateway.remove()
    return log


def test_each_way_to_name_the_database(server, url, tmp_path):
    database = url.rsplit("/", 1)[1]
    words = f"host=127.0.0.1 port={server.port} user=dialgate dbname={database}"
    passfile = tmp_path / "pgpass"
    passfile.write_text(f"127.0.0.1:{server.port}:*:dialgate:{server.password}\n")
    passfile.chmod(0o600)
    (tmp_path / "url").write_text(url + "\n")
    ways = [
        (url, {}),
        (url.replace("postgresql://", "postgresql+asyncpg://"), {}),
        (url.replace("postgresql://", "postgres://"), {}),
        (f"{words} password={server.password}", {}),
        (f"{words} passfile={passfile}", {}),
        (words, {"PGPASSFILE": str(passfile)}),
        ("${DATABASE_URL}", {"DATABASE_URL": url}),
        (f"file:{tmp_path}/url", {}),
        # Of several servers the first that takes writes.
        (f"{words} password={server.password}".replace(
            "host=127.0.0.1 port=", "host=127.0.0.1,127.0.0.1 port=1,"), {}),
    ]
    for way, env in ways:
        with Gateway(section(way), env=env) as gateway:
            assert server.password not in gateway.log(), way


def test_tls(server, url):
    certificate = server.data / "server.crt"
    for mode in ("require", f"verify-full&sslrootcert={certificate}"):
        with Gateway(section(f"{url}?sslmode={mode}")) as gateway:
            secured = ("SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) "
                       "WHERE ssl AND application_name LIKE 'dialgate %'")
            wait_until(lambda: int(server.query(secured)[0][0]) >= 3, 20, "all connections")
            assert gateway.client(signed_in=False).get("/health").status_code == 200
    log = start_refused(Gateway(section(f"{url}?sslmode=verify-full&sslrootcert=/dev/null")))
    assert "certificate" in log


@pytest.mark.parametrize("change, says", [
    (lambda url: url.replace("dialgate:", "dialgate:x"), "password authentication failed"),
    (lambda url: url.rsplit("/", 1)[0] + "/nothing_of_that_name", "does not exist"),
    (lambda url: url + "?sslmode=perhaps", "sslmode"),
    (lambda url: url + "?colour=red", "colour"),
    (lambda url: "mysql://u:the-secret@h/d", "give postgresql://"),
    (lambda url: "", "url"),
])
def test_refused_with_a_sentence(server, url, change, says):
    log = start_refused(Gateway(section(change(url))))
    assert says in log, log[-2000:]
    assert server.password not in log and "the-secret" not in log


def test_a_database_of_another_encoding_is_refused(server):
    server.query("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    assert "ENCODING 'UTF8'" in start_refused(Gateway(section(server.url("latin"))))


# ---- From store to store ----

# The others are what the gateways on one store tell one another.
MOVED = {"users", "tokens", "calls", "cdr", "meta", "idempotency", "mock_numbers", "events"}


def content(gateway):
    return {(row["collection"], str(row["id"])): row["doc"] for row in gateway.export()}


def use(gateway):
    """Something of everything; what a client has got of it."""
    with gateway.client() as client:
        busy = {"phone_number": "+15550100486"}
        calls = [client.post("/api/v2/calls", json=busy,
                             headers={"Idempotency-Key": f"key-{number}"}).json()["call_id"]
                 for number in range(20)]
        add(client, "5550100", minutes=60)
        gateway.add_user("mover", "a-password-of-length", email="mover@example.org")
        wait_until(lambda: len(gateway.records("cdr")) == len(calls), 20, "the calls' records")
        return calls, gateway.create_token("mover", "calls/*", name="moved"), gateway.password


def assert_works(gateway, calls, token, password):
    """What was begun on another store goes on here."""
    with gateway.client(signed_in=False) as client:
        client.sign_in("mover", "a-password-of-length")
        client.sign_in("tester", password)
        again = client.post("/api/v2/calls", json={"phone_number": "+15550100486"},
                            headers={"Idempotency-Key": "key-7"})
        assert again.headers["idempotent-replayed"] == "true"
        assert again.json()["call_id"] == calls[7]
        assert client.get(f"/api/v2/status/{calls[3]}").json()["status"] == "busy"
        mocks = ask(client, "GET", "/mock-status", DEV_KEY).json()["mock_numbers"]
        assert "5550100" in mocks
        assert client.get("/api", token=token).status_code == 200
        assert client.get("/api", token=token[:-1] + "x").status_code == 401


def test_everything_moves_from_file_to_postgres_and_back(server, tmp_path):
    own = {"backend.mock": MOCK, "auth": SETTINGS["auth"],
           "mobile": {"mock_timeout": "60m"}}
    file = {**own, "storage": {"plugin": "storage-file", "path": str(tmp_path / "first.db")}}
    back = {**own, "storage": {"plugin": "storage-file", "path": str(tmp_path / "second.db")}}
    with Gateway(file) as gateway:
        begun = use(gateway)
    first = Gateway(file)
    lines = first.cli("export").stdout
    assert {json.loads(line)["collection"] for line in lines.splitlines()} == MOVED
    other = Gateway({**own, **section(server.create_database())})
    told = other.cli("import", "--progress", stdin=lines).stderr
    assert f"{len(lines.splitlines())} documents read" in told
    third = Gateway(back)
    third.cli("import", stdin=other.cli("export").stdout)
    assert content(first) == content(other) == content(third)
    # A number that was given goes on from there.
    other.add_user("after", "a-password-of-length")
    ids = sorted(int(row["id"]) for row in other.records("users"))
    assert len(set(ids)) == len(ids) and ids[-1] == max(ids)
    for one in (other, third):
        with one:
            assert_works(one, *begun)
    first.remove()


def test_a_running_gateway_stays_itself(server):
    """Whatever is imported: another's record of the same name is not taken."""
    with Gateway(section(server.create_database())) as gateway:
        node, = gateway.stored("nodes")
        line = {"collection": "nodes", "id": node["id"], "doc": {"run": "another"}}
        assert gateway.cli("import", stdin=json.dumps(line) + "\n").returncode == 0
        assert gateway.stored("nodes")[0]["run"] == node["run"]


def test_progress_is_told_when_asked_for(tmp_path):
    gateway = Gateway({"storage": {"plugin": "storage-file", "path": str(tmp_path / "x.db")}})
    lines = "".join('{"collection":"meta","id":"m%d","doc":{}}\n' % n for n in range(5000))
    told = gateway.cli("import", "--progress", stdin=lines).stderr.splitlines()
    assert len(told) > 2 and all("documents" in line for line in told), told
    assert "4000 documents\n" in gateway.cli("export", "--progress").stderr
    assert gateway.cli("export").stderr.count("\n") == 1
    gateway.remove()
