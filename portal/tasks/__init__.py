"""The background doors: load by id, claim, work, and let a service finish. What starts them is the table of reactions."""
