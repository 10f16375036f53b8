"""Public data sets that are fetched: a card (``.toml``) and a converter (``.py``) of one name each.

A converter has one function, ``convert(files)``: from the contents of the original files by name
(members of an archive by their path in it) to a table with the card's columns.
"""
