"""The words of `tars costs`: its reports and its options, as one table. The quick reader of plain
command lines and the command line proper are both made of it, so they know the same."""

from typing import NamedTuple


class Report(NamedTuple):
    """A report by its name. `by` are the dimensions of its rows, as `costs.facts` names them;
    none where the engine has a question of its own for it. `span` is what it is of unless
    somebody says: a word of `sessions.ranges`, or so many whole days or weeks up to now."""

    name: str
    about: str
    by: tuple[str, ...] = ()
    span: str = "30 days"


class Option(NamedTuple):
    """An option. `kind` says what it takes: any `text`, a `path`, a whole number (`count`, 1 or
    more; `digits`, 0 or more), a `number`, one of `choices`, or nothing (`flag`)."""

    name: str
    about: str
    metavar: str = ""
    kind: str = "text"
    choices: tuple[str, ...] = ()
    short: str = ""

    @property
    def key(self) -> str:
        """Its name as a word of Python."""
        return self.name[2:].replace("-", "_")


REPORTS = (
    Report(
        "today", "today, by agent and model; the last days; the month", ("agent", "model"), "today"
    ),
    Report("daily", "a line for each day", ("day",)),
    Report("weekly", "a line for each week, from Monday", ("week",), "12 weeks"),
    Report("monthly", "a line for each month", ("month",), "all"),
    Report("by-model", "a line for each model", ("model",)),
    Report("by-agent", "a line for each kind of agent", ("agent",)),
    Report("by-project", "a line for each folder that was worked in", ("project",)),
    Report("by-branch", "a line for each branch of each folder", ("project", "branch")),
    Report("by-session", "a line for each conversation", ("agent", "session")),
    Report("by-task", "a line for each task", ("task",)),
    Report("by-machine", "a line for each machine that shares the store", ("machine",)),
    Report("blocks", "windows of 5 hours, and how fast the last one fills", (), "7 days"),
    Report("limits", "how much of its account's limits each agent has used", (), "all"),
    Report("summary", "all of a month, and what it will come to", ("agent", "model"), "thismonth"),
    Report("reconcile", "what agents told tars beside what their logs have"),
)

FORMATS = ("table", "json", "csv", "markdown")
SORTS = ("name", "cost", "tokens", "input", "output", "requests")
RANGES = "today, yesterday, week (since Monday), month or thismonth, lastmonth, 7d, 30d or all."

OPTIONS = (
    Option("--range", RANGES, "RANGE"),
    Option("--since", "From this time on: 2026-11-20, 2026-11-20T14:30, 14:30, 7d.", "TIME"),
    Option("--until", "Until before this time. A date is its midnight.", "TIME"),
    Option("--tz", "The time zone of days and times; that of [costs], or this machine's.", "ZONE"),
    Option("--agent", "Only agents of this kind: claude, codex, gemini.", "KIND", short="-a"),
    Option("--model", "Only this model.", "NAME"),
    Option("--project", "Only this folder, and those in it.", "PATH", "path"),
    Option("--branch", "Only this branch.", "NAME"),
    Option("--session", "Only this conversation, by its id or the beginning of it.", "ID"),
    Option("--task", "Only this task.", "NAME"),
    Option("--machine", "Only this machine.", "NAME"),
    Option("--format", "How to print.", "", "choice", FORMATS),
    Option("--json", "The same as --format json.", "", "flag"),
    Option("--sort", "What comes first: the most, or names in their order.", "", "choice", SORTS),
    Option("--limit", "At most so many lines; the last days, weeks or months.", "N", "count",
           short="-n"),
    Option("--currency", "Show money in this currency: EUR. JSON and CSV are in dollars.", "CODE"),
    Option("--rate", "How many of the currency one US dollar is.", "NUMBER", "number"),
    Option("--precision", "How many digits after the point.", "DIGITS", "digits"),
    Option("--no-refresh", "Read no logs: show what is known already.", "", "flag"),
)  # fmt: skip

#: What somebody asked for, by the keys of the options, and `report`.
Given = dict[str, str | int | float | bool]


def find_report(name: str) -> Report:
    """Give a report by its name. Raises LookupError."""
    for report in REPORTS:
        if report.name == name:
            return report
    raise LookupError(name)


def read_plainly(words: list[str]) -> Given | None:
    """Read a command line that is plainly written; None leaves it to the command line proper, as
    everything that is not quite right: it knows what to say."""
    given: Given = {}
    waiting = iter(words)
    for word in waiting:
        if not word.startswith("-"):
            if "report" in given or not any(word == each.name for each in REPORTS):
                return None
            given["report"] = word
            continue
        name, equals, value = word.partition("=")
        option = next((o for o in OPTIONS if name in (o.name, o.short)), None)
        if option is None or (equals and (option.kind == "flag" or name == option.short)):
            return None
        if option.kind == "flag":
            given[option.key] = True
            continue
        read = _read(option, value if equals else next(waiting, "-"))
        if read is None:
            return None
        given[option.key] = read
    return given


def _read(option: Option, value: str) -> str | int | float | None:
    if not value.strip() or value.startswith("-"):
        return None
    match option.kind:
        case "choice":
            return value if value in option.choices else None
        case "count" | "digits":
            plain = value.isascii() and value.isdigit() and len(value) < 10
            return int(value) if plain and (int(value) or option.kind == "digits") else None
        case "number":
            plain = value.isascii() and value.replace(".", "", 1).isdigit()
            return float(value) if plain and float(value) > 0 else None
        case _:
            return value
