"""Where media go that were uploaded to no dataset in particular: a dataset of the organization, called `media`."""

from sqlalchemy import Connection

from stackroom.access import Actor
from stackroom.errors import NotFound
from stackroom.library import datasets
from stackroom.library.datasets import Dataset

NAME = "media"


def home(conn: Connection, actor: Actor, now: int) -> Dataset:
    """The dataset, made where there is none yet; whoever is first to need it needs the role to make one.

    One that somebody has called so is it. Repeating it finds the same.
    """
    try:
        return datasets.find(conn, actor, NAME)
    except NotFound:
        return datasets.create(conn, actor, NAME, description="Media, by folder", now=now)
