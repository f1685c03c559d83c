"""`tars sessions template`: how a session was set up, kept to begin others like it."""

from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from tars.cli.connection import say
from tars.cli.groups import CommandGroup, examples, not_empty
from tars.cli.library import looked_at, opened
from tars.cli.render import one_line
from tars.cli.sessions_managing import called, quoted
from tars.cli.sessions_view import UNKNOWN
from tars.cli.tables import Column, Format, FormatOption, flat, print_csv, print_json, print_table
from tars.errors import ConfigInvalid
from tars.home import find_home

if TYPE_CHECKING:
    from tars.config_agents import AgentConfig
    from tars.sessions.templates import Named, Template

app = typer.Typer(
    name="template",
    cls=CommandGroup,
    rich_markup_mode=None,
    help="Keep how a session was set up, and begin others like it.",
    epilog=examples(
        "tars sessions template save review --from last --with-prompt",
        'tars sessions template use review "src/auth.py"',
    ),
    no_args_is_help=True,
)

Name = Annotated[
    str,
    typer.Argument(metavar="NAME", callback=not_empty, help="Of the template.", show_default=False),
]


@app.command(
    epilog=examples(
        "tars sessions template save review --from fix-login",
        'tars sessions template save review --from last --with-prompt --name "review-{date}-{n}"',
    )
)
def save(
    name: Name,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            metavar="SESSION",
            callback=not_empty,
            help="The session to begin others like.",
        ),
    ],
    with_prompt: Annotated[
        bool,
        typer.Option(
            "--with-prompt",
            help="Also its first prompt; {} in it becomes the words that are given later.",
        ),
    ] = False,
    pattern: Annotated[
        str | None,
        typer.Option(
            "--name",
            metavar="PATTERN",
            callback=not_empty,
            help="What the new ones are called: {n} becomes a number, {date} the day. "
            "The session's name with a number unless told.",
        ),
    ] = None,
    replace: Annotated[
        bool, typer.Option("--replace", help="Write over the template of this name.")
    ] = False,
) -> None:
    """Keep how a session was set up as a template.

    Its agent, model, mode, tags, task, metadata and name.
    """
    from tars.sessions import templates
    from tars.sessions.references import resolve

    with opened() as library:
        session = resolve(library, source)
        agent = _configured(session.agent)
        template = templates.of_session(
            library,
            session,
            mode="" if agent is None else agent.mode,
            name_pattern=pattern,
            with_prompt=with_prompt,
        )
        kept = templates.save(library, name, template, datetime.now(UTC), replace=replace)
    whole = called(session)
    print(f"Saved template {quoted(kept)} of {whole[:1].lower()}{whole[1:]}.")


@app.command("list", epilog=examples("tars sessions template list"))
def list_templates(form: FormatOption = Format.TABLE) -> None:
    """List the templates."""
    from tars.control.managing_contract import TemplateInfo, TemplateList
    from tars.sessions import templates

    with looked_at() as library:
        found = [] if library is None else templates.saved(library)
    told = TemplateList(templates=[TemplateInfo.of(each) for each in found])
    match form:
        case Format.JSON:
            print_json(told)
        case Format.CSV:
            print_csv(CSV_HEAD, (flat(each) for each in told.templates))
        case Format.TABLE if library is not None and not found:
            print("No templates yet.")
        case Format.TABLE:
            print_table(COLUMNS, found)


@app.command(
    epilog=examples(
        "tars sessions template use review",
        'tars sessions template use review "src/auth.py"',
        "git diff | tars sessions template use review -",
    )
)
def use(
    name: Name,
    text: Annotated[
        str | None,
        typer.Argument(
            metavar="[TEXT|-]",
            help="Takes the place of {} in the template's prompt, or stands behind it; - reads it "
            "from stdin.",
            show_default=False,
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the finished turn as one line of JSON.")
    ] = False,
    no_wait: Annotated[
        bool, typer.Option("--no-wait", help="Print the turn's id once the prompt is saved.")
    ] = False,
) -> int:
    """Begin a session like that of the template.

    Its prompt is sent as `tars prompt --new` does.
    """
    from tars.cli.project import here
    from tars.cli.prompt import prompt_text, send
    from tars.control.contract import PromptRequest
    from tars.sessions import templates
    from tars.sessions.ranges import find_zone

    with opened() as library:
        template = templates.find(library, name)
        words = None if text is None else prompt_text(text)
        prompt = templates.prompt_of(template, words)
        called_now = templates.free_name(library, template, datetime.now(UTC), find_zone(None).info)
    _tell_differences(template)
    project, branch = here()
    request = PromptRequest(
        text=prompt,
        agent=template.agent,
        new=True,
        project=project,
        branch=branch,
        name=called_now,
        task=template.task,
        tags=list(template.tags),
        metadata=template.metadata,
    )
    return send(request, as_json=as_json, no_wait=no_wait)


@app.command(epilog=examples("tars sessions template delete review"))
def delete(name: Name) -> None:
    """Delete a template. The sessions that it began stay."""
    from tars.sessions import templates

    with opened() as library:
        templates.delete(library, name)
    print(f"Deleted template {quoted(name)}.")


CSV_HEAD = ("name", "savedAt", "agent", "model", "mode", "namePattern", "task", "tags", "prompt")

COLUMNS: "tuple[Column[Named], ...]" = (
    Column("TEMPLATE", lambda t: t.name),
    Column("AGENT", lambda t: t.template.agent),
    Column("MODEL", lambda t: t.template.model or UNKNOWN, leaves=2),
    Column("NAMES", lambda t: t.template.name_pattern or UNKNOWN, leaves=1),
    Column("TASK", lambda t: t.template.task or UNKNOWN, leaves=4),
    Column("TAGS", lambda t: " ".join(t.template.tags) or UNKNOWN, leaves=3),
    Column("PROMPT", lambda t: one_line(t.template.prompt or UNKNOWN), flexible=True),
)


def _configured(agent: str) -> "AgentConfig | None":
    """Give an agent's configuration; None where it has none, or the file has faults."""
    from tars.agents.registry import KINDS
    from tars.config import load

    with suppress(ConfigInvalid):
        return load(find_home(), KINDS).agents.get(agent)
    return None


def _tell_differences(template: "Template") -> None:
    """A prompt cannot choose its agent's model or mode: say where they are others now."""
    agent = _configured(template.agent)
    if agent is None:
        return
    for key, then, now in (
        ("model", template.model, agent.model),
        ("mode", template.mode, agent.mode),
    ):
        if then and now and then != now:
            say(
                one_line(
                    f"{template.agent} has the {key} {now}; the template's session had {then}. "
                    f"`{key}` in config.toml sets it."
                )
            )
