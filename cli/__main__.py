"""Where the command begins: `quire`, or `python -m cli`."""

import sys


def main() -> None:
    try:
        # Most of a short command is spent here, and Ctrl-C may come here too.
        from cli.main import app

        app(prog_name="quire")
    except KeyboardInterrupt:
        sys.exit(130)


if __name__ == "__main__":
    main()
