"""json_schema: as much of JSON Schema 2020-12 as /openapi.json uses: checking a value, and making values that a schema refuses."""
import re

TYPES = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict, "null": type(None)}


def types_of(schema):
    kinds = schema.get("type", [])
    return kinds if isinstance(kinds, list) else [kinds]


def has_type(value, kind):
    return isinstance(value, TYPES[kind]) and not (isinstance(value, bool) and kind in ("integer", "number"))


class Schemas:
    """The components of a document, for references."""

    def __init__(self, document):
        self.document = document

    def resolve(self, schema):
        while "$ref" in schema:
            at = self.document
            for step in schema["$ref"].removeprefix("#/").split("/"):
                at = at[step]
            schema = at
        return schema

    def problems(self, value, schema, where="value"):
        """Everything that is wrong with a value."""
        schema = self.resolve(schema)
        kinds = types_of(schema)
        if kinds and not any(has_type(value, kind) for kind in kinds):
            yield f"{where}: {value!r} is none of {kinds}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{where}: {value!r} is not in {schema['enum']}"
        if "const" in schema and value != schema["const"]:
            yield f"{where}: {value!r} is not {schema['const']!r}"
        for part in schema.get("allOf", []):
            yield from self.problems(value, part, where)
        if "anyOf" in schema and all(any(self.problems(value, part, where)) for part in schema["anyOf"]):
            yield f"{where}: {value!r} fits nothing of {schema['anyOf']}"
        if "oneOf" in schema:
            fitting = [part for part in schema["oneOf"] if not any(self.problems(value, part, where))]
            if len(fitting) != 1:
                yield f"{where}: fits {len(fitting)} of {len(schema['oneOf'])} variants"
        yield from self.problems_by_type(value, schema, where)

    def problems_by_type(self, value, schema, where):
        if isinstance(value, (int, float)) and not isinstance(value, bool):
            if value < schema.get("minimum", value) or value > schema.get("maximum", value) or value <= schema.get("exclusiveMinimum", value - 1):
                yield f"{where}: {value} is out of range"
        elif isinstance(value, str):
            if not schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)):
                yield f"{where}: length of {value!r}"
            if "pattern" in schema and not re.search(schema["pattern"], value):
                yield f"{where}: {value!r} does not match {schema['pattern']}"
        elif isinstance(value, list):
            if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
                yield f"{where}: {len(value)} items"
            for i, item in enumerate(value):
                yield from self.problems(item, schema.get("items", {}), f"{where}[{i}]")
        elif isinstance(value, dict):
            if not schema.get("minProperties", 0) <= len(value) <= schema.get("maxProperties", len(value)):
                yield f"{where}: {len(value)} properties"
            yield from self.problems_of_object(value, schema, where)

    def problems_of_object(self, value, schema, where):
        properties = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                yield f"{where}: {name} is missing"
        for name, inner in value.items():
            if name in properties:
                yield from self.problems(inner, properties[name], f"{where}.{name}")
            elif schema.get("additionalProperties") is False:
                yield f"{where}: {name} is not a property"
            elif isinstance(schema.get("additionalProperties"), dict):
                yield from self.problems(inner, schema["additionalProperties"], f"{where}.{name}")

    def refused(self, schema):
        """(why, value) for every rule of a schema that a value can break."""
        schema = self.resolve(schema)
        kinds = types_of(schema)
        if "const" in schema:
            yield "const", "something else"
            return
        if "string" in kinds:
            yield "type", {"an": "object"}
        elif kinds:
            yield "type", "a string"
        if "enum" in schema:
            yield "enum", "no-such-choice" if "string" in kinds else 999999937
            return
        if kinds and "null" not in kinds and "x-made-up" not in schema:
            yield "null", None
        for key, step in (("minimum", -1), ("maximum", 1), ("exclusiveMinimum", 0)):
            if key in schema:
                yield key, schema[key] + step
        if "minLength" in schema:
            yield "minLength", "x" * (schema["minLength"] - 1)
        if "minProperties" in schema:
            yield "minProperties", {}
        if "maxLength" in schema:
            yield "maxLength", "x" * (schema["maxLength"] + 1)
        if "pattern" in schema or "anyOf" in schema:
            yield "pattern", " ,!"
        if "items" in schema:
            for why, value in self.refused(schema["items"]):
                yield f"items.{why}", [value]
        if "object" in kinds and "x-reference" not in schema:
            yield from self.refused_objects(schema)

    def refused_objects(self, schema):
        for name, inner in schema.get("properties", {}).items():
            for why, value in self.refused(inner):
                yield f"{name}.{why}", {name: value}
        if schema.get("additionalProperties") is False:
            yield "unknown", {"no_such_field": 1}
        elif isinstance(schema.get("additionalProperties"), dict):
            for why, value in self.refused(schema["additionalProperties"]):
                yield f"values.{why}", {"a": value}
