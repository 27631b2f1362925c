"""Fixtures of the Admin API's tests: two gateways for all of them, one open, one that asks for a login."""
import pathlib
import shutil
import subprocess
import tempfile

import kit
import pytest


def gatectl(gateway, *words):
    done = subprocess.run([kit.BUILD / "gatectl", *words, "--conf", gateway.cp.conf], capture_output=True, text=True, timeout=20)
    assert done.returncode == 0, done
    return done


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
    gateway.root = gatectl(gateway, "admin", "create", "--name", "root", "--role", "admin").stdout.strip()
    yield gateway
    gateway.stop()
