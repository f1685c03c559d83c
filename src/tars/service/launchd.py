"""A plan as launchd's property list, and what launchd demands of one.

launchd expands neither ~ nor variables, so a shell finds the home, sets PATH, reads the keys
and opens the log. The keys of a property list are those of launchd.plist(5).
"""

import plistlib
import shlex
from collections.abc import Mapping
from xml.parsers.expat import ExpatError

from tars.errors import UserError
from tars.service.plan import Plan

LABEL = "org.tars.daemon"
FILE = f"{LABEL}.plist"

_COMMENT = """\
<!--
  Written by `tars service install`; docs/service.md says more. A shell sets what a login would:
  PATH, and the keys of the file env in the home of tars. It opens the log there, too.
  KeepAlive: again after a crash, not after `tars stop`. ThrottleInterval: seconds between two
  starts. ExitTimeOut: seconds to end the agents in order. ProcessType: the default, Standard,
  would limit the agents' processor and disk.
-->
"""
_SCRIPT = """\
{home}(umask 077; mkdir -p {logs} && : >> {log}) || exit
exec >> {log} 2>&1
if [ -f {keys} ]; then
  case $(ls -ldL {keys}) in
    -r[w-]-------*) set -a; . {keys}; set +a ;;
    # Status 0: launchd does not try again what only a person can mend.
    *) echo "Others can use the file of keys: chmod 600" {keys}; exit 0 ;;
  esac
fi
PATH={path} exec {command} start --foreground"""

#: What is known of a key, as plutil and launchd check it.
_TYPES: Mapping[str, type] = {
    "Label": str,
    "ProgramArguments": list,
    "EnvironmentVariables": dict,
    "RunAtLoad": bool,
    "KeepAlive": dict,
    "ThrottleInterval": int,
    "ExitTimeOut": int,
    "ProcessType": str,
    "UserName": str,
    "Umask": int,
}


def property_list(plan: Plan) -> bytes:
    """Give the file. Raises UserError where a path cannot be written."""
    keys: dict[str, object] = {
        "Label": LABEL,
        "ProgramArguments": ["/bin/sh", "-c", _script(plan)],
        "RunAtLoad": True,
        "KeepAlive": {"SuccessfulExit": False},
        "ThrottleInterval": 10,
        "ExitTimeOut": 45,
        "ProcessType": "Interactive",
    }
    if plan.user:
        keys["UserName"] = plan.user
    text = plistlib.dumps(keys, sort_keys=False).decode()
    return text.replace("<plist ", f"{_COMMENT}<plist ", 1).encode()


def faults(data: bytes) -> list[str]:
    """Say what launchd would not take: no property list, a key that is not known, a wrong type."""
    try:
        keys = plistlib.loads(data)
    except (ValueError, ExpatError) as error:
        return [f"not a property list: {error}"]
    if not isinstance(keys, dict):
        return ["the list is no dictionary"]
    found = [f"{key} is not known" for key in keys if key not in _TYPES]
    found += [
        f"{key} has to be of type {kind.__name__}"
        for key, kind in _TYPES.items()
        if key in keys and type(keys[key]) is not kind
    ]
    found += [f"{key} is missing" for key in ("Label", "ProgramArguments") if key not in keys]
    arguments = keys.get("ProgramArguments")
    if isinstance(arguments, list) and not (arguments and all(type(a) is str for a in arguments)):
        found.append("ProgramArguments has to be words")
    return found


def _script(plan: Plan) -> str:
    logs = f"{plan.home}/logs"
    return _SCRIPT.format(
        home=f"export TARS_HOME={_shell(plan.home, plan)}\n" if plan.moved else "",
        logs=_shell(logs, plan),
        log=_shell(f"{logs}/launchd.log", plan),
        keys=_shell(plan.keys, plan),
        path=":".join(_shell(folder, plan) for folder in plan.path),
        command=" ".join(_shell(word, plan) for word in plan.command),
    )


def _shell(text: str, plan: Plan) -> str:
    """Write a word for the shell; what is beneath one's folder stays right when that moves."""
    if not text.isprintable():
        raise UserError(f"{text!r} cannot stand in a property list.")
    rest = text.removeprefix(f"{plan.person}/")
    if plan.user or rest == text:
        return shlex.quote(text)
    if shlex.quote(rest) == rest:
        return f'"$HOME/{rest}"'
    return f'"$HOME"/{shlex.quote(rest)}'
