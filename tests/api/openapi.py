"""Whether a document is sound OpenAPI 3.1, as far as a client that reads it depends on that."""
import re

METHODS = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}
TYPES = {"string", "integer", "number", "boolean", "object", "array", "null"}
KINDS = {"string": str, "integer": int, "number": (int, float), "boolean": bool, "object": dict,
         "array": list, "null": type(None)}


def references(part):
    if isinstance(part, dict):
        for key, value in part.items():
            if key == "$ref":
                yield value
            yield from references(value)
    elif isinstance(part, list):
        for value in part:
            yield from references(value)


def resolve(document, reference):
    assert reference.startswith("#/"), reference
    found = document
    for name in reference[2:].split("/"):
        assert name in found, reference
        found = found[name]
    return found


def fits(document, schema, value):
    """A value against what schemas of ours say."""
    if "$ref" in schema:
        return fits(document, resolve(document, schema["$ref"]), value)
    if "anyOf" in schema:
        return any(fits(document, one, value) for one in schema["anyOf"])
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    assert set(kinds) <= TYPES, kinds
    if kinds and not any(isinstance(value, KINDS[kind]) and
                         not (kind in ("integer", "number") and isinstance(value, bool))
                         for kind in kinds):
        return False
    if isinstance(value, str):
        return (schema.get("minLength", 0) <= len(value) <= schema.get("maxLength", len(value)) and
                re.search(schema.get("pattern", ""), value) is not None)
    if isinstance(value, int) and not isinstance(value, bool):
        return schema.get("minimum", value) <= value <= schema.get("maximum", value)
    if isinstance(value, dict):
        known = schema.get("properties", {})
        return set(schema.get("required", [])) <= set(value) and all(
            fits(document, known[name], one) for name, one in value.items() if name in known)
    return True


def check_content(document, content):
    assert content
    for kind, media in content.items():
        assert re.fullmatch(r"[\w.+-]+/[\w.+-]+", kind)
        if "example" in media and "schema" in media:
            example = media["example"]
            schema = resolve(document, media["schema"]["$ref"])
            for name, value in example.items():
                assert name in schema["properties"], name
                assert fits(document, schema["properties"][name], value), (name, value)


def check_operation(document, path, operation):
    assert operation["summary"] and operation["tags"]
    assert operation["responses"]
    for status, answer in operation["responses"].items():
        assert re.fullmatch(r"[1-5]\d\d", status)
        assert answer["description"]
        if "content" in answer:
            check_content(document, answer["content"])
    declared = [one for one in operation.get("parameters", []) if one["in"] == "path"]
    assert sorted(one["name"] for one in declared) == sorted(re.findall(r"\{(\w+)\}", path))
    for one in operation.get("parameters", []):
        assert one["schema"]["type"] and (one["in"] != "path" or one["required"] is True)
    names = [(one["in"], one["name"]) for one in operation.get("parameters", [])]
    assert len(set(names)) == len(names)
    if "requestBody" in operation:
        check_content(document, operation["requestBody"]["content"])
    schemes = document["components"]["securitySchemes"]
    for requirement in operation["security"]:
        assert set(requirement) <= set(schemes)


def check_schema(document, schema):
    assert schema["type"] == "object"
    assert set(schema.get("required", [])) <= set(schema["properties"])
    for name, field in schema["properties"].items():
        for example in field.get("examples", []):
            assert fits(document, field, example), (name, example)


def check_document(document):
    assert re.fullmatch(r"3\.1\.\d+", document["openapi"])
    assert document["info"]["title"] and document["info"]["version"]
    for reference in references(document):
        resolve(document, reference)
    ids = []
    for path, item in document["paths"].items():
        assert path.startswith("/") and not (path.endswith("/") and path != "/")
        for method, operation in item.items():
            assert method in METHODS
            check_operation(document, path, operation)
            ids.append(operation["operationId"])
    assert len(set(ids)) == len(ids)
    for schema in document["components"]["schemas"].values():
        check_schema(document, schema)
