"""The quick way into `tars costs`: plainly written commands, without the command line proper, whose
imports take longer than the report."""

from collections.abc import Sequence

from tars.control.costs.words import read_plainly


def main(words: Sequence[str]) -> int | None:
    """Run `tars costs` with these words behind it; None where they are not plainly written."""
    given = read_plainly([*words])
    if given is None:
        return None
    from tars.cli.costs.lean import put_off
    from tars.cli.streams import mend

    put_off()
    mend()
    import sys

    from tars.errors import TarsError

    try:
        from tars.cli.costs.ahead import looking

        with looking(given) as early:
            from tars.cli.costs.running import run

            status = run(given, early)
            sys.stdout.flush()
            return status
    except (TarsError, KeyboardInterrupt, OSError) as error:
        from tars.cli.failures import report

        return report(error)
