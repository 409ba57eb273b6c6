"""Real servers for tests: each is a process of its own on free ground, and ends with the test run."""
