"""A plan as systemd's units: a service, and a socket for those who want one.

systemd.syntax(7) and systemd.service(5) say how values are written: `%` begins a specifier,
`$` a variable in commands, words may be quoted as in C. Every unit ends with a section that
systemd skips (its name begins with X-), which tells a unit that somebody changed by hand.
"""

import hashlib

from tars.errors import UserError
from tars.service.plan import Plan

SERVICE = "tars.service"
SOCKET = "tars.socket"

_SEAL = "\n[X-Tars]\nChecksum="

_SERVICE = """\
# Written by `tars service install`. To change something, let `{edit}`
# write it beside this file. docs/service.md says what each line is for.

[Unit]
Description=tars, the coding agent supervisor
{after}StartLimitIntervalSec=60
StartLimitBurst=5

[Service]
# Ready once the default agent answered its handshake, or did not at its first attempt.
Type=notify
NotifyAccess=main
{user}ExecStart={command} start --foreground
ExecReload=/bin/kill -HUP $MAINPID

# A service reads no ~/.profile. These are the folders of the agents and of node.
{environment}# Keys such as GEMINI_API_KEY=..., one a line, chmod 600. It need not exist.
EnvironmentFile=-{keys}

# The daemon's own loop says that it lives, at least every 30 s. Where it hangs, it is told to
# show where (SIGABRT), and killed 10 s later.
WatchdogSec=60
TimeoutAbortSec=10
# A core file would hold prompts and keys; an agent that debugs may ask for one.
LimitCORE=0:infinity
# It asks for more time while agents start, and while they end, one after the other.
TimeoutStartSec=120
TimeoutStopSec=45
# The daemon ends its agents in order; only what is left after that is killed here.
KillMode=mixed
# So it may give each agent a group of its own, which the kernel ends whole.
Delegate=yes

Restart=on-failure
RestartSec=1
# Wrong usage, and a home that another daemon serves, do not mend themselves.
RestartPreventExitStatus=2 5
# An agent that the kernel kills for its memory is the daemon's to restart.
OOMPolicy=continue

# Agents run compilers, debuggers and sandboxes of their own, so nothing here narrows the file
# system, the network or namespaces: only what no agent's work needs is refused. An agent that
# has to use sudo needs NoNewPrivileges=no.
NoNewPrivileges=yes
RestrictRealtime=yes
SystemCallFilter=~@clock @module @raw-io @reboot @swap
SystemCallErrorNumber=EPERM

[Install]
WantedBy={wanted_by}
"""

_SOCKET = """\
# Written by `tars service install --socket`: whoever first asks tars something starts it.

[Unit]
Description=the control socket of tars

[Socket]
ListenStream={socket}
SocketMode=0600
DirectoryMode=0700
{user}RemoveOnStop=yes

[Install]
WantedBy=sockets.target
"""


def service_unit(plan: Plan) -> str:
    """Give the text of tars.service. Raises UserError where a path cannot be written."""
    after = f"Requires={SOCKET}\nAfter={SOCKET}\n" if plan.socket else ""
    if plan.user:
        after += "Wants=network-online.target\nAfter=network-online.target\n"
    if set("\"'\\") & set(plan.command[0]):
        raise UserError(f"systemd runs no program with a quote in its path: {plan.command[0]}")
    words = [_word(word, plan) for word in plan.command]
    # Without this a $ in a word would begin a variable.
    dollars = ":" if any("$" in word for word in plan.command) else ""
    variables = [f"PATH={':'.join(plan.path)}"]
    if plan.moved:
        variables.append(f"TARS_HOME={plan.home}")
    text = _SERVICE.format(
        edit=f"{'sudo systemctl' if plan.user else 'systemctl --user'} edit tars",
        after=after,
        user=f"User={_value(plan.user, plan)}\n" if plan.user else "",
        command=dollars + " ".join(words),
        environment="".join(f"Environment={_word(each, plan)}\n" for each in variables),
        keys=_value(plan.keys, plan),
        wanted_by="multi-user.target" if plan.user else "default.target",
    )
    return sealed(text)


def socket_unit(plan: Plan) -> str:
    """Give the text of tars.socket. Raises UserError where a path cannot be written."""
    user = f"SocketUser={_value(plan.user, plan)}\n" if plan.user else ""
    return sealed(_SOCKET.format(socket=_value(plan.control_socket, plan), user=user))


def sealed(text: str) -> str:
    """Add the sum of a unit to it."""
    return f"{text}{_SEAL}{_checksum(text)}\n"


def is_sealed(text: str) -> bool:
    """Whether this is a unit of tars that nobody has changed since it was written."""
    body, seal, checksum = text.rpartition(_SEAL)
    return bool(seal) and checksum.strip() == _checksum(body)


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _word(text: str, plan: Plan) -> str:
    """Write one word of several: quoted where it holds more than a path usually does."""
    value = _value(text, plan)
    if all(char.isalnum() or char in "%+,-./:=@_~" for char in value):
        return value
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def _value(text: str, plan: Plan) -> str:
    """Write a value that takes the whole line. In one's own unit %h stands for one's folder."""
    if not text.isprintable():
        raise UserError(f"{text!r} cannot stand in a unit of systemd.")
    doubled, person = text.replace("%", "%%"), plan.person.replace("%", "%%")
    if plan.user or not person.strip("/"):
        return doubled
    # In PATH folders stand beside each other, after its name and after colons.
    parts = doubled.split(":")
    for begin in ("", "PATH=", "TARS_HOME="):
        parts = [_homely(part, begin + person, begin) for part in parts]
    return ":".join(parts)


def _homely(part: str, person: str, begin: str) -> str:
    inside = part == person or part.startswith(f"{person}/")
    return f"{begin}%h{part.removeprefix(person)}" if inside else part
