"""The cluster port meets strangers, broken nodes and stolen certificates: the control plane and the other data planes go on."""
import os
import socket
import ssl
import time

import kit
import pytest


def alive(gateway, origin, name):
    gateway.service(name, origin)
    return [kit.call(port, "GET", f"/{name}").status for port in gateway.proxies] == [200, 200]


def test_garbage_half_open_and_slow_connections_do_no_harm(gateway, origin):
    pid = gateway.cp.pid
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", os.urandom(4096), b"\x16\x03\x01\xff\xff" + os.urandom(100), b"\0SP\0\0\x21\0\0" + b"\0" * 500):
        with socket.create_connection((kit.LOOPBACK, gateway.cluster)) as s:
            s.sendall(data)
    half_open = [socket.create_connection((kit.LOOPBACK, gateway.cluster)) for _ in range(50)]
    slow = socket.create_connection((kit.LOOPBACK, gateway.cluster))
    slow.sendall(b"\x16")
    assert alive(gateway, origin, "s1")
    for s in half_open + [slow]:
        s.close()
    assert alive(gateway, origin, "s2") and gateway.cp.pid == pid and gateway.cp.process.poll() is None


def with_certificate(gateway, name, protocol):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(gateway.certs / "ca.crt")
    context.load_cert_chain(gateway.certs / f"{name}.crt", gateway.certs / f"{name}.key")
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(socket.create_connection((kit.LOOPBACK, gateway.cluster), timeout=5))


@pytest.mark.parametrize("protocol", ["gatehouse-pub/1", "gatehouse-rep/1"])
@pytest.mark.parametrize("data", [b"\0SP\0\0\x21\0\0" + b"x" * 100, b"\0SP\0\0\x30\0\0\x01" + b"\xff" * 8, os.urandom(2000),
                                  b"\0SP\0\0\x30\0\0\x01" + (20).to_bytes(8, "big") + b"\x80\0\0\1" + os.urandom(16)])
def test_a_valid_certificate_that_sends_nonsense_is_cut_off(gateway, origin, protocol, data):
    with with_certificate(gateway, "dp1", protocol) as s:
        s.sendall(data)
        time.sleep(0.2)
    assert gateway.cp.process.poll() is None and alive(gateway, origin, "s")


def test_without_a_certificate_nobody_gets_in(gateway):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.set_alpn_protocols(["gatehouse-rep/1"])
    with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
        with context.wrap_socket(socket.create_connection((kit.LOOPBACK, gateway.cluster), timeout=5)) as s:
            s.sendall(b"\0SP\0\0\x30\0\0")
            assert s.recv(100)
