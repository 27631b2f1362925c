"""pki: certificates for end-to-end tests, made with the openssl tool; and what a TLS client sees of a port."""
import re
import socket
import ssl
import subprocess
import time

import kit

SERVER = "subjectAltName={names}\nextendedKeyUsage=serverAuth,clientAuth\nbasicConstraints=critical,CA:FALSE\n"
AUTHORITY = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n"
KEYS = {"ec": ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"], "rsa": ["-newkey", "rsa:2048"]}


def openssl(*arguments, **more):
    return subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True, text=True, **more).stdout


class Pair:
    """A certificate and its key: files, and their text."""

    def __init__(self, folder, name, names=(), issuer=None, key="ec", extensions=None):
        self.name, self.issuer = name, issuer
        self.cert_path, self.key_path = folder / f"{name}.crt", folder / f"{name}.key"
        request, wanted = folder / f"{name}.csr", folder / f"{name}.ext"
        wanted.write_text(extensions or SERVER.format(names=",".join(f"DNS:{n}" for n in names or [name])))
        openssl("req", "-new", *KEYS[key], "-nodes", "-keyout", self.key_path, "-out", request, "-subj", f"/CN={name}")
        signer = ["-CA", issuer.cert_path, "-CAkey", issuer.key_path] if issuer else ["-signkey", self.key_path]
        openssl("x509", "-req", "-in", request, "-days", "30", "-extfile", wanted, "-out", self.cert_path, *signer)
        self.cert, self.key = self.cert_path.read_text(), self.key_path.read_text()

    @property
    def serial(self):
        return openssl("x509", "-noout", "-serial", "-in", self.cert_path).split("=")[1].strip()

    def entity(self, **more):
        return {"cert": self.cert, "key": self.key, **more}


def authority(folder, name, issuer=None):
    return Pair(folder, name, issuer=issuer, extensions=AUTHORITY)


def context(**more):
    """Of a client that believes anything."""
    made = ssl.create_default_context()
    made.check_hostname, made.verify_mode = False, ssl.CERT_NONE
    for name, value in more.items():
        setattr(made, name, value)
    return made


def connect(port, name=None, made=None):
    return (made or context()).wrap_socket(socket.create_connection((kit.LOOPBACK, port), timeout=5), server_hostname=name)


def shown(port, name=None, *options):
    """The subject's CN of what openssl s_client is shown; None when the handshake fails."""
    asked = ["-servername", name] if name else ["-noservername"]
    done = subprocess.run(["openssl", "s_client", "-connect", f"{kit.LOOPBACK}:{port}", *asked, *options], input="", capture_output=True, text=True)
    found = re.search(r"^subject=.*CN = (\S+)", done.stdout, re.M)
    return found.group(1) if found else None


def get(port, path="/", name=None, headers=(), made=None):
    """One request over TLS on a connection of its own; the answer's head and body as they came."""
    lines = [f"GET {path} HTTP/1.1", *(f"{n}: {v}" for n, v in headers), "Connection: close", "", ""]
    if not any(n.lower() == "host" for n, _ in headers):
        lines.insert(1, f"Host: {name or 'localhost'}")
    got = b""
    with connect(port, name, made) as s:
        s.sendall("\r\n".join(lines).encode())
        while more := s.recv(65536):
            got += more
    head, _, body = got.partition(b"\r\n\r\n")
    rows = head.decode("latin1").split("\r\n")
    return kit.Response(int(rows[0].split()[1]), [tuple(row.split(": ", 1)) for row in rows[1:]], body)


class TlsOrigin(kit.Origin):
    """An upstream that speaks TLS and echoes, beside the request, what it saw of the handshake: sni, the client's CN, whether the session was
    resumed, and a number for the connection."""

    def __init__(self, pair, clients=None):
        super().__init__(handler=self.note)
        self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.context.load_cert_chain(pair.cert_path, pair.key_path)
        if clients:
            self.context.verify_mode = ssl.CERT_OPTIONAL
            self.context.load_verify_locations(clients.cert_path)
        self.context.sni_callback = lambda s, name, _: setattr(s, "asked_for", name)
        self.server.socket = self.context.wrap_socket(self.server.socket, server_side=True, do_handshake_on_connect=False)
        self.connections = []

    def note(self, handler, seen):
        s = handler.connection
        if s not in self.connections:
            self.connections.append(s)
        subject = dict(pair[0] for pair in (s.getpeercert() or {}).get("subject", ()))
        seen |= {"sni": getattr(s, "asked_for", None), "client": subject.get("commonName"), "resumed": s.session_reused,
                 "connection": self.connections.index(s)}
        return False


CA_CONF = """[ca]
default_ca = d
[d]
database = {folder}/index
new_certs_dir = {folder}
rand_serial = yes
default_md = sha256
policy = p
unique_subject = no
x509_extensions = x
[p]
commonName = supplied
organizationName = optional
[x]
{extensions}
"""


def dated(folder, ca, ca_key, key, name, days_old, days_left, extensions="extendedKeyUsage=clientAuth\n"):
    """A certificate for a key, as PEM, that began days_old days ago and ends in days_left days."""
    folder.mkdir()
    (folder / "index").touch()
    (folder / "conf").write_text(CA_CONF.format(folder=folder, extensions=extensions))
    openssl("req", "-new", "-key", key, "-subj", f"/O=gatehouse/CN={name}", "-out", folder / "csr")
    begin, end = (time.strftime("%Y%m%d%H%M%SZ", time.gmtime(time.time() + days * 86400)) for days in (-days_old, days_left))
    openssl("ca", "-batch", "-notext", "-config", folder / "conf", "-cert", ca, "-keyfile", ca_key, "-in", folder / "csr", "-startdate", begin,
            "-enddate", end, "-out", folder / "crt")
    return (folder / "crt").read_text()
