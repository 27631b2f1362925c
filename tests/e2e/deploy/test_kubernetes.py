"""deploy/kubernetes: everything that one manifest says of another holds, and every setting exists. Against the schema of a cluster they are
held by scripts/manifests.py, whose own rules are tested here."""
import copy
import re
import sys

import kit
import pytest

sys.path.insert(0, str(kit.ROOT / "scripts"))
import manifests  # noqa: E402

FOLDER = kit.ROOT / "deploy/kubernetes"
OVERLAYS = sorted(folder.name for folder in manifests.OVERLAYS.iterdir())
PROBES = {"/status/live", "/status/ready"}
COMPOSE_IMAGES = {"gatehouse", "postgres:15", "redis:7"}


@pytest.fixture(params=OVERLAYS)
def made(request):
    return manifests.build(manifests.OVERLAYS / request.param)


def of_kind(made, *kinds):
    return [d for d in made if d["kind"] in kinds]


def names(made, kind):
    return {d["metadata"]["name"] for d in of_kind(made, kind)}


def pods(made):
    """(labels, pod) of everything that makes pods."""
    return [(d["spec"]["template"]["metadata"]["labels"], manifests.pod_spec(d)) for d in made if manifests.pod_spec(d)]


def selected(made, labels):
    return [pod for has, pod in pods(made) if labels.items() <= has.items()]


def port_names(pod):
    return {port["name"] for container in pod["containers"] for port in container.get("ports", [])}


def each_container(made):
    return [(d["metadata"]["name"], pod, c) for d in made if (pod := manifests.pod_spec(d)) for c in manifests.containers(d)]


def variables(made, container):
    """What a container's environment holds; values of Secrets are made up."""
    found = {}
    for source in container.get("envFrom", []):
        config, = [d for d in of_kind(made, "ConfigMap") if d["metadata"]["name"] == source["configMapRef"]["name"]]
        found |= config["data"]
    for entry in container.get("env", []):
        found[entry["name"]] = entry.get("value", "secret")
    return found


def test_every_file_is_part_of_a_kustomization():
    listed = {(path.parent / name).resolve() for path in FOLDER.rglob("kustomization.yaml")
              for name in re.findall(r"^  - (?:path: )?(.*\.yaml)$", path.read_text(), re.M)}
    assert {p.resolve() for p in FOLDER.rglob("*.yaml") if p.name != "kustomization.yaml"} == listed


def test_every_manifest_is_once_in_one_namespace(made):
    identities = [manifests.identity(d) for d in made]
    assert len(identities) == len(set(identities))
    assert {d["metadata"].get("namespace") for d in made if d["kind"] != "Namespace"} == names(made, "Namespace")


def test_the_issue_s_list_is_there(made):
    """Issue 6, 5: two cp replicas, dp with HorizontalPodAutoscaler and PodDisruptionBudget, Services, migration Job, NetworkPolicies."""
    deployments = {d["metadata"]["name"]: d["spec"] for d in of_kind(made, "Deployment")}
    sets = {d["metadata"]["name"]: d["spec"] for d in of_kind(made, "StatefulSet")}
    assert sets["gatehouse-cp"]["replicas"] == 2 and "replicas" not in deployments["gatehouse-dp"], "the autoscaler says how many"
    autoscaler, = of_kind(made, "HorizontalPodAutoscaler")
    target = autoscaler["spec"]["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("Deployment", "gatehouse-dp") and autoscaler["spec"]["minReplicas"] >= 2
    assert {"gatehouse-cp", "gatehouse-dp"} <= names(made, "PodDisruptionBudget")
    assert names(made, "Job") == {"gatehouse-migrations"} and "deny-all" in names(made, "NetworkPolicy")


def test_selectors_find_what_they_select(made):
    for d in of_kind(made, "Deployment", "StatefulSet"):
        assert d["spec"]["selector"]["matchLabels"].items() <= d["spec"]["template"]["metadata"]["labels"].items(), d["metadata"]
    for d in of_kind(made, "PodDisruptionBudget"):
        assert selected(made, d["spec"]["selector"]["matchLabels"]), d["metadata"]
    for d in of_kind(made, "Service"):
        found = selected(made, d["spec"]["selector"])
        assert found and all(port["targetPort"] in port_names(pod) for port in d["spec"]["ports"] for pod in found), d["metadata"]
    for d in of_kind(made, "StatefulSet"):
        assert d["spec"]["serviceName"] in names(made, "Service")


def test_network_policies_are_about_pods_and_ports_that_are_there(made):
    outside = {"gatehouse/admin"}  # a label that users give their own pods
    for d in of_kind(made, "NetworkPolicy"):
        found = selected(made, d["spec"]["podSelector"].get("matchLabels", {}))
        assert found, d["metadata"]
        for rule in d["spec"].get("ingress", []):
            for port in rule["ports"]:
                assert all(port["port"] in port_names(pod) for pod in found), (d["metadata"], port)
            for peer in rule.get("from", []):
                labels = peer["podSelector"]["matchLabels"]
                assert selected(made, labels) or labels.keys() <= outside, (d["metadata"], labels)


def test_what_connects_may_connect(made):
    """Who is told of a Service by a setting passes the policies on its way there."""
    allowed = {(d["metadata"]["name"], port["port"]) for d in of_kind(made, "NetworkPolicy") for rule in d["spec"].get("ingress", [])
               for port in rule["ports"]}
    assert {("gatehouse-cp", "cluster"), ("gatehouse-cp", "admin"), ("gatehouse-dp", "proxy"), ("gatehouse-dp", "status")} <= allowed
    data_plane, = [c for name, _, c in each_container(made) if c["name"] == "gatehouse-dp"]
    control_plane, = [d for d in of_kind(made, "StatefulSet") if d["metadata"]["name"] == "gatehouse-cp"]
    places = variables(made, data_plane)["GATEHOUSE_CLUSTER_CONTROL_PLANE"].split(", ")
    service, = [d for d in of_kind(made, "Service") if d["metadata"]["name"] == control_plane["spec"]["serviceName"]]
    port, = [port["port"] for port in service["spec"]["ports"] if port["targetPort"] == "cluster"]
    assert places == [f"gatehouse-cp-{i}.{service['metadata']['name']}:{port}" for i in range(control_plane["spec"]["replicas"])]
    assert service["spec"]["clusterIP"] == "None", "only a headless Service gives pods names"
    assert service["spec"]["publishNotReadyAddresses"], "a control plane without its database still gives the last version"
    assert f"--at {','.join(places)} |" in (FOLDER / "README.md").read_text(), "new nodes dial the same"


def test_control_planes_alone_see_the_authoritys_key(made):
    sees = {d["metadata"]["name"] for d in made if (pod := manifests.pod_spec(d))
            for v in pod.get("volumes", []) if v.get("secret", {}).get("secretName") == "gatehouse-cluster-ca"}
    assert sees == {"gatehouse-cp"}


def test_what_runs_before_a_container_is_a_command_that_there_is(made, tmp_path):
    """The words of the manifests, as a shell and gatectl read them: a certificate for the pod's name; options of cluster join."""
    commands = {c["name"]: c["command"] for _, pod, _ in each_container(made) for c in pod.get("initContainers", [])}
    ca, cluster = tmp_path / "ca", tmp_path / "cluster"
    cluster.mkdir()
    kit.subprocess.run([kit.BUILD / "gatectl", "cluster", "cert", "--dir", ca, "cp"], check=True, capture_output=True)
    words = [word.replace("/etc/gatehouse/cluster", str(cluster)).replace("/ca/", f"{ca}/") for word in commands["certificate"]]
    kit.subprocess.run(words, check=True, capture_output=True, env={"PATH": f"{kit.BUILD.resolve()}:/usr/bin:/bin", "POD": "gatehouse-cp-1"})
    names = kit.subprocess.run(["openssl", "x509", "-in", cluster / "cp.crt", "-noout", "-ext", "subjectAltName"], capture_output=True, text=True).stdout
    assert "DNS:gatehouse-cp-1.gatehouse-cp" in names and (cluster / "ca.key").stat().st_mode & 0o77 == 0
    token = tmp_path / "token"
    token.write_text(f"ghj_{'A' * 107}@{kit.LOOPBACK}:1\n")
    words = [word.replace("/join/token", str(token)).replace("/etc/gatehouse/cluster", str(tmp_path / "dp")) for word in commands["join"]]
    words[words.index("--timeout") + 1] = "1ms"
    done = kit.subprocess.run([kit.BUILD / words[0], *words[1:]], capture_output=True, text=True, timeout=30)
    assert done.returncode == 1 and f"cannot connect to {kit.LOOPBACK}:1" in done.stderr


def test_what_is_referred_to_is_there(made):
    readme = (FOLDER / "README.md").read_text()
    for d in (d for d in made if manifests.pod_spec(d)):
        pod = manifests.pod_spec(d)
        volumes = {v["name"] for v in pod.get("volumes", [])} | {c["metadata"]["name"] for c in d["spec"].get("volumeClaimTemplates", [])}
        secrets = {v["secret"]["secretName"] for v in pod.get("volumes", []) if "secret" in v}
        for container in manifests.containers(d):
            assert {s["configMapRef"]["name"] for s in container.get("envFrom", [])} <= names(made, "ConfigMap")
            assert {mount["name"] for mount in container.get("volumeMounts", [])} <= volumes, d["metadata"]
            secrets |= {e["valueFrom"]["secretKeyRef"]["name"] for e in container.get("env", []) if "secretKeyRef" in e.get("valueFrom", {})}
        assert pod["serviceAccountName"] in names(made, "ServiceAccount")
        for secret in secrets:
            assert f"create secret generic {secret} " in readme, f"README.md does not say how to make {secret}"


def test_no_secret_is_in_the_tree(made):
    assert of_kind(made, "Secret") == []
    for _, _, container in each_container(made):
        for entry in container.get("env", []):
            assert "PASSWORD" not in entry["name"] or "valueFrom" in entry, entry["name"]


def test_every_setting_exists_and_has_a_value_it_may_have(made, check_environment):
    checked = 0
    for _, _, container in each_container(made):
        if container["image"].startswith("gatehouse:"):
            check_environment(variables(made, container))
            checked += 1
    assert checked == 5


def test_files_that_settings_name_are_in_a_volume(made):
    for _, _, container in each_container(made):
        mounts = {mount["mountPath"] for mount in container.get("volumeMounts", [])}
        for name, value in variables(made, container).items():
            if name.endswith(("_CERT", "_CERT_KEY")):
                assert value.rsplit("/", 1)[0] in mounts, name


def test_ports_are_those_that_the_settings_listen_on(made):
    listens = {"gatehouse-cp": "ADMIN STATUS CLUSTER", "gatehouse-dp": "PROXY STATUS"}
    for _, _, container in each_container(made):
        if container["name"] in listens:
            settings = variables(made, container)
            addresses = ",".join(settings[f"GATEHOUSE_{name}_LISTEN"] for name in listens[container["name"]].split())
            assert {port["containerPort"] for port in container["ports"]} == {int(p) for p in re.findall(r"0\.0\.0\.0:(\d+)", addresses)}


def test_containers_are_closed(made):
    for name, pod, container in each_container(made):
        assert pod["automountServiceAccountToken"] is False and pod["securityContext"]["runAsNonRoot"] is True, name
        assert pod["securityContext"]["runAsUser"] > 0 and pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        closed = container["securityContext"]
        assert closed["readOnlyRootFilesystem"] is True and closed["allowPrivilegeEscalation"] is False, name
        assert closed["capabilities"] == {"drop": ["ALL"]}
        assert container["resources"]["requests"].keys() == {"cpu", "memory"} and "memory" in container["resources"]["limits"]


def test_probes_ask_what_is_answered(made):
    for name, _, container in each_container(made):
        probes = [container[kind] for kind in ("startupProbe", "livenessProbe", "readinessProbe") if kind in container]
        for probe in probes:
            if "httpGet" in probe:
                assert probe["httpGet"]["path"] in PROBES and probe["httpGet"]["port"] == "status", name
    for _, _, container in each_container(made):
        if container["name"] in ("gatehouse-cp", "gatehouse-dp"):
            assert container["readinessProbe"]["httpGet"]["path"] == "/status/ready"
            assert container["livenessProbe"]["httpGet"]["path"] == container["startupProbe"]["httpGet"]["path"] == "/status/live"


def test_a_pod_has_the_time_that_its_settings_take(made):
    for _, pod, container in each_container(made):
        if container["name"] == "gatehouse-dp":
            settings = variables(made, container)
            needed = int(settings["GATEHOUSE_DRAIN_DELAY"]) + int(settings["GATEHOUSE_SHUTDOWN_GRACE"])
            assert pod["terminationGracePeriodSeconds"] > needed


def test_images_are_those_of_compose_and_of_this_release(made):
    release = re.search(r'GATEHOUSE_RELEASE "(.*)"', (kit.ROOT / "common/core/release.h").read_text())[1]
    images = {container["image"] for _, _, container in each_container(made)}
    assert images <= {f"gatehouse:{release}"} | COMPOSE_IMAGES
    compose = (kit.ROOT / "docker-compose.yml").read_text()
    assert all(f"image: {image}\n" in compose for image in COMPOSE_IMAGES)


# -- scripts/manifests.py

OPENAPI = {"info": {"version": "test"}, "definitions": {
    "Thing": {"type": "object", "required": ["kind"], "x-kubernetes-group-version-kind": [{"group": "g", "version": "v1", "kind": "Thing"}],
              "properties": {"kind": {"type": "string", "enum": ["Thing"]}, "apiVersion": {"type": "string"}, "spec": {"$ref": "#/definitions/Spec"},
                             "metadata": {"type": "object", "additionalProperties": {"type": "string"}}}},
    "Spec": {"type": "object", "properties": {"count": {"type": "integer"}, "ports": {"type": "array", "items": {"$ref": "#/definitions/Port"}}}},
    "Port": {"type": "string", "format": "int-or-string"}}}
GOOD = {"apiVersion": "g/v1", "kind": "Thing", "metadata": {"name": "x"}, "spec": {"count": 1, "ports": [80, "http"]}}


@pytest.mark.parametrize("change, fault", [
    ({}, None),
    ({"kind": "Other"}, "the schema has no g/v1 Other"),
    ({"spec": {"cuont": 1}}, ".spec.cuont: is not known"),
    ({"spec": {"count": "1"}}, ".spec.count: '1' is not of type integer"),
    ({"spec": {"count": True}}, ".spec.count: True is not of type integer"),
    ({"spec": {"ports": [1.5]}}, ".spec.ports[0]: 1.5 is not of type string"),
    ({"spec": {"ports": 80}}, ".spec.ports: 80 is not of type array"),
    ({"spec": None}, ".spec: None is not of type object"),
    ({"metadata": {"name": 1}}, ".metadata.name: 1 is not of type string"),
])
def test_a_manifest_that_the_schema_does_not_know_is_a_fault(change, fault):
    faults = manifests.Schema(OPENAPI).faults({**GOOD, **change})
    assert faults == ([fault] if fault else [])


def test_a_missing_field_is_a_fault():
    schema = manifests.Schema(OPENAPI)
    assert list(schema.walk({}, schema.definitions["Thing"], "")) == [".kind: is missing"]


def test_patches_are_merged_as_kustomize_does():
    into = {"a": {"b": 1, "c": 2}, "d": 3}
    manifests.merge(into, {"a": {"b": 9, "c": None}, "e": {"f": 4}}, "x")
    assert into == {"a": {"b": 9}, "d": 3, "e": {"f": 4}}
    with pytest.raises(ValueError, match="list"):
        manifests.merge(copy.deepcopy(into), {"d": [1]}, "x")
