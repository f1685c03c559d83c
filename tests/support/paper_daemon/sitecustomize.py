"""Puts a daemon of paper in the place of `tars.daemon`, for whole processes.

Python imports this file at start when its folder is on PYTHONPATH. PAPER_DAEMON says
what the daemon does: `dies`, `failed`, `waits` (its agent is ready at the third look),
or nothing special.
"""

import os
import sys
import threading
import types
from typing import Any


def run(home: Any) -> int:
    """Hold the lock and answer until a shutdown is asked for, as the real one does."""
    import fcntl

    from tars.control import contract as c
    from tars.errors import AlreadyRunning
    from tests.support.fake_daemon import AGENT, FakeDaemon

    what = os.environ.get("PAPER_DAEMON", "")
    if what == "dies":
        print("no space left\x1b[2J for anything", file=sys.stderr)
        return 1
    lock = os.open(home.lock, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise AlreadyRunning("Another daemon serves this home.") from None
    os.ftruncate(lock, 0)
    os.write(lock, str(os.getpid()).encode())
    (home.root / f"served-{os.getpid()}").touch()
    over = threading.Event()
    looks = 0

    def status(_asked: object) -> c.Status:
        nonlocal looks
        looks += 1
        agent = c.AgentStatus(name="echo", kind="echo", protocol="acp", state="ready", pid=4242)
        if what == "failed":
            agent.state = "failed"
            agent.last_error = c.FaultStatus(
                kind="not_signed_in", message="Not signed in.", advice="Sign in."
            )
        elif what == "waits" and looks < 3:
            agent.state = "starting"
        daemon = c.DaemonStatus(running=True, pid=os.getpid(), version="0.1.0")
        return c.Status(daemon=daemon, agents=[AGENT_TWO, agent])

    def shutdown(_asked: object) -> c.ShuttingDown:
        over.set()
        return c.ShuttingDown(pid=os.getpid())

    def changed(asked: Any) -> c.AgentsChanged:
        state = "stopped" if asked.body["action"] == "stop" else "ready"
        names = asked.body["names"]
        return c.AgentsChanged(agents=[c.AgentChanged(agent=name, state=state) for name in names])

    AGENT_TWO = c.AgentStatus(name="other", kind="echo", protocol="acp", state="stopped")
    with FakeDaemon(home.root) as fake:
        fake.answers["GET /v1/status"] = status
        fake.answers["GET /v1/agents"] = c.AgentList(agents=[AGENT], default="echo")
        fake.answers["POST /v1/shutdown"] = shutdown
        fake.answers["POST /v1/change"] = changed
        over.wait(600)
    home.socket.unlink(missing_ok=True)
    return 0


module: Any = types.ModuleType("tars.daemon")
module.run = run
sys.modules["tars.daemon"] = module
