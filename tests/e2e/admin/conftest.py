"""Fixtures of the Admin API's tests: gateways for all of them, one open, one that asks for a login, and a control plane alone."""
import json
import pathlib
import shutil
import subprocess
import tempfile
import urllib.parse

import kit
import pytest


class Admin:
    """The Admin API of one control plane."""

    def __init__(self, gateway):
        self.gateway, self.port = gateway, gateway.admin

    def ask(self, method, path, data=None, *, form=None, raw=None, type=None, headers=()):
        """data: sent as JSON; form: urlencoded, a dict or text as it is; raw: bytes of the given type."""
        if data is not None:
            raw, type = json.dumps(data).encode(), "application/json"
        elif form is not None:
            raw = (form if isinstance(form, str) else urllib.parse.urlencode(form, doseq=True)).encode()
            type = "application/x-www-form-urlencoded"
        pairs = [*headers, *([("Content-Type", type)] if type else [])]
        return kit.call(self.port, method, path, pairs, raw, timeout=30)

    def make(self, path, data=None, **how):
        answer = self.ask("POST", path, data if data is not None or how else {}, **how)
        assert answer.status == 201, answer
        return answer.json

    def refused(self, status, method, path, data=None, **how):
        answer = self.ask(method, path, data, **how)
        assert answer.status == status, answer
        return answer.json

    def violation(self, path, data=None, **how):
        """The message of a POST that is refused, without the words around it."""
        body = self.refused(400, "POST", path, data, **how)
        assert (body["code"], body["name"]) == (2, "schema violation"), body
        return body["message"].removeprefix("schema violation (").removesuffix(")")


@pytest.fixture(scope="session")
def admin(services):
    folder = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-admin-", dir="/var/tmp"))
    gateway = kit.Gateway(services, folder, data_planes=0)
    gateway.cp.settings["role"] = "traditional"
    gateway.start()
    yield Admin(gateway)
    gateway.stop()
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def admin_folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-adm-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="session")
def shared_gateway(services, admin_folder):
    gateway = kit.Gateway(services, admin_folder / "open", data_planes=1).start()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def protected(services, admin_folder):
    """Asks for a login; `root` is the token of its first admin."""
    settings = {"admin_auth": "on", "upkeep_interval": 1, "admin_body_timeout": 1}
    gateway = kit.Gateway(services, admin_folder / "protected", data_planes=1, settings=settings).start()
    gateway.root = gateway.gatectl("admin", "create", "--name", "root", "--role", "admin").stdout.strip()
    yield gateway
    gateway.stop()


@pytest.fixture(scope="session")
def pem(tmp_path_factory):
    """A certificate with its key, and one of an authority."""
    folder = tmp_path_factory.mktemp("pem")

    def make(name, *extensions):
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
                        f"/CN={name}", "-keyout", folder / f"{name}.key", "-out", folder / f"{name}.crt", *extensions],
                       check=True, capture_output=True)
        return (folder / f"{name}.crt").read_text(), (folder / f"{name}.key").read_text()

    return make
