"""Curation: filters, labelers, criteria, allocation, and the procedure that they are slots of.

Nothing here imports a task, so no criterion can read the truth.
"""
