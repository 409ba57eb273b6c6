"""The portal: certificates published, watched live and verified. docs/architecture.md is the map of the rooms."""
