"""Exports: a dataset written out in a format that others read, made in the background and fetched as one file.

request    what may be asked for
rows       exports as they are kept: created, found, listed, removed
claims     who makes one, for how long, and what came of it
reading    the images of a dataset, page by page
archive    a zip that is written in bounded memory; `places`: where in it things go
formats    what is written, a file for each
making     one export, from pages to an archive
exporter   the task that makes them while a server runs
"""
