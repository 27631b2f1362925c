"""How a machine becomes a data plane, and stops being one: gatectl cluster token, join, revoke (users.md 3, house.md 7).

    control plane: gatectl cluster token        -> gatectl cluster join TOKEN@cp.example:8005
    new machine:   gatectl cluster join ...     -> a key that stays there, a certificate, settings
"""
import json
import os
import pathlib
import socket
import ssl
import stat
import subprocess
import time

import kit
import pki
import pytest


@pytest.fixture(scope="module")
def cluster(services, folder):
    """A control plane that can sign, and no data plane yet."""
    gateway = kit.Gateway(services, folder, data_planes=0)
    gateway.cp.settings["cluster_ca_key"] = gateway.certs / "ca.key"
    gateway.start()
    yield gateway
    gateway.stop()


def run(*words, code=0):
    done = subprocess.run([kit.BUILD / "gatectl", *map(str, words)], capture_output=True, text=True, timeout=30)
    assert done.returncode == code, done
    return done


def new_token(cluster, **body):
    answer = cluster.api("POST", "/clustering/tokens", body)
    assert answer.status == 201, answer
    return answer.json


def at(cluster, token):
    return f"{token}@{kit.LOOPBACK}:{cluster.cluster}"


class Joined(kit.Process):
    """A data plane whose settings gatectl cluster join has written."""

    def __init__(self, cluster, name, *more):
        prefix = cluster.folder / name
        super().__init__(cluster.folder, name, {}, "gatehouse-dp")
        self.out = run("cluster", "join", at(cluster, new_token(cluster)["token"]), "--conf", self.conf, "--prefix", prefix,
                       "-o", "json", *more)
        self.joined = json.loads(self.out.stdout)
        self.id = self.joined["id"]
        written = dict(line.split(" = ", 1) for line in self.conf.read_text().splitlines())
        self.proxy, self.status = kit.free_port(), kit.free_port()
        self.settings = {**written, "proxy_listen": f"{kit.LOOPBACK}:{self.proxy}", "status_listen": f"{kit.LOOPBACK}:{self.status}",
                         "nginx_worker_processes": 1}


def node(cluster, id):
    rows = {row["id"]: row for row in cluster.api("GET", "/clustering/data-planes").json["data"]}
    return rows.get(id)


def said(process):
    """What it has logged, before and after its log file was opened."""
    log = pathlib.Path(process.settings["prefix"]) / "logs/error.log"
    return process.log.read_text() + (log.read_text() if log.exists() else "")


def mode(path):
    return stat.S_IMODE(os.stat(path).st_mode)


# -- joining

def test_a_new_machine_joins_by_token_and_proxies(cluster, origin):
    dp = Joined(cluster, "machine1")
    assert mode(dp.joined["certificate"]) == 0o600 and mode(os.path.dirname(dp.joined["certificate"])) == 0o700
    dp.start()
    cluster.wait_ready(dp)
    cluster.service("joined", origin)
    assert kit.call(dp.proxy, "GET", "/joined").status == 200
    assert node(cluster, dp.id)["connected"]
    # the key has not left the machine: what the control plane keeps of the node are names and dates
    row = json.loads(cluster.services.psql("select row_to_json(n) from cluster_nodes n", cluster.database).splitlines()[0])
    assert row["id"] == dp.id and "PRIVATE KEY" not in json.dumps(row)
    dp.stop()


def test_the_token_is_shown_once_and_kept_as_a_digest(cluster):
    made = new_token(cluster)
    listed = cluster.api("GET", "/clustering/tokens").json["data"]
    assert made["id"] in [row["id"] for row in listed]
    everything = json.dumps(listed) + cluster.services.psql("select * from cluster_tokens", cluster.database) + said(cluster.cp)
    assert made["token"] not in everything and made["token"][30:60] not in everything


def refused(cluster, token, folder, conf=None):
    done = run("cluster", "join", at(cluster, token), "--prefix", folder, code=1)
    assert not (folder / "cluster" / "node.pem").exists()
    return done.stderr


def test_a_token_lets_in_one_node_only(cluster, tmp_path):
    token = new_token(cluster)["token"]
    first = json.loads(run("cluster", "join", at(cluster, token), "--prefix", tmp_path / "a", "-o", "json").stdout)
    words = refused(cluster, token, tmp_path / "b")
    assert "was used at" in words and first["id"] in words and "gatectl cluster token" in words


def test_of_many_who_come_at_once_with_one_token_one_gets_in(cluster, tmp_path):
    target = at(cluster, new_token(cluster)["token"])
    all = [subprocess.Popen([kit.BUILD / "gatectl", "cluster", "join", target, "--prefix", tmp_path / str(i)], stdout=subprocess.PIPE,
                            stderr=subprocess.PIPE, text=True) for i in range(6)]
    words = [process.communicate(timeout=30)[1] for process in all]
    assert sorted(process.returncode for process in all) == [0, 1, 1, 1, 1, 1]
    assert sum("was used at" in text for text in words) == 5


def test_a_token_ends(cluster, tmp_path):
    made = new_token(cluster, ttl=60)
    cluster.services.psql(f"update cluster_tokens set expires_at = now() - interval '1 s' where id = '{made['id']}'", cluster.database)
    assert "the token ended at" in refused(cluster, made["token"], tmp_path)


def test_a_token_can_be_taken_back(cluster, tmp_path):
    made = new_token(cluster)
    assert cluster.api("DELETE", f"/clustering/tokens/{made['id']}").status == 204
    assert cluster.api("DELETE", f"/clustering/tokens/{made['id']}").status == 404
    assert "no such token" in refused(cluster, made["token"], tmp_path)


def test_a_token_of_another_cluster_is_never_shown_to_this_one(cluster, tmp_path):
    """The fingerprint in it is of another CA: the client goes before it has said anything."""
    import base64
    token = new_token(cluster)["token"]
    raw = base64.urlsafe_b64decode(token[4:] + "=")
    other = "ghj_" + base64.urlsafe_b64encode(raw[:48] + os.urandom(32)).decode().rstrip("=")
    assert "of another cluster" in refused(cluster, other, tmp_path)
    run("cluster", "join", at(cluster, token), "--prefix", tmp_path)  # it was not spent


def test_what_is_no_token_is_refused_here(cluster, tmp_path):
    assert "is no token" in run("cluster", "join", f"ghj_abc@{kit.LOOPBACK}:{cluster.cluster}", "--prefix", tmp_path, code=64).stderr
    token = new_token(cluster)["token"]
    assert "HOST:PORT" in run("cluster", "join", token, "--prefix", tmp_path, code=64).stderr
    assert "expected HOST:PORT" in run("cluster", "join", token + "@nowhere", "--prefix", tmp_path, code=64).stderr


@pytest.mark.parametrize("body, words", [
    *(({"ttl": ttl}, "from 1 to 31622400") for ttl in (0, -1, 366 * 86400 + 1, "soon", None)),
    *(({"uses": uses}, "from 1 to 1000000") for uses in (0, -1, 1000001, "many", [])),
    ({"role": "king"}, "expected to be data_plane or control_plane"),
    ({"role": 7}, "expected to be data_plane or control_plane"),
    ({"role": "control_plane"}, "hosts is expected"),
    ({"role": "control_plane", "hosts": []}, "hosts is expected"),
    ({"role": "control_plane", "hosts": ["cp2"], "uses": 2}, "one of them"),
    ({"hosts": ["cp2"]}, "a data plane's certificate has none"),
    *(({"role": "control_plane", "hosts": hosts}, "DNS name or an address") for hosts in
      (["*"], ["*.example"], ["cp2", ""], [".."], ["a b"], ["cp2\n"], ["x" * 254], ["cp2", 7], {"a": 1}, 7, "cp2, cp3", "cp2/", [["cp2"]])),
    ({"role": "control_plane", "hosts": [f"cp{i}" for i in range(9)]}, "more than 8"),
])
def test_what_no_token_is_made_for(cluster, body, words):
    answer = cluster.api("POST", "/clustering/tokens", body)
    assert answer.status == 400 and words in answer.json["message"], answer


# -- many nodes by one token

def test_a_token_for_several_nodes_lets_in_so_many_and_no_more(cluster, tmp_path):
    """Eight at once, of five that are let in."""
    made = new_token(cluster, uses=5)
    all = [subprocess.Popen([kit.BUILD / "gatectl", "cluster", "join", at(cluster, made["token"]), "--prefix", tmp_path / str(i)],
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for i in range(8)]
    words = [process.communicate(timeout=30)[1] for process in all]
    assert sorted(process.returncode for process in all) == [0] * 5 + [1] * 3
    assert sum("was used up at" in text and "for 5 nodes" in text for text in words) == 3
    row = {row["id"]: row for row in cluster.api("GET", "/clustering/tokens").json["data"]}[made["id"]]
    assert (row["role"], row["uses"], row["used"], row["hosts"]) == ("data_plane", 5, 5, "")
    assert len({node_id(path) for path in tmp_path.glob("*/cluster/node.pem")}) == 5


def test_a_token_for_several_nodes_ends_and_is_taken_back_as_others_are(cluster, tmp_path):
    made = new_token(cluster, uses=1000)
    run("cluster", "join", at(cluster, made["token"]), "--prefix", tmp_path / "in")
    cluster.services.psql(f"update cluster_tokens set expires_at = now() - interval '1 s' where id = '{made['id']}'", cluster.database)
    assert "the token ended at" in refused(cluster, made["token"], tmp_path / "late")
    assert cluster.api("DELETE", f"/clustering/tokens/{made['id']}").status == 204
    assert "no such token" in refused(cluster, made["token"], tmp_path / "later")


def test_a_cluster_that_is_being_set_up_has_its_token_from_the_database(cluster, tmp_path):
    """As a composition does it: no login yet, a file, several control planes of which one does not answer, and a node that starts again and again."""
    away, prefix, token = kit.free_port(), tmp_path / "node", tmp_path / "token"
    addresses = f"{kit.LOOPBACK}:{away},{kit.LOOPBACK}:{cluster.cluster}"
    run("cluster", "token", "--database", "--uses", 3, "--ttl", "90d", "--at", addresses, "--out", token, "--conf", cluster.cp.conf)
    assert mode(token) == 0o600
    alone = run("cluster", "token", "--at", addresses, "--out", "-", "--conf", cluster.cp.conf).stdout
    assert alone.startswith("ghj_") and alone.endswith(f"@{addresses}\n") and len(alone.split()) == 1
    run("cluster", "join", "--from", token, "--conf", tmp_path / "conf", "--prefix", prefix, "--timeout", "10s", "--if-needed")
    assert f"cluster_control_plane = {addresses}\n" in (tmp_path / "conf").read_text()
    before = (prefix / "cluster" / "node.pem").read_text()
    again = run("cluster", "join", "--from", token, "--prefix", prefix, "--timeout", "10s", "--if-needed")
    assert "joined already" in again.stderr and (prefix / "cluster" / "node.pem").read_text() == before
    row = cluster.api("GET", "/clustering/tokens").json["data"][1]
    assert (row["created_by"], row["uses"], row["used"]) == ("gatectl", 3, 1) and row["expires_at"] - row["created_at"] == 90 * 86400


def test_who_waits_for_a_control_plane_gives_up_in_time(tmp_path, cluster):
    token = f"{new_token(cluster)['token']}@{kit.LOOPBACK}:{kit.free_port()}"
    assert "cannot connect" in run("cluster", "join", token, "--prefix", tmp_path, "--timeout", "10ms", code=1).stderr


@pytest.mark.parametrize("words, message", [
    (["--ttl", "367d"], "at most 366d"), (["--ttl", "soon"], "--ttl is"), (["--uses", "0"], "--uses is"), (["--uses", "x"], "--uses is"),
    (["--database"], "needs --at"), (["more"], "not expected here")])
def test_what_gatectl_makes_no_token_of(cluster, words, message):
    assert message in run("cluster", "token", *words, "--conf", cluster.cp.conf, code=64).stderr


# -- control planes

def new_control_plane(cluster, folder, *words, hosts=("cp2.example", "10.1.2.3"), code=0):
    made = new_token(cluster, role="control_plane", hosts=list(hosts))
    return made, run("cluster", "join", at(cluster, made["token"]), "--role", "control_plane", "--prefix", folder, *words, code=code)


def extension(path, name):
    return pki.openssl("x509", "-in", path, "-noout", "-ext", name)


def test_a_control_plane_joins_by_a_token_of_its_own(cluster, tmp_path):
    made, _ = new_control_plane(cluster, tmp_path, "--conf", tmp_path / "conf")
    cert = tmp_path / "cluster" / "node.pem"
    assert "TLS Web Server Authentication" in extension(cert, "extendedKeyUsage")
    names = extension(cert, "subjectAltName")
    assert all(name in names for name in ("DNS:cp2.example", "IP Address:10.1.2.3", "DNS:localhost", "IP Address:127.0.0.1"))
    conf = (tmp_path / "conf").read_text()
    assert "role = control_plane\n" in conf and "cluster_listen = 0.0.0.0:8005\n" in conf
    row = {row["id"]: row for row in cluster.api("GET", "/clustering/tokens").json["data"]}[made["id"]]
    assert (row["role"], row["hosts"], row["used_by"]) == ("control_plane", "cp2.example,10.1.2.3", node_id(cert))
    # once
    words = run("cluster", "join", at(cluster, made["token"]), "--role", "control_plane", "--prefix", tmp_path / "b", code=1).stderr
    assert "was used at" in words and not (tmp_path / "b").exists()


def test_gatectl_makes_the_whole_command_for_a_control_plane(cluster, tmp_path):
    words = run("cluster", "token", "--control-plane", "--host", "cp2.example", "--conf", cluster.cp.conf).stdout.split()
    assert words[4:] == ["--role", "control_plane"]
    run(*words[1:], "--prefix", tmp_path)
    assert "DNS:cp2.example" in extension(tmp_path / "cluster" / "node.pem", "subjectAltName")


def test_a_control_plane_has_names_of_its_token_only(cluster, tmp_path):
    made, done = new_control_plane(cluster, tmp_path / "a", "--host", "cp1.example", code=1)
    assert "not for a control plane at 'cp1.example', but at: cp2.example,10.1.2.3" in done.stderr
    for hosts in ("*", "cp2.example,cp1.example", "cp2.example." , ",".join(["cp2.example"] * 9)):
        run("cluster", "join", at(cluster, made["token"]), "--role", "control_plane", "--host", hosts, "--prefix", tmp_path / "a", code=1)
    # nothing was spent on it
    run("cluster", "join", at(cluster, made["token"]), "--role", "control_plane", "--host", "CP2.example", "--prefix", tmp_path / "b")
    assert "10.1.2.3" not in extension(tmp_path / "b" / "cluster" / "node.pem", "subjectAltName")


def test_a_data_planes_token_makes_no_control_plane(cluster, tmp_path):
    for made in (new_token(cluster), new_token(cluster, uses=7)):
        words = run("cluster", "join", at(cluster, made["token"]), "--role", "control_plane", "--host", "localhost", "--prefix", tmp_path, code=1).stderr
        assert "the token is for a data plane, and a control plane wants to join with it" in words
        row = {row["id"]: row for row in cluster.api("GET", "/clustering/tokens").json["data"]}[made["id"]]
        assert row["used"] == 0
    assert not (tmp_path / "cluster").exists()


def test_a_control_planes_token_makes_no_data_plane(cluster, tmp_path):
    made = new_token(cluster, role="control_plane", hosts="cp2.example")
    assert "the token is for a control plane, and a data plane" in refused(cluster, made["token"], tmp_path)


def number(n):
    out = b""
    while n > 127:
        out, n = out + bytes([n & 127 | 128]), n >> 7
    return out + bytes([n])


def ask(cluster, token=None, dp=None, role="", hosts=(), key=None):
    """What a client of somebody's own says: (the error, the certificate)."""
    import base64
    raw = base64.urlsafe_b64decode(token[4:] + "=") if token else b""
    csr = pki.openssl("req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", "/dev/null", "-subj", "/CN=cp2.example",
                      "-addext", "subjectAltName=DNS:cp2.example", "-addext", "extendedKeyUsage=serverAuth")
    fields = [(2, b"thief"), (3, raw[:16]), (4, raw[16:48]), (5, csr.encode()), (6, role.encode()), *((7, host.encode()) for host in hosts)]
    body = b"".join(bytes([n << 3 | 2]) + number(len(value)) + value for n, value in fields if value)
    with connection(cluster.cluster, "gatehouse-sign/1", dp) as s:
        s.sendall(len(body).to_bytes(4, "big") + body)
        got = b""
        while more := s.recv(65536):
            got += more
    at, found = 4, {}
    while at < len(got):
        tag, at = got[at], at + 1
        value = shift = 0
        while got[at] & 128:
            value, shift, at = value | (got[at] & 127) << shift, shift + 7, at + 1
        value, at = value | got[at] << shift, at + 1
        if tag & 7 == 2:
            found[tag >> 3] = got[at:at + value].decode()
            at += value
    return found.get(1, ""), found.get(5, "")


@pytest.mark.parametrize("role, hosts, words", [
    ("control_plane", [], "for a data plane"), ("control_plane", ["localhost"], "for a data plane"), ("data_plane", ["cp2.example"], "has no host names"),
    ("", ["cp2.example"], "has no host names"), ("CONTROL_PLANE", [], "is not known"), ("x" * 5000, [], "is not known")])
def test_whatever_is_said_with_a_data_planes_token(cluster, role, hosts, words):
    error, given = ask(cluster, new_token(cluster, uses=2)["token"], role=role, hosts=hosts)
    assert words in error and not given


def test_what_a_request_says_of_itself_makes_no_control_plane(cluster, tmp_path):
    """Neither names and usages in the request of who joins, nor a role in that of who renews."""
    token, dp = new_token(cluster, uses=2)["token"], Joined(cluster, "ambitious")
    for given in (ask(cluster, token)[1], ask(cluster, dp=dp, role="control_plane", hosts=["cp2.example"])[1]):
        (tmp_path / "pem").write_text(given)
        assert "Server Authentication" not in extension(tmp_path / "pem", "extendedKeyUsage")
        assert "cp2.example" not in extension(tmp_path / "pem", "subjectAltName")


def test_a_control_planes_certificate_serves_and_a_data_planes_does_not(cluster, tmp_path):
    """What tells one from the other is told by TLS: a data plane dials no server that has no such certificate."""
    new_control_plane(cluster, tmp_path)
    for path, served in ((tmp_path / "cluster" / "node.pem", True), (Joined(cluster, "pretender").joined["certificate"], False)):
        done = subprocess.run(["openssl", "verify", "-purpose", "sslserver", "-CAfile", cluster.certs / "ca.crt", path], capture_output=True)
        assert (done.returncode == 0) == served


def test_a_machine_that_has_joined_does_not_join_again_by_accident(cluster, tmp_path):
    run("cluster", "join", at(cluster, new_token(cluster)["token"]), "--prefix", tmp_path)
    assert "joined already" in run("cluster", "join", at(cluster, new_token(cluster)["token"]), "--prefix", tmp_path, code=1).stderr
    run("cluster", "join", at(cluster, new_token(cluster)["token"]), "--prefix", tmp_path, "--again")


def test_gatectl_makes_the_whole_command(cluster, tmp_path):
    done = run("cluster", "token", "--ttl", "10m", "--conf", cluster.cp.conf)
    words = done.stdout.split()
    assert words[:3] == ["gatectl", "cluster", "join"] and words[3].endswith(f":{cluster.cluster}") and "shown only now" in done.stderr
    run(*words[1:], "--prefix", tmp_path)


def test_without_the_authoritys_key_no_token_is_made(services, folder):
    gateway = kit.Gateway(services, folder / "keyless", data_planes=0)
    gateway.start()
    answer = gateway.api("POST", "/clustering/tokens", {})
    assert answer.status == 400 and "cluster_ca_key is not set" in answer.json["message"]
    gateway.stop()


# -- identity and keys

def connection(port, protocol, dp=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if dp:
        context.load_cert_chain(dp.joined["certificate"])
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(socket.create_connection((kit.LOOPBACK, port), timeout=5))


def field(number, value):
    return bytes([number << 3 | 2, len(value)]) + value


def poll(cluster, dp, node_id):
    """The control plane's answer to a Poll of somebody with dp's certificate who says that he is node_id; b"": none."""
    body = b"\x80\0\0\1" + field(1, node_id.encode()) + field(2, b"thief")
    with connection(cluster.cluster, "gatehouse-rep/1", dp) as s:
        s.sendall(b"\0SP\0\0\x30\0\0" + b"\x01" + len(body).to_bytes(8, "big") + body)
        got = b""
        while len(got) < 8 + 9 or len(got) < 8 + 9 + int.from_bytes(got[9:17], "big"):
            more = s.recv(65536)
            if not more:
                return b""
            got += more
        return got[8 + 9:]


def test_a_node_cannot_report_as_another(cluster):
    honest, thief = Joined(cluster, "honest"), Joined(cluster, "thief")
    assert b"is not that of the certificate" in poll(cluster, thief, honest.id)
    assert node(cluster, honest.id) is None
    assert b"is not that" not in poll(cluster, thief, thief.id)
    assert node(cluster, thief.id)["hostname"] == "thief"


def test_only_who_asks_for_a_certificate_comes_without_one(cluster):
    with connection(cluster.cluster, "gatehouse-sign/1") as s:
        assert s.selected_alpn_protocol() == "gatehouse-sign/1"
    for protocol in ("gatehouse-pub/1", "gatehouse-rep/1"):
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            with connection(cluster.cluster, protocol) as s:
                s.sendall(b"\0SP\0\0\x30\0\0")
                assert s.recv(100)


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\x04\xff\xff\xff\xff", b"\0\0\0\0", os.urandom(300), b"GET / HTTP/1.1\r\n\r\n"])
def test_nonsense_from_who_asks_for_a_certificate_does_no_harm(cluster, data):
    with connection(cluster.cluster, "gatehouse-sign/1") as s:
        s.sendall(data)
        try:
            s.recv(4096)
        except ConnectionError:
            pass
    assert cluster.cp.process.poll() is None and cluster.api("GET", "/clustering/tokens").status == 200


def test_a_key_that_others_can_read_is_refused(cluster):
    dp = Joined(cluster, "careless")
    os.chmod(dp.joined["certificate"], 0o644)
    dp.start(wait=False)
    assert dp.process.wait(20) == 1
    assert "so that others can read it; run: chmod 0600" in said(dp)


# -- revoking

def test_a_revoked_node_gets_nothing_more(cluster, origin):
    dp = Joined(cluster, "stolen").start()
    cluster.wait_ready(dp)
    assert node(cluster, dp.id)["connected"]
    thief = connection(cluster.cluster, "gatehouse-rep/1", dp)
    thief.sendall(b"\0SP\0\0\x30\0\0")
    assert thief.recv(8) == b"\0SP\0\0\x31\0\0"
    run("cluster", "revoke", dp.id, "-m", "stolen", "--conf", cluster.cp.conf)
    # what is there is cut at once, what comes is refused
    assert thief.recv(100) == b""
    assert poll_or_nothing(cluster, dp) == b""
    listed = cluster.api("GET", "/clustering/revoked").json["data"]
    assert [row["message"] for row in listed if row["id"] == dp.id] == ["stolen"]
    # nor is there another certificate for it
    made, _ = cluster.service("after", origin)
    assert kit.call(dp.proxy, "GET", "/after").status == 404
    dp.stop()


def poll_or_nothing(cluster, dp):
    try:
        return poll(cluster, dp, dp.id)
    except (ssl.SSLError, ConnectionError):
        return b""


def test_revoked_through_another_control_plane_and_after_a_restart(cluster):
    """The other one wrote the row; this one looks once a second. After a restart the list is there before anybody comes in."""
    dp = Joined(cluster, "stolen2")
    assert poll(cluster, dp, dp.id)
    cluster.services.psql(f"update cluster_nodes set revoked_at = now() where id = '{dp.id}'", cluster.database)
    kit.eventually(lambda: poll_or_nothing(cluster, dp) == b"", what="the revoked node is refused")
    cluster.cp.stop()
    cluster.cp.start()
    assert poll_or_nothing(cluster, dp) == b""


def test_whom_to_revoke(cluster):
    assert "no node is called 'nobody'" in run("cluster", "revoke", "nobody", "--conf", cluster.cp.conf, code=1).stderr
    assert cluster.api("POST", "/clustering/data-planes/12345/revoke").status == 404


# -- renewing

def certificate(path):
    """(serial, days left) of a PEM file."""
    out = subprocess.run(["openssl", "x509", "-in", path, "-noout", "-serial", "-enddate"], check=True, capture_output=True, text=True).stdout
    serial, end = (line.split("=", 1)[1] for line in out.splitlines())
    return serial, (ssl.cert_time_to_seconds(end) - time.time()) / 86400


def age(cluster, key, name, extensions="extendedKeyUsage=clientAuth\n"):
    """A certificate of the cluster's CA for this key whose end is near: what is there 80 days after it was made."""
    return pki.dated(cluster.folder / f"aged-{name}", cluster.certs / "ca.crt", cluster.certs / "ca.key", key, name, 80, 10, extensions)


def test_a_certificate_is_renewed_before_it_ends(cluster, origin):
    """The pair in one file: a new key, too. Proxied requests do not notice."""
    dp = Joined(cluster, "renewing")
    path = dp.joined["certificate"]
    pem = open(path).read()
    key = cluster.folder / "renewing.key"
    key.write_text(pem[pem.index("-----BEGIN PRIVATE KEY"):])
    key.chmod(0o600)
    with open(path, "w") as f:
        f.write(age(cluster, key, dp.id) + key.read_text())
    before = certificate(path)
    assert 9 < before[1] < 11
    dp.start()
    cluster.wait_ready(dp)
    cluster.service("renewing", origin)
    assert kit.call(dp.proxy, "GET", "/renewing").status == 200
    kit.eventually(lambda: certificate(path)[0] != before[0], what="the certificate is another")
    assert 88 < certificate(path)[1] < 91 and mode(path) == 0o600
    assert key.read_text() not in open(path).read()
    # the link goes on with the new one, and changes keep coming
    kit.eventually(lambda: "renewed" in said(dp), what="said so")
    cluster.service("renewed", origin)
    kit.eventually(lambda: kit.call(dp.proxy, "GET", "/renewed").status == 200, what="the link goes on")
    shown = cluster.services.psql(f"select serial from cluster_nodes where id = '{dp.id}'", cluster.database)
    assert shown.upper() == certificate(path)[0]
    dp.stop()


def test_who_was_given_two_files_keeps_the_key(cluster):
    """gatectl cluster cert makes certificate and key apart: one of them is replaced, so that what is on disk is always a pair."""
    run("cluster", "cert", "--dir", cluster.certs, "byhand")
    cert, key = cluster.certs / "byhand.crt", cluster.certs / "byhand.key"
    name = node_id(cert)
    cert.write_text(age(cluster, key, name))
    before, secret = certificate(cert)[0], key.read_text()
    dp = cluster.data_plane("byhand", kit.free_port(), {}).start()
    kit.eventually(lambda: certificate(cert)[0] != before, what="the certificate is another")
    assert key.read_text() == secret and certificate(cert)[1] > 88
    kit.eventually(lambda: (node(cluster, name) or {}).get("connected"), what="it is there with the new one")
    dp.stop()


def node_id(cert):
    return pki.openssl("x509", "-in", cert, "-noout", "-subject", "-nameopt", "multiline").split("commonName")[1].split("=")[1].split()[0]


def test_a_revoked_node_gets_no_next_certificate(cluster):
    dp = Joined(cluster, "revoked3")
    with open(dp.joined["certificate"]) as f:
        pem = f.read()
    key = cluster.folder / "revoked3.key"
    key.write_text(pem[pem.index("-----BEGIN PRIVATE KEY"):])
    key.chmod(0o600)
    with open(dp.joined["certificate"], "w") as f:
        f.write(age(cluster, key, dp.id) + key.read_text())
    assert cluster.api("POST", f"/clustering/data-planes/{dp.id}/revoke").status == 200
    before = certificate(dp.joined["certificate"])
    dp.start()
    kit.eventually(lambda: "this node's certificate is not renewed yet" in said(dp), what="it is refused")
    assert certificate(dp.joined["certificate"])[0] == before[0]
    dp.stop()


def test_the_control_plane_renews_its_own(cluster, origin):
    cert, key = cluster.certs / "cp.crt", cluster.certs / "cp.key"
    cluster.cp.stop()
    cert.write_text(age(cluster, key, node_id(cert), "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=IP:127.0.0.1,DNS:localhost\n"))
    before = certificate(cert)[0]
    cluster.cp.start()
    kit.eventually(lambda: certificate(cert)[0] != before, what="the certificate is another")
    assert 88 < certificate(cert)[1] < 91
    kit.eventually(lambda: shown_serial(cluster.cluster) == certificate(cert)[0], what="it is shown")
    assert "DNS:localhost" in pki.openssl("x509", "-in", cert, "-noout", "-ext", "subjectAltName")


class SecondControlPlane(kit.Process):
    """One that joined by a token and has no key of the authority; its certificate is about to end."""

    def __init__(self, cluster, name, **settings):
        super().__init__(cluster.folder, name, {}, "gatehouse-cp")
        prefix, self.port = cluster.folder / name, kit.free_port()
        new_control_plane(cluster, prefix, "--conf", self.conf)
        written = dict(line.split(" = ", 1) for line in self.conf.read_text().splitlines())
        database = {key: value for key, value in cluster.cp.settings.items() if key.startswith("pg_")}
        self.settings = {**database, **written, "admin_listen": f"{kit.LOOPBACK}:{kit.free_port()}",
                         "cluster_listen": f"{kit.LOOPBACK}:{self.port}", **settings}
        self.pem = prefix / "cluster" / "node.pem"
        self.age(cluster)

    def age(self, cluster):
        pem = self.pem.read_text()
        key = cluster.folder / f"{self.pem.parents[1].name}.key"
        key.write_text(pem[pem.index("-----BEGIN PRIVATE KEY"):])
        key.chmod(0o600)
        aged = age(cluster, key, node_id(self.pem), "extendedKeyUsage=serverAuth,clientAuth\nsubjectAltName=DNS:cp2.example,IP:127.0.0.1\n")
        self.pem.write_text(aged + key.read_text())

    def renews(self, cluster):
        before = certificate(self.pem)[0]
        self.start(wait=False)
        kit.eventually(lambda: certificate(self.pem)[0] != before, what="the certificate is another")
        assert 88 < certificate(self.pem)[1] < 91 and mode(self.pem) == 0o600
        assert "TLS Web Server Authentication" in extension(self.pem, "extendedKeyUsage")
        assert "DNS:cp2.example" in extension(self.pem, "subjectAltName")
        kit.eventually(lambda: shown_serial(self.port) == certificate(self.pem)[0], what="it is shown")


def test_a_control_plane_without_the_authoritys_key_renews_through_another(cluster):
    """And a data plane that follows both renews although the one that it asks first has no key."""
    cp, dp = SecondControlPlane(cluster, "cp2"), Joined(cluster, "between")
    cp.renews(cluster)
    key = cluster.folder / "between.key"
    pem = open(dp.joined["certificate"]).read()
    key.write_text(pem[pem.index("-----BEGIN PRIVATE KEY"):])
    key.chmod(0o600)
    with open(dp.joined["certificate"], "w") as f:
        f.write(age(cluster, key, dp.id) + key.read_text())
    before = certificate(dp.joined["certificate"])[0]
    dp.settings["cluster_control_plane"] = f"{kit.LOOPBACK}:{cp.port}, {kit.LOOPBACK}:{cluster.cluster}"
    dp.start()
    kit.eventually(lambda: certificate(dp.joined["certificate"])[0] != before, what="the certificate is another")
    dp.stop()
    cp.stop()


def test_a_control_plane_that_has_the_key_renews_what_it_got_by_a_token(cluster):
    cp = SecondControlPlane(cluster, "cp3", cluster_ca_key=cluster.certs / "ca.key", cluster_control_plane="ipc")
    secret = cp.pem.read_text()[cp.pem.read_text().index("-----BEGIN PRIVATE KEY"):]
    cp.renews(cluster)
    assert secret in cp.pem.read_text()
    cp.stop()


def test_a_revoked_control_plane_gets_no_next_certificate(cluster):
    cp = SecondControlPlane(cluster, "cp4")
    before = certificate(cp.pem)[0]
    assert cluster.api("POST", f"/clustering/data-planes/{node_id(cp.pem)}/revoke").status == 200
    cp.start(wait=False)
    kit.eventually(lambda: "this node's certificate is not renewed yet" in said(cp), what="it is refused")
    assert certificate(cp.pem)[0] == before
    cp.stop()


def shown_serial(port):
    with connection(port, "gatehouse-sign/1") as s:
        der = s.getpeercert(binary_form=True)
    return subprocess.run(["openssl", "x509", "-inform", "der", "-noout", "-serial"], input=der, capture_output=True).stdout.decode().strip().split("=")[1]
