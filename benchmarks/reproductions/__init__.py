"""The figures of papers, and ours on the same question: one module a paper.

Run: uv run python -m benchmarks.reproductions [PAPER ...] DATA_FOLDER
"""
