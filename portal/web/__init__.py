"""What the doors share: guards, sessions, grids, errors, headers, filters, navigation."""
