"""deploy/debian and deploy/systemd: packages, units and their settings agree with each other and with this release. Building, lintian and a
bare machine: scripts/make-deb and deploy/debian/on-a-bare-machine."""
import configparser
import re
import subprocess

import kit
import pytest

DEBIAN, SYSTEMD = kit.ROOT / "deploy/debian", kit.ROOT / "deploy/systemd"
PLANES = {"gatehouse-cp": "gatehouse.conf", "gatehouse-dp": "data-plane.conf"}


def settings_of(path):
    lines = [line.partition("=") for line in path.read_text().splitlines() if line and not line.startswith("#")]
    return {name.strip(): value.strip() for name, _, value in lines}


@pytest.fixture(params=PLANES)
def plane(request):
    unit = configparser.RawConfigParser(strict=False, delimiters="=")
    unit.optionxform = str
    unit.read(SYSTEMD / f"{request.param}.service")
    return request.param, unit["Service"], SYSTEMD / PLANES[request.param]


def test_the_packaged_settings_are_well(plane):
    name, _, conf = plane
    done = subprocess.run([kit.BUILD / "gatectl", "check", conf], capture_output=True, text=True)
    assert done.returncode == 0 and "unknown" not in done.stderr, done.stderr
    assert settings_of(conf)["role"] == {"gatehouse-cp": "control_plane", "gatehouse-dp": "data_plane"}[name]


def test_a_unit_may_write_where_its_settings_say(plane):
    name, unit, conf = plane
    settings = settings_of(conf)
    assert settings["prefix"] == f"/var/lib/{unit['StateDirectory']}"
    for key, value in settings.items():
        if key.endswith("_log") and value.startswith("/var"):
            assert value.startswith(f"/var/log/{unit['LogsDirectory']}/"), key
    assert unit["User"] == unit["Group"] == name and unit["ProtectSystem"] == "strict" and unit["NoNewPrivileges"] == "yes"
    assert unit["LimitCORE"] == "0" and unit["Type"] == "notify"


def test_a_unit_runs_what_the_packages_install(plane):
    name, unit, conf = plane
    assert unit["ExecStart"] == f"/usr/bin/gatectl start --foreground --conf /etc/gatehouse/{conf.name}"
    assert unit["ExecReload"] == f"/usr/bin/gatectl reload --conf /etc/gatehouse/{conf.name}"
    assert f"deploy/systemd/{conf.name} etc/gatehouse" in (DEBIAN / f"{name}.install").read_text()
    assert f"build/release/{name} usr/bin" in (DEBIAN / f"{name}.install").read_text()
    rotated = (DEBIAN / f"{name}.logrotate").read_text()
    assert rotated.startswith(f"/var/log/{unit['LogsDirectory']}/*.log") and f"--signal=USR1 {name}" in rotated


def test_everything_that_is_installed_is_there():
    for path in DEBIAN.glob("*.install"):
        for line in path.read_text().splitlines():
            source = line.split()[0]
            assert source.startswith(("build/", "debian/made/")) or (kit.ROOT / source).exists(), source
    for path in [*DEBIAN.glob("*.manpages"), *DEBIAN.glob("*.docs")]:
        assert all((kit.ROOT / line).exists() for line in path.read_text().split()), path


def test_the_planes_of_one_machine_find_each_other():
    control_plane, data_plane = (settings_of(SYSTEMD / conf) for conf in PLANES.values())
    assert data_plane["cluster_control_plane"] == control_plane["cluster_listen"]
    assert data_plane["cluster_ca_cert"] == control_plane["cluster_ca_cert"]
    made = (DEBIAN / "local-certificates").read_text()
    for node, settings in (("cp", control_plane), ("dp", data_plane)):
        assert settings["cluster_cert"] == f"/etc/gatehouse/cluster/{node}.crt" and f"issue {node} gatehouse-{node}" in made


def test_the_packages_are_of_this_release():
    release = re.search(r'GATEHOUSE_RELEASE "(.*)"', (kit.ROOT / "common/core/release.h").read_text())[1]
    assert (DEBIAN / "changelog").read_text().startswith(f"gatehouse ({release}) ")
    for page in DEBIAN.glob("*.[18]"):
        assert f'"Gatehouse {release}"' in page.read_text().splitlines()[0], page


def test_manual_pages_name_commands_that_are_there():
    page = (DEBIAN / "gatectl.1").read_text()
    for words in re.findall(r"^\.RB \( (.*) \)", page, re.M):
        for command in re.findall(r"[a-z]+", words):
            assert subprocess.run([kit.BUILD / "gatectl", command, "--help"], capture_output=True).returncode == 0, command
