"""What the daemon keeps out of its memory, and that nobody else misses it."""

import subprocess
import sys

IMPORT = """
import sys
from tars.daemon.lean import lean_imports, lean_store
with lean_imports():
    import tars.daemon.root
with lean_imports():
    import tars.control.app, tars.control.server, tars.daemon.backend
with lean_store():
    import tars.store.store
"""


def run(program: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", IMPORT + program], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_daemon_does_not_load_what_it_never_needs() -> None:
    """Not a module of it, once everything that the daemon needs is imported."""
    loaded = set(run("print(*sys.modules)").split())
    assert "tars.daemon.backend" in loaded
    assert not loaded & {"_ssl", "_hashlib", "click", "multiprocessing", "rich", "typer"}
    assert not loaded & {"html.entities", "logging.config", "configparser", "lzma"}
    assert not loaded & {"importlib.metadata", "zipfile"}


def test_agents_are_started_without_what_comes_later() -> None:
    """What answers people, remembers and reads screens is imported while the agents begin."""
    done = subprocess.run(
        [sys.executable, "-c", "import sys, tars.daemon.root\nprint(*sys.modules)"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    loaded = set(done.stdout.split())
    assert "tars.daemon.root" in loaded, done.stderr
    assert not loaded & {"starlette", "uvicorn", "sqlalchemy", "pyte", "pexpect"}


def test_what_was_kept_out_can_be_imported_later() -> None:
    """Nothing is left of the placeholders."""
    program = """
import html, importlib.metadata, logging.config, lzma, ssl, hashlib, uvicorn.main
print(ssl.create_default_context().verify_mode.name, callable(uvicorn.main.run))
print(hashlib.sha256(b"").hexdigest()[:8], html.escape("<"), callable(logging.config.dictConfig))
print(importlib.metadata.version("anyio") > "", lzma.decompress(lzma.compress(b"lzma")).decode())
"""
    told = "CERT_REQUIRED True e3b0c442 &lt; True True lzma"
    assert run(program).split() == told.split()


def test_what_is_loaded_already_stays() -> None:
    """In a process that has ssl, nothing changes."""
    done = subprocess.run(
        [sys.executable, "-c", "import ssl\n" + IMPORT + "print(sys.modules['ssl'] is ssl)"],
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.strip() == "True", done.stderr
