"""Runs the handler of an ``aws:executeScript`` step: a process of its own, started by the step.

Reads ``{"script", "handler", "payload", "context"}`` from the file that it is given and writes
``{"value"}`` or ``{"error"}`` beside it; what the script prints goes to its own output. It ends
with its process group when nobody holds the other end of the pipe that it is given.
"""

import json
import os
import signal
import sys
import threading
import traceback
from pathlib import Path


def main() -> None:
    """Runs the script of the file named on the command line."""
    given_file, lifeline = Path(sys.argv[1]), int(sys.argv[2])
    threading.Thread(target=_end_with, args=(lifeline,), daemon=True).start()
    given = json.loads(given_file.read_text("utf-8"))
    try:
        names: dict[str, object] = {"__name__": "script"}
        script = compile(given["script"], "Script", "exec")
        exec(script, names)  # noqa: S102
        handler = names[given["handler"]]
        result = {"value": handler(given["payload"], given["context"])}  # type: ignore[operator]
        text = json.dumps(result)
    except BaseException as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        where = f" (line {last.lineno} of the script)" if last.filename == "Script" else ""
        text = json.dumps({"error": f"{type(error).__name__} - {error}{where}"})
    given_file.with_suffix(".result").write_text(text, "utf-8")


def _end_with(lifeline: int) -> None:
    try:
        os.read(lifeline, 1)
    finally:
        os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    main()
