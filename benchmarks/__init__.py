"""How fast tars is, beside other supervisors, on this machine, in one run: `make bench`.

Nothing here is asserted: a time on a busy machine proves nothing by itself. What is
compared is measured in turns, so that both have the same weather, and is told as a ratio
of medians, with the absolute figures and the smallest of them beside it.
"""
