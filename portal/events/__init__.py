"""What happened: the catalogue of facts, their order in each room, and the audit trail."""
