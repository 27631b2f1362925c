"""A plugin of one's own: its skeleton from gatectl, built outside the tree, loaded by both planes, refused when it does not fit."""
import subprocess

import kit
import pytest


@pytest.fixture(scope="module")
def objects(folder):
    """A folder with say-hello.so, as the README of common/plugins has one make it."""
    source, objects = folder / "say-hello", folder / "objects"
    objects.mkdir()
    subprocess.run([kit.BUILD / "gatectl", "plugin", "new", "say-hello", "--shared", source], check=True, stdout=subprocess.DEVNULL)
    subprocess.run(["make", "-s", "-C", source, f"GATEHOUSE={kit.ROOT}"], check=True)
    (source / "say-hello.so").rename(objects / "say-hello.so")
    return objects


def test_it_is_configured_described_and_runs(services, folder, objects, origin):
    gateway = kit.Gateway(services, folder / "gw", settings={"plugin_dir": objects}).start()
    try:
        gateway.service("svc", origin)
        gateway.post("/services/svc/plugins", {"name": "say-hello", "config": {"greeting": "ahoy"}})
        assert gateway.get("/svc").headers["x-hello"] == "ahoy"
        assert gateway.api("GET", "/schemas/plugins/say-hello").status == 200
        assert gateway.api("POST", "/plugins", {"name": "say-hello", "config": {"header_name": "a b"}}).status == 400
    finally:
        gateway.stop()


@pytest.mark.parametrize("last_line, told", [
    ("#define PLUGIN_ABI 99\nPLUGIN_OBJECT(say_hello_plugin);", "was built for plugin ABI 99, this release has 3"),
    ("", "is no plugin of Gatehouse"),
])
def test_what_does_not_fit_is_refused_with_a_clear_text(tmp_path, last_line, told):
    source, objects = tmp_path / "source", tmp_path / "objects"
    objects.mkdir()
    subprocess.run([kit.BUILD / "gatectl", "plugin", "new", "say-hello", "--shared", source], check=True, stdout=subprocess.DEVNULL)
    code = source / "say_hello.c"
    code.write_text(code.read_text().replace("PLUGIN_OBJECT(say_hello_plugin);", last_line))
    subprocess.run(["make", "-s", "-C", source, f"GATEHOUSE={kit.ROOT}"], check=True)
    (source / "say-hello.so").rename(objects / "say-hello.so")
    for program in ("gatehouse-dp", "gatehouse-cp"):
        conf = tmp_path / f"{program}.conf"
        conf.write_text(f"prefix = {tmp_path}/{program}\nplugin_dir = {objects}\n")
        done = subprocess.run([kit.BUILD / program, "--conf", conf], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and told in done.stderr, done.stderr


def test_a_file_that_is_no_object_is_refused(tmp_path):
    (tmp_path / "x.so").write_text("no")
    conf = tmp_path / "conf"
    conf.write_text(f"prefix = {tmp_path}\nplugin_dir = {tmp_path}\n")
    done = subprocess.run([kit.BUILD / "gatehouse-dp", "--conf", conf], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1 and "x.so cannot be loaded" in done.stderr


def test_the_skeleton_of_a_plugin_in_the_tree(tmp_path):
    def new(name):
        return subprocess.run([kit.BUILD.resolve() / "gatectl", "plugin", "new", name], cwd=tmp_path, capture_output=True, text=True, timeout=20)

    assert "this is not the top of the source tree" in new("my-plugin").stderr
    for folder in ("common/plugin", "common/plugins", "tests/unit/plugins"):
        (tmp_path / folder).mkdir(parents=True)
    listed = tmp_path / "common/plugin/plugins.def"
    listed.write_text("PLUGIN(key_auth)\n")
    assert "&& build/release/tests/unit/plugins/test_my_plugin\n" in new("my-plugin").stdout
    assert listed.read_text() == "PLUGIN(key_auth)\nPLUGIN(my_plugin)\n"
    assert "const struct plugin my_plugin_plugin = {" in (tmp_path / "common/plugins/my_plugin.c").read_text()
    assert "'name':'my-plugin'" in (tmp_path / "tests/unit/plugins/test_my_plugin.c").read_text()
    assert "is there already" in new("my-plugin").stderr and listed.read_text().count("my_plugin") == 1
    assert "takes a name of lower-case letters" in new("My_plugin").stderr
