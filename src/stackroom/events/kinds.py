"""The names of what happens, to which webhooks can subscribe: a closed list, in which every name is recorded somewhere.

A name is never changed and never removed once it is here, because receivers compare it.
"""

OF_THE_LIBRARY = (
    "asset.created",
    "annotations.deleted",
    "annotations.saved",
    "class.deleted",
    "class.merged",
    "class.renamed",
    "comment.created",
    "comment.deleted",
    "comment.reaction_added",
    "comment.reaction_removed",
    "comment.reopened",
    "comment.resolved",
    "comment.updated",
    "dataset.archived",
    "dataset.created",
    "dataset.deleted",
    "dataset.restored",
    "dataset.updated",
    "operation.archive",
    "operation.cancelled",
    "operation.copy",
    "operation.move",
    "operation.purge",
    "operation.restore",
    "operation.undo",
    "operation.update",
)
OF_THE_PEOPLE = (
    "invite.created",
    "invite.revoked",
    "key.created",
    "key.deleted",
    "key.revoked",
    "key.updated",
    "member.joined",
    "member.removed",
    "member.updated",
    "organization.created",
    "organization.updated",
    "webhook.created",
    "webhook.deleted",
    "webhook.secret_rotated",
    "webhook.updated",
)
KINDS = tuple(sorted((*OF_THE_LIBRARY, *OF_THE_PEOPLE)))
