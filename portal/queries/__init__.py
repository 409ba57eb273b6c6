"""Reading: getters within an actor's scope, figures, and the list of each noun. Nothing here changes a row."""
