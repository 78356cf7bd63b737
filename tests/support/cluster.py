"""Several gateways on one PostgreSQL.

    with Cluster("a", "b", settings=...) as cluster:
        cluster["a"].client().post(...)
        cluster["b"].kill()

They share the secret that signs tokens, so that whoever has signed in at one is known to all.
"""
import secrets

from . import postgres
from .gateway import Gateway, merged
from .waiting import wait_until

# Gateways that die are noticed soon.
DEAD_AFTER = 4


class Cluster:
    """settings: of all of them, over Gateway's; each: name -> settings of that one alone."""

    def __init__(self, *names, settings=None, each=None, server=None):
        self.url = (server or postgres.shared()).create_database()
        common = merged({"auth": {"secret_key": secrets.token_urlsafe(48)},
                         "node": {"dead_after": f"{DEAD_AFTER}s"},
                         "storage": postgres.storage(self.url)}, settings or {})
        self.gateways = {
            name: Gateway(merged(merged(common, {"node": {"name": name}}), (each or {}).get(name, {})))
            for name in names}
        self.clients = {}

    def __getitem__(self, name):
        return self.gateways[name]

    def __iter__(self):
        return iter(self.gateways.values())

    def client(self, name):
        """Signed in at that one, as an admin that all know."""
        if name not in self.clients:
            gateway, first = self.gateways[name], next(iter(self.gateways.values()))
            if gateway.token is None:
                first.client().close()
                gateway.token = first.token
            self.clients[name] = gateway.client()
        return self.clients[name]

    def rows(self, collection):
        return next(iter(self.gateways.values())).stored(collection)

    def record(self, call_id, collection="calls"):
        found = [doc for doc in self.rows(collection) if doc["id"] == call_id]
        assert len(found) <= 1, found
        return found[0] if found else None

    def start(self):
        for gateway in self:
            gateway.start()
            self.client(next(iter(self.gateways)))  # whoever starts later knows its user
        self.meet()
        return self

    def meet(self):
        """Until each that runs knows that the others do."""
        running = sorted(name for name, one in self.gateways.items() if one.process)
        for name in running:
            wait_until(lambda name=name: self.alive(name) == running, 60,
                       f"{name} to know of the others")

    def alive(self, name):
        """Whom this one takes for alive."""
        nodes = self.client(name).get("/api/v2/nodes").json()["nodes"]
        return sorted(node["name"] for node in nodes if node["state"] == "running")

    def __enter__(self):
        try:
            return self.start()
        except BaseException:
            self.give_up()
            raise

    def __exit__(self, kind, error, trace):
        for client in self.clients.values():
            client.close()
        if kind is not None:
            for name, gateway in self.gateways.items():
                print(f"the last lines of {name} ({gateway.log_file}):\n{gateway.tail()}")
            self.give_up()
            return
        for gateway in self:
            gateway.stop()
            gateway.remove()

    def give_up(self):
        for gateway in self:
            gateway.give_up()
