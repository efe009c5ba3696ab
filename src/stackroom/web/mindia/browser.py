"""The description of this face as a page: for people, on any screen, without a script and without the network."""

import base64
import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final
from urllib.parse import quote, urlencode

Json = Mapping[str, Any]
BASE: Final = "{server}"
"""Stands in the page for the address by which its reader reaches this server."""
_LEGIBLE: Final = {"application/json", "application/vnd.apple.mpegurl", "text/html", "text/plain"}
"""What may be answered to a terminal."""
_STYLE: Final = """
:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent) }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem }
h2 { margin: 2.5rem 0 .5rem } h3 { margin: 1.5rem 0 .25rem; font-size: 1rem }
code, pre { font-family: ui-monospace, monospace; font-size: .875rem; overflow-wrap: anywhere }
pre { overflow-x: auto; padding: .75rem; border: 1px solid var(--line); border-radius: .25rem }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem }
details { border-top: 1px solid var(--line); padding: .5rem 0 }
summary { cursor: pointer } summary b { display: inline-block; min-width: 4.5rem }
summary span { display: block; padding-left: 1rem; opacity: .8 }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 }
th, td { text-align: left; vertical-align: top; padding: .25rem .75rem .25rem 0; border-top: 1px solid var(--line) }
"""
_HASH: Final = base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
HEADERS: Final = {
    "content-security-policy": f"default-src 'none'; style-src 'sha256-{_HASH}'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "referrer-policy": "no-referrer",
    "x-frame-options": "DENY",
}
_PAGE: Final = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{about}
<p>The same for programs: <a href="/api/openapi.json">OpenAPI</a>. In the examples,
<code>$API_KEY</code> is a key.</p>
<nav>{contents}</nav>
{parts}
<h2 id="refusals">Refusals</h2>
{refusals}
<h2 id="shapes">Shapes</h2>
{shapes}
</body>
</html>
"""


def page_of(document: Json) -> str:
    """The page, with `BASE` wherever the server is to be named."""
    tags = {tag["name"]: tag["description"] for tag in document["tags"]}
    responses, schemas = document["components"]["responses"], document["components"]["schemas"]
    contents = [_link(f"#{name}", name) for name in (*tags, "refusals", "shapes")]
    return _PAGE.format(
        title=escape(document["info"]["title"]),
        style=_STYLE,
        about="\n".join(f"<p>{_prose(each)}</p>" for each in document["info"]["description"].split("\n\n")),
        contents=" ".join(contents),
        parts="\n".join(_part(document, name, description) for name, description in tags.items()),
        refusals=_table(
            ["Status", "Codes"], [(status, _prose(it["description"])) for status, it in responses.items()]
        ),
        shapes="\n".join(_shape(name, schema) for name, schema in schemas.items()),
    )


def _part(document: Json, tag: str, description: str) -> str:
    found = [
        _operation(method, path, operation)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if operation["tags"] == [tag]
    ]
    return f'<h2 id="{tag}">{tag}</h2>\n<p>{_prose(description)}</p>\n' + "\n".join(found)


def _operation(method: str, path: str, operation: Json) -> str:
    roles = {role for each in operation["security"] for needed in each.values() for role in needed}
    parts = [
        f"<p>{_prose(operation.get('description', ''))} Needs: {' '.join(roles) or 'no key'}.</p>",
        _table(["Parameter", "In", "Type", "What"], map(_parameter, operation["parameters"])),
        _table(["Body", "Shape"], _contents(operation.get("requestBody", {}))),
        _table(["Status", "Answer"], _answers(operation["responses"])),
        f"<pre>{escape(curl(method, path, operation))}</pre>",
    ]
    title = f"<b>{method.upper()}</b> <code>{escape(path)}</code><span>{_prose(operation['summary'])}</span>"
    body = "\n".join(part for part in parts if part)
    return f'<details id="{operation["operationId"]}">\n<summary>{title}</summary>\n{body}\n</details>'


def _parameter(given: Json) -> tuple[str, ...]:
    said = ["needed"] if given.get("required") else []
    if "default" in given["schema"]:
        said.append(f"<code>{escape(json.dumps(given['schema']['default']))}</code> unless said")
    said.append(_prose(given.get("description", "")))
    return (
        f"<code>{escape(given['name'])}</code>",
        given["in"],
        _type(given["schema"]),
        ". ".join(filter(None, said)),
    )


def _contents(given: Json) -> Iterator[tuple[str, str]]:
    for media_type, content in given.get("content", {}).items():
        yield f"<code>{escape(media_type)}</code>", _type(content.get("schema", {}))


def _answers(responses: Json) -> Iterator[tuple[str, str]]:
    """What was asked for, and on one line how it may be refused."""
    refused = [status for status, answer in responses.items() if "$ref" in answer]
    for status, answer in responses.items():
        if status not in refused:
            content = "; ".join(f"{media_type} {shape}" for media_type, shape in _contents(answer))
            yield status, content or escape(answer["description"])
    yield " ".join(status for status in refused if status != "default"), _link("#refusals", "refused")


def _shape(name: str, schema: Json) -> str:
    needed = schema.get("required", ())
    rows = [
        (f"<code>{escape(field)}</code>", _type(it), "" if field in needed else "may be absent")
        for field, it in schema.get("properties", {}).items()
    ]
    about = f"<p>{_prose(schema['description'])}</p>\n" if "description" in schema else ""
    return f'<h3 id="shape-{name}">{name}</h3>\n{about}{_table(["Field", "Type", "What"], rows)}'


def _type(schema: Json) -> str:
    """In one line, leading to the shapes that it names."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return _link(f"#shape-{name}", name)
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if "enum" in schema:
        return ", ".join(f"<code>{escape(json.dumps(each))}</code>" for each in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    if "properties" in schema:
        return "with " + ", ".join(f"<code>{escape(name)}</code>" for name in schema["properties"])
    return escape(schema.get("format", schema.get("type", "anything")))


def curl(method: str, path: str, operation: Json) -> str:
    """A command that asks for this operation."""
    words = ["curl"]
    if method != "get":
        words.append(f"-X {method.upper()}")
    if operation["security"]:
        words.append('-H "Authorization: Bearer $API_KEY"')
    content = operation.get("requestBody", {}).get("content", {})
    if "multipart/form-data" in content:
        words.append("-F file=@FILE")
    elif "application/octet-stream" in content:
        words.append("-H 'Content-Type: application/octet-stream' --data-binary @FILE")
    elif "application/json" in content:
        example = json.dumps(content["application/json"]["example"])
        words.append(f"-H 'Content-Type: application/json' -d {shlex.quote(example)}")
    if "302" in operation["responses"]:
        words.append("-L")
    answered = {kind for answer in operation["responses"].values() for kind in answer.get("content", ())}
    if answered - _LEGIBLE:
        words.append("-o FILE")
    return " ".join([*words, shlex.quote(BASE + example_path(path, operation))])


def example_path(path: str, operation: Json) -> str:
    """The address with an example in each of its parts, and in the query what must be there."""
    query = {}
    for given in operation["parameters"]:
        value = str(example(given["schema"]))
        if given["in"] == "path":
            path = path.replace(f"{{{given['name']}}}", quote(value, safe="/"))
        elif given["in"] == "query" and (given["required"] or "examples" in given["schema"]):
            query[given["name"]] = value
    return f"{path}?{urlencode(query)}" if query else path


def example(schema: Json) -> Any:
    for known in ("examples", "enum"):
        if known in schema:
            return schema[known][0]
    return schema.get("default", schema.get("minimum", "x"))


def _table(names: list[str], rows: Any) -> str:
    body = "\n".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    head = "".join(f"<th>{name}</th>" for name in names)
    return f"<table>\n<tr>{head}</tr>\n{body}\n</table>" if body else ""


def _link(address: str, text: str) -> str:
    return f'<a href="{escape(address)}">{escape(text)}</a>'


def _prose(text: str) -> str:
    """Text in which what stands between backquotes is code."""
    pieces = escape(text).split("`")
    return "".join(f"<code>{each}</code>" if n % 2 else each for n, each in enumerate(pieces))
