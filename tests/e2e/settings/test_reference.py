"""The reference of settings is made from the table, and is that of this release."""
import subprocess

import kit


def test_the_reference_is_up_to_date():
    made = subprocess.run([kit.ROOT / "scripts/settings-reference"], capture_output=True, text=True, check=True).stdout
    assert made == (kit.ROOT / "deploy/SETTINGS.md").read_text(), "run scripts/settings-reference > deploy/SETTINGS.md"


def test_every_setting_has_a_meaning():
    table = subprocess.run([kit.BUILD / "gatectl", "settings"], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert len(table) > 50
    assert [line for line in table if line.endswith("|  |")] == []
