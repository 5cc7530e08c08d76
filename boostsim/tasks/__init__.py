"""Tasks: prompts, responses, the verifier and the first model."""
