"""A control plane alone, shared by all tests of this folder: they make entities under names of their own and remove nothing."""
import json
import pathlib
import shutil
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
