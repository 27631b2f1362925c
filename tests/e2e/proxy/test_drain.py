"""A node that stops: readiness first, then no new connections, then the end of what runs (DEV-16; pitfalls.md A6-6)."""
import signal
import socket

import kit


def test_a_stopping_node_serves_until_its_balancers_know_and_its_requests_are_done(services, folder):
    listener = socket.create_server(("127.0.0.1", 0))
    class Slow:
        port = listener.getsockname()[1]
    gateway = kit.Gateway(services, folder / "drain", data_planes=1, settings={"drain_delay": "1", "shutdown_grace": "20"}).start()
    try:
        gateway.service("slow", Slow, paths=["/slow", "/ws"])
        dp = gateway.dps[0]
        with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as idle, \
                socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as busy, \
                socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as tunnel:
            idle.sendall(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")
            assert idle.recv(65536).startswith(b"HTTP/1.1 404 ")
            busy.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            upstream, _ = listener.accept()
            upstream.recv(65536)
            tunnel.sendall(b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
            far, _ = listener.accept()
            far.recv(65536)
            far.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n")
            assert tunnel.recv(65536).startswith(b"HTTP/1.1 101 ")

            dp.process.send_signal(signal.SIGTERM)
            kit.eventually(lambda: kit.call(dp.status, "GET", "/status/ready").status == 503, what="not ready")
            with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as late:
                late.sendall(b"GET /../ HTTP/1.1\r\nHost: h\r\n\r\n")
                assert late.recv(100).startswith(b"HTTP/1.1 400 "), "during drain_delay it serves"

            assert idle.recv(10) == b"", "idle connections are closed"
            kit.eventually(lambda: refuses(gateway.proxy), what="no new connections")
            far.sendall(b"still")
            assert tunnel.recv(65536) == b"still", "tunnels live on"
            upstream.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\ndone")
            got = busy.recv(65536)
            assert got.startswith(b"HTTP/1.1 200 ") and got.endswith(b"done") and b"\r\nConnection: close\r\n" in got
            far.close()
            assert tunnel.recv(10) == b""
        assert dp.process.wait(10) == 0, "it ends by itself once nothing runs"
    finally:
        gateway.stop()
        listener.close()


def refuses(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return False
    except ConnectionRefusedError:
        return True


def test_at_the_end_of_the_grace_what_still_runs_is_cut(services, folder):
    listener = socket.create_server(("127.0.0.1", 0))
    class Silent:
        port = listener.getsockname()[1]
    gateway = kit.Gateway(services, folder / "grace", data_planes=1, settings={"shutdown_grace": "1"}).start()
    try:
        gateway.service("silent", Silent, paths=["/"])
        with socket.create_connection(("127.0.0.1", gateway.proxy), timeout=10) as client:
            client.sendall(b"GET /slow HTTP/1.1\r\nHost: h\r\n\r\n")
            held, _ = listener.accept()
            gateway.dps[0].process.send_signal(signal.SIGTERM)
            assert client.recv(10) == b"" and gateway.dps[0].process.wait(10) == 0
            held.close()
    finally:
        gateway.stop()
        listener.close()
