"""docs/states.md: every state, condition, outcome and status that tars tells of, from the core."""

from enum import StrEnum

from docs.generating.parts import table
from tars.accounting.usage import Source
from tars.core.agent import Outcome, State
from tars.core.condition import Word
from tars.core.diagram import diagram
from tars.core.permission import Answerer, Rule
from tars.core.restart import When
from tars.store.rows import SessionStatus

INTRODUCTION = """\
# States, conditions and outcomes

The words that `tars status`, `--json` and the [control channel](control-api.md) tell with, printed
from the code that decides them. They are a contract: a program may rely on each. What goes wrong
has words of its own: [errors and faults](errors.md).

"""
#: Each part of the page: its title, what it is, the words, and what each means.
PARTS: tuple[tuple[str, str, type[StrEnum], dict[StrEnum, str]], ...] = (
    (
        "The state of an agent",
        "What tars does with it: `state` of an agent.",
        State,
        {
            State.STOPPED: "no process; a prompt starts it, unless somebody stopped it",
            State.STARTING: "the process is there; its handshake is not answered yet",
            State.READY: "it can take a prompt",
            State.BUSY: "a turn is under way",
            State.LIMITED: "a turn waits for the end of a limit of the account, to be tried again",
            State.STOPPING: "its process was told to end",
            State.WAITING: "it fell, and is started again after a pause",
            State.FAILED: "it is not started again by itself: somebody has to mend something",
        },
    ),
    (
        "The condition of an agent",
        "How it fares: `condition.word` of an agent, with the evidence, since when it has been so, "
        "and until when it will be, where that is known.",
        Word,
        {
            Word.STOPPED: "it does not run",
            Word.STARTING: "its handshake is not answered yet",
            Word.IDLE: "it is ready, and nothing is asked",
            Word.WORKING: "it gets on with a turn",
            Word.PERMISSION: "it asks for leave to use a tool: `tars permit` answers",
            Word.LIMITED: "it waits for a limit of its account, or its provider",
            Word.WEDGED: "it shows no life, and is being ended",
            Word.STOPPING: "its process is told to end",
            Word.DEAD: "it fell, or cannot work; the evidence says why",
        },
    ),
    (
        "The outcome of a turn",
        "How it ended: `outcome` of a turn's result, and in the ledger.",
        Outcome,
        {
            Outcome.OK: "it was answered",
            Outcome.CANCELLED: "somebody gave it up, or a budget did",
            Outcome.ERROR: "it failed; its fault says why",
            Outcome.TIMEOUT: "it took longer than it may, or the agent hung",
            Outcome.INTERRUPTED: "the process, or the daemon, ended in the middle of it",
            Outcome.REFUSED: "the agent, or its provider, did not want to answer",
        },
    ),
    (
        "Where the figures of a turn are from",
        "`usage.source` of a turn.",
        Source,
        {
            Source.OFFICIAL: "the agent's own report",
            Source.LOG: "the agent's own log, where the report said less or nothing",
            Source.ESTIMATE: "neither could be read, or the report is rounded: at least so much",
        },
    ),
    (
        "The status of a session",
        "`status` of a conversation.",
        SessionStatus,
        {
            SessionStatus.ACTIVE: "its agent's next prompt goes to it",
            SessionStatus.COMPLETED: "it ended, and its last turn had ended well",
            SessionStatus.FAILED: "it ended, and its last turn had failed",
            SessionStatus.INTERRUPTED: "it ended in the middle of a turn",
            SessionStatus.ARCHIVED: "somebody put it away",
        },
    ),
    (
        "When an agent is started again",
        "`restart` in config.toml.",
        When,
        {
            When.ALWAYS: "after every exit that nobody asked for",
            When.ON_FAILURE: "unless it left with a proper goodbye",
            When.NEVER: "not at all",
        },
    ),
    (
        "What answers a request for permission",
        "`permissions` in config.toml.",
        Rule,
        {
            Rule.ASK: "a person is asked",
            Rule.ALLOW: "it may",
            Rule.DENY: "it may not",
        },
    ),
    (
        "Who answered a request for permission",
        "Told when a request is over.",
        Answerer,
        {
            Answerer.POLICY: "the rule of config.toml",
            Answerer.REMEMBERED: "what a person had chosen for good",
            Answerer.PERSON: "a person",
            Answerer.TIMEOUT: "nobody did within `permission_seconds`: it is refused",
            Answerer.NOBODY: "the turn was over, or being given up",
        },
    ),
)


def page() -> str:
    """Give the whole page as Markdown. Raises KeyError for a word without a meaning."""
    parts = [_part(*part) for part in PARTS]
    return INTRODUCTION + "\n".join(parts) + "\n" + TABLE + diagram()


TABLE = """\
## What happens in each state

The whole life of an agent: what follows each event in each state. A cell is the function that
decides, in `tars/core`; a dot is nothing. [The exit statuses](cli.md#exit-status) of commands are
with the command line.

"""


def _part(title: str, what: str, words: type[StrEnum], meanings: dict[StrEnum, str]) -> str:
    rows = [[f"`{word.value}`", meanings[word]] for word in words]
    return f"## {title}\n\n{what}\n\n{table(('word', 'what it means'), rows)}"
