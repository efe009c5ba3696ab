"""How fast Stackroom is, always against something: `make bench`, or `python -m bench --help`."""
