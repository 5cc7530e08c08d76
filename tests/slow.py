"""The tests that take longest: ``make test`` leaves them out, ``make test-all`` runs everything.

Parts of test names; each took ten seconds of a processor or more, compiling mostly. What they hold
is held in a smaller form by others, but for the calibration of certificates, the devices, and the
notebooks: so everything runs every night, and before anything is released.
"""

SLOW = (
    "test_agreement.py::test_steps_batch_under_vmap_like_one_by_one",
    "test_arguments.py::test_numbers_of_every_type_are_the_same_number[certify",
    "test_arguments.py::test_numbers_of_every_type_are_the_same_number[design",
    "test_arguments.py::test_numbers_of_every_type_are_the_same_number[gap_report",
    "test_arguments.py::test_numbers_of_every_type_are_the_same_number[simulate(prompts",
    "test_arguments.py::test_numbers_of_every_type_are_the_same_number[testing",
    "test_certification.py::test_false_alarms_are_as_rare_as_is_said",
    "test_checkpoints.py::test_files_that_lack_something_are_refused_though_their_digest_fits",
    "test_command.py::test_a_transformer_runs_by_flags",
    "test_command.py::test_the_gap_is_printed_for_people_and_for_programs",
    "test_criteria.py::test_the_oracle_with_a_transformer",
    "test_criteria.py::test_what_is_built_in_conforms[below",
    "test_criteria.py::test_what_is_built_in_conforms[difficulty",
    "test_criteria.py::test_what_is_built_in_conforms[disagreement",
    "test_criteria.py::test_what_is_built_in_conforms[hardest",
    "test_criteria.py::test_what_is_built_in_conforms[margin",
    "test_devices.py",
    "test_figures.py::test_committed_figures_are_true[label_price]",
    "test_figures.py::test_committed_figures_are_true[regimes]",
    "test_gap.py::test_T6_bounds_a_transformer_that_is_fitted_to_the_law",
    "test_gap.py::test_the_four_cells_start_together_and_a_good_learner_follows_the_law",
    "test_gym.py::test_boosting_learns",
    "test_gym.py::test_word_problems_run_end_to_end",
    "test_mode.py::test_all_switches_at_once_from_the_environment",
    "test_notebooks.py::test_a_notebook_runs_and_was_committed_run[02",
    "test_notebooks.py::test_a_notebook_runs_and_was_committed_run[03",
    "test_notebooks.py::test_a_notebook_runs_and_was_committed_run[04",
    "test_notebooks.py::test_a_notebook_runs_and_was_committed_run[05",
    "test_schedules.py::test_a_transformer_buys_by_the_schedule",
    "test_sharpening.py::test_every_world_runs_with_every_sharpening",
    "test_visits.py::test_margins_tie_where_the_counts_do",
)
