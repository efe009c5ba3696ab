"""restore: bring archived items back. Where the name has been taken meanwhile, the collision policy decides."""

from stackroom.operations.update import FIRST_NUMBER, ROLE, apply, changes, look, takes_name

__all__ = ["FIRST_NUMBER", "ROLE", "apply", "changes", "look", "takes_name"]
