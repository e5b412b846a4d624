# SPDX-License-Identifier: Apache-2.0
"""The part of JSON Schema that ours uses, of the standard library only."""


def check(value, schema, path="$"):
    """Returns what is wrong with value, a line each."""
    wrong = []
    if "const" in schema and value != schema["const"]:
        wrong.append(f"{path}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        wrong.append(f"{path}: {value!r} is not in {schema['enum']}")
    types = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
    if "type" in schema:
        wanted = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]

        def is_a(name):
            if name in ("integer", "number"):
                kinds = int if name == "integer" else (int, float)
                return isinstance(value, kinds) and not isinstance(value, bool)
            return isinstance(value, types[name])
        if not any(is_a(name) for name in wanted):
            return [f"{path}: {value!r} is no {' or '.join(wanted)}"]
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            wrong.append(f"{path}: {value} is out of range")
    if isinstance(value, dict):
        known = schema.get("properties", {})
        wrong += [f"{path}: no {name}" for name in schema.get("required", []) if name not in value]
        for name, member in value.items():
            if name in known:
                wrong += check(member, known[name], f"{path}.{name}")
            elif schema.get("additionalProperties") is False:
                wrong.append(f"{path}: {name} is not in the schema")
    if isinstance(value, list) and "items" in schema:
        for index, item in enumerate(value):
            wrong += check(item, schema["items"], f"{path}[{index}]")
    return wrong
