"""An app with a few functions, for tests of devhost itself."""

from pathlib import Path

APP = """
import asyncio, os
import azure.functions as func

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

@app.route(route="items/{id}", methods=["GET"])
async def item(req):
    return "item"

@app.route(route="first", methods=["GET"])
async def first(req):
    return "first"

@app.route(route="persistence/change", methods=["POST"])
async def change(req):
    return "change"

@app.route(route="persistence/ready", methods=["PUT", "GET"])
async def ready(req):
    return os.environ.get("GREETING", "ready")

@app.route(route="slow")
async def slow(req):
    await asyncio.sleep(0.5)
    return "slow"

@app.timer_trigger(arg_name="timer", schedule="0 0 3 * * *")
async def nightly(timer) -> None:
    pass

async def close():
    await asyncio.sleep(0)
    print("closed", flush=True)
"""


def write_app(folder: Path, text: str = APP) -> Path:
    (folder / "function_app.py").write_text(text)
    return folder
