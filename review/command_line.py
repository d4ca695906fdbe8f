"""How commands of reviews end: 2 says that something was found, so that wrong use is 1."""

import argparse
import sys
from typing import NoReturn

FOUND = 2


class Parser(argparse.ArgumentParser):
    """Ends with 1 on wrong use."""

    def error(self, message: str) -> NoReturn:
        """Says what is wrong, and how it is used."""
        self.print_usage(sys.stderr)
        self.exit(1, f"error: {message}\n")
