"""What imports cannot hold: each test keeps one rule of docs/architecture.md and says how to mend a break."""
