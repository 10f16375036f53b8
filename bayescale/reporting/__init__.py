"""A fit as one HTML file that answers reviewers: sections, checklist, methods, pictures."""
