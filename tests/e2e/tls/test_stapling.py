"""OCSP stapling: a certificate that names a responder is shown with its answer, fetched beside the handshakes; openssl is the responder."""
import re
import subprocess

import kit
import pki
import pytest


@pytest.fixture(scope="module")
def gateway(services, folder):
    made = kit.Gateway(services, folder, data_planes=1)
    made.tls = kit.free_port()
    made.dps[0].settings |= {"proxy_listen": f"127.0.0.1:{made.proxy}, 127.0.0.1:{made.tls} ssl", "nginx_worker_processes": 2}
    made.start()
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def clean(gateway):
    yield
    gateway.wipe()


class Responder:
    """Answers for certificates of one authority: V good, R revoked."""

    def __init__(self, folder, ca, signer=None):
        self.folder, self.ca, self.signer, self.port, self.process = folder, ca, signer or ca, kit.free_port(), None
        self.index = folder / f"index-{self.port}.txt"
        self.log = folder / f"ocsp-{self.port}.log"

    def pair(self, name):
        return pki.Pair(self.folder, name, issuer=self.ca, extensions=pki.SERVER.format(names=f"DNS:{name}") +
                        f"authorityInfoAccess=OCSP;URI:http://127.0.0.1:{self.port}/\n")

    def start(self, pair, state="V"):
        revoked = "260101000000Z" if state == "R" else ""
        self.index.write_text(f"{state}\t360101000000Z\t{revoked}\t{pair.serial}\tunknown\t/CN={pair.name}\n")
        self.process = subprocess.Popen(["openssl", "ocsp", "-index", self.index, "-port", str(self.port), "-ndays", "1", "-CA", self.ca.cert_path,
                                         "-rsigner", self.signer.cert_path, "-rkey", self.signer.key_path],
                                        stdout=open(self.log, "wb"), stderr=subprocess.STDOUT)

        kit.eventually(lambda: "waiting for OCSP client connections" in self.log.read_text(), what="the responder")
        return self

    def questions(self):
        return self.log.read_text().count("Received request")

    def stop(self):
        if self.process:
            self.process.kill()
            self.process.wait()


@pytest.fixture(scope="module")
def ca(folder):
    return pki.authority(folder, "ocsp-ca")


@pytest.fixture
def responder(folder, ca):
    made = []

    def make(**more):
        made.append(Responder(folder, ca, **more))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def stapled(gateway, name):
    """What a client that asks is told: the status of the certificate, or None."""
    done = subprocess.run(["openssl", "s_client", "-connect", f"127.0.0.1:{gateway.tls}", "-servername", name, "-status"], input="",
                          capture_output=True, text=True)
    assert f"CN = {name}" in done.stdout, "the handshake goes on whatever the responder does"
    found = re.search(r"Cert Status: (\w+)", done.stdout)
    return found.group(1) if found else None


def show(gateway, pair, chain):
    gateway.post("/certificates", {"cert": pair.cert + chain.cert, "key": pair.key, "snis": [pair.name]})


def complaints(folder):
    return (folder / "dp1/logs/error.log").read_text()


def test_the_answer_is_fetched_once_and_shown_by_all_workers(gateway, ca, responder):
    r = responder()
    pair = r.pair("good.test")
    r.start(pair)
    show(gateway, pair, ca)
    kit.eventually(lambda: stapled(gateway, "good.test") == "good", what="a staple")
    assert [stapled(gateway, "good.test") for _ in range(6)] == ["good"] * 6
    assert r.questions() == 1, "kept until it gets old"
    r.stop()
    assert stapled(gateway, "good.test") == "good", "without the responder too"


def test_a_signer_that_the_authority_has_named_is_believed(gateway, ca, folder, responder):
    signer = pki.Pair(folder, "signer", issuer=ca, extensions="extendedKeyUsage=OCSPSigning\n")
    r = responder(signer=signer)
    pair = r.pair("delegated.test")
    r.start(pair)
    show(gateway, pair, ca)
    kit.eventually(lambda: stapled(gateway, "delegated.test") == "good", what="a staple")


def test_an_answer_signed_by_a_stranger_is_not_shown(gateway, ca, folder, responder):
    r = responder(signer=pki.authority(folder, "stranger"))
    pair = r.pair("forged.test")
    r.start(pair)
    show(gateway, pair, ca)
    assert stapled(gateway, "forged.test") is None
    kit.eventually(lambda: "is not signed as it must be" in complaints(folder), what="the complaint")
    assert stapled(gateway, "forged.test") is None


def test_a_revoked_certificate_gets_no_staple_and_a_complaint(gateway, ca, folder, responder):
    r = responder()
    pair = r.pair("revoked.test")
    r.start(pair, state="R")
    show(gateway, pair, ca)
    assert stapled(gateway, "revoked.test") is None
    kit.eventually(lambda: "the certificate is revoked" in complaints(folder), what="the complaint")


def test_a_responder_that_is_away_costs_no_handshake(gateway, ca, folder, responder):
    r = responder()
    pair = r.pair("away.test")
    show(gateway, pair, ca)
    assert [stapled(gateway, "away.test") for _ in range(3)] == [None] * 3
    kit.eventually(lambda: f"127.0.0.1:{r.port}" in complaints(folder), what="the complaint")
    assert complaints(folder).count(f"127.0.0.1:{r.port}") == 1, "and is asked again only after a pause"


def test_without_the_issuer_there_is_nothing_to_ask(gateway, ca, responder):
    r = responder()
    pair = r.pair("alone.test")
    r.start(pair)
    gateway.post("/certificates", {"cert": pair.cert, "key": pair.key, "snis": [pair.name]})
    assert [stapled(gateway, "alone.test") for _ in range(3)] == [None] * 3
    assert r.questions() == 0
