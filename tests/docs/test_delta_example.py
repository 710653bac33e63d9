"""The program in docs/drafts.md that saves by delta works as it is printed."""

import asyncio
import json
import re
from pathlib import Path

import pytest

from tests.support.deltas import FOLDER, missing_encoder
from tests.support.node import NODE
from tests.support.sessions import sha256
from tests.support.storage import call, on_sqlite

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "drafts.md").read_text()
AROUND = """
const real = fetch;
globalThis.fetch = (path, options) => real(`%s${path}`, options);
const id = "%s", content = %s;
const saved = { etag: '%s', bytes: new TextEncoder().encode(%s) };
"""


@pytest.mark.skipif(bool(missing_encoder()), reason=missing_encoder() or "")
async def test_the_program_saves_by_delta(tmp_path: Path) -> None:
    [program] = re.findall(r"```js\n(.*?)```", PAGE, re.DOTALL)
    before = "".join(f"Zelle {number}: grün\n" for number in range(2_000))
    after = before.replace("Zelle 1000:", "Zelle eintausend:")
    with on_sqlite(tmp_path / "data").serve() as server:
        async with call(server, "local-user") as client:
            draft = (await client.put("drafts/V1StGXR8_Z5j", json={"content": before})).json()
            around = AROUND % (
                server.base_url,
                draft["id"],
                json.dumps(after),
                draft["etag"],
                json.dumps(before),
            )
            ends = "console.log(JSON.stringify([response.status, (await response.json()).contentHash]));"
            process = await asyncio.create_subprocess_exec(
                NODE or "",
                "--input-type=module",
                "-e",
                f"{around}{program}{ends}",
                cwd=FOLDER,
                stdout=asyncio.subprocess.PIPE,
            )
            output, _ = await process.communicate()
            assert json.loads(output) == [200, sha256(after)]
            opened = (await client.get("drafts/V1StGXR8_Z5j")).json()
            assert (opened["metadata"]["version"], opened["content"]) == (2, after)
