"""archive: hide items, recoverably. Their names become free, their bytes stay."""

from stackroom.operations.update import FIRST_NUMBER, ROLE, apply, changes, look, takes_name

__all__ = ["FIRST_NUMBER", "ROLE", "apply", "changes", "look", "takes_name"]
