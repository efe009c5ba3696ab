"""Pixels: what a file really is, whether it is whole, and its small pictures.

`Studio` is the way in for the server: it runs the rest in processes of its own, because a decoder that meets
a hostile file may crash, hang or eat memory, and libvips hangs for ever after a fork.
"""
