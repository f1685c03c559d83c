"""docs/environment.md: every environment variable that tars reads or sets, found in the code."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from docs.generating.parts import SOURCES, modules, table

INTRODUCTION = """\
# Environment variables

What tars reads of its environment; the list is found in the code. What agents get, apart from what
the daemon was started with, is in `env` and `env_file` of [config.toml](configuration.md).

"""
#: The parts of the page, in order: each variable with what it does.
PARTS: dict[str, dict[str, str]] = {
    "For tars": {
        "TARS_HOME": "the folder of everything that tars keeps, instead of `~/.tars`",
        "HOME": "where `~/.tars` is, and the agents' own logs are looked for",
        "PATH": "where agents' commands are looked for",
        "TZ": "the time zone of days, unless `[costs]` or `--tz` says another",
        "NO_COLOR": "anything but empty: no colours",
        "TERM": "`dumb`: no colours, and nothing that is drawn over",
        "COLUMNS": "how wide tables are, where the terminal does not say it",
        "LC_ALL": "which characters can be shown: lines in ASCII unless it names UTF-8",
        "LC_CTYPE": "as `LC_ALL`, where that is not set",
        "LANG": "as `LC_CTYPE`, where that is not set",
        "SSH_CONNECTION": "this terminal is on another machine: `tars web` opens no browser",
        "DISPLAY": "there is a screen on which `tars web` can open a browser",
        "WAYLAND_DISPLAY": "the same",
        "BROWSER": "the browser to open",
        "_TARS_COMPLETE": "set by a shell that asks for completions",
    },
    "Of the service manager": {
        "NOTIFY_SOCKET": "where systemd is told that the daemon is ready, and how it is",
        "WATCHDOG_USEC": "how often systemd wants to hear of it",
        "WATCHDOG_PID": "which process systemd watches",
        "LISTEN_FDS": "how many sockets systemd hands over",
        "LISTEN_PID": "to which process",
        "LISTEN_FDNAMES": "what they are called",
        "LISTEN_PIDFDID": "the same, told in another way",
        "INVOCATION_ID": "set by systemd for what it started; agents do not get it",
        "JOURNAL_STREAM": "the same",
        "SYSTEMD_EXEC_PID": "the same",
        "SYSTEMD_COLORS": "`0` for systemd's own programs, so that what they say can be read",
        "SUDO_USER": "whom `tars service install --system` is for, where `sudo` calls it",
        "XDG_RUNTIME_DIR": "where the person's own systemd listens",
    },
    "That tars sets": {
        "TARS_AGENT_MARK": "in every process of an agent: which start of it the process belongs to "
        "([processes](processes.md))",
        "TMPDIR": "for agents: a folder of their own, which is emptied before each start",
        "COLORTERM": "for agents with a screen: `truecolor`",
        "TARS_ECHO_HOME": "for the built-in agent: where it keeps its conversations",
        "CLAUDE_CODE_ENABLE_PROMPT_SUGGESTION": "`false` for Claude Code over ACP: else a request "
        "for suggestions follows each prompt",
        "CODEX_MANAGED_BY_NPM": "for Codex's own binary, as its launcher sets it",
        "CODEX_MANAGED_PACKAGE_ROOT": "the same",
        "GEMINI_CLI_NO_RELAUNCH": "for Gemini CLI: one process, not two",
        "GEMINI_DEBUG_LOG_FILE": "for Gemini CLI: a pipe, which tells while it tries again; "
        "nothing of it is kept",
        "OPENCODE_DISABLE_AUTOUPDATE": "for opencode: it stays the version that was started",
        "OPENCODE_SERVER_PASSWORD": "for opencode: the password of its server, made anew each time",
        "OPENCODE_SERVER_USERNAME": "and the name that goes with it",
        "TARS_ECHO_FAIL": "for the built-in agent: which failure it plays, for tests",
    },
    "That say where agents keep their logs": {
        "CLAUDE_CONFIG_DIR": "Claude Code's folders, instead of `~/.claude`",
        "CODEX_HOME": "Codex's folder, instead of `~/.codex`",
        "GEMINI_CLI_HOME": "Gemini CLI's home, in which `.gemini` is",
        "OPENCODE_DB": "opencode's database",
        "COPILOT_HOME": "Copilot CLI's folder, instead of `~/.copilot`",
        "QWEN_HOME": "Qwen Code's folder, instead of `~/.qwen`",
        "QWEN_RUNTIME_DIR": "where Qwen Code keeps conversations, if elsewhere",
        "KIMI_CODE_HOME": "Kimi Code's folder, instead of `~/.kimi-code`",
        "KIMI_SHARE_DIR": "the older kimi-cli's folder, instead of `~/.kimi`",
        "GOOSE_PATH_ROOT": "Goose's folder",
        "AMP_DATA_DIR": "Amp's folder, instead of `~/.local/share/amp`",
        "XDG_DATA_HOME": "instead of `~/.local/share`, for those that keep their logs there",
        "XDG_CONFIG_HOME": "instead of `~/.config`, for Cursor, Claude Code, and systemd's units",
    },
    "That a service does not see": {
        "OPENAI_API_KEY": "set in your shell alone: `tars service install` tells of it, as of the "
        "keys below",
        "OPENROUTER_API_KEY": "the same",
        "GOOGLE_CLOUD_PROJECT": "the same",
        "HTTPS_PROXY": "the same",
    },
    "That tell whether an agent is signed in": {
        "ANTHROPIC_API_KEY": "Claude Code has a key",
        "ANTHROPIC_AUTH_TOKEN": "the same",
        "CLAUDE_CODE_OAUTH_TOKEN": "Claude Code has an account",
        "CLAUDE_CODE_USE_BEDROCK": "Claude Code uses a cloud's account",
        "CLAUDE_CODE_USE_FOUNDRY": "the same",
        "CLAUDE_CODE_USE_VERTEX": "the same",
        "GEMINI_API_KEY": "Gemini CLI has a key",
        "GOOGLE_API_KEY": "the same",
        "GOOGLE_GENAI_USE_VERTEXAI": "Gemini CLI uses a cloud's account",
    },
}
#: Words of the code that only look like variables.
OTHERS = {"KIND_OR_TITLE", "PATH_PART", "SC_CLK_TCK", "SC_PAGE_SIZE"}
#: How a mapping that holds an environment is called in the code.
_ENVIRONMENTS = {"environ", "env", "base", "environment", "inherited"}
_NAME = re.compile(r"_?[A-Z][A-Z0-9_]+")
_SHAPE = re.compile(r"_?[A-Z][A-Z0-9]*(_[A-Z0-9]+)+")
_WORTH_PARSING = re.compile(rf'"{_SHAPE.pattern}"|\b({"|".join(_ENVIRONMENTS)})(\.get|\[|,| in\b)')


def page() -> str:
    """Give the whole page as Markdown."""
    found = variables()
    parts = []
    for title, meanings in PARTS.items():
        rows = [[f"`{name}`", meaning] for name, meaning in meanings.items() if name in found]
        if rows:
            parts.append(f"## {title}\n\n{table(('variable', 'what it does'), rows)}")
    rows = [[f"`{name}`", ""] for name in sorted(found - described())]
    if rows:
        parts.append(f"## Others\n\n{table(('variable', 'what it does'), rows)}")
    return INTRODUCTION + "\n".join(parts)


def described() -> set[str]:
    """Give the names of all variables that something is said of."""
    return {name for meanings in PARTS.values() for name in meanings}


def variables(sources: Path = SOURCES) -> set[str]:
    """Give the names of all variables that the code reads of an environment, or puts there:
    whatever has the shape of `TWO_WORDS`, and of single words those that are looked up."""
    found: set[str] = set()
    for module in modules(sources):
        if _WORTH_PARSING.search(module.text):
            found |= set(_read(module.tree, _constants(module.tree)))
    return found


def _constants(tree: ast.Module) -> dict[str, str]:
    """The module's own constants that are names of variables."""
    return {
        target.id: node.value.value
        for node in tree.body
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
        for target in node.targets
        if isinstance(target, ast.Name)
    }


def _read(tree: ast.AST, constants: dict[str, str]) -> Iterator[str]:
    for node in ast.walk(tree):
        if not isinstance(node, _LOOKED_AT):
            continue  # a match of each would take seconds
        match node:
            case ast.Constant(value=str(word)) if _SHAPE.fullmatch(word) and word not in OTHERS:
                yield word
            case ast.Tuple(elts=[ast.Constant(), ast.Constant(), *_] as several):
                words = [item.value for item in several if isinstance(item, ast.Constant)]
                if any(isinstance(word, str) and _SHAPE.fullmatch(word) for word in words):
                    yield from (w for w in words if isinstance(w, str) and _NAME.fullmatch(w))
            case ast.Dict(keys=keys) if None in keys:  # {**env, "NAME": …}
                made = (key.value for key in keys if isinstance(key, ast.Constant))
                yield from (w for w in made if isinstance(w, str) and _NAME.fullmatch(w))
            case ast.Call(func=ast.Attribute(value=of, attr="get" | "pop"), args=[key, *_]):
                yield from _named(of, key, constants)
            case ast.Subscript(value=of, slice=key):
                yield from _named(of, key, constants)
            case ast.Compare(left=key, ops=[ast.In() | ast.NotIn()], comparators=[of]):
                yield from _named(of, key, constants)
            case _:
                pass


#: What a variable is named in.
_LOOKED_AT = (ast.Constant, ast.Tuple, ast.Dict, ast.Call, ast.Subscript, ast.Compare)


def _named(of: ast.expr, key: ast.expr, constants: dict[str, str]) -> Iterator[str]:
    holder = of.attr if isinstance(of, ast.Attribute) else getattr(of, "id", "")
    if holder not in _ENVIRONMENTS:
        return
    name = key.value if isinstance(key, ast.Constant) else constants.get(getattr(key, "id", ""), "")
    if isinstance(name, str) and _NAME.fullmatch(name):
        yield name
