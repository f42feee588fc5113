"""`python -m hansa` is `hansa`."""

from hansa.cli.entry import main

if __name__ == "__main__":
    main()
