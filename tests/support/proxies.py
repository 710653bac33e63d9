"""Apache, nginx and Caddy in front of a server, each with compression on."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

# Debian keeps servers where the PATH of other users than root does not look.
_PATH = os.pathsep.join([os.environ.get("PATH", os.defpath), "/usr/sbin"])
_APACHE_MODULES = "/usr/lib/apache2/modules"
_NGINX_MODULES = "/usr/lib/nginx/modules"

_APACHE = """
ServerName localhost
ServerRoot {folder}
DefaultRuntimeDir {folder}
PidFile {folder}/pid
ErrorLog {folder}/error.log
Listen 127.0.0.1:{port}
{modules}
<IfModule unixd_module>
User www-data
Group www-data
</IfModule>
ProxyPreserveHost {preserve}
ProxyPass / {upstream}/
SetOutputFilter {filter}
"""

_NGINX = """
{modules}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
{user}
events {{}}
http {{
    access_log off;
    client_max_body_size 16m;
    client_body_temp_path {folder}/bodies;
    proxy_temp_path {folder}/responses;
    fastcgi_temp_path {folder}/unused1;
    uwsgi_temp_path {folder}/unused2;
    scgi_temp_path {folder}/unused3;
    {compression}
    server {{
        listen 127.0.0.1:{port};
        location / {{
            proxy_pass {upstream};
            {headers}
        }}
    }}
}}
"""

_CADDY = """
{{
    admin off
    auto_https off
}}
http://127.0.0.1:{port} {{
    encode {{
        {coding}
        minimum_length 16
    }}
    reverse_proxy {upstream}
}}
"""


@dataclass(frozen=True)
class Proxy:
    """A proxy that runs. `coding` is what it compresses responses with."""

    port: int
    coding: str


@dataclass(frozen=True)
class Kind:
    """A program with the modules that it needs. `command` writes its configuration and returns how to run it."""

    program: str
    modules: tuple[str, ...]
    coding: str
    command: Callable[["Kind", Path, int, str, bool], list[str]]

    def missing(self) -> str | None:
        """Returns why it cannot run here, or None."""
        needed = [self.program] if _which(self.program) is None else []
        needed += [module for module in self.modules if not Path(module).is_file()]
        return f"{', '.join(needed)} is not installed: .ci/proxies" if needed else None

    def missing_here(self) -> str | None:
        """As `missing`, but None in CI, where nothing is skipped."""
        return None if os.environ.get("CI") else self.missing()

    @contextmanager
    def before(self, upstream: str, folder: Path, *, is_plain: bool = False) -> Iterator[Proxy]:
        """Runs it in front of a server, with all of its files in `folder`.

        If `is_plain`, it sends the headers that it sends without a configuration for them.
        """
        folder.mkdir()
        port = _free_port()
        log = folder / "output"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self.command(self, folder, port, upstream, is_plain),
                stdout=output,
                stderr=output,
                # Caddy keeps its configuration in the home of its user.
                env={**os.environ, "XDG_CONFIG_HOME": str(folder), "XDG_DATA_HOME": str(folder)},
            )
        try:
            _wait_until_open(port, process, log)
            yield Proxy(port, self.coding)
        finally:
            process.terminate()
            process.wait(timeout=20)


def _apache(kind: Kind, folder: Path, port: int, upstream: str, is_plain: bool) -> list[str]:
    names = ["mpm_event", "authz_core", "proxy", "proxy_http", "deflate", "filter", "brotli"]
    modules = "\n".join(f"LoadModule {name}_module {_APACHE_MODULES}/mod_{name}.so" for name in names)
    output = "BROTLI_COMPRESS" if kind.coding == "br" else "DEFLATE"
    config = folder / "apache.conf"
    config.write_text(
        _APACHE.format(
            folder=folder,
            port=port,
            upstream=upstream,
            modules=modules,
            filter=output,
            preserve="Off" if is_plain else "On",
        )
    )
    return [str(_which(kind.program)), "-f", str(config), "-DFOREGROUND"]


def _nginx(kind: Kind, folder: Path, port: int, upstream: str, is_plain: bool) -> list[str]:
    name = "brotli" if kind.coding == "br" else "gzip"
    compression = f"{name} on; {name}_types *; {name}_min_length 16;"
    if name == "gzip":
        compression += " gzip_proxied any;"
    config = folder / "nginx.conf"
    config.write_text(
        _NGINX.format(
            folder=folder,
            port=port,
            upstream=upstream,
            compression=compression,
            modules="\n".join(f"load_module {module};" for module in kind.modules),
            headers="" if is_plain else "proxy_http_version 1.1; proxy_set_header Host $http_host;",
            user="user root;" if os.getuid() == 0 else "",
        )
    )
    return [str(_which(kind.program)), "-c", str(config), "-e", str(folder / "error.log")]


def _caddy(kind: Kind, folder: Path, port: int, upstream: str, is_plain: bool) -> list[str]:
    config = folder / "Caddyfile"
    config.write_text(_CADDY.format(folder=folder, port=port, upstream=upstream, coding=kind.coding))
    return [str(_which(kind.program)), "run", "--config", str(config), "--adapter", "caddyfile"]


KINDS = {
    "apache-deflate": Kind("apache2", (f"{_APACHE_MODULES}/mod_deflate.so",), "gzip", _apache),
    "apache-brotli": Kind("apache2", (f"{_APACHE_MODULES}/mod_brotli.so",), "br", _apache),
    "nginx-gzip": Kind("nginx", (), "gzip", _nginx),
    "nginx-brotli": Kind("nginx", (f"{_NGINX_MODULES}/ngx_http_brotli_filter_module.so",), "br", _nginx),
    "caddy-gzip": Kind("caddy", (), "gzip", _caddy),
    "caddy-zstd": Kind("caddy", (), "zstd", _caddy),
}


def _which(program: str) -> str | None:
    return shutil.which(program, path=_PATH)


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _wait_until_open(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.02)
    raise RuntimeError(f"the proxy did not listen (exit code {process.poll()}):\n{log.read_text()[-2_000:]}")
