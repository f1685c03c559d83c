"""What stands out on a terminal, and how: SGR sequences, and code with its parts told apart."""

import re

BOLD, DIM, ITALIC, UNDERLINE, STRIKE = "1", "2", "3", "4", "9"
RED, GREEN, YELLOW, BLUE, MAGENTA, CYAN = "31", "32", "33", "34", "35", "36"

#: Stands before what a person typed.
MARK = "\u203a"

#: One grammar for all languages: good enough to read by, and at no cost.
_CODE = re.compile(
    r"""(?P<comment>(?:(?<=\s)|^)\#(?!\[).*|//.*|(?:(?<=\s)|^)--\s.*|/\*.*?(?:\*/|$))
    |(?P<string>"(?:\\.|[^"\\])*"?|'(?:\\.|[^'\\])*'|`(?:\\.|[^`\\])*`)
    |(?P<number>\b\d[\w.]*)
    |(?P<word>\b[A-Za-z_]\w*\b)""",
    re.VERBOSE,
)
_STYLES = {"comment": DIM, "string": GREEN, "number": CYAN}
_KEYWORDS = frozenset(
    [
        "and",
        "as",
        "async",
        "await",
        "break",
        "case",
        "catch",
        "class",
        "const",
        "continue",
        "def",
        "default",
        "del",
        "do",
        "elif",
        "else",
        "enum",
        "except",
        "export",
        "extends",
        "extern",
        "false",
        "False",
        "final",
        "finally",
        "fn",
        "for",
        "from",
        "func",
        "function",
        "if",
        "impl",
        "implements",
        "import",
        "in",
        "interface",
        "is",
        "lambda",
        "let",
        "loop",
        "match",
        "mod",
        "module",
        "mut",
        "new",
        "nil",
        "None",
        "not",
        "null",
        "or",
        "package",
        "pass",
        "private",
        "protected",
        "pub",
        "public",
        "raise",
        "return",
        "self",
        "static",
        "struct",
        "super",
        "switch",
        "then",
        "this",
        "throw",
        "throws",
        "trait",
        "true",
        "True",
        "try",
        "type",
        "typedef",
        "union",
        "unless",
        "unsafe",
        "until",
        "use",
        "using",
        "var",
        "void",
        "where",
        "while",
        "with",
        "yield",
        "echo",
        "fi",
        "done",
        "esac",
        "select",
        "insert",
        "update",
        "delete",
        "create",
        "table",
        "SELECT",
        "INSERT",
        "UPDATE",
        "DELETE",
        "CREATE",
        "TABLE",
        "FROM",
        "WHERE",
        "AND",
        "OR",
        "NOT",
        "NULL",
        "INTO",
        "VALUES",
        "JOIN",
    ]
)
#: What is prose, or marked up too differently.
_NO_CODE = frozenset(("", "text", "txt", "plain", "plaintext", "console", "output", "markdown"))
#: A longer line is data.
_LONGEST_LINE = 2_000


def styled(text: str, *styles: str) -> str:
    """Show a text in these styles, and what follows without them."""
    codes = ";".join(style for style in styles if style)
    return f"\x1b[{codes}m{text}\x1b[0m" if codes and text else text


def code_spans(line: str, language: str) -> list[tuple[str, str]]:
    """Split a line of code into texts, each with its style."""
    name = language.lower()
    if name in ("diff", "patch"):
        return [(line, {"+": GREEN, "-": RED, "@": CYAN}.get(line[:1], ""))]
    if name in _NO_CODE or len(line) > _LONGEST_LINE:
        return [(line, "")]
    spans: list[tuple[str, str]] = []
    at = 0
    for found in _CODE.finditer(line):
        kind = found.lastgroup or ""
        style = _STYLES.get(kind, MAGENTA if found[0] in _KEYWORDS else "")
        if style:
            spans += [(line[at : found.start()], ""), (found[0], style)]
            at = found.end()
    return [(text, style) for text, style in (*spans, (line[at:], "")) if text]
