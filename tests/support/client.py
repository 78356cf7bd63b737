"""An HTTP client of the gateway, over HTTP/1.1 or HTTP/2, and a raw one for what no client sends."""
import socket
import ssl

import httpcore
import httpx

VERSIONS = ("1.1", "2")


class NoDelay(httpcore.backends.sync.SyncBackend):
    """A request's head and body go out as two packets: without this the second one waits 40 ms
    for the first one to be acknowledged."""

    def connect_tcp(self, *arguments, **options):
        stream = super().connect_tcp(*arguments, **options)
        stream.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return stream


class Client:
    """One connection pool. `token` is sent as a bearer token unless a request says otherwise.

    Over cleartext HTTP/2 is spoken with prior knowledge, over TLS it is agreed by ALPN. `source`
    is the address to come from. Not for use by several threads at once: give each its own.
    """

    def __init__(self, base, version="1.1", token=None, ca=None, timeout=20, source=None):
        self.base, self.version, self.token = base, version, token
        verify = ssl.create_default_context(cafile=ca) if ca else True
        transport = httpx.HTTPTransport(http1=version == "1.1", http2=version == "2",
                                        verify=verify, local_address=source, trust_env=False)
        transport._pool._network_backend = NoDelay()
        self.http = httpx.Client(base_url=base, transport=transport, timeout=timeout,
                                 trust_env=False)

    def request(self, method, path, token=..., headers=None, **options):
        """options: json, data (a form), content (bytes), params, as httpx has them."""
        headers = dict(headers or {})
        bearer = self.token if token is ... else token
        if bearer is not None:
            headers["Authorization"] = f"Bearer {bearer}"
        reply = self.http.request(method, path, headers=headers, **options)
        assert reply.http_version == f"HTTP/{self.version}", reply.http_version
        return reply

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, **options):
        return self.request("POST", path, **options)

    def put(self, path, **options):
        return self.request("PUT", path, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def sign_in(self, username, password):
        """Asks for a token and keeps it for the requests that follow."""
        reply = self.post("/api/v2/token", token=None,
                          data={"username": username, "password": password})
        assert reply.status_code == 200, (reply.status_code, reply.text)
        self.token = reply.json()["access_token"]
        return self.token

    def close(self):
        self.http.close()

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        self.close()


def raw(address, data, seconds=5, close_writing=False):
    """Sends bytes to (host, port) as they are; returns all that comes until the peer closes.

    A peer that keeps the connection open ends the wait after `seconds`.
    """
    with socket.create_connection(address, timeout=seconds) as link:
        link.sendall(data)
        if close_writing:
            link.shutdown(socket.SHUT_WR)
        received = b""
        try:
            while True:
                piece = link.recv(65536)
                if not piece:
                    break
                received += piece
        except (socket.timeout, ConnectionResetError):
            pass
        return received
