"""The background doors: load by id, claim, work, and let a service finish. Reactions start them."""
