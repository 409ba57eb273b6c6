"""The demo: its cast and story, its mail catcher, and the supervisor that runs it all on one machine."""
