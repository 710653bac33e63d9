"""Writes src/savepoint_client/wire.py anew, from our OpenAPI document. With --check, only compares."""

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
DOCUMENT = HERE.parents[1] / "tests" / "openapi" / "before.local.json"
OUTPUT = HERE / "src" / "savepoint_client" / "wire.py"

OPTIONS = """
--input-file-type openapi --output-model-type pydantic_v2.BaseModel --target-python-version 3.11
--snake-case-field --allow-population-by-field-name --use-standard-collections --use-union-operator
--enum-field-as-literal all --collapse-root-models --use-annotated --use-double-quotes --formatters builtin
--disable-timestamp --base-class savepoint_client.body.Body
""".split()

HEADER = '''"""The bodies of requests and responses, as the server describes them. Made by generate.py."""'''


def main() -> int:
    options = [*OPTIONS, "--custom-file-header", HEADER, *sys.argv[1:]]
    command = [sys.executable, "-m", "datamodel_code_generator", "--input", str(DOCUMENT), "--output", str(OUTPUT)]
    return subprocess.run([*command, *options], cwd=HERE).returncode


if __name__ == "__main__":
    sys.exit(main())
