"""Where the command `sealdrop` starts. Nothing is loaded before Ctrl-C is looked out for."""

import sys
from collections.abc import Sequence


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command line; the exit code."""
    try:
        from sealdrop.cli import run

        return run(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt:  # while modules were loaded, or an error was being told
        sys.stderr.write("sealdrop: interrupted\n")
        return 130


if __name__ == "__main__":
    sys.exit(main())
