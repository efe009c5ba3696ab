"""Where media go that were uploaded to no dataset in particular: a dataset of the organization, called `media`."""

from sqlalchemy import Connection

from stackroom import ids
from stackroom.access import Actor
from stackroom.errors import NotFound
from stackroom.library import datasets, folders
from stackroom.library.datasets import Dataset
from stackroom.library.folders import Folder
from stackroom.library.names import ROOT

NAME = "media"


def home(conn: Connection, actor: Actor, now: int) -> Dataset:
    """The dataset, made where there is none yet; whoever is first to need it needs the role to make one.

    One that somebody has called so is it. Repeating it finds the same.
    """
    found = known(conn, actor)
    return (
        datasets.create(conn, actor, NAME, description="Media, by folder", now=now)
        if found is None
        else found
    )


def known(conn: Connection, actor: Actor) -> Dataset | None:
    """The dataset, where there is one."""
    try:
        return datasets.find(conn, actor, NAME)
    except NotFound:
        return None


def folder(conn: Connection, actor: Actor, uuid: bytes) -> Folder | None:
    """The folder of this id that media may go to, of whichever dataset; no root, which nobody calls a folder."""
    found = folders.by_reference(conn, actor, ids.text(uuid))
    return None if found is None or found.path == ROOT else found
