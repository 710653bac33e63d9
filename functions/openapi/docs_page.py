"""The API description as a page: HTML and one style, no script, nothing from other hosts."""

import base64
import hashlib
from collections.abc import Iterable, Iterator
from html import escape

from functions.openapi.docs_example import Json, curl, resolved

STYLE = """
:root{color-scheme:light dark;--line:#8884;--soft:#8881;--blue:#06c}
@media(prefers-color-scheme:dark){:root{--blue:#7ab7ff}}
body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:0 auto;padding:1rem 1.5rem 4rem}
h2{margin:2.5rem 0 .5rem;border-bottom:1px solid var(--line)}a{color:var(--blue)}
nav ul{columns:3 14rem;padding-left:1.2rem}nav li{break-inside:avoid}
details{border:1px solid var(--line);border-radius:.4rem;margin:.5rem 0;padding:.4rem .8rem}
summary{cursor:pointer}summary code{overflow-wrap:anywhere}
.verb{display:inline-block;min-width:4.2rem;font-weight:700;color:var(--blue)}.soft{opacity:.75}
.wide{overflow-x:auto;margin:.5rem 0}table{border-collapse:collapse;width:100%}
.target{scroll-margin-top:6rem}
th,td{text-align:left;vertical-align:top;padding:.25rem .6rem .25rem 0;border-top:1px solid var(--line)}
code,pre{font-family:ui-monospace,monospace;font-size:.875em}
pre{background:var(--soft);padding:.6rem .8rem;overflow-x:auto;border-radius:.4rem}
"""

_STYLE_HASH = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; style-src 'sha256-{_STYLE_HASH}'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)


def page(document: Json) -> str:
    """Returns the page for an OpenAPI document that `describe` made."""
    info = document["info"]
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width,initial-scale=1">',
            f"<title>{escape(info['title'])} API</title><style>{STYLE}</style></head><body>",
            f"<h1>{escape(info['title'])} API <small class='soft'>{escape(info['version'])}</small></h1>",
            *(f"<p>{_text(each)}</p>" for each in info["description"].split("\n\n")),
            '<p>For programs: <a href="openapi.json">openapi.json</a> (OpenAPI 3.1).</p>',
            "<p>In the examples, <code>$SAVEPOINT_URL</code> is the origin of this page, such as "
            "<code>http://127.0.0.1:7071</code>.</p>",
            f"<nav><ul>{''.join(_contents(document))}</ul></nav>",
            *_groups(document),
            '<h2 id="schemas">Schemas</h2>',
            *(_schema(name, schema) for name, schema in document["components"]["schemas"].items()),
            "</body></html>",
        ]
    )


def _contents(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        yield f'<li><a href="#{_id(tag["name"])}">{escape(tag["name"])}</a></li>'
    yield '<li><a href="#schemas">schemas</a></li>'


def _groups(document: Json) -> Iterator[str]:
    for tag in document["tags"]:
        yield f'<h2 id="{_id(tag["name"])}">{escape(tag["name"][:1].upper() + tag["name"][1:])}</h2>'
        yield f"<p>{_text(tag['description'])}</p>"
        for path, item in document["paths"].items():
            for method, operation in item.items():
                if tag["name"] in operation["tags"]:
                    yield _operation(document, path, method, operation)


def _operation(document: Json, path: str, method: str, operation: Json) -> str:
    return "".join(
        [
            "<details><summary>",
            f'<span class="verb">{method.upper()}</span> <code>{escape(path)}</code>',
            f'<br>{_text(operation["summary"])}. <code class="soft">{escape(operation["operationId"])}</code>',
            "</summary>",
            _target(operation["operationId"]),
            _table(("Request", "in", "type", ""), _request(document, operation)),
            _table(("Response", "", "type", "headers"), _responses(document, operation)),
            f"<pre>{escape(curl(document, path, method, operation))}</pre></details>",
        ]
    )


def _request(document: Json, operation: Json) -> Iterator[tuple[str, ...]]:
    for each in operation["parameters"]:
        one = resolved(document, each)
        name = f"<code>{escape(one['name'])}</code>"
        yield name, escape(one["in"]), _type(one["schema"]), _text(one.get("description", ""))
    if body := operation.get("requestBody"):
        schema = next(iter(body["content"].values()))["schema"]
        yield "body", escape(", ".join(body["content"])), _type(schema), _text(body.get("description", ""))


def _responses(document: Json, operation: Json) -> Iterator[tuple[str, ...]]:
    for status, each in operation["responses"].items():
        one = resolved(document, each)
        types = ", ".join(_type(content["schema"]) for content in one.get("content", {}).values())
        yield (
            status,
            escape(each.get("description", one["description"])),
            types,
            escape(", ".join(one.get("headers", ()))),
        )


def _schema(name: str, schema: Json) -> str:
    required = set(schema.get("required", ()))
    rows = [
        (
            f"<code>{escape(field)}</code>{'' if field in required else ' <span class=soft>optional</span>'}",
            _type(value),
            _text(value.get("description", "")),
        )
        for field, value in schema.get("properties", {}).items()
    ]
    members = _table(("Member", "type", ""), rows) if rows else f"<p>{_type(schema)}</p>"
    description = f"<p>{_text(schema.get('description', ''))}</p>"
    words = f"<summary><code>{escape(name)}</code></summary>"
    return f"<details>{words}{_target(f'schema-{name}')}{description}{members}</details>"


def _target(id: str) -> str:
    """Returns the target of a link. It is inside the details, because a browser then opens them."""
    return f'<div class="target" id="{escape(id)}"></div>'


def _type(schema: Json) -> str:
    """Returns a schema in a few words of HTML."""
    if "$ref" in schema:
        name = escape(schema["$ref"].rpartition("/")[2])
        return f'<a href="#schema-{name}">{name}</a>'
    if "anyOf" in schema:
        return " or ".join(_type(arm) for arm in schema["anyOf"])
    if "enum" in schema:
        return " | ".join(f"<code>{escape(str(value))}</code>" for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type(schema['items'])}"
    words = [str(schema.get("format", schema.get("const", schema.get("type", "anything"))))]
    names = ("minLength", "maxLength", "minimum", "maximum", "default")
    words += [f"{name} {str(schema[name]).lower()}" for name in names if schema.get(name) is not None]
    words += [f"pattern {schema['pattern']}"] if "pattern" in schema else []
    return escape(", ".join(words))


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    if not body:
        return ""
    columns = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    return f'<div class="wide"><table><tr>{columns}</tr>{body}</table></div>'


def _text(markdown: str) -> str:
    """Returns text in which `code` is marked."""
    parts = escape(markdown).split("`")
    return "".join(f"<code>{part}</code>" if index % 2 else part for index, part in enumerate(parts))


def _id(name: str) -> str:
    return escape(name.replace(" ", "-"))
