"""A sweep of small language models, and of two smaller tasks, whose every detail is known.

Needs an environment of its own with `requirements.txt` (PyTorch); the package never does. See
`README.md` beside this file.
"""
