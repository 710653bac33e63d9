"""Reads Bicep files for tests: the names that each file declares, and the names that it uses."""

import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from pycep import BicepParser

ROOT = Path(__file__).parents[2]
FOLDER = ROOT / "infra" / "bicep"
FILES = sorted(FOLDER.glob("*.bicep"))

FUNCTIONS = frozenset(
    "concat contains empty environment fail filter guid items join length loadJsonContent loadTextContent".split()
    + "map split startsWith subscription subscriptionResourceId tenant toLower toUpper trim union".split()
    + ["uniqueString"]
)
"""The Bicep functions that these files may call. A misspelt name is not among them."""

_COMMENT = re.compile(r"'(?:\\.|[^'\\])*'|//[^\n]*")
_STRING = re.compile(r"'(?:\\.|[^'\\])*'")
_INTERPOLATED = re.compile(r"\$\{([^}]*)\}")
_LOOP = re.compile(r"\bfor (\w+) in ([^:]+):")
_LAMBDA = re.compile(r"\b(\w+) =>")
_DECORATOR = re.compile(r"^@\w+\(", re.MULTILINE)
_LEFT_HAND_SIDE = re.compile(r"^(?:param|var|resource|module|output)\s+\w+[^=\n]*(?:= )?", re.MULTILINE)
_KEY = re.compile(r"(?:(?<=\n)|(?<=\{ ))\s*\w+:(?=\s)")
_NAME = re.compile(r"(?<![\w.])([A-Za-z_]\w*)(\(?)")
_WORDS = frozenset({"true", "false", "null", "if", "existing", "targetScope", "for", "in"})


@dataclass(frozen=True)
class BicepFile:
    """One file: its text, and the tree that pycep parses from it."""

    path: Path
    text: str
    tree: Any

    @property
    def declared(self) -> dict[str, Any]:
        """Everything with a name, except outputs, which have a separate namespace."""
        kinds = ("parameters", "variables", "resources", "modules")
        return {name: node for kind in kinds for name, node in self.tree.get(kind, {}).items()}

    def named(self, kind: str) -> dict[str, Any]:
        """Returns the `parameters`, `variables`, `resources`, `modules` or `outputs`, by name."""
        return dict(self.tree.get(kind, {}))

    @property
    def used(self) -> set[str]:
        """Every name in an expression, including interpolated strings."""
        return {name for name, call in self._mentioned() if not call}

    @property
    def called(self) -> set[str]:
        """Every function in an expression."""
        return {name for name, call in self._mentioned() if call}

    @property
    def loop_names(self) -> set[str]:
        """The variables of loops and lambdas."""
        return {name for name, _ in _LOOP.findall(self._bare)} | set(_LAMBDA.findall(self._bare))

    def resource(self, type: str, name: str | None = None) -> dict[str, Any]:
        """Returns the only resource of that type (and name). Ignores `existing` resources."""
        configs = [
            _config(node)
            for node in self.named("resources").values()
            if node["type"] == type and not node["existing"] and name in (None, _config(node)["name"])
        ]
        assert len(configs) == 1, f"{len(configs)} of {type} in {self.path.name}"
        return dict(configs[0])

    @property
    def _bare(self) -> str:
        """The text without comments. Of strings, only the interpolated expressions are left."""
        code = _COMMENT.sub(lambda match: match[0] if match[0].startswith("'") else "", self.text)
        return _STRING.sub(
            lambda match: " ".join(f" ( {part} ) " for part in _INTERPOLATED.findall(match[0])), code
        )

    def _mentioned(self) -> list[tuple[str, str]]:
        code = _LOOP.sub(r" \2 ", self._bare)
        code = _DECORATOR.sub("", code)
        code = _LEFT_HAND_SIDE.sub("", code)
        code = _KEY.sub(" ", code)
        return [(name, call) for name, call in _NAME.findall(code) if name not in _WORDS]


def _config(node: Any) -> Any:
    config = node["config"]
    while "config" in config:  # inside a condition or a loop
        config = config["config"]
    return config


@cache
def bicep_file(name: str) -> BicepFile:
    """Returns the parsed file. Raises an error of lark if it cannot be parsed."""
    path = FOLDER / name
    text = path.read_text()
    return BicepFile(path, text, BicepParser().parse(text=text))
