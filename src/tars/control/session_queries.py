"""What can be asked of the remembered sessions: the query parameters of their routes."""

#: How many messages are given unless told, and at most.
USUAL_MESSAGES, MOST_MESSAGES = 200, 1000
#: How much of each text is given unless told, and at most; and of all texts of an answer.
USUAL_CHARACTERS, MOST_CHARACTERS, ALL_CHARACTERS = 20_000, 10_000_000, 8_000_000
#: How many turns are given unless told, and at most.
USUAL_TURNS, MOST_TURNS = 100, 1000
MESSAGES = (
    ("after", "leave so many out: the `after` of the part before"),
    ("limit", f"how many messages and tool calls; {USUAL_MESSAGES} unless told"),
    ("characters", f"how many characters of each text; {USUAL_CHARACTERS:,} unless told"),
)
SUMMARY = (
    ("agent", "a session of this agent is meant"),
    ("after", "leave so many of the newest turns out: the `after` of the part before"),
    ("limit", f"how many turns; {USUAL_TURNS} unless told"),
)
SEARCH = (
    ("text", 'words, "some words" in quotation marks, the beginning of a word with a *'),
    ("tool", "a kind of tool, or a part of a tool call's title"),
    ("file", "a part of a file's path"),
    ("limit", "how many places; 100 unless told"),
)

#: What narrows sessions down, wherever sessions are asked for.
FILTERS = (
    ("agent", "only this agent's"),
    ("agentType", "only those of this kind of agent, or of several, with commas between"),
    ("project", "only those of this folder, and of folders in it"),
    ("model", "only those in which this model answered"),
    ("tag", "only those with this tag, or with all of several, with commas between"),
    ("task", "only those of this task"),
    ("status", "active, completed, failed, interrupted or archived; several with commas between"),
    ("machine", "only those of the machine of this name or id"),
    ("source", "only those that `tars` ran, an `import`, of a program (`api`), or outside (`log`)"),
    ("since", "in use then or later: a time in ISO 8601, or a word such as `7d`"),
    ("until", "begun before then"),
    ("minTokens", "only those with so many tokens or more"),
)
ORDER = (
    (
        "sort",
        "activity (unless told), started, duration, tokens, name, or cost: what `/v1/costs` says "
        "that they cost, of all time",
    ),
    ("reverse", "`1` turns the order round"),
    ("after", "leave so many out: a page begins behind those before it"),
    ("limit", "how many; 100 unless told"),
)
ONE = (
    ("agent", "a session of this agent is meant"),
    ("project", "with `last`: the newest of this folder"),
)
