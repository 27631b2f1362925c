#!/usr/bin/env python3
"""manifests.py OPENAPI [FOLDER...]: holds the Kubernetes manifests against the schema of a cluster, without one. OPENAPI is what a cluster says
of itself (`kubectl get --raw /openapi/v2`), FOLDERs the kustomizations, by default all overlays. Stricter than a cluster: a field that the
schema does not know is a fault. Exits 0 when every manifest conforms.

build() does what `kubectl kustomize` does with the few features that deploy/kubernetes uses, and refuses others."""
import copy
import json
import pathlib
import sys

import yaml

ROOT = pathlib.Path(__file__).resolve().parents[1]
OVERLAYS = ROOT / "deploy/kubernetes/overlays"
WITHOUT_NAMESPACE = {"Namespace", "ClusterRole", "ClusterRoleBinding", "PersistentVolume", "StorageClass"}


# ---- building ----


def documents(path):
    return [d for d in yaml.safe_load_all(path.read_text()) if d]


def merge(into, patch, where):
    """A strategic merge of maps. Lists would need keys, so no patch of ours has one."""
    for key, value in patch.items():
        if isinstance(value, list):
            raise ValueError(f"{where}: {key}: a patch with a list is not supported")
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            merge(into[key], value, f"{where}: {key}")
        elif value is None:
            into.pop(key, None)
        else:
            into[key] = copy.deepcopy(value)


def identity(document):
    return document["apiVersion"], document["kind"], document["metadata"]["name"]


def pod_spec(document):
    """The pod that a manifest makes, or None."""
    return document.get("spec", {}).get("template", {}).get("spec") if document["kind"] != "NetworkPolicy" else None


def containers(document):
    pod = pod_spec(document) or {}
    return pod.get("initContainers", []) + pod.get("containers", [])


def set_images(made, images):
    for container in (c for document in made for c in containers(document)):
        name, _, tag = container["image"].partition(":")
        for image in images:
            if image["name"] == name:
                container["image"] = f"{image.get('newName', name)}:{image.get('newTag', tag)}"


def build(folder):
    """The manifests of a kustomization, as dictionaries, in the order of its resources."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    known = {"apiVersion", "kind", "namespace", "resources", "patches", "images"}
    if kustomization.keys() - known:
        raise ValueError(f"{folder}: {sorted(kustomization.keys() - known)} is not supported")
    made = []
    for name in kustomization["resources"]:
        made += build(folder / name) if (folder / name).is_dir() else documents(folder / name)
    for patch in kustomization.get("patches", []):
        for change in documents(folder / patch["path"]):
            targets = [d for d in made if identity(d) == identity(change)]
            if len(targets) != 1:
                raise ValueError(f"{folder}: {patch['path']}: {identity(change)} fits {len(targets)} manifests")
            merge(targets[0], change, patch["path"])
    for document in made:
        if kustomization.get("namespace") and document["kind"] not in WITHOUT_NAMESPACE:
            document["metadata"]["namespace"] = kustomization["namespace"]
    set_images(made, kustomization.get("images", []))
    return made


# ---- checking ----


class Schema:
    """The definitions of an OpenAPI 2 document."""

    def __init__(self, openapi):
        self.version = openapi["info"]["version"]
        self.definitions = openapi["definitions"]
        self.kinds = {}
        for name, definition in self.definitions.items():
            for kind in definition.get("x-kubernetes-group-version-kind", []):
                api = f"{kind['group']}/{kind['version']}" if kind["group"] else kind["version"]
                self.kinds[api, kind["kind"]] = name

    def faults(self, document):
        name = self.kinds.get((document.get("apiVersion"), document.get("kind")))
        if not name:
            return [f"the schema has no {document.get('apiVersion')} {document.get('kind')}"]
        return list(self.walk(document, self.definitions[name], ""))

    def walk(self, value, schema, where):
        if "$ref" in schema:
            schema = self.definitions[schema["$ref"].rsplit("/", 1)[1]]
        kind = schema.get("type", "object" if "properties" in schema else None)
        expected = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict}.get(kind)
        if schema.get("format") == "int-or-string":
            expected = (int, str)
        elif name_of_quantity(schema):
            expected = (str, int, float)
        if expected and (not isinstance(value, expected) or (isinstance(value, bool) and kind != "boolean")):
            yield f"{where}: {value!r} is not of type {kind}"
        elif isinstance(value, dict) and kind == "object":
            yield from self.walk_object(value, schema, where)
        elif isinstance(value, list):
            for i, item in enumerate(value):
                yield from self.walk(item, schema["items"], f"{where}[{i}]")
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is none of {schema['enum']}"

    def walk_object(self, value, schema, where):
        properties, rest = schema.get("properties", {}), schema.get("additionalProperties")
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}.{name}: is missing"
        for name, member in value.items():
            if name in properties or rest:
                yield from self.walk(member, properties.get(name, rest), f"{where}.{name}")
            elif properties:
                yield f"{where}.{name}: is not known"


def name_of_quantity(schema):
    """Quantities are strings to the schema; who writes `cpu: 1` means one all the same."""
    return "Quantity is a fixed-point representation" in schema.get("description", "")


def main(openapi, *folders):
    schema = Schema(json.loads(pathlib.Path(openapi).read_text()))
    bad = count = 0
    for folder in map(pathlib.Path, folders or sorted(OVERLAYS.iterdir())):
        for document in build(folder):
            count += 1
            for fault in schema.faults(document):
                bad += 1
                print(f"{folder.name}: {document['kind']} {document['metadata']['name']}: {fault}")
    print(f"{count} manifests, {bad} faults, Kubernetes {schema.version}")
    return bad != 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
