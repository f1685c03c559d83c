"""Lists that live: filled anew while a person moves in them."""

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import OptionList
from textual.widgets.option_list import Option


class MovingList(OptionList):
    """A list in which one moves as in every other of this screen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "cursor_down", "Down", show=False),
        Binding("k,up", "cursor_up", "Up", show=False),
        Binding("pagedown,space", "page_down", "Page down", show=False),
        Binding("pageup", "page_up", "Page up", show=False),
        Binding("g,home", "first", "First", show=False),
        Binding("G,end", "last", "Last", show=False),
    ]


def fill(options: OptionList, wanted: list[tuple[str, Text]]) -> None:
    """Put these lines, by their ids, into a list; what is chosen stays so, and nothing is drawn
    anew where it is there already."""
    there = [options.get_option_at_index(index) for index in range(options.option_count)]
    if [option.id for option in there] == [id for id, _ in wanted]:
        for option, (id, text) in zip(there, wanted, strict=True):
            if option.prompt != text:
                options.replace_option_prompt(id, text)
        return
    before = chosen(options)
    options.clear_options()
    options.add_options([Option(text, id=id) for id, text in wanted])
    ids = [id for id, _ in wanted]
    options.highlighted = ids.index(before) if before in ids else (0 if ids else None)


def chosen(options: OptionList) -> str | None:
    """Give the id of the line that is chosen."""
    if options.highlighted is None or options.highlighted >= options.option_count:
        return None
    return options.get_option_at_index(options.highlighted).id
