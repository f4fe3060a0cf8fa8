"""``python -m msidweb.cli``."""

import sys

from msidweb.cli import main

if __name__ == "__main__":
    sys.exit(main())
