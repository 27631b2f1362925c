"""Client certificates: a plugin (built outside the tree, as users do) asks for one in the handshake and sees it in access; who is asked depends on
the name, and sessions are not carried over."""
import socket
import ssl
import subprocess

import kit
import pki
import pytest

PLUGIN = r"""/* show-client: asks for a client certificate and tells in headers what came. */
#include <openssl/x509.h>

#include "common/plugin/plugin.h"

struct show_client {
	bool end;
};

static const struct field fields[] = {
        FIELD(struct show_client, end, .dflt = "false", .flags = REQUIRED, .doc = "Whether handshakes end."),
        {0},
};
static const struct schema config = {.name = "show-client", .size = sizeof(struct show_client), .fields = fields};

static enum verdict on_certificate(struct call *c)
{
	const struct show_client *conf = c->conf;
	call_ask_client_certificate(c);
	return conf->end ? STOP : GO;
}

static enum verdict on_access(struct call *c)
{
	char name[64] = "nobody";
	if (c->x->tls.client)
		X509_NAME_get_text_by_NID(X509_get_subject_name(c->x->tls.client), NID_commonName, name, sizeof name);
	call_respond_header(c, S("X-Client"), arena_dup(c->x->arena, slice_cstr(name)));
	call_respond_header(c, S("X-Chain"), arena_decimal(c->x->arena, c->x->tls.client_chain ? sk_X509_num(c->x->tls.client_chain) : 0));
	call_respond_header(c, S("X-Asked"), c->x->tls.was_asked ? S("yes") : S("no"));
	call_respond_header(c, S("X-Verify"), c->x->tls.client_verify);
	call_respond_header(c, S("X-Name"), slice_is_set(c->x->server_name) ? c->x->server_name : S("none"));
	return GO;
}

const struct plugin show_client_plugin = {
        .name = "show-client", .priority = 1600, .scopes = SCOPE_ROUTE | SCOPE_SERVICE, .protocols = PROTOCOLS_HTTP, .config = &config,
        .certificate = on_certificate, .access = on_access, .doc = "Tells who the client is."};

PLUGIN_OBJECT(show_client_plugin);
"""


@pytest.fixture(scope="module")
def gateway(services, folder):
    source, objects = folder / "show-client", folder / "objects"
    objects.mkdir()
    subprocess.run([kit.BUILD / "gatectl", "plugin", "new", "show-client", "--shared", source], check=True, stdout=subprocess.DEVNULL)
    (source / "show_client.c").write_text(PLUGIN)
    subprocess.run(["make", "-s", "-C", source, f"GATEHOUSE={kit.ROOT}"], check=True)
    (source / "show-client.so").rename(objects / "show-client.so")
    made = kit.Gateway(services, folder / "gw", data_planes=1, settings={"plugin_dir": objects})
    made.tls = kit.free_port()
    made.dps[0].settings["proxy_listen"] = f"127.0.0.1:{made.proxy}, 127.0.0.1:{made.tls} ssl"
    made.start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def client(folder):
    root = pki.authority(folder, "clients")
    middle = pki.authority(folder, "clients-middle", root)
    pair = pki.Pair(folder, "tern", issuer=middle)
    pair.cert_path.write_text(pair.cert + middle.cert)
    return pair


@pytest.fixture
def asked(gateway, origin):
    """A route that asks who the client is, for a name of its own, beside one that does not."""
    gateway.service("open", origin, paths=["/"])
    gateway.service("asked", origin, paths=["/who"], snis=["who.test"], protocols=["https"])
    gateway.post("/routes/asked/plugins", {"name": "show-client"})
    yield
    gateway.wipe()


def with_pair(pair, **more):
    made = pki.context(**more)
    made.load_cert_chain(pair.cert_path, pair.key_path)
    return made


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_a_client_that_is_asked_is_seen_with_its_chain(gateway, client, asked, version):
    answer = pki.get(gateway.tls, "/who", "who.test", made=with_pair(client, maximum_version=version))
    assert [answer.headers[n] for n in ("x-client", "x-chain", "x-asked", "x-name")] == ["tern", "1", "yes", "who.test"]
    assert answer.headers["x-verify"].startswith("FAILED:"), "nobody has verified it yet"
    answer = pki.get(gateway.tls, "/who", "who.test", made=pki.context(maximum_version=version))
    assert [answer.headers[n] for n in ("x-client", "x-asked", "x-verify")] == ["nobody", "yes", "NONE"]


def test_other_names_are_not_asked(gateway, client, asked):
    def is_asked(name):
        done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.tls}", "-servername", name], input="", capture_output=True,
                              text=True)
        return "Acceptable client certificate CA names" in done.stdout or "Requested Signature Algorithms" in done.stdout

    assert is_asked("who.test") and is_asked("WHO.test.")
    assert not is_asked("other.test")
    gateway.api("PATCH", "/routes/asked", {"snis": None})
    assert is_asked("other.test"), "a route without names may be anybody's"
    gateway.wipe()
    assert not is_asked("who.test")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_sessions_are_not_carried_over_between_names(gateway, client, asked, version):
    made = with_pair(client, minimum_version=version, maximum_version=version)

    def ask(name, session=None):
        with made.wrap_socket(socket.create_connection((kit.LOOPBACK, gateway.tls), timeout=5), server_hostname=name, session=session) as s:
            s.sendall(f"GET /who HTTP/1.1\r\nHost: {name}\r\n\r\n".encode())
            return s.recv(65536).decode().lower(), s.session_reused, s.session

    _, _, session = ask("open.test")
    answer, reused, _ = ask("open.test", session)
    assert reused
    answer, reused, session = ask("who.test", session)
    assert not reused and "x-client: tern" in answer
    answer, reused, _ = ask("who.test", session)
    assert not reused and "x-client: tern" in answer and "x-chain: 1" in answer


def test_a_plugin_can_end_handshakes(gateway, client, asked):
    row = gateway.api("GET", "/plugins").json["data"][0]
    gateway.api("PATCH", f"/plugins/{row['id']}", {"config": {"end": True}})
    with pytest.raises((ssl.SSLError, OSError)):
        pki.get(gateway.tls, "/who", "who.test")
    assert pki.get(gateway.tls, "/", "other.test").status == 200


def test_a_service_asks_for_the_names_of_its_routes(gateway, client, origin):
    made, _ = gateway.service("s", origin, paths=["/s"], snis=["s.test"], protocols=["https"])
    gateway.post("/services/s/plugins", {"name": "show-client"})
    assert pki.get(gateway.tls, "/s", "s.test", made=with_pair(client)).headers["x-client"] == "tern"
    gateway.wipe()
