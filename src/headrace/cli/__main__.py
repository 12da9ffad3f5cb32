"""`python -m headrace.cli`: the command line under this very interpreter."""

from headrace.cli.root import main

if __name__ == "__main__":
    main()
