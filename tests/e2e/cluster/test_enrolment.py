"""How a machine becomes a data plane, and stops being one: gatectl cluster token, join, revoke (users.md 3, house.md 7).

    control plane: gatectl cluster token        -> gatectl cluster join TOKEN@cp.example:8005
    new machine:   gatectl cluster join ...     -> a key that stays there, a certificate, settings
"""
import json
import os
import socket
import ssl
import stat
import subprocess

import kit
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
    everything = json.dumps(listed) + cluster.services.psql("select * from cluster_tokens", cluster.database) + cluster.cp.log.read_text()
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


@pytest.mark.parametrize("ttl", [0, -1, 30 * 86400 + 1, "soon"])
def test_a_token_lasts_from_a_second_to_thirty_days(cluster, ttl):
    answer = cluster.api("POST", "/clustering/tokens", {"ttl": ttl})
    assert answer.status == 400 and "from 1 to 2592000" in answer.json["message"]


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

def connection(cluster, protocol, dp=None):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(cluster.certs / "ca.crt")
    if dp:
        context.load_cert_chain(dp.joined["certificate"])
    context.set_alpn_protocols([protocol])
    return context.wrap_socket(socket.create_connection((kit.LOOPBACK, cluster.cluster), timeout=5))


def field(number, value):
    return bytes([number << 3 | 2, len(value)]) + value


def poll(cluster, dp, node_id):
    """The control plane's answer to a Poll of somebody with dp's certificate who says that he is node_id; b"": none."""
    body = b"\x80\0\0\1" + field(1, node_id.encode()) + field(2, b"thief")
    with connection(cluster, "gatehouse-rep/1", dp) as s:
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
    with connection(cluster, "gatehouse-sign/1") as s:
        assert s.selected_alpn_protocol() == "gatehouse-sign/1"
    for protocol in ("gatehouse-pub/1", "gatehouse-rep/1"):
        with pytest.raises((ssl.SSLError, ConnectionError, AssertionError)):
            with connection(cluster, protocol) as s:
                s.sendall(b"\0SP\0\0\x30\0\0")
                assert s.recv(100)


@pytest.mark.parametrize("data", [b"\xff\xff\xff\xff", b"\0\0\0\x04\xff\xff\xff\xff", b"\0\0\0\0", os.urandom(300), b"GET / HTTP/1.1\r\n\r\n"])
def test_nonsense_from_who_asks_for_a_certificate_does_no_harm(cluster, data):
    with connection(cluster, "gatehouse-sign/1") as s:
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
    assert "so that others can read it; run: chmod 0600" in dp.log.read_text()


# -- revoking

def test_a_revoked_node_gets_nothing_more(cluster, origin):
    dp = Joined(cluster, "stolen").start()
    cluster.wait_ready(dp)
    assert node(cluster, dp.id)["connected"]
    thief = connection(cluster, "gatehouse-rep/1", dp)
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
