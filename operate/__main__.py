"""``python -m operate``: the operator CLI and the audit."""

import io
import os
import sys

from operate import completion
from operate.command_name import command
from operate.errors import Exit, OperateError
from operate.global_options import with_globals_last
from operate.parser import command_line, connection_of
from operate.runbooks import listing
from operate.screen import say


def main(arguments: list[str] | None = None) -> int:
    """Runs one command; its exit status, which ``--help`` lists."""
    if sys.stdout is None or sys.stderr is None:  # closed by the calling process
        return int(Exit.UNWRITTEN)
    sys.stdin = sys.stdin or io.StringIO()  # closed as well
    for stream in (sys.stdout, sys.stderr):  # whatever the terminal's characters are
        stream.reconfigure(errors="replace")  # type: ignore[union-attr]
    try:
        status = int(_run(sys.argv[1:] if arguments is None else arguments))
        sys.stdout.flush()
        return status
    except OperateError as error:
        say(f"error: {error}")
        return int(error.status)
    except KeyboardInterrupt:
        say("\nstopped by Ctrl-C")
        return int(Exit.INTERRUPTED)
    except OSError as error:  # a full disk, or a closed pipe
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            say(f"error: the output could not be written: {error.strerror or error}")
        return int(Exit.UNWRITTEN)
    except Exception as error:
        say(f"error: a mistake of this program, please report it: {type(error).__name__}: {error}")
        return int(Exit.INTERNAL)


def _run(arguments: list[str]) -> Exit:
    parser = command_line()
    completion.complete(parser)
    options, words = parser.parse_known_args(with_globals_last(arguments))
    options.words = words
    if words and not options.takes_words:
        parser.error(f"unrecognized arguments: {' '.join(words)}")
    if options.act:
        status: Exit = options.act(options)
        return status
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        parser.error(f"the following arguments are required: COMMAND; see {command('--help')}")
    return _run([*arguments, "run", listing.choose(connection_of(options))])


if __name__ == "__main__":
    sys.exit(main())
