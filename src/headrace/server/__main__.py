"""`python -m headrace.server`: run a server until it is told to stop."""

import sys

from headrace.server.main import main

if __name__ == "__main__":
    sys.exit(main())
