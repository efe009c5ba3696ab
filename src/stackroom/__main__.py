"""`python -m stackroom` is the command line."""

from stackroom.cli import main

if __name__ == "__main__":
    main()
