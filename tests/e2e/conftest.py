"""Fixtures: one PostgreSQL and Redis per run, one gateway of two data planes per module, wiped between tests."""
import pathlib
import shutil
import sys
import tempfile

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
import kit  # noqa: E402


@pytest.fixture(scope="session")
def services():
    made = kit.Services()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def folder():
    path = pathlib.Path(tempfile.mkdtemp(prefix="gatehouse-gw-", dir="/var/tmp"))
    yield path
    shutil.rmtree(path, ignore_errors=True)


@pytest.fixture(scope="module")
def shared_gateway(services, folder):
    gateway = kit.Gateway(services, folder, data_planes=2, proxy_ports=2).start()
    yield gateway
    gateway.stop()


@pytest.fixture
def gateway(shared_gateway):
    yield shared_gateway
    shared_gateway.wipe()


@pytest.fixture
def origin():
    made = kit.Origin()
    yield made
    made.close()
