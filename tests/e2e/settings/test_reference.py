"""The references of settings and plugins are made from the tables, and are those of this release."""
import subprocess

import kit


def test_the_reference_is_up_to_date():
    made = subprocess.run([kit.ROOT / "scripts/settings-reference"], capture_output=True, text=True, check=True).stdout
    assert made == (kit.ROOT / "deploy/SETTINGS.md").read_text(), "run scripts/settings-reference > deploy/SETTINGS.md"


def test_the_reference_of_plugins_is_up_to_date():
    made = subprocess.run([kit.ROOT / "scripts/plugin-reference"], capture_output=True, text=True, check=True).stdout
    assert made == (kit.ROOT / "deploy/PLUGINS.md").read_text(), "run scripts/plugin-reference > deploy/PLUGINS.md"


def test_every_plugin_has_a_section_and_an_example():
    text = subprocess.run([kit.BUILD / "gatectl", "plugin", "reference"], capture_output=True, text=True, check=True).stdout
    sections = text.split("\n## ")[1:]
    assert len(sections) >= 20 and all("```\ncurl -X POST" in section for section in sections)
    assert [line for line in text.splitlines() if line.endswith("|  |")] == []


def test_every_setting_has_a_meaning():
    table = subprocess.run([kit.BUILD / "gatectl", "settings"], capture_output=True, text=True, check=True).stdout.splitlines()[2:]
    assert len(table) > 50
    assert [line for line in table if line.endswith("|  |")] == []
