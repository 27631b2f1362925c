"""What deploy/ names must be there: settings in the programs' table, commands of gatectl, files in the tree."""
import os
import subprocess

import kit
import pytest


@pytest.fixture(scope="session")
def setting_names():
    table = subprocess.run([kit.BUILD / "gatectl", "settings"], capture_output=True, text=True, check=True).stdout
    return {line.split("`")[1] for line in table.splitlines() if line.startswith("| `")}


@pytest.fixture(scope="session")
def check_environment(setting_names, tmp_path_factory):
    """Are these variables of a container settings that exist, with values that they may have?"""
    prefix = tmp_path_factory.mktemp("prefix")

    def check(variables):
        for name in variables:
            known = name.lower().removeprefix("gatehouse_").removeprefix("kong_")
            assert not name.startswith(("GATEHOUSE_", "KONG_")) or known in setting_names, f"{name} is no setting"
        done = subprocess.run([kit.BUILD / "gatectl", "check"], capture_output=True, text=True, timeout=20,
                              env={"PATH": os.environ["PATH"], "GATEHOUSE_PREFIX": str(prefix), **variables})
        assert done.returncode == 0, (variables, done.stderr)
    return check
