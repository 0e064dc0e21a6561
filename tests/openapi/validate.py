#!/usr/bin/env python3
"""Is openapi/openapi.json a valid OpenAPI document, and one that a reader can work with?

(That it equals the code is held by a Rust test.)
"""

import json
import pathlib
import sys

from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator

METHODS = {"get", "put", "post", "patch", "delete", "head", "options"}
DOCUMENT = pathlib.Path(__file__).resolve().parents[2] / "openapi" / "openapi.json"


def has_example(content):
    """An example stands beside the content, or in the schema that it names."""
    return any(
        {"example", "examples"} & media.keys() or "$ref" in json.dumps(media.get("schema", {}))
        for media in content.values()
    )


def complaints(document):
    seen = set()
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if method not in METHODS:
                continue
            where = f"{method.upper()} {path}"
            if not operation.get("summary"):
                yield f"{where}: no summary"
            if not operation.get("tags"):
                yield f"{where}: no tag"
            if not (name := operation.get("operationId")):
                yield f"{where}: no operation id"
            elif name in seen:
                yield f"{where}: operation id “{name}” is taken"
            seen.add(name)
            # Whether the process lives can't be asked wrongly.
            if path not in ("/healthz", "/readyz") and not any(
                status.startswith("4") or status == "default" for status in operation["responses"]
            ):
                yield f"{where}: names no error"
            for status, answer in operation["responses"].items():
                content = answer.get("content", {})
                if (
                    status.startswith(("4", "5"))
                    and path.startswith("/api/")
                    and "application/problem+json" not in content
                ):
                    yield f"{where}: its {status} is not application/problem+json"
            if (body := operation.get("requestBody")) and not has_example(body["content"]):
                yield f"{where}: no example of its body"


def main():
    document = json.loads(DOCUMENT.read_text())
    validator = OpenAPIV31SpecValidator if document["openapi"].startswith("3.1") else OpenAPIV30SpecValidator
    faults = [
        f"invalid: {'/'.join(map(str, e.absolute_path))}: {e.message}"
        for e in validator(document).iter_errors()
    ]
    faults = faults or list(complaints(document))
    for fault in faults:
        print(fault)
    operations = sum(method in METHODS for item in document["paths"].values() for method in item)
    print(f"{DOCUMENT.name}: OpenAPI {document['openapi']}, {operations} operations")
    print(f"{int(not faults)} passed, {len(faults)} failed")
    return bool(faults)


if __name__ == "__main__":
    sys.exit(main())
