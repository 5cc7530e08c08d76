"""Learners: what training does to a model.

A learner knows neither procedures nor tasks, and a procedure has a slot for one; so in the order of
imports learners stand above curation.
"""
